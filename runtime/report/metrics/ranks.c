/*
 * ranks.c -- metrics of the order in which rows are put: areas under the ROC curve and under the
 * one of precision by recall, these curves, and the log loss. Of several classes each against all
 * others, and the mean. And how often what was given a probability was true.
 *
 * One idea: the score of a class is its log-odds, which ranks as its probability does, and never
 * becomes 0 or 1: exact over all rows. Rows of equal score stand in one place.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "report/metrics/metrics.h"

struct net_ranked {
    double score;
    bool positive;
};

void net_metrics_rank(struct net_metrics *metrics)
{
    struct net_ranks *ranks = &metrics->ranks;

    if (ranks->scores || metrics->positions > 1)
        return;
    for (int part = 0; part < NET_PARTS; part++) {
        const long rows = net_data_rows(metrics->data, (enum net_part)part);

        ranks->room = rows > ranks->room ? rows : ranks->room;
    }
    ranks->scores = metrics->classes == 2 ? 1 : metrics->outputs;
    ranks->at = net_allocate((size_t)ranks->room * (size_t)ranks->scores, sizeof *ranks->at);
    ranks->classes = net_allocate((size_t)ranks->room, sizeof *ranks->classes);
    ranks->order = net_allocate((size_t)ranks->room, sizeof *ranks->order);
}

void net_ranks_free(struct net_ranks *ranks)
{
    free(ranks->at);
    free(ranks->classes);
    free(ranks->order);
}

/* Of logits: z_c - log sum over the others of exp z_j. What the largest adds is left out of the sum
   of all, so that nothing cancels. */
static void find_log_odds(double *scores, const float *outputs, int count)
{
    double rest = 0;
    int best = 0;

    for (int c = 1; c < count; c++)
        if (outputs[c] > outputs[best])
            best = c;
    for (int c = 0; c < count; c++)
        if (c != best)
            rest += exp((double)outputs[c] - (double)outputs[best]);
    for (int c = 0; c < count; c++) {
        const double z = (double)outputs[c] - (double)outputs[best];

        scores[c] = z - log(c == best ? rest : 1 + (rest - exp(z)));
    }
}

void net_ranks_add(struct net_metrics *metrics, int class, const float *outputs)
{
    struct net_ranks *ranks = &metrics->ranks;
    const int count = metrics->outputs;
    double *scores = ranks->at + ranks->count * ranks->scores;
    const bool logits = metrics->model->activation == NET_SOFTMAX;

    ranks->classes[ranks->count++] = class;
    if (count == 2 && ranks->scores == 1)
        scores[0] = logits ? (double)outputs[1] - (double)outputs[0] : (double)outputs[1];
    else if (logits)
        find_log_odds(scores, outputs, count);
    else
        for (int c = 0; c < ranks->scores; c++)
            scores[c] = (double)outputs[c];
}

static int compare(const void *a, const void *b)
{
    const double x = ((const struct net_ranked *)a)->score,
                 y = ((const struct net_ranked *)b)->score;

    return (x < y) - (x > y);
}

/* Of all places, the best first, where rows of equal score end: rows there of the class and of
   others, and those before. */
struct place {
    double hits, misses;               /* rows at it */
    double hits_before, misses_before; /* and before it */
};

static double area_of_place(const struct place *place)
{
    return place->misses * (place->hits_before + place->hits / 2);
}

static double precision_of_place(const struct place *place)
{
    const double hits = place->hits_before + place->hits;

    return place->hits * hits / (hits + place->misses_before + place->misses);
}

static void sort_rows(const struct net_ranks *ranks, int score, int class)
{
    for (long i = 0; i < ranks->count; i++)
        ranks->order[i] = (struct net_ranked){ranks->at[i * ranks->scores + score],
                                              ranks->classes[i] == class};
    qsort(ranks->order, (size_t)ranks->count, sizeof *ranks->order, compare);
}

/* Goes on to the place that begins with row i, and behind it; false: there is none. */
static bool next_place(const struct net_ranks *ranks, long *i, struct place *place)
{
    const double here = *i < ranks->count ? ranks->order[*i].score : 0;

    place->hits_before += place->hits;
    place->misses_before += place->misses;
    place->hits = place->misses = 0;
    if (*i == ranks->count)
        return false;
    for (; *i < ranks->count && ranks->order[*i].score == here; ++*i) {
        place->hits += ranks->order[*i].positive;
        place->misses += !ranks->order[*i].positive;
    }
    return true;
}

