/*
 * verify.c -- what `verify` finds: a sound graph, damaged in one place.
 */

#include <check.h>
#include <string.h>

#include "lower/lower.h"
#include "passes/passes.h"
#include "support/small_graph.h"

TCase *verify_tests(void); /* for graph.c */

/* dense, autodiff: p0 x, p1 w; nodes dense, mse, mse_grad, dense_dw, dense_dx, updates. */
static Graph *sound_graph(void)
{
    Graph *g = new_graph("test");
    Value *x = parameter(g, vector(3), true);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {5, 3}}, false);

    finish(g, append(g, OP_DENSE, (Attributes){0}, 3, x, w, NULL));
    autodiff(g);
    verify(g);
    return g;
}

static void swap_nodes(Graph *g, int a, int b)
{
    Node *node = g->nodes[a];

    g->nodes[a] = g->nodes[b], g->nodes[b] = node;
    g->nodes[a]->id = a, g->nodes[b]->id = b;
}

static int find_node(const Graph *g, Op op)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == op)
            return i;
    ck_abort_msg("no %s", op_info[op].text);
}

static void break_order(Graph *g)
{
    swap_nodes(g, 0, 1);
}

static void break_definition(Graph *g)
{
    g->nodes[1]->outputs[0] = g->nodes[0]->outputs[0];
}

static void break_shape(Graph *g)
{
    g->nodes[0]->outputs[0]->shape.size[0]++;
}

static void break_inputs(Graph *g)
{
    g->nodes[0]->inputs[1] = g->nodes[0]->inputs[0];
}

static void break_absent(Graph *g)
{
    g->nodes[0]->inputs[1] = NULL;
}

static void break_arity(Graph *g)
{
    g->nodes[0]->input_count--;
}

static void break_type(Graph *g)
{
    g->nodes[0]->inputs[0]->type = TYPE_CLASS;
}

/* an update of w before the gradient of x has read w */
static void break_reader(Graph *g)
{
    const int dx = find_node(g, OP_DENSE_DX);
    int update = find_node(g, OP_UPDATE);

    while (g->nodes[update]->inputs[0] != g->nodes[dx]->inputs[1])
        update++;
    for (; update > dx; update--)
        swap_nodes(g, update - 1, update);
}

static void break_update(Graph *g)
{
    const Node *update = g->nodes[find_node(g, OP_UPDATE)];

    add_node(g, OP_UPDATE, update->inputs, 2, update->at, update->span, update->path);
}

static void break_storage(Graph *g)
{
    g->nodes[find_node(g, OP_UPDATE)]->outputs[0]->storage = NULL;
}

static void break_target(Graph *g)
{
    Node *update = g->nodes[find_node(g, OP_UPDATE)];

    update->inputs[0] = g->nodes[find_node(g, OP_DENSE_DX)]->outputs[0];
    update->outputs[0]->storage = update->inputs[0];
}

static void break_number(Graph *g)
{
    g->values[0]->id = 1;
}

static void break_loss(Graph *g)
{
    g->loss = g->prediction;
}

static const struct {
    void (*damage)(Graph *g);
    const char *fault; /* a part of what find_fault says */
} damages[] = {
    {break_order, "read before it is defined"},
    {break_definition, "defined twice"},
    {break_shape, "not [5]"},
    {break_inputs, "does not fit"},
    {break_absent, "is absent"},
    {break_arity, "2 inputs"},
    {break_type, "wrong type"},
    {break_reader, "after it was replaced"},
    {break_update, "after it was replaced"},
    {break_storage, "wrong storage"},
    {break_target, "neither parameter nor state"},
    {break_number, "has id 1"},
    {break_loss, "loss"},
};

START_TEST(verify_finds_what_is_wrong)
{
    Graph *g = sound_graph();
    const char *fault;

    ck_assert_ptr_null(find_fault(g));
    damages[_i].damage(g);
    fault = find_fault(g);
    ck_assert_ptr_nonnull(fault);
    ck_assert_msg(strstr(fault, damages[_i].fault), "\"%s\" does not say \"%s\"", fault,
                  damages[_i].fault);
}
END_TEST

START_TEST(two_batchnorms_share_a_state_in_turn)
{
    Graph *g = new_graph("test");
    const Attributes at = {.eps = 1e-2, .momentum = 0.1, .pixels = 1};
    Value *x = parameter(g, vector(3), true);
    Value *mean = state(g, vector(3)), *var = state(g, vector(3));
    const Node *first = add_node(g, OP_BATCHNORM_STATS, (Value *[]){x, mean, var}, 3, at, (Span){0},
                                 "test");
    const Node *second;

    second = add_node(g, OP_BATCHNORM_STATS, (Value *[]){x, first->outputs[2], first->outputs[3]},
                      3, at, (Span){0}, "test");
    ck_assert_ptr_eq(second->outputs[2]->storage, mean);
    ck_assert_ptr_null(find_fault(g));
    add_node(g, OP_BATCHNORM_STATS, (Value *[]){x, first->outputs[2], first->outputs[3]}, 3, at,
             (Span){0}, "test");
    ck_assert_ptr_nonnull(find_fault(g));
}
END_TEST

TCase *verify_tests(void)
{
    TCase *t = tcase_create("verify");

    tcase_add_loop_test(t, verify_finds_what_is_wrong, 0, COUNT(damages));
    tcase_add_test(t, two_batchnorms_share_a_state_in_turn);
    return t;
}
