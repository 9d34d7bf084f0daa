/*
 * tfidf.c -- tfidf: each count of a bag of words times idf = log((1 + rows) / (1 + rows that have
 * the word)) + 1, over the training rows, and the row divided by its length, the root of the sum of
 * its squares; scikit-learn's TfidfVectorizer. A row without words stays one.
 */

#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

static void fit_tfidf(struct net_fitted *fitted, const struct net_values *values,
                      const struct net_call *call, const long *rows, long row_count)
{
    const struct net_column *column = &values->column;

    (void)call;
    fitted->count = column->size;
    fitted->list[0] = net_allocate((size_t)column->size, sizeof(double));
    for (long r = 0; r < row_count; r++) {
        const long row = rows ? rows[r] : r;

        for (long i = column->begin[row]; i < column->begin[row + 1]; i++)
            fitted->list[0][((const int32_t *)column->at)[i]]++;
    }
    for (int w = 0; w < column->size; w++)
        fitted->list[0][w] = log((1 + (double)row_count) / (1 + fitted->list[0][w])) + 1;
}

static void apply_tfidf(struct net_values *values, const struct net_call *call,
                        const struct net_fitted *fitted)
{
    const struct net_column *column = &values->column;

    (void)call;
    net_values_check(values, fitted);
    for (long row = 0; row < column->rows; row++) {
        const long begin = column->begin[row], end = column->begin[row + 1];
        const int32_t *word = column->at;
        double squares = 0;

        for (long i = begin; i < end; i++) {
            const double weight = (double)column->value[i] * fitted->list[0][word[i]];

            squares += weight * weight;
        }
        for (long i = begin; i < end; i++)
            column->value[i] = (float)((double)column->value[i] * fitted->list[0][word[i]] /
                                       sqrt(squares));
    }
}

const struct net_transform net_transform_tfidf = {
    .name = "tfidf", .fitted = {"idf"}, .fit = fit_tfidf, .apply = apply_tfidf};
