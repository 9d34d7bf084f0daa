/*
 * conv.c -- convolutions of every kind as compiled kernels: of images and sequences, apart,
 * transposed, by groups, with kernels as large as the image and strides larger than the kernel; and
 * what files and summaries say of them.
 */

#include <check.h>

#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"conv1d", 17, 1, false, "input x[5, 13] = x\n    input y[17, 6] = y", "[29] = t", "x, y",
     "    x3 = x -> conv1d(3, 3) -> relu\n"
     "    x17 = x -> conv1d(17, 5, padding=2) -> batchnorm -> relu\n"
     "    x33 = x -> conv1d(33, 2, stride=2, bias=false) -> tanh\n"
     "    a = x3 -> conv1d(19, 4, padding=same) -> flatten -> dense(2)\n"
     "    b = x17 -> conv1d(5, 3, stride=3, padding=1) -> batchnorm -> flatten -> dense(3)\n"
     "    c = x33 -> conv1d(1, 6) -> relu -> flatten -> dense(1)\n"
     "    d = x17 -> conv1d(2, 3, dilation=3, padding=same) -> flatten -> dense(3)\n"
     "    e = y -> conv1d(16, 6, padding=5) -> flatten -> dense(2)\n"
     "    f = y -> batchnorm -> conv1d(3, 1) -> flatten -> dense(2)\n"
     "    g = concat(x3, x -> conv1d(2, 3)) -> conv1d(5, 2, dilation=2, stride=2) -> flatten\n"
     "          -> dense(5)\n"
     "    h = concat(x17, x) -> batchnorm -> relu -> conv1d(3, 3) -> dropout(0.3) -> flatten\n"
     "          -> dense(5)\n"
     "    i = x17 + conv1d(x17, 17, 3, padding=1) -> relu -> conv1d(2, 13) -> flatten -> dense(3)\n"
     "    j = x -> conv1d(4, 3) -> reshape(2, 22) -> conv1d(3, 4, stride=5) -> flatten\n"
     "          -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"conv1d of inputs", 16, 1, true,
     "input x[1, 9] = x\n    input y[3, 8] = y\n    input z[2, 1] = z\n    input u[8, 7] = u",
     "[12] = t", "x, y, z, u",
     "    a = x -> conv1d(17, 3, padding=same) -> relu -> conv1d(2, 3) -> flatten -> dense(2)\n"
     "    b = y -> conv1d(5, 3, stride=2, padding=1) -> relu -> flatten -> dense(3)\n"
     "    c = z -> conv1d(3, 1) -> flatten -> dense(2)\n"
     "    d = u -> conv1d(2, 3, dilation=3) -> flatten -> dense(3)\n"
     "    e = u -> conv1d(2, 7) -> relu -> conv1d(2, 1) -> flatten\n"
     "    concat(a, b, c, d, e)\n",
     "mse"},

    {"dilation", 17, 1, false, "input x[3, 9, 8] = x", "[38] = t", "x",
     "    x2 = x -> conv2d(2, 3, padding=1) -> tanh\n"
     "    x17 = x -> conv2d(17, 3, padding=same, dilation=2) -> tanh\n"
     "    x33 = x -> conv2d(33, [2, 3], dilation=[3, 2], padding=[2, 1], bias=false) -> tanh\n"
     "    a = x2 -> conv2d(19, 3, dilation=2) -> flatten -> dense(3)\n"
     "    b = x17 -> conv2d(5, 3, dilation=2, stride=2, padding=2) -> flatten -> dense(5)\n"
     "    c = x17 -> conv2d(3, 3, dilation=3, stride=2, padding=3) -> flatten -> dense(5)\n"
     "    d = x17 -> conv2d(33, 2, dilation=4, stride=6, padding=[0, 5]) -> flatten -> dense(5)\n"
     "    e = x33 -> conv2d(1, [3, 2], dilation=[2, 3], stride=[3, 2], padding=3) -> flatten\n"
     "          -> dense(5)\n"
     "    f = x33 -> conv2d(2, [4, 2], dilation=[2, 5], padding=same) -> flatten -> dense(5)\n"
     "    g = x17 -> conv2d(3, 3, dilation=[4, 3]) -> flatten -> dense(5)\n"
     "    h = x17 -> conv2d(2, 3, dilation=5, stride=3, padding=9) -> flatten -> dense(5)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"conv2d_transpose", 17, 1, false, "input x[3, 5, 4] = x", "[56] = t", "x",
     "    x2 = x -> conv2d_transpose(2, 3) -> tanh\n"
     "    x17 = x -> conv2d_transpose(17, 3, stride=2, padding=1, output_padding=1) -> relu\n"
     "    x33 = x -> conv2d(33, 2) -> tanh\n"
     "    a = x2 -> conv2d_transpose(19, 2, stride=2) -> flatten -> dense(3)\n"
     "    b = x17 -> conv2d_transpose(1, [2, 3], stride=[3, 1], padding=[1, 2]) -> flatten\n"
     "          -> dense(5)\n"
     "    c = x33 -> conv2d_transpose(5, 1, stride=3, output_padding=[2, 1], bias=false)\n"
     "          -> flatten\n"
     "          -> dense(5)\n"
     "    d = x33 -> conv2d_transpose(16, 3, dilation=2, padding=1) -> batchnorm -> relu\n"
     "          -> flatten\n"
     "          -> dense(5)\n"
     "    e = x2\n"
     "          -> conv2d_transpose(3, 3, stride=2, dilation=3, output_padding=[2, 1], padding=4)\n"
     "          -> sigmoid -> flatten -> dense(5)\n"
     "    f = concat(x17, x -> conv2d_transpose(5, 4, stride=2, padding=1)) -> relu\n"
     "          -> conv2d_transpose(3, 2, stride=3) -> flatten -> dense(5)\n"
     "    g = concat(x33 -> flatten, x33 -> relu -> flatten) -> dense(17) -> reshape(17, 1, 1)\n"
     "          -> conv2d_transpose(33, 4) -> relu -> conv2d_transpose(2, 4, stride=2, padding=1)\n"
     "          -> flatten -> dense(5)\n"
     "    h = x33 + (x33 -> conv2d_transpose(33, 3, padding=1)) -> relu -> conv2d(2, 2)\n"
     "          -> flatten\n"
     "          -> dense(5)\n"
     "    j = x33 -> conv2d_transpose(6, 3, stride=2, groups=3) -> flatten -> dense(4)\n"
     "    k = x33 -> conv2d_transpose(33, 3, padding=1, groups=33) -> tanh -> flatten -> dense(3)\n"
     "    i = x -> conv2d_transpose(5, 1) -> dropout(0.5) -> flatten -> dense(7)\n"
     "    l = x33 -> reshape(6, 66) -> conv1d_transpose(17, 4, stride=3, padding=[2, 1])\n"
     "          -> flatten -> dense(4)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k, l)\n",
     "mse"},

    {"depthwise", 17, 1, true, "input x[3, 9, 8] = x\n    input y[19, 5] = y", "[50] = t", "x, y",
     "    x1 = x -> conv2d(1, 3, padding=1) -> tanh\n"
     "    x17 = x -> conv2d(17, 3, padding=1) -> relu\n"
     "    x33 = x -> conv2d(33, 2, stride=2, bias=false)\n"
     "    a = x -> conv2d(3, 3, padding=1, groups=3) -> flatten -> dense(5)\n"
     "    b = x17 -> conv2d(17, 3, padding=1, groups=17, bias=false) -> batchnorm -> relu\n"
     "          -> conv2d(5, 1) -> flatten -> dense(5)\n"
     "    c = x33 -> conv2d(33, 3, stride=2, padding=1, groups=33) -> relu -> conv2d(5, 1)\n"
     "          -> flatten -> dense(5)\n"
     "    d = x17\n"
     "          -> conv2d(17, [2, 3], stride=[3, 2], padding=[0, 4], dilation=[2, 3], groups=17)\n"
     "          -> sigmoid -> flatten -> dense(5)\n"
     "    e = x17 -> conv2d(17, 5, padding=same, groups=17) -> dropout(0.5) -> global_avgpool2d\n"
     "          -> dense(5)\n"
     "    f = concat(x1, x17) -> conv2d(18, 2, groups=18) -> tanh -> flatten -> dense(5)\n"
     "    g = x17 + conv2d(x17, 17, 3, padding=1, groups=17) -> relu -> conv2d(3, [9, 8])\n"
     "          -> flatten\n"
     "    h = y -> conv1d(19, 3, padding=1, groups=19) -> relu -> conv1d(19, 5, groups=19)\n"
     "          -> flatten -> dense(5)\n"
     "    i = x17 -> conv2d(17, 3, groups=17, dilation=2, stride=2, padding=3) -> flatten\n"
     "          -> dense(7)\n"
     "    j = x1 -> conv2d(1, 3, dilation=2, groups=1) -> flatten -> dense(5)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"groups", 17, 1, false, "input x[4, 7, 6] = x\n    input y[6, 9] = y", "[50] = t", "x, y",
     "    x6 = x -> conv2d(6, 3, padding=1, groups=2) -> tanh\n"
     "    x40 = x -> conv2d(40, 2, groups=4) -> batchnorm -> relu\n"
     "    x96 = x -> conv2d(96, 1, groups=2, bias=false) -> relu\n"
     "    a = x6 -> conv2d(3, 3, stride=2, groups=3) -> flatten -> dense(5)\n"
     "    b = x40 -> conv2d(20, 3, padding=1, groups=5) -> relu -> conv2d(40, 3, groups=20)\n"
     "          -> flatten -> dense(5)\n"
     "    c = x96 -> conv2d(32, 3, padding=1, groups=2) -> relu -> conv2d(96, 1, groups=2)\n"
     "          -> dropout(0.25) -> global_avgpool2d -> dense(5)\n"
     "    d = x96 -> conv2d(64, [3, 2], stride=[2, 3], dilation=[1, 2], groups=2) -> relu\n"
     "          -> conv2d(8, 1, groups=4) -> flatten -> dense(5)\n"
     "    e = concat(x6, x) -> conv2d(15, 3, padding=2, dilation=2, groups=5) -> flatten\n"
     "          -> dense(5)\n"
     "    f = concat(x40, x40 -> tanh) -> conv2d(48, 2, groups=16) -> flatten -> dense(5)\n"
     "    g = concat(x96 -> conv2d(32, 1), x96) -> conv2d(8, 2, groups=4) -> flatten -> dense(5)\n"
     "    h = x96 + conv2d(x96, 96, 3, padding=1, groups=3) -> relu -> conv2d(3, [7, 6])\n"
     "          -> flatten\n"
     "    i = y -> conv1d(12, 3, groups=3) -> relu -> conv1d(4, 3, stride=2, groups=2) -> flatten\n"
     "          -> dense(5)\n"
     "    j = x -> conv2d(8, 3, groups=4) -> flatten -> dense(7)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"edges of convolutions", 16, 1, false,
     "input x[3, 7, 6] = x\n    input y[17, 1, 1] = y\n    input z[2, 2, 3] = z", "[39] = t",
     "x, y, z",
     "    x5 = x -> conv2d(5, 2, stride=3) -> tanh\n"
     "    x17 = x -> conv2d(17, 1, stride=[5, 2]) -> tanh\n"
     "    a = x5 -> conv2d(3, 1, stride=2) -> flatten -> dense(5)\n"
     "    b = x17 -> conv2d(19, [1, 2], stride=[4, 3]) -> flatten -> dense(5)\n"
     "    c = y -> conv2d(33, 1) -> relu -> conv2d(3, 3, padding=1) -> flatten -> dense(5)\n"
     "    d = y -> conv2d(2, 5, padding=3) -> flatten -> dense(5)\n"
     "    e = z -> conv2d(17, [2, 3]) -> relu -> conv2d(3, 1) -> flatten -> dense(5)\n"
     "    f = z -> conv2d(5, [4, 7], padding=[1, 2]) -> flatten -> dense(3)\n"
     "    g = x -> conv2d(16, [7, 6]) -> flatten -> dense(3)\n"
     "    h = concat(x -> flatten -> dense(2), x5 -> flatten -> dense(1))\n"
     "    i = x5 * x5 + conv2d(x5, 5, 2, padding=same) -> conv2d(2, 2) -> flatten -> dense(5)\n"
     "    concat(a, b, c, d, e, f, g, h, i)\n",
     "mse"},
};

