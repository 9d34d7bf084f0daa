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

/* `place`: where a block's channels are drawn and end. */
static void open_blocks(Emitter *e, Text *text, const Body *b, const Physical *v)
{
    line(text, 3, "for (int block = 0; block < %d; block++) {", v->blocks);
    if (b->masked || b->random)
        line(text, 4, "const struct net_lanes place = %s((%s) * %d + block);", lanes_function(e, v),
             pixel_name(v), v->blocks);
    if (b->masked)
        line(text, 4, "const int left = place.lanes;");
}

/* Random draws are made for four images at once. */
int open_images(Emitter *e, Text *text, const Body *b, const Physical *v)
{
    open_blocks(e, text, b, v);
    if (!b->random) {
        line(text, 4, "for (int i = 0; i < 16; i++) {");
        return 5;
    }
    write_draws(text, 4, b, "place.element", "place.step");
    line(text, 4, "NET_REPEAT(g, 4) {");
    write_keeps(text, 5, b, "4 * chunk + g");
    line(text, 5, "NET_REPEAT(r, 4) {");
    line(text, 6, "const long i = 4 * g + r;");
    return 6;
}

/* Ends them with the body on `v0`. */
void close_images(Text *text, int level, const Driver *d, const Body *b, const Physical *v)
{
    write_pointers(text, level, d, b, pixel_name(v), "i");
    line(text, level, "const long at = 0, lane = 0;");
    line(text, level, "(void)lane;");
    write_body(text, level, b, "v0", "_at");
    while (level-- > 3)
        line(text, level, "}");
}
