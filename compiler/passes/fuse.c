/*
 * fuse.c -- nodes become kernels.
 *
 * The one idea: a kernel is made around one node, and elementwise nodes join the kernel that
 * computes what they read, as long as everything else they read is there before it: bias,
 * activations, masks of backward, residual sums happen in registers. A value that only its own
 * kernel reads is never stored. Weight gradients take their update with them; reductions come in
 * two kernels, partial sums and their final reduction.
 *
 * Needs: graphs with layouts. Gives: a list of kernels in an order in which they can run.
 */

#include "passes/fuse.h"

#include <assert.h>

/* ---- Elementwise ----------------------------------------------------------------------------- */

/* Is there room for the draws of one more random operation? */
static bool has_room_for(const Kernel *k, const Node *node)
{
    int draws = 0;

    for (int i = 0; i < k->epilogue_count; i++)
        draws += op_info[k->epilogue[i]->op].effects == RANDOM;
    return op_info[node->op].effects != RANDOM || draws < NET_MAX_DRAWS;
}

/* A number a channel is found by the block of a pixel: the kernel's pixels have to be the node's,
   while what is the same for each element goes through a flatten. */
static bool finds_channels(const Kernel *k, const Node *node)
{
    const Layout *host = k->node->outputs[0]->layout, *y = node->outputs[0]->layout;
    bool has_vectors = node->op == OP_STRETCH;

    for (int i = 0; i < node->input_count; i++)
        has_vectors = has_vectors || (node->inputs[i] && !node->inputs[i]->batched);
    return !has_vectors || host->blocks == y->blocks;
}

/* Can a kernel of its layout go on with the node, and with what is computed late for it? */
static bool can_go_on(const Fusion *f, const Kernel *k, const Node *node)
{
    const Layout *y = node->outputs[0]->layout;

    if (!has_room_for(k, node) || !finds_channels(k, node))
        return false;
    for (int i = 0; i < node->input_count; i++) { /* a view of what another reads as it lies */
        const Node *late = late_input(f, node, i);

        if (node->inputs[i]->batched && node->op != OP_STRETCH &&
            !same_layout(node->inputs[i]->layout, y))
            return false;
        if (late && !can_go_on(f, k, late))
            return false;
    }
    return true;
}

/* The kernel that computes the last of what the node reads, if the node can be part of it. */
static int find_kernel_of(const Fusion *f, const Node *node)
{
    const Value *link = NULL;
    const int producer = find_producer(f, node, &link);

    assert(producer < 0 || f->program->kernels);
    if (producer < 0 || !takes_epilogue(f->program->kernels[producer]) || !link->batched ||
        !same_layout(link->layout, node->outputs[0]->layout) || link->type != TYPE_F32 ||
        !can_go_on(f, f->program->kernels[producer], node))
        return -1;
    return producer;
}

/* The node, and before it what it reads that is computed late. */
static void append_elementwise(Fusion *f, int number, Node *node)
{
    Kernel *k = f->program->kernels[number];

    for (int i = 0; i < node->input_count; i++) {
        Node *late = late_input(f, node, i);

        if (late)
            append_elementwise(f, number, late);
    }
    APPEND(k->epilogue, k->epilogue_count, node);
    f->producer[node->outputs[0]->id] = number;
    f->fused[node->id] = true;
}

static void add_elementwise(Fusion *f, Node *node)
{
    int number;

    if (!node->outputs[0]->batched)
        return; /* a sum of gradients: part of their update */
    number = find_kernel_of(f, node);
    if (number < 0) {
        number = f->program->count;
        add_kernel(f, KERNEL_ELEMENTWISE, node);
    }
    append_elementwise(f, number, node);
}

/* ---- All nodes ------------------------------------------------------------------------------- */

static void add_movement(Fusion *f, Node *node)
{
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    const int start = node->at.begin * y->height * y->width;
    const bool blocks = node->op == OP_CONCAT ||
                        (node->op == OP_SLICE && find_blocks(x, y, start) >= 0);

    if (is_view(node->outputs[0]))
        return;
    add_kernel(f,
               blocks              ? KERNEL_BLOCKS
               : moves_lanes(node) ? KERNEL_LANES
                                   : KERNEL_RELAYOUT,
               node);
}

