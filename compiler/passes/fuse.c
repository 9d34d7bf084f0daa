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

#include "core/random.h"
#include "passes/passes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct Fusion {
    Program *program;
    Graph *g;
    int *maker;         /* by value id: the kernel's number, or -1 */
    Node **only_reader; /* by value id; or NULL */
    Kernel **first;     /* run before all others: weights in other forms */
    int first_count;
    bool *taken;   /* by node id: already part of a kernel */
    Kernel **ends; /* sums that nobody waits for yet */
    int end_count;
} Fusion;

/* ---- Values ---------------------------------------------------------------------------------- */

static bool is_view(const Value *value)
{
    return value->node && value->node->op == OP_RESHAPE &&
           value->node->inputs[0]->physical->buffer == value->physical->buffer;
}

Value *root_of(Value *value)
{
    while (value && is_view(value))
        value = value->node->inputs[0];
    return value;
}

bool computes(const Kernel *k, const Value *value)
{
    const Node *node = value->node;

    if (!node)
        return false;
    if (node == k->node || node == k->grad)
        return true;
    for (int i = 0; i < k->body_count; i++)
        if (node == k->body[i])
            return true;
    return false;
}

/* The only node that reads each value: NULL where none does, or several or one twice. */
static Node **find_only_readers(const Graph *g)
{
    Node **only = allocate((size_t)(g->value_count + 1) * sizeof *only);
    int *reads = allocate((size_t)(g->value_count + 1) * sizeof *reads);

    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            if (g->nodes[i]->inputs[j]) {
                const int id = g->nodes[i]->inputs[j]->id;

                only[id] = reads[id]++ ? NULL : g->nodes[i];
            }
    return only;
}

/* ---- Building the list ----------------------------------------------------------------------- */

static void split_rows(Kernel *k, const Value *value)
{
    k->split = SPLIT_ROWS;
    k->split_rows = value->physical->height;
}

/* Split as its kind says. */
static Kernel *new_kernel(KernelKind kind, Node *node)
{
    Kernel *k = allocate(sizeof *k);

    *k = (Kernel){.kind = kind, .node = node, .split = SPLIT_OTHER};
    if (kernel_info[kind].split == SPLIT_ROWS)
        split_rows(k, node->outputs[0]);
    if (kernel_info[kind].split == SPLIT_IMAGES)
        k->split = SPLIT_ROWS, k->split_rows = 1;
    return k;
}

static Kernel *add_kernel(Fusion *f, KernelKind kind, Node *node)
{
    Kernel *k = new_kernel(kind, node);

    for (int i = 0; i < node->output_count; i++)
        f->maker[node->outputs[i]->id] = f->program->count;
    f->taken[node->id] = true;
    APPEND(f->program->kernels, f->program->count, k);
    return k;
}

static Buffer *new_scratch(size_t size, const char *name)
{
    Buffer *buffer = allocate(sizeof *buffer);

    *buffer = (Buffer){
        .where = IN_ARENA, .size = (size + 63) / 64 * 64, .first = -1, .last = -1, .name = name};
    return buffer;
}

static const char *layer_part(const Node *node, const char *what)
{
    return format("%s %s", node->path ? node->path : op_info[node->op].text, what);
}

/* Sums that nobody waits for come after the kernels of their layer: fewer barriers. */
static void flush_ends(Fusion *f)
{
    for (int i = 0; i < f->end_count; i++) {
        Kernel *end = f->ends[i];

        for (int j = 0; j < end->node->output_count; j++)
            f->maker[end->node->outputs[j]->id] = f->program->count;
        APPEND(f->program->kernels, f->program->count, end);
    }
    f->end_count = 0;
}

/* The update of a gradient that only it reads. */
static Node *take_update(Fusion *f, const Value *gradient)
{
    Node *reader = f->only_reader[gradient->id];

    if (!reader || reader->op != OP_UPDATE)
        return NULL;
    f->taken[reader->id] = true;
    return reader;
}

static void add_end(Fusion *f, KernelKind kind, const Kernel *partial, Node *update, bool wait)
{
    Kernel *end = new_kernel(kind, partial->node);

    end->scratch = partial->scratch;
    end->splits = partial->splits;
    end->winograd = partial->winograd;
    end->update = update;
    APPEND(f->ends, f->end_count, end);
    if (wait)
        flush_ends(f);
}

