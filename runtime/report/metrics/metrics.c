/*
 * metrics.c -- counts and sums over the predictions of a part, from which every metric follows.
 * Rows are added one by one in double, so that the result does not depend on the batch.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/metrics/metrics.h"

enum { MOST_PAIRS = 1024 };
enum { MOST_IN_CONFUSION = 1000 }; /* classes; the matrix grows with their square */

struct net_metrics *net_metrics_new(const struct net_model *model, const struct net_data *data)
{
    struct net_metrics *metrics = net_allocate(1, sizeof *metrics);
    const struct net_field *target = net_target_field(model);

    metrics->model = model;
    if (model->next)
        metrics->next = net_metrics_new(model->next, data);
    metrics->data = data;
    metrics->target = target;
    metrics->task = net_data_task(data, model);
    metrics->positions = net_positions(model);
    metrics->outputs = model->outputs / metrics->positions;
    metrics->scores = net_allocate((size_t)metrics->outputs, sizeof *metrics->scores);
    metrics->classes = metrics->task == NET_TASK_VALUES     ? 0
                       : metrics->task != NET_TASK_CLASSES  ? 2
                       : metrics->outputs > target->classes ? metrics->outputs
                                                            : target->classes;
    metrics->tallies = net_allocate((size_t)metrics->classes, sizeof *metrics->tallies);
    if (metrics->classes <= MOST_IN_CONFUSION)
        metrics->confusion = net_allocate((size_t)metrics->classes * (size_t)metrics->classes,
                                          sizeof *metrics->confusion);
    if (target->kind == NET_TARGET_VALUES)
        net_sums_new(&metrics->sums, metrics);
    for (int m = 0; m < model->metric_count && metrics->classes; m++)
        if (strstr(model->metrics[m].name, "auc") &&
            net_metric_is_own(model, model->metrics[m].name))
            net_metrics_rank(metrics);
    if (metrics->task == NET_TASK_VALUES && metrics->sums.at)
        metrics->pairs.at = net_allocate(MOST_PAIRS, sizeof *metrics->pairs.at);
    metrics->pairs.every = 1;
    net_worst_new(metrics);
    net_made_new(metrics);
    return metrics;
}

void net_metrics_free(struct net_metrics *metrics)
{
    if (metrics->next)
        net_metrics_free(metrics->next);
    free(metrics->scores);
    free(metrics->tallies);
    free(metrics->confusion);
    net_sums_free(&metrics->sums);
    net_ranks_free(&metrics->ranks);
    free(metrics->pairs.at);
    free(metrics->worst.outputs);
    free(metrics->made.at);
    free(metrics);
}

void net_metrics_reset(struct net_metrics *metrics)
{
    if (metrics->next)
        net_metrics_reset(metrics->next);
    metrics->rows = 0;
    metrics->labels = 0;
    metrics->lost = 0;
    metrics->in_top5 = 0;
    metrics->pairs.count = 0;
    metrics->pairs.every = 1;
    memset(metrics->tallies, 0, (size_t)metrics->classes * sizeof *metrics->tallies);
    if (metrics->confusion)
        memset(metrics->confusion, 0,
               (size_t)metrics->classes * (size_t)metrics->classes * sizeof *metrics->confusion);
    metrics->surprise = 0;
    metrics->ranks.count = 0;
    metrics->worst.count = 0;
    metrics->made.count = 0;
    memset(metrics->bins, 0, sizeof metrics->bins);
    net_sums_reset(&metrics->sums, metrics);
    memset(metrics->terms, 0, sizeof metrics->terms);
}

