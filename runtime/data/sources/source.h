/*
 * source.h -- a source is a file of this folder and a row of language.def: a net_reader, which
 * opens what a call names and fills a table of columns.
 *
 * What readers share: plain and gzip files read the same way, with the byte at which something was
 * wrong; patterns that name several files; numbers of any width and order; and tables (csv, jsonl),
 * where a reader finds the cells of a row and a builder makes the columns of the model's fields of
 * them: numbers, classes, or, of a text, the place where it stands in the file.
 */

#ifndef NET_SOURCE_H
#define NET_SOURCE_H

#include <sys/stat.h>

#include "data/data.h"

/* ---- a reader -------------------------------------------------------------------------------- */

/* What a reader is asked for. */
struct net_request {
    const struct net_call *call;
    const char *folder; /* where paths are relative to, or NULL for the current folder */
    const struct net_field *fields; /* of the model; without the target for `predict` */
    int field_count;
    struct net_names
        *names; /* by field; what is not known yet is filled in. NULL: of this source */
    bool lines; /* the file is plain text, a row a line */
    long lines_before, rows; /* lines and rows that came before, of the same pipe */
    const char *hint;        /* of `predict`, where a file has other columns; or NULL */
    const char *pattern;     /* of the training files, where the call names a user's; or NULL */
};

/* Opens a source. Fills the columns; dataset.c checks that their rows agree. Fails by net_fail. */
struct net_reader {
    const char *name;
    void (*open)(struct net_table *table, const struct net_request *request);
    const char *file; /* the argument that `predict FILE` stands in for, or NULL: FILE is
                                   idx or npy */
    bool several;     /* `predict FILE FILE ...`: that argument may have texts */
    const struct net_reader *objects; /* of tables: what reads an object a line, and */
    const struct net_reader *table;   /* what reads lines of cells; either may be given */
    net_generate *generate;           /* goes on with what it reads, or NULL */
};

#define SOURCE(name, ...) extern const struct net_reader net_reader_##name;
#include "language.def"

/* csv.c, jsonl.c: what the two readers of tables.c open. */
void net_open_csv(struct net_table *table, const struct net_request *request);
void net_open_jsonl(struct net_table *table, const struct net_request *request);

/* ---- file.c: files as streams of bytes ------------------------------------------------------- */

/* A file being read. Offsets count unpacked bytes. */
struct net_stream {
    const char *path;
    void *zlib;         /* zlib's gzFile: it passes plain files through; NULL: */
    const char *memory; /* the bytes are here, `size` of them */
    size_t size;
    uint64_t at; /* bytes read so far */
    double most; /* bytes that may be unpacked into memory: as many as there are */
};

void net_stream_open(struct net_stream *file, const char *path);
void net_need_file(const char *path); /* of the user: fails where neither it nor a .gz is */
/* The path of what is there: x.gz where x is named and missing, and the other way round; `path`,
   which it takes over, where neither is. */
char *net_file_present(char *path);
bool net_file_status(const char *path, struct stat *status); /* of it or its .gz; or neither is */
void net_stream_memory(struct net_stream *file, const char *path, const char *memory, size_t size);
void net_stream_close(struct net_stream *file);

/* As many of `size` bytes as there are; a fault of the disk or of the packing ends the program. */
size_t net_stream_some(struct net_stream *file, void *bytes, size_t size);

/* Reads exactly `size` bytes, or fails saying that `what` was expected here. */
void net_stream_read(struct net_stream *file, void *bytes, size_t size, const char *what);

/* Appends `size` bytes to `bytes` (malloc'd, `used` bytes so far) and returns its new place. Memory
   grows with what was read, not with what a header promised. */
void *net_stream_append(struct net_stream *file, void *bytes, size_t used, size_t size,
                        const char *what);

/* All bytes that are left, malloc'd, with a NUL behind them. */
char *net_stream_rest(struct net_stream *file, size_t *size);

/* Fails unless the file ends here. */
void net_stream_end(struct net_stream *file);

