/*
 * runtime.h -- the runtime's internal header, one section a source file.
 *
 * A command of the trainer goes through main.c (which command), options.c (what was asked for) and
 * session.c (a model with memory and threads) to the file that does it: train.c, evaluate.c,
 * predict.c, gradcheck.c, bench.c.
 */

#ifndef NET_RUNTIME_H
#define NET_RUNTIME_H

#include <stdatomic.h>
#include <stdio.h>

#include "core/nearest.h"
#include "data/data.h"
#include "report/metrics.h"

#define NET_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Exit codes; data.h's net_fail takes one. */
enum { NET_OK, NET_FAULT, NET_USAGE, NET_DIVERGED };

/* ---- text.c: text that grows, files that are whole or absent --------------------------------- */

struct net_text {
    char *at; /* NUL-terminated, malloc'd; NULL while empty */
    size_t length, capacity;
};

void net_text_add(struct net_text *text, const char *format, ...) NET_PRINTF(2, 3);
void net_text_quote(struct net_text *text, const char *string); /* as a JSON string */
void net_text_number(struct net_text *text, double x); /* as JSON, exact; not finite: null */

char *net_format(const char *format, ...) NET_PRINTF(1, 2); /* malloc'd */

/* The whole file, with a NUL behind it; malloc'd. A file that cannot be read ends the program. */
char *net_file_read(const char *path, size_t *length);

bool net_is_same_file(const char *a, const char *b); /* under two names, perhaps */

/* A file that replaces `path` at once, when it is complete and on the disk, or not at all. */
struct net_file {
    FILE *out;
    char *path, *temporary; /* beside `path` */
};

void net_file_open(struct net_file *file, const char *path);
void net_file_write(struct net_file *file, const void *bytes, size_t count);
void net_file_commit(struct net_file *file); /* sync, rename, sync the folder */
void net_file_replace(const char *path, const struct net_text *text); /* all of it in one call */

/* ---- json.c: a reader ------------------------------------------------------------------------ */

enum net_json_kind {
    NET_JSON_NULL,
    NET_JSON_BOOL,
    NET_JSON_NUMBER,
    NET_JSON_STRING,
    NET_JSON_ARRAY,
    NET_JSON_OBJECT
};

struct net_json {
    enum net_json_kind kind;
    char *key;              /* as a member of an object, else NULL */
    char *text;             /* of a string */
    double number;          /* of a number or bool (0, 1) */
    struct net_json *first; /* of an array or object */
    struct net_json *next;  /* in the array or object that it is in */
    int count;              /* of an array or object */
};

/* NULL after a mistake; then `error` (of `size` bytes) says what and at which byte. */
struct net_json *net_json_read(const char *text, size_t length, char *error, size_t size);
void net_json_free(struct net_json *json);
const struct net_json *net_json_member(const struct net_json *object, const char *key); /* NULL */

/* ---- options.c: flags, their values and defaults --------------------------------------------- */

enum net_command {
#define COMMAND(id, ...) NET_##id,
#include "language.def"
    NET_COMMANDS
};

extern const char *const net_commands[NET_COMMANDS]; /* "train" */

enum net_option {
    NET_OPTIMIZER,
#define OPTIMIZER_NUMBER(id, ...) NET_##id,
#include "language.def"
    NET_WARMUP_EPOCHS,
    NET_CONSTANT_EPOCHS,
    NET_STEP_SIZE,
    NET_GAMMA,
    NET_MINIMUM,
    NET_FACTOR,
    NET_PATIENCE,
    NET_STOP_PATIENCE,
    NET_CLIP,
    NET_BATCH,
    NET_EPOCHS,
    NET_SEED,
    NET_SHUFFLE,
    NET_KEEP,
    NET_MONITOR,
    NET_SETTINGS, /* those above decide a run's numbers: checkpoints have them */
    NET_THREADS = NET_SETTINGS,
    NET_DATA,
    NET_OUT,
    NET_FORCE,
    NET_RESUME,
    NET_WEIGHTS,
    NET_MAX_STEPS,
    NET_LOG_STEPS,
    NET_CHECKPOINT_EVERY,
    NET_PART,
    NET_DIGITS,
    NET_STEPS,
    NET_PER_KERNEL,
    NET_SYNTHETIC,
    NET_OUTPUT,
    NET_JSON_OUTPUT,
    NET_QUIET,
    NET_OPTIONS
};

