/*
 * analyze.c -- what the file means: its lets, then its sections in order.
 *
 * One idea: names first (blocks, networks, lets), then data, then training, whose loss calls the
 * network and so makes the layers. An error in one section does not hide those in another.
 *
 * Needs: a tree without syntax errors. Gives: the Model, or NULL after errors.
 */

#include <string.h>

#include "semantics/mixing.h"
#include "semantics/turns.h"

enum { ANYWHERE = KIND_LAYER | KIND_OPTIMIZER | KIND_SCHEDULE }; /* what a let may hold */

/* ---- Lets and --define ----------------------------------------------------------------------- */

/* Objects from a --define are to be blamed on the let that they override. */
static void blame(Object *object, Span span)
{
    object->span = span;
    for (int i = 0; i < object->count; i++)
        blame(&object->items[i], span);
    for (int i = 0; object->kind == OBJECT_FUNCTION && i < object->function->count; i++)
        blame(&object->function->arguments[i], span);
}

/* The value of a --define, in place of `standard`, the file's own. */
static Object evaluate_define(Sema *s, const Define *define, Object standard)
{
    Source *model = s->source;
    Source *source = allocate(sizeof *source);
    const size_t length = strlen(define->value);
    const bool quoted = define->value[0] == '"';

    if (standard.kind == OBJECT_STRING && !quoted)
        return (Object){.kind = OBJECT_STRING, .text = define->value, .span = standard.span};
    source->path = format("--define %s", define->name);
    source->file = source->name = source->path;
    source->text = copy_text(define->value, length);
    source->length = (int)length;
    source->kept = model->kept;
    const Ast *ast = parse_expression(source);
    Object object = error_object(standard.span);
    if (ast) {
        s->source = source;
        object = evaluate(s, ast);
        s->source = model;
        blame(&object, standard.span);
    }
    model->errors += source->errors;
    return object;
}

static void analyze_let(Sema *s, const Ast *ast, const Define *defines, int count)
{
    const Span span = ast->first->span;
    const char *text = copy_text(s->source->text + span.begin, (size_t)(span.end - span.begin));
    Object object = evaluate(s, ast->first);

    for (int i = 0; i < count; i++)
        if (same(defines[i].name, ast->text)) {
            object = evaluate_define(s, &defines[i], object);
            text = defines[i].value;
        }
    if (object.kind == OBJECT_STRING)
        text = object.text;
    object = define_let(s, ast->text, object, text, ast->name_span);
    define_name(s, ast->text, object, ast->name_span);
}

static void check_defines(Sema *s, const Define *defines, int define_count, const char **lets,
                          int let_count)
{
    for (int i = 0; i < define_count; i++) {
        bool found = false;
        for (int j = 0; j < let_count; j++)
            found |= same(defines[i].name, lets[j]);
        if (found)
            continue;
        s->source->errors++;
        const char *message = format("--define %s: `%s` has no `let %s`", defines[i].name,
                                     s->source->path, defines[i].name);
        const char *near = net_nearest(defines[i].name, lets, let_count);
        if (s->source->kept)
            keep_message(s->source, (Span){0, 0}, "error", message);
        else
            fprintf(stderr, "netc: error: %s\n", message);
        if (near)
            note(s->source, "did you mean `%s`?", near);
    }
}

/* Every let of the file, in its order: those in the data and train sections too. */
static void analyze_lets(Sema *s, const Ast *ast, const Define *defines, int count,
                         const char ***lets, int *let_count)
{
    for (int i = 0; i < ast->children.count; i++) {
        const Ast *item = ast->children.items[i];
        if (item->kind == AST_LET) {
            analyze_let(s, item, defines, count);
            APPEND(*lets, *let_count, item->text);
        } else if (item->kind == AST_DATA || item->kind == AST_TRAIN) {
            analyze_lets(s, item, defines, count, lets, let_count);
        }
    }
}

/* ---- The file -------------------------------------------------------------------------------- */

/* The sections of that kind; of data there is one. */
static const Ast **find_sections(Sema *s, AstKind kind, int *count)
{
    const Ast **sections = NULL;

    *count = 0;
    for (int i = 0; i < s->file->children.count; i++) {
        const Ast *ast = s->file->children.items[i];
        const bool again = ast->kind == kind && *count > 0;

        if (again && kind == AST_DATA &&
            report(s, ast->name_span, "there is a second data section"))
            note_at(s->source, sections[0]->name_span, "the first one is here");
        if (ast->kind == kind && !(again && kind == AST_DATA))
            APPEND(sections, *count, ast);
    }
    return sections;
}

/* The place after what the file holds. */
static Span end_of(const Ast *file)
{
    const int end = file->children.items[file->children.count - 1]->span.end;
    return (Span){end, end};
}

static void define_networks(Sema *s)
{
    int networks = 0;

    for (int i = 0; i < s->file->children.count; i++) {
        const Ast *ast = s->file->children.items[i];
        if (ast->kind != AST_NETWORK && ast->kind != AST_BLOCK && ast->kind != AST_LOSS)
            continue;
        networks += ast->kind == AST_NETWORK;
        if (find_signature(ast->text, ast->kind == AST_LOSS ? KIND_LOSS : KIND_LAYER) ||
            (ast->kind == AST_LOSS && is_carried(ast->text)))
            warn_at(s->source, ast->name_span,
                    "`%s` is a %s of the language; in this file it is this %s", ast->text,
                    ast->kind == AST_LOSS ? "loss" : "layer", body_text(ast));
        check_body(s, ast);
        PartialCall *f = new_function(NULL, ast, ast->name_span);
        define_name(s, ast->text,
                    (Object){.kind = OBJECT_FUNCTION, .function = f, .span = ast->name_span},
                    ast->name_span);
    }
    if (networks == 0) {
        error_at(s->source, end_of(s->file), "the model has no network");
        note(s->source, "such as `network mlp(x) { x -> dense(10) }`");
    }
}

