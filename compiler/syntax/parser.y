/*
 * parser.y -- the grammar of a .net file.
 *
 * One idea: an action is one constructor call; what the text means is decided later, in semantics/.
 * A syntax error is explained here, then the lexer skips the statement it stands in, so that one
 * mistake gives one message.
 */

%require "3.8"
%define api.pure full
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param { Parser *p }

%code requires {
#include "syntax/syntax.h"

enum { MAX_OPEN = 200, MAX_DEPTH = 300 };   /* open brackets; depth of the tree */

typedef struct Open {
    int bracket;                /* ( [ or {; 0: none */
    Span span;
} Open;

/* One run of lexer and parser. */
typedef struct Parser {
    Source *source;
    void *scanner;              /* flex's state */
    Ast *result;
    int at;                     /* offset of the next byte */
    int start;                  /* START_FILE or START_EXPRESSION; 0 once it was sent */
    bool fresh;                 /* no statement has begun: a line's end says nothing */
    bool wrapped;               /* a line ended inside a bracket, just before this token */
    bool stopped;               /* nothing more is read */
    int tokens;                 /* of this statement, this one included */
    int first_token, last_token; /* of this statement */
    Span first;                 /* its place */
    Open open[MAX_OPEN];        /* brackets and braces that are open now */
    int open_count;
    Open unclosed;              /* the bracket that this brace or end of file found open */
} Parser;
}

%code provides {
int yylex(YYSTYPE *value, Span *span, Parser *p);
void begin_lexer(Parser *p);
void end_lexer(Parser *p);

/* After an error at `token`: the rest of the statement, with the blocks it opens, is not read. */
void skip_statement(Parser *p, int token);

/* After a bracket that was found open at `span`, which begins a line: that line is read again. */
void skip_line(Parser *p, Span span);
}

%code {
#include <string.h>

#define YYLLOC_DEFAULT(whole, parts, count)                                                        \
    do {                                                                                           \
        (whole).begin = (count) ? YYRHSLOC(parts, 1).begin : YYRHSLOC(parts, 0).end;               \
        (whole).end = (count) ? YYRHSLOC(parts, count).end : YYRHSLOC(parts, 0).end;               \
    } while (0)

static void yyerror(Span *span, Parser *p, const char *message);
static Ast *refuse_operator(Parser *p, Span operation, Ast *pipe);

static Ast *binary(Span span, const char *text, Ast *first, Ast *second) {
    return new_operation(AST_BINARY, span, text, first, second, NULL);
}
}

%union {
    Ast *node;
    AstList list;
    const char *text;
    double number;
}

%token START_FILE START_EXPRESSION
%token END 0 "end of file" NEWLINE "end of line"
%token ARROW "`->`" DOTS "`..`" EQUAL "`==`" UNEQUAL "`!=`" LESS_EQUAL "`<=`" GREATER_EQUAL "`>=`"
%token FOR "`for`" IN "`in`" IF "`if`" THEN "`then`" ELSE "`else`" RETURN "`return`" AND "`and`"
%token OR "`or`" NOT "`not`" LET "`let`"
%token '(' "`(`" ')' "`)`" '[' "`[`" ']' "`]`" '{' "`{`" '}' "`}`" '=' "`=`" ',' "`,`"
%token '<' "`<`" '>' "`>`" '+' "`+`" '-' "`-`" '*' "`*`" '/' "`/`"
%token <text> DATA "`data`" NETWORK "`network`" BLOCK "`block`" LOSS "`loss`" TRAIN "`train`"
%token <text> INPUT "`input`" TARGET "`target`" AUGMENT "`augment`" WEIGHT "`weight`" NAME "a name"
%token <text> STRING "a string" DOTTED "a name with dots"
%token <number> NUMBER "a number"

%type <node> item section let data_statement train_statement statement branch else_part assignment
%type <node> unpacking several
%type <node> parameter expression pipe stage choice or_expression and_expression comparison range
%type <node> sum term unary primary call dotted argument name
%type <list> items parameters parameter_list data_statements train_statements statements sizes
%type <list> arguments argument_list expressions names
%type <text> word

%%

start: START_FILE items                 { p->result = new_list(AST_FILE, @$, $2); }
     | START_EXPRESSION expression      { p->result = $2; } ;

items: item                             { $$ = add_item((AstList){0}, $1); }
     | items newline item               { $$ = add_item($1, $3); } ;
item: %empty                            { $$ = NULL; }
    | let
    | section
    | error                             { $$ = NULL; } ;

