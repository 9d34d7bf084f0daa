/*
 * numbering.c -- inputs whose words or classes have the same numbers.
 *
 * One idea: each input of a table numbers what its own column has in training, so that a weight
 * with a row for each number means nothing for two of them, unless they share their numbers.
 */

#include "semantics/analysis.h"

/* ---- `shared` of a transform ----------------------------------------------------------------- */

static bool is_numbered(const Field *field)
{
    return field && !field->is_target && (field->classes || field->vocabulary);
}

/* The input that `shared` names; NULL after an error. */
static Field *find_other(Sema *s, const Field *field, const Call *step)
{
    const Constant *name = argument(step, "shared");
    const Name *found = find_name(&s->globals, name->text);
    Field *other = found && found->value.kind == OBJECT_TENSOR ? found->value.layer->field : NULL;

    if (field->is_target && !same(step->name, "tokens")) {
        report(s, name->span, "`%s` is a target, whose classes are its own; inputs share numbers",
               field->name);
        return NULL;
    }
    if (!other || other->is_target) {
        if (report(s, name->span, "`shared` is an input above this one; `%s` is none", name->text))
            note(s->source, "its words or classes and those of `%s` then have the same numbers",
                 field->name);
        return NULL;
    }
    if (!is_numbered(other) || !same(other->steps[0]->name, step->name)) {
        if (report(s, name->span, "`%s` is prepared otherwise: %s shares the numbers of %s",
                   other->name, step->name, step->name))
            note_at(s->source, other->span, "it is declared here");
        return NULL;
    }
    return other->shared ? other->shared : other;
}

/* Arguments on which no number depends. */
static bool is_free(const char *name)
{
    return same(name, "shared") || same(name, "length") || same(name, "begin") || same(name, "end");
}

void share_numbers(Sema *s, Field *field, Call *step)
{
    const bool asked = argument(step, "shared")->kind == CONSTANT_NAME;
    Field *other = asked ? find_other(s, field, step) : NULL;

    for (int i = 0; other && i < step->count; i++) {
        Argument *own = &step->arguments[i];
        const Constant *given = argument(other->steps[0], own->name);

        if (is_free(own->name))
            continue;
        if (!own->given)
            own->value = *given;
        else if (!equal_constants(&own->value, given) &&
                 report(s, own->value.span, "`%s` has the numbers of `%s`, where `%s` is another",
                        field->name, other->name, own->name))
            note_at(s->source, given->span, "it has to be the same as here");
    }
    field->shared = other;
}

static bool is_marked(const Field *field)
{
    const Call *step = field->step_count ? field->steps[0] : NULL;

    return step && same(step->name, "tokens") &&
           (number(step, "begin") != 0 || number(step, "end") != 0);
}

/* The mark of a row's begin and end is one more of all words that have the same numbers. */
void share_marks(Field *const *fields, int count)
{
    for (int i = 0; i < count; i++) {
        Field *const root = fields[i]->shared ? fields[i]->shared : fields[i];
        bool marked = false;

        for (int k = 0; k < count; k++)
            marked |= (fields[k] == root || fields[k]->shared == root) && is_marked(fields[k]);
        fields[i]->vocabulary += marked;
        fields[i]->classes += marked && fields[i]->is_class;
    }
}

/* ---- One weight for two inputs --------------------------------------------------------------- */

static bool reads_alike(const Field *a, const Field *b)
{
    const Call *first = a->steps[0], *second = b->steps[0];

    if (!same(first->name, second->name) || a->column_count != b->column_count)
        return false;
    for (int i = 0; i < a->column_count; i++)
        if (!equal_constants(&a->columns[i], &b->columns[i]))
            return false;
    for (int i = 0; i < first->count; i++)
        if (!is_free(first->arguments[i].name) &&
            !equal_constants(&first->arguments[i].value, &second->arguments[i].value))
            return false;
    return true;
}

/* By `shared`, as one column that is read twice, or as arrays, whose integers are the numbers. */
static bool numbers_alike(const Field *a, const Field *b)
{
    const Field *first = a->shared ? a->shared : a, *second = b->shared ? b->shared : b;

    return first == second || (!a->columns && !b->columns) || reads_alike(first, second);
}

static int number_count(const Field *field)
{
    return field->vocabulary ? field->vocabulary : field->classes;
}

/* Another count is another weight, which is refused by its shape (lower/). */
static void check_fields(Sema *s, const Layer *layer, const Field *a, const Field *b)
{
    if (!is_numbered(a) || !is_numbered(b) || number_count(a) != number_count(b) ||
        numbers_alike(a, b))
        return;
    const Field *first = a->shared ? a->shared : a, *second = b->shared ? b->shared : b;

    if (first->span.begin > second->span.begin) {
        const Field *swapped = first;
        first = second;
        second = swapped;
    }
    const Call *step = second->steps[0];

    if (!report(s, step->span,
                "`%s` numbers its %s apart from those of `%s`, and one %s reads both", second->name,
                second->classes ? "classes" : "words", first->name, layer->call->name))
        return;
    note_at(s->source, layer->span,
            "a row of its weight would be one %s of `%s` and another of `%s`",
            second->classes ? "class" : "word", first->name, second->name);
    if (same(step->name, first->steps[0]->name))
        note(s->source, "`%s(..., shared=%s)` numbers what both columns have together", step->name,
             first->name);
    else
        note(s->source, "words and classes have no numbers in common: a block has weights of its "
                        "own at each use, a network has not");
}

/* The input whose numbers or counts come to each layer without a weight between, the first one. */
static const Field **find_numbered(const Model *model)
{
    const Field **fields = allocate((size_t)model->layer_count * sizeof *fields);

    for (int i = 0; i < model->layer_count; i++) {
        const Layer *layer = model->layers[i];
        const Signature *signature = find_signature(layer->call->name, KIND_LAYER);

        fields[i] = is_numbered(layer->field) ? layer->field : NULL;
        for (int k = 0; !(signature && signature->has_weights) && k < layer->input_count; k++)
            if (!fields[i])
                fields[i] = fields[layer->inputs[k]->number];
    }
    return fields;
}

void check_numbers(Sema *s)
{
    Model *model = s->model;

    share_characters(s);
    for (int i = 0; i < model->layer_count; i++)
        model->layers[i]->number = i;
    const Field **fields = find_numbered(model);

    for (int i = 0; i < model->layer_count; i++) {
        const Layer *layer = model->layers[i], *first = layer->shared;
        const Signature *signature = find_signature(layer->call->name, KIND_LAYER);

        if (!first || !signature || !signature->has_weights)
            continue;
        const Layer *a = first->inputs[0], *b = layer->inputs[0];
        const bool joined = same(a->call->name, "concat") && same(b->call->name, "concat");

        check_fields(s, layer, fields[a->number], fields[b->number]);
        for (int k = 0; joined && k < a->input_count && k < b->input_count; k++)
            check_fields(s, layer, fields[a->inputs[k]->number], fields[b->inputs[k]->number]);
    }
}
