/*
 * mixing.h -- mixup and cutmix: mixing.c.
 */

#ifndef MIXING_H
#define MIXING_H

#include "semantics/analysis.h"

void check_mixing(Sema *s); /* what they mix can be mixed, when all fields are listed */

#endif
