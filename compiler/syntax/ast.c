/*
 * ast.c -- the syntax tree: its constructors, and --dump=ast.
 *
 * One idea: one kind of node, in which a kind uses what it needs (syntax.h says what). A node knows
 * how deep it is, so that the parser can refuse nesting that would exhaust the stack of a later
 * stage; a pipe is flat, so that a long one is not deep.
 */

#include "syntax/syntax.h"

#include <string.h>

static void deepen(Ast *ast, const Ast *child)
{
    if (child && child->depth >= ast->depth)
        ast->depth = child->depth + 1;
}

static void deepen_by(Ast *ast, AstList list)
{
    for (int i = 0; i < list.count; i++)
        deepen(ast, list.items[i]);
}

Ast *new_leaf(AstKind kind, Span span, const char *text)
{
    Ast *ast = allocate(sizeof *ast);
    ast->kind = kind;
    ast->depth = 1;
    ast->span = span;
    ast->name_span = span;
    ast->text = text;
    return ast;
}

Ast *new_named(AstKind kind, Span span, Ast *name, Ast *first)
{
    Ast *ast = new_leaf(kind, span, name ? name->text : NULL);
    if (name)
        ast->name_span = name->span;
    ast->first = first;
    deepen(ast, first);
    return ast;
}

Ast *new_body(AstKind kind, Span span, Ast *name, AstList arguments, Ast *first, AstList items)
{
    Ast *ast = new_named(kind, span, name, first);
    ast->arguments = arguments;
    ast->children = items;
    deepen_by(ast, arguments);
    deepen_by(ast, items);
    return ast;
}

Ast *new_list(AstKind kind, Span span, AstList items)
{
    return new_body(kind, span, NULL, (AstList){0}, NULL, items);
}

Ast *new_branch(Span span, Ast *condition, AstList items, Ast *otherwise)
{
    Ast *ast = new_body(AST_IF, span, NULL, (AstList){0}, condition, items);
    ast->second = otherwise;
    deepen(ast, otherwise);
    return ast;
}

Ast *new_operation(AstKind kind, Span span, const char *text, Ast *first, Ast *second, Ast *third)
{
    Ast *ast = new_leaf(kind, span, text);
    ast->first = first;
    ast->second = second;
    ast->third = third;
    deepen(ast, first);
    deepen(ast, second);
    deepen(ast, third);
    return ast;
}

AstList add_item(AstList list, Ast *item)
{
    if (item)
        APPEND(list.items, list.count, item);
    return list;
}

AstList push_item(Ast *item, AstList list)
{
    AstList longer = add_item((AstList){0}, item);

    for (int i = 0; i < list.count; i++)
        longer = add_item(longer, list.items[i]);
    return longer;
}

Ast *new_pipe(Span span, Ast *value, Ast *stage)
{
    /* a pipe in brackets is a value: its span begins inside the brackets, after this one's */
    bool longer = value->kind == AST_PIPE && value->span.begin == span.begin;
    Ast *pipe = longer ? value : new_list(AST_PIPE, span, add_item((AstList){0}, value));
    pipe->span = span;
    pipe->children = add_item(pipe->children, stage);
    deepen(pipe, stage);
    return pipe;
}

static const Ast *deepest(const Ast *ast)
{
    const Ast *children[] = {ast->first, ast->second, ast->third};
    const Ast *best = NULL;
    for (int i = 0; i < COUNT(children); i++)
        if (children[i] && (!best || children[i]->depth > best->depth))
            best = children[i];
    for (int i = 0; i < ast->children.count; i++)
        if (!best || ast->children.items[i]->depth > best->depth)
            best = ast->children.items[i];
    for (int i = 0; i < ast->arguments.count; i++)
        if (!best || ast->arguments.items[i]->depth > best->depth)
            best = ast->arguments.items[i];
    return best;
}

const Ast *find_deep(const Ast *ast, int limit)
{
    if (ast->depth <= limit)
        return NULL;
    while (ast->depth > limit)
        ast = deepest(ast);
    return ast;
}

/* ---- --dump=ast: one line a statement, brackets around every operation ----------------------- */

static const char *const keywords[AST_KINDS] = {
    [AST_DATA] = "data",      [AST_TRAIN] = "train", [AST_NETWORK] = "network",
    [AST_BLOCK] = "block",    [AST_LOSS] = "loss",   [AST_INPUT] = "input ",
    [AST_TARGET] = "target ", [AST_LET] = "let ",    [AST_AUGMENT] = "augment ",
    [AST_WEIGHT] = "weight ", [AST_ASSIGN] = "",     [AST_RETURN] = "return ",
    [AST_VALUE] = "value ",
};

