/*
 * pool.c -- pools, activations, noise, norms of a row and losses as compiled kernels: against
 * the reference, as in kernels.c.
 */

#include <check.h>
#include <math.h>

#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"avgpool2d", 17, 1, false, "input x[2, 9, 8] = x", "[17] = t", "x",
     "    x1 = x -> conv2d(1, 3, padding=1)\n"
     "    x3 = x -> conv2d(3, 3)\n"
     "    x17 = x -> conv2d(17, 3)\n"
     "    x33 = x -> conv2d(33, 3, stride=2)\n"
     "    a = x1 -> avgpool2d(2) -> flatten -> dense(1)\n"
     "    b = x1 -> avgpool2d(3, stride=1, padding=1) -> relu -> flatten -> dense(2)\n"
     "    c = x3 -> avgpool2d(3, stride=2) -> flatten -> dense(3)\n"
     "    d = x17 -> avgpool2d(3, stride=1) -> sigmoid -> flatten -> dense(2)\n"
     "    e = x17 -> relu -> avgpool2d([2, 3], padding=[1, 0]) -> flatten -> dense(3)\n"
     "    f = x33 -> relu -> avgpool2d(3, stride=2, padding=1) -> flatten -> dense(3)\n"
     "    g = concat(x3, x17) -> avgpool2d(2) -> batchnorm -> flatten -> dense(1)\n"
     "    h = x -> avgpool2d([9, 1]) -> flatten -> dense(2)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"activations under maxpool2d", 17, 1, true, "input x[2, 9, 8] = x", "[22] = t", "x",
     "    x3 = x -> conv2d(3, 3)\n"
     "    x17 = x -> conv2d(17, 3)\n"
     "    a = x3 -> relu -> maxpool2d(2) -> conv2d(5, 2) -> relu -> flatten -> dense(3)\n"
     "    b = x17 -> relu -> maxpool2d(3, stride=1) -> batchnorm -> flatten -> dense(3)\n"
     "    c = x17 -> relu6 -> maxpool2d(3, stride=2, padding=1) -> flatten -> dense(3)\n"
     "    d = x3 -> leaky_relu -> maxpool2d([1, 2], stride=[2, 1]) -> flatten -> dense(3)\n"
     "    e = x17 -> sigmoid -> maxpool2d(3, stride=1, padding=1) -> flatten -> dense(3)\n"
     "    f = x3 -> tanh -> reshape(6, 7, 3) -> maxpool2d(2, stride=1) -> flatten -> dense(3)\n"
     "    y = x17 -> relu\n"
     "    g = concat(y -> maxpool2d(2), y -> avgpool2d(2)) -> flatten -> dense(4)\n"
     "    concat(a, b, c, d, e, f, g)\n",
     "mse"},

    {"global pools and upsample2d", 19, 1, true, "input x[2, 5, 7] = x", "[33] = t", "x",
     "    x3 = x -> conv2d(3, 3)\n"
     "    x17 = x -> conv2d(17, 3) -> relu\n"
     "    x33 = x -> conv2d(33, [5, 1])\n"
     "    a = x3 -> global_maxpool2d -> dense(3)\n"
     "    b = x17 -> global_maxpool2d -> dense(3)\n"
     "    c = x33 -> sigmoid -> global_maxpool2d -> dense(3)\n"
     "    d = concat(x3, x17) -> global_maxpool2d -> dense(3)\n"
     "    e = x -> global_maxpool2d -> dense(1)\n"
     "    f = x3 -> upsample2d(2) -> conv2d(2, 3, stride=2) -> flatten -> dense(3)\n"
     "    g = x17 -> upsample2d([1, 3]) -> softplus -> global_avgpool2d -> dense(3)\n"
     "    h = concat(x3, x17) -> upsample2d([3, 1]) -> conv2d(3, 3) -> global_maxpool2d\n"
     "    i = x -> upsample2d(3) -> global_maxpool2d\n"
     "    j = x3 -> upsample2d(2, mode=bilinear) -> conv2d(2, 3, stride=2) -> flatten -> dense(3)\n"
     "    k = concat(x17, x3) -> upsample2d([3, 4], mode=bilinear) -> tanh -> global_maxpool2d\n"
     "    l = x -> upsample2d([1, 5], mode=bilinear) -> global_maxpool2d\n"
     "    m = x33 -> upsample2d([8, 2], mode=bilinear) -> global_maxpool2d -> dense(2)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k -> dense(2), l, m)\n",
     "mse"},

    {"pools of sequences", 17, 1, false, "input x[3, 11] = x\n    input y[19, 6] = y", "[26] = t",
     "x, y",
     "    x5 = x -> reshape(3, 1, 11) -> conv2d(5, [1, 3]) -> reshape(5, 9)\n"
     "    y17 = y -> reshape(19, 1, 6) -> conv2d(17, 1) -> reshape(17, 6)\n"
     "    a = x5 -> maxpool1d(2) -> flatten -> dense(3)\n"
     "    b = x5 -> maxpool1d(3, stride=1, padding=1) -> relu -> flatten -> dense(3)\n"
     "    c = y17 -> avgpool1d(3, stride=2, padding=1) -> flatten -> dense(3)\n"
     "    d = y17 -> avgpool1d(2) -> sigmoid -> mean -> dense(3)\n"
     "    e = concat(x5 -> maxpool1d(4), y17 -> avgpool1d(3)) -> max -> dense(3)\n"
     "    f = x5 -> relu -> global_maxpool1d -> dense(3)\n"
     "    g = y17 -> tanh -> global_avgpool1d -> dense(3)\n"
     "    h = x -> mean\n"
     "    i = y -> softmax -> max -> dense(1)\n"
     "    j = x5 -> softmax -> mean -> dense(1)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"elu selu gelu softplus hardswish", 16, 1, true, "input x[13] = x\n    input y[2, 3, 4] = y",
     "[37] = t", "x, y",
     "    x3 = x -> dense(3)\n"
     "    x17 = x -> dense(17)\n"
     "    y5 = y -> conv2d(5, 2)\n"
     "    a = concat(elu(x3), elu(x3, 0.3), selu(x3), gelu(x3), softplus(x3), hardswish(x3))\n"
     "    b = concat(elu(x17), elu(x17, 2), selu(x17), gelu(4 * x17), softplus(x17),\n"
     "               hardswish(x17))\n"
     "    c = concat(elu(y5), selu(y5), gelu(y5), softplus(y5), hardswish(y5))\n"
     "    d = x -> dense(33) -> softplus -> dense(2) -> gelu -> dense(5) -> softplus\n"
     "    e = x -> dense(5) -> elu -> gelu -> selu -> softplus -> hardswish -> softplus\n"
     "    f = y -> conv2d(17, 1) -> softplus -> conv2d(3, 2) -> softplus -> flatten -> dense(4)\n"
     "    g = x -> softplus -> mish -> gelu -> dense(3) -> mish\n"
     "    h = y -> hardswish -> softplus -> conv2d(2, 3) -> flatten -> dense(3)\n"
     "    concat(a -> dense(5), b -> dense(5), c -> flatten -> dense(7), d, e, f, g, h)\n",
     "mse"},

    {"softsign", 16, 1, true, "input x[13] = x\n    input y[2, 3, 4] = y", "[36] = t", "x, y",
     "    a = concat(softsign(x -> dense(3)), softsign(x -> dense(17)),\n"
     "               x -> softsign -> dense(1))\n"
     "    b = y -> conv2d(5, 2) -> softsign -> conv2d(3, 1) -> softsign -> flatten -> dense(7)\n"
     "    c = y -> softsign -> maxpool2d(2) -> flatten -> dense(3)\n"
     "    d = x -> dense(33) -> softsign -> dense(2) -> gelu -> softsign -> dense(5)\n"
     "    concat(a, b, c, d)\n",
     "mse"},

    {"hardsigmoid", 16, 1, true, "input x[13] = x\n    input y[2, 3, 4] = y", "[36] = t", "x, y",
     "    a = concat(hardsigmoid(x -> dense(3)), hardsigmoid(x -> dense(17)),\n"
     "               x -> hardsigmoid -> dense(1))\n"
     "    b = y -> conv2d(5, 2) -> hardsigmoid -> conv2d(3, 1) -> hardsigmoid -> flatten\n"
     "          -> dense(7)\n"
     "    c = y -> hardsigmoid -> maxpool2d(2) -> flatten -> dense(3)\n"
     "    d = x -> dense(33) -> hardsigmoid -> dense(2) -> gelu -> hardsigmoid -> dense(5)\n"
     "    concat(a, b, c, d)\n",
     "mse"},

    {"arithmetic", 17, 1, true, "input x[13] = x\n    input y[2, 5, 4] = y", "[50] = t", "x, y",
     "    x3 = x -> dense(3)\n"
     "    x17 = x -> dense(17) -> tanh\n"
     "    wide = y -> conv2d(17, 2) -> sigmoid\n"
     "    a = 1 - x3 / (1 + square(x17) -> dense(3) -> exp) * 2 + -x3\n"
     "    b = sqrt(x3 * x3 + 0.5) -> dense(3)\n"
     "    c = log(2 + x17) - 3 / (x17 + 4) -> dense(5)\n"
     "    d = x3 -> sin -> dense(17) -> cos -> abs -> dense(3)\n"
     "    e = max(x17, x17 * x17) * min(x17, 0.25) -> dense(3)\n"
     "    f = min(x3, x3 -> dense(3)) + clamp(x3, -0.5, 0.5) + max(0.1 * x3, -0.2)\n"
     "    g = (x17 > 0.1) * x17 + (x17 < x17 * 2) - (x17 >= 0.3) * (x17 <= -0.2) -> dense(3)\n"
     "    h = pow(2 + wide, -1.5) -> global_avgpool2d -> dense(3)\n"
     "    k = pow(x3, 3) * pow(h, 2)\n"
     "    i = wide * x17 + x17 - wide / (2 + x17) -> conv2d(3, 2) -> flatten\n"
     "    j = (y -> conv2d(17, 1) -> reshape(17, 20)) * sigmoid(x17) -> mean\n"
     "    concat(a, b, c, d, e, f, g, h, k, i, j -> dense(3))\n",
     "mse"},

    {"dropout of channels and rows", 40, 1, true, "input x[13] = x\n    input y[2, 5, 4] = y",
     "[21] = t", "x, y",
     "    a = y -> conv2d(19, 3) -> dropout2d(0.3) -> relu -> flatten -> dense(3)\n"
     "    b = y -> dropout2d(0.5) -> conv2d(2, 3) -> drop_path(0.4) -> flatten -> dense(3)\n"
     "    c = y -> conv2d(6, 3, padding=1) -> reshape(3, 40) -> dropout1d(0.5) -> flatten -> "
     "dense(3)\n"
     "    d = y -> conv2d(3, 1) -> reshape(12, 5) -> dropout1d(0.5) -> conv1d(4, 2) -> flatten\n"
     "          -> drop_path(0.2) -> dense(3)\n"
     "    e = concat(y -> conv2d(5, 3), y -> conv2d(18, 3)) -> dropout2d(0.3) -> drop_path(0.3)\n"
     "          -> flatten -> dense(3)\n"
     "    f = x -> dense(35) -> reshape(7, 5) -> dropout1d(0.5) -> flatten -> dense(3)\n"
     "    g = x -> dense(3) -> drop_path(0.5)\n"
     "    concat(a, b, c, d, e, f, g)\n",
     "mse"},

    {"gaussian_noise", 64, 1, true, "input x[13] = x\n    input y[2, 5, 4] = y", "[30] = t", "x, y",
     "    a = x -> dense(1) -> gaussian_noise(0.5) -> dense(3)\n"
     "    b = x -> dense(17) -> relu -> gaussian_noise(0.25) -> dense(3)\n"
     "    c = x -> gaussian_noise(0.1) -> dense(33) -> gaussian_noise(1) -> tanh -> dropout(0.5)\n"
     "          -> dense(3)\n"
     "    d = y -> conv2d(19, 3) -> gaussian_noise(0.3) -> flatten -> dense(3)\n"
     "    e = y -> conv2d(3, 3) -> relu -> maxpool2d(2) -> gaussian_noise(3) -> flatten\n"
     "          -> dense(3)\n"
     "    f = y -> conv2d(17, 2) -> flatten -> gaussian_noise(0.5) -> dense(3)\n"
     "    g = y -> gaussian_noise(0.2) -> conv2d(2, 3) -> flatten -> dense(3)\n"
     "    h = concat(dense(x, 5), dense(x, 3)) -> gaussian_noise(0.5) -> dense(3)\n"
     "    i = y -> conv2d(17, 3) -> batchnorm -> relu -> gaussian_noise(0.5) -> global_avgpool2d\n"
     "          -> dense(3)\n"
     "    j = y -> avgpool2d(2) -> gaussian_noise(1) -> relu -> upsample2d(2)\n"
     "          -> gaussian_noise(1) -> flatten -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"layernorm", 19, 1, true, "input x[19] = x\n    input y[3, 5, 4] = y\n    input z[5, 7] = z",
     "[40] = t", "x, y, z",
     "    a = x -> dense(2) -> layernorm -> relu -> dense(2)\n"
     "    b = x -> dense(17) -> layernorm -> tanh -> dense(3)\n"
     "    c = x -> layernorm(eps=1e-3) -> dense(5)\n"
     "    d = concat(dense(x, 5), dense(x, 33)) -> layernorm -> dropout(0.5) -> dense(3)\n"
     "    y17 = y -> conv2d(17, 2) -> layernorm -> relu\n"
     "    e = y17 + (y17 -> conv2d(17, 3, padding=1) -> layernorm) -> flatten -> dense(3)\n"
     "    f = y -> conv2d(33, 3) -> gelu -> layernorm -> global_avgpool2d -> dense(5)\n"
     "    g = z -> layernorm -> mean -> layernorm -> dense(5)\n"
     "    h = y -> conv2d(5, 3) -> flatten -> layernorm -> dense(3)\n"
     "    i = y -> layernorm -> softplus -> conv2d(3, 3) -> layernorm -> sigmoid\n"
     "          -> global_maxpool2d\n"
     "    j = x -> dense(48) -> layernorm -> dense(48) -> layernorm -> gaussian_noise(1)\n"
     "          -> dense(8)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"mae", 17, 1, true, "input x[2, 4, 4] = x", "[3, 3, 3] = t", "x", "    x -> conv2d(3, 2)\n",
     "mae"},
    {"huber of a concat", 16, 1, true, "input x[7] = x", "[22] = t", "x",
     "    concat(x -> dense(5), x -> dense(17))\n", "huber, delta=0.7"},
    {"smooth_l1 of a concat", 17, 1, true, "input x[7] = x", "[22] = t", "x",
     "    concat(x -> dense(5), x -> dense(17))\n", "smooth_l1, beta=0.4"},
    {"log_cosh of a concat", 17, 1, true, "input x[7] = x", "[22] = t", "x",
     "    concat(x -> dense(5), x -> dense(17))\n", "log_cosh"},
    {"huber of one number", 64, 1, false, "input x[7] = x", "[1] = t", "x", "    x -> dense(1)\n",
     "huber"},
    {"cross_entropy with class weights", 64, 1, true, "input x[5] = x", " = t -> classes(3)", "x",
     "    x -> dense(3)\n", "cross_entropy, class_weights=[0.5, 0, 3]"},
    {"cross_entropy with smoothing", 17, 1, true, "input x[5] = x", " = t -> classes(19)", "x",
     "    x -> dense(19) -> softmax\n", "cross_entropy, smoothing=0.1"},
    {"cross_entropy with both", 17, 1, true, "input x[5] = x", " = t -> classes(17)", "x",
     "    concat(x -> dense(3), x -> dense(14))\n",
     "cross_entropy, smoothing=0.25, class_weights=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
     "15, 16, 0.5]"},
};

