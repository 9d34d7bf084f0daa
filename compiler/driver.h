/*
 * driver.h -- what surrounds the pipeline: the command line, output files, clang.
 */

#ifndef DRIVER_H
#define DRIVER_H

#include "base/base.h"

#include <sys/types.h>

/* ---- command_line.c -------------------------------------------------------------------------- */

enum { EXIT_FAULT = 1, EXIT_USAGE = 2, EXIT_CLANG = 3 };

typedef struct Options {
    const char *input;   /* model.net */
    const char *output;  /* -o, or NULL; of a library a folder */
    const char *target;  /* native, or a target's name */
    const char *cc;      /* --cc, or NULL */
    const char *weights; /* of a library: a run's folder or a file, or NULL */
    const char *dump;    /* ast, graph, grad, fused, plan, or NULL */
    Define *defines;
    int define_count;
    int batch;     /* 0: as the model says */
    int precision; /* a Precision; -1: as the model says */
    bool library, mpi, emit_c, summary, graph, check, json, keep, verbose;
} Options;

Options parse_options(int argc, char **argv);
_Noreturn void fail_usage(const char *message); /* exit code 2 */

/* ---- fmt.c: `netc fmt`, with what stands behind that ----------------------------------------- */

int format_files(int argc, char **argv);

/* ---- files.c --------------------------------------------------------------------------------- */

int flush(void); /* what was printed has arrived: an exit code */
const char *
file_name(const char *word); /* "./-x" of "-x", so that no program takes it for an option */
bool is_same_file(const char *a, const char *b);
double milliseconds(void);                            /* of a clock that only goes on */
int write_output(const char *path, const Text *text); /* a whole file or none: an exit code */
int write_out(const Options *o, const Text *text);    /* to stdout, or the file of -o */

/* ---- output.c -------------------------------------------------------------------------------- */

typedef struct Clang Clang;
typedef struct Code Code;

/* Compiles `code` to a trainer, which holds the text of `source` too. With --keep the generated C
   stays as TRAINER.c, after a signal nothing. `began`: milliseconds() when netc began, for -v. */
int build_output(const Options *o, const Clang *clang, const char *target, Code *code,
                 const Source *source, double began);

/* ---- build_library.c ------------------------------------------------------------------------- */

typedef struct Library Library;

/* Writes the files of a C library to the folder of -o, all or none: an exit code. */
int build_library(const Options *o, const Clang *clang, const Library *library);

/* ---- programs.c: other programs -------------------------------------------------------------- */

typedef struct Command {
    const char **words;
    int count;
} Command;

void add_word(Command *command, const char *word);
void add_words(Command *command, const char *const *words, int count);
/* The arguments, NULL-terminated; `verbose` prints them. */
const char *const *complete(Command *command, bool verbose);

/* Runs a program, or several side by side, to the end: 0 if all succeeded, FAILED, or the signal
   that ended one. `quiet`: what they say of errors is dropped. */
enum { FAILED = -1 };
int run(const char *const *arguments, bool quiet);
int run_all(const char *const *const *commands, int count, bool quiet);

/* Between the two Ctrl-C, SIGTERM and SIGHUP end the programs that run, but netc only after it has
   cleared up: at the second. */
void hold_signals(void);
void release_signals(void);
bool was_ended(void); /* a signal came that is held */

/* ---- work_folder.c --------------------------------------------------------------------------- */

/* A folder beside `place` for files in the making. It goes away with netc at the latest, one that
   is killed too. */
typedef struct WorkFolder {
    const char *path;
    int lock;
    int end;      /* of the keeper's pipe */
    pid_t keeper; /* the process that removes it */
} WorkFolder;

bool open_work_folder(WorkFolder *folder, const char *place); /* false: errno says why */
void close_work_folder(WorkFolder *folder);

/* ---- precompiled.c: headers that clang parsed before ----------------------------------------- */

/* The file in the user's cache of what generated code includes, of the folder `headers`, as
   `compiler`, clang and its flags, parsed it: made where it is missing or older than one of them;
   NULL if there can be none. */
const char *precompile_headers(const Command *compiler, const char *headers, const char *name,
                               bool verbose);

/* ---- processor.c: what clang is told of a target --------------------------------------------- */

const char *runtime_target(const char *target);   /* whose libnetrt a trainer has */
bool is_here(const char *target);                 /* of the processor that netc runs on */
void check_trainer(const char *target, bool mpi); /* exit code 2: it can be none of the target */
void add_processor(Command *command, const char *target);      /* to compile for it, */
void add_linker(Command *command, const char *target);         /* and to link */
void add_trainer_linker(Command *command, const char *target); /* a whole program */
/* Has clang headers, a C library and a linker for it? False: it was told what is missing. */
bool can_compile(const Clang *clang, const char *target, const char *work);
bool can_link(const Clang *clang, const char *target, const char *work); /* and a trainer's */

/* ---- clang.c: clang behind netc -------------------------------------------------------------- */

struct Clang {
    const char *program;             /* as found on PATH, or --cc */
    bool asked;                      /* it is --cc */
    const char *wrapper;             /* of MPI around it, or NULL */
    const char *shared;              /* the folder of a library's files; NULL: a trainer's */
    bool pictures;                   /* of files: a trainer has libpng and libjpeg */
    int images;                      /* of a batch block; 0: 16 */
    const char *headers, *libraries; /* the folders of netrt.h and libnetrt.a */
    bool verbose;                    /* print the commands */
};

bool find_clang(Clang *clang, const char *cc); /* prints its own error */
bool find_mpi(Clang *clang);                   /* the same of mpicc, behind it */

typedef enum Built {
    BUILT,
    BUILT_NO_FILE, /* a file cannot be written */
    BUILT_FAULT,   /* clang refuses the code, or a signal came */
} Built;

/* Compiles `count` units of generated C, side by side, to the trainer `output`, which appears whole
   or not at all. What is in the making is in the folder `work`. */
Built build_trainer(const Clang *clang, const char *target, const char *const *files, int count,
                    const char *output, const char *work);

/* libNAME.a and libNAME.so, or NAME.o and NAME.wasm, of NAME.c, all in the folder `work`: 0, or
   clang or ar has failed, which was told. images: of a batch block. */
int compile_library(const Clang *clang, const char *target, const char *work, const char *name,
                    int images);

#endif
