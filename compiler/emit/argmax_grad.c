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
    const Layout *x = node->inputs[0]->layout;

    describe_kernel(
        c, k, "<op><partial>_<x.shape>_<dw.rows>x<dw.outputs>",
        "dw = x' dy over images, of a dy that is 0 but at `index`<then_update>; items: (blocks "
        "of inputs, panel)");
    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];

        call_template(c, k,
                      "net_argmax_dw(<result>, <inputs>, (struct net_argmax_dw){"
                      ".panels = <dw.panels>, .input_panels = %s, .inputs = <dw.dim1>, "
                      ".outputs = <dw.dim0>, .first = %d, .channels = %d, .block = %d, "
                      ".x_blocks = <x.blocks>, .x = <x.size>, .dy_width = %d, .edges = %s, "
                      ".taps = <taps>, .apply = <apply>}",
                      panels_text(s->channels, 3), s->start / (x->height * x->width), s->channels,
                      s->block, window_count(&node->at, x->width, 1), truth(has_edges(&node->at)));
    }
}

void emit_dx_argmax(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const int *x = node->outputs[0]->shape.size + 1; /* height, width */
    const int dy[] = {window_count(&node->at, x[0], 0), window_count(&node->at, x[1], 1)};
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(node, c->e->target, parts);
    Text list = {0};

    for (int i = 0; i < count; i++)
        text_add(&list, "%s{%d, %s, %ld}", i ? ", " : "", parts[i].block,
                 braces(parts[i].panels, 3), parts[i].w);
    describe_contraction(c, k, "", ", of a dy that is 0 but at `index`", "(batch block, row)");
    call_template(c, k,
                  "net_argmax_dx(<dy>, <index>, <scratch>, (struct net_argmax_part[]){%s}, %d, "
                  "<epilogue>, <row_end>, (struct net_argmax_dx){.x = <dx.extent>, .dy = %s, "
                  ".outputs = <w.dim0>, .taps = <taps>}",
                  list.at, count, braces(dy, 2));
}
