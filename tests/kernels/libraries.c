/*
 * libraries.c -- predictions of compiled libraries against the reference, of one row at a time:
 * values have no lanes of other images, and tiles are of pixels side by side.
 *
 * Weights are random numbers, put where the library's own table has them.
 */

#define _XOPEN_SOURCE 700 /* mkdtemp */

#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "library/library.h"
#include "library/weights.h"
#include "support/graph_test.h"
#include "support/kernel_test.h"

Suite *suite_libraries(void);

/* Rows of tiles that end with the row, borders on all sides or one, strides, taps apart, groups,
   several panels and segments, ends in memory, few outputs; short lines; last what wants
   sixteen images. */
static const KernelCase cases[] = {
    {"images", 1, 1, true, "input x[3, 11, 13] = x\n    input y[20, 5, 17] = y", "[56] = t", "x, y",
     "    a = x -> conv2d(33, 3, padding=same) -> batchnorm -> relu\n"
     "    b = y -> conv2d(50, [2, 3], padding=[1, 0], stride=[2, 1]) -> sigmoid\n"
     "    c = y -> conv2d(20, 3, padding=same) -> batchnorm\n"
     "    d = concat(y + c -> relu, y) -> conv2d(7, 3, dilation=[1, 4], padding=same) -> tanh\n"
     "    e = shared(y) + shared(y -> tanh) -> conv2d(40, 3, stride=3) -> layernorm\n"
     "    f = y -> conv2d(20, 3, groups=20, padding=1, bias=false) -> silu\n"
     "    g = a -> conv2d(33, 3, padding=same) -> maxpool2d(3, stride=2) -> conv2d(64, 1)\n"
     "          -> conv2d(9, [5, 6])\n"
     "    h = a -> avgpool2d(2, stride=3) -> upsample2d(2) -> conv2d(5, 4, padding=3)\n"
     "    i = x -> conv2d(4, [3, 12], stride=2) -> relu\n"
     "    j = y -> conv2d(40, 3, groups=2, stride=3, padding=2)\n"
     "    concat(a -> global_avgpool2d -> dense(5), b -> flatten -> dense(6) -> softmax,\n"
     "           c -> global_maxpool2d -> dense(3), d -> flatten -> dense(5),\n"
     "           e -> flatten -> dense(2), f -> flatten -> dense(17), g -> flatten,\n"
     "           h -> flatten -> dense(3), i -> flatten -> dense(4), j -> flatten -> dense(2))\n",
     "mse"},

    {"small images", 1, 1, true, "input x[17, 6, 6] = x\n    input y[33, 3, 2] = y", "[44] = t",
     "x, y",
     "    a = x -> conv2d(19, 3, stride=2, padding=1) -> relu -> flatten -> dense(7)\n"
     "    b = x -> conv2d(33, 3) -> conv2d(70, 3, padding=same) -> gelu -> global_avgpool2d\n"
     "    c = x -> conv2d(20, [5, 4]) -> conv2d(17, 2, padding=same) -> flatten -> dense(11)\n"
     "    d = concat(y, y -> conv2d(18, [2, 1], dilation=[2, 1], padding=same) -> tanh)\n"
     "          -> conv2d(50, 2) -> flatten -> dense(13)\n"
     "    concat(a, b -> dense(9), c, d, shared(y) + shared(y -> tanh) -> flatten -> dense(4))\n",
     "mse"},

    {"texts", 1, 1, false,
     "input x = column(1) -> tokens(vocabulary=20, length=9)\n"
     "    input y[30] = columns(1..30)",
     "[12] = columns(1..12)", "x, y",
     "    a = x -> embedding(19)\n"
     "    b = a -> conv1d(37, 3, padding=causal) -> relu\n"
     "    concat(b -> global_maxpool1d, a -> mean(skip_padding=true), y -> dense(70) -> gelu)\n"
     "          -> dense(12)\n",
     "mse"},

    {"batchnorms", 1, 1, true, "input x[3, 11, 19] = x\n    input y[20, 9] = y", "[55] = t", "x, y",
     "    a = x -> conv2d(33, 3, padding=same) -> batchnorm -> relu\n"
     "    b = a -> conv2d(33, 3, bias=false, padding=same) -> batchnorm(eps=0.01)\n"
     "    c = a + b -> relu -> conv2d(6, 3, groups=3, bias=false) -> batchnorm\n"
     "    d = y -> conv1d(17, 3) -> batchnorm -> flatten -> dense(9) -> batchnorm -> silu\n"
     "    e = a -> batchnorm -> maxpool2d(3) -> batchnorm\n"
     "    f = a -> conv2d(5, 3)\n"
     "    g = concat(f -> batchnorm -> flatten -> dense(3), f -> relu -> flatten -> dense(2))\n"
     "    h = concat(shared(e) -> batchnorm, shared(e -> tanh)) -> global_avgpool2d\n"
     "    concat(c -> flatten -> dense(7), d, g, h)\n",
     "mse"},

    {"sequences", 1, 1, true, "input x[5, 21] = x\n    input y[18, 7] = y", "[62] = t", "x, y",
     "    a = x -> conv1d(37, 3, padding=same) -> lstm(19) -> lstm(16, reverse=true)\n"
     "    b = x -> gru(33, layers=2) -> rnn(5, keep=last)\n"
     "    c = a -> attention(heads=4, causal=true) -> layernorm\n"
     "    d = x -> conv1d(34, 1) -> attention(heads=2)\n"
     "    e = matmul(d, d, transpose_b=true) -> softmax\n"
     "    f = matmul(e, d) -> transpose -> conv1d(4, 1)\n"
     "    g = matmul(y, y, transpose_a=true) -> flatten -> dense(6)\n"
     "    concat(b, c -> global_avgpool1d, c -> flatten -> dense(8), d -> last -> dense(7), g,\n"
     "           f -> flatten -> dense(20))\n",
     "mse"},

    {"reductions", 1, 1, true, "input x[3, 5, 7] = x\n    input y[5, 21] = y", "[9] = t", "x, y",
     "    k = x -> conv2d(36, 3, padding=1)\n"
     "    h = y -> conv1d(19, 3)\n"
     "    b = k * (mean(k, axis=channels) -> sigmoid) - (k -> relu -> max(axis=channels))\n"
     "    c = b -> sum(axis=height) -> min(axis=channels) -> flatten\n"
     "    d = k -> relu -> max(axis=width) -> sum\n"
     "    e = concat(b -> max(axis=all), k -> min(axis=all), y -> sum(axis=all), y -> min)\n"
     "    f = concat(k -> logsumexp(axis=channels), x -> softmax(axis=height)) -> var(axis=width)\n"
     "    g = concat(h -> softmax(axis=length) -> logsumexp, k -> softmax(axis=width) -> "
     "var(axis=all))\n"
     "    concat(c, d, e, f -> flatten, g, h - mean(h) -> flatten) -> dense(9)\n",
     "mse"},

    {"padded texts", 1, 1, false,
     "input x = column(1) -> tokens(vocabulary=20, length=9)\n"
     "    input y[30] = columns(1..30)",
     "[24] = columns(1..24)", "x, y",
     "    a = x -> embedding(19) -> conv1d(32, 1)\n"
     "    concat(a -> lstm(7, keep=last), a -> gru(9, reverse=true) -> mean(skip_padding=true),\n"
     "           a -> attention(heads=4, skip_padding=true) -> mean(skip_padding=true) -> "
     "dense(5), y -> dense(3))\n",
     "mse"},

    {"sixteen images", 1, 1, false, "input x[5, 6] = x\n    input y[30] = y", "[5] = t", "x, y",
     "    concat(x -> conv1d_transpose(7, 3) -> flatten, y -> dense(70) -> tanh) -> dense(5)\n",
     "mse"},
};

