/*
 * matmul.c -- products of two values: whole networks against the reference, and the template of
 * matmul.h called directly.
 */

#include <check.h>
#include <stdlib.h>

#include "kernels/matmul.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_matmul(void);

/* ---- Networks -------------------------------------------------------------------------------- */

static const KernelCase cases[] = {
    {"attention", 33, 1, true, "input x[3, 19] = x\n    input y[5, 23] = y", "[23] = t", "x, y",
     "    q = x -> conv1d(17, 1)\n"
     "    k = y -> conv1d(17, 1)\n"
     "    v = y -> conv1d(33, 1)\n"
     "    a = matmul(softmax(matmul(q, k, transpose_b=true)), v) -> flatten -> dense(9)\n"
     "    w = q -> tanh\n"
     "    b = matmul(softmax(matmul(w, w, transpose_b=true)), w) + q -> flatten -> dense(9)\n"
     "    c = matmul(y, matmul(y, y, transpose_a=true)) -> flatten -> dense(5)\n"
     "    concat(a, b, c)\n",
     "mse"},

    {"matmul", 17, 1, false, "input x[3, 16] = x\n    input y[5, 9] = y", "[42] = t", "x, y",
     "    a = x -> conv1d(16, 1)\n"
     "    b = x -> conv1d(49, 1) -> tanh\n"
     "    c = y -> conv1d(16, 2) -> tanh\n"
     "    one = y -> conv1d(16, 9)\n"
     "    f = matmul(a, b) -> flatten -> dense(5)\n"
     "    g = b -> matmul(a, transpose_a=true) -> flatten -> dense(5)\n"
     "    h = matmul(b, b, transpose_b=true) -> flatten -> dense(5)\n"
     "    i = matmul(a, c, transpose_a=true, transpose_b=true) -> flatten -> dense(5)\n"
     "    j = matmul(one, a) -> flatten -> dense(5)\n"
     "    l = matmul(a, one, transpose_b=true) -> flatten -> dense(5)\n"
     "    m = matmul(one, c, transpose_b=true) -> flatten -> dense(2)\n"
     "    o = matmul(one, one, transpose_a=true) -> relu -> flatten -> dense(5)\n"
     "    p = matmul(concat(b, a), a, transpose_a=true) -> flatten -> dense(5)\n"
     "    concat(f, g, h, i, j, l, m, o, p)\n",
     "mse"},
};

START_TEST(networks)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- The template ---------------------------------------------------------------------------- */

enum { SCRATCH = 96 * 48 + 64 * 144 };

/* Two rows of tiles of a that are packed together, one left of three; two panels of 3 vectors, one
   of 2, half empty. */
#define WIDE                                                                                       \
    (struct net_matmul)                                                                            \
    {                                                                                              \
        .rows = 43, .inner = 33, .columns = 120, .packed_rows = 16, .panels = { 2, 1, 0 }          \
    }

/* One row by one column. */
#define THIN                                                                                       \
    (struct net_matmul)                                                                            \
    {                                                                                              \
        .rows = 1, .inner = 16, .columns = 1, .packed_rows = 16, .panels = { 0, 0, 1 }             \
    }

#define MATMUL(name, ta, tb, rows, rest, shape)                                                    \
    static void name(float *c, const float *a, const float *b, NET_RUN)                            \
    {                                                                                              \
        net_matmul(c, a, b, ta, tb, rows, rest, shape, run, thread);                               \
    }

MATMUL(wide_nn, 0, 0, 8, 3, WIDE)
MATMUL(wide_nt, 0, 1, 4, 3, WIDE)
MATMUL(wide_tn, 1, 0, 8, 3, WIDE)
MATMUL(wide_tt, 1, 1, 4, 3, WIDE)
MATMUL(thin_nn, 0, 0, 4, 1, THIN)
MATMUL(thin_nt, 0, 1, 8, 1, THIN)
MATMUL(thin_tn, 1, 0, 8, 1, THIN)
MATMUL(thin_tt, 1, 1, 4, 1, THIN)

static const struct {
    void (*kernel)(float *, const float *, const float *, NET_RUN);
    bool ta, tb;
    int rows, inner, columns;
} products[] = {
    {wide_nn, false, false, 43, 33, 120}, {wide_nt, false, true, 43, 33, 120},
    {wide_tn, true, false, 43, 33, 120},  {wide_tt, true, true, 43, 33, 120},
    {thin_nn, false, false, 1, 16, 1},    {thin_nt, false, true, 1, 16, 1},
    {thin_tn, true, false, 1, 16, 1},     {thin_tt, true, true, 1, 16, 1},
};

/* Of a value that is read with positions as rows, or with channels. */
static float element(const TestValue *v, bool transposed, int image, int row, int column)
{
    return v->at[test_at(v, image, transposed ? column : row, transposed ? row : column)];
}

/* One chain of fused multiply-adds an element, in the order of the inner axis. */
static TestValue naive_product(const TestValue *a, const TestValue *b, int product, int images)
{
    const int rows = products[product].rows, columns = products[product].columns;
    TestValue c = random_value(a->batch_blocks, rows, columns, 3);

    for (int at = 0; at < images * rows * columns; at++) {
        const int n = at / columns / rows, row = at / columns % rows, column = at % columns;
        float sum = 0;

        for (int k = 0; k < products[product].inner; k++)
            sum = fmaf(element(a, products[product].ta, n, row, k),
                       element(b, products[product].tb, n, k, column), sum);
        c.at[test_at(&c, n, row, column)] = sum;
    }
    return c;
}

/* Elements that differ among the first n images, or are there beyond them. */
static int count_wrong(const TestValue *c, const TestValue *want, int n)
{
    int wrong = 0;

    for (int at = 0; at < 16 * c->batch_blocks * c->pixels * c->channels; at++) {
        const int image = at / c->channels / c->pixels, row = at / c->channels % c->pixels;
        const long i = test_at(c, image, row, at % c->channels);

        wrong += image < n ? c->at[i] != want->at[i] : !isnan(c->at[i]);
    }
    return wrong;
}

/* To the bit, padding too, and images beyond the batch left alone. */
START_TEST(template)
{
    static const int batches[] = {1, 16, 19, 33};
    const int rows = products[_i].rows, inner = products[_i].inner, columns = products[_i].columns;
    const bool ta = products[_i].ta, tb = products[_i].tb;
    TestValue a = random_value(3, ta ? inner : rows, ta ? rows : inner, 1);
    TestValue b = random_value(3, tb ? columns : inner, tb ? inner : columns, 2);
    TestValue want = naive_product(&a, &b, _i, 33);
    float *scratch = nan_floats(3 * SCRATCH);

    for (int i = 0; i < COUNT(batches); i++)
        for (int threads = 1; threads <= 3; threads++) {
            struct net_run run = {.n = batches[i], .scratch = scratch, .scratch_stride = SCRATCH};
            TestValue c = nan_value(3, rows, columns);

            ON_THREADS(&run, threads)
            products[_i].kernel(c.at, a.at, b.at, &run, thread);
            check_padding(&c, batches[i], "matmul");
            ck_assert_int_eq(count_wrong(&c, &want, batches[i]), 0);
            free_value(&c);
        }
    free_value(&a);
    free_value(&b);
    free_value(&want);
    free(scratch);
}
END_TEST

KernelCases matmul_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

Suite *suite_matmul(void)
{
    Suite *suite = suite_create("matmul");
    TCase *t = tcase_create("template");

    add_cases(suite, networks, cases, COUNT(cases));
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, template, 0, COUNT(products));
    suite_add_tcase(suite, t);
    return suite;
}
