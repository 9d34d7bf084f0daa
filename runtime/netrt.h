/*
 * netrt.h -- the contract between a generated model and the runtime.
 *
 * Generated code gets everything through `struct net_run`: parameters, optimizer state and arena
 * are memory of the runtime, the generated file has no variables. The runtime gets everything
 * through `struct net_model`, tables that the compiler filled. Generated files include kernel.h,
 * which adds the SIMD vocabulary (vec.h) and the small words of generated code.
 */

#ifndef NETRT_H
#define NETRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The run: what varies -------------------------------------------------------------------- */

struct net_session; /* a model with its memory (session.c) */
struct net_options; /* what a run is asked for (training/options.c) */
struct net_cycle;   /* below */
struct net_threads; /* threads and their barrier (threads.c) */
struct net_profile; /* times of single kernels (profile.c) */

/* A step's scalars of the optimizer, computed once in double by the runtime. */
struct net_step_scalars {
    float lr;           /* the step size, the correction of a first moment's bias in it */
    float weight_decay; /* added to the gradient, times the parameter; 0 where it is decoupled */
    float shrink;       /* times the parameter: 1 - lr weight_decay where it is decoupled */
    float momentum;     /* of the velocity */
    float beta2;        /* what the second moment keeps: beta2, alpha, rho */
    float eps;          /* added to its root */
    float first_share;  /* 1 - beta1, of the gradient in the first moment */
    float second_share; /* 1 - beta2, of its square in the second */
    float second_scale; /* 1 / sqrt(1 - beta2^t), the correction of its bias; t from 1 */
    bool zero_is_noop;  /* an update by a gradient of 0 changes neither parameter nor state:
                                   rows of an embedding that no token named may be left out */
    long stride;        /* floats between two copies of the parameters in `state` */
    const struct net_turn *turns; /* of several train sections, by the place of what they train */
};

/* One optimizer: w, state = update(w, g, state), elementwise over `count` floats, a multiple of 16,
   64-byte aligned. update(+0, +0, +0) is +0. */
typedef void net_update(float *restrict w, const float *restrict g, float *restrict state,
                        long count, const struct net_step_scalars *scalars);

/* How the parameters up to a place are updated: those of one section, side by side. */
struct net_turn {
    const float *end; /* behind the last of them */
    net_update *update;
    struct net_step_scalars scalars;
};

/* A summand of the loss: out, but for the weight of a loss without class weights. */
struct net_term {
    float mean;   /* of the batch's rows, before the factor */
    float weight; /* n, or those of its rows and their classes */
    float factor;
};

enum { NET_TERMS = 8 };

struct net_run {
    void *params;             /* net_model.params_size bytes: parameters and running statistics */
    float *state;             /* optimizer state: scalars.stride floats for each copy */
    float *grads;             /* the layout of params where gradients are wanted, else NULL:
                                   then update is not called, every gradient is stored here */
    void *arena;              /* net_model.arena_size bytes; nothing in it outlives a step */
    float *scratch;           /* net_model.scratch_size bytes for each thread, 64-byte aligned */
    long scratch_stride;      /* floats from thread to thread */
    const float *values;      /* net_model.value_count, 64-byte aligned: what find_values made */
    const void *batch;        /* net_model.batch_size bytes, zeroed at first, filled by pack */
    int n;                    /* rows in this batch, as packed: 1 to net_model.batch */
    int rows;                 /* of all, where this batch is a shard of one whose rows meet */
    int shard;                /* its number among those of this process */
    int segment;              /* of the step: what runs up to its next meeting place, from 0 */
    bool sums;                /* the loss and its gradient are sums over rows, and not means */
    const float *row_weights; /* what each row counts in a loss, [n]; NULL: all alike */
    double row_sum;           /* of them; not read where there are none */
    float other_share; /* of row n - 1 - i in row i, which the loss counts as both; 0: none */
    int threads;       /* 1 or more */
    bool has_target;   /* evaluate only: compute the loss too */
    float loss;        /* out: the mean over n rows; of several terms their sum */
    struct net_term terms[NET_TERMS];
    uint32_t seed[2]; /* Philox key */
    uint32_t step;    /* of the random draws: counts from 0 */
    net_update *update;
    struct net_step_scalars scalars;
    struct net_threads *pool;
    struct net_profile *profile; /* NULL: this step is not timed */
};

