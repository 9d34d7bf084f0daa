/*
 * plan.c -- what fusion, layout and the memory plan promise, without running anything.
 *
 * The one idea: the plan is checked again from what each kernel says it touches, by other code than
 * the planner's; and each barrier is taken away in turn, which has to be noticed.
 */

#define _POSIX_C_SOURCE 200809L

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel_test.h"

Suite *suite_plan(void);
TCase *memory_tests(void); /* memory.c */

static const char *const bodies[] = {
    "    concat(x, y -> flatten) -> dense(40) -> relu -> dense(9)\n",

    "    a = y -> conv2d(5, 3) -> relu -> maxpool2d(2) -> flatten -> dense(10)\n"
    "    b = x -> dense(100) -> dropout(0.5)\n"
    "    concat(a, b) -> dense(9)\n",

    "    a = y -> conv2d(17, 3, padding=1, bias=false) -> batchnorm -> relu\n"
    "    b = a -> conv2d(17, 3, padding=1, bias=false) -> batchnorm\n"
    "    c = a + b -> relu\n"
    "    concat(c -> global_avgpool2d, x) -> dense(9) -> tanh\n",

    "    y -> conv2d(17, 3, padding=1) -> relu -> conv2d(9, 3, padding=1) -> relu\n"
    "      -> global_maxpool2d\n",

    "    a = x -> dense(9) -> softmax\n"
    "    b = y -> reshape(9, 3, 4) -> sigmoid -> conv2d(19, 2) -> flatten -> dense(9)\n"
    "    a * b + a\n",
};

/* ---- Hazards and memory, again --------------------------------------------------------------- */

typedef struct Use {
    const Kernel *kernel;
    Operand operand;
    bool ordered; /* what it touches belongs to its items, split as the kernel says */
} Use;

typedef struct Uses {
    Use *at;
    int count;
} Uses;

static Uses all_uses(const Program *p)
{
    Uses uses = {0};

    for (int i = 0; i < p->count; i++) {
        const Kernel *k = p->kernels[i];

        for (int j = 0; j < k->operand_count; j++)
            APPEND(uses.at, uses.count,
                   ((Use){k, k->operands[j], k->operands[j].local && k->schedule.rows > 0}));
    }
    return uses;
}

/* Two uses of one buffer in a phase: both read, or each thread meets only what it wrote itself. */
static void check_hazards(const Program *p, const char *what)
{
    const Uses u = all_uses(p);

    for (int i = 0; i < u.count; i++)
        for (int j = 0; j < i; j++) {
            const Use *a = &u.at[i], *b = &u.at[j];

            if (a->kernel == b->kernel || a->kernel->phase != b->kernel->phase ||
                a->operand.buffer != b->operand.buffer ||
                (!a->operand.written && !b->operand.written))
                continue;
            ck_assert_msg(
                a->ordered && b->ordered && a->kernel->schedule.rows == b->kernel->schedule.rows,
                "%s, %s: %s and %s meet in phase %d without a barrier", what, p->graph->name,
                kernel_label(a->kernel), kernel_label(b->kernel), a->kernel->phase);
        }
}

