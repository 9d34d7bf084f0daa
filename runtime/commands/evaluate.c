/*
 * evaluate.c -- the loss and metrics of a part, and the command that reports them.
 *
 * Batches are as large as the trainer allows whatever --batch says, so that a part's loss depends
 * on nothing but the weights; but where it compares the rows of a batch.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"

/* A loss over the pairs of a batch is that of batches such as the run's. */
static int evaluated_batch(const struct net_session *session)
{
    return session->model->pairs ? (int)net_whole(session->options, NET_BATCH)
                                 : session->model->batch;
}

double net_evaluate(struct net_session *session, struct net_loader *loader, enum net_part part,
                    const long *rows, long count, struct net_metrics *metrics)
{
    const void *batch;
    const long *numbers;
    int n;

    net_metrics_reset(metrics);
    if (net_are_several(session->options->ranks)) {
        session->options->ranks->evaluate(session, loader, part, rows, count, metrics);
        return net_metrics_loss(metrics) + net_penalty(session);
    }
    net_loader_begin(loader, part, NULL, rows, count, evaluated_batch(session));
    while ((batch = net_loader_next(loader, &numbers, &n))) {
        net_forward(session, batch, n, true);
        net_metrics_add_loss(metrics, &session->run);
        net_metrics_add(metrics, part, numbers, session->predictions, n);
    }
    return net_metrics_loss(metrics) + net_penalty(session);
}

void net_need_unwritten(struct net_data *data)
{
    bool rows;
    const char *change = net_data_look(data, true, &rows);

    if (change)
        net_fail(NET_FAULT, "%s while its rows were read: the result is of no one state of it",
                 change);
}

/* "train", "validation" or "test" */
static enum net_part part_named(const char *name)
{
    return name[0] == 'v' ? NET_VALIDATION : name[1] == 'e' ? NET_TEST : NET_TRAIN;
}

/* Are the rows of the part some of the training source's? */
static bool is_drawn(const struct net_model *model, enum net_part part)
{
    bool drawn = false;

    for (int p = 0; p < NET_PARTS; p++)
        drawn |= (part == NET_TRAIN || p == (int)part) && model->parts[p] &&
                 !model->parts[p]->reader;
    return drawn;
}

/* The data for rows of a part. */
static struct net_data *open_evaluated(struct net_session *session, enum net_part part)
{
    const struct net_call *call = session->model->parts[part];
    struct net_opening *opening = &session->opening;

    if (!opening->preparation && net_is_run_checksum(opening->checksum) &&
        is_drawn(session->model, part))
        net_fail(NET_FAULT,
                 "%s has no preparation.json beside it, which tells the rows of %s from those that "
                 "the run trained or held out: --weights names the run's folder, whole",
                 session->options->value[NET_WEIGHTS].text, net_part_names[part]);
    if (opening->preparation && (part == NET_TRAIN || !call || !call->reader))
        opening->same = 1u << NET_TRAIN;
    opening->changed = net_flag(session->options, NET_DATA_CHANGED);
    struct net_data *data = net_data_open_by(session->model, opening);

    net_data_check_task(data, part);
    return data;
}

enum net_part net_command_rows_open(struct net_session *session, bool labelled)
{
    const struct net_options *options = session->options;
    const enum net_part part = options->file ? NET_TEST : part_named(options->value[NET_PART].text);

    if (options->file && options->value[NET_PART].given)
        net_fail(NET_USAGE, "%s takes a FILE or --part, not both", net_commands[options->command]);
    session->opening.labelled = labelled;
    session->data = options->file ? net_data_open_files(session->model, options->runs,
                                                        options->run_count, &session->opening)
                                  : open_evaluated(session, part);
    return part;
}

/* What a report of classes or of values tells, besides the model's own metrics: all that can be
   had; in units the model's own too. */
