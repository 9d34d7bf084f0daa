/*
 * cells.c -- a table of texts: in columns for a terminal, as HTML, LaTeX and Markdown.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

void net_cells_add(struct net_cells *cells, const char *format, ...)
{
    struct net_text shown = {0};
    char *cell;
    va_list args;

    if (cells->count == cells->room) {
        cells->room = 2 * cells->room + 64;
        cells->at = realloc(cells->at, (size_t)cells->room * sizeof *cells->at);
        cells->numbers = realloc(cells->numbers, (size_t)cells->room * sizeof *cells->numbers);
        if (!cells->at || !cells->numbers)
            net_fail(NET_FAULT, "out of memory");
    }
    va_start(args, format);
    if (vasprintf(&cell, format, args) < 0)
        net_fail(NET_FAULT, "out of memory");
    va_end(args);
    net_text_visible(&shown, cell); /* a row stands on one line */
    cells->numbers[cells->count].mean = cells->numbers[cells->count].deviation = NAN;
    cells->at[cells->count++] = shown.at;
    free(cell);
}

void net_cells_number(struct net_cells *cells, double number)
{
    struct net_text text = {0};

    net_text_shown(&text, number);
    net_cells_add(cells, "%s", text.at);
    cells->numbers[cells->count - 1].mean = number;
    free(text.at);
}

void net_cells_mean(struct net_cells *cells, double mean, double deviation)
{
    net_cells_add(cells, "%.4g ± %.2g", mean, deviation);
    cells->numbers[cells->count - 1].mean = mean;
    cells->numbers[cells->count - 1].deviation = deviation;
}

/* How many digits stand behind the points of a column's numbers; -1: one is in powers of ten. */
static int places_of(const struct net_cells *cells, int column)
{
    int most = 0;

    for (int i = cells->columns + column; i < cells->count; i += cells->columns) {
        const char *point = strchr(cells->at[i], '.');
        const int places = point ? (int)strspn(point + 1, "0123456789") : 0;

        if (!isfinite(cells->numbers[i].mean))
            continue;
        if (strchr(cells->at[i], 'e'))
            return -1;
        most = places > most ? places : most;
    }
    return most;
}

void net_cells_even(struct net_cells *cells, int digits)
{
    for (int i = cells->columns; i < cells->count; i++) {
        const struct net_cell_number *number = &cells->numbers[i];
        int places = digits;

        if (digits < 0) {
            places = places_of(cells, i % cells->columns);
            places = places > -digits ? -digits : places;
        }
        if (!isfinite(number->mean) || places < 0)
            continue;
        free(cells->at[i]);
        cells->at[i] = net_format("%.*f", places, number->mean);
        if (isfinite(number->deviation)) {
            char *mean = cells->at[i];

            cells->at[i] = net_format("%s ± %.*f", mean, places, number->deviation);
            free(mean);
        }
    }
}

void net_cells_free(struct net_cells *cells)
{
    for (int i = 0; i < cells->count; i++)
        free(cells->at[i]);
    free(cells->at);
    free(cells->numbers);
    *cells = (struct net_cells){0};
}

static void print_cell(struct net_text *text, const struct net_cells *cells, int i, int width,
                       bool last)
{
    const int spaces = width - net_text_columns(cells->at[i]);
    const bool left = i % cells->columns < cells->texts;

    net_text_add(text, "%*s%s%*s%s", left ? 0 : spaces, "", cells->at[i],
                 left && !last ? spaces : 0, "", last ? "\n" : "  ");
}

void net_cells_print(struct net_text *text, const struct net_cells *cells, int keys, int columns)
{
    int *widths = net_allocate((size_t)cells->columns, sizeof *widths), first = 0;

    for (int i = 0; i < cells->count; i++) {
        const int width = net_text_columns(cells->at[i]);

        if (width > widths[i % cells->columns])
            widths[i % cells->columns] = width;
    }
    for (int c = 0; c < keys; c++)
        first += widths[c] + 2;
    for (int from = keys, to; from < cells->columns; from = to) {
        int used = first + widths[from];

        for (to = from + 1; to < cells->columns; to++) {
            used += 2 + widths[to];
            if (columns && used >= columns)
                break;
        }
        net_text_add(text, "%s", from > keys ? "\n" : "");
        for (int row = 0; row < cells->count; row += cells->columns)
            for (int c = 0; c < to; c = c == keys - 1 ? from : c + 1)
                print_cell(text, cells, row + c, widths[c], c == to - 1);
    }
    free(widths);
}

void net_cells_html(struct net_text *text, const struct net_cells *cells)
{
    net_text_add(text, "<div class=\"wide\"><table>");
    for (int i = 0; i < cells->count; i++) {
        const int c = i % cells->columns;

        net_text_add(text, "%s%s%s>", c ? "" : "<tr>",
                     i < cells->columns ? "<th"
                     : c                ? "<td"
                                        : "<th scope=\"row\"",
                     c < cells->texts ? " class=\"text\"" : "");
        net_text_html(text, cells->at[i]);
        net_text_add(text, c == cells->columns - 1 ? "</tr>\n" : "");
    }
    net_text_add(text, "</table></div>\n");
}

static void add_tex(struct net_text *text, const char *cell)
{
    if (*cell == '*' || *cell == '[')
        net_text_add(text, "{}"); /* behind a row's end they would be its arguments */
    for (; *cell; cell++)
        if (strchr("&%$#_{}", *cell))
            net_text_add(text, "\\%c", *cell);
        else if (*cell == '\\')
            net_text_add(text, "\\textbackslash{}");
        else if (*cell == '~' || *cell == '^')
            net_text_add(text, "\\%c{}", *cell);
        else if (strchr("<>|", *cell)) /* which stand for other signs in text */
            net_text_add(text, "$%c$", *cell);
        else if (!strncmp(cell, "–", 3))
            net_text_add(text, "--"), cell += 2;
        else if (!strncmp(cell, "±", 2))
            net_text_add(text, "$\\pm$"), cell += 1;
        else
            net_text_add(text, "%c", *cell);
}

void net_cells_tex(struct net_text *text, const struct net_cells *cells)
{
    net_text_add(text, "\\begin{tabular}{");
    for (int c = 0; c < cells->columns; c++)
        net_text_add(text, c < cells->texts ? "l" : "r");
    net_text_add(text, "}\n\\hline\n");
    for (int i = 0; i < cells->count; i++) {
        add_tex(text, cells->at[i]);
        net_text_add(text, (i + 1) % cells->columns ? " & " : " \\\\\n");
        if (i == cells->columns - 1)
            net_text_add(text, "\\hline\n");
    }
    net_text_add(text, "\\hline\n\\end{tabular}\n");
}

void net_cells_md(struct net_text *text, const struct net_cells *cells)
{
    for (int i = 0; i < cells->count; i++) {
        net_text_add(text, i % cells->columns ? " " : "| ");
        for (const char *at = cells->at[i]; *at; at++)
            net_text_add(text, strchr("|\\`*_<", *at) ? "\\%c" : "%c", *at);
        net_text_add(text, (i + 1) % cells->columns ? " |" : " |\n");
        for (int c = 0; i == cells->columns - 1 && c < cells->columns; c++)
            net_text_add(text, "|%s%s", c < cells->texts ? " --- " : " ---: ",
                         c == cells->columns - 1 ? "|\n" : "");
    }
}