/* ---- Contractions ---------------------------------------------------------------------------- */

static double contraction_flops(const Node *node)
{
    const bool dw = node->op == OP_DENSE_DW || node->op == OP_CONV2D_DW ||
                    node->op == OP_CONV2D_DW_ARGMAX || node->op == OP_DEPTHWISE_DW;
    const bool dx = node->op == OP_DENSE_DX || node->op == OP_CONV2D_DX ||
                    node->op == OP_CONV2D_DX_ARGMAX || node->op == OP_DEPTHWISE_DX;
    const Shape w = (dw ? node->outputs[0] : node->inputs[1])->shape;
    const Shape y = dw   ? node->inputs[1]->shape
                    : dx ? node->inputs[0]->shape
                         : node->outputs[0]->shape;

    return 2.0 * shape_size(w) / groups_of(&node->at) * (y.rank == 3 ? y.size[1] * y.size[2] : 1);
}

/* Weights that stay in L2 beside the activations: a row of pixels visits all panels. Larger ones
   are walked panel by panel, and so are dense layers, whose update is split the same way. */
static void split_contraction(Kernel *k)
{
    const Physical *w = k->node->inputs[1]->physical, *y = k->node->outputs[0]->physical;
    const size_t weights = (size_t)padded_count(w) * sizeof(float);
    const size_t limit = y->height * y->width > 1 ? 256 << 10 : 64 << 10;

    if (weights <= limit)
        split_rows(k, k->node->outputs[0]);
    else
        k->panel_outer = true;
}

/* Do two dx read the same turned weights? */
static bool same_turn(const Node *a, const Node *b)
{
    const Physical *u = a->outputs[0]->physical, *v = b->outputs[0]->physical;

    if (a->inputs[1] != b->inputs[1] || u->segment_count != v->segment_count)
        return false;
    for (int i = 0; i < u->segment_count; i++)
        if (u->segments[i].channels != v->segments[i].channels)
            return false;
    return true;
}

/* At the start of the step, or where a kernel there makes `weight`, behind that. */
static void add_first(Fusion *f, Kernel *k, const Value *weight)
{
    int place = 0;

    assert(!weight->node || f->first); /* the kernel that makes it is there */
    while (weight->node && f->first[place++]->node != weight->node)
        ;
    f->first = grow(f->first, f->first_count, sizeof *f->first);
    memmove(&f->first[place + 1], &f->first[place],
            (size_t)(f->first_count++ - place) * sizeof *f->first);
    f->first[place] = k;
}

/* Before the others. */
static void join_first(Fusion *f)
{
    Program *p = f->program;
    Kernel **all = NULL;
    int count = 0;

    for (int i = 0; i < f->first_count; i++)
        APPEND(all, count, f->first[i]);
    for (int i = 0; i < p->count; i++)
        APPEND(all, count, p->kernels[i]);
    p->kernels = all;
    p->count = count;
}

/* The turned weights of a dx, once for each weight. */
static Buffer *turned_weights(Fusion *f, Node *node)
{
    Kernel *turn;
    const Physical *w = node->inputs[1]->physical, *dx = node->outputs[0]->physical;
    size_t rows = 0;

    for (int i = 0; i < f->first_count; i++)
        if (f->first[i]->kind == KERNEL_TRANSPOSE && same_turn(f->first[i]->node, node))
            return f->first[i]->scratch;
    for (int i = 0; i < dx->segment_count; i++)
        rows += (size_t)((dx->segments[i].channels + 15) / 16) *
                (size_t)(node->op == OP_DENSE_DX ? dx->segments[i].pixels : w->segments[0].pixels);
    turn = new_kernel(KERNEL_TRANSPOSE, node);
    turn->scratch = new_scratch(rows * (size_t)w->outputs * 16 * sizeof(float),
                                layer_part(node, "weight, transposed"));
    add_first(f, turn, node->inputs[1]);
    return turn->scratch;
}

/* The transformed weights of a convolution by Winograd, once for each weight and direction. */
static Buffer *transformed_weights(Fusion *f, Node *node, Winograd winograd)
{
    Kernel *k;

    for (int i = 0; i < f->first_count; i++) {
        const Kernel *other = f->first[i];

        if (other->kind == KERNEL_WINOGRAD_WEIGHTS && other->node->op == node->op &&
            other->node->inputs[1] == node->inputs[1] && other->winograd.tile == winograd.tile)
            return other->scratch;
    }
    k = new_kernel(KERNEL_WINOGRAD_WEIGHTS, node);
    k->winograd = winograd;
    k->scratch = new_scratch(
        winograd_weights(node, winograd.tile) * sizeof(float),
        layer_part(node, node->backward ? "weight, transformed for dx" : "weight, transformed"));
    add_first(f, k, node->inputs[1]);
    return k->scratch;
}