KernelCases pool_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Which dropouts leave a mask ------------------------------------------------------------- */

#define NORMAL "x -> conv2d(20, 1) -> batchnorm"

static const struct {
    const char *body; /* of x[20, 6, 6] */
    int masks, drawn; /* written and read; dropouts of kernels that draw without one */
} choices[] = {
    {"    " NORMAL " -> dropout(0.5) -> flatten -> dense(1)\n", 1, 0},
    {"    " NORMAL " -> dropout(0.5) -> flatten -> dense(40) -> dense(1)\n", 0, 2},
    {"    " NORMAL " -> dropout(0.5) -> conv2d(20, 1) -> flatten -> dense(1)\n", 0, 2},
    {"    " NORMAL " -> dropout(0.5) -> maxpool2d(2) -> flatten -> dense(1)\n", 0, 2},
    {"    x -> conv2d(20, 1) -> dropout(0.5) -> flatten -> dense(1)\n", 0, 2},
    {"    x -> dropout(0.5) -> flatten -> dense(1)\n", 0, 1}, /* x has no gradient */
    {"    " NORMAL " -> dropout(0.5) -> dropout(0.1) -> flatten -> dense(1)\n", 1, 2},
    /* of one layout, each with its own */
    {"    a = " NORMAL " -> dropout(0.5)\n"
     "    b = " NORMAL " -> dropout(0.5)\n"
     "    concat(a -> flatten, b -> flatten) -> dense(1)\n",
     2, 0},
    {"    a = " NORMAL " -> dropout(0.5)\n"
     "    b = a -> conv2d(20, 1) -> batchnorm -> dropout(0.5)\n"
     "    a + b -> flatten -> dense(1)\n",
     1, 2},
};