/* A library in this process. */
typedef struct Loaded {
    Library library;
    const Graph *graph;
    void *handle;
} Loaded;

static void write_text(const char *path, const char *text, const char *more)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s%s", text, more);
    ck_assert_int_eq(fclose(file), 0);
}

/* NAME.c shows its table; files go when the library is loaded. */
static void load(Loaded *l, const char *target)
{
    static const char hook[] = "\n__attribute__((visibility(\"default\")))\n"
                               "const struct net_library *test_library(void)\n"
                               "{ return &library; }\n";
    const char *folder = mkdtemp(
        format("%s/netc-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"));
    const char *base = format("%s/%s", folder, l->library.name);
    const Code code = emit_library(&l->library);
    Text texts[2] = {{0}};
    Clang clang = {0};

    write_library_header(&texts[0], &l->library);
    write_unit(&texts[1], &code, 0);
    write_text(format("%s.h", base), texts[0].at, "");
    write_text(format("%s.c", base), texts[1].at, hook);
    ck_assert(find_clang(&clang, NULL));
    ck_assert_int_eq(compile_library(&clang, target, folder, l->library.name, l->graph->images), 0);
    l->handle = dlopen(format("%s/lib%s.so", folder, l->library.name), RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(l->handle != NULL, "%s", dlerror());
    for (int i = 0; i < 5; i++)
        unlink(format("%s/%s%s%s", folder, i > 2 ? "lib" : "", l->library.name,
                      (const char *[]){".h", ".c", ".o", ".so", ".a"}[i]));
    rmdir(folder);
}

static void *find(const Loaded *l, const char *name)
{
    void *symbol = dlsym(l->handle, name);

    ck_assert_msg(symbol != NULL, "%s is missing", name);
    return symbol;
}

/* That many bytes, all bits set: NaN. */
static void *memory(const Loaded *l, const char *size)
{
    size_t (*bytes)(void);
    void *at;

    *(void **)&bytes = find(l, format("%s_%s", l->library.name, size));
    at = aligned_alloc(64, (bytes() + 63) / 64 * 64);
    ck_assert_ptr_nonnull(at);
    memset(at, 0xff, (bytes() + 63) / 64 * 64);
    return at;
}

/* The tensors as a .safetensors file. */
static char *file_of(const Reference *r, size_t *size)
{
    Text header = {0};
    size_t end = 0;
    char *file;

    for (int i = 0; i < r->graph->value_count; i++) {
        const Value *v = r->graph->values[i];
        const Shape shape = file_shape(v);

        if (v->role != ROLE_PARAMETER && v->role != ROLE_STATE)
            continue;
        text_add(&header, "%s\"%s\": {\"dtype\": \"F32\", \"shape\": [", end ? ", " : "{", v->name);
        for (int axis = 0; axis < shape.rank; axis++)
            text_add(&header, "%s%d", axis ? ", " : "", shape.size[axis]);
        text_add(&header, "], \"data_offsets\": [%zu, ", end);
        end += 4 * (size_t)shape_size(shape);
        text_add(&header, "%zu]}", end);
    }
    text_add(&header, "}");
    *size = 8 + header.length + end;
    file = allocate(*size);
    memcpy(file, &(uint64_t){header.length}, 8);
    memcpy(file + 8, header.at, header.length);
    end = 8 + header.length;
    for (int i = 0; i < r->graph->value_count; i++) {
        const Value *v = r->graph->values[i];

        if (v->role != ROLE_PARAMETER && v->role != ROLE_STATE)
            continue;
        for (int k = 0; k < shape_size(v->shape); k++, end += 4)
            memcpy(file + end, &(float){(float)r->at[i][k]}, 4);
    }
    return file;
}

static void *weights_of(const Loaded *l, const Reference *r)
{
    size_t size;
    const char *file = file_of(r, &size), *tensor;
    void *weights = memory(l, "weights_size");
    int (*open)(const void *, size_t, void *, const char **);

    *(void **)&open = find(l, format("%s_open", l->library.name));
    ck_assert_int_eq(open(file, size, weights, &tensor), 0);
    return weights;
}

static void *input_of(const Port *port, const Reference *r)
{
    const double *numbers = r->at[find_field(r->graph, port->field)->id];
    float *input = allocate((size_t)port->size * sizeof *input);

    for (int i = 0; i < port->size; i++)
        if (port->value->type == TYPE_TOKENS)
            ((int32_t *)(void *)input)[i] = (int32_t)numbers[i];
        else
            input[i] = (float)numbers[i];
    return input;
}

/* The prediction of a row of two inputs, element by element. */
static void check_prediction(const Loaded *l, const Reference *r, const char *what)
{
    const Port *ports = l->library.inputs, *out = &l->library.outputs[0];
    const int result = r->graph->prediction->id;
    const double allowed = bound_errors(r)[result];
    void *weights = weights_of(l, r), *arena = memory(l, "size");
    float *got = allocate((size_t)out->size * sizeof *got);
    int (*run)(const void *, const void *, const void *, float *, void *);

    *(void **)&run = find(l, format("%s_run", l->library.name));
    for (int time = 0; time < 2; time++) {
        ck_assert_int_eq(run(weights, input_of(&ports[0], r), input_of(&ports[1], r), got, arena),
                         0);
        for (int i = 0; i < out->size; i++) {
            const double expected = r->at[result][i];

            if (!(fabs((double)got[i] - expected) <= allowed))
                ck_abort_msg("%s, call %d: element %d is %.9g, the reference says %.9g "
                             "(allowed %.2g)",
                             what, time + 1, i, (double)got[i], expected, allowed);
        }
    }
    free(weights), free(arena);
}

static double *numbers_named(const Reference *r, const char *name)
{
    for (int i = 0; i < r->graph->value_count; i++)
        if (same(r->graph->values[i]->name, name) && r->graph->values[i]->role != ROLE_RESULT)
            return r->at[i];
    ck_abort_msg("%s is no tensor", name);
}

/* Weights and biases that are finite, and are not with their batchnorm in them. */
static void check_overflows(const Loaded *l, const Reference *r)
{
    void *weights = memory(l, "weights_size");
    int (*open)(const void *, size_t, void *, const char **);

    *(void **)&open = find(l, format("%s_open", l->library.name));
    for (int i = 0; i < 2 * l->library.folds.count; i++) {
        const Fold *fold = &l->library.folds.at[i / 2];
        double *gamma = numbers_named(r, fold->gamma), old_gamma = *gamma;
        double *mean = numbers_named(r, fold->mean), old_mean = *mean;
        double *var = numbers_named(r, fold->var), old_var = *var;
        const char *of = (i % 2 ? fold->bias : fold->weight)->name, *tensor = NULL;
        size_t size;

        *gamma = i % 2 ? 1e4 : 3e38;
        *mean = i % 2 ? 3e38 : 0;
        *var = i % 2 ? old_var : 0;
        const char *file = file_of(r, &size);

        ck_assert_int_eq(open(file, size, weights, &tensor), NET_LIBRARY_NOT_FINITE);
        ck_assert_str_eq(tensor, of);
        *gamma = old_gamma;
        *mean = old_mean;
        *var = old_var;
    }
    free(weights);
}

/* Weights that lie as Winograd's tiles want them. */
static int count_transformed(const Graph *g)
{
    int count = 0;

    for (int i = 0; i < g->value_count; i++)
        count += g->values[i]->layout && g->values[i]->layout->winograd > 0;
    return count;
}

/* Convolutions whose tiles have several lines. */
static int count_joined(const Program *program)
{
    int count = 0;

    for (int i = 0; i < program->count; i++)
        count += program->kernels[i]->schedule.lines > 1;
    return count;
}

static Graph *prediction_of(Model *model)
{
    Graph *g;

    model->max_batch = 1;
    g = lower(model, MODE_EVALUATE);
    simplify(g), verify(g);
    ck_assert(keep_prediction(g, 1));
    return g;
}

static int count_op(const Graph *g, Op op)
{
    int count = 0;

    for (int i = 0; i < g->node_count; i++)
        count += g->nodes[i]->op == op;
    return count;
}

/* The reference is of the graph with its batchnorms. */
static void check_library(const KernelCase *c, const char *target)
{
    Model *model = model_of(kernel_model(c));
    Loaded l = {0};
    Graph *whole = prediction_of(model), *g = prediction_of(model);
    const Folds folds = fold_batchnorms(g);
    Reference *r;

    l.library = describe_library(model, plan_prediction(g, find_target(target)), whole);
    l.library.folds = folds;
    l.graph = g;
    if (same(c->name, "batchnorms")) {
        ck_assert_int_eq(folds.count, 5);
        ck_assert_int_eq(count_op(g, OP_NORMALIZE), 4);
    }
    ck_assert_int_eq(g->images, same(c->name, "sixteen images") ? 16 : 1);
    ck_assert_int_eq(count_transformed(g), same(c->name, "images")       ? 2
                                           : same(c->name, "batchnorms") ? 1
                                                                         : 0);
    if (same(c->name, "small images"))
        ck_assert_int_eq(count_joined(l.library.program), same(target, "avx512") ? 8 : 6);
    if (is_sanitized()) { /* they see netc; the library's code is the same in the plain build */
        ck_assert(*emit_library(&l.library).head != '\0');
        return;
    }
    r = random_reference(whole, 1, 3);
    evaluate_reference(r);
    load(&l, target);
    check_prediction(&l, r, format("%s, %s", c->name, target));
    check_overflows(&l, r);
    dlclose(l.handle);
}

START_TEST(predictions)
{
    const char *targets[MAX_TARGETS];
    const int count = find_targets(targets);

    for (int i = 0; i < count && (i == 0 || cases[_i].emulated); i++)
        check_library(&cases[_i], targets[i]);
}
END_TEST

Suite *suite_libraries(void)
{
    Suite *suite = suite_create("libraries");

    add_cases(suite, predictions, cases, COUNT(cases));
    return suite;
}
