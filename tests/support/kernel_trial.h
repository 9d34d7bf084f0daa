/*
 * kernel_trial.h -- a step that is tried (kernel_run.c), and the comparison of what it wrote
 * (kernel_compare.c).
 */

#ifndef KERNEL_TRIAL_H
#define KERNEL_TRIAL_H

#include "support/kernel_test.h"

/* What a test lends to a step, with bytes around it that have to stay. */
typedef struct Memory {
    unsigned char *at; /* GUARD bytes behind what was allocated */
    size_t size;
} Memory;

typedef struct Trial {
    const Compiled *c;
    const Program *program; /* of the step that runs */
    const struct net_step *step;
    struct net_run run;
    Memory params, state, grads, arena, batch, scratch;
    Reference *expected; /* of the program's graph; NULL: numbers are not compared */
    double *errors;      /* that its values may have, by id */
    Distance *distances; /* of those compared */
    int distance_count;
} Trial;

/* What is compared with the reference. */
typedef struct Comparison {
    const Trial *trial;
    const Value *value;
    const char *what; /* a kernel's label, a parameter's name */
    const double *expected;
    double allowed;                      /* error of an element */
    double squares, error_squares, most; /* of what was expected; errors; the largest */
    long count;
} Comparison;

Comparison compare(const Trial *t, const Value *value, const char *what);
void check_number(Comparison *c, long i, float got); /* element i; fails the test */

/* Weights and vectors, in the arena or not: logical elements, and padding that is +0 (`padded`). */
void check_tensor(Trial *t, const float *at, const struct net_tensor *tensor, Comparison *c,
                  bool padded, const char *what);

/* Called by the generated code after kernel number `kernel`: every value that it stored against the
   reference, lanes that are no channel against +0. */
void check_kernel(struct net_profile *profile, int kernel, int thread);

#endif
