/*
 * ops.c -- what the rows of ops.def say of an operation.
 */

#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

const OpInfo op_info[OP_COUNT + 1] = {
#define OP(name, text, formals, shapes, inputs, outputs, class, effects)                           \
    [OP_##name] = {text, formals, shapes, inputs, outputs, class, effects},
#include "graph/ops.def"
    [OP_NONE] = {"no operation", "", "", 0, 0, CLASS_UPDATE, PURE},
};

const Activation *find_activation(Op op)
{
    static const Activation activations[] = {
#define ACTIVATION(NAME, name, kept, cost, zero, forward, backward)                                \
    {OP_##NAME, OP_##NAME##_GRAD, KEPT_##kept, COST_##cost, AT_##zero, forward, backward},
#include "graph/ops.def"
    };

    for (int i = 0; i < COUNT(activations); i++)
        if (activations[i].op == op || activations[i].gradient == op)
            return &activations[i];
    return NULL;
}

const char *formal_name(Op op, int at)
{
    const int inputs = op_info[op].inputs;
    const char *word = op_info[op].formals, *arrow = strstr(word, "-> ");

    if (inputs < 0 && at >= 0)
        return "x"; /* any number of one name */
    if (at >= inputs)
        word = arrow + strlen("-> "), at -= inputs;
    for (; at > 0; at--)
        word += strcspn(word, " ") + 1;
    return copy_text(word, strcspn(word, " "));
}

double real_attribute(const Attributes *at, const char *name, size_t length)
{
#define REAL(field)                                                                                \
    if (length == strlen(#field) && strncmp(name, #field, length) == 0)                            \
        return at->field;
#include "graph/attributes.def"
    abort(); /* an expression of ops.def names it */
}

bool wants_plain(Op op, int input)
{
    const char *word = op_info[op].shapes;

    for (; input > 0 && *word; input--) {
        word += strcspn(word, " ");
        word += *word == ' ';
    }
    return word[strcspn(word, "! ")] == '!';
}

static bool gives(Op op, const char *formal)
{
    return op_info[op].class == CLASS_CONTRACTION &&
           same(formal_name(op, op_info[op].inputs), formal);
}

bool is_input_gradient(Op op)
{
    return gives(op, "dx");
}

bool is_weight_gradient(Op op)
{
    return gives(op, "dw");
}

bool walks_back(Op op)
{
    return op_info[op].class == CLASS_CONTRACTION && same(formal_name(op, 0), "dh");
}
