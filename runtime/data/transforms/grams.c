/*
 * grams.c -- the words of a text, and behind them its pairs of neighbours, its threes and so on,
 * each joined by blanks, which no word has.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

void net_grams_open(struct net_grams *grams, const struct net_call *call)
{
    const struct net_arg *most = net_argument(call, "ngrams");

    *grams = (struct net_grams){
        .most = most ? (int)net_whole_argument(call, "ngrams", 1, NET_MOST_GRAMS) : 1};
    net_tokenizer_open(&grams->tokenizer, call);
}

void net_grams_close(struct net_grams *grams)
{
    net_tokenizer_close(&grams->tokenizer);
    free(grams->text.at);
    free(grams->begin);
}

/* The words of the text with blanks between them, and where each begins. */
static void read_words(struct net_grams *grams)
{
    size_t used = 0;
    struct net_slice word;

    for (grams->count = 0; net_tokenizer_next(&grams->tokenizer, &word); grams->count++) {
        if (grams->count + 2 > grams->room) {
            grams->room = 2 * grams->room + 64;
            grams->begin = realloc(grams->begin, grams->room * sizeof *grams->begin);
            if (!grams->begin)
                net_fail(1, "out of memory for the %zu words of a text", grams->count);
        }
        net_scratch_fit(&grams->text, used + word.length + 1);
        grams->begin[grams->count] = used;
        memcpy(grams->text.at + used, word.at, word.length);
        used += word.length;
        grams->text.at[used++] = ' ';
    }
    if (grams->count)
        grams->begin[grams->count] = used;
}

void net_grams_begin(struct net_grams *grams, struct net_slice text)
{
    net_tokenizer_begin(&grams->tokenizer, text);
    grams->words = 1;
    grams->at = 0;
    if (grams->most > 1)
        read_words(grams);
}

bool net_grams_next(struct net_grams *grams, struct net_slice *gram)
{
    if (grams->most == 1)
        return net_tokenizer_next(&grams->tokenizer, gram);
    if (grams->at + (size_t)grams->words > grams->count) {
        grams->words++;
        grams->at = 0;
    }
    if (grams->words > grams->most || (size_t)grams->words > grams->count)
        return false;
    const size_t begin = grams->begin[grams->at], end = grams->begin[grams->at + grams->words];

    *gram = (struct net_slice){grams->text.at + begin, end - 1 - begin};
    grams->at++;
    return true;
}
