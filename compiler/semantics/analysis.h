/*
 * analysis.h -- what the files of this stage share.
 *
 * One idea: everything an expression can be while a file is evaluated is an Object; what went wrong
 * and was reported is OBJECT_ERROR, which every step takes in silence.
 */

#ifndef ANALYSIS_H
#define ANALYSIS_H

#include "semantics/semantics.h"
#include "syntax/syntax.h"

/* ---- builtins.c: what the language knows ----------------------------------------------------- */

typedef enum Kind {
    KIND_LAYER = 1 << 0,
    KIND_LOSS = 1 << 1,
    KIND_OPTIMIZER = 1 << 2,
    KIND_SCHEDULE = 1 << 3,
    KIND_SOURCE = 1 << 4, /* idx, digits */
    KIND_SPLIT = 1 << 5,  /* holdout, kfold */
    KIND_TRANSFORM = 1 << 6,
    KIND_AUGMENTATION = 1 << 7,
    KIND_METRIC = 1 << 8,
    KIND_CLIP = 1 << 9,
    KIND_STOP = 1 << 10,
    KIND_START = 1 << 11,
    KINDS = 12,
} Kind;

typedef enum ParamType { /* what a parameter takes */
                         PARAM_NUMBER,
                         PARAM_NONZERO,
                         PARAM_POSITIVE,    /* > 0 */
                         PARAM_NONNEGATIVE, /* >= 0 */
                         PARAM_PROBABILITY, /* 0 <= p < 1 */
                         PARAM_FRACTION,    /* 0 < f < 1 */
                         PARAM_UNIT,        /* 0 <= m <= 1 */
                         PARAM_COUNT,       /* a whole number >= 1 */
                         PARAM_WHOLE,       /* a whole number >= 0 */
                         PARAM_BOOL,
                         PARAM_STRING,
                         PARAM_STRINGS,   /* one or a list */
                         PARAM_SEPARATOR, /* a string: what stands between the cells of a csv */
                         PARAM_DECIMAL,   /* a string: "." or "," */
                         PARAM_QUOTE,     /* the string "'", or `double` or `none` */
                         PARAM_NAME,
                         PARAM_NAMES, /* a name or a list of them: words, nothing that is defined */
                         PARAM_WORDS, /* every argument that is left: names, as of PARAM_NAMES */
                         PARAM_COLUMNS,   /* of a field: a name, a number from 1, or a list */
                         PARAM_COUNTS,    /* PARAM_COUNT, or [height, width] */
                         PARAM_WHOLES,    /* PARAM_WHOLE, or [height, width] */
                         PARAM_PADDING,   /* PARAM_WHOLES, or `same` */
                         PARAM_COUNTS_3D, /* these three with [depth, height, width] */
                         PARAM_WHOLES_3D,
                         PARAM_PADDING_3D,
                         PARAM_ENDS,    /* PARAM_WHOLE, [before, after], `same` or `causal` */
                         PARAM_AXIS,    /* the name of an axis */
                         PARAM_AXES,    /* the same, or `all` */
                         PARAM_STEPS,   /* `all` or `last` */
                         PARAM_RANGE,   /* PARAM_WHOLE, or a list of them that follow each other */
                         PARAM_NUMBERS, /* a number or a list of them */
                         PARAM_POSITIVES,
                         PARAM_MILESTONES, /* PARAM_COUNT, or a list of them that rises */
                         PARAM_INIT,       /* the name of initial values */
                         PARAM_MONITOR,    /* the name validation_loss, or a metric's */
                         PARAM_SIZES,   /* every argument that is left: counts, or a list of them */
                         PARAM_OPERAND, /* a number, or a layer's result */
                         PARAM_TENSOR,  /* a layer's result */
                         PARAM_TENSORS, /* every argument that is left: layers' results */
} ParamType;

enum { MAX_PARAMETERS = 12 };

typedef struct Parameter {
    const char *name; /* NULL: the end */
    ParamType type;
    const char *standard; /* the default as text, another parameter's name; NULL: none */
    bool training;        /* of a layer: evaluation does not depend on it */
    bool by_run;          /* of a layer: the trainer reads it while it runs */
} Parameter;

typedef enum SourceKind {                 /* where a source's fields come from */
                          SOURCE_NONE,    /* it is none */
                          SOURCE_OWN,     /* always the same */
                          SOURCE_FILES,   /* each argument is one */
                          SOURCE_ARCHIVE, /* seen when it is opened */
                          SOURCE_TABLE,   /* columns, which have an order */
                          SOURCE_OBJECTS, /* columns without one */
} SourceKind;

