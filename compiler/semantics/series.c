/*
 * series.c -- window(..) and ahead(..): rows that are positions in time.
 *
 * One idea: all that is asked of a field's shape is asked of one position, [channels]; the step
 * that puts positions together gives [channels, length] of it, or [length] of one number, at the
 * end.
 */

#include "semantics/analysis.h"

static int length_of(const Call *step)
{
    const Constant *steps = argument(step, "steps");

    if (!steps)
        return (int)number(step, "length");
    return steps->kind == CONSTANT_LIST ? steps->count : 1;
}

/* "window(24)", "ahead(1..24)" */
static const char *step_text(const Sema *s, const Call *step)
{
    return format("%.*s", step->span.end - step->span.begin, s->source->text + step->span.begin);
}

/* [channels] at a position, [length] of one number at several, else [channels, length]. */
static Shape shape_of(int channels, int length)
{
    if (length == 1)
        return (Shape){.rank = 1, .size = {channels}};
    return channels == 1 ? (Shape){.rank = 1, .size = {length}}
                         : (Shape){.rank = 2, .size = {channels, length}};
}

/* As the steps before and the source say; 0: neither does. */
static int channels_of(const Call *source, const Field *field)
{
    Shape shape;

    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "one_hot"))
            return (int)number(field->steps[i], "n");
        else if (same(field->steps[i]->name, "classes"))
            return 1;
    return source_shape(source, field, &shape) ? shape_size(shape) : 0;
}

/* Several positions of one number may be [1, length] too. */
static bool fits(Shape written, int channels, int length)
{
    const Shape deep = {.rank = 2, .size = {channels, length}};

    return same_shape(written, shape_of(channels, length)) || same_shape(written, deep);
}

bool begin_window(Sema *s, Field *field, const Call *source, bool has_sizes)
{
    const Call *step = window_of(field);
    Shape row;

    if (!step)
        return has_sizes;
    if (source && source_shape(source, field, &row) && row.rank > 1) {
        report(s, step->span, "%s is for a series of numbers; `%s` of %s is %s a row", step->name,
               field->source_field, source->name, shape_text(row));
        return has_sizes;
    }
    if (!has_sizes)
        return false;
    const int length = length_of(step), known = channels_of(source, field);
    const Shape written = field->shape;
    const int declared = written.rank == 2 || length == 1 ? written.size[0] : 1;
    const int channels = known ? known : declared;

    if (!fits(written, channels, length) &&
        report(s, field->span, "`%s` is declared otherwise than %s makes it: %s", field->name,
               step_text(s, step), shape_text(shape_of(channels, length))) &&
        same(step->name, "ahead") && length == 1 && written.rank == 1)
        note(s->source, "%s(%.0f) is one row; several are %s(1..%d)", step->name,
             argument(step, "steps")->number, step->name, written.size[0]);
    field->shape = (Shape){.rank = 1, .size = {channels}};
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "classes"))
            return false;
    return true;
}

/* The windows are made when all else is done; noise comes still later. */
static void check_place(Sema *s, const Field *field, const Call *step)
{
    int i = 0;

    while (field->steps[i] != step)
        i++;
    if (i + 1 == field->step_count || same(field->steps[i + 1]->name, "noise"))
        return;
    const Call *next = field->steps[i + 1];

    if (same(next->name, "window") || same(next->name, "ahead"))
        report(s, next->span, "`%s` has the rows of %s already", field->name, step_text(s, step));
    else
        report(s, next->span, "%s comes behind all that changes numbers: put %s before it",
               step->name, next->name);
}

void end_window(Sema *s, Field *field, Shape written)
{
    const Call *step = window_of(field);

    if (!step)
        return;
    const int length = length_of(step);

    check_place(s, field, step);
    if (written.rank)
        field->shape = written;
    else if (length > 1)
        field->shape = shape_of(shape_size(field->shape), length);
}

/* ---- what a model of windows asks of its data ------------------------------------------------ */

static void check_source(Sema *s, const Call *source, const Field *field)
{
    static const char *const none[] = {"images", "digits", "cifar10", "cifar100",
                                       "xor",    "libsvm", "text"};

    for (int i = 0; source && i < COUNT(none); i++)
        if (same(source->name, none[i]) &&
            report(s, window_of(field)->span, "the rows of %s do not follow each other in time",
                   source->name))
            note(s->source, "%s is for series: csv, jsonl, npy, npz", window_of(field)->name);
}

static void check_split(Sema *s, const Call *split, const Field *field)
{
    if (!split || !find_signature(split->name, KIND_SPLIT))
        return;
    if (same(split->name, "kfold")) {
        if (report(s, split->span,
                   "kfold takes rows from everywhere, and those of `%s` are positions in time: "
                   "it would be trained on what comes after",
                   field->name))
            note(s->source, "`validation = holdout(0.2)` takes the last rows of each file");
        return;
    }
    for (int i = 0; i < split->count; i++)
        if (same(split->arguments[i].name, "seed") && split->arguments[i].given)
            report(s, split->arguments[i].value.span,
                   "a holdout of a series draws nothing: it takes the last rows of each file");
}

void check_series(Sema *s, Field *const *fields, int count)
{
    const Call *first = NULL;
    const Field *field = NULL;

    for (int i = 0; i < count; i++) {
        const Call *step = window_of(fields[i]);
        const Constant *stride = step ? argument(step, "stride") : NULL;

        if (step && !field)
            field = fields[i];
        if (stride && !first)
            first = step;
        if (stride && number(step, "stride") != number(first, "stride"))
            report(s,
                   stride->kind == CONSTANT_NUMBER && stride->span.end ? stride->span : step->span,
                   "windows of a model move together: this stride is %.0f, that of %s %.0f",
                   number(step, "stride"), step_text(s, first), number(first, "stride"));
    }
    if (!field)
        return;
    check_source(s, s->model->parts[PART_TRAIN], field);
    for (Part part = PART_TRAIN; part < PARTS; part++)
        check_split(s, s->model->parts[part], field);
}
