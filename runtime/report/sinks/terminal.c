/*
 * terminal.c -- the sink of a person who watches: what is trained, where the epoch is, a line for
 * each epoch, and at its end a table of the parts.
 *
 * The one idea: a line is a list of pieces. Where it is too wide for the terminal it loses what is
 * least of use first, and is broken between two pieces then; never a metric.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

struct terminal {
    struct net_progress *progress;
    double *parts[NET_PARTS]; /* loss and metrics of each, or NULL; malloc'd */
};

enum { SPEED = 1, SECONDS = 2, WHOLE_WORDS = 4, BROKEN = 8 /* before validation */ };

/* ---- numbers --------------------------------------------------------------------------------- */

/* 0.9812; what is very large or small by its power of ten */
static void add_value(struct net_text *text, int width, double value)
{
    const double size = fabs(value);

    net_text_add(text, size == 0 || (size >= 1e-4 && size < 1e6) ? "%*.4f" : "%*.4g", width, value);
}

/* 1,234,567 */
static void add_count(struct net_text *text, double count)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%.0f", count);

    for (int i = 0; i < length; i++)
        net_text_add(text, "%s%c", i && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

static void add_duration(struct net_text *text, double seconds)
{
    const long whole = (long)seconds;

    if (seconds < 60)
        net_text_add(text, "%.1f s", seconds);
    else if (whole < 3600)
        net_text_add(text, "%ld:%02ld", whole / 60, whole % 60);
    else
        net_text_add(text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

/* ---- before the first epoch ------------------------------------------------------------------ */

static void add_parts(struct net_text *text, const struct net_training *run)
{
    const char *comma = "";

    for (int part = 0; part < NET_PARTS; part++) {
        const long rows = net_data_rows(run->session.data, (enum net_part)part);

        if (!rows)
            continue;
        net_text_add(text, "%s", comma);
        add_count(text, (double)rows);
        net_text_add(text, " %s", net_part_names[part]);
        comma = ", ";
    }
}

static void add_model(struct net_text *text, const struct net_training *run)
{
    const struct net_model *model = run->session.model;
    double parameters = 0;

    for (int l = 0; l < model->layer_count; l++)
        parameters += (double)(model->layers[l].parameters + model->layers[l].states);
    net_text_add(text, "%s (%s): ", model->name, model->source);
    add_count(text, parameters);
    net_text_add(text, " parameters; %s, %d thread%s\n", model->isa, run->session.threads,
                 run->session.threads > 1 ? "s" : "");
}

static void print_header(const struct terminal *terminal, const struct net_training *run)
{
    const struct net_options *options = run->options;
    const long batch = net_whole(options, NET_BATCH);
    struct net_text text = {0};

    if (options->fold.number <= 1) { /* the same for all */
        add_model(&text, run);
        add_parts(&text, run);
        net_text_add(&text, " rows; ");
        const long batches = (run->row_count + batch - 1) / batch;

        add_count(&text, (double)batches);
        net_text_add(&text, " batch%s of %ld", batches > 1 ? "es" : "", batch);
        if (net_whole(options, NET_ACCUMULATE) > 1)
            net_text_add(&text, ", %ld a step", net_whole(options, NET_ACCUMULATE));
        net_text_add(&text, "\n%s, lr %g, seed %.0f, %ld epoch%s",
                     options->value[NET_OPTIMIZER].text, options->value[NET_LR].number,
                     options->value[NET_SEED].number, net_whole(options, NET_EPOCHS),
                     net_whole(options, NET_EPOCHS) > 1 ? "s" : "");
        if (options->value[NET_EMA].number > 0.0)
            net_text_add(&text, ", averaged with ema %g", options->value[NET_EMA].number);
        if (run->state.epoch)
            net_text_add(&text, " from %ld on", run->state.epoch + 1);
        net_text_add(&text, options->fold.count ? "\n" : "; ");
    }
    net_text_add(&text, "in %s", run->folder.path);
    net_progress_print(terminal->progress, text.at);
    free(text.at);
}

static void *open_live(const struct net_training *run, struct net_progress *progress)
{
    struct terminal *terminal = net_allocate(1, sizeof *terminal);

    terminal->progress = progress;
    print_header(terminal, run);
    return terminal;
}

/* ---- while an epoch runs --------------------------------------------------------------------- */

static void add_bar(struct net_text *text, const struct net_progress *progress, double share,
                    int columns)
{
    const int full = (int)(share * columns);

    net_text_add(text, "%s", progress->color ? "\033[36m" : "");
    for (int i = 0; i < columns; i++)
        net_text_add(text, "%s",
                     i < full ? (progress->utf8 ? "━" : "=") : (progress->utf8 ? "╌" : "."));
    net_text_add(text, "%s", progress->color ? "\033[0m" : "");
}

/* The loss is that of the epoch so far; batches weigh as they do in net_evaluate. `bar` columns of
   a bar; less than 0: nor the time that is left. */
static void add_step(struct net_text *text, const struct terminal *terminal,
                     const struct net_training *run, int bar, bool speed)
{
    const struct net_state *state = &run->state;
    const long epochs = net_whole(run->options, NET_EPOCHS), step = net_step_rows(run->options);
    const double rows = net_training_speed(run),
                 left = ((double)(epochs - state->epoch) * (double)run->row_count -
                         (double)state->row) /
                        fmax(rows, 1.0);

    net_text_add(text, "epoch %ld/%ld  ", state->epoch + 1, epochs);
    if (bar > 0) {
        add_bar(text, terminal->progress, (double)state->row / (double)run->row_count, bar);
        net_text_add(text, "  ");
    }
    net_text_add(text, "step %ld/%ld  loss ", (state->row + step - 1) / step,
                 (run->row_count + step - 1) / step);
    add_value(text, 0, state->loss_weight > 0.0 ? state->loss_sum / state->loss_weight : 0.0);
    if (speed) {
        net_text_add(text, "  ");
        add_count(text, rows);
        net_text_add(text, " rows/s");
    }
    if (bar >= 0) {
        net_text_add(text, "  ");
        add_duration(text, left);
        net_text_add(text, " left");
    }
}

static void show_step(void *sink, const struct net_training *run, double loss)
{
    static const struct {
        int bar;
        bool speed;
    } forms[] = {{30, true}, {16, true}, {9, true},  {16, false},
                 {8, false}, {0, false}, {-1, false}};
    const struct terminal *terminal = sink;
    struct net_text text = {0};

    if (!isfinite(loss) || !net_progress_due(terminal->progress))
        return;
    const int columns = net_progress_width();

    if (net_flag(run->options, NET_PLOT) && run->epochs->count)
        net_plot(&text, run, columns - 1, terminal->progress);
    const size_t begin = text.length;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        text.length = begin;
        add_step(&text, terminal, run, forms[i].bar, forms[i].speed);
        if (net_text_columns(text.at + begin) < columns)
            break;
    }
    net_progress_draw(terminal->progress, text.at);
    free(text.at);
}

/* ---- an epoch -------------------------------------------------------------------------------- */

static void add_metrics(struct net_text *text, const struct net_model *model, double loss,
                        const double *values)
{
    net_text_add(text, "loss ");
    add_value(text, 0, loss);
    for (int m = 0; m < model->metric_count; m++) {
        net_text_add(text, "  %s ", model->metrics[m].name);
        add_value(text, 0, values[m]);
    }
}

static void add_epoch(struct net_text *text, const struct net_training *run,
                      const struct net_epoch *epoch, int form)
{
    const struct net_model *model = run->session.model;

    net_text_add(text, "epoch %ld/%ld  ", run->state.epoch, net_whole(run->options, NET_EPOCHS));
    add_metrics(text, model, epoch->loss, epoch->values);
    if (run->measured < run->row_count && model->metric_count) {
        net_text_add(text, " of ");
        add_count(text, (double)run->measured);
        net_text_add(text, form & WHOLE_WORDS ? " rows" : "");
    }
    if (isfinite(epoch->validation_loss)) {
        net_text_add(text, "%s%s ", form & BROKEN ? "\n    " : "  ",
                     form & WHOLE_WORDS ? "validation" : "val");
        add_metrics(text, model, epoch->validation_loss, epoch->values + model->metric_count + 1);
    }
    if (form & SECONDS) {
        net_text_add(text, "  ");
        add_duration(text, epoch->seconds);
    }
    if (form & SPEED) {
        net_text_add(text, "  ");
        add_count(text, epoch->samples_per_second);
        net_text_add(text, " rows/s");
    }
}

/* Does each of these lines fit? 0 columns: no limit */
static bool fits(const char *lines, int columns)
{
    struct net_text wrapped = {0};

    net_text_wrap(&wrapped, lines, columns - 1);
    const bool same = !strcmp(wrapped.at, lines);

    free(wrapped.at);
    return same;
}

static void show_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    static const int forms[] = {
        SPEED | SECONDS | WHOLE_WORDS,
        SECONDS | WHOLE_WORDS,
        SECONDS,
        0,
        SPEED | SECONDS | WHOLE_WORDS | BROKEN,
        SECONDS | WHOLE_WORDS | BROKEN,
        BROKEN | WHOLE_WORDS,
    };
    const struct terminal *terminal = sink;
    const int columns = net_progress_lines_width(terminal->progress);
    struct net_text text = {0};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        text.length = 0;
        add_epoch(&text, run, epoch, forms[i]);
        if (fits(text.at, columns))
            break;
    }
    net_progress_print(terminal->progress, text.at);
    free(text.at);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void keep_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                      const double *values, const struct net_metrics *metrics)
{
    double **kept = &((struct terminal *)sink)->parts[part];
    const size_t count = (size_t)run->session.model->metric_count;

    (void)metrics;
    free(*kept);
    *kept = net_allocate(count + 1, sizeof **kept);
    **kept = loss;
    if (count)
        memcpy(*kept + 1, values, count * sizeof **kept);
}

