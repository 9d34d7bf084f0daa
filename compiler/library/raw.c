/*
 * raw.c -- the preparations of a run, fitted, as tables of a library: what is done to the numbers
 * of a source before the network sees them, and to its values before a person does.
 *
 * The one idea: a field's steps are stages of one kind, a scale and a shift of each number, then
 * what stands in for a missing one, then limits, then a logarithm or the number of a bin, all in
 * double and in the trainer's order (data/transforms/), so that the floats are the trainer's to the
 * bit, but where a normalize of `augment` rounds in between there, or a log1p, which is at most 2
 * units of a double off, is near the middle of two floats. What does not fit into a stage is said,
 * and there is no raw form then.
 *
 * Needs: preparation.json of the run whose weights are inside. Gives: Port.stages, or Library.bare.
 */

#include "core/random.h"
#include "library/library.h"
#include "library/weights.h"

#include <math.h>
#include <stdlib.h>

/* ---- Steps ----------------------------------------------------------------------------------- */

static bool is_null(struct net_walk w, const char *key)
{
    return !net_library_find(&w, key) || net_walk_next(&w) == 'n';
}

static Stage new_stage(int size)
{
    Stage s = {.scale = allocate((size_t)size * sizeof(double)),
               .shift = allocate((size_t)size * sizeof(double)),
               .least = -INFINITY,
               .most = INFINITY};

    for (int i = 0; i < size; i++)
        s.scale[i] = 1;
    return s;
}

/* What acts alone is the end of a stage. */
static Stage *open_stage(Port *port)
{
    Stage *last = port->stage_count ? &port->stages[port->stage_count - 1] : NULL;

    if (!last || last->fill || last->least > -INFINITY || last->most < INFINITY || last->log ||
        last->bins)
        APPEND(port->stages, port->stage_count, new_stage(port->source_size));
    return &port->stages[port->stage_count - 1];
}

/* (x - a) / b of each number, or of a channel. */
static bool add_difference(Port *port, struct net_walk step, const char *a, const char *b,
                           int count)
{
    double *from = allocate((size_t)count * sizeof *from),
           *by = allocate((size_t)count * sizeof *by);
    const int pixels = port->source_size / count;
    Stage *s = open_stage(port);

    if (!read_numbers(step, a, from, count) || !read_numbers(step, b, by, count))
        return false;
    for (int i = 0; i < port->source_size; i++) {
        const double divisor = same(b, "max") ? by[i] - from[i] > 0 ? by[i] - from[i] : 1
                                              : by[i / pixels];

        s->scale[i] /= divisor;
        s->shift[i] = (s->shift[i] - from[i / pixels]) / divisor;
    }
    return true;
}

static bool add_scale(Port *port, struct net_walk step)
{
    Stage *s = open_stage(port);
    double k;

    if (!read_numbers(step, "k", &k, 1))
        return false;
    for (int i = 0; i < port->source_size; i++) {
        s->scale[i] *= k;
        s->shift[i] *= k;
    }
    return true;
}

static bool add_clip(Port *port, struct net_walk step)
{
    Stage *s = open_stage(port);

    return (is_null(step, "least") || read_numbers(step, "least", &s->least, 1)) &&
           (is_null(step, "most") || read_numbers(step, "most", &s->most, 1));
}

/* Columns that impute leaves alone have no number that stands in. */
static bool leave_columns(const Port *port, const Constant *except, double *fill)
{
    const int count = except->kind == CONSTANT_LIST ? except->count : 1;

    for (int i = 0; i < count && except->kind != CONSTANT_NONE; i++) {
        const Constant *named = except->kind == CONSTANT_LIST ? &except->items[i] : except;
        int column = 0;

        if (named->kind == CONSTANT_NUMBER) /* from 1 */
            column = (int)named->number - 1;
        while (named->kind == CONSTANT_STRING && column < port->column_count &&
               !same(port->columns[column], named->text))
            column++;
        if (column < 0 || column >= port->source_size)
            return false;
        fill[column] = (double)NAN;
    }
    return true;
}

static bool add_impute(Port *port, struct net_walk step, const Call *call)
{
    double *fill = allocate((size_t)port->source_size * sizeof *fill);
    Stage *s = open_stage(port);

    if (!read_numbers(step, "value", fill, port->source_size) ||
        !leave_columns(port, argument(call, "except"), fill))
        return false;
    s->fill = fill;
    s->zeros = is_name(call, "what", "zeros");
    return true;
}

static bool add_quantiles(Port *port, struct net_walk step, const Call *call)
{
    const int bins = (int)argument(call, "n")->number, count = port->source_size * (bins + 1);
    Stage *s = open_stage(port);

    s->edges = allocate((size_t)count * sizeof *s->edges);
    s->bins = bins;
    return read_numbers(step, "edges", s->edges, count);
}

static void move_numbers(double *x, const int *order, int size, int pixels)
{
    double *moved = x ? copy_array(x, size, sizeof *x) : NULL;

    for (int i = 0; x && i < size; i++)
        x[i] = moved[i / pixels * pixels + order[i % pixels]];
}

