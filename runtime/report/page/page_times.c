/*
 * page_times.c -- the share of each layer in the time of a step, for report.html.
 */

#include <stdlib.h>

#include "report/page/page.h"

static double add_up(const struct net_layer_time *layer)
{
    double all = 0;

    for (int phase = 0; phase < NET_PHASES; phase++)
        all += layer->seconds[phase];
    return all;
}

void net_page_times(struct net_text *page, const struct net_training *run)
{
    const struct net_step *step = &run->session.model->train;
    const long steps = net_steps_timed(&run->times);
    struct net_layer_time *layers;
    double all = 0;
    int count;

    if (!steps)
        return;
    layers = net_allocate((size_t)step->kernel_count, sizeof *layers);
    count = net_layer_times(run->times.profile, step, layers);
    for (int l = 0; l < count; l++)
        all += add_up(&layers[l]);
    net_text_add(page,
                 "<details><summary>Time by layer</summary><div class=\"wide\"><table>"
                 "<caption>microseconds of a step: medians of %ld steps, without waiting for "
                 "other threads</caption><tr><th>layer<th>forward<th>backward, update"
                 "<th>share<th class=\"text\"></tr>\n",
                 steps);
    for (int l = 0; l < count && all > 0; l++) {
        const double share = add_up(&layers[l]) / all;

        net_text_add(page, "<tr><th scope=\"row\">");
        net_text_html(page, layers[l].layer);
        net_text_add(page,
                     "<td>%.1f<td>%.1f<td>%.1f%%<td class=\"bar\"><div style=\"width:%.1f%%\">"
                     "</div></tr>\n",
                     1e6 * layers[l].seconds[NET_PHASE_FORWARD],
                     1e6 * (add_up(&layers[l]) - layers[l].seconds[NET_PHASE_FORWARD]), 100 * share,
                     100 * share);
    }
    net_text_add(page, "</table></div></details>\n");
    free(layers);
}
