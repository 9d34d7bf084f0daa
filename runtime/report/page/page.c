/*
 * page.c -- the sink of report.html: one page of a run, without a script or anything from
 * elsewhere, written again as epochs end and at the run's end.
 *
 * It loads itself again while the run lasts. A page is written when a second has passed since the
 * last, and writing it took no more than a hundredth of the time since then.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/page/page.h"

enum { AT_LEAST = 1, SHARE = 100, MOST_ROWS = 500 }; /* seconds, times, epochs */

struct page {
    double written, cost;    /* when the last was, and how long it took, in seconds */
    struct net_text parts;   /* rows of the table of the parts */
    struct net_text results; /* of the last part that was told */
    bool lost;               /* it could not be written, which was told */
};

/* ---- what the run is ------------------------------------------------------------------------- */

static void add_fact(struct net_text *page, const char *name, const char *value)
{
    net_text_add(page, "<tr><th scope=\"row\">%s<td class=\"text\"><code>", name);
    net_text_html(page, value);
    net_text_add(page, "</code></tr>\n");
}

static void add_run(struct net_text *page, const struct net_training *run)
{
    const struct net_options *options = run->options;
    const struct net_model *model = options->model;
    const struct tm tm = net_calendar((long long)run->began);
    char host[256] = "", text[300];

    gethostname(host, sizeof host - 1);
    net_page_heading(page, "The run");
    net_text_add(page, "<div class=\"wide\"><table>\n");
    add_fact(page, "command", options->command_line);
    add_fact(page, "model", model->source);
    for (int part = 0; part < NET_PARTS; part++) {
        const struct net_call *call = model->parts[part];

        snprintf(text, sizeof text, "%ld%s%s",
                 net_data_rows(run->session.data, (enum net_part)part), call ? ", " : "",
                 call ? call->name : "");
        if (net_data_rows(run->session.data, (enum net_part)part)) {
            char *name = net_format("%s rows", net_part_names[part]);

            add_fact(page, name, text);
            free(name);
        }
    }
    if (options->fold.count) {
        snprintf(text, sizeof text, "%d of %d", options->fold.number, options->fold.count);
        add_fact(page, "fold", text);
    }
    snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    add_fact(page, "started", text);
    snprintf(text, sizeof text, "%.1f s in all, %.0f rows/s, %.1f%% of it waiting for data",
             run->state.seconds, net_training_speed(run),
             run->state.seconds > 0 ? 100 * run->state.waited / run->state.seconds : 0.0);
    add_fact(page, "trained", text);
    snprintf(text, sizeof text, "%s, %s, threads: %d, netc %s", host, model->isa,
             run->session.threads, model->version);
    add_fact(page, "machine", text);
    net_text_add(page, "</table></div>\n");
}

/* The text of the model's file, which netc links with the generated C; NULL: somebody else did. */
extern const char net_model_text[] __attribute__((weak));

static void add_model(struct net_text *page)
{
    if (!net_model_text)
        return;
    net_text_add(page, "<details><summary>Model</summary><div class=\"wide\"><pre>\n");
    for (const char *at = net_model_text; *at; at += *at != '\0') {
        char *piece = net_format("%.*s", (int)strcspn(at, "\t\n\r"), at);

        net_text_html(page, piece); /* what is left that cannot be seen, as an escape */
        at += strlen(piece);
        if (*at == '\t' || *at == '\n')
            net_text_add(page, "%c", *at);
        free(piece);
    }
    net_text_add(page, "</pre></div></details>\n");
}

static void add_setting(struct net_text *page, const char *name, const struct net_text *value,
                        const char *from)
{
    net_text_add(page, "<tr><th scope=\"row\">%s<td class=\"text\">", name);
    net_text_html(page, value->at);
    net_text_add(page, "<td class=\"text\">%s</tr>\n", from);
}

