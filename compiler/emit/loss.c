/*
 * loss.c -- losses, their gradients in the same kernel, and their means.
 *
 * The one idea: a chunk of images gives one number, its sum, and the numbers are added in order.
 */

#include "emit/emit.h"

/* Does each row count by its class, or a label for more than its own? */
static bool is_weighted(const Node *node)
{
    return node->op == OP_CROSS_ENTROPY && (node->at.class_weights || node->at.smoothing != 0);
}

/* The weights of classes and what the rows of this batch weigh: the same on every thread. */
static void write_class_weights(Text *text, const Node *node)
{
    const int classes = node->inputs[0]->shape.size[0];
    const double smoothing = node->at.smoothing;
    double sum = 0;
    Wrap wrap;

    text_add(text, "    static const _Alignas(64) float weight[%d] = { ", (classes + 15) / 16 * 16);
    wrap = (Wrap){text, 50, 8, 0};
    for (int c = 0; c < classes; c++) {
        const double weight = node->at.class_weights ? node->at.class_weights[c] : 1;

        wrap_item(&wrap, literal(weight));
        sum += weight;
    }
    text_add(text, " };\n");
    line(text, 1, "const struct net_shares shares = { weight, %s, %s, %s };", literal(sum),
         literal(1 - smoothing), literal(smoothing / classes));
    line(text, 1, "const float rows = net_sum_weights(target, run->n, weight);");
    line(text, 1, "const float scale = rows > 0.0f ? 1.0f / rows : 0.0f;\n");
    line(text, 1, "if (thread == 0)");
    line(text, 2, "run->loss_weight = rows;");
}

/* Where classes have weights, total is divided at once: no other kernel knows by what. */
static void write_cross_entropy(Text *text, const Node *node, const char *dz, int classes)
{
    const char *row = "z->at[chunk][0][0][i], target[16 * chunk + i]";

    write_array(text, 3, "p", 256L * up(classes, 16), "", 1, 0);
    line(text, 3, "float sum;\n");
    if (is_weighted(node)) {
        line(text, 3, "total += scale * net_weighted_cross_entropy(p, &sum, %s, &shares, %d);", row,
             classes);
        if (dz)
            line(text, 3,
                 "net_weighted_cross_entropy_grad(%s->at[chunk][0][0][i], p, sum, "
                 "target[16 * chunk + i], &shares, scale, %d);",
                 dz, classes);
        return;
    }
    line(text, 3, "total += net_cross_entropy(p, &sum, %s, %d);", row, classes);
    if (dz)
        line(text, 3,
             "net_cross_entropy_grad(%s->at[chunk][0][0][i], p, sum, "
             "target[16 * chunk + i], scale, %d);",
             dz, classes);
}

/* Where block `block` of an image stands, counted over all of its pixels. */
static const char *block_place(const Physical *z)
{
    if (z->height * z->width == 1)
        return "[chunk][0][block][i]";
    return z->blocks == 1 ? "[chunk][block][0][i]"
                          : format("[chunk][block / %d][block %% %d][i]", z->blocks, z->blocks);
}

/* One term of an elementwise loss and its slope; padding counts nothing: error is +0 there. */
static void write_term(Text *text, const Node *node, const char *dz)
{
    const char *place = block_place(node->inputs[0]->physical);
    const char *slope = "error";

    line(text, 4, "const vec error = vec_sub(v, t);");
    if (node->op == OP_MSE) {
        line(text, 4, "sum[i] = vec_fma(error, error, sum[i]);");
    } else if (node->op == OP_MAE) {
        line(text, 4, "sum[i] = vec_add(sum[i], vec_abs(error));");
        slope = "vec_sign(error)";
    } else {
        line(text, 4, "sum[i] = vec_add(sum[i], net_huber(error, %s));", literal(node->at.delta));
        slope = format("net_huber_grad(error, %s)", literal(node->at.delta));
    }
    if (dz)
        line(text, 4, "vec_store(%s->at%s, vec_mul(%s, vec_set(scale)));", dz, place, slope);
}

