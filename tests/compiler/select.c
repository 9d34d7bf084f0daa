/*
 * select.c -- which algorithm a contraction gets.
 *
 * The one idea: a network whose convolution or dense layer has an obvious best algorithm, and the
 * selection that its nodes carry. What costs mean is measured by benchmarks; here, that the least
 * wins, and that the nodes of an algorithm are there and those that it replaces are gone.
 */

#include <check.h>
#include <math.h>
#include <string.h>

#include "support/kernel_test.h"

Suite *suite_select(void);

/* x[40], image[32, 12, 12] and a target [9], 16 rows; `net` makes the prediction. */
static Compiled compile_networks(const char *networks)
{
    return plan_model(format("data {\n"
                             "    train = npy(x=\"x.npy\", i=\"i.npy\", t=\"t.npy\")\n"
                             "    input x[40] = x\n"
                             "    input image[32, 12, 12] = i\n"
                             "    target t[9] = t\n"
                             "}\n"
                             "%s"
                             "train {\n"
                             "    loss = mse(net(x, image), t)\n"
                             "    optimizer = sgd(lr=0.1)\n"
                             "    batch = 16\n"
                             "}\n",
                             networks),
                      "avx2");
}

static Compiled compile_body(const char *body)
{
    return compile_networks(format("network net(x, image) {\n%s}\n", body));
}

/* Of the first node of the layer that does `op`; NULL: there is none. */
static const Node *find_node(const Compiled *compiled, Op op, const char *path)
{
    const Graph *g = compiled->train->graph;

    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == op && g->nodes[i]->path && strstr(g->nodes[i]->path, path))
            return g->nodes[i];
    return NULL;
}

#define IMAGE(layers) "    concat(image -> " layers " -> global_avgpool2d, x) -> dense(9)\n"

static const struct {
    const char *body, *path;
    Op op;
    Algorithm algorithm;
} choices[] = {
    {"    concat(x -> dense(4), image -> flatten) -> dense(9)\n", "dense_1", OP_DENSE,
     ALGORITHM_FEW_OUTPUTS},
    {"    concat(x -> dense(4), image -> flatten) -> dense(9)\n", "dense_1", OP_DENSE_DW,
     ALGORITHM_FEW_OUTPUTS},
    {"    concat(x -> dense(5), image -> flatten) -> dense(9)\n", "dense_1", OP_DENSE,
     ALGORITHM_DIRECT},
    {IMAGE("conv2d(32, 3, padding=1)"), "conv2d", OP_CONV2D, ALGORITHM_WINOGRAD_4},
    {IMAGE("conv2d(32, 3, padding=1)"), "conv2d", OP_CONV2D_DW, ALGORITHM_WINOGRAD_4},
    {IMAGE("conv2d(48, 1)"), "conv2d", OP_CONV2D, ALGORITHM_DIRECT},
    {IMAGE("conv2d(32, 3, stride=2)"), "conv2d", OP_CONV2D, ALGORITHM_DIRECT},
    {IMAGE("conv2d(3, 5, padding=2)"), "conv2d", OP_CONV2D, ALGORITHM_BATCH_LANES},
    {IMAGE("conv2d(3, 5, padding=2)"), "conv2d", OP_CONV2D_DW, ALGORITHM_BATCH_LANES},
    {IMAGE("conv2d(32, 5, groups=32)"), "conv2d", OP_DEPTHWISE, ALGORITHM_DEPTHWISE},
    {IMAGE("conv2d(32, 5, groups=32)"), "conv2d", OP_DEPTHWISE_DW, ALGORITHM_DEPTHWISE},
    {IMAGE("conv2d(32, 5, groups=4)"), "conv2d", OP_CONV2D, ALGORITHM_DIRECT},
    {"    concat(image -> conv2d(50, 5) -> relu -> global_maxpool2d, x) -> dense(9)\n", "conv2d",
     OP_CONV2D_DW_ARGMAX, ALGORITHM_ARGMAX_SPARSE},
    {"    concat(image -> conv2d(50, 11) -> relu -> global_maxpool2d, x) -> dense(9)\n", "conv2d",
     OP_CONV2D_DW, ALGORITHM_DIRECT},
};

START_TEST(obvious_choices)
{
    const Compiled compiled = compile_body(choices[_i].body);
    const Node *node = find_node(&compiled, choices[_i].op, choices[_i].path);

    ck_assert_msg(node != NULL, "no %s in %s", op_info[choices[_i].op].text, choices[_i].body);
    ck_assert_ptr_nonnull(node->selection);
    ck_assert_str_eq(algorithm_info[node->selection->algorithm].text,
                     algorithm_info[choices[_i].algorithm].text);
}
END_TEST

START_TEST(the_least_cost_wins)
{
    const Compiled compiled = compile_body(choices[_i].body);
    const Program *programs[] = {compiled.train, compiled.evaluate};

    for (int p = 0; p < 2; p++)
        for (int i = 0; i < programs[p]->graph->node_count; i++) {
            const Node *node = programs[p]->graph->nodes[i];
            const Selection *s = node->selection;

            if (op_info[node->op].class == CLASS_CONTRACTION)
                ck_assert_ptr_nonnull(s);
            for (int a = 0; s && a < ALGORITHM_COUNT; a++)
                ck_assert_double_le(s->cost[s->algorithm], s->cost[a]);
            ck_assert(!s || isfinite(s->cost[s->algorithm]));
        }
}
END_TEST

