/*
 * shards.c -- `shards = 8`: the gradient of a batch is the sum of those of its shards by one binary
 * tree, whoever computes them.
 *
 * A shard is a contiguous range of the batch's blocks of 16 rows; of fewer blocks than shards some
 * are empty, and add +0. It runs as a batch by itself, counts what its loss does in the mean of all
 * (its rows, or the weights of their classes), and what is random in it has a number of its own:
 * step * shards + shard. Leaf s of the tree is shard s. As after every sum +0 is added, none is -0,
 * and what an empty subtree adds changes no bit.
 *
 * Where rows meet in a layer (meetings.c) shards run together, each up to the next meeting place,
 * in an arena and with gradients of its own: those of the sum of its rows' losses, since what a row
 * gives to another one's gradient counts as its own loss does.
 *
 * Only trainers of models that say `shards` have this file.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "training/pieces.h"

enum {
    BLOCK = 16, /* rows */
    LEVELS = 8  /* of the tree, above its leaves */
};
_Static_assert(1 << LEVELS == NET_MAX_SHARDS, "a tree of shards");

/* ---- Which rows ------------------------------------------------------------------------------ */

/* Of a batch of `rows` the first row of shard `shard`, or behind the last. */
static long shard_begin(long rows, int shard, int shards)
{
    const long blocks = (rows + BLOCK - 1) / BLOCK, row = blocks * shard / shards * BLOCK;

    return row < rows ? row : rows;
}

/* Shard `index` of a batch's, from 0, that have rows and are this process's; without one it has an
   empty one. */
static struct net_shard find_shard(const struct net_cut *cut, long rows, int index)
{
    struct net_shard shard = {.number = cut->first, .rows = rows, .last = true};

    for (int s = cut->first, found = 0; s < cut->first + cut->own; s++) {
        const long begin = shard_begin(rows, s, cut->shards),
                   end = shard_begin(rows, s + 1, cut->shards);

        if (begin == end)
            continue;
        if (found++ == index)
            shard = (struct net_shard){begin, (int)(end - begin), s, rows, true};
        else if (found > index)
            shard.last = false;
    }
    return shard;
}

static int count_shards(const struct net_cut *cut, long rows)
{
    int count = 0;

    for (int s = cut->first; s < cut->first + cut->own; s++)
        count += shard_begin(rows, s, cut->shards) < shard_begin(rows, s + 1, cut->shards);
    return count ? count : rows > 0;
}

static long count_all(const struct net_cut *cut, long rows, long batch)
{
    return rows / batch * count_shards(cut, batch) + count_shards(cut, rows % batch);
}

static struct net_shard find(const struct net_cut *cut, long rows, long batch, long index)
{
    const int whole = count_shards(cut, batch);
    const long step = index / whole < rows / batch ? index / whole : rows / batch;
    const long left = rows - step * batch;
    struct net_shard shard = find_shard(cut, left < batch ? left : batch,
                                        (int)(index - step * whole));

    shard.first += step * batch;
    return shard;
}

/* ---- The tree -------------------------------------------------------------------------------- */

/* to = factor leaf + terms[0] + terms[1] ..., from the left, of floats begin to end. */
struct sum {
    struct net_session *session;
    float *to;         /* perhaps one of them */
    const float *leaf; /* or NULL */
    float factor;
    const float *terms[LEVELS];
    int count;
    long begin, end;
};

static void sum_piece(const void *context, int tensor, long at, long count)
{
    const struct sum *sum = context;

    (void)tensor;
    if (at < sum->begin || at >= sum->end) /* both are where tensors begin */
        return;
    const float *first = (sum->leaf ? sum->leaf : sum->terms[0]) + at;
    const float factor = sum->leaf ? sum->factor : 1.0f;
    float sums[NET_PIECE], *to = sum->to + at;

    for (long i = 0; i < count; i++)
        sums[i] = factor * first[i] + 0.0f;
    for (int t = !sum->leaf; t < sum->count; t++) {
        const float *term = sum->terms[t] + at;

        for (long i = 0; i < count; i++)
            sums[i] = sums[i] + term[i] + 0.0f;
    }
    memcpy(to, sums, (size_t)count * sizeof *to);
}

static void sum_share(void *context, int thread)
{
    const struct sum *sum = context;

    net_share_pieces(sum->session, thread, sum_piece, sum);
}

/* Leaves come in their order; what waits for its sibling is the sum of 2^l of them at level l. */
struct net_tree {
    struct net_session *session;
    long begin, end;         /* of the floats that it is of */
    float *at[LEVELS];       /* NULL: there is none, or it is empty */
    float *free[LEVELS + 1]; /* buffers of params_size */
    int free_count;
    int next;              /* leaf */
    int held;              /* shards that run together, so far */
    int last;              /* leaf that has rows, where they run one by one; -1: none has */
    double *loss, *weight; /* of each leaf */
};