/* "PATH: byte N: ..." and exit 1. */
_Noreturn void net_stream_fail(const struct net_stream *file, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- column.c: memory that columns point into ------------------------------------------------ */

void net_names_free(struct net_names *names);

/* The table gives it back when it is closed. */
void net_hold(struct net_table *table, void *at, size_t mapped);
void net_table_release(struct net_table *table);        /* what it holds; columns stay */
void net_add_border(struct net_table *table, long row); /* a file that is not the first begins */

/* A whole file: mapped where it is plain, else unpacked into memory. */
struct net_bytes {
    const char *at;
    size_t size;
    bool mapped;
};
struct net_bytes net_map_file(struct net_table *table, const char *path);

/* Bytes of a mapped file that are not needed soon: memory is free for others. */
void net_forget(const char *begin, const char *end);

/* The `size` bytes behind the header that was read: mapped, or NULL where that cannot be. */
const char *net_stream_map(struct net_stream *file, struct net_table *table, size_t size);

/* `rows` more rows, in a file. */
void net_add_piece(struct net_column *column, long rows, const char *at, const char *end);

/* ---- input.c: what `predict` was given ------------------------------------------------------- */

const char *net_input_path(const char *file); /* of `-`: standard input's */

/* Wildcards name tables. `texts`: the model reads nothing else, and standard input is lines. */
enum net_input_kind { NET_INPUT_UNKNOWN, NET_INPUT_TABLE, NET_INPUT_OBJECTS, NET_INPUT_LINES };
/* What its name says, or nothing. */
enum net_input_kind net_input_kind_by_name(const char *file);
enum net_input_kind net_input_kind_of(const char *file, bool texts);

/* ---- arriving.c: rows of a pipe -------------------------------------------------------------- */

/* Standard input becomes a file of the first rows that the pipe `file` gives: complete ones, one at
   least where there is one, behind the `header` that a table has. `texts`: as net_input_kind_of
   says. false: it is no pipe. */
bool net_arriving_open(const char *file, const struct net_call *call, bool texts);
char net_separator(const struct net_call *call); /* of the cells of a csv */
char net_quote(const struct net_call *call);     /* around them; 0: none is */
/* The same of the next rows; how many lines and rows came before them. false: there are none. */
bool net_arriving_next(long *lines, long *rows);

/* ---- paths.c: names and arguments ------------------------------------------------------------ */

/* The files that `pattern` names, sorted; at least one. `folder` NULL: the current one. */
char **net_paths(const char *folder, const char *pattern, int *count);
/* The place of a column in messages, of the table: its file, or the pattern of several, each with
   its folder. */
const char *net_place(struct net_table *table, const char *folder, const char *pattern,
                      char *const *paths, int count);
/* The same where none may match. */
/* Calls `visit` with each path that a part's call names, by patterns too. */
void net_visit_paths(const struct net_call *call, const char *folder,
                     void (*visit)(void *context, const char *path), void *context);
char **net_paths_if_any(const char *folder, const char *pattern, int *count);
void net_paths_free(char **paths, int count);
/* Fails where one of the files is none that can be read again. */
void net_need_regular(const char *folder, const char *pattern);

/* A whole number between the limits, or a fault that names the argument. */
double net_whole_argument(const struct net_call *call, const char *name, double least, double most);

/* ---- columns.c: which columns of a table the fields take ------------------------------------- */

/* The first row of a file. */
struct net_header {
    const char *path;
    char **names; /* owned; "1", "2", ... where the file has no header */
    int count;
    bool named;                     /* it has */
    const char *remark;             /* behind a message that a column is not there */
    struct net_string_table *table; /* the different names, and of each */
    int *first;                     /* its first place, from 1 */
};

void net_header_open(struct net_header *header); /* table and first */
void net_header_close(struct net_header *header);

/* The places of a field's columns, from 1, malloc'd: names->count of them. Fills `names` where they
   are not known yet. */
int *net_columns_find(const struct net_header *header, const struct net_field *field,
                      struct net_names *names);
bool net_names_number(const struct net_names *names, int k); /* it has no name, only a place */

/* ---- number.c: files of numbers -------------------------------------------------------------- */

/* How numbers lie in a file. */
struct net_encoding {
    char kind; /* 'u' unsigned, 'i' signed, 'f' floating point, 'b' bool */
    int width; /* bytes of one element: 1, 2, 4 or 8 */
    bool big_endian;
    bool fortran; /* the first axis varies fastest */
};

/* Multiplies sizes from a header into rows, elements of a row and bytes. False: too large to be. */
bool net_sizes(const uint64_t *shape, int rank, int width, struct net_column *column,
               size_t *bytes);

/* Reads a file's header: the column's rows and shape of a row. Returns the bytes of data that it
   promises. */
typedef size_t net_header(struct net_stream *file, struct net_column *column,
                          struct net_encoding *encoding);

net_header net_header_idx, net_header_npy;
bool net_is_npy(const char *path);

/* Reads files of one format into a column, one after the other: their rows must be alike. */
void net_read_files(struct net_table *table, struct net_column *column, char *const *paths,
                    int count, net_header *header);
typedef void net_open_stream(struct net_stream *file, const void *context, int number);
void net_read_streams(struct net_table *table, struct net_column *column, net_open_stream *open,
                      const void *context, int count, net_header *header);

/* A reader's open: every argument with a text is a field and names its files. */
void net_open_files(struct net_table *table, const struct net_request *request, net_header *header);

/* ---- table.c: the cells of a table ----------------------------------------------------------- */

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
enum net_take { NET_TAKE_NUMBERS, NET_TAKE_CLASS, NET_TAKE_TEXT, NET_TAKE_FILE };
struct net_cells;

struct net_taker {
    const struct net_field *field;
    struct net_column *column;
    enum net_take take;
    bool imputed;                  /* a number may be missing */
    const struct net_call *date;   /* which parts of a date are taken; NULL: it is none */
    const struct net_cells *cells; /* of files: who reads them, */
    void *files;                   /* and what it has of them so far */
    unsigned char *holds; /* numbers: of each element what it was so far, an enum net_parsed */
};

/* Cells that name files, whose contents are the rows. */
struct net_cells {
    void *(*open)(const struct net_taker *taker); /* also the type and shape of the column */
    void (*add)(const struct net_taker *taker, struct net_slice cell, const struct net_spot *spot);
    void (*close)(const struct net_taker *taker); /* fills the column; the paths of spots stand */
};

struct net_builder {
    struct net_table *table;
    struct net_taker takers[NET_COLUMNS]; /* by field */
    int count;                            /* of takers */
    struct net_names *names;              /* by field: the request's, or */
    struct net_names own[NET_COLUMNS];
    long rows, room;
    long before; /* rows that came before those, of the same pipe */
};

/* A builder for the fields that are asked for; `read_text` reads a text of its file back. */
void net_builder_open(struct net_builder *builder, struct net_table *table,
                      const struct net_request *request, net_read_text *read_text);

/* Field f has a number a row for each of builder->names[f]. */
void net_builder_elements(struct net_builder *builder, int f);

/* A file begins; its texts stand between `at` and `end`. */
void net_builder_file(struct net_builder *builder, struct net_bytes bytes);

/* What lies before `at` has been read; `bytes` begin there from now on. */
void net_builder_seen(struct net_bytes *bytes, const char *at);

void net_builder_row(struct net_builder *builder); /* a row begins */

/* Number k, the class or the name of a file, or the text of field f in the row that has begun;
   `text` begins at `at`, as it is written in the file. */
void net_builder_number(struct net_builder *builder, int f, int k, const char *at, size_t length,
                        const struct net_spot *spot);
void net_builder_class(struct net_builder *builder, int f, const char *at, size_t length,
                       const struct net_spot *spot);
void net_builder_text(struct net_builder *builder, int f, const char *at, struct net_slice text);

void net_builder_close(struct net_builder *builder, const char *place);

/* ---- date.c: cells that are dates ------------------------------------------------------------ */

const struct net_call *net_date_step(const struct net_field *field); /* date(..), or NULL */
int net_date_parts(const struct net_call *date);
/* The parts of a cell, NAN where it may be missing and is. */
void net_date_numbers(double *numbers, const struct net_taker *taker, struct net_slice cell,
                      const struct net_spot *spot);

/* The strings of a column of I32 get the numbers of their sorted order. */
void net_sort_classes(struct net_column *column);

/* A text a line: what `predict` may be given where the model reads words. */
void net_open_lines(struct net_table *table, const struct net_request *request);

extern const char *const net_missing_words[]; /* cell.c: "NA", ...; NULL at the end */

/* A decimal number, exactly rounded, one of those words, or true or false: 1 or 0. */
enum net_parsed { NET_NO_NUMBER, NET_PARSED, NET_MISSING, NET_TRUTH };
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

void net_scratch_fit(struct net_scratch *scratch, size_t size);

#endif
