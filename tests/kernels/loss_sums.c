/*
 * loss_sums.c -- sums of losses as compiled kernels: several predictions and targets, factors, a
 * prediction and a target that two terms share, a network that is called in each; and values as
 * losses, which read targets as networks read inputs.
 */

#include <check.h>

#include "support/kernel_test.h"

Suite *suite_loss_sums(void);

static const char *const losses[] = {
    "cross_entropy(kind(x), c) + 0.3 * mse(place(x), t) - binary_cross_entropy(place(x), b) / 7",
    "0.25 * (mae(place(x), t) + 2 * huber(place(x), t, delta=0.5)) + mse(place(x), t)",
    ("mse(place(x), t) + 0.5 * cross_entropy(kind(x), c, class_weights=[1, 0.5, 3]) +\n"
     "        0.2 * cross_entropy(aux(x), c, smoothing=0.1)"),
    "3 * cross_entropy(kind(x), c)",
    "2 * log_cosh(place(x), t)",
};

enum { BATCH = 33 };

static const char *text_of(const char *loss)
{
    return format("data {\n"
                  "    train = npy(x=\"x.npy\", t=\"t.npy\", b=\"b.npy\", c=\"c.npy\")\n"
                  "    input x[2, 6, 5] = x\n"
                  "    target t[19] = t\n"
                  "    target b[19] = b\n"
                  "    target c = c -> classes(3)\n"
                  "}\n"
                  "network body(x) { x -> conv2d(5, 3) -> batchnorm -> relu -> dropout(0.25) }\n"
                  "network kind(x) { body(x) -> flatten -> dense(3) }\n"
                  "network aux(x) { body(x) -> global_avgpool2d -> dense(3) -> softmax }\n"
                  "network place(x) { body(x) -> conv2d(7, 2) -> flatten -> dense(19) }\n"
                  "train {\n"
                  "    loss = %s\n"
                  "    optimizer = sgd(lr=0.1)\n"
                  "    batch = %d\n"
                  "}\n",
                  loss, BATCH);
}

const char *loss_sum_text(void)
{
    return text_of(losses[0]);
}

START_TEST(sums)
{
    static const KernelCase c = {.name = "a sum", .batch = BATCH, .least = 3, .emulated = true};

    check_kernel_text(&c, text_of(losses[_i]));
}
END_TEST

/* Pictures and vectors of odd sizes, in expressions and in a loss section; what a loss of the
   language compares lies as they do. */
static const char values[] =
    "data {\n"
    "    train = npy(x=\"x.npy\", t=\"t.npy\", u=\"u.npy\", w=\"w.npy\")\n"
    "    input x[3, 6, 5] = x\n"
    "    target t[3, 6, 5] = t\n"
    "    target u[19] = u\n"
    "    target w[1] = w\n"
    "}\n"
    "network image(x) { x -> conv2d(3, 3, padding=1) }\n"
    "network vector(x) { image(x) -> flatten -> dense(19) }\n"
    "loss quantile(p, target, q=0.5) {\n"
    "    e = target - p\n"
    "    return mean(max(q * e, (q - 1) * e))\n"
    "}\n"
    "loss likelihood(mean_value, spread, target) {\n"
    "    s = exp(spread)\n"
    "    0.5 * mean(log(s + 1) + square(target - mean_value) / (s + 1))\n"
    "}\n"
    "train {\n"
    "    loss = mean(square(t - image(x))) + 0.3 * quantile(vector(x), u, q=0.9) +\n"
    "        likelihood(vector(x), abs(vector(x)), u) - mean(u * vector(x)) / 5 +\n"
    "        abs(mean(image(x), axis=channels)) + mse(image(x), t) + w * sum(vector(x)) +\n"
    "        mae(vector(x), u)\n"
    "    optimizer = sgd(lr=0.1)\n"
    "    batch = 33\n"
    "}\n";

const char *loss_value_text(void)
{
    return values;
}

START_TEST(expressions)
{
    static const KernelCase c = {.name = "values", .batch = BATCH, .least = 1, .emulated = true};

    check_kernel_text(&c, values);
}
END_TEST

Suite *suite_loss_sums(void)
{
    Suite *suite = suite_create("loss_sums");
    TCase *tcase = tcase_create("against the reference");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, sums, 0, COUNT(losses));
    tcase_add_test(tcase, expressions);
    suite_add_tcase(suite, tcase);
    return suite;
}
