/*
 * characters.c -- characters(n) of text(..): what its shape is, and that the fields of one text
 * have the same characters.
 *
 * One idea: the brackets of a field say how many characters it reads of each window, `ahead` where
 * it begins there; a target one behind its input so is what comes next at each position.
 */

#include "semantics/analysis.h"

static bool is_text(const Call *source)
{
    return source && same(source->name, "text");
}

static bool is_characters(const Field *field)
{
    return field->step_count && same(field->steps[0]->name, "characters");
}

void prepare_characters(Sema *s, Field *field, int i, bool has_sizes)
{
    const Call *step = field->steps[i], *source = s->model->parts[PART_TRAIN];
    const bool sequence = has_sizes && field->shape.rank == 1;

    if (source && !is_text(source)) {
        if (report(s, step->span, "characters are those of text(..); `train` is %s", source->name))
            note(s->source, "`train = text(\"f.txt\")` is read window by window");
    } else if (i > 0 || field->step_count > 1) {
        report(s, field->steps[1]->span, "characters(n) stands alone: it gives numbers of classes");
    } else if (number(step, "n") < 2) {
        report(s, argument(step, "n")->span,
               "characters wants 2 classes or more: 0 is that of characters that are not known");
    } else if (has_sizes ? !sequence : !field->is_target) {
        if (report(s, field->span, "`%s` has %s", field->name,
                   has_sizes ? "several sizes, and a text one length" : "no length"))
            note(s->source,
                 "how many characters it reads stands in brackets: `%s %s[128] = text "
                 "-> characters(%.0f)`",
                 field_word(field), field->name, number(step, "n"));
    }
    field->classes = (int)number(step, "n");
    field->is_class = field->is_target;
    field->is_tokens = !field->is_target;
    field->vocabulary = field->is_tokens ? field->classes : 0;
    if (!sequence)
        field->shape = field->is_tokens ? (Shape){.rank = 1, .size = {1}} : (Shape){0};
    field->has_shape = true;
}

bool check_text(Sema *s, const Field *field)
{
    if (!is_text(s->model->parts[PART_TRAIN]) || is_characters(field) || !field->source_field)
        return true;
    if (report(s, field->span, "`%s` of a text is made of its characters", field->name))
        note(s->source, "`%s %s[128] = text -> characters(100)` reads 128 of each window",
             field_word(field), field->name);
    return false;
}

/* The end of a text is held out: there is nothing to draw. */
void check_text_splits(Sema *s)
{
    if (!is_text(s->model->parts[PART_TRAIN]))
        return;
    for (Part part = PART_VALIDATION; part < PARTS; part++) {
        const Call *split = s->model->parts[part];

        for (int i = 0; split && i < split->count; i++)
            if (same(split->arguments[i].name, "seed") && split->arguments[i].given &&
                find_signature(split->name, KIND_SPLIT))
                report(s, split->arguments[i].value.span,
                       "%s of a text draws nothing: leave `seed` out, it is %s", split->name,
                       same(split->name, "kfold") ? "a run of its windows" : "its end");
    }
}

void share_characters(Sema *s)
{
    const Model *model = s->model;
    Field *first = NULL;

    for (int i = 0; i < model->field_count; i++) {
        Field *field = model->fields[i];

        if (!is_characters(field))
            continue;
        if (!first) {
            first = field;
        } else if (field->classes == first->classes) {
            field->shared = first;
        } else if (report(s, argument(field->steps[0], "n")->span,
                          "`%s` has %d characters, `%s` %d: those of a text are numbered once",
                          field->name, field->classes, first->name, first->classes)) {
            note_at(s->source, argument(first->steps[0], "n")->span, "it has to be as many");
        }
    }
}
