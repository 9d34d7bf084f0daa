/*
 * embedding.c -- words and bags of words: rows of a weight chosen by number.
 *
 * The one idea: a row of a weight is contiguous, so that forward adds whole rows up in registers.
 * Backward turns around: pack has sorted what a batch names by row, each row belongs to one thread,
 * which sums its gradient in the batch's order and updates it. Rows are dealt out in turn, since
 * the first words of a vocabulary are the ones that are everywhere.
 */

#include "emit/emit.h"

enum {
    ROWS = 16,     /* of a weight, at most, whose gradient is finished at once */
    FLOATS = 4096, /* of a gradient at once, unless one row has more */
};

static int rounded(long count)
{
    return (int)((count + 15) / 16 * 16);
}

/* ---- The batch ------------------------------------------------------------------------------- */

/* Every member a multiple of 64 bytes long, as all of the batch. A bag has room for full rows. */
void declare_words(Emitter *e, const Physical *v)
{
    const int rows = e->model->capacity;
    const long size = (long)rows * v->rows;
    Text *out = &e->types;

    line(out, 0, "%s {", v->type);
    if (v->kind == PHYSICAL_TOKENS) {
        line(out, 1, "int32_t at[%d];", rounded((long)rows * v->width));
        line(out, 1, "int32_t begin[%d], order[%d];    /* by word: see net_pack_tokens */",
             rounded(v->rows + 1L), rounded((long)rows * v->width));
    } else {
        line(out, 1, "int32_t begin[%d], index[%d];    /* by image: see net_pack_sparse */",
             rounded(rows + 1L), rounded(size));
        line(out, 1, "float value[%d];", rounded(size));
        line(out, 1, "int32_t column[%d], image[%d];    /* the same by column */",
             rounded(v->rows + 1L), rounded(size));
        line(out, 1, "float weight[%d];", rounded(size));
    }
    line(out, 0, "};");
}

/* Does a gradient need what the batch holds in order of the rows? */
static bool is_sorted(const Graph *g, const Value *value)
{
    for (int i = 0; i < g->node_count; i++)
        if ((g->nodes[i]->op == OP_EMBEDDING_DW || g->nodes[i]->op == OP_SPARSE_DENSE_DW) &&
            g->nodes[i]->inputs[0] == value)
            return true;
    return false;
}

void write_pack_words(const Emitter *e, Text *out, const Graph *g, const Value *value, int index)
{
    const Physical *v = value->physical;
    const char *name = c_name(e, value->name), *sorted = is_sorted(g, value) ? "true" : "false";

    line(out, 1, "if (fields[%d].row)", index);
    if (value->type == TYPE_TOKENS)
        line(out, 2,
             "net_pack_tokens(to->%s.at, to->%s.begin, to->%s.order, &fields[%d], n, %d, "
             "%d, %s);",
             name, name, name, index, v->width, v->rows, sorted);
    else
        line(out, 2,
             "net_pack_sparse(to->%s.begin, to->%s.index, to->%s.value, to->%s.column, "
             "to->%s.image, to->%s.weight, &fields[%d], n, %d, %s);",
             name, name, name, name, name, name, index, v->rows, sorted);
}

/* ---- Embeddings ------------------------------------------------------------------------------ */

static const char *table_name(const Emitter *e, const char *operation, const Value *tokens,
                              Shape table)
{
    return format("%s_%s_%dx%d", operation, shape_name(e, tokens), table.size[0], table.size[1]);
}

void emit_embedding(Emitter *e, Driver *d, const Kernel *k)
{
    Value *tokens = k->node->inputs[0], *w = k->node->inputs[1], *y = k->node->outputs[0];
    const int length = tokens->shape.size[0];

    add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "tokens", tokens, false, NULL);
    add_operand(e, d, "w", w, false, NULL);
    d->base = table_name(e, "embedding", tokens, w->shape);
    text_add(&d->comment, "/* y = the row of w for each token; items: chunks */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(chunk, %d, run, thread)", y->physical->chunks);
    line(&d->text, 2, "for (int position = 0; position < %d; position++)", length);
    line(&d->text, 3,
         "net_gather(y->at[chunk][position][0][0], w->at, tokens->at + %d * chunk + "
         "position,",
         16 * length);
    line(&d->text, 3, "           %d, net_rows(run, chunk), %d);", length, w->physical->blocks);
    line(&d->text, 0, "}");
}

/* The end of some rows: those without an entry are left alone where an update may, and there are no
   penalties. */
