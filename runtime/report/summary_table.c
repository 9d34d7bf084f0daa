/*
 * summary_table.c -- a model's layers as the table that users of Keras know. Part of netc and of
 * trainers.
 */

#include "report/summary_table.h"

#include <string.h>
#include <sys/ioctl.h>

enum { COLUMNS = 4, CELL = 128 /* bytes of a cell; what is longer ends in ... */ };

static const char *const heading[COLUMNS] = {"Layer (type)", "Connected to", "Output shape",
                                             "Param #"};

/* 1234567 -> "1,234,567" */
static void write_grouped(char cell[CELL], long x)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%ld", x);
    int at = 0;

    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            cell[at++] = ',';
        cell[at++] = digits[i];
    }
    cell[at] = '\0';
}

static void write_shape(char cell[CELL], const struct net_layer *layer)
{
    int at = snprintf(cell, CELL, "[");

    for (int axis = 0; axis < layer->rank; axis++)
        at += snprintf(cell + at, (size_t)(CELL - at), "%s%d", axis ? ", " : "",
                       layer->shape[axis]);
    snprintf(cell + at, (size_t)(CELL - at), "]");
}

static void write_cell(char cell[CELL], const struct net_layer *layer, int column)
{
    int length = 0;

    switch (column) {
    case 0:
        length = snprintf(cell, CELL, "%s (%s)", layer->name, layer->type);
        break;
    case 1:
        length = snprintf(cell, CELL, "%s", layer->inputs);
        break;
    case 2:
        write_shape(cell, layer);
        break;
    default:
        write_grouped(cell, layer->parameters + layer->states);
    }
    if (length >= CELL)
        memcpy(cell + CELL - 4, "...", 4);
}

/* Columns of the terminal that `out` is, or 0: no limit. */
static int columns_of(FILE *out)
{
    struct winsize size;

    return ioctl(fileno(out), TIOCGWINSZ, &size) || size.ws_col < 20 ? 0 : size.ws_col;
}

/* In `limit` columns, 0: no limit: on one line, or what it is connected to below it; shape and
   number stand at the right end, below that where they have no room. */
static void print_row(FILE *out, const int width[COLUMNS], int limit,
                      const char *const cells[COLUMNS])
{
    if (!limit) {
        fprintf(out, "%-*s  %-*s  %-*s  %*s\n", width[0], cells[0], width[1], cells[1], width[2],
                cells[2], width[3], cells[3]);
        return;
    }
    const int right = width[2] + 2 + width[3], room = limit - right - 6;
    const bool fits = (int)strlen(cells[1]) <= room;
    const int name = (int)((int)strlen(cells[0]) > limit ? strcspn(cells[0], " ")
                                                         : strlen(cells[0]));

    fprintf(out, "%.*s%s%s", name, cells[0], cells[0][name] ? "\n   " : "", cells[0] + name);
    fprintf(out, "\n    %-*s%s", room > 0 ? room : 0, cells[1], fits ? "" : "\n");
    fprintf(out, "%*s  %-*s  %*s\n", fits || room < -4 ? 0 : room + 4, "", width[2], cells[2],
            width[3], cells[3]);
}

static void print_rule(FILE *out, int columns)
{
    for (; columns > 0; columns--)
        fputc('-', out);
    fputc('\n', out);
}

static void print_table(FILE *out, const struct net_summary *summary)
{
    char cells[COLUMNS][CELL];
    int width[COLUMNS];

    for (int column = 0; column < COLUMNS; column++) {
        width[column] = (int)strlen(heading[column]);
        for (int l = 0; l < summary->layer_count; l++) {
            write_cell(cells[0], &summary->layers[l], column);
            if ((int)strlen(cells[0]) > width[column])
                width[column] = (int)strlen(cells[0]);
        }
    }
    const int whole = width[0] + width[1] + width[2] + width[3] + 2 * (COLUMNS - 1),
              columns = columns_of(out), limit = columns && whole >= columns ? columns - 1 : 0;

    print_row(out, width, limit, heading);
    print_rule(out, limit ? limit : whole);
    for (int l = 0; l < summary->layer_count; l++) {
        for (int column = 0; column < COLUMNS; column++)
            write_cell(cells[column], &summary->layers[l], column);
        print_row(out, width, limit, (const char *const[]){cells[0], cells[1], cells[2], cells[3]});
    }
    print_rule(out, limit ? limit : whole);
}

/* x in the largest of the units, each `step` times the one before, that is not more. */
static void print_scaled(FILE *out, double x, double step, const char *const *units)
{
    int unit = 0;

    while (x >= step && units[unit + 1])
        x /= step, unit++;
    fprintf(out, unit || units[0][0] ? "%.2f%s" : "%.0f%s", x, units[unit]);
}

static void print_bytes(FILE *out, double bytes)
{
    print_scaled(out, bytes, 1024, (const char *const[]){" B", " KB", " MB", " GB", NULL});
}

static void print_total(FILE *out, const char *label, long count)
{
    char cell[CELL];

    write_grouped(cell, count);
    fprintf(out, " %s: %s (", label, cell);
    print_bytes(out, 4.0 * (double)count);
    fputs(")\n", out);
}

void net_summary_print(FILE *out, const struct net_summary *summary)
{
    long trainable = 0, states = 0;
    double flops = 0.0;

    for (int l = 0; l < summary->layer_count; l++) {
        trainable += summary->layers[l].parameters;
        states += summary->layers[l].states;
        flops += summary->layers[l].flops;
    }
    fprintf(out, "Model: %s\n\n", summary->name);
    print_table(out, summary);
    print_total(out, "Total params", trainable + states);
    print_total(out, "Trainable params", trainable);
    print_total(out, "Non-trainable params", states);
    fputs(" Forward FLOPs a row: ", out);
    print_scaled(out, flops, 1000, (const char *const[]){"", " k", " M", " G", " T", NULL});
    fputs("\n Memory of a step: ", out);
    print_bytes(out, (double)summary->memory);
    fprintf(out, ", batches of up to %d (%s)\n", summary->batch, summary->target);
}