/* What an algorithm with nodes of its own replaces is dead. */
START_TEST(replaced_nodes_are_gone)
{
    const Compiled depthwise = compile_body(IMAGE("conv2d(32, 5, groups=32)"));
    const Compiled argmax = compile_body(
        "    concat(image -> conv2d(50, 5) -> global_maxpool2d, x) -> dense(9)\n");

    ck_assert_ptr_null(find_node(&depthwise, OP_GROUP_EXPAND, "conv2d"));
    ck_assert_ptr_null(find_node(&depthwise, OP_GROUP_COLLECT, "conv2d"));
    ck_assert_ptr_null(find_node(&argmax, OP_GLOBAL_MAXPOOL2D_GRAD, "global_maxpool2d"));
}
END_TEST

/* The weight of a network that is called twice lies one way for both calls, and for evaluation. */
START_TEST(a_shared_weight_has_one_algorithm)
{
    const Compiled compiled = compile_networks(
        "network head(v) { v -> dense(3) }\n"
        "network net(x, image) {\n"
        "    concat(head(x), head(x -> relu), image -> flatten) -> dense(9)\n"
        "}\n");
    const Program *programs[] = {compiled.train, compiled.evaluate};
    int found = 0;

    for (int p = 0; p < 2; p++)
        for (int i = 0; i < programs[p]->graph->node_count; i++) {
            const Node *node = programs[p]->graph->nodes[i];

            if (!node->selection || !node->path || !strstr(node->path, "head"))
                continue;
            ck_assert_int_eq(node->selection->algorithm, ALGORITHM_FEW_OUTPUTS);
            found++;
        }
    ck_assert_int_eq(found, 6); /* forward twice, dw twice; forward twice */
}
END_TEST

/* One call reads more parts of a concat than a row of a weight of few outputs can: its costs alone
   would have it in panels. The sum of the costs decides, and the concat is copied to one part. */
START_TEST(a_shared_weight_follows_the_sum_of_costs)
{
    const Compiled compiled = compile_networks(
        "network head(v) { v -> dense(4) }\n"
        "network net(x, image) {\n"
        "    parts = concat(x -> dense(8), x -> dense(8), x -> dense(8), x -> dense(8),\n"
        "                   x -> dense(8))\n"
        "    concat(head(parts), head(x), image -> flatten) -> dense(9)\n"
        "}\n");
    const Graph *g = compiled.train->graph;
    int overridden = 0, least = 0;

    for (int i = 0; i < g->node_count; i++) {
        const Selection *s = g->nodes[i]->selection;

        if (!s || !g->nodes[i]->path || !strstr(g->nodes[i]->path, "head"))
            continue;
        ck_assert_int_eq(s->algorithm, ALGORITHM_FEW_OUTPUTS);
        overridden += s->cost[ALGORITHM_DIRECT] < s->cost[ALGORITHM_FEW_OUTPUTS];
        least += s->cost[ALGORITHM_DIRECT] >= s->cost[ALGORITHM_FEW_OUTPUTS];
    }
    ck_assert_int_gt(overridden, 0);
    ck_assert_int_gt(least, 0);
}
END_TEST

/* In evaluation, where dropout is nothing, the weight is read row by row of a sparse input: it is
   in panels for training too. */
START_TEST(a_sparse_reader_in_evaluation)
{
    const Compiled compiled = plan_sparse_body(
        "    concat(words, words -> dense(8)) -> dropout(0.5) -> dense(3)\n", "avx2");
    const Node *dense = find_node(&compiled, OP_DENSE, "dense_2");

    ck_assert_ptr_nonnull(dense);
    ck_assert_int_eq(dense->selection->algorithm, ALGORITHM_DIRECT);
}
END_TEST

/* An input gradient that reads the weight as it lies stands before the gradient that updates it. */
START_TEST(readers_stand_before_the_update)
{
    const Compiled compiled = compile_body(
        "    concat(x -> dense(9) -> relu -> dense(3), image -> flatten) -> dense(9)\n");
    const Node *dx = find_node(&compiled, OP_DENSE_DX, "dense_2"),
               *dw = find_node(&compiled, OP_DENSE_DW, "dense_2");

    ck_assert_ptr_nonnull(dx);
    ck_assert_ptr_nonnull(dw);
    ck_assert_int_eq(dx->selection->algorithm, ALGORITHM_FEW_OUTPUTS);
    ck_assert_int_lt(dx->id, dw->id);
}
END_TEST

Suite *suite_select(void)
{
    Suite *suite = suite_create("select");
    TCase *tests = tcase_create("algorithms");

    tcase_add_loop_test(tests, obvious_choices, 0, COUNT(choices));
    tcase_add_loop_test(tests, the_least_cost_wins, 0, COUNT(choices));
    tcase_add_test(tests, replaced_nodes_are_gone);
    tcase_add_test(tests, a_shared_weight_has_one_algorithm);
    tcase_add_test(tests, a_shared_weight_follows_the_sum_of_costs);
    tcase_add_test(tests, a_sparse_reader_in_evaluation);
    tcase_add_test(tests, readers_stand_before_the_update);
    suite_add_tcase(suite, tests);
    return suite;
}
