/*
 * tokenizer.c -- a text as words, in one pass: core/words.h, with memory for them, Unicode's normal
 * form before and stop words behind.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { MOST_BYTES = 4 /* of a character */ };

void net_tokenizer_open(struct net_tokenizer *tokenizer, const struct net_call *call)
{
    const struct net_arg *strip = net_argument(call, "strip");
    const struct net_arg *nfc = net_argument(call, "nfc");
    const char *names = strip && strip->text ? strip->text : "";

    *tokenizer = (struct net_tokenizer){
        .nfc = nfc && nfc->number != 0,
        .words =
            {
                .lower = net_argument(call, "lower")->number != 0,
                .tags = strstr(names, "tags"),
                .punctuation = strstr(names, "punctuation"),
                .digits = strstr(names, "digits"),
                .min_letters = (int)net_whole_argument(call, "min_letters", 1, 1e9),
            },
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
    net_words_begin(&tokenizer->words, text.at, text.length);
    tokenizer->room = 2 * text.length + MOST_BYTES; /* Latin-1 and small letters grow */
    net_scratch_fit(&tokenizer->word, tokenizer->room);
}

bool net_tokenizer_next(struct net_tokenizer *t, struct net_slice *word)
{
    while (net_next_word(&t->words, t->word.at, t->room, &word->length)) {
        word->at = t->word.at;
        if (!(t->stop && net_strings_find(t->stop, word->at, word->length) >= 0))
            return true;
    }
    return false;
}