void net_threads_wait(struct net_threads *pool, int thread);

/* Bench: thread `thread` has finished kernel number `kernel` of this step. */
void net_profile_lap(struct net_profile *profile, int kernel, int thread);

/* ---- The model: what the compiler decided ---------------------------------------------------- */

/* A run of logical channels in a value whose blocks of 16 channels stand side by side:
   flat logical index start + c * pixels + p lies in block  block + p * stride + c / 16,  lane
   c % 16. (A flattened image has pixels = h * w; a concat has several segments.) */
struct net_segment {
    int start, channels, pixels, block, stride;
};

enum net_tensor_kind { NET_WEIGHT, NET_VECTOR, NET_TABLE };

/* A parameter or running statistic.
   NET_VECTOR: one float a channel, element k where the segments put it (16 * block + lane).
   (A weight of few outputs has the segments of its inputs once for each output.)
   NET_WEIGHT: shape [outputs, ...], K = inputs a row = shape[1] * shape[2] * ...; blocks of 16
   outputs are cut into panels of 3, then 2, then 1 blocks; a panel of v blocks is K x v x 16
   floats, [row][block][output % 16]; input k = start + c * pixels + p of its segment stands in
   row  start + p * channels + c.  (conv2d: one segment, channels = C, pixels = KH * KW.)
   NET_TABLE: shape [rows, width], row after row, each of whole blocks of 16. */
struct net_tensor {
    const char *name;   /* as in safetensors: "mlp.dense_1.weight" */
    size_t offset;      /* bytes into params, 64-byte aligned */
    long count;         /* floats with padding; padding is +0 */
    int rank, shape[5]; /* logical, PyTorch's: [out, in], [out, in, kh, kw], [channels] */
    enum net_tensor_kind kind;
    int panels[3]; /* how many of 3, of 2, of 1 blocks, in this order */
    const struct net_segment *segments;
    int segment_count;
    bool trainable;         /* false: a running statistic */
    bool detached;          /* its loss reads it behind a `detach` too */
    uint8_t winograd;       /* of a library's weight that is transformed: outputs of a tile; or 0 */
    const char *init;       /* which initial values: the names in init.c */
    double init_scale;      /* in place of the limit, deviation or constant of `init`; or 0 */
    int fan_in, fan_out;    /* elements that an output, an input takes part in: for init */
    double l1, l2;          /* times sum |w| and sum w^2, added to the loss */
    int run_l1, run_l2;     /* from 1: numbers of the run in their place; 0: none */
    double max_norm;        /* of what each output reads, [out, ...], after a step; 0: any */
    double rate;            /* times the learning rate; 0: 1 */
    int run_rate;           /* from 1: a number of the run in its place; 0: none */
    int section;            /* of several, from 1, that trains it; 0: there is one, or none does */
    int padding_row;        /* of an embedding matrix: the row that begins as 0, from 1; 0: none */
    const char *pretrained; /* of an embedding matrix: the file of its rows, or NULL */
    int field;              /* whose tokens the rows of a pretrained matrix are */
};

/* The offset in floats of flat logical (PyTorch, row-major) element `index` inside the tensor. */
long net_tensor_at(const struct net_tensor *tensor, long index);
long net_tensor_size(const struct net_tensor *tensor); /* logical elements */

