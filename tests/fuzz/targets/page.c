/* page.c -- report.html of a run, whose figures and tables are taken out of it. */

#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "report/compare/compare.h"

static struct net_run_record run;

static void take_figure(void *to, const char *name, const struct net_text *svg)
{
    (void)to;
    if (!*name || !svg->length)
        fuzz_finding("a figure \"%s\" of %zu bytes", name, svg->length);
}

static void take_table(void *to, const char *name, const struct net_cells *cells)
{
    struct net_text text = {0};

    (void)to;
    if (!*name || cells->columns < 1 || cells->count % cells->columns)
        fuzz_finding("a table \"%s\" of %d cells", name, cells->count);
    net_cells_tex(&text, cells);
    net_cells_md(&text, cells);
    free(text.at);
}

static void read_page(const void *unused)
{
    (void)unused;
    net_page_read_figures(&run, take_figure, NULL);
    net_page_read_tables(&run, -1, take_table, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *path = net_format("%s/report.html", fuzz_folder());
    FILE *file = fopen(path, "wb");

    run.path = (char *)fuzz_folder();
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        fuzz_finding("cannot write %s", path);
    fuzz_attempt(read_page, NULL);
    free(path);
    return 0;
}
