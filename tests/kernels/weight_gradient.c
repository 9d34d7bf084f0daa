/*
 * weight_gradient.c -- weight gradients of convolutions with the batch in the lanes, and by partial
 * sums: against the reference in double, on every target, on one to three threads, for full and
 * partial batches; and which are done so.
 */

#include <check.h>

#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"few outputs", 17, 1, true, "input x[3, 11, 9] = x\n    input y[17, 7, 8] = y", "[33] = t",
     "x, y",
     "    x6 = x -> conv2d(6, 5) -> relu\n"
     "    x8 = x -> conv2d(8, 3, padding=1, stride=2) -> tanh\n"
     "    x1 = x -> conv2d(1, 4, padding=[2, 1], bias=false) -> batchnorm -> relu\n"
     "    a = x6 -> conv2d(7, 3, padding=1) -> flatten -> dense(5)\n"
     "    b = x8 -> conv2d(1, 3, padding=same) -> sigmoid -> flatten -> dense(5)\n"
     "    c = x1 -> conv2d(5, [2, 3], stride=[2, 1]) -> maxpool2d(2) -> flatten -> dense(5)\n"
     "    d = y -> conv2d(3, 3, padding=1) -> relu -> conv2d(2, 7, padding=4, stride=3)\n"
     "          -> flatten -> dense(5)\n"
     "    e = y -> conv2d(4, 1) -> dropout(0.25) -> flatten -> dense(5)\n"
     "    f = y -> conv2d(8, [7, 8], padding=2) -> flatten -> dense(5)\n"
     "    g = y -> conv2d(11, [3, 1], stride=[1, 3]) -> flatten -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g)\n",
     "mse"},

    {"few outputs of few pixels", 50, 1, false, "input x[33, 5, 3] = x\n    input y[2, 1, 1] = y",
     "[22] = t", "x, y",
     "    a = x -> conv2d(8, 3, padding=1) -> relu -> upsample2d(2) -> conv2d(1, 3, padding=1)\n"
     "          -> flatten -> dense(5)\n"
     "    b = y -> conv2d(3, 3, padding=1) -> flatten -> dense(2)\n"
     "    c = x -> conv2d(2, 3, stride=5, padding=2) -> flatten -> dense(5)\n"
     "    d = concat(x -> conv2d(17, 1), x -> conv2d(3, 1), x) -> relu -> conv2d(5, 2)\n"
     "          -> flatten -> dense(5)\n"
     "    e = x -> conv2d(6, 1, stride=2, padding=3) -> flatten -> dense(5)\n"
     "    concat(a, b, c, d, e)\n",
     "mse"},

    {"few outputs of sequences", 33, 1, false,
     "input x[5, 130] = x\n    input y[19, 70] = y\n    input z[34, 1, 700] = z", "[19] = t",
     "x, y, z",
     "    a = x -> conv1d(6, 5, padding=2) -> relu -> conv1d(3, 4, stride=3) -> flatten\n"
     "          -> dense(5)\n"
     "    b = y -> conv1d(1, 3) -> flatten -> dense(5)\n"
     "    c = y -> conv1d(8, 2, stride=2, padding=1) -> tanh -> conv1d(4, 35) -> flatten\n"
     "          -> dense(5)\n"
     "    d = z -> conv2d(2, [3, 5], padding=[1, 2]) -> relu -> global_avgpool2d -> dense(4)\n"
     "    concat(a, b, c, d)\n",
     "mse"},

    {"few outputs of wide images", 16, 3, false, "input x[1, 70, 150] = x", "[3] = t", "x",
     "    x -> conv2d(8, 3, padding=1) -> relu -> conv2d(8, 3, padding=1) -> relu\n"
     "      -> conv2d(3, 3, stride=2) -> relu -> global_avgpool2d -> dense(3)\n",
     "mse"},

    {"few outputs, transposed", 17, 1, false, "input x[3, 5, 4] = x", "[10] = t", "x",
     "    a = x -> conv2d_transpose(7, 3, stride=2, padding=1, output_padding=1) -> relu\n"
     "          -> conv2d_transpose(2, 3) -> flatten -> dense(5)\n"
     "    b = x -> conv2d(6, 2) -> relu -> conv2d_transpose(17, 3, stride=2) -> flatten\n"
     "          -> dense(5)\n"
     "    concat(a, b)\n",
     "mse"},

    {"few items", 50, 1, false, "input x[18, 6, 7] = x\n    input y[16, 40] = y", "[13] = t",
     "x, y",
     "    a = x -> conv2d(33, 2, stride=2) -> relu -> conv2d(17, [1, 3], padding=1) -> flatten\n"
     "          -> dense(5)\n"
     "    b = y -> conv1d(16, 3, padding=same) -> relu -> conv1d(50, 3) -> relu\n"
     "          -> conv1d(19, 3, dilation=2) -> flatten -> dense(5)\n"
     "    c = concat(y, y -> conv1d(17, 1) -> tanh) -> conv1d(18, 5) -> flatten -> dense(3)\n"
     "    concat(a, b, c)\n",
     "mse"},

    {"weights used more than once", 33, 1, false, "input x[5, 8, 8] = x", "[5, 8, 8] = t", "x",
     "    a = filter(x)\n"
     "    filter(a) + filter(x)\n",
     "mse"},
};

