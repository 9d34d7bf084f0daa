/*
 * sweep_tables.c -- what the points of a sweep reached: a table, sweep.csv and the page, read from
 * the folders of their runs; and which of them are the better half. Of validation and training
 * alone: what was chosen by the test part would say nothing of it.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/sweep.h"

struct net_json *sweep_run_json(const struct sweep *sweep, int point)
{
    char *name = net_format("%s/run.json", sweep->names[point]), error[128];
    size_t length;
    char *text = net_folder_has(&sweep->folder, name) ? net_file_read(&sweep->folder, name, &length)
                                                      : NULL;
    struct net_json *json = text ? net_json_read(text, length, error, sizeof error) : NULL;

    free(text);
    free(name);
    return json;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The point's number of a folder's name, or -1: another sweep's or a stranger's. */
static int point_of(const struct sweep *sweep, const struct net_run_record *run)
{
    const char *slash = strrchr(run->path, '/'), *name = slash ? slash + 1 : run->path;

    for (int p = 0; p < sweep->point_count; p++)
        if (!strcmp(name, sweep->names[p]))
            return p;
    return -1;
}

static double member(const struct net_run_record *run, const char *name)
{
    const struct net_json *number = run ? net_json_member(run->json, name) : NULL;

    return number && number->kind == NET_JSON_NUMBER ? number->number : NAN;
}

/* Of a table: what a narrow terminal has room for, all, and all of every number. */
enum extent { SHORT, WHOLE, EXACT };

static void add_number(struct net_cells *cells, double number, enum extent extent)
{
    if (extent != EXACT)
        net_cells_number(cells, number);
    else if (isfinite(number))
        net_cells_add(cells, "%.9g", number);
    else
        net_cells_add(cells, "%s", "");
}

/* A column of the run's own: of a setting's name, with `run` before it. */
static void add_title(const struct sweep *sweep, struct net_cells *cells, const char *name,
                      const char *between)
{
    bool taken = false;

    for (int s = 0; s < sweep->setting_count; s++)
        taken |= !strcmp(sweep->settings[s].info.name, name);
    net_cells_add(cells, "%s%s%s", taken ? "run" : "", taken ? between : "", name);
}

static void add_header(const struct sweep *sweep, struct net_cells *cells, enum extent extent)
{
    const char *const parts[] = {net_part_names[NET_VALIDATION], net_part_names[NET_TRAIN]};
    const struct net_model *model = sweep->options->model;
    const char *between = extent == EXACT ? "_" : " ";

    for (int s = 0; s < sweep->setting_count; s++)
        net_cells_add(cells, "%s", sweep->settings[s].info.name);
    for (int p = 0; p < (extent == SHORT ? 1 : 2); p++) {
        net_cells_add(cells, "%s%sloss", parts[p], between);
        for (int m = 0; m < model->metric_count; m++)
            net_cells_add(cells, "%s%s%s", parts[p], between, model->metrics[m].name);
    }
    add_title(sweep, cells, "epochs", between);
    if (extent != SHORT) {
        net_cells_add(cells, "best%sepoch", between);
        add_title(sweep, cells, "seconds", between);
    }
    add_title(sweep, cells, "folder", between);
    add_title(sweep, cells, "status", between);
}

/* `run` NULL: the point was not begun. */
static void add_row(const struct sweep *sweep, struct net_cells *cells, int point,
                    const struct net_run_record *run, enum extent extent)
{
    const char *const parts[] = {net_part_names[NET_VALIDATION], net_part_names[NET_TRAIN]};
    const struct net_model *model = sweep->options->model;

    for (int s = 0; s < sweep->setting_count; s++) {
        const char *value = sweep->points[point * sweep->setting_count + s];

        net_cells_add(cells, "%s", value ? value : extent == EXACT ? "" : "–");
    }
    for (int p = 0; p < (extent == SHORT ? 1 : 2); p++) {
        add_number(cells, run ? net_record_final(run, parts[p], "loss", NULL) : NAN, extent);
        for (int m = 0; m < model->metric_count; m++)
            add_number(cells,
                       run ? net_record_final(run, parts[p], model->metrics[m].name, NULL) : NAN,
                       extent);
    }
    add_number(cells, member(run, "epochs"), extent);
    if (extent != SHORT) {
        add_number(cells, member(run, "best_epoch"), extent);
        add_number(cells, member(run, "seconds"), extent);
    }
    net_cells_add(cells, "%s", sweep->names[point]);
    net_cells_add(cells, "%s", run ? run->status : "not begun");
}

