/*
 * argmax_grad.c -- convolutions under a global maximum, whose gradient is argmax-sparse: as
 * compiled kernels against the reference, and which gradients are taken so.
 */

#include <check.h>
#include <math.h>

#include "kernels/argmax_grad.h"
#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"under a maximum", 50, 1, true, "input x[3, 7, 6] = x\n    input y[19, 11] = y", "[33] = t",
     "x, y",
     "    x16 = x -> conv2d(16, 3, padding=1) -> tanh\n"
     "    x35 = x -> conv2d(35, 3, padding=1) -> relu\n"
     "    a = x35 -> conv2d(17, 3) -> relu -> global_maxpool2d -> dense(3)\n"
     "    b = x35 -> conv2d(5, 3, padding=1, stride=2) -> global_maxpool2d\n"
     "    c = x16 -> conv2d(33, [1, 4], padding=[0, 3], bias=false) -> tanh -> global_maxpool2d\n"
     "            -> dense(3)\n"
     "    d = x16 -> conv2d(9, 3, padding=2, dilation=2) -> leaky_relu -> global_maxpool2d\n"
     "            -> dense(3)\n"
     "    e = x35 -> conv2d(3, [2, 3], stride=[1, 3], padding=4, dilation=2) -> relu6\n"
     "            -> global_maxpool2d\n"
     "    f = y -> conv1d(100, 3) -> relu -> max -> dense(2)\n"
     "    g = y -> conv1d(49, 1, bias=false) -> conv1d(19, 4, padding=2) -> sigmoid\n"
     "          -> global_maxpool1d -> dense(3)\n"
     "    h = concat(x16, x -> conv2d(5, 3, padding=1)) -> conv2d(17, 3) -> global_maxpool2d\n"
     "          -> dense(3)\n"
     "    i = concat(x16, x35) -> relu -> conv2d(1, 5, padding=3) -> global_maxpool2d -> relu\n"
     "    j = x -> conv2d(17, 3) -> relu -> global_maxpool2d -> dense(3)\n"
     "    k = x16 -> conv2d(17, 3, groups=1) -> gelu -> global_maxpool2d -> dense(4)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k)\n",
     "mse"},

    {"what follows in the same kernel", 19, 1, true, "input x[3, 6, 5] = x\n    input y[7, 10] = y",
     "[24] = t", "x, y",
     "    x17 = x -> conv2d(17, 3, padding=1)\n"
     "    a = x17 -> dropout(0.5) -> conv2d(17, 3) -> relu -> global_maxpool2d -> dense(3)\n"
     "    b = x17 -> batchnorm -> relu -> conv2d(18, 2) -> relu -> global_maxpool2d -> dense(3)\n"
     "    c = x17 -> softplus -> conv2d(5, 3, padding=1) -> global_maxpool2d\n"
     "    d = x17 -> maxpool2d(2, stride=1) -> conv2d(5, 2) -> global_maxpool2d -> relu\n"
     "    s = y -> conv1d(33, 3, padding=1) -> batchnorm -> sigmoid\n"
     "    e = s -> conv1d(20, 2) -> relu -> global_maxpool1d\n"
     "    f = s -> conv1d(20, 3) -> relu -> global_maxpool1d\n"
     "    g = s -> conv1d(20, 4) -> relu -> global_maxpool1d\n"
     "    h = s -> layernorm -> conv1d(20, 3) -> tanh -> global_maxpool1d -> dense(3)\n"
     "    concat(a, b, c, d, concat(e, f, g) -> dense(5), h)\n",
     "mse"},

    {"shared", 17, 3, false, "input x[17, 5, 4] = x", "[17] = t", "x",
     "    y = x -> conv2d(17, 3, padding=1) -> relu\n"
     "    z = shared(y) + shared(x) -> relu\n"
     "    both = y -> conv2d(17, 1) -> relu\n"
     "    a = (shared(y) -> global_maxpool2d) + (shared(z) -> relu -> global_maxpool2d)\n"
     "    a + (z -> global_maxpool2d) + (both -> global_maxpool2d) + (both -> global_avgpool2d)\n",
     "mse"},

    {"of tokens", 33, 1, false, "input x = column(1) -> tokens(vocabulary=40, length=12)",
     "[9] = columns(1..9)", "x",
     "    w = x -> embedding(40, padding_row=0)\n"
     "    a = w -> conv1d(20, 2) -> relu -> global_maxpool1d\n"
     "    b = w -> conv1d(20, 3) -> relu -> global_maxpool1d\n"
     "    c = w -> conv1d(20, 4) -> relu -> global_maxpool1d\n"
     "    concat(a, b, c) -> dense(17) -> relu -> dense(9)\n",
     "mse"},
};

KernelCases argmax_grad_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Which are taken so ---------------------------------------------------------------------- */