KernelCases conv_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- What files and summaries say ------------------------------------------------------------ */

static const struct {
    const char *layer; /* of a sequence y[6, 20], or of an image x[6, 9, 8] */
    Shape file;        /* of its weight, PyTorch's */
    int fan_in;
    Shape result;
    double flops;
} facts[] = {
    {"y -> conv1d(7, 3)", {3, {7, 6, 3}}, 18, {2, {7, 18}}, 2 * 126 * 18},
    {"y -> conv1d(8, 4, padding=same, dilation=2, groups=2)",
     {3, {8, 3, 4}},
     12,
     {2, {8, 20}},
     2 * 96 * 20},
    {"y -> conv1d(6, 5, stride=5, groups=6)", {3, {6, 1, 5}}, 5, {2, {6, 4}}, 2 * 30 * 4},
    {"x -> conv2d(7, [2, 3], dilation=[4, 2])",
     {4, {7, 6, 2, 3}},
     36,
     {3, {7, 5, 4}},
     2 * 252 * 20},
    {"x -> conv2d(6, 3, groups=6)", {4, {6, 1, 3, 3}}, 9, {3, {6, 7, 6}}, 2 * 54 * 42},
    {"x -> conv2d(12, 3, padding=1, groups=3)",
     {4, {12, 2, 3, 3}},
     18,
     {3, {12, 9, 8}},
     2 * 216 * 72},
    {"x -> conv2d_transpose(5, [2, 4], stride=[3, 2], padding=[0, 1], output_padding=[2, 1])",
     {4, {6, 5, 2, 4}},
     40,
     {3, {5, 28, 17}},
     2 * 240 * 72},
};

