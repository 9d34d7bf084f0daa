/*
 * curves.c -- the sink of curves.svg: the losses of all epochs as a picture, drawn at the end.
 */

#include <stdlib.h>

#include "report/figures/figure.h"

static void draw(void *sink, const struct net_training *run, const char *status)
{
    struct net_text svg = {0};

    (void)sink, (void)status;
    if (net_figure_epochs(&svg, run->epochs, "loss", run->state.best_epoch))
        net_figure_file(&run->folder, "curves.svg", &svg);
    free(svg.at);
}

static void *open_curves(const struct net_training *run, struct net_progress *progress)
{
    (void)progress;
    return run->epochs;
}

const struct net_sink net_sink_curves = {
    .open = open_curves,
    .finish = draw,
};
