/*
 * predictions.c -- predictions as text (a line a row: the class and the probabilities of all, the
 * classes of positions, or the values), csv with a header, JSON (an object a line), or an array of
 * numpy.
 *
 * One output with binary cross-entropy is the probability of class 1.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/npy.h"
#include "commands/predictions.h"

/* ---- what is predicted ----------------------------------------------------------------------- */

static bool is_binary(const struct net_model *model)
{
    return model->outputs == 1 && model->loss == NET_BINARY_CROSS_ENTROPY;
}

bool net_predicts_classes(const struct net_model *model)
{
    const struct net_field *target = net_target_field(model);

    return is_binary(model) ||
           (target->classes > 0 && (model->outputs > 1 || target->kind == NET_TARGET_CLASS));
}

/* A class a position: the classes are told, and no probabilities. */
static bool predicts_labels(const struct net_predictions *predictions)
{
    return net_positions(predictions->session->model) > 1;
}

static int told_classes(const struct net_predictions *predictions)
{
    const int outputs = predictions->session->model->outputs;

    return predictions->top && predictions->top < outputs ? predictions->top : outputs;
}

static int by_likelihood(const void *a, const void *b, void *row)
{
    const float *x = row;
    const int i = *(const int *)a, j = *(const int *)b;

    return x[i] != x[j] ? (x[i] > x[j] ? -1 : 1) : i - j;
}

/* The classes from the likeliest on, of equal ones the first; the chosen one is at 0, whatever
   rounding has made of the outputs. */
static void order_classes(struct net_predictions *predictions, const float *x, int class)
{
    const int outputs = predictions->session->model->outputs;
    int place = 0;

    for (int i = 0; i < outputs; i++)
        predictions->order[i] = i;
    qsort_r(predictions->order, (size_t)outputs, sizeof *predictions->order, by_likelihood,
            (void *)x);
    while (predictions->order[place] != class)
        place++;
    memmove(predictions->order + 1, predictions->order, (size_t)place * sizeof(int));
    predictions->order[0] = class;
}

/* The class whose probability stands at a place, from 0. */
static int class_at(const struct net_predictions *predictions, int place)
{
    return predictions->top ? predictions->order[place] : place;
}

/* Output i, a value in the units of the data. */
static void put_number(const struct net_predictions *predictions, int i, float x)
{
    const struct net_inverse *inverse = &predictions->inverse;
    const double value = net_inverse_value(inverse, i, x);

    if (predictions->digits >= 0)
        fprintf(predictions->out, "%.*f", predictions->digits, value);
    else if (net_predicts_classes(predictions->session->model))
        fprintf(predictions->out, "%.6f", value);
    else
        fprintf(predictions->out, "%.*g", net_inverse_digits(inverse, i, x), value);
}

static const char *name_of(const struct net_predictions *predictions, int class, char text[16])
{
    const char *name = net_data_class_name(predictions->session->data, class);

    if (name)
        return name;
    snprintf(text, 16, "%d", class);
    return text;
}

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

/* Classes of positions; one that is ignored is empty. */
static void put_labels(const struct net_predictions *predictions, const int32_t *class,
                       char between, const char *special)
{
    const int positions = net_positions(predictions->session->model);
    char text[16];

    for (int p = 0; p < positions; p++) {
        if (p)
            fputc(between, predictions->out);
        put_quoted(predictions->out, "", class[p] < 0 ? "" : name_of(predictions, class[p], text),
                   special);
    }
}

/* ---- cells of a line ------------------------------------------------------------------------- */

/* Behind the others: what the row is, its loss, its number. */
static void add_truth(const struct net_predictions *predictions, char between, const char *special)
{
    const struct net_truth *truth = predictions->truth;
    FILE *out = predictions->out;
    char text[16];

    if (!truth) {
        if (predictions->ends >= 0)
            fprintf(out, "%c%ld", between, predictions->ends);
        return;
    }
    if (predicts_labels(predictions)) {
        fputc(between, out);
        put_labels(predictions, truth->classes, between, special);
    } else if (!truth->values) {
        fputc(between, out);
        put_quoted(out, "", name_of(predictions, truth->class, text), special);
    }
    for (int i = 0; truth->values && i < predictions->session->model->outputs; i++) {
        fputc(between, out);
        put_number(predictions, i, truth->values[i]);
    }
    fprintf(out, "%c%.9g%c%ld", between, truth->loss, between, truth->row);
}

static void add_cells(struct net_predictions *predictions, const float *x, const int32_t *class,
                      char between, const char *special)
{
    const bool labels = predicts_labels(predictions);
    FILE *out = predictions->out;
    char text[16];

    if (labels) {
        put_labels(predictions, class, between, special);
    } else if (net_predicts_classes(predictions->session->model) && !predictions->top) {
        put_quoted(out, "", name_of(predictions, *class, text), special);
        fputc(between, out);
    }
    for (int i = 0; !labels && i < told_classes(predictions); i++) {
        const int c = class_at(predictions, i);

        if (i)
            fputc(between, out);
        if (predictions->top) {
            put_quoted(out, "", name_of(predictions, c, text), special);
            fputc(between, out);
        }
        put_number(predictions, c, x[c]);
    }
    add_truth(predictions, between, special);
    fputc('\n', out);
}

