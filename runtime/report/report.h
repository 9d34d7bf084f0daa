/*
 * report.h -- what a run tells: progress, the files of its folder, metrics of predictions, reports.
 */

#ifndef NET_REPORT_H
#define NET_REPORT_H

#include <time.h>

#include "report/summary_table.h"
#include "training/training.h"

/* ---- progress.c: what a person sees while it trains ------------------------------------------ */

/* What was asked for, lines that stay, goes to `lines`; on a terminal something is drawn on stderr
   below them, again and again in its place; all else that is said goes to stderr. */
struct net_progress {
    FILE *lines; /* stdout; stderr where it has its own use for stdout; NULL: they are not wanted */
    bool quiet;  /* nothing is said or drawn */
    bool terminal; /* stderr is one */
    bool color;    /* of what is drawn and of lines */
    bool utf8;     /* the terminal shows it */
    double drawn;  /* when it was last drawn, in seconds */
    char *shown;   /* what is drawn now, or NULL; malloc'd */
};

void net_progress_open(struct net_progress *progress, FILE *lines, bool quiet);
bool net_progress_due(const struct net_progress *progress); /* is it time to draw again? */
/* Draws lines, each ended but the last, in place of what was drawn; on a terminal only. */
void net_progress_draw(struct net_progress *progress, const char *lines);
/* Lines that stay, none wider than a terminal; and a sentence on stderr. */
void net_progress_print(struct net_progress *progress, const char *lines);
NET_PRINTF(2, 3) void net_progress_say(struct net_progress *progress, const char *format, ...);
void net_progress_close(struct net_progress *progress); /* nothing is drawn any more */
void net_progress_hush(struct net_progress *progress);  /* nor will be, or said */

/* Prints lines. A reader that goes away, as head does, or never was, for stdout is closed, ends no
   training; nor does another fault, which is told here, and by main.c's exit code. *file is NULL
   then. */
void net_print_lines(FILE **file, const char *lines);

/* Columns of stderr's terminal, 80 if unknown; and of where lines go, and of stdout: 0, no limit,
   for a file. */
int net_progress_width(void);
int net_progress_lines_width(const struct net_progress *progress);
int net_stdout_width(void);
int net_text_columns(const char *line); /* of UTF-8 with escapes of color */
/* Adds lines, each that has more columns (0: no limit) broken where two blanks stand, or in a
   sentence where one does; what follows is indented by four. */
void net_text_wrap(struct net_text *text, const char *lines, int columns);

/* ---- epochs.c: history.csv as a table -------------------------------------------------------- */

struct net_epochs {
    char **names; /* of the columns: "epoch", "train_loss", ... */
    int columns;
    double *cells;    /* row after row; NaN: no number */
    long count, room; /* rows */
};

/* Adds lines of a csv, the first ever its header; gives how many it leaves out, since they have no
   end or other cells than the header. */
int net_epochs_read(struct net_epochs *epochs, const char *csv);
int net_epochs_column(const struct net_epochs *epochs, const char *name);    /* -1: none */
double net_epochs_at(const struct net_epochs *epochs, long row, int column); /* -1: NaN */
void net_epochs_free(struct net_epochs *epochs);

/* ---- plot.c: curves in a terminal ------------------------------------------------------------ */

/* Adds the losses, and the first metric where there is one, of all epochs so far, as pictures of
   characters in so many columns. */
void net_plot(struct net_text *text, const struct net_training *run, int columns,
              const struct net_progress *progress);

/* ---- run_folder.c ---------------------------------------------------------------------------- */

/* A run's folder is held by its descriptor, and locked, from its beginning to its end: no other
   process trains there, and what is written is in it under whatever name it has. */
void net_folder_resume(struct net_folder *folder, const struct net_folder *in, const char *name);
/* Makes it, or takes one that is there: false. `name` NULL: runs/NAME-DATE-TIME, a new one. */
bool net_folder_new(struct net_folder *folder, const struct net_folder *in, const char *name,
                    const struct net_model *model);

/* The first file there that a run or a k-fold would write over, or NULL; "." is `in`. */
const char *net_folder_taken(const struct net_folder *in, const char *name);
/* The name under which an open file is one that a run writes there; NULL: it is none. */
const char *net_folder_file(const struct net_folder *folder, int file);
bool net_is_file_of_run(const char *path); /* one that netc wrote beside others of a run */
/* A run that stands there, or a file of a run's names, is refused without --force. */
void net_folder_need_free(const struct net_folder *folder, const struct net_options *options);

/* The same of the folder `name` in it, where a part of this `what` will be: "k-fold", "sweep". */
void net_folder_need_free_part(const struct net_folder *folder, const char *name, const char *what,
                               const struct net_options *options);

/* What netc wrote there of an earlier run, k-fold or sweep goes; and of runs in fold_1 up to
   fold_FOLDS, and in points alike. */
