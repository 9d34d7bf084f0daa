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

/* A pointer that NAME_run takes. */
typedef struct Port {
    const Value *value;   /* an input, or a prediction */
    const char *name;     /* in C */
    const char *type;     /* "float", "int32_t" */
    int size;             /* numbers of a row */
    Op activation;        /* of a prediction: OP_SOFTMAX, OP_SIGMOID or OP_NONE */
    const Field *field;   /* the input, or the target that the prediction is of; or NULL */
    const char **classes; /* of the target: their names, as the run numbered them; */
    int class_count;      /* 0: they are not known */
} Port;

enum { MAX_PORTS = 32 };

typedef struct Library {
    const Model *model;
    Program *program;
    const char *name; /* what its names begin with: the model's, in C */
    int rows;         /* at a time, at most */
    Text weights;     /* inside: the bytes of the file NAME.weights; at NULL: there are none */
    const char *preparation; /* of their run: the text of preparation.json, or NULL */
    const char *checksum;    /* of what it has learnt, as its weights bear it */
    Port inputs[MAX_PORTS], outputs[MAX_PORTS];
    int input_count, output_count;
    const char **others; /* tensors of the model that the prediction is not made of */
    int other_count;
} Library;

/* prediction.c. Takes the loss from a simplified evaluate graph, applies what it took in, and makes
   the graph one of at most `rows` rows at a time. False: errors were reported. */
bool keep_prediction(Graph *evaluate, int rows);
Program *plan_prediction(Graph *evaluate, const Target *target);

/* ports.c. `all`: the graph with every tensor of the model. */
Library describe_library(const Model *model, Program *program, const Graph *all);

/* weights.c. A run's folder or a .safetensors file goes inside. False: it was told why not. */
bool read_weights(Library *library, const char *run);

/* learnt.c. Of outputs, from l->preparation. */
void find_class_names(Library *library);

/* source.c, header.c */
Code emit_library(const Library *library);
void write_library_header(Text *out, const Library *library);

#endif
