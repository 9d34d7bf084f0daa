/*
 * loss.c -- losses, their gradients in the same kernel, and their means (kernels/loss.h).
 */

#include "emit/emit.h"
#include "emit/tables.h"

/* Does each row count by its class, or a label for more than its own? */
static bool is_weighted(const Node *node)
{
    return node->op == OP_CROSS_ENTROPY && (node->at.class_weights || node->at.smoothing != 0);
}

/* `static const float weight[16] = ...;`, and the struct that says what a class counts. */
static const char *write_class_weights(Text *text, const Node *node)
{
    const int classes = node->inputs[0]->shape.size[0];
    const double smoothing = node->at.smoothing;
    double sum = 0;
    Wrap wrap;

    text_add(text, "    static const _Alignas(64) float weight[%d] = {", up(classes, 16) * 16);
    wrap = (Wrap){text, 50, 8, 0};
    for (int c = 0; c < classes; c++) {
        const double weight = node->at.class_weights ? node->at.class_weights[c] : 1;

        wrap_item(&wrap, literal(weight));
        sum += weight;
    }
    text_add(text, "};\n\n");
    return format("{weight, %s, %s, %s}", literal(sum), literal(1 - smoothing),
                  literal(smoothing / classes));
}

static void call_cross_entropy(Driver *d, const Node *node, const char *dz)
{
    const Physical *z = node->inputs[0]->physical;
    const bool weighted = is_weighted(node);
    const char *name = weighted ? "net_weighted_cross_entropy" : "net_cross_entropy";

    const char *weights = weighted ? format(", .weights = %s", write_class_weights(&d->text, node))
                                   : "";
    call_template(d,
                  "%s(%s, V(loss), V(z), target, (struct %s){.batch_blocks = %d, .classes = %d%s}",
                  name, dz, name, z->chunks, channel_count(z), weights);
}

/* What the loss is divided by, besides n. */
static int loss_elements(const Kernel *k)
{
    return k->node->op == OP_CROSS_ENTROPY ? 1 : shape_size(k->node->inputs[0]->shape);
}

static void call_elementwise(Driver *d, const Kernel *k, const char *dz)
{
    const Node *node = k->node;
    const Physical *z = node->inputs[0]->physical;
    const bool class = node->inputs[1]->type == TYPE_CLASS;
    const char *delta = node->op == OP_HUBER ? format(", .delta = %s", literal(node->at.delta))
                                             : "";
    const char *layout = node->op == OP_BINARY_CROSS_ENTROPY
                             ? format(", .z = {NET_SEGMENTS(%s)}", segments_text(z))
                             : "";

    call_template(d,
                  "net_elementwise_loss(%s, V(loss), V(z), %s, net_%s, "
                  "(struct net_elementwise_loss){.batch_blocks = %d, .blocks = %d, "
                  ".elements = %d, .slope = %s%s%s}",
                  dz, class ? "NULL, target" : "V(target), NULL", op_info[node->op].text, z->chunks,
                  z->height * z->width * z->blocks, loss_elements(k),
                  node->op == OP_MSE ? "2.0f" : "1.0f", delta, layout);
}

void emit_loss(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *dz = "NULL", *operation = op_info[node->op].text;

    if (k->grad)
        dz = format("V(%s)",
                    add_operand(e, d, "dz", k->grad->outputs[0], true, node->inputs[0]->physical));
    add_operand(e, d, "loss", node->outputs[0], true, NULL);
    add_operand(e, d, "z", node->inputs[0], false, NULL);
    add_operand(e, d, "target", node->inputs[1], false, NULL);
    d->base = format("%s%s_%s", operation, k->grad ? "_grad" : "", shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* loss = the sum of %s over the images of each batch block%s%s */\n",
             operation, is_weighted(node) ? ", over the weights of all rows" : "",
             k->grad ? "; dz = its gradient" : "");
    if (node->op == OP_CROSS_ENTROPY)
        call_cross_entropy(d, node, dz);
    else
        call_elementwise(d, k, dz);
}

void emit_mean_loss(Emitter *e, Driver *d, const Kernel *k)
{
    Value *loss = k->node->outputs[0];

    add_operand(e, d, "loss", loss, false, NULL);
    d->base = format("mean_loss_%d", loss->physical->chunks);
    text_add(&d->comment, "/* run->loss = the sums of loss added in order%s; one thread */\n",
             is_weighted(k->node) ? "" : ", over n");
    call_template(d, "net_mean_loss(V(loss), (struct net_mean_loss){.elements = %d}",
                  is_weighted(k->node) ? 0 : loss_elements(k));
}
