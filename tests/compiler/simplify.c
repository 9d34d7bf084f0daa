/*
 * simplify.c -- what goes when a graph is simplified: reshapes, repetition, dead ends.
 */

#include <check.h>

#include "passes/passes.h"
#include "support/small_graph.h"

TCase *simplify_tests(void); /* for graph.c */

/* image -> flatten -> dense: the input is packed flat. */
START_TEST(an_input_read_flat_is_flat)
{
    Graph *g = new_graph("test");
    Value *x = add_value(g, image(1, 4, 4), true, TYPE_F32, ROLE_INPUT);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {3, 16}}, false);
    Value *v = parameter(g, (Shape){.rank = 2, .size = {3, 16}}, false);
    Value *y[2];

    for (int i = 0; i < 2; i++) {
        const Attributes square = {.shape = image(4, 2, 2)}, flat = {.shape = vector(16)};
        Value *s = append(g, OP_RESHAPE, square, 1, x, NULL, NULL);

        y[i] = append(g, OP_DENSE, square, 3, append(g, OP_RESHAPE, flat, 1, s, NULL, NULL),
                      i ? v : w, NULL);
    }
    finish(g, append(g, OP_ADD, (Attributes){0}, 2, y[0], y[1], NULL));
    autodiff(g);
    simplify(g);
    verify(g);
    ck_assert(same_shape(x->shape, vector(16)));
    for (int i = 0; i < g->node_count; i++)
        ck_assert_int_ne(g->nodes[i]->op, OP_RESHAPE);
}
END_TEST

/* Two equal branches are one; two dropouts are two; what leads nowhere goes, its weights too. */
START_TEST(repetition_and_dead_ends_go)
{
    Graph *g = new_graph("test");
    Value *x = add_value(g, vector(4), true, TYPE_F32, ROLE_INPUT);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {4, 4}}, false);
    Value *unused = parameter(g, (Shape){.rank = 2, .size = {4, 4}}, false);
    Value *a, *b;
    int dense = 0, dropout = 0, update = 0;

    append(g, OP_DENSE, (Attributes){0}, 3, x, unused, NULL);
    a = unary(g, OP_DROPOUT,
              unary(g, OP_TANH, append(g, OP_DENSE, (Attributes){0}, 3, x, w, NULL)));
    b = unary(g, OP_DROPOUT,
              unary(g, OP_TANH, append(g, OP_DENSE, (Attributes){0}, 3, x, w, NULL)));
    finish(g, append(g, OP_ADD, (Attributes){0}, 2, a, b, NULL));
    autodiff(g);
    verify(g);
    simplify(g);
    verify(g);
    for (int i = 0; i < g->node_count; i++) {
        dense += g->nodes[i]->op == OP_DENSE;
        dropout += g->nodes[i]->op == OP_DROPOUT && !g->nodes[i]->backward;
        update += g->nodes[i]->op == OP_UPDATE;
        ck_assert_int_ne(g->nodes[i]->op, OP_DENSE_DX); /* nobody wants an input's gradient */
    }
    ck_assert_int_eq(dense, 1);
    ck_assert_int_eq(dropout, 2);
    ck_assert_int_eq(update, 1);
    for (int i = 0; i < g->value_count; i++)
        ck_assert_ptr_ne(g->values[i], unused);
}
END_TEST

/* What differs in an attribute alone stays two: the walk of an rnn, heads of attention, a place, an
   order of axes. */
static const struct {
    Op op;
    Attributes one, other;
} pairs[] = {
    {OP_RNN, {.reverse = false}, {.reverse = true}},
    {OP_ATTENTION, {.heads = 2}, {.heads = 4}},
    {OP_ATTENTION, {.heads = 2}, {.heads = 2, .causal = true}},
    {OP_PAD, {.place = {0, 1}}, {.place = {0, 0}}},
    {OP_AXIS_MAX, {.smallest = false}, {.smallest = true}},
    {OP_PERMUTE,
     {.axis_count = 2, .axes = {12, 8}, .order = {1, 0}},
     {.axis_count = 2, .axes = {8, 12}, .order = {1, 0}}},
};