/* Pixels of a channel in another order; what was done to them before moves along. */
static bool add_permutation(Port *port, const Call *call)
{
    const Shape shape = port->field->shape;
    const int size = port->source_size, pixels = shape.rank > 1 ? size / shape.size[0] : size;
    int *order = allocate((size_t)pixels * sizeof *order), *from = port->order;

    net_permutation(order, pixels, (uint64_t)argument(call, "seed")->number);
    port->order = allocate((size_t)size * sizeof *from);
    for (int i = 0; i < size; i++) {
        const int k = i / pixels * pixels + order[i % pixels];

        port->order[i] = from ? from[k] : k;
    }
    for (Stage *s = port->stages; s && s < port->stages + port->stage_count; s++) {
        if (s->bins)
            return false;
        move_numbers(s->scale, order, size, pixels);
        move_numbers(s->shift, order, size, pixels);
        move_numbers(s->fill, order, size, pixels);
    }
    return true;
}

/* `step`: its member of preparation.json. False: there is no such stage. */
static bool add_step(Library *l, Port *port, struct net_walk step, const Call *call)
{
    const Shape shape = port->field->shape;
    const int size = port->source_size, channels = shape.rank ? shape.size[0] : 1;

    if (!net_library_find(&step, call->name) || !step_agrees(step, call)) {
        port->disagrees = call->name;
        return false;
    }
    if (same(call->name, "noise") || same(call->name, "window") || same(call->name, "ahead"))
        return true; /* of training alone; add_positions */
    if (same(call->name, "tfidf"))
        return add_tfidf(l, port, step);
    if (port->numbers || port->words)
        return false;
    if (same(call->name, "scale"))
        return add_scale(port, step);
    if (same(call->name, "normalize"))
        return add_difference(port, step, "mean", "std", channels);
    if (same(call->name, "standardize"))
        return add_difference(port, step, "mean", "std", size);
    if (same(call->name, "minmax"))
        return add_difference(port, step, "min", "max", size);
    if (same(call->name, "robust"))
        return add_difference(port, step, "median", "range", size);
    if (same(call->name, "clip"))
        return add_clip(port, step);
    if (same(call->name, "log1p"))
        return open_stage(port)->log = true;
    if (same(call->name, "quantiles"))
        return add_quantiles(port, step, call);
    if (same(call->name, "permute_pixels"))
        return add_permutation(port, call);
    if (same(call->name, "tokens") || same(call->name, "bag_of_words"))
        return add_text(l, port, step, call);
    if (same(call->name, "classes") || same(call->name, "one_hot"))
        return add_classes(l, port, step, call);
    return same(call->name, "impute") && add_impute(port, step, call);
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static const Call **list_steps(const Field *field, int *count)
{
    const Call **steps = NULL;

    *count = 0;
    for (int i = 0; i < field->step_count; i++)
        APPEND(steps, *count, field->steps[i]);
    for (int i = 0; i < field->augment_count; i++)
        if (same(field->augments[i]->name, "normalize"))
            APPEND(steps, *count, field->augments[i]);
    return steps;
}

/* Stages of all steps; the call that has none, or NULL. */
static const Call *add_steps(Library *l, Port *port, struct net_walk fields)
{
    bool first = true;
    int count;
    const Call **steps = list_steps(port->field, &count);

    if (count && (!net_library_find(&fields, port->field->name) || !net_walk_past(&fields, '[')))
        return steps[0];
    for (int i = 0; i < count; i++) {
        if (!net_walk_item(&fields, ']', &first) || !add_step(l, port, fields, steps[i]))
            return steps[i];
        net_walk_value(&fields);
    }
    return NULL;
}

/* ---- Series ---------------------------------------------------------------------------------- */

/* How many positions of a series a row of the field has. */
static int count_positions(const Field *field)
{
    for (int i = 0; i < field->step_count; i++) {
        const Call *step = field->steps[i];

        if (same(step->name, "window"))
            return (int)argument(step, "length")->number;
        if (same(step->name, "ahead") && argument(step, "steps")->kind == CONSTANT_LIST)
            return argument(step, "steps")->count;
    }
    return 1;
}

/* `width` numbers for each element, for each position of it. */
static double *repeat(const double *x, int size, int positions, int width)
{
    double *all = x ? allocate((size_t)(size * positions * width) * sizeof *x) : NULL;

    for (int i = 0; x && i < size * positions * width; i++)
        all[i] = x[i / width / positions * width + i % width];
    return all;
}

/* Stages of a position become those of all; the network has each column's positions together, the
   data have rows. */
static void add_positions(Port *port)
{
    const int positions = count_positions(port->field), columns = port->source_size;

    if (positions == 1)
        return;
    port->positions = positions;
    for (int s = 0; s < port->stage_count; s++) {
        Stage *stage = &port->stages[s];

        stage->scale = repeat(stage->scale, columns, positions, 1);
        stage->shift = repeat(stage->shift, columns, positions, 1);
        stage->fill = repeat(stage->fill, columns, positions, 1);
        stage->edges = repeat(stage->edges, columns, positions, stage->bins + 1);
    }
    port->source_size = columns * positions;
    port->order = allocate((size_t)port->source_size * sizeof *port->order);
    for (int i = 0; i < port->source_size; i++)
        port->order[i] = i % positions * columns + i / positions;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

/* What the training part's source has of a field, in C; NULL: no such. */
static const char *source_type(struct net_walk w, const char *field)
{
    static const char *const bytes = "uint8";

    if (!net_library_find(&w, "sources") || !net_library_find(&w, "train") ||
        !net_library_find(&w, "types") || !net_library_find(&w, field))
        return NULL;
    const struct net_string type = net_walk_string(&w);

    if (net_string_is(type, bytes))
        return "uint8_t";
    if (net_string_is(type, "text"))
        return "char";
    return net_string_is(type, "float32") || net_string_is(type, "float64") ||
                   net_string_is(type, "int32") || net_string_is(type, "class")
               ? "double"
               : NULL;
}

static const char *describe_input(Library *l, Port *port, struct net_walk whole)
{
    struct net_walk fields = whole;
    const Call *call;

    if (port->field->is_drawn)
        return NULL;
    port->source_type = source_type(whole, port->field->name);
    if (!port->source_type || !net_library_find(&fields, "fields"))
        return format("the data that `%s` is made of", port->field->name);
    call = add_steps(l, port, fields);
    if (!call && port->numbers && count_positions(port->field) > 1)
        call = port->numbers;
    if (!call)
        add_positions(port);
    return call ? format("%s of `%s`", call->name, port->field->name) : NULL;
}

static bool is_of_classes(const Term *term)
{
    return term->value ? term->logits
                       : same(term->call->name, "cross_entropy") ||
                             same(term->call->name, "binary_cross_entropy");
}

static bool is_taken_back(const char *step)
{
    static const char *const no[] = {"impute", "quantiles", "permute_pixels", "noise", "one_hot"};

    for (int i = 0; i < COUNT(no); i++)
        if (same(step, no[i]))
            return false;
    return true;
}

/* Values in the units of the data: what was done to their target is taken back. */
static const char *describe_output(Library *l, Port *port, struct net_walk whole)
{
    const Field *target = port->field;
    struct net_walk fields = whole;
    const Call *call;

    if (!target || target->classes || !target->step_count || is_of_classes(port->term))
        return NULL;
    if (port->size != port->source_size || l->program->graph->uncompared)
        return format("values of another shape than `%s`", target->name);
    port->source_size /= count_positions(target);
    call = net_library_find(&fields, "fields") ? add_steps(l, port, fields) : target->steps[0];
    if (call)
        return format("%s of `%s`", call->name, target->name);
    add_positions(port);
    for (int i = 0; i < target->step_count; i++)
        if (!is_taken_back(target->steps[i]->name))
            return format("%s of `%s`", target->steps[i]->name, target->name);
    return NULL;
}

/* Names of a table's columns, in the order of the run's first file. */
static void find_columns(Port *port, struct net_walk w)
{
    bool first = true;

    if (!net_library_find(&w, "columns") || !net_library_find(&w, port->field->name) ||
        !net_walk_past(&w, '['))
        return;
    while (net_walk_item(&w, ']', &first)) {
        const char *name = "";

        if (net_walk_next(&w) == '"')
            name = string_text(net_walk_string(&w));
        else
            net_walk_value(&w);
        APPEND(port->columns, port->column_count, name);
    }
}

/* Numbers of a row of the data: one for all those of one_hot. */
static int source_size(const Port *port)
{
    const Field *field = port->field;

    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "one_hot"))
            return 1;
    return port->size / count_positions(field);
}

bool find_raw_form(Library *l)
{
    const unsigned char *text = (const unsigned char *)l->preparation;
    const struct net_walk whole = {text, text + strlen(l->preparation), false};
    const char *why;

    for (int i = 0; i < l->input_count; i++) {
        Port *port = &l->inputs[i];

        port->source_size = source_size(port);
        find_columns(port, whole);
        why = describe_input(l, port, whole);
        l->bare = l->bare ? l->bare : why;
    }
    for (int i = 0; i < l->output_count; i++) {
        Port *port = &l->outputs[i];

        port->source_size = port->field ? shape_size(port->field->shape) : port->size;
        why = describe_output(l, port, whole);
        l->bare = l->bare ? l->bare : why;
    }
    l->is_raw = !l->bare;
    for (int i = 0; i < l->input_count + l->output_count; i++) {
        const Port *port = i < l->input_count ? &l->inputs[i] : &l->outputs[i - l->input_count];

        if (!port->disagrees)
            continue;
        fprintf(stderr,
                "netc: error: --weights: the run is of another model: its preparation.json has "
                "another %s of %s\n",
                port->disagrees, port->field->name);
        return false;
    }
    return true;
}