/* The best first; those that were not begun at the end. */
static void fill(const struct sweep *sweep, struct net_cells *cells, enum extent extent)
{
    static const char *const here[] = {"."};
    bool *told = net_allocate((size_t)sweep->point_count, sizeof *told);
    struct net_run_records runs;

    const int metrics = 1 + sweep->options->model->metric_count;

    *cells = (struct net_cells){.columns = sweep->setting_count +
                                           (extent == SHORT ? metrics + 3 : 2 * metrics + 5)};
    add_header(sweep, cells, extent);
    net_run_records_open(&runs, &sweep->folder, here, 1);
    for (int r = 0; r < runs.count; r++) {
        const int point = point_of(sweep, &runs.at[r]);

        if (point < 0)
            continue;
        told[point] = true;
        add_row(sweep, cells, point, &runs.at[r], extent);
    }
    for (int p = 0; p < sweep->point_count; p++)
        if (!told[p])
            add_row(sweep, cells, p, NULL, extent);
    net_run_records_close(&runs);
    free(told);
}

void sweep_write_tables(const struct sweep *sweep)
{
    struct net_text csv = {0};
    struct net_cells cells;

    fill(sweep, &cells, EXACT);
    for (int i = 0; i < cells.count; i++)
        net_text_add(&csv, "%s%s", cells.at[i], (i + 1) % cells.columns ? "," : "\n");
    net_file_replace(&sweep->folder, "sweep.csv", &csv);
    net_cells_free(&cells);
    free(csv.at);
    net_compare_folder(&sweep->folder);
}

/* A point's cells as an object: numbers as such, "" as null. */
static void print_object(const struct net_cells *cells, int row)
{
    struct net_text text = {0};
    FILE *out = stdout;

    for (int c = 0; c < cells->columns; c++) {
        const char *cell = cells->at[row * cells->columns + c];
        char *end;
        const double number = strtod(cell, &end);

        net_text_add(&text, "%s\"%s\": ", c ? ", " : "{", cells->at[c]);
        if (*end)
            net_text_quote(&text, cell);
        else
            net_text_number(&text, *cell ? number : NAN);
    }
    net_text_add(&text, "}");
    net_print_lines(&out, text.at);
    free(text.at);
}

void sweep_print_json(const struct sweep *sweep)
{
    struct net_cells cells;

    fill(sweep, &cells, EXACT);
    for (int row = 1; row < cells.count / cells.columns; row++)
        print_object(&cells, row);
    net_cells_free(&cells);
}

void sweep_print(const struct sweep *sweep)
{
    const int width = net_stdout_width();
    FILE *out = stdout;

    for (int extent = WHOLE; extent >= SHORT; extent--) {
        struct net_text text = {0};
        struct net_cells cells;

        fill(sweep, &cells, (enum extent)extent);
        net_cells_print(&text, &cells, sweep->setting_count, extent == WHOLE ? 0 : width);
        char *line = net_format("%.*s", (int)strcspn(text.at, "\n"), text.at);
        const bool fits = !width || net_text_columns(line) < width;

        if (fits || extent == SHORT) {
            text.at[text.length - 1] = '\0'; /* its last newline */
            net_print_lines(&out, text.at);
            extent = SHORT;
        }
        free(line);
        net_cells_free(&cells);
        free(text.at);
    }
}

