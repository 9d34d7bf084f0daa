/*
 * passes.h -- Graph -> Program: derivatives, where numbers lie, the kernels that compute them, their
 * order and memory.
 */

#ifndef PASSES_H
#define PASSES_H

#include "graph/graph.h"

/* ---- autodiff.c, simplify.c ----------------------------------------------------------------- */

void autodiff(Graph *g); /* needs: forward nodes, loss. gives: gradient and update nodes */
void simplify(Graph *g); /* reshapes, common subexpressions, dead nodes; after autodiff */

/* ---- layout.c, physical.c: where the numbers of a value lie ---------------------------------- */

/* A piece of memory with a place. Views of one value share it. */
typedef enum Where { IN_ARENA, IN_BATCH, IN_PARAMS } Where;

typedef struct Buffer {
    Where where;
    size_t size, offset; /* bytes; a multiple of 64 */
    int first, last;     /* phases in which it is live (plan.c); first is -1 when unused */
    const char *name;    /* for the memory plan */
} Buffer;

/* Channels start .. start + channels * pixels - 1 of a row (flat, row-major): element
   start + c * pixels + p is in block `block + p * stride + c / 16`, lane c % 16. */
typedef struct Segment {
    int start, channels, pixels, block, stride;
} Segment;

enum { MAX_SEGMENTS = 16 };

typedef enum PhysicalKind {
    PHYSICAL_VALUE,  /* [chunk][height][width][block][16 images][lanes] */
    PHYSICAL_VECTOR, /* [block][16]: a number a channel */
    PHYSICAL_WEIGHT, /* panels of 3, 2 or 1 blocks of outputs: [row][block][16] */
    PHYSICAL_TABLE,  /* [row][block][16]: an embedding */
    PHYSICAL_CLASS,  /* [image] int32 */
    PHYSICAL_TOKENS, /* [image][position] int32, and the same by number of the word */
    PHYSICAL_SPARSE, /* elements that are not 0, by image and by column */
    PHYSICAL_SCALAR, /* the loss: a slice a chunk */
} PhysicalKind;

typedef struct Physical {
    PhysicalKind kind;
    Buffer *buffer;
    const char *type;          /* the C type: "struct value_64x32x28x28" */
    int chunks;                /* of 16 images */
    int height, width, blocks; /* of a value; blocks a pixel */
    int lanes;                 /* 16; 1, 2, 4 or 8 for an image input of few channels */
    int top, left;             /* a packed input's border of zeros */
    int full_height, full_width;
    Segment segments[MAX_SEGMENTS]; /* of a value or vector; of a weight: its inputs */
    int segment_count;
    int outputs, rows; /* of a weight, outputs of rows of one (rows_layout); rows of a
                                   table; columns of a bag of words */
    int panels[3];     /* of a weight: how many of 3, of 2, of 1 blocks */
    ElementType element;
} Physical;

/* Gives every value of both graphs a layout; inserts copies where two have to meet. The batch and
   the parameters are the same in both. */
void lay_out(Graph *train, Graph *evaluate, const Target *target);
int channel_count(const Physical *v); /* of a pixel: logical */
int padded_count(const Physical *p);  /* floats of a weight or vector */
bool same_layout(const Physical *a, const Physical *b);
bool is_plain(const Physical *v); /* one segment, channels in order */
int find_blocks(const Physical *whole, const Physical *part, int start);

/* ---- fuse.c: nodes become kernels ------------------------------------------------------------ */

