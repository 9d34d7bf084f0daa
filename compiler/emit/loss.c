/*
 * loss.c -- losses, their gradients in the same kernel, and their means (kernels/loss.h).
 */

#include "emit/emit.h"

/* Does each row count by its class, or a label for more than its own? */
static bool is_weighted(const Node *node)
{
    return node->op == OP_CROSS_ENTROPY && (node->at.class_weights || node->at.smoothing != 0 ||
                                            node->at.run_number || node->at.ignores);
}

/* Weights that a run can change: where they are, and their sum. */
static const char *find_run_weights(Emitter *e, const Node *node, const char **sum)
{
    const int classes = node->inputs[0]->shape.size[0];
    const char **weights = allocate((size_t)classes * sizeof *weights);
    Text terms = {0};

    for (int c = 0; c < classes; c++) {
        weights[c] = number_operand(node->at.run_weights[c], node->at.class_weights[c]);
        text_add(&terms, "%s%s", c ? " + " : "", weights[c]);
    }
    *sum = run_value(e, terms.at);
    return run_array(e, weights, classes);
}

/* `static const float weight[16] = ...;`, and the struct that says what a class counts. */
static const char *write_class_weights(KernelCode *code, const Node *node)
{
    const int classes = node->inputs[0]->shape.size[0], number = node->at.run_number;
    const double smoothing = node->at.smoothing;
    const char *own = float_text(code->e, number, "1.0 - %s", 1 - smoothing);
    const char *rest = float_text(code->e, number, format("%%s / %d", classes),
                                  smoothing / classes);
    Text *text = &code->text;
    const char *all;
    double sum = 0;
    Wrap wrap;

    if (node->at.run_weights) {
        const char *weights = find_run_weights(code->e, node, &all);

        return format("{%s, %s, %s, %s}", weights, all, own, rest);
    }
    text_add(text, "    static const _Alignas(64) float weight[%d] = {", blocks_of(classes) * 16);
    wrap = (Wrap){text, 50, 8, 0};
    for (int c = 0; c < classes; c++) {
        const double weight = node->at.class_weights ? node->at.class_weights[c] : 1;

        wrap_item(&wrap, literal(weight));
        sum += weight;
    }
    text_add(text, "};\n\n");
    return format("{weight, %s, %s, %s}", literal(sum), own, rest);
}

/* What a slope is times for the loss's factor. */
static const char *slope_text(Emitter *e, const Node *node, double slope)
{
    return float_text(e, node->at.run_factor, format("%%s * %g", slope),
                      slope * factor_of(&node->at));
}

/* Which summand of the loss; the first says nothing. */
static const char *term_text(const Node *node)
{
    return node->at.term ? format(".term = %d, ", node->at.term) : "";
}

static void call_cross_entropy(KernelCode *c, const Node *node, const char *values)
{
    const Layout *z = node->inputs[0]->layout;
    const bool weighted = is_weighted(node);
    const char *name = weighted ? "net_weighted_cross_entropy" : "net_cross_entropy";
    const char *weights = weighted ? format(", .weights = %s", write_class_weights(c, node)) : "";
    const char *term = weighted ? term_text(node) : "";
    const char *ignores = node->at.ignores ? ".ignores = true, " : "";

    call_template(c,
                  "%s(%s, %s, (struct %s){%s.batch_blocks = %d, .height = %d, .width = %d, "
                  ".classes = %d, %s.slope = %s%s}",
                  name, values, name_of(c, node->inputs[1]), name, term, z->batch_blocks, z->height,
                  z->width, channel_count(z), ignores, slope_text(c->e, node, 1), weights);
}

/* What the loss is divided by, besides n. */
static int loss_elements(const Kernel *k)
{
    return shape_size(k->node->inputs[k->node->op == OP_CROSS_ENTROPY]->shape);
}

static void call_elementwise(KernelCode *c, const Kernel *k, const char *values)
{
    const Node *node = k->node;
    const Layout *z = node->inputs[0]->layout;
    const bool class = node->inputs[1]->type == TYPE_CLASS;
    const char *target = pointer(c, node->inputs[1]);
    const char *value = float_text(c->e, node->at.run_number, "%s", node->at.delta);
    const char *delta = node->at.delta > 0 ? format(", .delta = %s", value) : "";
    const char *layout = node->op == OP_BINARY_CROSS_ENTROPY
                             ? format(", .z = {NET_SEGMENTS(%s)}", segments_text(z))
                             : "";

    call_template(c,
                  "net_elementwise_loss(%s, %s, %s, net_%s, (struct net_elementwise_loss){"
                  ".batch_blocks = %d, .blocks = %d, .elements = %d, .slope = %s%s%s}",
                  values, class ? "NULL" : target, class ? target : "NULL", op_info[node->op].text,
                  z->batch_blocks, z->height * z->width * z->blocks, loss_elements(k),
                  slope_text(c->e, node, node->op == OP_MSE ? 2 : 1), delta, layout);
}

void emit_loss(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const char *operation = op_info[node->op].text;
    const Value *gradient = k->grad ? k->grad->outputs[0] : NULL;
    const Shape labels = node->op == OP_CROSS_ENTROPY ? node->inputs[1]->shape : (Shape){0};
    const char *values = format("%s, %s, %s", pointer(c, gradient), pointer(c, node->outputs[0]),
                                pointer(c, node->inputs[0]));

    describe_as(
        c, format("%s%s_%s", operation, gradient ? "_grad" : "", shape_name(c->e, node->inputs[0])),
        "loss = the sum of %s over %sthe images of each batch block%s%s", operation,
        labels.rank ? "a row of pixels of " : "",
        is_weighted(node) ? ", over the weights of all rows" : "",
        gradient ? format("; %s = its gradient", name_of(c, gradient)) : "");
    if (node->op == OP_CROSS_ENTROPY)
        call_cross_entropy(c, node, values);
    else
        call_elementwise(c, k, values);
}

void emit_mean_loss(KernelCode *c, const Kernel *k)
{
    const Value *loss = k->node->outputs[0];
    const Attributes *at = &k->node->at;
    const char *factor = float_text(c->e, at->run_factor, "%s", factor_of(at));
    const char *times = at->scaled ? format("%s times ", factor) : "";
    const int rows = loss->layout->batch_blocks / k->node->inputs[0]->layout->batch_blocks;

    describe_as(c, format("mean_loss_%d", loss->layout->batch_blocks),
                "run->loss %s= %sthe sums of loss added in order%s; one thread",
                at->term ? "+" : "", times, is_weighted(k->node) ? "" : ", over n");
    call_template(c,
                  "net_mean_loss(%s, (struct net_mean_loss){%s.rows = %d, .elements = %d, "
                  ".factor = %s}",
                  pointer(c, loss), term_text(k->node), rows,
                  is_weighted(k->node) ? 0 : loss_elements(k), factor);
}
