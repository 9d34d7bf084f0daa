/*
 * compare.c -- the page of several runs: their results, what differs between them, their curves on
 * the same axes, and what was reached by what was varied. Of a k-fold's folds: mean and deviation.
 */

#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

static void take_figure(void *to, const char *name, const struct net_text *svg)
{
    (void)name;
    net_page_figure(to, NULL, svg);
}

static void add_figures(struct net_text *page, const struct net_run_records *runs,
                        const char *heading,
                        void (*draw)(const struct net_run_records *, net_take_figure *, void *))
{
    struct net_text figures = {0};

    draw(runs, take_figure, &figures);
    if (figures.length) {
        net_page_heading(page, heading);
        net_text_add(page, "<div class=\"figures\">\n%s</div>\n", figures.at);
    }
    free(figures.at);
}

static void add_commands(struct net_text *page, const struct net_run_records *runs)
{
    net_text_add(page, "<details><summary>Commands</summary><div class=\"wide\"><table>"
                       "<tr><th>run<th class=\"text\">command</tr>\n");
    for (int r = 0; r < runs->count; r++) {
        char *command = net_record_setting(&runs->at[r], "command");

        net_text_add(page, "<tr><th scope=\"row\">");
        net_text_html(page, runs->at[r].name);
        net_text_add(page, "<td class=\"text\"><code>");
        net_text_html(page, command);
        net_text_add(page, "</code></tr>\n");
        free(command);
    }
    net_text_add(page, "</table></div></details>\n");
}

static int count_status(const struct net_run_records *runs, const char *status)
{
    int count = 0;

    for (int r = 0; r < runs->count; r++)
        count += !strcmp(runs->at[r].status, status);
    return count;
}

static void add_head(struct net_text *page, const struct net_run_records *runs, const char *title)
{
    static const char *const others[] = {"running", "diverged", "interrupted", "failed", "killed"};

    net_text_add(page, "<h1>");
    net_text_html(page, title);
    net_text_add(page, "</h1>\n<p>%d of %d finished", count_status(runs, "finished"), runs->count);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (count_status(runs, others[i]))
            net_text_add(page, ", %d %s", count_status(runs, others[i]), others[i]);
    if (runs->ranked)
        net_text_add(page, "; ranked by %s, the best first", runs->monitor);
    net_text_add(page, ".</p>\n");
}

void net_compare_page(struct net_text *page, const struct net_run_records *runs)
{
    char *model = net_record_setting(&runs->at[0], "model");
    char *title = net_format("%s: %d %s", model, runs->count, runs->folds ? "folds" : "runs");
    struct net_cells cells;

    net_page_begin(page, title, count_status(runs, "running") ? NET_PAGE_RELOAD : 0);
    add_head(page, runs, title);
    net_run_results_table(&cells, runs);
    net_cells_html(page, &cells);
    net_cells_free(&cells);
    if (runs->folds)
        net_text_add(page, "<p class=\"soft\">sd: the standard deviation of a sample.</p>\n");
    if (runs->varied_count && !runs->folds) {
        net_page_heading(page, "What differs");
        net_run_differences_table(&cells, runs);
        net_cells_html(page, &cells);
        net_cells_free(&cells);
    }
    add_figures(page, runs, "By what was varied", net_compare_varied);
    add_figures(page, runs, "Epochs", net_compare_epochs);
    add_commands(page, runs);
    net_page_end(page);
    free(model);
    free(title);
}

void net_compare_folder(const struct net_folder *folder)
{
    static const char *const here[] = {"."};
    struct net_run_records runs;
    struct net_text page = {0};

    net_run_records_open(&runs, folder, here, 1);
    if (runs.count) {
        net_compare_page(&page, &runs);
        if (!net_file_try(folder, "report.html", &page))
            net_warn("cannot write %s/report.html", folder->path);
    }
    free(page.at);
    net_run_records_close(&runs);
}
