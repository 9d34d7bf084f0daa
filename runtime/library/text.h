/*
 * text.h -- texts as the numbers that a network reads: the words of core/words.h, which are the
 * trainer's, numbered by a table of names.h.
 */

#ifndef NET_LIBRARY_TEXT_H
#define NET_LIBRARY_TEXT_H

#include "core/words.h"
#include "library/names.h"

/* The next word that is no stop word; false at the text's end. */
static inline bool net_counted_word(struct net_words *words, const void *stop, char *word,
                                    size_t room, size_t *length)
{
    while (net_next_word(words, word, room, length))
        if (!stop || net_names_find(stop, word, *length) < 0)
            return true;
    return false;
}

/* tokens(..): the first `count` words by number: 0 is padding, 1 a word that is not known; 2 a mark
   before (begin) or behind (end) them, which the vocabulary begins with. A word is put together in
   `room` bytes, four more than any that is known has. stop: NULL or a table. */
static __attribute__((unused)) void net_prepare_tokens(int32_t *ids, int count, const char *text,
                                                       struct net_words words, bool begin, bool end,
                                                       const void *vocabulary, const void *stop,
                                                       char *word, size_t room)
{
    enum { MARK = 2 };
    size_t length;
    int found = 0;

    if (begin)
        ids[found++] = MARK;

    net_words_begin(&words, text, net_text_length(text));
    while (found < count && net_counted_word(&words, stop, word, room, &length))
        ids[found++] = net_names_find(vocabulary, word, length) + 2;
    if (end && found < count)
        ids[found++] = MARK;
    while (found < count)
        ids[found++] = 0;
}

#endif
