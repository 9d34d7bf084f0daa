/*
 * main.c -- the compiler: the command line, and the stages as flat calls (compile).
 *
 * Exit: 0; 1 a fault in the model, or a file that cannot be written; 2 wrong usage; 3 clang failed on
 * generated code.
 */

#define _XOPEN_SOURCE 700      /* realpath */

#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_FAULT = 1, EXIT_USAGE = 2, EXIT_CLANG = 3 };

typedef struct Options {
    const char *input;          /* model.net */
    const char *output;         /* -o, or NULL */
    const char *target;         /* native, avx512, avx2, generic */
    const char *cc;             /* --cc, or NULL */
    const char *dump;           /* ast, graph, grad, fused, plan, or NULL */
    Define *defines;
    int define_count;
    int batch;                  /* 0: as the model says */
    bool emit_c, summary, graph, check, keep, verbose;
} Options;

static const char usage[] =
    "usage: netc model.net [-o trainer]    compile to one standalone trainer\n"
    "\n"
    "  -o FILE              the output (default: the model's name, in the current folder)\n"
    "  --emit-c             stop at the generated C (to stdout without -o)\n"
    "  --summary            print layers, connections, shapes, parameters, FLOPs, memory\n"
    "  --graph              print the graph after fusion, for Graphviz\n"
    "  --check              diagnose only\n"
    "  --define NAME=VALUE  override a `let`\n"
    "  --target ISA         native (default), avx512, avx2, generic\n"
    "  --batch N            compile for batches of up to N rows\n"
    "  --dump=STAGE         print ast, graph, grad, fused or plan, and stop\n"
    "  --cc PROGRAM         the clang to use (default: clang, clang-14 to clang-19)\n"
    "  --keep               keep the generated C beside the trainer, as FILE.c\n"
    "  -v                   print the clang command and the time of netc and of clang\n"
    "  --version, --help\n";

/* ---- the command line ------------------------------------------------------------------------ */

static const char *const stages[] = {"ast", "graph", "grad", "fused", "plan"};
static const char *const targets[] = {"native", "avx512", "avx2", "generic"};

_Noreturn static void fail_usage(const char *message)
{
    fprintf(stderr, "netc: error: %s\n", message);
    fprintf(stderr, "netc --help lists the options\n");
    exit(EXIT_USAGE);
}

/* What was printed has arrived. */
static int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "netc: error: cannot write: %s\n", strerror(errno));
    return EXIT_FAULT;
}

static void require_one_of(const char *option, const char *word, const char *const *words,
                           int count)
{
    const char *near = nearest(word, words, count);
    Text all = {0};

    for (int i = 0; i < count; i++) {
        if (same(word, words[i]))
            return;
        text_add(&all, "%s%s", i ? ", " : "", words[i]);
    }
    fail_usage(near ? format("%s: there is no `%s`; did you mean `%s`?", option, word, near)
                    : format("%s: there is no `%s`; there are %s", option, word, all.at));
}

static int parse_batch(const char *text)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    if (end == text || *end || errno || n < 1 || n > BATCH_MAX)
        fail_usage(format("--batch: `%s` is not a number of rows from 1 to %d", text, BATCH_MAX));
    return (int)n;
}

static void add_define(Options *o, const char *text)
{
    const char *equals = strchr(text, '=');

    if (!equals || equals == text || !equals[1])
        fail_usage(format("--define wants NAME=VALUE, not `%s`", text));
    const Define define = {copy_text(text, (size_t)(equals - text)), equals + 1};

    for (int i = 0; i < o->define_count; i++)
        if (same(o->defines[i].name, define.name))
            fail_usage(format("--define: `%s` is given twice", define.name));
    APPEND(o->defines, o->define_count, define);
}

/* Takes the value of option `name` at argv[*i]: after `=`, or the next word. */
static const char *value_of(char **argv, int *i, const char *name)
{
    const size_t length = strlen(name);

    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    if (!argv[*i + 1])
        fail_usage(format("%s wants a value", name));
    return argv[++*i];
}

static bool is_option(const char *word, const char *name)
{
    const size_t length = strlen(name);

    return strncmp(word, name, length) == 0 && (word[length] == '\0' || word[length] == '=');
}