/* How many kernels after the i-th read its mask, each for the same dropout. */
static int count_readers(const Program *p, int i)
{
    int readers = 0;

    for (int j = 0; j < p->count; j++) {
        if (j == i || p->kernels[j]->mask != p->kernels[i]->mask)
            continue;
        ck_assert_int_gt(j, i);
        ck_assert(!p->kernels[j]->writes_mask);
        ck_assert_int_eq(p->kernels[j]->masked->at.stream, p->kernels[i]->masked->at.stream);
        readers++;
    }
    return readers;
}

START_TEST(test_choice)
{
    const KernelCase c = {"masks",          16,   1, false, "input x[20, 6, 6] = x", "[1] = t", "x",
                          choices[_i].body, "mse"};
    const Compiled compiled = plan_model(kernel_model(&c), "avx512");
    int masks = 0, drawn = 0;

    for (int i = 0; i < compiled.train->count; i++) {
        const Kernel *k = compiled.train->kernels[i];

        for (int j = 0; j < k->epilogue_count; j++)
            drawn += k->epilogue[j]->op == OP_DROPOUT && k->epilogue[j] != k->masked;
        if (k->writes_mask) {
            masks++;
            ck_assert_int_eq(count_readers(compiled.train, i), 1);
        }
    }
    ck_assert_int_eq(masks, choices[_i].masks);
    ck_assert_int_eq(drawn, choices[_i].drawn);
}
END_TEST

