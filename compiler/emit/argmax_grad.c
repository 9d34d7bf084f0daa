/*
 * argmax_grad.c -- dw and dx of a convolution under a global maximum (kernels/argmax_grad.h).
 */

#include "emit/emit.h"

static bool has_edges(const Attributes *at)
{
    return at->padding[0] || at->padding[1] || at->padding_end[0] || at->padding_end[1];
}

void emit_dw_argmax(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *dw = node->outputs[0]->layout;
    const Shape w = node->outputs[0]->shape;

    describe_dw(c, k, "",
                "dw = x' dy over images, of a dy that is 0 but at `index`%s; items: (blocks of "
                "inputs, panel)",
                then_update(k));
    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];
        int input_panels[3];

        cut_panels(blocks_of(s->channels), 3, input_panels);
        call_template(c,
                      "net_argmax_dw(%s, %s, (struct net_argmax_dw){.panels = %s, "
                      ".input_panels = %s, .inputs = %d, .outputs = %d, .first = %d, "
                      ".channels = %d, .block = %d, .x_blocks = %d, .x = %s, "
                      ".dy_width = %d, .edges = %s, .taps = %s, .apply = %s}",
                      result_pointer(c, k), inputs_text(c, node), braces(dw->panels, 3),
                      braces(input_panels, 3), w.size[1], w.size[0],
                      s->start / (x->height * x->width), s->channels, s->block, x->blocks,
                      size_braces(x), window_count(&node->at, x->width, 1),
                      truth(has_edges(&node->at)), taps_text(&node->at, w, false, false),
                      apply_literal(c, k));
    }
}

void emit_dx_argmax(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *v = node->outputs[0]->layout;
    const Shape w = node->inputs[1]->shape;
    const int *x = node->outputs[0]->shape.size + 1; /* height, width */
    const int dy[] = {window_count(&node->at, x[0], 0), window_count(&node->at, x[1], 1)};
    const Epilogue end = add_epilogue(c, k, v);
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(node, c->e->target, parts);
    Text list = {0};

    for (int i = 0; i < count; i++)
        text_add(&list, "%s{%d, %s, %ld}", i ? ", " : "", parts[i].block,
                 braces(parts[i].panels, 3), parts[i].w);
    describe_contraction(c, k, "", ", of a dy that is 0 but at `index`", "(batch block, row)");
    call_template(c,
                  "net_argmax_dx(%s, %s, %s, (struct net_argmax_part[]){%s}, %d, %s, %s, "
                  "(struct net_argmax_dx){.x = %s, .dy = %s, .outputs = %d, .taps = %s}",
                  pointer(c, node->inputs[0]), pointer(c, node->inputs[2]), scratch_pointer(c, k),
                  list.at, count, end.arguments, add_row_end(c, k), extent_braces(v), braces(dy, 2),
                  w.size[0], taps_text(&node->at, w, false, true));
}
