/*
 * predictions_json.c -- predictions as JSON, an object a line; of several targets it has an object
 * of each by its name.
 */

#include <math.h>
#include <stdlib.h>

#include "commands/predictions.h"

/* A number that is not finite is null. */
static void put_value(const struct net_predictions *predictions, int i, float x)
{
    if (isfinite(net_inverse_value(&predictions->head->inverse, i, x)))
        net_put_number(predictions, i, x);
    else
        fputs("null", predictions->out);
}

static void put_name(const struct net_predictions *predictions, int class)
{
    struct net_text text = {0};
    char number[16];

    net_text_quote(&text, net_head_class(predictions, class, number));
    fputs(text.at, predictions->out);
    free(text.at);
}

/* Nested as the target's shape is; null: it is ignored. */
static void put_label_lists(const struct net_predictions *predictions, const char *name,
                            const int32_t *class)
{
    const struct net_model *model = predictions->head->model;
    const struct net_field *target = net_target_field(model);
    const int width = target->shape[target->rank - 1], height = target->size / width;
    char *row = net_head_text(predictions, class, true);
    FILE *out = predictions->out;

    if (row)
        fprintf(out, "\"%s\": %s", name, row);
    free(row);
    if (row)
        return;
    fprintf(out, "\"%s\": %s", name, target->rank > 1 ? "[" : "");
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, class ++) {
            fputs(x ? ", " : y ? "], [" : "[", out);
            if (*class < 0)
                fputs("null", out);
            else if (net_data_name_of(predictions->session->data, net_target(model), *class))
                put_name(predictions, *class);
            else
                fprintf(out, "%d", *class);
        }
    fputs(target->rank > 1 ? "]]" : "]", out);
}

static void put_classes(const struct net_predictions *predictions)
{
    const struct net_head *head = predictions->head;
    FILE *out = predictions->out;

    fputs("\"class\": ", out);
    put_name(predictions, *head->class);
    fputs(head->top ? ", \"top\": [" : ", \"probabilities\": {", out);
    for (int i = 0; i < net_told_classes(head); i++) {
        const int c = net_class_at(head, i);

        fputs(i ? ", " : "", out);
        fputs(head->top ? "{\"class\": " : "", out);
        put_name(predictions, net_predicts_one_class(head->model) ? 1 : c);
        fputs(head->top ? ", \"probability\": " : ": ", out);
        put_value(predictions, c, head->x[c]);
        fputs(head->top ? "}" : "", out);
    }
    fputs(head->top ? "]" : "}", out);
}

static void put_values(const struct net_predictions *predictions, const char *name, const float *x)
{
    fprintf(predictions->out, "\"%s\": [", name);
    for (int i = 0; i < predictions->head->model->outputs; i++) {
        fputs(i ? ", " : "", predictions->out);
        put_value(predictions, i, x[i]);
    }
    fputc(']', predictions->out);
}

static void put_head(const struct net_predictions *predictions)
{
    const struct net_head *head = predictions->head;
    const bool labels = net_predicts_labels(head);
    FILE *out = predictions->out;

    if (labels)
        put_label_lists(predictions, "classes", head->class);
    else if (net_predicts_classes(head->model))
        put_classes(predictions);
    else
        put_values(predictions, "values", head->x);
    if (!predictions->with_truth)
        return;
    fputs(head->true_values || labels ? ", " : ", \"truth\": ", out);
    if (head->true_values)
        put_values(predictions, "truth", head->true_values);
    else if (labels)
        put_label_lists(predictions, "truth", head->true_classes);
    else if (head->true_class < 0)
        fputs("null", out);
    else
        put_name(predictions, head->true_class);
}

void net_add_json(struct net_predictions *predictions)
{
    const bool several = predictions->head_count > 1;
    const double loss = predictions->loss;
    FILE *out = predictions->out;

    fputc('{', out);
    for (int h = 0; h < predictions->head_count; h++) {
        predictions->head = &predictions->heads[h];
        if (several)
            fprintf(out, "%s\"%s\": {", h ? ", " : "", predictions->head->name);
        put_head(predictions);
        if (several)
            fputc('}', out);
    }
    if (predictions->with_truth && isfinite(loss))
        fprintf(out, ", \"loss\": %.9g", loss);
    else if (predictions->with_truth)
        fputs(", \"loss\": null", out);
    if (predictions->row >= 0)
        fprintf(out, ", \"row\": %ld", predictions->row);
    fputs("}\n", out);
}
