/*
 * pairs.c -- losses over pairs of the batch, info_nce and nt_xent: what they take, and vectors of
 * length 1.
 *
 * The one idea: both are one operation on scores of vectors, whose cosines they are where the
 * vectors have length 1, which the graph makes of them first. It reads all rows of a batch, so
 * nothing that is predicted may be made of it.
 */

#include "lower/lowering.h"

static const Shape one_number = {.rank = 1, .size = {1}};

static Value *unary(Lowering *l, const Layer *layer, Op op, Value *x, Attributes at)
{
    return append_node(l, layer, op, &x, 1, at)->outputs[0];
}

/* x / |x|; of a shorter one than 1e-12 x / 1e-12, as F.normalize. */
static Value *normalized(Lowering *l, const Layer *layer, Value *x)
{
    Value *length = unary(l, layer, OP_SQUARE, x, (Attributes){0});

    length = unary(l, layer, OP_AXIS_SUM, length, (Attributes){.shape = one_number});
    length = unary(l, layer, OP_SHIFT, length, (Attributes){.shift = 1e-24});
    length = unary(l, layer, OP_SQRT, length, (Attributes){0});
    length = unary(l, layer, OP_RECIPROCAL, length, (Attributes){0});
    return append_node(l, layer, OP_MULTIPLY,
                       (Value *[]){x, spread(l, layer, length, 0, x->shape.size[0])}, 2,
                       (Attributes){0})
        ->outputs[0];
}

static bool check_pairs(Lowering *l, const Layer *layer, Value *const *x)
{
    const char *name = layer->call->name;

    if (layer->predicts) {
        error_at(l->model->source, layer->span,
                 "%s stands in the loss alone: it is made of all rows of a batch, and what a "
                 "network gives a row is made of that row",
                 name);
        note(l->model->source, "such as `loss = %s(network(one), network(two))`", name);
    } else if (x[0]->shape.rank != 1 || !same_shape(x[0]->shape, x[1]->shape)) {
        error_at(l->model->source, layer->span,
                 "%s wants two vectors of one length, these are %s and %s", name,
                 shape_text(x[0]->shape), shape_text(x[1]->shape));
        if (x[0]->shape.rank > 1 && x[1]->shape.rank > 1)
            note(l->model->source, "end the network with global_avgpool2d, or flatten and dense");
    } else if (l->model->batch < 2) {
        error_at(l->model->source, layer->span,
                 "%s compares the rows of a batch, and a batch of one has nothing to compare: its "
                 "loss is always 0",
                 name);
        note(l->model->source, "such as `batch = 64` in the train section");
    } else {
        return true;
    }
    return false;
}

/* nt_xent has a number of each view, of which theirs is the mean. */
Value *lower_info_nce(Lowering *l, Layer *layer, Value *const *x)
{
    const bool both = same(layer->call->name, "nt_xent");
    const Attributes at = {.scale = 1 / number(layer->call, "temperature"),
                           .shape = {.rank = 1, .size = {both ? 2 : 1}}};
    Value *pair[] = {x[0], x[1]}, *y;

    if (!check_pairs(l, layer, x))
        return NULL;
    for (int i = 0; i < 2 && number(layer->call, "normalize") != 0; i++)
        pair[i] = normalized(l, layer, x[i]);
    y = append_node(l, layer, OP_INFO_NCE, pair, 2, at)->outputs[0];
    if (!both)
        return y;
    y = unary(l, layer, OP_AXIS_SUM, y, (Attributes){.shape = one_number});
    return unary(l, layer, OP_SCALE, y, (Attributes){.scale = 0.5});
}