static void add_permute(Fusion *f, Node *node)
{
    add_kernel(f, moves_lanes(node) ? KERNEL_LANES : KERNEL_PERMUTE, node);
}

/* Of weights of which the batch touches some rows. */
static void add_rows_gradient(Fusion *f, Node *node)
{
    Kernel *k = add_kernel(
        f, node->op == OP_EMBEDDING_DW ? KERNEL_EMBEDDING_DW : KERNEL_SPARSE_DENSE_DW, node);

    k->update = take_update(f, node->outputs[0]);
}

/* The kernel that a node of an operation is by itself, as kernels.def says. */
static bool find_alone(Op op, KernelKind *kind)
{
    enum { MOST = 8 }; /* of one kind, OP_NONE behind them */
    /* clang-format off */
#define ALONE(...) {__VA_ARGS__, OP_NONE}
#define FUSED {OP_NONE}
    /* clang-format on */
    static const Op alone[][MOST] = {
#define KERNEL(name, label, class, epilogue, split, reads, scratch, emitter, header, operations)   \
    [KERNEL_##name] = operations,
#include "passes/kernels.def"
#undef KERNEL
    };

    for (int i = 0; i < COUNT(alone); i++)
        for (const Op *at = alone[i]; *at != OP_NONE; at++)
            if (*at == op) {
                *kind = (KernelKind)i;
                return true;
            }
    return false;
}

/* Operations that are more than that, or part of another's kernel. */
static AddNode *const adders[OP_COUNT + 1] = {
    [OP_DENSE] = add_selected,
    [OP_DENSE_DX] = add_selected,
    [OP_DENSE_DW] = add_selected,
    [OP_CONV2D] = add_selected,
    [OP_CONV2D_DX] = add_selected,
    [OP_CONV2D_DW] = add_selected,
    [OP_CONV3D] = add_selected,
    [OP_CONV3D_DX] = add_selected,
    [OP_CONV3D_DW] = add_selected,
    [OP_CONV2D_DX_ARGMAX] = add_selected,
    [OP_CONV2D_DW_ARGMAX] = add_selected,
    [OP_DEPTHWISE] = add_selected,
    [OP_DEPTHWISE_DX] = add_selected,
    [OP_DEPTHWISE_DW] = add_selected,
    [OP_GROUP_EXPAND] = add_weight_form,
    [OP_WEIGHT_SLICE] = add_weight_form,
    [OP_RNN] = add_recurrent,
    [OP_LSTM] = add_recurrent,
    [OP_GRU] = add_recurrent,
    [OP_RNN_GRAD] = add_recurrent,
    [OP_LSTM_GRAD] = add_recurrent,
    [OP_GRU_GRAD] = add_recurrent,
    [OP_EMBEDDING_DW] = add_rows_gradient,
    [OP_SPARSE_DENSE_DW] = add_rows_gradient,
    [OP_CHANNEL_SUM] = add_sums,
    [OP_BATCHNORM_STATS] = add_sums,
    [OP_GLOBAL_AVGPOOL2D] = add_image_sums,
    [OP_PIXEL_SUM] = add_image_sums,
    [OP_BATCHNORM_SUMS] = add_sums,
    [OP_LAYERNORM_SUMS] = add_sums,
    [OP_BATCH_SUMS] = add_meeting,
    [OP_RESHAPE] = add_movement,
    [OP_CONCAT] = add_movement,
    [OP_SLICE] = add_movement,
    [OP_PERMUTE] = add_permute,
    [OP_ADD_LOSSES] = add_losses,
    [OP_CROSS_ENTROPY] = add_loss,
    [OP_CROSS_ENTROPY_GRAD] = add_loss_grad,
    [OP_EXPRESSION] = add_loss,
    [OP_EXPRESSION_GRAD] = add_loss_grad,
#define ELEMENTWISE_LOSS(NAME, ...) [OP_##NAME] = add_loss, [OP_##NAME##_GRAD] = add_loss_grad,
#include "graph/ops.def"
    [OP_UPDATE] = add_update,
};

static void add_node_kernels(Fusion *f, Node *node)
{
    KernelKind alone;

    if (is_late(f, node))
        return; /* with its reader */
    if (find_alone(node->op, &alone))
        add_kernel(f, alone, node)->flops = product_flops(node);
    else if (adders[node->op])
        adders[node->op](f, node);
    else if (op_info[node->op].class == CLASS_ELEMENTWISE)
        add_elementwise(f, node);
    else
        fail_fusion(node);
}

/* Who reads a value besides the kernel that computes it? What nobody else reads stays in registers;
   not statistics and gradients of parameters, which a final reduction writes to memory. */
static void find_internal(Fusion *f)
{
    const Graph *g = f->g;
    bool *stored = allocate((size_t)g->value_count * sizeof *stored);

    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];

        if (node->op == OP_RESHAPE && is_view(node->outputs[0]))
            continue;
        for (int j = 0; j < node->input_count; j++) {
            const Value *root = root_of(node->inputs[j]);

            if (root && (f->producer[root->id] < 0 ||
                         f->producer[root->id] != f->producer[node->outputs[0]->id] ||
                         node->op == OP_UPDATE))
                stored[root->id] = true;
        }
    }
    stored[root_of(g->prediction)->id] = true;
    for (int i = 0; i < g->head_count; i++)
        stored[root_of(g->heads[i].value)->id] = true;
    for (int i = 0; i < g->value_count; i++)
        g->values[i]->internal = g->values[i]->node && g->values[i]->batched &&
                                 !stored[root_of(g->values[i])->id] && !g->values[i]->storage;
}

