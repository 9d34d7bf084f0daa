/*
 * batch_lanes.c -- convolutions of few channels, with images in the lanes: against the reference
 * in double, on every target, on one to three threads, for full and partial batches; and which are
 * done so.
 */

#include <check.h>

#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"of packed images", 17, 1, true,
     "input x[3, 9, 14] = x\n    input y[1, 6, 29] = y\n    input z[8, 5, 3] = z\n"
     "    input u[2, 7, 7] = u",
     "[45] = t", "x, y, z, u",
     "    a = x -> conv2d(6, 5) -> relu -> flatten -> dense(5)\n"
     "    b = x -> conv2d(1, [2, 3], stride=[2, 3]) -> sigmoid -> flatten -> dense(5)\n"
     "    c = y -> conv2d(3, 3, padding=1) -> flatten -> dense(5)\n"
     "    d = y -> conv2d(8, [3, 4], padding=[1, 1], bias=false) -> batchnorm -> relu -> flatten\n"
     "          -> dense(5)\n"
     "    e = z -> conv2d(7, 3, padding=2) -> softplus -> flatten -> dense(5)\n"
     "    f = z -> conv2d(2, [5, 3], padding=2) -> flatten -> dense(5)\n"
     "    g = u -> conv2d(5, 3, stride=2) -> gelu -> flatten -> dense(5)\n"
     "    h = u -> conv2d(4, 7) -> tanh -> flatten -> dense(5)\n"
     "    i = x -> conv2d(8, 5, stride=3) -> relu6 -> flatten -> dense(5)\n"
     "    concat(a, b, c, d, e, f, g, h, i)\n",
     "mse"},

    {"and gradients of few inputs", 17, 1, false, "input x[3, 7, 10] = x", "[45] = t", "x",
     "    x1 = x -> conv2d(1, 3, padding=1) -> relu\n"
     "    x3 = x -> conv2d(3, 3) -> dropout(0.25)\n"
     "    x6 = x -> conv2d(6, [1, 3], padding=[0, 1]) -> leaky_relu\n"
     "    x8 = x -> conv2d(8, 2, bias=false) -> batchnorm -> elu\n"
     "    a = x1 -> conv2d(17, 3) -> flatten -> dense(5)\n"
     "    b = x3 -> conv2d(33, 3, padding=2) -> flatten -> dense(5)\n"
     "    c = x6 -> conv2d(50, 5, padding=2) -> relu -> flatten -> dense(5)\n"
     "    d = x8 -> conv2d(100, [2, 3], padding=[1, 0]) -> flatten -> dense(5)\n"
     "    e = x8 -> conv2d(16, 3, stride=2) -> flatten -> dense(5)\n"
     "    f = x6 -> conv2d(16, [7, 10]) -> flatten -> dense(5)\n"
     "    g = x8 + conv2d(x8, 8, 3, padding=1) -> relu -> conv2d(8, 3, padding=1) -> flatten\n"
     "          -> dense(5)\n"
     "    h = x6 * x6 + conv2d(x6, 6, 3, padding=1) -> conv2d(17, 4, padding=[4, 6]) -> flatten\n"
     "          -> dense(5)\n"
     "    i = x3 -> conv2d(5, 3, stride=[3, 2], padding=3) -> sigmoid -> dropout(0.5) -> flatten\n"
     "          -> dense(5)\n"
     "    concat(a, b, c, d, e, f, g, h, i)\n",
     "mse"},

    {"of many inputs, in bands", 17, 3, false, "input x[17, 20, 30] = x\n    input y[40, 9] = y",
     "[20] = t", "x, y",
     "    a = x -> conv2d(8, 3, padding=1) -> relu -> conv2d(17, 5, padding=same) -> maxpool2d(4)\n"
     "          -> flatten -> dense(5)\n"
     "    b = x -> conv2d(1, 3, stride=2, padding=1) -> sigmoid -> flatten -> dense(5)\n"
     "    c = concat(x -> conv2d(5, 1), x) -> conv2d(7, [3, 1]) -> global_avgpool2d -> dense(5)\n"
     "    d = y -> conv1d(6, 3, padding=same) -> silu -> conv1d(33, 5, padding=4) -> relu\n"
     "          -> flatten -> dense(5)\n"
     "    concat(a, b, c, d)\n",
     "mse"},

    {"transposed", 16, 1, false, "input x[17, 5, 4] = x", "[3, 11, 9] = t", "x",
     "    a = x -> conv2d_transpose(6, 3) -> tanh -> conv2d_transpose(8, [2, 3], padding=[1, 0])\n"
     "    a -> conv2d_transpose(3, [6, 4], padding=[0, 1], bias=false) -> sigmoid\n",
     "mse"},

    {"of many batch blocks", 64, 1, false, "input x[1, 5, 6] = x", "[1, 5, 6] = t", "x",
     "    a = x -> conv2d(8, 3, padding=1) -> relu\n"
     "    b = a -> conv2d(8, 3, padding=1) -> batchnorm -> relu -> conv2d(8, 3, padding=1)\n"
     "    (a + b) -> relu -> conv2d(1, 3, padding=1) -> sigmoid\n",
     "mse"},
};

KernelCases batch_lanes_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Which are done so ----------------------------------------------------------------------- */

typedef struct Choice {
    int channels, size; /* of a square image, made by a layer of its own */
    const char *layer;
    bool forward, dx; /* of this layer */
} Choice;

static const Choice choices[] = {
    {17, 12, "conv2d(6, 5)", true, false},
    {6, 12, "conv2d(16, 5)", false, true},
    {8, 12, "conv2d(8, 3, padding=1)", true, true},
    {8, 12, "conv2d(1, 3, stride=2)", true, false}, /* its dx has gaps */
    {8, 12, "conv2d(8, 3, dilation=2)", false, false},
    {8, 12, "conv2d(8, 3, groups=2)", false, false},
    {17, 12, "conv2d(17, 3)", false, false},
    {8, 12, "conv2d(8, 1)", false, false},   /* little but turning */
    {300, 60, "conv2d(8, 3)", false, false}, /* a row of x is too much to transpose */
};

static bool is_done_so(const Program *p, Op op)
{
    for (int i = 0; i < p->count; i++)
        if (p->kernels[i]->node->op == op && same(p->kernels[i]->node->path, "net.a") &&
            p->kernels[i]->kind != KERNEL_TRANSPOSE)
            return p->kernels[i]->kind == KERNEL_BATCH_LANES;
    ck_abort_msg("no kernel");
}

START_TEST(test_choice)
{
    const Choice *c = &choices[_i];
    const KernelCase model = {
        c->layer,
        16,
        1,
        false,
        format("input x[1, %d, %d] = x", c->size, c->size),
        "[1] = t",
        "x",
        format("    before = x -> conv2d(%d, 1)\n    a = before -> %s\n    a -> flatten -> "
               "dense(1)\n",
               c->channels, c->layer),
        "mse"};
    const Compiled compiled = plan_model(kernel_model(&model), "avx512");

    ck_assert_int_eq(is_done_so(compiled.train, OP_CONV2D), c->forward);
    ck_assert_int_eq(is_done_so(compiled.train, OP_CONV2D_DX), c->dx);
}
END_TEST

Suite *suite_batch_lanes(void);

Suite *suite_batch_lanes(void)
{
    Suite *suite = suite_create("batch_lanes");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, test_choice, 0, COUNT(choices));
    return suite;
}
