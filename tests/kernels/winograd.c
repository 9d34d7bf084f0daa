/*
 * winograd.c -- convolutions by Winograd's minimal filtering: against the reference in
 * double, on every target, on one to three threads, for full and partial batches; and which are
 * done so. With ERRORS in the environment (`make winograd-errors`): how far from double they are,
 * and direct ones, at sizes of ResNet-18; that takes minutes.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"of 4 x 4 to 6 x 7", 17, 1, true, "input x[2, 6, 7] = x\n    input y[16, 4, 4] = y",
     "[35] = t", "x, y",
     "    x17 = x -> conv2d(17, 3, padding=1) -> tanh\n"
     "    a = x17 -> conv2d(16, 3, padding=1) -> relu -> flatten -> dense(3)\n"
     "    b = x17 -> conv2d(33, 3) -> flatten -> dense(5)\n"
     "    c = x17 -> conv2d(80, 3, padding=2, bias=false) -> flatten -> dense(3)\n"
     "    d = y -> conv2d(19, 3, padding=[0, 2]) -> tanh -> conv2d(17, 3, padding=[2, 0])\n"
     "          -> flatten -> dense(5)\n"
     "    e = y -> conv2d(49, 3, padding=1) -> relu -> conv2d(16, 3, padding=1) -> flatten\n"
     "    concat(a, b, c, d, e -> dense(19))\n",
     "mse"},

    {"of odd images", 17, 3, false, "input x[1, 13, 9] = x", "[13] = t", "x",
     "    x16 = x -> conv2d(16, 3, padding=1) -> batchnorm -> relu\n"
     "    a = x16 -> conv2d(35, 3, padding=1, bias=false) -> batchnorm -> relu\n"
     "    b = a -> conv2d(35, 3, padding=1) -> batchnorm\n"
     "    c = a + b -> relu\n"
     "    d = c -> conv2d(64, 3, padding=1) -> sigmoid -> dropout(0.25) -> maxpool2d(2)\n"
     "    d -> conv2d(17, 3, padding=2) -> flatten -> dense(13)\n",
     "mse"},

    {"of 33 x 31", 17, 1, false, "input x[1, 33, 31] = x", "[5] = t", "x",
     "    x -> conv2d(16, 5, stride=1) -> relu -> conv2d(32, 3, padding=1) -> relu\n"
     "      -> conv2d(20, 3) -> relu -> global_avgpool2d -> dense(5)\n",
     "mse"},

    {"of many batch blocks", 64, 1, false, "input x[16, 4, 4] = x", "[16, 4, 4] = t", "x",
     "    a = x -> conv2d(80, 3, padding=1) -> relu\n"
     "    b = a -> conv2d(48, 3, padding=1) -> leaky_relu -> conv2d(64, 3, padding=1) -> relu\n"
     "    b -> conv2d(16, 3, padding=1)\n",
     "mse"},

    {"of many channels", 17, 3, false, "input x[16, 5, 7] = x", "[5] = t", "x",
     "    x -> conv2d(192, 3, padding=1) -> relu -> conv2d(208, 3, padding=1) -> relu\n"
     "      -> global_avgpool2d -> dense(5)\n",
     "mse"},

    {"of weights used more than once", 16, 1, false, "input x[17, 8, 8] = x", "[17, 8, 8] = t", "x",
     "    a = shared(x)\n"
     "    b = shared(a)\n"
     "    shared(b) + shared(x)\n",
     "mse"},

    {"transposed", 16, 1, false, "input x[17, 5, 8] = x", "[18, 7, 10] = t", "x",
     "    x -> conv2d(33, 3, padding=1) -> relu -> conv2d_transpose(18, 3)\n", "mse"},

    {"chosen", 16, 1, false, "input x[17, 8, 9] = x", "[5] = t", "x",
     "    x -> conv2d(33, 3, padding=1) -> relu -> conv2d(17, 3, padding=1) -> relu\n"
     "      -> maxpool2d(2) -> conv2d(32, 3, padding=1) -> relu -> flatten -> dense(5)\n",
     "mse"},
};

KernelCases winograd_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

/* The case's model with `conv = WAY`. */
static const char *model_with(const KernelCase *c, const char *way)
{
    const char *text = kernel_model(c);

    return format("%.*s    conv = %s\n}\n", (int)strlen(text) - 2, text, way);
}

START_TEST(test_case)
{
    check_kernel_text(&cases[_i], model_with(&cases[_i], "winograd"));
}
END_TEST

/* ---- Which are done so ----------------------------------------------------------------------- */

typedef struct Choice {
    int channels, size; /* of a square image */
    const char *layer, *way;
    int tile; /* of its forward kernel; 0: direct */
} Choice;