struct net_value {
    double number;    /* of a number, or a bool (0, 1) */
    const char *text; /* of a text; NULL: none */
    bool given;       /* on the command line */
    bool applies;     /* false: the run has no use for it */
};

struct net_options {
    const struct net_model *model;
    enum net_command command;
    struct net_value value[NET_OPTIONS];
    const char *file;     /* predict's FILE, gradcheck's NAME, or NULL */
    int folds;            /* kfold's K, or 0 */
    struct net_fold fold; /* that a training run validates on */
    const char *whole;    /* the folder of all folds, or NULL */
    char *command_line;   /* for run.json; malloc'd */
    char *data;           /* --data of the run that is resumed; malloc'd, or NULL */
};

/* Reads the arguments after the command; a mistake ends the program with exit code 2. */
void net_options_read(struct net_options *options, const struct net_model *model,
                      enum net_command command, int argc, char **argv);
void net_options_free(struct net_options *options);

static inline bool net_flag(const struct net_options *options, enum net_option option)
{
    return options->value[option].number != 0.0;
}

static inline long net_whole(const struct net_options *options, enum net_option option)
{
    return (long)options->value[option].number;
}

const char *net_option_name(enum net_option option); /* "weight_decay" */
enum net_option net_option_named(const char *name);  /* of one that there is */
char *net_option_flag(enum net_option option);       /* "weight-decay", malloc'd */
void net_option_show(struct net_text *text, const struct net_options *options,
                     enum net_option option); /* its value, as one would type it */
void net_settings_json(struct net_text *text, const struct net_options *options); /* an object */
void net_help(const struct net_model *model);      /* --help, to stdout */
int net_config(const struct net_options *options); /* `config`, to stdout */

/* A setting of the checkpoint at `path` as text: taken over, or refused where another was given. */
void net_settings_resume(struct net_options *options, int option, const char *text,
                         const char *path);

/* ---- settings.c: values before flags --------------------------------------------------------- */

/* "sgd, rmsprop": the optimizers that have this number, malloc'd; NULL where all or none have it. */
char *net_settings_owners(enum net_option option);

/* Fills what no flag gave; flags that cannot apply end the program. */
void net_settings_default(struct net_options *options);
const char *net_monitor_named(const struct net_model *model, const char *name); /* or the end */

/* ---- tensor.c, init.c ------------------------------------------------------------------------ */

/* net_tensor_at and net_tensor_size are in netrt.h. These copy one tensor between PyTorch's layout
   and the model's; `base` is params, or anything laid out like it. */
void net_tensor_get(const struct net_tensor *tensor, const void *base, float *logical);
void net_tensor_set(const struct net_tensor *tensor, void *base, const float *logical);

/* Initial parameters, drawn by (tensor, element); running statistics too. Padding is +0. */
void net_init_params(const struct net_model *model, const uint32_t seed[2], void *params);
int net_init(const struct net_options *options); /* `init` */

/* pretrained.c: tables that begin with the vectors of a file in `folder` (--data, or NULL), by
   the words of `data`. `progress`, or NULL, hears how many words have one. */
struct net_progress;
bool net_is_pretrained(const struct net_model *model);
void net_pretrained_read(const struct net_model *model, const struct net_data *data,
                         const char *folder, void *params, struct net_progress *progress);

/* ---- pool.c: threads ------------------------------------------------------------------------- */

enum {
    NET_MOST_THREADS = 64,
    NET_SPINS = 2000, /* of a wait before it goes to the kernel, where each has a core */
};

/* A number that one side advances and others wait for: a bounded spin, then a futex. */
struct net_gate {
    atomic_uint value;
    atomic_uint sleepers; /* waiting in the kernel */
};

unsigned net_gate_value(struct net_gate *gate);
void net_gate_wait(struct net_gate *gate, unsigned value, int spins); /* until it is another */
void net_gate_advance(struct net_gate *gate);

struct net_pool *net_pool_open(int threads); /* the caller is thread 0 */
void net_pool_run(struct net_pool *pool, void (*work)(void *context, int thread), void *context);
void net_pool_close(struct net_pool *pool);
void net_pool_profile(struct net_pool *pool, struct net_profile *profile); /* NULL: no more */
void net_profile_resume(struct net_profile *profile, int thread);          /* it waits no more */
int net_cores(void);            /* that this process may use */
void net_flush_denormals(void); /* in this thread */

/* ---- optimizers/: a file each, compiled once for each instruction set; step_scalars.c -------- */

