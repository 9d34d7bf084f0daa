/*
 * main.c -- a trainer's commands.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "core/standard_files.h"

static int (*const commands[NET_COMMANDS])(struct net_options *) = {
#define COMMAND(id, name, ...) net_command_##name,
#include "language.def"
};

/* A processor without the compiled instructions is told so, before one of them is met. */
static void check_isa(const struct net_model *model)
{
    bool able = true;

#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!strncmp(model->isa, "avx512", 6))
        able = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma") &&
               (!model->isa[6] || __builtin_cpu_supports("avx512bf16"));
    else if (!strcmp(model->isa, "avx2"))
        able = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    if (!able)
        net_fail(NET_FAULT,
                 "this trainer was compiled for processors with %s, which this one lacks; "
                 "compile it again here, or with --target generic",
                 model->isa);
}

/* Which command a word is; a word that is none ends the program. */
static enum net_command find_command(const char *word)
{
    const char *nearest;
    char *typed = net_typed_name(word);

    for (int c = 0; c < NET_COMMANDS; c++) {
        char *name = net_typed_name(net_commands[c]);
        const bool same = !strcmp(typed, name);

        free(name);
        if (same) {
            free(typed);
            return (enum net_command)c;
        }
    }
    free(typed);
    nearest = net_nearest(word, net_commands, NET_COMMANDS);
    if (nearest)
        net_fail(NET_USAGE, "there is no command \"%s\"; do you mean %s?", word, nearest);
    net_fail(NET_USAGE, "there is no command \"%s\"; --help lists them", word);
}

/* What was printed has to arrive: a full disk behind stdout is a fault. */
static int flushed(int code)
{
    if (fflush(stdout))
        net_fail(NET_FAULT, "cannot write to stdout: %s", strerror(errno));
    if (ferror(stdout)) /* why was known then */
        net_fail(NET_FAULT, "not all of it could be written to stdout");
    return code;
}

int net_main(int argc, char **argv, const struct net_model *model)
{
    net_open_standard_files();

    const bool named = argc > 1 && argv[1][0] != '-';
    const enum net_command command = named ? find_command(argv[1]) : NET_TRAIN_COMMAND;
    const int first = named ? 2 : argc > 0 ? 1 : 0;
    struct net_options options;

    if (net_options_ask(model, argc - first, argv + first, "--help") ||
        net_options_ask(model, argc - first, argv + first, "-h")) {
        if (named)
            net_command_help(model, command);
        else
            net_help(model);
        return flushed(NET_OK);
    }
    if (net_options_ask(model, argc - first, argv + first, "--version")) {
        printf("%s %s, netc %s, %s\n", model->name, model->hash, model->version, model->isa);
        return flushed(NET_OK);
    }
    struct net_world *ranks = model->ranks ? model->ranks(model) : NULL;

    net_options_read(&options, model, command, argc - first, argv + first);
    if (ranks)
        ranks->join(ranks, &options);
    check_isa(model);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is a write that fails, as others do */
    net_flush_denormals();
    const int code = commands[command](&options);
    net_options_free(&options);
    const int status = flushed(code);

    if (ranks && ranks->open)
        ranks->leave(ranks);
    return status;
}
