/*
 * data.h -- data sets: readers of sources, preparations of fields, and what training asks of them.
 *
 * A reader gives named fields with rows; a preparation turns a field's rows into what the model
 * reads, with numbers fitted on the training part only. The table of a generated model names the
 * readers and preparations that it uses, so that the linker takes only those.
 *
 * A fault in data ends the program: net_fail prints file, row or byte, what was expected and what
 * was found, and exits 1.
 */

#ifndef NET_DATA_H
#define NET_DATA_H

#include "netrt.h"

enum net_part { NET_TRAIN, NET_VALIDATION, NET_TEST, NET_PARTS };

/* One field of a source: `rows` rows of `size` elements, contiguous, row-major. */
struct net_column {
    const char *name;           /* "image", "label", "x" */
    enum net_type type;
    int rank, shape[4];         /* of one row */
    long rows;
    int size;                   /* elements in a row */
    void *at;                   /* rows * size elements */
};

struct net_table {
    struct net_column *columns; /* all with the same number of rows */
    int column_count;
    long rows;
};

/* Opens a source: paths in `call` are relative to `folder`. Allocates; fails by net_fail. */
struct net_reader {
    const char *name;
    void (*open)(struct net_table *table, const struct net_call *call, const char *folder);
};

extern const struct net_reader net_reader_idx, net_reader_npy, net_reader_digits, net_reader_xor,
    net_reader_logistic_map;

/* A preparation works on one field: fitted on training rows, then applied to every part. */
struct net_preparation {
    const char *name;           /* "scale", "standardize", "normalize", "classes", "one_hot", ... */
    /* see data.c */
    const struct net_preparation_impl *impl;
};

extern const struct net_preparation net_preparation_scale, net_preparation_normalize,
    net_preparation_standardize, net_preparation_classes, net_preparation_one_hot;

/* The prepared data of a model. */
struct net_data;

/* Reads the parts, splits, fits and applies preparations. `folder`: --data, or NULL for the folder
   of the .net file as compiled (model->source's folder is not known to a moved trainer: then "."). */
struct net_data *net_data_open(const struct net_model *model, const char *folder);

/* The same for rows of a user's FILE without targets (predict), with preparations from the
   preparation.json of a run. */
struct net_data *net_data_open_file(const struct net_model *model, const char *file,
                                    const char *preparation_json);

long net_data_rows(const struct net_data *data, enum net_part part);    /* 0: there is no such part */

/* Fills a packed batch from `n` rows of a part, by their numbers in the part. */
void net_data_pack(const struct net_data *data, enum net_part part, const long *rows, int n,
                   void *batch);

/* The prepared target of one row: a class index, or a pointer to field->size floats. */
int net_data_class(const struct net_data *data, enum net_part part, long row);
const float *net_data_target(const struct net_data *data, enum net_part part, long row);

/* Fitted numbers and class names as JSON text (for preparation.json); malloc'd. */
char *net_data_preparation_json(const struct net_data *data);
void net_data_load_preparation(struct net_data *data, const char *path);

const char *net_data_class_name(const struct net_data *data, int class);    /* "0" .. or a name */

/* Prints "NAME: error: ..." to stderr and exits with `code`. */
_Noreturn void net_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
