/*
 * metrics.h -- what the files of metrics share: metrics.c counts classes, value_sums.c sums
 * differences of values, ranks.c keeps every row's scores, worst.c some rows. A metric is a row of
 * language.def and here the function net_metric_NAME of what they keep, of one row or more; the
 * terms of a loss of several are told as metrics too (loss_terms.c).
 */

#ifndef NET_METRICS_H
#define NET_METRICS_H

#include "report/report.h"

/* ---- value_sums.c ---------------------------------------------------------------------------- */

/* Sums over rows of one output. */
struct net_sums {
    double square, absolute;      /* of prediction - target */
    double share;                 /* of |prediction - target| / |target| */
    double mean, total;           /* of the target: mean, total sum of squares (Welford) */
    long labels, predicted, both; /* rows where the target is 1, where 1 is predicted */
    long strays;                  /* whose target is neither 0 nor 1 */
};

/* As they come, and in the units of the data where the target was prepared. */
struct net_value_sums {
    struct net_sums *at, *in_units; /* [outputs]; in_units may be NULL */
    struct net_inverse inverse;
    long right; /* rows whose labels are all predicted */
};

void net_sums_new(struct net_value_sums *sums, const struct net_metrics *metrics);
void net_sums_reset(struct net_value_sums *sums, const struct net_metrics *metrics);
void net_sums_free(struct net_value_sums *sums);
/* Returns the sum of squares of the row. */
double net_sums_add(struct net_metrics *metrics, const float *outputs, const float *target);

/* ---- ranks.c --------------------------------------------------------------------------------- */

/* Every row's class and its scores: log-odds of each class where outputs are logits, of class 1
   alone where there are two; else the outputs. */
struct net_ranks {
    int scores;   /* of a row: 1 for two classes; 0: none are kept */
    double *at;   /* [room][scores] */
    int *classes; /* [room] */
    long room;    /* rows of the largest part */
    long count;
    struct net_ranked *order; /* [room] */
};

void net_ranks_free(struct net_ranks *ranks);
void net_ranks_add(struct net_metrics *metrics, int class, const float *outputs);
/* -log of the probability that outputs give to a class; NaN: they are no probabilities. */
double net_surprise(const struct net_metrics *metrics, int class, const float *outputs);
/* `surprise` is that of the true class. */
void net_bins_add(struct net_metrics *metrics, int truth, int predicted, double surprise,
                  const float *outputs);

/* ---- worst.c --------------------------------------------------------------------------------- */

enum { NET_WORST = 12 };

struct net_worst_row {
    long row;             /* its number in the part */
    int truth, predicted; /* of classes */
    double error;         /* the log loss; of values the sum of squares */
    float *outputs;
};

struct net_worst {
    struct net_worst_row at[NET_WORST];
    int count, room;
    int first; /* so many are the first rows, whatever their error */
    float *outputs;
};

void net_worst_new(struct net_metrics *metrics);
void net_worst_add(struct net_metrics *metrics, long row, int truth, int predicted, double error,
                   const float *outputs);
/* The first ones, then the worst first; how many. */
int net_worst_rows(const struct net_metrics *metrics, struct net_worst_row rows[NET_WORST]);

/* ---- metrics.c ------------------------------------------------------------------------------- */

/* Labels of one class: rows, or positions of them. */
struct net_tally {
    long support;   /* labels whose class it is */
    long predicted; /* for which it was predicted */
    long right;     /* both */
};

/* Some numbers of evenly spaced rows as they should be and as they are predicted: where there are
   too many, each second goes. */
struct net_pairs {
    float (*at)[2];
    int count;
    long every; /* rows between two of them */
};

/* ---- made.c ---------------------------------------------------------------------------------- */

struct net_made {
    float *at; /* [most][outputs]; NULL: no pictures are made */
    int count, most;
};

void net_made_new(struct net_metrics *metrics);
void net_made_add(struct net_metrics *metrics, const float *outputs); /* of the next row */

/* ---- loss_terms.c ---------------------------------------------------------------------------- */

struct net_term_sum {
    double loss, weight; /* of rows: each term's mean times its weight, and the weights */
    double factor;
};

/* "loss_label": the mean of that term; NaN: it is none, or there are no rows. */
double net_metrics_term(const struct net_metrics *metrics, const char *name);

struct net_metrics {
    const struct net_model *model;
    struct net_metrics *next; /* of model->next, another target's; NULL: there is none */
    const struct net_data *data;
    const struct net_field *target;
    enum net_task task;
    int classes;   /* 0 for NET_TASK_VALUES */
    int positions; /* labels of a row */
    int outputs;   /* of a label */
    float *scores; /* [outputs] of one position of several */
    long rows;
    long labels;               /* of all rows, without those that are ignored */
    struct net_tally *tallies; /* [classes] */
    long *confusion;           /* [truth][predicted]; NULL for too many */
    long lost;                 /* rows with an output that is not finite */
    long in_top5;              /* rows whose class is among the five largest outputs */
    double surprise;           /* sum of net_surprise */
    struct net_ranks ranks;
    struct net_bin bins[NET_BINS];
    struct net_worst worst;
    struct net_made made;
    struct net_value_sums sums; /* at NULL for targets that are class indices */
    struct net_pairs pairs;     /* of NET_TASK_VALUES */
    struct net_term_sum terms[NET_TERMS];
};

#define METRIC(name, ...) double net_metric_##name(const struct net_metrics *metrics);
#include "language.def"

#endif
