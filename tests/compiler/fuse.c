/*
 * fuse.c -- which nodes become one kernel, and what of them has memory.
 *
 * The one idea: the list of kernels of a small network, by the names that --dump=fused prints.
 */

#define _POSIX_C_SOURCE 200809L

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel_test.h"

Suite *suite_fuse(void);

static int count_kernels(const Program *p, const char *label)
{
    int count = 0;

    for (int i = 0; i < p->count; i++)
        count += same(kernel_label(p->kernels[i]), label);
    return count;
}

/* The kernels of an evaluation of `body`, without those of the loss. */
static void check_fused(const char *body, const char *expected)
{
    const Compiled c = plan_body(body, "avx512");
    Text labels = {0};

    for (int i = 0; i < c.evaluate->count && !c.evaluate->kernels[i]->needs_target; i++)
        text_add(&labels, "%s%s", i ? ", " : "", kernel_label(c.evaluate->kernels[i]));
    ck_assert_str_eq(labels.at, expected);
}

START_TEST(test_fused)
{
    check_fused("    x -> dense(9) -> relu\n", "dense relu");
    check_fused("    a = x -> dense(9)\n    b = x -> dense(9)\n    a + b -> tanh\n",
                "dense, dense add tanh");
    check_fused("    y -> conv2d(9, 3) -> relu -> global_avgpool2d\n",
                "conv2d relu global_avgpool2d, global_avgpool2d final reduction");
    check_fused("    y -> flatten -> dense(9)\n", "dense");
    check_fused("    a = x -> dense(5) -> relu\n    b = x -> dense(4)\n    concat(a, b)\n",
                "dense relu, dense, concat");
}
END_TEST

/* Masks and residual sums of backward run in the registers of a dx; a dw ends with the update, and
   with the reduction and the update of its db. */
START_TEST(test_fused_backward)
{
    const Compiled c = plan_body("    a = x -> dense(20) -> relu\n"
                                 "    b = a -> dense(20)\n"
                                 "    (a + b) -> dense(9)\n",
                                 "avx512");

    ck_assert_int_eq(count_kernels(c.train, "dense_dw update, channel_sum final reduction update"),
                     3);
    ck_assert_int_eq(count_kernels(c.train, "dense_dx transpose"), 2);
    for (int i = 0; i < c.train->count; i++)
        ck_assert_msg(c.train->kernels[i]->kind != KERNEL_ELEMENTWISE, "%s stands alone",
                      kernel_label(c.train->kernels[i]));
}
END_TEST

/* Statistics of a batchnorm have memory where nobody reads them: the call whose result is unused
   leaves its running statistics to the next one. */
START_TEST(test_unread_statistics)
{
    const Compiled c = plan_model("data {\n"
                                  "    train = npy(y=\"y.npy\", t=\"t.npy\")\n"
                                  "    input y[3, 6, 6] = y\n"
                                  "    target t[9] = t\n"
                                  "}\n"
                                  "network norm(y) { y -> batchnorm -> relu }\n"
                                  "network net(y) {\n"
                                  "    unused = norm(y -> conv2d(8, 3))\n"
                                  "    norm(y -> conv2d(8, 3)) -> flatten -> dense(9)\n"
                                  "}\n"
                                  "train {\n"
                                  "    loss = mse(net(y), t)\n"
                                  "    optimizer = sgd(lr=0.1)\n"
                                  "    batch = 16\n"
                                  "}\n",
                                  "avx512");
    int found = 0;

    for (int i = 0; i < c.train->count; i++) {
        const Kernel *k = c.train->kernels[i];

        if (k->kind != KERNEL_SUMS_REDUCTION || k->node->op != OP_BATCHNORM_STATS)
            continue;
        for (int j = 0; j < k->node->output_count; j++)
            ck_assert_ptr_nonnull(find_operand(k, k->node->outputs[j]->layout->buffer, true));
        found++;
    }
    ck_assert_int_eq(found, 2);
}
END_TEST

/* A thread's scratch stands behind another's: whole vectors, so that each is aligned. */
START_TEST(test_scratch)
{
    const Compiled c = plan_model("data {\n"
                                  "    train = npy(y=\"y.npy\", t=\"t.npy\")\n"
                                  "    input y[6, 4, 4] = y\n"
                                  "    target t[9] = t\n"
                                  "}\n"
                                  "network net(y) {\n"
                                  "    y -> conv2d(6, 3) -> channel_shuffle(2) -> flatten\n"
                                  "        -> dense(9)\n"
                                  "}\n"
                                  "train {\n"
                                  "    loss = mse(net(y), t)\n"
                                  "    optimizer = sgd(lr=0.1)\n"
                                  "    batch = 16\n"
                                  "}\n",
                                  "avx512");
    int found = 0;

    for (int i = 0; i < c.train->count; i++) {
        const Kernel *k = c.train->kernels[i];

        ck_assert_int_eq(k->schedule.scratch % 16, 0);
        found += k->kind == KERNEL_LANES && k->schedule.scratch > 0;
    }
    ck_assert_int_eq(found, 2);
}
END_TEST

