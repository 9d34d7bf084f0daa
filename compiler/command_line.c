/*
 * command_line.c -- what netc was asked for; wrong usage ends it with exit code 2.
 */

#include "driver.h"
#include "semantics/semantics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: netc model.net [-o trainer]    compile to one standalone trainer\n"
    "       netc model.net --library -o DIR\n"
    "       netc fmt model.net ...         lay models out anew; --help tells more\n"
    "\n"
    "  -o FILE              the output (default: the model's name, in the current folder)\n"
    "  --library            a C library of the prediction in the folder of -o, for programs\n"
    "  --mpi                a trainer that mpirun starts as several processes of one run\n"
    "  --weights RUN        of a library: those of a run's folder or a .safetensors file inside\n"
    "  --emit-c             stop at the generated C (to stdout without -o)\n"
    "  --summary            print layers, connections, shapes, parameters, FLOPs, memory\n"
    "  --graph              print the graph after fusion, for Graphviz\n"
    "  --check              diagnose only; with --json for editors, as one JSON object\n"
    "  --define NAME=VALUE  override a `let`\n"
    "  --target ISA         native (default), avx512bf16, avx512, avx2, generic, neon, riscv64; of "
    "a\n"
    "                       library wasm32 too\n"
    "  --batch N            compile for batches of up to N rows\n"
    "  --precision NAME     float32 or bfloat16: what operands of contractions are rounded to\n"
    "  --dump=STAGE         print ast, graph, onnx, grad, fused or plan, and stop\n"
    "  --cc PROGRAM         the clang to use (default: clang, clang-14 to clang-19)\n"
    "  --keep               keep the generated C beside the trainer, as FILE.c\n"
    "  -v                   print the clang command and the time of netc and of clang\n"
    "  --language           print every name of the language, with its arguments\n"
    "  --version, --help\n";

static const char *const stages[] = {"ast", "graph", "onnx", "grad", "fused", "plan"};
static const char *const targets[] = {"native",  "avx512bf16", "avx512",  "avx2",
                                      "generic", "neon",       "riscv64", "wasm32"};

void fail_usage(const char *message)
{
    fprintf(stderr, "netc: error: %s\n", message);
    fprintf(stderr, "netc --help lists the options\n");
    exit(EXIT_USAGE);
}

static void require_one_of(const char *option, const char *word, const char *const *words,
                           int count)
{
    const char *near = net_nearest(word, words, count);
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
    if (end == text || *end || errno || n < 1 || n > MAX_BATCH)
        fail_usage(format("--batch: `%s` is not a number of rows from 1 to %d", text, MAX_BATCH));
    return (int)n;
}

static int parse_precision(const char *text)
{
    int i = 0;

    require_one_of("--precision", text, precision_names, PRECISIONS);
    while (!same(text, precision_names[i]))
        i++;
    return i;
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
        "--emit-c", "--summary", "--graph",   "--check",   "--keep", "-v",         "--define",
        "--target", "--batch",   "--dump",    "--cc",      "-o",     "--language", "--version",
        "--help",   "--json",    "--library", "--weights", "--mpi",  "--precision"};
    const char *near = net_nearest(word, names, COUNT(names));

    if (same(word, "--library"))
        o->library = true;
    else if (same(word, "--mpi"))
        o->mpi = true;
    else if (same(word, "--emit-c"))
        o->emit_c = true;
    else if (same(word, "--summary"))
        o->summary = true;
    else if (same(word, "--graph"))
        o->graph = true;
    else if (same(word, "--check"))
        o->check = true;
    else if (same(word, "--json"))
        o->json = true;
    else if (same(word, "--keep"))
        o->keep = true;
    else if (same(word, "-v"))
        o->verbose = true;
    else
        fail_usage(near ? format("there is no option `%s`; did you mean `%s`?", word, near)
                        : format("there is no option `%s`", word));
}

/* The model, once. */
static void set_input(Options *o, const char *word)
{
    if (o->input)
        fail_usage(format("one model at a time: `%s` and `%s`", o->input, word));
    o->input = file_name(word);
}

/* Which options go with which. */
static void check_together(const Options *o)
{
    if (o->library + o->emit_c + o->summary + o->graph + o->check + (o->dump != NULL) > 1)
        fail_usage("only one of --library, --emit-c, --summary, --graph, --check and --dump at a "
                   "time");
    if (o->library && o->mpi)
        fail_usage("--mpi goes with a trainer; a library does not train");
    if (o->library && !o->output)
        fail_usage("--library wants a folder for its files: -o DIR");
    if (o->library && o->precision == BFLOAT16)
        fail_usage("--precision goes with a trainer; a library computes in float32");
    if (o->weights && !o->library)
        fail_usage("--weights goes with --library; a trainer takes them when it runs");
    if (o->library && o->keep)
        fail_usage("--keep goes with a trainer; a library has its C beside it");
    if (o->json && !o->check)
        fail_usage("--json goes with --check");
    if (o->output && (o->summary || o->check || o->dump))
        fail_usage("-o goes with a trainer, --emit-c or --graph; the rest is printed");
    if (o->output && !*o->output)
        fail_usage("-o wants the name of a file");
    if (o->output && is_same_file(o->output, o->input))
        fail_usage("-o names the model itself, which would be lost");
}

Options parse_options(int argc, char **argv)
{
    Options o = {.target = "native", .precision = -1};
    bool ended = false; /* by "--": what follows are no options */

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (ended || word[0] != '-' || !word[1]) {
            set_input(&o, word);
        } else if (same(word, "--")) {
            ended = true;
        } else if (same(word, "--help") || same(word, "-h")) {
            fputs(usage, stdout);
            exit(flush());
        } else if (same(word, "--language")) {
            print_language(stdout);
            exit(flush());
        } else if (same(word, "--version")) {
            puts("netc " NETC_VERSION);
            exit(flush());
        } else if (is_option(word, "-o")) {
            o.output = file_name(value_of(argv, &i, "-o"));
        } else if (is_option(word, "--target")) {
            o.target = value_of(argv, &i, "--target");
        } else if (is_option(word, "--weights")) {
            o.weights = value_of(argv, &i, "--weights");
        } else if (is_option(word, "--batch")) {
            o.batch = parse_batch(value_of(argv, &i, "--batch"));
        } else if (is_option(word, "--precision")) {
            o.precision = parse_precision(value_of(argv, &i, "--precision"));
        } else if (is_option(word, "--dump")) {
            o.dump = value_of(argv, &i, "--dump");
        } else if (is_option(word, "--cc")) {
            o.cc = value_of(argv, &i, "--cc");
        } else if (is_option(word, "--define")) {
            add_define(&o, value_of(argv, &i, "--define"));
        } else {
            set_flag(&o, word);
        }
    }
    if (!o.input) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    require_one_of("--target", o.target, targets, COUNT(targets));
    if (o.dump)
        require_one_of("--dump", o.dump, stages, COUNT(stages));
    check_together(&o);
    return o;
}
