/*
 * values.c -- the reference, with which everything is compared, on values known by hand.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/graph_test.h"
#include "support/small_graph.h"

TCase *value_tests(void); /* for graph.c */

START_TEST(running_statistics_are_pytorch_s)
{
    const Attributes at = {.eps = 1e-2, .momentum = 0.1, .pixels = 1};
    Graph *g = new_graph("test");
    Value *inputs[] = {parameter(g, vector(1), true), state(g, vector(1)), state(g, vector(1))};
    const Node *stats = add_node(g, OP_BATCHNORM_STATS, inputs, 3, at, (Span){0}, "test");
    Reference *r = new_reference(g, 4);
    const double x[] = {1, 2, 3, 6};

    memcpy(r->at[stats->inputs[0]->id], x, sizeof x);
    *r->at[stats->inputs[1]->id] = 10;
    *r->at[stats->inputs[2]->id] = 20;
    evaluate_reference(r);
    ck_assert_double_eq_tol(*r->at[stats->outputs[0]->id], 3, 1e-12);
    ck_assert_double_eq_tol(*r->at[stats->outputs[1]->id], 1 / sqrt(3.5 + 1e-2), 1e-12);
    ck_assert_double_eq_tol(*r->at[stats->outputs[2]->id], 0.9 * 10 + 0.1 * 3, 1e-12);
    ck_assert_double_eq_tol(*r->at[stats->outputs[3]->id], 0.9 * 20 + 0.1 * 14 / 3, 1e-12);
}
END_TEST

START_TEST(maxpool_takes_the_first_of_equal_ones)
{
    const Attributes at = {
        .kernel = {3, 3}, .stride = {3, 3}, .padding = {1, 1}, .padding_end = {1, 1}};
    Graph *g = new_graph("test");
    const Node *pool =
        append(g, OP_MAXPOOL2D, at, 1, parameter(g, image(1, 3, 4), true), NULL, NULL)->node;
    Reference *r = new_reference(g, 1);

    for (int i = 0; i < 12; i++)
        r->at[pool->inputs[0]->id][i] = -5; /* padding, were it 0, would win */
    evaluate_reference(r);
    ck_assert_double_eq(r->at[pool->outputs[0]->id][0], -5);
    ck_assert_double_eq(r->at[pool->outputs[1]->id][0], 4); /* the tap of pixel (0, 0) */
}
END_TEST

START_TEST(dropout_scales_what_it_keeps)
{
    Graph *g = new_graph("test");
    const Node *node = unary(g, OP_DROPOUT, parameter(g, image(17, 9, 10), true))->node;
    const long count = element_count(node->inputs[0], 13);
    Reference *r = random_reference(g, 13, 5);
    const double *x = r->at[node->inputs[0]->id], *y = r->at[node->outputs[0]->id];
    long kept = 0;

    evaluate_reference(r);
    for (long i = 0; i < count; i++) {
        ck_assert(y[i] == 0 || y[i] == 2 * x[i]);
        kept += y[i] != 0;
    }
    ck_assert(labs(kept - count / 2) < count / 50);
}
END_TEST

TCase *value_tests(void)
{
    TCase *t = tcase_create("values");

    tcase_add_test(t, running_statistics_are_pytorch_s);
    tcase_add_test(t, maxpool_takes_the_first_of_equal_ones);
    tcase_add_test(t, dropout_scales_what_it_keeps);
    return t;
}
