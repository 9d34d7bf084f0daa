/*
 * figure.c -- axes, lines, points and bands as SVG.
 *
 * The one idea: a picture is 640 units wide and 400 and its key high, an axis is a range of numbers
 * that becomes a range of units, and whatever is drawn goes through place().
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures/figure.h"

enum {
    LEFT = 70, /* units */
    RIGHT = 620,
    TOP = 30,
    BOTTOM = 350,
    LETTER = 7,    /* about, the width of one */
    LINE = 18,     /* the height of one of the key */
    POINTS = 1000, /* of a line, about */
    MARKS = 60     /* points that have a mark each, at most */
};

static const char style[] =
    "<style>svg{background:#fff}text{font:12px sans-serif;fill:#333}.title{font-weight:bold}"
    ".grid{stroke:#ddd}.best{stroke:#999;stroke-dasharray:4}.grey{stroke:#bbb}"
    ".dot{fill:#1f77b4;fill-opacity:.5}"
#define COLOR(class, light, dark)                                                                  \
    "." #class "{color:" light ";stroke:currentColor}text." #class NET_COLORED_TEXT
    NET_EVERY_COLOR
#undef COLOR
    ".band{fill:currentColor;fill-opacity:.2;stroke:none}"
    ".over{stroke:#fff;stroke-width:4}</style>";

/* Colors come again with dashes. */
static const char *class_of(const struct net_line *line)
{
    static const char *const names[NET_COLORS] = {
#define COLOR(class, light, dark) #class,
        NET_EVERY_COLOR
#undef COLOR
    };

    return line->color < 0 ? "grey" : names[line->color % NET_COLORS];
}

static const char *dashes_of(const struct net_line *line)
{
    static const char *const dashes[] = {"", " stroke-dasharray=\"6 3\"",
                                         " stroke-dasharray=\"2 3\""};

    return dashes[line->color < 0 ? 0 : line->color / NET_COLORS % 3];
}

/* ---- axes ------------------------------------------------------------------------------------ */

struct scale {
    double low, high; /* the logarithms, where it is logarithmic */
    double step;      /* between two of its lines */
    bool log;
    int from, to; /* units */
};

static double place(const struct scale *scale, double value)
{
    const double at = scale->log ? log10(value) : value;

    return scale->high > scale->low ? scale->from + (scale->to - scale->from) * (at - scale->low) /
                                                        (scale->high - scale->low)
                                    : 0.5 * (scale->from + scale->to);
}

