/*
 * data.h -- data sets: readers of sources, transforms of fields, and what training asks of them.
 *
 * A reader gives named fields with rows; a transform turns a field's rows into what the model
 * reads, with numbers fitted on the training part only. The table of a generated model names the
 * readers and transforms that it uses, so that the linker takes only those.
 *
 * A fault in data ends the program: net_fail prints file, row or byte, what was expected and what
 * was found, and exits 1.
 */

#ifndef NET_DATA_H
#define NET_DATA_H

#include "core/core.h"

enum net_part { NET_TRAIN, NET_VALIDATION, NET_TEST, NET_PARTS };

extern const char *const net_part_names[NET_PARTS + 1]; /* "train", ...; NULL at the end */

/* Rows that stand one behind the other, in one file of several. */
struct net_piece {
    long first;      /* its first row */
    const char *at;  /* of that row; of a text: where the file begins */
    const char *end; /* of a text: where the file ends */
    bool mapped;     /* of a text: the file is mapped */
};

struct net_slice;
struct net_scratch;

/* The text that begins at `at`, in a file that ends at `end`. */
typedef struct net_slice net_read_text(const char *at, const char *end,
                                       struct net_scratch *scratch);

/* One field of a source: `rows` rows of `size` elements, row-major. Read them through net_row. */
struct net_column {
    const char *name;  /* "image", "label", "x" */
    const char *place; /* where it was read, for messages: a path, or a generator */
    enum net_type type;
    int rank, shape[4]; /* of one row */
    long rows;
    int size;                 /* elements in a row */
    void *at;                 /* rows * size elements, owned; a text: where each begins in its
                                   file; NULL: the rows stand in `pieces` */
    long *begin;              /* rows of unequal length (words): elements begin[row] up to
                                   begin[row + 1] of `at`; else NULL */
    float *value;             /* of SPARSE: beside `at` */
    struct net_piece *pieces; /* owned, or NULL; in order of `first` */
    int piece_count;
    size_t stride;   /* of pieces: bytes from a row to the next */
    char **elements; /* names of the row's elements (columns of a csv), owned; or NULL */
    struct net_string_table
        *strings;             /* of I32: the strings that the numbers stand for, sorted, owned; or
                                   NULL */
    net_read_text *read_text; /* of a text: how it is written in its file */
    uint32_t crc;             /* of texts, and how long each is */
};

/* The columns of tables that a field is made of, as the run's first file has them. */
struct net_names {
    char **at;  /* their names, owned; the number where the file has none */
    int *place; /* from 1, of a column without a name of its own; 0: by name, wherever it stands */
    int count;  /* 0: not known yet */
};

enum { NET_COLUMNS = 16 }; /* fields that one source can have */

/* Memory that columns point into. */
struct net_held {
    void *at;
    size_t mapped; /* bytes of a file that are mapped there; 0: malloc'd */
};

struct net_table {
    struct net_column columns[NET_COLUMNS]; /* all with the same number of rows */
    int column_count;
    bool by_field; /* columns[f] is of the model's field f, whatever its name */
    bool windows;  /* rows are windows of a series: splits are runs of them */
    long overlap;  /* then: so many rows before and behind one share elements with it */
    long rows;
    struct net_held *held;
    int held_count;
    char *places[NET_COLUMNS]; /* of columns that were read of files, owned */
    int place_count;
    long *borders; /* rows with which files begin, but the first; rising, owned */
    int border_count;
};

/* The column of a table that a field is made from, or NULL. */
const struct net_column *net_find_column(const struct net_table *table,
                                         const struct net_model *model, int f);
/* Bytes of an element; of a text: of the place where it begins. */
size_t net_width(enum net_type type);
/* Element 0 of a row. */
const void *net_row(const struct net_column *column, long row);
/* Element i of a row, of a column of numbers. */
double net_element(const struct net_column *column, long row, int i);
static inline bool net_has_rows(const struct net_column *column)
{
    return column->at || column->pieces;
}
/* A row of words for pack, which may be made in `scratch`: net_ragged_width bytes, 0 where net_row
   does. */
