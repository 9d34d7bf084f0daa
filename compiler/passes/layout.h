/*
 * layout.h -- what select.c and the files of `lay_out` share: layout_values.c makes a layout,
 * layout_results.c and layout_inputs.c know which one results and inputs have,
 * layout_weights.c those of weights; layout.c gives them.
 */

#ifndef LAYOUT_H
#define LAYOUT_H

#include "passes/passes.h"

/* ---- layout_copies.c: one graph, with copies ------------------------------------------------- */

typedef struct LayoutPass {
    Graph *g;
    const Target *target;
    Node **nodes; /* the new list, with copies where they are needed */
    int count;
} LayoutPass;

/* Makes input `i` of the node lie as `wanted`: through a copy unless it does. */
void require(LayoutPass *l, Node *node, int i, const Layout *wanted);
void require_plain(LayoutPass *l, Node *node, int i); /* in one segment */
/* Aborts with a message rather than let a parameter be read that lies otherwise. */
void check_kept(const Value *parameter, bool as_wanted);

/* ---- layout_weights.c: weights and their gradients ------------------------------------------- */

void lay_out_weights(LayoutPass *l, Node *node);

/* ---- layout_results.c: where a result lies, its inputs lying as they do ---------------------- */

Layout result_layout(const Graph *g, const Node *node); /* of its first output */
Layout gradient_layout(const Graph *g, const Value *dx);
bool has_many_segments(const Node *concat); /* then its inputs are copied */

/* ---- layout_inputs.c ------------------------------------------------------------------------- */

/* Gives inputs of both graphs their layouts: the batch is the same. */
void lay_out_inputs(Graph *train, Graph *evaluate);

/* ---- layout_values.c ------------------------------------------------------------------------- */

size_t round_up(size_t size); /* to 64 bytes */
size_t value_bytes(const Layout *v);
bool same_segments(const Layout *a, const Layout *b);

/* Of a value: one segment; the blocks of x on other pixels; the memory of x as one pixel. */
Layout new_value(const Graph *g, Shape shape);
Layout with_pixels(const Layout *x, Shape shape);
Layout flattened(const Layout *x);

/* Of parameters: one value per channel, in the blocks of x or in order; a weight whose inputs
   follow x (NULL for that of a convolution), in panels or, of few outputs, in a row for each; an
   embedding matrix; a filter per channel. */
Layout vector_of(const Layout *x);
Layout plain_vector(int channels);
Layout as_vector(const Graph *g, const Value *x, const Layout *vector); /* x in its blocks */
bool same_blocks(const Layout *a, const Layout *b); /* are channels in the same places? */
Layout weight_layout(const Value *w, const Layout *x, int groups, const Target *target);
Layout rows_layout(const Value *w, const Layout *x);
Layout table_layout(Shape shape);
Layout filters_layout(const Value *w);

/* The layout becomes the value's; in a buffer of its own where `buffer` is NULL. A parameter keeps
   the first that it gets. */
void give(const Graph *g, Value *value, Layout layout, Buffer *buffer);
void give_parameter(Value *value, Layout layout);

#endif
