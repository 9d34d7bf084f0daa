/*
 * predictions.c -- predictions as text (a line a row: the class and the probabilities of all, the
 * classes of positions, or the values) and csv with a header, and which format is written.
 */

#define _GNU_SOURCE

#include "commands/predictions.h"

#include <stdlib.h>
#include <string.h>

static const char in_csv[] = ",\"\n\r \t", in_text[] = " \"";

/* In quotes, doubled inside, where one of `special` is in it or it is empty. A line of text has
   control characters as \n or \u001b, in quotes too. */
static void put_quoted(FILE *out, const char *before, const char *name, const char *special)
{
    struct net_text shown = {0};
    bool quotes = (!*name && !*before) || strpbrk(name, special);

    if (special == in_text) {
        net_text_visible(&shown, name);
        quotes |= strcmp(shown.at, name) != 0;
        name = shown.at;
    }
    if (quotes)
        fputc('"', out);
    fputs(before, out);
    for (; *name; name++)
        fputs(quotes && *name == '"' ? "\"\"" : (char[]){*name, 0}, out);
    if (quotes)
        fputc('"', out);
    free(shown.at);
}

/* Of text, with one target and no truth: all of the line. */
static bool is_line(const struct net_predictions *predictions, const char *special)
{
    return special == in_text && !predictions->with_truth && predictions->head_count == 1;
}

/* Classes of positions; one that is ignored is empty. Those of a text are one cell, in quotes where
   others stand beside it. */
static void put_labels(const struct net_predictions *predictions, const int32_t *class,
                       char between, const char *special)
{
    const int positions = net_positions(predictions->head->model);
    char *row = net_head_text(predictions, class, false), text[16];

    if (row)
        put_quoted(predictions->out, "", row, is_line(predictions, special) ? "" : special);
    free(row);
    if (row)
        return;
    for (int p = 0; p < positions; p++) {
        if (p)
            fputc(between, predictions->out);
        put_quoted(predictions->out, "",
                   class[p] < 0 ? "" : net_head_class(predictions, class[p], text), special);
    }
}

/* ---- cells of a line ------------------------------------------------------------------------- */

/* Behind the others of a target: what the row is. */
static void add_truth(const struct net_predictions *predictions, char between, const char *special)
{
    const struct net_head *head = predictions->head;
    FILE *out = predictions->out;
    char text[16];

    if (net_predicts_labels(head)) {
        fputc(between, out);
        put_labels(predictions, head->true_classes, between, special);
    } else if (!head->true_values) {
        fputc(between, out);
        put_quoted(out, "",
                   head->true_class < 0 ? "" : net_head_class(predictions, head->true_class, text),
                   special);
    }
    for (int i = 0; head->true_values && i < head->model->outputs; i++) {
        fputc(between, out);
        net_put_number(predictions, i, head->true_values[i]);
    }
}

static void add_head(const struct net_predictions *predictions, char between, const char *special)
{
    const struct net_head *head = predictions->head;
    const bool labels = net_predicts_labels(head);
    FILE *out = predictions->out;
    char text[16];

    if (labels) {
        put_labels(predictions, head->class, between, special);
    } else if (net_predicts_classes(head->model) && !head->top) {
        put_quoted(out, "", net_head_class(predictions, *head->class, text), special);
        fputc(between, out);
    }
    for (int i = 0; !labels && i < net_told_classes(head); i++) {
        const int c = net_class_at(head, i);

        if (i)
            fputc(between, out);
        if (head->top) {
            put_quoted(out, "", net_head_class(predictions, c, text), special);
            fputc(between, out);
        }
        net_put_number(predictions, c, head->x[c]);
    }
    if (predictions->with_truth)
        add_truth(predictions, between, special);
}

/* Behind those of all targets: the row's loss, its number. */
static void end_line(const struct net_predictions *predictions, char between)
{
    if (predictions->with_truth)
        fprintf(predictions->out, "%c%.9g", between, predictions->loss);
    if (predictions->row >= 0)
        fprintf(predictions->out, "%c%ld", between, predictions->row);
    fputc('\n', predictions->out);
}

