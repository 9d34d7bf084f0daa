/*
 * generators.c -- small data sets that need no file: the exclusive or, and the logistic map.
 */

#include <string.h>

#include "data/sources/source.h"

static struct net_column *add_floats(struct net_table *table, const char *name, const char *place,
                                     long rows, int size)
{
    struct net_column *column = &table->columns[table->column_count++];

    *column = (struct net_column){.name = name,
                                  .place = place,
                                  .type = NET_F32,
                                  .rank = 1,
                                  .shape = {size},
                                  .rows = rows,
                                  .size = size,
                                  .at = net_allocate((size_t)rows * (size_t)size, sizeof(float))};
    return column;
}

static void open_xor(struct net_table *table, const struct net_request *request)
{
    static const float inputs[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
    static const float outputs[4] = {-1, 1, 1, -1};

    memcpy(add_floats(table, "x", request->call->name, 4, 2)->at, inputs, sizeof inputs);
    memcpy(add_floats(table, "y", request->call->name, 4, 1)->at, outputs, sizeof outputs);
}

/* x, 4x(1 - x) along one orbit, in double. */
static void open_logistic_map(struct net_table *table, const struct net_request *request)
{
    const struct net_call *call = request->call;
    const long rows = (long)net_whole_argument(call, "rows", 1, 1e8);
    const struct net_arg *start = net_argument(call, "x0");
    double x = start ? start->number : 0;

    if (!(x > 0 && x < 1))
        net_fail(1, "logistic_map(x0=...): expected a number between 0 and 1, found %g", x);
    float *from = add_floats(table, "x", call->name, rows, 1)->at;
    float *to = add_floats(table, "y", call->name, rows, 1)->at;

    for (long i = 0; i < rows; i++) {
        from[i] = (float)x;
        x = 4 * x * (1 - x);
        to[i] = (float)x;
    }
}

const struct net_reader net_reader_xor = {.name = "xor", .open = open_xor};
const struct net_reader net_reader_logistic_map = {.name = "logistic_map",
                                                   .open = open_logistic_map};