typedef struct SourceField {
    const char *name; /* NULL: the end */
    Shape shape;      /* of one row */
    bool has_shape;   /* false: the file's */
} SourceField;

enum { MAX_SOURCE_FIELDS = 6 };

typedef struct Signature {
    const char *name;
    Kind kind;
    const char *help; /* a line; of layers: NULL */
    bool has_weights; /* a layer with parameters to train */
    bool of_values;   /* a metric that compares values, and counts no classes */
    SourceKind source;
    SourceField fields[MAX_SOURCE_FIELDS]; /* of a source, as far as they are known */
    Parameter parameters[MAX_PARAMETERS];
} Signature;

const Signature *find_signature(const char *name, unsigned kinds); /* or NULL */
extern const char *const initial_values[];    /* what `init` can be; ends with NULL */
bool is_initial_name(const char *text);       /* is it one of them? */
bool takes_files(const Signature *signature); /* any keyword is a parameter: PARAM_STRING */
const char *kind_text(Kind kind);             /* "a layer" */
const char *signature_text(const Signature *signature); /* "dense(units, bias=true)" */
const char *kind_names(unsigned kinds);                 /* "sgd(lr), adam, ...", in lines */
void add_signature_names(const char ***names, int *count, unsigned kinds);

/* ---- Objects: what an expression can be ------------------------------------------------------ */

typedef struct PartialCall PartialCall;

typedef enum ObjectKind {
    OBJECT_ERROR, /* an error was reported */
    OBJECT_NUMBER,
    OBJECT_BOOL, /* number is 0 or 1 */
    OBJECT_STRING,
    OBJECT_NAME, /* same zeros missing mean median */
    OBJECT_LIST,
    OBJECT_TENSOR,   /* a layer's result */
    OBJECT_FUNCTION, /* a layer that waits for its input, an optimizer, ... */
    OBJECT_LOSSES,   /* a sum of losses: items, calls or values; the number of each is its factor */
} ObjectKind;

typedef struct Object {
    ObjectKind kind;
    int count;  /* of items */
    int nested; /* a list: 1; of lists: 2; ... */
    long total; /* of a list: items, those of inner lists included */
    double number;
    const char *text;
    struct Object *items;
    Layer *layer; /* of a value */
    PartialCall *function;
    Layer *prediction;   /* of a call of a loss section: its first argument; or NULL */
    bool carried;        /* it is one that netc has itself */
    const char *formula; /* of a number that lets make: lets.c; else NULL */
    uint64_t lets;       /* that it is made of, a bit each */
    Span span;
} Object;

/* A call that is not complete yet: of a signature, or of a block or network in the file. */
struct PartialCall {
    const Signature *signature; /* or NULL */
    const Ast *definition;      /* or NULL */
    bool has_input;             /* a layer, block, network or loss: its first argument */
    bool failed;                /* an argument was: do not ask for those that are missing */
    bool owns_rest;             /* the list that gathers what is left is nobody else's */
    Object input;
    Object *arguments;   /* by parameter; of takes_files: as they came */
    bool *given;         /* by parameter */
    const char **names;  /* of takes_files: the keywords */
    int count;           /* of arguments */
    const char *network; /* of a loss: whose its prediction is */
    Span span;           /* the whole call */
    Span name_span;
};

/* ---- The run --------------------------------------------------------------------------------- */

typedef struct Name {
    const char *text;
    Object value;
    Span span; /* where it was first defined */
} Name;

typedef struct Names {
    Name *items;
    int count;
} Names;

/* The names of layers in one network or block: numbered when all are known. */
typedef struct Paths Paths;

typedef struct Entry {
    const char *base; /* "dense", "basic", or the name that was assigned */
    Layer *layer;     /* or */
    Paths *paths;     /* a block's */
    bool has_weights;
} Entry;

struct Paths {
    const char *path; /* "resnet18.basic_3" */
    Entry *entries;
    int count;
};

/* A network's layers, as its first call made them; a later call shares their parameters. */
typedef struct Instance {
    const Ast *definition;
    Paths *paths;
    Layer **layers;
    int count;
    bool complete;             /* the first call has ended */
    bool busy;                 /* being called */
    int next;                  /* of a later call: which layer comes next */
    const PartialCall **calls; /* so far, and what each gave */
    Object *results;
    int *losses; /* how many losses had been called before each */
    int call_count, result_count, losses_count;
} Instance;

/* A block or network while its body runs. */
typedef struct Frame {
    const Ast *definition;
    Names names;
    Object result;
    bool has_result, returned;
} Frame;

