/*
 * lower.c -- from the text of a model to its two graphs: what layers become, what is shared,
 * what the loss takes in; and that every pass keeps what the graph computes.
 */

#define _POSIX_C_SOURCE 200809L /* open_memstream */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower/lower.h"
#include "support/graph_test.h"

TCase *lower_tests(void);

/* A model on 28 x 28 digits: `body` stands in the network's braces. */
static Model *digits_model(const char *body, const char *target, const char *loss)
{
    return model_of(format("data {\n"
                           "    train = digits(rows=100)\n"
                           "    input  image[1, 28, 28] = image -> scale(1/255)\n"
                           "    target label = label -> %s\n"
                           "}\n"
                           "network net(image) {\n%s\n}\n"
                           "train {\n"
                           "    loss = %s(net(image), label)\n"
                           "    optimizer = sgd(lr=0.1)\n"
                           "}\n",
                           target, body, loss));
}

static Model *classifier(const char *body)
{
    return digits_model(body, "classes(10)", "cross_entropy");
}

static Graph *train_graph(Model *model)
{
    Graph *g = lower(model, MODE_TRAIN);

    ck_assert_ptr_nonnull(g);
    verify(g);
    autodiff(g);
    verify(g);
    return g;
}

static int count_nodes(const Graph *g, Op op)
{
    int count = 0;

    for (int i = 0; i < g->node_count; i++)
        count += g->nodes[i]->op == op;
    return count;
}

static const Value *find_value(const Graph *g, const char *name)
{
    for (int i = 0; i < g->value_count; i++)
        if (same(g->values[i]->name, name))
            return g->values[i];
    ck_abort_msg("no value %s", name);
}

static const Node *first_node(const Graph *g, Op op)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == op)
            return g->nodes[i];
    ck_abort_msg("no %s", op_info[op].text);
}

/* ---- Whole models: gradients, and the same results before and after simplify ----------------- */

static const char *const bodies[] = {
    "image -> flatten -> dense(5) -> tanh -> dense(10)",
    "image -> conv2d(3, 5, stride=2, padding=1) -> relu -> maxpool2d(2) -> flatten -> dense(10)",
    ("x = image -> conv2d(3, [2, 3], stride=[5, 4], bias=false) -> batchnorm -> silu\n"
     "y = x -> conv2d(3, 3, padding=same) -> batchnorm\n"
     "x + y -> leaky_relu(0.1) -> global_avgpool2d -> dense(10)"),
    ("x = image -> maxpool2d(7) -> flatten\n"
     "a = x -> dense(5) -> sigmoid\n"
     "b = x -> dense(1) -> relu6\n"
     "concat(a, b, a * a) -> batchnorm -> dropout(0.4) -> dense(10)"),
    ("x = image -> maxpool2d(4, stride=3) -> reshape(3, 9, 3)\n"
     "x -> softmax -> maxpool2d(3, padding=1) -> conv2d(10, 1) -> global_avgpool2d"),
};

START_TEST(models_keep_their_results)
{
    for (int mode = MODE_TRAIN; mode <= MODE_EVALUATE; mode++) {
        Graph *graphs[2];

        for (int i = 0; i < 2; i++) {
            graphs[i] = lower(classifier(bodies[_i]), (Mode)mode);
            ck_assert_ptr_nonnull(graphs[i]);
            if (mode == MODE_TRAIN)
                autodiff(graphs[i]);
            verify(graphs[i]);
        }
        simplify(graphs[1]);
        verify(graphs[1]);
        check_same_results(graphs[0], graphs[1], 3);
        if (mode == MODE_TRAIN)
            ck_assert_int_ge(check_gradients(graphs[1], 3, bodies[_i]), 2);
    }
}
END_TEST

/* ---- Layers ---------------------------------------------------------------------------------- */

START_TEST(parameters_have_pytorch_s_names_and_shapes)
{
    const Graph *g = lower(classifier("x = image -> conv2d(6, [3, 5]) -> batchnorm -> flatten\n"
                                      "x -> dense(10, bias=false)"),
                           MODE_TRAIN);
    const Value *w = find_value(g, "net.conv2d.weight");
    const Value *running = find_value(g, "net.batchnorm.running_var");

    ck_assert_str_eq(shape_text(w->shape), "[6, 1, 3, 5]");
    ck_assert_int_eq(w->fan_in, 15);
    ck_assert_str_eq(w->init, "kaiming_uniform");
    ck_assert_int_eq(find_value(g, "net.conv2d.bias")->fan_in, 15);
    ck_assert_str_eq(shape_text(find_value(g, "net.dense.weight")->shape), "[10, 3744]");
    ck_assert_str_eq(find_value(g, "net.batchnorm.weight")->init, "ones");
    ck_assert_str_eq(running->init, "ones");
    ck_assert_int_eq(running->role, ROLE_STATE);
    for (int i = 0; i < g->value_count; i++)
        ck_assert(!same(g->values[i]->name, "net.dense.bias"));
}
END_TEST

