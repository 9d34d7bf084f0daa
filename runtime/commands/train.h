/*
 * train.h -- a training run at work: what train_run.c opens and closes, train_data.c gives data,
 * train_epochs.c steps, train_save.c saves, and train_diverged.c ends.
 */

#ifndef NET_TRAIN_H
#define NET_TRAIN_H

#include "commands/commands.h"

struct trainer {
    struct net_training run; /* what checkpoints hold, and sinks are told of */
    struct net_sinks sinks;
    struct net_progress progress;
    struct net_loader *loader;
    struct net_metrics *metrics;
    struct net_signals *signals;
    struct net_text learnt; /* preparation.json as it has to be */
    long *rows;             /* the epoch's order */
    long *every;            /* 0, 1, 2, ... for the largest part */
    long *sample;           /* training rows whose metrics an epoch reports, evenly spaced */
    float diverged;         /* the loss that is not finite, which ended the last epoch; 0: none */
    double saved;           /* when the last checkpoint was, in seconds */
    double looked;          /* and when it was looked whether files have changed */
    double first, trained;  /* losses of training rows: of the first step, 0: unknown; at the end */
    bool lost;              /* it was told that a part that is held out has no finite loss */
    bool again;             /* steps up to `end` are run again: nothing is shown or written */
    uint32_t end;
};

/* Opens the data: as the run that goes on did, or that whose weights a new one begins with; vectors
   of words are read into a new one. `tensors`: the checkpoint, or NULL. */
void open_data(struct trainer *trainer, struct net_options *options,
               const struct net_tensors *tensors);
void save_learnt(struct trainer *trainer); /* where it is new, gone or was changed */

/* Epochs until the last, or until a signal, --max-steps or a loss that is not finite
   (trainer->diverged); false: stopped inside an epoch. */
bool train_epochs(struct trainer *trainer);

/* The epoch's order of rows and learning rate. */
struct net_mode begin_epoch(struct trainer *trainer);

/* Files of the data that have changed in mid-run are told once each. */
void look_at_data(struct trainer *trainer);

/* A loss of validation or test that is not finite stops nothing, but is told, once. */
void look_at_loss(struct trainer *trainer, enum net_part part, double loss);

/* A checkpoint, and the weights as they would be kept. */
void save_training(struct trainer *trainer);

/* The end after a step whose loss is not finite. */
_Noreturn void fail_diverged(struct trainer *trainer);

/* What may help against a loss that is not finite, after an update or before the first;
   malloc'd. */
char *advise_diverged(const struct trainer *trainer, bool updated);

#endif
