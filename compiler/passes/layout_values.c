/*
 * layout_values.c -- one layout: made for a value, a vector or a weight, compared, named.
 *
 * The one idea: a layout is a list of segments over blocks of 16 channels; all that a kernel needs
 * to know of a value is in it, its C type included. layout.c decides which value gets which.
 */

#include "passes/layout.h"

#include <string.h>

/* ---- Values ---------------------------------------------------------------------------------- */

size_t round_up(size_t size)
{
    return (size + 63) / 64 * 64;
}

Buffer *new_buffer(Where where, size_t size, const char *name)
{
    Buffer *buffer = allocate(sizeof *buffer);

    *buffer = (Buffer){
        .where = where, .size = round_up(size), .first = -1, .last = -1, .name = name};
    return buffer;
}

/* [C, H, W]; [C, L] is one row of L; [C] one pixel; [C, D, H, W] the rows of all slices. */
static void set_pixels(Layout *v, Shape shape)
{
    v->height = 1;
    for (int i = 1; i < shape.rank - 1; i++)
        v->height *= shape.size[i];
    v->width = shape.rank > 1 ? shape.size[shape.rank - 1] : 1;
    v->full_height = v->height;
    v->full_width = v->width;
}

Layout new_value(const Graph *g, Shape shape)
{
    Layout v = {.kind = LAYOUT_VALUE, .lanes = 16};
    const int channels = shape.rank > 0 ? shape.size[0] : 1;

    v.batch_blocks = blocks_of(g->max_batch);
    v.images = g->images;
    set_pixels(&v, shape);
    v.blocks = blocks_of(channels);
    v.segments[0] = (Segment){0, channels, v.height * v.width, 0, v.blocks};
    v.segment_count = 1;
    return v;
}

int channel_count(const Layout *v)
{
    int sum = 0;

    for (int i = 0; i < v->segment_count; i++)
        sum += v->segments[i].channels * v->segments[i].pixels;
    return sum / (v->height * v->width);
}

int padded_count(const Layout *p)
{
    const int products = (p->winograd + 2) * (p->winograd + 2);
    const int rows = p->winograd ? p->rows / 9 * products : p->rows;

    return p->kind == LAYOUT_WEIGHT  ? blocks_of(p->outputs) * 16 * rows
           : p->kind == LAYOUT_TABLE ? p->blocks * 16 * p->rows
                                     : p->blocks * 16;
}

bool same_segments(const Layout *a, const Layout *b)
{
    return a->segment_count == b->segment_count &&
           memcmp(a->segments, b->segments, (size_t)a->segment_count * sizeof *a->segments) == 0;
}

/* Equal memory: the number of pixels may differ, as before and after flatten. */
bool same_layout(const Layout *a, const Layout *b)
{
    return a->lanes == b->lanes && a->top == b->top && a->left == b->left &&
           a->full_height * a->full_width * a->blocks ==
               b->full_height * b->full_width * b->blocks &&
           same_segments(a, b);
}

bool lies_as(const Layout *a, const Layout *b)
{
    return same_layout(a, b) && a->height == b->height;
}

bool is_plain(const Layout *v)
{
    return v->segment_count == 1 && v->lanes == 16 && v->segments[0].pixels == v->height * v->width;
}

/* The first of the blocks of `whole` that hold what `part` does, from flat logical element `start`
   on, and nothing else; -1 where it lies otherwise. */
int find_blocks(const Layout *whole, const Layout *part, int start)
{
    const bool pixels = whole->height * whole->width > 1;
    int first = -1;

    if (whole->height != part->height || whole->width != part->width)
        return -1;
    for (int i = 0; i < part->segment_count; i++) {
        const Segment *s = &part->segments[i], *t = whole->segments;
        int channel;

        while (t < whole->segments + whole->segment_count - 1 &&
               t->start + t->channels * t->pixels <= start + s->start)
            t++;
        channel = (start + s->start - t->start) / t->pixels;
        if (s->pixels != t->pixels || (!pixels && s->pixels > 1 && s->stride != t->stride) ||
            channel % 16 != 0 || channel + s->channels > t->channels ||
            (s->channels % 16 != 0 && channel + s->channels != t->channels) ||
            (i > 0 && t->block + channel / 16 - s->block != first))
            return -1;
        first = t->block + channel / 16 - s->block;
    }
    return first;
}

