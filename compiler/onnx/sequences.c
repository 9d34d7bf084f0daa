/*
 * sequences.c -- attention, recurrence and the mean of words in ONNX: of sequences [channels,
 * length], where tokens that are 0 are padding, behind the others.
 */

#include <math.h>

#include "onnx/writer.h"

/* bool [n, length]: the tokens that are no padding */
static const char *words_of(Writer *w, const Value *tokens)
{
    return add_onnx(w, "Cast", onnx_name(w, tokens), "to=9");
}

/* ---- The mean of words ----------------------------------------------------------------------- */

/* sum of x times the mask, by their count, of none by 1 */
const char *describe_token_mean(Writer *w, const Node *node)
{
    const int length = node->inputs[1]->shape.size[0];
    const char *mask = add_onnx(w, "Cast", words_of(w, node->inputs[1]), "to=1");
    const char *count = add_onnx(w, "ReduceSum", format("%s %s", mask, add_int(w, 1)),
                                 "keepdims=1");

    count = add_onnx(w, "Max", format("%s %s", count, add_float(w, 1)), NULL);
    mask = add_reshape(w, mask, (int[]){-1, 1, length}, 3);
    const char *kept = add_onnx(w, "Mul", format("%s %s", onnx_name(w, node->inputs[0]), mask),
                                NULL);
    const char *sum = add_onnx(w, "ReduceSum", format("%s %s", kept, add_int(w, 2)), "keepdims=0");

    return add_onnx(w, "Div", format("%s %s", sum, count), NULL);
}

/* ---- Attention ------------------------------------------------------------------------------- */

/* -inf above the diagonal of [length, length], 0 elsewhere */
static const char *causal_mask(Writer *w, int length)
{
    const char *all = add_onnx(w, "Expand",
                               format("%s %s", add_onnx(w, "Constant", "", "value_float=-inf"),
                                      add_ints(w, (int[]){length, length}, 2)),
                               NULL);
    const char *one = add_onnx(w, "Constant", "", "value_int=1");

    return add_onnx(w, "Trilu", format("%s %s", all, one), "upper=1");
}

/* bool [n, 1, 1, keys]: no padding; what stands beside the tokens is none */
static const char *mask_of(Writer *w, const Value *tokens, int begin, int keys)
{
    const int count = tokens->shape.size[0];
    const char *ids = onnx_name(w, tokens);

    if (begin != 0 || count != keys)
        ids = add_onnx(
            w, "Pad",
            format("%s %s %s", ids, add_ints(w, (int[]){0, begin, 0, keys - begin - count}, 4),
                   add_onnx(w, "Cast", add_onnx(w, "Constant", "", "value_int=1"), "to=6")),
            NULL);
    return add_reshape(w, add_onnx(w, "Cast", ids, "to=9"), (int[]){-1, 1, 1, keys}, 4);
}

/* softmax(scores) over keys, [n, heads, queries, keys]; where no key is left, 0 */
static const char *masked_softmax(Writer *w, const char *scores, const Node *node)
{
    const Value *tokens = input_named(node, "tokens");

    if (tokens) {
        const char *mask = mask_of(w, tokens, node->at.begin, heads_of(node).keys);

        scores = add_onnx(
            w, "Where",
            format("%s %s %s", mask, scores, add_onnx(w, "Constant", "", "value_float=-inf")),
            NULL);
    }
    const char *p = add_onnx(w, "Softmax", scores, "axis=-1");

    if (!tokens)
        return p;
    return add_onnx(w, "Where",
                    format("%s %s %s", add_onnx(w, "IsNaN", p, NULL), add_float(w, 0), p), NULL);
}

/* q, k and v by heads: [n, heads, size, positions] */
static void split_heads(Writer *w, const Node *node, int heads, int size, const char *part[3])
{
    const bool cross = node->op == OP_CROSS_ATTENTION;
    const char *joined = add_parts(w, "Split", onnx_name(w, node->inputs[cross]), "axis=1",
                                   cross ? 2 : 3);
    const int length[3] = {node->outputs[0]->shape.size[1], node->inputs[cross]->shape.size[1],
                           node->inputs[cross]->shape.size[1]};

    for (int i = 0; i < 3; i++) {
        const int behind = i - cross; /* of what was split */

        part[i] = behind < 0    ? onnx_name(w, node->inputs[0])
                  : behind == 0 ? joined
                                : format("%s_%d", joined, behind + 1);
        part[i] = add_reshape(w, part[i], (int[]){-1, heads, size, length[i]}, 4);
    }
}

const char *describe_attention(Writer *w, const Node *node)
{
    const Shape y = node->outputs[0]->shape;
    const int heads = node->at.heads, size = y.size[0] / heads, length = y.size[1];
    const char *part[3];

    split_heads(w, node, heads, size, part);
    const char *scores = add_onnx(
        w, "MatMul", format("%s %s", add_transpose(w, part[0], "0,1,3,2"), part[1]), NULL);

    scores = add_onnx(w, "Mul", format("%s %s", scores, add_float(w, 1 / sqrt(size))), NULL);
    if (node->at.causal)
        scores = add_onnx(w, "Add", format("%s %s", scores, causal_mask(w, length)), NULL);
    const char *p = add_transpose(w, masked_softmax(w, scores, node), "0,1,3,2");
    const char *joined = add_onnx(w, "MatMul", format("%s %s", part[2], p), NULL);

    return add_reshape(w, joined, (int[]){-1, y.size[0], length}, 3);
}

