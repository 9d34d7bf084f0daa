/*
 * winograd.c -- convolutions by Winograd's minimal filtering, in pieces.
 *
 * The one idea: F(4x4, 3x3) has 36 products a tile of 16 outputs, F(2x2, 3x3) 16 a tile of 4, whole
 * tiles at the edges too. Forward and dx go by rows of tiles, dw by panels and blocks of inputs.
 */

#include "passes/passes.h"

/* A convolution as its tiles see it: outputs of `size`, from `from` channels to `to`. */
typedef struct Problem {
    int size[2];  /* height and width of what is tiled: y, dx; of a dw, dy */
    int from, to; /* channels */
} Problem;

static Problem find_problem(const Node *node)
{
    const bool dw = node->op == OP_CONV2D_DW, dx = node->op == OP_CONV2D_DX;
    const Shape w = weight_of(node)->shape;
    const Layout *x = (dx ? node->outputs[0] : node->inputs[0])->layout;
    const Layout *y = (dx ? node->inputs[0] : dw ? node->inputs[1] : node->outputs[0])->layout;
    const Layout *tiled = dx ? x : y;

    return (Problem){.size = {tiled->height, tiled->width},
                     .from = w.size[dx ? 0 : 1],
                     .to = w.size[dx ? 1 : 0]};
}

int winograd_tile(const Node *node)
{
    const Selection *s = node->selection;

    return !s                                     ? 0
           : s->algorithm == ALGORITHM_WINOGRAD_4 ? 4
           : s->algorithm == ALGORITHM_WINOGRAD_2 ? 2
                                                  : 0;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* Measured at 64 to 512 channels: what is re-read should fit into 1 MB of L2. */
enum {
    ONE_IMAGE = 32, /* tiles of one image that do */
    GROUP = 2,      /* tiles of 16 images that share what is read of the weights; of 8, twice */
    WHOLE = 4,      /* so many are one group of a dw */
    PANELS = 2,     /* of a dw: panels of outputs an item, */
    BLOCKS = 4,
    WHOLE_BLOCKS = 16, /* and blocks of inputs */
    MIN_ITEMS = 2,     /* for threads to share */
    DW_ITEMS = 8,      /* the same of a dw, which can be split */
    PARTIAL = 8 << 20, /* bytes of all partial sums, at most */
};

/* Floats of all products, for so many blocks of images by sixteen channels each. */
static long scratch_of(const Winograd *g, int blocks, int images)
{
    return (g->tile + 2) * (g->tile + 2) * net_winograd_step(blocks, images);
}

/* Rows of tiles of some batch blocks are an item: V of a few tiles, then M of one panel at a
   time. */
static void cut_forward(Winograd *g, const Node *node, int widest)
{
    const Layout *x = node->inputs[0]->layout;
    const int tiles = g->down * g->across, most = GROUP * 16 / x->images;

    g->group = g->across < most ? g->across : most;
    g->batch_blocks = 1;
    if (x->images > 1 && g->rows > x->images)
        g->rows = x->images;
    if (x->images == 1) {
        g->group = divide_up(tiles, divide_up(tiles, ONE_IMAGE));
        g->rows = divide_up(g->group, divide_up(g->group, g->rows));
        g->v_row = 16 * x->blocks;
    }
    while (x->images > 1 && 2 * g->batch_blocks * g->group <= GROUP &&
           2 * g->batch_blocks <= x->batch_blocks &&
           x->batch_blocks / (2 * g->batch_blocks) * g->down >= MIN_ITEMS)
        g->batch_blocks *= 2;
    g->v = scratch_of(g, g->group * g->batch_blocks * x->blocks, x->images);
    g->m = scratch_of(g, g->group * g->batch_blocks * widest, x->images);
}

/* Of a panel and block of inputs: floats of dU. */
static long winograd_unit(int tile, int vectors)
{
    return (tile + 2) * (tile + 2) * net_winograd_step(vectors, 16);
}

long winograd_partial(const Layout *dw, int tile)
{
    const int blocks = blocks_of(dw->segments[0].channels);
    long floats = 0;

    for (int i = 0; i < 3; i++)
        floats += blocks * dw->panels[i] * winograd_unit(tile, 3 - i);
    return floats;
}

/* About how many items a dw has of each split: the same on every target, and so are the sums. */
static int count_items(const Winograd *g, const Layout *x, const Layout *dw)
{
    return divide_up(dw->outputs, g->panels * 48) * divide_up(x->blocks, g->blocks);
}

/* Few weights are few items: then groups of tiles are split. */
static void split_groups(Winograd *g, const Layout *x, const Layout *dw)
{
    const int groups = divide_up(x->batch_blocks, g->batch_blocks) *
                       divide_up(g->down * g->across, g->group);
    const long most = PARTIAL / (winograd_partial(dw, g->tile) * (long)sizeof(float));

    g->splits = divide_up(DW_ITEMS, count_items(g, x, dw));
    g->splits = g->splits < groups ? g->splits : groups;
    g->splits = g->splits < most ? g->splits : most > 1 ? (int)most : 1;
}

/* Some panels of outputs by some blocks of inputs are an item: dM of the panels, V of one block at
   a time. Where one group is all there is, so is dU, and blocks share nothing but dM. */
static void cut_weight(Winograd *g, const Node *node, int widest)
{
    const Layout *x = node->inputs[0]->layout, *dw = node->outputs[0]->layout;
    const int tiles = g->across * g->down;

    g->whole = tiles * x->batch_blocks <= WHOLE;
    g->group = g->whole || tiles < GROUP ? tiles : GROUP;
    g->batch_blocks = g->whole ? x->batch_blocks : GROUP / g->group;
    g->batch_blocks = g->batch_blocks > x->batch_blocks ? x->batch_blocks : g->batch_blocks;
    g->panels = PANELS;
    g->blocks = g->whole ? WHOLE_BLOCKS : BLOCKS;
    split_groups(g, x, dw);
    while (g->splits == 1 && g->blocks > 1 && count_items(g, x, dw) < MIN_ITEMS)
        g->blocks /= 2;
    g->v = scratch_of(g, g->group * g->batch_blocks, x->images);
    g->m = g->panels * scratch_of(g, g->group * g->batch_blocks * widest, x->images);
    if (g->splits == 1)
        g->u = g->panels * (g->whole ? 1 : g->blocks) * winograd_unit(g->tile, widest);
}

static int widest_panel(const int panels[3])
{
    return panels[0] ? 3 : panels[1] ? 2 : 1;
}

Winograd plan_winograd(const Node *node, const Target *target)
{
    Winograd plan = {.tile = winograd_tile(node), .rows = target->rows, .v_row = 16};
    Problem p;
    int panels[3];

    if (!plan.tile)
        return plan;
    p = find_problem(node);
    plan.down = divide_up(p.size[0], plan.tile);
    plan.across = divide_up(p.size[1], plan.tile);
    cut_panels(blocks_of(p.to), target->vectors, panels);
    if (node->op == OP_CONV2D_DW)
        cut_weight(&plan, node, widest_panel(panels));
    else
        cut_forward(&plan, node, widest_panel(panels));
    return plan;
}

double winograd_flops(const Node *node, Winograd g)
{
    const Problem p = find_problem(node);

    return 2.0 * (g.tile + 2) * (g.tile + 2) * g.down * g.across * p.from * p.to;
}

/* Floats of the transformed weights. */
size_t winograd_weights(const Node *node, int tile)
{
    const Problem p = find_problem(node);

    return (size_t)((tile + 2) * (tile + 2)) * (size_t)p.from * (size_t)blocks_of(p.to) * 16;
}
