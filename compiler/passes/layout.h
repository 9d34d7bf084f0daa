/*
 * layout.h -- what select.c and the files of `lay_out` share: layout_values.c makes a layout,
 * layout_results.c and layout_inputs.c know which one results and inputs have, layout.c gives them.
 */

#ifndef LAYOUT_H
#define LAYOUT_H

#include "passes/passes.h"

/* ---- layout_results.c: where a result lies, its inputs lying as they do ---------------------- */

Physical result_layout(const Graph *g, const Node *node); /* of its first output */
Physical gradient_layout(const Graph *g, const Value *dx);
bool has_many_segments(const Node *concat); /* then its inputs are copied */

/* ---- layout_inputs.c ------------------------------------------------------------------------- */

/* Gives inputs of both graphs their layouts: the batch is the same. */
void lay_out_inputs(Graph *train, Graph *evaluate);

/* ---- layout_values.c ------------------------------------------------------------------------- */

int blocks_of(int channels);
size_t round_up(size_t size);                      /* to 64 bytes */
Buffer *new_buffer(Where where, const char *name); /* without a size */
size_t value_bytes(const Physical *v);
bool same_segments(const Physical *a, const Physical *b);

/* Of a value: one segment; the blocks of x on other pixels; the memory of x as one pixel. */
Physical new_value(const Graph *g, Shape shape);
Physical with_pixels(const Physical *x, Shape shape);
Physical flattened(const Physical *x);

/* Of parameters: a number a channel, in the blocks of x or in order; a weight whose inputs follow x
   (NULL for that of a convolution), in panels or, of few outputs, in a row for each; a table of
   words; a filter a channel. */
Physical vector_of(const Physical *x);
Physical plain_vector(int channels);
Physical weight_layout(const Value *w, const Physical *x, int groups, const Target *target);
Physical rows_layout(const Value *w, const Physical *x);
Physical table_layout(Shape shape);
Physical filters_layout(const Value *w);

/* The layout becomes the value's; in a buffer of its own where `buffer` is NULL. A parameter keeps
   the first that it gets. */
Physical *give(const Graph *g, Value *value, Physical layout, Buffer *buffer);
void give_parameter(Value *value, Physical layout);

#endif
