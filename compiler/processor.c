/*
 * processor.c -- what clang is told of a target's processor, and where what it needs comes from: on
 * another processor than netc's, the headers of a C library and lld; of a trainer its libgcc, zlib
 * and the runtime, compiled for it, too.
 */

#include "driver.h"

#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
#define HERE "aarch64-linux-gnu"
#elif defined(__riscv)
#define HERE "riscv64-linux-gnu"
#else
#define HERE "x86_64-linux-gnu"
#endif

typedef struct Processor {
    const char *target, *triple; /* netc's word for it, and clang's */
    const char *march, *more;    /* flags; or NULL */
    const char *package;         /* of Debian: its C library, */
    const char *name;            /* and what it calls the processor */
    const char *binutils;        /* with the linker of trainers, where it is not lld; or NULL */
} Processor;

/* The levels of x86-64 are its psABI's: what the Makefile compiles libnetrt-ISA.a for. */
static const Processor processors[] = {
    {"avx512bf16", "x86_64-linux-gnu", "-march=x86-64-v4", "-mprefer-vector-width=512",
     "libc6-dev-amd64-cross", "amd64", NULL},
    {"avx512", "x86_64-linux-gnu", "-march=x86-64-v4", "-mprefer-vector-width=512",
     "libc6-dev-amd64-cross", "amd64", NULL},
    {"avx2", "x86_64-linux-gnu", "-march=x86-64-v3", NULL, "libc6-dev-amd64-cross", "amd64", NULL},
    {"generic", "x86_64-linux-gnu", "-march=x86-64", NULL, "libc6-dev-amd64-cross", "amd64", NULL},
    {"neon", "aarch64-linux-gnu", "-march=armv8-a", NULL, "libc6-dev-arm64-cross", "arm64", NULL},
    {"riscv64", "riscv64-linux-gnu", "-march=rv64gc", "-mno-relax", "libc6-dev-riscv64-cross",
     "riscv64", "binutils-riscv64-linux-gnu"}, /* lld 14 does not take its crt1.o */
    {"wasm32", "wasm32-wasi", "-msimd128", "-mbulk-memory", "wasi-libc", "wasm32", NULL},
};

static const Processor *find_processor(const char *target)
{
    int i = 0;

    while (!same(processors[i].target, target))
        i++;
    return &processors[i];
}

/* Whose libnetrt a trainer is linked with: contractions are in the generated C alone. */
const char *runtime_target(const char *target)
{
    return same(target, "avx512bf16") ? "avx512" : target;
}

bool is_here(const char *target)
{
    return same(find_processor(target)->triple, HERE);
}

void check_trainer(const char *target, bool mpi)
{
    if (is_here(target))
        return;
    if (same(target, "wasm32"))
        fail_usage("--target wasm32 is of libraries: give --library too");
    if (mpi)
        fail_usage(format("--mpi is of this machine's processor, not of --target %s", target));
}

void add_processor(Command *command, const char *target)
{
    const Processor *p = find_processor(target);

    if (!is_here(target)) {
        add_word(command, format("--target=%s", p->triple));
        add_words(command, (const char *[]){"-isystem", format("/usr/%s/include", p->triple)}, 2);
    }
    add_word(command, p->march);
    if (p->more)
        add_word(command, p->more);
    if (same(target, "avx512bf16"))
        add_word(command, "-mavx512bf16");
}

void add_linker(Command *command, const char *target)
{
    const Processor *p = find_processor(target);

    if (is_here(target))
        return;
    add_word(command, format("--target=%s", p->triple));
    add_word(command, "-fuse-ld=lld");
    if (same(target, "wasm32"))
        add_words(command,
                  (const char *[]){"-nostdlib", "-Wl,--no-entry", "-Wl,--export-dynamic",
                                   "-Wl,--export=__heap_base", "-Wl,--stack-first",
                                   "-Wl,-z,stack-size=262144", "-L/usr/lib/wasm32-wasi", "-lc"},
                  8);
    else
        add_word(command, format("-L/usr/%s/lib", p->triple));
}

