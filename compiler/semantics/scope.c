/*
 * scope.c -- names and what they stand for, what is wrong about them, and how much a file may ask
 * for.
 *
 * One idea: a mistake is reported once a place, since a loop would repeat it; steps are counted, so
 * that no file can make the compiler hang.
 */

#include "semantics/analysis.h"

enum {
    MAX_STEPS = 2000000, /* expressions evaluated, list items made */
    MAX_NAMES = 2000,    /* in one scope */
};

/* ---- Reports and limits ---------------------------------------------------------------------- */

Object error_object(Span span)
{
    return (Object){.kind = OBJECT_ERROR, .span = span};
}

bool report(Sema *s, Span span, const char *fmt, ...)
{
    va_list args;

    for (int i = 0; i < s->reported_count; i++)
        if (s->reported[i].source == s->source && s->reported[i].span.begin == span.begin &&
            s->reported[i].span.end == span.end)
            return false;
    APPEND(s->reported, s->reported_count, ((Place){s->source, span}));
    Text message = {0};
    va_start(args, fmt);
    text_add_v(&message, fmt, args);
    va_end(args);
    error_at(s->source, span, "%s", message.at);
    return true;
}

bool within_budget(Sema *s, double steps, Span span)
{
    if (s->stopped)
        return false;
    s->steps += steps;
    if (s->steps <= MAX_STEPS)
        return true;
    s->stopped = true;
    report(s, span, "the file asks for too much: more than %d steps of evaluation", MAX_STEPS);
    return false;
}

void explain_call(Sema *s, const PartialCall *f)
{
    if (f->definition && f->definition->carried)
        note(s->source, "%s", carried_text(f->definition->text));
    else if (f->definition)
        note_at(s->source, f->definition->name_span, "it is defined here");
    else if (f->count > 0)
        note(s->source, "%s", signature_text(f->signature));
}

/* ---- Definitions ----------------------------------------------------------------------------- */

Name *find_name(const Names *names, const char *text)
{
    for (int i = 0; i < names->count; i++)
        if (same(names->items[i].text, text))
            return &names->items[i];
    return NULL;
}

bool is_constant_name(const char *text)
{
    static const char *const names[] = {"true",    "false", "same",  "zeros",
                                        "missing", "mean",  "median"};
    for (int i = 0; i < COUNT(names); i++)
        if (same(names[i], text))
            return true;
    return false;
}

static bool has_room(Sema *s, const Names *names, Span span)
{
    if (names->count < MAX_NAMES)
        return true;
    report(s, span, "more than %d names", MAX_NAMES);
    s->stopped = true;
    return false;
}

void set_name(Sema *s, Names *names, const char *text, Object value, Span span)
{
    Name *name = find_name(names, text);

    if (is_constant_name(text))
        report(s, span, "`%s` is a constant of the language; choose another name", text);
    if (name)
        name->value = value;
    else if (has_room(s, names, span))
        APPEND(names->items, names->count, ((Name){text, value, span}));
}

void define_name(Sema *s, const char *text, Object value, Span span)
{
    const Name *name = find_name(&s->globals, text);

    if (!name)
        set_name(s, &s->globals, text, value, span);
    else if (report(s, span, "`%s` is defined twice", text))
        note_at(s->source, name->span, "it was first defined here");
}

/* ---- Unknown names --------------------------------------------------------------------------- */

/* A name, or one of those that a `for` or several names before `=` give the items of a list. */
static bool sets_name(const Ast *ast, const char *text)
{
    for (int i = 0; i < ast->arguments.count; i++)
        if ((ast->kind == AST_FOR || ast->kind == AST_UNPACK) &&
            same(ast->arguments.items[i]->text, text))
            return true;
    return (ast->kind == AST_ASSIGN || ast->kind == AST_LET || ast->kind == AST_FOR) && ast->text &&
           same(ast->text, text);
}

/* A statement that sets `text`, anywhere in these statements. */
static const Ast *find_setting(AstList items, const char *text)
{
    for (int i = 0; i < items.count; i++) {
        const Ast *ast = items.items[i], *found = NULL;
        if (sets_name(ast, text))
            return ast;
        if (ast->kind == AST_FOR || ast->kind == AST_IF)
            found = find_setting(ast->children, text);
        if (!found && ast->kind == AST_IF && ast->second)
            found = find_setting(ast->second->children, text);
        if (found)
            return found;
    }
    return NULL;
}