static const Choice choices[] = {
    {64, 32, "conv2d(64, 3, padding=1)", "auto", 4},
    {64, 32, "conv2d(64, 3, padding=1)", "winograd", 4},
    {64, 32, "conv2d(64, 3, padding=1)", "direct", 0},
    {64, 6, "conv2d(64, 3, padding=1)", "auto", 2}, /* as many products, smaller transforms */
    {64, 2, "conv2d(64, 3, padding=1)", "auto", 0}, /* most of a tile would be padding */
    {64, 2, "conv2d(64, 3, padding=1)", "winograd", 2},
    {8, 32, "conv2d(64, 3, padding=1)", "winograd", 0},
    {64, 32, "conv2d(8, 3, padding=1)", "winograd", 0},
    {64, 32, "conv2d(64, 3, stride=2)", "winograd", 0},
    {64, 32, "conv2d(64, 5)", "winograd", 0},
    {64, 32, "conv2d(64, [3, 1])", "winograd", 0},
    {64, 32, "conv2d(64, 3, dilation=2)", "winograd", 0},
    {64, 32, "conv2d(64, 3, groups=2)", "winograd", 0},
};

START_TEST(test_choice)
{
    const Choice *c = &choices[_i];
    const char *size = format("%d, %d", c->size, c->size);
    const KernelCase model = {c->layer,
                              16,
                              1,
                              false,
                              format("input x[%d, %s] = x", c->channels, size),
                              "[1] = t",
                              "x",
                              format("    x -> %s -> flatten -> dense(1)\n", c->layer),
                              "mse"};
    const Compiled compiled = plan_model(model_with(&model, c->way), "avx512");
    const Kernel *forward = NULL;

    for (int i = 0; i < compiled.train->count; i++)
        if (compiled.train->kernels[i]->node->op == OP_CONV2D &&
            compiled.train->kernels[i]->kind != KERNEL_WINOGRAD_WEIGHTS &&
            compiled.train->kernels[i]->node->path)
            forward = compiled.train->kernels[i];
    ck_assert_ptr_nonnull(forward);
    ck_assert_int_eq(forward->schedule.winograd.tile, c->tile);
}
END_TEST

/* ---- How far from double --------------------------------------------------------------------- */

typedef struct Measured {
    int channels, size; /* of a square image */
    const char *way;
    int tile;
} Measured;

/* F(2x2, 3x3) is taken for images that tiles of 4 do not fit: its error is that of its channels,
   and of as many pixels in a weight gradient. */
static const Measured measured[] = {
    {64, 32, "direct", 0},   {64, 32, "winograd", 4}, {64, 6, "direct", 0},
    {64, 6, "winograd", 2},  {128, 16, "direct", 0},  {128, 16, "winograd", 4},
    {128, 6, "winograd", 2}, {256, 8, "direct", 0},   {256, 8, "winograd", 4},
    {256, 6, "winograd", 2}, {512, 4, "direct", 0},   {512, 4, "winograd", 4},
    {512, 6, "winograd", 2},
};

/* What goes in is exact to a rounding: standardized numbers of deviation 1; a gradient that hardly
   depends on y's error. */
START_TEST(test_errors)
{
    const Measured *m = &measured[_i];
    const char *targets[MAX_TARGETS];
    const KernelCase model = {"errors",
                              16,
                              1,
                              false,
                              format("input x[%d, %d, %d] = x", m->channels, m->size, m->size),
                              "[1] = t",
                              "x",
                              format("    x -> batchnorm -> conv2d(%d, 3, padding=1) -> flatten"
                                     " -> dense(1)\n",
                                     m->channels),
                              "binary_cross_entropy"};
    Compiled compiled;
    Outcome step;
    int lines = 0;

    find_targets(targets);
    compiled = plan_model(model_with(&model, m->way), targets[0]);
    start_clang(&compiled);
    load_model(&compiled);
    step = check_step(&compiled, model.batch, true);
    for (int i = 0; i < step.distance_count && lines < 3; i++) {
        const Distance *d = &step.distances[i];
        const Node *node = d->value->node;
        const char *part = !node                      ? NULL
                           : node->op == OP_CONV2D    ? "forward"
                           : node->op == OP_CONV2D_DX ? "dx"
                           : node->op == OP_CONV2D_DW ? "dw"
                                                      : NULL;

        if (!part)
            continue;
        ck_assert_int_eq(winograd_tile(node), m->tile);
        printf("%3d channels, %2d x %-2d  %-8s %-8s rms %.1e, largest %.1e\n", m->channels, m->size,
               m->size,
               m->tile == 4 ? "F(4x4)"
               : m->tile    ? "F(2x2)"
                            : "direct",
               part, d->mean, d->most);
        lines++;
    }
    ck_assert_int_eq(lines, 3);
}
END_TEST

Suite *suite_winograd(void);

Suite *suite_winograd(void)
{
    Suite *suite = suite_create("winograd");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, test_choice, 0, COUNT(choices));
    if (getenv("ERRORS")) {
        tcase = tcase_create("errors");
        tcase_set_timeout(tcase, 1800);
        tcase_add_loop_test(tcase, test_errors, 0, COUNT(measured));
        suite_add_tcase(suite, tcase);
    }
    return suite;
}
