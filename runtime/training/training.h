/*
 * training.h -- a model with memory and threads, and all that changes its parameters: options, a
 * session and its steps, optimizers, schedules, initial values, checkpoints.
 *
 * The order of steps, and what is told of them, is not its matter: commands/train.c.
 */

#ifndef NET_TRAINING_H
#define NET_TRAINING_H

#include "data/data.h"
#include "training/world.h"

/* ---- options.c: what a run is asked for: every value by name --------------------------------- */

enum net_command {
#define COMMAND(id, ...) NET_##id,
#include "language.def"
    NET_COMMANDS
};

extern const char *const net_commands[NET_COMMANDS]; /* "train" */

enum net_option {
    NET_OPTIMIZER,
#define OPTIMIZER_NUMBER(id, ...) NET_##id,
#define CALL_NUMBER(id, ...) NET_##id,
#include "language.def"
    NET_CLIP,
    NET_BATCH,
    NET_ACCUMULATE,
    NET_SHARDS,
    NET_EMA,
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
    NET_DATA_CHANGED,
    NET_WEIGHTS,
    NET_MAX_STEPS,
    NET_LOG_STEPS,
    NET_TENSORBOARD,
    NET_MLFLOW,
    NET_TRACK_EVERY,
    NET_CHECKPOINT_EVERY,
    NET_PART,
    NET_DIGITS,
    NET_FORMAT,
    NET_TOP,
    NET_WITH_TRUTH,
    NET_WITH_PREPARATIONS,
    NET_PROMPT,
    NET_LENGTH,
    NET_TEMPERATURE,
    NET_STEPS,
    NET_PER_KERNEL,
    NET_EVALUATE,
    NET_SYNTHETIC,
    NET_OUTPUT,
    NET_POINTS,
    NET_TRIALS,
    NET_HALVING,
    NET_TIME,
    NET_SVG,
    NET_TEX,
    NET_MD,
    NET_JSON_OUTPUT,
    NET_PLOT,
    NET_QUIET,
    NET_OPTIONS
};

/* Of predictions: FORMAT(name); commands/predictions.c writes them. */
#define NET_EVERY_FORMAT FORMAT(text) FORMAT(csv) FORMAT(json) FORMAT(npy) FORMAT(npz)

enum net_option_kind {
    NET_KIND_NUMBER, /* with a point or an exponent, low to high */
    NET_KIND_WHOLE,  /* low to high */
    NET_KIND_SWITCH, /* --NAME, --no-NAME, --NAME=true, --NAME=false */
    NET_KIND_TEXT,
    NET_KIND_CHOICE, /* one of `choices` */
};

struct net_option_info {
    const char *name; /* as in a .net file; typed with - or _ */
    enum net_option_kind kind;
    unsigned commands;          /* that take it: 1 << net_command */
    double low, high;           /* NUMBER, WHOLE */
    const char *const *choices; /* CHOICE: ends with NULL */
    const char *help;           /* begins with what stands for the value */
};

extern const struct net_option_info net_option_infos[NET_OPTIONS];

struct net_value {
    double number;    /* of a number, or a bool (0, 1) */
    const char *text; /* of a text; NULL: none */
    bool given;       /* on the command line */
    bool by_model;    /* not given there, but written in the model file */
    bool applies;     /* false: the run has no use for it */
};

enum { NET_MAX_LETS = 64 }; /* of a model, that a run can set */

struct net_options {
    const struct net_model *model;
    enum net_command command;
    struct net_value value[NET_OPTIONS];
    struct net_value let[NET_MAX_LETS]; /* of model->lets */
    struct net_run_model *run_model;    /* lets.c: `model` with the numbers of the run, or NULL */
    const char *file;                   /* the first of predict's and eval's files,
                                           gradcheck's NAME, or NULL */
    const char **runs;                  /* of report; sweep's words; malloc'd */
    int run_count;
    int argc; /* what stands after the command */
    char **argv;
    int folds;                      /* kfold's K, or 0 */
    struct net_fold fold;           /* that a training run validates on */
    const struct net_folder *whole; /* the folder of all folds or points, or NULL */
    const char *place;              /* the run's own in it: "fold_3" */
    long pause;                     /* it ends at this epoch, to go on later; 0: at its last */
    long epochs_before;             /* those of the run that is resumed; 0: there is none */
    struct net_data *opened;        /* its data, or NULL: it opens them */
    char *command_line;             /* for run.json; malloc'd */
    struct net_world *ranks;        /* in a trainer for several processes, or NULL */
    char *data;                     /* --data of the run that is resumed; malloc'd, or NULL */
};