static void add_text(struct net_predictions *predictions, const float *x, const int32_t *class)
{
    add_cells(predictions, x, class, ' ', in_text);
}

/* ---- csv, RFC 4180 --------------------------------------------------------------------------- */

static void begin_csv(struct net_predictions *predictions, long rows)
{
    const struct net_model *model = predictions->session->model;
    const int labels = predicts_labels(predictions) ? net_positions(model) : 0;
    const int truths = labels ? labels : net_predicts_classes(model) ? 1 : model->outputs;
    FILE *out = predictions->out;
    char text[16];

    (void)rows;
    if (net_predicts_classes(model) && !predictions->top && !labels)
        fputs("class,", out);
    for (int i = 0; i < (labels ? labels : told_classes(predictions)); i++) {
        if (i)
            fputc(',', out);
        if (labels)
            fprintf(out, "class_%d", i + 1);
        else if (predictions->top)
            fprintf(out, "class_%d,probability_%d", i + 1, i + 1);
        else if (net_predicts_classes(model))
            put_quoted(out, "probability_", name_of(predictions, is_binary(model) ? 1 : i, text),
                       in_csv);
        else if (model->outputs == 1)
            fputs("value", out);
        else
            fprintf(out, "value_%d", i + 1);
    }
    if (net_flag(predictions->session->options, NET_WITH_TRUTH)) {
        for (int i = 0; i < truths; i++)
            fprintf(out, truths == 1 ? ",truth" : ",truth_%d", i + 1);
        fputs(",loss,row", out);
    } else if (net_data_is_series(predictions->session->data)) {
        fputs(",row", out);
    }
    fputc('\n', out);
}

static void add_csv(struct net_predictions *predictions, const float *x, const int32_t *class)
{
    add_cells(predictions, x, class, ',', in_csv);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* A number that is not finite is null. */
static void put_json(const struct net_predictions *predictions, int i, float x)
{
    if (isfinite(net_inverse_value(&predictions->inverse, i, x)))
        put_number(predictions, i, x);
    else
        fputs("null", predictions->out);
}

static void put_name(const struct net_predictions *predictions, int class)
{
    struct net_text text = {0};
    char number[16];

    net_text_quote(&text, name_of(predictions, class, number));
    fputs(text.at, predictions->out);
    free(text.at);
}

/* Nested as the target's shape is; null: it is ignored. */
static void put_label_lists(const struct net_predictions *predictions, const char *name,
                            const int32_t *class)
{
    const struct net_field *target = net_target_field(predictions->session->model);
    const int width = target->shape[target->rank - 1], height = target->size / width;
    FILE *out = predictions->out;

    fprintf(out, "\"%s\": %s", name, target->rank > 1 ? "[" : "");
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, class ++) {
            fputs(x ? ", " : y ? "], [" : "[", out);
            if (*class < 0)
                fputs("null", out);
            else if (net_data_class_name(predictions->session->data, *class))
                put_name(predictions, *class);
            else
                fprintf(out, "%d", *class);
        }
    fputs(target->rank > 1 ? "]]" : "]", out);
}

static void put_classes(struct net_predictions *predictions, const float *x, int class)
{
    const struct net_model *model = predictions->session->model;
    FILE *out = predictions->out;

    fputs("\"class\": ", out);
    put_name(predictions, class);
    fputs(predictions->top ? ", \"top\": [" : ", \"probabilities\": {", out);
    for (int i = 0; i < told_classes(predictions); i++) {
        const int c = class_at(predictions, i);

        fputs(i ? ", " : "", out);
        fputs(predictions->top ? "{\"class\": " : "", out);
        put_name(predictions, is_binary(model) ? 1 : c);
        fputs(predictions->top ? ", \"probability\": " : ": ", out);
        put_json(predictions, c, x[c]);
        fputs(predictions->top ? "}" : "", out);
    }
    fputs(predictions->top ? "]" : "}", out);
}

static void put_values(struct net_predictions *predictions, const char *name, const float *x)
{
    fprintf(predictions->out, "\"%s\": [", name);
    for (int i = 0; i < predictions->session->model->outputs; i++) {
        fputs(i ? ", " : "", predictions->out);
        put_json(predictions, i, x[i]);
    }
    fputc(']', predictions->out);
}