void add_trainer_linker(Command *command, const char *target)
{
    const Processor *p = find_processor(target);
    const char *triple = p->triple;

    if (is_here(target))
        return;
    add_linker(command, target);
    if (p->binutils)
        add_word(command, format("--ld-path=%s-ld", triple));
    add_word(command, format("-B/usr/%s/lib", triple)); /* crt1.o */
    add_word(command, format("-L/usr/lib/%s", triple));
}

/* Does clang compile a header of the C library, and, if `links`, make something of it? */
static bool succeeds(const Clang *clang, const char *target, const char *output, bool links)
{
    Command command = {0};

    add_word(&command, clang->program);
    add_processor(&command, target);
    if (links)
        add_linker(&command, target);
    add_words(&command,
              (const char *[]){"-nostdlib", "-include", "string.h", "-x", "c", "/dev/null", "-o",
                               output, !links ? "-c" : "-Wl,--gc-sections"},
              9);
    if (links && !same(target, "wasm32"))
        add_words(&command, (const char *[]){"-shared", "-x", "none", "-lc"}, 4);
    return run(complete(&command, clang->verbose), true) == 0;
}

bool can_compile(const Clang *clang, const char *target, const char *work)
{
    const char *probe = format("%s/probe", work), *package = find_processor(target)->package;

    if (is_here(target) || succeeds(clang, target, probe, true))
        return true;
    if (was_ended())
        return false;
    if (succeeds(clang, target, probe, false))
        package = "lld";
    fprintf(stderr,
            "netc: error: --target %s: %s finds no %s; install the package %s "
            "(apt-get install %s), or --cc names a clang that has it\n",
            target, clang->program,
            same(package, "lld") ? "lld to link with" : "C library of that processor", package,
            package);
    return false;
}

/* Does it link a program of nothing with `libraries`? */
static bool has_libraries(const Clang *clang, const char *target, const char *output,
                          const char *const *libraries, int count)
{
    Command command = {0};

    add_word(&command, clang->program);
    add_processor(&command, target);
    add_trainer_linker(&command, target);
    add_words(&command,
              (const char *[]){"-static", "-Wl,--defsym=main=0", "-include", "string.h", "-x", "c",
                               "/dev/null", "-o", output, "-x", "none"},
              11);
    add_words(&command, libraries, count);
    return run(complete(&command, clang->verbose), true) == 0;
}

/* What a trainer of another processor wants, and the packages that have it. */
bool can_link(const Clang *clang, const char *target, const char *work)
{
    static const char *const libraries[] = {"-lz", "-lpng16", "-ljpeg"};
    const Processor *p = find_processor(target);
    const char *probe = format("%s/probe", work), *name = p->name, *missing = NULL;

    if (is_here(target))
        return true;
    if (!can_compile(clang, target, work))
        return false;
    if (access(format("%s/libnetrt-%s.a", clang->libraries, runtime_target(target)), R_OK) != 0) {
        fprintf(stderr,
                "netc: error: %s/libnetrt-%s.a, the runtime of a trainer of --target %s, is "
                "missing; `make TARGETS=%s` builds it, in netc's sources\n",
                clang->libraries, target, target, target);
        return false;
    }
    if (!has_libraries(clang, target, probe, libraries, 0))
        missing = format("libgcc-12-dev-%s-cross%s%s", name, p->binutils ? " " : "",
                         p->binutils ? p->binutils : "");
    else if (!has_libraries(clang, target, probe, libraries, 1))
        missing = format("zlib1g-dev:%s", name);
    else if (clang->pictures && !has_libraries(clang, target, probe, libraries, 3))
        missing = format("libpng-dev:%s libjpeg62-turbo-dev:%s", name, name);
    if (missing && !was_ended())
        fprintf(stderr,
                "netc: error: a trainer of --target %s%s is linked with %s; after "
                "`dpkg --add-architecture %s` and `apt-get update` it is `apt-get install %s`\n",
                target, strstr(missing, "png") ? " that reads pictures" : "", missing, name,
                missing);
    return !missing;
}