static bool can_draw(const struct scale *scale, double value)
{
    return fabs(value) < 1e300 && (!scale->log || value > 0); /* beyond, a range is infinite */
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

static void take_in(struct scale *scale, const double *at, int count)
{
    for (int i = 0; i < count; i++)
        if (can_draw(scale, at[i])) {
            scale->low = fmin(scale->low, scale->log ? log10(at[i]) : at[i]);
            scale->high = fmax(scale->high, scale->log ? log10(at[i]) : at[i]);
        }
}

static bool all_positive(const double *at, int count)
{
    for (int i = 0; i < count; i++)
        if (at[i] <= 0)
            return false;
    return true;
}

/* Ends on round numbers, unless it is exact; one without a width gets one. */
static void widen(struct scale *scale, bool exact)
{
    if (scale->low == scale->high && !exact) {
        const double half = scale->log ? 0.3 : 0.5 * fabs(scale->high) + 1e-9;

        scale->low -= half, scale->high += half;
    }
    scale->step = scale->high > scale->low ? round_step(scale->high - scale->low) : 1;
    if (exact || scale->log)
        return;
    scale->low = scale->step * floor(scale->low / scale->step + 1e-9);
    scale->high = scale->step * ceil(scale->high / scale->step - 1e-9);
}

static bool find_scale(struct scale *scale, const struct net_figure *figure, bool is_y)
{
    const struct net_axis *axis = is_y ? &figure->y : &figure->x;
    bool log = axis->log;

    for (int l = 0; l < figure->line_count; l++)
        log = log &&
              all_positive(is_y ? figure->lines[l].y : figure->lines[l].x, figure->lines[l].count);
    *scale = (struct scale){.low = INFINITY,
                            .high = -INFINITY,
                            .log = log,
                            .from = is_y ? BOTTOM : LEFT,
                            .to = is_y ? TOP : RIGHT};
    for (int l = 0; l < figure->line_count; l++)
        take_in(scale, is_y ? figure->lines[l].y : figure->lines[l].x, figure->lines[l].count);
    for (int l = 0; is_y && l < figure->line_count; l++)
        if (figure->lines[l].low) {
            take_in(scale, figure->lines[l].low, figure->lines[l].count);
            take_in(scale, figure->lines[l].high, figure->lines[l].count);
        }
    if (is_y && figure->zero)
        take_in(scale, &(double){0}, 1);
    if (!isfinite(scale->low))
        return false;
    if (axis->words)
        scale->low = -0.5, scale->high = axis->word_count - 0.5;
    else if (axis->low < axis->high)
        scale->low = axis->low, scale->high = axis->high;
    widen(scale, axis->exact || axis->words || axis->low < axis->high);
    return true;
}

static void add_tick(struct net_text *svg, const struct scale *scale, bool is_y, double value,
                     const char *word)
{
    const double at = place(scale, value);

    if (is_y)
        net_text_add(svg,
                     "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
                     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                     LEFT, at, RIGHT, LEFT - 6, at + 4);
    else
        net_text_add(svg,
                     "<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
                     "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                     at, TOP, BOTTOM, at, BOTTOM + LINE);
    if (word)
        net_text_html(svg, word);
    else
        net_text_add(svg, "%.4g", fabs(value) < 1e-9 * scale->step ? 0.0 : value);
    net_text_add(svg, "</text>\n");
}

/* Powers of ten; where the axis has fewer than three of them, their multiples. */
static void add_log_ticks(struct net_text *svg, const struct scale *scale, bool is_y)
{
    const double range = scale->high - scale->low;
    const int every = range > 8 ? (int)(range / 6) : 1;

    for (int power = (int)floor(scale->low); power <= scale->high; power += every)
        for (int times = 1; times < 10; times++) {
            const double value = times * pow(10, power);

            if (log10(value) < scale->low - 1e-9 || log10(value) > scale->high + 1e-9)
                continue;
            if (times == 1 || (range < 2.5 && (times == 2 || times == 5)) || range < 0.5)
                add_tick(svg, scale, is_y, value, NULL);
        }
}

static void add_ticks(struct net_text *svg, const struct net_axis *axis, const struct scale *scale,
                      bool is_y, bool whole)
{
    const double step = whole ? fmax(1, scale->step) : scale->step;

    if (axis->words)
        for (int i = 0; i < axis->word_count; i++)
            add_tick(svg, scale, is_y, i, axis->words[i]);
    else if (scale->log)
        add_log_ticks(svg, scale, is_y);
    else
        for (double i = ceil(scale->low / step - 1e-9); i * step <= scale->high + 1e-9 * step; i++)
            add_tick(svg, scale, is_y, i * step, NULL);
}

static void add_axes(struct net_text *svg, const struct net_figure *figure, const struct scale *x,
                     const struct scale *y)
{
    /* epochs and the like: exact, and whole at both ends */
    const bool whole = figure->x.exact && x->low == floor(x->low) && x->high == floor(x->high);

    add_ticks(svg, &figure->y, y, true, false);
    add_ticks(svg, &figure->x, x, false, whole);
    if (figure->x.name) {
        net_text_add(svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + RIGHT) / 2,
                     BOTTOM + 2 * LINE);
        net_text_html(svg, figure->x.name);
        net_text_add(svg, "</text>\n");
    }
    if (figure->y.name) {
        net_text_add(svg,
                     "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">",
                     (TOP + BOTTOM) / 2);
        net_text_html(svg, figure->y.name);
        net_text_add(svg, "</text>\n");
    }
    if (figure->diagonal)
        net_text_add(svg, "<path class=\"best\" d=\"M%d %dL%d %d\"/>\n", LEFT, BOTTOM, RIGHT, TOP);
    if (figure->zero)
        net_text_add(svg, "<path class=\"best\" d=\"M%d %.1fH%d\"/>\n", LEFT, place(y, 0), RIGHT);
    if (figure->best > 0)
        net_text_add(svg,
                     "<path class=\"best\" d=\"M%.1f %dV%d\"><title>best: %s %g</title></path>\n",
                     place(x, figure->best), TOP, BOTTOM, figure->x.name, figure->best);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* From point to point, the last among them; one alone is a dot. */
static void add_joined(struct net_text *svg, const struct net_line *line, const struct scale *x,
                       const struct scale *y)
{
    const int step = 1 + line->count / POINTS;
    bool goes_on = false;

    net_text_add(svg,
                 "<path class=\"%s\" fill=\"none\" stroke-width=\"%s\" stroke-linecap=\"round\""
                 "%s d=\"",
                 class_of(line), line->thin ? "1" : "2", dashes_of(line));
    for (int i = (line->count - 1) % step; i < line->count; i += step) {
        for (int k = i; k > i - step && k >= 0; k--)
            goes_on = goes_on && can_draw(x, line->x[k]) && can_draw(y, line->y[k]);
        if (!can_draw(x, line->x[i]) || !can_draw(y, line->y[i]))
            continue;
        net_text_add(svg, goes_on ? "L%.1f %.1f" : "M%.1f %.1fh0", place(x, line->x[i]),
                     place(y, line->y[i]));
        goes_on = true;
    }
    net_text_add(svg, "\"/>\n");
}

static void add_points(struct net_text *svg, const struct net_figure *figure,
                       const struct net_line *line, const struct scale *x, const struct scale *y)
{
    const bool marked = line->drawn & NET_MARKED && line->count <= MARKS;

    for (int i = 0; (marked || line->drawn & NET_DOTTED) && i < line->count; i++) {
        if (!can_draw(x, line->x[i]) || !can_draw(y, line->y[i]))
            continue;
        if (!marked) {
            net_text_add(svg, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n",
                         place(x, line->x[i]), place(y, line->y[i]));
            continue;
        }
        if (line->thin)
            net_text_add(svg,
                         "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"transparent\">"
                         "<title>",
                         place(x, line->x[i]), place(y, line->y[i]));
        else
            net_text_add(svg,
                         "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"none\">"
                         "<title>",
                         class_of(line), place(x, line->x[i]), place(y, line->y[i]));
        net_text_html(svg, figure->x.name);
        if (figure->x.words)
            net_text_add(svg, " %s", figure->x.words[(int)line->x[i]]);
        else
            net_text_add(svg, " %.6g", line->x[i]);
        net_text_add(svg, ", ");
        net_text_html(svg, line->name ? line->name : figure->title);
        net_text_add(svg, ": %.6g</title></circle>\n", line->y[i]);
    }
}

static void add_band(struct net_text *svg, const struct net_line *line, const struct scale *x,
                     const struct scale *y)
{
    const int count = line->count;
    bool goes_on = false;

    net_text_add(svg, "<path class=\"band %s\" d=\"", class_of(line));
    for (int i = 0; i < 2 * count; i++) {
        const int at = i < count ? i : 2 * count - 1 - i;
        const double value = i < count ? line->high[at] : line->low[at];

        if (!can_draw(y, line->high[at]) || !can_draw(y, line->low[at]))
            continue;
        net_text_add(svg, "%c%.1f %.1f", goes_on ? 'L' : 'M', place(x, line->x[at]),
                     place(y, value));
        goes_on = true;
    }
    net_text_add(svg, "%s\"/>\n", goes_on ? "Z" : "M0 0");
}

/* ---- the key --------------------------------------------------------------------------------- */

static bool has_numbers(const struct net_line *line)
{
    for (int i = 0; i < line->count; i++)
        if (isfinite(line->y[i]))
            return true;
    return false;
}

static bool in_key(const struct net_line *line)
{
    return line->name && !line->hidden && has_numbers(line);
}

struct key {
    int count, columns, width;
};

static struct key find_key(const struct net_figure *figure)
{
    struct key key = {.width = 60};

    for (int l = 0; l < figure->line_count; l++)
        if (in_key(&figure->lines[l])) {
            const int width = LETTER * net_text_columns(figure->lines[l].name) + 60;

            key.count++;
            key.width = width > key.width ? width : key.width;
        }
    key.columns = (RIGHT - LEFT) / key.width > 1 ? (RIGHT - LEFT) / key.width : 1;
    return key;
}

static void add_key(struct net_text *svg, const struct net_figure *figure, const struct key *key,
                    int top)
{
    int i = 0;

    for (int l = 0; l < figure->line_count; l++) {
        const struct net_line *line = &figure->lines[l];

        if (!in_key(line))
            continue;
        const int x = LEFT + key->width * (i % key->columns), y = top + LINE * (i / key->columns);

        net_text_add(svg,
                     "<path class=\"%s\" stroke-width=\"2\"%s d=\"M%d %dh18\"/>"
                     "<text class=\"%s\" x=\"%d\" y=\"%d\">",
                     class_of(line), dashes_of(line), x, y - 4, class_of(line), x + 24, y);
        net_text_html(svg, line->name);
        net_text_add(svg, "</text>\n");
        i++;
    }
}

/* ---- the picture ----------------------------------------------------------------------------- */

bool net_figure_draw(struct net_text *svg, const struct net_figure *figure)
{
    const struct key key = find_key(figure);
    const int bottom = BOTTOM + LINE + (figure->x.name ? LINE : 0);
    const int rows = (key.count + key.columns - 1) / key.columns;
    struct scale x, y;

    if (!find_scale(&x, figure, false) || !find_scale(&y, figure, true))
        return false;
    net_text_add(svg,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 %d\" role=\"img\" "
                 "aria-label=\"",
                 bottom + 10 + LINE * rows);
    net_text_html(svg, figure->title);
    net_text_add(svg, "\">\n<text class=\"title\" x=\"%d\" y=\"18\">", LEFT);
    net_text_html(svg, figure->title);
    net_text_add(svg, "</text>\n");
    add_axes(svg, figure, &x, &y);
    for (int l = 0; l < figure->line_count; l++)
        if (figure->lines[l].low)
            add_band(svg, &figure->lines[l], &x, &y);
    for (int l = figure->line_count - 1; l >= 0; l--) { /* the first on top */
        const struct net_line *line = &figure->lines[l];

        if (line->drawn & NET_JOINED && has_numbers(line))
            add_joined(svg, line, &x, &y);
        add_points(svg, figure, line, &x, &y);
    }
    add_key(svg, figure, &key, bottom + LINE);
    net_text_add(svg, "</svg>\n");
    return true;
}

void net_figure_file(const struct net_folder *folder, const char *name, const struct net_text *svg)
{
    const char *behind = strchr(svg->at, '\n'); /* the opening tag */
    struct net_text file = {0};

    net_text_add(&file, "%.*s%s%s", (int)(behind - svg->at), svg->at, style, behind);
    net_file_replace(folder, name, &file);
    free(file.at);
}
