/*
 * train_save.c -- the checkpoint of a run and the weights as they would be kept; the end, where the
 * parameters are not finite any more.
 */

#include <stdlib.h>

#include "commands/train.h"

char *advise_diverged(const struct trainer *trainer, bool updated)
{
    const struct net_value *value = trainer->run.options->value;
    const double clip = value[NET_CLIP].number;

    if (updated && trainer->run.options->model->section_count)
        return net_format("Try smaller rates in the train sections");
    if (updated && clip > 0.0)
        return net_format("Try a smaller --lr, or a smaller --clip than %g", clip);
    if (updated)
        return net_format("Try a smaller --lr, or --clip 1");
    if (value[NET_WEIGHTS].text)
        return net_format("No update came before it, so the learning rate is not its cause: the "
                          "weights of %s or the numbers of the rows are too large",
                          value[NET_WEIGHTS].text);
    return net_format("No update came before it, so the learning rate is not its cause: inputs, "
                      "targets or initial weights are too large; standardize and minmax make rows "
                      "smaller");
}

static void save_weights(const struct trainer *trainer)
{
    const bool best = trainer->run.kept && trainer->run.state.best_epoch;

    net_weights_write(&trainer->run.folder, "model.safetensors", trainer->run.session.model,
                      best ? trainer->run.kept : net_averaged(&trainer->run.session),
                      trainer->run.checksum);
}

/* A good checkpoint is not written over by one whose parameters are not finite. */
void save_training(struct trainer *trainer)
{
    if (trainer->again || net_is_led(trainer->run.options->ranks))
        return;
    const struct net_tensor *spoilt = net_not_finite(&trainer->run.session);

    if (spoilt) {
        net_progress_close(&trainer->progress);
        net_sinks_finish(&trainer->sinks, "diverged");
        net_fail(NET_DIVERGED,
                 "after step %u, the last step, %s is not finite. %s, from "
                 "the last good checkpoint: --weights %s/checkpoint.safetensors",
                 trainer->run.session.run.step, spoilt->name, advise_diverged(trainer, true),
                 net_folder_place(&trainer->run.folder));
    }
    save_learnt(trainer);
    net_sinks_save(&trainer->sinks, &trainer->run);
    net_checkpoint_write(&trainer->run);
    save_weights(trainer);
    trainer->saved = net_now();
}
