/*
 * fuse_contractions.c -- the kernels of a contraction, by the algorithm that was selected.
 *
 * The one idea: a contraction is one kernel, with its weights in another form made before the step
 * where the algorithm reads them so, and the update of the weight at the end of dw. A dw of partial
 * sums has a final reduction after it.
 */

#include "passes/fuse.h"

/* Of one image. */
static double contraction_flops(const Node *node)
{
    const bool dw = is_weight_gradient(node->op);
    const Shape w = weight_of(node)->shape;
    const Shape y = dw                            ? node->inputs[1]->shape
                    : is_input_gradient(node->op) ? node->inputs[0]->shape
                                                  : node->outputs[0]->shape;

    return 2.0 * shape_size(w) / groups_of(&node->at) * shape_size(y) / y.size[0];
}

/* Weights that stay in L2 beside the activations: a row of pixels visits all panels. Larger ones
   are walked panel by panel, and so are dense layers, whose update is split the same way. */
static void split_contraction(Kernel *k)
{
    const Layout *w = k->node->inputs[1]->layout, *y = k->node->outputs[0]->layout;
    const size_t weights = (size_t)padded_count(w) * sizeof(float) / (k->pairs[0] ? 2 : 1);
    const size_t limit = y->height * y->width > 1 ? 256 << 10 : 64 << 10;

    if (weights <= limit)
        split_rows(k, k->node->outputs[0]);
    else
        k->schedule.panel_outer = true;
}

/* Do two dx read the same transposed weights? */
static bool same_transpose(const Node *a, const Node *b)
{
    const Layout *u = given_by_weights(a)->layout, *v = given_by_weights(b)->layout;

    if (a->inputs[1] != b->inputs[1] || u->segment_count != v->segment_count ||
        a->bfloat16 != b->bfloat16)
        return false;
    for (int i = 0; i < u->segment_count; i++)
        if (u->segments[i].channels != v->segments[i].channels)
            return false;
    return true;
}

/* The transposed weights of a dx or of steps back, once for each weight. */
static Buffer *transposed_weights(Fusion *f, Node *node)
{
    Kernel *transpose;
    const Kernel *other;
    const Layout *w = node->inputs[1]->layout, *dx = given_by_weights(node)->layout;
    size_t rows = 0;

    for (int i = 0; (other = find_first(f, i)) != NULL; i++)
        if (other->kind == KERNEL_TRANSPOSE && same_transpose(other->node, node))
            return other->scratch;
    for (int i = 0; i < dx->segment_count; i++)
        rows += (size_t)blocks_of(dx->segments[i].channels) *
                (size_t)(node->op == OP_DENSE_DX ? dx->segments[i].pixels : w->segments[0].pixels);
    transpose = new_kernel(KERNEL_TRANSPOSE, node);
    transpose->scratch = new_buffer(
        IN_ARENA,
        rows * 16 * sizeof(float) * (size_t)(node->bfloat16 ? pairs_of(w->outputs) : w->outputs),
        layer_part(node, "weight, transposed"));
    add_first(f, transpose, node->inputs[1]);
    return transpose->scratch;
}

/* The transformed weights of a convolution by Winograd, once for each weight and direction. */
static Buffer *transformed_weights(Fusion *f, Node *node, Winograd winograd)
{
    Kernel *k;
    const Kernel *other;

    for (int i = 0; (other = find_first(f, i)) != NULL; i++) {
        if (other->kind == KERNEL_WINOGRAD_WEIGHTS && other->node->op == node->op &&
            other->node->inputs[1] == node->inputs[1] &&
            other->schedule.winograd.tile == winograd.tile)
            return other->scratch;
    }
    k = new_kernel(KERNEL_WINOGRAD_WEIGHTS, node);
    k->schedule.winograd = winograd;
    k->scratch = new_buffer(
        IN_ARENA, winograd_weights(node, winograd.tile) * sizeof(float),
        layer_part(node, node->backward ? "weight, transformed for dx" : "weight, transformed"));
    add_first(f, k, node->inputs[1]);
    return k->scratch;
}

static void add_winograd_dw(Fusion *f, Node *node, Winograd winograd)
{
    Kernel *k = add_kernel(f, KERNEL_WINOGRAD_DW, node);
    Node *update = take_update(f, node->outputs[0]);

    k->schedule.winograd = winograd;
    k->flops = winograd_flops(node, winograd);
    if (winograd.splits == 1) {
        k->update = update;
        return;
    }
    k->scratch = new_buffer(IN_ARENA,
                            (size_t)winograd.splits * sizeof(float) *
                                (size_t)winograd_partial(node->outputs[0]->layout, winograd.tile),
                            layer_part(node, "weight gradient, partial sums"));
    add_reduction(f, KERNEL_WINOGRAD_DW_REDUCTION, k, update, update == NULL);
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
    weights = node->inputs[1]->layout->winograd ? NULL : transformed_weights(f, node, winograd);
    k = add_kernel(f, KERNEL_WINOGRAD, node);
    k->scratch = weights;
    k->schedule.winograd = winograd;
    k->flops = winograd_flops(node, winograd);
}

