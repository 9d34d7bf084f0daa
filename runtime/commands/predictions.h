/*
 * predictions.h -- predictions as text, csv, JSON or arrays.
 *
 * A model predicts each of its targets: a head of each. Of a model with one head nothing is named
 * after it; of several all is.
 */

#ifndef NET_PREDICTIONS_H
#define NET_PREDICTIONS_H

#include "commands/commands.h"

/* What is predicted of a target, and of the row that is added next. */
struct net_head {
    const struct net_model *model; /* as the target sees it */
    const char *name;              /* the target's; "prediction" where it is compared with none */
    struct net_inverse inverse;    /* of values, which are told in the units of the data */
    int top;        /* classes that are told, the likeliest first; 0: all, in their order */
    int *order;     /* where `top` is not 0: the row's classes, the likeliest first */
    float *x;       /* outputs, of classes their probabilities */
    int32_t *class; /* what they chose as they came, one a position, for rounding could make two
                       shares equal, or one half */
    int true_class; /* what the data say */
    const int32_t *true_classes; /* one a position, -1: ignored; or NULL */
    const float *true_values;    /* as they were prepared; NULL: the class */
    float *kept;                 /* of an npz: [rows][outputs], in the units of the data */
};

struct net_predictions {
    FILE *out;
    const struct net_session *session;
    const struct net_prediction_format *format;
    struct net_head *heads;
    int head_count;
    const struct net_head *head; /* the one that is written */
    bool with_truth;
    double loss; /* of the row, with truths */
    long row;    /* with truths in its source, of a series where its window ends, from 0; else -1 */
    long added;
    int digits; /* behind the point; -1: 6 of probabilities, all that there are of values */
};

/* By --format, --top and --digits; what does not apply ends the program. */
void net_predictions_open(struct net_predictions *predictions, FILE *out,
                          const struct net_session *session);
void net_predictions_begin(struct net_predictions *predictions, long rows); /* a header */
void net_predictions_add(struct net_predictions *predictions); /* the row of the heads */
void net_predictions_close(struct net_predictions *predictions);

/* ---- predicted_head.c ------------------------------------------------------------------------ */

bool net_predicts_classes(const struct net_model *model);   /* else values */
bool net_predicts_one_class(const struct net_model *model); /* class 1, by its probability */
bool net_predicts_labels(const struct net_head *head);      /* a class a position, no more */
int net_told_classes(const struct net_head *head);
int net_class_at(const struct net_head *head, int place); /* whose probability is told there */
/* Of the head that is written: output i, a value in the units of the data; */
void net_put_number(const struct net_predictions *predictions, int i, float x);
/* the words of labels of a text, or a list of JSON, malloc'd; NULL: they are of none; */
char *net_head_text(const struct net_predictions *predictions, const int32_t *labels, bool json);
/* what a class is called, its number in `text` where it has no name. */
const char *net_head_class(const struct net_predictions *predictions, int class, char text[16]);

/* ---- predictions_json.c, predictions_arrays.c ------------------------------------------------ */

void net_add_json(struct net_predictions *predictions);
void net_begin_npy(struct net_predictions *predictions, long rows);
void net_add_npy(struct net_predictions *predictions);
void net_begin_npz(struct net_predictions *predictions, long rows);
void net_add_npz(struct net_predictions *predictions);
void net_end_npz(struct net_predictions *predictions);

#endif