newline: NEWLINE                        { yyerrok; } ;

section: DATA '{' data_statements '}'   { $$ = new_list(AST_DATA, @$, $3); $$->name_span = @1; }
       | TRAIN '{' train_statements '}' { $$ = new_list(AST_TRAIN, @$, $3); $$->name_span = @1; }
       | TRAIN name '{' train_statements '}'
                                        { $$ = new_list(AST_TRAIN, @$, $4); $$->name_span = @2;
                                          $$->text = $2->text; }
       | NETWORK name parameters '{' statements '}'
                                        { $$ = new_body(AST_NETWORK, @$, $2, $3, NULL, $5); }
       | BLOCK name parameters '{' statements '}'
                                        { $$ = new_body(AST_BLOCK, @$, $2, $3, NULL, $5); }
       | LOSS name parameters '{' statements '}'
                                        { $$ = new_body(AST_LOSS, @$, $2, $3, NULL, $5); } ;

parameters: '(' parameter_list ')'      { $$ = $2; } ;
parameter_list: parameter               { $$ = add_item((AstList){0}, $1); }
              | parameter_list ',' parameter
                                        { $$ = add_item($1, $3); } ;
parameter: name                         { $$ = new_named(AST_PARAMETER, @$, $1, NULL); }
         | name '=' choice              { $$ = new_named(AST_PARAMETER, @$, $1, $3); } ;

let: LET name '=' expression            { $$ = new_named(AST_LET, @$, $2, $4); } ;
assignment: name '=' expression         { $$ = new_named(AST_ASSIGN, @$, $1, $3); } ;
unpacking: name ',' names '=' expression
                                        { $$ = new_body(AST_UNPACK, @$, NULL, push_item($1, $3),
                                                        $5, (AstList){0}); } ;

data_statements: data_statement         { $$ = add_item((AstList){0}, $1); }
               | data_statements newline data_statement
                                        { $$ = add_item($1, $3); } ;
data_statement: %empty                  { $$ = NULL; }
              | let
              | assignment
              | INPUT name sizes '=' expression
                                        { $$ = new_body(AST_INPUT, @$, $2, $3, $5, (AstList){0}); }
              | TARGET name sizes '=' expression
                                        { $$ = new_body(AST_TARGET, @$, $2, $3, $5, (AstList){0}); }
              | WEIGHT name sizes '=' expression
                                        { $$ = new_body(AST_WEIGHT, @$, $2, $3, $5, (AstList){0}); }
              | AUGMENT name '=' expression
                                        { $$ = new_named(AST_AUGMENT, @$, $2, $4); }
              | error                   { $$ = NULL; } ;
sizes: %empty                           { $$ = (AstList){0}; }
     | '[' expressions ']'              { $$ = $2; } ;

train_statements: train_statement       { $$ = add_item((AstList){0}, $1); }
                | train_statements newline train_statement
                                        { $$ = add_item($1, $3); } ;
train_statement: %empty                 { $$ = NULL; }
               | let
               | assignment
               | error                  { $$ = NULL; } ;

statements: statement                   { $$ = add_item((AstList){0}, $1); }
          | statements newline statement
                                        { $$ = add_item($1, $3); } ;
statement: %empty                       { $$ = NULL; }
         | let
         | assignment
         | unpacking
         | expression                   { $$ = new_named(AST_VALUE, @$, NULL, $1); }
         | RETURN expression            { $$ = new_named(AST_RETURN, @$, NULL, $2); }
         | RETURN several               { $$ = new_named(AST_RETURN, @$, NULL, $2); }
         | FOR name IN choice '{' statements '}'
                                        { $$ = new_body(AST_FOR, @$, $2, (AstList){0}, $4, $6); }
         | FOR '[' names ']' IN choice '{' statements '}'
                                        { $$ = new_body(AST_FOR, @$, NULL, $3, $6, $8); }
         | branch
         | error                        { $$ = NULL; } ;
several: expression ',' expressions     { $$ = new_list(AST_LIST, @$, push_item($1, $3)); } ;
names: name                     { $$ = add_item((AstList){0}, $1); }
     | names ',' name           { $$ = add_item($1, $3); } ;
branch: IF or_expression '{' statements '}' else_part
                                        { $$ = new_branch(@$, $2, $4, $6); } ;
