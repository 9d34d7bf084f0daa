/*
 * format.c -- the canonical layout of a .net file, for `netc fmt`.
 *
 * One idea: lines break where their writer broke them; everything else is decided here. Tokens are
 * read with their comments, each is given the blanks before it, then `=` of neighbours in a section
 * and comments at line ends are aligned, and last a line's indentation follows from the braces,
 * brackets and arrows that are open before it.
 *
 * Needs: a file without syntax errors. Gives: text that parses to the same tree, and is its own
 * canonical layout.
 */

#include "syntax/format_token.h"
#include "syntax/syntax.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { INDENT = 4, MAX_GAP = 12 }; /* blanks; those that are put before an arrow to align it */

typedef struct Line { /* no token: a blank line */
    Token *tokens;
    int count, indent;
    int depth;    /* braces that are open before it */
    bool section; /* begins a statement of a data or train section, or a `let` outside of all */
} Line;

typedef struct Lines {
    Line *items;
    int count;
} Lines;

/* ---- Tokens ---------------------------------------------------------------------------------- */

static Lines read_lines(const Source *source)
{
    const char *at = source->text, *const end = at + source->length;
    Lines lines = {0};
    Line line = {0};

    if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        if (*at == '\n') {
            APPEND(lines.items, lines.count, line);
            line = (Line){0};
            at++;
        } else if (isspace((unsigned char)*at)) {
            at++;
        } else {
            const Token token = read_token(at);

            APPEND(line.tokens, line.count, token);
            at += token.length;
        }
    }
    APPEND(lines.items, lines.count, line);
    return lines;
}

/* ---- Where lines break ----------------------------------------------------------------------- */

static const Token *last_token(const Lines *lines)
{
    const Line *last = lines->count > 0 ? &lines->items[lines->count - 1] : NULL;

    return last && last->count > 0 ? &last->tokens[last->count - 1] : NULL;
}

/* Does the brace that opens at a token of this line close in it, too? */
static bool closes_in_line(const Line *line, int token)
{
    int open = 0;

    for (int i = token; i < line->count; i++) {
        open += is_text(&line->tokens[i], "{") - is_text(&line->tokens[i], "}");
        if (open == 0)
            return true;
    }
    return false;
}

static void begin_line(Lines *lines)
{
    if (lines->count == 0 || lines->items[lines->count - 1].count > 0)
        APPEND(lines->items, lines->count, ((Line){0}));
}

/* A brace that spans lines is the last of its line, and its end the first of another; `else` stands
   behind the brace before it. */
static void break_line(Lines *lines, const Line *line)
{
    const Token *before = last_token(lines);
    int inside = 0; /* braces that open and close in this line */

    if (!(line->count > 0 && is_text(&line->tokens[0], "else") && is_text(before, "}")))
        APPEND(lines->items, lines->count, ((Line){0}));
    for (int i = 0; i < line->count; i++) {
        const Token *token = &line->tokens[i];
        const bool opens = is_text(token, "{"), closes = is_text(token, "}");
        const bool spans = opens && inside == 0 && !closes_in_line(line, i);

        if (closes && inside == 0)
            begin_line(lines);
        Line *last = &lines->items[lines->count - 1];

        APPEND(last->tokens, last->count, *token);
        inside += opens && !spans;
        inside -= closes && inside > 0;
        if (spans && i + 1 < line->count && !line->tokens[i + 1].comment)
            APPEND(lines->items, lines->count, ((Line){0}));
    }
}

/* One blank line at most, none at the file's ends or beside a brace. */
static Lines break_lines(const Lines *read)
{
    Lines broken = {0}, lines = {0};

    for (int i = 0; i < read->count; i++)
        break_line(&broken, &read->items[i]);
    for (int i = 0; i < broken.count; i++) {
        const Line *line = &broken.items[i];
        const Token *before = last_token(&lines);

        while (line->count > 0 && is_text(&line->tokens[0], "}") && lines.count > 0 && !before) {
            lines.count--;
            before = last_token(&lines);
        }
        if (line->count > 0 || (before && !is_text(before, "{")))
            APPEND(lines.items, lines.count, *line);
    }
    while (lines.count > 0 && !last_token(&lines))
        lines.count--;
    return lines;
}

/* ---- Blanks between tokens ------------------------------------------------------------------- */

/* Is a `-` behind this token a sign? */
static bool awaits_value(const Token *before)
{
    static const char *const closing[] = {")", "]", "}", NULL};

    if (!before)
        return true;
    return !before->name && !isdigit((unsigned char)before->text[0]) && before->text[0] != '"' &&
           !is_any(before, closing);
}

