/*
 * print.c -- that a dump says every attribute that a node has, whatever its operation.
 */

#define _POSIX_C_SOURCE 200809L /* open_memstream */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/small_graph.h"

TCase *print_tests(void); /* for graph.c */

/* A graph of one node, which reads three channels, as a dump. */
static const char *dump(Op op, Attributes at)
{
    Value x = {.name = "x", .shape = vector(3), .role = ROLE_RESULT}, y = x;
    Node node = {.op = op, .inputs = {&x}, .input_count = 1, .outputs = {&y}, .output_count = 1};
    Node *nodes[] = {&node};
    const Graph g = {
        .name = "test", .nodes = nodes, .node_count = 1, .prediction_activation = OP_NONE};
    char *text = NULL;
    const char *copy;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    node.at = at;
    print_graph(out, &g);
    fclose(out);
    copy = copy_text(text, length);
    free(text);
    return copy;
}

static void check_says(Op op, Attributes at, const char *said)
{
    const char *text = dump(op, at);

    ck_assert_msg(strstr(text, said), "%s does not say%s:\n%s", op_info[op].text, said, text);
}

START_TEST(every_attribute_is_said)
{
    static const double reals[] = {1, 0.25, 3};
    static const int wholes[] = {0, 2, 0};
    Attributes at;

    for (Op op = 0; op < OP_COUNT; op++) {
#define SAYS(name, place, value, said)                                                             \
    memset(&at, 0, sizeof at);                                                                     \
    at.name place = value;                                                                         \
    check_says(op, at, " " #name said);
#define WHOLE(name, usual) SAYS(name, , 7, "=7")
#define REAL(name) SAYS(name, , -0.12345678, "=-0.12345678")
#define FLAG(name) SAYS(name, , true, "")
#define AXES(name, usual) SAYS(name, [0], 2, "=2x0") SAYS(name, [1], 3, "=0x3")
#define LIST(name, count)                                                                          \
    SAYS(name, [0], -4, "=-4") SAYS(name, [1], 4, "=0,4") SAYS(name, [(count)-1], 4, "=0,0")
#define CLASS_REALS(name) SAYS(name, , reals, "=1,0.25,3")
#define CLASS_WHOLES(name) SAYS(name, , wholes, "=0,2,0")
#include "graph/attributes.def"
    }
}
END_TEST

/* Nothing is said of what is not there, nor what is as usual. */
START_TEST(nothing_else_is_said)
{
    const Attributes usual = {.dilation = {1, 1}, .groups = 1, .padding_end = {0, 0}};

    ck_assert_ptr_nonnull(strstr(dump(OP_CONV2D, usual), "x[3] = conv2d(x)\n"));
}
END_TEST

TCase *print_tests(void)
{
    TCase *t = tcase_create("print");

    tcase_add_test(t, every_attribute_is_said);
    tcase_add_test(t, nothing_else_is_said);
    return t;
}
