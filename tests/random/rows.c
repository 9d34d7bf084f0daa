/*
 * rows.c -- random rows of a random network's inputs and targets, as csv.
 */

#include "random/draw.h"
#include "random/network.h"

static void write_names(FILE *file, char letter, int count)
{
    for (int i = 0; i < count; i++)
        fprintf(file, "%c%d,", letter, i);
}

void write_rows(FILE *file, const RandomNetwork *n, uint64_t seed, int rows)
{
    const int pixels = n->image[0] * n->image[1] * n->image[2];

    write_names(file, 'i', pixels);
    write_names(file, 'v', n->vector);
    write_names(file, 't', n->targets ? n->targets : 1);
    fprintf(file, "w\n");
    for (int row = 0; row < rows; row++) {
        for (int i = 0; i < pixels + n->vector; i++)
            fprintf(file, "%.3f,", (draw_below(&seed, 2001) - 1000) / 500.0);
        for (int i = 0; i < (n->targets ? n->targets : 1); i++)
            if (n->targets && !n->is_binary)
                fprintf(file, "%.3f,", (draw_below(&seed, 2001) - 1000) / 1000.0);
            else
                fprintf(file, "%d,", n->targets ? draw_below(&seed, 2) : row % 3);
        for (int i = draw_below(&seed, 8); i >= 0; i--)
            fprintf(file, "w%d ", draw_below(&seed, 40));
        fprintf(file, "\n");
    }
}
