/*
 * task.c -- what the outputs of a model are: classes, or values. Where the model does not say, and
 * has one output, the rows to train on decide as a run begins: they are two classes where all
 * targets are 0 or 1, or -1 or 1. From then on it is the run's (contract.c), whatever its data
 * become.
 */

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"

static const char *const task_names[] = {[NET_TASK_CLASSES] = "classes",
                                         [NET_TASK_BINARY] = "binary",
                                         [NET_TASK_SIGN] = "sign",
                                         [NET_TASK_VALUES] = "values"};

const char *net_metric_target(const char *name, const char *metric)
{
    const size_t length = strlen(metric);

    if (strncmp(name, metric, length) != 0 || (name[length] && name[length] != '_'))
        return NULL;
    return name + length + (name[length] != 0);
}

/* A term of the loss, "loss_label", is one too. */
const struct net_metric *net_metric_find(const char *name)
{
    enum { CLASSES, VALUES };
    enum { MORE, LESS };
    static const struct net_metric rows[] = {
#define METRIC(name, of, better, help) {#name, of == VALUES, better == LESS},
#include "language.def"
    };

    static const struct net_metric term = {"loss_", .less = true};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (net_metric_target(name, rows[i].name))
            return &rows[i];
    return strncmp(name, term.name, strlen(term.name)) == 0 ? &term : NULL;
}

const struct net_metric *net_metric_of(const char *name)
{
    const struct net_metric *metric = net_metric_find(name);

    if (!metric)
        net_fail(1, "this trainer has no metric `%s`", name);
    return metric;
}

/* The names of metrics of values, each followed by a comma and a space. */
static const char value_metrics[] =
#define CLASSES_NAME(name)
#define VALUES_NAME(name) name ", "
#define METRIC(name, of, better, help) of##_NAME(#name)
#include "language.def"
    ;

bool net_metric_is_own(const struct net_model *model, const char *name)
{
    const char *target = net_metric_target(name, net_metric_of(name)->name);

    return *target ? !strcmp(target, net_target_field(model)->name) : !model->target;
}

/* The first metric of values, or of classes, of its own target; NULL: the model has none. */
static const char *find_metric(const struct net_model *model, bool of_values)
{
    for (int m = 0; m < model->metric_count - model->term_count; m++)
        if (net_metric_of(model->metrics[m].name)->of_values == of_values &&
            net_metric_is_own(model, model->metrics[m].name))
            return model->metrics[m].name;
    return NULL;
}

/* NET_TASK_OF_DATA where the targets decide. Of metrics of values alone, and a loss that is not of
   probabilities, the numbers are no classes whatever they are. */
static enum net_task of_model(const struct net_model *model)
{
    const struct net_field *target = net_target_field(model);

    if (model->outputs > 1 || model->uncompared)
        return target->classes ? NET_TASK_CLASSES : NET_TASK_VALUES;
    if (target->kind == NET_TARGET_CLASS)
        return NET_TASK_BINARY;
    if (model->loss != NET_BINARY_CROSS_ENTROPY && find_metric(model, true) &&
        !find_metric(model, false))
        return NET_TASK_VALUES;
    return NET_TASK_OF_DATA;
}

static const float *target_of(const struct net_data *data, const struct net_model *model,
                              enum net_part part, long row)
{
    return net_data_row(data, net_target(model), part, row);
}

/* The first row of a part whose target is neither 1 nor as the lower ones before it, 0 or -1 (a
   `low` of 1: not known yet); else the number of rows. */
static long find_stray(const struct net_data *data, const struct net_model *model,
                       enum net_part part, float *low)
{
    const long rows = net_data_rows(data, part);
    long row = 0;

    for (; row < rows; row++) {
        const float y = *target_of(data, model, part, row);

        if (*low == 1 && (y == 0 || y == -1))
            *low = y;
        if (y != 1 && y != *low)
            break;
    }
    return row;
}

/* Row `stray` shows that the target has no classes: a metric that counts them cannot be had. */
static void check_metrics(const struct net_data *data, const struct net_model *model,
                          enum net_part part, long stray)
{
    const char *name = find_metric(model, false);