static inline bool net_flag(const struct net_options *options, enum net_option option)
{
    return options->value[option].number != 0.0;
}

static inline long net_whole(const struct net_options *options, enum net_option option)
{
    return (long)options->value[option].number;
}

const char *net_option_name(enum net_option option); /* "weight_decay" */
bool net_is_option(const char *name);                /* not of generate's own */
enum net_option net_option_named(const char *name);  /* of one that there is */
char *net_option_flag(enum net_option option);       /* "weight-decay", malloc'd */
char *net_typed_name(const char *name);              /* the same of any name, malloc'd */

/* ---- lets.c: lets of the model that a run can set -------------------------------------------- */

/* Values that no flag gave; then `options->model` has the numbers that all lets make. A number out
   of its range ends the program. */
void net_lets_default(struct net_options *options);
void net_lets_apply(struct net_options *options); /* once more, after lets were changed */
/* Those that no flag gave, of a run's hyperparameters. */
void net_lets_of_run(struct net_options *options, const struct net_json *kept);
void net_lets_free(struct net_options *options);
/* What kernels read: the model's value_count floats; NULL: none. */
const float *net_lets_values(const struct net_options *options);

/* The let of that name, typed with - or _, `length` characters of it; -1: the model has none. */
int net_let_named(const struct net_model *model, const char *typed, size_t length);
struct net_option_info net_let_info(const struct net_model *model, int let);
_Noreturn void net_let_refuse(const struct net_model *model, int let);  /* it is compiled */
bool net_let_is_shown(const struct net_let *let);                       /* no flag has its name */
bool net_same_name(const char *name, const char *typed, size_t length); /* - or _ */

/* The value that `text` is, or the end of the program. */
void net_option_read(struct net_value *value, const struct net_option_info *info, const char *text);
void net_option_show(struct net_text *text, const struct net_options *options,
                     enum net_option option); /* its value, as one would type it */

/* list_settings.c: the file of the model's `start`, as it stands there; NULL: there is none, or
   --weights takes its place. */
const char *net_start_file(const struct net_options *options);
/* Settings and lets as an object; where a value comes from, of a let malloc'd. */
void net_settings_json(struct net_text *text, const struct net_options *options);
const char *net_option_from(const struct net_options *options, enum net_option option); /* "flag" */
void net_let_show(struct net_text *text, const struct net_options *options, int let);
char *net_let_from(const struct net_options *options, int let);

/* resume_settings.c: settings and the path of the data as members of an object of JSON, and back;
   `file` is where they stand. */
void net_settings_keep(struct net_text *text, const struct net_options *options);
/* What no flag gave, by run.json of the run whose weights are used: lets, and the data's folder,
   which has to be there. */
void net_settings_of_run(struct net_options *options);
/* The absolute path of --data as a member, `before` it; nothing without one. */
void net_data_keep(struct net_text *text, const char *before, const struct net_options *options);
void net_settings_take(struct net_options *options, const struct net_json *kept, const char *file);

/* A setting of the checkpoint at `path` as text: taken over, or refused where another was given. */
void net_settings_resume(struct net_options *options, int option, const char *text,
                         const char *path);
void net_value_resume(struct net_value *value, const struct net_option_info *info,
                      const struct net_value *old, const char *text, const char *path);
void net_let_resume(struct net_options *options, int let, const char *text, const char *path);
const char *net_monitor_named(const struct net_model *model, const char *name); /* or the end */

/* ---- init.c ---------------------------------------------------------------------------------- */

