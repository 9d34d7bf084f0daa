/*
 * core.h -- what every part of a trainer stands on, a section a source file: failing, memory, text
 * and files, strings, JSON, threads, tensors in files, the machine.
 *
 * Nothing here knows of data sets, of training or of commands. It needs netrt.h, for the tables of
 * a model, and random.h is apart, since generated code includes it.
 */

#ifndef NET_CORE_H
#define NET_CORE_H

#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/atomic_file.h"
#include "core/nearest.h"
#include "netrt.h"

#define NET_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* ---- fail.c: the end of a program that cannot go on ------------------------------------------ */

/* Exit codes. */
enum { NET_OK, NET_FAULT, NET_USAGE, NET_DIVERGED };

/* Prints "NAME: error: ..." to stderr; then the end of the program or attempt (attempt.h). */
_Noreturn void net_fail(int code, const char *format, ...) NET_PRINTF(2, 3);
void net_warn(const char *format, ...) NET_PRINTF(1, 2); /* and goes on */

/* ---- memory.c: out of memory ends the program ------------------------------------------------ */

void *net_allocate(size_t count, size_t size); /* zeroed, malloc'd */
void *net_memory(size_t size);                 /* zeroed, malloc'd, 64-byte aligned, huge pages */
void *net_map(size_t size); /* zeros that cost nothing until they are touched; for munmap */

/* ---- text.c: text that grows ----------------------------------------------------------------- */

struct net_text {
    char *at; /* NUL-terminated, malloc'd; NULL while empty */
    size_t length, capacity;
};

void net_text_add(struct net_text *text, const char *format, ...) NET_PRINTF(2, 3);
void net_text_quote(struct net_text *text, const char *string); /* as a JSON string */
void net_text_shell(struct net_text *text, const char *word);   /* as one word of a command */
/* On one line, and nothing that a terminal obeys: control characters as \n, \t, \r or \u001b. */
void net_text_visible(struct net_text *text, const char *string);
void net_text_html(struct net_text *text, const char *string); /* so, as HTML's or XML's text */
void net_text_number(struct net_text *text, double x); /* as JSON, exact; not finite: null */

char *net_format(const char *format, ...) NET_PRINTF(1, 2); /* malloc'd */

/* ---- file.c: folders that stay open, files that are read or replaced as a whole -------------- */

/* A folder whose files are reached by its descriptor, wherever it is moved to. NULL in its place is
   the current one. */
struct net_folder {
    char *path; /* as it was named, for messages; malloc'd */
    int at;     /* the descriptor */
};

char *net_path_in(const struct net_folder *folder, const char *name); /* for messages; malloc'd */
/* The folder `name` in another. False: there is none that can be opened, errno says why. */
bool net_folder_open(struct net_folder *folder, const struct net_folder *in, const char *name);
/* The same, where it may be absent: false then; what else keeps it from being opened ends the
   program. */
bool net_folder_find(struct net_folder *folder, const struct net_folder *in, const char *name);
/* Its entries, a DIR for readdir and closedir; NULL where they may not be read. */
void *net_folder_list(const struct net_folder *folder);
void net_folder_close(struct net_folder *folder); /* one that was never opened too */
bool net_folder_has(const struct net_folder *folder, const char *name);
/* Is its path another's now, or nobody's? */
bool net_folder_moved(const struct net_folder *folder);
/* And those above it; false: it was there. */
bool net_folder_make(const struct net_folder *in, const char *name);
/* The same without an end of the program: false, and errno says why. */
bool net_folder_try(const struct net_folder *in, const char *name, bool *made);

/* The whole file, with a NUL behind it; malloc'd. A file that cannot be read ends the program. */
char *net_file_read(const struct net_folder *folder, const char *name, size_t *length);

/* realpath of a path, malloc'd; NULL with errno where it names nothing. */
char *net_real_path(const char *path);

bool net_is_same_file(const char *a, const char *b); /* under two names, perhaps */

