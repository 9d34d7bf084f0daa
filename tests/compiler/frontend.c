/*
 * frontend.c -- text to Model: statements, evaluation, names of layers, fields, defaults.
 * What is said of wrong programs stands in tests/golden/errors.
 */

#define _POSIX_C_SOURCE 200809L /* open_memstream */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit/emit.h"
#include "support/graph_test.h"
#include "syntax/syntax.h"

Suite *suite_frontend(void);
TCase *base_tests(void);        /* base.c */
TCase *predictions_tests(void); /* predictions.c */

static Source *source_of(const char *text)
{
    return new_source("test.net", text, strlen(text));
}

/* A model on digits with these lines of text before its sections; `body` is the network's. */
static const char *model_text(const char *before, const char *body)
{
    return format("%s\n"
                  "data {\n"
                  "    train = digits(rows=100)\n"
                  "    input  image = image -> scale(1/255)\n"
                  "    target label = label -> classes(10)\n"
                  "}\n"
                  "network net(image) {\n%s\n}\n"
                  "train {\n"
                  "    loss = cross_entropy(net(image), label)\n"
                  "    optimizer = adam\n"
                  "}\n",
                  before, body);
}

static Model *model_with(const char *before, const char *body)
{
    return model_of(model_text(before, body));
}

/* For programs that are wrong: what they say is not what is tested. */
static void silence(void)
{
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

/* ---- Places ---------------------------------------------------------------------------------- */

START_TEST(lines)
{
    const Source *source = source_of("one\ntwo\n\nfour");

    ck_assert_int_eq(line_of(source, (Span){0, 3}), 1);
    ck_assert_int_eq(line_of(source, (Span){4, 5}), 2);
    ck_assert_int_eq(line_of(source, (Span){9, 13}), 4);
    ck_assert_int_eq(line_of(source, (Span){100, 100}), 4);
}
END_TEST

/* ---- The grammar ----------------------------------------------------------------------------- */

/* The tree of one expression or of a network's body, as --dump=ast prints it. */
static char *dump(const char *text)
{
    char *out = NULL;
    size_t size;
    FILE *file = open_memstream(&out, &size);
    Ast *ast = parse(source_of(format("let v = %s\n", text)));

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(ast);
    print_ast(file, ast);
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
    return out;
}

START_TEST(precedence)
{
    static const char *const cases[][2] = {
        {"1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"},
        {"-1 * 2", "((- 1) * 2)"},
        {"a + b -> relu -> dense(3, bias=false)", "((a + b) -> relu -> dense(3, bias=false))"},
        {"(a -> relu) + b", "((a -> relu) + b)"},
        {"1..n + 1", "(1 .. (n + 1))"},
        {"1..2 == a and not b or c", "((((1 .. 2) == a) and (not b)) or c)"},
        {"if a < 1 then 2 else if b then 3 else 4",
         "(if (a < 1) then 2 else (if b then 3 else 4))"},
        {"if a then b else c -> relu", "((if a then b else c) -> relu)"},
        {"[1, [], [x -> f]]", "[1, [], [(x -> f)]]"},
        {"(x -> f) -> g", "((x -> f) -> g)"},
        {"data -> network(train, block=input)", "(data -> network(train, block=input))"},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        char *got = dump(cases[i][0]);
        ck_assert_str_eq(got, format("let v = %s", cases[i][1]));
        free(got);
    }
}
END_TEST

/* How many statements the lexer sees in these lines. */
START_TEST(statement_ends)
{
    static const struct {
        const char *lines;
        int statements;
    } cases[] = {
        {"", 0},
        {"\n\n# only a comment\n", 0},
        {"let a = b\nlet c = d", 2},
        {"let a = b\r\nlet c = d\r\n", 2},
        {"let a = b\n    -> relu\n\n# comment\n    # another\n\n    -> relu\nlet c = d", 2},
        {"let a = f(1,\n2\n\n, 3)\nlet c = [\n4]\n", 2},
        {"let a = if b then c\nelse d\nlet elsewhere = 1", 2},
        {"\xEF\xBB\xBFlet a = b # comment\n", 1},
        {"network f(x) { x }\nblock g(x) { if a { x }\n\nelse { x } }\n\nlet a = 1", 3},
        {"network f(x) {\n\n\n    x\n\n}", 1},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const Ast *ast = parse(source_of(cases[i].lines));
        ck_assert_msg(ast && ast->children.count == cases[i].statements, "%s", cases[i].lines);
    }
}
END_TEST

/* Files that could exhaust the stack, the memory or the reader's patience. */
START_TEST(limits)
{
    static const struct {
        const char *before, *repeated, *after;
        int times;
    } cases[] = {
        {"let a = ", "(", "1", 100000},
        {"let a = ", "- ", "1", 5000},
        {"let a = 1", " + 1", "", 100000},
        {"let a = ", "[", "]", 190},
        {"", "let a = $\n", "", 1000},
        {"network f(x) { ", "if true { ", "x", 100000},
        {"network f(x) { x", " -> dense(1 + ", "", 1000},
        {"let a = \"", "x", "", 100000},
        {"let ", "x", " = 1", 100000},
        {"# ", "\xff", "", 100},
        {"", "\x01", "", 100},
    };

    silence();
    for (int i = 0; i < COUNT(cases); i++) {
        Text text = {0};
        text_add(&text, "%s", cases[i].before);
        for (int j = 0; j < cases[i].times; j++)
            text_add(&text, "%s", cases[i].repeated);
        text_add(&text, "%s\n", cases[i].after);
        Source *source = source_of(text.at);
        Ast *ast = parse(source);
        ck_assert(!ast || !analyze(source, ast, NULL, 0));
        ck_assert_int_ge(source->errors, 1);
    }
}
END_TEST

START_TEST(runaway)
{
    static const char *const bodies[] = {
        "x = image\nfor i in 1..1000000000 { x = x -> relu }\nx",
        "x = image\nfor i in 1..1000 { for j in 1..1000 { x = x -> relu } }\nx",
        "l = [1]\nfor i in 1..100 { l = [l, l] }\nimage -> flatten -> dense(10)",
        "image -> again",
        "image -> net",
    };

    silence();
    for (int i = 0; i < COUNT(bodies); i++) {
        Source *source = source_of(model_text("block again(x) { x -> again -> again }", bodies[i]));
        Ast *ast = parse(source);
        ck_assert_ptr_nonnull(ast);
        ck_assert_ptr_null(analyze(source, ast, NULL, 0));
        ck_assert_int_eq(source->errors, 1);
    }
}
END_TEST

/* ---- Evaluation ------------------------------------------------------------------------------ */

START_TEST(expressions)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"-(2 - 5)", 3},
        {"10 / 4 * 2", 5},
        {"1e1", 10},
        {"if 1 < 2 then 3 else 1 / 0", 3},
        {"if 1 == 1 or 1 / 0 == 1 then 4 else 5", 4},
        {"if not true and 1 / 0 == 1 then 4 else 5", 5},
        {"if [1, 2] == 1..2 then 6 else 7", 6},
        {"if \"a\" != \"b\" then 8 else 9", 8},
        {"if activation == relu then 10 else 11", 11},
        {"if activation == tanh then 12 else 13", 12},
        {"if same == zeros then 14 else 15", 15},
        {"if 2 >= 2 and 1 <= 2 and not (3 > 4) then 16 else 17", 16},
        {"width", 20},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const Model *model = model_with("let activation = tanh\nlet width = 2 * 10",
                                        format("image -> flatten -> dense(%s)", cases[i].text));
        ck_assert_double_eq(number(model->terms[0].prediction->call, "units"), cases[i].value);
    }
}
END_TEST

