/*
 * select.h -- what select.c asks of algorithm_nodes.c: where algorithms with nodes of their own
 * apply, and those nodes.
 */

#ifndef SELECT_H
#define SELECT_H

#include "passes/passes.h"

/* Of a gradient of conv2d whose dy a global max has scattered: the node that did; or NULL. */
const Node *find_argmax(const Node *node);
/* Is it a conv2d, dx or dw with a group for each channel, whose weight group_expand makes? */
bool is_depthwise(const Graph *g, const Node *node);
/* Puts the nodes of the selected algorithms in place of the general ones. */
void use_algorithms(Graph *g);

#endif