/* A file that replaces another at once, when it is complete and on the disk, or not at all. */
struct net_file {
    struct net_atomic_file whole;
    char *path; /* for messages; malloc'd */
};

void net_file_open(struct net_file *file, const struct net_folder *folder, const char *name);
void net_file_write(struct net_file *file, const void *bytes, size_t count);
void net_file_commit(struct net_file *file); /* sync, rename, sync the folder */
void net_file_replace(const struct net_folder *folder, const char *name,
                      const struct net_text *text); /* all of it in one call */
/* The same of a file that a run can do without; false: errno says why. */
bool net_file_try(const struct net_folder *folder, const char *name, const struct net_text *text);

/* ---- utf8.c: characters as UTF-8, and as JSON's \u escapes ----------------------------------- */

/* One character, and how many bytes it takes; a byte that is not UTF-8 is a Latin-1 character. */
unsigned net_read_utf8(const unsigned char *at, const unsigned char *end, int *length);
char *net_put_utf8(char *to, unsigned code); /* a character; behind it */
bool net_is_utf8(const char *text);

/* The code of \uXXXX at `at`, or -1: half a character where it is 0xD800 to 0xDFFF. */
int net_read_escape(const char *at, const char *end);

/* lower_case.c: the small letter of a capital, by Unicode's simple case mapping. */
unsigned net_lower_case(unsigned code);

/* ---- json.c: a reader ------------------------------------------------------------------------ */

enum net_json_kind {
    NET_JSON_NULL,
    NET_JSON_BOOL,
    NET_JSON_NUMBER,
    NET_JSON_STRING,
    NET_JSON_ARRAY,
    NET_JSON_OBJECT
};

struct net_json {
    enum net_json_kind kind;
    char *key;              /* as a member of an object, else NULL */
    char *text;             /* of a string */
    double number;          /* of a number or bool (0, 1) */
    struct net_json *first; /* of an array or object */
    struct net_json *next;  /* in the array or object that it is in */
    int count;              /* of an array or object */
    struct net_json *
        *slots; /* of an object of many members: by the hash of their keys, `mask` + 1 */
    size_t mask;
};

/* NULL after a mistake; then `error` (of `size` bytes) says what and at which byte. */
struct net_json *net_json_read(const char *text, size_t length, char *error, size_t size);
void net_json_free(struct net_json *json);
const struct net_json *net_json_member(const struct net_json *object, const char *key); /* NULL */
/* The bytes of the number that `text` begins with, by RFC 8259's grammar; 0: it begins with none */
size_t net_json_number_length(const char *text, const char *end);

/* ---- string_table.c: strings by number, from 0 in order of arrival --------------------------- */

struct net_string_table {
    char *text;            /* every word with a NUL behind it */
    size_t used, capacity; /* of text, in bytes */
    size_t *begin;         /* of each word in text */
    long *seen;            /* how often each was added */
    int32_t count, most;   /* words; room for as many */
    struct net_slot {
        uint32_t hash;
        int32_t number; /* -1: empty */
    } * slots;          /* a hash table */
    size_t mask;        /* slots are a power of two, less one */
};

struct net_string_table *net_strings_new(void);
void net_strings_free(struct net_string_table *strings); /* NULL too */

/* The number of a word, which is new or seen once more. */
int32_t net_strings_add(struct net_string_table *strings, const char *at, size_t length);
/* The number of a word, or -1. */
int32_t net_strings_find(const struct net_string_table *strings, const char *at, size_t length);
uint32_t net_hash(const char *at, size_t length);

static inline const char *net_string(const struct net_string_table *strings, int32_t number)
{
    return strings->text + strings->begin[number];
}

/* NULL of NULL. */
struct net_string_table *net_strings_copy(const struct net_string_table *strings);

/* The words by spelling, or the most frequent first and equally frequent ones by spelling. Gives
   the old number of every new one, malloc'd. */
int32_t *net_strings_order(const struct net_string_table *strings, bool frequent_first);

