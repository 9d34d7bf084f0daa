/*
 * kernels.c -- every operation as compiled kernels, in odd shapes: against the reference, on
 * every target, on one to three threads, for full and partial batches.
 *
 * The one idea: a model holds many branches of one operation, so that few generated files cover
 * many shapes. A parameter stands before what has none: so gradients flow through all of it.
 */

#include <check.h>
#include <math.h>
#include <string.h>

#include "support/graph_test.h"
#include "support/kernel_test.h"

Suite *suite_kernels(void);
TCase *odd_batch_tests(void), *meeting_tests(void); /* odd_batches.c, meetings.c */

/* Convolutions, pools, a residual block, two branches, dropout. */
#define DIGITS                                                                                     \
    "    a = x -> conv2d(8, 3, padding=same) -> relu -> maxpool2d(2)\n"                            \
    "    b = a -> conv2d(8, 3, padding=1, bias=false) -> batchnorm -> relu\n"                      \
    "          -> conv2d(8, 3, padding=1, bias=false) -> batchnorm\n"                              \
    "    c = a + b -> relu\n"                                                                      \
    "    d = c -> conv2d(19, 3) -> relu -> flatten -> dense(33) -> relu -> dropout(0.25)\n"        \
    "    e = c -> global_avgpool2d -> dense(5) -> sigmoid\n"                                       \
    "    concat(d, e) -> dropout(0.5) -> dense(10)\n"

