/*
 * compare_figures.c -- runs on the same axes: every column of history.csv over epochs, of folds
 * their mean and deviation too; and what was reached by what was varied.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

enum { MOST_COLORS = 16 }; /* runs with a color each; of more the first 8 have one */

static int color_of(const struct net_run_records *runs, int r)
{
    return runs->count <= MOST_COLORS || r < NET_COLORS ? r : NET_GREY;
}

/* ---- epochs ---------------------------------------------------------------------------------- */

/* A column of a run as a line; x and what else is made is in `x`. Of folds with its deviation. */
static struct net_line line_of(const struct net_run_record *run, const char *column)
{
    const int c = net_epochs_column(&run->epochs, column);
    struct net_line line = net_epochs_line(&run->epochs, c);
    double *low = NULL, *high;

    if (run->fold_count > 1 && line.count == run->epochs.count) { /* no epoch is missing */
        low = net_allocate(2 * (size_t)line.count + 1, sizeof *low);
        high = low + line.count;
        for (int i = 0; i < line.count; i++) {
            const double deviation = net_epochs_at(&run->deviations, i, c);

            low[i] = line.y[i] - (isfinite(deviation) ? deviation : 0);
            high[i] = line.y[i] + (isfinite(deviation) ? deviation : 0);
        }
        line.low = low, line.high = high;
    }
    return line;
}

/* Of lines whose names are their own. */
static void free_lines(struct net_line *lines, int count)
{
    for (int l = 0; l < count; l++) {
        free((void *)lines[l].name);
        free((void *)lines[l].x);
        free((void *)lines[l].low);
    }
    free(lines);
}

/* The folds of one k-fold are grey, their mean before them. */
static void draw_column(const struct net_run_records *runs, const char *column,
                        net_take_figure *take, void *to)
{
    struct net_line *lines = net_allocate((size_t)runs->count + 1, sizeof *lines);
    struct net_figure figure = {.x = {.name = "epoch", .exact = true},
                                .lines = lines,
                                .line_count = runs->folds + runs->count};
    struct net_text svg = {0};
    char *title = net_spaced(column);

    for (int r = 0; r < runs->count; r++) {
        struct net_line *line = &lines[runs->folds + r];

        *line = line_of(&runs->at[r], column);
        line->name = net_record_label(runs, r);
        line->hidden = runs->folds || color_of(runs, r) == NET_GREY;
        line->color = runs->folds ? NET_GREY : color_of(runs, r);
        line->thin = runs->folds || line->color == NET_GREY;
    }
    figure.y.log = net_serves_log(lines + runs->folds, runs->count);
    if (runs->folds) {
        struct net_run_record mean;

        net_record_average(&mean, runs->at, runs->count);
        lines[0] = line_of(&mean, column);
        lines[0].name = net_format("mean ± sd of the folds");
        net_record_free_average(&mean);
    }
    figure.title = title;
    if (net_figure_draw(&svg, &figure))
        take(to, column, &svg);
    free_lines(lines, figure.line_count);
    free(title);
    free(svg.at);
}

/* Validation first; times are not compared. */
void net_compare_epochs(const struct net_run_records *runs, net_take_figure *take, void *to)
{
    const struct net_epochs *epochs = NULL;

    for (int r = 0; r < runs->count && !epochs; r++)
        epochs = runs->at[r].epochs.columns ? &runs->at[r].epochs : NULL;
    for (int part = 0; epochs && part < 2; part++)
        for (int c = 0; c < epochs->columns; c++)
            if (!strncmp(epochs->names[c], part ? "train_" : "validation_", part ? 6 : 11))
                draw_column(runs, epochs->names[c], take, to);
}

