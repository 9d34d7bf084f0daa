/*
 * curves.c -- the sink of curves.svg: the losses of all epochs as a picture, drawn at the end.
 *
 * The one idea: a loss that is not there or not finite is NaN, and left out of its line. A resumed
 * run takes the epochs before it from history.csv, as far as they can be read.
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

struct curves {
    double *loss[CURVES]; /* by epoch from 0; NaN: none */
    long room, count;     /* epochs: that there is memory for, trained */
    double least, top;    /* of all losses */
};

static double finite_or_nan(double loss)
{
    return isfinite(loss) ? loss : NAN;
}

/* Memory grows with the epochs that were, not with those that are asked for. */
static void make_room(struct curves *curves, long epochs)
{
    const long before = curves->room;

    if (epochs <= before)
        return;
    curves->room = 2 * epochs;
    for (int k = 0; k < CURVES; k++) {
        curves->loss[k] = realloc(curves->loss[k], (size_t)curves->room * sizeof(double));
        if (!curves->loss[k])
            net_fail(NET_FAULT, "out of memory");
        for (long i = before; i < curves->room; i++)
            curves->loss[k][i] = NAN;
    }
}

static void add_losses(struct curves *curves, long epoch, double train, double validation)
{
    make_room(curves, epoch);
    curves->loss[TRAIN][epoch - 1] = finite_or_nan(train);
    curves->loss[VALIDATION][epoch - 1] = finite_or_nan(validation);
    curves->count = epoch > curves->count ? epoch : curves->count;
}

/* Number `column` of a line of cells; NaN: there is none. */
static double cell_of(const char *line, int column)
{
    char *end;

    for (; line && column > 0; column--) {
        line = strchr(line, ',');
        line = line ? line + 1 : NULL;
    }
    const double value = line ? strtod(line, &end) : NAN;
    return line && end != line ? value : NAN;
}

static void read_earlier(struct curves *curves, const struct net_training *run)
{
    char *text = net_file_read(&run->folder, "history.csv", &(size_t){0}), *rest = text;
    const bool validation = net_data_rows(run->session.data, NET_VALIDATION) > 0;
    const int column = 2 + run->session.model->metric_count;

    for (char *line; (line = strsep(&rest, "\n"));) {
        const long epoch = strtol(line, NULL, 10);

        if (epoch >= 1 && epoch <= run->state.epoch)
            add_losses(curves, epoch, cell_of(line, 1), validation ? cell_of(line, column) : NAN);
    }
    free(text);
}

static void *open_curves(const struct net_training *run, struct net_progress *progress)
{
    struct curves *curves = net_allocate(1, sizeof *curves);

    (void)progress;
    if (run->options->value[NET_RESUME].text && net_folder_has(&run->folder, "history.csv"))
        read_earlier(curves, run);
    return curves;
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    add_losses(sink, run->state.epoch, epoch->loss, epoch->validation_loss);
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
        for (long i = 0; i < curves->count; i++) {
            curves->least = fmin(curves->least, curves->loss[k][i]);
            curves->top = fmax(curves->top, curves->loss[k][i]);
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
    static const char *const names[] = {"train_loss", "validation_loss"};
    const long step = 1 + curves->count / POINTS;
    bool goes_on = false, any = false;

    for (long i = (curves->count - 1) % step; i < curves->count; i += step) {
        const double loss = curves->loss[k][i];

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
        net_text_add(svg, goes_on ? "L%.1f %.1f" : "M%.1f %.1fh0", x_of(curves, i),
                     y_of(curves, loss));
        goes_on = any = true;
    }
    if (any)
        net_text_add(svg, "\"/>\n");
}

static void draw(void *sink, const struct net_training *run, const char *status)
{
    struct curves *curves = sink;
    struct net_text svg = {0};

    (void)status;
    if (!find_range(curves))
        return;
    net_text_add(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"400\" "
                       "font-family=\"sans-serif\" font-size=\"12\">\n"
                       "<rect width=\"640\" height=\"400\" fill=\"#fff\"/>\n");
    draw_grid(&svg, curves);
    for (int k = 0; k < CURVES; k++)
        draw_curve(&svg, curves, k);
    net_text_add(&svg, "</svg>\n");
    net_file_replace(&run->folder, "curves.svg", &svg);
    free(svg.at);
}

static void close_curves(void *sink, const struct net_training *run)
{
    struct curves *curves = sink;

    (void)run;
    for (int k = 0; k < CURVES; k++)
        free(curves->loss[k]);
    free(curves);
}

const struct net_sink net_sink_curves = {
    .open = open_curves,
    .epoch = add_epoch,
    .finish = draw,
    .close = close_curves,
};
