/*
 * dataset.c -- the data of a model: opens the sources, divides them into parts, prepares the
 * fields. Parts that are drawn from one source share its rows and hold only numbers of rows;
 * transforms learn from the training part and are applied to every source as a whole.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

/* ---- sources --------------------------------------------------------------------------------- */

static const struct net_column *need_column(const struct net_table *table, const char *reader,
                                            const struct net_model *model, int f)
{
    const struct net_column *column = net_find_column(table, model, f);
    char names[256] = "";

    if (column)
        return column;
    for (int i = 0; i < table->column_count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "",
                 table->columns[i].name);
    net_fail(1, "%s has no field %s; it has %s", reader, model->fields[f].source, names);
}

/* Columns are files, or arrays of one. */
static _Noreturn void fail_rows(const struct net_column *a, const struct net_column *b)
{
    if (strcmp(a->place, b->place) != 0)
        net_fail(1, "%s has %ld rows, %s has %ld: expected as many", a->place, a->rows, b->place,
                 b->rows);
    net_fail(1, "%s: %s has %ld rows, %s has %ld: expected as many", a->place, a->name, a->rows,
             b->name, b->rows);
}

/* Opens what `request` asks for as a part of its own. */
void net_table_open(struct net_data *data, enum net_part part, const struct net_reader *reader,
                    const struct net_request *request)
{
    struct net_source *source = &data->sources[part];
    struct net_table *table = &source->table;

    reader->open(table, request);
    table->rows = table->columns[0].rows;
    for (int i = 1; i < table->column_count; i++)
        if (table->columns[i].rows != table->rows)
            fail_rows(&table->columns[0], &table->columns[i]);
    for (int f = 0; f < request->field_count; f++)
        if (!table->by_field) /* it knows better where a missing number stands */
            net_check_finite(need_column(table, reader->name, data->model, f), &request->fields[f]);
    source->fields = net_allocate((size_t)data->model->field_count, sizeof *source->fields);
    data->parts[part] = (struct net_subset){.source = source, .count = table->rows};
}

static void open_source(struct net_data *data, enum net_part part)
{
    const struct net_call *call = data->model->parts[part];
    const struct net_request request = {.call = call,
                                        .folder = data->folder,
                                        .fields = data->model->fields,
                                        .field_count = data->model->field_count,
                                        .names = data->names};

    for (int i = 0; i < call->arg_count; i++)
        if (call->args[i].text)
            net_need_regular(data->folder, call->args[i].text);
    net_table_open(data, part, call->reader, &request);
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* The column of the source that splits are stratified by: a target that is a class, as metrics see
   it too. NULL: there is none. */
static const struct net_column *class_column(const struct net_data *data)
{
    const struct net_column *column = net_find_column(&data->sources[NET_TRAIN].table, data->model,
                                                      data->model->field_count - 1);

    if (!column || column->size != 1 || column->type == NET_TEXT || !net_has_rows(column) ||
        data->model->uncompared)
        return NULL;
    return net_target_field(data->model)->classes || net_is_binary(column) ? column : NULL;
}

/* Rows of a class that the model has no room for: told before they are divided by it. */
static void check_classes(const struct net_data *data)
{
    const struct net_field *field = net_target_field(data->model);
    const struct net_column *column = net_find_column(&data->sources[NET_TRAIN].table, data->model,
                                                      data->model->field_count - 1);
    struct net_fitted fitted = {0};
    struct net_values values;

    if (!field->classes || field->step_count != 1 || !column || !net_has_rows(column) ||
        field->steps[0].transform->fit != net_transform_classes.fit)
        return;
    net_values_open(&values, field, column);
    net_transform_classes.fit(&fitted, &values, &field->steps[0], NULL, 0);
    net_transform_classes.apply(&values, &field->steps[0], &fitted);
    net_strings_free(fitted.strings[0]);
    free(values.scale);
    free(values.shift);
    free(values.owned);
}

static void split(struct net_data *data, enum net_part part)
{
    net_split(&data->parts[NET_TRAIN], &data->parts[part], part, data->model->parts[part],
              class_column(data));
}

/* Rows of the training source for the parts that have none of their own. */
static void divide(struct net_data *data)
{
    const struct net_call *validation = data->model->parts[NET_VALIDATION];

    if (data->model->parts[NET_TEST] && !data->model->parts[NET_TEST]->reader)
        split(data, NET_TEST);
    if (data->fold.count)
        net_split_fold(&data->parts[NET_TRAIN], &data->parts[NET_VALIDATION], data->fold,
                       validation, class_column(data));
    else if (validation && !validation->reader && strcmp(validation->name, "kfold") != 0)
        split(data, NET_VALIDATION);
}

/* Opens the source of a part, and compares it with the run's where that was asked for. */
static void open_same(struct net_data *data, enum net_part part, const struct net_opening *opening)
{
    const bool same = opening->same & 1u << part;

    net_watch_files(data, part, data->model->parts[part]);
    open_source(data, part);
    if (same || opening->begins || !opening->preparation)
        net_identify_source(data, part);
    if (same)
        net_identity_check_source(data, part, opening->changed);
}

static void open_parts(struct net_data *data, const struct net_opening *opening)
{
    const struct net_call *const *parts = data->model->parts;

    for (int part = 0; part < NET_PARTS; part++)
        if (parts[part] && parts[part]->reader)
            open_same(data, (enum net_part)part, opening);
    if (!data->parts[NET_TRAIN].source)
        net_fail(1, "the model names no source of training data");
    if (!data->learnt)
        check_classes(data);
    if (data->series)
        data->series->split(data);
    else
        divide(data);
}

/* ---- transforms ------------------------------------------------------------------------------ */

/* Opens the columns of field f and of those behind it that have its numbers, one after another. */
static void open_joined(struct net_data *data, int f, struct net_values *values)
{
    const struct net_model *model = data->model;
    struct net_values *last = &values[f];

    for (int g = f; g < model->field_count; g++) {
        if (g > f && model->fields[g].numbered_as != f + 1)
            continue;
        net_values_open(&values[g], &data->fields[g],
                        net_find_column(&data->parts[NET_TRAIN].source->table, model, g));
        if (g > f)
            last->joined = &values[g];
        last = &values[g];
    }
    if (model->fields[f].numbered_as)
        values[f].numbering = data->fitted[model->fields[f].numbered_as - 1];
    values[f].folder = data->folder;
}

/* Learns what a field's transforms learn, in order, each from what those before it give. */
static void fit_field(struct net_data *data, int f)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_subset *train = &data->parts[NET_TRAIN];
    struct net_values *values = net_allocate((size_t)data->model->field_count, sizeof *values);

    open_joined(data, f, values);
    for (int s = 0; s < field->step_count; s++) {
        const struct net_call *step = &field->steps[s];

        if (step->transform->fit)
            step->transform->fit(&data->fitted[f][s], &values[f], step, train->rows, train->count);
        step->transform->apply(&values[f], step, &data->fitted[f][s]);
    }
    for (int g = f; g < data->model->field_count; g++) {
        free(values[g].scale);
        free(values[g].shift);
        free(values[g].owned);
    }
    free(values);
}

