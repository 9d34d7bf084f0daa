/*
 * plain.c -- generated C without what says nothing: factors of 1, terms of 0, (void)x of an x
 * that is used.
 *
 * The one idea: emitters write one form for every shape, and do not ask whether a size is 1 or an
 * offset 0. At the end the text is cut into tokens, and those go whose leaving changes no value.
 */

#include "emit/emit.h"

#include <ctype.h>
#include <string.h>

typedef struct Token {
    const char *at; /* the white space before it, then it */
    int space, length;
    bool gone;
} Token;

typedef struct Tokens {
    Token *at;
    int count;
} Tokens;

/* ---- Cutting --------------------------------------------------------------------------------- */

static int word_length(const char *at)
{
    int n = 0;

    while (isalnum((unsigned char)at[n]) || at[n] == '_' || (at[n] == '.' && isdigit(at[0])) ||
           (n && isdigit(at[0]) && strchr("+-", at[n]) && tolower(at[n - 1]) == 'e'))
        n++;
    return n;
}

/* A string, a comment or a line for the preprocessor is one token. */
static int token_length(const char *at)
{
    static const char *const pairs[] = {
        "->", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "++", "--", "<<", ">>"};
    int n = 1;

    if (*at == '#')
        return (int)strcspn(at, "\n");
    if (strncmp(at, "/*", 2) == 0)
        return (int)(strstr(at, "*/") + 2 - at);
    if (*at == '"' || *at == '\'') {
        while (at[n] != *at)
            n += at[n] == '\\' ? 2 : 1;
        return n + 1;
    }
    if (word_length(at))
        return word_length(at);
    for (int i = 0; i < COUNT(pairs); i++)
        if (strncmp(at, pairs[i], 2) == 0)
            return 2;
    return 1;
}

static Tokens cut(const char *text)
{
    Tokens t = {0};

    while (*text) {
        Token token = {.at = text, .space = (int)strspn(text, " \n")};

        token.length = text[token.space] ? token_length(text + token.space) : 0;
        APPEND(t.at, t.count, token);
        text += token.space + token.length;
    }
    return t;
}

/* ---- What goes ------------------------------------------------------------------------------- */

static int next_of(const Tokens *t, int i)
{
    for (i++; i < t->count && t->at[i].gone;)
        i++;
    return i;
}

static int last_of(const Tokens *t, int i)
{
    for (i--; i >= 0 && t->at[i].gone;)
        i--;
    return i;
}

static bool is_word(const Tokens *t, int i, const char *word, size_t length)
{
    return i >= 0 && i < t->count && (size_t)t->at[i].length == length &&
           memcmp(t->at[i].at + t->at[i].space, word, length) == 0;
}

static bool is(const Tokens *t, int i, const char *word)
{
    return is_word(t, i, word, strlen(word));
}

/* `words`, with a space after each */
static bool is_one_of(const Tokens *t, int i, const char *words)
{
    for (; *words; words += strcspn(words, " ") + 1)
        if (is_word(t, i, words, strcspn(words, " ")))
            return true;
    return false;
}

static char first_of(const Tokens *t, int i)
{
    return i >= 0 ? t->at[i].at[t->at[i].space] : '\0';
}

static bool is_number(const Tokens *t, int i)
{
    return isdigit((unsigned char)first_of(t, i));
}

static bool ends_operand(const Tokens *t, int i)
{
    const char c = first_of(t, i);

    return isalnum((unsigned char)c) || c == '_' || c == ')' || c == ']';
}

static void drop_two(Tokens *t, int i)
{
    t->at[next_of(t, i)].gone = true;
    t->at[i].gone = true;
}

/* The white space of one, the word of another. */
static void replace(Token *token, const Token *other)
{
    token->at = format("%.*s%.*s", token->space, token->at, other->length,
                       other->at + other->space);
    token->length = other->length;
}

/* What stood behind the two stands where they did. */
static void drop_two_before(Tokens *t, int i)
{
    const int operand = next_of(t, next_of(t, i));

    replace(&t->at[i], &t->at[operand]);
    t->at[operand].gone = t->at[next_of(t, i)].gone = true;
}

