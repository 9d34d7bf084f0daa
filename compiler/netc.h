/*
 * netc.h -- the compiler's internal header, one section a source file: text, model and graph.
 *
 * A model passes through these stages, in this order (compiler/main.c):
 *
 *     parse       lexer.l parser.y ast.c   text -> AST
 *     analyze     sema.c                   AST -> Model: constants evaluated, blocks expanded
 *     lower       lower.c shape.c          Model -> Graph, for training and for evaluation
 *     autodiff    autodiff.c               forward nodes -> forward, backward and update nodes
 *     simplify    simplify.c               Graph -> smaller Graph
 *     lay_out     layout.c                 physical layout of each value
 *     fuse        fuse.c                   nodes -> kernels
 *     plan        plan.c                   phases, barriers, arena offsets
 *     emit        emit*.c                  C
 *     build       clang.c                  a trainer
 *
 * What is here goes up to the graph; program.h has what follows it: from lay_out to emit.
 *
 * The compiler allocates from one zeroing arena and never frees.
 */

#ifndef NETC_H
#define NETC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NETC_VERSION "0.1"

#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* ---- util.c: memory, strings, growing arrays ----------------------------------------------- */

void *allocate(size_t size);                            /* zeroed; out of memory is fatal */
char *format(const char *fmt, ...) PRINTF(1, 2);        /* a new string */
char *copy_text(const char *text, size_t length);       /* a new string of `length` bytes */
bool same(const char *a, const char *b);                /* both NULL, or equal */
int up(int size, int unit);                             /* units that hold `size` */
const char *nearest(const char *word, const char *const *words, int count); /* or NULL */

/* Appends to a growing array `items` with `count` used entries; reallocates at powers of two. */
#define APPEND(items, count, item)                                                                 \
    ((items) = grow((items), (count), sizeof *(items)), (items)[(count)++] = (item))
void *grow(void *items, int count, size_t size);

/* An output that grows in memory, then goes to a file at once, or not at all. */
typedef struct Text {
    char *at;                   /* NUL-terminated */
    size_t length, capacity;
} Text;

void text_add(Text *text, const char *fmt, ...) PRINTF(2, 3);
void text_add_v(Text *text, const char *fmt, va_list args);

/* ---- diag.c: errors with a place, a line and a caret ---------------------------------------- */

typedef struct Span {
    int begin, end;             /* byte offsets into the source; end is one past the last */
} Span;

typedef struct Source {
    const char *path;           /* as it was given */
    const char *name;           /* the path's last part without ".net": the model's name */
    const char *text;
    int length;
    int errors;                 /* reported so far */
} Source;

Source *read_source(const char *path);                  /* prints its own error; NULL */
int line_of(const Source *source, Span span);           /* from 1 */

/* `file:line:col: error: ...`, the line, `^~~~` under the span. Counts; prints the first 20. */
void error_at(Source *source, Span span, const char *fmt, ...) PRINTF(3, 4);

/* `file:line:col: warning: ...`: the model goes on. */
void warn_at(Source *source, Span span, const char *fmt, ...) PRINTF(3, 4);

/* A note that belongs to the error just printed: `file:line:col: note: ...`, line and caret. */
void note_at(Source *source, Span span, const char *fmt, ...) PRINTF(3, 4);

/* A note without a place, such as a remedy. */
void note(Source *source, const char *fmt, ...) PRINTF(2, 3);

enum { BATCH_MAX = 65536 };     /* rows */

/* ---- ast.c, lexer.l, parser.y: the syntax tree ----------------------------------------------- */

typedef enum AstKind {
    AST_FILE,                   /* items: lets and sections */
    AST_DATA, AST_TRAIN,        /* items: statements */
    AST_NETWORK, AST_BLOCK,     /* text; arguments: parameters; items: statements */
    AST_PARAMETER,              /* text; first: the default, or NULL */
    AST_INPUT, AST_TARGET,      /* text; arguments: sizes in [..]; first: where from and how */
    AST_AUGMENT,                /* text; first */
    AST_LET, AST_ASSIGN,        /* text; first */
    AST_RETURN, AST_VALUE,      /* first; a value stands alone */
    AST_FOR,                    /* text: the variable; first: the list; items: statements */
    AST_IF,                     /* first: the condition; items: statements; second: else, or NULL */
    AST_ELSE,                   /* items: statements (`else if`: one AST_IF) */
    AST_NUMBER, AST_STRING, AST_NAME,
    AST_LIST,                   /* items */
    AST_CALL,                   /* text; arguments */
    AST_ARGUMENT,               /* text: the name, or NULL; first: the value */
    AST_PIPE,                   /* items: a value, then names and calls */
    AST_CHOICE,                 /* `if` first `then` second `else` third */
    AST_UNARY,                  /* text: "-", "not"; first */
    AST_BINARY,                 /* text: "+", "==", "..", "and", ...; first, second */
    AST_KINDS,
} AstKind;