static void write_rows_end(Text *text, const Kernel *k, const char *at, const char *begin,
                           long floats)
{
    const Value *w = k->update ? k->update->inputs[0] : NULL;

    if (w && (w->l1 > 0 || w->l2 > 0))
        line(text, 2, "%srun, &w->at[%s], dw, rows * %ld%s", finish_begin(w), at, floats,
             finish_end(w));
    else if (w)
        line(text, 2, "net_finish_rows(run, &w->at[%s], dw, rows, %ld, %s);", at, floats, begin);
    else
        line(text, 2, "memcpy(&dw_out->at[%s], dw, (size_t)rows * %ld * sizeof *dw);", at, floats);
}

void emit_embedding_dw(Emitter *e, Driver *d, const Kernel *k)
{
    Value *tokens = k->node->inputs[0], *dy = k->node->inputs[1], *dw = k->node->outputs[0];
    const int words = dw->shape.size[0], blocks = dw->physical->blocks;
    const int fit = FLOATS / (16 * blocks), rows = fit < 1 ? 1 : fit < ROWS ? fit : ROWS;
    const int items = (words + rows - 1) / rows, padding = k->node->at.padding_row - 1;
    Text *text = &d->text;

    add_result(e, d, k);
    add_operand(e, d, "tokens", tokens, false, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    d->base = table_name(e, k->update ? "embedding_dw_update" : "embedding_dw", tokens, dw->shape);
    text_add(&d->comment,
             "/* dw = the sum of dy over the positions of each word%s%s; items: rows */\n",
             padding >= 0 ? format(", +0 for word %d", padding) : "",
             k->update ? ", then the update" : "");
    line(text, 0, "{");
    line(text, 1, "for (int item = thread; item < %d; item += run->threads) {", items);
    line(text, 2, "const int first = %d * item, rows = %d - first < %d ? %d - first : %d;", rows,
         words, rows, words, rows);
    write_array(text, 2, "dw", rows * blocks * 16L, "", 1, 0);
    line(text, 0, "%s", "");
    line(text, 2, "for (int r = 0; r < rows; r++)");
    line(text, 3, "net_sum_tokens(dw + %d * r, dy->at[0][0][0][0], tokens->begin + first + r,",
         16 * blocks);
    line(text, 3, "               tokens->order, %d%s);", blocks,
         padding >= 0 ? format(", first + r == %d", padding) : ", false");
    write_rows_end(text, k, format("%dL * first", 16 * blocks), "tokens->begin + first",
                   16L * blocks);
    line(text, 1, "}");
    line(text, 0, "}");
}

/* ---- Means over words ------------------------------------------------------------------------ */

static void open_means(Text *text, const Physical *v, int length)
{
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", v->chunks);
    line(text, 2, "for (int i = 0; i < net_rows(run, chunk); i++) {");
    line(text, 3, "const int32_t *words = tokens->at + %dL * (16 * chunk + i);", length);
    line(text, 3, "const vec count = vec_set(net_count_words(words, %d));\n", length);
    line(text, 3, "for (int block = 0; block < %d; block++) {", v->blocks);
}

static void close_means(Text *text)
{
    line(text, 3, "}");
    line(text, 2, "}");
    line(text, 0, "}");
}

void emit_word_mean(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0], *tokens = k->node->inputs[1];
    const int length = tokens->shape.size[0];
    Text *text = &d->text;

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", x, false, NULL);
    add_operand(e, d, "tokens", tokens, false, NULL);
    d->base = format("word_mean_%s", shape_name(e, x));
    text_add(&d->comment, "/* y = the mean of x where a token is not 0; items: chunks */\n");
    open_means(text, x->physical, length);
    line(text, 4, "vec sum = vec_zero();\n");
    line(text, 4, "for (int position = 0; position < %d; position++)", length);
    line(text, 5, "if (words[position] != 0)");
    line(text, 6, "sum = vec_add(sum, vec_load(x->at[chunk][position][block][i]));");
    line(text, 4, "vec_store(y->at[chunk][0][block][i], net_divide(sum, count));");
    close_means(text);
}

