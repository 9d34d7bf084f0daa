/*
 * schedule.c -- the schedules of the learning rate: one, or a list of them that follow each other.
 */

#include "semantics/analysis.h"

/* Does it end by itself, so that another can come behind it? */
static bool has_end(const Call *schedule)
{
    return same(schedule->name, "warmup") || (same(schedule->name, "constant") &&
                                              argument(schedule, "epochs")->kind != CONSTANT_NONE);
}

/* warmup(steps=1000), cosine(by=step) */
static bool goes_by_steps(const Call *schedule)
{
    return (same(schedule->name, "warmup") && argument(schedule, "steps")->kind != CONSTANT_NONE) ||
           (same(schedule->name, "cosine") && is_name(schedule, "by", "step"));
}

bool schedules_by_steps(const Model *model)
{
    for (int i = 0; i < model->schedule_count; i++)
        if (goes_by_steps(model->schedule[i]))
            return true;
    return false;
}

/* What the call's types do not say. */
static void check_call(Sema *s, const Call *call)
{
    if (same(call->name, "warmup") && (argument(call, "epochs")->kind == CONSTANT_NONE) ==
                                          (argument(call, "steps")->kind == CONSTANT_NONE)) {
        if (report(s, call->span, "warmup wants epochs or steps, one of the two"))
            note(s->source, "such as warmup(5) or warmup(steps=1000)");
    } else if (same(call->name, "cosine") && !is_name(call, "by", "epoch") &&
               !is_name(call, "by", "step")) {
        report(s, argument(call, "by")->span, "by of cosine is epoch or step; this is `%s`",
               argument(call, "by")->text);
    }
}

static void add_schedule(Sema *s, const Ast *ast, Object object)
{
    Model *model = s->model;
    Call *call = to_choice(s, ast, object, KIND_SCHEDULE);

    if (!call)
        return;
    check_call(s, call);
    for (int i = 0; i < model->schedule_count; i++) {
        const Call *before = model->schedule[i];

        if (same(before->name, call->name)) {
            report(s, call->span, "%s is in the list twice", call->name);
            return;
        }
        if (i == model->schedule_count - 1 && !has_end(before) &&
            report(s, before->span, "%s has no end: nothing can come behind it", before->name))
            note(s->source, "warmup(epochs) and constant(epochs) end; one other may be the last");
    }
    if (model->schedule_count && same(call->name, "onecycle") &&
        report(s, call->span, "onecycle is of the whole run: it stands alone"))
        note(s->source, "it begins with a rise of its own; pct_start says how long");
    APPEND(model->schedule, model->schedule_count, call);
}

/* One schedule, or a list of them. */
void analyze_schedule(Sema *s, const Ast *ast)
{
    const Object object = evaluate_with(s, ast->first, KIND_SCHEDULE);

    if (object.kind != OBJECT_LIST)
        add_schedule(s, ast, object);
    else if (object.count == 0)
        report(s, object.span, "the list of schedules is empty");
    for (int i = 0; object.kind == OBJECT_LIST && i < object.count; i++)
        add_schedule(s, ast, object.items[i]);
}

/* A rate does not fall to one above it. */
void check_minimum(Sema *s)
{
    const Model *model = s->model;
    const double lr = model->optimizer ? number(model->optimizer, "lr") : 0;

    for (int i = 0; i < model->schedule_count && model->optimizer; i++)
        if (same(model->schedule[i]->name, "cosine") && number(model->schedule[i], "minimum") > lr)
            report(s, argument(model->schedule[i], "minimum")->span,
                   "cosine falls from the optimizer's lr, %g, to its minimum: %g is above", lr,
                   number(model->schedule[i], "minimum"));
}

/* PyTorch's OneCycleLR cycles a momentum, or beta1, which has to be there. */
static void check_cycle(Sema *s)
{
    const Call *optimizer = s->model->optimizer;
    const Call *cycle = s->model->schedule_count ? s->model->schedule[0] : NULL;

    if (!optimizer || !cycle || !same(cycle->name, "onecycle") ||
        number(cycle, "cycle_momentum") == 0)
        return;
    if (s->model->section_count) {
        if (report(s, cycle->span, "onecycle cycles no momenta of several train sections"))
            note(s->source, "write onecycle(cycle_momentum=false)");
        return;
    }
    if (same(optimizer->name, "nadam")) {
        if (report(s, cycle->span, "nadam has a schedule of momenta already"))
            note(s->source, "write onecycle(cycle_momentum=false)");
    } else if (!argument(optimizer, "beta1") && number(optimizer, "momentum") == 0) {
        if (report(s, cycle->span, "onecycle cycles a momentum, and %s has none", optimizer->name))
            note(s->source,
                 argument(optimizer, "momentum")
                     ? "such as %s(lr=0.1, momentum=0.9), or write onecycle(cycle_momentum=false)"
                     : "write onecycle(cycle_momentum=false)",
                 optimizer->name);
    }
}

/* A schedule behind the last epoch. (One epoch is also what a file has that does not say.) */
void check_schedule(Sema *s)
{
    const Model *model = s->model;
    double begin = 0;

    check_cycle(s);
    if (schedules_by_steps(model)) {
        for (int i = 0; i < model->schedule_count; i++)
            if (same(model->schedule[i]->name, "plateau"))
                report(s, model->schedule[i]->span,
                       "plateau goes by epochs, and is in no list with one that goes by steps");
        return; /* how many an epoch has is known to the run */
    }
    for (int i = 0; i + 1 < model->schedule_count && model->epochs > 1; i++) {
        const Call *next = model->schedule[i + 1];

        begin += number(model->schedule[i], "epochs");
        if (begin < model->epochs)
            continue;
        warn_at(s->source, next->span,
                "%s never comes: what is before it lasts %g epochs, and "
                "epochs = %d",
                next->name, begin, model->epochs);
        break;
    }
}
