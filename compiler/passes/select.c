/*
 * select.c -- the algorithm of each contraction.
 *
 * The one idea: count all in one unit, multiply-adds of vectors of sixteen for one image, and take
 * the least. Forward, dx and dw are counted each on its own; where an algorithm has a layout of the
 * weight for itself, all that use the weight are counted together. The costs are written on the
 * node, those that lost too (--dump=fused prints them).
 *
 * Needs: simplified graphs. Gives: `selection` of every contraction, layouts of inputs. Values are
 * given the layouts that layout.c will come to, for counting, and lose them again.
 */

#include "passes/select.h"
#include "passes/layout.h"

#include <math.h>

/* What was measured, in multiply-adds of vectors. */
#define TRANSPOSE 64.0          /* a pixel's block of 16 channels in 16 images, to or from lanes, */
#define TRANSPOSE_PACKED 16.0   /* and a packed pixel */
#define BATCH_LANES_PRODUCT 1.2 /* of a weight gradient: 3 to 64 inputs, 8 to 16 outputs */
#define WINOGRAD_TRANSFORM 5.0  /* a vector in or out */
#define SCATTER 6.0             /* a product at an index, against one in a register tile */
#define WEIGHT_READ 12.0        /* a vector of weights from memory, for one image alone */

enum {
    IMAGES = 16,         /* in a batch block */
    MIN_WINOGRAD = 16,   /* channels on both sides */
    MIN_PAIRED = 16,     /* the same of bfloat16 */
    MIN_ARGMAX = 9,      /* inputs: with fewer most lanes of vectors are empty */
    GRADIENT_INPUTS = 8, /* of a weight gradient's register tile */
};

/* ---- A contraction, as it is counted --------------------------------------------------------- */

typedef struct Contraction {
    const Graph *g;
    const Node *node;
    const Target *target;
    const Layout *x, *y; /* forward's: what a dx writes and reads, what a dw reads both of */
    const Value *weight; /* w or dw */
    int inputs, outputs; /* channels */
    bool dx, dw, image;  /* image: conv2d, not dense */
    bool volume;         /* conv3d: directly or not at all */
    bool among_sparse;   /* a row of the weight is read for each element of a sparse input */
} Contraction;

/* The size of a value along an axis of Attributes. */
static int size_along(Shape shape, int axis)
{
    return axis == 2 ? shape.size[1] : shape.size[shape.rank - 2 + axis];
}

/* Of a volume's convolution: taps of windows on one axis that fall on x. */
static double count_volume_taps(const Contraction *c, int axis)
{
    const Node *node = c->node;
    const Attributes *at = &node->at;
    const Shape from = (c->dx ? node->outputs[0] : node->inputs[0])->shape;
    const Shape to = (c->dx ? node->inputs[0] : c->dw ? node->inputs[1] : node->outputs[0])->shape;
    int inside = 0;

    for (int i = 0; i < size_along(to, axis); i++)
        for (int k = 0; k < at->kernel[axis]; k++) {
            const int place = i * at->stride[axis] + k * dilation_of(at, axis) - at->padding[axis];

            inside += place >= 0 && place < size_along(from, axis);
        }
    return inside;
}

/* Taps of windows on one axis that fall on x; all of them where x has a border of zeros, or gets
   one. */
static double count_taps(const Contraction *c, int axis)
{
    const Attributes *at = &c->node->at;
    const int size = axis ? c->x->width : c->x->height, windows = axis ? c->y->width : c->y->height;
    const int taps = c->weight->shape.size[2 + axis];
    int inside = 0;

    if (c->x->lanes < 16 || c->x->images == 1)
        return (double)windows * taps;
    for (int i = 0; i < windows; i++)
        for (int k = 0; k < taps; k++) {
            const int place = i * at->stride[axis] + k * dilation_of(at, axis) - at->padding[axis];

            inside += place >= 0 && place < size;
        }
    return inside;
}