static void add_settings(struct net_text *page, const struct net_options *options)
{
    const struct net_model *model = options->model;
    struct net_text value = {0};

    net_text_add(page, "<details><summary>Settings</summary><div class=\"wide\"><table>"
                       "<tr><th>name<th class=\"text\">value<th class=\"text\">from</tr>\n");
    for (int o = 0; o <= NET_THREADS; o++) {
        if (!options->value[o].applies)
            continue;
        value.length = 0;
        net_option_show(&value, options, (enum net_option)o);
        add_setting(page, net_option_infos[o].name, &value, net_option_from(options, o));
    }
    for (int i = 0; i < model->let_count; i++) {
        char *from = net_let_from(options, i);

        value.length = 0;
        net_let_show(&value, options, i);
        if (net_let_is_shown(&model->lets[i]))
            add_setting(page, model->lets[i].name, &value, from);
        free(from);
    }
    net_text_add(page, "</table></div></details>\n");
    free(value.at);
}

static void add_layers(struct net_text *page, const struct net_model *model)
{
    net_text_add(
        page, "<details><summary>Layers</summary><div class=\"wide\"><table>"
              "<tr><th>layer<th class=\"text\">type<th class=\"text\">output<th>parameters</tr>\n");
    for (int l = 0; l < model->layer_count; l++) {
        const struct net_layer *layer = &model->layers[l];

        net_text_add(page, "<tr><th scope=\"row\">");
        net_text_html(page, layer->name);
        net_text_add(page, "<td class=\"text\">");
        net_text_html(page, layer->type);
        net_text_add(page, "<td class=\"text\">");
        for (int axis = 0; axis < layer->rank; axis++)
            net_text_add(page, "%s%d", axis ? " × " : "", layer->shape[axis]);
        net_text_add(page, "<td>%ld</tr>\n", layer->parameters + layer->states);
    }
    net_text_add(page, "</table></div></details>\n");
}

/* ---- its epochs ------------------------------------------------------------------------------ */

static void add_curves(struct net_text *page, const struct net_training *run)
{
    const struct net_model *model = run->session.model;

    net_page_heading(page, "Epochs");
    net_text_add(page, "<div class=\"figures\">\n");
    for (int m = -1; m <= model->metric_count; m++) {
        const char *name = m < 0 ? "loss" : m < model->metric_count ? model->metrics[m].name : "lr";
        struct net_text svg = {0};

        if (net_figure_epochs(&svg, run->epochs, name, run->state.best_epoch))
            net_page_figure(page, NULL, &svg);
        free(svg.at);
    }
    net_text_add(page, "</div>\n");
}

static void add_epochs(struct net_text *page, const struct net_epochs *epochs)
{
    const long first = epochs->count > MOST_ROWS ? epochs->count - MOST_ROWS : 0;

    net_text_add(page,
                 "<details><summary>%s%ld epoch%s as a table</summary><div class=\"wide\">"
                 "<table><tr>",
                 first ? "The last of " : "", epochs->count, epochs->count > 1 ? "s" : "");
    for (int c = 0; c < epochs->columns; c++)
        net_text_add(page, "<th>%s", epochs->names[c]);
    net_text_add(page, "</tr>\n");
    for (long row = first; row < epochs->count; row++) {
        net_text_add(page, "<tr>");
        for (int c = 0; c < epochs->columns; c++)
            net_page_number(page, net_epochs_at(epochs, row, c));
        net_text_add(page, "</tr>\n");
    }
    net_text_add(page, "</table></div></details>\n");
}

/* ---- the page -------------------------------------------------------------------------------- */

static void add_parts(struct net_text *page, const struct page *sink, const struct net_model *model)
{
    net_text_add(page, "<div class=\"wide\"><table id=\"parts\"><tr><th>rows<th>loss");
    for (int m = 0; m < model->metric_count; m++)
        net_text_add(page, "<th>%s", model->metrics[m].name);
    net_text_add(page, "</tr>\n%s</table></div>\n", sink->parts.at);
}

/* Why it ended before its last epoch. */
static void add_reason(struct net_text *page, const struct net_training *run)
{
    const struct net_call *stop = run->session.model->stop;

    if (net_schedule_stops(run->options, &run->state))
        net_text_add(page, ", stopped early: no better %s for %ld epochs",
                     net_argument(stop, "monitor")->text, run->state.stop_bad);
    else
        net_text_add(page, ", stopped by --max-steps at step %u", run->session.run.step);
}

