/*
 * recurrent.c -- rnn, lstm and gru over time, and back (kernels/recurrent.h).
 */

#include "emit/emit.h"

/* "NET_LSTM, 4, 0, 1": the cell, and register tiles of a product with `outputs` */
static const char *head_text(const KernelCode *c, const Node *node, int outputs)
{
    const Target *target = c->e->target;
    const bool lstm = node->op == OP_LSTM || node->op == OP_LSTM_GRAD;
    const bool gru = node->op == OP_GRU || node->op == OP_GRU_GRAD;
    int panels[3];

    cut_panels(blocks_of(outputs), target->vectors, panels);
    return format("%s, %d, %d, %d",
                  lstm  ? "NET_LSTM"
                  : gru ? "NET_GRU"
                        : "NET_RNN",
                  target->rows, panels[0], panels[1]);
}

static const char *tokens_text(const KernelCode *c, const Node *node)
{
    const Value *tokens = input_named(node, "tokens");

    return tokens ? format("%s->id", name_of(c, tokens)) : "NULL";
}

/* h: a value of as many channels and steps */
static const char *shape_text_of(const Node *node, const Value *h)
{
    const int *w = node->inputs[1]->shape.size;

    return format("(struct net_recurrent){.batch_blocks = %d, .length = %d, .units = %d, "
                  ".gates = %d%s}",
                  h->layout->batch_blocks, h->layout->width, w[1], w[0] / w[1],
                  node->at.reverse ? ", .reverse = 1" : "");
}

static const char *steps_text(const Node *node)
{
    return format("%s%s", node->at.reverse ? ", from the last step" : "",
                  input_named(node, "tokens") ? ", kept where a token is 0" : "");
}

void emit_recurrent(KernelCode *c, const Kernel *k)
{
    static const char *const cells[OP_COUNT] = {
        [OP_RNN] = "h = tanh(p + w h' + b)",
        [OP_LSTM] = "i f g o = p + w h' + b; s = f s' + i g, h = o tanh(s)",
        [OP_GRU] = "r z n: s = w h' + b of n, n = tanh(p + r s), h = n + z (h' - n)",
    };
    const Node *node = k->node;
    Value *const *out = node->outputs;
    const bool gates = node->output_count > 1;

    describe_kernel(c, k, out[0], "%s, h' the step before%s; items: batch blocks", cells[node->op],
                    steps_text(node));
    call_template(c, "net_recurrent(%s, %s, %s, %s, %s, %s, %s, %s, %s",
                  head_text(c, node, node->inputs[1]->shape.size[0]), pointer(c, out[0]),
                  pointer(c, gates ? out[1] : NULL), pointer(c, gates ? out[2] : NULL),
                  pointer(c, node->inputs[0]), pointer(c, node->inputs[1]),
                  pointer(c, node->inputs[2]), tokens_text(c, node), shape_text_of(node, out[0]));
}

void emit_recurrent_grad(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *dh = node->inputs[0], *dq = node->output_count > 1 ? node->outputs[1] : NULL;

    describe_kernel(c, k, dh,
                    "dp = gradients of the gates by dh + dp'' w, dp'' of the step after%s; "
                    "items: batch blocks",
                    steps_text(node));
    call_template(c, "net_recurrent_grad(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s",
                  head_text(c, node, dh->shape.size[0]), pointer(c, node->outputs[0]),
                  pointer(c, dq), pointer(c, dh), pointer(c, input_named(node, "h")),
                  pointer(c, input_named(node, "gates")), pointer(c, input_named(node, "s")),
                  tokens_text(c, node), scratch_pointer(c, k), shape_text_of(node, dh));
}