/* ---- Names of layers ------------------------------------------------------------------------- */

static const char *paths_of(const Model *model)
{
    Text text = {0};

    for (int i = 0; i < model->layer_count; i++)
        text_add(&text, "%s%s", i > 0 ? " " : "", model->layers[i]->path);
    return text.at;
}

START_TEST(paths)
{
    static const char *const cases[][2] = {
        {"image -> flatten -> dense(10)", "image net.flatten net.dense"},
        {"image -> flatten -> dense(10) -> relu -> dense(10)",
         "image net.flatten net.dense_1 net.relu net.dense_2"},
        {"h = image -> flatten -> dense(10) -> relu\nh -> dense(10)",
         "image net.flatten net.h net.relu net.dense"},
        {"h = image -> flatten -> dense(10) -> dense(9)\nh -> dense(10)",
         "image net.flatten net.dense_1 net.dense_2 net.dense_3"},
        {"x = image -> flatten\nfor i in 1..2 { x = x -> dense(i) }\nx -> dense(10)",
         "image net.flatten net.x_1 net.x_2 net.dense"},
        {"dense_1 = image -> flatten -> dense(4)\ndense_1 -> dense(5) -> dense(10)",
         "image net.flatten net.dense_1 net.dense_2 net.dense_3"},
        {"x = image -> flatten -> two(3)\nx -> dense(10)",
         "image net.flatten net.two.dense_1 net.two.dense_2 net.dense"},
        {"image -> flatten -> two(3) -> two(4) -> dense(10)",
         "image net.flatten net.two_1.dense_1 net.two_1.dense_2 net.two_2.dense_1 "
         "net.two_2.dense_2 net.dense"},
        {"unused = image -> conv2d(3, 3)\nimage -> flatten -> dense(10)",
         "image net.flatten net.dense"},
        {"y = image -> flatten\ny + y * y -> dense(10)",
         "image net.flatten net.multiply net.add net.dense"},
    };

    for (int i = 0; i < COUNT(cases); i++)
        ck_assert_str_eq(paths_of(model_with("block two(x, n) {\n"
                                             "    x -> dense(n) -> dense(n)\n"
                                             "}",
                                             cases[i][0])),
                         cases[i][1]);
}
END_TEST