static const char *name_of(const struct net_model *model, int number)
{
    return number ? model->metrics[number - 1].name : "loss";
}

static int width_of(const char *name)
{
    const int length = (int)strlen(name);

    return length > 10 ? length : 10;
}

/* A row a part; where a terminal is too narrow for it, a row a metric. */
static void add_table(struct net_text *text, const struct terminal *terminal,
                      const struct net_model *model, int columns)
{
    int wide = 10, longest = 10;

    for (int n = 0; n <= model->metric_count; n++) {
        const int width = width_of(name_of(model, n));

        wide += 2 + width;
        longest = width > longest ? width : longest;
    }
    const bool down = columns && wide >= columns;
    const int rows = down ? model->metric_count + 1 : NET_PARTS,
              across = down ? NET_PARTS : model->metric_count + 1;

    for (int row = -1; row < rows; row++) {
        if (!down && row >= 0 && !terminal->parts[row])
            continue;
        const char *name = row < 0 ? "" : down ? name_of(model, row) : net_part_names[row];

        net_text_add(text, "\n%-*s", down ? longest : 10, name);
        for (int c = 0; c < across; c++) {
            const char *title = down ? net_part_names[c] : name_of(model, c);
            const double *part = terminal->parts[down ? c : row < 0 ? 0 : row];

            if (down && !part)
                continue;
            net_text_add(text, "  ");
            if (row < 0)
                net_text_add(text, "%*s", width_of(title), title);
            else
                add_value(text, width_of(title), part[down ? row : c]);
        }
    }
}