/* Arguments of a call in the .net file, evaluated. */
struct net_arg {
    const char *name;
    const char *text;         /* a string or bare name; a list of names: "tags digits"; or NULL */
    double number;            /* a number or bool (0, 1) */
    const double *list;       /* a list of numbers, else NULL */
    const char *const *texts; /* a list of strings, else NULL */
    int count;                /* of list or texts */
    int run_number;           /* from 1: a number of the run in its place; 0: none */
    const int *run_list;      /* the same of each of `list`; NULL: of none */
    bool given;               /* false: the default */
    bool none;                /* no value at all */
};

struct net_reader;    /* data.h: opens a source */
struct net_transform; /* data.h: turns a field's rows into what the model reads */

extern const struct net_texts net_texts; /* data/texts.c */

struct net_call {
    const char *name; /* "idx", "scale", "sgd" */
    const struct net_arg *args;
    int arg_count;
    const struct net_reader *reader;       /* of a source, else NULL */
    const struct net_transform *transform; /* whose call it is, or NULL */
    const struct net_change *change;       /* of a step of `augment` that changes pixels, or NULL */
};

enum net_field_kind {
    NET_INPUT,        /* numbers */
    NET_INPUT_TOKENS, /* token ids, shape [length] */
    NET_INPUT_SPARSE, /* a bag of words, shape [vocabulary] */
    NET_TARGET_CLASS,
    NET_TARGET_VALUES,
    NET_TARGET_NONE /* of a prediction that is compared with nothing: no field of a model's */
};

struct net_field {
    const char *name;   /* in the model */
    const char *source; /* the source's field it is made from; "CRIM..LSTAT" of columns */
    const struct net_arg *columns; /* of csv and jsonl: names, or numbers from 1, of its columns */
    int column_count;
    bool column_range; /* columns[0] is the first, columns[1] the last of them */
    enum net_field_kind kind;
    int rank, shape[4]; /* of one row; a class: rank 0, one a position: [length] or [h, w] */
    int size;           /* product of shape, 1 for a class */
    int classes;        /* of classes(n) or one_hot(n), else 0 */
    bool ignores;       /* the loss ignores `ignored`, which becomes -1 */
    int beside;         /* of `texts`, from 1: the input whose words stand at its positions; or 0 */
    const struct net_texts *texts; /* of a target with a class at each position of a text */
    int ignored;
    const char *wanted_by; /* the loss that wants a target from least to most; or NULL */
    double least, most;
    bool ends;       /* one of the two, and nothing between */
    int vocabulary;  /* of tokens: ids are below it, 0 is padding, 1 unknown; of a bag of
                                   words: its columns; else 0 */
    int numbered_as; /* the field before, from 1, whose words or classes are its; 0: they are its
                        own */
    const struct net_call *augments; /* of prepared rows, in order: augment.c */
    int augment_count;
    int moved_with;               /* from 1: the field whose moves it follows; 0: none */
    const struct net_call *steps; /* transforms, in order */
    int step_count;
};

/* Rows of one field as the data layer hands them to pack: row[i] points to `size` elements in
   logical row-major order. U8 rows become x * scale[c] + shift[c], with c the index
   along the first axis of shape. I32: a class index, or `size` token ids. SPARSE: row[i] is a
   struct net_sparse. TEXT and F64 never reach pack: transforms make ids and
   floats of them. */
enum net_type { NET_F32, NET_U8, NET_I32, NET_SPARSE, NET_TEXT, NET_F64 };

struct net_sparse { /* the elements of a row that are not 0 */
    int count;
    const int32_t *index; /* ascending, each once */
    const float *value;
};

struct net_rows {
    enum net_type type;
    const void *const *row;
    const double *scale, *shift; /* U8 only: shape[0] each */
};

/* A layer's result in the arena, in batch blocks of I images: of image i, pixel p, blocks b: floats
   at + i / I * batch_block + ((block + p * stride + b) * I + i % I) * 16. */
struct net_result {
    size_t at; /* bytes */
    long batch_block;
    int images; /* I */
    int pixels, stride, block, blocks;
    int line;           /* of the first of these: */
    const char *layers; /* "net.conv2d or net.sqrt", behind the result before it */
};

