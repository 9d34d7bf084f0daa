/*
 * passes.h -- Graph -> Program: derivatives, where numbers lie, the kernels that compute them,
 * their order and memory.
 */

#ifndef PASSES_H
#define PASSES_H

#include "core/kernel_sizes.h"
#include "graph/graph.h"

/* ---- autodiff.c, simplify.c ------------------------------------------------------------------ */

void autodiff(Graph *g); /* needs: forward nodes, loss. gives: gradient and update nodes */
void simplify(Graph *g); /* dead and equal nodes, reshapes, gradients under a maximum */
bool is_recomputed(const Node *node);        /* backward, from what is kept, as its twin is not */
bool remove_dead(Graph *g);                  /* what nobody reads; false: nothing */
const Node *find_pool_grad(const Value *dy); /* what scatters dy to the max of each window; NULL */

/* ---- layout*.c: where the numbers of a value lie --------------------------------------------- */

/* A piece of memory with a place. Views of one value share it. */
typedef enum Where { IN_ARENA, IN_BATCH, IN_PARAMS } Where;

typedef struct Buffer {
    Where where;
    size_t size, offset; /* bytes; a multiple of 64 */
    int first, last;     /* phases in which it is live (plan.c); first is -1 when unused */
    const char *name;    /* for the memory plan */
    int index;           /* of an arena's: in its program's buffers; of a parameter's: emit's */
} Buffer;

Buffer *new_buffer(Where where, size_t size, const char *name); /* size: bytes, or 0 for now */

/* Channels start .. start + channels * pixels - 1 of a row (flat, row-major): element
   start + c * pixels + p is in block `block + p * stride + c / 16`, lane c % 16. */
typedef struct Segment {
    int start, channels, pixels, block, stride;
} Segment;

typedef enum LayoutKind {
    LAYOUT_VALUE,   /* [batch block][height][width][block][images][lanes] */
    LAYOUT_VECTOR,  /* [block][16]: one value per channel */
    LAYOUT_ROWS,    /* [output][block][16]: a weight of few outputs, each along the inputs */
    LAYOUT_FILTERS, /* [tap][block][16]: a filter per channel */
    LAYOUT_WEIGHT,  /* panels of 3, 2 or 1 blocks of outputs: [row][block][16] */
    LAYOUT_TABLE,   /* [row][block][16]: an embedding */
    LAYOUT_CLASS,   /* [batch block][position][16 images] int32 */
    LAYOUT_TOKENS,  /* [image][position] int32, and the same by id */
    LAYOUT_SPARSE,  /* elements that are not 0, by image and by column */
    LAYOUT_SCALAR,  /* the loss: a partial sum a batch block, or of each row of its pixels */
} LayoutKind;

typedef struct Layout {
    LayoutKind kind;
    Buffer *buffer;
    const char *type;          /* the C type: "struct value_64x32x28x28" */
    int batch_blocks, images;  /* of so many images: 16, or 1 */
    int height, width, blocks; /* of a value; blocks a pixel */
    int lanes;                 /* 16; 1, 2, 4 or 8 for an image input of few channels */
    int top, left;             /* a packed input's border of zeros */
    int full_height, full_width;
    Segment segments[NET_MAX_SEGMENTS]; /* of a value or vector; of a weight: its inputs */
    int segment_count;
    int outputs, rows; /* of a weight: its outputs, and inputs times taps; rows of a table; columns
                          of a sparse input */
    int panels[3];     /* of a weight: how many of 3, of 2, of 1 blocks */
    int winograd;      /* of a library's, transformed for tiles of so many outputs each way; or 0 */
    ElementType element;
} Layout;

/* Gives every value of both graphs a layout; inserts copies where two have to meet. The batch and
   the parameters are the same in both. */