/* w, state = update(w, g, state), elementwise over vectors of 16, with PyTorch's definitions. It is
   called with pieces of a gradient while they are in the cache; zero parameters with zero gradients
   stay +0, so that padding does. */
struct net_variant {
    net_update *update;
    int copies; /* of the parameters in its state */
};

struct net_optimizer {
    const char *name;
    bool zero_is_noop; /* without decay and momentum, a gradient of 0 changes nothing */
    struct net_variant (*variant)(const struct net_options *options);
    void (*scalars)(struct net_hyper *hyper, const struct net_options *options, double rate,
                    uint64_t step); /* what is its own of net_set_hyper's; or NULL */
};

#define OPTIMIZER(name, ...) extern const struct net_optimizer net_optimizer_##name;
#include "language.def"

struct net_variant net_find_update(const struct net_options *options);

/* The scalars of step `step`, which counts from 0, at learning rate `rate`. */
void net_set_hyper(struct net_hyper *hyper, const struct net_options *options, double rate,
                   uint64_t step);

/* ---- peak.c: compiled once for each instruction set ------------------------------------------ */

double net_peak_fma(long rounds); /* runs that many; returns the flops done */
void net_peak_triad(float *restrict a, const float *restrict b, const float *restrict c,
                    long count);

/* ---- safetensors.c: named tensors in a file -------------------------------------------------- */

/* One tensor to be written: of a model's layout, or plain numbers. */
struct net_entry {
    char *name; /* malloc'd */
    const struct net_tensor *tensor;
    const void *base; /* params, or anything laid out like it */
};

/* A file's whole content in memory. */
struct net_tensors {
    char *path;              /* for messages; malloc'd */
    char *bytes;             /* the file */
    size_t data, data_size;  /* where the numbers begin, how many bytes they are */
    struct net_json *header; /* name -> dtype, shape, data_offsets; and __metadata__ */
};

/* Writes entries behind one another; `metadata` is a JSON object of strings, or NULL. A checksum
   over the file is added to it. */
void net_tensors_write(const char *path, const struct net_entry *entries, int count,
                       const struct net_text *metadata);

/* Every fault of the file ends the program; a checksum is verified where there is one. */
void net_tensors_read(struct net_tensors *tensors, const char *path);
void net_tensors_free(struct net_tensors *tensors);
const char *net_tensors_metadata(const struct net_tensors *tensors, const char *key); /* NULL */

/* Copies the tensor called `name` into a model's layout; absent or different ends the program. */
void net_tensors_get(const struct net_tensors *tensors, const char *name,
                     const struct net_tensor *tensor, void *base);

/* The first tensor that a checkpoint lacks, has in another shape, or has and the model lacks, in words
   (malloc'd); NULL: none. */
char *net_tensors_difference(const struct net_tensors *tensors, const struct net_model *model);

void net_weights_write(const char *path, const struct net_model *model, const void *params);
void net_weights_read(const char *path, const struct net_model *model, void *params);

/* ---- session.c: a model with its memory and threads ------------------------------------------ */

struct net_session {
    const struct net_model *model;
    const struct net_options *options;
    struct net_pool *pool;
    struct net_run run;
    struct net_data *data; /* NULL until someone opens it */
    void *batch[2];        /* packed: one is read by a step, the other filled */
    float *predictions;    /* [model->batch][outputs], of the last net_forward */
    int threads;
    int state_copies; /* of the parameters, in run.state */
    double rate;      /* the learning rate, by the schedule */
    bool penalized;   /* a tensor has l1 or l2 */
    double *sums;     /* of strips.c; NULL until they are needed */
};

void net_session_open(struct net_session *session, const struct net_options *options);
void net_session_close(struct net_session *session);
void *net_memory(size_t size); /* zeroed, 64-byte aligned, huge pages */

/* Loads --weights: a run's folder or a .safetensors file. Gives the path of the preparation.json
   beside it (malloc'd), or NULL where there is none. */
char *net_session_weights(struct net_session *session);

/* Runs the evaluate step on a packed batch of n rows; fills session->predictions [n][outputs].
   With targets the result is the mean loss without penalties, else 0. */
float net_forward(struct net_session *session, const void *batch, int n, bool has_target);

/* The train step alone; gives the mean loss and the penalties. With run.grads the gradients are
   stored there, and parameters stay. */
float net_gradients(struct net_session *session, const void *batch, int n);

/* Runs the train step: parameters and optimizer state change. Gives the mean loss. */
float net_step(struct net_session *session, const void *batch, int n);