static int blanks_between(const Token *before, const Token *a, const Token *b, const Token *next)
{
    static const char *const opening[] = {"(", "[", "..", NULL};
    static const char *const closing[] = {")", "]", ",", "..", NULL};
    static const char *const products[] = {"*", "/", NULL};
    const bool inside = b->brackets > 0;

    if (b->comment)
        return 2;
    if (is_any(a, opening) || is_any(b, closing))
        return 0;
    if (is_text(a, "-") && awaits_value(before))
        return 0;
    if (inside && is_text(a, "="))
        return is_text(b, "if");
    if (inside && (is_any(a, products) || is_any(b, products)))
        return 0;
    if (is_text(b, "(") || is_text(b, "["))
        return !a->name && !is_text(a, ")") && !is_text(a, "]");
    if (inside && is_text(b, "="))
        return is_text(next, "if");
    if (is_text(a, "{") && is_text(b, "}"))
        return 0;
    return 1;
}

/* Does the line go on in the next one, behind an operator? */
static bool ends_in_operator(const Line *line)
{
    static const char *const operators[] = {
        "+", "-", "*", "/", "<", ">", "==", "!=", "<=", ">=", "and", "or", "not", "..", "->", NULL};
    const int last = line->count - 1 - (line->count > 0 && line->tokens[line->count - 1].comment);

    return last >= 0 && is_any(&line->tokens[last], operators);
}