struct leaf {
    float *gradient; /* run.grads, or where leaves run together its own; NULL: it is empty */
    double factor;   /* of it */
    double weight, loss;
};

/* The last one leaves the sum of all in run.grads. */
static void add_leaf(struct net_tree *tree, struct leaf leaf)
{
    struct net_session *session = tree->session;
    const int number = tree->next++, own = session->cut->own;
    struct sum sum = {session, session->run.grads, leaf.gradient, (float)leaf.factor, {0},
                      0,       tree->begin,        tree->end};
    int level = 0;

    if (session->cut->held)
        tree->free_count = 0; /* of those before some are, and are not wanted */
    tree->weight[number] = leaf.weight;
    tree->loss[number] = leaf.loss;
    for (; number >> level & 1; level++) {
        if (!tree->at[level])
            continue;
        sum.terms[sum.count++] = tree->free[tree->free_count++] = tree->at[level];
        tree->at[level] = NULL;
    }
    if (!leaf.gradient && !sum.count && number + 1 == own)
        memset(sum.to + sum.begin, 0, (size_t)(sum.end - sum.begin) * sizeof *sum.to);
    if (!leaf.gradient && !sum.count)
        return;
    if (session->cut->held && leaf.gradient) /* it has one of its own, and leaves it */
        tree->free[tree->free_count++] = leaf.gradient;
    if (number + 1 < own)
        sum.to = tree->at[level] = tree->free[--tree->free_count];
    net_threads_run(session->pool, sum_share, &sum);
}

static void add_empty_leaves(struct net_tree *tree, int next)
{
    while (tree->next < next)
        add_leaf(tree, (struct leaf){0});
}