struct net_kernel {
    const char *name;                 /* "dense_relu_64x784x256" */
    const char *layer;                /* "mlp.dense_1" */
    const char *kind;                 /* "forward", "backward-data", "backward-weights", ... */
    double flops, bytes;              /* at a full batch; bytes that must be read and written */
    int line;                         /* of the .net file */
    double updated;                   /* bytes of parameters that it updates: not in `bytes` */
    const struct net_result *results; /* in order, of a forward kernel of the train step */
    int result_count;
};

/* Where the rows of all shards of a batch meet, behind a segment of the step: what it left in the
   arena of each, and what the next one finds there. 16 floats a block of channels. */
struct net_meeting {
    size_t whole;      /* bytes into params: from there on gradients are; 0: nothing is known */
    bool statistics;   /* of a batchnorm, from partial sums of rows of pixels (kernels/sums.h) */
    int height, width; /* of these, in an image */
    int channels;      /* padded: floats of each of `to`; 0: nothing meets here */
    size_t from[2];    /* bytes into the arena: partial sums; or two vectors that are added */
    size_t to[2];      /* mean and 1 / std; or their sums */
    size_t running[2]; /* bytes into params: the running mean and variance */
    double eps, momentum;
    int kernel; /* its row in the step's, which no kernel is of: for its time */
};

struct net_step {
    void (*run)(struct net_run *run, int thread);
    const struct net_kernel *kernels;
    int kernel_count;
    const struct net_meeting *meetings; /* behind each segment but the last */
    int meeting_count;
};

struct net_layer {                    /* a line of `summary` */
    const char *name, *type, *inputs; /* "lenet5.conv2d_1", "conv2d(6, 5)", what it connects to */
    long parameters, states;          /* trainable, non-trainable */
    double flops;                     /* forward, one row */
    int rank, shape[4];               /* of its output, one row */
};

/* A `let` of the file. One that reaches run-time numbers alone is a flag. */
struct net_let {
    const char *name;
    const char *text; /* of what is no number: as it stands in the file, "relu"; else NULL */
    double number;    /* by the file */
    int line;         /* of its place; of one that is compiled, of what takes it */
    bool by_run;      /* a run can set it */
    double low, high; /* its range */
    bool whole;
};

/* A number of the model that lets make. */
struct net_number {
    const char *what; /* "p of dropout" */
    int line;
    double low, high;
    bool whole;
};

enum net_loss {
#define LOSS(name, id, ...) NET_##id,
#include "language.def"
    NET_EXPRESSION, /* the mean of a value */
};

enum { NET_DRAWN = 8 };

/* Rows of the inputs that are drawn, for pack, of numbers rows[i] of a part; `from` NULL: of the
   source itself. `mode` NULL: as evaluation has them. Gives their memory, to be freed. */
struct net_model;
struct net_mode;
struct net_subset;
typedef void *net_draw_rows(struct net_rows *fields, const struct net_model *model, int part,
                            const struct net_subset *from, const struct net_mode *mode,
                            const long *rows, int n);

/* Mixes the rows of a training batch, and packs the share of the other ones; what it gives is freed
   when they are packed. */
typedef void *net_mix(struct net_rows *fields, const struct net_model *model,
                      const struct net_subset *from, const struct net_mode *mode, const long *rows,
                      int n, void *batch);

/* Of step `step`, from 0, of a run of `steps`, of which an epoch has `epoch`. */
typedef struct net_cycle net_cycle_of(const struct net_options *options, double step, double steps,
                                      double epoch);

enum { NET_MAX_SHARDS = 256 }; /* of a batch */