else_part: %empty                       { $$ = NULL; }
         | ELSE '{' statements '}'      { $$ = new_list(AST_ELSE, @$, $3); }
         | ELSE branch                  { $$ = new_list(AST_ELSE, @$,
                                                        add_item((AstList){0}, $2)); } ;

expression: pipe ;
pipe: choice
    | pipe ARROW stage                  { $$ = new_pipe(@$, $1, $3); }
    | pipe ARROW stage operator or_expression
                                        { $$ = refuse_operator(p, @4, $1); } ;
stage: name | call | dotted ;
operator: comparator | DOTS | '+' | '-' | '*' | '/' | AND | OR ;
comparator: EQUAL | UNEQUAL | LESS_EQUAL | GREATER_EQUAL | '<' | '>' ;

choice: or_expression
      | IF or_expression THEN or_expression ELSE choice
                                        { $$ = new_operation(AST_CHOICE, @$, "if", $2, $4, $6); } ;
or_expression: and_expression
             | or_expression OR and_expression      { $$ = binary(@$, "or", $1, $3); } ;
and_expression: comparison
              | and_expression AND comparison       { $$ = binary(@$, "and", $1, $3); } ;
comparison: range
          | range EQUAL range                       { $$ = binary(@$, "==", $1, $3); }
          | range UNEQUAL range                     { $$ = binary(@$, "!=", $1, $3); }
          | range LESS_EQUAL range                  { $$ = binary(@$, "<=", $1, $3); }
          | range GREATER_EQUAL range               { $$ = binary(@$, ">=", $1, $3); }
          | range '<' range                         { $$ = binary(@$, "<", $1, $3); }
          | range '>' range                         { $$ = binary(@$, ">", $1, $3); } ;
range: sum
     | sum DOTS sum                                 { $$ = binary(@$, "..", $1, $3); } ;
sum: term
   | sum '+' term                                   { $$ = binary(@$, "+", $1, $3); }
   | sum '-' term                                   { $$ = binary(@$, "-", $1, $3); } ;
term: unary
    | term '*' unary                                { $$ = binary(@$, "*", $1, $3); }
    | term '/' unary                                { $$ = binary(@$, "/", $1, $3); } ;
unary: primary
     | '-' unary                { $$ = new_operation(AST_UNARY, @$, "-", $2, NULL, NULL); }
     | NOT unary                { $$ = new_operation(AST_UNARY, @$, "not", $2, NULL, NULL); } ;
primary: NUMBER                 { $$ = new_leaf(AST_NUMBER, @$, NULL); $$->number = $1; }
       | STRING                 { $$ = new_leaf(AST_STRING, @$, $1); }
       | name
       | call
       | dotted
       | primary '[' expression ']'
                                { $$ = new_operation(AST_INDEX, @$, NULL, $1, $3, NULL); }
       | '(' expression ')'     { $$ = $2; }
       | '[' expressions ']'    { $$ = new_list(AST_LIST, @$, $2); }
       | '[' ']'                { $$ = new_list(AST_LIST, @$, (AstList){0}); } ;
expressions: expression                     { $$ = add_item((AstList){0}, $1); }
           | expressions ',' expression     { $$ = add_item($1, $3); } ;

dotted: DOTTED                  { $$ = new_leaf(AST_NAME, @$, $1); }
      | DOTTED '(' arguments ')'
            { $$ = new_body(AST_CALL, @$, new_leaf(AST_NAME, @1, $1), $3, NULL, (AstList){0}); } ;
call: name '(' arguments ')'    { $$ = new_body(AST_CALL, @$, $1, $3, NULL, (AstList){0}); } ;
arguments: %empty               { $$ = (AstList){0}; }
         | argument_list ;
argument_list: argument                     { $$ = add_item((AstList){0}, $1); }
             | argument_list ',' argument   { $$ = add_item($1, $3); } ;
argument: expression            { $$ = new_named(AST_ARGUMENT, @$, NULL, $1); }
        | name '=' expression   { $$ = new_named(AST_ARGUMENT, @$, $1, $3); } ;
name: word                      { $$ = new_leaf(AST_NAME, @$, $1); } ;
word: NAME | DATA | NETWORK | BLOCK | LOSS | TRAIN | INPUT | TARGET | AUGMENT | WEIGHT ;

%%

/* ---- What went wrong ------------------------------------------------------------------------- */

static bool is_section(int token)
{
    return token == DATA || token == NETWORK || token == BLOCK || token == TRAIN;
}

static bool stands_at_line_begin(const Parser *p, Span span)
{
    return span.begin == 0 || p->source->text[span.begin - 1] == '\n';
}