size_t net_ragged_width(const struct net_column *column);
const void *net_ragged_row(const struct net_column *column, long row, void *scratch);
void net_column_free(struct net_column *column); /* what it owns; it has no rows any more */
void net_table_free(struct net_table *table);

/* The prepared data of a model. */
struct net_data;

/* Where files are read: `folder` (--data), or where it is NULL the folder of the .net file, or NULL
   for the current one where there is no such folder. paths.c */
const char *net_data_folder(const struct net_model *model, const char *folder);

/* Is the file one of a part, packed or not? paths.c */
bool net_is_data_file(const struct net_model *model, const char *folder, const char *path);
/* Is it one of those that a pattern names? */
bool net_is_file_of(const char *folder, const char *pattern, const char *path);

/* One of `count` folds, numbered from 1. */
struct net_fold {
    int number, count; /* count 0: there are none */
};

/* By what data are opened. */
struct net_opening {
    const char *folder;           /* --data, or NULL */
    const struct net_folder *run; /* where these two files are; NULL: in the current folder */
    char *preparation; /* the preparation.json of the run whose weights are used: nothing is
                                   fitted again; NULL: all is, on the training part */
    const struct net_folder *start; /* the folder of the run whose weights a new one starts from:
                                   what it has learnt of the inputs is not learnt again */
    void (*take_inputs)(struct net_data *data, const struct net_folder *start); /* or NULL */
    char *checksum;       /* that those weights bear, or NULL */
    unsigned same;        /* bits 1 << part: their sources must hold what they did in that run */
    char *alike;          /* or in the run of this preparation.json, whose rows may be divided
                                   otherwise; or NULL */
    bool changed;         /* where they do not, they are taken as they are */
    bool arriving;        /* rows of a pipe are had as they come, by net_data_next */
    bool labelled;        /* a user's files have the targets too */
    bool begins;          /* a new run begins: the fold is `fold`, not that of `preparation` */
    struct net_fold fold; /* the validation part, whatever the model says; without one kfold(k)
                                   leaves all rows in training */
};

/* Reads the parts, splits, fits and applies transforms. */
struct net_data *net_data_open_by(const struct net_model *model, const struct net_opening *opening);

/* The same by a folder and a preparation, each of which may be NULL. */
struct net_data *net_data_open(const struct net_model *model, const char *folder,
                               const char *preparation);

/* The same for rows of a user's files, which become the NET_TEST part: one that is read as the
   training source is, or idx or npy where that is either, one for each field; plain or gzip.
   Without opening->labelled they have no targets. */
struct net_data *net_data_open_files(const struct net_model *model, const char *const *files,
                                     int count, const struct net_opening *opening);

/* What a run has learnt, without rows: opening->preparation has to be there. learnt.c */
struct net_data *net_data_open_learnt(const struct net_model *model,
                                      const struct net_opening *opening);

/* The command `generate`, of a model whose source has one, so that others have not; or NULL. */
struct net_options;
typedef int net_generate(struct net_options *options);
net_generate net_generate_text; /* commands/generate_text.c */
net_generate *net_data_generate(const struct net_model *model);

/* The next rows of a pipe in the place of those before; waits for them. false: there are none. */
bool net_data_next(struct net_data *data);

void net_data_close(struct net_data *data);

/* 0: no such part. Of a series rows are samples, each called by the row that its window ends at. */
long net_data_rows(const struct net_data *data, enum net_part part);
bool net_data_is_series(const struct net_data *data);

/* The training file of an array whose rows are flat where the field has axes of unequal lengths, so
   that they could be meant in another order; else NULL. */
const char *net_data_flat(const struct net_data *data, int f);

/* What rows are packed for. Noise is new in every epoch of training, and one for each row where a
   part is evaluated; augmentation is for training alone, its normalize excepted. */
