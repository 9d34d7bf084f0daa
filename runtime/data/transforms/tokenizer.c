/*
 * tokenizer.c -- a text as words, in one pass. Text is UTF-8; a byte that is not is taken for the
 * Latin-1 character that it may be.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

void net_tokenizer_open(struct net_tokenizer *tokenizer, const struct net_call *call)
{
    const struct net_arg *strip = net_argument(call, "strip");
    const struct net_arg *nfc = net_argument(call, "nfc");
    const char *names = strip && strip->text ? strip->text : "";

    *tokenizer = (struct net_tokenizer){
        .nfc = nfc && nfc->number != 0,
        .lower = net_argument(call, "lower")->number != 0,
        .tags = strstr(names, "tags"),
        .punctuation = strstr(names, "punctuation"),
        .digits = strstr(names, "digits"),
        .min_letters = (int)net_whole_argument(call, "min_letters", 1, 1e9),
    };
}

void net_tokenizer_close(struct net_tokenizer *tokenizer)
{
    free(tokenizer->word.at);
    free(tokenizer->normal.at);
}

void net_tokenizer_begin(struct net_tokenizer *tokenizer, struct net_slice text)
{
    if (tokenizer->nfc)
        text = net_nfc(text, &tokenizer->normal);
    tokenizer->at = (const unsigned char *)text.at;
    tokenizer->end = tokenizer->at + text.length;
    tokenizer->untagged = false;
    net_scratch_fit(&tokenizer->word, 2 * text.length + 1); /* Latin-1 and small letters grow */
}

/* ---- characters ------------------------------------------------------------------------------ */

static bool is_space(unsigned c)
{
    return c <= ' ' || c == 0x7F || c == 0x85 || c == 0xA0 || (c >= 0x2000 && c <= 0x200B) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

/* ASCII's, Latin-1's (no letters or superscript digits), and the blocks of general and CJK ones. */
static bool is_punctuation(unsigned c)
{
    if (c < 0x80)
        return (c > ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || c > 'z';
    if (c <= 0xBF)
        return c >= 0xA1 && !strchr("\xAA\xB2\xB3\xB5\xB9\xBA\xBC\xBD\xBE", (int)c);
    return c == 0xD7 || c == 0xF7 || (c >= 0x2010 && c <= 0x206F) || (c >= 0x20A0 && c <= 0x20BF) ||
           c == 0x2122 || (c >= 0x3001 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF0F);
}

/* ---- words ----------------------------------------------------------------------------------- */

/* The end of a tag that begins here, or NULL: a lone < is a character like others. */
static const unsigned char *tag_end(struct net_tokenizer *t)
{
    const unsigned char next = t->at + 1 < t->end ? t->at[1] : ' ';
    const unsigned char *close;

    if (t->untagged || (!((next | 32) >= 'a' && (next | 32) <= 'z') && next != '/' && next != '!'))
        return NULL;
    close = memchr(t->at, '>', (size_t)(t->end - t->at));
    t->untagged = !close;
    return close ? close + 1 : NULL;
}

/* Reads one run of letters into `word`; gives how many characters it has. 0: only spaces. */
static int read_word(struct net_tokenizer *t, struct net_slice *word)
{
    char *to = t->word.at;
    int letters = 0, length;

    while (t->at < t->end) {
        const unsigned char *tag = *t->at == '<' && t->tags ? tag_end(t) : NULL;
        unsigned c = net_read_utf8(t->at, t->end, &length);
        const bool space = tag || is_space(c) || (t->punctuation && is_punctuation(c));

        if (space && letters)
            break;
        t->at = tag ? tag : t->at + length;
        if (space || (t->digits && c >= '0' && c <= '9'))
            continue;
        to = net_put_utf8(to, t->lower ? net_lower_case(c) : c);
        letters++;
    }
    *word = (struct net_slice){t->word.at, (size_t)(to - t->word.at)};
    return letters;
}

bool net_tokenizer_next(struct net_tokenizer *t, struct net_slice *word)
{
    while (t->at < t->end) {
        const int letters = read_word(t, word);

        if (letters && letters >= t->min_letters &&
            !(t->stop && net_strings_find(t->stop, word->at, word->length) >= 0))
            return true;
    }
    return false;
}