START_TEST(test_facts)
{
    KernelCase one = {
        "facts",   4,      1,    false, "input x[6, 9, 8] = x\n    input y[6, 20] = y",
        "[1] = t", "x, y", NULL, "mse"};
    Model *model;
    const Graph *g;
    const LayerRow *rows;
    int count;

    one.body = format("    a = %s\n    concat(x -> flatten, y -> flatten, a -> flatten)"
                      " -> dense(1)\n",
                      facts[_i].layer);
    model = model_of(kernel_model(&one));
    g = lower(model, MODE_EVALUATE);
    rows = summarize(model, g, &count);
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (!same(value->name, "net.a.weight"))
            continue;
        ck_assert_str_eq(shape_text(file_shape(value)), shape_text(facts[_i].file));
        ck_assert_int_eq(value->fan_in, facts[_i].fan_in);
    }
    for (int i = 0; i < count; i++) {
        if (!same(rows[i].name, "net.a"))
            continue;
        ck_assert_str_eq(shape_text(row_shape(&rows[i])), shape_text(facts[_i].result));
        ck_assert_int_eq(rows[i].parameters, shape_size(facts[_i].file) + facts[_i].result.size[0]);
        ck_assert_double_eq(rows[i].flops, facts[_i].flops);
        return;
    }
    ck_abort_msg("no row for net.a");
}
END_TEST

Suite *suite_conv(void);

Suite *suite_conv(void)
{
    Suite *suite = suite_create("conv");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, test_facts, 0, COUNT(facts));
    return suite;
}
