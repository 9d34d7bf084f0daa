/*
 * loss_terms.c -- the loss of a part, and of each of its terms: their means over all rows, which
 * are no means of the batches' where classes have weights.
 */

#include <math.h>
#include <string.h>

#include "report/metrics/metrics.h"

static int count_terms(const struct net_model *model)
{
    return model->term_count ? model->term_count : 1;
}

void net_metrics_add_loss(struct net_metrics *metrics, const struct net_run *run)
{
    for (int t = 0; t < count_terms(metrics->model); t++) {
        struct net_term_sum *sum = &metrics->terms[t];
        const struct net_term *term = &run->terms[t];

        sum->loss += (double)term->mean * (double)term->weight;
        sum->weight += (double)term->weight;
        sum->factor = (double)term->factor;
    }
}

static double mean_of(const struct net_term_sum *sum)
{
    return sum->weight > 0 ? sum->loss / sum->weight : NAN; /* no label counts: there is no mean */
}

/* A term of which no row has a label is left out, where others are there. */
double net_metrics_loss(const struct net_metrics *metrics)
{
    double loss = 0;
    int counted = 0;

    for (int t = 0; t < count_terms(metrics->model); t++) {
        if (!(metrics->terms[t].weight > 0))
            continue;
        loss += metrics->terms[t].factor * mean_of(&metrics->terms[t]);
        counted++;
    }
    return counted ? loss : NAN;
}

/* The loss of one of several train sections: NaN, it is of none. */
static double mean_of_section(const struct net_metrics *metrics, const char *name)
{
    const struct net_model *model = metrics->model;
    const struct net_call *sections = model->metrics + model->metric_count - model->section_count;
    double loss = 0;
    int k = 0;

    while (k < model->section_count && strcmp(sections[k].name, name) != 0)
        k++;
    for (int t = 0; t < model->term_count; t++)
        if (model->term_sections[t] == k)
            loss += metrics->terms[t].factor * mean_of(&metrics->terms[t]);
    return k < model->section_count ? loss : NAN;
}

double net_metrics_term(const struct net_metrics *metrics, const char *name)
{
    const struct net_model *model = metrics->model;

    if (model->section_count)
        return mean_of_section(metrics, name);
    const struct net_call *terms = model->metrics + model->metric_count - model->term_count;

    for (int t = 0; t < model->term_count; t++)
        if (!strcmp(terms[t].name, name) && metrics->terms[t].weight > 0)
            return mean_of(&metrics->terms[t]);
    return NAN;
}
