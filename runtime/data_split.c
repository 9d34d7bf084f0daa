/*
 * data_split.c -- holdout(f): which rows of a part are set aside. Rows are ordered by a draw each
 * and the first are taken, class by class where the target is one, so that every class keeps its
 * share. The draws are numbered by row of the source: they depend on nothing else.
 */

#include <stdlib.h>

#include "data_file.h"
#include "data_parts.h"
#include "random.h"

struct ticket {
    double class;               /* 0 where rows have none */
    uint64_t draw;
    long row;                   /* of the source */
};

static int compare_tickets(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;

    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->draw != y->draw)
        return x->draw < y->draw ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int compare_rows(const void *a, const void *b)
{
    const long x = *(const long *)a, y = *(const long *)b;

    return x < y ? -1 : x > y;
}

static double class_of(const struct net_column *classes, long row)
{
    const void *at = net_row(classes, row);

    switch (classes->type) {
    case NET_U8: return *(const uint8_t *)at;
    case NET_I32: return *(const int32_t *)at;
    case NET_F32:
    case NET_SPARSE:
    case NET_TEXT: break;
    }
    return (double)*(const float *)at;
}

static struct ticket *draw_tickets(const struct net_selection *from, enum net_part part,
                                   uint64_t seed, const struct net_column *classes)
{
    struct ticket *tickets = net_allocate((size_t)from->count, sizeof *tickets);
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    for (long i = 0; i < from->count; i++) {
        const long row = net_selected(from, i);
        uint32_t word[4];

        net_philox(word, key, (uint32_t)row, (uint32_t)((uint64_t)row >> 32), part,
                   NET_RANDOM_SPLIT);
        tickets[i] = (struct ticket){.class = classes ? class_of(classes, row) : 0,
                                     .draw = (uint64_t)word[0] << 32 | word[1], .row = row};
    }
    qsort(tickets, (size_t)from->count, sizeof *tickets, compare_tickets);
    return tickets;
}

void net_split(struct net_selection *from, struct net_selection *held, enum net_part part,
               const struct net_call *holdout, const struct net_column *classes)
{
    static const char *const names[NET_PARTS] = {"train", "validation", "test"};
    const double fraction = holdout->arg_count ? holdout->args[0].number : 0;
    const uint64_t seed = net_argument(holdout, "seed") ?
                          (uint64_t)net_whole_argument(holdout, "seed", 0, 0x1p53) : 0;

    if (!(fraction > 0 && fraction < 1))
        net_fail(1, "%s = holdout(%g): expected a share between 0 and 1", names[part], fraction);
    struct ticket *tickets = draw_tickets(from, part, seed, classes);
    long *kept = net_allocate((size_t)from->count, sizeof *kept);
    long *taken = net_allocate((size_t)from->count, sizeof *taken);
    long kept_count = 0, taken_count = 0, seen = 0;

    for (long begin = 0, end; begin < from->count; begin = end) {
        for (end = begin; end < from->count && tickets[end].class == tickets[begin].class;)
            end++;
        const long size = end - begin;
        /* shares are rounded on the running total, so that their sum is right; a class's last row
           stays in training */
        const long before = (long)(fraction * (double)seen + .5);
        long take = size > 1 ? (long)(fraction * (double)(seen + size) + .5) - before : 0;

        if (take >= size)
            take = size - 1;
        if (size > 1)
            seen += size;
        for (long i = begin; i < end; i++)
            if (i < begin + take)
                taken[taken_count++] = tickets[i].row;
            else
                kept[kept_count++] = tickets[i].row;
    }
    if (!taken_count)
        net_fail(1, "%s = holdout(%g) of %ld rows is empty: a larger share or more rows are needed",
                 names[part], fraction, from->count);
    qsort(kept, (size_t)kept_count, sizeof *kept, compare_rows);
    qsort(taken, (size_t)taken_count, sizeof *taken, compare_rows);
    free(tickets);
    free(from->rows);
    from->rows = kept;
    from->count = kept_count;
    *held = (struct net_selection){.opened = from->opened, .rows = taken, .count = taken_count};
}
