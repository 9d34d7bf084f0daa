/*
 * classification.c -- what `eval` prints: the classification report in scikit-learn's layout with
 * the confusion matrix, or the errors of a regression.
 */

#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum {
    MOST_IN_MATRIX = 100,  /* classes; a wider matrix is of no use on a page */
    LONGEST_IN_MATRIX = 12 /* letters of a name; classes with longer ones stand by number */
};

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void print_name(FILE *out, const char *name, int width)
{
    struct net_text shown = {0};

    net_text_visible(&shown, name);
    fprintf(out, "%*s%s", width - net_text_columns(shown.at), "", shown.at);
    free(shown.at);
}

static void print_score(FILE *out, const char *name, int width, const struct net_score *score,
                        int digits)
{
    print_name(out, name, width);
    fprintf(out, "  %9.*f %9.*f %9.*f %9ld\n", digits, score->precision, digits, score->recall,
            digits, score->f1, score->support);
}

static void add_score(struct net_score *sum, const struct net_score *score, double weight)
{
    sum->precision += weight * score->precision;
    sum->recall += weight * score->recall;
    sum->f1 += weight * score->f1;
}

static void divide_score(struct net_score *sum, double by, long support)
{
    *sum = (struct net_score){share(sum->precision, by), share(sum->recall, by), share(sum->f1, by),
                              support};
}

void net_metrics_averages(const struct net_metrics *metrics, struct net_score *macro,
                          struct net_score *weighted)
{
    struct net_score score;
    long rows = 0;
    int counted = 0;

    *macro = *weighted = (struct net_score){0};
    for (int c = 0; c < net_metrics_classes(metrics); c++)
        if (net_metrics_score(metrics, c, &score)) {
            add_score(macro, &score, 1);
            add_score(weighted, &score, (double)score.support);
            rows += score.support;
            counted++;
        }
    divide_score(macro, counted, rows);
    divide_score(weighted, (double)rows, rows);
}

/* In columns. */
static int longest_name(const struct net_metrics *metrics)
{
    int longest = 0;
    char text[16];

    for (int c = 0; c < net_metrics_classes(metrics); c++) {
        struct net_text shown = {0};

        net_text_visible(&shown, net_metrics_class_name(metrics, c, text));
        const int columns = net_text_columns(shown.at);

        longest = columns > longest ? columns : longest;
        free(shown.at);
    }
    return longest;
}

static void print_classification(FILE *out, const struct net_metrics *metrics, int digits)
{
    const int classes = net_metrics_classes(metrics);
    const int longest = longest_name(metrics) > digits ? longest_name(metrics) : digits;
    const int width = longest > 12 ? longest : 12; /* 12: "weighted avg" */
    struct net_score macro, weighted, score;
    char name[16];

    fprintf(out, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score",
            "support");
    for (int c = 0; c < classes; c++)
        if (net_metrics_score(metrics, c, &score))
            print_score(out, net_metrics_class_name(metrics, c, name), width, &score, digits);
    net_metrics_averages(metrics, &macro, &weighted);
    fprintf(out, "\n%*s  %9s %9s %9.*f %9ld\n", width, "accuracy", "", "", digits,
            net_metrics_value(metrics, "accuracy"), macro.support);
    print_score(out, "macro avg", width, &macro, digits);
    print_score(out, "weighted avg", width, &weighted, digits);
    fprintf(out, "\nBalanced accuracy: %.*f\n", digits,
            net_metrics_value(metrics, "balanced_accuracy"));
}

/* A class in the matrix. */
static void print_class(FILE *out, const struct net_metrics *metrics, int class, int width,
                        bool named)
{
    char text[16];

    if (named)
        print_name(out, net_metrics_class_name(metrics, class, text), width);
    else
        fprintf(out, "%*d", width, class);
}

static void print_matrix(FILE *out, const struct net_metrics *metrics)
{
    const int classes = net_metrics_classes(metrics);
    long most = 100; /* three columns at least: classes have names, too */
    const int longest = longest_name(metrics);
    const bool named = longest <= LONGEST_IN_MATRIX;
    int width = 1;

    if (classes > MOST_IN_MATRIX) {
        fprintf(out, "\nConfusion matrix: not printed for more than %d classes\n", MOST_IN_MATRIX);
        return;
    }
    for (int i = 0; i < classes * classes; i++)
        if (net_metrics_confusion(metrics, i / classes, i % classes) > most)
            most = net_metrics_confusion(metrics, i / classes, i % classes);
    for (; most; most /= 10)
        width++;
    if (named && longest >= width)
        width = longest + 1;
    fprintf(out, "\nConfusion matrix (rows: true class, columns: predicted)\n\n%*s", width, "");
    for (int c = 0; c < classes; c++)
        print_class(out, metrics, c, width, named);
    fputc('\n', out);
    for (int truth = 0; truth < classes; truth++) {
        print_class(out, metrics, truth, width, named);
        for (int c = 0; c < classes; c++)
            fprintf(out, "%*ld", width, net_metrics_confusion(metrics, truth, c));
        fputc('\n', out);
    }
}

static double in_units(const struct net_metrics *metrics, const char *name)
{
    double value = 0;

    net_metrics_in_units(metrics, name, &value);
    return value;
}

static void print_values(FILE *out, const struct net_metrics *metrics, const char *title,
                         double (*value)(const struct net_metrics *, const char *))
{
    fprintf(out, "%sMSE  %.9g\n", title ? title : "", value(metrics, "mse"));
    if (title)
        fprintf(out, "RMSE %.9g\n", value(metrics, "rmse"));
    fprintf(out, "MAE  %.9g\nR2   %.9g\n", value(metrics, "mae"), value(metrics, "r2"));
}

void net_report(FILE *out, const struct net_metrics *metrics, int digits)
{
    if (net_metrics_classes(metrics)) {
        print_classification(out, metrics, digits);
        print_matrix(out, metrics);
        return;
    }
    print_values(out, metrics, NULL, net_metrics_value);
    if (net_metrics_in_units(metrics, "mse", &(double){0}))
        print_values(out, metrics, "\nIn the units of the data:\n", in_units);
}