static const KernelCase cases[] = {
    {"dense", 64, 1, true, "input x[33] = x", "[72] = t", "x",
     "    a = x -> dense(1) -> tanh -> dense(2)\n"
     "    b = x -> dense(2) -> tanh -> dense(1, bias=false)\n"
     "    c = x -> dense(3, bias=false) -> tanh -> dense(5)\n"
     "    d = x -> dense(16) -> tanh -> dense(17)\n"
     "    e = x -> dense(17) -> dense(3)\n"
     "    f = x -> dense(19) -> tanh -> dense(33)\n"
     "    g = x -> dense(33) -> tanh -> dense(1)\n"
     "    h = x -> dense(5) -> tanh -> dense(10)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"dense of few outputs", 33, 3, true,
     "input x[19] = x\n    input y[3, 5, 4] = y\n    input z[130] = z", "[15] = t", "x, y, z",
     "    y60 = y -> conv2d(3, 3, padding=1) -> relu -> flatten -> dropout(0.5)\n"
     "    a = few(x -> dense(60)) + few(y60) + few(concat(x, x -> dense(41)))\n"
     "    b = z -> sigmoid -> dense(1) -> sigmoid\n"
     "    c = y -> conv2d(17, 2) -> flatten -> dense(4) -> gaussian_noise(0.1) -> tanh\n"
     "    d = x -> dense(1) -> tanh -> dense(3, bias=false) -> relu\n"
     "    e = z -> dense(33) -> batchnorm -> relu -> dense(3, bias=false) -> batchnorm\n"
     "          -> dropout(0.25)\n"
     "    f = y -> conv2d(5, 3) -> batchnorm -> flatten -> dropout(0.5) -> dense(1)\n"
     "    g = f * (concat(x -> dense(5), z -> dense(40) -> tanh) -> dense(1)) + f\n"
     "    concat(a, b, c, d, e, f, g)\n",
     "mse"},

    {"conv2d of hidden values", 17, 1, false, "input x[3, 7, 6] = x", "[311] = t", "x",
     "    x1 = x -> conv2d(1, 1) -> tanh\n"
     "    x2 = x -> conv2d(2, 3, padding=1) -> tanh\n"
     "    x3 = x -> conv2d(3, [2, 3]) -> tanh\n"
     "    x5 = x -> conv2d(5, [1, 5], bias=false) -> tanh\n"
     "    x16 = x -> conv2d(16, 3, stride=2) -> tanh\n"
     "    x17 = x -> conv2d(17, 3, padding=same) -> tanh\n"
     "    x19 = x -> conv2d(19, 5, padding=same) -> tanh\n"
     "    x33 = x -> conv2d(33, 3, stride=3, padding=[1, 2]) -> tanh\n"
     "    a = x1 -> conv2d(17, 3, padding=2) -> flatten -> dense(1)\n"
     "    b = x2 -> conv2d(33, 3, padding=same) -> flatten -> dense(2)\n"
     "    c = x3 -> conv2d(1, 3, stride=2, padding=1) -> flatten -> dense(3)\n"
     "    d = x5 -> conv2d(16, [5, 1], padding=[2, 0], bias=false) -> flatten -> dense(5)\n"
     "    e = x16 -> conv2d(3, 1) -> flatten -> dense(16)\n"
     "    f = x17 -> conv2d(19, [2, 3], stride=[2, 1], padding=[0, 1]) -> flatten -> dense(17)\n"
     "    g = x19 -> conv2d(5, 5, stride=3, padding=2) -> flatten -> dense(19)\n"
     "    h = x33 -> conv2d(2, 2, stride=2, padding=1) -> flatten -> dense(33)\n"
     "    i = x17 -> conv2d(33, 1, stride=3) -> flatten\n"
     "    j = x33 -> conv2d(17, 3) -> flatten -> dense(17)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"conv2d of inputs", 16, 1, false,
     "input x[1, 7, 6] = x\n    input y[2, 5, 9] = y\n    input z[3, 8, 18] = z\n"
     "    input u[5, 6, 6] = u\n    input v[8, 4, 5] = v\n    input w[9, 5, 4] = w",
     "[46] = t", "x, y, z, u, v, w",
     "    a = x -> conv2d(17, 3, padding=same) -> tanh -> flatten -> dense(5)\n"
     "    b = x -> conv2d(2, [5, 3], padding=1) -> tanh -> flatten -> dense(3)\n"
     "    c = y -> conv2d(33, 3, stride=2) -> tanh -> flatten -> dense(5)\n"
     "    d = y -> conv2d(3, 1, stride=3) -> tanh -> flatten -> dense(3)\n"
     "    e = z -> conv2d(16, 5, padding=2, bias=false) -> tanh -> flatten -> dense(5)\n"
     "    f = z -> conv2d(19, 3, stride=3, padding=2) -> tanh -> flatten -> dense(3)\n"
     "    g = u -> conv2d(5, [2, 3], stride=[2, 1]) -> tanh -> flatten -> dense(5)\n"
     "    h = u -> conv2d(1, [1, 5]) -> tanh -> flatten -> dense(3)\n"
     "    i = v -> conv2d(17, 3, padding=[2, 1], stride=[1, 2]) -> tanh -> flatten -> dense(5)\n"
     "    j = w -> conv2d(33, 3, padding=1) -> tanh -> flatten -> dense(5)\n"
     "    k = w -> conv2d(3, 2) -> tanh -> flatten -> dense(4)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k)\n",
     "mse"},

    {"conv2d of one image at a time", 1, 1, false, "input x[3, 6, 6] = x", "[5] = t", "x",
     "    x -> conv2d(19, 3, padding=1) -> relu -> conv2d(33, 3) -> relu -> maxpool2d(2)\n"
     "      -> flatten -> dense(5)\n",
     "mse"},

    {"maxpool2d", 17, 1, true, "input x[2, 9, 8] = x", "[17] = t", "x",
     "    x1 = x -> conv2d(1, 3, padding=1)\n"
     "    x3 = x -> conv2d(3, 3)\n"
     "    x17 = x -> conv2d(17, 3)\n"
     "    x33 = x -> conv2d(33, 3, stride=2)\n"
     "    a = x1 -> maxpool2d(2) -> flatten -> dense(1)\n"
     "    b = x1 -> maxpool2d(3, stride=1, padding=1) -> relu -> flatten -> dense(2)\n"
     "    c = x3 -> maxpool2d(3, stride=2) -> flatten -> dense(3)\n"
     "    d = x17 -> maxpool2d(2, stride=1) -> tanh -> flatten -> dense(2)\n"
     "    e = x17 -> relu -> maxpool2d([2, 3], padding=[1, 0]) -> flatten -> dense(3)\n"
     "    f = x33 -> relu -> maxpool2d(3, stride=2, padding=1) -> flatten -> dense(3)\n"
     "    g = x3 -> maxpool2d(2) -> maxpool2d(3) -> flatten -> dense(1)\n"
     "    h = x -> maxpool2d(2) -> flatten -> dense(2)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"batchnorm of vectors", 64, 3, true, "input x[19] = x\n    input y[3, 5, 4] = y", "[26] = t",
     "x, y",
     "    a = x -> dense(1) -> batchnorm -> relu -> dense(2)\n"
     "    b = x -> dense(17) -> batchnorm -> tanh -> dense(3)\n"
     "    c = x -> batchnorm(momentum=0.3, eps=1e-3) -> dense(5)\n"
     "    d = concat(dense(x, 5), dense(x, 33), dense(x, 2)) -> batchnorm -> dense(3)\n"
     "    y2 = y -> conv2d(2, 3) -> flatten\n"
     "    y19 = y -> conv2d(19, 3) -> flatten\n"
     "    e = y2 -> batchnorm -> dense(2)\n"
     "    f = y19 -> batchnorm -> relu -> dense(3)\n"
     "    g = concat(y19 -> tanh, y2 -> relu) -> batchnorm -> dense(5)\n"
     "    h = y -> batchnorm -> conv2d(17, 2) -> flatten -> relu -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"batchnorm of images", 17, 1, false, "input y[3, 5, 4] = y", "[35] = t", "y",
     "    y2 = y -> conv2d(2, 3) -> batchnorm -> relu\n"
     "    y17 = y -> conv2d(17, 3, padding=1, bias=false) -> batchnorm -> relu\n"
     "    y33 = y -> conv2d(33, 1) -> relu -> batchnorm\n"
     "    e = y2 -> flatten -> dense(3)\n"
     "    f = y17 -> conv2d(5, 3) -> batchnorm -> flatten -> dense(5)\n"
     "    g = y33 -> flatten -> dense(16)\n"
     "    h = concat(y17, y33) -> batchnorm -> relu -> conv2d(3, 3) -> flatten -> dense(3)\n"
     "    i = y -> conv2d(5, 3, padding=1) -> maxpool2d(2) -> batchnorm -> global_avgpool2d\n"
     "    k = y -> batchnorm -> conv2d(2, 3) -> flatten -> dense(3)\n"
     "    concat(e, f, g, h, i, k)\n",
     "mse"},

    {"batchnorm far from 0", 33, 1, true, "input far[3, 5, 4] = x\n    input farther[17] = y",
     "[7] = t", "far, farther",
     "    a = far -> batchnorm -> conv2d(2, 3) -> flatten -> dense(2)\n"
     "    b = far -> maxpool2d(2) -> batchnorm -> flatten -> dense(2)\n"
     "    c = farther -> batchnorm -> dense(3)\n"
     "    concat(a, b, c)\n",
     "mse"},

    {"activations", 16, 1, true, "input x[13] = x\n    input y[2, 3, 4] = y", "[64] = t", "x, y",
     "    x3 = x -> dense(3)\n"
     "    x17 = x -> dense(17)\n"
     "    y5 = y -> conv2d(5, 2)\n"
     "    a = concat(relu(x3), leaky_relu(x3), relu6(x3), sigmoid(x3), tanh(x3), silu(x3))\n"
     "    b = concat(relu(x17), leaky_relu(x17, 0.2), relu6(x17), sigmoid(x17), tanh(x17),\n"
     "               silu(x17))\n"
     "    c = concat(relu(y5), leaky_relu(y5), relu6(y5), sigmoid(y5), tanh(y5), silu(y5))\n"
     "    d = x -> dense(33) -> sigmoid -> dense(2) -> silu -> dense(5) -> sigmoid\n"
     "    e = x -> dense(5) -> relu6 -> tanh -> leaky_relu -> sigmoid -> silu -> relu\n"
     "    f = y -> conv2d(17, 1) -> sigmoid -> conv2d(3, 2) -> sigmoid -> flatten -> dense(4)\n"
     "    g = x -> relu -> sigmoid -> dense(3)\n"
     "    h = y -> silu -> sigmoid -> conv2d(2, 3) -> flatten -> dense(3)\n"
     "    i = concat(dense(x, 5), dense(x, 3)) -> sigmoid -> dense(9)\n"
     "    concat(a -> dense(9), b -> dense(9), c -> flatten -> dense(17), d, e, f, g, h, i)\n",
     "mse"},

    {"dropout", 64, 1, true, "input x[13] = x\n    input y[2, 5, 4] = y", "[30] = t", "x, y",
     "    a = x -> dense(1) -> dropout(0.5) -> dense(3)\n"
     "    b = x -> dense(17) -> relu -> dropout(0.25) -> dense(3)\n"
     "    c = x -> dropout(0.1) -> dense(33) -> dropout(0.5) -> tanh -> dropout(0.5) -> dense(3)\n"
     "    d = y -> conv2d(19, 3) -> dropout(0.3) -> flatten -> dense(3)\n"
     "    e = y -> conv2d(3, 3) -> relu -> maxpool2d(2) -> dropout(0.3) -> flatten -> dense(3)\n"
     "    f = y -> conv2d(17, 2) -> flatten -> dropout(0.5) -> dense(3)\n"
     "    g = y -> dropout(0.2) -> conv2d(2, 3) -> flatten -> dense(3)\n"
     "    h = concat(dense(x, 5), dense(x, 3)) -> dropout(0.5) -> dense(3)\n"
     "    i = y -> conv2d(17, 3) -> batchnorm -> relu -> dropout(0.5) -> global_avgpool2d\n"
     "          -> dense(3)\n"
     "    j = concat(y -> conv2d(5, 3), y -> conv2d(3, 3)) -> flatten -> dropout(0.5) -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"reshape and flatten", 17, 1, false,
     "input x[784] = x\n    input y[1, 28, 28] = y\n    input z[60] = z\n    input u[60] = u",
     "[25] = t", "x, y, z, u",
     "    a = x -> reshape(1, 28, 28) -> conv2d(3, 5, stride=3) -> flatten -> dense(3)\n"
     "    b = y -> reshape(784) -> dense(5)\n"
     "    c = z -> dense(60) -> reshape(5, 3, 4) -> conv2d(17, 2) -> relu -> flatten -> dense(3)\n"
     "    d = z -> reshape(3, 4, 5) -> conv2d(17, 3) -> reshape(3, 34) -> flatten -> dense(2)\n"
     "    e = u -> dense(20) -> reshape(20, 1, 1) -> conv2d(5, 1) -> flatten -> dense(1)\n"
     "    f = u -> reshape(15, 4) -> reshape(15, 2, 2) -> conv2d(2, 1) -> maxpool2d(2) -> flatten\n"
     "    g = u -> dense(36) -> reshape(4, 3, 3) -> tanh -> reshape(9, 2, 2) -> global_avgpool2d\n"
     "    concat(a, b, c, d, e, f, g)\n",
     "mse"},

    {"concat", 16, 1, false,
     "input x[5] = x\n    input y[1] = y\n    input z[3, 4, 4] = z\n"
     "    input u[17, 4, 4] = u",
     "[46] = t", "x, y, z, u",
     "    a = concat(x, y) -> dense(3)\n"
     "    b = concat(x -> dense(5), x -> dense(1)) -> relu -> dense(3)\n"
     "    c = concat(x -> dense(10), x -> dense(100)) -> dense(19) -> tanh\n"
     "    d = concat(z, u) -> conv2d(5, 3) -> flatten -> dense(2)\n"
     "    p = z -> conv2d(5, 3, padding=1)\n"
     "    q = u -> conv2d(17, 3, padding=1)\n"
     "    e = concat(p, q, z) -> relu -> conv2d(19, 3) -> maxpool2d(2) -> flatten -> dense(3)\n"
     "    f = concat(concat(p, z), concat(q, concat(p, u))) -> conv2d(3, 2) -> flatten\n"
     "        -> dense(3)\n"
     "    g = concat(p, q) -> flatten -> dense(3)\n"
     "    h = concat(p -> flatten, q -> flatten) -> sigmoid -> dense(3)\n"
     "    i = concat(p, q) -> sigmoid -> flatten -> tanh -> dense(3)\n"
     "    j = concat(x -> dense(16), y -> dense(16), x -> dense(33)) -> dense(1)\n"
     "    k = concat(p, q) -> maxpool2d(2) -> global_avgpool2d -> dense(2)\n"
     "    l = concat(x, x) -> dense(1)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k, l)\n",
     "mse"},

    {"add and multiply", 13, 1, false, "input x[19] = x\n    input y[3, 4, 3] = y", "[73] = t",
     "x, y",
     "    x5 = x -> dense(5)\n"
     "    x17 = x -> dense(17)\n"
     "    w17 = x -> dense(17) -> tanh\n"
     "    a = x5 + x5\n"
     "    b = x5 * x5\n"
     "    c = x17 * w17 + x17\n"
     "    d = x + x -> dense(3)\n"
     "    e = (x * x -> dense(19)) * x -> dense(2)\n"
     "    y5 = y -> conv2d(5, 3, padding=1)\n"
     "    f = y5 * y5 + (y -> conv2d(5, 1)) -> relu -> flatten -> dense(3)\n"
     "    p = concat(x -> dense(5), x -> dense(3))\n"
     "    q = x -> dense(8)\n"
     "    g = p + q\n"
     "    h = q * p\n"
     "    i = (y5 -> flatten) + (x -> dense(60)) -> dense(5)\n"
     "    j = y5 + (x -> dense(60) -> reshape(5, 4, 3)) -> tanh -> flatten -> dense(5)\n"
     "    k = p + p * q + concat(x5, x -> dense(3)) -> tanh\n"
     "    l = w17 + w17 -> relu -> dense(4)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k, l)\n",
     "mse"},

    {"softmax and global_avgpool2d", 17, 1, true, "input x[7] = x\n    input y[3, 4, 5] = y",
     "[27] = t", "x, y",
     "    a = x -> dense(1) -> softmax -> dense(2)\n"
     "    b = x -> dense(17) -> softmax -> dense(3)\n"
     "    c = x -> dense(33) -> relu -> softmax -> dense(5)\n"
     "    d = y -> conv2d(5, 3) -> softmax -> flatten -> dense(3)\n"
     "    e = y -> conv2d(17, 2) -> softmax -> conv2d(3, 2) -> flatten -> dense(3)\n"
     "    f = concat(x -> dense(5), x -> dense(3)) -> softmax -> dense(2)\n"
     "    g = x -> softmax -> dense(2)\n"
     "    h = y -> global_avgpool2d -> dense(2)\n"
     "    i = y -> conv2d(19, 3) -> relu -> global_avgpool2d -> dense(3)\n"
     "    j = y -> conv2d(33, 3) -> global_avgpool2d -> softmax -> dense(2)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j)\n",
     "mse"},

    {"a residual network, image to image", 13, 1, false, "input x[3, 6, 6] = x", "[17, 6, 6] = t",
     "x",
     "    a = x -> conv2d(17, 3, padding=1, bias=false) -> batchnorm -> relu\n"
     "    b = a -> conv2d(17, 3, padding=1, bias=false) -> batchnorm\n"
     "    c = a + b -> relu\n"
     "    d = c -> conv2d(17, 3, padding=1) -> batchnorm -> relu -> conv2d(17, 3, padding=1)\n"
     "    c + d -> leaky_relu -> softmax\n",
     "mse"},

    {"networks called more than once", 13, 3, false,
     "input x[7] = x\n    input y[7] = y\n    input z[3, 4, 4] = z\n    input u[3, 4, 4] = u",
     "[34] = t", "x, y, z, u",
     "    a = tower(x)\n"
     "    b = tower(y)\n"
     "    c = tower(concat(x -> dense(5), x -> dense(2)))\n"
     "    d = a * b + tower(x + y)\n"
     "    e = filter(z) -> flatten -> dense(3)\n"
     "    f = filter(u) + filter(z + u) -> maxpool2d(2) -> flatten -> dense(3)\n"
     "    g = filter(z -> conv2d(3, 1)) -> global_avgpool2d\n"
     "    h = concat(filter(z), u) -> conv2d(3, 3) -> flatten -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"a network called 70 times", 13, 1, false, "input x[5] = x", "[5] = t", "x",
     "    s = x -> dense(5)\n"
     "    for i in 1..70 { s = s + unit(x -> dense(5)) }\n"
     "    s\n",
     "mse"},

    {"inputs of several layers and kinds", 16, 1, false,
     "input x[2, 6, 6] = x\n    input y[17, 3, 3] = y\n    input z[1] = z", "[28] = t", "x, y, z",
     "    a = x -> conv2d(3, 3) -> flatten -> dense(3)\n"
     "    b = x -> maxpool2d(2) -> conv2d(5, 2) -> relu -> flatten -> dense(3)\n"
     "    c = x -> flatten -> dense(5)\n"
     "    d = y -> conv2d(3, 3) -> flatten\n"
     "    e = concat(y -> flatten, z, x -> global_avgpool2d) -> dense(3)\n"
     "    f = y -> batchnorm -> flatten -> dense(3)\n"
     "    g = z -> dense(33) -> relu -> dense(3) -> softmax\n"
     "    h = (y -> global_avgpool2d) * (z -> dense(17)) -> dense(3)\n"
     "    i = z + (z -> dense(1)) * z\n"
     "    j = concat(x, x) -> conv2d(3, 6) -> flatten\n"
     "    concat(a, b, c, d -> dense(1), e, f, g, h, i, j)\n",
     "mse"},

    {"a vector beside a sparse input, behind dropout", 37, 1, false,
     "input x = column(1) -> bag_of_words(vocabulary=160)", "[45] = columns(1..45)", "x",
     "    h = x -> dense(16) -> relu\n"
     "    k = x -> dense(21) -> tanh\n"
     "    a = concat(x, h) -> dropout(0.5) -> dense(3)\n"
     "    b = concat(x, h, k) -> dropout(0.5) -> dense(21)\n"
     "    c = concat(x, k) -> dropout(0.5) -> dense(21)\n"
     "    concat(a, b, c)\n",
     "mse"},
    {"a whole network in batches of 4", 4, 1, false, "input x[1, 6, 6] = x", " = t -> classes(10)",
     "x", DIGITS, "cross_entropy"},
    {"a whole network in batches of 17", 17, 1, true, "input x[1, 6, 6] = x", " = t -> classes(10)",
     "x", DIGITS, "cross_entropy"},
    {"a whole network in batches of 64", 64, 1, false, "input x[1, 6, 6] = x",
     " = t -> classes(10)", "x", DIGITS, "cross_entropy"},

    {"cross_entropy of 2", 4, 1, false, "input x[5] = x", " = t -> classes(2)", "x",
     "    x -> dense(2)\n", "cross_entropy"},
    {"cross_entropy of 10, softmax taken in", 64, 1, true, "input x[5] = x", " = t -> classes(10)",
     "x", "    x -> dense(33) -> relu -> dense(10) -> softmax\n", "cross_entropy"},
    {"cross_entropy of 17 of a concat", 16, 1, false, "input x[5] = x", " = t -> classes(17)", "x",
     "    concat(x -> dense(3), x -> dense(14))\n", "cross_entropy"},
    {"cross_entropy of 100", 13, 1, false, "input x[2, 3, 3] = x", " = t -> classes(100)", "x",
     "    x -> conv2d(100, 3) -> global_avgpool2d\n", "cross_entropy"},
    {"binary_cross_entropy of values", 17, 1, true, "input x[2, 4, 4] = x", "[3, 3, 3] = t", "x",
     "    x -> conv2d(3, 2) -> sigmoid\n", "binary_cross_entropy"},
    {"binary_cross_entropy of a concat", 16, 1, false, "input x[7] = x", "[22] = t", "x",
     "    concat(x -> dense(5), x -> dense(17))\n", "binary_cross_entropy"},
    {"binary_cross_entropy of two classes", 64, 1, false, "input x[7] = x", " = t -> classes(2)",
     "x", "    x -> dense(17) -> tanh -> dense(1)\n", "binary_cross_entropy"},
    {"mse of one number", 3, 1, false, "input x[1] = x", "[1] = t", "x", "    x -> dense(1)\n",
     "mse"},
};

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Packing --------------------------------------------------------------------------------- */