size_t value_bytes(const Layout *v)
{
    const size_t each = v->element == TYPE_BYTE ? 1 : sizeof(float);

    return (size_t)v->batch_blocks * (size_t)(v->full_height * v->full_width) * (size_t)v->blocks *
           (size_t)v->images * (size_t)v->lanes * each;
}

/* What tells many segments from others, short enough for a name. */
static unsigned hash_segments(const Layout *v)
{
    unsigned hash = 2166136261u;

    for (int i = 0; i < v->segment_count; i++) {
        const Segment *s = &v->segments[i];

        hash = (hash ^ (unsigned)s->channels) * 16777619u;
        hash = (hash ^ (unsigned)s->pixels) * 16777619u;
    }
    return hash;
}

/* "struct value_64x32x28x28", and the segments where they are not the usual ones */
static const char *value_type(const Graph *g, const Layout *v, Shape shape)
{
    Text text = {0};

    if (v->kind == LAYOUT_CLASS)
        return "int32_t";
    text_add(&text, "struct %s_%d",
             v->element == TYPE_BYTE ? "index"
             : v->lanes < 16         ? "image"
                                     : "value",
             g->max_batch);
    for (int i = 0; i < shape.rank; i++) /* a sequence is an image of one row */
        if (shape.rank < 3 || i != 1 || shape.size[i] > 1)
            text_add(&text, "x%d", shape.size[i]);
    if (v->segment_count > 4) {
        text_add(&text, "_%08x", hash_segments(v));
        return text.at;
    }
    for (int i = 0; i < v->segment_count && !is_plain(v) && v->lanes == 16; i++) {
        text_add(&text, "_%d", v->segments[i].channels);
        if (v->segments[i].pixels > 1)
            text_add(&text, "x%d", v->segments[i].pixels);
    }
    return text.at;
}

/* What the memory plan calls a value: the layer it comes from; `d` and the value that it belongs to
   of a gradient. */
static const char *value_label(const Value *value)
{
    static const char *const of_stats[] = {", mean", ", inv_std", ""};
    const Node *node = value->node;
    const char *part = "";

    if (value->gradient_of)
        return format("d %s", value_label(value->gradient_of));
    if (!node)
        return value->name;
    if (node->op == OP_BATCHNORM_STATS)
        part = of_stats[value->output < 2 ? value->output : 2];
    else if (node->op == OP_BATCHNORM_SUMS || node->op == OP_LAYERNORM_SUMS ||
             node->op == OP_BATCH_SUMS)
        part = value->output ? ", bias" : ", weight";
    else if (node->op == OP_INVERSE_STD)
        part = ", inv_std";
    else if (value->type == TYPE_BYTE)
        part = ", index";
    return format("%s%s%s", node->backward ? "d " : "",
                  node->path ? node->path : op_info[node->op].text, part);
}

void give(const Graph *g, Value *value, Layout layout, Buffer *buffer)
{
    Layout *v = allocate(sizeof *v);

    *v = layout;
    v->element = value->type;
    v->type = value_type(g, v, value->shape);
    v->buffer = buffer ? buffer : new_buffer(IN_ARENA, value_bytes(v), value_label(value));
    value->layout = v;
}

/* The blocks of x, on other pixels: what pools give. */
Layout with_pixels(const Layout *x, Shape shape)
{
    Layout v = *x;
    const int before = x->height * x->width;

    set_pixels(&v, shape);
    for (int i = 0; i < v.segment_count; i++) {
        Segment *s = &v.segments[i];
        const int after = v.height * v.width;

        *s = (Segment){s->start / before * after, s->channels, after, s->block, v.blocks};
    }
    return v;
}

/* One number a channel of x, in x's blocks. */
Layout vector_of(const Layout *x)
{
    Layout v = {.kind = LAYOUT_VECTOR, .blocks = x->blocks, .segment_count = x->segment_count};
    const int pixels = x->height * x->width;

    for (int i = 0; i < x->segment_count; i++) {
        v.segments[i] = x->segments[i];
        if (pixels > 1)
            v.segments[i] = (Segment){x->segments[i].start / pixels, x->segments[i].channels, 1,
                                      x->segments[i].block, 0};
    }
    return v;
}

