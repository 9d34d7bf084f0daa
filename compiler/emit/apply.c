/*
 * apply.c -- what becomes of a weight's gradient: it is kept, or the update of the weight; of some
 * images it is a partial sum.
 */

#include "emit/emit.h"

const char *l1_text(Emitter *e, const Value *w)
{
    return float_text(e, w->run_l1, "%s", (double)(float)w->l1);
}

/* Of l2 w^2, whose derivative is 2 l2 w. */
const char *l2_text(Emitter *e, const Value *w)
{
    return float_text(e, w->run_l2, "2.0 * %s", (double)(float)(2.0 * w->l2));
}

const char *apply_literal(const KernelCode *c, const Kernel *k)
{
    const Value *w = k->update ? k->update->inputs[0] : NULL;
    Text text = {0};

    text_add(&text, "{.update = %s", truth(w));
    if (w && (w->l1 > 0 || w->run_l1))
        text_add(&text, ", .l1 = %s", l1_text(c->e, w));
    if (w && (w->l2 > 0 || w->run_l2))
        text_add(&text, ", .l2 = %s", l2_text(c->e, w));
    text_add(&text, "}");
    return text.at;
}

/* The weight that the update changes, or the place where the gradient is kept. */
const char *result_pointer(const KernelCode *c, const Kernel *k)
{
    return pointer(c, k->update ? k->update->inputs[0] : k->node->outputs[0]);
}

const char *update_suffix(const Kernel *k)
{
    return k->bias ? "_db_update" : k->update ? "_update" : "";
}
