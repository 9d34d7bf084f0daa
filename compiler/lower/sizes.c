/*
 * sizes.c -- what all files of this stage use: sizes read and checked, messages about them, nodes.
 */

#include <limits.h>

#include "lower/lowering.h"

/* A size as an int; what is too large becomes INT_MAX, which check_size refuses. */
int whole(double x)
{
    return x < INT_MAX ? (int)x : INT_MAX;
}

/* A number for both axes, or [height, width]. */
bool pair(Lowering *l, const Call *call, const char *name, int out[2])
{
    const Constant *c = argument(call, name);

    if (c->kind == CONSTANT_LIST && c->count != 2) {
        error_at(l->model->source, c->span, "%s wants one number or [height, width]", name);
        return false;
    }
    for (int i = 0; i < 2; i++)
        out[i] = whole(c->kind == CONSTANT_LIST ? c->items[i].number : c->number);
    return true;
}

const char *pair_text(const int size[2])
{
    return format("%dx%d", size[0], size[1]);
}

/* What to call the input of a layer in a message. */
const char *source_text(const Layer *layer)
{
    return layer->field ? format("`%s`", layer->field->name)
                        : format("the result of %s", layer->call->name);
}

/* Is the layer one of sequences, whose windows have a single axis? */
bool is_sequence(const Layer *layer)
{
    return layer->inputs[0]->value->shape.rank == 2;
}

bool is_volume(const Layer *layer)
{
    return layer->inputs[0]->value->shape.rank == 4;
}

bool check_rank(Lowering *l, const Layer *layer, int rank, const char *axes, const char *remedy)
{
    const Layer *input = layer->inputs[0];

    if (input->value->shape.rank == rank)
        return true;
    error_at(l->model->source, layer->span, "%s wants %s, %s is %s; %s", layer->call->name, axes,
             source_text(input), shape_text(input->value->shape), remedy);
    return false;
}

/* Can a value of this shape be held for a whole batch? Indices are ints. */
bool check_size(Lowering *l, Span span, const char *what, Shape shape)
{
    const int most = l->model->max_batch > 0 ? l->model->max_batch : l->model->batch;
    const int rows = most > 0 ? most : 1;

    if (shape_elements(shape) * rows < INT_MAX)
        return true;
    error_at(l->model->source, span, "%s is %s: for a batch of %d more than 2^31 elements", what,
             shape_text(shape), rows);
    note(l->model->source, "a smaller layer, a larger stride or a smaller batch makes it fit");
    return false;
}

Node *append_node(Lowering *l, const Layer *layer, Op op, Value *const *inputs, int count,
                  Attributes at)
{
    return add_node(l->g, op, inputs, count, at, layer->span, layer->path);
}

Value *reshape_value(Lowering *l, const Layer *layer, Value *x, Shape shape)
{
    if (same_shape(x->shape, shape))
        return x;
    return append_node(l, layer, OP_RESHAPE, &x, 1, (Attributes){.shape = shape})->outputs[0];
}