/* ---- tensor.c: tensors in PyTorch's layout --------------------------------------------------- */

/* net_tensor_at and net_tensor_size are in netrt.h. These copy one tensor between PyTorch's layout
   and the model's; `base` is params, or anything laid out like it. */
void net_tensor_get(const struct net_tensor *tensor, const void *base, float *logical);
void net_tensor_set(const struct net_tensor *tensor, void *base, const float *logical);

/* ---- safetensors.c: named tensors in a file -------------------------------------------------- */

/* One tensor to be written: of a model's layout, or plain numbers. */
struct net_entry {
    char *name; /* malloc'd */
    const struct net_tensor *tensor;
    const void *base; /* params, or anything laid out like it */
};

/* A file's whole content in memory. */
struct net_tensors {
    char *path;              /* for messages; malloc'd */
    char *bytes;             /* the file */
    size_t data, data_size;  /* where the numbers begin, how many bytes they are */
    struct net_json *header; /* name -> dtype, shape, data_offsets; and __metadata__ */
};

/* Writes entries behind one another; `metadata` is a JSON object of strings, or NULL. A checksum
   over the file is added to it. */
void net_tensors_write(const struct net_folder *folder, const char *name,
                       const struct net_entry *entries, int count, const struct net_text *metadata);

/* Every fault of the file ends the program; a checksum is verified where there is one. */
void net_tensors_read(struct net_tensors *tensors, const struct net_folder *folder,
                      const char *name);
void net_tensors_free(struct net_tensors *tensors);
const char *net_tensors_metadata(const struct net_tensors *tensors, const char *key); /* NULL */

/* Copies the tensor called `name` into a model's layout; absent or different ends the program. */
void net_tensors_get(const struct net_tensors *tensors, const char *name,
                     const struct net_tensor *tensor, void *base);

/* The first tensor that a checkpoint lacks, has in another shape, or has and the model lacks, in
   words (malloc'd); NULL: none. */
char *net_tensors_difference(const struct net_tensors *tensors, const struct net_model *model);

/* `mark`: of what their run has learnt of its data (data/contract.c). The reader gives it,
   malloc'd; NULL: they say nothing. */
/* As a member of the metadata: the types of the model's layers, in order. */
void net_layers_keep(struct net_text *metadata, const struct net_model *model);
void net_weights_write(const struct net_folder *folder, const char *name,
                       const struct net_model *model, const void *params, const char *mark);
/* Tensors that are `left` (NULL: none) need not be there, and are not read. */
typedef bool net_is_left(const struct net_model *model, const char *tensor);
char *net_weights_read(const struct net_folder *folder, const char *name,
                       const struct net_model *model, net_is_left *left, void *params);

/* ---- threads.c ------------------------------------------------------------------------------- */

enum {
    NET_MAX_THREADS = 64,
    NET_SPINS = 2000, /* of a wait before it goes to the kernel, where each has a core */
};

/* A number that one side advances and others wait for: a bounded spin, then a futex. */
struct net_eventcount {
    atomic_uint value;
    atomic_uint sleepers; /* waiting in the kernel */
};

unsigned net_eventcount_value(struct net_eventcount *count);
/* Until its value is another. */
void net_eventcount_wait(struct net_eventcount *count, unsigned value, int spins);
void net_eventcount_advance(struct net_eventcount *count);

struct net_threads *net_threads_open(int threads); /* the caller is thread 0 */
void net_threads_run(struct net_threads *pool, void (*work)(void *context, int thread),
                     void *context);
/* The next runs are by the first `threads` of the pool's; the others sleep meanwhile. Not from
   inside of a run. */
void net_threads_use(struct net_threads *pool, int threads);
void net_threads_close(struct net_threads *pool);
void net_threads_profile(struct net_threads *pool, struct net_profile *profile); /* NULL: no more */
void net_profile_resume(struct net_profile *profile, int thread); /* it waits no more */
void net_flush_denormals(void);                                   /* in this thread */

