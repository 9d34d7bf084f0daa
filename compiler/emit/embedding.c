/*
 * embedding.c -- token ids and their embedding matrices (kernels/embedding.h).
 */

#include "emit/emit.h"

/* Members of a batch begin at 64 bytes. */
long up16(long count)
{
    return (count + 15) / 16 * 16;
}

bool has_row_gradient(const Graph *g, const Value *value)
{
    for (int i = 0; i < g->node_count; i++)
        if ((g->nodes[i]->op == OP_EMBEDDING_DW || g->nodes[i]->op == OP_SPARSE_DENSE_DW) &&
            g->nodes[i]->inputs[0] == value)
            return true;
    return false;
}

void declare_tokens(Emitter *e, const Physical *v)
{
    const long ids = up16((long)e->model->max_batch * v->width);

    line(&e->types, 0, "%s {", v->type);
    line(&e->types, 1, "int32_t id[%ld];", ids);
    line(&e->types, 1, "int32_t begin[%ld], order[%ld];    /* by token: see net_pack_tokens */",
         up16(v->rows + 1L), ids);
    line(&e->types, 0, "};");
}

void write_pack_tokens(const Emitter *e, Text *out, const Graph *g, const Value *value, int field)
{
    const Physical *v = value->physical;
    const char *name = c_name(e, value->name);

    line(out, 1,
         "net_pack_tokens(to->%s.id, to->%s.begin, to->%s.order, &fields[%d], n, %d, %d, %s);",
         name, name, name, field, v->width, v->rows, has_row_gradient(g, value) ? "true" : "false");
}

/* A shape for the values of as many positions as an image has tokens. */
static const char *tokens_text(const Value *tokens, const Physical *values)
{
    return format("(struct net_embedding){.batch_blocks = %d, .length = %d, .blocks = %d}",
                  values->chunks, tokens->shape.size[0], values->blocks);
}

static const char *matrix_name(const Emitter *e, const char *operation, const Value *tokens,
                               Shape matrix)
{
    return format("%s_%s_%dx%d", operation, shape_name(e, tokens), matrix.size[0], matrix.size[1]);
}

void emit_embedding(Emitter *e, Driver *d, const Kernel *k)
{
    Value *tokens = k->node->inputs[0], *w = k->node->inputs[1], *y = k->node->outputs[0];

    add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "tokens", tokens, false, NULL);
    add_operand(e, d, "w", w, false, NULL);
    d->base = matrix_name(e, "embedding", tokens, w->shape);
    text_add(&d->comment, "/* y = the row of w for each token; items: batch blocks */\n");
    call_template(d, "net_embedding(V(y), tokens->id, V(w), %s", tokens_text(tokens, y->physical));
}

/* What a row is summed in: of NET_GRADIENT_FLOATS at most, an array of the template. */
long embedding_dw_floats(const Kernel *k)
{
    const long floats = 16L * k->node->outputs[0]->physical->blocks;

    return floats > 4096 ? floats : 0;
}

void emit_embedding_dw(Emitter *e, Driver *d, const Kernel *k)
{
    Value *tokens = k->node->inputs[0], *dw = k->node->outputs[0];
    const int padding = k->node->at.padding_row - 1;
    const char *to = add_result(e, d, k);

    add_operand(e, d, "tokens", tokens, false, NULL);
    add_operand(e, d, "dy", k->node->inputs[1], false, NULL);
    d->base = matrix_name(e, k->update ? "embedding_dw_update" : "embedding_dw", tokens, dw->shape);
    text_add(&d->comment,
             "/* dw = the sum of dy over the places of each token%s%s; items: rows */\n",
             padding >= 0 ? format(", +0 for token %d", padding) : "",
             k->update ? ", then the update" : "");
    call_template(d,
                  "net_embedding_dw(V(%s), tokens->begin, tokens->order, V(dy), "
                  "(struct net_embedding_dw){.vocabulary = %d, .blocks = %d, .padding_row = %d, "
                  ".apply = %s}",
                  to, dw->shape.size[0], dw->physical->blocks, padding, apply_literal(k));
}

void emit_token_mean(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0], *tokens = k->node->inputs[1];

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", x, false, NULL);
    add_operand(e, d, "tokens", tokens, false, NULL);
    d->base = format("token_mean_%s", shape_name(e, x));
    text_add(&d->comment, "/* y = the mean of x where a token is not 0; items: batch blocks */\n");
    call_template(d, "net_token_mean(V(y), V(x), tokens->id, %s", tokens_text(tokens, x->physical));
}

void emit_token_mean_grad(Emitter *e, Driver *d, const Kernel *k)
{
    Value *tokens = k->node->inputs[1], *dx = k->node->outputs[0];

    add_operand(e, d, "dx", dx, true, NULL);
    add_operand(e, d, "dy", k->node->inputs[0], false, NULL);
    add_operand(e, d, "tokens", tokens, false, NULL);
    d->base = format("token_mean_grad_%s", shape_name(e, dx));
    text_add(&d->comment, "/* dx = dy / count where a token is not 0; items: batch blocks */\n");
    call_template(d, "net_token_mean_grad(V(dx), V(dy), tokens->id, %s",
                  tokens_text(tokens, dx->physical));
}
