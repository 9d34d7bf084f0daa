/*
 * runtime.c -- the parts of the training runtime: layouts, optimizers against PyTorch,
 * threads.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/commands.h"
#include "core/attempt.h"
#include "support/readers_test.h"
#include "support/tiny_model.h"

TCase *trainer_tests(void);     /* trainers.c */
TCase *late_threads_test(void); /* threads_test.c */
TCase *ranks_test(void);        /* ranks_test.c */

/* ---- json.c, text.c -------------------------------------------------------------------------- */

START_TEST(json_is_read)
{
    const char *text = "{\"a\": [1, -2.5e3, true, null], \"b\\n\\u00e9\\ud83d\\ude00\": {}}";
    char error[100];
    struct net_json *json = net_json_read(text, strlen(text), error, sizeof error);
    const struct net_json *a;

    ck_assert_ptr_nonnull(json);
    a = net_json_member(json, "a");
    ck_assert_int_eq(a->count, 4);
    ck_assert_double_eq(a->first->next->number, -2500.0);
    ck_assert_ptr_nonnull(net_json_member(json, "b\n\xc3\xa9\xf0\x9f\x98\x80"));
    net_json_free(json);
}
END_TEST

/* 100,000 members, two of each name, found in a moment. */
START_TEST(many_members_are_found)
{
    struct net_text text = {0};
    char key[16], error[128];

    for (int i = 0; i < 100000; i++)
        net_text_add(&text, "%s\"k%d\": %d", i ? "," : "{", i % 50000, i);
    net_text_add(&text, "}");
    struct net_json *json = net_json_read(text.at, text.length, error, sizeof error);

    ck_assert_ptr_nonnull(json);
    for (int i = 0; i < 50000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        ck_assert_int_eq((int)net_json_member(json, key)->number, i);
    }
    ck_assert_ptr_null(net_json_member(json, "k50000"));
    net_json_free(json);
    free(text.at);
}
END_TEST

START_TEST(wrong_json_is_refused)
{
    static const char *const texts[] = {
        "",         " ",          "{",       "[1,",       "[1 2]",       "{\"a\"}",
        "{\"a\":}", "{a:1}",      "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\u0000\"",
        "\"a",      "01x",        "+1",      ".5",        "1e999",       "nul",
        "[1]]",     "{\"a\":1,}", "\"\t\"",  "-",         "01",          "-01",
        "1.",       "-.5",        "1e",      "1e+",       "[1.,2]",      "- 1",
    };
    char deep[201], error[100];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(!net_json_read(texts[i], strlen(texts[i]), error, sizeof error), "%s",
                      texts[i]);
    memset(deep, '[', sizeof deep);
    ck_assert_ptr_null(net_json_read(deep, 200, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "too deep"));
}
END_TEST

START_TEST(numbers_come_back)
{
    static const double numbers[] = {0.1, 1.0 / 3.0, 1e-300, 123456789.0, -2.5, 6.02214076e23};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct net_text text = {0};

        net_text_number(&text, numbers[i]);
        ck_assert_double_eq(strtod(text.at, NULL), numbers[i]);
        free(text.at);
    }
}
END_TEST

/* On one line, whatever is in it; a byte that is no UTF-8 is Latin-1's character. */
START_TEST(visible_texts)
{
    struct net_text text = {0}, html = {0};

    net_text_visible(&text, "");
    ck_assert_str_eq(text.at, "");
    net_text_visible(&text, "a\nb\tc\r\x1b[2J\x7f\xc2\x9b \xe9\xc3\xa9 \\n <\"");
    ck_assert_str_eq(text.at, "a\\nb\\tc\\r\\u001b[2J\\u007f\\u009b \xc3\xa9\xc3\xa9 \\n <\"");
    net_text_html(&html, "<\n&");
    ck_assert_str_eq(html.at, "&lt;\\n&amp;");
    free(text.at);
    free(html.at);
}
END_TEST