/* "`dense`", "end of line" */
static const char *describe_token(const Parser *p, yysymbol_kind_t token, Span span)
{
    if (token == YYSYMBOL_YYEOF || token == YYSYMBOL_NEWLINE)
        return yysymbol_name(token);
    int length = span.end - span.begin;
    return format("`%.*s%s`", length > 40 ? 40 : length, p->source->text + span.begin,
                  length > 40 ? "..." : "");
}

/* What could stand here instead: one word for a whole class of tokens, or up to three tokens. */
static const char *describe_expected(const yypcontext_t *context)
{
    enum { MAX = 64, SHOWN = 3 };
    yysymbol_kind_t expected[MAX];
    int count = yypcontext_expected_tokens(context, expected, MAX);
    const char *shown[SHOWN], *opening = NULL;
    int shown_count = 0;
    bool name = false, section = false;

    for (int i = 0; i < count; i++) {
        yysymbol_kind_t token = expected[i];
        const char *text = yysymbol_name(token);
        if (token == YYSYMBOL_NUMBER)
            return "a value";
        name |= token == YYSYMBOL_NAME;
        section |= token == YYSYMBOL_DATA;
        if (text[2] == '`' && strchr("([=", text[1]))
            opening = text;             /* goes on with what is there: seldom what was meant */
        else if (((text[2] == '`' && strchr(")]{},", text[1])) || token == YYSYMBOL_NEWLINE ||
                  token == YYSYMBOL_IN || token == YYSYMBOL_THEN || token == YYSYMBOL_ELSE) &&
                 shown_count < SHOWN)
            shown[shown_count++] = text;
    }
    if (name)
        return "a name";
    if (section)
        return "`let`, `data`, `network`, `block`, `loss` or `train`";
    if (shown_count == 0)
        return opening;
    return shown_count == 1   ? shown[0]
           : shown_count == 2 ? format("%s or %s", shown[0], shown[1])
                              : format("%s, %s or %s", shown[0], shown[1], shown[2]);
}

/* The keyword that the statement's first word was perhaps meant to be. */
static const char *misspelt_keyword(const Parser *p)
{
    static const char *const keywords[] = {"let", "data", "network", "block", "train", "input",
                                           "target", "augment", "weight", "for", "if", "return"};
    if (p->tokens > 2 || p->first_token != NAME)
        return NULL;
    return net_nearest(copy_text(p->source->text + p->first.begin,
                             (size_t)(p->first.end - p->first.begin)), keywords, COUNT(keywords));
}

/* "[3, 3]" of (3, 3), whose comma this token is; NULL: it is no tuple. */
static const char *tuple_as_list(const Parser *p, yysymbol_kind_t token)
{
    const Open *top = p->open_count > 0 ? &p->open[p->open_count - 1] : NULL;

    if (!top || top->bracket != '(' || !same(yysymbol_name(token), "`,`"))
        return NULL;
    const char *text = p->source->text + top->span.end;
    const int length = (int)strcspn(text, "()\n");

    return text[length] == ')' && length < 60 ? format("[%.*s]", length, text) : NULL;
}

/* `rates = {head: 1}` */
static bool gives_rates(const Parser *p)
{
    return strncmp(p->source->text + p->first.begin, "rates", 5) == 0;
}

/* Why a token that is wrong here may have been written. */
static void explain(Parser *p, yysymbol_kind_t token, const yypcontext_t *context)
{
    enum { MAX = 64 };
    yysymbol_kind_t expected[MAX];
    int count = yypcontext_expected_tokens(context, expected, MAX);
    bool name = false, otherwise = false, equal = false, section = false;
    for (int i = 0; i < count; i++) {
        name |= expected[i] == YYSYMBOL_NAME;
        equal |= expected[i] == YYSYMBOL_EQUAL;
        section |= expected[i] == YYSYMBOL_DATA;
        otherwise |= expected[i] == YYSYMBOL_ELSE || expected[i] == YYSYMBOL_THEN;
    }
    const char *keyword = misspelt_keyword(p), *list = tuple_as_list(p, token);
    if (list)
        note(p->source, "a list stands in square brackets: write `%s`", list);
    else if (section && (token == YYSYMBOL_INPUT || token == YYSYMBOL_TARGET ||
                         token == YYSYMBOL_AUGMENT || token == YYSYMBOL_WEIGHT))
        note(p->source, "%s stands in the data section", yysymbol_name(token));
    else if (keyword)
        note(p->source, "did you mean `%s`?", keyword);
    else if (token == YYSYMBOL_ARROW && otherwise)
        note(p->source, "inside `if ... then ... else`, a pipe stands in brackets");
    else if (same(yysymbol_name(token), "`{`") && gives_rates(p))
        note(p->source, "rates are a list: `rates = [0.1 * body, 2 * head]`");
    else if (equal && same(yysymbol_name(token), "`=`"))
        note(p->source, "`==` compares");
    else if (name && token >= YYSYMBOL_FOR && token <= YYSYMBOL_LET)
        note(p->source, "this word is reserved; choose another name");
}

