/*
 * inverse.c -- predictions in the units of the data: what a target's preparations did to its values,
 * a scale and a shift an element, is taken back.
 */

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"

/* Is it affine, by element? What impute puts in is one of the values. */
static bool can_undo(const struct net_field *field)
{
    static const char *const names[] = {"scale", "normalize", "standardize", "minmax", "impute"};

    for (int s = 0; s < field->step_count; s++) {
        bool found = false;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            found = found || !strcmp(field->steps[s].name, names[i]);
        if (!found)
            return false;
    }
    return field->step_count > 0;
}

void net_undo_open(struct net_undo *undo, const struct net_data *data)
{
    const struct net_model *model = data->model;
    const struct net_field *field = net_target_field(model);
    const struct net_fitted *fitted = data->fitted[model->field_count - 1];
    const struct net_column column = {
        .name = field->name, .place = model->source, .size = field->size};
    struct net_values values;

    *undo = (struct net_undo){0};
    if (model->loss == NET_CROSS_ENTROPY || model->loss == NET_BINARY_CROSS_ENTROPY ||
        field->kind != NET_TARGET_VALUES || !can_undo(field))
        return;
    net_values_open(&values, field, &column);
    for (int s = 0; s < field->step_count; s++) {
        const struct net_preparation *preparation = field->steps[s].preparation;

        if (!strcmp(preparation->name, "impute"))
            continue;
        if (preparation->fit && !fitted[s].count)
            net_fail(1,
                     "%s is prepared with numbers learnt in training: --weights wants a run's "
                     "folder, with its preparation.json",
                     field->name);
        preparation->apply(&values, &field->steps[s], &fitted[s]);
    }
    *undo = (struct net_undo){values.scale, values.shift, field->size};
}

void net_undo(const struct net_undo *undo, float *x)
{
    for (int i = 0; i < undo->count; i++)
        x[i] = (float)(((double)x[i] - undo->shift[i]) / undo->scale[i]);
}

void net_undo_close(struct net_undo *undo)
{
    free(undo->scale);
    free(undo->shift);
}