/* Initial parameters, drawn by (tensor, element); running statistics too. Padding is +0. */
void net_init_params(const struct net_model *model, const uint32_t seed[2], void *params);

/* ---- pretrained.c ---------------------------------------------------------------------------- */

/* Tables that begin with the vectors of a file in `folder` (--data, or NULL), by the words of
   `data`. `say`, or NULL, hears how many words have one. */
bool net_is_pretrained(const struct net_model *model);
void net_pretrained_read(const struct net_model *model, const struct net_data *data,
                         const char *folder, void *params,
                         void (*say)(void *context, const char *line), void *context);

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
    void (*scalars)(struct net_step_scalars *scalars, const struct net_options *options,
                    double rate,
                    uint64_t step); /* what is its own of net_set_step_scalars's; or NULL */
};

#define OPTIMIZER(name, ...) extern const struct net_optimizer net_optimizer_##name;
#include "language.def"

const struct net_optimizer *net_find_optimizer(const struct net_options *options);

/* The scalars of step `step`, which counts from 0, at learning rate `rate`. */
void net_set_step_scalars(struct net_step_scalars *scalars, const struct net_optimizer *optimizer,
                          const struct net_options *options, double rate, uint64_t step);

/* ---- pace.c: how many threads steps run on --------------------------------------------------- */

/* All times are of steps in which nothing was changed. */
struct net_pace {
    int threads;           /* of the next step */
    int best;              /* of the steps that were fastest */
    int most;              /* 0: nothing is tried */
    bool fewer;            /* were tried last, rather than more */
    double seconds, steps; /* of this window */
    double mean;           /* seconds of a step on `best` threads; 0: unknown */
    int windows, trial;    /* on `best` threads since the last trial; those before the next */
};

/* On --threads; fewer of them are tried where it was not given, and the command is not bench. */
struct net_pace net_pace_begin(const struct net_options *options);
/* A step took so many seconds on pace->threads threads; says how many the next is to have. */
void net_pace_add(struct net_pace *pace, double seconds);

/* ---- session.c: a model with its memory and threads ------------------------------------------ */

struct net_session {
    const struct net_model *model;
    const struct net_options *options;
    const struct net_optimizer *optimizer; /* that the options name */
    struct net_threads *pool;
    struct net_run run;
    struct net_opening opening; /* by what its data are opened; owned texts but --data's */
    struct net_folder weights;  /* where those of --weights are, with their preparation.json */
    struct net_data *data;      /* NULL until someone opens it */
    void *batch[2];             /* packed: one is read by a step, the other filled */
    float *predictions;         /* [model->batch][outputs], of the last net_forward */
    int threads;                /* of the pool; run.threads of them are used */
    struct net_pace training, evaluating;
    int state_copies;           /* of the parameters, in run.state */
    double rate;                /* the learning rate, by the schedule */
    long steps;                 /* of the run, where a schedule goes by them; 0: of none */
    struct net_options *cycled; /* options with the momentum of this step; or NULL */
    struct net_loader *loader;  /* of the batches that a step accumulates; NULL: it has one */
    float *gathered;            /* sum of their gradients, as run.grads; or NULL */
    struct net_cut *cut;        /* of shards, whose sums are in `gathered`; NULL: there is one */
    void *average; /* of the parameters and running statistics over steps: `ema`; or NULL */
    long rows;     /* of the last step, and what its loss counts in the mean of */
    double weight; /* several: net_loss_weight */
    struct net_step_scalars *scalars;    /* of each tensor, where they have rates of their own */
    struct net_turn *turns;              /* of several train sections, or NULL; turns.c's, and */
    struct net_options *section_options; /* those of each */
    bool penalized;                      /* a tensor has l1 or l2 */
    double *sums; /* of penalty.c: of each reduction block; NULL: nothing asks for them */
    int sum_count;
};

void net_session_open(struct net_session *session, const struct net_options *options);
void net_session_close(struct net_session *session);
/* Of the tensors that a section trains, by its options; 0: there is one. */
void net_init_state(struct net_session *session, const struct net_options *options, int section);

