/*
 * rows.c -- kernels that walk rows of pixels.
 */

#include "emit/emit.h"

const char *pixel_name(const Physical *v)
{
    return v->height == 1 ? "column" : format("row * %d + column", v->width);
}

void open_rows(Text *text, const Physical *v, bool columns)
{
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", v->chunks, v->height);
    line(text, 2, "const int chunk = item / %d, row = item %% %d;", v->height, v->height);
    line(text, 2, "(void)row;");
    if (columns)
        line(text, 2, "for (int column = 0; column < %d; column++) {", v->width);
}

void close_rows(Text *text, bool columns)
{
    if (columns)
        line(text, 2, "}");
    line(text, 1, "}");
    line(text, 0, "}");
}