START_TEST(sharing)
{
    const Model *model = model_with(
        "network side(x) { h = x -> dense(8) -> relu\n h -> dropout(0.5) }",
        "x = image -> flatten\n"
        "a = side(x)\n"
        "b = x -> side\n"
        "concat(a, b) -> dense(10)");
    const Layer *first = model->layers[2], *second = model->layers[5];

    ck_assert_str_eq(model->name, "net");
    ck_assert_str_eq(paths_of(model), "image net.flatten side.h side.relu side.dropout side.h "
                                      "side.relu side.dropout net.concat net.dense");
    ck_assert_ptr_null(first->shared);
    ck_assert_ptr_eq(second->shared, first);
    ck_assert_ptr_null(model->layers[6]->shared);
    ck_assert_int_eq(model->layers[8]->input_count, 2);
}
END_TEST

/* What goes first, also where its input was called a second time. */
START_TEST(order)
{
    const Model *model = model_of("data {\n"
                                  "    train = npy(a=\"a.npy\", b=\"b.npy\", y=\"y.npy\")\n"
                                  "    input unused[3] = a\n"
                                  "    target y = y\n"
                                  "    input a[3] = a\n"
                                  "    input b[4] = b -> standardize\n"
                                  "}\n"
                                  "network net(b, a) { concat(b -> dense(3), a) -> dense(1) }\n"
                                  "train {\n"
                                  "    loss = mse(net(b, a), y)\n"
                                  "    optimizer = sgd(0.1)\n"
                                  "}\n");

    ck_assert_str_eq(paths_of(model), "a b net.dense_1 net.concat net.dense_2");
    ck_assert_int_eq(model->field_count, 3);
    ck_assert_str_eq(model->fields[0]->name, "a");
    ck_assert_str_eq(model->fields[1]->name, "b");
    ck_assert_ptr_eq(model->fields[2], model->terms[0].target);
    for (int i = 0; i < model->layer_count; i++)
        for (int j = 0; j < model->layers[i]->input_count; j++) {
            int k = 0;
            while (model->layers[k] != model->layers[i]->inputs[j])
                k++;
            ck_assert_int_lt(k, i);
        }
}
END_TEST

/* ---- Calls, fields, training ----------------------------------------------------------------- */