static bool overlap(const Buffer *a, const Buffer *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* Between the first and the last use of a buffer nobody writes to its bytes. */
static void check_memory(const Program *p, const char *what)
{
    const Uses u = all_uses(p);

    for (int i = 0; i < u.count; i++) {
        const Buffer *mine = u.at[i].operand.buffer;
        int first = -1, last = -1;

        if (mine->where != IN_ARENA)
            continue;
        ck_assert_msg(mine->offset % 64 == 0 && mine->offset + mine->size <= p->arena,
                      "%s, %s: %s lies outside", what, p->graph->name, mine->name);
        for (int j = 0; j < u.count; j++)
            if (u.at[j].operand.buffer == mine) {
                first = first < 0 ? u.at[j].kernel->phase : first;
                last = u.at[j].kernel->phase;
            }
        if (mine == root_of(p->graph->prediction)->layout->buffer)
            last = p->phases; /* the runtime reads it after the step */
        for (int j = 0; j < u.count; j++) {
            const Buffer *other = u.at[j].operand.buffer;

            if (other == mine || other->where != IN_ARENA || !overlap(mine, other))
                continue;
            ck_assert_msg(u.at[j].kernel->phase < first || u.at[j].kernel->phase > last,
                          "%s, %s: %s writes over %s, needed in phases %d to %d", what,
                          p->graph->name, kernel_label(u.at[j].kernel), mine->name, first, last);
        }
    }
}

/* Nobody reads what nobody has written: the first use of memory of the arena is a write. */
static void check_written(const Program *p, const char *what)
{
    const Uses u = all_uses(p);

    for (int i = 0; i < u.count; i++) {
        bool written = u.at[i].operand.buffer->where != IN_ARENA;

        for (int j = 0; j < u.count && u.at[j].kernel->phase <= u.at[i].kernel->phase; j++)
            written = written ||
                      (u.at[j].operand.buffer == u.at[i].operand.buffer && u.at[j].operand.written);
        ck_assert_msg(written, "%s, %s: %s reads %s, which nobody wrote", what, p->graph->name,
                      kernel_label(u.at[i].kernel), u.at[i].operand.buffer->name);
    }
}

START_TEST(test_plan)
{
    for (int t = 0; t < COUNT(all_targets); t++) {
        const Compiled c = plan_body(bodies[_i], all_targets[t]);

        check_hazards(c.train, all_targets[t]), check_hazards(c.evaluate, all_targets[t]);
        check_memory(c.train, all_targets[t]), check_memory(c.evaluate, all_targets[t]);
        check_written(c.train, all_targets[t]), check_written(c.evaluate, all_targets[t]);
    }
}
END_TEST

/* ---- Without a barrier ----------------------------------------------------------------------- */

/* Phases `phase` and `phase + 1` become one. */
static void remove_barrier(Program *p, int phase)
{
    for (int i = 0; i < p->count; i++) {
        p->kernels[i]->phase -= p->kernels[i]->phase > phase;
        for (int j = 0; j < p->kernels[i]->sum_count; j++)
            p->kernels[i]->sums[j]->phase = p->kernels[i]->phase;
    }
    for (int i = 0; i < p->buffer_count; i++) {
        p->buffers[i]->first -= p->buffers[i]->first > phase;
        p->buffers[i]->last -= p->buffers[i]->last > phase;
    }
    p->phases--;
}

/* verify_plan aborts: in a process of its own. */
static bool is_noticed(Program *p, int phase)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        if (phase >= 0)
            remove_barrier(p, phase);
        verify_plan(p);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

START_TEST(test_barriers)
{
    const Compiled c = plan_body(bodies[_i], "avx512");

    ck_assert_int_ge(c.train->phases, 3);
    ck_assert_msg(!is_noticed(c.train, -1), "the plan as it is does not pass");
    for (int phase = 0; phase < c.train->phases - 1; phase++)
        ck_assert_msg(is_noticed(c.train, phase), "nobody misses the barrier after phase %d of %d",
                      phase, c.train->phases);
}
END_TEST

/* ---- Layout ---------------------------------------------------------------------------------- */

static const Value *output_of(const Graph *g, Op op)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == op)
            return g->nodes[i]->outputs[0];
    return NULL;
}

static const Value *find_parameter(const Graph *g, const char *name)
{
    for (int i = 0; i < g->value_count; i++)
        if (same(g->values[i]->name, name))
            return g->values[i];
    ck_abort_msg("there is no %s", name);
    return NULL;
}

static void check_segment(const Layout *v, int i, Segment expected)
{
    const Segment *s = &v->segments[i];

    ck_assert_int_lt(i, v->segment_count);
    ck_assert_msg(memcmp(s, &expected, sizeof *s) == 0,
                  "segment %d is {%d, %d, %d, %d, %d}, not {%d, %d, %d, %d, %d}", i, s->start,
                  s->channels, s->pixels, s->block, s->stride, expected.start, expected.channels,
                  expected.pixels, expected.block, expected.stride);
}

/* Segments side by side, each on a block boundary; whole blocks that touch are one. */
START_TEST(test_concat_layout)
{
    static const struct {
        int a, b; /* channels */
        int segments, blocks;
        Segment second;
    } cases[] = {
        {5, 1, 2, 2, {5, 1, 1, 1, 0}},
        {10, 100, 2, 8, {10, 100, 1, 1, 0}},
        {16, 33, 1, 4, {0}},
        {33, 16, 2, 4, {33, 16, 1, 3, 0}},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const Compiled c = plan_body(format("    concat(x -> dense(%d), x -> dense(%d)) -> relu\n"
                                            "        -> dense(9)\n",
                                            cases[i].a, cases[i].b),
                                     "avx512");
        const Layout *v = output_of(c.train->graph, OP_CONCAT)->layout;
        const Layout *w = find_parameter(c.train->graph, "net.dense_3.weight")->layout;

        ck_assert_int_eq(v->segment_count, cases[i].segments);
        ck_assert_int_eq(v->blocks, cases[i].blocks);
        ck_assert_int_eq(channel_count(v), cases[i].a + cases[i].b);
        if (cases[i].segments == 2) {
            Segment second = cases[i].second;

            second.stride = v->segments[1].stride; /* of one pixel: steps nowhere */
            check_segment(v, 1, second);
        }
        ck_assert_int_eq(w->segment_count, v->segment_count); /* its rows follow */
        ck_assert_int_eq(w->rows, cases[i].a + cases[i].b);
    }
}
END_TEST

/* Flatten is the same memory: a segment whose pixels are strides. */
START_TEST(test_flatten_layout)
{
    const Compiled c = plan_body("    y -> conv2d(17, 3) -> flatten -> dense(9)\n", "avx512");
    const Value *image = output_of(c.train->graph, OP_CONV2D);
    const Value *flat = output_of(c.train->graph, OP_RESHAPE);

    ck_assert_ptr_eq(image->layout->buffer, flat->layout->buffer);
    ck_assert_int_eq(flat->layout->blocks, 32);
    check_segment(flat->layout, 0, (Segment){0, 17, 16, 0, 2});
}
END_TEST