/* clip.c: clips run.grads by --clip's way to `most` (0: not at all), then updates every trainable
   tensor. */
void net_clip_update(struct net_session *session, double most);

/* strips.c: the norm of run.grads; the penalties l1 and l2, alone or adding their gradients to
   run.grads. */
double net_gradient_norm(struct net_session *session);
bool net_has_penalties(const struct net_model *model);
double net_penalty(struct net_session *session);
double net_penalize(struct net_session *session);

/* ---- diverge.c: where a number that is not finite came from ---------------------------------- */

const struct net_tensor *net_not_finite(const struct net_session *session); /* of params; NULL */

/* Runs the train step on a batch whose loss is not finite, from the parameters before it; says
   where that began (malloc'd). */
char *net_diverged_in(struct net_session *session, const void *batch, int n);

/* ---- loader.c: the next batch is packed while a step reads this one -------------------------- */

struct net_loader *net_loader_open(struct net_session *session);

/* From now on: `count` rows of a part, rows[0..count-1], `batch` at a time, the last may be
   less. */
void net_loader_begin(struct net_loader *loader, enum net_part part, const struct net_pass *pass,
                      const long *rows, long count, int batch);

/* The next packed batch, or NULL after the last; the one before may be overwritten. */
const void *net_loader_next(struct net_loader *loader, const long **rows, int *n);
void net_loader_cancel(struct net_loader *loader);         /* the job ends early */
double net_loader_waited(const struct net_loader *loader); /* seconds, for batches, so far */
void net_loader_close(struct net_loader *loader);

/* The order of an epoch's rows: shuffled by (seed, epoch) alone, or 0, 1, 2, ... */
void net_order(long *rows, long count, const uint32_t seed[2], uint32_t epoch, bool shuffle);

/* ---- evaluate.c ------------------------------------------------------------------------------ */

/* Evaluates rows of a part; gives the mean loss, and fills `metrics`. */
double net_evaluate(struct net_session *session, struct net_loader *loader, enum net_part part,
                    const long *rows, long count, struct net_metrics *metrics);
void net_metrics_json(struct net_text *text, const struct net_model *model,
                      const struct net_metrics *metrics);
enum net_part net_part_named(const char *name);  /* "train", "validation" or "test" */
int net_eval(const struct net_options *options); /* `eval` */

/* ---- signals.c: Ctrl-C and its kin ----------------------------------------------------------- */

struct net_signals {
    atomic_int stop;  /* SIGINT, SIGTERM or SIGHUP came; 0: none */
    atomic_bool save; /* SIGUSR1 came: save and go on */
};

/* From now on these four signals only set `signals`; a second SIGINT or SIGTERM ends the program.
   Called before any thread is started. */
void net_signals_open(struct net_signals *signals);

/* ---- progress.c: what a person sees while it trains ------------------------------------------ */

struct net_progress {
    bool quiet, terminal;
    double drawn; /* when the line was last drawn, in seconds */
    double begun; /* the run */
    int shown;    /* characters on the terminal's line */
};

double net_now(void); /* seconds, of a clock that never jumps */
void net_progress_open(struct net_progress *progress, bool quiet);
void net_progress_step(struct net_progress *progress, const char *line); /* on a terminal only */
void net_progress_line(struct net_progress *progress, const char *line); /* the end of an epoch */
bool net_progress_due(const struct net_progress *progress); /* is it time to draw again? */
void net_progress_close(struct net_progress *progress);     /* the line stays */
void net_progress_hush(struct net_progress *progress);      /* nothing more is shown */
NET_PRINTF(2, 3) void net_progress_say(struct net_progress *progress, const char *format, ...);

/* ---- check_run.c: what is told of a training run before it begins ------------------------------ */

/* An epoch of `rows` training rows whose last batch is one row where a batchnorm has no variance of
   one ends the program. */
void net_check_batches(const struct net_options *options, long rows);
void net_check_run(const struct net_options *options, const struct net_data *data);

/* ---- checkpoint.c, history.c: a run's folder ------------------------------------------------- */

/* Where a training run stands: with parameters and optimizer state, all that a resume needs. */
struct net_state {
    long epoch;                     /* epochs that are complete */
    long row;                       /* rows trained in the epoch that is not */
    double loss_sum, loss_weight;   /* of those rows */
    double best;                    /* what --monitor names, less is better; infinite: none yet */
    long best_epoch;                /* 0: none yet */
    double plateau_best, stop_best; /* likewise, what plateau and early_stop watch */
    long plateau_bad, stop_bad;     /* epochs since then */
    double plateau_scale;           /* of the learning rate */
    double seconds;                 /* of training, in all sessions of the run */
    double waited;                  /* of these, for batches */
    double rows_trained;            /* in all */
};

