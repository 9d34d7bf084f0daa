/*
 * recurrent.c -- rnn, lstm and gru over time, and back (kernels/recurrent.h).
 */

#include "emit/emit.h"

typedef struct Cell {
    const char *name;
    const char *h;    /* a value of as many units and steps */
    const char *does; /* h', dp'': of the step before, and after */
    const char *arguments;
} Cell;

#define GRADIENT "dp = gradients of the gates by dh + dp'' w, dp'' of the step after"

static const Cell cells[OP_COUNT] = {
    [OP_RNN] = {"NET_RNN", "h", "h = tanh(p + w h' + b), h' the step before",
                "<h>, NULL, NULL, <p>, <w>, <b>, <ids>"},
    [OP_LSTM] = {"NET_LSTM", "h",
                 "i f g o = p + w h' + b; s = f s' + i g, h = o tanh(s), h' the step before",
                 "<h>, <gates>, <s>, <p>, <w>, <b>, <ids>"},
    [OP_GRU] = {"NET_GRU", "h",
                "r z n: s = w h' + b of n, n = tanh(p + r s), h = n + z (h' - n), h' the step "
                "before",
                "<h>, <gates>, <s>, <p>, <w>, <b>, <ids>"},
    [OP_RNN_GRAD] = {"NET_RNN", "dh", GRADIENT,
                     "<dp>, NULL, <dh>, <h>, NULL, NULL, <ids>, <scratch>"},
    [OP_LSTM_GRAD] = {"NET_LSTM", "dh", GRADIENT,
                      "<dp>, NULL, <dh>, NULL, <gates>, <s>, <ids>, <scratch>"},
    [OP_GRU_GRAD] = {"NET_GRU", "dh", GRADIENT,
                     "<dp>, <dq>, <dh>, <h>, <gates>, <s>, <ids>, <scratch>"},
};

void emit_recurrent(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Cell *cell = &cells[node->op];
    const bool back = k->kind == KERNEL_RECURRENT_GRAD;
    const int *w = node->inputs[1]->shape.size; /* outputs of all gates, units */
    int panels[3];

    cut_panels(blocks_of(w[back]), c->e->target->vectors, panels);
    describe_kernel(c, k, format("<name>_<%s.shape>", cell->h), "%s%s%s; items: eights of images",
                    cell->does, node->at.reverse ? ", from the last step" : "",
                    input_named(node, "tokens") ? ", kept where a token is 0" : "");
    call_template(c, k,
                  "net_recurrent%s(%s, <tile_images>, %d, %d, %s, (struct net_recurrent){"
                  ".length = <%s.width>, .units = <w.dim1>, "
                  ".gates = %d%s}",
                  back ? "_grad" : "", cell->name, panels[0], panels[1], cell->arguments, cell->h,
                  w[0] / w[1], node->at.reverse ? ", .reverse = 1" : "");
}
