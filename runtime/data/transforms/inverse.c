/*
 * inverse.c -- predictions in the units of the data: what a target's transforms did to its values
 * is taken back, the last step first.
 *
 * One idea: affine steps next to one another are one scale and shift an element; between them stand
 * the functions whose inverse a transform names. Where one step has none, nothing is taken back.
 */

#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

static bool has_inverse(const struct net_field *field)
{
    for (int s = 0; s < field->step_count; s++)
        if (field->steps[s].transform->inverse_kind == NET_INVERSE_NONE)
            return false;
    return field->step_count > 0;
}

static struct net_inverse_stage *add_stage(struct net_inverse *inverse)
{
    return &inverse->stages[inverse->stage_count++];
}

/* What was affine so far becomes a stage, and `values` begins again. */
static void add_affine(struct net_inverse *inverse, struct net_values *values)
{
    const struct net_column column = values->column;

    *add_stage(inverse) = (struct net_inverse_stage){.scale = values->scale,
                                                     .shift = values->shift};
    net_values_open(values, values->field, &column);
}

void net_inverse_field(struct net_inverse *inverse, const struct net_data *data, int f)
{
    const struct net_model *model = data->model;
    const struct net_field *field = &model->fields[f];
    const struct net_fitted *fitted = data->fitted[f];
    const struct net_column column = {
        .name = field->name, .place = model->source, .size = data->fields[f].size};
    struct net_values values;

    *inverse = (struct net_inverse){0};
    if (!has_inverse(field))
        return;
    inverse->count = field->size;
    inverse->length = field->size / column.size;
    inverse->stages = net_allocate(2 * (size_t)field->step_count + 1, sizeof *inverse->stages);
    net_values_open(&values, &data->fields[f], &column);
    for (int s = 0; s < field->step_count; s++) {
        const struct net_transform *transform = field->steps[s].transform;

        if (transform->inverse_kind == NET_INVERSE_NOTHING)
            continue;
        if (transform->fit && !fitted[s].count)
            net_fail(1,
                     "%s is prepared with numbers learnt in training: --weights wants a run's "
                     "folder, with its preparation.json",
                     field->name);
        if (transform->inverse_kind == NET_INVERSE_AFFINE) {
            transform->apply(&values, &field->steps[s], &fitted[s]);
        } else {
            add_affine(inverse, &values);
            *add_stage(inverse) = (struct net_inverse_stage){.inverse = transform->inverse};
        }
    }
    add_affine(inverse, &values);
    free(values.scale);
    free(values.shift);
}

void net_inverse_open(struct net_inverse *inverse, const struct net_data *data,
                      const struct net_model *model)
{
    *inverse = (struct net_inverse){0};
    if (model->loss != NET_CROSS_ENTROPY && model->loss != NET_BINARY_CROSS_ENTROPY &&
        net_target_field(model)->kind == NET_TARGET_VALUES)
        net_inverse_field(inverse, data, net_target(model));
}

double net_inverse_value(const struct net_inverse *inverse, int i, float x)
{
    double value = (double)x;

    for (int s = inverse->stage_count - 1; s >= 0; s--) {
        const struct net_inverse_stage *stage = &inverse->stages[s];

        if (stage->inverse)
            value = stage->inverse(value);
        else
            value = (value - stage->shift[i / inverse->length]) / stage->scale[i / inverse->length];
    }
    return value;
}

int net_inverse_digits(const struct net_inverse *inverse, int i, float x)
{
    const double value = net_inverse_value(inverse, i, x);
    const double step = fabs(net_inverse_value(inverse, i, nextafterf(x, INFINITY)) - value);
    int digits = 9; /* of a float */

    for (double size = fabs(value) / 1e8; digits < 17 && size > step; size /= 10)
        digits++;
    return digits;
}

void net_inverse_close(struct net_inverse *inverse)
{
    for (int s = 0; s < inverse->stage_count; s++) {
        free(inverse->stages[s].scale);
        free(inverse->stages[s].shift);
    }
    free(inverse->stages);
}
