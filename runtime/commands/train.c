/*
 * train.c -- `train` and `kfold`: one run, or one for each fold.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"

/* One run, or under kfold(k) one for each fold; --resume of a fold's own folder goes on with that
   fold. */
static int train(struct net_options *options)
{
    const struct net_call *validation = options->model->parts[NET_VALIDATION];
    const char *resume = options->value[NET_RESUME].text;
    struct net_signals *signals = net_allocate(1, sizeof *signals); /* a thread keeps it */
    char *kfold = resume ? net_format("%s/kfold.json", resume) : NULL;
    const bool folds = resume ? net_folder_has(NULL, kfold)
                              : validation && !strcmp(validation->name, "kfold");

    free(kfold);
    net_signals_open(signals);
    if (folds && net_are_several(options->ranks))
        net_fail(NET_USAGE, "a k-fold runs in one process: start it without mpirun");
    if (options->command == NET_KFOLD || folds)
        return net_kfold(options, signals);
    return net_train_run(options, signals);
}

int net_command_train(struct net_options *options)
{
    return train(options);
}

int net_command_kfold(struct net_options *options)
{
    return train(options);
}