struct net_mode {
    enum net_mode_kind { NET_MODE_EVALUATE, NET_MODE_TRAIN, NET_MODE_PREDICT } kind;
    uint32_t seed[2]; /* of training */
    uint32_t epoch;   /* of training, from 0 */
};

/* Fills a packed batch from `n` rows of a part, by their numbers in the part. `mode` NULL: to
   evaluate. One thread at a time for a part; different parts may be packed at once. */
void net_data_pack(const struct net_data *data, enum net_part part, const struct net_mode *mode,
                   const long *rows, int n, void *batch);

/* A field of one row as it was prepared: int32_t of classes, floats. */
const void *net_data_row(const struct net_data *data, int field, enum net_part part, long row);

/* row_weights.c: ends the program where no row of a part that is open counts. */
void net_check_row_weights(const struct net_data *data);

/* row_weights.c: bytes of a packed batch with the weights of its rows, where the model has some;
   where they are, or NULL; packs those of n rows, 1 each where `rows` has none. Of rows that are
   mixed, the share of the other row. */
size_t net_batch_bytes(const struct net_model *model);
const float *net_row_weights(const struct net_model *model, const void *batch);
void net_pack_row_weights(const struct net_model *model, const struct net_rows *rows, int n,
                          void *batch);
float net_share(const struct net_model *model, const void *batch);
void net_pack_share(const struct net_model *model, float share, void *batch);

/* The first term's target of one row: a class index, or a pointer to field->size floats. */
int net_data_class(const struct net_data *data, enum net_part part, long row);
const float *net_data_target(const struct net_data *data, enum net_part part, long row);

/* The numbers of a field of numbers in one row, [field->size]: as they were read where they are
   bytes (true), else prepared, without what is drawn. */
bool net_data_input(const struct net_data *data, enum net_part part, int field, long row, float *x);
/* The same with what is drawn of a row where a part is evaluated: noise. */
bool net_data_given(const struct net_data *data, enum net_part part, int field, long row, float *x);
/* A field of a row as a person reads it; not of pictures. field_text.c */
void net_data_field_text(struct net_text *text, const struct net_data *data, enum net_part part,
                         int field, long row);
const struct net_model *net_data_model(const struct net_data *data);

/* Where a field of a row was read. `row`, by number in the part, becomes that in the source. */
const char *net_data_place(const struct net_data *data, enum net_part part, int field, long *row);

/* Of a target with a class at each position of a text, whose row ends before the positions do: -1
   stands behind it. texts.c */
struct net_source;
struct net_texts {
    /* Ends the program where a row of labels has others beside it than words. */
    void (*check)(const struct net_model *model, int field, const struct net_source *source);
    /* What was predicted behind the row's end becomes -1. */
    void (*cut)(const struct net_data *data, int field, enum net_part part, long row,
                int32_t *labels);
    /* The row's words with a blank between, or a list of JSON; malloc'd. */
    char *(*tell)(const struct net_data *data, int field, const int32_t *labels, bool json);
};

/* What the outputs of a model are. */
enum net_task {
    NET_TASK_OF_DATA, /* not known yet */
    NET_TASK_CLASSES, /* several outputs, one a class */
    NET_TASK_BINARY,  /* one output: of class 1 */
    NET_TASK_SIGN,    /* one output: class 1 where it is not negative; targets -1, 1 */
    NET_TASK_VALUES,
};

/* By the model, or the run's; where neither says, by the rows to train on. task.c */
enum net_task net_data_task(const struct net_data *data, const struct net_model *model);
/* A target of the part that is of no class, where the task says two, ends the program. */
void net_data_check_task(const struct net_data *data, enum net_part part);

/* What language.def says of a metric. */
struct net_metric {
    const char *name;
    bool of_values; /* it compares values, and counts no classes */
    bool less;      /* is better */
};

const struct net_metric *net_metric_of(const char *name);   /* one that there is */
const struct net_metric *net_metric_find(const char *name); /* or NULL */
/* Of "mae_place", where `metric` is "mae", "place"; of "mae" ""; NULL: it is another metric. */
const char *net_metric_target(const char *name, const char *metric);
/* Is a metric of the model's own target? */
bool net_metric_is_own(const struct net_model *model, const char *name);

