/*
 * graph.h -- operations, values and nodes in SSA form, and the shape rule of each operation.
 */

#ifndef GRAPH_H
#define GRAPH_H

#include "base/base.h"

typedef struct Model Model;
typedef struct Field Field;
typedef struct Onnx Onnx;

/* ---- ops.c: the operations, rows of ops.def -------------------------------------------------- */

typedef enum OpClass {
    CLASS_CONTRACTION, /* sums over channels (or images) of products */
    CLASS_ELEMENTWISE, /* one output element from the elements at the same place */
    CLASS_REDUCTION,   /* sums over images */
    CLASS_MOVEMENT,    /* the same numbers, elsewhere */
    CLASS_WINDOW,      /* pools: neighbouring pixels of one channel */
    CLASS_ROW,         /* over the channels of one image: softmax */
    CLASS_LOSS,
    CLASS_UPDATE,
} OpClass;

typedef enum Op {
#define OP(name, ...) OP_##name,
#include "graph/ops.def"
    OP_COUNT,
    OP_NONE = OP_COUNT /* where there is no operation; no pass knows it */
} Op;

typedef enum Effects { PURE, RANDOM, STATEFUL } Effects;

typedef struct OpInfo {
    const char *text;    /* "conv2d_dx" */
    const char *formals; /* "dy w -> dx": what inputs and outputs are called */
    const char *shapes;  /* "no! oi > ni" */
    int inputs;          /* how many; -1: one or more. An absent optional input is NULL. */
    int outputs;
    OpClass class;
    Effects effects;
} OpInfo;

extern const OpInfo op_info[OP_COUNT + 1]; /* and of OP_NONE */

/* An activation and its gradient: a row of ops.def. */
typedef struct Activation {
    Op op, gradient;
    enum { KEPT_X, KEPT_Y, KEPT_SIGN } kept; /* what the gradient reads */
    enum { COST_SIMPLE, COST_TRANSCENDENTAL } cost;
    enum { AT_ZERO, AT_NOT_ZERO, AT_SINGULAR } zero; /* f(0) */
    const char *forward, *backward;                  /* C expressions of $1 and $2 */
} Activation;

const Activation *find_activation(Op op); /* of which op is the function or the gradient; NULL */

/* What the mathematics calls input `at`, or output `at` less the number of inputs: "dx". */
const char *formal_name(Op op, int at);
bool wants_plain(Op op, int input); /* an input that has to lie in one segment */
bool is_input_gradient(Op op);      /* of a contraction: dx */
bool is_weight_gradient(Op op);     /* dw */
bool walks_back(Op op);             /* the gradient of what walked through time */

/* ---- graph.c: values and nodes in SSA form --------------------------------------------------- */

typedef enum Role {
    ROLE_INPUT,     /* from the batch */
    ROLE_TARGET,    /* from the batch */
    ROLE_PARAMETER, /* trained */
    ROLE_STATE,     /* kept between steps, not trained: running_mean, running_var */
    ROLE_RESULT,    /* of a node */
} Role;

typedef enum ElementType {
    TYPE_F32,
    TYPE_CLASS,  /* int32: one index a row, or a position of its shape; below 0: ignored */
    TYPE_BYTE,   /* a pool's window index */
    TYPE_TOKENS, /* int32: token ids */
    TYPE_SPARSE, /* a row is its elements that are not 0, with their indices */
} ElementType;

typedef struct Node Node;

typedef struct Value {
    int id;           /* %id, in order of creation */
    const char *name; /* "image", "mlp.dense_1.weight", NULL for most results */
    Shape shape;      /* of one row where batched */
    bool batched;     /* has the batch axis in front */
    ElementType type;
    Role role;
    Node *node;            /* what computes it, or NULL */
    int output;            /* which of the node's outputs */
    struct Value *storage; /* the parameter or state that this value replaces in place */
    const Field *field;    /* of an input or target */
    int vocabulary;        /* of token ids or a sparse input: how many */
    Span span;             /* of an input or target: its declaration */
    Shape stored;        /* of a parameter or an input: its shape in files; rank 0: it is `shape` */
    const char *init;    /* of a parameter: "kaiming_uniform", "ones", ... (PyTorch's) */
    double init_scale;   /* of small_normal, small_uniform: in place of 0.05; 0: it is that */
    int fan_in, fan_out; /* of a parameter, for its initial values */
    double l1, l2;       /* of a weight: times sum |w| and sum w^2, added to the loss */
    double max_norm;     /* of a weight: of what each output reads, at most; 0: any */
    double rate;         /* of a parameter: times the learning rate; 0: 1 */
    int run_rate;        /* from 1 of Model.numbers, in its place; 0: none */
    int section;         /* of a parameter: which of several, from 1, trains it; 0: there is one */
    struct Value *next;  /* of a parameter: what sections behind its own read, or NULL */
    int run_l1, run_l2;  /* from 1 of Model.numbers, in their place; 0: none */
    bool unreached;      /* autodiff.c: a parameter without a gradient, a state since */
    bool detached;       /* autodiff.c: a parameter that its loss reads behind a detach too */
    int padding_row;     /* of an embedding matrix: the row that begins as 0, from 1; 0: none */
    const char *pretrained;    /* of an embedding matrix: the file of its rows, or NULL */
    const Field *token_field;  /* of an embedding matrix: whose tokens */
    struct Value *gradient_of; /* of a gradient: the value it belongs to; takes its layout */
    struct Layout *layout;     /* layout.c */
    bool internal;             /* fuse.c: never stored, it lives in one kernel's registers */
} Value;

