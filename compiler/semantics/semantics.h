/*
 * semantics.h -- AST -> Model: what the file means, with every constant evaluated and every block
 * expanded. What the files of this stage share is in analysis.h.
 */

#ifndef SEMANTICS_H
#define SEMANTICS_H

#include "base/base.h"

typedef struct Ast Ast;

/* ---- analyze.c: what the file means ---------------------------------------------------------- */

typedef enum ConstantKind {
    CONSTANT_NONE, /* an argument without default that was not given: `none` */
    CONSTANT_NUMBER,
    CONSTANT_BOOL,   /* number is 0 or 1 */
    CONSTANT_STRING, /* text */
    CONSTANT_NAME,   /* text: same zeros missing mean median best last ... */
    CONSTANT_LIST,   /* items */
    CONSTANT_CALL,   /* call: early_stop(5), norm(1), a schedule */
} ConstantKind;

typedef struct Call Call;

typedef struct Constant {
    ConstantKind kind;
    double number;
    const char *text;
    struct Constant *items;
    int count; /* of items */
    Call *call;
    const char *formula; /* of a number that lets make: C, of `lets`; else NULL */
    uint64_t lets;       /* that it is made of, a bit each */
    int run_number;      /* from 1, of Model.numbers; 0: no run can change it */
    Span span;
} Constant;

typedef struct Argument {
    const char *name;  /* as the signature names it */
    Constant value;    /* given, or the default */
    Constant standard; /* the default; none where it has to be given */
    bool given;
    bool training; /* of a layer: evaluation does not depend on it */
    bool pair;     /* [height, width], or one number for both */
} Argument;

/* An evaluated call: every parameter of the signature is there, in the signature's order. */
struct Call {
    const char *name; /* "conv2d", "sgd", "idx", "scale" */
    Argument *arguments;
    int count;
    Span span;        /* the whole call */
    const char *sign; /* of an operator of two values: what the file has, "<=" */
};

const Constant *argument(const Call *call, const char *name);       /* NULL if there is none */
double number(const Call *call, const char *name);                  /* of a number or bool */
bool is_name(const Call *call, const char *name, const char *text); /* is it that bare name? */

typedef enum Part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS } Part;

/* `input image[1, 28, 28] = image -> scale(1/255)`, or a target */
typedef struct Field {
    const char *name;         /* "image", in the model */
    const char *source_field; /* "image", in the source */
    struct Constant *columns; /* names or numbers of a table's columns, or NULL */
    int column_count;         /* of columns */
    bool column_range;        /* columns[0] is the first, columns[1] the last of them */
    int column_total;         /* how many they are; 0: a range of names */
    Call **steps;             /* transforms, in order */
    int step_count;
    bool is_target;
    bool is_weight; /* a target too: what a row counts in each loss */
    bool is_drawn;  /* an input that is `normal`: numbers of no source, its rows' own */
    bool
        is_class; /* a target prepared by classes(n): an index, 0 to classes-1, or one a position */
    bool ignores; /* cross_entropy(ignore=..) of it, */
    int ignored;  /* a number that is no class; or what has no class in a target of texts */
    int classes;  /* n of classes(n), one_hot(n); else 0 */
    bool is_tokens; /* by tokens(..), or classes(n) of an input: [length], ids 0 to vocabulary-1 */
    bool is_sparse; /* prepared by bag_of_words(..): shape [vocabulary], few not 0 */
    struct Field *shared; /* whose numbers of words or classes it has, or NULL */
    int vocabulary;       /* of tokens: its words, padding 0 and unknown 1; of classes: they
                        and rows for what is unknown or missing; of a bag: words */
    Call **augments;      /* of prepared rows, in order: all in training, else normalize */
    int augment_count;
    bool is_text;               /* a target with a class at each position of a text */
    const struct Field *beside; /* of a target of texts: the words that stand at its positions */
    struct Field *moved_with;   /* the picture whose moves it follows, or NULL */
    bool has_shape;             /* known from [..], a transform or the source */
    Shape shape;                /* of one row; a class has rank 0, a scalar column [1] */
    Span span;
} Field;