START_TEST(same_padding_puts_the_odd_pixel_after)
{
    const Graph *g = lower(classifier("image -> conv2d(2, 4, padding=same) -> conv2d(3, [1, 5], "
                                      "padding=same) -> global_avgpool2d -> dense(10)"),
                           MODE_TRAIN);
    const Attributes *first = &first_node(g, OP_CONV2D)->at;

    ck_assert_int_eq(first->padding[0], 1);
    ck_assert_int_eq(first->padding_end[0], 2);
    ck_assert_str_eq(shape_text(first_node(g, OP_GLOBAL_AVGPOOL2D)->inputs[0]->shape),
                     "[3, 28, 28]");
}
END_TEST

START_TEST(modes_differ_in_batchnorm_and_dropout)
{
    Model *model = classifier("x = image -> flatten -> dropout(0.2) -> dense(8) -> batchnorm\n"
                              "x -> dropout(0.5) -> dropout(0) -> dense(10)");
    const Graph *train = lower(model, MODE_TRAIN), *evaluate = lower(model, MODE_EVALUATE);
    int streams = 0;

    ck_assert_int_eq(count_nodes(train, OP_DROPOUT), 2);
    for (int i = 0; i < train->node_count; i++)
        if (train->nodes[i]->op == OP_DROPOUT)
            ck_assert_int_eq(train->nodes[i]->at.stream, streams++);
    ck_assert_int_eq(count_nodes(train, OP_BATCHNORM_STATS), 1);
    ck_assert_int_eq(count_nodes(evaluate, OP_DROPOUT), 0);
    ck_assert_int_eq(count_nodes(evaluate, OP_BATCHNORM_STATS), 0);
    ck_assert_int_eq(count_nodes(evaluate, OP_INVERSE_STD), 1);
    ck_assert_ptr_eq(first_node(evaluate, OP_NORMALIZE)->inputs[1],
                     find_value(evaluate, "net.batchnorm.running_mean"));
}
END_TEST

/* More inputs than a node holds. */
START_TEST(a_long_concat_is_cut)
{
    const char *body = "x = image -> global_avgpool2d\n", *names = "x";
    const Graph *g;

    for (int i = 0; i < 39; i++)
        names = format("%s, x", names);
    g = lower(classifier(format("%sconcat(%s) -> dense(10)", body, names)), MODE_TRAIN);
    ck_assert_int_eq(count_nodes(g, OP_CONCAT), 3);
    ck_assert_str_eq(shape_text(first_node(g, OP_DENSE)->inputs[0]->shape), "[40]");
}
END_TEST

START_TEST(the_first_layer_wants_no_gradient_of_the_input)
{
    Graph *g = train_graph(classifier("image -> conv2d(4, 3) -> relu -> flatten -> dense(10)"));

    simplify(g);
    ck_assert_int_eq(count_nodes(g, OP_CONV2D_DX), 0);
    ck_assert_int_eq(count_nodes(g, OP_DENSE_DX), 1);
    ck_assert_int_eq(count_nodes(g, OP_UPDATE), 4);
}
END_TEST

/* What a name held before it was set again leads nowhere: neither nodes nor parameters stay. */
START_TEST(layers_that_lead_nowhere_go)
{
    Graph *g = train_graph(classifier("x = image -> flatten -> dense(7) -> batchnorm\n"
                                      "x = image -> flatten -> dense(10)\n"
                                      "x -> relu"));

    simplify(g);
    verify(g);
    ck_assert_int_eq(count_nodes(g, OP_DENSE), 1);
    ck_assert_int_eq(count_nodes(g, OP_BATCHNORM_STATS), 0);
    ck_assert_int_eq(count_nodes(g, OP_UPDATE), 2);
}
END_TEST

/* ---- Shorter words for others ---------------------------------------------------------------- */

