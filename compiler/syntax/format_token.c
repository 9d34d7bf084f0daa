/*
 * format_token.c -- tokens of a .net file, where its layout is made.
 */

#include "syntax/format_token.h"

#include <ctype.h>
#include <string.h>

bool is_text(const Token *token, const char *text)
{
    return token && token->length == (int)strlen(text) &&
           strncmp(token->text, text, strlen(text)) == 0;
}

bool is_any(const Token *token, const char *const *texts)
{
    for (; *texts; texts++)
        if (is_text(token, *texts))
            return true;
    return false;
}

static int number_length(const char *at)
{
    int n = (int)strspn(at, "0123456789");

    if (at[n] == '.' && isdigit((unsigned char)at[n + 1]))
        n += 1 + (int)strspn(at + n + 1, "0123456789");
    if (at[n] == 'e' || at[n] == 'E') {
        const int sign = at[n + 1] == '-' || at[n + 1] == '+';

        if (isdigit((unsigned char)at[n + 1 + sign]))
            n += 1 + sign + (int)strspn(at + n + 1 + sign, "0123456789");
    }
    return n;
}

static bool is_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static int part_length(const char *at)
{
    int n = 0;

    while (is_of_name(at[n]))
        n++;
    return n;
}

/* "nn.Linear", "../data/a-b.csv", "0.x": the longest DOTTED of lexer.l; 0: none. Parts are joined
   by `-` and `/` and then by one to four points, and the last begins with a letter. */
static int dotted_length(const char *at)
{
    const int folder = (int)strspn(at, "."), most = 4;
    int n = folder <= 2 && at[folder] == '/' ? folder + 1 : 0;
    int longest = 0, points = 0;

    for (int part; (part = part_length(at + n)) > 0; n++) {
        if (points > 0 && !isdigit((unsigned char)at[n]))
            longest = n + part;
        n += part;
        if (at[n] == '.' && points < most)
            points++;
        else if (points > 0 || (at[n] != '-' && at[n] != '/'))
            break;
    }
    return longest;
}

Token read_token(const char *at)
{
    static const char *const pairs[] = {"->", "..", "==", "!=", "<=", ">=", NULL};
    static const char *const keywords[] = {"let", "for",    "in",  "if",  "then", "else",
                                           "or",  "return", "and", "not", NULL};
    Token token = {.text = at, .length = 1};
    const int dotted = dotted_length(at);
    const Token two = {.text = at, .length = 2};

    if (*at == '#') {
        token.comment = true;
        token.length = (int)strcspn(at, "\r\n");
        while (isspace((unsigned char)at[token.length - 1]))
            token.length--;
    } else if (*at == '"' || *at == '\'') {
        token.length = 1 + (int)strcspn(at + 1, *at == '"' ? "\"" : "'") + 1;
    } else if (dotted > 0) {
        token.length = dotted;
        token.name = true;
    } else if (isdigit((unsigned char)*at)) {
        token.length = number_length(at);
    } else if (is_of_name(*at)) {
        token.length = part_length(at);
        token.name = !is_any(&token, keywords);
    } else if (is_any(&two, pairs)) {
        token.length = 2;
    }
    return token;
}
