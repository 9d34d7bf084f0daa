/*
 * literals.c -- strings, numbers, shapes and segments as C has them.
 */

#include "emit/tables.h"

#include <math.h>
#include <stdlib.h>

/* A C string literal. */
const char *quoted(const char *text)
{
    Text out = {0};

    if (!text)
        return "NULL";
    text_add(&out, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_add(&out, "\\%c", *c);
        else if (*c < 32 || *c > 126 || *c == '?')
            text_add(&out, "\\%03o", *c);
        else
            text_add(&out, "%c", *c);
    }
    text_add(&out, "\"");
    return out.at;
}

/* "1, 28, 28" */
const char *list_of(Shape shape)
{
    Text out = {0};

    for (int i = 0; i < shape.rank; i++)
        text_add(&out, "%s%d", i ? ", " : "", shape.size[i]);
    return out.at;
}

/* NET_SHAPE(1, 28, 28), or nothing of a scalar; `before` stands before it */
const char *shape_member(const char *before, Shape shape)
{
    return shape.rank ? format("%sNET_SHAPE(%s)", before, list_of(shape)) : "";
}

/* The shortest text that reads back as x. */
const char *number_text(double x)
{
    const char *text = format("%.0f", x);

    if (fabs(x) < 1e15 && strtod(text, NULL) == x)
        return text;
    for (int digits = 6; digits <= 17; digits++) {
        text = format("%.*g", digits, x);
        if (strtod(text, NULL) == x)
            return text;
    }
    return text;
}

/* "{0, 784, 1, 0, 49}, ..." */
const char *segments_text(const Layout *v)
{
    Text out = {0};

    for (int i = 0; i < v->segment_count; i++)
        text_add(&out, "%s{%d, %d, %d, %d, %d}", i ? ", " : "", v->segments[i].start,
                 v->segments[i].channels, v->segments[i].pixels, v->segments[i].block,
                 v->segments[i].stride);
    return out.at;
}

/* Of what a contraction of bfloat16 reads: its segments, counted in pairs */
const char *paired_segments_text(const Node *node)
{
    const int count = is_input_gradient(node->op) ? 1 : node->inputs[0]->layout->segment_count;
    Text out = {0};

    for (int i = 0; i < count; i++) {
        const Segment s = paired_segment(node, i);

        text_add(&out, "%s{%d, %d, %d, %d, %d}", i ? ", " : "", s.start, s.channels, s.pixels,
                 s.block, s.stride);
    }
    return out.at;
}

/* And the weights of these: structs net_paired */
const char *paired_rows_text(const Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    const bool dense = node->op == OP_DENSE;
    Text out = {0};

    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i], p = paired_segment(node, i);

        text_add(&out,
                 "%s{.row = %d, .step = %d, .pair = %d, .pair_step = %d, .taps = %d, .inputs = %d}",
                 i ? ", " : "", dense ? s->start : s->start / s->pixels,
                 dense ? s->channels : node->inputs[1]->shape.size[1],
                 dense ? p.start : p.start / p.pixels, dense ? p.channels : count_pairs(node),
                 dense ? s->pixels : weight_taps(node), s->channels);
    }
    return out.at;
}

const char *extent_braces(const Layout *v)
{
    return format("{%d, %d, %d, %d}", v->batch_blocks, v->full_height, v->full_width, v->blocks);
}

const char *layout_braces(const Layout *v)
{
    return format("{%d, NET_SEGMENTS(%s)}", 16 * v->images * v->height * v->width * v->blocks,
                  segments_text(v));
}

const char *size_braces(const Layout *v)
{
    return braces((int[]){v->height, v->width}, 2);
}

const char *panels_text(int outputs, int vectors)
{
    int panels[3];

    cut_panels(blocks_of(outputs), vectors, panels);
    return braces(panels, 3);
}

/* Of an image, or of one slice of a volume. */
const char *image_braces(const Value *value)
{
    const Shape shape = value->shape;

    return shape.rank == 4 ? braces(shape.size + 2, 2) : size_braces(value->layout);
}

static const char *slices_member(const Node *node, const Value *first, const Value *second)
{
    const int slices[] = {first->shape.size[1], second->shape.size[1]};

    return window_axes(&node->at) == 3 ? format(", .slices = %s", braces(slices, 2)) : "";
}

const char *volume_members(const Node *dw)
{
    const Value *x = dw->inputs[0];
    const char *lanes = x->layout->lanes < 16 ? format(", .x_lanes = %d", x->layout->lanes) : "";

    return format("%s%s", slices_member(dw, x, dw->inputs[1]), lanes);
}

