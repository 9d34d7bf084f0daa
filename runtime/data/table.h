/*
 * table.h -- what readers of tables (csv, jsonl) share. A reader finds the cells of a row; a
 * builder makes the columns of the model's fields of them: numbers, classes, or, of a text,
 * the place where it stands in the file.
 */

#ifndef NET_DATA_TABLE_H
#define NET_DATA_TABLE_H

#include "core/string_table.h"
#include "data/file.h"

/* Where a cell stands, for messages. */
struct net_spot {
    const char *path;
    long line; /* from 1 */
    long row;  /* of the source, from 0 */
};

struct net_slice {
    const char *at; /* a text, not ended by NUL */
    size_t length;  /* in bytes */
};

/* Memory for one text, where it cannot be shown as it stands in the file. */
struct net_scratch {
    char *at;    /* malloc'd, or NULL */
    size_t room; /* bytes there */
};

/* What a field takes of each row. */
enum net_take { NET_TAKE_NUMBERS, NET_TAKE_CLASS, NET_TAKE_TEXT };

struct net_taker {
    const struct net_field *field;
    struct net_column *column;
    enum net_take take;
    bool imputed; /* a number may be missing */
};

struct net_builder {
    struct net_table *table;
    struct net_taker takers[NET_COLUMNS]; /* by field */
    int count;                            /* of takers */
    long rows, room;
    struct net_scratch name; /* of a class, where it cannot be kept as it stands */
};

/* A builder for the fields that are asked for; `form` is how texts are written. */
void net_builder_open(struct net_builder *builder, struct net_table *table,
                      const struct net_request *request, enum net_text_form form);

/* Field f has `count` numbers a row; names[k] (malloc'd) is taken over. */
void net_builder_elements(struct net_builder *builder, int f, int count, char **names);

/* A file begins; its texts stand between `at` and `end`. */
void net_builder_file(struct net_builder *builder, struct net_bytes bytes);

/* What lies before `at` has been read; `bytes` begin there from now on. */
void net_builder_seen(struct net_bytes *bytes, const char *at);

void net_builder_row(struct net_builder *builder); /* a row begins */

/* Number k, the class, or the text of field f in the row that has begun. */
void net_builder_number(struct net_builder *builder, int f, int k, const char *at, size_t length,
                        const struct net_spot *spot);
void net_builder_class(struct net_builder *builder, int f, const char *at, size_t length,
                       const struct net_spot *spot);
void net_builder_text(struct net_builder *builder, int f, const char *at);

void net_builder_close(struct net_builder *builder, const char *place);

/* A text a line: what `predict` may be given where the model reads words. */
void net_open_lines(struct net_table *table, const struct net_request *request);

/* A decimal number, exactly rounded. Empty, NA, N/A, NaN, null and ? are missing. */
enum net_parsed { NET_PARSED, NET_MISSING, NET_NO_NUMBER };
enum net_parsed net_parse_number(const char *at, size_t length, double *number);

/* What may be shown of a cell in a message. */
const char *net_cell_text(char text[48], const char *at, size_t length);

char *net_copy(const char *text); /* malloc'd */

/* Bytes that are no text (binary files, UTF-16) are a fault; the mark that some programs put before
   UTF-8 is left out. */
struct net_bytes net_text_bytes(struct net_bytes bytes, const char *path);

/* ---- texts: how the rows of a text column are read back -------------------------------------- */

struct net_slice net_text_row(const struct net_column *column, long row,
                              struct net_scratch *scratch);

/* data_csv.c, data_jsonl.c: the text that begins at `at`, in a file that ends at `end`. */
struct net_slice net_text_csv(const char *at, const char *end, struct net_scratch *scratch);
struct net_slice net_text_json(const char *at, const char *end, struct net_scratch *scratch);
void net_scratch_fit(struct net_scratch *scratch, size_t size);

#endif
