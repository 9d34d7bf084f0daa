/*
 * epochs_figure.c -- columns of history.csv as curves over epochs.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures/figure.h"

enum { SERVES = 30 }; /* the largest number over the smallest, from which a logarithm serves */

struct net_line net_epochs_line(const struct net_epochs *epochs, int column)
{
    double *x = net_allocate(4 * (size_t)epochs->count + 1, sizeof *x); /* with gaps */
    double *y = x + 2 * epochs->count;
    int count = 0;

    for (long row = 0; row < epochs->count && column >= 0; row++) {
        const double epoch = net_epochs_at(epochs, row, 0);

        if (count && epoch > x[count - 1] + 1) {
            x[count] = epoch;
            y[count++] = NAN;
        }
        x[count] = epoch;
        y[count++] = net_epochs_at(epochs, row, column);
    }
    return (struct net_line){.x = x, .y = y, .count = count, .drawn = NET_JOINED | NET_MARKED};
}

bool net_serves_log(const struct net_line *lines, int count)
{
    double low = INFINITY, high = 0;

    for (int l = 0; l < count; l++)
        for (int i = 0; i < lines[l].count; i++)
            if (isfinite(lines[l].y[i])) {
                low = fmin(low, lines[l].y[i]);
                high = fmax(high, lines[l].y[i]);
            }
    return low > 0 && high > SERVES * low;
}

bool net_figure_epochs(struct net_text *svg, const struct net_epochs *epochs, const char *name,
                       long best)
{
    const bool rate = !strcmp(name, "lr");
    struct net_line lines[2];
    const int count = rate ? 1 : 2;

    for (int k = 0; k < count; k++) {
        char *column = rate ? net_format("lr") : net_format("%s_%s", net_part_names[k], name);

        lines[k] = net_epochs_line(epochs, net_epochs_column(epochs, column));
        lines[k].name = rate ? NULL : net_part_names[k];
        lines[k].color = k;
        free(column);
    }
    const struct net_figure figure = {.title = rate ? "learning rate" : name,
                                      .x = {.name = "epoch", .exact = true},
                                      .y = {.log = net_serves_log(lines, count)},
                                      .lines = lines,
                                      .line_count = count,
                                      .best = (double)best};
    const bool drawn = net_figure_draw(svg, &figure);

    for (int k = 0; k < count; k++)
        free((void *)lines[k].x);
    return drawn;
}