START_TEST(attributes_tell_nodes_apart)
{
    const Op op = pairs[_i].op;
    Graph *g = new_graph("test");
    Value *x = parameter(g, op == OP_RNN ? image(12, 1, 8) : sequence(12, 8), true);
    Value *w = parameter(g, (Shape){.rank = 4, .size = {12, 12, 1, 1}}, false);
    Value *inputs[4] = {x, op == OP_RNN ? w : NULL, parameter(g, vector(12), false), NULL};
    const int count = op == OP_RNN ? 4 : op == OP_ATTENTION ? 2 : 1;
    Value *both[2];
    int found = 0;

    for (int i = 0; i < 2; i++) {
        Attributes at = i ? pairs[_i].other : pairs[_i].one;

        at.shape = sequence(op == OP_PERMUTE    ? 8
                            : op == OP_AXIS_MAX ? 1
                                                : 12,
                            op == OP_PERMUTE    ? 12
                            : op == OP_AXIS_MAX ? 8
                                                : 9);
        both[i] = add_node(g, op, inputs, count, at, (Span){0}, "test")->outputs[0];
    }
    finish(g, append(g, OP_ADD, (Attributes){0}, 2, both[0], both[1], NULL));
    simplify(g);
    for (int i = 0; i < g->node_count; i++)
        found += g->nodes[i]->op == op;
    ck_assert_int_eq(found, 2);
}
END_TEST

/* Activations that a pool follows: whose gradient is of what the pool chose, before it is
   scattered, and whose is of all pixels. */
static const struct {
    Op activation, pool;
    bool flat, moved; /* a reshape between them */
} pooled[] = {
    {OP_RELU, OP_MAXPOOL2D, false, true},         {OP_LEAKY_RELU, OP_MAXPOOL2D, false, true},
    {OP_SIGMOID, OP_MAXPOOL2D, false, true},      {OP_TANH, OP_GLOBAL_MAXPOOL2D, false, true},
    {OP_RELU, OP_GLOBAL_MAXPOOL2D, false, true},  {OP_SIGMOID, OP_MAXPOOL2D, true, true},
    {OP_SILU, OP_MAXPOOL2D, false, false},        {OP_GELU, OP_GLOBAL_MAXPOOL2D, false, false},
    {OP_SOFTSIGN, OP_MAXPOOL2D, false, false},    {OP_RELU, OP_AVGPOOL2D, false, false},
    {OP_RELU, OP_GLOBAL_AVGPOOL2D, false, false},
};

/* The gradient of the activation of an image [3, 4, 6]; NULL: none. */
static const Node *find_gradient(const Graph *g, Op activation)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == find_activation(activation)->gradient)
            return g->nodes[i];
    return NULL;
}

START_TEST(a_gradient_is_scattered_last)
{
    const Attributes window = {.kernel = {2, 2}, .stride = {2, 2}};
    const bool global = pooled[_i].pool == OP_GLOBAL_MAXPOOL2D ||
                        pooled[_i].pool == OP_GLOBAL_AVGPOOL2D;
    Graph *g = new_graph("test");
    Value *x = parameter(g, image(3, 4, 6), true);
    Value *y = unary(g, pooled[_i].activation, x), *max;
    const Node *gradient;

    if (pooled[_i].flat)
        y = append(g, OP_RESHAPE, (Attributes){.shape = image(3, 6, 4)}, 1, y, NULL, NULL);
    max = append(g, pooled[_i].pool, global ? (Attributes){0} : window, 1, y, NULL, NULL);
    finish(g, max);
    autodiff(g);
    gradient = find_gradient(g, pooled[_i].activation);
    ck_assert(same_shape(gradient->outputs[0]->shape, x->shape));
    simplify(g);
    verify(g);
    gradient = find_gradient(g, pooled[_i].activation);
    ck_assert(same_shape(gradient->outputs[0]->shape, pooled[_i].moved ? max->shape : x->shape));
    ck_assert(!pooled[_i].moved || gradient->inputs[0] == max);
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_UPDATE)
            ck_assert(same_shape(g->nodes[i]->inputs[1]->shape, x->shape));
}
END_TEST

TCase *simplify_tests(void)
{
    TCase *t = tcase_create("simplify");

    tcase_add_test(t, an_input_read_flat_is_flat);
    tcase_add_test(t, repetition_and_dead_ends_go);
    tcase_add_loop_test(t, attributes_tell_nodes_apart, 0, COUNT(pairs));
    tcase_add_loop_test(t, a_gradient_is_scattered_last, 0, COUNT(pooled));
    return t;
}