static void add_json(struct net_predictions *predictions, const float *x, const int32_t *class)
{
    const struct net_truth *truth = predictions->truth;
    const bool labels = predicts_labels(predictions);
    FILE *out = predictions->out;

    fputc('{', out);
    if (labels)
        put_label_lists(predictions, "classes", class);
    else if (net_predicts_classes(predictions->session->model))
        put_classes(predictions, x, *class);
    else
        put_values(predictions, "values", x);
    if (truth) {
        fputs(truth->values || labels ? ", " : ", \"truth\": ", out);
        if (truth->values)
            put_values(predictions, "truth", truth->values);
        else if (labels)
            put_label_lists(predictions, "truth", truth->classes);
        else
            put_name(predictions, truth->class);
        if (truth->loss - truth->loss == 0)
            fprintf(out, ", \"loss\": %.9g, \"row\": %ld", truth->loss, truth->row);
        else
            fprintf(out, ", \"loss\": null, \"row\": %ld", truth->row);
    } else if (predictions->ends >= 0) {
        fprintf(out, ", \"row\": %ld", predictions->ends);
    }
    fputs("}\n", out);
}

/* ---- npy: float32, [rows][the prediction's shape] -------------------------------------------- */

static void begin_npy(struct net_predictions *predictions, long rows)
{
    const struct net_model *model = predictions->session->model;
    struct net_text shape = {0};
    struct net_npy npy;

    net_text_add(&shape, "%ld,", rows);
    for (int axis = 0; axis < model->output_rank && model->outputs > 1; axis++)
        net_text_add(&shape, "%s%d", axis ? ", " : " ", model->output_shape[axis]);
    net_npy_begin(&npy, shape.at);
    fwrite(npy.magic, 1, sizeof npy.magic, predictions->out);
    fwrite(npy.line.at, 1, npy.line.length, predictions->out);
    free(npy.line.at);
    free(shape.at);
}

static void add_npy(struct net_predictions *predictions, const float *x, const int32_t *class)
{
    (void)class;
    for (int i = 0; i < predictions->session->model->outputs; i++) {
        const float value = (float)net_inverse_value(&predictions->inverse, i, x[i]);

        fwrite(&value, sizeof value, 1, predictions->out);
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

#define begin_text NULL
#define begin_json NULL

static const struct net_prediction_format {
    const char *name;
    void (*begin)(struct net_predictions *predictions, long rows); /* or NULL */
    void (*add)(struct net_predictions *predictions, const float *x, const int32_t *class);
} formats[] = {
#define FORMAT(name) {#name, begin_##name, add_##name},
    NET_EVERY_FORMAT
#undef FORMAT
};

void net_predictions_open(struct net_predictions *predictions, FILE *out,
                          const struct net_session *session)
{
    const struct net_value *value = session->options->value;
    size_t f = 0;

    while (strcmp(formats[f].name, value[NET_FORMAT].text) != 0)
        if (++f == sizeof formats / sizeof *formats)
            net_fail(NET_USAGE, "predict writes --format text, csv, json or npy, not %s",
                     value[NET_FORMAT].text);
    *predictions = (struct net_predictions){
        .out = out,
        .session = session,
        .format = &formats[f],
        .top = (int)value[NET_TOP].number,
        .ends = -1,
        .digits = value[NET_DIGITS].given ? (int)value[NET_DIGITS].number : -1};
    net_inverse_open(&predictions->inverse, session->data, session->model);
    if (predicts_labels(predictions) && (predictions->top || value[NET_DIGITS].given))
        net_fail(NET_USAGE, "--%s does not apply: %s predicts a class at each position",
                 predictions->top ? "top" : "digits", session->model->source);
    if (predictions->top && (!net_predicts_classes(session->model) || session->model->outputs == 1))
        net_fail(NET_USAGE, "--top does not apply: %s does not predict one of several classes",
                 session->model->source);
    const bool truth = net_flag(session->options, NET_WITH_TRUTH);

    if (formats[f].add == add_npy && (predictions->top || value[NET_DIGITS].given || truth))
        net_fail(NET_USAGE, "--%s does not apply to --format npy, an array of all outputs",
                 predictions->top ? "top"
                 : truth          ? "with-truth"
                                  : "digits");
    if (formats[f].add == add_text && is_binary(session->model) &&
        net_data_class_name(session->data, 1))
        fprintf(stderr, "the probability is that of %s\n", net_data_class_name(session->data, 1));
    if (predictions->top)
        predictions->order = net_allocate((size_t)session->model->outputs,
                                          sizeof *predictions->order);
}

void net_predictions_begin(struct net_predictions *predictions, long rows)
{
    if (predictions->format->begin)
        predictions->format->begin(predictions, rows);
}

void net_predictions_add(struct net_predictions *predictions, const float *x, const int32_t *class)
{
    if (predictions->top)
        order_classes(predictions, x, *class);
    predictions->format->add(predictions, x, class);
}

void net_predictions_close(struct net_predictions *predictions)
{
    free(predictions->order);
    net_inverse_close(&predictions->inverse);
}
