/*
 * confident.c -- losses and gradients of rows that a network is sure of, and of errors near 0:
 * small numbers that must not be what is left of large ones. Each is held against libm in double,
 * to a few units of its own last place.
 */

#include <check.h>
#include <math.h>

#include "kernels/loss.h"

Suite *suite_confident(void);

/* Steps of 1/8, so that differences of logits are exact. */
static const struct {
    int classes;
    double first[6]; /* logits; the others are the first of them less 30 */
} rows[] = {
    {3, {1000, 992, 0}},
    {3, {17.25, 0, 0.125}},
    {2, {-40, 40}},
    {2, {0.5, 0.5}},
    {5, {3, 3, 3, -80, 2}},
    {19, {90, 86, 85, 84, 83, 82}},
    {35, {-8, 0, -3, -4, -5, -6}},
    {16, {1e4, 1e4, 0}},
    {1, {5}},
};

static double logit(int row, int c)
{
    return c < 6 && c < rows[row].classes ? rows[row].first[c] : rows[row].first[0] - 30;
}

/* The sum of e^(z - z[c]) over the other classes: 1 / p[c] - 1. */
static double others(int row, int c)
{
    double sum = 0;

    for (int k = 0; k < rows[row].classes; k++)
        sum += k != c ? exp(logit(row, k) - logit(row, c)) : 0;
    return sum;
}

/* -log p[c], of the largest logit first, whose others cannot overflow. */
static double loss_of(int row, int c)
{
    int top = 0;

    for (int k = 1; k < rows[row].classes; k++)
        top = logit(row, k) > logit(row, top) ? k : top;
    return log1p(others(row, top)) + (logit(row, top) - logit(row, c));
}

static void check_number(double got, double exact, const char *what, int row, int label)
{
    const double least = 1e-37; /* below are denormals, which are flushed, and what exp clamps */

    ck_assert_msg(fabs(got - exact) <= 1e-6 * fabs(exact) + least,
                  "%s of row %d, label %d: %.9g, not %.9g", what, row, label, got, exact);
}

/* What class c counts in a row of `label`. */
static double counts(const struct net_class_weights *w, int c, int label)
{
    return (double)w->weight[c] * ((double)w->every + (c == label ? (double)w->own : 0));
}

static void check_weighted(const float *z, int row, int label, float smoothing)
{
    _Alignas(64) float weight[48] = {0};
    const int classes = rows[row].classes;
    struct net_class_weights w = {weight, 0, 1 - smoothing, smoothing / (float)classes};
    _Alignas(64) float p[3 * 256];
    double loss = 0, sum = 0, rest = 0;
    float got_rest;

    for (int c = 0; c < classes; c++) {
        weight[c] = 1.0f + (float)(c % 3) / 2;
        w.sum += weight[c];
        loss += counts(&w, c, label) * loss_of(row, c);
        sum += counts(&w, c, label);
    }
    check_number((double)net_weighted_cross_entropy_row(p, &got_rest, z, label, &w, classes), loss,
                 "weighted loss", row, label);
    net_weighted_cross_entropy_grad_row(p, p, got_rest, label, &w, 1.0f, classes);
    for (int c = 0; c < classes; c++)
        rest = fmax(rest, fabs((double)p[net_class_at(c)] -
                               (sum / (1 + others(row, c)) - counts(&w, c, label))));
    ck_assert_double_le(rest, 4e-7 * sum);
}

START_TEST(rows_of_logits)
{
    const int classes = rows[_i].classes;
    _Alignas(64) float z[3 * 256] = {0}, p[3 * 256];
    float rest;

    for (int c = 0; c < classes; c++)
        z[net_class_at(c)] = (float)logit(_i, c);
    for (int label = 0; label < classes; label++) {
        check_number((double)net_cross_entropy_row(p, &rest, z, label, classes), loss_of(_i, label),
                     "loss", _i, label);
        ck_assert_float_eq(net_cross_entropy_row(NULL, &rest, z, label, classes),
                           net_cross_entropy_row(p, &rest, z, label, classes));
        net_cross_entropy_grad_row(p, p, rest, label, 1.0f, classes);
        for (int c = 0; c < classes; c++) {
            const double o = others(_i, c);

            check_number((double)p[net_class_at(c)], c == label ? -1 / (1 + 1 / o) : 1 / (1 + o),
                         "gradient", _i, label);
        }
        check_weighted(z, _i, label, 0.0f);
        check_weighted(z, _i, label, 0.125f);
    }
}
END_TEST

/* One element: a term of a loss and its slope. */
static void check_element(net_loss_term *term, float z, float t, double loss, double slope,
                          const char *what)
{
    _Alignas(64) float got[32];
    vec derivative;
    const vec sum = term(vec_zero(), vec_set(z), vec_set(t), &derivative,
                         (struct net_loss_place){.lanes = 16, .delta = 1.0f});

    vec_store(got, sum);
    vec_store(got + 16, derivative);
    check_number((double)got[0], loss, what, (int)z, (int)t);
    check_number((double)got[16], slope, what, (int)z, (int)t);
}

START_TEST(elements)
{
    static const float logits[] = {0, 1e-3f, 0.5f, 3, 9.125f, 16, 17, 25, 60, 88, 200};
    static const float errors[] = {1e-6f, 1e-3f, 0.01f, 0.125f, 0.5f, 0.99f, 1, 1.5f, 8, 40, 300};

    for (size_t i = 0; i < sizeof logits / sizeof *logits; i++)
        for (int sign = -1; sign <= 1; sign += 2)
            for (int t = 0; t < 2; t++) {
                const double z = sign * (double)logits[i], wrong = t ? -z : z; /* of the class */
                const double loss = fmax(wrong, 0) + log1p(exp(-fabs(z)));
                const double slope = 1 / (1 + exp(-wrong));

                check_element(net_binary_cross_entropy, (float)z, (float)t, loss,
                              t ? -slope : slope, "binary cross entropy");
            }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const double e = (double)errors[i];

        check_element(net_log_cosh, errors[i], 0.0f,
                      e < 1 ? log1p(2 * pow(sinh(e / 2), 2)) : e + log1p(exp(-2 * e)) - log(2),
                      tanh(e), "log cosh");
    }
}
END_TEST

Suite *suite_confident(void)
{
    Suite *suite = suite_create("confident");
    TCase *tcase = tcase_create("losses");

    tcase_add_loop_test(tcase, rows_of_logits, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(tcase, elements);
    suite_add_tcase(suite, tcase);
    return suite;
}
