/* tokenizer.c -- a text as words, which are UTF-8 whatever it was; its first byte says how. */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"
#include "fuzz/fuzz.h"

static struct net_slice text;
static unsigned how;

static void read_words(const void *unused)
{
    const struct net_arg args[] = {{.name = "lower", .number = how & 1},
                                   {.name = "strip",
                                    .text = how & 2   ? "tags punctuation digits"
                                            : how & 4 ? "tags"
                                                      : NULL},
                                   {.name = "min_letters", .number = 1 + (how >> 3 & 3)},
                                   {.name = "nfc", .number = how >> 5 & 1}};
    const struct net_call call = {.name = "tokens", .args = args, .arg_count = 4};
    struct net_tokenizer tokenizer;
    struct net_slice word;

    (void)unused;
    net_tokenizer_open(&tokenizer, &call);
    net_tokenizer_begin(&tokenizer, text);
    while (net_tokenizer_next(&tokenizer, &word)) {
        char *copy = net_format("%.*s", (int)word.length, word.at);

        if (!word.length || strlen(copy) != word.length || !net_is_utf8(copy))
            fuzz_finding("a word of %zu bytes: %s", word.length, copy);
        free(copy);
    }
    net_tokenizer_close(&tokenizer);
}

/* A text in its normal form stays as it is. */
static void read_normal(const void *unused)
{
    struct net_scratch once = {0}, twice = {0};
    const struct net_slice normal = net_nfc(text, &once), again = net_nfc(normal, &twice);

    (void)unused;
    if (again.length != normal.length ||
        (again.length && memcmp(again.at, normal.at, again.length) != 0))
        fuzz_finding("%zu bytes become %zu, and these %zu", text.length, normal.length,
                     again.length);
    free(once.at);
    free(twice.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy = net_allocate(size, 1); /* ends where the text does */

    how = size ? bytes[0] : 0;
    memcpy(copy, bytes + !!size, size - !!size);
    text = (struct net_slice){copy, size - !!size};
    fuzz_attempt(read_words, NULL);
    fuzz_attempt(read_normal, NULL);
    free(copy);
    return 0;
}
