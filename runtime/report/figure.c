/*
 * figure.c -- axes, curves and points as SVG.
 *
 * The one idea: a picture has 640 by 400 units, an axis is a range of numbers that ends on round
 * ones, and whatever is drawn goes through at_x and at_y.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figure.h"

enum {
    LEFT = 70, /* units */
    RIGHT = 620,
    TOP = 30,
    BOTTOM = 350,
    POINTS = 1000, /* of a curve, about */
    MARKS = 60     /* epochs that have a mark each, at most */
};

const char net_figure_style[] =
    "<style>svg{background:#fff}text{font:12px sans-serif;fill:#333}.title{font-weight:bold}"
    ".grid{stroke:#ddd}.a{stroke:#1f77b4}.b{stroke:#e8710a}.best{stroke:#999;stroke-dasharray:4}"
    "text.a{fill:#1f77b4;stroke:none}text.b{fill:#e8710a;stroke:none}"
    ".dot{fill:#1f77b4;fill-opacity:.5}</style>";

static const char *const classes[NET_CURVES] = {"a", "b"};

struct axes {
    double x[2], y[2]; /* the first and last number */
    double step;       /* between two lines of y */
};

static double at_x(const struct axes *axes, double x)
{
    return axes->x[1] > axes->x[0]
               ? LEFT + (RIGHT - LEFT) * (x - axes->x[0]) / (axes->x[1] - axes->x[0])
               : 0.5 * (LEFT + RIGHT);
}

static double at_y(const struct axes *axes, double y)
{
    return BOTTOM - (BOTTOM - TOP) * (y - axes->y[0]) / (axes->y[1] - axes->y[0]);
}

