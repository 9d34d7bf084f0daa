/*
 * embedding.c -- token ids and their embedding matrices (kernels/embedding.h).
 */

#include "emit/emit.h"

bool has_row_gradient(const Graph *g, const Value *value)
{
    for (int i = 0; i < g->node_count; i++)
        if ((g->nodes[i]->op == OP_EMBEDDING_DW || g->nodes[i]->op == OP_SPARSE_DENSE_DW) &&
            g->nodes[i]->inputs[0] == value)
            return true;
    return false;
}

void write_pack_tokens(const Emitter *e, Text *out, const Graph *g, const Value *value, int field)
{
    const Layout *v = value->layout;
    const char *name = c_name(e, value->name);

    line(out, 1,
         "net_pack_tokens(to->%s.id, to->%s.begin, to->%s.order, &fields[%d], n, %d, %d, %s);",
         name, name, name, field, v->width, v->rows, has_row_gradient(g, value) ? "true" : "false");
}

/* A shape for the values of as many positions as an image has tokens. */
static const char *tokens_text(const Value *tokens, const Layout *values)
{
    return format("(struct net_embedding){.batch_blocks = %d, .length = %d, .blocks = %d}",
                  values->batch_blocks, tokens->shape.size[0], values->blocks);
}

static const char *matrix_name(const KernelCode *c, const char *operation, const Value *tokens,
                               Shape matrix)
{
    return format("%s_%s_%dx%d", operation, shape_name(c->e, tokens), matrix.size[0],
                  matrix.size[1]);
}

void emit_embedding(KernelCode *c, const Kernel *k)
{
    const Value *tokens = k->node->inputs[0], *w = k->node->inputs[1], *y = k->node->outputs[0];

    c->base = matrix_name(c, "embedding", tokens, w->shape);
    text_add(&c->comment, "/* y = the row of w for each token; items: batch blocks */\n");
    call_template(c, "net_embedding(%s, %s->id, %s, %s", pointer(c, y), name_of(c, tokens),
                  pointer(c, w), tokens_text(tokens, y->layout));
}

void emit_embedding_dw(KernelCode *c, const Kernel *k)
{
    const Value *tokens = k->node->inputs[0], *dw = k->node->outputs[0];
    const int padding = k->node->at.padding_row - 1;
    const char *name = name_of(c, tokens);

    c->base = matrix_name(c, k->update ? "embedding_dw_update" : "embedding_dw", tokens, dw->shape);
    text_add(&c->comment,
             "/* dw = the sum of dy over the positions of each token%s%s; items: rows */\n",
             padding >= 0 ? format(", +0 for token %d", padding) : "", then_update(k));
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

    c->base = format("%s_%s", op_info[node->op].text, shape_name(c->e, x));
    text_add(&c->comment, "/* %s where a token is not 0; items: batch blocks */\n",
             node->backward ? "dx = dy / count" : "y = the mean of x");
    call_template(c, "net_%s(%s, %s, %s->id, %s", op_info[node->op].text, pointer(c, y),
                  pointer(c, node->inputs[0]), name_of(c, tokens), tokens_text(tokens, x->layout));
}
