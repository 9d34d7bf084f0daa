/*
 * page_results.c -- what the predictions of a part are worth, for report.html: a table a class and
 * the confusion matrix as a heat map, or its worst pairs where classes are many; of values points.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page/page.h"

enum { MOST_IN_MAP = 40, WORST = 20 }; /* classes of a heat map; pairs of classes in a list */

static void add_name(struct net_text *page, const struct net_metrics *metrics, int class)
{
    char text[16];

    net_text_html(page, net_metrics_class_name(metrics, class, text));
}

static void add_score(struct net_text *page, const struct net_score *score)
{
    net_page_share(page, score->precision);
    net_page_share(page, score->recall);
    net_page_share(page, score->f1);
    net_text_add(page, "<td>%ld</tr>\n", score->support);
}

static void add_scores(struct net_text *page, const struct net_metrics *metrics)
{
    const bool many = net_metrics_classes(metrics) > MOST_IN_MAP;
    struct net_score score, macro, weighted;

    if (many)
        net_text_add(page, "<details><summary>Classes</summary>");

    net_text_add(page,
                 "<div class=\"wide\"><table id=\"classification_report\"><tr><th>class"
                 "<th>precision<th>recall<th>F1<th>%s</tr>\n",
                 net_metrics_counted(metrics));
    for (int c = 0; c < net_metrics_classes(metrics); c++) {
        if (!net_metrics_score(metrics, c, &score))
            continue;
        net_text_add(page, "<tr><th scope=\"row\">");
        add_name(page, metrics, c);
        add_score(page, &score);
    }
    net_metrics_averages(metrics, &macro, &weighted);
    net_text_add(page, "<tr><th scope=\"row\">accuracy<td><td>");
    net_page_share(page, net_metrics_value(metrics, "accuracy"));
    net_text_add(page, "<td>%ld</tr>\n<tr><th scope=\"row\">macro avg", macro.support);
    add_score(page, &macro);
    net_text_add(page, "<tr><th scope=\"row\">weighted avg");
    add_score(page, &weighted);
    net_text_add(page, "</table></div>%s\n", many ? "</details>" : "");
}

/* Each cell as dark as its share of the row's rows. */
static void add_map(struct net_text *page, const struct net_metrics *metrics)
{
    const int classes = net_metrics_classes(metrics);

    net_text_add(page, "<div class=\"wide\"><table class=\"map\" "
                       "id=\"confusion_matrix\"><caption>rows: true class, "
                       "columns: predicted</caption><tr><td>");
    for (int c = 0; c < classes; c++) {
        net_text_add(page, "<th scope=\"col\">");
        add_name(page, metrics, c);
    }
    net_text_add(page, "</tr>\n");
    for (int truth = 0; truth < classes; truth++) {
        long all = 0;

        for (int c = 0; c < classes; c++)
            all += net_metrics_confusion(metrics, truth, c);
        net_text_add(page, "<tr><th scope=\"row\">");
        add_name(page, metrics, truth);
        for (int c = 0; c < classes; c++) {
            const long count = net_metrics_confusion(metrics, truth, c);
            const double share = all ? (double)count / (double)all : 0;

            net_text_add(page, "<td class=\"%s%s\" style=\"--share:%.3f\">%ld",
                         c == truth ? "right" : "wrong", share > .5 ? " dark" : "", share, count);
        }
        net_text_add(page, "</tr>\n");
    }
    net_text_add(page, "</table></div>\n");
}

struct pair {
    int truth, predicted;
    long count;
};

