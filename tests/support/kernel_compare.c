/*
 * kernel_compare.c -- every number that a kernel stored, found by its layout and held against the
 * reference.
 */

#include "support/kernel_trial.h"

#include <math.h>
#include <string.h>

#include "support/graph_test.h"
#include "training/training.h"

/* ---- Where a number is ----------------------------------------------------------------------- */

/* Floats from a batch block's begin to element k of image 0. */
static long element_at(const Layout *v, int k)
{
    int i = v->segment_count - 1;
    const Segment *s;

    while (i > 0 && v->segments[i].start > k)
        i--;
    s = &v->segments[i];
    const int c = (k - s->start) / s->pixels, p = (k - s->start) % s->pixels;

    return (s->block + (long)p * s->stride + c / 16) * 16 * v->images + c % 16;
}

/* A weight or vector in the arena lies as a tensor does. */
static struct net_tensor tensor_of(const Value *value,
                                   struct net_segment segments[NET_MAX_SEGMENTS])
{
    const Layout *p = value->layout;
    struct net_tensor tensor = {.count = padded_count(p),
                                .rank = value->shape.rank,
                                .kind = p->kind == LAYOUT_WEIGHT  ? NET_WEIGHT
                                        : p->kind == LAYOUT_TABLE ? NET_TABLE
                                                                  : NET_VECTOR,
                                .segments = segments,
                                .segment_count = p->segment_count};