void lay_out(Graph *train, Graph *evaluate, const Target *target);
/* verify_layout.c: numbers that are put together lie together; NULL, or what is wrong. */
const char *find_layout_fault(const Graph *train, const Graph *evaluate);
void verify_layout(const Graph *train, const Graph *evaluate); /* aborts: netc's own bug */
int channel_count(const Layout *v);                            /* of a pixel: logical */
int padded_count(const Layout *p);                             /* floats of a weight or vector */
bool same_layout(const Layout *a, const Layout *b);            /* equal memory */
bool lies_as(const Layout *a, const Layout *b);                /* and rows of as many pixels */
bool is_plain(const Layout *v);                                /* one segment, channels in order */
int find_blocks(const Layout *whole, const Layout *part, int start);

/* ---- channel_moves.c: channels at other places, pixels as they were -------------------------- */

typedef struct ChannelMoves {
    int first, axes;                    /* the channel of x where they begin; axes of channels */
    int size[MAX_AXES], step[MAX_AXES]; /* of y's; channels of x from one to the next */
} ChannelMoves;

bool moves_channels(const Node *node); /* a permutation that is that */
bool moves_lanes(const Node *node);    /* any node that is, of values in blocks of channels */
ChannelMoves find_channel_moves(const Node *node);

/* ---- select.c: the algorithm of each contraction --------------------------------------------- */

typedef enum Algorithm {
#define ALGORITHM(name, text, cost, layout) ALGORITHM_##name,
#include "passes/algorithms.def"
#undef ALGORITHM
    ALGORITHM_COUNT
} Algorithm;

typedef enum AlgorithmLayout {
    ANY_LAYOUT,      /* values lie as they come */
    SELECTED_LAYOUT, /* x and y lie as selection took them to lie */
} AlgorithmLayout;

typedef struct AlgorithmInfo { /* a line of algorithms.def */
    const char *text;
    AlgorithmLayout layout;
} AlgorithmInfo;

extern const AlgorithmInfo algorithm_info[ALGORITHM_COUNT];

/* Of a contraction: what was chosen, and from what. */
typedef struct Selection {
    Algorithm algorithm;
    double cost[ALGORITHM_COUNT]; /* multiply-adds of vectors, an image; INFINITY: does not apply */
    Layout x, y;                  /* layouts that the costs were counted with: forward's x and y */
} Selection;

/* Writes `selection` on each contraction of both graphs. A graph may come to have other nodes:
   those of the algorithm. Needs: simplified graphs. Gives inputs their layouts. */
void select_algorithms(Graph *train, Graph *evaluate, const Target *target);

/* ---- fuse.c: nodes become kernels ------------------------------------------------------------ */

typedef enum KernelKind {
#define KERNEL(name, ...) KERNEL_##name,
#include "passes/kernels.def"
#undef KERNEL
    KERNEL_KINDS
} KernelKind;

/* How threads share a kernel: the same split of the same items needs no barrier in between. */
typedef enum Split {
    SPLIT_ROWS,   /* items (batch block, row of pixels) of its result */
    SPLIT_IMAGES, /* items (batch block): one row of each */
    SPLIT_OTHER,
} Split;

/* What a kernel reads of its node. */
typedef enum Reads {
    READS_ANY,       /* its inputs */
    READS_ITEM,      /* its inputs: of those with a batch only what belongs to the item */
    READS_NOTHING,   /* the scratch is all */
    READS_WEIGHT,    /* the second input */
    READS_RESULT,    /* its output, and writes none */
    READS_GRADIENTS, /* of an update: the leaves of a sum of gradients */
    READS_PAIRED,    /* the input that it makes pairs of */
} Reads;

/* What the scratch of a kernel is to it. */
typedef enum Scratch {
    NO_SCRATCH,
    WEIGHTS_OUT, /* the weights in another form: written, */
    WEIGHTS_IN,  /* or read instead of the second input */
    PARTIAL_OUT, /* partial sums: written instead of the outputs, */
    PARTIAL_IN,  /* or read */
    PAIRS_OUT,   /* an input in pairs of bfloat16 */
} Scratch;

typedef enum Epilogues { NO_EPILOGUE, EPILOGUE } Epilogues;

