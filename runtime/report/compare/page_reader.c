/*
 * page_reader.c -- figures and tables of a run's results as its report.html has them: whatever has
 * an id there becomes a file of that name. Data and weights are not read.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

enum { PAGE_DIGITS = 4 }; /* that its numbers have */

/* ---- what the page has ----------------------------------------------------------------------- */

/* report.html, malloc'd; "": the run has none. */
static char *read_page(const struct net_run_record *run)
{
    struct net_folder folder;
    char *page = NULL;
    size_t length;

    if (net_folder_find(&folder, NULL, run->path)) {
        if (net_folder_has(&folder, "report.html"))
            page = net_file_read(&folder, "report.html", &length);
        net_folder_close(&folder);
    }
    return page ? page : net_format("%s", "");
}

/* How elements begin, up to their ids, and end; a map is a table of counts. */
static const struct element {
    const char *opening, *closing;
} figure = {"<figure id=\"", "</figure>"}, table = {"<table id=\"", "</table>"},
  map = {"<table class=\"map\" id=\"", "</table>"},
  rows = {"<table class=\"rows\" id=\"", "</table>"};

/* The next one whose id is a name, from *at on, which moves behind it; gives the name and what is
   in it, malloc'd each. */
static bool take_element(const char **at, const struct element *element, char **id, char **inside)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    bool found = false;

    for (const char *from; !found && (from = strstr(*at, element->opening)) != NULL;) {
        const char *name = from + strlen(element->opening), *begin = strchr(name, '>');
        const char *end = begin ? strstr(begin, element->closing) : NULL;
        const size_t length = strspn(name, letters);

        *at = end ? end : name + length;
        found = end && length && name[length] == '"';
        if (found) {
            *id = net_format("%.*s", (int)length, name);
            *inside = net_format("%.*s", (int)(end - begin - 1), begin + 1);
        }
    }
    return found;
}

/* ---- a table --------------------------------------------------------------------------------- */

static void add_plain(struct net_text *text, const char *at, const char *end)
{
    static const char *const names[][2] = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}};

    while (at < end) {
        const char *plain = NULL;

        for (size_t i = 0; i < sizeof names / sizeof *names && !plain; i++)
            if (!strncmp(at, names[i][0], strlen(names[i][0]))) {
                plain = names[i][1];
                at += strlen(names[i][0]);
            }
        net_text_add(text, "%.*s", 1, plain ? plain : at++);
    }
}

/* What stands in <th> and <td>; false: its rows are not equally long. */
static bool read_cells(struct net_cells *cells, const char *inside)
{
    bool equal = true;

    *cells = (struct net_cells){.texts = 1};
    for (const char *at = inside; (at = strchr(at, '<')) != NULL;) {
        const bool head = !strncmp(at, "<th", 3), cell = head || !strncmp(at, "<td", 3);
        const char *begin = strchr(at, '>'), *end = begin ? strchr(begin, '<') : NULL;
        struct net_text text = {0};

        if (!end)
            break;
        if (cells->count && !cells->columns && !strncmp(at, "</tr", 4))
            cells->columns = cells->count;
        equal = equal && (strncmp(at, "<tr", 3) != 0 || !cells->count ||
                          (cells->columns && cells->count % cells->columns == 0));
        if (cell) {
            add_plain(&text, begin + 1, end);
            net_cells_add(cells, "%s", text.at ? text.at : "");
            free(text.at);
        }
        at = end;
    }
    return equal && cells->columns && cells->count % cells->columns == 0;
}

/* The numbers of columns in which one has a point, for net_cells_even; counts stay as they are. */
static void find_numbers(struct net_cells *cells)
{
    for (int c = cells->texts; c < cells->columns; c++) {
        bool points = false;

        for (int i = cells->columns + c; i < cells->count; i += cells->columns)
            points |= strchr(cells->at[i], '.') != NULL;
        for (int i = cells->columns + c; points && i < cells->count; i += cells->columns) {
            char *end;
            const double number = strtod(cells->at[i], &end);

            if (end > cells->at[i] && !*end)
                cells->numbers[i].mean = number;
        }
    }
}

static void take_tables(const char *page, const struct element *element, int digits,
                        net_take_table *take, void *to)
{
    char *id, *inside;

    for (const char *at = page; take_element(&at, element, &id, &inside);) {
        struct net_cells cells;

        if (read_cells(&cells, inside)) {
            find_numbers(&cells);
            net_cells_even(&cells, digits < 0 ? -PAGE_DIGITS : digits);
            if (element == &map && !*cells.at[0]) {
                free(cells.at[0]);
                cells.at[0] = net_format("true / predicted");
            }
            take(to, id, &cells);
        }
        net_cells_free(&cells);
        free(id);
        free(inside);
    }
}

void net_page_read_tables(const struct net_run_record *run, int digits, net_take_table *take,
                          void *to)
{
    char *page = read_page(run);

    take_tables(page, &table, digits, take, to);
    take_tables(page, &map, digits, take, to);
    free(page);
}

/* ---- figures --------------------------------------------------------------------------------- */

struct taker {
    net_take_figure *take;
    void *to;
};

static void draw_map(void *at, const char *id, const struct net_cells *cells)
{
    const struct taker *taker = at;
    struct net_text svg = {0};

    if (net_confusion_figure(&svg, cells))
        taker->take(taker->to, id, &svg);
    free(svg.at);
}

/* Pictures that the network made stand in one. */
static void take_made(const char *page, const struct taker *taker)
{
    const char *tag = strstr(page, "<img id=\"made\" ");
    struct net_text svg = {0};

    if (tag && net_made_figure(&svg, tag))
        taker->take(taker->to, "made", &svg);
    free(svg.at);
}

void net_page_read_figures(const struct net_run_record *run, net_take_figure *take, void *to)
{
    struct taker taker = {take, to};
    char *page = read_page(run), *id, *inside;

    for (const char *at = page; take_element(&at, &figure, &id, &inside);) {
        const struct net_text svg = {.at = inside, .length = strlen(inside)};

        if (!strncmp(inside, "<svg ", 5) && strchr(inside, '\n'))
            take(to, id, &svg);
        free(id);
        free(inside);
    }
    take_tables(page, &map, -1, draw_map, &taker);
    for (const char *at = page; take_element(&at, &rows, &id, &inside);) {
        struct net_text svg = {0};

        if (net_pictures_figure(&svg, inside))
            take(to, id, &svg);
        free(svg.at);
        free(id);
        free(inside);
    }
    take_made(page, &taker);
    free(page);
}
