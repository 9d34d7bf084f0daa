/*
 * tokenizer.h -- a text as words. Words stand between spaces; tags, punctuation and digits may be
 * taken out before, letters made small, short words and stop words left out.
 */

#ifndef NET_TOKENIZER_H
#define NET_TOKENIZER_H

#include "data/table.h"

struct net_tokenizer {
    bool lower;                    /* letters are made small: Latin, Greek, Cyrillic */
    bool tags;                     /* <...> is a space */
    bool punctuation;              /* is a space */
    bool digits;                   /* are left out: "4x4" is "x" */
    int min_letters;               /* shorter words are left out */
    const struct net_words *stop;  /* words that are left out, or NULL */
    const unsigned char *at, *end; /* what is left of the text */
    bool untagged;                 /* no > follows any more */
    struct net_scratch word;       /* the word that was read */
};

/* As the arguments of tokens(..) or bag_of_words(..) say, without stop words. */
void net_tokenizer_open(struct net_tokenizer *tokenizer, const struct net_call *call);
void net_tokenizer_close(struct net_tokenizer *tokenizer);

void net_tokenizer_begin(struct net_tokenizer *tokenizer, struct net_slice text);
/* The next word, which lives until the next call; false at the text's end. */
bool net_tokenizer_next(struct net_tokenizer *tokenizer, struct net_slice *word);

#endif