/* A first image of few channels is packed by its lanes, with the border that its layer pads. */
START_TEST(test_packed_layout)
{
    const Compiled c = plan_body("    y -> conv2d(5, [3, 5], padding=[1, 2]) -> flatten\n"
                                 "        -> dense(9)\n",
                                 "avx512");
    const Layout *v = find_parameter(c.train->graph, "y")->layout;

    ck_assert_int_eq(v->lanes, 4);
    ck_assert_int_eq(v->full_height, 8);
    ck_assert_int_eq(v->full_width, 10);
    ck_assert_int_eq(v->buffer->where, IN_BATCH);
}
END_TEST

START_TEST(test_panels)
{
    static const int expected[][4] = {
        /* blocks; panels of 3, 2, 1 */
        {1, 0, 0, 1}, {2, 0, 1, 0}, {3, 1, 0, 0}, {4, 0, 2, 0},  {5, 1, 1, 0},
        {6, 2, 0, 0}, {7, 1, 2, 0}, {8, 2, 1, 0}, {16, 4, 2, 0}, {17, 5, 1, 0},
    };

    for (int i = 0; i < COUNT(expected); i++) {
        int panels[3];

        cut_panels(expected[i][0], 3, panels);
        ck_assert_mem_eq(panels, &expected[i][1], sizeof panels);
        cut_panels(expected[i][0], 1, panels);
        ck_assert_int_eq(panels[2], expected[i][0]);
    }
}
END_TEST

/* Parameters have their places side by side, in both graphs the same. */
START_TEST(test_shared_layout)
{
    const Compiled c = plan_body(bodies[_i], "avx512");
    const Graph *train = c.train->graph, *evaluate = c.evaluate->graph;
    size_t end = 0;

    for (int i = 0; i < train->value_count; i++) {
        const Value *value = train->values[i];

        if (value->role != ROLE_PARAMETER && value->role != ROLE_STATE)
            continue;
        ck_assert_uint_eq(value->layout->buffer->offset, end);
        ck_assert_uint_eq(value->layout->buffer->size,
                          (size_t)padded_count(value->layout) * sizeof(float));
        end += value->layout->buffer->size;
    }
    for (int i = 0; i < evaluate->value_count; i++)
        if (evaluate->values[i]->role == ROLE_PARAMETER)
            ck_assert_ptr_eq(evaluate->values[i]->layout,
                             find_parameter(train, evaluate->values[i]->name)->layout);
}
END_TEST

/* A batchnorm that is called on values that lie otherwise: each x lies as gamma does. */
START_TEST(test_shared_batchnorm)
{
    const Compiled c = plan_model("data {\n"
                                  "    train = npy(y=\"y.npy\", t=\"t.npy\")\n"
                                  "    input y[3, 6, 6] = y\n"
                                  "    target t[9] = t\n"
                                  "}\n"
                                  "network norm(y) { y -> batchnorm -> flatten -> dense(9) }\n"
                                  "network net(y) {\n"
                                  "    both = concat(y -> conv2d(8, 3), y -> conv2d(8, 3))\n"
                                  "    norm(both) + norm(y -> conv2d(16, 3))\n"
                                  "}\n"
                                  "train {\n"
                                  "    loss = mse(net(y), t)\n"
                                  "    optimizer = sgd(lr=0.1)\n"
                                  "    batch = 16\n"
                                  "}\n",
                                  "avx512");
    int found = 0;

    for (int i = 0; i < c.train->graph->node_count; i++) {
        const Node *node = c.train->graph->nodes[i];

        if (node->op != OP_NORMALIZE)
            continue;
        ck_assert_int_eq(node->inputs[3]->layout->blocks, 2);
        ck_assert_int_eq(node->inputs[0]->layout->blocks, 2);
        ck_assert_int_eq(node->inputs[0]->layout->segment_count, 2);
        found++;
    }
    ck_assert_int_eq(found, 2);
}
END_TEST

Suite *suite_plan(void)
{
    Suite *suite = suite_create("plan");
    TCase *plans = tcase_create("plan"), *layouts = tcase_create("layout");

    tcase_set_timeout(plans, 120);
    tcase_add_loop_test(plans, test_plan, 0, COUNT(bodies));
    tcase_add_loop_test(plans, test_barriers, 0, COUNT(bodies));
    suite_add_tcase(suite, plans);
    suite_add_tcase(suite, memory_tests());
    tcase_add_test(layouts, test_concat_layout);
    tcase_add_test(layouts, test_flatten_layout);
    tcase_add_test(layouts, test_packed_layout);
    tcase_add_test(layouts, test_panels);
    tcase_add_test(layouts, test_shared_batchnorm);
    tcase_add_loop_test(layouts, test_shared_layout, 0, COUNT(bodies));
    suite_add_tcase(suite, layouts);
    return suite;
}
