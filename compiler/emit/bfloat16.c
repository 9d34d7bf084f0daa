/*
 * bfloat16.c -- operands of contractions in pairs of bfloat16 (kernels/bfloat16.h).
 */

#include "emit/emit.h"

/* An input in pairs of channels; of dw, in pairs of images. */
void emit_pairs(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[k->paired];
    const char *of = is_weight_gradient(k->node->op) ? "images" : "channels";
    const Layout *v = x->layout;

    describe_kernel(c, k, format("pair_%s_%s", of, shape_name(c->e, x)),
                    "x rounded to bfloat16, in pairs of %s; items: (batch block, row)", of);
    call_template(c, k, "net_pair_%s(<scratch>, %s, (struct net_paired_value){%d, %d, %d}", of,
                  pointer(c, x), v->batch_blocks, v->height, v->width * v->blocks);
}

/* The weights of forward, in pairs of their inputs. */
void emit_weight_pairs(KernelCode *c, const Kernel *k)
{
    const Layout *x = k->node->inputs[0]->layout;

    describe_kernel(c, k, "pair_weight_<w.rows>x<w.outputs>",
                    "w rounded to bfloat16, in pairs of inputs; items: (panel, tap)");
    call_template(c, k,
                  "net_pair_weights(<scratch>, <w>, (struct net_paired[]){%s}, %d, "
                  "(struct net_weight_pairs){<w.rows>, %d, <w.panels>}",
                  paired_rows_text(k->node), x->segment_count,
                  weight_taps(k->node) * count_pairs(k->node));
}