/* weights.c: loads --weights, a run's folder or a .safetensors file; data will be opened by the
   preparation.json beside them. */
void net_session_weights(struct net_session *session);

/* Opens session->weights, the folder that weights are in; true: it is a run's, which `path` names.
   What is not there or has none ends the program; `said`: where they are asked for, "--weights". */
bool net_weights_find(struct net_session *session, const char *said, const char *path);

/* start.c: what a run begins with where the model says `start`. `find` before the data are opened,
   which may prepare inputs as the run of these weights did; `read` puts them over initial ones. */
struct net_start {
    void (*find)(struct net_session *session);
    void (*read)(struct net_session *session);
};

/* turns.c: several train sections, each with its optimizer. */
struct net_turns {
    int (*open)(struct net_session *session);   /* before the state is there: its copies */
    void (*begin)(struct net_session *session); /* the state's first numbers */
    void (*step)(struct net_session *session);  /* the scalars of a step */
    void (*close)(struct net_session *session);
};

/* Opens what steps take further batches from: `accumulate`, `shards`. */
struct net_loader *net_session_loads(struct net_session *session);

/* Runs the evaluate step on a packed batch of n rows; fills session->predictions [n][outputs].
   With targets the result is the mean loss without penalties, else 0. */
float net_forward(struct net_session *session, const void *batch, int n, bool has_target);

/* The train step alone; gives the mean loss and the penalties. With run.grads the gradients are
   stored there, and parameters stay. */
float net_gradients(struct net_session *session, const void *batch, int n);
/* The same without penalties, with run.grads; and of shards of a batch, each with its own. */
float net_batch_gradients(struct net_session *session, const void *batch, int n);
void net_shard_gradients(struct net_session *session, struct net_run *runs, int count);

/* Runs the train step: parameters and optimizer state change. Gives the mean loss. With
   `accumulate` of several batches, or `shards` of one: this one, and those that the loader has
   next. */
float net_step(struct net_session *session, const void *batch, int n);

/* What is evaluated and written: the moving average of the parameters, where there is one. */
static inline void *net_averaged(const struct net_session *session)
{
    return session->average && session->run.step ? session->average : session->run.params;
}
void net_exchange_average(struct net_session *session); /* it and run.params, and back */

/* Those by which the optimizer makes this step. */
static inline const struct net_options *net_step_options(const struct net_session *session)
{
    return session->cycled ? session->cycled : session->options;
}

/* Rows of a step that is whole. */
static inline long net_step_rows(const struct net_options *options)
{
    return net_whole(options, NET_BATCH) * net_whole(options, NET_ACCUMULATE);
}

/* What a batch's loss counts in the mean of several: the rows, or the weights of their classes; of
   a sum of losses, whose weights may differ, the rows. */
double net_loss_weight(const struct net_model *model, const struct net_run *run);

/* ---- step_times.c: where the time of a step goes --------------------------------------------- */

/* A step that `profile` hears as number `number`. */
float net_profiled_step(struct net_session *session, struct net_profile *profile, long number,
                        const void *batch, int n);

enum net_phase { NET_PHASE_FORWARD, NET_PHASE_BACKWARD, NET_PHASE_UPDATE, NET_PHASES };

struct net_layer_time {
    const char *layer;
    double seconds[NET_PHASES]; /* a step; an update inside a weight gradient is backward */
};

/* Of each layer with kernels of its own, in the order of the step; `layers`: as many as kernels. */
int net_layer_times(const struct net_profile *profile, const struct net_step *step,
                    struct net_layer_time *layers);

/* Some steps of a run, after the first ones. */
struct net_step_times {
    struct net_profile *profile;
    long steps; /* since it was opened, up to the last that is timed */
};

void net_step_times_open(struct net_step_times *times, const struct net_session *session);
void net_step_times_close(struct net_step_times *times);
long net_steps_timed(const struct net_step_times *times);
/* net_step, timed where it is one of them. */
float net_timed_step(struct net_step_times *times, struct net_session *session, const void *batch,
                     int n);

/* clip.c: clips run.grads by --clip's way to `most` (0: not at all), then updates every trainable
   tensor. */
