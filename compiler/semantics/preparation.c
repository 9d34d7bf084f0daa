/*
 * preparation.c -- what a preparation asks of its field, of the steps around it and of its words.
 *
 * One idea: a step that could only be wrong when data are there is refused before there are any.
 */

#include "semantics/analysis.h"

/* Is the word one of these? Complains where it is not. */
static void check_word(Sema *s, const Call *step, const char *parameter, const char *const *words,
                       int count)
{
    const Constant *word = argument(step, parameter);

    for (int i = 0; i < count; i++)
        if (same(word->text, words[i]))
            return;
    report(s, word->span, "`%s` of %s is `%s` or `%s`; this is `%s`", parameter, step->name,
           words[0], words[1], word->text);
}

static bool learns(const Call *step)
{
    return same(step->name, "standardize") || same(step->name, "minmax");
}

/* A number that is missing would spoil all that is learnt from its column. */
static void check_impute(Sema *s, const Field *field, int i)
{
    static const char *const whats[] = {"zeros", "missing"}, *const bys[] = {"mean", "median"};
    const Call *step = field->steps[i];
    const Constant *except = argument(step, "except");

    check_word(s, step, "what", whats, COUNT(whats));
    check_word(s, step, "by", bys, COUNT(bys));
    for (int k = 0; k < i; k++)
        if (learns(field->steps[k])) {
            report(s, step->span,
                   "impute comes before %s, which learns from the numbers that "
                   "impute replaces",
                   field->steps[k]->name);
            return;
        }
    for (int k = 0; except->kind == CONSTANT_LIST && k < except->count; k++)
        if (except->items[k].kind == CONSTANT_NUMBER && field->has_shape &&
            except->items[k].number > shape_size(field->shape))
            report(s, except->items[k].span, "`%s` has %d columns; this is column %.0f",
                   field->name, shape_size(field->shape), except->items[k].number);
    if (except->kind == CONSTANT_NUMBER && field->has_shape &&
        except->number > shape_size(field->shape))
        report(s, except->span, "`%s` has %d columns; this is column %.0f", field->name,
               shape_size(field->shape), except->number);
}

static void check_permute(Sema *s, const Field *field, const Call *step)
{
    if (field->has_shape && shape_size(field->shape) == 1 &&
        report(s, step->span, "permute_pixels wants a picture; `%s` is one number", field->name))
        note(s->source, "a picture is [channels, height, width], or flat");
}

/* New in every epoch, it is added when all else is done. */
static void check_noise(Sema *s, const Field *field, int i)
{
    const Call *step = field->steps[i];

    if (field->is_target) {
        if (report(s, step->span, "noise is for inputs; `%s` is a target", field->name))
            note(s->source, "a clean target and a noisy input can be made from one picture");
    } else if (i + 1 < field->step_count) {
        report(s, field->steps[i + 1]->span, "noise is the last preparation: put %s before it",
               field->steps[i + 1]->name);
    }
}

void check_preparations(Sema *s, const Field *field)
{
    for (int i = 0; i < field->step_count; i++) {
        const Call *step = field->steps[i];

        if (same(step->name, "impute"))
            check_impute(s, field, i);
        else if (same(step->name, "permute_pixels"))
            check_permute(s, field, step);
        else if (same(step->name, "noise"))
            check_noise(s, field, i);
    }
}
