/*
 * plot.c -- curves of a run's epochs in a terminal: a panel of the losses and one of the first
 * metric. A character is 2 by 4 dots of braille; where a terminal has no UTF-8, one dot.
 *
 * The training part is drawn with dots, the validation part with the letter v on top of them, so
 * that they differ without colors too.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum {
    ROWS = 8,
    LEAST = 16,
    MOST = 120,
    AXIS = 10
}; /* characters: a panel's height, width, axis */

struct panel {
    const struct net_epochs *epochs;
    const char *title;
    int column[2];   /* of training and validation rows; -1: none */
    int width;       /* characters behind the axis */
    double low, top; /* of both */
    unsigned char dots[ROWS][MOST];
    bool mark[ROWS][MOST]; /* a v */
};

static double value_at(const struct panel *panel, int curve, long epoch)
{
    const double value = net_epochs_at(panel->epochs, epoch, panel->column[curve]);

    return isfinite(value) ? value : NAN;
}

static bool find_range(struct panel *panel)
{
    panel->low = INFINITY, panel->top = -INFINITY;
    for (int curve = 0; curve < 2; curve++)
        for (long i = 0; i < panel->epochs->count; i++) {
            panel->low = fmin(panel->low, value_at(panel, curve, i));
            panel->top = fmax(panel->top, value_at(panel, curve, i));
        }
    if (panel->low == panel->top) {
        const double half = 0.5 * fabs(panel->top) + 1e-9;

        panel->low -= half, panel->top += half;
    }
    return isfinite(panel->low);
}

/* The value at a place between the first epoch, 0, and the last, 1: the line between neighbours. */
static double between(const struct panel *panel, int curve, double place)
{
    const double at = place * (double)(panel->epochs->count - 1);
    const long i = (long)at < panel->epochs->count - 1 ? (long)at : panel->epochs->count - 1;
    const double a = value_at(panel, curve, i);

    if (i + 1 >= panel->epochs->count || at == (double)i)
        return a;
    return a + (at - (double)i) * (value_at(panel, curve, i + 1) - a);
}

/* Of `rows` from the top. */
static int row_of(const struct panel *panel, double value, int rows)
{
    const double share = (panel->top - value) / (panel->top - panel->low);

    return (int)fmin(floor(share * rows), rows - 1);
}

static void draw_dots(struct panel *panel)
{
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int before = -1;

    for (int x = 0; x < 2 * panel->width; x++) {
        const double value = between(panel, 0, x / (2.0 * panel->width - 1));

        if (isnan(value)) {
            before = -1;
            continue;
        }
        const int y = row_of(panel, value, 4 * ROWS);
        const int from = before < 0 ? y : before < y ? before + 1 : before > y ? before - 1 : y;

        for (int dot = from;; dot += dot < y ? 1 : -1) { /* from the last dot's height to this */
            panel->dots[dot / 4][x / 2] |= bits[dot % 4][x % 2];
            if (dot == y)
                break;
        }
        before = y;
    }
    for (int x = 0; x < panel->width && panel->column[1] >= 0; x++) {
        const double value = between(panel, 1, panel->width > 1 ? x / (panel->width - 1.0) : 0);

        if (!isnan(value))
            panel->mark[row_of(panel, value, ROWS)][x] = true;
    }
}

static void add_cell(struct net_text *text, const struct panel *panel, int row, int x,
                     const struct net_progress *progress)
{
    const unsigned char dots = panel->dots[row][x];

    if (panel->mark[row][x])
        net_text_add(text, progress->color ? "\033[33mv\033[0m" : "v");
    else if (!dots)
        net_text_add(text, " ");
    else if (progress->utf8) /* U+2800 + dots */
        net_text_add(text, "%s\xe2%c%c%s", progress->color ? "\033[36m" : "", 0xa0 + dots / 64,
                     0x80 + dots % 64, progress->color ? "\033[0m" : "");
    else
        net_text_add(text, ".");
}

static void add_row(struct net_text *text, const struct panel *panel, int row,
                    const struct net_progress *progress)
{
    if (row == 0 || row == ROWS - 1)
        net_text_add(text, "%*.4g ", AXIS - 2, row ? panel->low : panel->top);
    else
        net_text_add(text, "%*s", AXIS - 1, "");
    net_text_add(text, progress->utf8 ? "│" : "|");
    for (int x = 0; x < panel->width; x++)
        add_cell(text, panel, row, x, progress);
}

static void add_title(struct net_text *text, const struct panel *panel)
{
    char *title = net_format("%s%s by epoch, 1 to %.0f", panel->title,
                             panel->column[1] >= 0 ? " (v: validation)" : "",
                             net_epochs_at(panel->epochs, panel->epochs->count - 1, 0));

    net_text_add(text, "%*s%-*.*s", AXIS, "", panel->width, panel->width, title);
    free(title);
}

/* False: there is no such column with a number. */
static bool open_panel(struct panel *panel, const struct net_epochs *epochs, const char *name,
                       int columns)
{
    *panel = (struct panel){.epochs = epochs, .title = name};
    for (int curve = 0; curve < 2; curve++) {
        char *column = net_format("%s_%s", net_part_names[curve], name);

        panel->column[curve] = net_epochs_column(epochs, column);
        free(column);
    }
    panel->width = columns - AXIS < LEAST ? LEAST : columns - AXIS > MOST ? MOST : columns - AXIS;
    if (!find_range(panel))
        return false;
    draw_dots(panel);
    return true;
}

static void add_panels(struct net_text *text, const struct panel *panels, int count,
                       const struct net_progress *progress)
{
    for (int row = -1; row < ROWS; row++) {
        for (int p = 0; p < count; p++) {
            net_text_add(text, "%s", p ? "  " : "");
            if (row < 0)
                add_title(text, &panels[p]);
            else
                add_row(text, &panels[p], row, progress);
        }
        while (text->at[text->length - 1] == ' ')
            text->at[--text->length] = '\0';
        net_text_add(text, "\n");
    }
}

void net_plot(struct net_text *text, const struct net_training *run, int columns,
              const struct net_progress *progress)
{
    const struct net_model *model = run->session.model;
    const bool beside = columns >= 100; /* two panels */
    const int width = beside ? (columns - 2) / 2 : columns;
    struct panel panels[2];
    int count = open_panel(&panels[0], run->epochs, "loss", width);

    if (model->metric_count)
        count += open_panel(&panels[count], run->epochs, model->metrics[0].name, width);
    if (beside)
        add_panels(text, panels, count, progress);
    else
        for (int p = 0; p < count; p++)
            add_panels(text, &panels[p], 1, progress);
}
