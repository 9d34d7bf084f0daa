/*
 * results.c -- what a network, block or loss gives: a value, or several.
 *
 * One idea: several results are a list of values, which names before `=` take apart, `[0]` chooses
 * from, and a block or network takes as its input.
 */

#include "semantics/analysis.h"

#include <limits.h>
#include <math.h>

bool is_several(Object object)
{
    for (int i = 0; i < object.count; i++)
        if (object.items[i].kind != OBJECT_TENSOR)
            return false;
    return object.kind == OBJECT_LIST && object.count > 0;
}

bool is_result(Object object)
{
    return object.kind == OBJECT_TENSOR || is_several(object);
}

bool refuse_several(Sema *s, const PartialCall *f)
{
    if (f->definition || f->input.kind != OBJECT_LIST)
        return false;
    if (report(s, f->input.span, "`%s` takes one result; this is %s", f->signature->name,
               describe(f->input)))
        note(s->source, "an index takes one of them, `x[0]`, or `a, b = ...` gives each a name");
    return true;
}

/* A number of equal parts, or a list of their sizes. */
static bool check_split(Sema *s, const Constant *parts, double count)
{
    bool whole = parts->number == floor(parts->number);

    for (int i = 0; i < parts->count; i++)
        whole &= parts->items[i].number == floor(parts->items[i].number) &&
                 parts->items[i].number <= INT_MAX / MAX_RESULTS;
    if (!whole)
        report(s, parts->span, "parts of split are whole numbers");
    else if (count < 2 || count > MAX_RESULTS)
        report(s, parts->span, "split gives 2 to %d results; this is %.0f", MAX_RESULTS, count);
    return whole && count >= 2 && count <= MAX_RESULTS;
}

Object split_results(Sema *s, Call *call, Layer *input)
{
    const Constant *parts = argument(call, "parts");
    const double count = parts->kind == CONSTANT_LIST ? parts->count : parts->number;
    Object list = {.kind = OBJECT_LIST, .nested = 1, .span = call->span};

    if (!check_split(s, parts, count))
        return error_object(call->span);
    for (int i = 0; i < (int)count; i++) {
        const Object part = new_layer(s, call, &input, 1, false);

        if (part.kind == OBJECT_ERROR)
            return part;
        part.layer->result = i;
        APPEND(list.items, list.count, part);
    }
    list.total = list.count;
    return list;
}

void unpack(Sema *s, const Ast *ast, Object list)
{
    const AstList names = ast->arguments;
    const bool fits = list.kind == OBJECT_LIST && list.count == names.count;

    if (!fits && list.kind != OBJECT_ERROR &&
        report(s, names.items[0]->span, "%d names take a list of as many; this is %s", names.count,
               describe(list)))
        note_at(s->source, ast->first->span,
                "a network or block gives several results by "
                "`return a, b`");
    for (int i = 0; i < names.count; i++)
        set_name(s, &s->frame->names, names.items[i]->text,
                 fits ? list.items[i] : error_object(ast->first->span), names.items[i]->span);
}