static int count_meetings(const Program *p)
{
    int count = 0;

    for (int i = 0; i < p->count; i++)
        count += p->kernels[i]->kind == KERNEL_MEETING;
    return count;
}

/* Shards meet in a batchnorm, and where its gradient goes on behind it: each time a segment of the
   step ends. */
START_TEST(test_meetings)
{
    static const char *const bodies[] = {
        "    y -> batchnorm -> conv2d(3, 3) -> batchnorm -> flatten -> dense(9)\n",
        "    y -> layernorm -> conv2d(3, 3) -> groupnorm(3) -> flatten -> dense(9)\n"};
    const int meetings[] = {3, 0};

    for (int i = 0; i < COUNT(bodies); i++) {
        const char *text = format("data {\n"
                                  "    train = npy(y=\"y.npy\", t=\"t.npy\")\n"
                                  "    input y[3, 6, 6] = y\n"
                                  "    target t[9] = t\n"
                                  "}\n"
                                  "network net(y) {\n%s}\n"
                                  "train {\n"
                                  "    loss = mse(net(y), t)\n"
                                  "    optimizer = sgd(lr=0.1)\n"
                                  "    batch = 64\n"
                                  "    shards = 4\n"
                                  "}\n",
                                  bodies[i]);
        const Compiled c = plan_model(text, "avx512");
        const char *step = strstr(generate(&c), "void train_step(");
        const bool cut = strstr(step, "\n    case 3: ") != NULL;

        ck_assert_int_eq(count_meetings(c.train), meetings[i]);
        ck_assert_int_eq(count_meetings(c.evaluate), 0);
        ck_assert(cut == (meetings[i] > 0));
        ck_assert_ptr_null(strstr(step, "\n    case 4: "));
        ck_assert((strstr(step, "net_meet") != NULL) == cut);
    }
}
END_TEST

/* A value that only its own kernel reads has no memory. */
START_TEST(test_internal)
{
    const Compiled c = plan_body("    x -> dense(20) -> relu -> dense(9)\n", "avx512");
    const Graph *g = c.train->graph;
    int internal = 0;

    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        internal += value->internal;
        for (int j = 0; j < c.train->buffer_count && value->internal; j++)
            ck_assert_ptr_ne(value->layout->buffer, c.train->buffers[j]);
    }
    ck_assert_int_ge(internal, 2); /* x w + b, and its gradient */
}
END_TEST

/* Fuses in a process of its own: did it abort? `said` gets what it wrote to stderr. */
static bool fusion_aborts(const Program *p, char *said, int size)
{
    int ends[2], status = 0, length = 0, got;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        fuse(p->graph, p->target);
        _exit(0);
    }
    close(ends[1]);
    while ((got = (int)read(ends[0], said + length, (size_t)(size - 1 - length))) > 0)
        length += got;
    said[length] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* An operation that fusion has no kernel for must not be left out of the trainer. */
START_TEST(test_forgotten_operation)
{
    const Compiled c = plan_body("    x -> dense(20) -> relu -> dense(9)\n", "avx512");
    char said[200];

    ck_assert_msg(!fusion_aborts(c.evaluate, said, sizeof said), "the graph as it is: %s", said);
    for (int i = 0; i < c.evaluate->graph->node_count; i++) {
        Node *node = c.evaluate->graph->nodes[i];
        const Op op = node->op;

        node->op = OP_NONE;
        ck_assert_msg(fusion_aborts(c.evaluate, said, sizeof said), "nobody misses %s",
                      op_info[op].text);
        ck_assert_str_eq(said, "netc: fusion has no kernel for no operation\n");
        node->op = op;
    }
}
END_TEST

Suite *suite_fuse(void)
{
    Suite *suite = suite_create("fuse");
    TCase *tests = tcase_create("fusion");

    tcase_add_test(tests, test_fused);
    tcase_add_test(tests, test_fused_backward);
    tcase_add_test(tests, test_internal);
    tcase_add_test(tests, test_unread_statistics);
    tcase_add_test(tests, test_scratch);
    tcase_add_test(tests, test_meetings);
    tcase_add_test(tests, test_forgotten_operation);
    suite_add_tcase(suite, tests);
    return suite;
}
