/*
 * template.c -- a generated kernel is one call of a template under runtime/kernels/.
 *
 * The one idea: the emitter gives the typed values and the literal struct of the shape; what every
 * kernel has besides, the run and the thread, is added here.
 */

#include "emit/emit.h"

#include <string.h>

/* A node's inputs, and before them its outputs where wanted, as operands; gives the arguments that a
   template takes for them: "V(y), NULL, V(x)". `as`: the layout that all are seen in, or NULL. */
const char *add_values(Emitter *e, Driver *d, const Node *node, bool outputs, const Physical *as)
{
    const int inputs = node->input_count;
    Text text = {0};

    for (int i = outputs ? -node->output_count : 0; i < inputs; i++) {
        const int at = i < 0 ? i + node->output_count : i;
        Value *value = i < 0 ? node->outputs[at] : node->inputs[at];
        const char *name = formal_name(node->op, i < 0 ? inputs + at : at);

        text_add(&text, "%s", text.at ? ", " : "");
        if (value->internal)
            text_add(&text, "NULL");
        else
            text_add(&text, "V(%s)", add_operand(e, d, name, value, i < 0, as));
    }
    return text.at;
}

/* `fmt`: "net_template(V(y), V(x), (struct net_shape){...}" */
void call_template(Driver *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_add(&d->text, "    ");
    text_add_v(&d->text, fmt, args);
    text_add(&d->text, ", run, thread);\n");
    va_end(args);
}