/* Element by element, the images of a block side by side as they lie; padding counts nothing. */
static void write_elements(Emitter *e, Text *text, const Kernel *k, const char *dz)
{
    const Physical *z = k->node->inputs[0]->physical;
    const bool class = k->node->inputs[1]->type == TYPE_CLASS;
    const char *place = block_place(z);

    line(text, 2, "const int images = net_rows(run, chunk);");
    line(text, 2, "vec sum[16];\n");
    line(text, 2, "for (int i = 0; i < images; i++)");
    line(text, 3, "sum[i] = vec_zero();");
    line(text, 2, "for (int block = 0; block < %d; block++)", z->height * z->width * z->blocks);
    line(text, 3, "for (int i = 0; i < images; i++) {");
    line(text, 4, "const vec v = vec_load(z->at%s);", place);
    if (class)
        line(text, 4, "const vec t = vec_set((float)target[16 * chunk + i]);");
    else
        line(text, 4, "const vec t = vec_load(target->at%s);", place);
    if (k->node->op != OP_BINARY_CROSS_ENTROPY) {
        write_term(text, k->node, dz);
    } else {
        line(text, 4, "const int lanes = %s(block).lanes;", lanes_function(e, z));
        line(text, 4,
             "sum[i] = vec_add(sum[i], vec_first(lanes, vec_binary_cross_entropy(v, t), "
             "vec_zero()));");
        if (dz)
            line(text, 4,
                 "vec_store(%s->at%s,\n%*svec_first(lanes, "
                 "vec_mul(vec_sub(vec_sigmoid(v), t), vec_set(scale)), vec_zero()));",
                 dz, place, 20, "");
    }
    line(text, 3, "}");
    line(text, 2, "for (int i = 0; i < images; i++)");
    line(text, 3, "total += vec_sum(sum[i]);");
}

/* What the loss is divided by, besides n. */
static int loss_elements(const Kernel *k)
{
    return k->node->op == OP_CROSS_ENTROPY ? 1 : shape_size(k->node->inputs[0]->shape);
}

void emit_loss(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *z = node->inputs[0]->physical;
    const bool class = node->inputs[1]->type == TYPE_CLASS;
    const char *dz = k->grad ? add_operand(e, d, "dz", k->grad->outputs[0], true, z) : NULL;
    const char *operation = op_info[node->op].text;
    Text *text = &d->text;

    add_operand(e, d, "loss", node->outputs[0], true, NULL);
    add_operand(e, d, "z", node->inputs[0], false, NULL);
    if (!class)
        add_operand(e, d, "target", node->inputs[1], false, NULL);
    d->base = format("%s%s_%s", operation, k->grad ? "_grad" : "", shape_name(e, node->inputs[0]));
    text_add(&d->comment,
             "/* loss = the sum of %s over images, a slice a chunk%s%s; items: chunks "
             "*/\n",
             operation, is_weighted(node) ? ", over the weights of all rows" : "",
             k->grad ? "; dz = its gradient" : "");
    line(text, 0, "{");
    if (class)
        line(text, 1, "const int32_t *target = ((const struct batch *)run->batch)->%s;",
             c_name(e, node->inputs[1]->name));
    if (is_weighted(node))
        write_class_weights(text, node);
    else if (dz)
        line(text, 1, "const float scale = %d.0f / ((float)run->n * %d);",
             node->op == OP_MSE ? 2 : 1, loss_elements(k));
    if (class || dz)
        line(text, 0, "%s", "");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread) {", z->chunks);
    line(text, 2, "float total = 0.0f;\n");
    if (node->op == OP_CROSS_ENTROPY) {
        line(text, 2, "for (int i = 0; i < net_rows(run, chunk); i++) {");
        write_cross_entropy(text, node, dz, channel_count(z));
        line(text, 2, "}");
    } else {
        write_elements(e, text, k, dz);
    }
    line(text, 2, "loss->at[chunk] = total;");
    line(text, 1, "}");
    line(text, 0, "}");
}

void emit_mean_loss(Emitter *e, Driver *d, const Kernel *k)
{
    Value *loss = k->node->outputs[0];

    add_operand(e, d, "loss", loss, false, NULL);
    d->base = format("mean_loss_%d", loss->physical->chunks);
    text_add(&d->comment, "/* run->loss = slices added in order%s; one thread */\n",
             is_weighted(k->node) ? "" : ", over n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "float sum = 0.0f;\n");
    line(&d->text, 1, "if (thread != 0)");
    line(&d->text, 2, "return;");
    line(&d->text, 1, "for (int chunk = 0; chunk < net_chunks(run); chunk++)");
    line(&d->text, 2, "sum += loss->at[chunk];");
    if (is_weighted(k->node))
        line(&d->text, 1, "run->loss = sum;");
    else
        line(&d->text, 1, "run->loss = sum / ((float)run->n * %d);", loss_elements(k));
    line(&d->text, 0, "}");
}
