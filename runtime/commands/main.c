/*
 * main.c -- a trainer's commands.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime.h"

/* A processor without the compiled instructions is told so, before one of them is met. */
static void check_isa(const struct net_model *model)
{
    bool able = true;

#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!strcmp(model->isa, "avx512"))
        able = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
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
    static const char *const later[] = {
        "sweep", "report", "export", "tensorboard", "mlflow",
    };
    const char *nearest;

    for (int c = 0; c < NET_COMMANDS; c++)
        if (!strcmp(word, net_commands[c]))
            return (enum net_command)c;
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (!strcmp(word, later[i]))
            net_fail(NET_USAGE, "%s is not implemented", word);
    nearest = net_nearest(word, net_commands, NET_COMMANDS);
    if (nearest)
        net_fail(NET_USAGE, "there is no command \"%s\"; do you mean %s?", word, nearest);
    net_fail(NET_USAGE, "there is no command \"%s\"; --help lists them", word);
}

/* Where predictions go: a file that is whole or absent, or as it stands what is there and no file,
   such as a pipe or a link (/dev/stdout is one); without a path, stdout. `file->path` tells which
   it is. */
static void open_predictions(struct net_file *file, const char *path)
{
    struct stat status;

    *file = (struct net_file){.out = stdout};
    if (path && !lstat(path, &status) && !S_ISREG(status.st_mode)) {
        file->out = fopen(path, "w");
        if (!file->out)
            net_fail(NET_FAULT, "cannot write %s: %s", path, strerror(errno));
    } else if (path) {
        net_file_open(file, path);
    }
}

static void close_predictions(struct net_file *file, const char *path)
{
    if (file->path)
        net_file_commit(file);
    else if (fflush(file->out) || ferror(file->out) || (path && fclose(file->out)))
        net_fail(NET_FAULT, "cannot write %s: %s", path ? path : "the predictions",
                 strerror(errno));
}

static int predict(const struct net_options *options)
{
    const struct net_model *model = options->model;
    const char *part = options->value[NET_PART].text, *file = options->value[NET_OUTPUT].text;
    struct net_session session;
    struct net_file out;

    if (options->file && options->value[NET_PART].given)
        net_fail(NET_USAGE, "predict takes a FILE or --part, not both");
    if (!options->file && !options->value[NET_PART].given)
        net_fail(NET_USAGE, "predict wants a FILE with rows, or --part test");
    if (file && options->file && net_is_same_file(file, options->file))
        net_fail(NET_USAGE, "-o %s is the file of rows, which would be lost", file);
    if (file && options->value[NET_WEIGHTS].text &&
        net_is_same_file(file, options->value[NET_WEIGHTS].text))
        net_fail(NET_USAGE, "-o %s is the file of weights, which would be lost", file);
    net_session_open(&session, options);
    char *preparation = net_session_weights(&session);
    if (options->file)
        session.data = net_data_open_file(model, options->file, preparation);
    else
        session.data = net_data_open(model, options->value[NET_DATA].text, preparation);
    const enum net_part rows = options->file ? NET_TEST : net_part_named(part);

    if (!net_data_rows(session.data, rows))
        net_fail(NET_FAULT, "there are no rows to predict: the model's data have no such part");
    open_predictions(&out, file);
    net_predict(out.out, &session, rows);
    close_predictions(&out, file);
    net_session_close(&session);
    free(preparation);
    return NET_OK;
}

static bool asks(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], flag))
            return true;
    return false;
}

static int run(struct net_options *options)
{
    switch (options->command) {
    case NET_EVAL:
        return net_eval(options);
    case NET_PREDICT:
        return predict(options);
    case NET_SUMMARY:
        return net_summary(options);
    case NET_INIT:
        return net_init(options);
    case NET_GRADCHECK:
        return net_gradcheck(options);
    case NET_BENCH:
        return net_bench(options);
    case NET_CONFIG:
        return net_config(options);
    default:
        return net_train(options);
    }
}

/* What was printed has to arrive: a full disk behind stdout is a fault. */
static int flushed(int code)
{
    if (fflush(stdout) || ferror(stdout))
        net_fail(NET_FAULT, "cannot write to stdout: %s", strerror(errno));
    return code;
}

int net_main(int argc, char **argv, const struct net_model *model)
{
    const bool named = argc > 1 && argv[1][0] != '-';
    const enum net_command command = named ? find_command(argv[1]) : NET_TRAIN_COMMAND;
    const int first = named ? 2 : argc > 0 ? 1 : 0;
    struct net_options options;

    if (asks(argc, argv, "--help") || asks(argc, argv, "-h")) {
        net_help(model);
        return flushed(NET_OK);
    }
    if (asks(argc, argv, "--version")) {
        printf("%s %s, netc %s, %s\n", model->name, model->hash, model->version, model->isa);
        return flushed(NET_OK);
    }
    net_options_read(&options, model, command, argc - first, argv + first);
    check_isa(model);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is a write that fails, as others do */
    net_flush_denormals();
    const int code = run(&options);
    net_options_free(&options);
    return flushed(code);
}