static bool gives(const Kernel *k, const bool *wanted)
{
    bool any = false;

    if (k->kind == KERNEL_PAIRS) /* for all that read them */
        return wanted[k->node->inputs[k->paired]->id];
    for (int i = 0; i < k->node->output_count; i++)
        any |= wanted[k->node->outputs[i]->id];
    for (int i = 0; i < k->epilogue_count; i++)
        any |= wanted[k->epilogue[i]->outputs[0]->id];
    return any;
}

/* Kernels that no prediction comes from are the loss's. */
static void leave_out(const Fusion *f)
{
    bool *wanted = allocate((size_t)f->g->value_count * sizeof *wanted);

    wanted[f->g->prediction->id] = true;
    for (int i = 0; i < f->g->head_count; i++)
        wanted[f->g->heads[i].value->id] = true;
    for (int i = f->g->node_count - 1; i >= 0; i--) {
        const Node *node = f->g->nodes[i];
        bool any = false;

        for (int j = 0; j < node->output_count; j++)
            any |= wanted[node->outputs[j]->id];
        for (int j = 0; j < node->input_count && any; j++)
            if (node->inputs[j])
                wanted[node->inputs[j]->id] = true;
    }
    for (int i = 0; i < f->program->count; i++)
        f->program->kernels[i]->needs_target |= !gives(f->program->kernels[i], wanted);
}

Program *fuse(Graph *g, const Target *target)
{
    Program *p = allocate(sizeof *p);
    Fusion f = {.program = p, .g = g};

    *p = (Program){.graph = g, .target = target};
    f.producer = allocate((size_t)g->value_count * sizeof *f.producer);
    f.fused = allocate((size_t)g->node_count * sizeof *f.fused);
    f.only_reader = find_only_readers(g);
    for (int i = 0; i < g->value_count; i++)
        f.producer[i] = -1;
    for (int i = 0; i < g->node_count; i++) {
        if (i > 0 && g->nodes[i - 1]->backward && !g->nodes[i]->backward)
            flush_pending(&f); /* the next section reads what this one has updated */
        if (!f.fused[i])
            add_node_kernels(&f, g->nodes[i]);
    }
    flush_pending(&f);
    find_internal(&f);
    leave_out(&f);
    join_first(&f);
    share_masks(p);
    for (int i = 0; i < p->count; i++) {
        p->kernels[i]->flops *= g->max_batch;
        plan_schedule(p->kernels[i], target);
        fill_operands(p->kernels[i]);
    }
    return p;
}
