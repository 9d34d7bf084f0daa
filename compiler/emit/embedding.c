/*
 * embedding.c -- token ids and their embedding matrices (kernels/embedding.h).
 */

#include "emit/emit.h"

/* A shape for the values of as many positions as an image has tokens. */
static const char *tokens_text(const Value *tokens, const Layout *values)
{
    return format("(struct net_embedding){.batch_blocks = %d, .length = %d, .blocks = %d}",
                  values->batch_blocks, tokens->shape.size[0], values->blocks);
}

void emit_embedding(KernelCode *c, const Kernel *k)
{
    const Value *tokens = k->node->inputs[0], *w = k->node->inputs[1], *y = k->node->outputs[0];

    describe_kernel(c, k, tokens, "y = the row of w for each token; items: batch blocks");
    c->base = format("%s_%dx%d", c->base, w->shape.size[0], w->shape.size[1]);
    call_template(c, "net_embedding(%s, %s->id, %s, %s", pointer(c, y), name_of(c, tokens),
                  pointer(c, w), tokens_text(tokens, y->layout));
}

void emit_embedding_dw(KernelCode *c, const Kernel *k)
{
    const Value *tokens = k->node->inputs[0], *dw = k->node->outputs[0];
    const int padding = k->node->at.padding_row - 1;
    const char *name = name_of(c, tokens);

    describe_kernel(c, k, tokens,
                    "dw = the sum of dy over the positions of each token%s%s; items: rows",
                    padding >= 0 ? format(", +0 for token %d", padding) : "", then_update(k));
    c->base = format("%s_%dx%d", c->base, dw->shape.size[0], dw->shape.size[1]);
    call_template(c,
                  "net_embedding_dw(%s, %s->begin, %s->order, %s, (struct net_embedding_dw){"
                  ".vocabulary = %d, .blocks = %d, .padding_row = %d, .apply = %s}",
                  result_pointer(c, k), name, name, pointer(c, k->node->inputs[1]),
                  dw->shape.size[0], dw->layout->blocks, padding, apply_literal(c, k));
}

/* The mean over the tokens of an image, and its gradient. */
void emit_token_mean(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *tokens = node->inputs[1], *y = node->outputs[0];
    const Value *x = node->backward ? y : node->inputs[0]; /* has a pixel for each token */

    describe_kernel(c, k, x, "%s where a token is not 0; items: batch blocks",
                    node->backward ? "dx = dy / count" : "y = the mean of x");
    call_template(c, "net_%s(%s, %s, %s->id, %s", op_info[node->op].text, pointer(c, y),
                  pointer(c, node->inputs[0]), name_of(c, tokens), tokens_text(tokens, x->layout));
}
