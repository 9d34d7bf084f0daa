/*
 * page_scores.c -- how far scores and probabilities can be trusted, for report.html: of two classes
 * the ROC curve and precision by recall, with their areas; and calibration, how often what was
 * given a probability was true, with the rows that this is known from.
 */

#include <stdlib.h>

#include "report/page/page.h"

static const struct net_axis share = {.high = 1};

static void draw_curve(struct net_text *page, const char *id, const char *title, double area,
                       const char *x, const char *y, const struct net_line *line, bool diagonal)
{
    char *text = net_format("%s, area %.4f", title, area);
    struct net_figure figure = {.title = text,
                                .x = share,
                                .y = share,
                                .lines = line,
                                .line_count = 1,
                                .diagonal = diagonal};

    figure.x.name = x, figure.y.name = y;
    net_page_draw(page, id, &figure);
    free(text);
}

/* Between two places the ROC curve is straight, for rows of one score; precision is a step, as the
   area counts it. */
static void add_curves(struct net_text *page, const struct net_metrics *metrics)
{
    double(*points)[2] = net_allocate(NET_CURVE, sizeof *points);
    double *x = net_allocate((size_t)4 * NET_CURVE + 4, sizeof *x), *y = x + 2 * NET_CURVE + 2;
    const int count = net_metrics_curve(metrics, points);
    struct net_line line = {.x = x, .y = y, .count = count + 1, .drawn = NET_JOINED};
    const double *all = points[count ? count - 1 : 0];
    double before = 0;

    for (int i = 0; i < count; i++) {
        x[i + 1] = points[i][0] / all[0];
        y[i + 1] = points[i][1] / all[1];
    }
    if (count)
        draw_curve(page, "roc", "ROC", net_metrics_value(metrics, "auc"), "false positive rate",
                   "true positive rate", &line, true);
    line.count = 0;
    for (int i = 0; i < count; i++) {
        const double recall = points[i][1] / all[1];

        if (i > NET_CURVE_BEGIN && i < count - 1 && recall - before < 1.0 / NET_CURVE_STEPS)
            continue;
        for (int end = 0; end < 2; end++) {
            x[line.count] = end ? recall : before;
            y[line.count++] = points[i][1] / (points[i][0] + points[i][1]);
        }
        before = recall;
    }
    if (count)
        draw_curve(page, "precision_recall", "precision and recall",
                   net_metrics_value(metrics, "pr_auc"), "recall", "precision", &line, false);
    free(points);
    free(x);
}

static void add_calibration(struct net_text *page, const struct net_metrics *metrics, int bins)
{
    const struct net_bin *bin = net_metrics_bins(metrics);
    double x[NET_BINS], y[NET_BINS];
    const struct net_line line = {.x = x,
                                  .y = y,
                                  .count = bins,
                                  .drawn = NET_JOINED | NET_MARKED,
                                  .name = "true",
                                  .hidden = true};
    struct net_figure figure = {.title = "calibration",
                                .x = share,
                                .y = share,
                                .lines = &line,
                                .line_count = 1,
                                .diagonal = true};
    int i = 0;

    for (int b = 0; b < NET_BINS; b++)
        if (bin[b].rows) {
            x[i] = bin[b].sum / (double)bin[b].rows;
            y[i++] = (double)bin[b].hits / (double)bin[b].rows;
        }
    figure.x.name = "probability", figure.y.name = "share that was true";
    net_page_draw(page, "calibration", &figure);
}

static void add_bins(struct net_text *page, const struct net_metrics *metrics)
{
    const struct net_bin *bin = net_metrics_bins(metrics);
    char name[16];

    net_text_add(page,
                 "<div class=\"wide\"><table><caption>calibration: what the network said of ");
    if (net_metrics_classes(metrics) == 2) {
        net_text_add(page, "class ");
        net_text_html(page, net_metrics_class_name(metrics, 1, name));
    } else {
        net_text_add(page, "the class that it predicted");
    }
    net_text_add(page, "</caption><tr><th>probability<th>%s<th>mean<th>true</tr>\n",
                 net_metrics_counted(metrics));
    for (int b = 0; b < NET_BINS; b++)
        if (bin[b].rows) {
            net_text_add(page, "<tr><th scope=\"row\">%.1f – %.1f<td>%ld", b * (1.0 / NET_BINS),
                         (b + 1) * (1.0 / NET_BINS), bin[b].rows);
            net_page_share(page, bin[b].sum / (double)bin[b].rows);
            net_page_share(page, (double)bin[b].hits / (double)bin[b].rows);
            net_text_add(page, "</tr>\n");
        }
    net_text_add(page, "</table></div>\n");
}

void net_page_scores(struct net_text *page, const struct net_metrics *metrics)
{
    int bins = 0;

    for (int b = 0; b < NET_BINS; b++)
        bins += net_metrics_bins(metrics)[b].rows > 0;
    net_text_add(page, "<div class=\"figures\">\n");
    add_curves(page, metrics);
    if (bins)
        add_calibration(page, metrics, bins);
    net_text_add(page, "</div>\n");
    if (bins)
        add_bins(page, metrics);
}
