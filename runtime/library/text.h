/*
 * text.h -- texts as the numbers that a network reads: the words of core/words.h, which are the
 * trainer's, numbered by a table of names.h.
 */

#ifndef NET_LIBRARY_TEXT_H
#define NET_LIBRARY_TEXT_H

#include <string.h>

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

/* How many of a text's words the run knows. */
static __attribute__((unused)) int net_count_known(const char *text, struct net_words words,
                                                   const void *vocabulary, const void *stop,
                                                   char *word, size_t room)
{
    size_t length;
    int known = 0;

    net_words_begin(&words, text, net_text_length(text));
    while (net_counted_word(&words, stop, word, room, &length))
        known += net_names_find(vocabulary, word, length) >= 0;
    return known;
}

/* bag_of_words(..): how often each of the vocabulary's words, and of its runs of up to `most`, is
   there. `memory` has room for `most` words of `room` bytes and a blank each. */
static __attribute__((unused)) void net_prepare_bag(float *counts, int size, const char *text,
                                                    struct net_words words, int most,
                                                    const void *vocabulary, const void *stop,
                                                    char *memory, size_t room)
{
    size_t begin[NET_MOST_GRAMS], used = 0, length;
    int held = 0;

    memset(counts, 0, (size_t)size * sizeof *counts);
    net_words_begin(&words, text, net_text_length(text));
    while (net_counted_word(&words, stop, memory + used, room, &length)) {
        begin[held++] = used;
        used += length;
        for (int first = held - 1; first >= 0; first--) {
            const int32_t n = net_names_find(vocabulary, memory + begin[first],
                                             used - begin[first]);

            if (n >= 0)
                counts[n]++;
        }
        memory[used++] = ' ';
        if (held < most)
            continue;
        const size_t gone = held > 1 ? begin[1] : used; /* the first of them */

        for (size_t i = gone; i < used; i++)
            memory[i - gone] = memory[i];
        used -= gone;
        held--;
        for (int i = 0; i < held; i++)
            begin[i] = begin[i + 1] - gone;
    }
}

/* tfidf: counts times idf, a row of length 1 (data/transforms/tfidf.c). */
static __attribute__((unused)) void net_prepare_tfidf(float *counts, int size, const double *idf)
{
    double squares = 0;

    for (int i = 0; i < size; i++)
        squares += (double)counts[i] * idf[i] * ((double)counts[i] * idf[i]);
    for (int i = 0; squares > 0 && i < size; i++)
        counts[i] = (float)((double)counts[i] * idf[i] / __builtin_sqrt(squares));
}

#endif
