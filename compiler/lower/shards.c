/*
 * shards.c -- what `shards` refuses: a shard of a batch is computed by itself, and its loss counts
 * by one number in that of the batch.
 *
 * Needs: a train Graph without errors. Gives: errors.
 */

#include "lower/lower.h"

/* A loss of all pairs of rows. In a batchnorm rows meet too, but in sums, which shards can add. */
static bool check_nodes(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->op != OP_INFO_NCE)
            continue;
        error_at(g->model->source, g->nodes[i]->span,
                 "%s wants the whole batch, and `shards` computes parts of it by themselves",
                 g->nodes[i]->at.shape.size[0] == 2 ? "nt_xent" : "info_nce");
        return false;
    }
    return true;
}

/* The term that counts only some labels, or each by its class; NULL: none does. */
static const Term *find_weighted(const Model *model)
{
    for (int i = 0; model->term_count > 1 && i < model->term_count; i++) {
        const Term *term = &model->terms[i];
        const Constant *weights = term->value ? NULL : argument(term->call, "class_weights");

        if ((weights && weights->kind != CONSTANT_NONE) ||
            (!term->value && term->target && term->target->ignores))
            return term;
    }
    return NULL;
}

static bool check_all(const Graph *train)
{
    const Model *model = train->model;
    const Term *weighted = find_weighted(model);

    if (model->section_count)
        error_at(model->source, model->sections[1].span,
                 "`shards` are for one train section; here are several");
    else if (model->mixup > 0 || model->cutmix > 0)
        error_at(model->source, model->mixes,
                 "rows are mixed within the whole batch, and `shards` computes parts of it");
    else if (model->accumulate)
        error_at(model->source, model->accumulates,
                 "`shards` and `accumulate` are two ways to make a step of parts: one of the two");
    else if (weighted)
        error_at(model->source, weighted->call->span,
                 "labels of this term count by class or not at all, and `shards` adds a sum of "
                 "losses by rows");
    else
        return check_nodes(train);
    return false;
}

bool check_shards(const Graph *train)
{
    const Model *model = train->model;

    if (!model->shards || check_all(train))
        return true;
    if (model->mpi)
        note(model->source, "--mpi divides each batch into shards, which processes compute");
    return false;
}