static void add_status(struct net_text *page, const struct net_training *run, const char *status)
{
    net_text_add(page, "<h1>");
    net_text_html(page, run->session.model->name);
    net_text_add(page, "</h1>\n<p>%s after %ld of %ld epochs", status, run->state.epoch,
                 net_whole(run->options, NET_EPOCHS));
    if (!strcmp(status, "finished") && run->state.epoch < net_whole(run->options, NET_EPOCHS))
        add_reason(page, run);
    if (run->state.best_epoch)
        net_text_add(page, "; the best by %s is %ld", run->options->value[NET_MONITOR].text,
                     run->state.best_epoch);
    if (!strcmp(status, "running"))
        net_text_add(page, ". This page loads itself again every %d seconds", NET_PAGE_RELOAD);
    if (!strcmp(status, "diverged"))
        net_text_add(page, ": a loss or a parameter is not finite; try a smaller learning rate, or "
                           "clipping");
    if (!strcmp(status, "interrupted"))
        net_text_add(page, ": it was asked to stop, and goes on with <code>--resume</code>");
    net_text_add(page, ".</p>\n");
}

static void write_page(struct page *sink, const struct net_training *run, const char *status)
{
    const struct net_model *model = run->session.model;
    const bool running = !strcmp(status, "running");
    const double began = net_now();
    struct net_text page = {0};
    char *title = net_format("%s: %s", model->name, status);

    net_page_begin(&page, title, running ? NET_PAGE_RELOAD : 0);
    add_status(&page, run, status);
    if (sink->parts.at)
        add_parts(&page, sink, model);
    if (run->epochs->count)
        add_curves(&page, run);
    if (sink->results.at)
        net_text_add(&page, "%s", sink->results.at);
    add_run(&page, run);
    add_model(&page);
    add_settings(&page, run->options);
    add_layers(&page, model);
    net_page_times(&page, run);
    if (run->epochs->count)
        add_epochs(&page, run->epochs);
    net_page_end(&page);
    const bool lost = !net_file_try(&run->folder, "report.html", &page);

    if (lost && !sink->lost)
        net_warn("cannot write %s/report.html: %s; the run goes on", run->folder.path,
                 strerror(errno));
    if (lost && !running && !unlinkat(run->folder.at, "report.html", 0))
        net_warn("%s/report.html is taken away: it told of a run that goes on", run->folder.path);
    sink->lost |= lost;
    free(page.at);
    free(title);
    sink->written = net_now();
    sink->cost = sink->written - began;
}

static void *open_page(const struct net_training *run, struct net_progress *progress)
{
    struct page *sink = net_allocate(1, sizeof *sink);

    (void)progress;
    write_page(sink, run, "running");
    return sink;
}

static void add_epoch(void *at, const struct net_training *run, const struct net_epoch *epoch)
{
    struct page *sink = at;

    (void)epoch;
    if (net_now() - sink->written > fmax(AT_LEAST, SHARE * sink->cost))
        write_page(sink, run, "running");
}

static void add_part(void *at, const struct net_training *run, enum net_part part, double loss,
                     const double *values, const struct net_metrics *metrics)
{
    struct page *sink = at;

    net_text_add(&sink->parts, "<tr><th scope=\"row\">%s", net_part_names[part]);
    net_page_number(&sink->parts, loss);
    for (int m = 0; m < run->session.model->metric_count; m++)
        net_page_number(&sink->parts, values[m]);
    net_text_add(&sink->parts, "</tr>\n");
    sink->results.length = 0;
    if (run->session.model->uncompared)
        net_page_made(&sink->results, metrics, part);
    if (!run->session.model->uncompared || run->session.model->next)
        net_page_results(&sink->results, metrics, part);
}

static void finish_page(void *at, const struct net_training *run, const char *status)
{
    write_page(at, run, status);
}

static void close_page(void *at, const struct net_training *run)
{
    struct page *sink = at;

    (void)run;
    free(sink->parts.at);
    free(sink->results.at);
    free(sink);
}

const struct net_sink net_sink_page = {
    .open = open_page,
    .epoch = add_epoch,
    .part = add_part,
    .finish = finish_page,
    .close = close_page,
};