/* ---- Recurrence ------------------------------------------------------------------------------ */

/* Rows of gates in ONNX's order as one of a batch of directions: i f g o is i o f g, r z n is z r
   n. */
static const char *in_order(Writer *w, Op op, const char *rows)
{
    if (op == OP_RNN)
        return rows;
    const bool lstm = op == OP_LSTM;
    const char *first = add_parts(w, "Split", rows, "axis=0", lstm ? 4 : 3);
    const char *gates = lstm ? format("%s %s_4 %s_2 %s_3", first, first, first, first)
                             : format("%s_2 %s %s_3", first, first, first);

    return add_onnx(w, "Concat", gates, "axis=0");
}

static const char *weight_rows(Writer *w, Op op, const Value *weight)
{
    const char *rows = add_reshape(w, onnx_name(w, weight),
                                   (int[]){weight->shape.size[0], weight->shape.size[1]}, 2);

    return add_reshape(w, in_order(w, op, rows),
                       (int[]){1, weight->shape.size[0], weight->shape.size[1]}, 3);
}

/* [1, 2 gates]: those of the input, then those of the state */
static const char *both_biases(Writer *w, Op op, const Value *of_input, const Value *of_state)
{
    const char *joined = add_onnx(w, "Concat",
                                  format("%s %s", in_order(w, op, onnx_name(w, of_input)),
                                         in_order(w, op, onnx_name(w, of_state))),
                                  "axis=0");

    return add_reshape(w, joined, (int[]){1, -1}, 2);
}

/* int32 [n], 1 at least, which ONNX Runtime wants */
static const char *count_words(Writer *w, const char *words)
{
    const char *counts = add_onnx(
        w, "ReduceSum", format("%s %s", add_onnx(w, "Cast", words, "to=6"), add_int(w, 1)),
        "keepdims=0");
    const char *one = add_onnx(w, "Cast", add_onnx(w, "Constant", "", "value_int=1"), "to=6");

    return add_onnx(w, "Max", format("%s %s", counts, one), NULL);
}

/* Behind the last word the state stays what it was there: `last` [n, units, 1, 1]; where there is
   no word at all, and before the padding of a walk from the end, it is 0. */
static const char *keep_state(Writer *w, const char *h, const char *last, const char *words,
                              int length, bool reverse)
{
    const char *mask = add_reshape(w, words, (int[]){-1, 1, 1, length}, 4);

    if (reverse)
        return add_onnx(w, "Where", format("%s %s %s", mask, h, add_float(w, 0)), NULL);
    const char *any = add_onnx(w, "ReduceMax", add_onnx(w, "Cast", mask, "to=1"),
                               "axes=[3] keepdims=1");
    const char *behind = add_onnx(w, "Mul", format("%s %s", last, any), NULL);

    return add_onnx(w, "Where", format("%s %s %s", mask, h, behind), NULL);
}

/* The projection of all steps before it is a part of ONNX's operator. */
const char *describe_recurrence(Writer *w, const Node *node)
{
    static const char *const operators[] = {[OP_RNN] = "RNN", [OP_LSTM] = "LSTM", [OP_GRU] = "GRU"};
    const Node *project = node->inputs[0]->node;
    const Value *tokens = node->inputs[3], *weight = node->inputs[1];
    const int units = node->outputs[0]->shape.size[0], length = node->outputs[0]->shape.size[2];

    if (!project || project->op != OP_CONV2D || !project->inputs[2])
        return NULL;
    const int channels = project->inputs[0]->shape.size[0];
    const char *words = tokens ? words_of(w, tokens) : NULL;
    const char *x = add_reshape(w, onnx_name(w, project->inputs[0]), (int[]){-1, channels, length},
                                3);
    const char *inputs = format("%s %s %s %s%s%s", add_transpose(w, x, "2,0,1"),
                                weight_rows(w, node->op, project->inputs[1]),
                                weight_rows(w, node->op, weight),
                                both_biases(w, node->op, project->inputs[2], node->inputs[2]),
                                words ? " " : "", words ? count_words(w, words) : "");
    const char *y = add_parts(w, operators[node->op], inputs,
                              format("hidden_size=%d direction='%s'%s", units,
                                     node->at.reverse ? "reverse" : "forward",
                                     node->op == OP_GRU ? " linear_before_reset=1" : ""),
                              2);
    const char *h = add_transpose(w, y, "2,3,1,0"); /* [length, 1, n, units] */

    if (!words)
        return h;
    return keep_state(w, h, add_reshape(w, format("%s_2", y), (int[]){-1, units, 1, 1}, 4), words,
                      length, node->at.reverse);
}