static void add_winograd_dw(Fusion *f, Node *node, Winograd winograd)
{
    Kernel *k = add_kernel(f, KERNEL_WINOGRAD_DW, node);
    Node *update = take_update(f, node->outputs[0]);

    k->winograd = winograd;
    k->flops = winograd_flops(node, winograd);
    if (winograd.splits == 1) {
        k->update = update;
        return;
    }
    k->scratch = new_scratch(
        (size_t)winograd.splits * sizeof(float) *
            (size_t)winograd_partial(node->outputs[0]->physical, winograd.tile),
        layer_part(node, "weight gradient, partial sums"));
    add_end(f, KERNEL_WINOGRAD_DW_REDUCTION, k, update, update == NULL);
}

/* Forward, dx or dw by Winograd's minimal filtering. */
static void add_winograd(Fusion *f, Node *node)
{
    const Winograd winograd = plan_winograd(node, f->program->target);
    Buffer *weights;
    Kernel *k;

    if (node->op == OP_CONV2D_DW) {
        add_winograd_dw(f, node, winograd);
        return;
    }
    weights = transformed_weights(f, node, winograd);
    k = add_kernel(f, KERNEL_WINOGRAD, node);
    k->scratch = weights;
    k->winograd = winograd;
    k->flops = winograd_flops(node, winograd);
}

static void add_group_expand(Fusion *f, Node *node)
{
    Kernel *k = new_kernel(KERNEL_GROUPS, node);

    f->taken[node->id] = true;
    add_first(f, k, node->inputs[0]);
}

static void add_contraction(Fusion *f, Node *node)
{
    const bool argmax = node->op == OP_CONV2D_DX_ARGMAX;
    const bool dx = node->op == OP_DENSE_DX || node->op == OP_CONV2D_DX || argmax;
    Buffer *turned = dx ? turned_weights(f, node) : NULL;
    const bool batch_lanes = node->selection->algorithm == ALGORITHM_BATCH_LANES;
    Kernel *k = add_kernel(f,
                           argmax        ? KERNEL_DX_ARGMAX
                           : batch_lanes ? KERNEL_BATCH_LANES
                                         : KERNEL_CONTRACT,
                           node);

    if (batch_lanes)
        k->batch_lanes = plan_batch_lanes(node, node->inputs[0]->physical,
                                          node->outputs[0]->physical, f->program->target);
    k->scratch = turned;
    k->flops = contraction_flops(node);
    if (k->kind == KERNEL_CONTRACT)
        split_contraction(k);
}

static void add_weight(Fusion *f, Node *node)
{
    const Physical *x = node->inputs[0]->physical, *dw = node->outputs[0]->physical;
    Kernel *k = add_kernel(f, KERNEL_DW, node);
    Node *update = take_update(f, node->outputs[0]);

    k->flops = contraction_flops(node);
    plan_dw(k, f->program->target);
    if (!k->splits) {
        k->update = update;
        return;
    }
    k->scratch = new_scratch((size_t)k->splits * (size_t)x->chunks * (size_t)padded_count(dw) *
                                 sizeof(float),
                             layer_part(node, "weight gradient, partial sums"));
    add_end(f, KERNEL_DW_REDUCTION, k, update, update == NULL);
}

/* ---- Reductions, losses ---------------------------------------------------------------------- */

/* Can elementwise work be done on what it computes, in registers? */
static bool can_host(const Kernel *k)
{
    return kernel_info[k->kind].epilogue == EPILOGUE;
}