/* A weight of another form: of groups in a full one, or its outputs in part. */
void add_weight_form(Fusion *f, Node *node)
{
    Kernel *k = new_kernel(node->op == OP_GROUP_EXPAND ? KERNEL_GROUPS : KERNEL_WEIGHT_SLICE, node);

    f->fused[node->id] = true;
    add_first(f, k, node->inputs[0]);
}

/* Forward or dx, which reads the weights transposed. */
static Kernel *add_contraction(Fusion *f, KernelKind kind, Node *node)
{
    Buffer *pairs[2], *weights, *transposed;
    Kernel *k;

    pair_operands(f, node, pairs, &weights);
    transposed = is_input_gradient(node->op) ? transposed_weights(f, node) : weights;
    k = add_kernel(f, kind, node);
    k->scratch = transposed;
    k->pairs[0] = pairs[0];
    return k;
}

void add_recurrent(Fusion *f, Node *node)
{
    const bool back = walks_back(node->op);
    Buffer *transposed = back ? transposed_weights(f, node) : NULL;
    Kernel *k = add_kernel(f, back ? KERNEL_RECURRENT_GRAD : KERNEL_RECURRENT, node);

    k->scratch = transposed;
    k->flops = contraction_flops(node);
}

static void add_batch_lanes(Fusion *f, Node *node)
{
    Kernel *k = add_contraction(f, KERNEL_BATCH_LANES, node);

    k->schedule.batch_lanes = plan_batch_lanes(node, node->inputs[0]->layout,
                                               node->outputs[0]->layout, f->program->target);
    k->flops = contraction_flops(node);
}

static void add_weight(Fusion *f, Node *node)
{
    const Layout *x = node->inputs[0]->layout, *dw = node->outputs[0]->layout;
    Buffer *pairs[2], *weights;
    Kernel *k;
    Node *update;

    pair_operands(f, node, pairs, &weights);
    k = add_kernel(f, KERNEL_DW, node);
    update = take_update(f, node->outputs[0]);
    k->pairs[0] = pairs[0], k->pairs[1] = pairs[1];
    k->flops = contraction_flops(node);
    plan_dw(k, f->program->target);
    if (!k->schedule.splits) {
        k->update = update;
        if (node->op == OP_DENSE_DW)
            k->bias = take_reduction(f, node->inputs[1]);
        return;
    }
    k->scratch = new_buffer(IN_ARENA,
                            (size_t)k->schedule.splits * (size_t)x->batch_blocks *
                                (size_t)padded_count(dw) * sizeof(float),
                            layer_part(node, "weight gradient, partial sums"));
    add_reduction(f, KERNEL_DW_REDUCTION, k, update, update == NULL);
}

/* Forward or dx by a kernel of its own. */
static void add_alone(Fusion *f, KernelKind kind, Node *node)
{
    add_kernel(f, kind, node)->flops = contraction_flops(node);
}

/* dw by a kernel that updates the weight. */
static void add_updating(Fusion *f, KernelKind kind, Node *node)
{
    Kernel *k = add_kernel(f, kind, node);

    k->update = take_update(f, node->outputs[0]);
    if (node->op == OP_DENSE_DW)
        k->bias = take_reduction(f, node->inputs[1]);
    k->flops = contraction_flops(node);
}

static void add_few_outputs(Fusion *f, Node *node)
{
    if (is_weight_gradient(node->op))
        add_updating(f, KERNEL_FEW_OUTPUTS_DW, node);
    else
        add_alone(f, KERNEL_FEW_OUTPUTS, node);
}

static void add_argmax(Fusion *f, Node *node)
{
    if (node->op == OP_CONV2D_DX_ARGMAX)
        add_contraction(f, KERNEL_DX_ARGMAX, node)->flops = contraction_flops(node);
    else
        add_updating(f, KERNEL_DW_ARGMAX, node);
}

static void add_direct(Fusion *f, Node *node)
{
    Kernel *k = add_contraction(f, KERNEL_CONTRACT, node);

    k->flops = contraction_flops(node);
    split_contraction(k);
}

void add_selected(Fusion *f, Node *node)
{
    const Algorithm algorithm = node->selection->algorithm;

    if (algorithm == ALGORITHM_WINOGRAD_2 || algorithm == ALGORITHM_WINOGRAD_4)
        add_winograd(f, node);
    else if (algorithm == ALGORITHM_FEW_OUTPUTS)
        add_few_outputs(f, node);
    else if (algorithm == ALGORITHM_ARGMAX_SPARSE)
        add_argmax(f, node);
    else if (is_weight_gradient(node->op))
        add_weight(f, node);
    else if (algorithm == ALGORITHM_DEPTHWISE)
        add_alone(f, KERNEL_DEPTHWISE, node);
    else if (algorithm == ALGORITHM_BATCH_LANES)
        add_batch_lanes(f, node);
    else
        add_direct(f, node);
}
