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

/* A struct net_class_weights: what each class counts, and a label of it. Weights that a run cannot
   change are a static array of the kernel. */
static const char *write_class_weights(KernelCode *code, const Node *node)
{
    const int classes = node->inputs[0]->shape.size[0], number = node->at.run_number;
    const int *run = node->at.run_weights;
    const double smoothing = node->at.smoothing;
    const char *own = float_text(code->e, number, "1.0 - %s", 1 - smoothing);
    const char *rest = float_text(code->e, number, format("%%s / %d", classes),
                                  smoothing / classes);
    const char **weights = allocate((size_t)classes * sizeof *weights), *all;
    Text terms = {0}, *text = &code->text;
    double sum = 0;

    for (int c = 0; c < classes; c++) {
        const double weight = node->at.class_weights ? node->at.class_weights[c] : 1;

        weights[c] = run ? number_operand(run[c], weight) : literal(weight);
        text_add(&terms, "%s%s", c ? " + " : "", weights[c]);
        sum += weight;
    }
    if (run) {
        all = run_value(code->e, terms.at);
        return format("{%s, %s, %s, %s}", run_array(code->e, weights, classes), all, own, rest);
    }
    text_add(text, "    static const _Alignas(64) float weight[%d] = {", blocks_of(classes) * 16);
    for (Wrap wrap = {text, 50, 8, 0}; wrap.count < classes;)
        wrap_item(&wrap, weights[wrap.count]);
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

static void call_cross_entropy(KernelCode *c, const Kernel *k, const char *values)
{
    const Node *node = k->node;
    const bool weighted = is_weighted(node);
    const char *name = weighted ? "net_weighted_cross_entropy" : "net_cross_entropy";
    const char *weights = weighted ? format(", .weights = %s", write_class_weights(c, node)) : "";

    call_template(c, k,
                  "%s(%s, <class.name>, (struct %s){%s.batch_blocks = <in.batch_blocks>, "
                  ".height = <in.height>, .width = <in.width>, .classes = <in.channels>, "
                  "%s%s.slope = %s%s}",
                  name, values, name, weighted ? term_text(node) : "",
                  node->at.mixes ? ".mixes = true, " : "",
                  node->at.ignores ? ".ignores = true, " : "", slope_text(c->e, node, 1), weights);
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
    const bool alone = node->input_count == 1; /* without a target */
    const bool class = !alone && node->inputs[1]->type == TYPE_CLASS;
    const char *targets = alone ? "NULL, NULL" : class ? "NULL, <target>" : "<target>, NULL";
    const bool masked = node->op == OP_BINARY_CROSS_ENTROPY || node->op == OP_EXPRESSION;
    const char *delta = float_text(c->e, node->at.run_number, "%s", node->at.delta);
    const char *slope = slope_text(c->e, node, node->op == OP_MSE ? 2 : 1);

    call_template(
        c, k,
        "net_elementwise_loss(%s, %s, net_<op>, (struct net_elementwise_loss){"
        ".batch_blocks = <in.batch_blocks>, .blocks = %d, .elements = %d, .slope = %s%s%s}",
        values, targets, z->height * z->width * z->blocks, loss_elements(k), slope,
        node->at.delta > 0 ? format(", .delta = %s", delta) : "",
        masked ? ", .z = {NET_SEGMENTS(<in.segments>)}" : "");
}

void emit_loss(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *gradient = k->grad ? k->grad->outputs[0] : NULL;
    const bool cross_entropy = node->op == OP_CROSS_ENTROPY;
    const char *values = format("%s, <loss>, <in>", pointer(c, gradient));

    describe_kernel(c, k, format("<op>%s_<in.shape>", gradient ? "_grad" : ""),
                    "loss = the sum of <op> over %sthe images of each batch block%s%s",
                    cross_entropy && node->inputs[1]->shape.rank ? "a row of pixels of " : "",
                    is_weighted(node) ? ", over the weights of all rows" : "",
                    gradient ? format("; %s = its gradient", name_of(c, gradient)) : "");
    if (cross_entropy)
        call_cross_entropy(c, k, values);
    else
        call_elementwise(c, k, values);
}

void emit_mean_loss(KernelCode *c, const Kernel *k)
{
    const Attributes *at = &k->node->at;
    const char *factor = float_text(c->e, at->run_factor, "%s", factor_of(at));
    const int blocks = k->node->outputs[0]->layout->batch_blocks;
    const bool weighted = is_weighted(k->node);

    describe_kernel(c, k, "mean_loss_<loss.batch_blocks>",
                    "run->loss %s= %sthe sums of loss added in order%s; one thread",
                    at->term ? "+" : "", at->scaled ? format("%s times ", factor) : "",
                    weighted ? "" : ", over n");
    call_template(c, k,
                  "net_mean_loss(<loss>, (struct net_mean_loss){%s.rows = %d, .elements = %d, "
                  ".factor = %s}",
                  term_text(k->node), blocks / k->node->inputs[0]->layout->batch_blocks,
                  weighted ? 0 : loss_elements(k), factor);
}