static int largest(const float *x, int count)
{
    int best = 0;

    for (int i = 1; i < count; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

bool net_is_finite(const float *outputs, int count)
{
    bool finite = true;

    for (int i = 0; i < count; i++)
        finite &= isfinite(outputs[i]) != 0;
    return finite;
}

int net_chosen_class(const struct net_model *model, const float *outputs)
{
    if (model->outputs > 1)
        return largest(outputs, model->outputs / net_positions(model));
    return outputs[0] >= (model->activation == NET_SIGMOID ? 0 : .5f);
}

static int predicted_class(const struct net_metrics *metrics, const float *outputs)
{
    return metrics->task == NET_TASK_SIGN ? outputs[0] >= 0
                                          : net_chosen_class(metrics->model, outputs);
}

/* A row's target as it was prepared. */
static const void *target_of(const struct net_metrics *metrics, enum net_part part, long row)
{
    return net_data_row(metrics->data, net_target(metrics->model), part, row);
}

static int true_class(const struct net_metrics *metrics, enum net_part part, long row)
{
    if (metrics->target->kind == NET_TARGET_CLASS)
        return *(const int32_t *)target_of(metrics, part, row);
    const float *target = target_of(metrics, part, row);

    return metrics->task == NET_TASK_CLASSES ? largest(target, metrics->target->size)
                                             : target[0] > 0;
}

/* Of equal outputs the first counts as larger, as for the arg-max. */
static bool is_in_top5(const float *outputs, int count, int class)
{
    int larger = 0;

    for (int i = 0; i < count; i++)
        larger += outputs[i] > outputs[class] || (outputs[i] == outputs[class] && i < class);
    return larger < 5;
}

/* One label, and the outputs that are its own; gives its log loss. Outputs that are not finite are
   of no class: the label counts as one that was missed. */
static double add_label(struct net_metrics *metrics, int truth, const float *outputs, bool finite)
{
    metrics->labels++;
    metrics->tallies[truth].support++;
    if (!finite)
        return 0;
    const int predicted = predicted_class(metrics, outputs);

    metrics->tallies[predicted].predicted++;
    metrics->tallies[truth].right += truth == predicted;
    if (metrics->confusion)
        metrics->confusion[truth * metrics->classes + predicted]++;
    if (metrics->task == NET_TASK_CLASSES && truth < metrics->outputs)
        metrics->in_top5 += is_in_top5(outputs, metrics->outputs, truth);
    const double surprise = net_surprise(metrics, truth, outputs);

    metrics->surprise += surprise;
    net_bins_add(metrics, truth, predicted, surprise, outputs);
    if (metrics->ranks.scores)
        net_ranks_add(metrics, truth, outputs);
    return isnan(surprise) ? 0 : surprise;
}

static void add_row(struct net_metrics *metrics, enum net_part part, long row, const float *outputs,
                    bool finite)
{
    const int truth = true_class(metrics, part, row);
    const double surprise = truth < 0 ? 0 : add_label(metrics, truth, outputs, finite);
    const int predicted = finite ? predicted_class(metrics, outputs) : truth;

    if (truth >= 0 && truth != predicted)
        net_worst_add(metrics, row, truth, predicted, surprise, outputs);
}

void net_position_outputs(float *x, const float *outputs, int position, int positions, int count)
{
    for (int c = 0; c < count; c++)
        x[c] = outputs[(long)c * positions + position];
}

/* A class a position; the row is as wrong as its labels are in the mean. */
static void add_positions(struct net_metrics *metrics, enum net_part part, long row,
                          const float *outputs, bool finite)
{
    const int32_t *label = target_of(metrics, part, row);
    const long before = metrics->labels;
    double sum = 0;

    for (int p = 0; p < metrics->positions; p++) {
        net_position_outputs(metrics->scores, outputs, p, metrics->positions, metrics->outputs);
        if (label[p] >= 0)
            sum += add_label(metrics, label[p], metrics->scores, finite);
    }
    if (metrics->labels > before && finite)
        net_worst_add(metrics, row, 0, 0, sum / (double)(metrics->labels - before), outputs);
}

/* Of a row with several values one of them, another in each row; in the units of the data. */
static void add_pair(struct net_metrics *metrics, const float *outputs, const float *target)
{
    struct net_pairs *pairs = &metrics->pairs;
    const long row = metrics->rows - 1;
    const int k = (int)(row * 7919 % metrics->model->outputs);

    if (row % pairs->every)
        return;
    if (pairs->count == MOST_PAIRS) {
        pairs->count /= 2;
        pairs->every *= 2;
        for (int i = 0; i < pairs->count; i++)
            memcpy(pairs->at[i], pairs->at[2 * i], sizeof *pairs->at);
        if (row % pairs->every)
            return;
    }
    const float predicted = metrics->model->activation == NET_SIGMOID
                                ? (float)(1 / (1 + exp(-(double)outputs[k])))
                                : outputs[k];
    const struct net_inverse *inverse = &metrics->sums.inverse;

    pairs->at[pairs->count][0] = (float)net_inverse_value(inverse, k, target[k]);
    pairs->at[pairs->count++][1] = (float)net_inverse_value(inverse, k, predicted);
}

int net_metrics_pairs(const struct net_metrics *metrics, const float (**pairs)[2])
{
    *pairs = (const float(*)[2])metrics->pairs.at;
    return metrics->pairs.count;
}

void net_metrics_add(struct net_metrics *metrics, enum net_part part, const long *rows,
                     const float *predictions, int n)
{
    for (int i = 0; i < n; i++) {
        const float *outputs = predictions + (long)i * metrics->model->outputs;
        const bool finite = net_is_finite(outputs, metrics->model->outputs);

        net_made_add(metrics, outputs);
        metrics->rows++;
        metrics->lost += !finite;
        if (metrics->classes)
            (metrics->positions > 1 ? add_positions : add_row)(metrics, part, rows[i], outputs,
                                                               finite);
        if (metrics->sums.at) {
            const double error = net_sums_add(metrics, outputs, target_of(metrics, part, rows[i]));

            if (!metrics->classes)
                net_worst_add(metrics, rows[i], 0, 0, error, outputs);
        }
        if (metrics->pairs.at)
            add_pair(metrics, outputs, target_of(metrics, part, rows[i]));
    }
    if (metrics->next)
        net_metrics_add(metrics->next, part, rows, predictions + (long)n * metrics->model->outputs,
                        n);
}

struct net_metrics *net_metrics_next(const struct net_metrics *metrics)
{
    return metrics->next;
}

const struct net_field *net_metrics_target(const struct net_metrics *metrics)
{
    return metrics->target;
}

long net_metrics_lost(const struct net_metrics *metrics)
{
    const long next = metrics->next ? net_metrics_lost(metrics->next) : 0;

    return metrics->lost > next ? metrics->lost : next;
}

int net_metrics_classes(const struct net_metrics *metrics)
{
    return metrics->classes;
}

const char *net_metrics_counted(const struct net_metrics *metrics)
{
    return metrics->positions == 1 ? "rows" : metrics->target->rank > 1 ? "pixels" : "positions";
}

long net_metrics_labelled(const struct net_metrics *metrics)
{
    return metrics->target->ignores ? metrics->labels : -1;
}

bool net_metrics_has_confusion(const struct net_metrics *metrics)
{
    return metrics->classes && metrics->confusion;
}

long net_metrics_confusion(const struct net_metrics *metrics, int truth, int predicted)
{
    return metrics->confusion[(long)truth * metrics->classes + predicted];
}

const char *net_metrics_class_name(const struct net_metrics *metrics, int class, char text[16])
{
    const char *name = net_data_name_of(metrics->data, net_target(metrics->model), class);

    if (name)
        return name;
    snprintf(text, 16, "%d", metrics->task == NET_TASK_SIGN ? 2 * class - 1 : class);
    return text;
}

bool net_metrics_score(const struct net_metrics *metrics, int class, struct net_score *score)
{
    const struct net_tally *t = &metrics->tallies[class];
    const long right = t->right, predicted = t->predicted, support = t->support;

    *score = (struct net_score){
        .precision = predicted ? (double)right / (double)predicted : 0,
        .recall = support ? (double)right / (double)support : 0,
        .f1 = right ? 2 * (double)right / (double)(predicted + support) : 0,
        .support = support,
    };
    return predicted + support > 0;
}

/* Of two classes the score of class 1, be they of one output or of two. Several: the mean over
   those that occur or are predicted. */
static struct net_score score(const struct net_metrics *metrics)
{
    struct net_score sum = {0}, one;
    int classes = 0;

    if (metrics->classes == 2) {
        net_metrics_score(metrics, 1, &sum);
        return sum;
    }
    for (int c = 0; c < metrics->classes; c++) {
        if (!net_metrics_score(metrics, c, &one))
            continue;
        sum.precision += one.precision;
        sum.recall += one.recall;
        sum.f1 += one.f1;
        classes++;
    }
    return (struct net_score){sum.precision / classes, sum.recall / classes, sum.f1 / classes, 0};
}

double net_metric_accuracy(const struct net_metrics *metrics)
{
    long right = 0;

    for (int c = 0; c < metrics->classes; c++)
        right += metrics->tallies[c].right;
    return (double)right / (double)metrics->labels;
}

/* The mean recall of the classes that there are. */
double net_metric_balanced_accuracy(const struct net_metrics *metrics)
{
    double sum = 0;
    int present = 0;

    for (int c = 0; c < metrics->classes; c++) {
        const struct net_tally *t = &metrics->tallies[c];

        if (t->support) {
            sum += (double)t->right / (double)t->support;
            present++;
        }
    }
    return sum / present;
}

/* Of several outputs. */
double net_metric_top5(const struct net_metrics *metrics)
{
    return metrics->task == NET_TASK_CLASSES ? (double)metrics->in_top5 / (double)metrics->labels
                                             : NAN;
}

/* Of a class: labels that are its and for which it is predicted, over those of either. */
double net_metric_iou(const struct net_metrics *metrics)
{
    double sum = 0;
    int classes = 0;

    for (int c = 0; c < metrics->classes; c++) {
        const struct net_tally *t = &metrics->tallies[c];
        const long either = t->support + t->predicted - t->right;

        sum += either ? (double)t->right / (double)either : 0;
        classes += either > 0;
    }
    return sum / classes;
}

/* The mean of F1 over the classes, of two too. */
double net_metric_dice(const struct net_metrics *metrics)
{
    struct net_score one;
    double sum = 0;
    int classes = 0;

    for (int c = 0; c < metrics->classes; c++) {
        classes += net_metrics_score(metrics, c, &one);
        sum += one.f1;
    }
    return sum / classes;
}

double net_metric_precision(const struct net_metrics *metrics)
{
    return score(metrics).precision;
}

double net_metric_recall(const struct net_metrics *metrics)
{
    return score(metrics).recall;
}

double net_metric_f1(const struct net_metrics *metrics)
{
    return score(metrics).f1;
}

double net_metrics_value(const struct net_metrics *metrics, const char *name)
{
    enum { CLASSES, VALUES };
    static const struct {
        const char *name;
        double (*value)(const struct net_metrics *metrics); /* of one row or more */
        bool of_values;
    } rows[] = {
#define METRIC(name, of, better, help) {#name, net_metric_##name, of == VALUES},
#include "language.def"
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *target = net_metric_target(name, rows[i].name);
        const struct net_metrics *m = metrics;

        while (target && *target && m && strcmp(m->target->name, target) != 0)
            m = m->next;
        if (target && m) {
            const bool known = rows[i].of_values ? m->sums.at != NULL : m->classes > 0;

            return known && m->rows && (m->labels || !m->classes) ? rows[i].value(m) : NAN;
        }
    }
    return net_metrics_term(metrics, name);
}

bool net_metrics_in_units(const struct net_metrics *metrics, const char *name, double *value)
{
    struct net_metrics in_units = *metrics;

    if (!metrics->sums.in_units || !net_metric_of(name)->of_values)
        return false;
    in_units.sums.at = metrics->sums.in_units;
    *value = net_metrics_value(&in_units, name);
    return true;
}

/* The model's metrics as members: , "accuracy": 0.9 */
void net_metrics_json(struct net_text *text, const struct net_model *model,
                      const struct net_metrics *metrics)
{
    for (int m = 0; m < model->metric_count; m++) {
        net_text_add(text, ", \"%s\": ", model->metrics[m].name);
        net_text_number(text, net_metrics_value(metrics, model->metrics[m].name));
    }
}