/* At double blanks where a line has some behind its own, else at single ones; never in a piece. */
START_TEST(lines_are_broken)
{
    static const struct {
        const char *lines;
        int columns;
        const char *broken;
    } cases[] = {
        {"", 10, ""},
        {"loss 1  f1 2\n", 0, "loss 1  f1 2\n"},
        {"loss 1  f1 2", 12, "loss 1  f1 2"},
        {"loss 1  f1 2  auc 3", 12, "loss 1  f1 2\n    auc 3"},
        {"a b\n  loss 1  f1 2", 9, "a b\n  loss 1\n    f1 2"},
        {"one two three", 8, "one two\n    three"},
        {"longer_than_that is", 5, "longer_than_that\n    is"},
        {"\033[36m  five  six", 7, "\033[36m  five\n    six"},
        {"\xc3\xa9\xc3\xa9  \xc3\xa9", 5, "\xc3\xa9\xc3\xa9  \xc3\xa9"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct net_text text = {0};

        net_text_wrap(&text, cases[i].lines, cases[i].columns);
        ck_assert_str_eq(text.at, cases[i].broken);
        free(text.at);
    }
}
END_TEST

START_TEST(nearest_names)
{
    static const char *const words[] = {"momentum", "lr", "batch", "train"};

    ck_assert_str_eq(net_nearest("momentm", words, 4), "momentum");
    ck_assert_str_eq(net_nearest("trian", words, 4), "train");
    ck_assert_str_eq(net_nearest("lt", words, 4), "lr");
    ck_assert_ptr_null(net_nearest("zebra", words, 4));
    ck_assert_ptr_null(net_nearest("", words, 0));
    ck_assert_str_eq(net_nearest("Y", (const char *const[]){"a", "b", "y"}, 3), "y");
    ck_assert_ptr_null(net_nearest("a", (const char *const[]){"1", "2", "3"}, 3));
}
END_TEST

/* ---- attempt.c: faults that come back -------------------------------------------------------- */

static void fail_with(const void *code)
{
    net_fail(*(const int *)code, "told");
}

static void do_nothing(const void *context)
{
    (void)context;
}

static void attempt_within(const void *code)
{
    const int usage = NET_USAGE;

    ck_assert_int_eq(net_attempt(fail_with, &usage), NET_USAGE);
    fail_with(code); /* of the attempt around it */
}

static void read_absent(const void *path)
{
    struct net_tensors tensors;

    net_tensors_read(&tensors, NULL, path);
}

/* A fault's code comes back from any depth; behind an attempt it ends the program again. */
START_TEST(faults_come_back)
{
    const int diverged = NET_DIVERGED, fault = NET_FAULT;

    ck_assert_int_eq(net_attempt(do_nothing, NULL), NET_OK);
    ck_assert_int_eq(net_attempt(fail_with, &diverged), NET_DIVERGED);
    ck_assert_int_eq(net_attempt(attempt_within, &diverged), NET_DIVERGED);
    ck_assert_int_eq(net_attempt(read_absent, "/no/such/file"), NET_FAULT);
    ck_assert_int_eq(net_attempt(do_nothing, NULL), NET_OK);
    expect_fault(fail_with, &fault, "told");
}
END_TEST

/* ---- tensor.c, init.c ------------------------------------------------------------------------ */

static struct net_tensor weight(int outputs, int channels, int pixels, struct net_segment *segment)
{
    const int blocks = (outputs + 15) / 16, threes = blocks / 3 - (blocks % 3 == 1 && blocks > 3);
    const int left = blocks - 3 * threes;

    *segment = (struct net_segment){0, channels, pixels, 0, (channels + 15) / 16};
    return (struct net_tensor){
        .name = "w",
        .count = 16L * blocks * channels * pixels,
        .rank = 3,
        .shape = {outputs, channels, pixels},
        .kind = NET_WEIGHT,
        .panels = {threes, left / 2, left % 2},
        .segments = segment,
        .segment_count = 1,
    };
}

START_TEST(every_element_has_its_own_place)
{
    static const int sizes[] = {1, 2, 7, 15, 16, 17, 31, 33, 48, 64, 100, 113};

    for (int s = 0; s < 12; s++)
        for (int pixels = 1; pixels <= 9; pixels += 4) {
            struct net_segment segment;
            const struct net_tensor tensor = weight(sizes[s], sizes[(s * 5) % 12], pixels,
                                                    &segment);
            char *seen = calloc((size_t)tensor.count, 1);

            for (long i = 0; i < net_tensor_size(&tensor); i++) {
                const long at = net_tensor_at(&tensor, i);

                ck_assert_int_ge(at, 0);
                ck_assert_int_lt(at, tensor.count);
                ck_assert(!seen[at]);
                seen[at] = 1;
            }
            free(seen);
        }
}
END_TEST

START_TEST(known_places)
{
    struct net_segment segment;
    const struct net_tensor conv = weight(80, 2, 9, &segment);
    const struct net_segment parts[] = {{0, 5, 4, 0, 1}, {20, 17, 1, 4, 2}};
    const struct net_tensor vector = {
        .rank = 1,
        .shape = {37},
        .kind = NET_VECTOR,
        .segments = parts,
        .segment_count = 2,
    };

    /* 80 outputs are blocks 3 + 2; output 50 is in the second panel, its first block */
    ck_assert_int_eq(conv.panels[0], 1);
    ck_assert_int_eq(conv.panels[1], 1);
    ck_assert_int_eq(net_tensor_at(&conv, (50 * 2 + 1) * 9 + 4),
                     16 * (3 * 18 + (4 * 2 + 1) * 2) + 2);
    ck_assert_int_eq(net_tensor_at(&vector, 3 * 4 + 2), 16 * 2 + 3); /* channel 3, pixel 2 */
    ck_assert_int_eq(net_tensor_at(&vector, 20 + 16), 16 * 5);       /* the concat's channel 16 */
}
END_TEST

START_TEST(initial_weights)
{
    const struct net_model *model = &tiny_model;
    const uint32_t seeds[3][2] = {{7, 0}, {7, 0}, {8, 0}};
    void *params[3];
    float logical[19 * 13];
    double sum = 0.0, square = 0.0;

    for (int i = 0; i < 3; i++)
        net_init_params(model, seeds[i], params[i] = net_memory(model->params_size));
    ck_assert(!memcmp(params[0], params[1], model->params_size));
    ck_assert(memcmp(params[0], params[2], model->params_size));
    net_tensor_get(&model->tensors[0], params[0], logical);
    for (int i = 0; i < 19 * 13; i++) {
        ck_assert_double_lt(fabs((double)logical[i]), 1.0 / sqrt(13.0));
        sum += (double)logical[i];
        square += (double)logical[i] * (double)logical[i];
    }
    ck_assert_double_lt(fabs(sum / 247.0), 0.04);
    ck_assert_double_lt(fabs(square / 247.0 * 3.0 * 13.0 - 1.0), 0.2);
    for (int i = 0; i < 3; i++)
        free(params[i]);
}
END_TEST

/* ---- pool.c, loader.c ------------------------------------------------------------------------ */

struct counts {
    struct net_threads *pool;
    int threads, sums[64];
    long total;
};

/* Between barriers each thread writes its number, then all read all. */
static void count(void *context, int thread)
{
    struct counts *counts = context;

    for (int round = 0; round < 50; round++) {
        counts->sums[thread] = thread + round;
        net_threads_wait(counts->pool, thread);
        if (thread == round % counts->threads)
            for (int t = 0; t < counts->threads; t++)
                counts->total += counts->sums[t];
        net_threads_wait(counts->pool, thread);
    }
}

START_TEST(barriers_hold)
{
    const int threads = _i;
    struct counts counts = {.pool = net_threads_open(threads), .threads = threads};
    long expected = 0;

    for (int run_number = 0; run_number < 20; run_number++)
        net_threads_run(counts.pool, count, &counts);
    for (int round = 0; round < 50; round++)
        for (int t = 0; t < threads; t++)
            expected += 20 * (t + round);
    ck_assert_int_eq(counts.total, expected);
    net_threads_close(counts.pool);
}
END_TEST

/* Whoever is not used does nothing, and comes back when it is; barriers are of those that run. */
START_TEST(threads_sleep_and_return)
{
    static const int used[] = {4, 1, 2, 3, 2, 4, 1, 1, 4, 3, 1, 3};
    struct counts counts = {.pool = net_threads_open(4)};
    long expected = 0;

    for (int i = 0; i < 24; i++) {
        counts.threads = used[i % LENGTH(used)];
        net_threads_use(counts.pool, counts.threads);
        net_threads_run(counts.pool, count, &counts);
        for (int round = 0; round < 50; round++)
            for (int t = 0; t < counts.threads; t++)
                expected += t + round;
        ck_assert_int_eq(counts.total, expected);
    }
    net_threads_use(counts.pool, 1 + _i);
    net_threads_close(counts.pool);
}
END_TEST

/* Seconds of steps that take cost[threads] each; those on the best number of threads. */
static double spend(struct net_pace *pace, const double *cost, int best, double seconds)
{
    double left = seconds, spent = 0;

    while (left > 0) {
        const int threads = pace->threads;

        net_pace_add(pace, cost[threads]);
        left -= cost[threads];
        spent += threads == best ? cost[threads] : 0;
    }
    return spent / seconds;
}

/* The fastest number of threads has nearly all of the time, and is found again after a change. */
START_TEST(steps_run_on_the_fastest_threads)
{
    static const double idle[] = {0, 80e-6, 50e-6}, busy[] = {0, 90e-6, 900e-6};
    static const double eight[] = {0, 8e-3, 4e-3, 9, 2e-3, 9, 9, 9, 3e-3};
    struct net_options options = {.value[NET_THREADS].number = 2};
    struct net_pace pace = net_pace_begin(&options);

    ck_assert_double_gt(spend(&pace, idle, 2, 20), 0.97);
    ck_assert_double_gt(spend(&pace, busy, 1, 20), 0.94);
    ck_assert_double_gt(spend(&pace, idle, 2, 20), 0.94);
    options.value[NET_THREADS].number = 8;
    pace = net_pace_begin(&options);
    ck_assert_double_gt(spend(&pace, eight, 4, 20), 0.95);
    options.value[NET_THREADS] = (struct net_value){.number = 2, .given = true};
    pace = net_pace_begin(&options);
    ck_assert_double_gt(spend(&pace, busy, 2, 1), 0.99);
}
END_TEST

START_TEST(orders_are_permutations)
{
    static const uint32_t seed[2] = {3, 0};
    long a[1000], b[1000], c[1000];
    char seen[1000] = {0};
    int moved = 0;

    net_order(a, 1000, seed, 4, true);
    net_order(b, 1000, seed, 4, true);
    net_order(c, 1000, seed, 5, true);
    ck_assert(!memcmp(a, b, sizeof a));
    ck_assert(memcmp(a, c, sizeof a));
    for (int i = 0; i < 1000; i++) {
        ck_assert(!seen[a[i]]);
        seen[a[i]] = 1;
        moved += a[i] != i;
    }
    ck_assert_int_gt(moved, 980);
    net_order(a, 1000, seed, 4, false);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(a[i], i);
}
END_TEST

/* Groups as a container's are mounted, of both versions. */
static void write_group(const char *folder, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", data_test_folder(), folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    write_text(path, text);
}

static void check_limits(const char *membership, double cores, double bytes)
{
    const struct net_limits limits = net_group_limits(membership, data_test_folder());

    ck_assert_double_eq(limits.cores, cores);
    ck_assert_double_eq(limits.bytes, bytes);
}

START_TEST(limits_of_groups)
{
    write_group("a", "cpu.max", "350000 100000\n");
    write_group("a", "memory.max", "8589934592\n");
    write_group("a/b", "cpu.max", "max 100000\n");
    write_group("a/b", "memory.max", "max\n");
    write_group("a/c", "cpu.max", "150000 100000\n");
    write_group("cpu", "cpu.cfs_quota_us", "-1\n");
    write_group("cpu", "cpu.cfs_period_us", "100000\n");
    write_group("cpu/d", "cpu.cfs_quota_us", "200000\n");
    write_group("cpu/d", "cpu.cfs_period_us", "50000\n");
    write_group("memory", "memory.limit_in_bytes", "1000000\n");
    check_limits("0::/a/b\n", 3.5, 8589934592.0);
    check_limits("0::/a/c\n", 1.5, 8589934592.0);
    check_limits("0::/\n", INFINITY, INFINITY);
    check_limits("0::/elsewhere", INFINITY, INFINITY);
    check_limits("7:memory:/d\n4:cpu,cpuacct:/d\n1:name=systemd:/a\n", 4, 1e6);
    check_limits("4:cpuacct,cpu:/\n", INFINITY, INFINITY);
    check_limits("", INFINITY, INFINITY);
    check_limits("rubbish\n:\n::", INFINITY, INFINITY);
    ck_assert_int_ge(net_cores(), 1);
    ck_assert_double_gt(net_most_bytes(), 1e6);
}
END_TEST

Suite *suite_runtime(void)
{
    Suite *suite = suite_create("runtime");
    TCase *parts = tcase_create("parts");

    tcase_add_test(parts, json_is_read);
    tcase_add_test(parts, many_members_are_found);
    tcase_add_test(parts, wrong_json_is_refused);
    tcase_add_test(parts, numbers_come_back);
    tcase_add_test(parts, visible_texts);
    tcase_add_test(parts, lines_are_broken);
    tcase_add_test(parts, nearest_names);
    tcase_add_test(parts, faults_come_back);
    tcase_add_test(parts, every_element_has_its_own_place);
    tcase_add_test(parts, known_places);
    tcase_add_test(parts, initial_weights);
    tcase_add_loop_test(parts, barriers_hold, 1, 8);
    tcase_add_loop_test(parts, threads_sleep_and_return, 0, 4);
    tcase_add_test(parts, steps_run_on_the_fastest_threads);
    tcase_add_test(parts, orders_are_permutations);
    suite_add_tcase(suite, parts);
    TCase *machine = tcase_create("machine");

    tcase_add_checked_fixture(machine, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(machine, limits_of_groups);
    suite_add_tcase(suite, machine);
    suite_add_tcase(suite, trainer_tests());
    suite_add_tcase(suite, late_threads_test());
    suite_add_tcase(suite, ranks_test());
    return suite;
}