typedef enum KernelKind {
    KERNEL_CONTRACT,       /* dense, conv2d and their dx */
    KERNEL_FEW_OUTPUTS,    /* dense of few outputs, along its inputs, and its dx */
    KERNEL_FEW_OUTPUTS_DW, /* and its dw, with the update */
    KERNEL_BATCH_LANES,    /* conv2d and its dx with the batch in the lanes (CHWN): few channels */
    KERNEL_TRANSPOSE,      /* weights turned for a dx */
    KERNEL_WINOGRAD,       /* conv2d and its dx by Winograd's minimal filtering */
    KERNEL_WINOGRAD_WEIGHTS, /* weights transformed for it */
    KERNEL_WINOGRAD_DW,      /* dw the same way, and the update with it; or partial sums of dU */
    KERNEL_WINOGRAD_DW_REDUCTION, /* partial sums added in order, transformed, and the update */
    KERNEL_DW,             /* dw, and the update with it; or partial sums of each batch block */
    KERNEL_BATCH_LANES_DW, /* partial sums of dw with the batch in the lanes: few outputs */
    KERNEL_PACKED_DW,      /* partial sums of dw of a packed image, of few channels */
    KERNEL_DW_REDUCTION,   /* partial sums added in order */
    KERNEL_DX_AT,          /* dx of a convolution from a number and a place a channel, */
    KERNEL_DW_AT,          /* and dw, with the update */
    KERNEL_DEPTHWISE,      /* and its dx */
    KERNEL_DEPTHWISE_DW,   /* partial sums */
    KERNEL_GROUPS,         /* weights of groups in a full one, or back */
    KERNEL_ELEMENTWISE,
    KERNEL_SUMS,     /* channel_sum, batchnorm: a slice a row of pixels */
    KERNEL_SUMS_END, /* slices added in order, and what follows from them */
    KERNEL_INVERSE_STD,
    KERNEL_MAXPOOL,
    KERNEL_MAXPOOL_GRAD,
    KERNEL_AVGPOOL, /* over all pixels */
    KERNEL_AVGPOOL_GRAD,
    KERNEL_WINDOW_SUM,    /* avgpool2d, the gradient of upsample2d */
    KERNEL_WINDOW_SPREAD, /* upsample2d, the gradient of avgpool2d */
    KERNEL_GLOBAL_MAXPOOL,
    KERNEL_GLOBAL_MAXPOOL_GRAD,
    KERNEL_BLOCKS,   /* concat, slice: whole blocks copied */
    KERNEL_RELAYOUT, /* any layout to any other */
    KERNEL_SOFTMAX,
    KERNEL_SOFTMAX_GRAD,
    KERNEL_LAYERNORM,
    KERNEL_LAYERNORM_GRAD,
    KERNEL_LOSS, /* and its gradient where wanted */
    KERNEL_MEAN_LOSS,
    KERNEL_EMBEDDING,
    KERNEL_EMBEDDING_DW, /* and the update with it */
    KERNEL_WORD_MEAN,
    KERNEL_WORD_MEAN_GRAD,
    KERNEL_SPARSE_DENSE,
    KERNEL_SPARSE_DENSE_DX,
    KERNEL_SPARSE_DENSE_DW, /* and the update with it */
    KERNEL_TO_DENSE,
    KERNEL_UPDATE, /* of a gradient that is a sum of several, or read elsewhere */
} KernelKind;

/* How threads share a kernel: the same split of the same items needs no barrier in between. */
typedef enum Split {
    SPLIT_ROWS, /* items (chunk, row of pixels) */
    SPLIT_OTHER,
} Split;

/* How a kernel goes by Winograd's minimal filtering (winograd.c). */
typedef struct Winograd {
    int tile;           /* outputs of a tile each way, 4 or 2; 0: it does not */
    int down, across;   /* tiles of an image */
    int group, chunks;  /* tiles at a time, of each of so many chunks */
    int panels, blocks; /* of a dw: panels of outputs and blocks of inputs of an item */
    bool whole;         /* of a dw: one group is all there is */
    int splits;         /* of a dw: of the groups, each with a dU of its own; or 1 */
    long v, m, u;       /* floats of a thread's scratch: inputs, products, of a dw dU */
} Winograd;

/* How the weight gradient of a convolution of few outputs has the batch in the lanes
   (weight_gradient.c). */
typedef struct BatchLanesDw {
    int splits; /* of a batch block's pixels, each with partial sums; 0: outputs are in the lanes */
    bool by_column;      /* splits of the only row; else of rows */
    int inputs, outputs; /* of a register tile: those of a row of taps, and outputs */
    long x;              /* floats of a thread's scratch: pixels of a block of x, */
    long floats;         /* and those of dy after them */
} BatchLanesDw;

/* How a convolution with few outputs has the batch in the lanes (batch_lanes.c). */
typedef struct BatchLanes {
    int pixels, channels; /* of y in a tile; pixels 0: it does not */
    int groups;           /* of so many channels: all of y's, and a few of its padding */
    int rows;             /* of y in a band, for which rows of x are transposed once */
    int pad_top;          /* rows that the window of a row begins before it */
    int left, transposed,
        columns; /* of a transposed row: zeros first, pixels of x, all with zeros last */
    long floats; /* of a thread's scratch: the rows of x under a band */
} BatchLanes;

