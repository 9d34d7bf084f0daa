/*
 * predictions.h -- predictions as text, csv, JSON or an array.
 */

#ifndef NET_PREDICTIONS_H
#define NET_PREDICTIONS_H

#include "commands/commands.h"

/* What the data say of a row. */
struct net_truth {
    int class;
    const int32_t *classes; /* one a position, -1: ignored; or NULL */
    const float *values;    /* as they were prepared; NULL: the class */
    double loss;
    long row; /* in its source, from 0 */
};

struct net_predictions {
    FILE *out;
    const struct net_session *session;
    const struct net_prediction_format *format;
    int top;    /* classes that are told, the likeliest first; 0: all, in their order */
    int *order; /* of a row, where `top` is not 0: its classes, the likeliest first */
    struct net_inverse inverse;    /* of values, which are told in the units of the data */
    const struct net_truth *truth; /* of the row that is added next; NULL: none is told */
    long ends;  /* of a series: the row that its window ends at, from 0; else -1 */
    int digits; /* behind the point; -1: 6 of probabilities, all that there are of values */
};

bool net_predicts_classes(const struct net_model *model); /* else values */
/* By --format, --top and --digits; what does not apply ends the program. */
void net_predictions_open(struct net_predictions *predictions, FILE *out,
                          const struct net_session *session);
void net_predictions_begin(struct net_predictions *predictions, long rows); /* a header */
/* x: a row's outputs, of classes their probabilities; class: what they chose as they came, one a
   position, for rounding could make two shares equal, or one half. */
void net_predictions_add(struct net_predictions *predictions, const float *x, const int32_t *class);
void net_predictions_close(struct net_predictions *predictions);

#endif