typedef struct Ast Ast;

typedef struct AstList {
    Ast **at;
    int count;
} AstList;

struct Ast {
    AstKind kind;
    int depth;                  /* of nesting; a leaf is 1 */
    Span span;                  /* the whole */
    Span name_span;             /* of text alone */
    const char *text;           /* a name, an operator, a string's content */
    double number;
    Ast *first, *second, *third;
    AstList items, arguments;
};

Ast *parse(Source *source);                             /* NULL after errors */
Ast *parse_expression(Source *source);                  /* one value, as in --define; or NULL */
void print_ast(FILE *out, const Ast *ast);              /* --dump=ast */

/* What parser.y builds the tree with. */
Ast *new_leaf(AstKind kind, Span span, const char *text);
Ast *new_named(AstKind kind, Span span, Ast *name, Ast *first);     /* name: an AST_NAME, or NULL */
Ast *new_body(AstKind kind, Span span, Ast *name, AstList arguments, Ast *first, AstList items);
Ast *new_branch(Span span, Ast *condition, AstList items, Ast *otherwise);
Ast *new_list(AstKind kind, Span span, AstList items);
Ast *new_operation(AstKind kind, Span span, const char *text, Ast *first, Ast *second, Ast *third);
Ast *new_pipe(Span span, Ast *value, Ast *stage);       /* makes a pipe longer, or a new one */
AstList add_item(AstList list, Ast *item);              /* NULL adds nothing */
const Ast *find_deep(const Ast *ast, int limit);        /* a part at this depth in a deeper tree */

/* ---- sema.c: what the file means ------------------------------------------------------------- */

typedef enum ConstantKind {
    CONSTANT_NONE,              /* an argument without default that was not given: `none` */
    CONSTANT_NUMBER,
    CONSTANT_BOOL,              /* number is 0 or 1 */
    CONSTANT_STRING,            /* text */
    CONSTANT_NAME,              /* text: same zeros missing mean median best last ... */
    CONSTANT_LIST,              /* items */
    CONSTANT_CALL,              /* call: early_stop(5), norm(1), a schedule */
} ConstantKind;

typedef struct Call Call;

typedef struct Constant {
    ConstantKind kind;
    double number;
    const char *text;
    struct Constant *items;
    int count;                  /* of items */
    Call *call;
    Span span;
} Constant;

typedef struct Argument {
    const char *name;           /* as the signature names it */
    Constant value;             /* given, or the default */
    bool given;
} Argument;

/* An evaluated call: every parameter of the signature is there, in the signature's order. */
struct Call {
    const char *name;           /* "conv2d", "sgd", "idx", "scale" */
    Argument *arguments;
    int count;
    Span span;                  /* the whole call */
};

const Constant *argument(const Call *call, const char *name);   /* NULL if there is none */
double number(const Call *call, const char *name);              /* of a number or bool */
bool is_name(const Call *call, const char *name, const char *text); /* is it that bare name? */

enum { MAX_RANK = 4 };

typedef struct Shape {
    int rank;                   /* 0: a scalar; without the batch axis where there is one */
    int size[MAX_RANK];
} Shape;

typedef enum Part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS } Part;

/* `input image[1, 28, 28] = image -> scale(1/255)`, or a target */
typedef struct Field {
    const char *name;           /* "image", in the model */
    const char *source_field;   /* "image", in the source */
    struct Constant *columns;   /* names or numbers of a table's columns, or NULL */
    int column_count;           /* of columns */
    bool column_range;          /* columns[0] is the first, columns[1] the last of them */
    int column_total;           /* how many they are; 0: a range of names */
    Call **steps;               /* preparations, in order */
    int step_count;
    bool is_target;
    bool is_class;              /* prepared by classes(n): an index, 0 to classes-1 */
    int classes;                /* n of classes(n), one_hot(n); else 0 */
    bool is_tokens;             /* prepared by tokens(..): shape [length], ids 0 to vocabulary-1 */
    bool is_sparse;             /* prepared by bag_of_words(..): shape [vocabulary], few not 0 */
    int vocabulary;             /* of tokens: its words, padding 0 and unknown 1; of a bag: words */
    Call **augments;            /* of prepared rows, in order: all in training, else normalize */
    int augment_count;
    bool has_shape;             /* known from [..], a preparation or the source */
    Shape shape;                /* of one row; a class has rank 0, a scalar column [1] */
    Span span;
} Field;