/* ---- a setting as an axis -------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

static struct net_varied find_setting(const struct net_run_records *runs, const char *name)
{
    struct net_varied setting = {.name = name, .numbers = true};
    char **values = net_allocate((size_t)runs->count, sizeof *values);

    setting.at = net_allocate((size_t)runs->count, sizeof *setting.at);
    setting.words = net_allocate((size_t)runs->count, sizeof *setting.words);
    for (int r = 0; r < runs->count; r++) {
        char *end;
        bool known = false;

        values[r] = net_record_setting(&runs->at[r], name);
        setting.at[r] = strtod(values[r], &end);
        setting.numbers = setting.numbers && *values[r] && !*end;
        for (int w = 0; w < setting.count; w++)
            known = known || !strcmp(setting.words[w], values[r]);
        if (!known)
            setting.words[setting.count++] = net_format("%s", values[r]);
    }
    qsort(setting.words, (size_t)setting.count, sizeof *setting.words, by_value);
    for (int r = 0; r < runs->count; r++) {
        for (int w = 0; w < setting.count && !setting.numbers; w++)
            if (!strcmp(setting.words[w], values[r]))
                setting.at[r] = w;
        free(values[r]);
    }
    free(values);
    return setting;
}

static void close_setting(struct net_varied *setting)
{
    for (int w = 0; w < setting->count; w++)
        free(setting->words[w]);
    free(setting->words);
    free(setting->at);
}

/* ---- panels ---------------------------------------------------------------------------------- */

/* Runs that have the value `word` of another setting, in the order of this one. */
static struct net_line join_runs(const struct net_run_records *runs,
                                 const struct net_varied *setting, const char *other,
                                 const char *word)
{
    double *x = net_allocate(2 * (size_t)runs->count, sizeof *x), *y = x + runs->count;
    int count = 0;

    for (int r = 0; r < runs->count; r++) {
        char *value = other ? net_record_setting(&runs->at[r], other) : NULL;
        int i = count;

        if ((!other || !strcmp(value, word)) && isfinite(runs->at[r].result)) {
            for (; i > 0 && x[i - 1] > setting->at[r]; i--)
                x[i] = x[i - 1], y[i] = y[i - 1];
            x[i] = setting->at[r];
            y[i] = runs->at[r].result;
            count++;
        }
        free(value);
    }
    return (struct net_line){.x = x, .y = y, .count = count, .drawn = NET_MARKED};
}

/* Two settings: a line for each value of the other one, where runs share some. */
static void draw_panel(const struct net_run_records *runs, const struct net_varied *setting,
                       const struct net_varied *other, net_take_figure *take, void *to)
{
    const bool joins = other && other->count <= MOST_COLORS && other->count < runs->count;
    const int count = joins ? other->count : 1;
    struct net_line *lines = net_allocate((size_t)count, sizeof *lines);
    struct net_figure figure = {.x = {.name = setting->name}, .lines = lines, .line_count = count};
    struct net_text svg = {0};
    char *result = net_spaced(runs->result);
    char *title = net_format("%s by %s", result, setting->name);
    char *name = net_format("%s_by_%s", runs->result, setting->name);

    for (int l = 0; l < count; l++) {
        char *key = joins ? net_format("%s %s", other->name, other->words[l]) : NULL;

        lines[l] = join_runs(runs, setting, joins ? other->name : NULL,
                             joins ? other->words[l] : NULL);
        lines[l].name = key;
        lines[l].color = l;
        lines[l].drawn |= setting->numbers && (joins || !other) && runs->varied_count <= 2
                              ? NET_JOINED
                              : 0;
    }
    figure.title = title;
    if (!setting->numbers) {
        figure.x.words = (const char *const *)setting->words;
        figure.x.word_count = setting->count;
    } else {
        const struct net_line all = {.y = setting->at, .count = runs->count};

        figure.x.log = net_serves_log(&all, 1);
    }
    if (net_figure_draw(&svg, &figure))
        take(to, name, &svg);
    free_lines(lines, count);
    free(result);
    free(title);
    free(name);
    free(svg.at);
}

void net_compare_varied(const struct net_run_records *runs, net_take_figure *take, void *to)
{
    struct net_varied *settings = net_allocate((size_t)runs->varied_count + 1, sizeof *settings);
    const int count = runs->varied_count;

    for (int s = 0; s < count; s++)
        settings[s] = find_setting(runs, runs->varied[s]);
    if (count > 2 && !runs->folds)
        net_compare_parallel(runs, settings, count, take, to);
    for (int s = 0; s < count && !runs->folds; s++)
        if (settings[s].numbers || settings[s].count <= NET_MOST_WORDS)
            draw_panel(runs, &settings[s], count == 2 ? &settings[1 - s] : NULL, take, to);
    for (int s = 0; s < count; s++)
        close_setting(&settings[s]);
    free(settings);
}