/* Random bytes, scaled by the first axis: rows of them, and of the numbers they mean. */
static void make_rows(const struct net_field *field, int n, struct net_rows *bytes,
                      struct net_rows *floats)
{
    const int each = field->size / field->shape[0];
    double *scale = allocate((size_t)field->shape[0] * sizeof *scale);
    double *shift = allocate((size_t)field->shape[0] * sizeof *shift);
    const void **byte_rows = allocate((size_t)n * sizeof *byte_rows);
    const void **float_rows = allocate((size_t)n * sizeof *float_rows);

    for (int c = 0; c < field->shape[0]; c++) {
        scale[c] = random_number(1, c);
        shift[c] = random_number(2, c);
    }
    for (int row = 0; row < n; row++) {
        uint8_t *b = allocate((size_t)field->size);
        float *f = allocate((size_t)field->size * sizeof *f);

        for (int k = 0; k < field->size; k++) {
            b[k] = (uint8_t)(127.5 * (1 + random_number(3, (long)row * field->size + k)));
            f[k] = (float)(b[k] * scale[k / each] + shift[k / each]);
        }
        byte_rows[row] = b;
        float_rows[row] = f;
    }
    *bytes = (struct net_rows){NET_U8, byte_rows, scale, shift};
    *floats = (struct net_rows){.type = NET_F32, .row = float_rows};
}

