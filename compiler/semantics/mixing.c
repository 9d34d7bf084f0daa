/*
 * mixing.c -- mixup and cutmix of the train section: what they mix are numbers, and the loss is one
 * that can count a row as two.
 */

#include "semantics/mixing.h"

static const char *mixing_name(const Model *model)
{
    return model->mixup > 0 ? "mixup" : "cutmix";
}

static void check_loss(Sema *s)
{
    const Model *model = s->model;
    const Term *term = model->terms;
    const char *name = mixing_name(model);

    if (model->term_count > 1 || term->value) {
        report(s, model->mixes, "%s mixes rows for one loss of the language; this loss is %s", name,
               model->term_count > 1 ? "a sum" : "a value");
        return;
    }
    if (model->cutmix > 0 && !term->target->is_class && term->target->shape.rank > 1)
        report(s, model->mixes, "cutmix is for a class or numbers a row; `%s` is a picture",
               term->target->name);
    if (!term->target->is_class)
        return;
    if (!same(term->call->name, "cross_entropy")) {
        if (report(s, model->mixes, "%s of classes is for cross_entropy, not for %s", name,
                   term->call->name))
            note(s->source, "of two classes take the target for values 0 and 1, without `classes`");
    } else if (term->target->shape.rank) {
        report(s, model->mixes, "%s is for a class a row; `%s` has one at each position", name,
               term->target->name);
    } else if (term->target->ignores) {
        report(s, model->mixes, "%s wants a class of each row, and `ignore` leaves rows out", name);
    } else if (argument(term->call, "class_weights")->kind != CONSTANT_NONE) {
        report(s, model->mixes,
               "%s and class_weights are not for one loss: what a row of two "
               "classes counts is not said",
               name);
    }
}

void check_mixing(Sema *s)
{
    const Model *model = s->model;
    const Field *first = model->field_count ? model->fields[0] : NULL;
    int inputs = 0;

    if (model->mixup <= 0 && model->cutmix <= 0)
        return;
    check_loss(s);
    if (model->weight)
        report(s, model->mixes, "%s mixes rows, and `%s` weights them: one of the two",
               mixing_name(model), model->weight->name);
    for (int i = 0; i < model->field_count; i++) {
        const Field *field = model->fields[i];

        inputs += !field->is_target;
        if (!field->is_target && (field->is_tokens || field->is_sparse)) {
            if (report(s, model->mixes, "%s mixes numbers; `%s` is of %s", mixing_name(model),
                       field->name, field->is_sparse ? "words" : "tokens or classes"))
                note_at(s->source, field->span, "it is prepared here");
        }
    }
    if (model->cutmix > 0 && (inputs != 1 || first->shape.rank != 3 || model->drawn_count))
        report(s, model->mixes,
               "cutmix cuts boxes out of pictures: it wants one input "
               "[channels, height, width]");
}