typedef struct KernelInfo { /* a line of kernels.def */
    const char *label, *class;
    Epilogues epilogue;
    Split split;
    Reads reads;
    Scratch scratch;
    const char *header;
} KernelInfo;

extern const KernelInfo kernel_info[KERNEL_KINDS];

/* What a kernel reads or writes. */
typedef struct Operand {
    const char *name; /* formal, from the mathematics: "x", "dw", "partial" */
    Value *value;     /* or NULL: of weights in another form, partial sums, a mask */
    Buffer *buffer;
    bool written;
    bool local; /* where items are rows: only what belongs to the item itself */
} Operand;

/* How a kernel goes by Winograd's minimal filtering (winograd.c). */
typedef struct Winograd {
    int tile;                /* outputs of a tile each way, 4 or 2; 0: it does not */
    int down, across;        /* tiles of an image */
    int rows, v_row;         /* of a register tile: images, or of one image tiles; floats apart */
    int group, batch_blocks; /* tiles at a time, of each of so many batch_blocks */
    int panels, blocks;      /* of a dw: panels of outputs and blocks of inputs of an item */
    bool whole;              /* of a dw: one group is all there is */
    int splits;              /* of a dw: of the groups, each with a dU of its own; or 1 */
    long v, m, u;            /* floats of a thread's scratch: inputs, products, of a dw dU */
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

/* How the work of a kernel is cut: into items for threads, into tiles for registers and caches. */
typedef struct Schedule {
    int rows; /* of pixels a batch block, where items are (batch block, row); 0: other items */
    bool panel_outer; /* of a contraction: items (panel, batch block, row) */
    int splits;       /* of a dw by partial sums and its reduction: of each batch block; or 0 */
    int tile;     /* at a time, in registers: of a contraction images, or of one image pixels in a
                         row, or in several; of few outputs images, of their dw blocks of inputs;
                         of a matmul rows, packed */
    int lines;    /* of y that are one tile, of one image; 0: none is */
    long x_step;  /* of a contraction: floats of x from row to row of a tile, */
    long x_line;  /* from line to line; */
    int y_blocks; /* of a pixel of y, where rows are pixels; else 0; */
    bool half;    /* at most eight outputs: half vectors */
    long scratch; /* floats that a thread wants for itself: a stack does not grow with a model */
    Winograd winograd;
    BatchLanesDw batch_lanes_dw;
    BatchLanes batch_lanes;
} Schedule;

typedef struct Kernel {
    KernelKind kind;
    Node *node;      /* what it is made around */
    Node *grad;      /* of a loss: the gradient computed with it, or NULL */
    Node *update;    /* of a weight or sum: the update at its end, or NULL */
    Node **epilogue; /* elementwise nodes on what it computes, in order */
    int epilogue_count;
    Buffer *scratch;      /* transposed weights or partial sums: written by one, read by another */
    Buffer *pairs[2];     /* of a contraction of bfloat16: read in place of these inputs; or NULL */
    int paired;           /* of KERNEL_PAIRS: the input that it makes pairs of */
    Buffer *mask;         /* what a dropout keeps, a bit an element (dropout_masks.c); or NULL */
    const Node *masked;   /* that dropout, of the epilogue */
    bool writes_mask;     /* or reads it */
    struct Kernel **sums; /* KERNEL_SUMS taken of each finished item, still in the cache */
    int sum_count;
    struct Kernel *bias; /* of a dense layer's dw: the final reduction of its db; or NULL */
    Operand *operands;   /* all that it touches, its sums' too (kernel.c) */
    int operand_count;
    Schedule schedule;
    bool needs_target;    /* or the loss does: left out of an evaluation without targets */
    int phase;            /* plan.c: 0, 1, ... between barriers */
    const char *function; /* emit: in C */
    double flops, bytes;  /* read and written, once each */
    double updated;       /* bytes of parameters that it updates, besides */
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
/* " kernel=3x3 stride=1, leaky_relu slope=0.01": of its node, and of what else has some; or "" */
const char *constants_text(const Kernel *k);

/* ---- kernel.c: operands ---------------------------------------------------------------------- */

bool is_view(const Value *value);                   /* a reshape without a copy */
Value *root_of(Value *value);                       /* what such a one views */
bool computes(const Kernel *k, const Value *value); /* in its node or epilogue */

void fill_operands(Kernel *k); /* fills them; counts bytes */
const Operand *find_operand(const Kernel *k, const Buffer *buffer, bool written); /* or NULL */

/* ---- schedule.c: pieces ---------------------------------------------------------------------- */

/* Output blocks that stand side by side and share one set of weights: a segment of what a
   contraction writes. */
typedef struct OutputPart {
    int start;                 /* the first channel */
    int block, blocks;         /* of the output, in each of its pixels */
    int pixel, pixels, stride; /* a flat segment: its pixels are outputs too */
    long w;                    /* floats into the weights */
    int panels[3];
} OutputPart;

/* What a product with the node's weights, or with them transposed, gives: its result, or of steps
   back in time what h is given. */
const Value *given_by_weights(const Node *node);
int find_parts(const Node *node, const Target *target, OutputPart parts[NET_MAX_SEGMENTS]);
/* Of a convolution's dw, for each width of panels: into how many parts an item's taps are cut, rows
   of them or one. */
void cut_taps(const Node *dw, const Segment *inputs, int tap_rows[3]);
void plan_schedule(Kernel *k, const Target *target); /* `tile` and `scratch` */

/* ---- bfloat16.c: contractions of bfloat16 ---------------------------------------------------- */

int pairs_of(int count); /* of so many channels or images, the last one beside 0 */
/* A segment of what forward or dx reads, counted in pairs; and pairs of all of them, of a
   convolution at each tap. */
Segment paired_segment(const Node *node, int segment);
int count_pairs(const Node *node);
int weight_taps(const Node *node); /* of the weight */

/* ---- dropout_masks.c: what dropout keeps, drawn once ----------------------------------------- */

void share_masks(Program *p); /* where backward can read it */

/* ---- winograd.c: convolutions by minimal filtering, in pieces -------------------------------- */

int winograd_tile(const Node *node);                            /* as selected: 4, 2, or 0 */
Winograd plan_winograd(const Node *node, const Target *target); /* needs layouts */
size_t winograd_weights(const Node *node, int tile);            /* floats, transformed */
long winograd_partial(const Layout *dw, int tile);   /* floats of the partial sums of a split */
double winograd_flops(const Node *node, Winograd g); /* of the products, one image */

/* ---- weight_gradient.c: how weight gradients are summed -------------------------------------- */

void plan_dw(Kernel *k, const Target *target); /* its kind and splits; needs layouts */
/* x and dy lie like that; splits 0: it does not fit. */
BatchLanesDw plan_batch_lanes_dw(const Node *node, const Layout *x, const Layout *dy,
                                 const Target *target);

/* ---- batch_lanes.c: convolutions with the batch in the lanes, in pieces ---------------------- */

/* Of a conv2d or its dx that reads `from` and writes `to`; pixels 0: it does not fit. */
BatchLanes plan_batch_lanes(const Node *node, const Layout *from, const Layout *to,
                            const Target *target);

/* ---- weight_forms.c: when weights get another form ------------------------------------------- */

void place_weight_forms(Program *p); /* needs phases, which are to be found again */

/* ---- plan.c: phases, barriers, memory -------------------------------------------------------- */

void plan(Program *program);
void verify_plan(const Program *program);           /* its overlaps and hazards */
void print_plan(FILE *out, const Program *program); /* --dump=plan */

/* ---- peak.c: `netc --summary` ---------------------------------------------------------------- */

void print_peak(FILE *out, const Program *program); /* what lives where most of the arena does */

/* ---- dot.c: `netc --graph` ------------------------------------------------------------------- */

void draw_graph(Text *out, const Program *program); /* kernels and what flows, for Graphviz */

#endif
