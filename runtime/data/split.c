/*
 * split.c -- holdout(f) and kfold(k): which rows of a part are set aside. Rows are ordered by
 * a draw each and the first are taken, class by class where the target is one, so that every class
 * keeps its share. The draws are numbered by row of the source: they depend on nothing else.
 * Of windows of a series the last rows are held out, or a fold is a run of them, and windows that
 * reach into a run from without are left out.
 */

#include <stdlib.h>

#include "core/random.h"
#include "data/dataset.h"
#include "data/sources/source.h"

const char *const net_part_names[NET_PARTS + 1] = {
#define PART(name) #name,
#include "language.def"
    NULL};

struct ticket {
    double class; /* 0 where rows have none */
    uint64_t draw;
    long row; /* of the source */
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

static struct ticket *draw_tickets(const struct net_subset *from, enum net_part part, uint64_t seed,
                                   const struct net_column *classes)
{
    struct ticket *tickets = net_allocate((size_t)from->count, sizeof *tickets);
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    for (long i = 0; i < from->count; i++) {
        const long row = net_source_row(from, i);
        uint32_t word[4];

        net_philox(word, key, (uint32_t)row, (uint32_t)((uint64_t)row >> 32), part,
                   NET_RANDOM_SPLIT);
        tickets[i] = (struct ticket){.class = classes ? net_element(classes, row, 0) : 0,
                                     .draw = (uint64_t)word[0] << 32 | word[1],
                                     .row = row};
    }
    qsort(tickets, (size_t)from->count, sizeof *tickets, compare_tickets);
    return tickets;
}

bool net_is_binary(const struct net_column *column)
{
    bool units = true, signs = true;

    for (long row = 0; row < column->rows && (units || signs); row++) {
        const double x = net_element(column, row, 0);

        units = units && (x == 0 || x == 1);
        signs = signs && (x == -1 || x == 1);
    }
    return units || signs;
}

static uint64_t seed_of(const struct net_call *call)
{
    return net_argument(call, "seed") ? (uint64_t)net_whole_argument(call, "seed", 0, 0x1p53) : 0;
}

/* Numbers of rows while a part is divided. */
struct division {
    long *kept, *taken;
    long kept_count, taken_count;
};

static struct division begin_division(const struct net_subset *from)
{
    return (struct division){.kept = net_allocate((size_t)from->count, sizeof(long)),
                             .taken = net_allocate((size_t)from->count, sizeof(long))};
}

static void add_row(struct division *to, long row, bool take)
{
    if (take)
        to->taken[to->taken_count++] = row;
    else
        to->kept[to->kept_count++] = row;
}

/* Both parts in the order of the source. */
static void end_division(const struct division *of, struct net_subset *from,
                         struct net_subset *held)
{
    qsort(of->kept, (size_t)of->kept_count, sizeof *of->kept, compare_rows);
    qsort(of->taken, (size_t)of->taken_count, sizeof *of->taken, compare_rows);
    free(from->rows);
    from->rows = of->kept;
    from->count = of->kept_count;
    *held = (struct net_subset){
        .source = from->source, .rows = of->taken, .count = of->taken_count};
}

static long end_of_class(const struct ticket *tickets, long begin, long count)
{
    long end = begin;

    while (end < count && tickets[end].class == tickets[begin].class)
        end++;
    return end;
}

/* Rows begin to end - 1 of `from` are held, those that overlap them are in neither part. */
static void take_run(struct net_subset *from, struct net_subset *held, long begin, long end)
{
    const long overlap = from->source->table.overlap;
    const long first = net_source_row(from, begin), last = net_source_row(from, end - 1);
    struct division division = begin_division(from);

    for (long i = 0; i < from->count; i++) {
        const long row = net_source_row(from, i);
        const bool taken = i >= begin && i < end;

        if (taken || row < first - overlap || row > last + overlap)
            add_row(&division, row, taken);
    }
    if (!division.kept_count)
        net_fail(1,
                 "%s: %ld windows are too few to divide: none is left for training that shares "
                 "nothing with those held out",
                 from->source->table.columns[0].place, from->count);
    end_division(&division, from, held);
}

void net_split(struct net_subset *from, struct net_subset *held, enum net_part part,
               const struct net_call *holdout, const struct net_column *classes)
{
    const double fraction = holdout->arg_count ? holdout->args[0].number : 0;

    if (!(fraction > 0 && fraction < 1))
        net_fail(1, "%s = holdout(%g): expected a share between 0 and 1", net_part_names[part],
                 fraction);
    if (from->source->table.windows) {
        const long take = (long)(fraction * (double)from->count + .5);

        if (!take)
            net_fail(1, "%s = holdout(%g) of %ld windows is empty", net_part_names[part], fraction,
                     from->count);
        take_run(from, held, from->count - take, from->count);
        return;
    }
    struct ticket *tickets = draw_tickets(from, part, seed_of(holdout), classes);
    struct division division = begin_division(from);
    long seen = 0;

    for (long begin = 0, end; begin < from->count; begin = end) {
        end = end_of_class(tickets, begin, from->count);
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
            add_row(&division, tickets[i].row, i < begin + take);
    }
    if (!division.taken_count)
        net_fail(1,
                 "%s = holdout(%g) of %ld rows is empty: a larger share or more rows are needed%s",
                 net_part_names[part], fraction, from->count,
                 classes ? "; a class's only row stays in training" : "");
    free(tickets);
    end_division(&division, from, held);
}

/* Rows in the order of their classes and draws go to the folds in turn: every class and the whole
   are divided as evenly as can be. A class with one row stays in training. */
void net_split_fold(struct net_subset *from, struct net_subset *held, struct net_fold fold,
                    const struct net_call *call, const struct net_column *classes)
{
    if (from->source->table.windows && from->count >= fold.count) {
        take_run(from, held, from->count * (fold.number - 1) / fold.count,
                 from->count * fold.number / fold.count);
        return;
    }
    struct ticket *tickets = draw_tickets(from, NET_VALIDATION, seed_of(call), classes);
    struct division division = begin_division(from);
    long turn = 0;

    for (long begin = 0, end; begin < from->count; begin = end) {
        end = end_of_class(tickets, begin, from->count);
        const bool alone = classes && end - begin == 1;

        for (long i = begin; i < end; i++)
            add_row(&division, tickets[i].row, !alone && turn++ % fold.count == fold.number - 1);
    }
    if (turn < fold.count)
        net_fail(1, "%d folds of %ld rows: there are too few rows to divide%s", fold.count,
                 from->count, turn < from->count ? "; a class's only row stays in training" : "");
    free(tickets);
    end_division(&division, from, held);
}
