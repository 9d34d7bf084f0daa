/*
 * fuse.h -- what the files of `fuse` share: fuse_list.c makes the list of kernels,
 * fuse_late.c knows what waits for its reader, fuse_contractions.c and fuse_reductions.c what their
 * nodes become, fuse.c walks the graph.
 */

#ifndef FUSE_H
#define FUSE_H

#include "passes/passes.h"

typedef struct Fusion {
    Program *program;
    Graph *g;
    int *producer;      /* by value id: the number of the kernel that computes it, or -1 */
    Node **only_reader; /* by value id; or NULL */
    Kernel **first;     /* run before all others: weights in other forms */
    int first_count;
    Kernel **late; /* the same of weights that a section before has updated: behind that */
    int late_count;
    bool *fused;      /* by node id: already part of a kernel */
    Kernel **pending; /* final reductions that nobody waits for yet */
    int pending_count;
} Fusion;

/* ---- fuse_list.c ----------------------------------------------------------------------------- */

Kernel *new_kernel(KernelKind kind, Node *node);            /* split as its kind says */
Kernel *add_kernel(Fusion *f, KernelKind kind, Node *node); /* at the end of the list */
void add_first(Fusion *f, Kernel *k, const Value *weight);  /* before the step */
const Kernel *find_first(const Fusion *f, int i);           /* of all of these; NULL: the end */
void join_first(Fusion *f);                                 /* those before the others */
void split_rows(Kernel *k, const Value *value);             /* items: its rows of pixels */
const char *layer_part(const Node *node, const char *what); /* "hidden weight gradient" */
Node *take_update(Fusion *f, const Value *gradient);        /* if only it reads that; or NULL */
/* The final reduction of partial sums; now if there is who waits for it. */
void add_reduction(Fusion *f, KernelKind kind, const Kernel *partial, Node *update, bool wait);
Kernel *take_reduction(Fusion *f, const Value *summed); /* of db, with its update; or NULL */
void flush_pending(Fusion *f);        /* final reductions come after the kernels of their layer */
bool takes_epilogue(const Kernel *k); /* elementwise work on what it computes, in registers */

_Noreturn void fail_fusion(const Node *node); /* netc's own fault: an operation without a kernel */

/* ---- fuse_late.c ----------------------------------------------------------------------------- */

/* Is it computed in the kernel of its one reader? */
bool is_late(const Fusion *f, const Node *node);
/* What computes an input of a node in the node's own kernel, before it; or NULL. */
Node *late_input(const Fusion *f, const Node *node, int input);
/* The last kernel that computes something that the node reads, and what; or -1. */
int find_producer(const Fusion *f, const Node *node, const Value **link);

/* ---- bfloat16.c ------------------------------------------------------------------------------ */

/* What a contraction of bfloat16 reads in place of its first two inputs, and forward's weights; all
   NULL of another. */
void pair_operands(Fusion *f, Node *node, Buffer *pairs[2], Buffer **weights);

/* ---- What a node becomes --------------------------------------------------------------------- */

typedef void AddNode(Fusion *f, Node *node);

AddNode add_selected, add_weight_form, add_recurrent; /* fuse_contractions.c */
/* fuse_reductions.c */
AddNode add_sums, add_image_sums, add_meeting, add_loss, add_loss_grad, add_losses, add_update;

#endif