static void print_expression(FILE *out, const Ast *ast);

static void print_list(FILE *out, AstList list, const char *separator)
{
    for (int i = 0; i < list.count; i++) {
        if (i > 0)
            fputs(separator, out);
        print_expression(out, list.items[i]);
    }
}

static void print_index(FILE *out, const Ast *ast)
{
    print_expression(out, ast->first);
    fputc('[', out);
    print_expression(out, ast->second);
    fputc(']', out);
}

static void print_expression(FILE *out, const Ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
        fprintf(out, "%.15g", ast->number);
        break;
    case AST_STRING:
        fprintf(out, "\"%s\"", ast->text);
        break;
    case AST_LIST:
        fputc('[', out);
        print_list(out, ast->children, ", ");
        fputc(']', out);
        break;
    case AST_INDEX:
        print_index(out, ast);
        break;
    case AST_CALL:
        fprintf(out, "%s(", ast->text);
        print_list(out, ast->arguments, ", ");
        fputc(')', out);
        break;
    case AST_ARGUMENT:
    case AST_PARAMETER:
        if (ast->text)
            fprintf(out, "%s%s", ast->text, ast->first ? "=" : "");
        if (ast->first)
            print_expression(out, ast->first);
        break;
    case AST_PIPE:
        fputc('(', out);
        print_list(out, ast->children, " -> ");
        fputc(')', out);
        break;
    case AST_CHOICE:
        fputs("(if ", out);
        print_expression(out, ast->first);
        fputs(" then ", out);
        print_expression(out, ast->second);
        fputs(" else ", out);
        print_expression(out, ast->third);
        fputc(')', out);
        break;
    case AST_UNARY:
        fprintf(out, "(%s ", ast->text);
        print_expression(out, ast->first);
        fputc(')', out);
        break;
    case AST_BINARY:
        fputc('(', out);
        print_expression(out, ast->first);
        fprintf(out, " %s ", ast->text);
        print_expression(out, ast->second);
        fputc(')', out);
        break;
    default:
        fputs(ast->text, out);
    }
}

static void print_statement(FILE *out, const Ast *ast, int indent);

static void print_body(FILE *out, AstList items, int indent)
{
    fputs(" {\n", out);
    for (int i = 0; i < items.count; i++)
        print_statement(out, items.items[i], indent + 4);
    fprintf(out, "%*s}", indent, "");
}

static void print_statement(FILE *out, const Ast *ast, int indent)
{
    fprintf(out, "%*s", indent, "");
    switch (ast->kind) {
    case AST_DATA:
    case AST_TRAIN:
        fputs(keywords[ast->kind], out);
        if (ast->text)
            fprintf(out, " %s", ast->text);
        print_body(out, ast->children, indent);
        break;
    case AST_NETWORK:
    case AST_BLOCK:
    case AST_LOSS:
        fprintf(out, "%s %s(", keywords[ast->kind], ast->text);
        print_list(out, ast->arguments, ", ");
        fputc(')', out);
        print_body(out, ast->children, indent);
        break;
    case AST_FOR:
        fprintf(out, "for %s", ast->text ? ast->text : "[");
        print_list(out, ast->arguments, ", ");
        fputs(ast->text ? " in " : "] in ", out);
        print_expression(out, ast->first);
        print_body(out, ast->children, indent);
        break;
    case AST_UNPACK:
        print_list(out, ast->arguments, ", ");
        fputs(" = ", out);
        print_expression(out, ast->first);
        break;
    case AST_IF:
        fputs("if ", out);
        print_expression(out, ast->first);
        print_body(out, ast->children, indent);
        if (ast->second) {
            fputs(" else", out);
            print_body(out, ast->second->children, indent);
        }
        break;
    default:
        fputs(keywords[ast->kind], out);
        if (ast->text)
            fputs(ast->text, out);
        if (ast->arguments.count > 0) {
            fputc('[', out);
            print_list(out, ast->arguments, ", ");
            fputc(']', out);
        }
        if (ast->text)
            fputs(" = ", out);
        print_expression(out, ast->first);
    }
    fputc('\n', out);
}

void print_ast(FILE *out, const Ast *ast)
{
    for (int i = 0; i < ast->children.count; i++)
        print_statement(out, ast->children.items[i], 0);
}
