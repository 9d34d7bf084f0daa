/*
 * analysis.h -- what the files of this phase share.
 *
 * One idea: everything an expression can be while a file is evaluated is a Thing; what went wrong
 * and was reported is THING_WRONG, which every step takes in silence.
 */

#ifndef ANALYSIS_H
#define ANALYSIS_H

#include "semantics/semantics.h"
#include "syntax/syntax.h"

/* ---- signatures.c: what the language knows --------------------------------------------------- */

typedef enum Family {
    FAMILY_LAYER = 1 << 0,
    FAMILY_LOSS = 1 << 1,
    FAMILY_OPTIMIZER = 1 << 2,
    FAMILY_SCHEDULE = 1 << 3,
    FAMILY_SOURCE = 1 << 4, /* idx, digits */
    FAMILY_SPLIT = 1 << 5,  /* holdout, kfold */
    FAMILY_PREPARATION = 1 << 6,
    FAMILY_AUGMENTATION = 1 << 7,
    FAMILY_METRIC = 1 << 8,
    FAMILY_CLIP = 1 << 9,
    FAMILY_STOP = 1 << 10,
    FAMILIES = 11,
} Family;

typedef enum Want { /* what a parameter takes */
                    WANT_NUMBER,
                    WANT_NONZERO,
                    WANT_POSITIVE,    /* > 0 */
                    WANT_NONNEGATIVE, /* >= 0 */
                    WANT_PROBABILITY, /* 0 <= p < 1 */
                    WANT_FRACTION,    /* 0 < f < 1 */
                    WANT_UNIT,        /* 0 <= m <= 1 */
                    WANT_COUNT,       /* a whole number >= 1 */
                    WANT_WHOLE,       /* a whole number >= 0 */
                    WANT_BOOL,
                    WANT_STRING,
                    WANT_NAME,
                    WANT_NAMES,   /* a name or a list of them: words, nothing that is defined */
                    WANT_COLUMNS, /* of a field: a name or number, from 1, or a list of them */
                    WANT_COUNTS,  /* WANT_COUNT, or [height, width] */
                    WANT_WHOLES,  /* WANT_WHOLE, or [height, width] */
                    WANT_PADDING, /* WANT_WHOLES, or `same` */
                    WANT_NUMBERS, /* a number or a list of them */
                    WANT_POSITIVES,
                    WANT_MILESTONES, /* WANT_COUNT, or a list of them that rises */
                    WANT_INIT,       /* the name of initial values */
                    WANT_MONITOR,    /* the name validation_loss, or a metric's */
                    WANT_SIZES,      /* every argument that is left: counts, or a list of them */
                    WANT_VALUE,      /* a layer's result */
                    WANT_VALUES,     /* every argument that is left: layers' results */
} Want;

enum { PARAMETERS_MAX = 12 };

typedef struct Parameter {
    const char *name; /* NULL: the end */
    Want want;
    const char *fallback; /* the default as text, another parameter's name; NULL: none */
} Parameter;

typedef struct Signature {
    const char *name;
    Family family;
    bool has_weights; /* a layer with parameters to train */
    bool named_files; /* any keyword is a parameter: WANT_STRING */
    Parameter parameters[PARAMETERS_MAX];
} Signature;

const Signature *find_signature(const char *name, unsigned families); /* or NULL */
extern const char *const initial_values[];              /* what `init` can be; ends with NULL */
bool is_initial_name(const char *text);                 /* is it one of them? */
const char *family_text(Family family);                 /* "a layer" */
const char *signature_text(const Signature *signature); /* "dense(units, bias=true)" */
const char *usual_name(const char *name);               /* "linear" of another library: "dense" */
/* "sgd(lr), adam, ...", with what each needs, in lines */
const char *family_names(unsigned families);
void add_signature_names(const char ***names, int *count, unsigned families);

/* ---- Things ---------------------------------------------------------------------------------- */

typedef struct PartialCall PartialCall;

typedef enum ThingKind {
    THING_WRONG, /* an error was reported */
    THING_NUMBER,
    THING_BOOL, /* number is 0 or 1 */
    THING_STRING,
    THING_NAME, /* same zeros missing mean median */
    THING_LIST,
    THING_VALUE,    /* a layer's result */
    THING_FUNCTION, /* a layer that waits for its input, an optimizer, ... */
} ThingKind;

typedef struct Thing {
    ThingKind kind;
    int count;  /* of items */
    int nested; /* a list: 1; of lists: 2; ... */
    long total; /* of a list: items, those of inner lists included */
    double number;
    const char *text;
    struct Thing *items;
    Layer *layer; /* of a value */
    PartialCall *function;
    Span span;
} Thing;

