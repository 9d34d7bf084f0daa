/*
 * operands.h -- what functions and operators of values take: max(a, b, c), pow(2, x),
 * x * parameter(8).
 */

#ifndef OPERANDS_H
#define OPERANDS_H

#include "semantics/analysis.h"

/* An argument without a name that is in no place of its own: then it is taken. */
bool take_operand(Sema *s, PartialCall *f, Object object);

/* The c of max(a, b, c)? */
bool is_another_operand(const PartialCall *f, Object object);

/* A parameter by its sizes alone, which beside a value is of the value's batch. */
bool is_waiting_parameter(Object object);

Object scale_value(Sema *s, Span span, Object a, double factor);

#endif
