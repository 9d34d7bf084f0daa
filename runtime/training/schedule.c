/*
 * schedule.c -- the learning rate of an epoch, and what watching the validation part decides:
 * plateau's rate, early_stop's end.
 *
 * A rate is a function of the epoch, with PyTorch's values; only plateau has a state, which
 * checkpoints hold. In a list each schedule counts from its own first epoch and starts from the
 * model's rate: [warmup(5), cosine] is a warmup of 5 epochs, then a cosine over those that are
 * left. Behind the last end the rate stays the model's.
 */

#include <math.h>
#include <string.h>

#include "training/training.h"

static const double pi = 3.14159265358979323846;

/* Of an angle from 0 to pi, by its series: libc's would be a twentieth of the whole trainer. */
double net_cosine(double angle)
{
    const bool turned = angle > pi / 2.0;
    const double x = turned ? pi - angle : angle;
    double sum = 1.0, term = 1.0;

    for (int k = 2; k <= 28; k += 2) {
        term *= -x * x / (double)(k * (k - 1));
        sum += term;
    }
    return turned ? -sum : sum;
}

/* How many of multistep's epochs have come. */
static int count_steps(const struct net_call *schedule, double epoch)
{
    const struct net_arg *epochs = net_argument(schedule, "epochs");
    int steps = 0;

    if (!epochs->list)
        return epoch >= epochs->number;
    while (steps < epochs->count && epoch >= epochs->list[steps])
        steps++;
    return steps;
}

bool net_schedule_by_steps(const struct net_call *schedule)
{
    return net_argument(schedule, "steps") || net_has_word(schedule, "by", "step");
}

/* Epochs that it lasts, or 0: to the end. */
static long length_of(const struct net_call *schedule, const struct net_options *options)
{
    if (!strcmp(schedule->name, "warmup"))
        return net_whole(options, NET_WARMUP_EPOCHS);
    return strcmp(schedule->name, "constant") ? 0 : net_whole(options, NET_CONSTANT_EPOCHS);
}

double net_schedule_rate_in(const struct net_call *schedule, const struct net_options *options,
                            double epoch, double epochs)
{
    const struct net_value *value = options->value;
    const double lr = value[NET_LR].number, gamma = value[NET_GAMMA].number;

    if (!strcmp(schedule->name, "warmup"))
        return lr * (epoch + 1.0) / epochs;
    if (!strcmp(schedule->name, "step")) {
        const long steps = (long)epoch / net_whole(options, NET_STEP_SIZE);

        return lr * pow(gamma, (double)steps);
    }
    if (!strcmp(schedule->name, "multistep"))
        return lr * pow(gamma, count_steps(schedule, epoch));
    if (!strcmp(schedule->name, "exponential"))
        return lr * pow(gamma, epoch);
    if (!strcmp(schedule->name, "cosine")) {
        const double least = value[NET_MINIMUM].number;

        return least + (lr - least) * (1.0 + net_cosine(pi * epoch / epochs)) / 2.0;
    }
    return lr;
}

double net_schedule_rate_of(const struct net_options *options, const struct net_state *state,
                            long epoch, long epochs)
{
    const struct net_model *model = options->model;
    const double steps = fmax((double)state->epoch_steps, 1.0); /* of an epoch */
    long left = epochs;

    if (model->cycle)
        return model->cycle(options, steps * (double)epoch, steps * (double)epochs, steps).rate;
    for (int i = 0; i < model->schedule_count; i++) {
        const long length = length_of(&model->schedule[i], options);

        if (!length || epoch < length) /* times plateau's; else 1 */
            return state->plateau_scale * net_schedule_rate_in(&model->schedule[i], options,
                                                               (double)epoch,
                                                               (double)(length ? length : left));
        epoch -= length;
        left -= length;
    }
    return options->value[NET_LR].number;
}

double net_schedule_rate(const struct net_options *options, const struct net_state *state)
{
    return net_schedule_rate_of(options, state, state->epoch, net_whole(options, NET_EPOCHS));
}

const struct net_call *net_schedule_late(const struct net_options *options)
{
    const struct net_model *model = options->model;
    long begin = 0;

    for (int i = 0; i + 1 < model->schedule_count; i++) {
        begin += length_of(&model->schedule[i], options);
        if (begin >= net_whole(options, NET_EPOCHS) && net_whole(options, NET_EPOCHS))
            return &model->schedule[i + 1];
    }
    return NULL;
}

/* ---- Watching -------------------------------------------------------------------------------- */

/* The number that `monitor` names, of the validation part; turned round where more is better. */
double net_monitored(const struct net_model *model, const char *monitor, double validation_loss,
                     const double *metrics)
{
    if (!strcmp(monitor, "validation_loss"))
        return validation_loss;
    for (int m = 0; m < model->metric_count; m++)
        if (!strcmp(monitor, model->metrics[m].name))
            return net_metric_of(monitor)->less ? metrics[m] : -metrics[m];
    net_fail(NET_FAULT, "%s has no metric `%s` to watch", model->source, monitor);
}

/* Is plateau at work in this epoch, or only later in the list? */
static const struct net_call *plateau_in(const struct net_options *options, long epoch)
{
    const struct net_model *model = options->model;

    for (int i = 0; i < model->schedule_count; i++) {
        const long length = length_of(&model->schedule[i], options);

        if (!length && !strcmp(model->schedule[i].name, "plateau"))
            return &model->schedule[i];
        if (!length || epoch < length)
            break;
        epoch -= length;
    }
    return NULL;
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau: better is better by a ten-thousandth; a change of
   the rate below 1e-8 is not made. */
static void watch_plateau(const struct net_options *options, struct net_state *state, double now)
{
    const double lr = options->value[NET_LR].number, factor = options->value[NET_FACTOR].number;
    const double best = state->plateau_best;

    if (now < best - 1e-4 * fabs(best) || (isinf(best) && isfinite(now))) {
        state->plateau_best = now;
        state->plateau_bad = 0;
    } else {
        state->plateau_bad++;
    }
    if (state->plateau_bad <= net_whole(options, NET_PATIENCE))
        return;
    state->plateau_bad = 0;
    if (lr * state->plateau_scale * (1.0 - factor) > 1e-8)
        state->plateau_scale *= factor;
}

void net_schedule_watch(const struct net_options *options, struct net_state *state,
                        double validation_loss, const double *metrics)
{
    const struct net_model *model = options->model;
    const struct net_call *plateau = plateau_in(options, state->epoch);

    if (plateau)
        watch_plateau(
            options, state,
            net_monitored(model, net_argument(plateau, "monitor")->text, validation_loss, metrics));
    if (model->stop) {
        const double now = net_monitored(model, net_argument(model->stop, "monitor")->text,
                                         validation_loss, metrics);

        state->stop_bad = now < state->stop_best ? 0 : state->stop_bad + 1;
        state->stop_best = now < state->stop_best ? now : state->stop_best;
    }
}

bool net_schedule_stops(const struct net_options *options, const struct net_state *state)
{
    return options->model->stop && state->stop_bad >= net_whole(options, NET_STOP_PATIENCE);
}