static bool stopped_by_steps(const struct net_training *run)
{
    return net_whole(run->options, NET_MAX_STEPS) &&
           run->state.epoch < net_whole(run->options, NET_EPOCHS) &&
           run->session.run.step >= (uint64_t)net_whole(run->options, NET_MAX_STEPS);
}

static void show_plot(const struct terminal *terminal, const struct net_training *run, int columns)
{
    struct net_text plot = {0};

    net_plot(&plot, run, columns ? columns - 1 : 79, terminal->progress);
    plot.at[plot.length - 1] = '\0'; /* the end of its last line */
    net_progress_print(terminal->progress, plot.at);
    free(plot.at);
}

static void show_end(void *sink, const struct net_training *run, const char *status)
{
    const struct terminal *terminal = sink;
    const struct net_state *state = &run->state;
    const int columns = net_progress_lines_width(terminal->progress);
    struct net_text text = {0};

    (void)status;
    if (net_flag(run->options, NET_PLOT) && run->epochs->count)
        show_plot(terminal, run, columns);
    if (!terminal->parts[NET_TRAIN])
        return;
    char *place = net_folder_place(&run->folder);

    add_table(&text, terminal, run->session.model, columns);
    net_text_add(&text, "\n\n");
    if (stopped_by_steps(run))
        net_text_add(&text, "Stopped after step %u, by --max-steps.\n", run->session.run.step);
    if (run->kept && state->best_epoch && !state->row)
        net_text_add(&text, "The weights kept are those of epoch %ld, the best by %s.\n",
                     state->best_epoch, run->options->value[NET_MONITOR].text);
    net_text_add(&text, "Trained ");
    add_count(&text, state->rows_trained);
    net_text_add(&text, " rows in ");
    add_duration(&text, state->seconds);
    net_text_add(&text, ": ");
    add_count(&text, net_training_speed(run));
    net_text_add(&text, " rows/s, %.1f%% of the time waiting for data.\nThe run is in %s: ",
                 state->seconds > 0.0 ? 100.0 * state->waited / state->seconds : 0.0, place);
    net_text_add(&text, "report.html, model.safetensors, history.csv, run.json.");
    net_progress_print(terminal->progress, text.at);
    free(text.at);
    free(place);
}

static void close_live(void *sink, const struct net_training *run)
{
    struct terminal *terminal = sink;

    (void)run;
    for (int part = 0; part < NET_PARTS; part++)
        free(terminal->parts[part]);
    free(terminal);
}

const struct net_sink net_sink_terminal = {
    .open = open_live,
    .step = show_step,
    .epoch = show_epoch,
    .part = keep_part,
    .finish = show_end,
    .close = close_live,
};