static double count_all_taps(const Contraction *c)
{
    const int *w = c->weight->shape.size;

    return (double)c->y->height * c->y->width * w[2] * w[3];
}

/* Of a weight gradient: rows of register tiles, of each segment of x on its own. */
static int count_padded_inputs(const Contraction *c)
{
    int rows = 0;

    for (int i = 0; i < c->x->segment_count; i++)
        rows += c->x->lanes < 16
                    ? c->x->segments[i].channels
                    : divide_up(c->x->segments[i].channels, GRADIENT_INPUTS) * GRADIENT_INPUTS;
    return rows;
}

/* What reading the weights of a tap adds, in products with them. */
static double read_once(const Contraction *c)
{
    return c->g->images > 1 ? 0
                            : WEIGHT_READ * shape_size(c->weight->shape) / c->inputs / c->outputs;
}

/* ---- The costs ------------------------------------------------------------------------------- */

/* Products with whole blocks of what is written. Of groups, a block of outputs reads all the inputs
   that any of its outputs has. */
static double cost_direct(const Contraction *c)
{
    const int groups = groups_of(&c->node->at);
    const double taps = c->volume ? count_volume_taps(c, 0) * count_volume_taps(c, 1) *
                                        count_volume_taps(c, 2)
                        : c->image ? count_taps(c, 0) * count_taps(c, 1)
                                   : 1;
    double inputs = c->inputs, outputs = c->outputs;

    if (groups > 1) {
        inputs = fmax(inputs / groups, fmin(inputs, 16 * inputs / outputs));
        outputs = fmax(outputs / groups, fmin(outputs, 16 * outputs / c->inputs));
    }
    if (c->dx)
        return taps * outputs * blocks_of(c->inputs);
    if (c->dw && c->image && groups == 1)
        inputs = count_padded_inputs(c);
    return (taps + read_once(c)) * inputs * blocks_of(c->outputs);
}

/* Products along the inputs, a sum over lanes at the end of each row. */
static double cost_few_outputs(const Contraction *c)
{
    if (c->image || c->among_sparse || c->outputs > NET_MAX_FEW_OUTPUTS ||
        c->x->segment_count * c->outputs > NET_MAX_SEGMENTS)
        return INFINITY;
    return (double)c->outputs * blocks_of(c->inputs);
}

/* Two products at a time, from and to a whole vector of channels at least. */
static double cost_bfloat16(const Contraction *c)
{
    const bool rounds = c->g->precision == BFLOAT16 && !c->volume && groups_of(&c->node->at) == 1;

    return rounds && c->inputs >= MIN_PAIRED && c->outputs >= MIN_PAIRED ? cost_direct(c) / 2
                                                                         : INFINITY;
}

/* Each channel with its filter; the weight comes through group_expand, which goes. */
static double cost_depthwise(const Contraction *c)
{
    if (!is_depthwise(c->g, c->node))
        return INFINITY;
    return count_taps(c, 0) * count_taps(c, 1) * blocks_of(c->outputs);
}

/* One window an output: dy is 0 but at one pixel a channel. */
static double cost_argmax(const Contraction *c)
{
    const int *w = c->weight->shape.size;

    if (!c->image || !find_argmax(c->node) || c->inputs < MIN_ARGMAX || groups_of(&c->node->at) > 1)
        return INFINITY;
    return SCATTER * c->outputs * w[2] * w[3] * blocks_of(c->inputs);
}

/* Of 16 images: products with the outputs there are, the rows under a band of y transposed again
   for the next one, and y transposed back. */
static double cost_batch_lanes_forward(const Contraction *c)
{
    const Layout *from = c->dx ? c->y : c->x, *to = c->dx ? c->x : c->y;
    const BatchLanes plan = plan_batch_lanes(c->node, from, to, c->target);
    const double products = count_all_taps(c) * c->inputs * c->outputs;
    const int step = plan.rows * c->node->at.stride[0];
    double again = 1;

    if (!plan.pixels)
        return INFINITY;
    if (plan.rows < to->height)
        again = (double)(step + c->weight->shape.size[2] - 1) / step;
    return (products + TRANSPOSE * (again * from->full_height * plan.transposed * from->blocks +
                                    to->height * to->width)) /
           IMAGES;
}

