/*
 * penalty.c -- sums over parameters whose bits depend on nothing: not on threads, not on a target.
 *
 * A reduction block is 16 outputs by up to 512 rows of one tensor. However wide a target's panels
 * are, it holds the same numbers in the same order; each is summed by one thread, and what they
 * give is added in order. Here are the penalties l1 and l2, and the norm of the gradients.
 * (Compiled once for each instruction set: lanes are summed apart, so that vectors of any width add
 * alike.)
 */

#include <math.h>

#include "training/training.h"

enum { ROWS = 512 };

struct reduction_block {
    const struct net_tensor *tensor;
    long at;         /* floats into params */
    long rows, step; /* vectors of 16, and floats from one to the next */
};

typedef double block_work(struct net_session *session, const struct reduction_block *part);

struct walk {
    struct net_session *session;
    block_work *work;
    double *sums; /* of each reduction block */
    int thread, threads;
    int count; /* reduction blocks so far */
};

/* The reduction blocks of `rows` vectors from `at` on. */
static void cut(struct walk *walk, const struct net_tensor *tensor, long at, long rows, long step)
{
    for (long row = 0; row < rows; row += ROWS, walk->count++) {
        const struct reduction_block part = {tensor, at + row * step,
                                             rows - row < ROWS ? rows - row : ROWS, step};

        if (walk->work && walk->count % walk->threads == walk->thread)
            walk->sums[walk->count] = walk->work(walk->session, &part);
    }
}

static void walk_all(struct walk *walk)
{
    const struct net_model *model = walk->session->model;

    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];
        const int *panels = tensor->panels;
        const long vectors = tensor->count / 16;
        const int blocks = tensor->kind == NET_WEIGHT ? 3 * panels[0] + 2 * panels[1] + panels[2]
                                                      : 1;
        const long rows = vectors / blocks;
        long at = (long)(tensor->offset / sizeof(float));

        for (int block = 0, width; tensor->trainable && block < blocks; block += width) {
            width = blocks == 1 || block >= 3 * panels[0] + 2 * panels[1] ? 1
                    : block >= 3 * panels[0]                              ? 2
                                                                          : 3;
            for (int b = 0; b < width; b++)
                cut(walk, tensor, at + 16 * b, rows, 16 * width);
            at += rows * width * 16;
        }
    }
}

static void run_walk(void *context, int thread)
{
    struct walk walk = *(struct walk *)context;

    walk.thread = thread;
    walk_all(&walk);
}

void net_sums_open(struct net_session *session)
{
    struct walk walk = {.session = session};

    walk_all(&walk);
    session->sum_count = walk.count;
    session->sums = net_allocate((size_t)walk.count, sizeof *session->sums);
}

static double sum_blocks(struct net_session *session, block_work *work)
{
    struct walk walk = {
        .session = session, .work = work, .sums = session->sums, .threads = session->run.threads};
    double sum = 0.0;

    net_threads_run(session->pool, run_walk, &walk);
    for (int s = 0; s < session->sum_count; s++)
        sum += session->sums[s];
    return sum;
}

static double add_lanes(const double lanes[16])
{
    double sum = 0.0;

    for (int lane = 0; lane < 16; lane++)
        sum += lanes[lane];
    return sum;
}

/* ---- Squares --------------------------------------------------------------------------------- */

static double square(struct net_session *session, const struct reduction_block *part)
{
    const float *g = session->run.grads + part->at;
    double lanes[16] = {0};

    for (long row = 0; row < part->rows; row++, g += part->step)
        for (int lane = 0; lane < 16; lane++)
            lanes[lane] += (double)g[lane] * (double)g[lane];
    return add_lanes(lanes);
}

double net_gradient_norm(struct net_session *session)
{
    return sqrt(sum_blocks(session, square));
}

/* ---- Penalties ------------------------------------------------------------------------------- */

bool net_has_penalties(const struct net_model *model)
{
    for (int t = 0; t < model->tensor_count; t++)
        if (model->tensors[t].trainable && (model->tensors[t].l1 > 0 || model->tensors[t].l2 > 0))
            return true;
    return false;
}

/* l1 |w| + l2 w^2 */
static double penalty(struct net_session *session, const struct reduction_block *part)
{
    const float *w = (const float *)session->run.params + part->at;
    const double l1 = part->tensor->l1, l2 = part->tensor->l2;
    double first[16] = {0}, second[16] = {0};

    if (l1 == 0.0 && l2 == 0.0)
        return 0.0;
    for (long row = 0; row < part->rows; row++, w += part->step)
        for (int lane = 0; lane < 16; lane++) {
            first[lane] += fabs((double)w[lane]);
            second[lane] += (double)w[lane] * (double)w[lane];
        }
    return l1 * add_lanes(first) + l2 * add_lanes(second);
}

/* The same, and its gradient: g += l1 sign(w) + 2 l2 w */
static double penalize(struct net_session *session, const struct reduction_block *part)
{
    const float *w = (const float *)session->run.params + part->at;
    const float l1 = (float)part->tensor->l1, l2 = (float)(2.0 * part->tensor->l2);
    float *restrict g = session->run.grads + part->at;

    if (l1 == 0.0f && l2 == 0.0f)
        return 0.0;
    for (long row = 0; row < part->rows; row++, w += part->step, g += part->step)
        for (int lane = 0; lane < 16; lane++)
            g[lane] += l2 * w[lane] + (w[lane] > 0.0f ? l1 : w[lane] < 0.0f ? -l1 : 0.0f);
    return penalty(session, part);
}

double net_penalty(struct net_session *session)
{
    return session->penalized ? sum_blocks(session, penalty) : 0.0;
}

double net_penalize(struct net_session *session)
{
    return session->penalized ? sum_blocks(session, penalize) : 0.0;
}
