/*
 * metrics.c -- metrics of the train section: names, of the first term's target, or calls with the
 * target that they are of; and the summands of a loss of several, which are told as metrics are.
 *
 * One idea: what is told is a name, `accuracy_label` as `loss_label` is, by which it is monitored.
 */

#include <string.h>

#include "semantics/analysis.h"

/* accuracy(label) */
static const Ast *named_target(const Ast *ast)
{
    const Ast *argument = ast->arguments.count == 1 ? ast->arguments.items[0] : NULL;

    return argument && !argument->text && argument->first->kind == AST_NAME ? argument->first
                                                                            : NULL;
}

static void analyze_metric(Sema *s, const Ast *ast)
{
    Model *model = s->model;
    const bool call = ast->kind == AST_CALL, named = call || ast->kind == AST_NAME;
    const Ast *target = call ? named_target(ast) : NULL;

    if (!named || (call && !target)) {
        const char *here = ast->kind == AST_STRING ? unquoted_name(ast->text, KIND_METRIC) : NULL;

        if (report(s, ast->span,
                   call ? "a metric takes the name of a target" : "metrics are names"))
            note(s->source,
                 here   ? "write `%s`, without quotes"
                 : call ? "such as [accuracy(label), mae(place)]"
                        : "such as [accuracy, mae]",
                 here);
        return;
    }
    if (!find_signature(ast->text, KIND_METRIC)) {
        unknown(s, ast->text, call ? ast->name_span : ast->span, KIND_METRIC, true);
        return;
    }
    Metric metric = {.name = ast->text, .base = ast->text, .span = ast->span};

    if (target) {
        metric.name = format("%s_%s", ast->text, target->text);
        metric.target = target->text;
        metric.target_span = target->span;
    }
    for (int i = 0; i < model->metric_count; i++)
        if (same(model->metrics[i].name, metric.name))
            report(s, ast->span, "`%s` is listed twice", value_text(s->source, ast));
    APPEND(model->metrics, model->metric_count, metric);
}

void analyze_metrics(Sema *s, const Ast *ast)
{
    if (ast->first->kind != AST_LIST)
        analyze_metric(s, ast->first);
    for (int i = 0; ast->first->kind == AST_LIST && i < ast->first->children.count; i++)
        analyze_metric(s, ast->first->children.items[i]);
}

/* Whose metric it is, when the loss is known. */
static void find_field_of(Sema *s, Metric *metric)
{
    const Model *model = s->model;
    const char **names = NULL;
    int count = 0;

    metric->field = model->term_count ? model->terms[0].target : NULL;
    if (!metric->target)
        return;
    for (int i = 0; i < model->term_count; i++) {
        Field *field = model->terms[i].target;

        if (field && same(field->name, metric->target)) {
            metric->field = field;
            return;
        }
        if (field)
            APPEND(names, count, field->name);
    }
    if (!model->term_count ||
        !report(s, metric->target_span, "the loss compares with no target `%s`", metric->target))
        return;
    const char *near = net_nearest(metric->target, names, count);

    if (near)
        note(s->source, "did you mean `%s`?", near);
    else if (count)
        note(s->source, "such as `%s(%s)`", metric->base, names[0]);
}

/* A metric that the target cannot have; of one output, 0 and 1 or -1 and 1 may be classes. */
static void check_metric(Sema *s, const Metric *metric)
{
    const Field *target = metric->field;
    const bool of_values = find_signature(metric->base, KIND_METRIC)->of_values;
    bool odd = false;

    if (of_values && target->is_class)
        odd = report(s, metric->span, "%s compares values; `%s` is the number of a class",
                     metric->base, target->name);
    else if (strstr(metric->base, "auc") && target->is_class && target->shape.rank)
        odd = report(s, metric->span, "%s ranks rows; `%s` has a class at each position",
                     metric->base, target->name);
    else if (same(metric->base, "top5") && target->classes <= 5)
        odd = report(s, metric->span, "top5 wants a target of more than 5 classes; `%s` %s",
                     target->name,
                     target->classes ? format("has %d", target->classes) : "has values");
    else if (!of_values && !target->classes && target->has_shape && shape_size(target->shape) > 1)
        odd = report(s, metric->span, "%s counts classes; `%s` holds %d values a row", metric->base,
                     target->name, shape_size(target->shape));
    if (odd)
        note_at(s->source, target->span, "the target is prepared here");
    if (odd && !of_values && !target->is_class && target->shape.rank == 3)
        note(s->source,
             "a class at each pixel is `%s[%d, %d] = %s -> classes(2)`, and cross_entropy of "
             "two channels",
             target->name, target->shape.size[1], target->shape.size[2],
             target->source_field ? target->source_field : target->name);
    else if (odd && !of_values && !target->classes && target->has_shape)
        note(s->source, "label_accuracy, exact_match and label_f1 are of values that are 0 or 1");
}

void check_metrics(Sema *s)
{
    Model *model = s->model;

    for (int i = 0; i < model->metric_count; i++) {
        find_field_of(s, &model->metrics[i]);
        if (model->metrics[i].field)
            check_metric(s, &model->metrics[i]);
    }
    for (int i = 0; model->term_count > 1 && i < model->term_count; i++) {
        if (i > 0 && same(model->terms[i].name, model->terms[i - 1].name))
            continue; /* a section's are told together */
        const Metric term = {.name = model->terms[i].name,
                             .field = model->terms[i].target,
                             .span = model->terms[i].call->span};

        APPEND(model->metrics, model->metric_count, term);
    }
}