int tile_inputs(const Emitter *e, const Node *dw)
{
    const int lanes = dw->inputs[0]->layout->lanes, rows = e->target->rows;

    return lanes < rows ? lanes : rows;
}

const char *taps_members(const Node *node)
{
    const Attributes *at = &node->at;
    const int dilation[] = {dilation_of(at, 0), dilation_of(at, 1), dilation_of(at, 2)};
    const int none[] = {0, 0}, axes = window_axes(at);
    const bool packed = axes == 2 && !is_weight_gradient(node->op) &&
                        node->inputs[0]->layout->lanes < 16;

    return format(".kernel = %s, .stride = %s, .padding = %s, .dilation = %s",
                  braces(axes == 3 ? at->kernel : weight_of(node)->shape.size + 2, axes),
                  braces(at->stride, axes), braces(packed ? none : at->padding, axes),
                  braces(dilation, axes));
}

const char *taps_text(const Node *node)
{
    const Attributes *at = &node->at;
    const int axes = window_axes(at);
    const int step[] = {tap_step(at, 0), tap_step(at, 1), axes == 3 ? tap_step(at, 2) : 0};
    const bool dx = is_input_gradient(node->op);

    return format("{%s%s}%s", taps_members(node),
                  dx ? format(", .step = %s", braces(step, axes)) : "",
                  slices_member(node, node->outputs[0], node->inputs[0]));
}

/* The axis that a node goes along, of its input or output that has all of it. */
const char *axis_text(const Node *node)
{
    const Value *in = node->inputs[0], *out = node->outputs[0];
    const Value *x = shape_size(in->shape) > shape_size(out->shape) ? in : out;
    const int axis = node->at.axis, pixels = x->layout->height * x->layout->width;
    int size = 1, behind = axis > 0 ? 1 : pixels;

    for (int i = axis + 1; axis > 0 && i < x->shape.rank; i++)
        behind *= x->shape.size[i];
    if (axis > 0)
        size = x->shape.size[axis];
    return format("(struct net_axis){.batch_blocks = %d, .before = %d, .size = %d, .behind = %d, "
                  ".blocks = %d, .channels = %d%s}",
                  x->layout->batch_blocks, pixels / behind / size, size, behind, x->layout->blocks,
                  x->shape.size[0], axis > 0 ? "" : ", .across = true");
}

const char *padding_text(const Attributes *at)
{
    const bool padded = at->padding[0] || at->padding[1];

    return format("%s%s", padded ? format(", .padding = %s", braces(at->padding, 2)) : "",
                  slices_of(at) > 1 ? format(", .slices = %d", at->slices) : "");
}

const char *transposed_name(const Node *node)
{
    return format("conv%dd_transpose", window_axes(&node->at));
}

/* A member of a literal, or nothing where it is 0. */
const char *member(const char *fmt, long value)
{
    return value ? format(fmt, value) : "";
}

static const char *parts_text(const OutputPart *parts, int count)
{
    Text out = {0};

    for (int i = 0; i < count; i++) {
        const OutputPart *part = &parts[i];

        text_add(&out, "%s{%s%s.pixels = %d, %s.panels = %s%s}", i ? ", " : "",
                 member(".channel = %ld, ", part->start), member(".block = %ld, ", part->block),
                 part->pixels, member(".stride = %ld, ", part->pixels > 1 ? part->stride : 0),
                 braces(part->panels, 3), member(", .w = %ld", part->w));
    }
    return out.at;
}

/* A struct net_contraction. */
const char *contraction_text(const Kernel *k, const OutputPart *parts, int count)
{
    const Node *node = k->node;
    const bool dx = is_input_gradient(node->op), dense = node->inputs[1]->shape.rank == 2;
    const bool pairs = k->pairs[0] != NULL;

    return format("(struct net_contraction){.tile_rows = <tile>,%s%s .y = <out.extent>, "
                  ".x = <in.extent>, .x_lanes = %s, .inputs = %s, "
                  ".outputs = <w.dim%d>, %sNET_SEGMENTS(%s), NET_PARTS(%s)%s}",
                  member(" .lines = %ld,", k->schedule.lines),
                  k->schedule.panel_outer ? " .panel_outer = 1," : "",
                  pairs ? format("%d", NET_PAIR_LANES) : "<in.lanes>",
                  pairs ? format("%d", count_pairs(node)) : format("<w.dim%d>", !dx), dx,
                  groups_of(&node->at) > 1 ? ".groups = <at.groups>, " : "",
                  pairs         ? paired_segments_text(node)
                  : dense && dx ? "{0, <w.dim0>, 1, 0, 0}"
                                : "<in.segments>",
                  parts_text(parts, count), dense ? "" : ", .taps = <taps>");
}