/* A result that a network gave the loss. */
typedef struct Given {
    Layer *layer;
    const char *network;
} Given;

typedef struct Place {
    const Source *source;
    Span span;
} Place;

typedef struct Sema {
    Source *source; /* the model's, or that of a --define */
    const Ast *file;
    Model *model;
    Names globals;      /* lets, blocks, networks, fields */
    Frame *frame;       /* NULL outside blocks and networks */
    Instance *instance; /* the network whose layers are being made, or NULL */
    Instance **instances;
    int instance_count;
    const Ast **called; /* blocks and networks, each once */
    int called_count;
    Paths *paths;     /* where a new layer gets its name */
    Paths *root;      /* of layers outside networks */
    unsigned kinds;   /* which of the language's names are known here */
    int depth, calls; /* of evaluation; of blocks and networks */
    double steps;
    int first_term;  /* of the train section at hand */
    int losses;      /* that were called: terms of a sum are told apart by it */
    unsigned listed; /* kinds whose names a note has listed: once a file */
    bool in_loss;    /* an expression of the loss is evaluated: targets are values */
    Given *given;    /* what networks gave the loss, in order */
    int given_count;
    bool stopped;    /* a limit was passed: everything is OBJECT_ERROR */
    Place *reported; /* one error a place: a loop would repeat it */
    int reported_count;
} Sema;

/* ---- scope.c: reports, limits, names --------------------------------------------------------- */

Object error_object(Span span);

/* error_at, once a place; false: it was there already, and no note belongs to it. */
bool report(Sema *s, Span span, const char *fmt, ...) PRINTF(3, 4);
void explain_call(Sema *s, const PartialCall *f);     /* a note: what it could look like */
bool within_budget(Sema *s, double steps, Span span); /* false: too much work */

Name *find_name(const Names *names, const char *text);
void set_name(Sema *s, Names *names, const char *text, Object value, Span span);
void define_name(Sema *s, const char *text, Object value, Span span); /* a global: only once */
bool is_constant_name(const char *text);
/* With the nearest name; of what is `called`, and has none near, with all that there are. */
void unknown(Sema *s, const char *text, Span span, unsigned kinds, bool called);
bool refuse_quotes(Sema *s, const Ast *string); /* of '...', which is no string: an error */
void list_names(Sema *s, unsigned kinds);       /* a note of all of them */

/* ---- param_type.c: what a parameter takes ---------------------------------------------------- */

const char *body_text(const Ast *definition); /* "block" */
const char *describe(Object object);          /* "the number 3", "a list" */
/* Checks one object against a type; `name` is what the message calls it. */
bool is_axis_name(const char *text); /* "channels" */
bool fits_type(Sema *s, const char *name, ParamType type, Object object);
bool is_whole(ParamType type); /* a number or list of numbers without parts */
/* Parameter i's default, as text: in the loss, sums and means go along all axes. */
const char *standard_of(const Sema *s, const PartialCall *f, int i);
/* The numbers that a parameter takes. */
void find_range(ParamType type, double *low, double *high, bool *whole);

/* ---- lets.c: which numbers a run can change -------------------------------------------------- */

/* Its value, as it is read; `text`: as it stands. */
Object define_let(Sema *s, const char *name, Object value, const char *text, Span span);
Object add_formula(Sema *s, Object result, const char *op, Object a, Object b); /* a op b, or -a */
void hold(Sema *s, Object object); /* what takes it is compiled */
/* fits_type outside of calls, where what takes a whole number is compiled. */
bool check_type(Sema *s, const char *name, ParamType type, Object object);
bool takes_run_number(const Signature *signature, const Parameter *parameter);
void find_run_numbers(Sema *s); /* when all is known */

/* ---- elsewhere.c: what users of other libraries write ---------------------------------------- */

typedef enum AdvicePlace { ADVICE_WORDS, ADVICE_PARAMETERS, ADVICE_KEYS } AdvicePlace;

/* Its name here: of these kinds, of these parameters, of a key, a part or a value; or NULL. */
const char *word_elsewhere(const char *text, unsigned kinds);
/* Does the field know a name that netc has not? What to do `instead`, or NULL. */
bool is_absent(const char *text, const char **instead);
const char *unquoted_name(const char *text, unsigned kinds); /* that a string is, or NULL */
const char *parameter_elsewhere(const char *const *names, int count, const char *text);
const char *key_elsewhere(const char *text);
const char *part_elsewhere(const char *text);
const char *value_elsewhere(const char *text);