/* How the processes of a run reach each other: ranks/mpi.h. */
struct net_exchange {
    _Alignas(16) char requests[64];
};
struct net_link {
    /* The number of this process, from 0, how many there are, and how many on this machine. False:
       MPI allows one thread alone. */
    bool (*open)(int *rank, int *size, int *beside);
    /* Sends, and receives what the other one sends by this tag, NULL: not that; the memory is in
       use until it is done. */
    void (*start)(struct net_exchange *exchange, int with, int tag, const void *send,
                  size_t send_size, void *receive, size_t receive_size);
    bool (*done)(struct net_exchange *exchange);
    void (*close)(void);
    void (*abort)(int code); /* ends all processes */
};
struct net_world;
struct net_cut; /* how a batch is divided into shards: data/data.h */

/* Puts together what the shards of a batch have at meeting place `place` of a step, `runs` those of
   this process in their order, perhaps none. cut NULL: one run has the batch. */
typedef void net_meet_shards(const struct net_step *step, int place, void *params,
                             struct net_run *runs, int count, const struct net_cut *cut);

enum net_activation { NET_IDENTITY, NET_SOFTMAX, NET_SIGMOID };

struct net_model {
    const char *name, *source, *version; /* "lenet5", "cifar10_lenet5.net", "0.1" */
    const char *folder; /* of the .net file as netc was given it; NULL: the current one */
    const char *hash;   /* 16 hex digits of the text above the table */
    /* Its layers, with the arguments that evaluation depends on, where they are not the defaults:
       "dense(units=10); batchnorm(eps=0.001); relu". */
    const char *evaluated;
    const char *isa;                            /* "avx512", "avx2", "generic" */
    const char *precision;                      /* "bfloat16"; NULL: float32 */
    int batch;                                  /* rows that a step is compiled for, at most */
    size_t params_size, arena_size, batch_size; /* bytes */
    size_t scratch_size; /* bytes that a thread needs for itself, a multiple of 64; or 0 */
    const struct net_tensor *tensors;
    int tensor_count;
    double (*sinusoid)(const struct net_tensor *tensor, long i); /* net_sinusoid, or NULL */
    const struct net_field *fields; /* inputs, then other targets, then the first term's, last */
    int field_count;
    const struct net_field *drawn; /* inputs of N(0, 1), which pack has behind the fields */
    int drawn_count;               /* at most NET_DRAWN */
    net_draw_rows *draw;           /* net_draw_inputs; NULL: there are none */
    double mixup, cutmix; /* of the Beta distribution of shares, both its parameters; 0: none */
    net_mix *mix;         /* net_mix_rows; NULL: rows are not mixed */
    int weight;           /* from 1: the field that weights the rows of a loss; 0: none */
    int target;           /* which of them is predicted, from the last: 0 of the first term */
    const struct net_model *next; /* the model as another target's metrics and predictions see it,
                                     in their tables alone; NULL: there is none */
    const struct net_call *parts[3]; /* train, validation, test; NULL where there is none */
    const struct net_call *loss_call, *optimizer;
    const struct net_call *sections; /* optimizers of several sections, in turn */
    int section_count;               /* 0: there is one */
    const int *term_sections;        /* of each term of the loss; theirs are the last metrics */
    const struct net_turns *turns;   /* net_turns; NULL: there is one section */
    const struct net_call *schedule; /* one after another; only the last may have no end */
    int schedule_count;
    const struct net_call *stop, *clip; /* NULL where there is none */
    const struct net_call *metrics;     /* "accuracy", "mae_place"; of several terms, theirs are
                                           the last: "loss_place" */
    int metric_count;
    const struct net_let *lets;
    int let_count;
    const struct net_number *numbers;
    int number_count, value_count;
    /* numbers, and lets that were not given and others make, of lets; floats for kernels of both */
    void (*find_numbers)(double *numbers, double *lets, const bool *given);
    void (*find_values)(float *values, const double *numbers);
    const struct net_call *start;               /* weights(..) that a run begins with, and */
    void (*rates)(struct net_session *session); /* sets scalars of each tensor; NULL: all alike */
    const struct net_start *begins; /* its functions; NULL: a run begins with initial values */
    int accumulate;                 /* batches whose mean gradient makes an update, and what */
    void (*accumulates)(struct net_session *session, const void *batch, int n); /* makes it */
    int shards; /* of a batch, whose gradients are summed by a tree; 0: it is whole */
    void (*cut)(struct net_session *session); /* net_open_shards, or NULL */
    net_meet_shards *meet;                    /* net_meet; NULL: rows meet nowhere */
    const struct net_link *link;              /* of a trainer for several processes, or NULL; and */
    struct net_world *(*ranks)(const struct net_model *model); /* net_open_ranks */
    net_cycle_of *cycle; /* of a schedule that goes by steps; NULL: by epochs */
    double ema;          /* share of it that the weights' moving average keeps, and what moves it */
    void (*averages)(struct net_session *session);
    void (*bounds)(struct net_session *session); /* holds tensors to their max_norm, or NULL */
    int least_batch;                             /* 2 where a batchnorm has one number a channel and
                                               row, or 0; for training */
    const char *pairs; /* a loss that compares the rows of a batch, "nt_xent", or NULL */
    const char *keys;  /* those that the train section has, "loss optimizer monitor" */
    int default_batch, epochs;
    double seed;
    const char *keep;               /* "best" or "last" */
    const char *monitor;            /* what is best: "validation_loss", or a metric */
    int term_count;                 /* of a loss of several, else 0 */
    enum net_loss loss;             /* of the first */
    enum net_activation activation; /* still to be applied to outputs for `predict` */
    int outputs;                    /* floats of one row of the prediction */
    bool uncompared;                /* with no target, or none of its shape: it has no metrics */
    int output_rank, output_shape[4];
    /* Evaluate's nodes up to the prediction, in ONNX's operators; #0 is the first tensor:
       "t.1 = Gemm(x #0 #1) transB=1; prediction = Softmax(t.1) axis=1". NULL behind the last. */
    const char *const *onnx;
    const char *onnx_refused; /* what ONNX does not have, "lstm (line 9)", or NULL */
    const struct net_layer *layers;
    int layer_count;
    struct net_step train, evaluate;
    void (*pack)(void *batch, const struct net_rows *fields, int n); /* fields as in the table;
                                               a field with row == NULL is left out (predict) */
    void (*unpack)(float *rows, const struct net_run *run); /* after evaluate: [n][outputs], and
                                               behind them those of each `next` */
};

