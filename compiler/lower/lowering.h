/*
 * lowering.h -- what the files of this stage share: lower.c, and a file a family of layers.
 *
 * The one idea: a function a layer, named in semantics/layers.def, appends nodes for it and gives
 * its result, or says what is wrong at the layer's place and gives NULL.
 */

#ifndef LOWERING_H
#define LOWERING_H

#include "lower/lower.h"

/* Parameters of a layer, for the next use of a network that is called again. */
typedef struct Owned {
    const Layer *layer; /* the first use */
    Value *values[4];   /* weight bias; batchnorm: running_mean running_var weight bias */
} Owned;

typedef struct Lowering {
    Graph *g;
    Model *model;
    Mode mode;
    Owned *owned;
    int owned_count;
    int streams;       /* of random draws, numbered in order */
    double parameters; /* elements so far */
    Value *terms[MAX_TERMS];
    int term_count;
} Lowering;

typedef Value *LowerLayer(Lowering *l, Layer *layer, Value *const *x);

/* ---- lower.c --------------------------------------------------------------------------------- */

Value *lower_layer(Lowering *l, Layer *layer); /* NULL after an error */
void lower_terms(Lowering *l, int section);    /* those of a section; of all where it is -1 */

/* ---- sizes.c: sizes, checks, nodes ----------------------------------------------------------- */

int whole(double x); /* as an int; what is too large becomes INT_MAX: see check_size */

/* A number for both axes, or [height, width]. */
bool pair(Lowering *l, const Call *call, const char *name, int out[2]);
const char *pair_text(const int size[2]);    /* "3x3" */
const char *source_text(const Layer *layer); /* a layer's input, in a message */
bool is_sequence(const Layer *layer);        /* is its input [channels, length]? */
bool is_volume(const Layer *layer);          /* [channels, depth, height, width]? */
bool check_rank(Lowering *l, const Layer *layer, int rank, const char *axes, const char *remedy);

/* The call's `sizes`: a number, or a list of up to four; false after an error (shapes.c). */
bool read_sizes(Lowering *l, const Layer *layer, Shape *shape);

/* Which axis of the layer's input has that name; -1 after an error (shapes.c). */
int find_named_axis(Lowering *l, const Layer *layer, const Constant *axis);

/* Can a value of this shape be held for a whole batch? Indices are ints. */
bool check_size(Lowering *l, Span span, const char *what, Shape shape);

Node *append_node(Lowering *l, const Layer *layer, Op op, Value *const *inputs, int count,
                  Attributes at);
Value *reshape_value(Lowering *l, const Layer *layer, Value *x, Shape shape);

/* ---- parameters.c ---------------------------------------------------------------------------- */

Owned *find_owned(Lowering *l, const Layer *layer); /* of the first use; NULL where it failed */
Owned *add_owned(Lowering *l, const Layer *layer);
Value *add_parameter(Lowering *l, const Layer *layer, const char *leaf, Shape shape,
                     const char *init, int fan_in);

/* Refuses what could not be held in memory: more than 2^31 elements, alone or with those before. */
bool count_parameters(Lowering *l, const Layer *layer, Shape shape);

/* Weight and bias of a contraction with `outputs`, PyTorch's initial values; or those of the first
   use. */
Owned *weight_and_bias(Lowering *l, const Layer *layer, Shape shape, int outputs);

/* ---- window.c -------------------------------------------------------------------------------- */

bool check_image(Lowering *l, const Layer *layer);
bool check_sequence(Lowering *l, const Layer *layer);
bool check_volume(Lowering *l, const Layer *layer);

/* A sequence [channels, length] as an image of one row, [channels, 1, length], and back: the same
   memory under another name. Layers of sequences are those of images between the two. A volume
   [channels, depth, height, width] as an image of the rows of all slices. */
Value *as_image(Lowering *l, const Layer *layer, Value *x);
Value *as_sequence(Lowering *l, const Layer *layer, Value *image);

/* A parameter of a window, as Attributes have it: height and width, of a sequence `other` and the
   length, of a volume its depth too. */
bool window_sizes(Lowering *l, const Layer *layer, const char *name, int other, int out[3]);

/* Where an axis of Attributes is in a shape: height and width are the last ones. */
int window_axis(Shape x, int axis);

/* What a call says of its window; padding=same is left for find_window. */
bool read_window(Lowering *l, const Layer *layer, const char *kernel, Attributes *at);

/* Kernel, stride, padding and dilation; `same` keeps the size, the odd pixel goes after (as in
   PyTorch). Of a sequence, whose image is x, they are those of its one row. */
bool find_window(Lowering *l, const Layer *layer, const char *kernel, Shape x, Attributes *at);
const char *window_text(const Layer *layer, const int size[3]); /* "3x3", of a sequence "3" */
Shape windowed(Shape x, const Attributes *at, int channels);    /* the shape of its result */

/* ---- a function a layer: layers.c, arithmetic.c, conv.c, pool.c ... -------------------------- */

#define LAYER(name, function, ...) LowerLayer lower_##function;
#define OPERATOR(name, function) LowerLayer lower_##function;
#include "semantics/layers.def"

/* reduce.c: along `axis` of the call, which goes; of the channels one is left. scale: of what each
   comes to. NULL after an error. */
Value *reduce(Lowering *l, const Layer *layer, Op op, Value *x, double scale);
Value *spread(Lowering *l, const Layer *layer, Value *x, int axis, int size); /* the other way */
Value *reduce_length(Lowering *l, Layer *layer, Value *const *x); /* mean or max of positions */
bool goes_along_length(const Layer *layer); /* its `axis`, as it does where none is given */
const char *axes_text(const Layer *layer);  /* its `axis`: "height", "[height, width]" */
Value *lower_mean_along(Lowering *l, const Layer *layer, Value *x);
/* x[c] on every pixel of an image, or every position of a sequence (arithmetic.c) */
Value *stretch(Lowering *l, const Layer *layer, Value *x, Shape shape);

/* A dense layer of a bag of words, or of a concat that begins with one; NULL: of neither. */
const Node *lower_sparse_dense(Lowering *l, const Layer *layer, Value *x, const Owned *owned);
Value *as_numbers(Lowering *l, const Layer *layer, Value *x); /* a bag with its zeros */

/* ---- words.c: which positions of a sequence are words ---------------------------------------- */

/* Of a layer's result, from its inputs' words. */
Words find_words(const Layer *layer, const Value *value);
/* The tokens that an input of the layer was made from, position by position; says so where there
   are none. first: where other positions may stand before and behind them, gets that of token 0;
   else NULL. */
Value *tokens_behind(Lowering *l, const Layer *layer, const Layer *input, int *first);
/* The tokens that a sequence is made from, position by position; NULL: none. */
Value *find_tokens(const Layer *layer);
/* The input of words, characters or classes that a sequence is made from likewise; NULL: none. */
const Field *find_positions(const Layer *layer);

#endif