/* ---- machine.c: what of the machine this process may use ------------------------------------- */

int net_cores(void);         /* by affinity and the quotas of its control groups, 1 to 64 */
double net_most_bytes(void); /* of memory: the machine's, or what its control groups leave of it */

struct net_limits {
    double cores, bytes; /* INFINITY: there is none */
};

/* Of the groups that `membership` tells, as /proc/self/cgroup does, mounted at `mount`. */
struct net_limits net_group_limits(const char *membership, const char *mount);

/* ---- exit_report.c: a program that ends in its middle ---------------------------------------- */

/* Where the program ends by a fault from now on, the file `name` is written with `text`, which is
   taken over, and in it, at `status`, why: "failed", or "interrupted" at a second Ctrl-C. */
void net_exit_report(const struct net_folder *folder, const char *name, char *text, size_t status);
void net_exit_report_drop(void); /* it goes to its end */
void net_exit_report_write(const char *status);

/* A file that is mapped: one that is cut short there ends the program, and is named. */
void net_map_begins(const void *at, size_t size, const char *path);
void net_map_ends(const void *at);

/* ---- signals.c: Ctrl-C and its kin ----------------------------------------------------------- */

struct net_signals {
    atomic_int stop;  /* SIGINT, SIGTERM or SIGHUP came; 0: none */
    atomic_bool save; /* SIGUSR1 came: save and go on */
};

/* From now on these four signals only set `signals`; a second SIGINT or SIGTERM ends the program.
   Called before any thread is started. */
void net_signals_open(struct net_signals *signals);

/* The same for a program that starts processes of its kind, which a thread would be in the way of:
   a file that can be read when one of them came, and its number, if it asks for the end, or 0;
   another one a moment after the first, which was at `asked` (of net_now(); 0: not yet), ends the
   program. */
int net_signals_file(void);
int net_signals_take(int file, double *asked);

/* ---- job.c: a task in a process of its own --------------------------------------------------- */

struct net_job {
    pid_t process; /* 0: none */
    int task;
    int said;             /* a pipe: its stderr */
    struct net_text text; /* what came so far */
};

bool net_job_begin(struct net_job *job, int task); /* true: this is that process */
/* Reads what it says; true: it has ended, with that status of waitpid's, and is none any more. */
bool net_job_hear(struct net_job *job, int *status);

/* ---- program.c: another program -------------------------------------------------------------- */

/* Its words with a NULL behind them, and its stdin, stdout and stderr; -1: as here. -1, and errno,
   where it cannot be started. */
pid_t net_program_start(const char *program, const char *const *words, const int files[3]);
int net_program_end(pid_t process, bool wait); /* its exit code; -1: it has not ended */

/* ---- profile.c: times of single kernels; net_profile_lap is in netrt.h ----------------------- */

double net_now(void); /* seconds, of a clock that never jumps */

struct net_profile *net_profile_open(int kernels, int threads, long steps);
/* Another use: `look` is called after each kernel of a step on one thread. */
struct net_profile *net_profile_look(void (*look)(void *context, int kernel), void *context);
void net_profile_step(struct net_profile *profile, long step); /* laps to come belong to it */
/* Seconds a step, of those up to the last that began. */
double net_profile_median(const struct net_profile *profile, int kernel);
void net_profile_close(struct net_profile *profile);
double net_median(double *x, long count); /* sorts x */

/* ---- roofline.c: what the machine can do; compiled once for each instruction set ------------- */

double net_roofline_fma(long rounds); /* runs that many; returns the flops done */
void net_roofline_triad(float *restrict a, const float *restrict b, const float *restrict c,
                        long count);

/* ---- normal.c: compiled once for each instruction set ---------------------------------------- */

/* `count` draws of N(0, 1) for the counters (0.., c1, c2, c3), four a counter. */
void net_normals(float *normals, int count, const uint32_t key[2], uint32_t c1, uint32_t c2,
                 uint32_t c3);

#endif