void emit_word_mean_grad(Emitter *e, Driver *d, const Kernel *k)
{
    Value *dy = k->node->inputs[0], *tokens = k->node->inputs[1], *dx = k->node->outputs[0];
    const int length = tokens->shape.size[0];
    Text *text = &d->text;

    add_operand(e, d, "dx", dx, true, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    add_operand(e, d, "tokens", tokens, false, NULL);
    d->base = format("word_mean_grad_%s", shape_name(e, dx));
    text_add(&d->comment, "/* dx = dy / count where a token is not 0; items: chunks */\n");
    open_means(text, dx->physical, length);
    line(text, 4, "const vec share = net_divide(vec_load(dy->at[chunk][0][block][i]), count);\n");
    line(text, 4, "for (int position = 0; position < %d; position++)", length);
    line(text, 5, "vec_store(dx->at[chunk][position][block][i],");
    line(text, 5, "          words[position] != 0 ? share : vec_zero());");
    close_means(text);
}

/* ---- Dense layers of bags -------------------------------------------------------------------- */

static const char *bag_name(const Emitter *e, const char *operation, const Value *bag, Shape w)
{
    return format("%s_%sx%d%s", operation, shape_name(e, bag), w.size[0],
                  w.size[1] > bag->shape.size[0] ? format("_and_%d", w.size[1] - bag->shape.size[0])
                                                 : "");
}

/* A panel of `width` blocks: the bag's rows, then those of h, in the order of its segments. */
static void write_bag_panels(Text *text, const Kernel *k, int first, int panels, int width)
{
    const Value *bag = k->node->inputs[0], *h = k->node->inputs[1];
    const Physical *w = k->node->inputs[2]->physical;

    line(text, 3, "for (int panel_block = %d; panel_block < %d; panel_block += %d) {", first,
         first + panels * width, width);
    line(text, 4, "const float *rows = w->at + panel_block * %dL;", 16 * w->rows);
    line(text, 4, "vec acc[3];\n");
    line(text, 4, "NET_VECTORS(j, %d)", width);
    line(text, 5, "acc[j] = %s;",
         k->node->inputs[3] ? "vec_load(b->at[panel_block + j])" : "vec_zero()");
    line(text, 4, "net_add_entries(acc, %d, rows, bag->index + begin, bag->value + begin, count);",
         width);
    for (int i = 0; h && i < h->physical->segment_count; i++) {
        const Segment *s = &h->physical->segments[i];

        line(text, 4, "net_add_channels(acc, %d, rows + %ld, h->at[chunk][0][%d][i], %d, %ld, %d);",
             width, 16L * width * (bag->shape.size[0] + s->start), s->block, s->pixels,
             256L * s->stride, s->channels);
    }
    line(text, 4, "NET_VECTORS(j, %d)", width);
    line(text, 5, "vec_store(y->at[chunk][0][panel_block + j][i], acc[j]);");
    line(text, 3, "}");
}

void emit_sparse_dense(Emitter *e, Driver *d, const Kernel *k)
{
    Value *const *in = k->node->inputs; /* bag h w b */
    Value *y = k->node->outputs[0];
    const int *panels = in[2]->physical->panels;
    Text *text = &d->text;

    add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "bag", in[0], false, NULL);
    if (in[1])
        add_operand(e, d, "h", in[1], false, NULL);
    add_operand(e, d, "w", in[2], false, NULL);
    if (in[3])
        add_operand(e, d, "b", in[3], false, NULL);
    d->base = bag_name(e, "sparse_dense", in[0], in[2]->shape);
    text_add(&d->comment, "/* y = bag w%s%s: rows of w, each times its value; items: chunks */\n",
             in[1] ? " + h w" : "", in[3] ? " + b" : "");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", y->physical->chunks);
    line(text, 2, "for (int i = 0; i < net_rows(run, chunk); i++) {");
    line(text, 3, "const int32_t begin = bag->begin[16 * chunk + i];");
    line(text, 3, "const int32_t count = bag->begin[16 * chunk + i + 1] - begin;\n");
    for (int width = 3, first = 0; width >= 1; width--) {
        if (panels[3 - width])
            write_bag_panels(text, k, first, panels[3 - width], width);
        first += panels[3 - width] * width;
    }
    line(text, 2, "}");
    line(text, 0, "}");
}