/* A call that is not complete yet: of a signature, or of a block or network in the file. */
struct PartialCall {
    const Signature *signature; /* or NULL */
    const Ast *definition;      /* or NULL */
    bool has_input;             /* a layer, block, network or loss: its first argument */
    bool wrong;                 /* an argument was: do not ask for those that are missing */
    Thing input;
    Thing *arguments;   /* by parameter; of named_files: as they came */
    bool *given;        /* by parameter */
    const char **names; /* of named_files: the keywords */
    int count;          /* of arguments */
    Span span;          /* the whole call */
    Span name_span;
};

const char *describe(Thing thing); /* "the number 3", "a list" */

/* ---- The run --------------------------------------------------------------------------------- */

typedef struct Name {
    const char *text;
    Thing value;
    Span span; /* where it was first defined */
} Name;

typedef struct Names {
    Name *at;
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
    bool complete; /* the first call has ended */
    bool busy;     /* being called */
    int next;      /* of a later call: which layer comes next */
} Instance;

/* A block or network while its body runs. */
typedef struct Frame {
    const Ast *definition;
    Names names;
    Thing result;
    bool has_result, returned;
} Frame;

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
    Paths *paths;      /* where a new layer gets its name */
    Paths *root;       /* of layers outside networks */
    unsigned families; /* which of the language's names are known here */
    int depth, calls;  /* of evaluation; of blocks and networks */
    long steps;
    bool stopped;    /* a limit was passed: everything is THING_WRONG */
    Place *reported; /* one error a place: a loop would repeat it */
    int reported_count;
} Sema;

/* error_at, once a place; false: it was there already, and no note belongs to it. */
bool complain(Sema *s, Span span, const char *fmt, ...) PRINTF(3, 4);

/* ---- bind.c: arguments meet parameters ------------------------------------------------------- */

PartialCall *new_function(const Signature *signature, const Ast *definition, Span span);
bool wants_input(const PartialCall *f);
int parameter_count(const PartialCall *f);
const char *parameter_name(const PartialCall *f, int i); /* without the input */

/* A copy of `f` with more arguments; they are evaluated and checked here. */
PartialCall *bind(Sema *s, const PartialCall *f, AstList arguments, Span span);

/* The evaluated call with all defaults; reports what is missing: NULL. */
Call *finish_call(Sema *s, PartialCall *f);

/* Checks one thing against what is wanted; `name` is what the message calls it. */
bool check_want(Sema *s, const char *name, Want want, Thing thing);
Constant to_constant(Thing thing);

/* ---- evaluate.c: expressions ----------------------------------------------------------------- */

Thing wrong(Span span);
Thing evaluate(Sema *s, const Ast *ast);
Thing evaluate_with(Sema *s, const Ast *ast, unsigned families);
Name *find_name(const Names *names, const char *text);
void set_name(Sema *s, Names *names, const char *text, Thing value, Span span);
void define_name(Sema *s, const char *text, Thing value, Span span); /* a global: only once */
/* With the nearest name; of what is `called`, and has none near, with all that there are. */
void unknown(Sema *s, const char *text, Span span, unsigned families, bool called);
void list_names(Sema *s, unsigned families); /* a note of all of them */
bool is_constant_name(const char *text);
bool spend(Sema *s, long steps, Span span); /* false: too much work */

/* ---- network.c: layers, blocks, networks ----------------------------------------------------- */

/* A layer, block or network that has its input gives its result; a loss stays as it is. */
Thing apply(Sema *s, PartialCall *f);
Thing new_layer(Sema *s, Call *call, Layer *const *inputs, int count, bool has_weights);
Layer *new_input(Field *field);
void resolve_paths(Sema *s);
void check_body(Sema *s, const Ast *definition);
void prune_layers(Sema *s); /* what the prediction does not depend on; inputs come first */

/* ---- unused.c: warnings ---------------------------------------------------------------------- */

void warn_unused(Sema *s);

/* ---- data_section.c -------------------------------------------------------------------------- */

void analyze_data(Sema *s, const Ast *section);
void check_normalize(Sema *s, const Field *field, const Call *step);

/* ---- preparations.c -------------------------------------------------------------------------- */

/* What one step asks of the steps around it, of its field and of its own words. */
void check_preparations(Sema *s, const Field *field);

/* ---- data_columns.c: what a source gives ----------------------------------------------------- */

bool is_table(const Call *source);    /* its fields are columns that column(..) chooses */
bool names_files(const Call *source); /* each argument is a field */
const char **source_fields(const Call *source, int *count);
bool source_shape(const Call *source, const Field *field, Shape *shape); /* false: not known */

/* column(..) or columns(..): fills the field; false after an error. `source` may be NULL. */
bool analyze_columns(Sema *s, Field *field, const Call *source, const Ast *ast);

/* ---- augment.c ------------------------------------------------------------------------------- */

/* `augment image = ...`: after all fields. */
void analyze_augment(Sema *s, const Ast *ast);

#endif