/* Of several targets "kind: one 0.8 0.2; place: 3 4; 0.5 17". */
static void net_add_text(struct net_predictions *predictions)
{
    const bool several = predictions->head_count > 1;

    for (int h = 0; h < predictions->head_count; h++) {
        predictions->head = &predictions->heads[h];
        if (several)
            fprintf(predictions->out, "%s%s: ", h ? "; " : "", predictions->head->name);
        add_head(predictions, ' ', in_text);
    }
    if (several && predictions->row >= 0)
        fputc(';', predictions->out);
    end_line(predictions, ' ');
}

/* ---- csv, RFC 4180 --------------------------------------------------------------------------- */

/* of: "", or of several targets "place_" */
static void begin_head(const struct net_predictions *predictions, const char *of)
{
    const struct net_head *head = predictions->head;
    const struct net_model *model = head->model;
    const bool words = net_target_field(model)->texts;
    const int labels = words ? 1 : net_predicts_labels(head) ? net_positions(model) : 0;
    const int truths = labels ? labels : net_predicts_classes(model) ? 1 : model->outputs;
    char *probability = net_format("%sprobability_", of);
    FILE *out = predictions->out;
    char text[16];

    if (net_predicts_classes(model) && !head->top && !labels)
        fprintf(out, "%sclass,", of);
    for (int i = 0; i < (labels ? labels : net_told_classes(head)); i++) {
        if (i)
            fputc(',', out);
        if (labels)
            fprintf(out, words ? "%sclasses" : "%sclass_%d", of, i + 1);
        else if (head->top)
            fprintf(out, "%sclass_%d,%s%d", of, i + 1, probability, i + 1);
        else if (net_predicts_classes(model))
            put_quoted(out, probability,
                       net_head_class(predictions, net_predicts_one_class(model) ? 1 : i, text),
                       in_csv);
        else if (model->outputs == 1)
            fprintf(out, "%svalue", of);
        else
            fprintf(out, "%svalue_%d", of, i + 1);
    }
    for (int i = 0; predictions->with_truth && i < truths; i++)
        fprintf(out, truths == 1 ? ",%struth" : ",%struth_%d", of, i + 1);
    free(probability);
}

static void net_begin_csv(struct net_predictions *predictions, long rows)
{
    const bool series = net_data_is_series(predictions->session->data);

    (void)rows;
    for (int h = 0; h < predictions->head_count; h++) {
        predictions->head = &predictions->heads[h];
        char *of = net_format(predictions->head_count > 1 ? "%s_" : "%.0s",
                              predictions->head->name);

        if (h)
            fputc(',', predictions->out);
        begin_head(predictions, of);
        free(of);
    }
    if (predictions->with_truth)
        fputs(",loss", predictions->out);
    fputs(predictions->with_truth || series ? ",row\n" : "\n", predictions->out);
}