static void add_usual(struct net_text *text, const struct net_model *model,
                      const struct net_metrics *metrics, bool in_units)
{
    static const char *const names[] = {
#define METRIC(name, ...) #name,
#include "language.def"
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const bool of_values = net_metric_of(names[i])->of_values;
        double value = net_metrics_value(metrics, names[i]);
        bool listed = of_values == (net_metrics_classes(metrics) > 0) ||
                      (of_values && isnan(value) && strcmp(names[i], "r2") != 0) ||
                      !strcmp(names[i], "top5"); /* of many classes: for who asks for it */

        for (int m = 0; m < model->metric_count && !in_units && !model->target; m++)
            listed = listed || !strcmp(model->metrics[m].name, names[i]);
        if (listed || (in_units && !net_metrics_in_units(metrics, names[i], &value)))
            continue;
        net_text_add(text, "%s\"%s\": ", text->at[text->length - 1] == '{' ? "" : ", ", names[i]);
        net_text_number(text, value);
    }
}

static void add_classes(struct net_text *text, const struct net_metrics *metrics)
{
    struct net_score score;
    char number[16];

    net_text_add(text, ", \"classes\": [");
    for (int c = 0; c < net_metrics_classes(metrics); c++) {
        net_metrics_score(metrics, c, &score);
        net_text_add(text, "%s{\"name\": ", c ? ", " : "");
        net_text_quote(text, net_metrics_class_name(metrics, c, number));
        net_text_add(text, ", \"precision\": ");
        net_text_number(text, score.precision);
        net_text_add(text, ", \"recall\": ");
        net_text_number(text, score.recall);
        net_text_add(text, ", \"f1\": ");
        net_text_number(text, score.f1);
        net_text_add(text, ", \"support\": %ld}", score.support);
    }
    net_text_add(text, "]");
}

static void add_target(struct net_text *text, const struct net_model *model,
                       const struct net_metrics *metrics)
{
    const int classes = net_metrics_classes(metrics);

    if (!model->uncompared)
        add_usual(text, model, metrics, false);
    if (net_metrics_in_units(metrics, "mse", &(double){0})) {
        net_text_add(text, ", \"in_units\": {");
        add_usual(text, model, metrics, true);
        net_text_add(text, "}");
    }
    if (net_metrics_labelled(metrics) >= 0)
        net_text_add(text, ", \"labelled\": %ld", net_metrics_labelled(metrics));
    if (classes)
        add_classes(text, metrics);
    if (classes && !net_metrics_has_confusion(metrics)) {
        net_text_add(text, ", \"confusion\": null");
    } else if (classes) {
        net_text_add(text, ", \"confusion\": [");
        for (int truth = 0; truth < classes; truth++) {
            net_text_add(text, "%s[", truth ? ", " : "");
            for (int c = 0; c < classes; c++)
                net_text_add(text, "%s%ld", c ? ", " : "",
                             net_metrics_confusion(metrics, truth, c));
            net_text_add(text, "]");
        }
        net_text_add(text, "]");
    }
}

/* Of further targets: , "targets": {"place": {"mse": ..}} */
static void add_next(struct net_text *text, const struct net_metrics *metrics,
                     const struct net_model *model)
{
    const char *before = ", \"targets\": {";

    while ((metrics = net_metrics_next(metrics)) != NULL) {
        model = model->next;
        net_text_add(text, "%s\"%s\": {", before, net_metrics_target(metrics)->name);
        add_target(text, model, metrics);
        net_text_add(text, "}");
        before = ", ";
    }
    if (*before == ',' && before[2] == 0)
        net_text_add(text, "}");
}

static void show_json(const struct net_session *session, const struct net_metrics *metrics,
                      const char *part, double loss, long rows)
{
    const struct net_model *model = session->model;
    struct net_text text = {0};

    net_text_add(&text, "{\"model\": ");
    net_text_quote(&text, model->name);
    net_text_add(&text, ", \"%s\": ", session->options->file ? "file" : "part");
    net_text_quote(&text, part);
    net_text_add(&text, ", \"rows\": %ld, \"loss\": ", rows);
    net_text_number(&text, loss);
    net_metrics_json(&text, model, metrics);
    add_target(&text, model, metrics);
    add_next(&text, metrics, model);
    net_text_add(&text, "}");
    puts(text.at);
    free(text.at);
}