/* One use of a layer: the network as a list, before there are graphs. */
typedef struct Layer {
    Call *call;                 /* "conv2d", "relu", "add", "multiply", "concat", or "input" */
    struct Layer **inputs;
    int input_count;
    const char *path;           /* "resnet18.basic_3.conv2d_1"; parameters: path.weight ... */
    struct Layer *shared;       /* the first use of the same parameters, or NULL */
    Field *field;               /* of an "input" */
    bool used;                  /* the prediction depends on it */
    struct Value *value;        /* its output, in the graph lowered last (lower.c) */
    Span span;                  /* the stage in the source */
} Layer;

typedef struct Model {
    Source *source;
    const char *name;           /* of the network that makes the prediction */
    Call *parts[PARTS];         /* source calls; holdout(f) for a split; NULL where there is none */
    Field **fields;             /* inputs that the network uses, then the target */
    int field_count;
    Layer **layers;             /* in order of application; inputs come first */
    int layer_count;
    Layer *prediction;          /* the loss's first argument */
    Field *target;              /* the loss's second argument */
    Call *loss, *optimizer;
    Call **schedule;            /* one after another; constant where none is given */
    int schedule_count;
    Call **metrics;             /* without arguments */
    int metric_count;
    int batch, epochs;          /* the defaults; 32 and 1 where not given */
    int capacity;               /* rows a step is compiled for: batch, or --batch (main.c) */
    double seed;                /* 0 where not given */
    Call *stop;                 /* early_stop(..), or NULL */
    Call *clip;                 /* norm(x) or value(x), or NULL */
    const char *keep;           /* "best" or "last" */
    const char *monitor;        /* what is best: "validation_loss", or a metric */
    Span monitor_span;          /* where it is said, or that the best are kept */
    bool keep_best;             /* the file says so */
    const char *conv;           /* "direct", "winograd" or "auto": how 3x3 convolutions are done */
} Model;

typedef struct Define {         /* --define NAME=VALUE */
    const char *name, *value;
} Define;

Model *analyze(Source *source, Ast *ast, const Define *defines, int define_count);

/* ---- graph.c: values and nodes in SSA form --------------------------------------------------- */

typedef enum OpClass {
    CLASS_CONTRACTION,          /* sums over channels (or images) of products */
    CLASS_ELEMENTWISE,          /* one output element from the elements at the same place */
    CLASS_REDUCTION,            /* sums over images */
    CLASS_MOVEMENT,             /* the same numbers, elsewhere */
    CLASS_WINDOW,               /* pools: neighbouring pixels of one channel */
    CLASS_ROW,                  /* over the channels of one image: softmax */
    CLASS_LOSS,
    CLASS_UPDATE,
} OpClass;

typedef enum Op {
#define OP(name, text, inputs, outputs, class, effects) OP_##name,
#include "ops.def"
#undef OP
    OP_COUNT
} Op;

typedef enum Effects { PURE, RANDOM, STATEFUL } Effects;

/* A dense layer of so many outputs or fewer may have a weight that lies along its inputs, and a dx
   that reads it as it lies. */
enum { FEW_OUTPUTS = 4 };

typedef struct OpInfo {
    const char *text;           /* "conv2d_dx" */
    int inputs;                 /* how many; -1: one or more. An absent optional input is NULL. */
    int outputs;
    OpClass class;
    Effects effects;
} OpInfo;

extern const OpInfo op_info[OP_COUNT];

typedef enum Role {
    ROLE_INPUT,                 /* from the batch */
    ROLE_TARGET,                /* from the batch */
    ROLE_PARAMETER,             /* trained */
    ROLE_STATE,                 /* kept between steps, not trained: running_mean, running_var */
    ROLE_RESULT,                /* of a node */
} Role;