typedef struct Kernel {
    KernelKind kind;
    Node *node;   /* what it is made around */
    Node *grad;   /* of a loss: the gradient computed with it, or NULL */
    Node *update; /* of a weight or sum: the update at its end, or NULL */
    Node **body;  /* elementwise nodes on what it computes, in order */
    int body_count;
    Buffer *scratch;      /* transposed weights or partial sums: written by one, read by another */
    Buffer *mask;         /* what a dropout keeps, a bit an element (masks.c); or NULL */
    const Node *masked;   /* that dropout, of the body */
    bool writes_mask;     /* or reads it */
    struct Kernel **sums; /* KERNEL_SUMS taken of each finished item, still in the cache */
    int sum_count;
    int splits; /* of a dw by partial sums and its reduction: of each batch block; or 0 */
    Split split;
    int split_rows;   /* pixel rows a chunk, of SPLIT_ROWS */
    bool panel_outer; /* of a contraction: items (panel, chunk, row) */
    Winograd winograd;
    BatchLanesDw batch_lanes_dw;
    BatchLanes batch_lanes;
    bool needs_target;   /* left out of an evaluation without targets */
    int phase;           /* plan.c: 0, 1, ... between barriers */
    const char *driver;  /* emit: the C function */
    double flops, bytes; /* read and written, once each */
    double updated;      /* bytes of parameters that it updates, besides */
} Kernel;

typedef struct Program {
    Graph *graph;
    const Target *target;
    Kernel **kernels;
    int count;
    Buffer **buffers; /* of the arena */
    int buffer_count;
    int phases;
    size_t arena; /* bytes */
} Program;

Program *fuse(Graph *g, const Target *target);
void print_kernels(FILE *out, const Program *program); /* --dump=fused (print_kernels.c) */
const char *kernel_label(const Kernel *k);             /* "conv2d relu" */
Value *root_of(Value *value);                          /* what a reshape without a copy views */
bool computes(const Kernel *k, const Value *value);    /* in its node or body */

/* What a kernel reads or writes; each_buffer calls `use` for each. */
typedef struct Access {
    Buffer *buffer;
    bool written;
    bool local; /* under SPLIT_ROWS: only what belongs to the item itself */
} Access;

typedef void BufferUse(void *context, const Kernel *k, Access access);
void each_buffer(const Kernel *k, BufferUse *use, void *context);
void count_bytes(Kernel *k); /* bytes, updated */

/* ---- masks.c: what dropout keeps, drawn once ------------------------------------------------- */

void share_masks(Program *p); /* where backward can read it */

/* ---- winograd.c: which convolutions go by minimal filtering ---------------------------------- */

/* 4, 2, or 0 for direct; needs layouts. */
int winograd_tile(const Node *node, const Graph *g);
Winograd plan_winograd(const Node *node, const Graph *g, const Target *target);
size_t winograd_weights(const Node *node, int tile); /* floats, transformed */
long winograd_partial(const Physical *dw, int tile); /* floats of the partial sums of a split */
long winograd_unit(int tile, int vectors);           /* of a panel and block of inputs in it */
double winograd_flops(const Node *node, Winograd g); /* of the products, one image */

/* ---- scratch.c: what a kernel's thread has for itself ---------------------------------------- */

long large_floats(long floats); /* that an array in scratch takes, or 0 */
size_t thread_floats(const Program *train, const Program *evaluate); /* of scratch */
/* An array of `count` elements of `size` floats each, "[16][16]" or "": on the stack, or where it
   is large in the thread's scratch, at `from` floats. */
void write_array(Text *text, int level, const char *name, long count, const char *element, int size,
                 long from);

/* ---- weight_gradient.c: how weight gradients are summed ----------------------------------------------- */

void plan_dw(Kernel *k, const Target *target); /* its kind and splits; needs layouts */

/* ---- batch_lanes.c: which convolutions have the batch in the lanes ----------------------------------- */

BatchLanes plan_batch_lanes(const Node *node, const Target *target); /* needs layouts */

/* ---- plan.c: phases, barriers, memory -------------------------------------------------------- */

void plan(Program *program);
void verify_plan(const Program *program);           /* overlaps and hazards, from scratch */
void print_plan(FILE *out, const Program *program); /* --dump=plan */
void draw_plan(Text *out, const Program *program);  /* for the generated header */

/* ---- draw.c: `netc --graph` ------------------------------------------------------------------ */

void draw_graph(Text *out, const Program *program); /* kernels and what flows, for Graphviz */

#endif
