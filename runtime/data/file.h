/*
 * file.h -- what readers of files share: plain and gzip files read the same way, with the byte
 * at which something was wrong; patterns that name several files; numbers of any width and order.
 */

#ifndef NET_DATA_FILE_H
#define NET_DATA_FILE_H

#include "data/data.h"

/* A file being read. Offsets count unpacked bytes. */
struct net_stream {
    const char *path;
    void *zlib;         /* zlib's gzFile: it passes plain files through; NULL: */
    const char *memory; /* the bytes are here, `size` of them */
    size_t size;
    uint64_t at; /* bytes read so far */
};

void net_stream_open(struct net_stream *file, const char *path);
void net_need_file(const char *path); /* of the user: fails where neither it nor a .gz is */
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

/* ---- data_column.c: memory that columns point into ------------------------------------------- */

/* The table gives it back when it is closed. */
void net_hold(struct net_table *table, void *at, size_t mapped);
void net_table_release(struct net_table *table); /* what it holds; columns stay */

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

/* ---- data_input.c: what `predict` was given -------------------------------------------------- */

const char *net_input_path(const char *file); /* of `-`: standard input's */

/* Wildcards name tables. `texts`: the model reads nothing else, and standard input is lines. */
enum net_shown { NET_SHOWS_NOTHING, NET_SHOWS_TABLE, NET_SHOWS_OBJECTS, NET_SHOWS_LINES };
enum net_shown net_input_shows(const char *file, bool texts);

/* ---- data_paths.c: names and arguments ------------------------------------------------------- */

/* The files that `pattern` names, sorted; at least one. `folder` NULL: the current one. */
char **net_paths(const char *folder, const char *pattern, int *count);
/* The same where none may match. */
char **net_paths_if_any(const char *folder, const char *pattern, int *count);
void net_paths_free(char **paths, int count);
/* Fails where one of the files is none that can be read again. */
void net_need_regular(const char *folder, const char *pattern);

/* A whole number between the limits, or a fault that names the argument. */
double net_whole_argument(const struct net_call *call, const char *name, double least, double most);

/* ---- data_number.c: files of numbers --------------------------------------------------------- */

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

/* Turns `bytes` (malloc'd, taken over) into column->at and sets the type: unsigned bytes stay
   NET_U8, integers that fit become NET_I32, short floats NET_F32, everything else NET_F64. */
void net_decode(struct net_column *column, void *bytes, struct net_encoding encoding);

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

#endif
