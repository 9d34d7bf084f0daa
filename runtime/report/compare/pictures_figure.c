/*
 * pictures_figure.c -- the pictures of a run's rows side by side: a row of the page's table is a
 * column, what was given above what came out and what was wanted; and what a network made.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

enum {
    COLUMNS = 6,       /* of a band */
    STEP = 84,         /* from column to column, and the height of a picture with its border */
    SIDE = 64,         /* of a picture, at most */
    LEFT = 80,         /* what is shown, by name */
    TOP = 30,          /* the title */
    CAPTION = 14,      /* height of a line below a column */
    MOST_PICTURES = 4, /* of a row */
    MOST_LETTERS = 12, /* of a caption */
};

/* A row of the table, which is read where it stands. */
struct row {
    int picture_count;
    struct {
        const char *alt, *source; /* up to the quote behind */
        int width, height;
    } pictures[MOST_PICTURES];
    const char *cells[4]; /* that hold no picture; the row's number first; up to a '<' */
    int cell_count;
};

/* What stands behind NAME=" in a tag; NULL: it has none. */
static const char *find_attribute(const char *tag, const char *name)
{
    char *pattern = net_format(" %s=\"", name);
    const char *found = strstr(tag, pattern);
    const size_t length = strlen(pattern);

    free(pattern);
    return found && found < strchr(tag, '>') ? found + length : NULL;
}

static void read_picture(struct row *row, const char *tag)
{
    const char *alt = find_attribute(tag, "alt"), *source = find_attribute(tag, "src");
    const char *width = find_attribute(tag, "width"), *height = find_attribute(tag, "height");

    if (!alt || !source || !width || !height || row->picture_count == MOST_PICTURES)
        return;
    row->pictures[row->picture_count].alt = alt;
    row->pictures[row->picture_count].source = source;
    row->pictures[row->picture_count].width = atoi(width);
    row->pictures[row->picture_count++].height = atoi(height);
}

/* The next row with a number, from *at on, which moves behind it. */
static bool read_row(const char **at, struct row *row)
{
    const char *begin = strstr(*at, "<tr><th scope=\"row\">");
    const char *end = begin ? strstr(begin, "</tr>") : NULL;

    *row = (struct row){0};
    if (!end)
        return false;
    for (const char *tag = begin + 4; tag && tag < end; tag = strchr(tag + 1, '<')) {
        const char *inside = strchr(tag, '>');

        if (!strncmp(tag, "<img ", 5))
            read_picture(row, tag);
        else if (inside && inside[1] != '<' && row->cell_count < 4)
            row->cells[row->cell_count++] = inside + 1;
    }
    *at = end;
    return true;
}

static void add_letters(struct net_text *svg, const char *text)
{
    const int length = (int)strcspn(text, "<\"");

    net_text_add(svg, length > MOST_LETTERS ? "%.*s…" : "%.*s",
                 length > MOST_LETTERS ? MOST_LETTERS - 1 : length, text);
}

static void begin_text(struct net_text *svg, int x, int y, const char *anchor)
{
    net_text_add(svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
}

/* The number of the row, and of a class that was taken for another both. */
static void add_caption(struct net_text *svg, const struct row *row, int x, int y)
{
    begin_text(svg, x, y, "middle");
    net_text_add(svg, "row ");
    add_letters(svg, row->cells[0]);
    net_text_add(svg, "</text>\n");
    if (row->cell_count < 4)
        return;
    begin_text(svg, x, y + CAPTION, "middle");
    add_letters(svg, row->cells[1]);
    net_text_add(svg, " → ");
    add_letters(svg, row->cells[3]);
    net_text_add(svg, "</text>\n");
}

static void add_column(struct net_text *svg, const struct row *row, int x, int y)
{
    for (int p = 0; p < row->picture_count; p++) {
        const int width = row->pictures[p].width, height = row->pictures[p].height;

        net_text_add(svg,
                     "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                     "style=\"image-rendering:pixelated\" href=\"%.*s\"/>\n",
                     x + (STEP - width) / 2, y + STEP * p + (SIDE - height) / 2, width, height,
                     (int)strcspn(row->pictures[p].source, "\""), row->pictures[p].source);
    }
    add_caption(svg, row, x + STEP / 2, y + STEP * row->picture_count - (STEP - SIDE) + CAPTION);
}

bool net_pictures_figure(struct net_text *svg, const char *table)
{
    struct row row;
    int count = 0, most = 0, band;

    for (const char *at = table; read_row(&at, &row); count++)
        most = row.picture_count > most ? row.picture_count : most;
    if (!most)
        return false;
    band = STEP * most + 2 * CAPTION;
    net_text_add(svg,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                 "aria-label=\"rows\">\n",
                 LEFT + COLUMNS * STEP, TOP + (count + COLUMNS - 1) / COLUMNS * band);
    net_text_add(svg, "<text class=\"title\" x=\"10\" y=\"18\">rows of the data</text>\n");
    count = 0;
    for (const char *at = table; read_row(&at, &row); count++) {
        const int y = TOP + count / COLUMNS * band;

        for (int p = 0; p < row.picture_count && count % COLUMNS == 0; p++) {
            begin_text(svg, 10, y + STEP * p + SIDE / 2, "start");
            add_letters(svg, row.pictures[p].alt);
            net_text_add(svg, "</text>\n");
        }
        add_column(svg, &row, LEFT + count % COLUMNS * STEP, y);
    }
    net_text_add(svg, "</svg>\n");
    return true;
}

bool net_made_figure(struct net_text *svg, const char *tag)
{
    struct row row = {0};

    read_picture(&row, tag);
    if (!row.picture_count)
        return false;
    net_text_add(svg,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                 "aria-label=\"made\">\n<image width=\"%d\" height=\"%d\" "
                 "style=\"image-rendering:pixelated\" href=\"%.*s\"/>\n</svg>\n",
                 row.pictures->width, row.pictures->height, row.pictures->width,
                 row.pictures->height, (int)strcspn(row.pictures->source, "\""),
                 row.pictures->source);
    return true;
}