/* Of 16 images: products of pairs of channels, x and dy transposed before. */
static double cost_batch_lanes_dw(const Contraction *c)
{
    const double products = count_all_taps(c) * c->inputs * c->outputs;
    double x = TRANSPOSE_PACKED;

    if (!plan_batch_lanes_dw(c->node, c->x, c->y, c->target).splits)
        return INFINITY;
    if (c->x->lanes == 16) {
        x = 0;
        for (int i = 0; i < c->x->segment_count; i++)
            x += TRANSPOSE * blocks_of(c->x->segments[i].channels);
    }
    return (BATCH_LANES_PRODUCT * products + TRANSPOSE * c->y->height * c->y->width +
            x * c->x->height * c->x->width) /
           IMAGES;
}

static double cost_batch_lanes(const Contraction *c)
{
    return c->dw ? cost_batch_lanes_dw(c) : cost_batch_lanes_forward(c);
}

/* 3x3 with stride 1, channels enough on both sides, in one segment each. */
static bool winograd_applies(const Contraction *c)
{
    const Attributes *at = &c->node->at;
    const int *w = c->weight->shape.size;

    return c->image && groups_of(at) == 1 && w[2] == 3 && w[3] == 3 && at->stride[0] == 1 &&
           at->stride[1] == 1 && dilation_of(at, 0) == 1 && dilation_of(at, 1) == 1 &&
           c->inputs >= MIN_WINOGRAD && c->outputs >= MIN_WINOGRAD && is_plain(c->x) &&
           is_plain(c->y);
}

/* Whole tiles, at the edges too, and transforms of what is read and written; that of the weights is
   shared by all of a batch, and of a library done before. */
static double cost_winograd(const Contraction *c, int tile)
{
    const Layout *tiled = c->dx ? c->x : c->y;
    const double products = (tile + 2) * (tile + 2);
    const double from = c->dx ? c->outputs : c->inputs,
                 to = blocks_of(c->dx ? c->inputs : c->outputs);
    const double tiles = divide_up(tiled->height, tile) * divide_up(tiled->width, tile);

    if (!winograd_applies(c))
        return INFINITY;
    return products *
           (tiles * (from * to + WINOGRAD_TRANSFORM * (blocks_of((int)from) + to)) +
            (c->g->images == 1 ? WEIGHT_READ : WINOGRAD_TRANSFORM / c->g->max_batch) * from * to);
}

static double cost_winograd_2(const Contraction *c)
{
    return cost_winograd(c, 2);
}

static double cost_winograd_4(const Contraction *c)
{
    return cost_winograd(c, 4);
}

const AlgorithmInfo algorithm_info[] = {
#define ALGORITHM(name, text, cost, layout) [ALGORITHM_##name] = {text, layout},
#include "passes/algorithms.def"
#undef ALGORITHM
};

static double (*const costs[])(const Contraction *) = {
#define ALGORITHM(name, text, cost, layout) [ALGORITHM_##name] = cost,
#include "passes/algorithms.def"
#undef ALGORITHM
};

/* ---- Choosing -------------------------------------------------------------------------------- */

static void take_least(Selection *s)
{
    for (int i = 0; i < ALGORITHM_COUNT; i++)
        if (s->cost[i] < s->cost[s->algorithm])
            s->algorithm = (Algorithm)i;
}

/* The parameter behind a weight or its gradient. */
static const Value *parameter_of(const Node *node)
{
    const Value *w = is_weight_gradient(node->op) ? weight_of(node)->gradient_of : weight_of(node);

    return w->storage ? w->storage : w; /* what an update has left of it */
}