/* By the same tree. */
static double sum_leaves(double *leaves, int count)
{
    for (; count > 1; count /= 2)
        for (int i = 0; i < count / 2; i++)
            leaves[i] = leaves[2 * i] + leaves[2 * i + 1];
    return leaves[0];
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* What is done with each shard that has rows. */
typedef void take_shard(struct net_tree *tree, const struct net_shard *shard, const void *batch,
                        int n);

/* The batch, and those that the loader has next. Without a loader it is one. */
static struct net_shard take_shards(struct net_tree *tree, const void *batch, int n,
                                    take_shard *take)
{
    const struct net_session *session = tree->session;
    struct net_shard shard = {.number = session->cut->first, .rows = n, .last = true};
    const long *numbers;

    do {
        if (session->loader)
            shard = net_loader_shard(session->loader);
        if (n)
            take(tree, &shard, batch, n);
        if (!shard.last)
            batch = net_loader_next(session->loader, &numbers, &n);
    } while (!shard.last);
    return shard;
}

static uint32_t draws_of(const struct net_cut *cut, uint32_t step, const struct net_shard *shard)
{
    return step * (uint32_t)cut->shards + (uint32_t)shard->number;
}

/* The leaf of the shard that has run. */
static void add_own_leaf(struct net_tree *tree, int number)
{
    struct net_session *session = tree->session;
    const double weight = net_loss_weight(session->model, &session->run);

    add_empty_leaves(tree, number);
    add_leaf(tree,
             (struct leaf){session->run.grads, weight, weight, weight * (double)session->run.loss});
}

/* The last leaf, or all that run together, of the gradient from float `from` on; it leaves. */
static void end_tree(struct net_tree *tree, long from)
{
    struct net_session *session = tree->session;
    struct net_run *runs = session->cut->runs;
    struct net_tree part = *tree;

    part.begin = from;
    for (int i = 0; i < tree->held; i++) {
        add_empty_leaves(&part, runs[i].shard);
        add_leaf(&part, (struct leaf){runs[i].grads, 1.0, net_loss_weight(session->model, &runs[i]),
                                      (double)runs[i].loss});
    }
    if (tree->last >= 0)
        add_own_leaf(&part, tree->last);
    add_empty_leaves(&part, session->cut->own);
    tree->end = from;
    if (net_are_several(session->cut->ranks))
        session->cut->ranks->send(session, from);
}

static void end_from(struct net_session *session, size_t from)
{
    end_tree(session->cut->tree, (long)(from / sizeof(float)));
}

/* By itself: it is a leaf at once, but for the last. */
static void run_shard(struct net_tree *tree, const struct net_shard *shard, const void *batch,
                      int n)
{
    struct net_session *session = tree->session;
    struct net_cut *cut = session->cut;
    const uint32_t step = session->run.step;
    const int number = shard->number - cut->first;

    session->run.step = draws_of(cut, step, shard);
    if (shard->last) {
        tree->last = number;
        cut->whole = net_are_several(cut->ranks) ? end_from : NULL;
    }
    net_batch_gradients(session, batch, n);
    session->run.step = step;
    if (!shard->last)
        add_own_leaf(tree, number);
}

/* Together with the others. */
static void hold_shard(struct net_tree *tree, const struct net_shard *shard, const void *batch,
                       int n)
{
    const struct net_session *session = tree->session;
    const struct net_cut *cut = session->cut;
    const int i = tree->held++;
    struct net_run *run = &cut->runs[i];

    *run = session->run;
    run->batch = batch;
    run->n = n;
    run->rows = (int)shard->rows;
    run->shard = shard->number - cut->first;
    run->step = draws_of(cut, run->step, shard);
    run->arena = cut->arenas[i];
    run->has_target = run->sums = true;
    if (i)
        run->grads = session->gathered +
                     (size_t)(i - 1) * session->model->params_size / sizeof(float);
}

static int hold(struct net_session *session, const void *batch, int n)
{
    struct net_tree tree = {.session = session};

    take_shards(&tree, batch, n, hold_shard);
    return tree.held;
}

void net_sum_shards(struct net_session *session, const void *batch, int n)
{
    struct net_cut *cut = session->cut;
    double loss[NET_MAX_SHARDS], weight[NET_MAX_SHARDS];
    const long floats = (long)(session->model->params_size / sizeof(float));
    struct net_tree tree = {
        .session = session, .end = floats, .last = -1, .loss = loss, .weight = weight};

    for (int own = 1; !cut->held && own < cut->own; own *= 2, tree.free_count++)
        tree.free[tree.free_count] = session->gathered + tree.free_count * floats;
    cut->tree = &tree;
    session->rows = take_shards(&tree, batch, n, cut->held ? hold_shard : run_shard).rows;
    if (cut->held) {
        cut->whole = net_are_several(cut->ranks) ? end_from : NULL;
        net_shard_gradients(session, cut->runs, tree.held);
    }
    cut->whole = NULL;
    end_tree(&tree, 0);
    session->weight = sum_leaves(weight, cut->own);
    double mean = sum_leaves(loss, cut->own);

    if (net_are_several(session->options->ranks))
        session->options->ranks->sum(session, &session->weight, &mean);
    const double factor = session->weight > 0.0 ? 1.0 / session->weight : 0.0;

    mean *= factor;

    net_threads_run(
        session->pool, sum_share,
        &(struct sum){
            session, session->run.grads, session->run.grads, (float)factor, {0}, 0, 0, floats});
    session->run.loss = (float)(mean + net_penalize(session));
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* As many shards as have rows run together. */
static void open_runs(const struct net_session *session, struct net_cut *cut)
{
    const struct net_model *model = session->model;
    const int blocks = (model->batch + BLOCK - 1) / BLOCK;

    cut->held = blocks < cut->own ? blocks : cut->own;
    cut->hold = hold;
    cut->runs = net_allocate((size_t)cut->held, sizeof *cut->runs);
    cut->arenas = net_allocate((size_t)cut->held, sizeof *cut->arenas);
    cut->batches = net_allocate(2 * (size_t)cut->held, sizeof *cut->batches);
    for (int i = 0; i < cut->held; i++)
        cut->arenas[i] = i ? net_map(model->arena_size) : session->run.arena;
    for (int i = 0; i < 2 * cut->held; i++)
        cut->batches[i] = i < 2 ? session->batch[i] : net_map(net_batch_bytes(model));
}

static void close_shards(struct net_session *session)
{
    struct net_cut *cut = session->cut;

    for (int i = 1; i < cut->held; i++)
        munmap(cut->arenas[i], session->model->arena_size);
    for (int i = 2; i < 2 * cut->held; i++)
        munmap(cut->batches[i], net_batch_bytes(session->model));
    free(cut->arenas);
    free(cut->batches);
    free(cut->runs);
    free(cut);
}

void net_open_shards(struct net_session *session)
{
    /* 0: the run that goes on has none */
    const long asked = net_whole(session->options, NET_SHARDS), shards = asked ? asked : 1;
    const struct net_world *ranks = session->options->ranks;
    const int size = ranks ? ranks->size : 1;
    int buffers = 0; /* of gradients that wait */

    if (shards & (shards - 1))
        net_fail(NET_USAGE,
                 "--shards %ld: shards are a power of two, 1 to %d, for the sum by a "
                 "binary tree",
                 shards, NET_MAX_SHARDS);
    if (shards % size)
        net_fail(NET_USAGE, "%d processes: a batch of %ld shards is for a power of two up to %ld",
                 size, shards, shards);
    if (shards == 1)
        return;
    const int own = (int)shards / size;
    struct net_cut *cut = net_allocate(1, sizeof *cut);

    *cut = (struct net_cut){.find = find,
                            .count = count_all,
                            .close = close_shards,
                            .shards = (int)shards,
                            .first = ranks ? ranks->rank * own : 0,
                            .own = own,
                            .ranks = ranks};
    if (session->model->meet)
        open_runs(session, cut);
    while (cut->held ? buffers + 1 < cut->held : 1 << buffers < own)
        buffers++;
    session->cut = cut;
    session->gathered = net_memory((size_t)(buffers ? buffers : 1) * session->model->params_size);
}
