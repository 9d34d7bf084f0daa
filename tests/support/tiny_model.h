/*
 * tiny_model.h -- a model written by hand, in plain loops, so that the whole runtime can be tested
 * without the compiler.
 */

#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include "netrt.h"

/* x[13] -> dense(19) -> relu -> dropout(0.1) -> dense(3), cross entropy, sgd with momentum. */
extern const struct net_model tiny_model;

/* The same with a gradient of the first weight that is 1% too large, and with one that misses the
   first row of every batch in the second bias. */
extern const struct net_model tiny_model_1_percent, tiny_model_missing_row;

struct net_options;

/* Options of `model` with the flags of `line`, separated by single spaces. */
void read_options(struct net_options *options, const struct net_model *model, const char *line);

#endif
