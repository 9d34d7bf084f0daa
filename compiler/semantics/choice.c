/*
 * choice.c -- values of the train section that are calls of one kind: `optimizer = sgd(lr=0.1)`.
 */

#include "semantics/analysis.h"

/* The complete call that an object is, if it is one of that kind. */
Call *to_choice(Sema *s, const Ast *ast, Object object, Kind kind)
{
    if (object.kind == OBJECT_ERROR)
        return NULL;
    if (object.kind != OBJECT_FUNCTION || !object.function->signature ||
        object.function->signature->kind != kind) {
        const char *here = object.kind == OBJECT_STRING ? unquoted_name(object.text, kind) : NULL;

        if (!report(s, object.span, "`%s` is %s; this is %s", ast->text, kind_text(kind),
                    describe(object)))
            return NULL;
        if (here)
            note(s->source, "write `%s`, without quotes", here);
        else if (object.kind == OBJECT_STRING && kind == KIND_START)
            note(s->source, "write `start = weights(\"%s\")`", object.text);
        else if (object.kind == OBJECT_NUMBER && (kind & (KIND_CLIP | KIND_STOP)))
            note(s->source, "write `%s = %s(%.10g)`", ast->text,
                 kind == KIND_CLIP ? "norm" : "early_stop", object.number);
        else
            list_names(s, kind);
        return NULL;
    }
    return finish_call(s, object.function);
}

/* `optimizer = sgd(lr=0.1)` and the like. */
Call *analyze_choice(Sema *s, const Ast *ast, Kind kind)
{
    return to_choice(s, ast, evaluate_with(s, ast->first, kind), kind);
}
