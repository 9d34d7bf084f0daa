/*
 * verify.c -- what `verify` and `verify_layout` find: a sound graph, damaged in one place.
 */

#include <check.h>
#include <string.h>

#include "lower/lower.h"
#include "passes/passes.h"
#include "support/kernel_test.h"
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

/* ---- layouts --------------------------------------------------------------------------------- */

/* The layout of a value that is damaged is its own; those that shared it are as they were. */
static Layout *own_layout(Value *value)
{
    Layout *own = allocate(sizeof *own);

    *own = *value->layout;
    value->layout = own;
    return own;
}

static Node *node_of(const Graph *g, Op op)
{
    return g->nodes[find_node(g, op)];
}

static void break_gamma(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_NORMALIZE)->inputs[3])->segments[1].block++;
}

static void break_statistics(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_BATCHNORM_STATS)->outputs[0])->segments[0].channels--;
}

static void break_beta(const Compiled *c)
{
    Layout *beta = own_layout(node_of(c->evaluate->graph, OP_NORMALIZE)->inputs[4]);
    const Segment first = beta->segments[0];

    beta->segments[0] = beta->segments[1], beta->segments[1] = first;
}

static void break_mean(const Compiled *c)
{
    own_layout(node_of(c->evaluate->graph, OP_NORMALIZE)->inputs[1])->blocks++;
}

static void break_operand(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_MULTIPLY)->inputs[1])->segments[0].stride++;
}

static void break_rows(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_DENSE)->inputs[1])->segments[1].block++;
}

static void break_bias(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_CONV2D)->inputs[2])->segments[0].block++;
}

static void break_gradient(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_UPDATE)->inputs[1])->kind = LAYOUT_TABLE;
}

static void break_columns(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_SPARSE_DENSE)->inputs[2])->segments[0].channels--;
}

static void break_rows_beside(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_SPARSE_DENSE_DX)->inputs[1])->segments[1].block++;
}

static void break_sparse_dx(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_SPARSE_DENSE_DX)->outputs[0])->segments[0].block++;
}

static void break_sparse_dw(const Compiled *c)
{
    own_layout(node_of(c->train->graph, OP_SPARSE_DENSE_DW)->outputs[0])->segments[0].block++;
}

typedef struct LayoutDamage {
    void (*damage)(const Compiled *c);
    const char *fault; /* a part of what find_layout_fault says */
} LayoutDamage;

static const LayoutDamage layout_damages[] = {
    {break_gamma, "normalize: net.batchnorm.weight does not lie as"},
    {break_statistics, "batchnorm_stats: %"},
    {break_beta, "net.batchnorm.bias lies in another way in evaluation"},
    {break_mean, "net.batchnorm.running_mean lies in another way in evaluation"},
    {break_operand, "graph train: node"},
    {break_rows, "dense: the rows of net.dense.weight"},
    {break_bias, "conv2d: net.z.bias does not lie as"},
    {break_gradient, "update: "},
};

static const LayoutDamage sparse_damages[] = {
    {break_columns, "sparse_dense: the rows of net.dense_1.weight do not begin with 30 columns"},
    {break_rows_beside, "sparse_dense: the rows of net.dense_2.weight do not lie as"},
    {break_sparse_dx, "sparse_dense_dx: the rows of net.dense_2.weight do not lie as"},
    {break_sparse_dw, "sparse_dense_dw: the rows of"},
};

static void check_damage(const Compiled *c, LayoutDamage damage)
{
    const char *fault = find_layout_fault(c->train->graph, c->evaluate->graph);

    ck_assert_msg(!fault, "%s", fault);
    damage.damage(c);
    fault = find_layout_fault(c->train->graph, c->evaluate->graph);
    ck_assert_ptr_nonnull(fault);
    ck_assert_msg(strstr(fault, damage.fault), "\"%s\" does not say \"%s\"", fault, damage.fault);
}

START_TEST(verify_layout_finds_what_is_wrong)
{
    const Compiled c = plan_body("    let z = y -> conv2d(20, 3)\n"
                                 "    let h = concat(x, z * sigmoid(z) -> flatten)\n"
                                 "    h -> batchnorm -> dense(9)\n",
                                 "generic");

    check_damage(&c, layout_damages[_i]);
}
END_TEST

START_TEST(verify_layout_finds_what_is_wrong_beside_a_sparse_input)
{
    const Compiled c = plan_sparse_body("    concat(words, words -> dense(8)) -> dense(3)\n",
                                        "generic");

    check_damage(&c, sparse_damages[_i]);
}
END_TEST

TCase *verify_tests(void)
{
    TCase *t = tcase_create("verify");

    tcase_add_loop_test(t, verify_finds_what_is_wrong, 0, COUNT(damages));
    tcase_add_loop_test(t, verify_layout_finds_what_is_wrong, 0, COUNT(layout_damages));
    tcase_add_loop_test(t, verify_layout_finds_what_is_wrong_beside_a_sparse_input, 0,
                        COUNT(sparse_damages));
    tcase_add_test(t, two_batchnorms_share_a_state_in_turn);
    return t;
}