/* The kernel that writes, row by row, what is to be summed; it takes the sums as it goes. */
static Kernel *find_sums_host(const Fusion *f, const Node *node)
{
    const bool is_gradient = node->op == OP_BATCHNORM_SUMS || node->op == OP_LAYERNORM_SUMS;
    const Value *summed = root_of(node->inputs[is_gradient]);
    const int maker = f->maker[summed->id];
    Kernel *host;

    assert(maker < 0 || f->program->kernels);
    host = maker < 0 ? NULL : f->program->kernels[maker];
    if (!host || (!can_host(host) && host->kind != KERNEL_MAXPOOL) ||
        (host->kind != KERNEL_WINOGRAD &&
         (host->split != SPLIT_ROWS || host->split_rows != summed->physical->height)) ||
        !same(summed->physical->type, host->node->outputs[0]->physical->type))
        return NULL;
    for (int i = 0; i < node->input_count; i++)
        if (f->maker[root_of(node->inputs[i])->id] > maker ||
            (node->inputs[i]->batched &&
             !same(node->inputs[i]->physical->type, summed->physical->type)))
            return NULL;
    return host;
}

static void add_sums(Fusion *f, Node *node)
{
    const Physical *x = node->inputs[0]->physical;
    const int sums = node->op == OP_CHANNEL_SUM ? 1 : 2;
    Kernel *host = find_sums_host(f, node), *k;
    Node *update = NULL;

    if (host) {
        k = new_kernel(KERNEL_SUMS, node);
        f->taken[node->id] = true;
        APPEND(host->sums, host->sum_count, k);
    } else {
        k = add_kernel(f, KERNEL_SUMS, node);
    }
    k->scratch = new_scratch((size_t)(x->chunks * x->height) * (size_t)(sums * x->blocks * 16) *
                                 sizeof(float),
                             layer_part(node, node->backward ? "gradients' sums" : "sums"));
    split_rows(k, node->inputs[0]);
    if (node->op == OP_CHANNEL_SUM)
        update = take_update(f, node->outputs[0]);
    add_end(f, KERNEL_SUMS_END, k, update, update == NULL);
}

static void add_loss(Fusion *f, Node *node)
{
    Kernel *k = add_kernel(f, KERNEL_LOSS, node);

    k->needs_target = true;
    add_end(f, KERNEL_MEAN_LOSS, k, NULL, false);
    f->ends[f->end_count - 1]->needs_target = true;
}