    memcpy(tensor.shape, value->shape.size, sizeof tensor.shape);
    memcpy(tensor.panels, p->panels, sizeof tensor.panels);
    for (int i = 0; i < p->segment_count; i++)
        segments[i] = (struct net_segment){p->segments[i].start, p->segments[i].channels,
                                           p->segments[i].pixels, p->segments[i].block,
                                           p->segments[i].stride};
    return tensor;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

Comparison compare(const Trial *t, const Value *value, const char *what)
{
    return (Comparison){.trial = t,
                        .value = value,
                        .what = what,
                        .expected = t->expected->at[value->id],
                        .allowed = t->errors[value->id]};
}

static void keep_distance(Trial *t, const Comparison *c)
{
    const double size = sqrt(c->squares);

    t->distances = grow(t->distances, t->distance_count, sizeof *t->distances);
    t->distances[t->distance_count++] = (Distance){c->value, sqrt(c->error_squares) / size,
                                                   c->most / (size / sqrt((double)c->count))};
}

void check_number(Comparison *c, long i, float got)
{
    const double error = fabs((double)got - c->expected[i]);

    c->squares += c->expected[i] * c->expected[i];
    c->error_squares += error * error;
    c->most = fmax(c->most, error);
    c->count++;
    if (!(error <= c->allowed)) /* NaN is none */
        ck_abort_msg("%s, %s, n = %d, %s: element %ld is %.9g, the reference says %.9g "
                     "(error %.2g, allowed %.2g)",
                     c->trial->c->target, c->trial->program->graph->name, c->trial->run.n, c->what,
                     i, (double)got, c->expected[i], error, c->allowed);
}

/* A value in the arena: its rows below n, and +0 in every lane that is no channel. */
static void check_value(Trial *t, const Value *value, const char *what)
{
    const Layout *v = value->layout;
    const int images = v->images, tile = 16 * images;
    const long batch_block = (long)v->height * v->width * v->blocks * tile;
    const float *at = (const float *)(const void *)(t->arena.at + v->buffer->offset);
    const int size = shape_size(value->shape);
    Comparison c = t->expected ? compare(t, value, what) : (Comparison){0};
    bool *used = allocate((size_t)batch_block);

    for (int k = 0; k < size; k++) {
        const long place = element_at(v, k);

        if (place < 0 || place >= batch_block - (tile - 16) || used[place])
            ck_abort_msg("%s: element %d of %s has no place of its own", what, k,
                         shape_text(value->shape));
        used[place] = true;
        for (int i = 0; i < t->run.n && t->expected; i++)
            check_number(&c, (long)i * size + k,
                         at[i / images * batch_block + place + 16 * (i % images)]);
    }
    if (t->expected)
        keep_distance(t, &c);
    for (long place = 0; place < batch_block; place++)
        for (int i = 0; i < t->run.n && place % tile < 16 && !used[place]; i++) {
            const float *lane = &at[i / images * batch_block + place + 16 * (i % images)];
            uint32_t bits;

            memcpy(&bits, lane, sizeof bits);
            if (bits != 0)
                ck_abort_msg("%s, %s, n = %d, %s: padding lane %ld of block %ld, image %d, is %g",
                             t->c->target, t->program->graph->name, t->run.n, what, place % 16,
                             place / tile, i, (double)*lane);
        }
}

void check_tensor(Trial *t, const float *at, const struct net_tensor *tensor, Comparison *c,
                  bool padded, const char *what)
{
    bool *used = allocate((size_t)tensor->count);

    for (long k = 0; k < net_tensor_size(tensor); k++) {
        const long place = net_tensor_at(tensor, k);

        if (place < 0 || place >= tensor->count || used[place])
            ck_abort_msg("%s: element %ld has no place of its own", what, k);
        used[place] = true;
        if (c)
            check_number(c, k, at[place]);
    }
    if (c)
        keep_distance(t, c);
    for (long place = 0; place < tensor->count; place++) {
        uint32_t bits;

        memcpy(&bits, at + place, sizeof bits);
        if (!used[place] && bits != 0 && padded)
            ck_abort_msg("%s, %s, n = %d, %s: padding at %ld of %ld is %g", t->c->target,
                         t->program->graph->name, t->run.n, what, place, tensor->count,
                         (double)at[place]);
    }
}

static bool stores(const Kernel *k, const Value *value)
{
    const bool own = value->node == k->node;

    if (!value->layout || value->internal || value->storage || !computes(k, value) ||
        root_of((Value *)value) != value || value->layout->buffer->where != IN_ARENA)
        return false;
    switch (k->kind) {
    case KERNEL_TRANSPOSE:
    case KERNEL_PAIRS:
    case KERNEL_WEIGHT_PAIRS:
    case KERNEL_WINOGRAD_WEIGHTS:
    case KERNEL_PACKED_DW:
    case KERNEL_BATCH_LANES_DW:
    case KERNEL_DEPTHWISE_DW:
    case KERNEL_SUMS:
    case KERNEL_MEAN_LOSS:
        return false;
    case KERNEL_DW:
    case KERNEL_WINOGRAD_DW:
        return !k->scratch && !k->update;
    default:
        return !(own && k->update) && value->type == TYPE_F32 &&
               value->layout->kind != LAYOUT_SCALAR;
    }
}

/* Which values a target makes: without one they are nothing. By value id. */
static bool *made_of_targets(const Graph *g)
{
    bool *made = allocate((size_t)g->value_count * sizeof *made);

    for (int i = 0; i < g->value_count; i++)
        made[i] = g->values[i]->role == ROLE_TARGET;
    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            for (int k = 0; k < g->nodes[i]->output_count && g->nodes[i]->inputs[j]; k++)
                made[g->nodes[i]->outputs[k]->id] |= made[g->nodes[i]->inputs[j]->id];
    return made;
}

void check_kernel(struct net_profile *profile, int kernel, int thread)
{
    Trial *t = (Trial *)(void *)profile;
    const Kernel *k = t->program->kernels[kernel];
    const Graph *g = t->program->graph;
    const bool *left_out = t->run.has_target ? NULL : made_of_targets(g);

    (void)thread;
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];
        const char *what;

        if (!stores(k, value) || (left_out && left_out[value->id]))
            continue;
        what = format("kernel %d (%s), %s%s%s %s", kernel, kernel_label(k),
                      op_info[value->node->op].text, value->node->path ? " of " : "",
                      value->node->path ? value->node->path : "", shape_text(value->shape));
        if (value->layout->kind == LAYOUT_VALUE) {
            check_value(t, value, what);
        } else {
            struct net_segment segments[NET_MAX_SEGMENTS];
            const struct net_tensor tensor = tensor_of(value, segments);
            Comparison c = t->expected ? compare(t, value, what) : (Comparison){0};

            const float *at = (const float *)(const void *)(t->arena.at +
                                                            value->layout->buffer->offset);

            /* 1 / std of channels that are none is multiplied by their gamma, +0 */
            check_tensor(t, at, &tensor, t->expected ? &c : NULL,
                         value->node->op != OP_BATCHNORM_STATS && value->node->op != OP_INVERSE_STD,
                         what);
        }
    }
}