/* Pictures of bytes are scaled on their way into every layout that an input has. */
START_TEST(test_pack)
{
    static const KernelCase c = {
        "pack",
        17,
        1,
        false,
        "input x[3, 5, 4] = x\n    input y[17, 3, 3] = y\n"
        "    input z[40] = z\n    input u[2, 3, 3] = u\n"
        "    input v[1, 6, 6] = v\n    input w[40] = w",
        "[6] = t",
        "x, y, z, u, v, w",
        "    concat(x -> conv2d(1, 3, padding=1) -> global_avgpool2d,\n"
        "           y -> conv2d(1, 3) -> flatten, z -> dense(1),\n"
        "           u -> flatten -> dense(1),\n"
        "           v -> conv2d(1, 6) -> flatten,\n"
        "           w -> reshape(5, 4, 2) -> conv2d(1, [4, 2]) -> flatten)\n",
        "mse"};
    const char *targets[MAX_TARGETS];
    Compiled compiled;
    struct net_rows *bytes, *floats;
    unsigned char *a, *b;

    find_targets(targets);
    compiled = plan_model(kernel_model(&c), targets[0]);
    start_clang(&compiled);
    load_model(&compiled);
    bytes = allocate((size_t)compiled.net->field_count * sizeof *bytes);
    floats = allocate((size_t)compiled.net->field_count * sizeof *floats);
    for (int f = 0; f < compiled.net->field_count; f++)
        make_rows(&compiled.net->fields[f], c.batch, &bytes[f], &floats[f]);
    a = allocate(compiled.net->batch_size);
    b = allocate(compiled.net->batch_size);
    compiled.net->pack(a, bytes, c.batch);
    compiled.net->pack(b, floats, c.batch);
    ck_assert_mem_eq(a, b, compiled.net->batch_size);
}
END_TEST

