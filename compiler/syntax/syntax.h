/*
 * syntax.h -- text -> AST: lexer.l, parser.y, ast.c; text -> its layout: format.c.
 */

#ifndef SYNTAX_H
#define SYNTAX_H

#include "base/base.h"

/* ---- ast.c, lexer.l, parser.y: the syntax tree ----------------------------------------------- */

typedef enum AstKind {
    AST_FILE, /* children: lets and sections */
    AST_DATA,
    AST_TRAIN, /* children: statements */
    AST_NETWORK,
    AST_BLOCK,
    AST_LOSS,      /* text; arguments: parameters; children: statements */
    AST_PARAMETER, /* text; first: the default, or NULL */
    AST_INPUT,
    AST_TARGET,  /* text; arguments: sizes in [..]; first: where from and how */
    AST_WEIGHT,  /* the same */
    AST_AUGMENT, /* text; first */
    AST_LET,
    AST_ASSIGN, /* text; first */
    AST_UNPACK, /* arguments: names; first: a list of as many */
    AST_RETURN, /* first; of several values a list */
    AST_VALUE,  /* first; a value stands alone */
    AST_FOR,    /* text: the variable, or arguments: those of a list; first: the list; children:
                  statements */
    AST_IF,     /* first: the condition; children: statements; second: else, or NULL */
    AST_ELSE,   /* children: statements (`else if`: one AST_IF) */
    AST_NUMBER,
    AST_STRING,
    AST_NAME,
    AST_LIST,     /* children */
    AST_INDEX,    /* first: a list; second: which of its items */
    AST_CALL,     /* text; arguments */
    AST_ARGUMENT, /* text: the name, or NULL; first: the value */
    AST_PIPE,     /* children: a value, then names and calls */
    AST_CHOICE,   /* `if` first `then` second `else` third */
    AST_UNARY,    /* text: "-", "not"; first */
    AST_BINARY,   /* text: "+", "==", "..", "and", ...; first, second */
    AST_KINDS,
} AstKind;

typedef struct Ast Ast;

typedef struct AstList {
    Ast **items;
    int count;
} AstList;

struct Ast {
    AstKind kind;
    int depth;        /* of nesting; a leaf is 1 */
    Span span;        /* the whole */
    Span name_span;   /* of text alone */
    const char *text; /* a name, an operator, a string's content */
    double number;
    Ast *first, *second, *third;
    AstList children, arguments;
    bool carried; /* a loss that netc has itself */
};

Ast *parse(Source *source);                /* NULL after errors */
Ast *parse_expression(Source *source);     /* one value, as in --define; or NULL */
void print_ast(FILE *out, const Ast *ast); /* --dump=ast */

/* format.c: the canonical layout of a file without syntax errors. */
void format_source(Text *text, const Source *source);

/* What parser.y builds the tree with. */
Ast *new_leaf(AstKind kind, Span span, const char *text);
Ast *new_named(AstKind kind, Span span, Ast *name, Ast *first); /* name: an AST_NAME, or NULL */
Ast *new_body(AstKind kind, Span span, Ast *name, AstList arguments, Ast *first, AstList items);
Ast *new_branch(Span span, Ast *condition, AstList items, Ast *otherwise);
Ast *new_list(AstKind kind, Span span, AstList items);
Ast *new_operation(AstKind kind, Span span, const char *text, Ast *first, Ast *second, Ast *third);
Ast *new_pipe(Span span, Ast *value, Ast *stage); /* makes a pipe longer, or a new one */
AstList add_item(AstList list, Ast *item);        /* NULL adds nothing */
AstList push_item(Ast *item, AstList list);       /* before the others */
const Ast *find_deep(const Ast *ast, int limit);  /* a part at this depth in a deeper tree */

#endif
