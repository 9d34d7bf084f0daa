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
    const bool of_folds = options->command == NET_KFOLD || folds;

    if (!of_folds ||
        !net_are_several(options->ranks)) /* of ranks each fold's process has its own */
        net_signals_open(signals);
    if (of_folds)
        return net_kfold(options, signals);
    return net_train_run(options, signals);
}

/* mpirun and srun with MPI tell how many processes they start: of a trainer that knows nothing of
   the others each would train by itself. */
static void check_alone(const struct net_options *options)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !options->model->ranks; i++) {
        const char *size = getenv(sizes[i]);

        if (size && atoi(size) > 1)
            net_fail(NET_USAGE,
                     "%s processes were started, and this trainer is one by itself; `netc --mpi` "
                     "makes one that several share",
                     size);
    }
}

int net_command_train(struct net_options *options)
{
    check_alone(options);
    return train(options);
}

int net_command_kfold(struct net_options *options)
{
    return train(options);
}
