/*
 * raw.c -- the preparations of a run, fitted, as tables of a library: what is done to the numbers
 * of a source before the network sees them, and to its values before a person does.
 *
 * The one idea: a field's steps are stages of one kind, a scale and a shift of each number, then
 * what stands in for a missing one, then limits, all in double and in the trainer's order
 * (data/transforms/), so that the floats are the trainer's to the bit, but where a normalize of
 * `augment` rounds in between there. What does not fit into a stage is said, and there is no raw
 * form then.
 *
 * Needs: preparation.json of the run whose weights are inside. Gives: Port.stages, or Library.bare.
 */

#include "library/library.h"
#include "library/weights.h"

#include <math.h>
#include <stdlib.h>

/* ---- Numbers of preparation.json ------------------------------------------------------------- */

/* A number, or a list of them, of the member `key`; false: there are not `count` or one. One is
   for all. */
static bool read_numbers(struct net_walk w, const char *key, double *numbers, int count)
{
    bool first = true;
    int found = 0;

    if (!net_library_find(&w, key))
        return false;
    const bool list = net_walk_past(&w, '[');

    while (!w.wrong && found < count && (list ? net_walk_item(&w, ']', &first) : !found)) {
        char *end;

        net_walk_next(&w);
        numbers[found] = strtod((const char *)w.at, &end);
        if (end == (const char *)w.at || !isfinite(numbers[found]))
            return false;
        w.at = (const unsigned char *)end;
        found++;
    }
    if (list && found == count)
        net_walk_want(&w, ']');
    for (int i = 1; found == 1 && i < count; i++)
        numbers[i] = numbers[0];
    return !w.wrong && (found == count || found == 1);
}

static bool is_null(struct net_walk w, const char *key)
{
    return !net_library_find(&w, key) || net_walk_next(&w) == 'n';
}

/* ---- Steps ----------------------------------------------------------------------------------- */

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

    if (!last || last->fill || last->least > -INFINITY || last->most < INFINITY)
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
        const Constant *name = except->kind == CONSTANT_LIST ? &except->items[i] : except;
        int column = 0;

        while (name->kind == CONSTANT_STRING && column < port->column_count &&
               !same(port->columns[column], name->text))
            column++;
        if (name->kind != CONSTANT_STRING || column == port->column_count)
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

/* `step`: its member of preparation.json. False: there is no such stage. */
static bool add_step(Port *port, struct net_walk step, const Call *call)
{
    const Shape shape = port->field->shape;
    const int size = port->source_size, channels = shape.rank ? shape.size[0] : 1;

    if (!net_library_find(&step, call->name) || !step_agrees(step, call)) {
        port->disagrees = call->name;
        return false;
    }
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
static const Call *add_steps(Port *port, struct net_walk fields)
{
    bool first = true;
    int count;
    const Call **steps = list_steps(port->field, &count);

    if (count && (!net_library_find(&fields, port->field->name) || !net_walk_past(&fields, '[')))
        return steps[0];
    for (int i = 0; i < count; i++) {
        if (!net_walk_item(&fields, ']', &first) || !add_step(port, fields, steps[i]))
            return steps[i];
        net_walk_value(&fields);
    }
    return NULL;
}

/* Words of a text by number. */
static bool add_tokens(Library *l, Port *port, struct net_walk step, const Call *call)
{
    const Constant *grams = argument(call, "ngrams");

    if (!same(port->source_type, "char") || argument(call, "nfc")->number != 0 ||
        (grams->kind == CONSTANT_NUMBER && grams->number > 1))
        return false;
    port->words = call;
    return add_names(l, step, "words", &port->names) && port->names.count > 0 &&
           port->names.count <= port->value->vocabulary - 2 && /* padding and unknown */
           add_names(l, step, "stopwords", &port->stop);
}

/* A run says of marks that there are some, not that there are none. */
static bool marks_agree(struct net_walk step, const Call *call)
{
    struct net_walk begin = step, end = step;

    return net_library_find(&begin, "begin") == (number(call, "begin") != 0) &&
           net_library_find(&end, "end") == (number(call, "end") != 0);
}

/* The one step of a field of words; itself, where it has no raw form. */
static const Call *add_text_step(Library *l, Port *port, struct net_walk fields)
{
    const Call *call = port->field->step_count ? port->field->steps[0] : NULL;
    bool first = true;

    if (!call || port->field->step_count > 1 || !same(call->name, "tokens") ||
        !net_library_find(&fields, port->field->name) || !net_walk_past(&fields, '[') ||
        !net_walk_item(&fields, ']', &first))
        return call;
    if (!net_library_find(&fields, call->name) || !step_agrees(fields, call) ||
        !marks_agree(fields, call)) {
        port->disagrees = call->name;
        return call;
    }
    return add_tokens(l, port, fields, call) ? NULL : call;
}

/* What is of a field in `group`, of the training part: "types", as a string. */
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
                   net_string_is(type, "int32")
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
    call = port->value->type == TYPE_TOKENS ? add_text_step(l, port, fields)
                                            : add_steps(port, fields);
    return call ? format("%s of `%s`", call->name, port->field->name) : NULL;
}

static bool is_of_classes(const Term *term)
{
    return term->value ? term->logits
                       : same(term->call->name, "cross_entropy") ||
                             same(term->call->name, "binary_cross_entropy");
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
    call = net_library_find(&fields, "fields") ? add_steps(port, fields) : target->steps[0];
    if (call)
        return format("%s of `%s`", call->name, target->name);
    for (int i = 0; i < port->stage_count; i++)
        if (port->stages[i].fill)
            return format("impute of `%s`", target->name);
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

bool find_raw_form(Library *l)
{
    const unsigned char *text = (const unsigned char *)l->preparation;
    const struct net_walk whole = {text, text + strlen(l->preparation), false};
    const char *why;

    for (int i = 0; i < l->input_count; i++) {
        Port *port = &l->inputs[i];

        port->source_size = port->size;
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