void net_folder_clear(const struct net_folder *folder, int folds);
void net_folder_unmake(const struct net_folder *folder); /* one that is empty */
char *net_folder_place(const struct net_folder *folder); /* its path now; malloc'd */

struct tm net_calendar(long long now); /* a moment's date and time of day in UTC */

/* ---- sinks.c: where the events of a training run go; a file and a row each ------------------- */

/* SINK(name, its file in the run's folder, or NULL: none, or it has a place in run_folder.c) */
#define NET_EVERY_SINK                                                                             \
    SINK(step_log, NULL)                                                                           \
    SINK(history, "history.csv") /* first of those that look at run->epochs */                     \
    SINK(run_json, NULL)                                                                           \
    SINK(terminal, NULL)                                                                           \
    SINK(json_lines, NULL)                                                                         \
    SINK(curves, "curves.svg")                                                                     \
    SINK(page, "report.html")                                                                      \
    SINK(tensorboard, "tensorboard.run")                                                           \
    SINK(mlflow, "mlflow.run")                                                                     \
    SINK(mlflow_server, "mlflow.sent") /* behind those that write what it sends */

enum {
#define SINK(name, file) NET_SINK_##name,
    NET_EVERY_SINK NET_SINKS
#undef SINK
};

struct net_metrics;

/* A complete epoch; run->state counts it. */
struct net_epoch {
    double loss;            /* of the training rows, as they were trained */
    const double *values;   /* metrics of training rows; then, where there is a validation part, its
                               loss and metrics */
    double validation_loss; /* infinite: there is no such part */
    double seconds, samples_per_second;
};

/* Every function may be missing. `sink` is what reserve or open gave; NULL: the run has no use for
   the sink. */
struct net_sink {
    void *(*reserve)(const struct net_training *run, struct net_progress *progress); /* what may be
                               refused, before an earlier run's files go */
    void *(*open)(const struct net_training *run, struct net_progress *progress);
    void (*step)(void *sink, const struct net_training *run, double loss); /* perhaps not finite */
    void (*epoch)(void *sink, const struct net_training *run, const struct net_epoch *epoch);
    /* what was told so far has to be on the disk: a checkpoint will count it */
    void (*save)(void *sink, struct net_training *run);
    /* with the weights that are kept; a value a metric of the model's, and all that can be told */
    void (*part)(void *sink, const struct net_training *run, enum net_part part, double loss,
                 const double *values, const struct net_metrics *metrics);
    void (*finish)(void *sink, const struct net_training *run,
                   const char *status); /* "finished", "interrupted", "diverged" */
    void (*close)(void *sink, const struct net_training *run);
};

struct net_sinks {
    const struct net_training *run;
    struct net_progress *progress;
    void *state[NET_SINKS];
};

/* reserve, and open where an earlier run's files are gone. */
void net_sinks_reserve(struct net_sinks *sinks, const struct net_training *run,
                       struct net_progress *progress);
void net_sinks_open(struct net_sinks *sinks);
void net_sinks_step(const struct net_sinks *sinks, double loss);
void net_sinks_epoch(const struct net_sinks *sinks, const struct net_epoch *epoch);
void net_sinks_save(const struct net_sinks *sinks, struct net_training *run);
void net_sinks_part(const struct net_sinks *sinks, enum net_part part, double loss,
                    const double *values, const struct net_metrics *metrics);
void net_sinks_finish(const struct net_sinks *sinks, const char *status);
void net_sinks_close(struct net_sinks *sinks);

/* ---- metrics.c: what the predictions of a part are worth ------------------------------------- */

/* Predictions are added batch by batch, as net_model.unpack gives them (logits where the loss took
   in the softmax or sigmoid). What a target is decides what can be said:

       classes(n), one_hot(n)                  arg-max of n outputs
       one output, metrics of values alone     values, but with binary cross-entropy
       one output, targets all 0 or 1          p >= 0.5: two classes
       one output, targets all -1 or 1         the sign: two classes
       anything else                           metrics of values only */

struct net_metrics *net_metrics_new(const struct net_model *model, const struct net_data *data);
void net_metrics_rank(struct net_metrics *metrics); /* auc is wanted though no metric asks */
void net_metrics_free(struct net_metrics *metrics);
void net_metrics_reset(struct net_metrics *metrics);

/* Adds n rows of a part: predictions[n][model->outputs], and behind them those of each `next`. */
void net_metrics_add(struct net_metrics *metrics, enum net_part part, const long *rows,
                     const float *predictions, int n);

/* Those of another target, where the loss compares with several: of the terms in their order; or
   NULL. And whose target they are of. */
struct net_metrics *net_metrics_next(const struct net_metrics *metrics);
const struct net_field *net_metrics_target(const struct net_metrics *metrics);

/* The loss of the same rows, as the evaluate step left it; and its mean, without penalties. */
void net_metrics_add_loss(struct net_metrics *metrics, const struct net_run *run);
double net_metrics_loss(const struct net_metrics *metrics);