/* 1, 2 or 5 times a power of ten: about a fifth of the range. */
static double round_step(double range)
{
    double power = 1;

    while (power * 10 <= range / 5)
        power *= 10;
    while (power > range / 5)
        power /= 10;
    const double share = range / 5 / power;

    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

/* Widens a range to round numbers; one without a width gets one. */
static double widen(double range[2])
{
    if (range[0] == range[1]) {
        const double half = 0.5 * fabs(range[1]) + 1e-9;

        range[0] -= half, range[1] += half;
    }
    const double step = round_step(range[1] - range[0]);

    range[0] = step * floor(range[0] / step + 1e-9);
    range[1] = step * ceil(range[1] / step - 1e-9);
    return step;
}

static void begin(struct net_text *svg, const char *title)
{
    net_text_add(svg,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\" role=\"img\" "
                 "aria-label=\"");
    net_text_html(svg, title);
    net_text_add(svg, "\">\n<text class=\"title\" x=\"%d\" y=\"18\">", LEFT);
    net_text_html(svg, title);
    net_text_add(svg, "</text>\n");
}

static void add_lines(struct net_text *svg, const struct axes *axes)
{
    const int count = (int)((axes->y[1] - axes->y[0]) / axes->step + 0.5);

    for (int i = 0; i <= count; i++) {
        const double y = axes->y[0] + i * axes->step;

        net_text_add(svg,
                     "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
                     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                     LEFT, at_y(axes, y), RIGHT, LEFT - 6, at_y(axes, y) + 4,
                     fabs(y) < 1e-9 * axes->step ? 0.0 : y);
    }
}

/* ---- curves ---------------------------------------------------------------------------------- */

struct net_curves net_curves_of(const struct net_epochs *epochs, const char *name)
{
    static const char *const parts[NET_CURVES] = {"train", "validation"};
    struct net_curves curves = {.epochs = epochs, .title = name};

    for (int k = 0; k < NET_CURVES; k++) {
        char *column = net_format("%s_%s", parts[k], name);

        curves.names[k] = parts[k];
        curves.columns[k] = net_epochs_column(epochs, column);
        free(column);
    }
    return curves;
}

static double value_at(const struct net_curves *curves, int k, long row)
{
    const double value = net_epochs_at(curves->epochs, row, curves->columns[k]);

    return fabs(value) < 1e300 ? value : NAN; /* a range of others would be infinite */
}

static double epoch_at(const struct net_curves *curves, long row)
{
    return net_epochs_at(curves->epochs, row, 0);
}

static bool find_ranges(struct axes *axes, const struct net_curves *curves)
{
    const long count = curves->epochs->count;

    *axes = (struct axes){.y = {INFINITY, -INFINITY}};
    for (int k = 0; k < NET_CURVES; k++)
        for (long i = 0; i < count; i++) {
            axes->y[0] = fmin(axes->y[0], value_at(curves, k, i));
            axes->y[1] = fmax(axes->y[1], value_at(curves, k, i));
        }
    if (!isfinite(axes->y[0]))
        return false;
    axes->x[0] = 1;
    axes->x[1] = epoch_at(curves, count - 1);
    axes->step = widen(axes->y);
    return true;
}

/* What stands under the pointer, without a script. */
static void add_marks(struct net_text *svg, const struct axes *axes,
                      const struct net_curves *curves, int k)
{
    if (curves->epochs->count > MARKS)
        return;
    for (long i = 0; i < curves->epochs->count; i++) {
        const double value = value_at(curves, k, i);

        if (!isnan(value))
            net_text_add(svg,
                         "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"none\">"
                         "<title>epoch %.0f, %s: %.6g</title></circle>\n",
                         classes[k], at_x(axes, epoch_at(curves, i)), at_y(axes, value),
                         epoch_at(curves, i), curves->names[k], value);
    }
}

/* From epoch to epoch, the last one among them; one alone is a dot. */
static void add_curve(struct net_text *svg, const struct axes *axes,
                      const struct net_curves *curves, int k)
{
    const long count = curves->epochs->count, step = 1 + count / POINTS;
    bool goes_on = false, any = false;

    for (long i = (count - 1) % step; i < count; i += step) {
        const double value = value_at(curves, k, i);

        goes_on = goes_on && epoch_at(curves, i) <= epoch_at(curves, i - step) + (double)step;
        if (isnan(value)) {
            goes_on = false;
            continue;
        }
        if (!any)
            net_text_add(svg,
                         "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n"
                         "<path class=\"%s\" fill=\"none\" stroke-width=\"2\" "
                         "stroke-linecap=\"round\" d=\"",
                         classes[k], LEFT + 130 * k, BOTTOM + 40, curves->names[k], classes[k]);
        net_text_add(svg, goes_on ? "L%.1f %.1f" : "M%.1f %.1fh0", at_x(axes, epoch_at(curves, i)),
                     at_y(axes, value));
        goes_on = any = true;
    }
    if (any) {
        net_text_add(svg, "\"/>\n");
        add_marks(svg, axes, curves, k);
    }
}

bool net_figure_curves(struct net_text *svg, const struct net_curves *curves)
{
    struct axes axes;

    if (!find_ranges(&axes, curves))
        return false;
    begin(svg, curves->title);
    add_lines(svg, &axes);
    net_text_add(svg,
                 "<text x=\"%d\" y=\"%d\">epoch 1</text>"
                 "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f</text>\n",
                 LEFT, BOTTOM + 18, RIGHT, BOTTOM + 18, axes.x[1]);
    if (curves->best)
        net_text_add(
            svg, "<path class=\"best\" d=\"M%.1f %dV%d\"><title>best: epoch %ld</title></path>\n",
            at_x(&axes, (double)curves->best), TOP, BOTTOM, curves->best);
    for (int k = 0; k < NET_CURVES; k++)
        add_curve(svg, &axes, curves, k);
    net_text_add(svg, "</svg>\n");
    return true;
}

/* ---- points ---------------------------------------------------------------------------------- */

static void range_of(double range[2], const double *at, int count)
{
    range[0] = INFINITY, range[1] = -INFINITY;
    for (int i = 0; i < count; i++) {
        range[0] = fmin(range[0], at[i]);
        range[1] = fmax(range[1], at[i]);
    }
}

static void add_x_lines(struct net_text *svg, const struct axes *axes, double step)
{
    const int count = (int)((axes->x[1] - axes->x[0]) / step + 0.5);

    for (int i = 0; i <= count; i++) {
        const double x = axes->x[0] + i * step;

        net_text_add(svg,
                     "<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
                     "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>\n",
                     at_x(axes, x), TOP, BOTTOM, at_x(axes, x), BOTTOM + 18,
                     fabs(x) < 1e-9 * step ? 0.0 : x);
    }
}

bool net_figure_points(struct net_text *svg, const struct net_points *points)
{
    struct axes axes;

    if (!points->count)
        return false;
    range_of(axes.x, points->x, points->count);
    range_of(axes.y, points->y, points->count);
    if (points->diagonal) {
        axes.x[0] = axes.y[0] = fmin(axes.x[0], axes.y[0]);
        axes.x[1] = axes.y[1] = fmax(axes.x[1], axes.y[1]);
    } else {
        axes.y[0] = fmin(axes.y[0], 0);
        axes.y[1] = fmax(axes.y[1], 0);
    }
    const double step = widen(axes.x);

    axes.step = widen(axes.y);
    begin(svg, points->title);
    add_lines(svg, &axes);
    add_x_lines(svg, &axes, step);
    net_text_add(svg, "<path class=\"best\" d=\"M%d %.1fL%d %.1f\"/>\n", LEFT,
                 points->diagonal ? (double)BOTTOM : at_y(&axes, 0), RIGHT,
                 points->diagonal ? (double)TOP : at_y(&axes, 0));
    for (int i = 0; i < points->count; i++)
        net_text_add(svg, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n",
                     at_x(&axes, points->x[i]), at_y(&axes, points->y[i]));
    net_text_add(
        svg,
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>"
        "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n"
        "</svg>\n",
        (LEFT + RIGHT) / 2, BOTTOM + 40, points->x_name, (TOP + BOTTOM) / 2, points->y_name);
    return true;
}
