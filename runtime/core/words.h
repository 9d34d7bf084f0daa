/*
 * words.h -- the words of a text, one after another: for the runtime, and for libraries. Text is
 * UTF-8; a byte that is not is taken for the Latin-1 character that it may be.
 *
 * Needs: nothing of libc, and no memory but that for a word.
 */

#ifndef NET_WORDS_H
#define NET_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/lower_case.h"
#include "core/utf8.h"

enum { NET_MOST_GRAMS = 8 }; /* words in a row that are one of a vocabulary */

/* Words stand between spaces; what else is one, and which letters and words count: */
struct net_words {
    bool lower;                    /* letters are made small */
    bool tags;                     /* <...> is a space */
    bool punctuation;              /* is a space */
    bool digits;                   /* are left out: "4x4" is "x" */
    int min_letters;               /* shorter words are left out */
    const unsigned char *at, *end; /* what is left of the text */
    bool untagged;                 /* no > follows any more */
};

static inline void net_words_begin(struct net_words *words, const char *text, size_t length)
{
    words->at = (const unsigned char *)text;
    words->end = words->at + length;
    words->untagged = false;
}

/* ---- characters ------------------------------------------------------------------------------ */

static inline bool net_is_space(unsigned c)
{
    return c <= ' ' || c == 0x7F || c == 0x85 || c == 0xA0 || (c >= 0x2000 && c <= 0x200B) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

/* ASCII's, Latin-1's (no letters or superscript digits), and the blocks of general and CJK ones. */
static inline bool net_is_punctuation(unsigned c)
{
    const uint32_t letters = 1u << 0xA | 1u << 0x12 | 1u << 0x13 | 1u << 0x15 | 1u << 0x19 |
                             1u << 0x1A | 1u << 0x1C | 1u << 0x1D | 1u << 0x1E; /* behind A0 */

    if (c < 0x80)
        return (c > ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || c > 'z';
    if (c <= 0xBF)
        return c >= 0xA1 && !(letters >> (c - 0xA0) & 1);
    return c == 0xD7 || c == 0xF7 || (c >= 0x2010 && c <= 0x206F) || (c >= 0x20A0 && c <= 0x20BF) ||
           c == 0x2122 || (c >= 0x3001 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF0F);
}

/* ---- words ----------------------------------------------------------------------------------- */

/* The end of a tag that begins here, or NULL: a lone < is a character like others. */
static inline const unsigned char *net_tag_end(struct net_words *words)
{
    const unsigned char next = words->at + 1 < words->end ? words->at[1] : ' ';
    const unsigned char *close = words->at;

    if (words->untagged ||
        (!((next | 32) >= 'a' && (next | 32) <= 'z') && next != '/' && next != '!'))
        return NULL;
    while (close < words->end && *close != '>')
        close++;
    words->untagged = close == words->end;
    return words->untagged ? NULL : close + 1;
}

/* Reads one run of letters; gives how many characters it has, 0: there are only spaces. Its bytes
   go to `word` as long as there is room, and one that has more than `room` - 4 bytes has a length
   of more than that. */
static inline int net_read_letters(struct net_words *words, char *word, size_t room, size_t *length)
{
    char *to = word;
    int letters = 0, size;

    while (words->at < words->end) {
        const unsigned char *tag = *words->at == '<' && words->tags ? net_tag_end(words) : NULL;
        const unsigned c = net_utf8_read(words->at, words->end, &size);
        const bool space = tag || net_is_space(c) || (words->punctuation && net_is_punctuation(c));

        if (space && letters)
            break;
        words->at = tag ? tag : words->at + size;
        if (space || (words->digits && c >= '0' && c <= '9'))
            continue;
        if ((size_t)(to - word) + 4 <= room)
            to = net_utf8_put(to, words->lower ? net_small_letter(c) : c);
        letters++;
    }
    *length = (size_t)(to - word);
    return letters;
}

/* The next word of letters enough; false at the text's end. */
static inline bool net_next_word(struct net_words *words, char *word, size_t room, size_t *length)
{
    while (words->at < words->end) {
        const int letters = net_read_letters(words, word, room, length);

        if (letters && letters >= words->min_letters)
            return true;
    }
    return false;
}

#endif
