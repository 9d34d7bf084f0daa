/*
 * arguments.c -- what a complete call says, by the names of its parameters.
 */

#include "semantics/semantics.h"

const Constant *argument(const Call *call, const char *name)
{
    for (int i = 0; i < call->count; i++)
        if (same(call->arguments[i].name, name))
            return &call->arguments[i].value;
    return NULL;
}

double number(const Call *call, const char *name)
{
    const Constant *constant = argument(call, name);
    return constant ? constant->number : 0;
}

int run_number(const Call *call, const char *name)
{
    const Constant *constant = argument(call, name);
    return constant ? constant->run_number : 0;
}

bool is_name(const Call *call, const char *name, const char *text)
{
    const Constant *constant = argument(call, name);
    return constant && constant->kind == CONSTANT_NAME && same(constant->text, text);
}
