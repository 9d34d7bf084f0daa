/*
 * compare_parallel.c -- runs on parallel coordinates: an axis for each setting that was varied and
 * one for what was reached, a line for each run; what ranks first is drawn last.
 */

#include <math.h>
#include <stdlib.h>

#include "report/compare/compare.h"

enum { TOP = 60, BOTTOM = 330, FROM = 84, TO = 580 }; /* units of the picture: 640 wide */
enum { LINE = 16, RIGHT = 636 };                      /* of a text: its height, where it ends */

/* An axis a setting, and what was reached at the right. */
struct upright {
    const char *name;
    const double *at; /* of each run */
    double low, high; /* logarithms where it is logarithmic */
    bool log;
    int x;
};

static double height_of(const struct upright *axis, double value)
{
    const double at = axis->log ? log10(value) : value;

    return axis->high > axis->low
               ? BOTTOM + (TOP - BOTTOM) * (at - axis->low) / (axis->high - axis->low)
               : (TOP + BOTTOM) / 2.0;
}

static struct upright stand(const struct net_run_records *runs, const char *name, const double *at,
                            bool serves_log, int x)
{
    const struct net_line all = {.y = at, .count = runs->count};
    struct upright axis = {.name = name, .at = at, .low = INFINITY, .high = -INFINITY, .x = x};

    axis.log = serves_log && net_serves_log(&all, 1);
    for (int r = 0; r < runs->count; r++)
        if (isfinite(runs->at[r].result)) {
            axis.low = fmin(axis.low, axis.log ? log10(at[r]) : at[r]);
            axis.high = fmax(axis.high, axis.log ? log10(at[r]) : at[r]);
        }
    return axis;
}

static void add_mark(struct net_text *svg, const struct upright *axis, double value,
                     const char *word)
{
    net_text_add(
        svg, "<text class=\"over\" paint-order=\"stroke\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">",
        axis->x - 5, height_of(axis, value) + 4);
    if (word)
        net_text_html(svg, word);
    else
        net_text_add(svg, "%.4g", value);
    net_text_add(svg, "</text>\n");
}

/* Every value of few, without those whose texts would lie on others, else the least and the
   largest. */
static void add_marks(struct net_text *svg, const struct upright *axis,
                      const struct net_varied *setting)
{
    const int last = setting->count - 1, step = last >= NET_MOST_WORDS ? last : 1;
    double before = INFINITY;

    for (int w = 0; w <= last; w += step) {
        const double value = setting->numbers ? strtod(setting->words[w], NULL) : w;
        const double at = height_of(axis, value);

        if (w && w < last && (before - at < LINE || at - TOP < LINE))
            continue;
        add_mark(svg, axis, value, setting->words[w]);
        before = at;
    }
}

static void add_upright(struct net_text *svg, const struct upright *axis,
                        const struct net_varied *setting)
{
    net_text_add(svg,
                 "<path class=\"grid\" d=\"M%d %dV%d\"/><text text-anchor=\"%s\" x=\"%d\" "
                 "y=\"%d\">",
                 axis->x, TOP, BOTTOM, setting ? "middle" : "end", setting ? axis->x : RIGHT,
                 BOTTOM + 22);
    net_text_html(svg, axis->name);
    net_text_add(svg, "</text>\n");
    if (setting)
        add_marks(svg, axis, setting);
    if (!setting && axis->low <= axis->high) {
        add_mark(svg, axis, axis->low, NULL);
        add_mark(svg, axis, axis->high, NULL);
    }
}

/* Its color goes from orange for the least number that was reached to blue for the largest. */
static void add_run(struct net_text *svg, const struct net_run_records *runs, int r,
                    const struct upright *axes, int count)
{
    const struct net_run_record *run = &runs->at[r];
    const struct upright *reached = &axes[count];
    const double share = (BOTTOM - height_of(reached, run->result)) / (BOTTOM - TOP);

    net_text_add(svg, "<path fill=\"none\" stroke-width=\"2\" stroke=\"hsl(%.0f 75%% 50%%)\" d=\"",
                 25 + 185 * share);
    for (int a = 0; a <= count; a++)
        net_text_add(svg, "%c%d %.1f", a ? 'L' : 'M', axes[a].x,
                     height_of(&axes[a], axes[a].at[r]));
    net_text_add(svg, "\"><title>");
    net_text_html(svg, run->name);
    net_text_add(svg, ": %.6g</title></path>\n", run->result);
}

void net_compare_parallel(const struct net_run_records *runs, const struct net_varied *settings,
                          int count, net_take_figure *take, void *to)
{
    struct upright *axes = net_allocate((size_t)count + 1, sizeof *axes);
    double *result = net_allocate((size_t)runs->count, sizeof *result);
    char *reached = net_spaced(runs->result);
    struct net_text svg = {0};

    for (int r = 0; r < runs->count; r++)
        result[r] = runs->at[r].result;
    for (int a = 0; a <= count; a++)
        axes[a] = stand(runs, a < count ? settings[a].name : reached,
                        a < count ? settings[a].at : result, a < count && settings[a].numbers,
                        FROM + (TO - FROM) * a / (count > 0 ? count : 1));
    net_text_add(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 370\" "
                       "role=\"img\" aria-label=\"parallel coordinates\">\n<text class=\"title\" "
                       "x=\"20\" y=\"18\">parallel coordinates</text>\n");
    for (int r = runs->count - 1; r >= 0; r--)
        if (isfinite(result[r]))
            add_run(&svg, runs, r, axes, count);
    for (int a = 0; a <= count; a++)
        add_upright(&svg, &axes[a], a < count ? &settings[a] : NULL);
    net_text_add(&svg, "</svg>\n");
    if (axes[count].low <= axes[count].high)
        take(to, "parallel", &svg);
    free(axes);
    free(reached);
    free(result);
    free(svg.at);
}