/* ---- Training -------------------------------------------------------------------------------- */

/* 200 steps with dropout, every fifth on a partial batch: neither threads nor target change a
   bit. */
START_TEST(test_training)
{
    static const KernelCase c = {
        "training",     16, 1, true, "input x[1, 6, 6] = x", " = t -> classes(10)", "x", DIGITS,
        "cross_entropy"};
    const char *targets[MAX_TARGETS];
    const int target_count = find_targets(targets);
    Compiled compiled[MAX_TARGETS];
    Outcome first;

    for (int i = 0; i < target_count; i++) {
        compiled[i] = plan_model(kernel_model(&c), targets[i]);
        start_clang(&compiled[i]);
    }
    for (int i = 0; i < target_count; i++) {
        load_model(&compiled[i]);
        for (int threads = 1; threads <= most_threads(targets[i]); threads++) {
            const Outcome o = run_training(&compiled[i], c.batch, threads, 200);

            if (i == 0 && threads == 1)
                first = o;
            check_same_bits(&first, &o,
                            format("%s on 1 thread and %s on %d", targets[0], targets[i], threads));
        }
    }
}
END_TEST

/* ---- All suites ------------------------------------------------------------------------------ */

static void note_operations(bool seen[OP_COUNT], Graph *g)
{
    simplify(g);
    for (int i = 0; i < g->node_count; i++)
        seen[g->nodes[i]->op] = true;
}