enum { MAX_INPUTS = 16, MAX_OUTPUTS = 4, MAX_AXES = 5, MAX_SLICES = 16 /* of a kernel */ };

typedef struct Attributes {
#define ATTRIBUTE(type, name, extent) type name extent;
#include "graph/attributes.def"
    Shape shape; /* reshape, pad, permute, the grads of movement and pools: the result's */
} Attributes;

double real_attribute(const Attributes *at, const char *name, size_t length); /* ops.c: "slope" */

struct Node {
    int id;
    Op op;
    Value *inputs[MAX_INPUTS];
    int input_count;
    Value *outputs[MAX_OUTPUTS];
    int output_count;
    Attributes at;
    const char *path; /* of the layer it comes from */
    Span span;
    bool backward;               /* made by autodiff */
    bool bfloat16;               /* select.c: a contraction, whose operands are rounded to it */
    struct Selection *selection; /* select.c: of a contraction, its algorithm */
};

enum { MAX_SECTIONS = 8 };

/* What is compared with a target of a further term of the loss. */
typedef struct Prediction {
    Value *value;  /* before a softmax or sigmoid that the loss took in */
    Op activation; /* that, or OP_NONE */
    int term;      /* of the model, the first of its target */
} Prediction;

typedef struct Graph {
    const char *name;     /* "train" or "evaluate" */
    const char *network;  /* that makes the prediction */
    Model *model;         /* what it was lowered from: for lower and emit */
    const Source *source; /* of its spans, or NULL */
    int max_batch;        /* rows a step is compiled for */
    int images;           /* of a batch block: images_of_block; of a library 16, or 1 of one row */
    ConvChoice conv;
    Precision precision;
    Value **values;
    int value_count;
    Node **nodes; /* in an order in which they can run */
    int node_count;
    Value *prediction;        /* before a softmax or sigmoid that the loss took in */
    bool uncompared;          /* no target has the prediction's shape */
    Op prediction_activation; /* OP_SOFTMAX or OP_SIGMOID to apply for `predict`, or OP_NONE */
    Prediction *heads;        /* of evaluation: predictions beside that one, in order of terms */
    int head_count;
    Value *loss;                     /* scalar */
    int section_count;               /* that train in turn; 0: one */
    int section_ends[MAX_SECTIONS];  /* the first forward node behind each */
    int term_sections[MAX_SECTIONS]; /* of each term of the loss, from 0 */
    Onnx *onnx;                      /* describe_onnx: of an evaluate graph */
} Graph;

Graph *new_graph(const char *name);
/* Of a batch block, of batches of up to so many rows: few have one block, of few images. */
int images_of_block(int rows);
const Value *weight_of(const Node *node); /* of a contraction; of a dw its gradient */
Value *input_named(const Node *node, const char *formal); /* or NULL */
Value *add_value(Graph *g, Shape shape, bool batched, ElementType type, Role role);
Value *find_field(const Graph *g, const Field *field); /* its input or target; NULL: not used */
Table named_values(const Graph *g); /* where in g->values those are that no node gives */
/* Appends a node with inputs (NULL for an absent one); its outputs get types and shapes from
   shape.c. Reports no errors: lower.c checks what a person can get wrong beforehand. */
Node *add_node(Graph *g, Op op, Value *const *inputs, int count, Attributes at, Span span,
               const char *path);
/* What an in-place result replaces. A second update of the same memory replaces the first one's
   result, which lies where the parameter lies. */
Value *storage_of(Value *replaced);
/* By value id, the only node that reads it: NULL where none does, or several or one twice. */
Node **find_only_readers(const Graph *g);
bool is_predicted(const Graph *g, const Value *value); /* the prediction, or a head's */

/* A parameter by its name, a new version of it by the name and "'", a result by its number. */
const char *printed_name(const Value *value);
const char *attributes_text(const Node *node); /* " kernel=3x3 stride=1", or "" */
void print_graph(FILE *out, const Graph *g);   /* --dump=graph, grad (print.c) */

const char *find_fault(const Graph *g); /* what is wrong with it, or NULL */
void verify(const Graph *g);            /* aborts with a message: netc's own bug */

/* ---- attributes.c: what the attributes of a node come to ------------------------------------- */

/* Of an attention or its gradient. */
typedef struct Heads {
    int channels; /* of all heads together */
    int queries, keys;
    bool apart; /* is q a value of its own, beside k and v? */
    bool grad;
} Heads;

int dilation_of(const Attributes *at, int axis); /* 1 or more; axis 0: height, 1: width, 2: depth */
int groups_of(const Attributes *at);             /* 1 or more */
double factor_of(const Attributes *at);          /* of a loss in a sum of them */
int window_axes(const Attributes *at);           /* 2, of a volume 3 */
int slices_of(const Attributes *at);             /* 1 or more */
int window_reach(const Attributes *at, int axis); /* pixels from first to last tap, both in */
int window_count(const Attributes *at, int size, int axis); /* positions on `size` pixels */
int tap_step(const Attributes *at, int axis); /* of a dx: from tap to tap of one pixel */
Heads heads_of(const Node *node);             /* all 0 where it is no attention */

/* ---- shape.c: the shape rule of each operation ----------------------------------------------- */

/* Sets shape, batched and type of a node's outputs from its inputs and attributes. */
void infer_shapes(Node *node);
double product_flops(const Node *node); /* of two values, one image; 0: no such product */
Shape file_shape(const Value *value);   /* of a parameter as PyTorch, of an input as data have it */
const char *find_shape_fault(const Node *node); /* do its values fit the op? NULL if so */

#endif
