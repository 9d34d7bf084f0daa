/*
 * embedding.c -- layers of tokens: embeddings, means over a sequence, dense layers of bags.
 *
 * The one idea: a bag of words stays as sparse as it came wherever a dense layer reads it, alone or
 * first in a concat; for every other layer it is written out with its zeros.
 */

#include <string.h>

#include "lower/lowering.h"

/* ---- Embeddings ------------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);

    return length > tail && same(text + length - tail, end);
}

static bool check_file(Lowering *l, const Constant *file)
{
    static const char *const known[] = {".vec", ".txt", ".npy", ".vec.gz", ".txt.gz", ".npy.gz"};

    for (int i = 0; i < COUNT(known); i++)
        if (ends_with(file->text, known[i]))
            return true;
    error_at(l->model->source, file->span,
             "pretrained wants a file .vec, .txt or .npy, or one of "
             "these with .gz");
    note(l->model->source, "a .vec or .txt has a line `COUNT DIM`, then a line a word: the word "
                           "and its DIM numbers; a .npy is the whole table");
    return false;
}

/* [vocabulary, width], PyTorch's N(0, 1); in memory the rows are whole blocks. */
static Owned *embedding_table(Lowering *l, const Layer *layer, Shape shape)
{
    const Call *call = layer->call;
    const Shape padded = {.rank = 2, .size = {shape.size[0], blocks_of(shape.size[1]) * 16}};
    const Constant *file = argument(call, "pretrained"), *row = argument(call, "padding_row");
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;
    Value *table;

    if (layer->shared) {
        if (owned && !same_shape(owned->values[0]->shape, shape)) {
            error_at(l->model->source, layer->span,
                     "embedding gets %d words here, the first use of the same network had %d",
                     shape.size[0], owned->values[0]->shape.size[0]);
            return NULL;
        }
        return owned;
    }
    if (row->kind == CONSTANT_NUMBER && row->number >= shape.size[0]) {
        error_at(l->model->source, row->span, "the table has rows 0 to %d", shape.size[0] - 1);
        note(l->model->source, "tokens pads with 0: `padding_row=0`");
        return NULL;
    }
    if ((file->kind == CONSTANT_STRING && !check_file(l, file)) ||
        !count_parameters(l, layer, padded))
        return NULL;
    owned = add_owned(l, layer);
    owned->values[0] = table = add_parameter(l, layer, "weight", shape, "normal", 0);
    if (row->kind == CONSTANT_NUMBER)
        table->padding_row = (int)row->number + 1;
    table->pretrained = file->kind == CONSTANT_STRING ? file->text : NULL;
    table->token_field = layer->inputs[0]->field;
    return owned;
}

/* Has a row of a table a number of each position? */
static bool check_ids(Lowering *l, const Layer *layer, const Value *x)
{
    if (x->type == TYPE_TOKENS)
        return true;
    error_at(l->model->source, layer->span,
             "%s wants words or classes, %s is %s %s; an input of words is prepared "
             "with tokens(vocabulary, length), one of classes with classes(n)",
             layer->call->name, source_text(layer->inputs[0]),
             layer->inputs[0]->value->type == TYPE_SPARSE ? "a bag of words" : "numbers",
             shape_text(x->shape));
    return false;
}

/* The rows of the table that belong to the numbers x: [width, length], or [width] of a class. */
static Value *take_rows(Lowering *l, const Layer *layer, Value *x, Value *table)
{
    const int width = table->shape.size[1];
    Value *y = append_node(l, layer, OP_EMBEDDING, (Value *[]){x, table}, 2,
                           (Attributes){.padding_row = table->padding_row})
                   ->outputs[0];

    return x->field->classes && x->shape.size[0] == 1 /* a class is no sequence */
               ? reshape_value(l, layer, y, (Shape){.rank = 1, .size = {width}})
               : y;
}

Value *lower_embedding(Lowering *l, Layer *layer, Value *const *x)
{
    const int width = whole(number(layer->call, "width"));
    const Shape shape = {.rank = 2, .size = {width, x[0]->shape.size[0]}};
    Owned *owned;

    if (!check_ids(l, layer, x[0]) || !check_size(l, layer->span, "the result of embedding", shape))
        return NULL;
    owned = embedding_table(l, layer, (Shape){.rank = 2, .size = {x[0]->field->vocabulary, width}});
    return owned ? take_rows(l, layer, x[0], owned->values[0]) : NULL;
}