START_TEST(defaults)
{
    const Model *model = model_with("let act = leaky_relu(0.2)",
                                    "image -> conv2d(4, kernel=[3, 5], padding=same) -> act\n"
                                    "      -> maxpool2d(3) -> flatten -> dense(10)");
    const Call *conv = model->layers[1]->call, *pool = model->layers[3]->call;

    ck_assert_double_eq(number(conv, "channels"), 4);
    ck_assert_int_eq(argument(conv, "kernel")->kind, CONSTANT_LIST);
    ck_assert_double_eq(argument(conv, "kernel")->items[1].number, 5);
    ck_assert_double_eq(number(conv, "stride"), 1);
    ck_assert_double_eq(number(conv, "bias"), 1);
    ck_assert(is_name(conv, "padding", "same"));
    ck_assert_ptr_null(argument(conv, "units"));
    ck_assert_double_eq(number(model->layers[2]->call, "slope"), 0.2);
    ck_assert_double_eq(number(pool, "stride"), 3);
    ck_assert_double_eq(number(pool, "padding"), 0);
    ck_assert_str_eq(model->schedule[0]->name, "constant");
    ck_assert_str_eq(model->keep, "best");
    ck_assert_int_eq(model->batch, 32);
    ck_assert_int_eq(model->epochs, 1);
    ck_assert_double_eq(number(model->optimizer, "lr"), 1e-3);
    ck_assert_double_eq(number(model->optimizer, "beta2"), 0.999);
}
END_TEST

/* What evaluation depends on is one text, however a window was typed. */
START_TEST(evaluated)
{
    static const char *const windows[][2] = {
        {"3, padding=1", "[3, 3], [1, 1], [1, 1], dilation=[1, 1]"},
        {"[3, 5], padding=[1, 2]", "[3, 5], padding=same"},
        {"[5, 5], 1, [4, 4], [2, 2]", "5, dilation=2, padding=same"},
        {"2, padding=same", "[2, 2], [1, 1], same"},
    };

    for (int i = 0; i < COUNT(windows); i++)
        ck_assert_str_eq(
            evaluated_text(model_with("", format("image -> conv2d(2, %s)", windows[i][0]))),
            evaluated_text(model_with("", format("image -> conv2d(2, %s)", windows[i][1]))));
}
END_TEST

START_TEST(field_shapes)
{
    static const struct {
        const char *train, *input, *target;
        Shape input_shape, target_shape;
    } cases[] = {
        {"digits", "x = image", "y = label -> classes(10)", {3, {1, 28, 28}}, {0, {0}}},
        {"digits", "x[784] = image", "y = label -> one_hot(10)", {1, {784}}, {1, {10}}},
        {"xor", "x = x", "y = y", {1, {2}}, {1, {1}}},
        {"logistic_map(rows=5)", "x = x", "y[1] = y", {1, {1}}, {1, {1}}},
        {"idx(image=\"a\", label=\"b\")",
         "x[1, 28, 28] = image",
         "y = label",
         {3, {1, 28, 28}},
         {1, {1}}},
        {"npy(a=\"a\", b=\"b\")", "x[2, 3] = a", "y = b", {2, {2, 3}}, {1, {1}}},
        {"npy(a=\"a\", b=\"b\")",
         "x[2, 3] = a",
         "y[2, 3] = a -> scale(2)",
         {2, {2, 3}},
         {2, {2, 3}}},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const Model *model = model_of(format("data {\n train = %s\n input %s\n target %s\n}\n"
                                             "network f(x) { x -> flatten -> dense(1) }\n"
                                             "train {\n loss = mse(f(x), y)\n"
                                             " optimizer = sgd(lr=1)\n}\n",
                                             cases[i].train, cases[i].input, cases[i].target));
        ck_assert(same_shape(model->fields[0]->shape, cases[i].input_shape));
        ck_assert(same_shape(model->terms[0].target->shape, cases[i].target_shape));
        ck_assert(model->terms[0].target->is_target && !model->fields[0]->is_target);
    }
}
END_TEST

