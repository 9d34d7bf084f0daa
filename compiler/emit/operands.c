/*
 * operands.c -- what a kernel is passed: the list of its operands (passes/kernel.c) with C types
 * and the model's names.
 *
 * The one idea: nothing is listed again here. An emitter asks what an operand of its node is
 * called.
 */

#include "emit/emit.h"

#include <stdlib.h>

/* The kernel whose scratch it is: this one, or one of the sums that it takes. */
static const Kernel *owner_of(const Kernel *k, const Buffer *scratch)
{
    for (int i = 0; i < k->sum_count; i++)
        if (k->sums[i]->scratch == scratch)
            return k->sums[i];
    return k->bias && k->bias->scratch == scratch ? k->bias : k;
}

static Formal typed(Emitter *e, const Kernel *k, const Operand *a)
{
    Formal o = {.name = a->name, .value = a->value, .buffer = a->buffer, .written = a->written};
    const char *seen = type_of_view(e, a->buffer);

    o.type = a->value               ? declare_type(e, a->value->layout)
             : seen                 ? seen
             : a->buffer == k->mask ? declare_mask(e, k)
                                    : declare_scratch(e, owner_of(k, a->buffer));
    o.actual = actual_name(e, a, o.type);
    return o;
}

static Formal *find(const KernelCode *c, const Buffer *buffer)
{
    for (int i = 0; i < c->count; i++)
        if (c->formals[i].buffer == buffer)
            return &c->formals[i];
    return NULL;
}

/* A number behind a name that another operand has. */
static const char *free_name(const KernelCode *c, const char *base)
{
    const char *name = base;

    for (int i = 0, n = 2; i < c->count; i++)
        if (same(c->formals[i].name, name))
            name = format("%s_%d", base, n++), i = -1;
    return name;
}

/* What it writes before what it reads; transposed weights and partial sums last, as w behind dy. */
static bool has_place(const Operand *a, int place)
{
    return a->written ? place == 0 : place == (a->value ? 1 : 2);
}

void list_operands(Emitter *e, KernelCode *c, const Kernel *k)
{
    for (int place = 0; place < 3; place++)
        for (int i = 0; i < k->operand_count; i++) {
            const Operand *a = &k->operands[i];
            Formal o;

            if (!has_place(a, place) || find(c, a->buffer))
                continue;
            o = typed(e, k, a);
            o.name = free_name(c, o.name);
            APPEND(c->formals, c->count, o);
        }
}

/* Every operand that an emitter names is one that the plan knows of. */
static const char *name_of_buffer(const KernelCode *c, const Buffer *buffer)
{
    const Formal *o = find(c, buffer);

    if (!o) {
        fprintf(stderr, "netc: internal error: %s uses what is no operand of it\n", c->base);
        abort();
    }
    return o->name;
}

const char *name_of(const KernelCode *c, const Value *value)
{
    return !value || value->internal ? NULL
                                     : name_of_buffer(c, root_of((Value *)value)->layout->buffer);
}

const char *pointer(const KernelCode *c, const Value *value)
{
    const char *name = name_of(c, value);

    return name ? format("V(%s)", name) : "NULL";
}

const char *read_pointer(const KernelCode *c, const Kernel *k, int i)
{
    return k->pairs[i] ? format("V(%s)", name_of_buffer(c, k->pairs[i]))
                       : pointer(c, k->node->inputs[i]);
}

const char *scratch_pointer(const KernelCode *c, const Kernel *k)
{
    return format("V(%s)", name_of_buffer(c, k->scratch));
}
