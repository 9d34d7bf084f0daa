/*
 * curves.c -- the sink of curves.svg: the losses of all epochs as a picture, drawn at the end.
 */

#include <stdlib.h>
#include <string.h>

#include "report/figure.h"

static void draw(void *sink, const struct net_training *run, const char *status)
{
    const struct net_curves curves = net_curves_of(run->epochs, "loss");
    struct net_text svg = {0}, file = {0};

    (void)sink, (void)status;
    if (!net_figure_curves(&svg, &curves))
        return;
    const char *behind = strchr(svg.at, '\n'); /* the opening tag */

    net_text_add(&file, "%.*s%s%s", (int)(behind - svg.at), svg.at, net_figure_style, behind);
    net_file_replace(&run->folder, "curves.svg", &file);
    free(svg.at);
    free(file.at);
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