/* What its statement begins with. */
static inline const char *field_word(const Field *field)
{
    return field->is_weight ? "weight" : field->is_target ? "target" : "input";
}

/* Which positions of a sequence are words of an input, found by lower. */
typedef struct Words {
    const struct Layer *reader; /* what reads the input, or that itself; NULL: there are none */
    int first;                  /* where token 0 is, or would be */
    int begin, end;             /* positions that are words; to both sides of them others */
} Words;

/* One use of a layer: the network as a list, before there are graphs. */
typedef struct Layer {
    Call *call; /* "conv2d", "relu", "add", "multiply", "concat", or "input" */
    struct Layer **inputs;
    int input_count;
    const char *path;            /* "resnet18.basic_3.conv2d_1"; parameters: path.weight ... */
    struct Layer *shared;        /* the first use of the same parameters, or NULL */
    Field *field;                /* of an "input" */
    bool used;                   /* a prediction, or the loss, depends on it */
    const struct PartRate *rate; /* of its parameters, or NULL */
    bool frozen;                 /* it has weights, which are not trained */
    int section;                 /* of several, from 1, that trains its weights; 0: there is one */
    bool predicts;               /* in a network, with weights, or a prediction depends on it */
    bool of_target;              /* it depends on a target: only the loss reads it */
    bool marked;                 /* while dependences are looked for */
    int number;                  /* among those of the model */
    int result;                  /* of a split: which of its results, from 0 */
    struct Value *value;         /* its output, in the graph lowered last (lower.c) */
    Words words;                 /* of that, where it is a sequence */
    Span span;                   /* the stage in the source */
} Layer;

/* A let of the file. A run can set one that is a number and reaches nothing that is compiled. */
typedef struct Let {
    const char *name;
    bool is_number;
    double number;       /* by the file, or a --define */
    const char *text;    /* of what is no number: as it stands there */
    const char *formula; /* where other lets make it: C, of `lets`; else NULL */
    uint64_t lets;       /* those others */
    bool held;           /* it reaches what is compiled, at `span` */
    bool used;           /* by Model.numbers */
    double low, high;    /* of its value, where it is one of Model.numbers as it stands */
    bool whole;
    Span span;
} Let;

/* A number of the model that a run can change, by lets. */
typedef struct RunNumber {
    const char *formula; /* C, of `lets` */
    const char *what;    /* "p of dropout" */
    double low, high;
    bool whole;
    Span span;
} RunNumber;

/* What a loss wants its target to be; not checked where the most is not above the least. */
typedef struct TargetRange {
    double least, most;
    bool ends; /* one of the two, and nothing between */
} TargetRange;

/* A summand of the loss. */
typedef struct Term {
    const char *name;  /* "loss_label" */
    Call *call;        /* cross_entropy(..); of an expression a name and a place */
    Layer *prediction; /* its first argument; of an expression a network's result in it, or NULL */
    Field *target;     /* its second; of an expression the first one in it, or NULL */
    Layer *value;      /* an expression, whose mean is the loss; else NULL */
    Constant factor;   /* a number, 1 where none is written */
    TargetRange wanted;
    int section; /* from 0, whose loss it is of */
    bool logits; /* a value: its prediction is the logits of probabilities */
} Term;

enum { MAX_TERMS = 8, MAX_DRAWN = 8 }; /* NET_TERMS, NET_DRAWN of the runtime */

/* "accuracy", of the first term's target; "accuracy_label", of one that is named; "loss_label" */
typedef struct Metric {
    const char *name;
    const char *base;   /* "accuracy"; of a summand of the loss NULL */
    const char *target; /* as it is written, or NULL */
    Field *field;       /* that it is of; NULL where the loss compares with none */
    Span span, target_span;
} Metric;

/* One of several train sections, which take turns in each step. */
typedef struct TrainSection {
    const char *name; /* "discriminator" */
    Constant parts;   /* names of parts of the network: all that it trains */
    Call *optimizer;
    Span span; /* of its name */
} TrainSection;

