/*
 * series.c -- rows that are positions in time: a sample is the rows of a window, and those that are
 * ahead of it. Columns stay as they are, one row a position, and windows are put together as
 * they are packed, so that memory is that of the series.
 *
 * One idea: a sample is called by the row that its windows end at, and has it only where all of
 * them lie in rows of one part that follow each other in one file: nothing is seen from beside.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

/* ---- what a field reads of a sample ---------------------------------------------------------- */

static int find_length(const struct net_field *field)
{
    const struct net_call *step = net_series_step(field);
    const struct net_arg *length = net_argument(step, "length");
    const struct net_arg *steps = net_argument(step, "steps");

    return length ? (int)length->number : steps && steps->list ? steps->count : 1;
}

static struct net_field *find_fields(const struct net_model *model)
{
    const size_t count = (size_t)model->field_count;
    struct net_field *fields = net_allocate(count, sizeof *fields);

    memcpy(fields, model->fields, count * sizeof *fields);
    for (struct net_field *field = fields; field < fields + count; field++) {
        if (find_length(field) == 1)
            continue;
        field->size /= find_length(field);
        field->rank = field->kind != NET_TARGET_CLASS;
        field->shape[0] = field->size;
    }
    return fields;
}

/* Position p of the field, in rows from the one that the window ends at. */
static long offset_of(const struct net_call *step, int p)
{
    const struct net_arg *length = net_argument(step, "length"), *steps;

    if (length)
        return p + 1 - (long)length->number;
    steps = net_argument(step, "steps");
    return (long)(steps->list ? steps->list[p] : steps->number);
}

/* [channels][length], of rows [channels]. */
static void make_window(const struct net_prepared_column *prepared, const struct net_field *field,
                        long row, double *numbers, void *to)
{
    const struct net_call *step = net_series_step(field);
    const int length = find_length(field), channels = prepared->column.size;
    const bool classes = prepared->column.type == NET_I32 && !prepared->values;

    for (int p = 0; p < length; p++) {
        const long at = row + offset_of(step, p);
        const void *from = net_row(&prepared->column, at);

        if (prepared->values)
            net_values_row(prepared->values, at, numbers);
        for (int c = 0; c < channels; c++)
            if (classes)
                ((int32_t *)to)[c * length + p] = ((const int32_t *)from)[c];
            else
                ((float *)to)[c * length + p] = prepared->values ? (float)numbers[c]
                                                                 : ((const float *)from)[c];
    }
}

/* ---- rows that follow each other ------------------------------------------------------------- */

/* Where the file ends that has this row. */
static long end_of_file(const struct net_table *table, long row)
{
    int low = 0, high = table->border_count;

    while (low < high) {
        const int middle = (low + high) / 2;

        if (table->borders[middle] > row)
            high = middle;
        else
            low = middle + 1;
    }
    return low < table->border_count ? table->borders[low] : table->rows;
}

/* How many rows of a part, from number `begin` on, follow each other in one file. */
static long run_length(const struct net_subset *part, long begin)
{
    const long first = net_source_row(part, begin);
    const long end = end_of_file(&part->source->table, first);
    long count = 1;

    while (begin + count < part->count && first + count < end &&
           net_source_row(part, begin + count) == first + count)
        count++;
    return count;
}

/* Sets the last rows of each file aside. */
static void hold_out(struct net_data *data, enum net_part part)
{
    struct net_subset *from = &data->parts[NET_TRAIN];
    const double share = data->model->parts[part]->args[0].number;
    long *kept = net_allocate((size_t)from->count, sizeof *kept);
    long *held = net_allocate((size_t)from->count, sizeof *held);
    long kept_count = 0, held_count = 0;

    for (long begin = 0, count; begin < from->count; begin += count) {
        count = run_length(from, begin);
        const long keep = count - (long)(share * (double)count + .5);

        for (long i = 0; i < count; i++)
            if (i < keep)
                kept[kept_count++] = net_source_row(from, begin + i);
            else
                held[held_count++] = net_source_row(from, begin + i);
    }
    if (!kept_count || !held_count)
        net_fail(1, "%s = holdout(%g) of %ld rows leaves %s empty: it takes the last ones",
                 net_part_names[part], share, from->count,
                 net_part_names[held_count ? NET_TRAIN : part]);
    free(from->rows);
    from->rows = kept;
    from->count = kept_count;
    data->parts[part] = (struct net_subset){
        .source = from->source, .rows = held, .count = held_count};
}

static void split_series(struct net_data *data)
{
    const struct net_call *const *parts = data->model->parts;

    if (data->fold.count)
        net_fail(NET_USAGE,
                 "kfold: the rows of %s are positions in time, and folds would be trained on what "
                 "comes after them; `validation = holdout(0.2)` takes the last ones",
                 data->model->source);
    if (parts[NET_TEST] && !parts[NET_TEST]->reader)
        hold_out(data, NET_TEST);
    if (parts[NET_VALIDATION] && !parts[NET_VALIDATION]->reader)
        hold_out(data, NET_VALIDATION);
}

/* ---- samples --------------------------------------------------------------------------------- */

/* What the samples of a model reach: rows before the one they are called by, and behind it. */
struct reach {
    long back, ahead, stride;
};

static struct reach find_reach(const struct net_model *model, int field_count)
{
    struct reach reach = {.stride = 1};

    for (int f = 0; f < field_count; f++) {
        const struct net_call *step = net_series_step(&model->fields[f]);
        const struct net_arg *stride = step ? net_argument(step, "stride") : NULL;
        const long first = step ? offset_of(step, 0) : 0;
        const long last = step ? offset_of(step, find_length(&model->fields[f]) - 1) : 0;

        if (stride)
            reach.stride = (long)stride->number;
        if (-first > reach.back)
            reach.back = -first;
        if (last > reach.ahead)
            reach.ahead = last;
    }
    return reach;
}

static void cut_part(struct net_data *data, enum net_part part, int field_count)
{
    const struct reach reach = find_reach(data->model, field_count);
    struct net_subset *of = &data->parts[part];
    long *rows = net_allocate((size_t)of->count, sizeof *rows);
    long count = 0;

    for (long begin = 0, length; begin < of->count; begin += length) {
        length = run_length(of, begin);
        for (long i = reach.back; i + reach.ahead < length; i += reach.stride)
            rows[count++] = net_source_row(of, begin + i);
    }
    if (!count)
        net_fail(1,
                 "%s%s%s has %ld rows, and no %ld that follow each other in one file: a sample is "
                 "a window of %ld, and up to %ld ahead",
                 of->source->table.columns[0].place, data->user_files ? "" : ": ",
                 data->user_files ? "" : net_part_names[part], of->count,
                 reach.back + 1 + reach.ahead, reach.back + 1, reach.ahead);
    free(of->rows);
    of->rows = rows;
    of->count = count;
}

const struct net_series net_series = {.length = find_length,
                                      .fields = find_fields,
                                      .split = split_series,
                                      .cut = cut_part,
                                      .make = make_window};
