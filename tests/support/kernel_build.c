/*
 * kernel_build.c -- from a model's text to its functions in this process: the compiler as a
 * library, clang in a process of its own, dlopen.
 *
 * The generated C refers to the runtime: here to a few lines that let the test stand in for it.
 */

#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "support/kernel_test.h"

#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onnx/onnx.h"
#include "support/graph_test.h"

bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer);
#else
    return false;
#endif
}

const char *const all_targets[ALL_TARGETS] = {"avx512", "avx2", "generic"};

int find_targets(const char *targets[MAX_TARGETS])
{
    int count = 0;

    for (int i = 0; i < ALL_TARGETS; i++) /* each runs what those after it do */
        if (count || same(all_targets[i], native_target(FLOAT32)))
            targets[count++] = all_targets[i];
    return is_sanitized() ? 1 : count;
}

int find_bfloat16_targets(const char *targets[MAX_TARGETS])
{
    const char *best = native_target(BFLOAT16);
    const bool has = same(best, "avx512bf16");

    if (has)
        targets[0] = best;
    return has + find_targets(targets + has);
}

Compiled plan_model(const char *text, const char *target)
{
    Compiled c = {.target = target, .model = model_of(text)};
    Graph *train, *evaluate;

    c.model->max_batch = c.model->batch;
    train = lower(c.model, MODE_TRAIN);
    evaluate = lower(c.model, MODE_EVALUATE);
    ck_assert_msg(train && evaluate, "the model is wrong:\n%s", text);
    autodiff(train), verify(train);
    simplify(train), verify(train);
    simplify(evaluate), verify(evaluate);
    describe_onnx(evaluate);
    ck_assert_msg(!evaluate->onnx->refused, "onnx/rules.c has no %s", evaluate->onnx->refused);
    select_algorithms(train, evaluate, find_target(target)), verify(train), verify(evaluate);
    lay_out(train, evaluate, find_target(target)), verify(train), verify(evaluate);
    verify_layout(train, evaluate);
    c.train = fuse(train, find_target(target));
    c.evaluate = fuse(evaluate, find_target(target));
    plan(c.train), verify_plan(c.train);
    plan(c.evaluate), verify_plan(c.evaluate);
    return c;
}

Compiled plan_body(const char *body, const char *target)
{
    return plan_model(format("data {\n"
                             "    train = npy(x=\"x.npy\", y=\"y.npy\", t=\"t.npy\")\n"
                             "    input x[7] = x\n"
                             "    input y[3, 6, 6] = y\n"
                             "    target t[9] = t\n"
                             "}\n"
                             "network net(x, y) {\n%s}\n"
                             "train {\n"
                             "    loss = mse(net(x, y), t)\n"
                             "    optimizer = sgd(lr=0.1)\n"
                             "    batch = 16\n"
                             "}\n",
                             body),
                      target);
}

Compiled plan_sparse_body(const char *body, const char *target)
{
    return plan_model(format("data {\n"
                             "    train = csv(\"texts.csv\")\n"
                             "    input words[30] = column(\"text\") -> "
                             "bag_of_words(vocabulary=30)\n"
                             "    target label = column(\"label\") -> classes(3)\n"
                             "}\n"
                             "network net(words) {\n%s}\n"
                             "train {\n"
                             "    loss = cross_entropy(net(words), label)\n"
                             "    optimizer = sgd(lr=0.1)\n"
                             "    batch = 16\n"
                             "}\n",
                             body),
                      target);
}

/* What a model links against, with the test behind it; readers and transforms are never called. */
static const char hooks[] =
    "\nstruct net_reader { char none; };\n"
    "struct net_transform { char none; };\n"
    "void (*test_wait)(struct net_threads *, int);\n"
    "void (*test_lap)(struct net_profile *, int, int);\n"
    "void net_threads_wait(struct net_threads *pool, int thread) { test_wait(pool, thread); }\n"
    "void net_profile_lap(struct net_profile *profile, int kernel, int thread)\n"
    "{\n    test_lap(profile, kernel, thread);\n}\n"
    "int net_main(int argc, char **argv, const struct net_model *model)\n"
    "{\n    return argc + (argv && model);\n}\n"
    "double net_sinusoid(const struct net_tensor *tensor, long i)\n"
    "{\n    return (double)i + tensor->shape[0];\n}\n"
    "void net_open_shards(struct net_session *session) { (void)session; }\n"
    "void net_sum_shards(struct net_session *session, const void *batch, int n)\n"
    "{\n    (void)session, (void)batch, (void)n;\n}\n"
    "void net_meet(const struct net_step *step, int place, void *params, struct net_run *runs,\n"
    "              int count, const struct net_cut *cut)\n"
    "{\n    (void)step, (void)place, (void)params, (void)runs, (void)count, (void)cut;\n}\n"
    "const struct net_reader net_reader_npy = { 0 };\n"
    "const struct net_reader net_reader_csv = { 0 };\n"
    "const struct net_transform net_transform_scale = { 0 };\n"
    "const struct net_transform net_transform_classes = { 0 };\n"
    "const struct net_transform net_transform_tokens = { 0 };\n"
    "const struct net_transform net_transform_bag_of_words = { 0 };\n";