static void set_flag(Options *o, const char *word)
{
    static const char *const names[] = {
        "--emit-c", "--summary", "--graph",  "--check", "--keep", "-v",        "--define",
        "--target", "--batch",   "--dump",   "--cc",    "-o",     "--version", "--help"};
    const char *near = nearest(word, names, COUNT(names));

    if (same(word, "--emit-c"))
        o->emit_c = true;
    else if (same(word, "--summary"))
        o->summary = true;
    else if (same(word, "--graph"))
        o->graph = true;
    else if (same(word, "--check"))
        o->check = true;
    else if (same(word, "--keep"))
        o->keep = true;
    else if (same(word, "-v"))
        o->verbose = true;
    else
        fail_usage(near ? format("there is no option `%s`; did you mean `%s`?", word, near)
                        : format("there is no option `%s`", word));
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat one, other;

    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static Options parse_options(int argc, char **argv)
{
    Options o = {.target = "native"};

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (same(word, "--help") || same(word, "-h")) {
            fputs(usage, stdout);
            exit(flush());
        } else if (same(word, "--version")) {
            puts("netc " NETC_VERSION);
            exit(flush());
        } else if (is_option(word, "-o")) {
            o.output = value_of(argv, &i, "-o");
        } else if (is_option(word, "--target")) {
            o.target = value_of(argv, &i, "--target");
        } else if (is_option(word, "--batch")) {
            o.batch = parse_batch(value_of(argv, &i, "--batch"));
        } else if (is_option(word, "--dump")) {
            o.dump = value_of(argv, &i, "--dump");
        } else if (is_option(word, "--cc")) {
            o.cc = value_of(argv, &i, "--cc");
        } else if (is_option(word, "--define")) {
            add_define(&o, value_of(argv, &i, "--define"));
        } else if (word[0] == '-' && word[1]) {
            set_flag(&o, word);
        } else if (o.input) {
            fail_usage(format("one model at a time: `%s` and `%s`", o.input, word));
        } else {
            o.input = word;
        }
    }
    if (!o.input) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    require_one_of("--target", o.target, targets, COUNT(targets));
    if (o.dump)
        require_one_of("--dump", o.dump, stages, COUNT(stages));
    if (o.emit_c + o.summary + o.graph + o.check + (o.dump != NULL) > 1)
        fail_usage("only one of --emit-c, --summary, --graph, --check and --dump at a time");
    if (o.output && (o.summary || o.check || o.dump))
        fail_usage("-o goes with a trainer, --emit-c or --graph; the rest is printed");
    if (o.output && !*o.output)
        fail_usage("-o wants the name of a file");
    if (o.output && is_same_file(o.output, o.input))
        fail_usage("-o names the model itself, which would be lost");
    return o;
}

/* ---- output ---------------------------------------------------------------------------------- */

/* Writes a whole file or none: beside its place first, then renamed. A link stays one. */
static int write_output(const char *path, const Text *text)
{
    const char *real = realpath(path, NULL);
    const char *place = real ? real : path, *part = format("%s.%ld.part", place, (long)getpid());
    struct stat there;

    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        fprintf(stderr, "netc: error: cannot write %s: it is not a file\n", path);
        return EXIT_USAGE;
    }

    FILE *file = fopen(part, "w");
    bool ok = file && fwrite(text->at, 1, text->length, file) == text->length;

    if (file)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(part, place) == 0;
    if (ok)
        return 0;
    fprintf(stderr, "netc: error: cannot write %s: %s\n", path, strerror(errno));
    if (file)
        unlink(part);
    return EXIT_FAULT;
}

/* What goes to stdout, or to the file of -o. */
static int give(const Options *o, const Text *text)
{
    if (o->output)
        return write_output(o->output, text);
    fwrite(text->at, 1, text->length, stdout);
    return flush();
}

/* The target's name, `native` resolved; NULL after an error. A clang is found where one is
   needed. */
static const char *choose_target(const Options *o, Clang *clang)
{
    const bool is_native = same(o->target, "native");
    const bool builds = !o->emit_c && !o->summary && !o->graph && !o->dump;

    if ((is_native || builds) && !find_clang(clang, o->cc))
        return NULL;
    return is_native ? native_target(clang) : o->target;
}

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* `path` is about to be written. */
static void keep_model(const Options *o, const char *path, const char *what)
{
    if (is_same_file(path, o->input))
        fail_usage(format("%s would be written over the model, %s; give -o another name", what,
                          path));
}

