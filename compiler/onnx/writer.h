/*
 * writer.h -- what the rules of ONNX nodes share: names of values, and nodes that are added.
 */

#ifndef ONNX_WRITER_H
#define ONNX_WRITER_H

#include "onnx/onnx.h"

typedef struct Writer {
    Onnx *onnx;
    const char **names; /* by value id: what it is called; NULL: not yet */
    int temporaries;
} Writer;

/* ---- writer.c -------------------------------------------------------------------------------- */

/* The name of a value, in the shape that it has in the graph. */
const char *onnx_name(Writer *w, const Value *value);
const char *onnx_names(Writer *w, const Node *node,
                       int count); /* of its first inputs, with blanks */

/* Adds a node with one output, or several; gives its name, or the first one's, the others are that
   with _2, _3. Inputs and attributes are formatted texts. */
const char *add_onnx(Writer *w, const char *op, const char *inputs, const char *attributes);
const char *add_parts(Writer *w, const char *op, const char *inputs, const char *attributes,
                      int count);

const char *add_ints(Writer *w, const int *list, int count); /* a constant vector of int64 */
const char *add_float(Writer *w, double number);             /* a constant scalar */
const char *add_int(Writer *w, int number);                  /* a constant vector of one */
const char *ints_text(const int *list, int count);           /* "[1,2]" */

/* Of a value with the batch in front; 0 keeps the axis at its place, -1 is what is left. */
const char *add_reshape(Writer *w, const char *value, const int *sizes, int count);
const char *reshape_rows(Writer *w, const char *value, Shape shape); /* to a shape of one row */
const char *add_transpose(Writer *w, const char *value, const char *order); /* "0,2,1" */

/* ---- rules.c --------------------------------------------------------------------------------- */

/* Adds the nodes; gives the name of the node's first output, NULL where ONNX cannot say it. */
const char *describe_node(Writer *w, const Node *node);

/* True: the node's rule says what gives this input, too. */
bool is_part(const Node *node, int input);

/* ---- contractions.c -------------------------------------------------------------------------- */

const char *describe_dense(Writer *w, const Node *node);
const char *describe_sparse_dense(Writer *w, const Node *node);
const char *describe_conv(Writer *w, const Node *node);
const char *describe_transpose_conv(Writer *w, const Node *node);
const char *describe_matmul(Writer *w, const Node *node);
/* Strides, pads and dilations, each with a blank in front. */
const char *strides_text(const Attributes *at);
const char *sizes_along(const Attributes *at, const int size[3], int absent);

/* ---- sequences.c ----------------------------------------------------------------------------- */

const char *describe_attention(Writer *w, const Node *node);
const char *describe_recurrence(Writer *w, const Node *node);
const char *describe_token_mean(Writer *w, const Node *node);

#endif
