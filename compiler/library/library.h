/*
 * library.h -- the evaluate graph -> a C library: its prediction alone, NAME.c and NAME.h.
 *
 * Libraries have a program of their own: layouts and algorithms are chosen for the rows that they
 * take at a time, and nothing of training is in them. The files around them are the driver's
 * (build_library.c).
 */

#ifndef LIBRARY_H
#define LIBRARY_H

#include "emit/emit.h"
#include "library/json.h"

/* A part of a field's preparation: x becomes x scale + shift; a missing one, or 0, what stands in
   for it; then what is beyond a limit the limit; then its log(1 + x), or the number of its bin. */
typedef struct Stage {
    double *scale, *shift; /* of each number of a row */
    double *fill;          /* of each; NAN: nothing stands in; NULL: for none */
    bool zeros;            /* are 0 */
    double least, most;
    bool log;
    int bins;      /* 0: it stays a number */
    double *edges; /* bins + 1 of each number */
} Stage;

/* Strings by number among the bytes of Library.names. */
typedef struct NameTable {
    long at; /* -1: there are none */
    int count, longest;
} NameTable;

/* A pointer that NAME_run takes. */
typedef struct Port {
    const Value *value;   /* an input, or a prediction */
    const char *name;     /* in C */
    const char *type;     /* "float", "int32_t" */
    int size;             /* numbers of a row */
    Op activation;        /* of a prediction: OP_SOFTMAX, OP_SIGMOID or OP_NONE */
    const Field *field;   /* the input, or the target that the prediction is of; or NULL */
    const Term *term;     /* of a prediction: of the loss, that it is compared in */
    const char **classes; /* of the target: their names, as the run numbered them; */
    int class_count;      /* 0: they are not known */
    const char **columns; /* of a table, in the order of the run's; "": it has no name */
    int column_count;
    const char *source_type; /* of the raw form: "uint8_t", "double", "char" */
    int source_size;         /* numbers of a row of the data */
    int positions;           /* rows of a series that are one of the network; 0: no series */
    int *order;              /* where each is in the data, or NULL */
    const Call *words;       /* what makes numbers of a text, or NULL */
    const Call *numbers;     /* what makes classes of a cell or of numbers, or NULL: classes of */
    int classes_known;       /* so many; */
    int unknown, missing;    /* what other values become; -1: they are refused */
    int grams;               /* of a bag: words in a row, at most; of tokens 0 */
    long idf;                /* of tfidf: its numbers in Library.names, or -1 */
    NameTable names, stop;   /* of words, or classes; of words that are left out; at -1: none */
    Stage *stages;           /* from there to here; of a prediction they are taken back */
    int stage_count;
    const char *disagrees; /* the transform that the run has with other numbers, or NULL */
} Port;

enum { MAX_PORTS = 32 };

/* A batchnorm that is in the product before it: names of its tensors. */
typedef struct Fold {
    Node *product;
    const Value *weight, *bias; /* of the product; the bias may be the batchnorm's own */
    const char *gamma, *beta, *mean, *var;
    double eps;
} Fold;

typedef struct Folds {
    Fold *at;
    int count;
} Folds;

typedef struct Library {
    const Model *model;
    Program *program;
    const char *name; /* what its names begin with: the model's, in C */
    int rows;         /* at a time, at most */
    Text weights;     /* inside: the bytes of the file NAME.weights; at NULL: there are none */
    Text names;       /* inside: the bytes of the file NAME.names, tables of strings */
    const char *preparation; /* of their run: the text of preparation.json, or NULL */
    bool is_raw;             /* NAME_run_raw is there, */
    const char *bare;        /* or why not: "log1p of `x`"; NULL: no run is known */
    const char *checksum;    /* of what it has learnt, as its weights bear it */
    Port inputs[MAX_PORTS], outputs[MAX_PORTS];
    int input_count, output_count;
    const char **others; /* tensors of the model that the prediction is not made of */
    int other_count;
    Folds folds;
} Library;

/* prediction.c. Takes the loss from a simplified evaluate graph, applies what it took in, and makes
   the graph one of at most `rows` rows at a time. False: errors were reported. */
bool keep_prediction(Graph *evaluate, int rows);
Program *plan_prediction(Graph *evaluate, const Target *target);

/* fold.c. Of its batchnorms those that a product takes in. */
Folds fold_batchnorms(Graph *evaluate);
int tensor_place(const Graph *g, const Value *tensor); /* among the tensors of NAME.c */

/* ports.c. `all`: the graph with every tensor of the model. */
Library describe_library(const Model *model, Program *program, const Graph *all);

/* weights.c. A run's folder or a .safetensors file goes inside. False: it was told why not. */
bool read_weights(Library *library, const char *run);

/* learnt.c. Of outputs, from l->preparation. */
void find_class_names(Library *library);

const char *string_text(struct net_string s); /* a string of JSON */
/* A number, or a list of them, of the member `key`, one for all; false: there are not `count`. */
bool read_numbers(struct net_walk w, const char *key, double *numbers, int count);

/* names.c. The strings of the member `key` of a step, if it has it. False: they are no strings. */
bool add_names(Library *library, struct net_walk step, const char *key, NameTable *table);

/* Bytes among those of the library; where they begin, a multiple of 16. */
long add_inside(Library *library, const void *bytes, size_t count);

/* agrees.c. Has the run's step the arguments of the model's, as far as it tells them? */
bool step_agrees(struct net_walk step, const Call *call);

/* raw_names.c. The last step of a field of words or classes. False: it has no raw form. */
bool add_text(Library *library, Port *port, struct net_walk step, const Call *call);
bool add_tfidf(Library *library, Port *port, struct net_walk step);
bool add_classes(Library *library, Port *port, struct net_walk step, const Call *call);

/* raw.c. Stages of all fields, from l->preparation. False: the run is of another model. */
bool find_raw_form(Library *library);

/* raw_source.c */
void write_raw_memory(Text *out, const Library *library); /* members of the arena */
void write_raw_form(Text *out, const Library *library);
const char *raw_head(const Library *library); /* NAME_run_raw's, without an end */
const char *known_head(const Library *library, const Port *text); /* NAME_TEXT_known's */

/* source.c, header.c */
Code emit_library(const Library *library);
void write_library_header(Text *out, const Library *library);
const char *comment_safe(const char *text); /* nothing in it ends a comment early */

#endif