/* Computed with the loss itself: both read prediction and target. */
static void add_loss_grad(Fusion *f, Node *node)
{
    for (int i = 0; i < f->program->count; i++) {
        Kernel *k = f->program->kernels[i];

        if (k->kind == KERNEL_LOSS && k->node->inputs[0] == node->inputs[0] &&
            k->node->inputs[1] == node->inputs[1]) {
            k->grad = node;
            f->maker[node->outputs[0]->id] = i;
            f->taken[node->id] = true;
        }
    }
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

/* Is there room for the draws of one more random operation? */
static bool has_room_for(const Kernel *k, const Node *node)
{
    int draws = 0;

    for (int i = 0; i < k->body_count; i++)
        draws += op_info[k->body[i]->op].effects == RANDOM;
    return op_info[node->op].effects != RANDOM || draws < NET_MOST_DRAWS;
}

/* The kernel that computes the last of what the node reads, if the node can be part of it. */
static int find_host(const Fusion *f, const Node *node)
{
    int host = -1;
    const Value *link = NULL;

    for (int i = 0; i < node->input_count; i++) {
        Value *root = root_of(node->inputs[i]);

        if (f->maker[root->id] > host) {
            host = f->maker[root->id];
            link = root;
        }
    }
    assert(host < 0 || f->program->kernels);
    if (host < 0 || !can_host(f->program->kernels[host]) || !link->batched ||
        !same_layout(link->physical, node->outputs[0]->physical) || link->type != TYPE_F32 ||
        !has_room_for(f->program->kernels[host], node))
        return -1;
    for (int i = 0; i < node->input_count; i++) /* a view of what another reads as it lies */
        if (node->inputs[i]->batched &&
            !same_layout(node->inputs[i]->physical, node->outputs[0]->physical))
            return -1;
    return host;
}

static void add_elementwise(Fusion *f, Node *node)
{
    const int host = find_host(f, node);
    Kernel *k;

    if (!node->outputs[0]->batched)
        return; /* a sum of gradients: part of their update */
    if (host < 0) {
        k = add_kernel(f, KERNEL_ELEMENTWISE, node);
        APPEND(k->body, k->body_count, node);
        return;
    }
    k = f->program->kernels[host];
    APPEND(k->body, k->body_count, node);
    f->maker[node->outputs[0]->id] = host;
    f->taken[node->id] = true;
}

/* ---- All nodes ------------------------------------------------------------------------------- */

/* Of weights that the batch touches here and there. */
static void add_rows_gradient(Fusion *f, KernelKind kind, Node *node)
{
    Kernel *k = add_kernel(f, kind, node);

    k->update = take_update(f, node->outputs[0]);
}

static void add_movement(Fusion *f, Node *node)
{
    const Physical *x = node->inputs[0]->physical, *y = node->outputs[0]->physical;
    const int start = node->at.begin * y->height * y->width;
    const bool blocks = node->op == OP_CONCAT ||
                        (node->op == OP_SLICE && find_blocks(x, y, start) >= 0);

    if (is_view(node->outputs[0]))
        return;
    add_kernel(f, blocks ? KERNEL_BLOCKS : KERNEL_RELAYOUT, node);
}

/* A dense layer of few outputs: its weight has a row for each (layout.c). */
static void add_few_outputs(Fusion *f, Node *node)
{
    if (node->op == OP_DENSE_DW)
        add_rows_gradient(f, KERNEL_FEW_OUTPUTS_DW, node);
    else
        add_kernel(f, KERNEL_FEW_OUTPUTS, node);
    f->program->kernels[f->program->count - 1]->flops = contraction_flops(node);
}

/* By the algorithm that was selected for it. */
static void add_selected(Fusion *f, Node *node)
{
    switch (node->selection->algorithm) {
    case ALGORITHM_FEW_OUTPUTS:
        add_few_outputs(f, node);
        break;
    case ALGORITHM_WINOGRAD_2:
    case ALGORITHM_WINOGRAD_4:
        add_winograd(f, node);
        break;
    default:
        if (is_weight_gradient(node->op))
            add_weight(f, node);
        else
            add_contraction(f, node);
        break;
    }
}

/* An operation without a kernel is a fault of netc's. */
_Noreturn static void fail_fusion(const Node *node)
{
    fprintf(stderr, "netc: fusion has no kernel for %s\n", op_info[node->op].text);
    abort();
}

static void add_node_kernels(Fusion *f, Node *node)
{
    switch (node->op) {
    case OP_DENSE:
    case OP_CONV2D:
    case OP_DENSE_DX:
    case OP_CONV2D_DX:
    case OP_DENSE_DW:
    case OP_CONV2D_DW:
        add_selected(f, node);
        break;
    case OP_CONV2D_DX_ARGMAX:
        add_contraction(f, node);
        break;
    case OP_CONV2D_DW_ARGMAX:
        add_rows_gradient(f, KERNEL_DW_ARGMAX, node);
        f->program->kernels[f->program->count - 1]->flops = contraction_flops(node);
        break;
    case OP_GROUP_EXPAND:
        add_group_expand(f, node);
        break;
    case OP_GROUP_COLLECT:
        add_kernel(f, KERNEL_GROUPS, node);
        break;
    case OP_DEPTHWISE:
    case OP_DEPTHWISE_DX:
        add_kernel(f, KERNEL_DEPTHWISE, node);
        f->program->kernels[f->program->count - 1]->flops = contraction_flops(node);
        break;
    case OP_DEPTHWISE_DW:
        add_weight(f, node);
        break;
    case OP_EMBEDDING:
        add_kernel(f, KERNEL_EMBEDDING, node);
        break;
    case OP_EMBEDDING_DW:
        add_rows_gradient(f, KERNEL_EMBEDDING_DW, node);
        break;
    case OP_TOKEN_MEAN:
        add_kernel(f, KERNEL_TOKEN_MEAN, node);
        break;
    case OP_TOKEN_MEAN_GRAD:
        add_kernel(f, KERNEL_TOKEN_MEAN_GRAD, node);
        break;
    case OP_SPARSE_DENSE:
        add_kernel(f, KERNEL_SPARSE_DENSE, node);
        break;
    case OP_SPARSE_DENSE_DX:
        add_kernel(f, KERNEL_SPARSE_DENSE_DX, node);
        break;
    case OP_SPARSE_DENSE_DW:
        add_rows_gradient(f, KERNEL_SPARSE_DENSE_DW, node);
        break;
    case OP_TO_DENSE:
        add_kernel(f, KERNEL_TO_DENSE, node);
        break;
    case OP_CHANNEL_SUM:
    case OP_BATCHNORM_STATS:
    case OP_BATCHNORM_SUMS:
    case OP_LAYERNORM_SUMS:
        flush_ends(f);
        add_sums(f, node);
        break;
    case OP_INVERSE_STD:
        add_kernel(f, KERNEL_INVERSE_STD, node);
        break;
    case OP_RESHAPE:
    case OP_CONCAT:
    case OP_SLICE:
        add_movement(f, node);
        break;
    case OP_MAXPOOL2D:
        add_kernel(f, KERNEL_MAXPOOL, node);
        break;
    case OP_MAXPOOL2D_GRAD:
        add_kernel(f, KERNEL_MAXPOOL_GRAD, node);
        break;
    case OP_AVGPOOL2D:
    case OP_UPSAMPLE2D_GRAD:
        add_kernel(f, KERNEL_WINDOW_SUM, node);
        break;
    case OP_AVGPOOL2D_GRAD:
    case OP_UPSAMPLE2D:
        add_kernel(f, KERNEL_WINDOW_SPREAD, node);
        break;
    case OP_GLOBAL_MAXPOOL2D:
        add_kernel(f, KERNEL_GLOBAL_MAXPOOL, node);
        break;
    case OP_GLOBAL_MAXPOOL2D_GRAD:
        add_kernel(f, KERNEL_GLOBAL_MAXPOOL_GRAD, node);
        break;
    case OP_GLOBAL_AVGPOOL2D:
        add_kernel(f, KERNEL_AVGPOOL, node);
        break;
    case OP_GLOBAL_AVGPOOL2D_GRAD:
        add_kernel(f, KERNEL_AVGPOOL_GRAD, node);
        break;
    case OP_LAYERNORM:
        add_kernel(f, KERNEL_LAYERNORM, node);
        break;
    case OP_LAYERNORM_GRAD:
        add_kernel(f, KERNEL_LAYERNORM_GRAD, node);
        break;
    case OP_SOFTMAX:
        add_kernel(f, KERNEL_SOFTMAX, node);
        break;
    case OP_SOFTMAX_GRAD:
        add_kernel(f, KERNEL_SOFTMAX_GRAD, node);
        break;
    case OP_MSE:
    case OP_MAE:
    case OP_HUBER:
    case OP_CROSS_ENTROPY:
    case OP_BINARY_CROSS_ENTROPY:
        add_loss(f, node);
        break;
    case OP_MSE_GRAD:
    case OP_MAE_GRAD:
    case OP_HUBER_GRAD:
    case OP_CROSS_ENTROPY_GRAD:
    case OP_BINARY_CROSS_ENTROPY_GRAD:
        add_loss_grad(f, node);
        break;
    case OP_UPDATE:
        flush_ends(f);
        add_kernel(f, KERNEL_UPDATE, node);
        break;
    default:
        if (op_info[node->op].class != CLASS_ELEMENTWISE)
            fail_fusion(node);
        add_elementwise(f, node);
        break;
    }
}

/* Who reads a value besides the kernel that computes it? */
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

            if (root &&
                (f->maker[root->id] < 0 || f->maker[root->id] != f->maker[node->outputs[0]->id] ||
                 node->op == OP_UPDATE))
                stored[root->id] = true;
        }
    }
    stored[root_of(g->prediction)->id] = true;
    for (int i = 0; i < g->value_count; i++)
        g->values[i]->internal = g->values[i]->node && !stored[root_of(g->values[i])->id] &&
                                 g->values[i] != g->loss && !g->values[i]->storage;
}

Program *fuse(Graph *g, const Target *target)
{
    Program *p = allocate(sizeof *p);
    Fusion f = {.program = p, .g = g};

    *p = (Program){.graph = g, .target = target};
    f.maker = allocate((size_t)g->value_count * sizeof *f.maker);
    f.taken = allocate((size_t)g->node_count * sizeof *f.taken);
    f.only_reader = find_only_readers(g);
    for (int i = 0; i < g->value_count; i++)
        f.maker[i] = -1;
    for (int i = 0; i < g->node_count; i++)
        if (!f.taken[i])
            add_node_kernels(&f, g->nodes[i]);
    flush_ends(&f);
    find_internal(&f);
    join_first(&f);
    share_masks(p);
    for (int i = 0; i < p->count; i++) {
        p->kernels[i]->flops *= g->max_batch;
        find_operands(p->kernels[i]);
    }
    return p;
}
