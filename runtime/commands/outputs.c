/*
 * outputs.c -- files that a user names for what a command gives: none of them may be one that the
 * command reads, the trainer itself, or one of a run. Links are seen through.
 */

#include "commands/commands.h"

static void need_other(const char *flag, const char *output, const char *read, const char *what)
{
    if (read && net_is_same_file(output, read))
        net_fail(NET_USAGE, "%s %s is %s, which would be lost", flag, output, what);
}

static void check_output(const struct net_options *options, const char *flag, const char *output)
{
    if (!output)
        return;
    if (options->file && net_is_file_of(NULL, options->file, output))
        net_fail(NET_USAGE, "%s %s is the file of rows, which would be lost", flag, output);
    need_other(flag, output, options->value[NET_WEIGHTS].text, "the file of weights");
    need_other(flag, output, "/proc/self/exe", "this trainer");
    need_other(flag, output, options->model->source, "the model's file");
    if (net_is_file_of_run(output))
        net_fail(NET_USAGE, "%s %s is a file of a run, which would be lost", flag, output);
    if (net_is_data_file(options->model, options->value[NET_DATA].text, output))
        net_fail(NET_USAGE, "%s %s is a file of the model's data, which would be lost", flag,
                 output);
}

void net_check_outputs(const struct net_options *options)
{
    check_output(options, "-o", options->value[NET_OUTPUT].text);
    check_output(options, "--tex", options->value[NET_TEX].text);
    check_output(options, "--md", options->value[NET_MD].text);
    check_output(options, "--log-steps", options->value[NET_LOG_STEPS].text);
}
