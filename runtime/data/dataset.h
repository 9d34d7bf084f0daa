/*
 * dataset.h -- the inside of struct net_data, for the files that build it: dataset.c opens sources
 * and prepares fields, check.c looks at their numbers, batch.c packs, split.c draws held-out rows,
 * transforms/ change values, contract.c keeps what a run has learnt.
 */

#ifndef NET_DATA_PARTS_H
#define NET_DATA_PARTS_H

#include "data/data.h"

/* What transforms fitted, and values on their way: transforms/transform.h. */
struct net_fitted;
/* A field's rows on their way through its transforms. Affine transforms only change scale and
   shift; the rows are rewritten when something else needs their values, or at the end. */
struct net_values {
    const struct net_field *field;
    struct net_column column;
    double *scale, *shift; /* column.size each: a value is element * scale + shift */
    void *owned;           /* the memory of column.at where it is not the source's any more */
    const char *folder;    /* of the data, for files beside them; or NULL */
    const struct net_values *joined;    /* rows of the next field that has the same numbers */
    const struct net_fitted *numbering; /* of the field before whose numbers it has, or NULL */
};

/* One field of one source as pack reads it. */
struct net_prepared_column {
    struct net_column column;        /* U8 or F32; I32 for a class; what it owns is the source's */
    double *scale, *shift;           /* U8: one a channel, applied by pack */
    void *owned;                     /* column.at where it is not the source's, else NULL */
    struct net_values *values;       /* what makes floats of a row as it is packed; else NULL */
    const struct net_series *series; /* what makes a window of rows of the column; else NULL */
    double *made; /* of a window: one row of the column, and then the window; owned */
};

/* What a source holds, as preparation.json keeps it. */
struct net_identity {
    long rows;      /* 0: it was not looked at */
    uint64_t bytes; /* of its files */
    struct {
        const char *type;
        uint32_t crc; /* of its cells, as they were read */
    } fields[NET_COLUMNS];
};

struct net_split_identity {
    long rows;
    uint32_t crc; /* of their numbers in the source; 0: it is all of them */
};

/* The same of a run before. */
struct net_recorded_data {
    char *path; /* of its preparation.json; malloc'd */
    struct net_identity sources[NET_PARTS];
    struct net_split_identity splits[NET_PARTS];
    int changes; /* of its data, so far */
};

struct net_watched;
struct net_request;

/* What one call of a reader opened. */
struct net_source {
    struct net_watched *files; /* that it reads, file_count of them */
    int file_count;
    struct net_table table; /* columns that no field reads any more have at == NULL */
    long first;             /* its first row's number, where others came before */
    struct net_identity identity;
    struct net_prepared_column
        *fields; /* model->field_count of them; column.at == NULL: not there */
};

/* The rows of one part: a whole source, or the numbers of some of its rows. */
struct net_subset {
    const struct net_source *source; /* NULL: there is no such part */
    long *rows;                      /* NULL: all, in order */
    long count;
    const void **pointers;         /* pack's: [field][model->batch] */
    struct net_augment **augments; /* [field]: of rows that change as they are packed, else NULL */
    void **scratch; /* pack's: of each field with words, model->batch rows; else NULL */
};

/* A model of windows: its rows are positions in time. series.c, by the transforms that make them */
struct net_series {
    int (*length)(const struct net_field *field); /* positions in a row of it; of others 1 */
    /* Those of a model as they are at one position, malloc'd. */
    struct net_field *(*fields)(const struct net_model *model);
    void (*split)(struct net_data *data); /* holdouts: the last rows of each file */
    /* Rows of a part become the positions whose windows, of the first fields, are whole in it. */
    void (*cut)(struct net_data *data, enum net_part part, int field_count);
    /* The window at a row of the source, [channels][length] of 4 bytes each; `numbers` is room for
       one row of the column. */
    void (*make)(const struct net_prepared_column *prepared, const struct net_field *field,
                 long row, double *numbers, void *to);
};

struct net_data {
    const struct net_model *model;
    const struct net_series *series; /* or NULL: every row of a source is one of a part */
    const struct net_field *fields;  /* the model's, as transforms see them; of a series its own */
    struct net_source sources[NET_PARTS]; /* of the parts that have a reader */
    struct net_subset parts[NET_PARTS];
    struct net_fitted **fitted;          /* [field][step] */
    struct net_names names[NET_COLUMNS]; /* of each field of a table */
    enum net_task tasks[NET_COLUMNS];    /* of each target that is predicted */
    bool learnt;                         /* by a run before: nothing is fitted */
    const char *folder;                  /* where files are read, or NULL: the current one */
    const char ***vocabulary;            /* [field]: the words by id; NULL: the field has none */
    struct net_fold fold;
    struct net_recorded_data recorded;
    struct net_user_files *user_files; /* by net_data_open_files; malloc'd as one */
    int changes; /* of the run's data, with those that were found now; 0: none was */
};

