/*
 * live.c -- the sink of a person who watches: a line that shows where the epoch is, one for each
 * epoch, and one for each part at the end.
 */

#include <math.h>
#include <stdlib.h>

#include "report/report.h"

struct live {
    struct net_progress *progress;
    char *metrics; /* of the last epoch's training rows, as text; malloc'd */
};

/* "  accuracy 0.9812", for each metric; what is very large or small by its power of ten */
static char *metrics_text(const struct net_model *model, const double *values)
{
    struct net_text text = {0};

    net_text_add(&text, "%s", "");
    for (int m = 0; m < model->metric_count; m++) {
        const double size = fabs(values[m]);

        net_text_add(&text, size == 0 || (size >= 1e-4 && size < 1e6) ? "  %s %.4f" : "  %s %.6g",
                     model->metrics[m].name, values[m]);
    }
    return text.at;
}

static void *open_live(const struct net_training *run, struct net_progress *progress)
{
    struct live *live = net_allocate(1, sizeof *live);

    (void)run;
    live->progress = progress;
    live->metrics = net_format("%s", "");
    return live;
}

/* The loss is that of the epoch so far; batches weigh as they do in net_evaluate. */
static void show_step(void *sink, const struct net_training *run, double loss)
{
    const struct live *live = sink;
    const struct net_state *state = &run->state;
    const long epochs = net_whole(run->options, NET_EPOCHS);
    const long batch = net_whole(run->options, NET_BATCH);

    if (!isfinite(loss) || !net_progress_due(live->progress))
        return;
    const double speed = net_training_speed(run);
    const double mean = state->loss_weight > 0.0 ? state->loss_sum / state->loss_weight : 0.0;
    const double left = ((double)(epochs - state->epoch) * (double)run->row_count -
                         (double)state->row) /
                        fmax(speed, 1.0);
    char *line = net_format(
        "epoch %ld/%ld  step %ld/%ld  loss %.4g%s  %.0f samples/s  %.0f:%02.0f left",
        state->epoch + 1, epochs, (state->row + batch - 1) / batch,
        (run->row_count + batch - 1) / batch, mean, live->metrics, speed, floor(left / 60.0),
        floor(fmod(left, 60.0)));

    net_progress_step(live->progress, line);
    free(line);
}

static void show_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    struct live *live = sink;
    const struct net_model *model = run->session.model;
    struct net_text line = {0};

    free(live->metrics);
    live->metrics = metrics_text(model, epoch->values);
    net_text_add(&line, "epoch %ld/%ld  loss %.4g%s", run->state.epoch,
                 net_whole(run->options, NET_EPOCHS), epoch->loss, live->metrics);
    if (isfinite(epoch->validation_loss)) {
        char *metrics = metrics_text(model, epoch->values + model->metric_count + 1);

        net_text_add(&line, "  validation loss %.4g%s", epoch->validation_loss, metrics);
        free(metrics);
    }
    net_text_add(&line, "  %.1f s  %.0f samples/s", epoch->seconds, epoch->samples_per_second);
    net_progress_line(live->progress, line.at);
    free(line.at);
}

static void show_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                      const double *values)
{
    const struct live *live = sink;
    char *metrics = metrics_text(run->session.model, values);

    net_progress_say(live->progress, "%-10s  loss %.6g%s", net_part_names[part], loss, metrics);
    free(metrics);
}

static void close_live(void *sink, const struct net_training *run)
{
    struct live *live = sink;

    (void)run;
    free(live->metrics);
    free(live);
}

const struct net_sink net_sink_live = {
    .open = open_live,
    .step = show_step,
    .epoch = show_epoch,
    .part = show_part,
    .close = close_live,
};
