/*
 * base.h -- what every stage uses: memory, strings, shapes, errors with a place, and the target.
 *
 * The compiler allocates from one zeroing arena, which is given back as a whole or not at all.
 */

#ifndef BASE_H
#define BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/nearest.h"
#include "core/standard_files.h"

#define NETC_VERSION "0.1"

#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* ---- util.c: memory, strings, growing arrays ------------------------------------------------- */

void *allocate(size_t size); /* zeroed; out of memory is fatal */
_Noreturn void fail_memory(void);
void give_back(void);                             /* all that was allocated, by tests alone */
char *format(const char *fmt, ...) PRINTF(1, 2);  /* a new string */
char *copy_text(const char *text, size_t length); /* a new string of `length` bytes */
bool same(const char *a, const char *b);          /* both NULL, or equal */
int divide_up(int size, int unit);                /* units that hold `size` */
int blocks_of(int count);                         /* of 16 channels or images */
long up16(long count);                            /* the next multiple of 16 */

/* Appends to a growing array `items` with `count` used entries; reallocates at powers of two. */
#define APPEND(items, count, item)                                                                 \
    ((items) = grow((items), (count), sizeof *(items)), (items)[(count)++] = (item))
void *grow(void *items, int count, size_t size);
/* A copy that may grow, of `count` entries wherever they stand; NULL: they are zeros. */
void *copy_array(const void *items, int count, size_t size);

/* An output that grows in memory, then goes to a file at once, or not at all. */
typedef struct Text {
    char *at; /* NUL-terminated */
    size_t length, capacity;
} Text;

void text_add(Text *text, const char *fmt, ...) PRINTF(2, 3);
void text_add_v(Text *text, const char *fmt, va_list args);

/* ---- table.c: a number for a word ------------------------------------------------------------ */

typedef struct TableSlot {
    const char *word; /* NULL: free */
    int number;
} TableSlot;

typedef struct Table { /* zeroed, it is empty */
    TableSlot *slots;
    size_t size, count; /* size: a power of two */
} Table;

int table_find(const Table *table, const char *word); /* -1: it is not there */
void table_set(Table *table, const char *word, int number);

/* ---- shape.c --------------------------------------------------------------------------------- */

enum { MAX_RANK = 5 };

typedef struct Shape {
    int rank; /* 0: a scalar; without the batch axis where there is one */
    int size[MAX_RANK];
} Shape;

int shape_size(Shape shape);
double shape_elements(Shape shape); /* the same without overflow */
bool same_shape(Shape a, Shape b);
const char *shape_text(Shape shape); /* "[3, 32, 32]" */

/* ---- diag.c: errors with a place, a line and a caret ----------------------------------------- */

typedef struct Span {
    int begin, end; /* byte offsets into the source; end is one past the last */
} Span;

typedef struct Source {
    const char *path; /* as it was given */
    const char *file; /* the path's last part */
    const char *name; /* that without ".net": the model's name */
    const char *text;
    int length;
    int errors; /* reported so far */
    int *lines; /* where each begins */
    int line_count;
    struct Diagnostics *kept; /* messages for editors, which are not printed then; or NULL */
} Source;

Source *read_source(const char *path); /* prints its own error; NULL */
Source *new_source(const char *path, const char *text, size_t length); /* text ends with a NUL */
int line_of(const Source *source, Span span);                          /* from 1 */

int column_of(const Source *source, int at); /* from 1, in characters */

/* `file:line:col: error: ...`, the line, `^~~~` under the span. Counts; prints the first 20. */
void error_at(Source *source, Span span, const char *fmt, ...) PRINTF(3, 4);

/* `file:line:col: warning: ...`: the model goes on. */
void warn_at(Source *source, Span span, const char *fmt, ...) PRINTF(3, 4);

/* A note that belongs to the error just printed: `file:line:col: note: ...`, line and caret. */
void note_at(Source *source, Span span, const char *fmt, ...) PRINTF(3, 4);

/* A note without a place, such as a remedy. */
void note(Source *source, const char *fmt, ...) PRINTF(2, 3);

/* Messages that are kept for editors, and are not printed. */
typedef struct Message {
    Span span;
    const char *severity, *text;
    const char *fix; /* or NULL */
    int note_of;     /* the message that this is a note of; -1: it is none */
} Message;

typedef struct Diagnostics {
    Message *items;
    const Source **sources; /* by message: the model, or a --define */
    int count, source_count;
} Diagnostics;

void keep_diagnostics(Source *source); /* from here on */
void keep_message(const Source *source, Span span, const char *severity, const char *text);
void print_diagnostics(FILE *out, const Source *source); /* diag_json.c */

typedef struct Define { /* --define NAME=VALUE */
    const char *name, *value;
} Define;

enum { MAX_BATCH = 65536 }; /* rows */

/* How 3x3 convolutions are done: by what costs least, or not by the other. */
typedef enum ConvChoice { CONV_AUTO, CONV_DIRECT, CONV_WINOGRAD, CONV_CHOICES } ConvChoice;

/* What operands of contractions are rounded to; their sums, and all else, are float32. */
typedef enum Precision { FLOAT32, BFLOAT16, PRECISIONS } Precision;

extern const char *const precision_names[PRECISIONS]; /* target.c */

/* ---- target.c: register tiles and panels ----------------------------------------------------- */

/* The compiler's limits for a target; lanes are 16 on all of them. */
typedef struct Target {
    const char *name;  /* "avx512bf16", "avx512", "avx2", "generic" of x86-64; "neon", "riscv64",
                          "wasm32" */
    int rows, vectors; /* of a register tile: rows of a matrix, such as images, by blocks */
    int images;    /* of one whose rows are the images of a batch block: no more than there are */
    int sums;      /* that registers hold beside what is multiplied */
    int registers; /* of 16 lanes */
} Target;

const Target *find_target(const char *name);
const char *native_target(Precision precision);          /* the name of this machine's */
void cut_panels(int blocks, int vectors, int panels[3]); /* how many of 3, of 2, of 1 blocks */
/* Of groups of `size` channels: no panel of several blocks touches two. */
void cut_group_panels(int blocks, int vectors, int size, int panels[3]);

#endif
