/*
 * transform.h -- a transform (`preparation` in a .net file) is a file of this folder and a row of
 * language.def: a net_transform, which fits numbers on the training rows and applies them to all.
 */

#ifndef NET_TRANSFORM_H
#define NET_TRANSFORM_H

#include "core/words.h"
#include "data/dataset.h"
#include "data/sources/source.h"

/* What a transform fitted on the training rows, by the names in net_transform.fitted. */
struct net_fitted {
    double *list[2]; /* `count` numbers each */
    int count;
    struct net_string_table *strings[2]; /* by number, or NULL */
    bool known; /* of a field's first step: a run before has fitted it and those behind it */
};

struct net_transform {
    const char *name;       /* "scale", "standardize", ... */
    const char *fitted[2];  /* names of the fitted lists: "mean", "std"; NULL: no such list */
    const char *strings[2]; /* names of fitted strings: "names"; NULL: none */
    const char *given[8];   /* arguments without which what it does is not known, up to NULL */
    void (*fit)(struct net_fitted *fitted, const struct net_values *values,
                const struct net_call *call, const long *rows, long row_count); /* of the
                                   training part; rows NULL: all; fit NULL: learns nothing */
    void (*apply)(struct net_values *values, const struct net_call *call,
                  const struct net_fitted *fitted);
    enum net_inverse_kind {
        NET_INVERSE_NONE,    /* it cannot be taken back */
        NET_INVERSE_AFFINE,  /* apply only changes scale and shift */
        NET_INVERSE_NOTHING, /* what it puts in is one of the values */
        NET_INVERSE_FUNCTION /* `inverse`, of each number */
    } inverse_kind;
    double (*inverse)(double x);
    void (*stage)(struct net_number_stage *stage, const struct net_values *values,
                  const struct net_call *call, const struct net_fitted *fitted); /* of one that is
                     not affine and acts on each number alone: what it does; else NULL */
    const struct net_series *series; /* of one that makes windows of rows; else NULL */
    const struct net_cells *cells;   /* of one that stands for the cells of a table; else NULL */
};

#define TRANSFORM(name, ...) extern const struct net_transform net_transform_##name;
#include "language.def"

/* ---- values.c: a field's rows on their way --------------------------------------------------- */

void net_values_open(struct net_values *values, const struct net_field *field,
                     const struct net_column *column);
/* The numbers of one row, column.size of them. */
void net_values_row(const struct net_values *values, long row, double *numbers);
/* Tells each element's numbers over the rows (NULL: the first row_count), sorted, without those
   that are NaN and, with `zeros`, 0. Some elements are held at a time. */
typedef void net_take_sorted(void *context, int element, double *sorted, long count);
void net_values_sorted(const struct net_values *values, bool zeros, const long *rows,
                       long row_count, net_take_sorted *take, void *context);
/* Fails unless a row has as many numbers as `fitted` is of. */
void net_values_check(const struct net_values *values, const struct net_fitted *fitted);
/* What is affine so far is applied: the column holds numbers of its own, NET_F64 or NET_F32. */
void net_values_rewrite(struct net_values *values, enum net_type type);
/* The column is now `at`, rows of `size` elements; what was affine has been applied. */
void net_values_replace(struct net_values *values, enum net_type type, int rank, int size,
                        void *at);
/* The end of the chain: checks the shape and fills `prepared`. Takes over what `values` owns. */
void net_values_finish(struct net_values *values, struct net_prepared_column *prepared);
/* "[1, 28, 28]" into a buffer, which it returns. */
const char *net_shape_text(char text[64], int rank, const int *shape);
/* Shapes agree up to axes of size 1, or where one of the two is flat. */
bool net_column_fits(const struct net_column *column, const struct net_field *field);

/* The step of a field that makes windows, or NULL. */
const struct net_call *net_series_step(const struct net_field *field);

/* ---- ../texts.c: texts as classes of positions ----------------------------------------------- */

enum { NET_UNNAMED = 2 }; /* of a target of tokens(..), classes before those of its words */

/* Words of rows of unequal length, NET_I32, become rows of `size` with -1 behind each. */
void net_values_pad(struct net_values *values);

/* ---- series.c -------------------------------------------------------------------------------- */

extern const struct net_series net_series; /* of window and ahead */

/* ---- preparation_json.c ---------------------------------------------------------------------- */

/* What was fitted, as members of preparation.json, and back into data->fitted. */
void net_fitted_write(struct net_text *text, const struct net_data *data);
void net_fitted_read(struct net_data *data, const struct net_json *json, const char *path);
/* Of field f alone, from `steps`, its member. */
void net_fitted_field(struct net_data *data, int f, const struct net_json *steps, const char *path);

/* ---- nfc.c ----------------------------------------------------------------------------------- */

/* A text in Unicode's normalization form C: itself where it is in plain letters, else in `scratch`,
   until the next call. Bytes that are not UTF-8 are Latin-1's. */
struct net_slice net_nfc(struct net_slice text, struct net_scratch *scratch);

/* ---- tokenizer.c: a text as words ------------------------------------------------------------ */

struct net_tokenizer {
    bool nfc;                            /* first, the text is put into that form */
    struct net_words words;              /* which they are, and what is left of the text */
    const struct net_string_table *stop; /* words that are left out, or NULL */
    struct net_scratch word;             /* the word that was read */
    size_t room;                         /* bytes of it that the text may need */
    struct net_scratch normal;           /* the text in that form */
};

/* As the arguments of tokens(..) or bag_of_words(..) say, without stop words. */
void net_tokenizer_open(struct net_tokenizer *tokenizer, const struct net_call *call);
void net_tokenizer_close(struct net_tokenizer *tokenizer);

void net_tokenizer_begin(struct net_tokenizer *tokenizer, struct net_slice text);
/* The next word, which lives until the next call; false at the text's end. */
bool net_tokenizer_next(struct net_tokenizer *tokenizer, struct net_slice *word);

/* ---- grams.c: words, and n of them in a row -------------------------------------------------- */

struct net_grams {
    struct net_tokenizer tokenizer;
    int most;                /* words of a gram, at most; 1: the words alone */
    struct net_scratch text; /* where there are several: the words, a blank behind each */
    size_t *begin;           /* of each in `text`, and where it ends; owned */
    size_t count, room;      /* of words; of `begin` */
    int words;               /* of the next gram, and the first of them: */
    size_t at;
};

/* As the arguments of tokens(..) or bag_of_words(..) say. */
void net_grams_open(struct net_grams *grams, const struct net_call *call);
void net_grams_close(struct net_grams *grams);
void net_grams_begin(struct net_grams *grams, struct net_slice text);
/* Words in their order, then pairs, and so on; each lives until the next call. False at the end. */
bool net_grams_next(struct net_grams *grams, struct net_slice *gram);

#endif