static bool is_contraction(const Node *node)
{
    return node->op == OP_DENSE || node->op == OP_DENSE_DX || node->op == OP_DENSE_DW ||
           node->op == OP_CONV2D || node->op == OP_CONV2D_DX || node->op == OP_CONV2D_DW ||
           node->op == OP_CONV3D || node->op == OP_CONV3D_DX || node->op == OP_CONV3D_DW;
}

/* What `conv` does not allow costs infinitely much; where Winograd does not apply, direct stays. */
static void apply_conv(Selection *s, ConvChoice conv)
{
    if (conv == CONV_DIRECT)
        s->cost[ALGORITHM_WINOGRAD_2] = s->cost[ALGORITHM_WINOGRAD_4] = INFINITY;
    if (conv == CONV_WINOGRAD && isfinite(s->cost[ALGORITHM_WINOGRAD_4]))
        s->cost[ALGORITHM_DIRECT] = s->cost[ALGORITHM_BFLOAT16] = INFINITY;
}

/* In place of sums that are as long in float32. Winograd's and those of one window an output are
   shorter than halves: where they cost less, operands stay as they are. */
static void apply_precision(Selection *s)
{
    if (isfinite(s->cost[ALGORITHM_BFLOAT16]))
        s->cost[ALGORITHM_DIRECT] = s->cost[ALGORITHM_BATCH_LANES] = INFINITY;
}

/* Is the weight a parameter that this node alone reads? */
static bool has_own_weight(const Graph *g, const Node *node)
{
    const Value *w = weight_of(node);
    int readers = 0;

    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            readers += g->nodes[i]->inputs[j] == w;
    return !w->node && readers == 1;
}

/* Algorithms that compute all images of a batch block, of which a library for few rows has few. Of
   one image there are no lanes of images, and Winograd's weights lie transformed. */
static void count_idle_images(Selection *s, const Graph *g, const Node *node, const Target *target)
{
    static const Algorithm all[] = {ALGORITHM_BATCH_LANES, ALGORITHM_WINOGRAD_2,
                                    ALGORITHM_WINOGRAD_4};
    const double idle = target->images < target->rows ? (double)IMAGES / target->images : 1;

    for (int i = 0; i < COUNT(all); i++)
        s->cost[all[i]] *= g->images > 1                     ? idle
                           : all[i] == ALGORITHM_BATCH_LANES ? INFINITY
                           : has_own_weight(g, node)         ? 1
                                                             : INFINITY;
}

/* Layout makes dy plain for both gradients. */
static void choose(const Graph *g, Node *node, const Target *target, bool among_sparse)
{
    const bool dx = is_input_gradient(node->op), dw = is_weight_gradient(node->op);
    const Value *w = weight_of(node);
    Selection *s = allocate(sizeof *s);
    const Contraction c = {.g = g,
                           .node = node,
                           .target = target,
                           .x = &s->x,
                           .y = &s->y,
                           .weight = w,
                           .inputs = w->shape.size[1],
                           .outputs = w->shape.size[0],
                           .dx = dx,
                           .dw = dw,
                           .image = w->shape.rank == 4,
                           .volume = window_axes(&node->at) == 3,
                           .among_sparse = among_sparse};

    s->x = *(dx ? node->outputs[0] : node->inputs[0])->layout;
    s->y = new_value(g, (dx ? node->inputs[0] : dw ? node->inputs[1] : node->outputs[0])->shape);
    for (int i = 0; i < ALGORITHM_COUNT; i++)
        s->cost[i] = c.volume && i != ALGORITHM_DIRECT ? INFINITY : costs[i](&c);
    count_idle_images(s, g, node, target);
    apply_conv(s, g->conv);
    apply_precision(s);
    take_least(s);
    node->selection = s;
}