/* A let of that name in the file or its sections: one that comes too late. */
static const Ast *find_let(const Ast *file, const char *text)
{
    for (int i = 0; i < file->children.count; i++) {
        const Ast *ast = file->children.items[i];
        if (ast->kind == AST_LET && same(ast->text, text))
            return ast;
        if (ast->kind == AST_DATA || ast->kind == AST_TRAIN) {
            const Ast *let = find_let(ast, text);
            if (let)
                return let;
        }
    }
    return NULL;
}

static const char *nearest_name(const Sema *s, const char *text, unsigned kinds)
{
    const char **names = NULL;
    int count = 0;

    for (int i = 0; s->frame && i < s->frame->names.count; i++)
        APPEND(names, count, s->frame->names.items[i].text);
    for (int i = 0; i < s->globals.count; i++)
        if (!s->frame || s->globals.items[i].value.kind != OBJECT_TENSOR)
            APPEND(names, count, s->globals.items[i].text);
    add_signature_names(&names, &count, kinds);
    return net_nearest(text, names, count);
}

/* Where what is no part of a network stands. */
static void explain_kind(Sema *s, const Signature *f)
{
    if (f->kind == KIND_LOSS)
        note(s->source, "a loss stands in the train section: `loss = %s(...)`", f->name);
    else if (f->kind == KIND_TRANSFORM)
        note(s->source, "a transform stands in the data section: `input x = field -> %s`", f->name);
    else if (f->kind == KIND_AUGMENTATION)
        note(s->source, "an augmentation stands in the data section: `augment image = %s`",
             f->name);
}

/* What stands elsewhere in a file, by the name of another library: `cutout` as a layer. */
static bool explain_other(Sema *s, const char *text)
{
    const char *here = word_elsewhere(text, ~0u);
    const Signature *other = here ? find_signature(here, ~0u) : NULL;

    if (!here)
        return false;
    note(s->source, "its name here is `%s`, %s", here,
         kind_text(is_carried(here) ? KIND_LOSS : other->kind));
    return true;
}

void list_names(Sema *s, unsigned kinds)
{
    if ((s->listed & kinds) == kinds)
        return;
    s->listed |= kinds;
    note(s->source, "there %s %s", kinds & (KIND_STOP | KIND_START) ? "is" : "are",
         kind_names(kinds));
}

void unknown(Sema *s, const char *text, Span span, unsigned kinds, bool called)
{
    const Signature *other = find_signature(text, ~0u);
    const Ast *setting = s->frame ? find_setting(s->frame->definition->children, text) : NULL;
    const Ast *let = find_let(s->file, text);
    const char *usual = word_elsewhere(text, kinds), *instead;

    if (setting) {
        if (report(s, span, "`%s` is not set here", text))
            note_at(s->source, setting->name_span, "it is set here, on a path not taken before");
        return;
    }
    if (other && !find_signature(text, kinds)) {
        if (!report(s, span, "`%s` cannot stand here: it is %s", text, kind_text(other->kind)))
            return;
        if (s->frame)
            explain_kind(s, other);
        else if (usual)
            note(s->source, "its name here is `%s`", usual);
        return;
    }
    if (!other && !s->in_loss && is_carried(text)) {
        if (report(s, span, "`%s` cannot stand here: it is %s", text, kind_text(KIND_LOSS)))
            note(s->source, "a loss stands in the train section: `loss = %s`", carried_text(text));
        return;
    }
    if (is_constant_name(text)) {
        report(s, span, "`%s` is a constant and cannot stand here", text);
        return;
    }
    if (!setting && !let && !usual && is_absent(text, &instead)) {
        if (report(s, span, "netc has no `%s`", text) && instead)
            note(s->source, "%s", instead);
        return;
    }
    if (!report(s, span, "unknown name `%s`", text))
        return;
    if (let) {
        note_at(s->source, let->name_span, "it is defined here, later");
        return;
    }
    if (usual) {
        note(s->source, "its name here is `%s`", usual);
        return;
    }
    if (advise(s->source, ADVICE_WORDS, text, NULL) || explain_dotted(s->source, text, kinds))
        return;
    const char *near = value_elsewhere(text);
    if (!near)
        near = nearest_name(s, text, kinds);
    if (near)
        note(s->source, "did you mean `%s`?", near);
    else if (kinds == KIND_LAYER && explain_other(s, text))
        return;
    else if (kinds & KIND_LOSS)
        list_names(s, KIND_LOSS);
    else if (called && (kinds == KIND_LAYER || !(kinds & KIND_LAYER)))
        list_names(s, kinds);
}

bool refuse_quotes(Sema *s, const Ast *string)
{
    if (s->source->text[string->span.begin] != '\'')
        return false;
    if (report(s, string->span, "a string stands between `\"`"))
        note(s->source, "write \"%s\"", string->text);
    return true;
}
