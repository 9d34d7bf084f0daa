/*
 * lower_case.c -- the small letter of a capital, for all of the runtime.
 */

#include "core/lower_case.h"
#include "core/core.h"

unsigned net_lower_case(unsigned code)
{
    return net_small_letter(code);
}