static void note_text(bool seen[OP_COUNT], const char *text)
{
    Model *model = model_of(text);
    Graph *train = lower(model, MODE_TRAIN), *evaluate = lower(model, MODE_EVALUATE);

    autodiff(train);
    note_operations(seen, train);
    simplify(train), simplify(evaluate);
    select_algorithms(train, evaluate, find_target("avx2"));
    note_operations(seen, train);
    note_operations(seen, evaluate);
}

/* What no case compiles is tried by the reference alone. */
START_TEST(every_operation_is_compiled)
{
    const KernelCases suites[] = {
        {cases, COUNT(cases)}, conv_cases(),        pool_cases(),        text_cases(),
        winograd_cases(),      argmax_grad_cases(), batch_lanes_cases(), weight_gradient_cases(),
        matmul_cases(),        movement_cases(),    attention_cases(),   recurrent_cases(),
        axis_cases(),          volume_cases()};
    bool seen[OP_COUNT] = {0};

    for (int i = 0; i < COUNT(suites); i++)
        for (int j = 0; j < suites[i].count; j++)
            note_text(seen, kernel_model(&suites[i].at[j]));
    note_text(seen, loss_sum_text()), note_text(seen, meeting_text());
    note_text(seen, loss_value_text()), note_text(seen, info_nce_text());
    for (int op = 0; op < OP_COUNT; op++)
        ck_assert_msg(seen[op], "%s is in no kernel case", op_info[op].text);
}
END_TEST

Suite *suite_kernels(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_test(tcase, test_pack);
    tcase_add_test(tcase, test_training);
    suite_add_tcase(suite, odd_batch_tests()), suite_add_tcase(suite, meeting_tests());
    tcase = tcase_create("all suites");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_operation_is_compiled);
    suite_add_tcase(suite, tcase);
    return suite;
}