typedef enum ElementType {
    TYPE_F32,
    TYPE_CLASS,                 /* int32: one index a row */
    TYPE_BYTE,                  /* a pool's window index */
    TYPE_TOKENS,                /* int32: a word's number */
    TYPE_SPARSE,                /* a row is its elements that are not 0, with their indices */
} ElementType;

typedef struct Node Node;

typedef struct Value {
    int id;                     /* %id, in order of creation */
    const char *name;           /* "image", "mlp.dense_1.weight", NULL for most results */
    Shape shape;                /* of one row where batched */
    bool batched;               /* has the batch axis in front */
    ElementType type;
    Role role;
    Node *node;                 /* what computes it, or NULL */
    int output;                 /* which of the node's outputs */
    struct Value *storage;      /* the parameter or state that this value replaces in place */
    const Field *field;         /* of an input or target */
    Shape stored;               /* of a parameter: its shape in files where it is another; rank 0 */
    const char *init;           /* of a parameter: "kaiming_uniform", "ones", ... (PyTorch's) */
    int fan_in, fan_out;        /* of a parameter, for its initial values */
    double l1, l2;              /* of a weight: times sum |w| and sum w^2, added to the loss */
    int padding_row;            /* of a table of words: the row that begins as 0, from 1; 0: none */
    const char *pretrained;     /* of a table of words: the file of its rows, or NULL */
    const Field *words;         /* of a table of words: whose */
    struct Value *like;         /* of a gradient: the value it belongs to; takes its layout */
    struct Physical *physical;  /* layout.c */
    bool internal;              /* fuse.c: never stored, it lives in one kernel's registers */
} Value;

enum { MAX_INPUTS = 16, MAX_OUTPUTS = 4 };

typedef struct Attributes {
    int kernel[2], stride[2];   /* conv2d, pools, upsample2d: height, width */
    int padding[2], padding_end[2]; /* before and after, height and width; "same" is resolved */
    int dilation[2];            /* of a convolution: pixels from tap to tap; 0 is 1 */
    int groups;                 /* of a convolution: its weight is 0 between them; 0 is 1 */
    double slope;               /* leaky_relu, elu: below 0 */
    double scale;               /* elu: of all; gaussian_noise: the deviation */
    double p;                   /* dropout */
    double delta;               /* huber: where squares become lines */
    double smoothing;           /* cross_entropy: the share of a label that all classes divide */
    const double *class_weights;    /* cross_entropy: one a class; NULL: all 1 */
    double eps, momentum;       /* batchnorm; eps of layernorm too */
    int stream;                 /* of random draws: its number, so that backward draws the same */
    int begin;                  /* slice: first channel (axis 0); sparse_dense_dx: first input */
    int padding_row;            /* embedding: the row without a gradient, from 1; 0: none */
    int pixels;                 /* batchnorm: rows a channel has in one image */
    Shape shape;                /* reshape, the grads of movement and pools: the result's */
} Attributes;

struct Node {
    int id;
    Op op;
    Value *inputs[MAX_INPUTS];
    int input_count;
    Value *outputs[MAX_OUTPUTS];
    int output_count;
    Attributes at;
    const char *path;           /* of the layer it comes from */
    Span span;
    bool backward;              /* made by autodiff */
};

typedef struct Graph {
    const char *name;           /* "train" or "evaluate" */
    Model *model;
    Value **values;
    int value_count;
    Node **nodes;               /* in an order in which they can run */
    int node_count;
    Value *prediction;          /* before a softmax or sigmoid that the loss took in */
    Op prediction_activation;   /* OP_SOFTMAX or OP_SIGMOID to apply for `predict`, or OP_COUNT */
    Value *loss;                /* scalar */
} Graph;

Graph *new_graph(Model *model, const char *name);
Value *add_value(Graph *g, Shape shape, bool batched, ElementType type, Role role);
Value *find_field(const Graph *g, const Field *field);  /* its input or target; NULL: not used */
/* Appends a node with inputs (NULL for an absent one); its outputs get types and shapes from
   shape.c. Reports no errors: lower.c checks what a person can get wrong beforehand. */
Node *add_node(Graph *g, Op op, Value *const *inputs, int count, Attributes at, Span span,
               const char *path);
void print_graph(FILE *out, const Graph *g);            /* --dump=graph, grad */
const char *find_fault(const Graph *g);                 /* what is wrong with it, or NULL */
void verify(const Graph *g);                            /* aborts with a message: netc's own bug */
int shape_size(Shape shape);
bool same_shape(Shape a, Shape b);
const char *shape_text(Shape shape);                    /* "[3, 32, 32]" */

