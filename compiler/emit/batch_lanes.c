/*
 * batch_lanes.c -- conv2d and its dx of few outputs: images in the lanes.
 *
 * The one idea: a thread turns the rows of x under a band of its rows of y into its scratch,
 * [row][column][channel][16 images] with a border of zeros; then an output is a register, and a
 * weight a scalar. Activations are applied before the outputs are turned back, while there is no
 * padding; what reads other values comes after it.
 */

#include "emit/emit.h"

#include <string.h>

/* Everything the loops of one driver need. */
typedef struct Loops {
    Emitter *e;
    Driver *d;
    const Kernel *k;
    const BatchLanes *g;
    Body body;
    bool heavy;            /* exponentials before outputs are turned back */
    const Physical *x, *y; /* of a dx: dy and dx */
    const char *in, *out;  /* formals: of x; of y as it is turned back, or NULL */
    const char *bias;      /* formal, or NULL */
    int channels, outputs; /* summed over, and of y */
    int kernel[2];
    bool dx;
} Loops;

/* Floats of a turned pixel and row. */
static long pixel_floats(const Loops *l)
{
    return 16L * l->channels;
}

static long row_floats(const Loops *l)
{
    return l->g->columns * pixel_floats(l);
}

/* ---- A row of x ------------------------------------------------------------------------------ */

/* Of a dx in mirror image: its taps count the columns down. */
static const char *write_turn(const Loops *l)
{
    const Physical *x = l->x;
    const long pixel = pixel_floats(l), before = l->g->left * pixel,
               turned = l->g->transposed * pixel;
    const long after = row_floats(l) - before - turned;
    const long first = l->dx ? after : before, last = l->dx ? before : after;
    const bool packed = x->lanes < 16;
    Text text = {0};

    line(&text, 0, "{");
    if (first > 0)
        line(&text, 1, "memset(to, 0, %ld * sizeof *to);", first);
    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];
        const long at = (l->dx ? first + turned - pixel : first) + 16 * (s->start / s->pixels);

        line(&text, 1, "%s(to%s, %ld, x%s, %d, %d, %d, 16);",
             packed ? "net_turn_packed" : "net_turn_pixels", at ? format(" + %ld", at) : "",
             l->dx ? -pixel : pixel, s->block ? format(" + %d", 256 * s->block) : "",
             packed ? x->lanes : 256 * x->blocks, l->g->transposed, s->channels);
    }
    if (last > 0)
        line(&text, 1, "memset(to + %ld, 0, %ld * sizeof *to);", first + turned, last);
    line(&text, 0, "}");
    return add_function(
        l->e, &l->e->tiles,
        format("turn_row_%dx%d%s", l->channels, l->g->transposed, l->dx ? "_mirrored" : ""),
        "/* a row of pixels, [16 images][16 channels] each, to [channel][16 images]"
        " */\n"
        "NET_TILE void %s(float *restrict to, const float *restrict x)\n",
        text.at);
}

/* ---- The tile -------------------------------------------------------------------------------- */

/* "batch_lanes_4x6x3_by_2_bias_relu": pixels, outputs, channels */
static const char *tile_name(const Loops *l, int pixels)
{
    const int stride = l->k->node->at.stride[1];
    Text text = {0};

    text_add(&text, "batch_lanes_%dx%dx%d%s%s", pixels, l->outputs, l->channels,
             l->dx        ? "_mirrored"
             : stride > 1 ? format("_by_%d", stride)
                          : "",
             l->bias ? "_bias" : "");
    for (int i = 0; i < l->body.first; i++)
        text_add(&text, "_%s", op_info[l->k->body[i]->op].text);
    return text.at;
}

/* Activations of what is in registers, or, with exponentials, already in memory. */
static void write_end(Text *text, int level, const Loops *l, int pixels)
{
    const BatchLanes *g = l->g;
    const int count = pixels * g->channels;
    const char *at = g->groups == 1
                         ? "16 * i"
                         : format("(i / %d * %d + i %% %d) * 16 + g * %d", g->channels,
                                  g->groups * g->channels, g->channels, 16 * g->channels);

    line(text, level, "NET_UNROLL(i, %d)%s", count, l->body.first && !l->heavy ? " {" : "");
    if (!l->body.first || l->heavy) {
        line(text, level + 1, "vec_store(turned + %s, acc[i]);", at);
        return;
    }
    line(text, level + 1, "vec_store(turned + %s, %s);", at,
         write_unary(text, level + 1, &l->body, "acc[i]"));
    line(text, level, "}");
}

