/*
 * text.c -- words and bags of words as compiled kernels: against the reference, on every
 * target, on one to five threads, for full and partial batches.
 *
 * The one idea: every fifth row has no word at all, every fifth bag has all of them, and small
 * numbers come often (word_number in graph_test.c): repeated words, padding, empty and full rows
 * are in every batch.
 */

#include <check.h>
#include <string.h>

#include "core/core.h"
#include "support/graph_test.h"
#include "support/kernel_test.h"

static const KernelCase cases[] = {
    {"embeddings", 17, 1, true,
     "input x = column(1) -> tokens(vocabulary=18, length=7)\n"
     "    input y = column(1) -> tokens(vocabulary=1, length=1)\n"
     "    input z = column(1) -> tokens(vocabulary=300, length=33)",
     "[21] = columns(1..21)", "x, y, z",
     "    a = x -> embedding(1) -> flatten -> dense(3)\n"
     "    b = x -> embedding(16, padding_row=0) -> tanh -> flatten -> dense(3)\n"
     "    c = y -> embedding(19) -> flatten -> dense(3)\n"
     "    d = z -> embedding(33, padding_row=3) -> relu -> flatten -> dense(3)\n"
     "    e = z -> embedding(300, frozen=true) -> mean -> dense(3)\n"
     "    f = z -> embedding(5) -> batchnorm -> dropout(0.25) -> flatten -> dense(3)\n"
     "    g = concat(x -> embedding(3) -> flatten, y -> embedding(2) -> flatten) -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g)\n",
     "mse"},

    {"an embedding used twice", 13, 1, false,
     "input x = column(1) -> tokens(vocabulary=9, length=4)\n"
     "    input y = column(1) -> tokens(vocabulary=9, length=4)",
     "[12] = columns(1..12)", "x, y",
     "    a = x -> embedding(19)\n"
     "    concat(words(x), words(y), a -> mean -> dense(2)) + (a -> flatten -> dense(12))\n",
     "mse"},

    {"means over words", 16, 1, true,
     "input x = column(1) -> tokens(vocabulary=18, length=7)\n"
     "    input y = column(1) -> tokens(vocabulary=3, length=1)",
     "[22] = columns(1..22)", "x, y",
     "    p = x -> embedding(19, padding_row=0)\n"
     "    a = p -> mean(skip_padding=true) -> dense(3)\n"
     "    b = p -> mean -> dense(3)\n"
     "    c = p -> batchnorm -> relu -> dropout(0.5) -> mean(skip_padding=true) -> dense(3)\n"
     "    d = concat(p, x -> embedding(5)) -> tanh -> mean(skip_padding=true) -> dense(3)\n"
     "    e = y -> embedding(33) -> mean(skip_padding=true) -> dense(3)\n"
     "    f = p + p * p -> mean(skip_padding=true) -> dense(3)\n"
     "    g = x -> embedding(1, frozen=true) -> mean(skip_padding=true)\n"
     "    h = p -> mean(skip_padding=true) -> relu -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h)\n",
     "mse"},

    {"bags of words", 17, 1, true,
     "input x = column(1) -> bag_of_words(vocabulary=37)\n"
     "    input y = column(1) -> bag_of_words(vocabulary=1)\n"
     "    input z[2, 3, 3] = columns(1..18)",
     "[142] = columns(1..142)", "x, y, z",
     "    a = x -> dense(1)\n"
     "    b = x -> dense(33, bias=false) -> relu -> dense(3)\n"
     "    c = x -> dense(100) -> tanh -> dense(3)\n"
     "    d = y -> dense(3)\n"
     "    e = concat(x, a -> relu) -> dense(1)\n"
     "    f = concat(x, b, c -> tanh) -> dense(65, bias=false)\n"
     "    g = concat(x, z -> conv2d(5, 2) -> flatten) -> dense(35) -> dropout(0.5)\n"
     "    h = concat(x, z -> flatten, y) -> dense(3)\n"
     "    i = concat(a, x) -> dense(3)\n"
     "    j = x -> relu -> dense(3)\n"
     "    k = x -> batchnorm -> dropout(0.5) -> dense(3)\n"
     "    l = concat(x, concat(x -> dense(16), y)) -> dense(17) -> relu -> dense(3)\n"
     "    concat(a, b, c, d, e, f, g, h, i, j, k, l, y) -> tanh -> dense(142)\n",
     "mse"},

    {"bags in networks called more than once", 16, 1, false,
     "input x = column(1) -> bag_of_words(vocabulary=21)\n"
     "    input y = column(1) -> bag_of_words(vocabulary=21)\n"
     "    input z[21] = columns(1..21)\n    input u[3, 2, 2] = columns(1..12)",
     "[5] = columns(1..5)", "x, y, z, u",
     "    a = unit(x) + unit(y) + unit(z)\n"
     "    b = beside(x, u -> conv2d(3, 1) -> flatten) + beside(y, u -> flatten)\n"
     "    c = beside(x, z -> dense(12)) + beside(z, z -> dense(12))\n"
     "    d = concat(few(z) + few(x) + few(z -> tanh), few(y -> relu) -> dense(3))\n"
     "    a * b + c + d\n",
     "mse"},

    {"a bag as the prediction's part", 3, 1, false,
     "input x = column(1) -> bag_of_words(vocabulary=5)", "[5] = columns(1..5)", "x",
     "    x + (x -> dense(5))\n", "mse"},
};

KernelCases text_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* 60 steps with momentum, rows shared among up to five threads. */
START_TEST(test_threads)
{
    static const KernelCase c = {"threads",
                                 17,
                                 1,
                                 false,
                                 "input x = column(1) -> tokens(vocabulary=40, length=9)\n"
                                 "    input y = column(1) -> bag_of_words(vocabulary=70)",
                                 "[5] = columns(1..5)",
                                 "x, y",
                                 "    w = x -> embedding(19, padding_row=0)\n"
                                 "    h = y -> dense(33) -> relu -> dropout(0.25)\n"
                                 "    concat(y, h, w -> mean(skip_padding=true)) -> dense(5)\n",
                                 "mse"};
    static const int threads[] = {1, 2, 3, 5};
    const char *targets[MAX_TARGETS];
    Compiled compiled;
    Outcome first;

    find_targets(targets);
    compiled = plan_model(kernel_model(&c), targets[0]);
    start_clang(&compiled);
    load_model(&compiled);
    for (int i = 0; i < COUNT(threads); i++) {
        const Outcome o = run_training(&compiled, c.batch, threads[i], 60);

        if (i == 0)
            first = o;
        check_same_bits(&first, &o, format("1 thread and %d", threads[i]));
    }
}
END_TEST

Suite *suite_text(void);

Suite *suite_text(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_test(tcase, test_threads);
    return suite;
}