/* A target is listed once. */
static void add_target(Field ***targets, int *count, Field *target)
{
    for (int i = 0; i < *count; i++)
        if ((*targets)[i] == target)
            return;
    APPEND(*targets, *count, target);
}

static void list_fields(Sema *s)
{
    Model *model = s->model;
    Field **targets = NULL; /* the first term's first, */
    int count = 0;

    for (int i = 0; i < model->term_count; i++)
        if (model->terms[i].target)
            add_target(&targets, &count, model->terms[i].target);
    for (int i = 0; i < model->layer_count; i++) {
        Field *field = model->layers[i]->field;

        if (field && field->is_target)
            add_target(&targets, &count, field);
        else if (field && field->is_drawn)
            APPEND(model->drawn, model->drawn_count, field);
        else if (field)
            APPEND(model->fields, model->field_count, field);
    }
    for (int i = 0; i < count; i++)
        if (targets[i]->is_weight)
            report(s, targets[i]->span, "`%s` weights the rows of every loss: it stands in none",
                   targets[i]->name);
    if (model->weight)
        add_target(&targets, &count, model->weight);
    while (count > 0) /* which then is the last */
        APPEND(model->fields, model->field_count, targets[--count]);
    for (int i = 0; i < model->field_count; i++)
        follow_used(model, model->fields[i]);
    if (model->drawn_count > MAX_DRAWN)
        report(s, model->drawn[MAX_DRAWN]->span, "a model has at most %d inputs that are drawn",
               MAX_DRAWN);
    else if (!model->field_count && model->drawn_count)
        report(s, model->drawn[0]->span,
               "every input is drawn, and nothing compares with a target: no row of the data is "
               "read");
}

/* What impute fills in of a target counts as known; of an autoencoder, whose inputs are filled in
   too, that is meant. */
static void warn_imputed(Sema *s)
{
    const Model *model = s->model;

    for (int i = 0; i < model->field_count; i++) {
        const Field *target = model->fields[i];
        bool given = false;

        for (int k = 0; k < model->field_count; k++)
            given |= !model->fields[k]->is_target &&
                     same(model->fields[k]->source_field, target->source_field);
        for (int k = 0; k < target->step_count && target->is_target && !given; k++)
            if (same(target->steps[k]->name, "impute"))
                warn_at(s->source, target->steps[k]->span,
                        "what is filled in of `%s` counts as if it were known, in losses and "
                        "metrics; leave out rows without a target",
                        target->name);
    }
}

static Call *constant_schedule(Span span)
{
    Call *call = allocate(sizeof *call);

    call->name = "constant";
    call->span = span;
    return call;
}

static void need_sections(Sema *s, bool data, bool train)
{
    if (!data) {
        error_at(s->source, end_of(s->file), "the model has no data section");
        note(s->source, "such as `data { train = digits }`");
    }
    if (!train) {
        error_at(s->source, end_of(s->file), "the model has no train section");
        note(s->source, "such as `train { loss = ..., optimizer = ... }`, a line for each");
    }
}

Model *analyze(Source *source, Ast *ast, const Define *defines, int define_count)
{
    Model *model = allocate(sizeof *model);
    Paths *root = allocate(sizeof *root);
    Sema *s = allocate(sizeof *s);
    const char **lets = NULL;
    int let_count = 0;

    *model = (Model){.source = source,
                     .name = source->name,
                     .batch = 32,
                     .epochs = 1,
                     .keep = "best",
                     .conv = CONV_AUTO};
    root->path = "";
    *s = (Sema){.source = source,
                .file = ast,
                .model = model,
                .paths = root,
                .root = root,
                .kinds = ANYWHERE};
    if (ast->children.count == 0) {
        error_at(source, (Span){0, 0}, "the file is empty");
        note(source, "a model has a data section, a network and a train section");
        return NULL;
    }
    int data_count, train_count;
    const Ast **data = find_sections(s, AST_DATA, &data_count);
    const Ast **train = find_sections(s, AST_TRAIN, &train_count);

    define_networks(s);
    analyze_lets(s, ast, defines, define_count, &lets, &let_count);
    check_defines(s, defines, define_count, lets, let_count);
    if (data)
        analyze_data(s, data[0]);
    if (train)
        analyze_train(s, train, train_count);
    need_sections(s, data != NULL, train != NULL);
    if (source->errors > 0 || model->term_count == 0)
        return NULL;
    resolve_paths(s);
    prune_layers(s);
    check_parts(s);
    check_turns(s);
    list_fields(s);
    check_mixing(s);
    check_numbers(s);
    model->max_batch = model->batch;
    if (!model->schedule)
        APPEND(model->schedule, model->schedule_count, constant_schedule(train[0]->span));
    if (source->errors > 0)
        return NULL;
    find_run_numbers(s);
    warn_unused(s);
    warn_imputed(s);
    return model;
}
