/*
 * graph_test.h -- graphs filled with random numbers, and graphs compared: for every suite that
 * evaluates a graph by the reference.
 */

#ifndef GRAPH_TEST_H
#define GRAPH_TEST_H

#include "lower/lower.h"
#include "passes/passes.h"
#include "reference/reference.h"

/* The loss that compares with this target, the first of them; OP_NONE: there is none. */
Op loss_of(const Graph *g, const Value *target);
/* A class of the target by a number from -1 to 1; -1 too, where its loss ignores labels. */
double random_class(const Graph *g, const Value *target, double x);

/* Of tokens: 0 and 1 often; of a bag: 0 often. Some rows hold nothing, some bags everything; `x`
   is the element's random number. */
double word_number(const Value *value, double x, long i);
/* Element `index` of stream `stream`: uniform in [-1, 1], the same in every run. */
double random_number(uint32_t stream, long index);

long element_count(const Value *value, int n); /* with its rows where batched */

/* A reference with n rows whose inputs, targets, parameters and states are random: a class from
   those of the prediction, a variance positive, what a binary cross entropy aims at 0 or 1. Values
   of the same name get the same numbers in every graph, whatever shape they are packed in. */
Reference *random_reference(const Graph *g, int n, uint32_t seed);

/* Fails the test unless every gradient of a train graph agrees with differences of the loss, in a
   random direction and for single elements. Gives the number of parameters. */
int check_gradients(const Graph *g, int n, const char *what);

/* Fails the test unless both have the same loss, prediction and gradient or new value of every
   parameter and state, found by name. */
void check_same_results(const Graph *a, const Graph *b, int n);

/* A model from the text of a .net file; fails the test if it has errors. */
Model *model_of(const char *text);

#endif
