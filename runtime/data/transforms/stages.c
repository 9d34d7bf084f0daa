/*
 * stages.c -- what a run's transforms do to the numbers of an input, each on its own, as stages
 * that another program can follow: affine steps together are one scale and shift of each number.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

/* What was affine so far becomes a stage, and `values` begins again. */
static void add_affine(struct net_stages *stages, struct net_values *values)
{
    const struct net_column column = values->column;

    stages->at[stages->count++] = (struct net_number_stage){
        .kind = NET_STAGE_AFFINE, .scale = values->scale, .shift = values->shift};
    net_values_open(values, values->field, &column);
}

static bool is_noise(const struct net_call *step) /* of training alone */
{
    return !strcmp(step->name, "noise");
}

static bool is_affine(const struct net_call *step)
{
    return step->transform->inverse_kind == NET_INVERSE_AFFINE;
}

/* The first step that is no stage; NULL: all are. */
static const char *first_other(const struct net_field *field)
{
    for (int s = 0; s < field->step_count; s++) {
        const struct net_call *step = &field->steps[s];

        if (!is_noise(step) && !is_affine(step) && !step->transform->stage)
            return step->name;
    }
    return NULL;
}

static void add_step(struct net_stages *stages, struct net_values *values,
                     const struct net_call *step, const struct net_fitted *fitted)
{
    if (is_noise(step))
        return;
    if (is_affine(step)) {
        step->transform->apply(values, step, fitted);
        return;
    }
    add_affine(stages, values);
    step->transform->stage(&stages->at[stages->count++], values, step, fitted);
}

/* normalize of `augment`, which acts in evaluation too. */
static void add_normalize(struct net_values *values, const struct net_call *call)
{
    const struct net_arg *mean = net_argument(call, "mean"), *std = net_argument(call, "std");
    const struct net_field *field = values->field;
    const int pixels = field->size / (field->rank ? field->shape[0] : 1);

    for (int i = 0; i < field->size; i++) {
        const int c = i / pixels;
        const double by = std->list ? std->list[std->count == 1 ? 0 : c] : std->number;
        const double from = mean->list ? mean->list[mean->count == 1 ? 0 : c] : mean->number;

        values->scale[i] /= by;
        values->shift[i] = (values->shift[i] - from) / by;
    }
}

/* What makes classes of numbers is the last; of names it is no stage. */
static bool ends_with(const struct net_field *field, const char *name)
{
    int last = field->step_count - 1;

    while (last >= 0 && is_noise(&field->steps[last]))
        last--;
    return last >= 0 && !strcmp(field->steps[last].name, name);
}

static bool is_of_numbers(const struct net_data *data, int f)
{
    const struct net_field *field = &data->model->fields[f];

    return data->fields[f].size == field->size &&
           (field->kind == NET_INPUT ||
            (field->kind == NET_INPUT_TOKENS && ends_with(field, "classes")));
}

void net_data_stages(struct net_stages *stages, const struct net_data *data, int f)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_column column = {.name = field->name,
                                      .place = data->model->source,
                                      .size = ends_with(field, "one_hot") ? 1 : field->size,
                                      .elements = data->names[f].at};
    const char *type = data->recorded.sources[NET_TRAIN].fields[f].type;
    struct net_values values;

    *stages = (struct net_stages){.bytes = type && !strcmp(type, "uint8"),
                                  .refused = first_other(field),
                                  .size = column.size};
    if (!stages->refused && !is_of_numbers(data, f))
        stages->refused = "form";
    if (stages->refused)
        return;
    stages->at = net_allocate(2 * (size_t)field->step_count + 1, sizeof *stages->at);
    net_values_open(&values, field, &column);
    for (int s = 0; s < field->step_count; s++)
        add_step(stages, &values, &field->steps[s], &data->fitted[f][s]);
    for (int i = 0; i < field->augment_count; i++)
        if (!strcmp(field->augments[i].name, "normalize"))
            add_normalize(&values, &field->augments[i]);
    add_affine(stages, &values);
    for (int s = 0; s < stages->count; s++)
        if (stages->at[s].kind == NET_STAGE_CLASSES && !stages->at[s].n)
            stages->refused = "a class by its name";
    free(values.scale);
    free(values.shift);
}

void net_stages_close(struct net_stages *stages)
{
    for (int s = 0; s < stages->count; s++) {
        free(stages->at[s].scale);
        free(stages->at[s].shift);
        free(stages->at[s].fill);
        free(stages->at[s].edges);
    }
    free(stages->at);
}
