/*
 * format_token.h -- the tokens that the layout of a .net file is made of: those of lexer.l, and
 * comments.
 */

#ifndef NETC_FORMAT_TOKEN_H
#define NETC_FORMAT_TOKEN_H

#include <stdbool.h>

typedef struct Token {
    const char *text;
    int length, blanks; /* bytes; blanks before it */
    int brackets;       /* ( and [ that are open before it */
    bool comment, name; /* name: a word that is no keyword */
} Token;

bool is_text(const Token *token, const char *text);        /* no token is no text */
bool is_any(const Token *token, const char *const *texts); /* NULL behind the last */

/* The token that begins at a character that is no blank, in a file without syntax errors. */
Token read_token(const char *at);

#endif