/* schedule.c: the learning rate of the epoch that `state` is in. */
double net_schedule_rate(const struct net_options *options, const struct net_state *state);

/* The first schedule of the list that begins behind the last epoch; NULL: none does. */
const struct net_call *net_schedule_late(const struct net_options *options);

/* After an epoch, before it is counted: plateau and early_stop see loss and metrics of the
   validation part. Then: has early_stop had enough? */
void net_schedule_watch(const struct net_options *options, struct net_state *state,
                        double validation_loss, const double *metrics);
bool net_schedule_stops(const struct net_options *options, const struct net_state *state);
double net_monitored(const struct net_model *model, const char *monitor, double validation_loss,
                     const double *metrics);

struct net_training {
    struct net_session session;
    struct net_options *options;
    struct net_state state;
    struct net_loader *loader;
    struct net_metrics *metrics;
    struct net_signals *signals;
    struct net_progress progress;
    char *folder; /* the run's */
    int lock;     /* on it; -1: none */
    void *kept;   /* the best parameters; NULL: the last are kept */
    long *rows;   /* the epoch's order */
    long *every;  /* 0, 1, 2, ... for the largest part */
    long *sample; /* training rows whose metrics an epoch reports, evenly spaced */
    long row_count, sample_count;
    FILE *history, *steps; /* steps: --log-steps, or NULL */
    double saved;          /* when the last checkpoint was, in seconds */
    bool again;            /* steps up to `end` are run again: nothing is shown or written */
    uint32_t end;
    double began; /* seconds since 1970 */
};

void net_checkpoint_write(const struct net_training *training);

/* Reads the checkpoint of --resume: its settings into the options first, then, when the session is
   open, the rest. */
void net_checkpoint_settings(struct net_tensors *tensors, struct net_options *options);
void net_checkpoint_read(const struct net_tensors *tensors, struct net_training *training);

void net_make_folder(const char *path); /* and those above it */
bool net_has_file(const char *folder, const char *name);
char *net_new_folder(const struct net_model *model); /* runs/NAME-DATE-TIME, malloc'd */
void net_folder_open(struct net_training *training); /* makes it, or refuses an existing run */
bool net_is_run(const char *folder);                 /* or a k-fold */

/* What netc wrote there of an earlier run or k-fold goes; and of runs in fold_1 up to fold_FOLDS,
   k-fold or not. */
void net_folder_clear(const char *folder, int folds);

/* While the descriptor that it gives is open no other process trains there; where one does, the
   program ends. A file system that has no locks (-1, or none is held) hinders nobody. What a killed
   process left half written in the folder goes away. */
int net_folder_lock(const char *folder);
void net_history_open(struct net_training *training); /* a resume keeps the rows that are done */
void net_history_add(struct net_training *training, double loss, const double *values,
                     double seconds, double samples_per_second);

/* run.json. `results`: the members of "final", or NULL while there are none. */
void net_run_json(const struct net_training *training, const char *status, const char *results);

/* ---- synthetic.c: rows for measuring, where no data are needed ------------------------------- */

void net_synthetic_pack(const struct net_model *model, const uint32_t seed[2], int first, int n,
                        void *batch);

/* ---- profile.c: times of single kernels; net_profile_lap is in netrt.h ----------------------- */

struct net_profile *net_profile_open(int kernels, int threads, long steps);
/* Another use: `look` is called after each kernel of a step on one thread. */
struct net_profile *net_profile_look(void (*look)(void *context, int kernel), void *context);
void net_profile_step(struct net_profile *profile, long step); /* the laps to come belong to it */
double net_profile_median(const struct net_profile *profile, int kernel); /* seconds a step */
void net_profile_close(struct net_profile *profile);
double net_median(double *x, long count); /* sorts x */

/* ---- the commands ---------------------------------------------------------------------------- */

int net_train(struct net_options *options);
int net_train_run(struct net_options *options, struct net_signals *signals); /* one run */
int net_kfold(struct net_options *options, struct net_signals *signals);
int net_gradcheck(const struct net_options *options);
int net_bench(const struct net_options *options);
int net_summary(const struct net_options *options);

#endif