static void set_blanks(Lines *lines)
{
    int brackets = 0, depth = 0, section = 0; /* depth that the section's statements have */
    bool goes_on = false;

    for (int i = 0; i < lines->count; i++) {
        Line *line = &lines->items[i];
        Token *tokens = line->tokens;
        const bool arrow = line->count > 0 && is_text(&tokens[0], "->");

        line->depth = depth - (line->count > 0 && is_text(&tokens[0], "}"));
        line->section = (section > 0 || (line->count > 0 && is_text(&tokens[0], "let"))) &&
                        depth == section && !goes_on && !arrow;
        for (int k = 0; k < line->count; k++) {
            const bool opens = is_text(&tokens[k], "(") || is_text(&tokens[k], "[");

            brackets -= is_text(&tokens[k], ")") || is_text(&tokens[k], "]");
            tokens[k].brackets = brackets;
            brackets += opens;
            if (is_text(&tokens[k], "{") && depth++ == 0 &&
                (is_text(&tokens[0], "data") || is_text(&tokens[0], "train")))
                section = depth;
            if (is_text(&tokens[k], "}") && depth-- == section)
                section = 0;
        }
        for (int k = 1; k < line->count; k++)
            tokens[k].blanks = blanks_between(k > 1 ? &tokens[k - 2] : NULL, &tokens[k - 1],
                                              &tokens[k],
                                              k + 1 < line->count ? &tokens[k + 1] : NULL);
        if (line->section && line->count > 1 && is_text(&tokens[0], "input"))
            tokens[1].blanks = 2; /* as wide as `target` */
        if (line->count > 0 && !tokens[0].comment)
            goes_on = brackets > 0 || ends_in_operator(line);
    }
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Columns before a token, from the line's first one; UTF-8's following bytes take none. */
static int token_column(const Line *line, int token)
{
    int column = 0;

    for (int i = 0; i <= token; i++) {
        column += i > 0 ? line->tokens[i].blanks : 0;
        for (int k = 0; i < token && k < line->tokens[i].length; k++)
            column += ((unsigned char)line->tokens[i].text[k] & 0xc0) != 0x80;
    }
    return column;
}

/* The token that is to be aligned with those of neighbours: `=` of a section; or -1. */
static int find_equal(const Line *line)
{
    for (int i = 0; line->section && i < line->count; i++)
        if (is_text(&line->tokens[i], "=") && line->tokens[i].brackets == 0)
            return i;
    return -1;
}

/* Lines of one group of statements are of one section, and have no blank line or line of comments
   between them. */
static void align_equals(Lines *lines)
{
    for (int first = 0, last; first < lines->count; first = last + 1) {
        int widest = 0;

        for (last = first;
             last < lines->count && lines->items[last].count > 0 &&
             !lines->items[last].tokens[0].comment && !is_text(&lines->items[last].tokens[0], "}");
             last++) {
            const int equal = find_equal(&lines->items[last]);
            const int column = equal > 0 ? token_column(&lines->items[last], equal) : 0;

            widest = column > widest ? column : widest;
        }
        for (int i = first; i < last; i++) {
            const int equal = find_equal(&lines->items[i]);

            if (equal > 0)
                lines->items[i].tokens[equal].blanks += widest -
                                                        token_column(&lines->items[i], equal);
        }
    }
}

/* A line of a pipe with two arrows, which are set to them, in no bracket. */
static bool find_arrows(const Line *line, int arrows[2])
{
    int count = 0;

    for (int i = 0; i + 1 < line->count && count < 2; i++)
        if (is_text(&line->tokens[i], "->") && line->tokens[i].brackets == 0)
            arrows[count++] = i;
    return count == 2;
}

/* The second arrows of neighbouring lines of a pipe, where the same layer stands before them. */
static void align_arrows(Lines *lines)
{
    for (int first = 0, last; first < lines->count; first = last + 1) {
        const Token *name = NULL;
        int arrows[2], widest = 0, narrowest = INT_MAX;

        for (last = first; last < lines->count; last++) {
            const Line *line = &lines->items[last];

            if (!find_arrows(line, arrows) || (last > first && arrows[0] != 0) ||
                (name && (name->length != line->tokens[arrows[0] + 1].length ||
                          strncmp(name->text, line->tokens[arrows[0] + 1].text,
                                  (size_t)name->length) != 0)))
                break;
            const int width = token_column(line, arrows[1]) - token_column(line, arrows[0]);

            name = &line->tokens[arrows[0] + 1];
            widest = width > widest ? width : widest;
            narrowest = width < narrowest ? width : narrowest;
        }
        for (int i = first; i < last && widest - narrowest < MAX_GAP; i++) {
            Line *line = &lines->items[i];

            find_arrows(line, arrows);
            line->tokens[arrows[1]].blanks += widest - (token_column(line, arrows[1]) -
                                                        token_column(line, arrows[0]));
        }
        last -= last > first; /* what ended this group may begin another */
    }
}

typedef struct OpenPlace { /* a bracket, or (the first) the statement */
    int column;            /* of what follows it, where lines go on */
    int end;               /* of what closes it, where that begins a line */
    int arrow;             /* of its first `->`; -1: none yet */
} OpenPlace;

enum { MAX_PLACES = 512 };

/* Notes what a line leaves open, at `places`; gives how many there are then. */
static int follow_line(const Line *line, OpenPlace *places, int count)
{
    for (int i = 0; i < line->count; i++) {
        const Token *token = &line->tokens[i];
        const int column = line->indent + token_column(line, i);
        const bool ends = i + 1 == line->count || line->tokens[i + 1].comment;

        if (is_text(token, "=") && count == 1)
            places[0].column = column + 2;
        if (is_text(token, "->") && places[count - 1].arrow < 0)
            places[count - 1].arrow = column;
        if ((is_text(token, "(") || is_text(token, "[")) && count < MAX_PLACES)
            places[count++] = (OpenPlace){.column = ends ? line->indent + INDENT : column + 1,
                                          .end = ends ? line->indent : column,
                                          .arrow = -1};
        if ((is_text(token, ")") || is_text(token, "]")) && count > 1)
            count--;
    }
    return count;
}

static void set_indents(Lines *lines)
{
    static OpenPlace none = {.column = 0, .arrow = -1};
    OpenPlace *places = allocate(MAX_PLACES * sizeof *places);
    int count = 1;
    bool goes_on = false;

    for (int i = 0; i < lines->count; i++) {
        Line *line = &lines->items[i];
        int next = i; /* a comment stands as the line that follows it */

        while (next + 1 < lines->count &&
               (lines->items[next].count == 0 || lines->items[next].tokens[0].comment))
            next++;
        const Token *first = lines->items[next].count > 0 ? &lines->items[next].tokens[0] : NULL;
        const bool arrow = is_text(first, "->"), otherwise = is_text(first, "else");

        if (line->count == 0)
            continue;
        line->indent = line->depth * INDENT;
        if (count == 1 && !arrow && !otherwise && !goes_on)
            places[0] = none;
        if (count > 1 && (is_text(first, ")") || is_text(first, "]")))
            line->indent = places[count - 1].end;
        else if (arrow && places[count - 1].arrow >= 0)
            line->indent = places[count - 1].arrow;
        else if (count > 1)
            line->indent = places[count - 1].column;
        else if ((arrow || goes_on) && places[0].column > 0)
            line->indent = places[0].column;
        else if (arrow || otherwise || goes_on)
            line->indent += INDENT;
        if (line->tokens[0].comment)
            continue;
        count = follow_line(line, places, count);
        goes_on = ends_in_operator(line);
    }
}

/* Comments behind neighbouring lines stand in one column. */
static void align_comments(Lines *lines)
{
    for (int first = 0, last; first < lines->count; first = last + 1) {
        int widest = 0;

        for (last = first; last < lines->count && lines->items[last].count > 1 &&
                           lines->items[last].tokens[lines->items[last].count - 1].comment;
             last++) {
            const Line *line = &lines->items[last];
            const int column = line->indent + token_column(line, line->count - 1);

            widest = column > widest ? column : widest;
        }
        for (int i = first; i < last; i++) {
            Line *line = &lines->items[i];

            line->tokens[line->count - 1].blanks += widest - line->indent -
                                                    token_column(line, line->count - 1);
        }
    }
}

void format_source(Text *text, const Source *source)
{
    const Lines read = read_lines(source);
    Lines lines = break_lines(&read);

    set_blanks(&lines);
    align_arrows(&lines);
    align_equals(&lines);
    set_indents(&lines);
    align_comments(&lines);
    for (int i = 0; i < lines.count; i++) {
        const Line *line = &lines.items[i];

        for (int k = 0; k < line->count; k++)
            text_add(text, "%*s%.*s", k == 0 ? line->indent : line->tokens[k].blanks, "",
                     line->tokens[k].length, line->tokens[k].text);
        text_add(text, "\n");
    }
}