/* Classes have names in tables alone. */
bool net_learns(const struct net_field *field)
{
    for (int s = 0; s < field->step_count; s++)
        if (field->steps[s].transform->fit &&
            (field->columns || field->steps[s].transform->fit != net_transform_classes.fit))
            return true;
    return false;
}

const struct net_field *net_field_learns(const struct net_model *model)
{
    for (int f = 0; f < model->field_count; f++)
        if (net_learns(&model->fields[f]))
            return &model->fields[f];
    return NULL;
}

/* Are its columns meant by their place in the first file? */
bool net_is_placed(const struct net_model *model, const struct net_field *field)
{
    const struct net_arg *header = net_argument(model->parts[NET_TRAIN], "header");

    return field->columns && (field->column_range || !field->columns[0].text) &&
           (!header || header->number != 0);
}

void net_field_apply(struct net_data *data, int f, struct net_source *source)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_column *column = net_find_column(&source->table, data->model, f);
    struct net_values values;

    if (!column || !net_has_rows(column))
        return;
    net_values_open(&values, &data->fields[f], column);
    for (int s = 0; s < field->step_count; s++)
        field->steps[s].transform->apply(&values, &field->steps[s], &data->fitted[f][s]);
    net_values_finish(&values, &source->fields[f]);
    if (field->step_count)
        net_check_prepared(&source->fields[f], field, column);
    if (field->wanted_by && field->kind == NET_TARGET_VALUES)
        net_check_wanted(&source->fields[f], field, column);
    if (field->texts)
        field->texts->check(data->model, f, source);
}

/* Gives back the columns whose rows no field reads as they are, and files that no column needs. */
void net_source_trim(struct net_source *source, int field_count)
{
    bool held = false;

    for (int i = 0; i < source->table.column_count; i++) {
        struct net_column *column = &source->table.columns[i];
        bool read = false;

        for (int f = 0; f < field_count; f++) {
            const struct net_column *prepared = &source->fields[f].column;

            read |= net_has_rows(prepared) && prepared->at == column->at &&
                    prepared->pieces == column->pieces;
        }
        if (!read)
            net_column_free(column);
        held |= column->pieces != NULL;
    }
    if (!held)
        net_table_release(&source->table);
}