/* The rows of a matrix with 1 on its diagonal, which is fixed. */
Value *lower_one_hot(Lowering *l, Layer *layer, Value *const *x)
{
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;

    if (!check_ids(l, layer, x[0]))
        return NULL;
    const int rows = x[0]->field->vocabulary;
    const Shape shape = {.rank = 2, .size = {rows, x[0]->shape.size[0]}},
                matrix = {.rank = 2, .size = {rows, rows}},
                padded = {.rank = 2, .size = {rows, blocks_of(rows) * 16}};

    if (layer->shared) {
        if (!owned || same_shape(owned->values[0]->shape, matrix))
            return owned ? take_rows(l, layer, x[0], owned->values[0]) : NULL;
        error_at(l->model->source, layer->span,
                 "one_hot gets %d classes here, the first use of the same network had %d", rows,
                 owned->values[0]->shape.size[0]);
        return NULL;
    }
    if (!check_size(l, layer->span, "the result of one_hot", shape) ||
        !count_parameters(l, layer, padded))
        return NULL;
    owned = add_owned(l, layer);
    owned->values[0] = add_parameter(l, layer, "weight", matrix, "one_hot", 0);
    owned->values[0]->role = ROLE_STATE;
    return take_rows(l, layer, x[0], owned->values[0]);
}

/* ---- Means ----------------------------------------------------------------------------------- */

Value *lower_mean(Lowering *l, Layer *layer, Value *const *x)
{
    const bool along = goes_along_length(layer);
    Value *tokens;

    if (number(layer->call, "skip_padding") == 0)
        return along ? reduce_length(l, layer, x) : lower_mean_along(l, layer, x[0]);
    if (!along) {
        error_at(l->model->source, argument(layer->call, "axis")->span,
                 "skip_padding=true is of positions; leave axis=%s out", axes_text(layer));
        return NULL;
    }
    if (!check_sequence(l, layer))
        return NULL;
    tokens = tokens_behind(l, layer, layer->inputs[0], NULL);
    if (!tokens)
        return NULL;
    return append_node(l, layer, OP_TOKEN_MEAN, (Value *[]){x[0], tokens}, 2, (Attributes){0})
        ->outputs[0];
}

/* ---- Bags of words --------------------------------------------------------------------------- */

Value *as_numbers(Lowering *l, const Layer *layer, Value *x)
{
    if (x->type != TYPE_SPARSE)
        return x;
    return append_node(l, layer, OP_TO_DENSE, &x, 1, (Attributes){0})->outputs[0];
}

/* The bag that x is, or begins with, and what stands beside it. */
static Value *find_bag(Lowering *l, const Layer *layer, Value *x, Value **beside)
{
    const Node *concat = x->node;

    *beside = NULL;
    if (x->type == TYPE_SPARSE)
        return x;
    if (!concat || concat->op != OP_CONCAT || !concat->inputs[0]->node ||
        concat->inputs[0]->node->op != OP_TO_DENSE)
        return NULL;
    *beside = concat->inputs[1];
    if (concat->input_count > 2)
        *beside = append_node(l, layer, OP_CONCAT, concat->inputs + 1, concat->input_count - 1,
                              (Attributes){0})
                      ->outputs[0];
    return concat->inputs[0]->node->inputs[0];
}

/* A shared weight has one order of its inputs: the same split as at its first use. */
static bool splits_alike(const Layer *first, const Value *bag, const Value *beside)
{
    const Node *node = first->value ? first->value->node : NULL;

    return node && node->op == OP_SPARSE_DENSE && same_shape(node->inputs[0]->shape, bag->shape) &&
           !node->inputs[1] == !beside;
}

const Node *lower_sparse_dense(Lowering *l, const Layer *layer, Value *x, const Owned *owned)
{
    Value *beside, *bag = find_bag(l, layer, x, &beside);

    if (!bag || (layer->shared && !splits_alike(layer->shared, bag, beside)))
        return NULL;
    return append_node(l, layer, OP_SPARSE_DENSE,
                       (Value *[]){bag, beside, owned->values[0], owned->values[1]}, 4,
                       (Attributes){0});
}
