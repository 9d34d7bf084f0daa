/*
 * bfloat16.c -- contractions of bfloat16: their operands in pairs on the axis that is summed over.
 *
 * The one idea: an operand is rounded once, into a copy that the tiles read: a value behind the
 * kernel that computes it, for all that read it in the same pairs; a weight before the step. Master
 * weights and values stay float32 (kernels/bfloat16.h).
 *
 * Needs: selected algorithms, layouts. Gives: kernels of pairs, where they lie.
 */

#include "passes/fuse.h"

#include <stdlib.h>

int pairs_of(int count)
{
    return (count + 1) / 2;
}

Segment paired_segment(const Node *node, int segment)
{
    const Layout *x = node->inputs[0]->layout;
    const bool dense = node->inputs[1]->shape.rank == 2;
    Segment s = x->segments[segment];
    int before = 0;

    if (is_input_gradient(node->op)) { /* dy is one */
        const int outputs = pairs_of(node->inputs[1]->shape.size[0]);

        return dense ? (Segment){0, outputs, 1, 0, 0}
                     : (Segment){0, outputs, s.pixels, s.block, s.stride};
    }
    for (int i = 0; i < segment; i++)
        before += pairs_of(x->segments[i].channels) * (dense ? x->segments[i].pixels : 1);
    s.start = dense ? before : before * s.pixels;
    s.channels = pairs_of(s.channels);
    return s;
}

int count_pairs(const Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    const int last = is_input_gradient(node->op) ? 0 : x->segment_count - 1;
    const Segment s = paired_segment(node, last);

    return node->inputs[1]->shape.rank == 2 ? s.start + s.channels * s.pixels
                                            : s.start / s.pixels + s.channels;
}

int weight_taps(const Node *node)
{
    const Shape w = node->inputs[1]->shape;

    return w.rank == 4 ? w.size[2] * w.size[3] : 1;
}

/* ---- Kernels --------------------------------------------------------------------------------- */

/* Once for each value and kind of pairs. */
static Buffer *add_pairs(Fusion *f, Node *node, int input)
{
    const Layout *x = node->inputs[input]->layout;
    const bool images = is_weight_gradient(node->op);
    Kernel *k;

    for (int i = 0; i < f->program->count; i++) {
        const Kernel *other = f->program->kernels[i];

        if (other->kind == KERNEL_PAIRS && is_weight_gradient(other->node->op) == images &&
            root_of(other->node->inputs[other->paired]) == root_of(node->inputs[input]))
            return other->scratch;
    }
    k = new_kernel(KERNEL_PAIRS, node);
    k->paired = input;
    split_rows(k, node->inputs[input]);
    k->scratch = new_buffer(
        IN_ARENA,
        (size_t)x->batch_blocks * (size_t)(x->height * x->width * x->blocks) *
            (size_t)(x->images * NET_PAIR_LANES) * sizeof(float),
        layer_part(node, format("%s in pairs of %s", formal_name(node->op, input),
                                images ? "images" : "channels")));
    APPEND(f->program->kernels, f->program->count, k);
    return k->scratch;
}

static bool same_pairs(const Node *a, const Node *b)
{
    const Layout *x = a->inputs[0]->layout, *y = b->inputs[0]->layout;

    if (a->inputs[1] != b->inputs[1] || x->segment_count != y->segment_count)
        return false;
    for (int i = 0; i < x->segment_count; i++)
        if (x->segments[i].channels != y->segments[i].channels ||
            x->segments[i].start != y->segments[i].start)
            return false;
    return true;
}

/* The weights of forward, once for each weight. */
static Buffer *add_weight_pairs(Fusion *f, Node *node)
{
    const Layout *w = node->inputs[1]->layout;
    const Kernel *other;
    Kernel *k;

    for (int i = 0; (other = find_first(f, i)) != NULL; i++)
        if (other->kind == KERNEL_WEIGHT_PAIRS && same_pairs(other->node, node))
            return other->scratch;
    k = new_kernel(KERNEL_WEIGHT_PAIRS, node);
    k->scratch = new_buffer(IN_ARENA,
                            (size_t)blocks_of(w->outputs) * 16 *
                                (size_t)(weight_taps(node) * count_pairs(node)) * sizeof(float),
                            layer_part(node, "weight in pairs"));
    add_first(f, k, node->inputs[1]);
    return k->scratch;
}

void pair_operands(Fusion *f, Node *node, Buffer *pairs[2], Buffer **weights)
{
    pairs[0] = pairs[1] = *weights = NULL;
    if (!node->bfloat16)
        return;
    pairs[0] = add_pairs(f, node, 0);
    if (is_weight_gradient(node->op))
        pairs[1] = add_pairs(f, node, 1);
    else if (!is_input_gradient(node->op))
        *weights = add_weight_pairs(f, node);
}
