/*
 * numbers.h -- numbers and cells of the data as a network reads them: the run's transforms as
 * stages, classes by number.
 *
 * The one idea: a row's numbers go through all stages in double, each on its own, and are rounded
 * once; nothing of libm is called.
 */

#ifndef NET_LIBRARY_NUMBERS_H
#define NET_LIBRARY_NUMBERS_H

#include <float.h>
#include <math.h>

#include "core/decimal.h"
#include "library/names.h"
#include "library/weights.h"

/* ---- log1p and expm1 ------------------------------------------------------------------------- */

#define NET_LN2_HIGH 0x1.62e42fee00000p-1 /* 33 bits: a multiple of it is exact */
#define NET_LN2_LOW 0x1.a39ef35793c76p-33

static inline double net_power_of_two(int k) /* -1022 to 1023 */
{
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* log(1 + x), x above -1: 1 + x = 2^k m, m from sqrt(1/2) to sqrt(2), whose logarithm is
   2 atanh(s), s = (m - 1) / (m + 1), as its series; at most 2 units in the last place off. */
static double net_double_log1p(double x)
{
    const double u = 1 + x;
    double m = u, low, f, s, series = 0;
    uint64_t bits;
    int k;

    if (!(x > -1))
        return (double)NAN;
    if (x > DBL_MAX)
        return x;
    memcpy(&bits, &u, sizeof bits);
    k = (int)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp+0)
        m /= 2, k++;
    low = k > 0 ? 1 - (u - x) : x - (u - 1); /* what u has lost */
    f = k ? m - 1 : x;
    s = f / (2 + f);
    for (int n = 23; n >= 3; n -= 2)
        series = s * s * (series + 2.0 / n);
    return k * NET_LN2_HIGH + (2 * s + (s * series + (k * NET_LN2_LOW + (k ? low / u : 0))));
}

/* e^x - 1: x = k ln 2 + r, e^r - 1 as its series. */
static double net_double_expm1(double x)
{
    double r, series = 0;
    int k;

    if (x != x || x > 709.78)
        return x != x ? x : (double)INFINITY;
    if (x < -50)
        return -1;
    k = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    r = x - k * NET_LN2_HIGH - k * NET_LN2_LOW;
    for (int n = 16; n >= 1; n--)
        series = (1 + series) * r / n;
    return k == 0 ? series
                  : (net_power_of_two(k - 1) * series + (net_power_of_two(k - 1) - 0.5)) * 2;
}

/* ---- Stages ---------------------------------------------------------------------------------- */

/* x becomes x scale + shift; a missing one, or 0, what stands in for it, unless that is NaN; then
   what is beyond a limit the limit; then its log(1 + x), or the number of its bin. Lists have a
   number, or the edges of a number's bins, for each group of numbers of a row. */
struct net_stage {
    const double *scale, *shift, *fill; /* fill NULL: nothing stands in */
    bool zeros;                         /* are missing */
    double least, most;
    bool log;
    int bins; /* 0: it stays a number */
    const double *edges;
};

/* How many edges inside are different and not above x (data/transforms/quantiles.c). */
static inline double net_bin(const double *edges, int bins, double x)
{
    int bin = 0;

    for (int k = 1; k < bins; k++)
        bin += edges[k] <= x && edges[k] > edges[k - 1] && edges[k] < edges[bins];
    return x != x ? x : bin;
}

/* The trainer's threads take denormals as 0 (docs/numerics.md). */
static inline double net_normal(double x)
{
    return x < DBL_MIN && x > -DBL_MIN ? x * 0 : x;
}

static inline double net_staged(const struct net_stage *s, int count, int group, double x)
{
    for (int i = 0; i < count; i++, s++) {
        x = net_normal(net_normal(x) * s->scale[group] + s->shift[group]);
        if (s->fill && (x != x || (s->zeros && x == 0)) && s->fill[group] == s->fill[group])
            x = s->fill[group];
        x = x < s->least ? s->least : x > s->most ? s->most : x;
        if (s->log)
            x = net_double_log1p(x);
        if (s->bins)
            x = net_bin(s->edges + (long)group * (s->bins + 1), s->bins, x);
    }
    return x;
}

/* A row of the data as the network takes it: rounded once, at the end. `group` numbers after each
   other share their part of the stages. order: the place of each in the data, or NULL. */
#define NET_PREPARE(name, type)                                                                    \
    static __attribute__((unused)) void name(float *to, const type *x, const int *order,           \
                                             const struct net_stage *stages, int count, int size,  \
                                             int group)                                            \
    {                                                                                              \
        for (int i = 0; i < size; i++)                                                             \
            to[i] = (float)net_staged(stages, count, i / group, (double)x[order ? order[i] : i]);  \
    }
NET_PREPARE(net_prepare_bytes, uint8_t)
NET_PREPARE(net_prepare_numbers, double)

/* Values in the units of the data, the last stage first; limits are not taken back. */
static __attribute__((unused)) void net_take_back(float *values, const struct net_stage *stages,
                                                  int count, int size, int group)
{
    for (int i = 0; i < size; i++) {
        double value = (double)values[i];

        for (int s = count - 1; s >= 0; s--) {
            if (stages[s].log)
                value = net_double_expm1(value);
            value = (value - stages[s].shift[i / group]) / stages[s].scale[i / group];
        }
        values[i] = (float)value;
    }
}

/* ---- Classes --------------------------------------------------------------------------------- */

/* What a value of no class becomes, and a missing one: a row of an embedding behind those of the n
   classes; -1: it is refused. */
struct net_classes {
    int n, unknown, missing;
};

/* A cell by the names of the run's classes, or as a number that is written otherwise. */
static __attribute__((unused)) int net_prepare_cell(int32_t *class, const char *cell,
                                                    struct net_classes c, const void *names)
{
    int32_t found = *cell ? net_names_class(names, cell) : c.missing;

    if (*cell && found < 0)
        found = c.unknown;
    *class = found;
    return found < 0 ? NET_LIBRARY_WRONG_CLASS : NET_LIBRARY_OK;
}

/* Numbers that are the classes. */
static __attribute__((unused)) int net_prepare_classes(int32_t *classes, const double *x,
                                                       struct net_classes c,
                                                       const struct net_stage *stages, int count,
                                                       int size, int group)
{
    for (int i = 0; i < size; i++) {
        const double value = net_staged(stages, count, i / group, x[i]);

        if (value >= 0 && value < c.n && value == (double)(int32_t)value)
            classes[i] = (int32_t)value;
        else
            classes[i] = value != value ? c.missing : c.unknown;
        if (classes[i] < 0)
            return NET_LIBRARY_WRONG_CLASS;
    }
    return NET_LIBRARY_OK;
}

/* one_hot: 1 at the class's place; what is of no class has none. */
static __attribute__((unused)) void net_prepare_hot(float *to, int32_t class, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = i == class;
}

#endif
