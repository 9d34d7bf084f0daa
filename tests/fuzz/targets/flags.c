/* flags.c -- a command line of a trainer of models/tiny.net: the command's number, then a word a
   line. */

#define _DEFAULT_SOURCE /* strsep */

#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "fuzz/fuzz.h"

enum { MAX_WORDS = 40 };

static char *words[MAX_WORDS];
static int count;
static enum net_command command;

static void read_flags(const void *unused)
{
    struct net_options options;

    (void)unused;
    net_options_read(&options, &net_model, command, count, words);
    net_options_free(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *copy = net_format("%.*s", size ? (int)size - 1 : 0, (const char *)bytes + !!size);
    char *rest = copy;

    command = size ? bytes[0] % NET_COMMANDS : 0;
    for (count = 0; rest && count < MAX_WORDS; count++)
        words[count] = strsep(&rest, "\n");
    fuzz_attempt(read_flags, NULL);
    free(copy);
    return 0;
}