    if (!name)
        return;
    const double found = (double)*target_of(data, model, part, stray);
    const char *place = net_data_place(data, part, net_target(model), &stray);

    net_fail(1,
             "%s: row %ld (from 0), %s: expected 0 and 1, or -1 and 1, for the metric %s, found "
             "%.9g; metrics of values are %.*s",
             place, stray, net_target_field(model)->name, name, found,
             (int)sizeof value_metrics - 3, value_metrics);
}

static void find_task(struct net_data *data, const struct net_model *model, enum net_part part)
{
    enum net_task *task = &data->tasks[net_target(model)];
    const enum net_task known = of_model(model);
    const long rows = net_data_rows(data, part);
    float low = 1;

    if (known)
        *task = known;
    if (*task)
        return;
    const long stray = find_stray(data, model, part, &low);

    if (stray < rows)
        check_metrics(data, model, part, stray);
    *task = stray < rows || !rows ? NET_TASK_VALUES : low < 0 ? NET_TASK_SIGN : NET_TASK_BINARY;
}

void net_task_find(struct net_data *data, enum net_part part)
{
    for (const struct net_model *model = data->model; model; model = model->next)
        find_task(data, model, part);
}

enum net_task net_data_task(const struct net_data *data, const struct net_model *model)
{
    return data->tasks[net_target(model)];
}

static void check_task(const struct net_data *data, const struct net_model *model,
                       enum net_part part)
{
    const enum net_task task = net_data_task(data, model);
    const int low = task == NET_TASK_SIGN ? -1 : 0;
    float lower = (float)low;

    if (of_model(model) || task == NET_TASK_VALUES)
        return;
    long stray = find_stray(data, model, part, &lower);

    if (stray == net_data_rows(data, part))
        return;
    const double found = (double)*target_of(data, model, part, stray);
    const char *place = net_data_place(data, part, net_target(model), &stray);

    net_fail(NET_FAULT,
             "%s: row %ld (from 0), %s: found %.9g, but all rows %s have %d or 1, and so are two "
             "classes: mend the row; or take them for values, by metrics = [mae, r2] and a run "
             "from its beginning",
             place, stray, net_target_field(model)->name, found,
             data->learnt ? "that the run was trained on" : "to train on", low);
}

void net_data_check_task(const struct net_data *data, enum net_part part)
{
    for (const struct net_model *model = data->model; model; model = model->next)
        check_task(data, model, part);
}

/* "task", or of another target than the first term's "task_place". */
static char *member_of(const struct net_model *model)
{
    return net_format(model->target ? "task_%s" : "task", net_target_field(model)->name);
}

void net_task_write(struct net_text *text, const struct net_data *data)
{
    for (const struct net_model *model = data->model; model; model = model->next) {
        char *name = member_of(model);

        net_text_add(text, ",\n  \"%s\": \"%s\"", name, task_names[net_data_task(data, model)]);
        free(name);
    }
}

static void read_task(struct net_data *data, const struct net_model *model,
                      const struct net_json *kept, const char *path)
{
    const char *name = find_metric(model, false);
    enum net_task task = NET_TASK_CLASSES;

    if (!kept) /* a run of a netc that did not keep it: as it did */
        return;
    while (task <= NET_TASK_VALUES &&
           (kept->kind != NET_JSON_STRING || strcmp(kept->text, task_names[task]) != 0))
        task++;
    if (task > NET_TASK_VALUES)
        net_fail(1, "%s: expected \"task\" to be what the target is: classes, binary, sign, values",
                 path);
    if (task == NET_TASK_VALUES && !of_model(model) && name)
        net_fail(1,
                 "%s: the run's targets are values, and the metric %s counts classes; metrics of "
                 "values are %.*s",
                 path, name, (int)sizeof value_metrics - 3, value_metrics);
    data->tasks[net_target(model)] = task;
}

void net_task_read(struct net_data *data, const struct net_json *json, const char *path)
{
    for (const struct net_model *model = data->model; model; model = model->next) {
        char *name = member_of(model);

        read_task(data, model, net_json_member(json, name), path);
        free(name);
    }
}