static const struct {
    const char *body;             /* of x[16, 5, 4]; t[16] */
    int argmax, dense, scattered; /* of both dw: how many; gradients scattered over pixels */
} choices[] = {
    {"    x -> conv2d(16, 3) -> global_maxpool2d\n", 0, 1, 1}, /* 6 pixels */
    {"    x -> conv2d(16, 2) -> global_maxpool2d\n", 1, 0, 0},
    {"    x -> conv2d(16, 2) -> relu -> global_maxpool2d\n", 1, 0, 0},
    {"    x -> conv2d(16, 2) -> relu -> reshape(16, 2, 6) -> global_maxpool2d\n", 1, 0, 0},
    {"    x -> conv2d(16, 2) -> relu -> reshape(32, 3, 2) -> global_maxpool2d -> dense(16)\n", 0, 1,
     1}, /* other channels */
    {"    x -> conv2d(16, 2) -> tanh -> relu6 -> global_maxpool2d\n", 0, 1, 1},
    {"    x -> conv2d(16, 2) -> gelu -> global_maxpool2d\n", 0, 1, 1},
    {"    x -> conv2d(16, 2) -> batchnorm -> relu -> global_maxpool2d\n", 0, 1, 1},
    {"    x -> conv2d(16, 2, groups=2) -> relu -> global_maxpool2d\n", 0, 1, 1},
    {"    x -> conv2d(8, 1) -> conv2d(16, 2) -> relu -> global_maxpool2d\n", 0, 2, 1},
    {"    x -> conv2d(9, 1) -> conv2d(16, 2) -> relu -> global_maxpool2d\n", 1, 1, 0},
    {"    (x -> conv2d(16, 1)) + (x -> conv2d(16, 3, padding=1)) -> relu -> global_maxpool2d\n", 2,
     0, 0},
    /* read by another too, which wants a gradient of every pixel */
    {"    y = x -> conv2d(16, 2) -> relu\n"
     "    (y -> global_maxpool2d) + (y -> global_avgpool2d)\n",
     0, 1, 1},
    {"    y = x -> conv2d(16, 2)\n"
     "    (y -> relu -> global_maxpool2d) + (y -> global_maxpool2d)\n",
     0, 1, 2},
};

START_TEST(test_choice)
{
    const KernelCase c = {
        "chosen", 16, 1, false, "input x[16, 5, 4] = x", "[16] = t", "x", choices[_i].body, "mse"};
    Model *model = model_of(kernel_model(&c));
    Graph *g = lower(model, MODE_TRAIN), *evaluate = lower(model, MODE_EVALUATE);
    int count[OP_COUNT] = {0};

    autodiff(g);
    simplify(g), simplify(evaluate);
    select_algorithms(g, evaluate, find_target("avx2"));
    verify(g);
    check_gradients(g, 3, choices[_i].body);
    for (int i = 0; i < g->node_count; i++)
        count[g->nodes[i]->op]++;
    ck_assert_int_eq(count[OP_CONV2D_DW_ARGMAX], choices[_i].argmax);
    ck_assert_int_eq(count[OP_CONV2D_DW], choices[_i].dense);
    ck_assert_int_eq(count[OP_GLOBAL_MAXPOOL2D_GRAD], choices[_i].scattered);
}
END_TEST

/* ---- What is left out ------------------------------------------------------------------------ */

/* A gradient of 0 and no other: what is no number, or beyond them, stays. */
START_TEST(only_zeros_are_left_out)
{
    static const int images[] = {1, 3, 4};
    const float values[] = {0.0f, NAN, -0.0f, INFINITY, 1e-30f, -1.0f};
    float dy[256] = {0}, index[256] = {0};
    int32_t memory[16 * (4 + 2 + 3)];
    struct net_windows w;
    struct net_argmax_lists p;

    for (int i = 0; i < 6; i++) {
        dy[16 * i] = dy[16 * i + 2] = values[i];
        index[16 * i] = 3;
    }
    net_find_windows(&w, dy, index, 5,
                     (struct net_argmax_dw){.x_blocks = 4,
                                            .x = {9, 10},
                                            .dy_width = 2,
                                            .taps = {.stride = {3, 2}, .padding = {1, 0}}});
    ck_assert_int_eq(w.count, 3);
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(w.row[k], 2);
        ck_assert_int_eq(w.column[k], 2);
        ck_assert_int_eq(w.at[k], 22 * 1024 + 16 * images[k]);
        ck_assert_mem_eq(&w.dy[k], &values[images[k]], sizeof(float));
    }
    p = net_sort_outputs(memory, dy, index, 5, 4, 3);
    for (int i = 0; i < 16; i++) {
        const int32_t *begin = p.begin + 6 * i, *order = p.order + 3 * i;
        const bool kept = i == 1 || i == 3 || i == 4;

        ck_assert_int_eq(begin[0], 0);
        for (int pixel = 0; pixel < 4; pixel++)
            ck_assert_int_eq(begin[pixel + 1] - begin[pixel], kept && pixel % 3 == 0);
        if (kept) {
            ck_assert_int_eq(order[0], 2); /* at pixel 0 */
            ck_assert_int_eq(order[1], 0); /* at pixel 3 */
        }
    }
}
END_TEST

Suite *suite_argmax_grad(void);

Suite *suite_argmax_grad(void)
{
    Suite *suite = suite_create("argmax_grad");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, test_choice, 0, COUNT(choices));
    tcase_add_test(tcase, only_zeros_are_left_out);
    return suite;
}