static int more(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->truth != y->truth ? (x->truth > y->truth ? 1 : -1)
                                : (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static void add_worst(struct net_text *page, const struct net_metrics *metrics)
{
    const int classes = net_metrics_classes(metrics);
    struct pair *pairs = net_allocate((size_t)classes * (size_t)classes, sizeof *pairs);
    int count = 0;

    for (int truth = 0; truth < classes; truth++)
        for (int c = 0; c < classes; c++)
            if (c != truth && net_metrics_confusion(metrics, truth, c))
                pairs[count++] = (struct pair){truth, c, net_metrics_confusion(metrics, truth, c)};
    qsort(pairs, (size_t)count, sizeof *pairs, more);
    net_text_add(
        page,
        "<div class=\"wide\"><table id=\"confused_pairs\"><caption>the pairs of classes that were "
        "confused most</caption><tr><th>true<th>predicted<th>%s</tr>\n",
        net_metrics_counted(metrics));
    for (int i = 0; i < count && i < WORST; i++) {
        net_text_add(page, "<tr><th scope=\"row\">");
        add_name(page, metrics, pairs[i].truth);
        net_text_add(page, "<td>");
        add_name(page, metrics, pairs[i].predicted);
        net_text_add(page, "<td>%ld</tr>\n", pairs[i].count);
    }
    net_text_add(page, "</table></div>\n");
    free(pairs);
}

static void add_points(struct net_text *page, const struct net_metrics *metrics)
{
    const float(*pairs)[2];
    const int count = net_metrics_pairs(metrics, &pairs);
    double *numbers = net_allocate(3 * (size_t)count + 1, sizeof *numbers);
    double *truth = numbers, *predicted = numbers + count, *residual = numbers + 2 * count;
    double least = INFINITY, most = -INFINITY, mae, rmse;
    int finite = 0;

    for (int i = 0; i < count; i++)
        if (isfinite(pairs[i][0]) && isfinite(pairs[i][1])) {
            truth[finite] = (double)pairs[i][0];
            predicted[finite] = (double)pairs[i][1];
            residual[finite] = predicted[finite] - truth[finite];
            least = fmin(least, fmin(truth[finite], predicted[finite]));
            most = fmax(most, fmax(truth[finite], predicted[finite]));
            finite++;
        }
    const struct net_line lines[] = {
        {.x = truth, .y = predicted, .count = finite, .drawn = NET_DOTTED},
        {.x = predicted, .y = residual, .count = finite, .drawn = NET_DOTTED},
    };
    const struct net_axis both = {.low = least, .high = most};
    struct net_axis x = both, y = both;

    x.name = "true", y.name = "predicted";
    const struct net_figure figures[] = {
        {.title = "predicted against true",
         .x = x,
         .y = y,
         .lines = &lines[0],
         .line_count = 1,
         .diagonal = true},
        {.title = "residuals",
         .x = {.name = "predicted"},
         .y = {.name = "predicted - true"},
         .lines = &lines[1],
         .line_count = 1,
         .zero = true},
    };

    if (net_metrics_in_units(metrics, "mae", &mae) && net_metrics_in_units(metrics, "rmse", &rmse))
        net_text_add(page, "<p>in the units of the data: mae %.4g, rmse %.4g</p>\n", mae, rmse);
    net_text_add(page, "<div class=\"figures\">\n");
    net_page_draw(page, "predicted", &figures[0]);
    net_page_draw(page, "residuals", &figures[1]);
    net_text_add(page, "</div>\n");
    free(numbers);
}

static void add_target(struct net_text *page, const struct net_metrics *metrics, enum net_part part)
{
    const int classes = net_metrics_classes(metrics);

    if (!classes) {
        add_points(page, metrics);
        net_page_rows(page, metrics, part);
        return;
    }
    add_scores(page, metrics);
    if (net_metrics_has_confusion(metrics) && classes <= MOST_IN_MAP)
        add_map(page, metrics);
    else if (net_metrics_has_confusion(metrics))
        add_worst(page, metrics);
    net_page_scores(page, metrics);
    net_page_rows(page, metrics, part);
}

/* Another target's, whose elements are named "predicted_place". */
static void add_next(struct net_text *page, const struct net_metrics *metrics, enum net_part part)
{
    static const char id[] = " id=\"";
    const char *name = net_metrics_target(metrics)->name;
    struct net_text own = {0};

    add_target(&own, metrics, part);
    net_text_add(page, "<h3>%s</h3>\n", name);
    for (const char *at = own.at, *end; at; at = end) {
        end = strstr(at, id);
        if (end)
            end += sizeof id - 1 + strcspn(end + sizeof id - 1, "\"");
        net_text_add(page, "%.*s%s%s", (int)(end ? end - at : (long)strlen(at)), at, end ? "_" : "",
                     end ? name : "");
    }
    free(own.at);
}

void net_page_results(struct net_text *page, const struct net_metrics *metrics, enum net_part part)
{
    char *heading = net_format("The %s rows", net_part_names[part]);

    net_page_heading(page, heading);
    free(heading);
    if (net_metrics_target(metrics)->kind != NET_TARGET_NONE)
        add_target(page, metrics, part);
    while ((metrics = net_metrics_next(metrics)) != NULL)
        add_next(page, metrics, part);
}