static const char *write_tile(const Loops *l, int pixels)
{
    const BatchLanes *g = l->g;
    const int stride = l->k->node->at.stride[1], all = g->groups * g->channels;
    const int level = g->groups > 1 ? 2 : 1;
    const char *group = g->groups > 1 ? format("%d * g + ", g->channels) : "";
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "_Alignas(64) float turned[%d];%s", 16 * pixels * all,
         g->groups > 1 ? "\n" : "");
    if (g->groups > 1)
        line(&text, 1, "NET_REPEAT(g, %d) {", g->groups);
    line(&text, level, "vec acc[%d];\n", pixels * g->channels);
    line(&text, level, "NET_UNROLL(i, %d)", pixels * g->channels);
    line(&text, level + 1, "acc[i] = %s;",
         l->bias ? format("vec_set(b[%si %% %d])", group, g->channels) : "vec_zero()");
    line(&text, level, "net_contract_images(acc, %d, %d, x, %ld, %sw, taps, y);", pixels,
         g->channels, (l->dx ? -1 : stride) * pixel_floats(l), group);
    write_end(&text, level, l, pixels);
    if (g->groups > 1)
        line(&text, 1, "}");
    if (l->heavy) {
        line(&text, 1, "NET_REPEAT(i, %d) {", pixels * all);
        line(&text, 2, "const vec v0 = vec_load(turned + 16 * i);");
        line(&text, 2, "vec_store(turned + 16 * i, %s);", write_unary(&text, 2, &l->body, "v0"));
        line(&text, 1, "}");
    }
    line(&text, 1, "net_turn_back(y, turned, %d, %d, %d);", 16 * all, pixels, l->outputs);
    line(&text, 0, "}");
    return add_function(l->e, &l->e->tiles, tile_name(l, pixels),
                        format("/* y = %ssum over taps and channels of x w: %d pixels, images in "
                               "the lanes */\n"
                               "NET_TILE void %%s(float *restrict y, const float *restrict x,\n"
                               "        const float *restrict w,%s const struct net_runs *taps)\n",
                               l->bias ? "b + " : "", pixels,
                               l->bias ? " const float *restrict b," : ""),
                        text.at);
}

/* ---- The driver ------------------------------------------------------------------------------ */

/* Do all taps of a row meet what was turned? Then they are one run of vectors. */
static bool is_inside(const Loops *l)
{
    return l->g->left == 0 && l->g->transposed == l->g->columns;
}

/* `r` is the window of the row; `column` the first of the tile's. */
static void write_taps(Text *text, int level, const Loops *l, int pixels)
{
    const long pixel = pixel_floats(l), row = row_floats(l);
    const int stride = l->k->node->at.stride[1], kw = l->kernel[1];
    const bool window = l->dx || !is_inside(l);

    if (l->dx)
        line(text, level,
             "const struct net_window c = net_tile_backward(column, %d, %d, %d, %d, %d);", pixels,
             l->y->width, l->g->left, kw, l->g->transposed);
    else if (window)
        line(text, level,
             "const struct net_window c = net_tile_forward(column, %d, %d, %d, %d, %d);", pixels,
             stride, l->g->left, kw, l->g->transposed);
    line(text, level, "const struct net_runs taps = {");
    line(text, level + 1, ".x = (r.at - under.begin) * %ldL + %s * %ldL,", row,
         window       ? "c.at"
         : stride > 1 ? format("column * %d", stride)
                      : "column",
         pixel);
    if (window)
        line(text, level + 1, ".w = (r.first * %d + c.first) * %ldL,", kw, pixel);
    else
        line(text, level + 1, ".w = r.first * %ldL,", kw * pixel);
    line(text, level + 1, ".rows = r.count, .x_row = %ld, .w_row = %ld, .run = %s,",
         l->dx ? -row : row, kw * pixel,
         window ? format("c.count * %d", l->channels) : format("%d", kw * l->channels));
    line(text, level, "};");
}

/* Columns from `first` to `end` by tiles of `pixels`. */
static void write_columns(Text *text, int level, const Loops *l, int first, int end, int pixels)
{
    const char *tile = write_tile(l, pixels);
    const char *pixel = l->y->height == 1 ? "column" : format("row * %d + column", l->y->width);
    const char *rest = l->bias ? format("turned, w->at, %s->at[0], &taps", l->bias)
                               : "turned, w->at, &taps";

    line(text, level, "for (int column = %d; column < %d; column += %d) {", first, end, pixels);
    write_taps(text, level + 1, l, pixels);
    if (l->out) {
        line(text, level + 1, "%s(%s->at[chunk][%s][0][0], %s);", tile, l->out, pixel, rest);
    } else {
        line(text, level + 1, "_Alignas(64) float tile[%d];\n", 256 * pixels);
        line(text, level + 1, "%s(tile, %s);", tile, rest);
        line(text, level + 1, "for (int p = 0; p < %d; p++) {", pixels);
        line(text, level + 2, "const int pixel = %s + p, block = 0;", pixel);
        write_pixel(l->e, text, level + 2, l->d, &l->body, "pixel",
                    "vec_load(tile + 256 * p + at)");
        line(text, level + 1, "}");
    }
    line(text, level, "}");
}

