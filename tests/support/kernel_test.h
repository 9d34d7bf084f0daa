/*
 * kernel_test.h -- compiled kernels beside the reference evaluator.
 *
 * The one idea: a model's text goes through the whole compiler, the generated C becomes a shared
 * object, and the test is its runtime: it packs random numbers, runs steps, looks at every value
 * right after the kernel that wrote it, and compares with the same graph in double.
 */

#ifndef KERNEL_TEST_H
#define KERNEL_TEST_H

#include <check.h>
#include <sys/types.h>

#include "emit/emit.h"
#include "netrt.h"
#include "reference/reference.h"

/* ---- kernel_build.c -------------------------------------------------------------------------- */

/* A model compiled for one target. */
typedef struct Compiled {
    const char *target; /* "avx512" */
    Model *model;
    Program *train, *evaluate;  /* planned; their graphs are laid out */
    const char *code, *library; /* files, while clang works */
    pid_t clang;
    void *handle; /* of dlopen */
    const struct net_model *net;
    void (**wait)(struct net_threads *pool, int thread); /* what it calls at a barrier, */
    void (**lap)(struct net_profile *profile, int kernel, int thread); /* and after a kernel */
} Compiled;

enum { ALL_TARGETS = 3, MAX_TARGETS = 4 /* with that of bfloat16 */ };

/* Whether this program was built with AddressSanitizer. */
bool is_sanitized(void);

extern const char *const all_targets[ALL_TARGETS]; /* best first; not avx512bf16 */

/* Those that this machine can run; sanitized suites take one. */
int find_targets(const char *targets[MAX_TARGETS]);
/* And that which has instructions for bfloat16. */
int find_bfloat16_targets(const char *targets[MAX_TARGETS]);

/* Front end to plan, every stage verified. */
Compiled plan_model(const char *text, const char *target);
/* Of a network of these statements, 16 rows, with inputs x[7], y[3, 6, 6] and a target [9]. */
Compiled plan_body(const char *body, const char *target);
/* words: a sparse row of 30; label: one of 3 classes */
Compiled plan_sparse_body(const char *body, const char *target);

/* The generated C; fails the test where a line is longer than 100 columns. */
const char *generate(const Compiled *c);

/* Starts clang on it. */
void start_clang(Compiled *c);

/* Waits for it; fails the test where it warned. Loads the model. */
void load_model(Compiled *c);

/* ---- kernel_error.c -------------------------------------------------------------------------- */

/* What the error of each value may be, by id; needs an evaluated reference. */
double *bound_errors(const Reference *r);

/* ---- kernel_jumps.c -------------------------------------------------------------------------- */

/* May errors of the node's operands, by id of a value, put a number on the other side of a point
   where the derivative jumps; a maximum elsewhere; make another operand the larger one? */
bool has_near_jump(const Reference *r, const double *errors, const Node *node);
bool has_near_maximum(const Reference *r, const double *errors, const Node *node);
bool has_near_tie(const Reference *r, const double *errors, const Node *node);

/* ---- kernel_run.c ---------------------------------------------------------------------------- */

/* How far a value is from the reference, over the root mean square of that. */
typedef struct Distance {
    const Value *value;
    double mean, most; /* root of the mean square; the largest */
} Distance;

/* What a step left, in logical order: bits that have to be the same everywhere. */
typedef struct Outcome {
    float loss, evaluated_loss;
    float *numbers;     /* gradients or parameters, running statistics, predictions */
    const char **names; /* of each */
    long count;
    Distance *distances; /* of what was compared with the reference, in the step's order */
    int distance_count;
} Outcome;

/* A train step and an evaluation of n rows on one thread, memory that is not theirs poisoned:
   padding lanes after every kernel, and where `with_reference` every value against the
   reference. */
Outcome check_step(const Compiled *c, int n, bool with_reference);

/* The same on several threads, without looking inside. */
Outcome run_step(const Compiled *c, int n, int threads);

/* Its losses and predictions alone, of numbers that may spoil all others. */
Outcome run_losses(const Compiled *c, int n);

/* `steps` training steps with rows that change; what becomes of the parameters. */
Outcome run_training(const Compiled *c, int n, int threads, int steps);

/* Fails the test unless a and b have the same bits. */
void check_same_bits(const Outcome *a, const Outcome *b, const char *what);

/* ---- kernel_case.c --------------------------------------------------------------------------- */

/* A network, mostly of branches side by side, and what goes into it. */
typedef struct KernelCase {
    const char *name;
    int batch;             /* rows that it is compiled for */
    int least;             /* rows of the smallest batch */
    bool emulated;         /* for `generic` too: what has functions of vec.h of its own */
    const char *inputs;    /* lines of the data section */
    const char *target;    /* "[40] = t", "= t -> classes(10)" */
    const char *arguments; /* of the network: inputs' names */
    const char *body;      /* of the network */
    const char *loss;      /* "mse", or with arguments: "huber, delta=2" */
} KernelCase;

/* Those of a suite. */
typedef struct KernelCases {
    const KernelCase *at;
    int count;
} KernelCases;

KernelCases conv_cases(void);            /* conv.c */
KernelCases pool_cases(void);            /* pool.c */
KernelCases text_cases(void);            /* text.c */
KernelCases winograd_cases(void);        /* winograd.c */
KernelCases argmax_grad_cases(void);     /* argmax_grad.c */
KernelCases batch_lanes_cases(void);     /* batch_lanes.c */
KernelCases weight_gradient_cases(void); /* weight_gradient.c */
KernelCases matmul_cases(void);          /* matmul.c */
KernelCases movement_cases(void);        /* movement.c */
KernelCases axis_cases(void);            /* axis.c */
KernelCases attention_cases(void);       /* attention.c */
KernelCases recurrent_cases(void);       /* recurrent.c */
KernelCases volume_cases(void);          /* volume.c */

const char *loss_sum_text(void); /* loss_sums.c: a .net file with a sum of losses */
const char *loss_value_text(void);
const char *info_nce_text(void); /* info_nce.c */
const char *meeting_text(void);  /* meetings.c */

const char *kernel_model(const KernelCase *c); /* its .net file */
int most_threads(const char *target);          /* that steps are tried with */

/* On every target, for full and partial batches, on one to three threads: against the reference,
   and the same bits everywhere. */
void check_kernel_case(const KernelCase *c);
void check_kernel_text(const KernelCase *c, const char *text);
void check_kernel_on(const KernelCase *c, const char *text, const char *const *targets,
                     int target_count); /* of another .net file for it */

/* A loop of `test` over a suite's cases, or with CASE=3 or CASE=NAME in the environment that one
   alone; what is returned is part of the suite and takes its other tests. */
TCase *add_cases(Suite *suite, const TTest *test, const KernelCase *cases, int count);

#endif
