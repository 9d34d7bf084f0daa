/*
 * run_tables.c -- tables of runs: their results, and the settings that differ between them; what
 * runs are called in pictures.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

/* The parts and names of all results, in the order in which they come first. */
struct columns {
    const char *parts[64], *names[64];
    int count;
};

static struct columns find_columns(const struct net_run_records *runs)
{
    struct columns columns = {0};

    for (int r = 0; r < runs->count; r++) {
        const struct net_json *final = net_json_member(runs->at[r].json, "final");

        for (const struct net_json *part = final ? final->first : NULL; part; part = part->next)
            for (const struct net_json *one = part->first; one; one = one->next) {
                int c = 0;

                while (c < columns.count && (strcmp(columns.parts[c], part->key) != 0 ||
                                             strcmp(columns.names[c], one->key) != 0))
                    c++;
                if (c == columns.count && c < 64) {
                    columns.parts[c] = part->key;
                    columns.names[c] = one->key;
                    columns.count++;
                }
            }
    }
    return columns;
}

/* Mean and deviation of the folds. */
static void add_means(struct net_cells *cells, const struct net_run_records *runs,
                      const struct columns *columns)
{
    double *values = net_allocate((size_t)runs->count, sizeof *values);

    for (int row = 0; row < 2; row++) {
        net_cells_add(cells, row ? "sd" : "mean");
        net_cells_add(cells, "%s", "");
        net_cells_add(cells, "%s", "");
        for (int c = 0; c < columns->count; c++) {
            double numbers[2];

            for (int r = 0; r < runs->count; r++)
                values[r] = net_record_final(&runs->at[r], columns->parts[c], columns->names[c],
                                             NULL);
            net_find_mean(values, runs->count, &numbers[0], &numbers[1]);
            net_cells_number(cells, numbers[row]);
        }
        net_cells_add(cells, "%s", "");
    }
    free(values);
}

/* Of a k-fold with its deviation. */
static void add_number(struct net_cells *cells, const struct net_run_record *run, const char *part,
                       const char *name)
{
    double deviation;
    const double number = net_record_final(run, part, name, &deviation);

    if (isfinite(deviation) && isfinite(number))
        net_cells_mean(cells, number, deviation);
    else
        net_cells_number(cells, number);
}

static double find_seconds(const struct net_run_record *run)
{
    const struct net_json *seconds = net_json_member(run->json, "seconds");
    double sum = 0;

    for (int f = 0; f < run->fold_count; f++)
        sum += find_seconds(&run->folds[f]);
    return run->fold_count ? sum : seconds && seconds->number > 0 ? seconds->number : NAN;
}

void net_run_results_table(struct net_cells *cells, const struct net_run_records *runs)
{
    const struct columns columns = find_columns(runs);

    *cells = (struct net_cells){.columns = 4 + columns.count, .texts = 2};
    net_cells_add(cells, runs->folds ? "fold" : "run");
    net_cells_add(cells, "status");
    net_cells_add(cells, "epochs");
    for (int c = 0; c < columns.count; c++)
        net_cells_add(cells, "%s %s", columns.parts[c], columns.names[c]);
    net_cells_add(cells, "seconds");
    for (int r = 0; r < runs->count; r++) {
        const struct net_run_record *run = &runs->at[r];

        net_cells_add(cells, "%s", run->name);
        net_cells_add(cells, "%s", run->status);
        net_cells_add(cells, "%ld", run->epochs.count);
        for (int c = 0; c < columns.count; c++)
            add_number(cells, run, columns.parts[c], columns.names[c]);
        net_cells_number(cells, find_seconds(run));
    }
    if (runs->folds && runs->count > 1)
        add_means(cells, runs, &columns);
    net_cells_even(cells, runs->digits);
}

void net_run_differences_table(struct net_cells *cells, const struct net_run_records *runs)
{
    *cells = (struct net_cells){.columns = 2 + runs->varied_count, .texts = 1};
    net_cells_add(cells, "run");
    for (int v = 0; v < runs->varied_count; v++)
        net_cells_add(cells, "%s", runs->varied[v]);
    char *result = net_spaced(runs->result);

    net_cells_add(cells, "%s", result);
    free(result);
    for (int r = 0; r < runs->count; r++) {
        net_cells_add(cells, "%s", runs->at[r].name);
        for (int v = 0; v < runs->varied_count; v++) {
            char *value = net_record_setting(&runs->at[r], runs->varied[v]);

            net_cells_add(cells, "%s", *value ? value : "–");
            free(value);
        }
        net_cells_number(cells, runs->at[r].result);
    }
    net_cells_even(cells, runs->digits);
}

/* ---- names ----------------------------------------------------------------------------------- */

char *net_spaced(const char *name)
{
    char *copy = net_format("%s", name);

    for (char *c = copy; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return copy;
}

/* Does the setting tell all runs apart? */
static bool tells_apart(const struct net_run_records *runs, const char *setting)
{
    bool apart = true;

    for (int r = 0; apart && r < runs->count; r++) {
        char *value = net_record_setting(&runs->at[r], setting);

        apart = *value;
        for (int before = 0; apart && before < r; before++) {
            char *other = net_record_setting(&runs->at[before], setting);

            apart = strcmp(value, other) != 0;
            free(other);
        }
        free(value);
    }
    return apart;
}

char *net_record_label(const struct net_run_records *runs, int r)
{
    const char *name = runs->at[r].name, *slash = strrchr(name, '/');
    int first = 0, last = runs->varied_count - 1;
    struct net_text label = {0};

    net_text_add(&label, "%s", name);
    if (strncmp(slash ? slash + 1 : name, "point_", 6) != 0)
        return label.at;
    while (first <= last && !tells_apart(runs, runs->varied[first]))
        first++;
    if (first <= last)
        last = first;
    else
        first = 0;
    for (int v = first; v <= last && last - first < 3; v++) {
        char *value = net_record_setting(&runs->at[r], runs->varied[v]);

        net_text_add(&label, "%s%s %s", v > first ? ", " : ": ", runs->varied[v],
                     *value ? value : "–");
        free(value);
    }
    return label.at;
}