/* The words of every field that has a vocabulary, by id: those of tokens begin at 2. */
void net_list_words(struct net_data *data)
{
    const struct net_model *model = data->model;

    data->vocabulary = net_allocate((size_t)model->field_count, sizeof *data->vocabulary);
    for (int f = 0; f < model->field_count; f++) {
        const struct net_field *field = &model->fields[f];
        const struct net_string_table *strings = field->vocabulary ? data->fitted[f][0].strings[0]
                                                                   : NULL;
        const int first = field->kind == NET_INPUT_TOKENS && !field->classes ? 2 : 0;

        if (!strings)
            continue;
        data->vocabulary[f] = net_allocate((size_t)field->vocabulary, sizeof(char *));
        for (int32_t i = 0; i < strings->count && i + first < field->vocabulary; i++)
            data->vocabulary[f][i + first] = net_string(strings, i);
    }
}

static void prepare(struct net_data *data)
{
    const struct net_model *model = data->model;

    for (int f = 0; f < model->field_count; f++)
        if (!data->learnt && net_learns(&model->fields[f]) && !data->fitted[f]->known)
            fit_field(data, f);
    for (int part = 0; part < NET_PARTS; part++) {
        struct net_source *source = &data->sources[part];

        if (!source->fields)
            continue;
        for (int f = 0; f < model->field_count; f++)
            net_field_apply(data, f, source);
        net_source_trim(source, model->field_count);
    }
    for (int part = 0; part < NET_PARTS; part++) {
        if (!data->parts[part].source)
            continue;
        if (data->series)
            data->series->cut(data, (enum net_part)part, model->field_count);
        net_packing_open(data, (enum net_part)part);
    }
    net_list_words(data);
}

/* ---- opening and closing --------------------------------------------------------------------- */

struct net_data *net_data_new(const struct net_model *model)
{
    struct net_data *data = net_allocate(1, sizeof *data);

    if (model->field_count > NET_COLUMNS)
        net_fail(1, "more than %d inputs and targets", NET_COLUMNS);
    data->model = model;
    data->fitted = net_allocate((size_t)model->field_count, sizeof *data->fitted);
    for (int f = 0; f < model->field_count; f++) {
        const struct net_call *window = net_series_step(&model->fields[f]);

        data->series = window ? window->transform->series : data->series;
        data->fitted[f] = net_allocate((size_t)model->fields[f].step_count,
                                       sizeof *data->fitted[f]);
    }
    data->fields = data->series ? data->series->fields(model) : model->fields;
    return data;
}

struct net_data *net_data_open_by(const struct net_model *model, const struct net_opening *opening)
{
    struct net_data *data = net_data_new(model);

    data->folder = net_data_folder(model, opening->folder);
    net_contract_read(data, opening);
    if (opening->start)
        opening->take_inputs(data, opening->start);
    if (!opening->preparation || opening->begins)
        data->fold = opening->fold;
    open_parts(data, opening);
    prepare(data);
    if (opening->same & 1u << NET_TRAIN && !opening->alike)
        net_identity_check_splits(data, opening->changed);
    net_task_find(data, NET_TRAIN);
    if (model->weight)
        net_check_row_weights(data);
    net_contract_check(data, opening->checksum);
    return data;
}

struct net_data *net_data_open(const struct net_model *model, const char *folder,
                               const char *preparation)
{
    const struct net_opening opening = {.folder = folder, .preparation = (char *)preparation};

    return net_data_open_by(model, &opening);
}

void net_part_close(struct net_data *data, enum net_part part)
{
    struct net_source *source = &data->sources[part];

    for (int f = 0; source->fields && f < data->model->field_count; f++) {
        free(source->fields[f].owned);
        free(source->fields[f].made);
        free(source->fields[f].scale);
        if (source->fields[f].values) {
            free(source->fields[f].values->scale);
            free(source->fields[f].values->shift);
            free(source->fields[f].values->owned);
        }
        free(source->fields[f].values);
        free(source->fields[f].shift);
    }
    net_table_free(&source->table);
    net_watch_end(source);
    free(source->fields);
    free(data->parts[part].rows);
    net_packing_close(data, part);
    *source = (struct net_source){0};
    data->parts[part] = (struct net_subset){0};
}

void net_data_close(struct net_data *data)
{
    for (int part = 0; part < NET_PARTS; part++)
        net_part_close(data, (enum net_part)part);
    for (int f = 0; f < data->model->field_count; f++) {
        for (int s = 0; s < data->model->fields[f].step_count; s++) {
            free(data->fitted[f][s].list[0]);
            free(data->fitted[f][s].list[1]);
            net_strings_free(data->fitted[f][s].strings[0]);
            net_strings_free(data->fitted[f][s].strings[1]);
        }
        free(data->fitted[f]);
        free(data->vocabulary[f]);
        net_names_free(&data->names[f]);
    }
    if (data->series)
        free((void *)data->fields);
    free(data->user_files);
    free(data->vocabulary);
    free(data->fitted);
    free(data->recorded.path);
    free(data);
}
