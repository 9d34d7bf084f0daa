/*
 * curves.c -- the sink of curves.svg: the losses of all epochs as a picture, drawn at the end.
 *
 * The one idea: a loss that is not there or not finite is NaN, and left out of its line.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum {
    LEFT = 70, /* pixels */
    RIGHT = 620,
    TOP = 20,
    BOTTOM = 350,
    LINES = 5,    /* of the grid */
    POINTS = 1000 /* of a line, about */
};

enum { TRAIN, VALIDATION, CURVES };

static const char *const names[] = {"train_loss", "validation_loss"};

struct curves {
    const struct net_epochs *epochs;
    int column[CURVES]; /* -1: none */
    long count;         /* the number of the last epoch */
    double least, top;  /* of all losses */
};

/* Of the epoch with that number, from 0; NaN: none. */
static double loss_of(const struct curves *curves, int k, long row)
{
    const double loss = net_epochs_at(curves->epochs, row, curves->column[k]);

    return isfinite(loss) ? loss : NAN;
}

static long epoch_of(const struct curves *curves, long row)
{
    return (long)net_epochs_at(curves->epochs, row, 0);
}

/* ---- The picture ----------------------------------------------------------------------------- */

static double x_of(const struct curves *curves, long epoch)
{
    return curves->count > 1
               ? LEFT + (double)(RIGHT - LEFT) * (double)epoch / (double)(curves->count - 1)
               : 0.5 * (LEFT + RIGHT);
}

static double y_of(const struct curves *curves, double loss)
{
    return BOTTOM - (BOTTOM - TOP) * (loss - curves->least) / (curves->top - curves->least);
}

/* False: there is no loss. */
static bool find_range(struct curves *curves)
{
    curves->least = INFINITY, curves->top = -INFINITY;
    for (int k = 0; k < CURVES; k++)
        for (long i = 0; i < curves->epochs->count; i++) {
            curves->least = fmin(curves->least, loss_of(curves, k, i));
            curves->top = fmax(curves->top, loss_of(curves, k, i));
        }
    if (curves->least == curves->top) { /* lines in the middle */
        const double half = 0.5 * fabs(curves->top) + 1e-9;

        curves->least -= half, curves->top += half;
    }
    return isfinite(curves->least);
}

static void draw_grid(struct net_text *svg, const struct curves *curves)
{
    for (int i = 0; i < LINES; i++) {
        const double loss = curves->least + (curves->top - curves->least) * i / (LINES - 1);
        const double y = y_of(curves, loss);

        net_text_add(svg,
                     "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>"
                     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                     LEFT, y, RIGHT, LEFT - 6, y + 4, loss);
    }
    net_text_add(svg,
                 "<text x=\"%d\" y=\"%d\">epoch 1</text>"
                 "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%ld</text>\n",
                 LEFT, BOTTOM + 18, RIGHT, BOTTOM + 18, curves->count);
}

/* From epoch to epoch, the last one among them; one alone is a dot. */
static void draw_curve(struct net_text *svg, const struct curves *curves, int k)
{
    static const char *const colors[] = {"#1f77b4", "#ff7f0e"};
    const long count = curves->epochs->count, step = 1 + count / POINTS;
    bool goes_on = false, any = false;

    for (long i = (count - 1) % step; i < count; i += step) {
        const double loss = loss_of(curves, k, i);

        goes_on = goes_on && epoch_of(curves, i) == epoch_of(curves, i - step) + step;
        if (isnan(loss)) {
            goes_on = false;
            continue;
        }
        if (!any)
            net_text_add(svg,
                         "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n"
                         "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
                         "stroke-linecap=\"round\" d=\"",
                         LEFT + 130 * k, BOTTOM + 38, colors[k], names[k], colors[k]);
        net_text_add(svg, goes_on ? "L%.1f %.1f" : "M%.1f %.1fh0",
                     x_of(curves, epoch_of(curves, i) - 1), y_of(curves, loss));
        goes_on = any = true;
    }
    if (any)
        net_text_add(svg, "\"/>\n");
}

static void draw(void *sink, const struct net_training *run, const char *status)
{
    const struct net_epochs *epochs = run->epochs;
    struct curves curves = {.epochs = epochs};
    struct net_text svg = {0};

    (void)sink, (void)status;
    for (int k = 0; k < CURVES; k++)
        curves.column[k] = net_epochs_column(epochs, names[k]);
    if (!find_range(&curves))
        return;
    curves.count = epoch_of(&curves, epochs->count - 1);
    net_text_add(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"400\" "
                       "font-family=\"sans-serif\" font-size=\"12\">\n"
                       "<rect width=\"640\" height=\"400\" fill=\"#fff\"/>\n");
    draw_grid(&svg, &curves);
    for (int k = 0; k < CURVES; k++)
        draw_curve(&svg, &curves, k);
    net_text_add(&svg, "</svg>\n");
    net_file_replace(&run->folder, "curves.svg", &svg);
    free(svg.at);
}

static void *open_curves(const struct net_training *run, struct net_progress *progress)
{
    (void)progress;
    return run->epochs;
}

const struct net_sink net_sink_curves = {
    .open = open_curves,
    .finish = draw,
};