/* The sum over places of `of` for one class; into `place` the numbers of rows. */
static double walk(const struct net_ranks *ranks, int score, int class,
                   double (*of)(const struct place *), struct place *place)
{
    double sum = 0;

    sort_rows(ranks, score, class);
    *place = (struct place){0};
    for (long i = 0; next_place(ranks, &i, place);)
        sum += of(place);
    return sum;
}

int net_metrics_curve(const struct net_metrics *metrics, double (*points)[2])
{
    const struct net_ranks *ranks = &metrics->ranks;
    const double hits = (double)metrics->tallies[1].support,
                 misses = (double)(metrics->labels - metrics->tallies[1].support);
    struct place place = {0};
    int count = 0;

    if (ranks->scores != 1 || metrics->lost || hits == 0 || misses == 0)
        return 0;
    sort_rows(ranks, 0, 1);
    for (long i = 0; next_place(ranks, &i, &place);) {
        const double x = place.misses_before + place.misses, y = place.hits_before + place.hits;

        if (count > NET_CURVE_BEGIN && i < ranks->count &&
            x - points[count - 1][0] < misses / NET_CURVE_STEPS &&
            y - points[count - 1][1] < hits / NET_CURVE_STEPS)
            continue;
        points[count][0] = x;
        points[count++][1] = y;
    }
    return count;
}

/* Of two classes that of class 1; else the mean over classes that occur, and where `misses` others
   do. NaN: there is none, scores are not kept, or one is not finite. */
static double mean_of_classes(const struct net_metrics *metrics, double (*of)(const struct place *),
                              bool misses)
{
    const struct net_ranks *ranks = &metrics->ranks;
    double sum = 0;
    int classes = 0;

    if (!ranks->scores || metrics->lost)
        return NAN;
    for (int s = 0; s < ranks->scores; s++) {
        struct place place;
        const double area = walk(ranks, s, ranks->scores == 1 ? 1 : s, of, &place);

        if (place.hits_before == 0 || (misses && place.misses_before == 0))
            continue;
        sum += area / (place.hits_before * (misses ? place.misses_before : 1));
        classes++;
    }
    return classes ? sum / classes : NAN;
}

double net_metric_auc(const struct net_metrics *metrics)
{
    return mean_of_classes(metrics, area_of_place, true);
}

double net_metric_pr_auc(const struct net_metrics *metrics)
{
    return mean_of_classes(metrics, precision_of_place, false);
}

/* Of probabilities that a network gives itself, as scikit-learn cuts them: 0 is no end of all. */
static double log_of(double p)
{
    return log(fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON));
}

double net_surprise(const struct net_metrics *metrics, int class, const float *outputs)
{
    const enum net_activation activation = metrics->model->activation;
    const int count = metrics->outputs;
    const double z = (double)outputs[0];
    double most = -INFINITY, sum = 0;

    if (metrics->task == NET_TASK_SIGN || class >= (count > 1 ? count : 2))
        return NAN;
    if (count == 1 && activation == NET_SIGMOID)
        return (class > 0 ? fmax(-z, 0) : fmax(z, 0)) + log1p(exp(-fabs(z)));
    if (count == 1)
        return z >= 0 && z <= 1 ? -log_of(class ? z : 1 - z) : NAN;
    if (activation != NET_SOFTMAX)
        return outputs[class] >= 0 && outputs[class] <= 1 ? -log_of((double)outputs[class]) : NAN;
    for (int c = 0; c < count; c++)
        most = fmax(most, (double)outputs[c]);
    for (int c = 0; c < count; c++)
        sum += exp((double)outputs[c] - most);
    return log(sum) - ((double)outputs[class] - most);
}

/* What the probability that a row's outputs give says of it: of two classes that it is class 1, of
   several that it is the predicted one. */
void net_bins_add(struct net_metrics *metrics, int truth, int predicted, double surprise,
                  const float *outputs)
{
    const bool two = metrics->classes == 2;
    const double right = exp(-surprise); /* of the true class */
    const double p = two ? (truth ? right : 1 - right)
                     : metrics->model->activation == NET_SOFTMAX
                         ? right * exp((double)outputs[predicted] - (double)outputs[truth])
                         : (double)outputs[predicted];

    if (!(p >= 0 && p <= 1.001))
        return;
    struct net_bin *bin = &metrics->bins[(int)fmin(p * NET_BINS, NET_BINS - 1)];

    bin->rows++;
    bin->hits += two ? truth == 1 : truth == predicted;
    bin->sum += p;
}

const struct net_bin *net_metrics_bins(const struct net_metrics *metrics)
{
    return metrics->bins;
}

double net_metric_log_loss(const struct net_metrics *metrics)
{
    return metrics->lost ? NAN : metrics->surprise / (double)metrics->labels;
}