/* Of a target that rows may be without: none with a class tells nothing, and is no number. */
static void check_labelled(const struct net_session *session, const struct net_metrics *metrics,
                           enum net_part part)
{
    const char *name = net_part_names[part];
    long row = 0;
    bool any = false;

    for (const struct net_metrics *m = metrics; m; m = net_metrics_next(m))
        any |= net_metrics_labelled(m) != 0;
    for (const struct net_metrics *m = metrics; m; m = net_metrics_next(m)) {
        if (net_metrics_labelled(m))
            continue;
        if (session->options->file) /* of several, that of the labels */
            name = net_data_place(session->data, part,
                                  (int)(net_metrics_target(m) - session->model->fields), &row);
        if (!any)
            net_fail(NET_FAULT,
                     "%s: no row has a class of %s, so that there is nothing to compare with; "
                     "`predict` tells what the network makes of such rows",
                     name, net_metrics_target(m)->name);
        net_warn("%s: no row has a class of %s: the loss is without its own", name,
                 net_metrics_target(m)->name);
    }
}

/* What stands before the report of a target. */
static void print_target(const struct net_model *model, const struct net_metrics *metrics)
{
    const long labelled = net_metrics_labelled(metrics);

    if (model->next)
        printf("\nOf %s:\n", net_metrics_target(metrics)->name);
    else
        printf("\n");
    if (labelled >= 0)
        printf("%s with a class: %ld\n\n", net_metrics_counted(metrics), labelled);
}

int net_command_eval(struct net_options *options)
{
    const struct net_model *model = options->model;
    const char *name = options->file ? options->file : options->value[NET_PART].text;
    struct net_session session;

    net_settings_of_run(options); /* its loss is the run's */
    net_session_open(&session, options);
    net_session_weights(&session);
    const enum net_part part = net_command_rows_open(&session, true);
    const long count = net_data_rows(session.data, part);
    if (!count)
        net_fail(NET_USAGE, "%s has no %s part; choose another with --part", model->source, name);
    if (options->file && model->weight)
        net_check_row_weights(session.data);
    if (model->pairs && count < 2)
        net_fail(NET_FAULT, "%s has one row, and %s compares rows: it is always 0 of one", name,
                 model->pairs);

    long *rows = net_allocate((size_t)count, sizeof *rows);
    struct net_loader *loader = net_loader_open(session.data, session.batch, session.threads, NULL);
    struct net_metrics *metrics = net_metrics_new(model, session.data);

    for (struct net_metrics *m = metrics; m; m = net_metrics_next(m))
        if (net_metrics_has_confusion(m) && net_flag(options, NET_JSON_OUTPUT))
            net_metrics_rank(m);

    net_order(rows, count, session.run.seed, 0, false);
    const double loss = net_evaluate(&session, loader, part, rows, count, metrics);
    net_need_unwritten(session.data);
    check_labelled(&session, metrics, part);
    if (net_metrics_lost(metrics))
        net_warn("outputs of %ld of %ld rows are not finite: they are of no class and no value",
                 net_metrics_lost(metrics), count);
    if (net_flag(options, NET_JSON_OUTPUT)) {
        show_json(&session, metrics, name, loss, count);
    } else {
        printf("%s: %ld rows\nloss %.6g\n", name, count, loss);
        for (int m = 0; m < model->metric_count; m++)
            printf("%s %.6g\n", model->metrics[m].name,
                   net_metrics_value(metrics, model->metrics[m].name));
        for (const struct net_metrics *m = metrics; m; m = net_metrics_next(m)) {
            if (net_metrics_target(m)->kind == NET_TARGET_NONE)
                continue;
            print_target(model, m);
            net_report(stdout, m, (int)net_whole(options, NET_DIGITS));
        }
    }
    net_loader_close(loader);
    net_metrics_free(metrics);
    net_session_close(&session);
    free(rows);
    return NET_OK;
}