/* Element i of a tensor [channels, length] of sinusoids: in channels 2 k and 2 k + 1 the sine and
   the cosine of position / 10000^(2 k / channels) (Vaswani and others 2017, section 3.5) */
double net_sinusoid(const struct net_tensor *tensor, long i);

/* What a schedule has in a step. */
struct net_cycle {
    double rate;     /* the learning rate */
    double momentum; /* or beta1; negative: the optimizer's own */
};

/* Of a model with `start`, `rates`, `accumulate`, `ema`, `onecycle`: files of training/ with these
   names. */
extern const struct net_start net_start;
/* Of a model with several train sections: training/turns.c. */
extern const struct net_turns net_turns;
/* Of a model with inputs that are drawn: data/draw.c; whose rows are mixed: data/mix.c. */
net_draw_rows net_draw_inputs;
net_mix net_mix_rows;
void net_set_rates(struct net_session *session);
void net_accumulate(struct net_session *session, const void *batch, int n);
void net_open_shards(struct net_session *session); /* training/shards.c */
void net_sum_shards(struct net_session *session, const void *batch, int n);
net_meet_shards net_meet; /* of one in whose layers their rows meet: training/meetings.c */
/* Of a trainer for several processes: ranks/ranks.c, and what its own C ends with. */
struct net_world *net_open_ranks(const struct net_model *model);
extern const struct net_link net_link;
void net_average(struct net_session *session);
void net_bound_norms(struct net_session *session);
net_cycle_of net_one_cycle;
net_cycle_of net_rate_by_steps; /* of a model with warmup(steps) or cosine(by=step) */

int net_main(int argc, char **argv, const struct net_model *model);

#endif