KernelCases weight_gradient_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Which are done so ----------------------------------------------------------------------- */

static const struct {
    const char *input, *layer;
    KernelKind kind; /* of its weight gradient */
    int splits;      /* of a batch block; 0: whole */
} choices[] = {
    {"[3, 32, 32]", "conv2d(6, 5)", KERNEL_BATCH_LANES_DW, 4},
    {"[8, 28, 28]", "conv2d(1, 3, padding=1)", KERNEL_BATCH_LANES_DW, 4},
    {"[32, 7, 7]", "conv2d(8, 3, padding=1)", KERNEL_BATCH_LANES_DW, 1},
    {"[24, 400]", "conv1d(4, 3)", KERNEL_BATCH_LANES_DW, 4},
    {"[3, 32, 32]", "conv2d(32, 5)", KERNEL_PACKED_DW, 4},
    {"[32, 7, 7]", "conv2d(8, 3, dilation=2)", KERNEL_DW, 1},
    {"[16, 500]", "conv1d(16, 3)", KERNEL_DW, 1},
    {"[16, 9, 9]", "conv2d(16, 5)", KERNEL_DW, 1},
    {"[64, 9, 9]", "conv2d(64, 5)", KERNEL_DW, 0},
    {"[32, 9, 9]", "conv2d(32, 3, groups=32)", KERNEL_DEPTHWISE_DW, 4},
};

START_TEST(test_choice)
{
    const char *targets[] = {"avx512", "avx2", "generic"};

    for (int t = 0; t < COUNT(targets); t++) {
        const KernelCase one = {choices[_i].layer,
                                64,
                                1,
                                false,
                                format("input x%s = x", choices[_i].input),
                                "[1] = t",
                                "x",
                                format("    x -> %s -> flatten -> dense(1)\n", choices[_i].layer),
                                "mse"};
        const Compiled c = plan_model(kernel_model(&one), targets[t]);
        const Kernel *dw = NULL;

        for (int i = 0; i < c.train->count; i++)
            if ((c.train->kernels[i]->node->op == OP_CONV2D_DW ||
                 c.train->kernels[i]->node->op == OP_DEPTHWISE_DW) &&
                c.train->kernels[i]->kind != KERNEL_DW_REDUCTION)
                dw = c.train->kernels[i];
        ck_assert_ptr_nonnull(dw);
        ck_assert_int_eq(dw->kind, choices[_i].kind);
        ck_assert_int_eq(dw->schedule.splits, choices[_i].splits);
    }
}
END_TEST

Suite *suite_weight_gradient(void);

Suite *suite_weight_gradient(void)
{
    Suite *suite = suite_create("weight_gradient");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, test_choice, 0, COUNT(choices));
    return suite;
}