/* Times the learning rate of a part of the network. */
typedef struct PartRate {
    Constant part;   /* its name */
    Constant factor; /* a number above 0 */
} PartRate;

typedef struct Model {
    Source *source;
    const char *name;   /* of the network that makes the first prediction */
    Call *parts[PARTS]; /* source calls; holdout(f) for a split; NULL where there is none */
    Field *weight;      /* of rows, or NULL */
    Field **fields;     /* inputs that are used, other targets, then that of the first term */
    int field_count;
    Field **drawn; /* inputs that are used and drawn */
    int drawn_count;
    Layer **layers; /* in order of application; inputs come first */
    int layer_count;
    Term *terms;            /* of the loss; reports are of the first, and bare metrics */
    int term_count;         /* 1 to MAX_TERMS */
    TrainSection *sections; /* of several, in the order of the file */
    int section_count;      /* 0: there is one, which may have no name */
    Layer *generated;       /* what the last of several makes, for `predict`; or NULL */
    Call *optimizer;        /* of the first section */
    Call **schedule;        /* one after another; constant where none is given */
    int schedule_count;
    Metric *metrics; /* of several terms, theirs are the last */
    int metric_count;
    const char *keys;     /* of the train section, those that are written: "loss optimizer" */
    int batch, epochs;    /* the defaults; 32 and 1 where not given */
    int max_batch;        /* rows a step is compiled for: batch, or --batch (main.c) */
    int accumulate;       /* batches whose mean gradient makes an update; 0: not said */
    Span accumulates;     /* where it is said */
    int shards;           /* of a batch; 0: not said */
    bool mpi;             /* a trainer for several processes */
    double ema;           /* share of it that the weights' moving average keeps; 0: there is none */
    bool averages;        /* `ema` is said */
    bool bounded;         /* a layer says max_norm */
    double mixup, cutmix; /* of Beta(mixup, mixup): a row's share of another; 0: none */
    Span mixes;           /* where one of them is said */
    double seed;          /* 0 where not given */
    Call *stop;           /* early_stop(..), or NULL */
    Call *clip;           /* norm(x) or value(x), or NULL */
    Call *start;          /* weights(..) that a run begins with, or NULL: initial values */
    PartRate *rates;      /* of parts that have a learning rate of their own */
    int rate_count;
    Constant frozen;     /* names of parts of the network that are not trained, or none */
    const char *keep;    /* "best" or "last" */
    const char *monitor; /* what is best: "validation_loss", or a metric */
    Span monitor_span;   /* where it is said, or that the best are kept */
    bool keep_best;      /* the file says so */
    ConvChoice conv;
    Precision precision;
    Let *lets;
    int let_count;
    RunNumber *numbers;
    int number_count;
} Model;

enum { MPI_SHARDS = 8 }; /* of --mpi, where the model says none */

#define MAX_CLASS_WEIGHT 1e6 /* sums of many stay exact enough */

bool reads_pictures(const Model *model); /* files of them (pictures.c) */
/* By index of `layers`: does the loss of a section, from 0, depend on it? (turns.c) */
bool *layers_behind(const Model *model, int section);
bool schedules_by_steps(const Model *model);        /* one of them does (schedule.c) */
bool can_be_set(const Let *let);                    /* by a run */
int run_number(const Call *call, const char *name); /* of an argument that is a number, or 0 */

/* Every name of the language, with its arguments and a line of help. */
void print_language(FILE *out);

/* What a trainer calls the initial values that the language calls `text`. */
const char *initial_table_name(const char *text);

Model *analyze(Source *source, Ast *ast, const Define *defines, int define_count);

/* ---- layers_text.c: layers as text ----------------------------------------------------------- */

/* "conv2d(6, 5, padding=same)": what was given, two sizes at most without their names. */
const char *typed_text(const Call *call);
/* Its layers by what evaluation depends on: "dense(units=10); batchnorm(eps=0.001); relu". */
const char *evaluated_text(const Model *model);

#endif