static const struct {
    const char *words, *other; /* of x, [8, 26, 26], and v, [8] */
} alike[] = {
    {"max(x, v, 0.5)", "max(max(x, v), 0.5)"},
    {"v -> min(1, x, v)", "min(min(min(v, 1), x), v)"},
    {"max(0, x, v)", "max(max(0, x), v)"},
    {"pow(2, x)", "exp(x * 0.693147180559945309)"},
    {"pow(0.5, x - v)", "exp((x - v) * -0.693147180559945309)"},
    {"x -> slice(-2)", "x -> slice(6)"},
    {"x -> slice(-26..-24, axis=width)", "x -> slice(0..2, axis=width)"},
    {"split(x, [2, 6])[1]", "x -> slice(2..7)"},
    {"split(x, [4, 3, 19], axis=height)[2]", "x -> slice(7..25, axis=height)"},
    {"x -> reshape(2, 4, 26, 26) -> pad(1)",
     "x -> reshape(2, 4, 26, 26) -> pad(1, axis=depth) -> pad(1, axis=height) -> "
     "pad(1, axis=width)"},
    {"x * parameter(8) / v", "x * parameter(x, 8) / v"},
    {"parameter(8, init=ones) - x", "parameter(x, 8, init=ones) - x"},
};

static const char *graph_text(const char *value)
{
    char *text = NULL, *copy;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    Graph *g = train_graph(classifier(format("x = image -> conv2d(8, 3)\n"
                                             "v = x -> global_avgpool2d\n"
                                             "y = %s\n"
                                             "y -> flatten -> dense(10)",
                                             value)));

    simplify(g);
    print_graph(out, g);
    fclose(out);
    copy = format("%s", text);
    free(text);
    return copy;
}

START_TEST(shorter_words_make_the_same_graph)
{
    ck_assert_str_eq(graph_text(alike[_i].words), graph_text(alike[_i].other));
}
END_TEST

/* ---- Networks called twice ------------------------------------------------------------------- */

START_TEST(a_network_called_twice_shares_its_parameters)
{
    Model *model = model_of("data {\n"
                            "    train = xor()\n"
                            "    input  x[2] = x\n"
                            "    target y = y\n"
                            "}\n"
                            "network twin(x) { x -> dense(2) -> batchnorm -> tanh }\n"
                            "network net(x) { x -> twin -> twin -> dense(1) }\n"
                            "train {\n"
                            "    loss = mse(net(x), y)\n"
                            "    optimizer = sgd(lr=0.1)\n"
                            "}\n");
    Graph *g = train_graph(model);
    int parameters = 0;

    for (int i = 0; i < g->value_count; i++)
        parameters += g->values[i]->role == ROLE_PARAMETER;
    ck_assert_int_eq(parameters, 6);
    ck_assert_int_eq(count_nodes(g, OP_DENSE), 3);
    ck_assert_int_eq(count_nodes(g, OP_UPDATE), 6);
    ck_assert_int_eq(count_nodes(g, OP_ADD), 4); /* each gradient has two parts */
    ck_assert_int_eq(check_gradients(g, 5, "twin"), 6);
    ck_assert_ptr_nonnull(lower(model, MODE_EVALUATE));
}
END_TEST

/* ---- Frozen parts ---------------------------------------------------------------------------- */

/* Nothing is computed on the way back through them, and statistics stay. */
START_TEST(a_frozen_body_has_no_backward_nodes)
{
    Model *model = model_of("data {\n"
                            "    train = digits(rows=100)\n"
                            "    input  image[1, 28, 28] = image -> scale(1/255)\n"
                            "    target label = label -> classes(10)\n"
                            "}\n"
                            "network body(x) { x -> conv2d(4, 3) -> batchnorm -> flatten }\n"
                            "network net(x) {\n"
                            "    head = body(x) -> dense(10)\n"
                            "    head\n"
                            "}\n"
                            "train {\n"
                            "    loss = cross_entropy(net(image), label)\n"
                            "    optimizer = sgd(lr=0.1)\n"
                            "    frozen = body\n"
                            "}\n");
    Graph *g = train_graph(model);

    ck_assert_int_eq(count_nodes(g, OP_UPDATE), 2);
    ck_assert_int_eq(count_nodes(g, OP_BATCHNORM_STATS), 0);
    for (int i = 0; i < g->node_count; i++)
        ck_assert(!g->nodes[i]->backward || !g->nodes[i]->path ||
                  !strstr(g->nodes[i]->path, "body"));
}
END_TEST

