/*
 * loss_sum.c -- sums of losses: + - * / of losses and numbers.
 *
 * One idea: a sum of losses is an Object whose items are the calls, and values whose mean is a
 * loss; the number of an item, with the lets that make it, is its factor.
 */

#include "semantics/analysis.h"

bool is_loss(Object object)
{
    return object.kind == OBJECT_LOSSES ||
           (object.kind == OBJECT_FUNCTION && object.function->signature &&
            object.function->signature->kind == KIND_LOSS);
}

Object as_sum(Object loss)
{
    Object sum = {.kind = OBJECT_LOSSES, .span = loss.span};

    if (loss.kind == OBJECT_LOSSES)
        return loss;
    loss.number = 1;
    APPEND(sum.items, sum.count, loss);
    return sum;
}

/* Every factor op x. */
static Object multiply(Sema *s, const Ast *ast, Object sum, const char *op, Object x)
{
    Object product = {.kind = OBJECT_LOSSES, .span = ast->span};

    for (int i = 0; i < sum.count; i++) {
        Object item = sum.items[i], factor = item;

        factor.kind = OBJECT_NUMBER;
        factor.number = same(op, "/") ? item.number / x.number : item.number * x.number;
        if (!check_type(s, "the factor of a loss", PARAM_NUMBER, factor))
            return error_object(ast->span);
        const Object made = add_formula(s, factor, op, item, x);

        item.number = made.number;
        item.formula = made.formula;
        item.lets = made.lets;
        APPEND(product.items, product.count, item);
    }
    return product;
}

static Object add(Sema *s, const Ast *ast, Object a, Object b)
{
    Object sum = {.kind = OBJECT_LOSSES, .span = ast->span};

    if (same(ast->text, "-"))
        b = multiply(s, ast, b, "*", (Object){.kind = OBJECT_NUMBER, .number = -1});
    for (int i = 0; i < a.count; i++)
        APPEND(sum.items, sum.count, a.items[i]);
    for (int i = 0; i < b.count; i++)
        APPEND(sum.items, sum.count, b.items[i]);
    return sum;
}

Object combine_losses(Sema *s, const Ast *ast, Object a, Object b)
{
    const char *op = ast->text;
    const Object other = is_loss(a) ? b : a;
    const bool both = (is_loss(a) && is_loss(b)) || other.kind == OBJECT_TENSOR;

    if (both && (same(op, "+") || same(op, "-")))
        return add(s, ast, as_sum(a), as_sum(b));
    if (other.kind == OBJECT_NUMBER && (same(op, "*") || (same(op, "/") && is_loss(a)))) {
        if (!same(op, "/") || other.number != 0)
            return multiply(s, ast, as_sum(is_loss(a) ? a : b), op, other);
        report(s, ast->span, "division by 0");
    } else if (report(s, ast->span, "`%s` does not work on %s and %s", op, describe(a),
                      describe(b))) {
        note(s->source, "losses are added to each other, and take a factor: "
                        "`mse(a, x) + 0.3 * mse(b, y)`; penalties are arguments of layers, "
                        "`l1` and `l2`");
    }
    return error_object(ast->span);
}