/* ---- shape.c, lower.c ------------------------------------------------------------------------ */

/* Sets shape, batched and type of a node's outputs from its inputs and attributes. */
void infer_shapes(Node *node);
int dilation_of(const Attributes *at, int axis);        /* 1 or more; axis 0: height, 1: width */
int groups_of(const Attributes *at);                    /* 1 or more */
int window_reach(const Attributes *at, int axis);       /* pixels from first to last tap, both in */
int window_count(const Attributes *at, int size, int axis);      /* places on `size` pixels */
int tap_step(const Attributes *at, int axis);           /* of a dx: from tap to tap of one pixel, */
int window_step(const Attributes *at, int axis);        /* and from window to window */
Shape file_shape(const Value *parameter);               /* as PyTorch has it */
const char *find_shape_fault(const Node *node);         /* do its values fit the op? NULL if so */

typedef enum Mode { MODE_TRAIN, MODE_EVALUATE } Mode;

/* NULL after errors. Training: batchnorm from the batch, dropout on. Evaluation: neither. */
Graph *lower(Model *model, Mode mode);
void lower_loss(Graph *g, const Layer *prediction);     /* lower_loss.c: target, prediction, loss */

/* ---- autodiff.c, simplify.c, reference.c ----------------------------------------------------- */

void autodiff(Graph *g);        /* needs: forward nodes, loss. gives: gradient and update nodes */
void simplify(Graph *g);        /* reshapes, common subexpressions, dead nodes; after autodiff */

/* Values as doubles, logical order, row-major; batched ones have n rows in front. */
typedef struct Reference {
    const Graph *graph;
    int n;                      /* rows */
    uint64_t seed;
    uint32_t step;              /* of the random draws */
    double **at;                /* by value id; set inputs, targets, parameters, state before */
} Reference;

Reference *new_reference(const Graph *g, int n);        /* allocates every value */
void evaluate_reference(Reference *r);                  /* runs all nodes, naively, in double */

typedef void Evaluate(const Reference *r, const Node *node, double *const *in, double *const *out);
Evaluate *find_evaluation(Op op);                       /* NULL: a test fails */
Evaluate *find_image_evaluation(Op op);                 /* reference_image.c */
Evaluate *find_loss_evaluation(Op op);                  /* reference_loss.c */
Evaluate *find_pool_evaluation(Op op);                  /* reference_pool.c */
Evaluate *find_words_evaluation(Op op);                 /* reference_words.c */

/* ---- summary.c: the table that Keras users know ---------------------------------------------- */

typedef struct LayerRow {
    const char *name;           /* "lenet5.conv2d_1" */
    const char *type;           /* "conv2d(6, 5)" */
    const char *inputs;         /* names of the layers it connects to: "a, b" */
    Shape shape;                /* of its output, one row */
    long parameters, states;    /* trainable, non-trainable; 0 where shared with an earlier layer */
    double flops;               /* forward, one row; a multiply and an add are 2 */
} LayerRow;

/* A row for each layer, in order. Needs: `evaluate` was lowered last, and is not simplified. */
LayerRow *summarize(const Model *model, const Graph *evaluate, int *count);
void print_summary(FILE *out, const Model *model, const LayerRow *rows, int count, size_t memory);

/* ---- clang.c: clang behind netc -------------------------------------------------------------- */

typedef struct Clang {
    const char *program;        /* as found on PATH, or --cc */
    const char *headers, *libraries;    /* the folders of netrt.h and libnetrt.a */
    bool verbose;               /* print the command */
} Clang;

bool find_clang(Clang *clang, const char *cc);          /* prints its own error */
const char *native_target(const Clang *clang);          /* "avx512", "avx2" or "generic" */

typedef enum Built {
    BUILT,
    BUILT_NO_FILE,              /* a file cannot be written */
    BUILT_FAULT,                /* clang refuses the code, or a signal came */
} Built;

/* Compiles the file `code` to the trainer `output`, which appears whole or not at all. */
Built build_trainer(const Clang *clang, const char *target, const char *code, const char *output);

/* Between the two Ctrl-C, SIGTERM and SIGHUP end the program that runs, but netc only after it has
   cleared up: at the second. */
void hold_signals(void);
void release_signals(void);

#endif