START_TEST(a_gradient_goes_through_frozen_layers)
{
    Model *model = model_of("data {\n"
                            "    train = xor()\n"
                            "    input  x[2] = x\n"
                            "    target y = y\n"
                            "}\n"
                            "network net(x) {\n"
                            "    x -> dense(6) -> tanh -> reshape(3, 2) -> batchnorm -> tanh\n"
                            "      -> flatten -> layernorm -> dense(4) -> tanh -> dense(1)\n"
                            "}\n"
                            "train {\n"
                            "    loss = mse(net(x), y)\n"
                            "    optimizer = sgd(lr=0.1)\n"
                            "    frozen = [batchnorm, net.layernorm, dense_2]\n"
                            "}\n");
    Graph *g = train_graph(model);

    ck_assert_int_eq(count_nodes(g, OP_BATCHNORM_STATS) + count_nodes(g, OP_BATCHNORM_SUMS), 0);
    ck_assert_int_eq(check_gradients(g, 5, "frozen"), 4);
}
END_TEST

/* ---- Losses ---------------------------------------------------------------------------------- */

static const struct {
    const char *body, *target, *loss;
    Op prediction; /* what makes the graph's prediction */
    Op activation; /* what `predict` is to apply to it */
} predictions[] = {
    {"image -> flatten -> dense(10)", "classes(10)", "cross_entropy", OP_DENSE, OP_SOFTMAX},
    {"image -> flatten -> dense(10) -> softmax", "classes(10)", "cross_entropy", OP_DENSE,
     OP_SOFTMAX},
    {"image -> flatten -> dense(10) -> relu", "classes(10)", "cross_entropy", OP_RELU, OP_SOFTMAX},
    {"image -> flatten -> dense(10)", "one_hot(10)", "binary_cross_entropy", OP_DENSE, OP_SIGMOID},
    {"image -> flatten -> dense(10) -> sigmoid", "one_hot(10)", "binary_cross_entropy", OP_DENSE,
     OP_SIGMOID},
    {"image -> conv2d(10, 28) -> sigmoid -> flatten", "one_hot(10)", "binary_cross_entropy",
     OP_RESHAPE, OP_SIGMOID},
    {"image -> flatten -> dense(1) -> sigmoid", "classes(2)", "binary_cross_entropy", OP_DENSE,
     OP_SIGMOID},
    {"image -> flatten -> dense(10) -> softmax", "one_hot(10)", "mse", OP_SOFTMAX, OP_NONE},
    {"image -> flatten -> dense(10) -> sigmoid", "one_hot(10)", "mse", OP_SIGMOID, OP_NONE},
};

START_TEST(losses_take_their_activation_in)
{
    Model *model = digits_model(predictions[_i].body, predictions[_i].target, predictions[_i].loss);
    Graph *g = train_graph(model);

    ck_assert_int_eq(g->prediction->node->op, predictions[_i].prediction);
    ck_assert_int_eq(g->prediction_activation, predictions[_i].activation);
    simplify(g);
    verify(g);
    ck_assert_int_eq(count_nodes(g, OP_SIGMOID) + count_nodes(g, OP_SOFTMAX),
                     predictions[_i].activation == OP_NONE);
    check_gradients(g, 3, predictions[_i].body);
}
END_TEST

START_TEST(graphs_print)
{
    const Graph *g = train_graph(classifier("image -> conv2d(4, 3, padding=1) -> batchnorm -> "
                                            "relu -> flatten -> dropout(0.5) -> dense(10)"));
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    print_graph(out, g);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "[n, 4, 28, 28] = conv2d(image, net.conv2d.weight, "
                                       "net.conv2d.bias) kernel=3x3 stride=1 padding=1  # line "));
    ck_assert_ptr_nonnull(strstr(text, "net.batchnorm.running_mean'[4]"));
    ck_assert_ptr_nonnull(strstr(text, "net.dense.weight'[10, 3136] = update(net.dense.weight, %"));
}
END_TEST

TCase *lower_tests(void)
{
    TCase *t = tcase_create("lower");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, models_keep_their_results, 0, COUNT(bodies));
    tcase_add_test(t, parameters_have_pytorch_s_names_and_shapes);
    tcase_add_test(t, same_padding_puts_the_odd_pixel_after);
    tcase_add_test(t, modes_differ_in_batchnorm_and_dropout);
    tcase_add_test(t, a_long_concat_is_cut);
    tcase_add_test(t, the_first_layer_wants_no_gradient_of_the_input);
    tcase_add_test(t, layers_that_lead_nowhere_go);
    tcase_add_loop_test(t, shorter_words_make_the_same_graph, 0, COUNT(alike));
    tcase_add_test(t, a_network_called_twice_shares_its_parameters);
    tcase_add_test(t, a_frozen_body_has_no_backward_nodes);
    tcase_add_test(t, a_gradient_goes_through_frozen_layers);
    tcase_add_loop_test(t, losses_take_their_activation_in, 0, COUNT(predictions));
    tcase_add_test(t, graphs_print);
    return t;
}
