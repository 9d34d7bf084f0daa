/*
 * kernel_words.c -- the placeholders of a kernel that are no values of its node.
 *
 *     <inputs> <outputs>    all its values
 *     <op> <name>           the operation; with the update and epilogue behind it: "dense_relu"
 *     <partial>             in a name: "_partial" where it leaves partial sums, else as <update>
 *     <update>              in a name: "_update" where it ends with one; <then_update>: a comment's
 *     <scratch> <result>    partial sums and the like, or else the weight; the weight of the
 *                           update, or the gradient
 *     <ids>                 the elements of the input `tokens`, or "NULL"
 *     <epilogue> <row_end>  functions that are added for it, with their operands
 *     <transcendental>      "true" where the epilogue's are dear
 *     <extreme> <min> <sign>  "max", "", "1.0f", or "min", "_min", "-1.0f"
 *     <apply> <taps> <axis> structs, as literals
 *     <padding>             members, where there is some, and of slices
 *     <tile_inputs>         of the target's tile of a weight gradient
 *     <kernel> <window>     "2x2"; its pixels
 *     <tile_rows>           of the target's register tile; <tile_images>: of one of images
 *     <tile> <splits>       of the schedule
 */

#include "emit/emit.h"

/* The elements of tokens, where the node has some. */
static const char *ids_text(const KernelCode *c, const Node *node)
{
    const Value *tokens = input_named(node, "tokens");

    return tokens ? format("%s->id", name_of(c, tokens)) : "NULL";
}

static const char *pointers(const KernelCode *c, Value *const *values, int count)
{
    Text text = {0};

    for (int i = 0; i < count; i++)
        text_add(&text, "%s%s", i ? ", " : "", pointer(c, values[i]));
    return text.at;
}

/* Images of a register tile: no more than a batch block has. */
static int tile_images(const KernelCode *c, const Node *node)
{
    const int images = node->inputs[0]->layout->images, most = c->e->target->images;

    return images > 1 && images < most ? images : most;
}

const char *kernel_word(const KernelCode *c, const Kernel *k, const char *word)
{
    const Node *node = k->node;
    const char *op = op_info[node->op].text, *update = update_suffix(k);
    const char *then = k->update ? ", then the update" : "";
    const int *window = node->at.kernel;
    const int rows = k->schedule.winograd.tile ? k->schedule.winograd.rows : c->e->target->rows;
    const Value *weight = node->input_count > 1 ? node->inputs[1] : NULL;

    return same(word, "op")               ? op
           : same(word, "name")           ? format("%s%s%s", op, update, epilogue_name(k))
           : same(word, "update")         ? update
           : same(word, "then_update")    ? then
           : same(word, "partial")        ? k->scratch ? "_partial" : update
           : same(word, "inputs")         ? pointers(c, node->inputs, node->input_count)
           : same(word, "outputs")        ? pointers(c, node->outputs, node->output_count)
           : same(word, "ids")            ? ids_text(c, node)
           : same(word, "scratch")        ? k->scratch ? scratch_pointer(c, k) : pointer(c, weight)
                  : same(word, "result") ? result_pointer(c, k)
           : same(word, "epilogue")       ? add_epilogue(c, k).arguments
           : same(word, "transcendental") ? truth(start_chain(c, k).transcendental)
           : same(word, "row_end")        ? add_row_end(c, k)
           : same(word, "extreme")        ? node->at.smallest ? "min" : "max"
           : same(word, "min")            ? node->at.smallest ? "_min" : ""
           : same(word, "sign")           ? node->at.smallest ? "-1.0f" : "1.0f"
           : same(word, "apply")          ? apply_literal(c, k)
           : same(word, "taps")           ? taps_text(node)
           : same(word, "axis")           ? axis_text(node)
           : same(word, "padding")        ? padding_text(&node->at)
           : same(word, "kernel")         ? format("%dx%d", window[0], window[1])
           : same(word, "window")         ? format("%d", window[0] * window[1])
           : same(word, "tile_rows")      ? format("%d", rows)
           : same(word, "tile_images")    ? format("%d", tile_images(c, node))
           : same(word, "tile_inputs")    ? format("%d", tile_inputs(c->e, node))
           : same(word, "tile")           ? format("%d", k->schedule.tile)
           : same(word, "splits")         ? format("%d", k->schedule.splits)
                                          : NULL;
}
