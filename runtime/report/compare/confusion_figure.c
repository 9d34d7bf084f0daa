/*
 * confusion_figure.c -- a confusion matrix as a picture: a square a cell, as dark as its share of
 * its row.
 */

#include <math.h>
#include <stdlib.h>

#include "report/compare/compare.h"

enum {
    WIDTH = 640,       /* units, at most */
    TITLE = 130,       /* what the title takes */
    LARGEST = 60,      /* a cell, at most */
    LETTER = 7,        /* about, the width of one */
    MOST_LETTERS = 24, /* of a name that have room */
};

struct map {
    const struct net_cells *cells;
    int count;     /* of classes */
    int left, top; /* where the cells begin */
    double cell;   /* their side */
    bool upright;  /* names above the columns are turned */
};

static const char *name_of(const struct map *map, int class)
{
    return map->cells->at[map->cells->columns * (class + 1)];
}

static const char *cell_of(const struct map *map, int truth, int class)
{
    return map->cells->at[map->cells->columns * (truth + 1) + class + 1];
}

static struct map find_map(const struct net_cells *cells)
{
    struct map map = {.cells = cells, .count = cells->columns - 1};
    int longest = 1;

    for (int c = 0; c < map.count; c++) {
        const int columns = net_text_columns(name_of(&map, c));

        longest = columns > longest ? columns : longest;
    }
    longest = longest < MOST_LETTERS ? longest : MOST_LETTERS;
    map.left = 30 + LETTER * longest;
    map.cell = (double)(WIDTH - map.left - 20) / map.count;
    map.cell = map.cell < LARGEST ? map.cell : LARGEST;
    map.upright = LETTER * longest > map.cell;
    map.top = 50 + (map.upright ? LETTER * longest : 16);
    return map;
}

static void add_column_name(struct net_text *svg, const struct map *map, int class)
{
    const double middle = map->left + map->cell * (class + 0.5);

    if (map->upright)
        net_text_add(svg, "<text transform=\"translate(%.1f %d) rotate(-90)\">", middle + 4,
                     map->top - 6);
    else
        net_text_add(svg, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", middle,
                     map->top - 6);
    net_text_html(svg, name_of(map, class));
    net_text_add(svg, "</text>\n");
}

static void add_row(struct net_text *svg, const struct map *map, int truth)
{
    const double y = map->top + map->cell * truth, size = map->cell < 30 ? 0.4 * map->cell : 12;
    double all = 0;

    for (int c = 0; c < map->count; c++)
        all += strtod(cell_of(map, truth, c), NULL);
    net_text_add(svg, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", map->left - 6,
                 y + 0.5 * map->cell + 4);
    net_text_html(svg, name_of(map, truth));
    net_text_add(svg, "</text>\n");
    for (int c = 0; c < map->count; c++) {
        const double part = strtod(cell_of(map, truth, c), NULL) / all;
        const double share = part > 0 ? fmin(part, 1) : 0;
        const double x = map->left + map->cell * c;

        if (share > 0)
            net_text_add(svg,
                         "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                         "style=\"stroke:none;fill:currentColor;fill-opacity:%.3f\"/>\n",
                         c == truth ? "a" : "b", x, y, map->cell, map->cell, share);
        net_text_add(svg,
                     "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" style=\"font-size:%.1fpx"
                     "%s\">",
                     x + 0.5 * map->cell, y + 0.5 * map->cell + 0.35 * size, size,
                     share > .5 ? ";fill:#fff" : "");
        net_text_html(svg, cell_of(map, truth, c));
        net_text_add(svg, "</text>\n");
    }
}

bool net_confusion_figure(struct net_text *svg, const struct net_cells *cells)
{
    if (cells->columns < 2 || cells->count != cells->columns * cells->columns)
        return false;
    const struct map map = find_map(cells);
    const int side = (int)(map.cell * map.count), title = side > TITLE ? side : TITLE;

    net_text_add(svg,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                 "aria-label=\"confusion matrix\">\n",
                 map.left + title + 20, map.top + side + 10);
    net_text_add(svg,
                 "<text class=\"title\" x=\"%d\" y=\"18\">confusion matrix</text>\n"
                 "<text x=\"%d\" y=\"36\" text-anchor=\"middle\">predicted</text>\n"
                 "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">true"
                 "</text>\n",
                 map.left, map.left + side / 2, map.top + side / 2);
    for (int c = 0; c < map.count; c++)
        add_column_name(svg, &map, c);
    for (int c = 0; c < map.count; c++)
        add_row(svg, &map, c);
    net_text_add(svg, "</svg>\n");
    return true;
}