static inline long net_source_row(const struct net_subset *part, long row)
{
    return part->rows ? part->rows[row] : row;
}

/* dataset.c: the steps of opening data. A part of the rows that `request` asks for; a field's
   transforms; columns that no field reads go; the words of fields that have a vocabulary. */
struct net_data *net_data_new(const struct net_model *model);
void net_table_open(struct net_data *data, enum net_part part, const struct net_reader *reader,
                    const struct net_request *request);
void net_field_apply(struct net_data *data, int f, struct net_source *source);
void net_source_trim(struct net_source *source, int field_count);
void net_list_words(struct net_data *data);
void net_part_close(struct net_data *data, enum net_part part);
bool net_learns(const struct net_field *field); /* numbers or words, in training */
/* Are its columns meant by their place in the first file? */
bool net_is_placed(const struct net_model *model, const struct net_field *field);

/* contract.c: what the run of a preparation.json has learnt is this data's too; before sources are
   opened. */
void net_contract_read(struct net_data *data, const struct net_opening *opening);
/* The preparation.json `name` of a run, which messages call `path`; any fault ends the program. */
struct net_json *net_preparation_read(const struct net_folder *run, const char *name,
                                      const char *path);
/* Of data that are open by no preparation.json: fails where the weights are of a run with other
   columns or transforms, or were made for other words. */
void net_contract_check(struct net_data *data, const char *checksum);

/* task.c: what the target is, where the run before did not say; of a run, for preparation.json */
void net_task_find(struct net_data *data, enum net_part part);
void net_task_write(struct net_text *text, const struct net_data *data);
void net_task_read(struct net_data *data, const struct net_json *json, const char *path);

/* watch.c: the files of a source, from before it is opened on. */
void net_watch_files(struct net_data *data, enum net_part part, const struct net_call *call);
uint64_t net_watched_bytes(const struct net_source *source);
void net_watch_end(struct net_source *source);

/* identity.c: which data these are, and whether they are those of the run before. `taken`: they may
   be others. */
void net_identify_source(struct net_data *data, enum net_part part);
void net_identity_check_source(struct net_data *data, enum net_part part, bool taken);
void net_identity_check_splits(struct net_data *data, bool taken);
void net_identity_write(struct net_text *text, const struct net_data *data);
void net_identity_read(struct net_recorded_data *recorded, const struct net_json *json,
                       const struct net_model *model, const char *path);

/* split.c: moves rows from a part to a new one, as holdout(f) says; stratified by `classes`
   (a column of the source with one number a row), or not where it is NULL. */
void net_split(struct net_subset *from, struct net_subset *held, enum net_part part,
               const struct net_call *holdout, const struct net_column *classes);
/* The same for one fold. `call`: the model's validation, whose seed is used; or NULL. */
void net_split_fold(struct net_subset *from, struct net_subset *held, struct net_fold fold,
                    const struct net_call *call, const struct net_column *classes);
/* Is every number 0 or 1, or every one -1 or 1? */
bool net_is_binary(const struct net_column *column);

/* rows.c: a row of a prepared field, by its number in the source; of a window until the next call
   for the field. */
const void *net_prepared_row(const struct net_data *data, enum net_part part, int field, long row);

/* batch.c: what packing needs of a part that is open. */
void net_packing_open(struct net_data *data, enum net_part part);
void net_packing_close(struct net_data *data, enum net_part part);

/* check.c: a number that is not as it must be ends the program. */
void net_check_finite(const struct net_column *column, const struct net_field *field);
void net_check_wanted(const struct net_prepared_column *prepared, const struct net_field *field,
                      const struct net_column *column);
void net_check_prepared(const struct net_prepared_column *prepared, const struct net_field *field,
                        const struct net_column *column);

/* impute.c: does a step of the field take numbers that are missing (NaN)? */
bool net_field_imputes(const struct net_field *field);

/* augment.c: rows of a field with noise, and with the part's share of `augment`. NULL: neither. */
struct net_augment *net_augment_open(const struct net_model *model, int field, enum net_part part);
void net_augment_close(struct net_augment *augment);
/* Does a mode change the rows? */
bool net_augment_acts(const struct net_augment *augment, const struct net_mode *mode);
/* The changed row: element 0 of place `i` of the batch. `row` is that of the source, `element` its
   prepared numbers. */
const float *net_augment_row(struct net_augment *augment, const struct net_mode *mode,
                             const struct net_prepared_column *prepared, const void *element,
                             long row, int i);

#endif