/* dh is a row of w times dy: along the lanes. */
void emit_sparse_dense_dx(Emitter *e, Driver *d, const Kernel *k)
{
    Value *dy = k->node->inputs[0], *w = k->node->inputs[1], *dh = k->node->outputs[0];
    const Physical *p = w->physical;
    Text *text = &d->text;

    add_operand(e, d, "dh", dh, true, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    add_operand(e, d, "w", w, false, NULL);
    d->base = format("sparse_dense_dx_%s_from_%d_of_%dx%d", shape_name(e, dh), k->node->at.begin,
                     p->rows, p->outputs);
    text_add(&d->comment, "/* dh = dy w', of what stands beside the bag; items: chunks */\n");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", dh->physical->chunks);
    line(text, 2, "for (int i = 0; i < net_rows(run, chunk); i++) {");
    for (int i = 0; i < dh->physical->segment_count; i++) {
        const Segment *s = &dh->physical->segments[i];

        line(text, 3, "for (int c = 0; c < %d; c++) {", s->pixels * rounded(s->channels));
        line(text, 4, "const int pixel = c / %d, channel = c %% %d;", rounded(s->channels),
             rounded(s->channels));
        line(text, 4, "const long row = %d + pixel * %d + channel;", k->node->at.begin + s->start,
             s->channels);
        line(text, 4, "vec sum = vec_zero();\n");
        line(text, 4, "if (channel < %d) {", s->channels);
        for (int width = 3, first = 0; width >= 1; width--) {
            const int panels = p->panels[3 - width];

            if (panels) {
                line(text, 5, "for (int block = %d; block < %d; block += %d)", first,
                     first + panels * width, width);
                line(text, 6,
                     "sum = net_dot(sum, dy->at[chunk][0][block][i], w->at + block * %dL "
                     "+ row * %d, %d);",
                     16 * p->rows, 16 * width, width);
            }
            first += panels * width;
        }
        line(text, 4, "}");
        line(text, 4,
             "dh->at[chunk][0][%d + pixel * %d + channel / 16][i][channel %% 16] = "
             "vec_sum(sum);",
             s->block, s->stride);
        line(text, 3, "}");
    }
    line(text, 2, "}");
    line(text, 0, "}");
}

static void write_bag_rows(Text *text, const Kernel *k, int first, int panels, int width)
{
    const int words = k->node->inputs[0]->shape.size[0];
    const Physical *dy = k->node->inputs[2]->physical, *dw = k->node->outputs[0]->physical;
    const int groups = (words + ROWS - 1) / ROWS;

    line(text, 1, "for (int item = thread; item < %d * %d; item += run->threads) {", panels,
         groups);
    line(text, 2, "const int panel_block = %d + item / %d * %d, first = item %% %d * %d;", first,
         groups, width, groups, ROWS);
    line(text, 2, "const int rows = %d - first < %d ? %d - first : %d;", words, ROWS, words, ROWS);
    line(text, 2, "_Alignas(64) float dw[%d];\n", ROWS * 16 * width);
    line(text, 2, "for (int r = 0; r < rows; r++)");
    line(text, 3,
         "net_sum_column(dw + %d * r, %d, dy->at[0][0][panel_block][0], %d, bag->column + "
         "first + r,",
         16 * width, width, 256 * dy->blocks);
    line(text, 3, "               bag->image, bag->weight);");
    write_rows_end(text, k, format("panel_block * %dL + first * %dL", 16 * dw->rows, 16 * width),
                   "bag->column + first", 16L * width);
    line(text, 1, "}");
}

void emit_sparse_dense_dw(Emitter *e, Driver *d, const Kernel *k)
{
    Value *bag = k->node->inputs[0], *h = k->node->inputs[1], *dy = k->node->inputs[2];
    const Physical *dw = k->node->outputs[0]->physical;
    Text *text = &d->text;

    add_result(e, d, k);
    add_operand(e, d, "bag", bag, false, NULL);
    if (h)
        add_operand(e, d, "x", h, false, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    d->base = bag_name(e, k->update ? "sparse_dense_dw_update" : "sparse_dense_dw", bag,
                       k->node->outputs[0]->shape);
    text_add(&d->comment,
             "/* dw = bag' dy over the entries of each column%s%s; items: (panel, rows) */\n",
             h ? ", x' dy over images" : "", k->update ? ", then the update" : "");
    line(text, 0, "{");
    for (int width = 3, first = 0; width >= 1; width--) {
        const int panels = dw->panels[3 - width];

        if (panels)
            write_bag_rows(text, k, first, panels, width);
        first += panels * width;
    }
    for (int i = 0; h && i < h->physical->segment_count; i++) {
        const Segment *s = &h->physical->segments[i];
        const DenseRows of = {h->physical, dy->physical, dw, s, bag->shape.size[0] + s->start};

        write_dense_dw(e, text, k, &of);
    }
    line(text, 0, "}");
}

void emit_to_dense(Emitter *e, Driver *d, const Kernel *k)
{
    Value *bag = k->node->inputs[0], *y = k->node->outputs[0];
    Text *text = &d->text;

    add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "bag", bag, false, NULL);
    d->base = format("to_dense_%s", shape_name(e, bag));
    text_add(&d->comment, "/* y = the bag with its zeros; items: chunks */\n");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", y->physical->chunks);
    line(text, 2,
         "net_spread(y->at[chunk][0][0][0], %d, bag->begin + 16 * chunk, bag->index, "
         "bag->value, net_rows(run, chunk));",
         y->physical->blocks);
    line(text, 0, "}");
}