void net_clip_update(struct net_session *session, double most);

/* penalty.c: the norm of run.grads; the penalties l1 and l2, alone or adding their gradients to
   run.grads. */
void net_sums_open(struct net_session *session); /* memory for them, before the first */
double net_gradient_norm(struct net_session *session);
bool net_has_penalties(const struct net_model *model);
double net_penalty(struct net_session *session);
double net_penalize(struct net_session *session);

/* ---- find_nan.c: where a number that is not finite came from --------------------------------- */

const struct net_tensor *net_not_finite(const struct net_session *session); /* of params; NULL */

/* Runs the train step on a batch whose loss is not finite, from the parameters before it; says
   where that began (malloc'd). */
char *net_find_nan(struct net_session *session, const void *batch, int n);

/* ---- preflight.c: what is told of a training run before it begins ---------------------------- */

/* An epoch of `rows` training rows whose last batch is one row where a batchnorm has no variance of
   one ends the program. */
void net_check_batches(const struct net_options *options, long rows);
void net_preflight(const struct net_options *options, const struct net_data *data);
struct net_state;
/* Warns of a run that goes on for more epochs than it began with, where those make the rate that
   the epochs before had another. */
void net_check_stretched(const struct net_options *options, const struct net_state *state);

/* ---- schedule.c: the state of a run, and its learning rate ----------------------------------- */

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
    long epoch_steps;               /* of a whole epoch: by the rows and settings */
};

/* The learning rate of the epoch that `state` is in. */
double net_schedule_rate(const struct net_options *options, const struct net_state *state);
/* Of one schedule, both counted from its start: in epochs, or in steps where it goes by them. */
double net_schedule_rate_in(const struct net_call *schedule, const struct net_options *options,
                            double epoch, double epochs);
bool net_schedule_by_steps(const struct net_call *schedule);
/* The same of any epoch, from 0, in a run of `epochs`. */
double net_schedule_rate_of(const struct net_options *options, const struct net_state *state,
                            long epoch, long epochs);

double net_cosine(double angle); /* of 0 to pi */

/* The first schedule of the list that begins behind the last epoch; NULL: none does. */
const struct net_call *net_schedule_late(const struct net_options *options);

/* After an epoch, before it is counted: plateau and early_stop see loss and metrics of the
   validation part. Then: has early_stop had enough? */
void net_schedule_watch(const struct net_options *options, struct net_state *state,
                        double validation_loss, const double *metrics);
bool net_schedule_stops(const struct net_options *options, const struct net_state *state);
double net_monitored(const struct net_model *model, const char *monitor, double validation_loss,
                     const double *metrics);

/* ---- checkpoint.c: all that a resume needs, in a file ---------------------------------------- */

/* A run: what its checkpoint holds, and what is told of it. */
struct net_training {
    struct net_session session;
    struct net_options *options;
    struct net_state state;
    void *kept;                  /* the best parameters; NULL: the last are kept */
    struct net_folder folder;    /* the run's */
    bool made_folder;            /* for this run: there was none */
    long row_count;              /* of the training part */
    long measured;               /* of these the rows that an epoch's metrics are of */
    char checksum[9];            /* of what it has learnt of its data */
    char history[9];             /* of history.csv up to the last epoch: a CRC-32; "": unknown */
    double began;                /* seconds since 1970 */
    struct net_epochs *epochs;   /* that are complete, as history.csv has them: report.h */
    struct net_step_times times; /* of this session */
};

static inline double net_training_speed(const struct net_training *run) /* rows a second */
{
    return run->state.seconds > 0.0 ? run->state.rows_trained / run->state.seconds : 0.0;
}

void net_checkpoint_write(const struct net_training *training);

/* Reads the checkpoint `name` of a run that is resumed: its settings into the options first, then,
   when the session is open, the rest. */
void net_checkpoint_settings(struct net_tensors *tensors, struct net_options *options,
                             const struct net_folder *folder, const char *name);
void net_checkpoint_read(const struct net_tensors *tensors, struct net_training *training);

#endif
