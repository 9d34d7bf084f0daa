/*
 * unused.c -- warnings about what a model says and nothing reads: names in a body, lines behind its
 * `return`, blocks and networks, fields. One idea: a name that a body gives is read where the body
 * mentions it, in whatever order; the rest is known when the model is.
 *
 * Needs: a model without errors. Gives: warnings.
 */

#include "semantics/analysis.h"

static bool mentions(const Ast *ast, const char *name);

static bool list_mentions(AstList list, const char *name)
{
    for (int i = 0; i < list.count; i++)
        if (mentions(list.items[i], name))
            return true;
    return false;
}

static bool mentions(const Ast *ast, const char *name)
{
    if (!ast)
        return false;
    if ((ast->kind == AST_NAME || ast->kind == AST_CALL) && same(ast->text, name))
        return true;
    return mentions(ast->first, name) || mentions(ast->second, name) ||
           mentions(ast->third, name) || list_mentions(ast->children, name) ||
           (ast->kind != AST_UNPACK && list_mentions(ast->arguments, name));
}

static void warn_statements(Sema *s, const Ast *definition, AstList statements)
{
    for (int i = 0; i < statements.count; i++) {
        const Ast *ast = statements.items[i];

        if ((ast->kind == AST_ASSIGN || ast->kind == AST_LET) && !mentions(definition, ast->text))
            warn_at(s->source, ast->name_span, "`%s` is never used", ast->text);
        for (int j = 0; ast->kind == AST_UNPACK && j < ast->arguments.count; j++)
            if (!same(ast->arguments.items[j]->text, "_") &&
                !mentions(definition, ast->arguments.items[j]->text))
                warn_at(s->source, ast->arguments.items[j]->span, "`%s` is never used",
                        ast->arguments.items[j]->text);
        if (ast->kind == AST_RETURN && i + 1 < statements.count) {
            warn_at(s->source, statements.items[i + 1]->span, "nothing behind `return` is read");
            return;
        }
        warn_statements(s, definition, ast->children);
        if (ast->kind == AST_IF && ast->second)
            warn_statements(s, definition, ast->second->children);
    }
}

static bool was_called(const Sema *s, const Ast *definition)
{
    for (int i = 0; i < s->called_count; i++)
        if (s->called[i] == definition)
            return true;
    return false;
}

static bool is_targeted(const Model *model, const Field *field)
{
    for (int i = 0; i < model->drawn_count; i++)
        if (model->drawn[i] == field)
            return true;
    for (int i = 0; i < model->field_count; i++)
        if (model->fields[i] == field)
            return true;
    return false;
}

void warn_unused(Sema *s)
{
    for (int i = 0; i < s->file->children.count; i++) {
        const Ast *ast = s->file->children.items[i];

        if (ast->kind != AST_BLOCK && ast->kind != AST_NETWORK && ast->kind != AST_LOSS)
            continue;
        if (!was_called(s, ast))
            warn_at(s->source, ast->name_span, "the %s `%s` is never used", body_text(ast),
                    ast->text);
        else
            warn_statements(s, ast, ast->children);
    }
    for (int i = 0; i < s->globals.count; i++) {
        const Name *name = &s->globals.items[i];
        const Field *field = name->value.kind == OBJECT_TENSOR ? name->value.layer->field : NULL;

        if (field && !(field->is_target ? is_targeted(s->model, field) : name->value.layer->used))
            warn_at(s->source, name->span, "the %s `%s` is never used", field_word(field),
                    field->name);
    }
}