void sweep_tell(struct sweep *sweep, int point, int done, int count)
{
    struct net_json *json = sweep_run_json(sweep, point);
    const struct net_json *status = net_json_member(json, "status");
    const struct net_json *validation = net_json_member(net_json_member(json, "final"),
                                                        "validation");
    char *text = sweep_point_text(sweep, point);

    struct net_text line = {0};

    net_text_add(&line, "%d of %d  %s:", done, count, text);
    for (const struct net_json *n = validation ? validation->first : NULL; n; n = n->next)
        if (n->kind == NET_JSON_NUMBER)
            net_text_add(&line, "  %s %.4g", n->key, n->number);
        else
            net_text_add(&line, "  %s –", n->key);
    if (status && status->text && strcmp(status->text, "finished") != 0)
        net_text_add(&line, "  %s", status->text);

    struct net_text lines = {0};

    net_text_wrap(&lines, line.at, sweep->progress.terminal ? net_progress_width() - 1 : 0);
    net_progress_say(&sweep->progress, "%s", lines.at);
    free(lines.at);
    free(line.at);
    free(text);
    net_json_free(json);
}

static long count_epochs(const struct sweep *sweep, int point)
{
    char *name = net_format("%s/history.csv", sweep->names[point]);
    long lines = 0;
    size_t length;

    if (net_folder_has(&sweep->folder, name)) {
        char *text = net_file_read(&sweep->folder, name, &length);

        for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
            lines++;
        free(text);
    }
    free(name);
    return lines > 0 ? lines - 1 : 0; /* without the header */
}

void sweep_show(struct sweep *sweep, const int *points, int running, int done, int count)
{
    const int width = net_progress_width() - 1;
    struct net_text lines = {0};

    for (int i = 0; i < running && sweep->progress.terminal; i++) {
        char *text = sweep_point_text(sweep, points[i]);
        const long epochs = count_epochs(sweep, points[i]);
        char *line = net_format("%d of %d ended; %s: %ld epoch%s", done, count, text, epochs,
                                epochs == 1 ? "" : "s");

        net_text_add(&lines, "%s%.*s", i ? "\n" : "", width, line);
        free(line);
        free(text);
    }
    if (lines.at)
        net_progress_draw(&sweep->progress, lines.at);
    free(lines.at);
}

/* ---- Halving --------------------------------------------------------------------------------- */

struct rank {
    int point;
    double score; /* less is better; infinite: none */
};

static int by_score(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    return x->score != y->score ? (x->score > y->score ? 1 : -1) : x->point - y->point;
}

/* The best of its epochs up to that one: what it did later has no part in it, so that a sweep that
   goes on drops the same points. */
static double score_of(const struct sweep *sweep, int point, long epoch)
{
    const char *monitor = sweep->options->value[NET_MONITOR].text;
    const bool loss = !strcmp(monitor, "validation_loss");
    const struct net_metric *metric = loss ? NULL : net_metric_of(monitor);
    const double sign = !metric || metric->less ? 1 : -1;
    char *column = loss ? net_format("%s", monitor) : net_format("validation_%s", monitor);
    char *name = net_format("%s/history.csv", sweep->names[point]);
    struct net_epochs epochs = {0};
    double best = INFINITY;
    size_t length;

    if (net_folder_has(&sweep->folder, name)) {
        char *text = net_file_read(&sweep->folder, name, &length);

        net_epochs_read(&epochs, text);
        free(text);
    }
    const int c = net_epochs_column(&epochs, column);

    for (long row = 0; row < epochs.count && row < epoch; row++) {
        const double value = sign * net_epochs_at(&epochs, row, c);

        best = isfinite(value) ? fmin(best, value) : best;
    }
    net_epochs_free(&epochs);
    free(column);
    free(name);
    return best;
}

int sweep_keep_half(const struct sweep *sweep, int *points, int count, long epoch)
{
    struct rank *ranks = net_allocate((size_t)count, sizeof *ranks);
    int kept = 0;

    for (int i = 0; i < count; i++)
        ranks[i] = (struct rank){points[i], score_of(sweep, points[i], epoch)};
    qsort(ranks, (size_t)count, sizeof *ranks, by_score);
    for (int i = 0; i < (count + 1) / 2 && isfinite(ranks[i].score); i++)
        points[kept++] = ranks[i].point;
    free(ranks);
    return kept;
}