/* x % 1, x / 4 % 1: 0, from its x on. */
static bool drop_remainder(Tokens *t, int i)
{
    const int end = next_of(t, i);
    int begin = last_of(t, i);

    while (is_number(t, begin) && is(t, last_of(t, begin), "/"))
        begin = last_of(t, last_of(t, begin));
    if (!isalpha((unsigned char)first_of(t, begin)) ||
        !is_one_of(t, last_of(t, begin), "( [ , = + - ? : "))
        return false;
    for (int j = begin + 1; j <= end; j++)
        t->at[j].gone = true;
    t->at[begin].at = format("%.*s0", t->at[begin].space, t->at[begin].at);
    t->at[begin].length = 1;
    return true;
}

/* ((x + y)): (x + y), and (x): x, but not a cast. */
static bool drop_pair(Tokens *t, int i)
{
    const int inner = next_of(t, i), single = next_of(t, inner);
    int end = i;

    if (is(t, single, ")") && is_one_of(t, last_of(t, i), "( [ , = + - * / % ") &&
        is_one_of(t, next_of(t, single), ") ] } , ; + * / % ")) {
        t->at[single].gone = t->at[inner].gone = true;
        replace(&t->at[i], &t->at[inner]);
        return true;
    }
    if (!is(t, inner, "("))
        return false;
    for (int depth = 0; end == i || depth > 0;) {
        end = next_of(t, end);
        depth += is(t, end, "(") - is(t, end, ")");
    }
    if (!is(t, next_of(t, end), ")"))
        return false;
    t->at[inner].gone = t->at[end].gone = true;
    return true;
}

/* One token, or one operator with what belongs to it; true: something went. */
static bool drop_at(Tokens *t, int i)
{
    const int before = last_of(t, i), after = next_of(t, i), then = next_of(t, after);
    const bool begins = is_one_of(t, before, "( [ { , = + ? : return ");
    const bool starts = begins || is_one_of(t, before, "- < > ");

    if (is_one_of(t, i, "* / ") && is(t, after, "1") && ends_operand(t, before))
        return drop_two(t, i), true;
    if (is(t, i, "("))
        return drop_pair(t, i);
    if (is(t, i, "%") && is(t, after, "1"))
        return drop_remainder(t, i);
    if (is(t, i, "1") && is(t, after, "*") && starts)
        return drop_two_before(t, i), true;
    if (is(t, i, "0") && is(t, after, "*") && is_number(t, then) && starts)
        return drop_two(t, after), true;
    if (is_number(t, i) && is(t, after, "*") && is(t, then, "0") && starts)
        return drop_two_before(t, i), true;
    if (is(t, i, "0") && is(t, after, "+") && begins)
        return drop_two_before(t, i), true;
    if (is_one_of(t, i, "+ - ") && is(t, after, "0") && ends_operand(t, before) &&
        is_one_of(t, then, ") ] } , ; + - ? : "))
        return drop_two(t, i), true;
    return false;
}

/* Is the name of token i used behind it, in its block? */
static bool is_used_after(const Tokens *t, int i)
{
    const char *name = format("%.*s", t->at[i].length, t->at[i].at + t->at[i].space);

    for (int depth = 0, j = i + 1; j < t->count && depth >= 0; j++) {
        depth += is(t, j, "{") - is(t, j, "}");
        if (is(t, j, name) && is(t, last_of(t, j), "int"))
            return false; /* another of that name */
        if (is(t, j, name) && !is_one_of(t, last_of(t, j), ". -> "))
            return true;
    }
    return false;
}

/* (void)x; */
static void drop_cast(Tokens *t, int i)
{
    const int name = i + 3, end = i + 4;

    if (is_one_of(t, last_of(t, i), "; { } ") && is(t, i, "(") && is(t, i + 1, "void") &&
        is(t, i + 2, ")") && is(t, end, ";") && is_used_after(t, name))
        for (int j = i; j <= end; j++)
            t->at[j].gone = true;
}

void drop_terms(Text *text)
{
    Tokens t = cut(text->at);
    Text out = {0};

    for (int i = 0; i < t.count; i++)
        drop_cast(&t, i);
    for (bool again = true; again;) { /* what stays may have something to drop then */
        again = false;
        for (int i = next_of(&t, -1); i < t.count; i = next_of(&t, i))
            again = drop_at(&t, i) || again;
    }
    for (int i = 0; i < t.count; i++)
        if (!t.at[i].gone)
            text_add(&out, "%.*s", t.at[i].space + t.at[i].length, t.at[i].at);
    *text = out;
}