/* A note of what to do where no word is the answer; `value`: what it was given, or NULL. */
bool advise(Source *source, AdvicePlace place, const char *text, const Ast *value);
/* A note on a name with dots in it; false: it has none. */
bool explain_dotted(Source *source, const char *text, unsigned kinds);
const char *value_text(const Source *source, const Ast *value); /* as it stands in the file */
const char *source_of_file(const char *text); /* `csv("x.csv")` of "x.csv", or NULL */

/* ---- call.c: arguments meet parameters ------------------------------------------------------- */

PartialCall *new_function(const Signature *signature, const Ast *definition, Span span);
bool wants_input(const PartialCall *f);

/* A name, or a list of them, as words. */
Object evaluate_names(Sema *s, const Ast *value, ParamType type);

/* A copy of `f` with more arguments; they are evaluated and checked here. */
PartialCall *bind(Sema *s, const PartialCall *f, AstList arguments, Span span);

/* The evaluated call with all defaults; reports what is missing: NULL. */
Call *finish_call(Sema *s, PartialCall *f);
Constant to_constant(Object object);

/* ---- expression.c ---------------------------------------------------------------------------- */

Object evaluate(Sema *s, const Ast *ast);
Object evaluate_with(Sema *s, const Ast *ast, unsigned kinds);

/* ---- layer.c: a use of a layer --------------------------------------------------------------- */

Object new_layer(Sema *s, Call *call, Layer *const *inputs, int count, bool has_weights);
Layer *new_input(Field *field);
bool equal_constants(const Constant *a, const Constant *b);

/* ---- arithmetic.c: operators on results of layers -------------------------------------------- */

Object combine_values(Sema *s, const Ast *ast, Object a, Object b); /* one of them is no number */
Object negate_value(Sema *s, Span span, Object a);

/* ---- loss_sum.c: sums of losses -------------------------------------------------------------- */

bool is_loss(Object object);
Object as_sum(Object loss);                                  /* one loss alone counts once */
Object combine(Sema *s, const Ast *ast, Object a, Object b); /* expression.c: a binary operator */
Object combine_losses(Sema *s, const Ast *ast, Object a, Object b); /* one of them is a loss */

/* ---- library.c: losses in the language itself ------------------------------------------------ */

bool is_carried(const char *name);
const char *carried_text(const char *name); /* "quantile(prediction, target, q=0.5)" */
void add_carried_names(const char ***names, int *count);
void print_carried(FILE *out);
/* Its section, all of which stands at `span`. */
const Ast *carried_definition(const char *name, Span span);
ParamType carried_type(const char *name, const char *parameter); /* what that takes */
TargetRange carried_range(const char *name);                     /* what its target is */
bool carried_logits(const char *name); /* does it take a sigmoid itself? */

/* ---- loss_call.c: calls of loss sections ----------------------------------------------------- */

/* Of a loss that netc carries: are its arguments values, in their order, and numbers in range? */
bool check_carried(Sema *s, const PartialCall *f);
/* What a sigmoid was taken of; how its results lie is nothing to a mean. NULL: it is none. */
Layer *sigmoid_input(Layer *layer);
/* Its first argument, where it is a prediction; NULL: it is none. */
Layer *predicted_by(const PartialCall *f);

/* ---- results.c: what a body gives ------------------------------------------------------------ */

enum { MAX_RESULTS = 16 }; /* of a network, a block or a split */

bool is_several(Object object);                          /* is it a list of values? */
bool is_result(Object object);                           /* a value, or such a list */
bool refuse_several(Sema *s, const PartialCall *f);      /* a layer or loss whose input is a list */
void unpack(Sema *s, const Ast *ast, Object list);       /* a, b = list: a name for each item */
Object split_results(Sema *s, Call *call, Layer *input); /* of a split: a list of its parts */

/* ---- network.c: layers, blocks, networks ----------------------------------------------------- */

/* A layer, block or network that has its input gives its result; a loss stays as it is. */
Object apply(Sema *s, PartialCall *f);
void check_body(Sema *s, const Ast *definition);

/* ---- paths.c: when all layers are made ------------------------------------------------------- */

void resolve_paths(Sema *s);
void prune_layers(Sema *s); /* what no term of the loss depends on; inputs come first */

/* ---- parts.c: names of parts of the network in the train section ----------------------------- */

Constant analyze_parts(Sema *s, const Ast *ast); /* of a key; none after an error */
void analyze_rates(Sema *s, const Ast *ast);

/* When layers have their paths, and those that are unused are gone: which of them are frozen. */
void check_parts(Sema *s);