/* By value id: is the parameter of that name read by a dense layer of a sparse input in `other`? */
static void mark_among_sparse(bool *among, const Graph *g, const Graph *other)
{
    for (int i = 0; i < other->node_count; i++)
        for (int j = 0; j < g->value_count && other->nodes[i]->op == OP_SPARSE_DENSE; j++)
            if (!g->values[j]->node && same(g->values[j]->name, other->nodes[i]->inputs[2]->name))
                among[j] = true;
}

/* The algorithm of a node of `g` that uses the parameter of this name; or `otherwise`. */
static Algorithm algorithm_of(const Graph *g, const Value *w, Algorithm otherwise)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->selection && same(parameter_of(g->nodes[i])->name, w->name))
            return g->nodes[i]->selection->algorithm;
    return otherwise;
}

/* A weight of few outputs lies along its inputs for all that use it, when the sums of their costs
   say so; in an evaluate graph, when it does in training, whatever its own values lie like. */
static void agree_on_weights(const Graph *g, const Graph *train)
{
    Selection **total = allocate((size_t)(g->value_count + 1) * sizeof(Selection *));

    for (int i = 0; i < g->node_count; i++) {
        const Selection *s = g->nodes[i]->selection;
        Selection **sum = s ? &total[parameter_of(g->nodes[i])->id] : NULL;

        if (!s || isinf(s->cost[ALGORITHM_FEW_OUTPUTS]))
            continue;
        if (!*sum)
            *sum = allocate(sizeof **sum);
        for (int j = 0; j < ALGORITHM_COUNT; j++)
            (*sum)->cost[j] += s->cost[j];
        take_least(*sum);
    }
    for (int i = 0; i < g->node_count; i++) {
        Selection *s = g->nodes[i]->selection;
        const Value *w = s ? parameter_of(g->nodes[i]) : NULL;

        if (w && train && w->shape.rank == 2)
            s->algorithm = algorithm_of(train, w, s->algorithm);
        else if (w && total[w->id])
            s->algorithm = total[w->id]->algorithm;
    }
}

/* ---- Both graphs ----------------------------------------------------------------------------- */

static void preview(Value *value, Layout layout)
{
    value->layout = allocate(sizeof *value->layout);
    *value->layout = layout;
}

/* Has no layout yet: neither an input, which has a place, nor a result. */
static bool has_none(const Value *value)
{
    return value->batched && !value->node && !(value->layout && value->layout->buffer);
}

/* What layout will come to, without a place. */
static void preview_layouts(const Graph *g)
{
    for (int i = 0; i < g->value_count; i++)
        if (has_none(g->values[i]))
            preview(g->values[i], new_value(g, g->values[i]->shape));
    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->output_count; j++)
            if (g->nodes[i]->outputs[j]->batched)
                preview(g->nodes[i]->outputs[j], result_layout(g, g->nodes[i]));
}

static void forget_layouts(const Graph *g)
{
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->node || has_none(g->values[i]))
            g->values[i]->layout = NULL;
}

static void select_graph(Graph *g, const Graph *other, const Graph *train, const Target *target)
{
    bool *among_sparse = allocate((size_t)(g->value_count + 1) * sizeof *among_sparse);

    mark_among_sparse(among_sparse, g, g);
    mark_among_sparse(among_sparse, g, other);
    preview_layouts(g);
    for (int i = 0; i < g->node_count; i++)
        if (is_contraction(g->nodes[i]))
            choose(g, g->nodes[i], target, among_sparse[parameter_of(g->nodes[i])->id]);
    agree_on_weights(g, train);
    for (int i = 0; i < g->node_count; i++)
        g->nodes[i]->bfloat16 = g->nodes[i]->selection &&
                                g->nodes[i]->selection->algorithm == ALGORITHM_BFLOAT16;
    forget_layouts(g);
    use_algorithms(g);
}

void select_algorithms(Graph *train, Graph *evaluate, const Target *target)
{
    lay_out_inputs(train, evaluate);
    select_graph(train, evaluate, NULL, target);
    select_graph(evaluate, train, train, target);
}
