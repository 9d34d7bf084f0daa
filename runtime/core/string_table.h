/*
 * string_table.h -- strings by number: the vocabulary of a text, the names of classes. Numbers count
 * from 0 in order of arrival.
 */

#ifndef NET_WORDS_H
#define NET_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_words {
    char *text;            /* every word with a NUL behind it */
    size_t used, capacity; /* of text, in bytes */
    size_t *begin;         /* of each word in text */
    long *seen;            /* how often each was added */
    int32_t count, most;   /* words; room for as many */
    struct net_slot {
        uint32_t hash;
        int32_t number; /* -1: empty */
    } * slots;          /* a hash table */
    size_t mask;        /* slots are a power of two, less one */
};

struct net_words *net_words_new(void);
void net_words_free(struct net_words *words); /* NULL too */

/* The number of a word, which is new or seen once more. */
int32_t net_words_add(struct net_words *words, const char *at, size_t length);
/* The number of a word, or -1. */
int32_t net_words_find(const struct net_words *words, const char *at, size_t length);

static inline const char *net_word(const struct net_words *words, int32_t number)
{
    return words->text + words->begin[number];
}

/* The words by spelling, or the most frequent first and equally frequent ones by spelling. Gives
   the old number of every new one, malloc'd. */
int32_t *net_words_order(const struct net_words *words, bool frequent_first);

#endif