/* The error is a bracket that was forgotten; it is reported where that opened. */
static bool report_unclosed(Parser *p, yysymbol_kind_t token, Span span)
{
    const Open *top = p->open_count > 0 ? &p->open[p->open_count - 1] : NULL;

    if (p->unclosed.bracket) {
        error_at(p->source, p->unclosed.span, "this `%c` is never closed", p->unclosed.bracket);
        return true;
    }
    if (top && top->bracket != '{' && p->wrapped) {
        error_at(p->source, top->span, "this `%c` is never closed", top->bracket);
        note_at(p->source, span, "%s cannot stand inside it", describe_token(p, token, span));
        return true;
    }
    if (top && token == YYSYMBOL_YYEOF) {
        error_at(p->source, top->span, "this `{` is never closed");
        return true;
    }
    if (top && is_section(p->first_token) && stands_at_line_begin(p, p->first)) {
        while (top > p->open && top->span.begin > p->first.begin)
            top--;                      /* not the new section's own brackets */
        if (top->span.begin > p->first.begin)
            return false;
        error_at(p->source, top->span, "this `%c` is never closed", top->bracket);
        note_at(p->source, p->first, "a new section begins here");
        p->stopped = true;
        return true;
    }
    return false;
}

static int yyreport_syntax_error(const yypcontext_t *context, Parser *p)
{
    yysymbol_kind_t token = yypcontext_token(context);
    Span span = *yypcontext_location(context);

    if (p->stopped)
        return 0;
    const bool wrapped = p->wrapped && p->open_count > 0 && !p->unclosed.bracket;
    if (!report_unclosed(p, token, span)) {
        const char *what = describe_token(p, token, span);
        const char *expected = describe_expected(context);
        if (expected)
            error_at(p->source, span, "unexpected %s; expected %s", what, expected);
        else
            error_at(p->source, span, "unexpected %s", what);
        explain(p, token, context);
    } else if (wrapped && token != YYSYMBOL_YYEOF && p->open_count > 0) {
        skip_line(p, span);
        return 0;
    }
    skip_statement(p, token == YYSYMBOL_NEWLINE ? NEWLINE : p->source->text[span.begin]);
    return 0;
}

/* Bison's own errors: its stack is exhausted. */
static void yyerror(Span *span, Parser *p, const char *message)
{
    (void)message;
    if (!p->stopped)
        error_at(p->source, *span, "nested too deeply");
    p->stopped = true;
}

static Ast *refuse_operator(Parser *p, Span operation, Ast *pipe)
{
    int length = operation.end - operation.begin;
    const char *text = p->source->text;
    error_at(p->source, operation, "`%.*s` cannot follow a stage of a pipe", length,
             text + operation.begin);
    note(p->source, "put the pipe in brackets: `(%.*s -> ...) %.*s ...`",
         pipe->span.end - pipe->span.begin > 30 ? 30 : pipe->span.end - pipe->span.begin,
         text + pipe->span.begin, length, text + operation.begin);
    return pipe;
}

static Ast *run_parser(Source *source, int start)
{
    Parser *p = allocate(sizeof *p);
    p->source = source;
    p->start = start;
    p->fresh = true;
    begin_lexer(p);
    int failed = yyparse(p);
    end_lexer(p);
    if (failed && source->errors == 0)
        error_at(source, (Span){0, 0}, "this is not a model");
    if (source->errors > 0)
        return NULL;
    const Ast *deep = find_deep(p->result, MAX_DEPTH);
    if (deep) {
        error_at(source, deep->span, "nested more than %d levels deep", MAX_DEPTH);
        return NULL;
    }
    return p->result;
}

Ast *parse(Source *source)
{
    return run_parser(source, START_FILE);
}

Ast *parse_expression(Source *source)
{
    return run_parser(source, START_EXPRESSION);
}