START_TEST(train_section)
{
    const Model *model = model_of("let rate = 0.5\n"
                                  "let tuned = sgd(lr=rate, momentum=0.9)\n"
                                  "data {\n"
                                  "    train = xor\n"
                                  "    test = holdout(0.25)\n"
                                  "    input x = x\n"
                                  "    target y = y\n"
                                  "}\n"
                                  "network xor(x) { x -> dense(1) -> tanh }\n"
                                  "train {\n"
                                  "    let rows = 4\n"
                                  "    loss = if rate > 1 then cross_entropy(xor(x), y) else "
                                  "mse(xor(x), y)\n"
                                  "    optimizer = tuned\n"
                                  "    batch = rows\n"
                                  "    epochs = 10 * rows\n"
                                  "    seed = 7\n"
                                  "    keep = last\n"
                                  "    clip = norm(2)\n"
                                  "    metrics = [accuracy, mae]\n"
                                  "    schedule = constant\n"
                                  "}\n");

    ck_assert_str_eq(model->terms[0].call->name, "mse");
    ck_assert_str_eq(model->parts[PART_TRAIN]->name, "xor");
    ck_assert_ptr_null(model->parts[PART_VALIDATION]);
    ck_assert_double_eq(number(model->parts[PART_TEST], "f"), 0.25);
    ck_assert_double_eq(number(model->optimizer, "lr"), 0.5);
    ck_assert_double_eq(number(model->optimizer, "momentum"), 0.9);
    ck_assert_int_eq(model->batch, 4);
    ck_assert_int_eq(model->max_batch, 4);
    ck_assert_int_eq(model->epochs, 40);
    ck_assert_double_eq(model->seed, 7);
    ck_assert_str_eq(model->keep, "last");
    ck_assert_double_eq(number(model->clip, "x"), 2);
    ck_assert_int_eq(model->metric_count, 2);
    ck_assert_str_eq(model->metrics[1].name, "mae");
    ck_assert_ptr_null(model->stop);
}
END_TEST

START_TEST(defines)
{
    static const struct {
        Define define;
        int errors;
        const char *paths;
    } cases[] = {
        {{"widths", "[3, 4]"},
         0,
         "image net.flatten net.x_1 net.relu_1 net.x_2 net.relu_2 net.dense"},
        {{"widths", "[]"}, 0, "image net.flatten net.dense"},
        {{"act", "tanh"}, 0, "image net.flatten net.x net.tanh net.dense"},
        {{"act", "leaky_relu(0.5)"}, 0, "image net.flatten net.x net.leaky_relu net.dense"},
        {{"mode", "deep"}, 0, "image net.flatten net.x net.relu net.dense_1 net.dense_2"},
        {{"mode", "\"deep\""}, 0, "image net.flatten net.x net.relu net.dense_1 net.dense_2"},
        {{"act", "leaky_relu(-1)"}, 1, NULL},
        {{"act", "tahn"}, 1, NULL},
        {{"act", ""}, 1, NULL},
        {{"act", "relu relu"}, 1, NULL},
        {{"width", "3"}, 1, NULL},
    };
    const char *text = model_text("let widths = [8]\nlet act = relu\nlet mode = \"flat\"",
                                  "x = image -> flatten\n"
                                  "for w in widths { x = x -> dense(w) -> act }\n"
                                  "if mode == \"deep\" { return x -> dense(5) -> dense(10) }\n"
                                  "x -> dense(10)");

    silence();
    for (int i = 0; i < COUNT(cases); i++) {
        Source *source = source_of(text);
        const Model *model = analyze(source, parse(source), &cases[i].define, 1);
        ck_assert_int_eq(source->errors, cases[i].errors);
        ck_assert_int_eq(model == NULL, cases[i].paths == NULL);
        if (model)
            ck_assert_str_eq(paths_of(model), cases[i].paths);
    }
}
END_TEST

Suite *suite_frontend(void)
{
    const TTest *const tests[] = {
        lines,   precedence, statement_ends, limits,    runaway,      expressions,   paths,
        sharing, order,      defaults,       evaluated, field_shapes, train_section, defines,
    };
    Suite *suite = suite_create("frontend");
    TCase *tcase = tcase_create("frontend");

    tcase_set_timeout(tcase, 60);
    for (int i = 0; i < COUNT(tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, base_tests());
    suite_add_tcase(suite, predictions_tests());
    return suite;
}
