/*
 * figure.h -- pictures of a run's numbers as SVG: curves over epochs, pairs of numbers, a matrix of
 * counts. Colors are classes, so that a page has them light and dark; a file of its own brings them
 * along.
 */

#ifndef NET_FIGURE_H
#define NET_FIGURE_H

#include "report/report.h"

enum { NET_CURVES = 2 };

/* Columns of history.csv over epochs; one that is missing (-1) or has no finite number is left
   out. */
struct net_curves {
    const struct net_epochs *epochs;
    const char *title;
    const char *names[NET_CURVES];
    int columns[NET_CURVES];
    long best; /* the epoch that is marked; 0: none */
};

/* The curves of train_NAME and validation_NAME. */
struct net_curves net_curves_of(const struct net_epochs *epochs, const char *name);
/* False, and nothing, where there is no number. */
bool net_figure_curves(struct net_text *svg, const struct net_curves *curves);

/* Points (x[i], y[i]), finite; with the diagonal where both are the same thing, or the line y = 0.
 */
struct net_points {
    const char *title, *x_name, *y_name;
    const double *x, *y;
    int count;
    bool diagonal;
};

bool net_figure_points(struct net_text *svg, const struct net_points *points);

/* A style element for a file that stands alone. */
extern const char net_figure_style[];

#endif