/* The generated C goes to FILE.c, which goes away again unless --keep, after a signal too. */
static int build(const Options *o, const Clang *clang, const char *target, const Text *code,
                 const char *name, double began)
{
    const char *real = realpath(name, NULL), *trainer = real ? real : name;     /* behind a link */
    const char *path = format("%s.c", trainer);
    double emitted, built;
    struct stat there;
    Built status;

    if (stat(trainer, &there) == 0 && S_ISDIR(there.st_mode))
        fail_usage(format("%s is a folder; name the trainer with -o", trainer));
    if (stat(trainer, &there) == 0 && !S_ISREG(there.st_mode))
        fail_usage(format("%s is not a file; name the trainer with -o", trainer));
    if (!o->keep)
        path = format("%s.%ld.c", trainer, (long)getpid());
    keep_model(o, trainer, "the trainer");
    keep_model(o, path, "the generated C");
    hold_signals();
    if (write_output(path, code) != 0)
        return EXIT_FAULT;
    emitted = milliseconds();
    status = build_trainer(clang, target, path, trainer);
    built = milliseconds();
    if (!o->keep)
        unlink(path);
    release_signals();
    if (status == BUILT && o->verbose)
        fprintf(stderr, "netc %.0f ms, clang %.0f ms\n", emitted - began, built - emitted);
    return status == BUILT ? 0 : status == BUILT_NO_FILE ? EXIT_FAULT : EXIT_CLANG;
}

/* ---- the stages ------------------------------------------------------------------------------ */

static int compile(const Options *o)
{
    const double began = milliseconds();
    Source *source = read_source(o->input);
    Ast *ast = source ? parse(source) : NULL;

    if (!ast || source->errors)
        return EXIT_FAULT;
    if (same(o->dump, "ast"))
        return print_ast(stdout, ast), 0;

    Model *model = analyze(source, ast, o->defines, o->define_count);

    if (!model || source->errors)
        return EXIT_FAULT;
    model->capacity = o->batch ? o->batch : model->batch;
    if (model->batch > model->capacity)
        model->batch = model->capacity;

    Graph *train = lower(model, MODE_TRAIN);
    Graph *evaluate = train ? lower(model, MODE_EVALUATE) : NULL;

    if (!evaluate || source->errors)
        return EXIT_FAULT;
    verify(train), verify(evaluate);
    if (o->check)
        return 0;
    if (same(o->dump, "graph"))
        return print_graph(stdout, train), print_graph(stdout, evaluate), 0;

    int layer_count;
    LayerRow *layers = summarize(model, evaluate, &layer_count);

    autodiff(train), verify(train);
    simplify(train), verify(train);
    simplify(evaluate), verify(evaluate);
    if (same(o->dump, "grad"))
        return print_graph(stdout, train), print_graph(stdout, evaluate), 0;

    Clang clang = {.verbose = o->verbose};
    const char *name = choose_target(o, &clang);

    if (!name)
        return EXIT_USAGE;

    const Target *target = find_target(name);

    lay_out(train, evaluate, target), verify(train), verify(evaluate);

    Program *step = fuse(train, target), *forward = fuse(evaluate, target);

    if (same(o->dump, "fused"))
        return print_kernels(stdout, step), print_kernels(stdout, forward), 0;
    plan(step), verify_plan(step);
    plan(forward), verify_plan(forward);
    if (same(o->dump, "plan"))
        return print_plan(stdout, step), print_plan(stdout, forward), 0;

    Text text = {0};

    if (o->summary) {
        const size_t arena = step->arena > forward->arena ? step->arena : forward->arena;

        return print_summary(stdout, model, layers, layer_count, arena), 0;
    }
    if (o->graph)
        return draw_graph(&text, step), give(o, &text);
    emit(&text, model, step, forward, layers, layer_count);
    if (o->emit_c)
        return give(o, &text);
    return build(o, &clang, name, &text, o->output ? o->output : source->name, began);
}

int main(int argc, char **argv)
{
    if (argc > 1 && same(argv[1], "fmt"))
        fail_usage("netc fmt is not there yet");

    signal(SIGXFSZ, SIG_IGN);       /* a file over the limit is a write that fails, as others do */

    const Options o = parse_options(argc, argv);
    const int status = compile(&o);

    return status ? status : flush();
}