/* What class `class` of a target is called in the data, or NULL where classes are numbers. */
const char *net_data_name_of(const struct net_data *data, int field, int class);
const char *net_data_class_name(const struct net_data *data, int class); /* of the first term's */

/* What transforms did to a target of values; nothing (count 0) where one of them has no inverse,
   or the loss is of probabilities. transforms/inverse.c */
struct net_inverse {
    struct net_inverse_stage {
        double *scale, *shift; /* count each */
        double (*inverse)(double x);
    } * stages; /* in the order of the transforms: affine ones together, or one function */
    int stage_count;
    int count;  /* the target's size */
    int length; /* numbers that stand behind one another for each scale and shift */
};

void net_inverse_open(struct net_inverse *inverse, const struct net_data *data,
                      const struct net_model *model); /* of its target */
void net_inverse_field(struct net_inverse *inverse, const struct net_data *data,
                       int field); /* of any field of numbers */
/* Value i of a row, in double: behind a large mean a float would be too coarse. Where there is
   nothing to take back, the value itself. */
double net_inverse_value(const struct net_inverse *inverse, int i, float x);
/* How many significant digits tell it from that of the next float: 9 to 17. */
int net_inverse_digits(const struct net_inverse *inverse, int i, float x);
void net_inverse_close(struct net_inverse *inverse);

/* What transforms do to the numbers of an input, one stage after another: transforms/stages.c. */
struct net_stages {
    struct net_number_stage {
        enum {
            NET_STAGE_AFFINE, /* x scale + shift */
            NET_STAGE_LOG1P,  /* log(1 + x) */
            NET_STAGE_CLIP,   /* what is beyond `least` or `most` is it */
            NET_STAGE_FILL,   /* a missing number, or 0, is `fill`, of which NaN is none */
            NET_STAGE_BINS,   /* how many of `edges` are not above it */
            NET_STAGE_CLASSES /* its place among `edges`, one list for all numbers */
        } kind;
        double *scale, *shift, *fill; /* of each number of a row */
        double least, most;
        bool zeros;              /* are missing, and NaN is not */
        double *edges;           /* n of each number, NaN: none; of classes NULL: 0 to n - 1 */
        int n, unknown, missing; /* of classes, what others and NaN become; -1: they are faults */
        bool hot;                /* it becomes n numbers, 1 at the class's place */
    } * at;
    int count, size;     /* size: numbers of a row of the data */
    const char *refused; /* the transform that is no such stage, or NULL */
    bool bytes;          /* the data are bytes */
};

void net_data_stages(struct net_stages *stages, const struct net_data *data, int field);
void net_stages_close(struct net_stages *stages);

/* The words of a field of tokens or a bag of words, by id; NULL where an id has none (padding,
   unknown, ids that are not used). `count` is net_field.vocabulary. */
const char *const *net_data_vocabulary(const struct net_data *data, int field, int *count);

/* What the run has learnt of its data, for preparation.json; malloc'd. contract.c */
char *net_data_preparation_json(const struct net_data *data);

/* A checksum of it, which the weights of a run bear: a CRC of columns and what was fitted, as 8
   digits. Weights that nothing has been learnt with bear NET_INITIAL, and behind it a space and the
   checksum where they were made for the words or classes of some data. */
void net_data_checksum(const struct net_data *data, char checksum[9]);
#define NET_INITIAL "initial"
bool net_is_run_checksum(const char *checksum); /* not of initial weights, nor NULL */

/* The first field that means nothing without what a run has learnt: numbers or names of classes
   that were fitted, words. NULL: none does. */
const struct net_field *net_field_learns(const struct net_model *model);

/* start.c: what the run in this folder has learnt of inputs that both have is these data's too, and
   not learnt again; what it has learnt of targets is not. */
void net_take_inputs(struct net_data *data, const struct net_folder *start);