/* ---- metrics.c: metrics of the train section ------------------------------------------------- */

void analyze_metrics(Sema *s, const Ast *ast);
void check_metrics(Sema *s); /* when the loss is known, whose summands are told too */

/* ---- columns.c: what a source gives ---------------------------------------------------------- */

bool is_table(const Call *source);    /* its fields are columns that column(..) chooses */
bool names_files(const Call *source); /* each argument is a field */
bool is_archive(const Call *source);
bool has_unknown_fields(const Call *source); /* of any name and shape: npy, npz */
const char **source_fields(const Call *source, int *count);
bool source_shape(const Call *source, const Field *field, Shape *shape); /* false: not known */
/* Is the field the name of a class, which training learns the numbers of? `source` may be NULL. */
bool is_class_name(const Call *source, const char *field);
bool is_mask(const Call *source, const char *field); /* of a picture, which moves with it */
bool check_picture(Sema *s, const Call *source);     /* the words of `images`; true of others */

/* column(..) or columns(..): fills the field; false after an error. `source` may be NULL. */
bool analyze_columns(Sema *s, Field *field, const Call *source, const Ast *ast);

/* ---- transform.c: the steps of a field ------------------------------------------------------- */

Call *analyze_step(Sema *s, const Ast *stage); /* NULL after an error */
const Call *window_of(const Field *field);     /* the step that puts rows together, or NULL */
/* Is the argument one of these words? Complains where it is not. */
bool check_word(Sema *s, const Call *step, const char *parameter, const char *const *words,
                int count);

/* The shape, where one of the field's steps makes it. `has_sizes`: it is written out, too. */
void find_transformed_shape(Sema *s, Field *field, bool has_sizes);
void check_normalize(Sema *s, const Field *field, const Call *step);

/* What one step asks of the steps around it, of its field and of its own words. */
void check_transforms(Sema *s, const Field *field);

/* ---- characters.c: texts as windows of characters -------------------------------------------- */

void prepare_characters(Sema *s, Field *field, int i, bool has_sizes); /* step i */
bool check_text(Sema *s, const Field *field); /* of text(..), it has to be characters */
void check_text_splits(Sema *s);
void share_characters(Sema *s); /* when all fields are known */

/* ---- dates.c: parts of a column's dates ------------------------------------------------------ */

int date_parts(const Field *field); /* numbers that date(..) makes of a cell; 1 without it */
/* `date` reads the column: it comes first, or before classes of one part. */
void check_date(Sema *s, const Field *field);
void end_date(Field *field); /* it is no step that other steps stand behind */

/* ---- series.c: rows that are positions in time ----------------------------------------------- */

/* The field's shape is that of one position until end_window, which is given the one that was
   written out, or rank 0. Returns whether the one of a position is known. */
bool begin_window(Sema *s, Field *field, const Call *source, bool has_sizes);
void end_window(Sema *s, Field *field, Shape written);
void check_series(Sema *s, Field *const *fields, int count); /* what windows ask of the splits */

/* ---- numbering.c: inputs that share the numbers of their words or classes -------------------- */

/* `shared` of a step that numbers words or classes: what is not given is the other input's. */
void share_numbers(Sema *s, Field *field, Call *step);
void share_marks(Field *const *fields, int count); /* of begin=true or end=true: a word more */
void check_numbers(Sema *s); /* inputs that one weight reads, when all layers are known */

/* ---- choice.c: values of the train section that are calls ------------------------------------ */

/* The complete call that the value `object` of a key is, or its text; NULL after an error. */
Call *to_choice(Sema *s, const Ast *ast, Object object, Kind kind);
Call *analyze_choice(Sema *s, const Ast *ast, Kind kind);

/* ---- schedule.c: schedules of the learning rate ---------------------------------------------- */

void analyze_schedule(Sema *s, const Ast *ast);
void check_minimum(Sema *s);
void check_schedule(Sema *s);

/* ---- data_section.c, augmentation.c, train_section.c, unused.c ------------------------------- */

void analyze_data(Sema *s, const Ast *section);
void analyze_augments(Sema *s, AstList items);      /* of a data section, after all its fields */
void follow_used(const Model *model, Field *other); /* the first view that the model has, if any */
void analyze_train(Sema *s, const Ast *const *sections, int count);
void analyze_loss(Sema *s, const Ast *ast);                            /* loss.c */
bool depends_on(const Model *model, const Layer *layer, Layer *other); /* network.c */
bool is_train_key(const char *text);
void warn_unused(Sema *s);

#endif
