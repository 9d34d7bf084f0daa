/*
 * task.c -- what the outputs of a model are. Of one output the targets decide: they are two classes
 * where all are 0 or 1, or -1 or 1.
 */

#include "report/task.h"
#include "report/report.h"

/* The first row of a part whose target is neither 1 nor as the lower ones before it, 0 or -1 (a
   `low` of 0: not known yet, of -1: known); else the number of rows. */
static long find_stray(const struct net_data *data, enum net_part part, float *low)
{
    const long rows = net_data_rows(data, part);
    bool seen = *low < 0;
    long row = 0;

    for (; row < rows; row++) {
        const float y = *net_data_target(data, part, row);

        if (!seen && y == -1)
            *low = -1;
        if (y != 1 && y != *low)
            break;
        seen = seen || y != 1;
    }
    return row;
}

/* The names of metrics of values, each followed by a comma and a space. */
static const char value_metrics[] =
#define CLASSES_NAME(name)
#define VALUES_NAME(name) name ", "
#define METRIC(name, of, better, help) of##_NAME(#name)
#include "language.def"
    ;

/* Row `stray` shows that the target has no classes: a metric that counts them cannot be had. */
static void check_names(const struct net_model *model, const struct net_data *data, long stray)
{
    const double found = (double)*net_data_target(data, NET_TRAIN, stray);
    const char *place = net_data_place(data, NET_TRAIN, model->field_count - 1, &stray);

    for (int m = 0; m < model->metric_count; m++) {
        const char *name = model->metrics[m].name;

        if (!net_metric_of(name)->of_values)
            net_fail(1,
                     "%s: row %ld (from 0), %s: expected 0 and 1, or -1 and 1, for the metric "
                     "%s, found %.9g; metrics of values are %.*s",
                     place, stray, model->fields[model->field_count - 1].name, name, found,
                     (int)sizeof value_metrics - 3, value_metrics);
    }
}

/* Metrics of values, and none of classes: whatever the numbers are, they are no classes. */
static bool speaks_of_values(const struct net_model *model)
{
    for (int m = 0; m < model->metric_count; m++)
        if (!net_metric_of(model->metrics[m].name)->of_values)
            return false;
    return model->metric_count && model->loss != NET_BINARY_CROSS_ENTROPY;
}

/* The other parts have the two classes of the training rows, 1 and `low`, too. */
static void check_parts(const struct net_model *model, const struct net_data *data, float low)
{
    for (int part = NET_VALIDATION; part < NET_PARTS; part++) {
        const long rows = net_data_rows(data, (enum net_part)part);
        float lower = low;
        long stray = find_stray(data, (enum net_part)part, &lower);

        if (stray == rows)
            continue;
        const double found = (double)*net_data_target(data, (enum net_part)part, stray);
        const char *place = net_data_place(data, (enum net_part)part, model->field_count - 1,
                                           &stray);

        net_fail(NET_FAULT,
                 "%s: row %ld (from 0), %s: found %.9g, but all rows to train on have %.0f or 1, "
                 "and so are two classes; metrics = [mae, r2] makes values of them",
                 place, stray, model->fields[model->field_count - 1].name, found, (double)low);
    }
}

enum task net_task_find(const struct net_model *model, const struct net_data *data)
{
    const struct net_field *target = net_target_field(model);
    float low = 0;

    if (target->classes && model->outputs > 1)
        return TASK_CLASSES;
    if (model->outputs > 1)
        return TASK_VALUES;
    if (target->kind == NET_TARGET_CLASS)
        return TASK_BINARY;
    if (speaks_of_values(model))
        return TASK_VALUES;
    const long rows = net_data_rows(data, NET_TRAIN), stray = find_stray(data, NET_TRAIN, &low);

    if (stray < rows)
        check_names(model, data, stray);
    if (stray < rows || !rows)
        return TASK_VALUES;
    check_parts(model, data, low);
    return low < 0 ? TASK_SIGN : TASK_BINARY;
}