static void check_columns(const char *code)
{
    for (int number = 1; *code; number++) {
        const int length = (int)strcspn(code, "\n");

        if (length > 100)
            ck_abort_msg("generated line %d has %d columns:\n%.*s", number, length, length, code);
        code += length + (code[length] == '\n');
    }
}

/* As compiler/clang.c does, with every warning. Targets that the machine has besides its own are
   not optimised: that takes a quarter less. */
static const char *const *clang_command(const Clang *clang, const Compiled *c)
{
    const bool pairs = same(c->target, "avx512bf16"), wide = pairs || same(c->target, "avx512");
    const char *march = wide                      ? "-march=x86-64-v4"
                        : same(c->target, "avx2") ? "-march=x86-64-v3"
                                                  : "-march=x86-64";
    const char *headers = format("-I%s", clang->headers);
    const char *const words[] = {clang->program,
                                 "-std=c11",
                                 pairs || same(c->target, native_target(FLOAT32)) ? "-O1" : "-O0",
                                 "-fno-unroll-loops",
                                 "-mllvm",
                                 "-enable-module-inliner",
                                 "-ffp-contract=off",
                                 "-fno-math-errno",
                                 march,
                                 wide ? "-mprefer-vector-width=512" : march,
                                 pairs ? "-mavx512bf16" : march,
                                 "-Wall",
                                 "-Wextra",
                                 "-Wpedantic",
                                 "-Wconversion",
                                 "-Wno-sign-conversion",
                                 "-Werror",
                                 headers,
                                 "-fPIC"};
    const char *const rest[] = {"-shared", "-Wl,-Bsymbolic", "-o", c->library, c->code};
    Command command = {0};

    add_words(&command, words, COUNT(words));
    if (c->train->graph->images < 16)
        add_word(&command, format("-DNET_IMAGES=%d", c->train->graph->images));

    const char *precompiled = precompile_headers(&command, clang->headers, c->target, false);

    if (precompiled)
        add_words(&command, (const char *[]){"-include-pch", precompiled}, 2);
    add_words(&command, rest, COUNT(rest));
    return complete(&command, false);
}

const char *generate(const Compiled *c)
{
    Text text = {0};
    int layer_count;
    LayerRow *layers = summarize(c->model, lower(c->model, MODE_EVALUATE), &layer_count);
    const Code code = emit(c->model, c->train, c->evaluate, layers, layer_count);

    write_unit(&text, &code, 0);
    check_columns(text.at);
    return text.at;
}

void start_clang(Compiled *c)
{
    Clang clang = {0};
    const char *text = generate(c);
    const char *folder = getenv("TMPDIR");
    FILE *file;

    ck_assert(find_clang(&clang, NULL));
    c->code = format("%s/netc-test-%ld-%p-%s.c", folder ? folder : "/tmp", (long)getpid(),
                     (void *)c->model, c->target);
    c->library = format("%.*s.so", (int)strlen(c->code) - 2, c->code);
    file = fopen(c->code, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s%s", text, hooks);
    ck_assert_int_eq(fclose(file), 0);
    fflush(stdout);

    const char *const *command = clang_command(&clang, c);

    c->clang = fork();
    ck_assert_int_ge(c->clang, 0);
    if (c->clang == 0) {
        execvp(command[0], (char *const *)command);
        _exit(127);
    }
}

static void *find_symbol(const Compiled *c, const char *name)
{
    void *symbol = dlsym(c->handle, name);

    ck_assert_msg(symbol != NULL, "%s is missing in the generated code", name);
    return symbol;
}

void load_model(Compiled *c)
{
    int status = 0;

    ck_assert_int_eq(waitpid(c->clang, &status, 0), c->clang);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                  "clang does not take the generated C for %s without a word: %s", c->target,
                  c->code);
    c->handle = dlopen(c->library, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(c->handle != NULL, "%s", dlerror());
    unlink(c->code);
    unlink(c->library);
    c->net = find_symbol(c, "net_model");
    c->wait = find_symbol(c, "test_wait");
    c->lap = find_symbol(c, "test_lap");
    ck_assert_uint_eq(c->net->arena_size,
                      c->train->arena > c->evaluate->arena ? c->train->arena : c->evaluate->arena);
}
