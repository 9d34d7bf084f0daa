/*
 * predicted_head.c -- what is predicted of a target: classes, labels of positions or values, and
 * what of them is told.
 */

#include "commands/predictions.h"

bool net_predicts_one_class(const struct net_model *model)
{
    return model->outputs == 1 && model->loss == NET_BINARY_CROSS_ENTROPY;
}

bool net_predicts_classes(const struct net_model *model)
{
    const struct net_field *target = net_target_field(model);

    return net_predicts_one_class(model) ||
           (target->classes > 0 && (model->outputs > 1 || target->kind == NET_TARGET_CLASS));
}

bool net_predicts_labels(const struct net_head *head)
{
    return net_positions(head->model) > 1 || net_target_field(head->model)->texts;
}

int net_told_classes(const struct net_head *head)
{
    const int outputs = head->model->outputs;

    return head->top && head->top < outputs ? head->top : outputs;
}

int net_class_at(const struct net_head *head, int place)
{
    return head->top ? head->order[place] : place;
}

void net_put_number(const struct net_predictions *predictions, int i, float x)
{
    const struct net_inverse *inverse = &predictions->head->inverse;
    const double value = net_inverse_value(inverse, i, x);

    if (predictions->digits >= 0)
        fprintf(predictions->out, "%.*f", predictions->digits, value);
    else if (net_predicts_classes(predictions->head->model))
        fprintf(predictions->out, "%.6f", value);
    else
        fprintf(predictions->out, "%.*g", net_inverse_digits(inverse, i, x), value);
}

char *net_head_text(const struct net_predictions *predictions, const int32_t *labels, bool json)
{
    const struct net_model *model = predictions->head->model;
    const struct net_texts *texts = net_target_field(model)->texts;

    return texts ? texts->tell(predictions->session->data, net_target(model), labels, json) : NULL;
}

const char *net_head_class(const struct net_predictions *predictions, int class, char text[16])
{
    const char *name = net_data_name_of(predictions->session->data,
                                        net_target(predictions->head->model), class);

    if (name)
        return name;
    snprintf(text, 16, "%d", class);
    return text;
}
