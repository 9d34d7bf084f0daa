/*
 * gemm.c -- dense, conv2d, their dx and the transposes of weights for them (kernels/gemm.h,
 * conv.h).
 *
 * The one idea: a kernel is a template with the register tiles of its panels' widths (tiles.c).
 */

#include "emit/emit.h"

static bool is_dense(const Node *node)
{
    return node->op == OP_DENSE || node->op == OP_DENSE_DX;
}

/* ---- Kernels --------------------------------------------------------------------------------- */

void describe_contraction(KernelCode *c, const Kernel *k, const char *way, const char *how,
                          const char *items)
{
    const Node *node = k->node;
    const bool dx = is_input_gradient(node->op), bias = !dx && node->inputs[2];
    const char *op = dx && !node->backward ? transposed_name(node) : "<op>";
    const char *size = is_dense(node) ? "x<w.dim0>" : "_<w.dim0>x<w.dim2>x<w.dim3>";
    Text ends = {0};

    text_add(&ends, "%s", how);
    for (int i = 0; i < k->epilogue_count; i++)
        text_add(&ends, ", %s", op_info[k->epilogue[i]->op].text);
    describe_kernel(
        c, k, format("%s%s%s_<%s.shape>%s", op, way, epilogue_name(k), dx ? "dx" : "x", size),
        "%s = %s%s%s; items: %s", dx ? "dx" : "y", is_dense(node) ? "" : "sum over taps of ",
        dx     ? "dy w'"
        : bias ? "x w + b"
               : "x w",
        ends.at, items);
}

/* `tile_8x3_relu, tile_8x2_relu, NULL`: of each width that a part has panels of */
static const char *tiles_text(const Chain *b, const Epilogue *end, const OutputPart *parts,
                              int count, bool bias)
{
    Text out = {0};

    for (int width = 3; width >= 1; width--) {
        bool used = false;

        for (int i = 0; i < count; i++)
            used = used || parts[i].panels[3 - width] > 0;
        text_add(&out, "%s%s", used ? add_gemm_tile(b, end, width, bias) : "NULL",
                 width > 1 ? ", " : "");
    }
    return out.at;
}

void emit_contraction(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const bool dx = is_input_gradient(node->op), outer = k->schedule.panel_outer;
    const char *template = is_dense(node)      ? "net_dense"
                           : is_unrolled(node) ? "net_conv2d_packed"
                                               : format("net_conv%dd", window_axes(&node->at));
    const Chain chain = start_chain(c, k);
    const Epilogue end = write_epilogue(c->e, &chain);
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(node, c->e->target, parts);
    const char *tiles = tiles_text(&chain, &end, parts, count, !dx && node->inputs[2]);

    describe_contraction(c, k, k->pairs[0] ? "_bfloat16" : "", k->pairs[0] ? " of bfloat16" : "",
                         is_dense(node) ? outer ? "(panel, batch block)" : "batch blocks"
                         : outer        ? "(panel, batch block, row)"
                                        : "(batch block, row)");
    call_template(c, k, "%s(%s, %s, %s, %s, <row_end>, %s", template, tiles, read_pointer(c, k, 0),
                  dx            ? "<scratch>, NULL"
                  : k->pairs[0] ? "<scratch>, <b>"
                                : "<w>, <b>",
                  end.operands, contraction_text(k, parts, count));
}

/* ---- Transposed weights ---------------------------------------------------------------------- */

/* wt[panel of inputs][tap][output][block][16] from w[panel of outputs][row][block][16] */
void emit_transpose(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *p = node->inputs[1]->layout;
    const bool dense = is_dense(node), pairs = node->bfloat16;
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(node, c->e->target, parts);
    Text list = {0};

    describe_kernel(
        c, k, pairs ? "transpose_pairs_<w.rows>x<w.outputs>" : "transpose_<w.rows>x<w.outputs>",
        "wt = w', by panels of inputs%s; items: (tap, block of inputs)",
        pairs ? ", in pairs of bfloat16" : "");
    for (int i = 0; i < count; i++) {
        const Segment *s = &given_by_weights(node)->layout->segments[i];
        const int taps = dense ? s->pixels : p->segments[0].pixels;

        text_add(&list, "%s{.row = %d, .step = %d, .taps = %d, .inputs = %d, .panels = {%d, %d}%s}",
                 i ? ", " : "", dense ? s->start : s->start / s->pixels,
                 dense ? s->channels : p->rows / taps, taps, s->channels, parts[i].panels[0],
                 parts[i].panels[1], member(", .at = %ld", parts[i].w));
    }
    call_template(c, k,
                  "%s(V(wt), V(w), (struct net_transposed[]){%s}, %d, "
                  "(struct net_transpose){.rows = <w.rows>, .outputs = <w.outputs>, "
                  ".panels = {%d, %d}}",
                  pairs ? "net_pair_transposed" : "net_transpose_weights", list.at, count,
                  p->panels[0], p->panels[1]);
}