static void write_band(Text *text, const Loops *l)
{
    const Node *node = l->k->node;
    const int width = l->y->width, whole = width - width % l->g->pixels;

    line(text, 2, "const int chunk = band.chunk;");
    line(text, 2, "const struct net_range under = net_rows_under(band, %d, %d, %d, %d);\n",
         node->at.stride[0], l->g->pad_top, l->kernel[0], l->x->full_height);
    line(text, 2, "if (net_rows(run, chunk) == 0)");
    line(text, 3, "continue;");
    line(text, 2, "for (int row = under.begin; row < under.end; row++)");
    line(text, 3, "%s(turned + (row - under.begin) * %ldL, %s->at[chunk][%d * row][0][0]);",
         write_turn(l), row_floats(l), l->in, l->x->full_width);
    line(text, 2, "for (int row = band.first; row < band.first + band.rows; row++) {");
    write_window(text, 3, node, 0);
    line(text, 0, "%s", "");
    if (whole)
        write_columns(text, 3, l, 0, whole, l->g->pixels);
    if (whole < width)
        write_columns(text, 3, l, whole, width, width - whole);
    write_sums(l->e, l->d, text, 3, l->k, "row");
    line(text, 2, "}");
}

static const char *driver_name(const Emitter *e, const Kernel *k)
{
    const Node *node = k->node;
    const bool dx = node->op == OP_CONV2D_DX;
    const Shape w = node->inputs[1]->shape;

    return format("%s_batch_lanes%s_%s_%dx%dx%d",
                  dx && !node->backward ? "conv2d_transpose" : op_info[node->op].text, body_name(k),
                  shape_name(e, dx ? node->outputs[0] : node->inputs[0]), w.size[0], w.size[2],
                  w.size[3]);
}

void emit_batch_lanes(Emitter *e, Driver *d, const Kernel *k)
{
    Node *node = k->node;
    Value *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    Loops l = {.e = e,
               .d = d,
               .k = k,
               .g = &k->batch_lanes,
               .x = x->physical,
               .y = y->physical,
               .dx = node->op == OP_CONV2D_DX};
    const bool gradient = l.dx && node->backward;
    const Value *last;
    const char *out = NULL;
    Text *text = &d->text;

    l.channels = w->shape.size[!l.dx];
    l.outputs = w->shape.size[l.dx];
    for (int axis = 0; axis < 2; axis++)
        l.kernel[axis] = w->shape.size[2 + axis];
    if (!y->internal)
        out = add_operand(e, d, gradient ? "dx" : "y", y, true, y->physical);
    l.in = add_operand(e, d, gradient ? "dy" : "x", x, false, NULL);
    if (l.dx)
        add_scratch(e, d, "w", k->scratch, declare_scratch(e, k), false);
    else
        add_operand(e, d, "w", w, false, NULL);
    if (!l.dx && node->inputs[2])
        l.bias = add_operand(e, d, "b", node->inputs[2], false, NULL);
    l.body = start_body(e, d, k, y->physical);
    if (out)
        l.body.formals[y->id] = out;
    l.heavy = skip_unary(&l.body);
    last = (l.body.first ? k->body[l.body.first - 1] : node)->outputs[0];
    if (l.body.first == k->body_count)
        l.out = l.body.formals[last->id];
    d->base = driver_name(e, k);
    text_add(&d->comment, "/* %s = sum over taps of %s%s", gradient ? "dx" : "y",
             gradient ? "dy w'"
             : l.dx   ? "x w'"
                      : "x w",
             l.bias ? " + b" : "");
    for (int i = 0; i < k->body_count; i++)
        text_add(&d->comment, ", %s", op_info[k->body[i]->op].text);
    text_add(&d->comment, "; images in the lanes; items: (chunk, row) */\n");
    line(text, 0, "{");
    line(text, 1, "float *turned = net_scratch(run, thread);\n");
    line(text, 1, "NET_BANDS(band, %d, %d, %d, run, thread) {", l.y->chunks, l.y->height,
         l.g->rows);
    write_band(text, &l);
    line(text, 1, "}");
    line(text, 0, "}");
}
