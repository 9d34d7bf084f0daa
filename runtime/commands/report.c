/*
 * report.c -- `report`: runs side by side, as a page, as pictures, and as tables for documents. It
 * reads what their folders tell, and no data.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/commands.h"
#include "report/compare/compare.h"
#include "report/sinks/trackers.h"

static void open_output_folder(struct net_folder *folder, const char *path)
{
    net_folder_make(NULL, path);
    if (!net_folder_open(folder, NULL, path))
        net_fail(NET_FAULT, "the folder %s cannot be opened: %s", path, strerror(errno));
}

static void write_figure(void *to, const char *name, const struct net_text *svg)
{
    char *file = net_format("%s.svg", name);

    net_figure_file(to, file, svg);
    free(file);
}

static void write_figures(const struct net_run_records *runs, const char *path)
{
    struct net_folder folder;

    open_output_folder(&folder, path);
    net_compare_epochs(runs, write_figure, &folder);
    net_compare_varied(runs, write_figure, &folder);
    if (runs->count == 1)
        net_page_read_figures(&runs->at[0], write_figure, &folder);
    net_folder_close(&folder);
}

/* ---- tables ---------------------------------------------------------------------------------- */

typedef void add_cells(struct net_text *text, const struct net_cells *cells);

struct tables {
    const char *ending; /* "tex" */
    add_cells *add;
    struct net_folder folder; /* where each is a file, or */
    struct net_text text;     /* one after the other */
    bool many;
};

static void write_table(void *to, const char *name, const struct net_cells *cells)
{
    struct tables *tables = to;
    char *file = net_format("%s.%s", name, tables->ending);

    net_text_add(&tables->text, tables->text.length ? "\n" : "");
    tables->add(&tables->text, cells);
    if (tables->many) {
        net_file_replace(&tables->folder, file, &tables->text);
        tables->text.length = 0;
    }
    free(file);
}

/* Results, and what differs. */
static void take_tables(const struct net_run_records *runs, net_take_table *take, void *to)
{
    struct net_cells cells;

    net_run_results_table(&cells, runs);
    take(to, "results", &cells);
    net_cells_free(&cells);
    if (runs->varied_count && !runs->folds) {
        net_run_differences_table(&cells, runs);
        take(to, "settings", &cells);
        net_cells_free(&cells);
    }
}

static void write_tables(const struct net_run_records *runs, const char *path, const char *ending,
                         add_cells *add)
{
    const size_t length = strlen(path);
    struct stat status;
    struct tables tables = {
        .ending = ending,
        .add = add,
        .many = path[length - 1] == '/' || (!stat(path, &status) && S_ISDIR(status.st_mode)),
    };

    if (tables.many)
        open_output_folder(&tables.folder, path);
    take_tables(runs, write_table, &tables);
    if (runs->count == 1)
        net_page_read_tables(&runs->at[0], runs->digits, write_table, &tables);
    if (tables.many)
        net_folder_close(&tables.folder);
    else
        net_file_replace(NULL, path, &tables.text);
    free(tables.text.at);
}

static void print_table(void *to, const char *name, const struct net_cells *cells)
{
    struct net_text *text = to;

    (void)name;
    net_text_add(text, text->length ? "\n" : "");
    net_cells_print(text, cells, 1, net_stdout_width());
}

static void print_tables(const struct net_run_records *runs)
{
    struct net_text text = {0};

    take_tables(runs, print_table, &text);
    fputs(text.at, stdout);
    free(text.at);
}

/* The folds of a k-fold that stands beside others are runs too. */
static void send_runs(const struct net_run_record *at, int count, const char *url)
{
    for (int r = 0; r < count; r++)
        if (at[r].folds)
            send_runs(at[r].folds, at[r].fold_count, url);
        else
            net_mlflow_send(&at[r], url);
}

int net_command_report(struct net_options *options)
{
    const struct net_value *value = options->value;
    struct net_run_records runs;
    struct net_text page = {0};

    if (!options->run_count)
        net_fail(NET_USAGE, "report wants folders of runs: report runs/first runs/second");
    if (value[NET_MLFLOW].text && !net_is_url(value[NET_MLFLOW].text))
        net_fail(NET_USAGE, "report sends runs to a server: --mlflow http://...");
    net_run_records_open(&runs, NULL, options->runs, options->run_count);
    if (value[NET_DIGITS].given)
        runs.digits = (int)value[NET_DIGITS].number;
    print_tables(&runs);
    if (value[NET_SVG].text)
        write_figures(&runs, value[NET_SVG].text);
    if (value[NET_TEX].text)
        write_tables(&runs, value[NET_TEX].text, "tex", net_cells_tex);
    if (value[NET_MD].text)
        write_tables(&runs, value[NET_MD].text, "md", net_cells_md);
    if (value[NET_OUTPUT].text) {
        net_compare_page(&page, &runs);
        net_file_replace(NULL, value[NET_OUTPUT].text, &page);
        free(page.at);
    }
    if (value[NET_MLFLOW].text)
        send_runs(runs.at, runs.count, value[NET_MLFLOW].text);
    net_run_records_close(&runs);
    return NET_OK;
}