static void net_add_csv(struct net_predictions *predictions)
{
    for (int h = 0; h < predictions->head_count; h++) {
        predictions->head = &predictions->heads[h];
        if (h)
            fputc(',', predictions->out);
        add_head(predictions, ',', in_csv);
    }
    end_line(predictions, ',');
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int by_likelihood(const void *a, const void *b, void *row)
{
    const float *x = row;
    const int i = *(const int *)a, j = *(const int *)b;

    return x[i] != x[j] ? (x[i] > x[j] ? -1 : 1) : i - j;
}

/* The classes from the likeliest on, of equal ones the first; the chosen one is at 0, whatever
   rounding has made of the outputs. */
static void order_classes(struct net_head *head)
{
    const int outputs = head->model->outputs;
    int place = 0;

    for (int i = 0; i < outputs; i++)
        head->order[i] = i;
    qsort_r(head->order, (size_t)outputs, sizeof *head->order, by_likelihood, head->x);
    while (head->order[place] != *head->class)
        place++;
    memmove(head->order + 1, head->order, (size_t)place * sizeof(int));
    head->order[0] = *head->class;
}

#define net_begin_text NULL
#define net_begin_json NULL

static const struct net_prediction_format {
    const char *name;
    void (*begin)(struct net_predictions *predictions, long rows); /* or NULL */
    void (*add)(struct net_predictions *predictions);
} formats[] = {
#define FORMAT(name) {#name, net_begin_##name, net_add_##name},
    NET_EVERY_FORMAT
#undef FORMAT
};

static const struct net_prediction_format *find_format(const char *name)
{
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        if (!strcmp(formats[f].name, name))
            return &formats[f];
    net_fail(NET_USAGE, "predict writes --format text, csv, json, npy or npz, not %s", name);
}

static void open_head(struct net_head *head, const struct net_model *model,
                      const struct net_session *session)
{
    const int top = (int)session->options->value[NET_TOP].number;

    *head = (struct net_head){
        .model = model, .name = model->uncompared ? "prediction" : net_target_field(model)->name};
    net_inverse_open(&head->inverse, session->data, model);
    head->x = net_allocate((size_t)model->outputs, sizeof *head->x);
    head->class = net_allocate((size_t)net_positions(model), sizeof *head->class);
    if (!net_predicts_classes(model) || model->outputs == 1 || net_predicts_labels(head))
        return;
    head->top = top;
    head->order = net_allocate((size_t)model->outputs, sizeof *head->order);
}

/* What is asked for has to say something of one target at least. */
static void check_flags(const struct net_predictions *predictions)
{
    const struct net_value *value = predictions->session->options->value;
    const char *source = predictions->session->model->source;
    const bool arrays = predictions->format->add == net_add_npy ||
                        predictions->format->add == net_add_npz;
    const int top = (int)value[NET_TOP].number;
    bool labels = true, ordered = false;

    for (int h = 0; h < predictions->head_count; h++) {
        labels &= net_predicts_labels(&predictions->heads[h]);
        ordered |= predictions->heads[h].top > 0;
    }
    if (labels && (top || value[NET_DIGITS].given))
        net_fail(NET_USAGE, "--%s does not apply: %s predicts a class at each position",
                 top ? "top" : "digits", source);
    if (top && !ordered)
        net_fail(NET_USAGE, "--top does not apply: %s does not predict one of several classes",
                 source);
    if (arrays && (top || value[NET_DIGITS].given || predictions->with_truth))
        net_fail(NET_USAGE, "--%s does not apply to --format %s, an array of all outputs",
                 top                       ? "top"
                 : predictions->with_truth ? "with-truth"
                                           : "digits",
                 predictions->format->name);
    if (predictions->format->add == net_add_npy && predictions->head_count > 1)
        net_fail(NET_USAGE,
                 "--format npy is one array, and %s predicts %d targets: --format npz "
                 "has one of each",
                 source, predictions->head_count);
}

void net_predictions_open(struct net_predictions *predictions, FILE *out,
                          const struct net_session *session)
{
    const struct net_value *value = session->options->value;

    *predictions = (struct net_predictions){
        .out = out,
        .session = session,
        .format = find_format(value[NET_FORMAT].text),
        .with_truth = net_flag(session->options, NET_WITH_TRUTH),
        .row = -1,
        .digits = value[NET_DIGITS].given ? (int)value[NET_DIGITS].number : -1};
    for (const struct net_model *m = session->model; m; m = m->next)
        predictions->head_count++;
    predictions->heads = net_allocate((size_t)predictions->head_count, sizeof(struct net_head));
    const struct net_model *model = session->model;

    for (int h = 0; h < predictions->head_count; h++, model = model->next) {
        const char *positive = net_data_name_of(session->data, net_target(model), 1);

        open_head(&predictions->heads[h], model, session);
        if (predictions->format->add == net_add_text && net_predicts_one_class(model) && positive)
            fprintf(stderr, "the probability is that of %s\n", positive);
    }
    check_flags(predictions);
}

void net_predictions_begin(struct net_predictions *predictions, long rows)
{
    if (predictions->format->begin)
        predictions->format->begin(predictions, rows);
}

void net_predictions_add(struct net_predictions *predictions)
{
    for (int h = 0; h < predictions->head_count; h++)
        if (predictions->heads[h].top)
            order_classes(&predictions->heads[h]);
    predictions->format->add(predictions);
    predictions->added++;
}

void net_predictions_close(struct net_predictions *predictions)
{
    if (predictions->format->add == net_add_npz)
        net_end_npz(predictions);
    for (int h = 0; h < predictions->head_count; h++) {
        struct net_head *head = &predictions->heads[h];

        net_inverse_close(&head->inverse);
        free(head->order);
        free(head->x);
        free(head->class);
        free(head->kept);
    }
    free(predictions->heads);
}
