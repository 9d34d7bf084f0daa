/*
 * value_sums.c -- metrics of values: sums over rows of the differences of predictions and targets,
 * as the network has them and in the units of the data, and counts of labels, values that are 0 or
 * 1.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/metrics/metrics.h"

void net_sums_new(struct net_value_sums *sums, const struct net_metrics *metrics)
{
    const size_t outputs = (size_t)metrics->model->outputs;

    sums->at = net_allocate(outputs, sizeof *sums->at);
    net_inverse_open(&sums->inverse, metrics->data, metrics->model);
    if (sums->inverse.count)
        sums->in_units = net_allocate(outputs, sizeof *sums->in_units);
}

void net_sums_reset(struct net_value_sums *sums, const struct net_metrics *metrics)
{
    const size_t outputs = (size_t)metrics->model->outputs;

    if (sums->at)
        memset(sums->at, 0, outputs * sizeof *sums->at);
    if (sums->in_units)
        memset(sums->in_units, 0, outputs * sizeof *sums->in_units);
    sums->right = 0;
}

void net_sums_free(struct net_value_sums *sums)
{
    net_inverse_close(&sums->inverse);
    free(sums->at);
    free(sums->in_units);
}

/* Row number `rows`, from 1, of one output. */
static void add_value(struct net_sums *sums, double p, double y, long rows)
{
    const double from_mean = y - sums->mean;

    sums->square += (p - y) * (p - y);
    sums->absolute += fabs(p - y);
    sums->share += fabs(p - y) / fmax(fabs(y), DBL_EPSILON);
    sums->mean += from_mean / (double)rows;
    sums->total += from_mean * (y - sums->mean);
}

static bool add_label(struct net_sums *sums, bool predicted, float target)
{
    sums->labels += target == 1;
    sums->predicted += predicted;
    sums->both += predicted && target == 1;
    sums->strays += target != 0 && target != 1;
    return predicted == (target == 1);
}

double net_sums_add(struct net_metrics *metrics, const float *outputs, const float *target)
{
    struct net_value_sums *sums = &metrics->sums;
    const int count = metrics->model->outputs;
    const bool sigmoid = metrics->model->activation == NET_SIGMOID;
    bool right = true;
    double square = 0;

    for (int k = 0; k < count; k++) {
        const double z = (double)outputs[k], p = sigmoid ? 1 / (1 + exp(-z)) : z;

        add_value(&sums->at[k], p, (double)target[k], metrics->rows);
        square += (p - (double)target[k]) * (p - (double)target[k]);
        right &= add_label(&sums->at[k], outputs[k] >= (sigmoid ? 0 : .5f), target[k]);
    }
    sums->right += right;
    for (int k = 0; sums->in_units && k < count; k++)
        add_value(&sums->in_units[k], net_inverse_value(&sums->inverse, k, outputs[k]),
                  net_inverse_value(&sums->inverse, k, target[k]), metrics->rows);
    return square;
}

/* ---- metrics --------------------------------------------------------------------------------- */

static double mean_of(const struct net_metrics *metrics, double sum)
{
    return sum / ((double)metrics->rows * metrics->model->outputs);
}

double net_metric_mse(const struct net_metrics *metrics)
{
    double sum = 0;

    for (int k = 0; k < metrics->model->outputs; k++)
        sum += metrics->sums.at[k].square;
    return mean_of(metrics, sum);
}

double net_metric_rmse(const struct net_metrics *metrics)
{
    return sqrt(net_metric_mse(metrics));
}

double net_metric_mae(const struct net_metrics *metrics)
{
    double sum = 0;

    for (int k = 0; k < metrics->model->outputs; k++)
        sum += metrics->sums.at[k].absolute;
    return mean_of(metrics, sum);
}

/* A share of a value means something in the data's units alone. */
double net_metric_mape(const struct net_metrics *metrics)
{
    const struct net_sums *sums = metrics->sums.in_units ? metrics->sums.in_units
                                                         : metrics->sums.at;
    double sum = 0;

    for (int k = 0; k < metrics->model->outputs; k++)
        sum += sums[k].share;
    return mean_of(metrics, sum);
}

/* 1 - squared error / squared deviation of the target, the mean over outputs; where a target is
   constant, 1 for no error and 0 for any, as in scikit-learn. Of a single row: NaN. */
double net_metric_r2(const struct net_metrics *metrics)
{
    double sum = 0;

    if (metrics->rows < 2)
        return NAN;
    for (int k = 0; k < metrics->model->outputs; k++) {
        const struct net_sums *sums = &metrics->sums.at[k];

        if (sums->total > 0)
            sum += 1 - sums->square / sums->total;
        else
            sum += sums->square == 0;
    }
    return sum / metrics->model->outputs;
}

/* ---- labels: each value is 0 or 1 ------------------------------------------------------------ */

/* NaN for targets that are no labels, and outputs that are none. */
static double unless_stray(const struct net_metrics *metrics, double value)
{
    bool stray = metrics->lost > 0;

    for (int k = 0; k < metrics->model->outputs; k++)
        stray |= metrics->sums.at[k].strays > 0;
    return stray ? NAN : value;
}

double net_metric_label_accuracy(const struct net_metrics *metrics)
{
    double wrong = 0;

    for (int k = 0; k < metrics->model->outputs; k++) {
        const struct net_sums *sums = &metrics->sums.at[k];

        wrong += (double)(sums->labels + sums->predicted - 2 * sums->both);
    }
    return unless_stray(metrics, 1 - mean_of(metrics, wrong));
}

double net_metric_exact_match(const struct net_metrics *metrics)
{
    return unless_stray(metrics, (double)metrics->sums.right / (double)metrics->rows);
}

double net_metric_label_f1(const struct net_metrics *metrics)
{
    double sum = 0;

    for (int k = 0; k < metrics->model->outputs; k++) {
        const struct net_sums *sums = &metrics->sums.at[k];

        if (sums->both)
            sum += 2 * (double)sums->both / (double)(sums->labels + sums->predicted);
    }
    return unless_stray(metrics, sum / metrics->model->outputs);
}