struct net_fold net_data_fold(const struct net_data *data);
bool net_data_changed(const struct net_data *data); /* since the run of `preparation` */

/* A file of the data that has changed since it was opened and was not told of yet, in words,
   malloc'd; NULL: there is none. `written`: in its place alone; else its name may be another file's
   too. `rows`: rows that are yet to be read may be of another state. Then: the path of each that
   was, by number. watch.c */
char *net_data_look(struct net_data *data, bool written, bool *rows);
const char *net_data_touched(const struct net_data *data, int number);

/* The argument `name` of a call; NULL: there is no call, or it is not there, or `none`.
   paths.c */
const struct net_arg *net_argument(const struct net_call *call, const char *name);
/* Whether that is this word. */
bool net_has_word(const struct net_call *call, const char *name, const char *word);

int net_input_count(const struct net_model *model); /* fields before the targets */

/* What metrics and predictions are of: the target of the first term of the loss, or of model->next,
   or one of NET_TARGET_NONE, without classes and shape. */
const struct net_field *net_target_field(const struct net_model *model);
static inline int net_target(const struct net_model *model)
{
    return model->field_count - 1 - model->target;
}

/* Labels of a row: 1, or of a class a position as many as the target's shape has. */
static inline int net_positions(const struct net_model *model)
{
    const struct net_field *target = net_target_field(model);

    return target->kind == NET_TARGET_CLASS ? target->size : 1;
}

/* ---- loader.c: the next batch is packed while a step reads this one -------------------------- */

/* `batch`: two packed batches. `threads` of a step; it has them all while it runs. cut: or NULL;
   jobs of training have its shards for batches. */
struct net_loader *net_loader_open(const struct net_data *data, void *const batch[2], int threads,
                                   const struct net_cut *cut);

/* From now on: `count` rows of a part, rows[0..count-1], `batch` at a time, the last may be
   less. */
void net_loader_begin(struct net_loader *loader, enum net_part part, const struct net_mode *mode,
                      const long *rows, long count, int batch);

/* The next packed batch, or NULL after the last; the one before may be overwritten. */
const void *net_loader_next(struct net_loader *loader, const long **rows, int *n);
void net_loader_cancel(struct net_loader *loader);         /* the job ends early */
double net_loader_waited(const struct net_loader *loader); /* seconds, for batches, so far */
void net_loader_close(struct net_loader *loader);

/* Rows of a training batch that are computed by themselves: training/shards.c. */
struct net_shard {
    long first; /* of its rows, in the job's */
    int n, number;
    long rows; /* of the batch */
    bool last; /* of those of the batch that this process has */
};
struct net_cut {
    /* of a job of `rows` in batches of `batch`: its shard `index`, from 0, and how many it has */
    struct net_shard (*find)(const struct net_cut *cut, long rows, long batch, long index);
    long (*count)(const struct net_cut *cut, long rows, long batch);
    void (*close)(struct net_session *session);
    int shards, first, own; /* of a batch; those of this process */
    const struct net_world *ranks;
    /* Of several processes, while the last of its shards run: from that byte of params on their
       gradients are whole. Else NULL. */
    void (*whole)(struct net_session *session, size_t from);
    struct net_tree *tree; /* for it */
    /* Of a model in whose layers rows meet, so that a step computes its shards together: so many at
       most, with a run and an arena each, and packed batches for two steps. Else 0, NULL. */
    int held;
    int (*hold)(struct net_session *session, const void *batch, int n); /* gives how many it has */
    struct net_run *runs;
    void **arenas, **batches;
};

/* The one that was given out last. */
struct net_shard net_loader_shard(const struct net_loader *loader);

/* The order of an epoch's rows: shuffled by (seed, epoch) alone, or 0, 1, 2, ... */
void net_order(long *rows, long count, const uint32_t seed[2], uint32_t epoch, bool shuffle);

/* ---- synthetic.c: rows for measuring, where no data are needed ------------------------------- */

void net_synthetic_pack(const struct net_model *model, const uint32_t seed[2], int first, int n,
                        void *batch);

#endif