/* x in the blocks of a vector that it shares with another value: see vector_of. */
Layout as_vector(const Graph *g, const Value *x, const Layout *vector)
{
    Layout v = new_value(g, x->shape);
    const int pixels = v.height * v.width;

    v.blocks = vector->blocks;
    v.segment_count = vector->segment_count;
    for (int i = 0; i < v.segment_count; i++) {
        const Segment *s = &vector->segments[i];

        v.segments[i] = *s;
        if (pixels > 1)
            v.segments[i] = (Segment){s->start * pixels, s->channels, pixels, s->block,
                                      vector->blocks};
        else if (s->pixels == 1)
            v.segments[i].stride = blocks_of(s->channels);
    }
    return v;
}

bool same_blocks(const Layout *a, const Layout *b)
{
    bool alike = a->blocks == b->blocks && a->segment_count == b->segment_count;

    for (int i = 0; alike && i < a->segment_count; i++) {
        const Segment *s = &a->segments[i], *t = &b->segments[i];

        alike = s->start == t->start && s->channels == t->channels && s->pixels == t->pixels &&
                s->block == t->block && (s->pixels == 1 || s->stride == t->stride);
    }
    return alike;
}

Layout flattened(const Layout *x)
{
    Layout v = *x;

    v.blocks *= v.height * v.width;
    v.height = v.width = v.full_height = v.full_width = 1;
    return v;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

void give_parameter(Value *value, Layout layout)
{
    Layout *v;

    if (value->layout)
        return;
    v = allocate(sizeof *v);
    *v = layout;
    v->lanes = 16;
    v->buffer = new_buffer(value->role == ROLE_RESULT ? IN_ARENA : IN_PARAMS, 0,
                           value_label(value));
    v->buffer->size = (size_t)padded_count(v) * sizeof(float);
    v->type = v->winograd ? format("struct transformed_%d_%dx%d", v->winograd, v->rows, v->outputs)
              : v->kind == LAYOUT_WEIGHT ? format("struct weight_%dx%d", v->rows, v->outputs)
              : v->kind == LAYOUT_TABLE  ? format("struct table_%dx%d", v->rows, 16 * v->blocks)
                                         : format("struct vector_%d", 16 * v->blocks);
    value->layout = v;
}

/* The inputs of a conv2d's weight are [C][taps]; those of a dense one follow the segments of x. */
Layout weight_layout(const Value *w, const Layout *x, int groups, const Target *target)
{
    Layout v = {.kind = LAYOUT_WEIGHT, .outputs = w->shape.size[0]};

    v.rows = shape_size(w->shape) / v.outputs;
    if (w->shape.rank == 4) {
        v.segments[0] = (Segment){0, w->shape.size[1], v.rows / w->shape.size[1], 0, 0};
        v.segment_count = 1;
    } else {
        memcpy(v.segments, x->segments, sizeof v.segments);
        v.segment_count = x->segment_count;
    }
    if (groups > 1)
        cut_group_panels(blocks_of(v.outputs), target->vectors, v.outputs / groups, v.panels);
    else
        cut_panels(blocks_of(v.outputs), target->vectors, v.panels);
    return v;
}

/* Output o of a dense layer: x's blocks from o times their number on. */
Layout rows_layout(const Value *w, const Layout *x)
{
    Layout v = {.kind = LAYOUT_ROWS, .outputs = w->shape.size[0], .rows = w->shape.size[1]};

    v.blocks = v.outputs * x->blocks;
    for (int o = 0; o < v.outputs; o++)
        for (int i = 0; i < x->segment_count; i++) {
            Segment s = x->segments[i];

            s.start += o * v.rows;
            s.block += o * x->blocks;
            v.segments[v.segment_count++] = s;
        }
    return v;
}

Layout table_layout(Shape shape)
{
    return (Layout){.kind = LAYOUT_TABLE,
                    .rows = shape.size[0],
                    .blocks = blocks_of(shape.size[1]),
                    .segment_count = 1,
                    .segments = {{0, shape.size[1], 1, 0, 0}}};
}

Layout plain_vector(int channels)
{
    return (Layout){.kind = LAYOUT_VECTOR,
                    .blocks = blocks_of(channels),
                    .segment_count = 1,
                    .segments = {{0, channels, 1, 0, 0}}};
}

/* A filter a channel: [tap][block][16]. */
Layout filters_layout(const Value *w)
{
    Layout v = plain_vector(w->shape.size[0]);
    const int taps = shape_size(w->shape) / w->shape.size[0];

    v.kind = LAYOUT_FILTERS;
    v.segments[0].pixels = taps;
    v.segments[0].stride = v.blocks;
    v.blocks *= taps;
    return v;
}