/* A metric of the rows added so far, or a term of the loss; NaN where it cannot be had (no rows; a
   metric of classes, of values). Precision, recall and F1 are those of class 1 where one output
   tells two classes, else the mean over the classes that occur or are predicted; 0 / 0 is 0. */
double net_metrics_value(const struct net_metrics *metrics, const char *name);
/* A metric of values in the units of the data; false: they are those of the target. */
bool net_metrics_in_units(const struct net_metrics *metrics, const char *name, double *value);

/* One class against all others. */
struct net_score {
    double precision, recall, f1;
    long support; /* rows of the class */
};

/* False for a class that neither occurs nor is predicted. */
bool net_metrics_score(const struct net_metrics *metrics, int class, struct net_score *score);
/* classification.c: over the classes that there are, each alike and by its rows. */
void net_metrics_averages(const struct net_metrics *metrics, struct net_score *macro,
                          struct net_score *weighted);

/* By the outputs as they come, which are finite, for metrics and predictions alike: the first of
   the largest; of one output 1 from a probability of 1/2 on. */
int net_chosen_class(const struct net_model *model, const float *outputs);
/* x = the `count` outputs of one of a row's positions: [count][positions] are the row's. */
void net_position_outputs(float *x, const float *outputs, int position, int positions, int count);
bool net_is_finite(const float *outputs, int count);
long net_metrics_lost(const struct net_metrics *metrics);   /* rows with outputs that are not; of
                                   several targets the most */
int net_metrics_classes(const struct net_metrics *metrics); /* 0: values */
/* What scores and the matrix count: "rows", or the "pixels" or "positions" of a class each. */
const char *net_metrics_counted(const struct net_metrics *metrics);
/* Labels that have a class; -1: all rows of the target have one. */
long net_metrics_labelled(const struct net_metrics *metrics);
/* The matrix is kept for up to 1000 classes; false for values too. */
bool net_metrics_has_confusion(const struct net_metrics *metrics);
long net_metrics_confusion(const struct net_metrics *metrics, int truth, int predicted);
/* Of values: some as they should be and as they are predicted, of rows evenly spaced; how many. */
int net_metrics_pairs(const struct net_metrics *metrics, const float (**pairs)[2]);
/* Of two classes, where rows are ranked: rows of class 0 and of class 1 that are put above each of
   some places in the order, the last of all rows. The first places are all there; then about each
   pixel has one. Returns how many; 0: there is no such curve. */
enum { NET_CURVE_STEPS = 400, NET_CURVE_BEGIN = 90, NET_CURVE = 900 };
int net_metrics_curve(const struct net_metrics *metrics, double (*points)[2]); /* [NET_CURVE] */

/* Rows by the probability that the network gave: of two classes to class 1, of several to the
   predicted one. */
enum { NET_BINS = 10 };
struct net_bin {
    long rows, hits; /* of the rows, those of which it was true */
    double sum;      /* of the probabilities */
};
const struct net_bin *net_metrics_bins(const struct net_metrics *metrics); /* [NET_BINS] */
const char *net_metrics_class_name(const struct net_metrics *metrics, int class, char text[16]);

void net_metrics_json(struct net_text *text, const struct net_model *model,
                      const struct net_metrics *metrics);

/* ---- classification.c ------------------------------------------------------------------------ */

/* The classification report in scikit-learn's layout and the confusion matrix, or MSE,
   MAE and R2. `digits` after the point, scikit-learn's default is 2. */
void net_report(FILE *out, const struct net_metrics *metrics, int digits);

/* ---- mean.c ---------------------------------------------------------------------------------- */

/* Mean, and standard deviation of a sample: the squares' sum divided by count - 1. */
void net_find_mean(const double *values, int count, double *mean, double *deviation);

/* ---- compare.c: runs side by side, as their folders tell of them ----------------------------- */

/* Writes report.html into a folder: of all runs in its subfolders, ranked by what their best
   weights were kept by, or of the folds of a k-fold. What there is so far, as often as wanted. */
void net_compare_folder(const struct net_folder *folder);

/* ---- fold_report.c: the folds of a k-fold, summed up ----------------------------------------- */

struct net_folds {
    struct net_options *options;
    struct net_signals *signals;
    int count;
    struct net_folder folder; /* of all: it holds fold_1, fold_2, ... */
};

/* fold_N, or a file in it; malloc'd */
char *net_fold_name(int number, const char *file);
struct net_json *net_folds_read(const struct net_folds *folds, const char *name); /* a JSON file */

/* kfold.json: the model, how many folds there are and their settings; with `results` their numbers
   too. */
struct net_fold_results;
void net_folds_write(const struct net_folds *folds, const struct net_fold_results *results);

/* When all are trained: folds.csv, band.csv, kfold.json, and the table on stdout. */
void net_folds_show(const struct net_folds *folds);

#endif