/* ---- Gradients of activations before they are scattered -------------------------------------- */

static const struct {
    const char *body; /* of x[2, 9, 8]; t[16] */
    Op op;
    bool pooled; /* is it of what the maximum gave? */
} activations[] = {
    {"    x -> conv2d(3, 3) -> relu -> maxpool2d(2) -> flatten -> dense(16)\n", OP_RELU_GRAD, true},
    {"    x -> conv2d(3, 3) -> tanh -> reshape(6, 7, 3) -> maxpool2d(3, stride=1) -> flatten\n"
     "      -> dense(16)\n",
     OP_TANH_GRAD, true},
    {"    x -> conv2d(3, 3) -> leaky_relu -> maxpool2d(2, padding=1) -> flatten -> dense(16)\n",
     OP_LEAKY_RELU_GRAD, true},
    {"    x -> conv2d(3, 3) -> gelu -> maxpool2d(2) -> flatten -> dense(16)\n", OP_GELU_GRAD,
     false},
    {"    y = x -> conv2d(3, 3) -> relu\n" /* read by another too */
     "    concat(y -> maxpool2d(2), y -> avgpool2d(2)) -> flatten -> dense(16)\n",
     OP_RELU_GRAD, false},
    {"    x -> conv2d(3, 3) -> relu -> batchnorm -> maxpool2d(2) -> flatten -> dense(16)\n",
     OP_RELU_GRAD, false},
};

START_TEST(test_activation)
{
    const KernelCase c = {
        "activation",         16,   1, false, "input x[2, 9, 8] = x", "[16] = t", "x",
        activations[_i].body, "mse"};
    Graph *g = lower(model_of(kernel_model(&c)), MODE_TRAIN);
    int count = 0;

    autodiff(g);
    simplify(g);
    verify(g);
    check_gradients(g, 3, activations[_i].body);
    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];

        if (node->op != activations[_i].op)
            continue;
        count++;
        while (node->inputs[0]->node->op == OP_RESHAPE)
            node = node->inputs[0]->node;
        ck_assert_int_eq(node->inputs[0]->node->op == OP_MAXPOOL2D, activations[_i].pooled);
    }
    ck_assert_int_eq(count, 1);
}
END_TEST

Suite *suite_pool(void);

Suite *suite_pool(void)
{
    Suite *suite = suite_create("pool");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, test_activation, 0, COUNT(activations));
    tcase_add_loop_test(tcase, test_choice, 0, COUNT(choices));
    return suite;
}
