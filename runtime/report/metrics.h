/*
 * metrics.h -- what the predictions of a part are worth: metrics, reports, and `predict`.
 *
 * Predictions are added batch by batch, as net_model.unpack gives them (logits where the loss took
 * in the softmax or sigmoid). What a target is decides what can be said:
 *
 *     classes(n), one_hot(n)                  arg-max of n outputs
 *     one output, targets all 0 or 1          p >= 0.5: two classes
 *     one output, targets all -1 or 1         the sign: two classes
 *     anything else                           values: mse, mae, r2 only
 */

#ifndef NET_METRICS_H
#define NET_METRICS_H

#include <stdio.h>

#include "data/data.h"

struct net_session; /* runtime.h */
struct net_metrics;

/* What language.def says of a metric. */
struct net_metric {
    const char *name;
    bool of_values; /* it compares values, and counts no classes */
    bool less;      /* is better */
};

const struct net_metric *net_metric_of(const char *name);

struct net_metrics *net_metrics_new(const struct net_model *model, const struct net_data *data);
void net_metrics_free(struct net_metrics *metrics);
void net_metrics_reset(struct net_metrics *metrics);

/* Adds n rows of a part: predictions[n][model->outputs]. */
void net_metrics_add(struct net_metrics *metrics, enum net_part part, const long *rows,
                     const float *predictions, int n);

/* A metric of the rows added so far; NaN where it cannot be had (no rows; a metric of classes, of
   values). Precision, recall and F1 are those of class 1 where one output tells two classes, else
   the mean over the classes that occur or are predicted; 0 / 0 is 0. */
double net_metrics_value(const struct net_metrics *metrics, const char *name);

/* One class against all others. */
struct net_score {
    double precision, recall, f1;
    long support; /* rows of the class */
};

/* False for a class that neither occurs nor is predicted. */
bool net_metrics_score(const struct net_metrics *metrics, int class, struct net_score *score);

int net_metrics_classes(const struct net_metrics *metrics); /* 0: values */
/* The matrix is kept for up to 1000 classes; false for values too. */
bool net_metrics_has_confusion(const struct net_metrics *metrics);
long net_metrics_confusion(const struct net_metrics *metrics, int truth, int predicted);
const char *net_metrics_class_name(const struct net_metrics *metrics, int class, char text[16]);

/* report.c: the classification report in scikit-learn's layout and the confusion matrix, or MSE,
   MAE and R2. `digits` after the point, scikit-learn's default is 2. */
void net_report(FILE *out, const struct net_metrics *metrics, int digits);

/* predict.c: a line a row of session->data, in order: class and probabilities, or values. Rows:
   NET_TEST of net_data_open_file, or any part of net_data_open. Fails when `out` cannot be
   written. */
void net_predict(FILE *out, struct net_session *session, enum net_part part);

#endif
