/*
 * permute.c -- permute_pixels(seed): the pixels of every picture in one other order, all channels
 * alike. Bytes stay bytes, and what was affine moves along with its element.
 */

#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "data/transforms/transform.h"

static int *draw_order(int pixels, uint64_t seed)
{
    int *order = net_allocate((size_t)pixels, sizeof *order);

    net_permutation(order, pixels, seed);
    return order;
}

/* from[] in the new order: `width` bytes an element. */
static void reorder(void *to, const void *from, const int *order, int size, int pixels,
                    size_t width)
{
    for (int i = 0; i < size; i++) {
        const int k = i / pixels * pixels + order[i % pixels];

        memcpy((char *)to + (size_t)i * width, (const char *)from + (size_t)k * width, width);
    }
}

static void reorder_doubles(double **at, const int *order, int size, int pixels)
{
    double *moved = net_allocate((size_t)size, sizeof *moved);

    reorder(moved, *at, order, size, pixels, sizeof *moved);
    free(*at);
    *at = moved;
}

static void apply_permute(struct net_values *values, const struct net_call *call,
                          const struct net_fitted *fitted)
{
    const struct net_field *field = values->field;
    struct net_column *column = &values->column;
    const int channels = field->rank > 1 ? field->shape[0] : 1;
    const size_t width = net_width(column->type), bytes = (size_t)column->size * width;

    (void)fitted;
    if (column->size % channels)
        net_fail(1, "%s: a row of %s has %d numbers; %s has %d channels", column->place,
                 column->name, column->size, field->name, channels);
    const int pixels = column->size / channels;
    int *order = draw_order(pixels, (uint64_t)net_whole_argument(call, "seed", 0, 0x1p53));
    char *to = net_allocate((size_t)column->rows, bytes);

    for (long row = 0; row < column->rows; row++)
        reorder(to + (size_t)row * bytes, net_row(column, row), order, column->size, pixels, width);
    reorder_doubles(&values->scale, order, column->size, pixels);
    reorder_doubles(&values->shift, order, column->size, pixels);
    free(order);
    free(values->owned);
    values->owned = column->at = to;
    column->pieces = NULL;
}

const struct net_transform net_transform_permute_pixels = {
    .name = "permute_pixels", .given = {"seed"}, .apply = apply_permute};
