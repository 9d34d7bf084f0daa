/*
 * suite_runtime.c -- the training runtime: layouts, optimizers against PyTorch, threads, files, and
 * whole trainers of tiny_model.c, each run in a child process in a temporary folder.
 */

#define _GNU_SOURCE

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime.h"
#include "tiny_model.h"

/* ---- help ------------------------------------------------------------------------------------ */

static char start[4096];        /* where the tests began; removed folders are not stayed in */

static void make_folder(void)
{
    char folder[] = "/tmp/netc-runtime-XXXXXX";

    ck_assert_ptr_nonnull(getcwd(start, sizeof start));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    char here[64], command[96];

    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(command, sizeof command, "rm -rf %s", here);
    ck_assert_int_eq(chdir(start), 0);
    ck_assert_int_eq(system(command), 0);
}

/* Begins a trainer with the words of `line`; what it prints goes to the file "printed". */
static pid_t begin(const struct net_model *model, const char *line)
{
    const pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char copy[512], *argv[40] = { (char *)"trainer" }, *rest = copy;
        int argc = 1;
        const int out = open("printed", O_WRONLY | O_CREAT | O_TRUNC, 0666);

        snprintf(copy, sizeof copy, "%s", line);
        for (char *word; (word = strsep(&rest, " ")) && argc < 39;)
            argv[argc++] = word;
        dup2(out, 1);
        dup2(out, 2);
        exit(net_main(argc, argv, model));
    }
    return child;
}

/* The exit code, or 1000 + the signal that ended it. */
static int finish(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int run(const char *line)
{
    return finish(begin(&tiny_model, line));
}

static char *contents(const char *path, size_t *length)
{
    size_t ignored;

    return net_file_read(path, length ? length : &ignored);
}

static bool printed(const char *text)
{
    char *all = contents("printed", NULL);
    const bool there = strstr(all, text) != NULL;

    free(all);
    return there;
}

static bool same_files(const char *a, const char *b)
{
    size_t n, m;
    char *x = contents(a, &n), *y = contents(b, &m);
    const bool same = n == m && !memcmp(x, y, n);

    free(x);
    free(y);
    return same;
}

static bool same_weights(const char *a, const char *b)
{
    char *x = net_format("%s/model.safetensors", a), *y = net_format("%s/model.safetensors", b);
    const bool same = same_files(x, y);

    free(x);
    free(y);
    return same;
}

static void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *out = fopen(path, "wb");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, length, out), length);
    ck_assert_int_eq(fclose(out), 0);
}

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

START_TEST(wrong_json_is_refused)
{
    static const char *const texts[] = {
        "",         " ",          "{",       "[1,",       "[1 2]",       "{\"a\"}",
        "{\"a\":}", "{a:1}",      "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\u0000\"",
        "\"a",      "01x",        "+1",      ".5",        "1e999",       "nul",
        "[1]]",     "{\"a\":1,}", "\"\t\"",  "-",
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
    static const double numbers[] = { 0.1, 1.0 / 3.0, 1e-300, 123456789.0, -2.5, 6.02214076e23 };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct net_text text = { 0 };

        net_text_number(&text, numbers[i]);
        ck_assert_double_eq(strtod(text.at, NULL), numbers[i]);
        free(text.at);
    }
}
END_TEST

START_TEST(nearest_names)
{
    static const char *const words[] = { "momentum", "lr", "batch", "train" };

    ck_assert_str_eq(net_nearest("momentm", words, 4), "momentum");
    ck_assert_str_eq(net_nearest("trian", words, 4), "train");
    ck_assert_str_eq(net_nearest("lt", words, 4), "lr");
    ck_assert_ptr_null(net_nearest("zebra", words, 4));
    ck_assert_ptr_null(net_nearest("", words, 0));
}
END_TEST

/* ---- tensor.c, init.c ------------------------------------------------------------------------ */

static struct net_tensor weight(int outputs, int channels, int pixels, struct net_segment *segment)
{
    const int blocks = (outputs + 15) / 16, threes = blocks / 3 - (blocks % 3 == 1 && blocks > 3);
    const int left = blocks - 3 * threes;

    *segment = (struct net_segment){ 0, channels, pixels, 0, (channels + 15) / 16 };
    return (struct net_tensor){
        .name = "w", .count = 16L * blocks * channels * pixels, .rank = 3,
        .shape = { outputs, channels, pixels }, .kind = NET_WEIGHT,
        .panels = { threes, left / 2, left % 2 }, .segments = segment, .segment_count = 1,
    };
}

START_TEST(every_element_has_its_own_place)
{
    static const int sizes[] = { 1, 2, 7, 15, 16, 17, 31, 33, 48, 64, 100, 113 };

    for (int s = 0; s < 12; s++)
        for (int pixels = 1; pixels <= 9; pixels += 4) {
            struct net_segment segment;
            const struct net_tensor tensor =
                weight(sizes[s], sizes[(s * 5) % 12], pixels, &segment);
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
    const struct net_segment parts[] = { { 0, 5, 4, 0, 1 }, { 20, 17, 1, 4, 2 } };
    const struct net_tensor vector = {
        .rank = 1, .shape = { 37 }, .kind = NET_VECTOR, .segments = parts, .segment_count = 2,
    };

    /* 80 outputs are blocks 3 + 2; output 50 is in the second panel, its first block */
    ck_assert_int_eq(conv.panels[0], 1);
    ck_assert_int_eq(conv.panels[1], 1);
    ck_assert_int_eq(net_tensor_at(&conv, (50 * 2 + 1) * 9 + 4),
                     16 * (3 * 18 + (4 * 2 + 1) * 2) + 2);
    ck_assert_int_eq(net_tensor_at(&vector, 3 * 4 + 2), 16 * 2 + 3);    /* channel 3, pixel 2 */
    ck_assert_int_eq(net_tensor_at(&vector, 20 + 16), 16 * 5); /* the concat's channel 16 */
}
END_TEST

START_TEST(initial_weights)
{
    const struct net_model *model = &tiny_model;
    const uint32_t seeds[3][2] = { { 7, 0 }, { 7, 0 }, { 8, 0 } };
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

/* ---- optimizer.c: five steps, torch.optim in double ------------------------------------------ */

static const struct {
    const char *flags;
    double w[3];
} torch[] = {
    { "--lr 0.1 --momentum 0 --weight-decay 0", { 0.05, -1.1, 1.99 } },
    { "--lr 0.1 --momentum 0 --weight-decay 0.05", { 0.040613149, -1.071545983, 1.940547381 } },
    { "--lr 0.1 --momentum 0.9 --weight-decay 0", { -0.451093, -0.701093, 1.981441 } },
    { "--lr 0.1 --momentum 0.9 --weight-decay 0.05", { -0.47599686, -0.628755428, 1.851641853 } },
    { "--lr 0.1 --momentum 0.9 --nesterov --weight-decay 0.05",
      { -0.829273098, -0.521540477, 1.80865545 } },
    { "--optimizer adam --lr 0.01", { 0.451491691, -1.206557442, 1.966542891 } },
    { "--optimizer adam --lr 0.01 --beta1 0.8 --beta2 0.95 --eps 1e-3 --weight-decay 0.05",
      { 0.450403882, -1.20682841, 1.950020992 } },
};

START_TEST(optimizers_agree_with_pytorch)
{
    _Alignas(64) float w[16] = { 0.5f, -1.25f, 2.0f }, g[16] = { 0 }, state[32] = { 0 };
    char copy[128], *argv[20], *rest = copy;
    struct net_options options;
    struct net_hyper hyper = { .stride = 16 };
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", torch[_i].flags);
    for (char *word; (word = strsep(&rest, " "));)
        argv[argc++] = word;
    net_options_read(&options, &tiny_model, NET_TRAIN_COMMAND, argc, argv);
    net_flush_denormals();
    for (int t = 0; t < 5; t++) {
        g[0] = 0.3f * (float)(t + 1), g[1] = -0.7f + 0.2f * (float)t, g[2] = 0.01f * (float)t;
        net_set_hyper(&hyper, &options, options.value[NET_LR].number, (uint64_t)t);
        net_find_optimizer(&options)->update(w, g, state, 16, &hyper);
    }
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol((double)w[i], torch[_i].w[i], 1e-6);
    for (int i = 3; i < 16; i++) {
        uint32_t bits;

        memcpy(&bits, &w[i], sizeof bits);
        ck_assert_uint_eq(bits, 0);
    }
    net_options_free(&options);
}
END_TEST

/* ---- pool.c, loader.c ------------------------------------------------------------------------ */

struct counts {
    struct net_pool *pool;
    int threads, sums[64];
    long total;
};

/* Between barriers each thread writes its number, then all read all. */
static void count(void *context, int thread)
{
    struct counts *counts = context;

    for (int round = 0; round < 50; round++) {
        counts->sums[thread] = thread + round;
        net_pool_wait(counts->pool, thread);
        if (thread == round % counts->threads)
            for (int t = 0; t < counts->threads; t++)
                counts->total += counts->sums[t];
        net_pool_wait(counts->pool, thread);
    }
}

START_TEST(barriers_hold)
{
    const int threads = _i;
    struct counts counts = { .pool = net_pool_open(threads), .threads = threads };
    long expected = 0;

    for (int run_number = 0; run_number < 20; run_number++)
        net_pool_run(counts.pool, count, &counts);
    for (int round = 0; round < 50; round++)
        for (int t = 0; t < threads; t++)
            expected += 20 * (t + round);
    ck_assert_int_eq(counts.total, expected);
    net_pool_close(counts.pool);
}
END_TEST

START_TEST(orders_are_permutations)
{
    static const uint32_t seed[2] = { 3, 0 };
    long a[1000], b[1000], c[1000];
    char seen[1000] = { 0 };
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

/* ---- whole trainers -------------------------------------------------------------------------- */

START_TEST(a_run_has_its_folder)
{
    size_t length;

    ck_assert_int_eq(run("train --out deep/er/run --epochs 3"), 0);
    free(contents("deep/er/run/preparation.json", &length));
    char *json = contents("deep/er/run/run.json", &length);
    char *history = contents("deep/er/run/history.csv", NULL);
    char error[100];
    struct net_json *run_json = net_json_read(json, length, error, sizeof error);

    ck_assert_msg(run_json != NULL, "%s", error);
    ck_assert_str_eq(net_json_member(run_json, "status")->text, "finished");
    ck_assert_ptr_nonnull(net_json_member(
        net_json_member(net_json_member(run_json, "final"), "test"), "accuracy"));
    ck_assert(!strncmp(history, "epoch,train_loss,train_accuracy,validation_loss,", 48));
    ck_assert_ptr_nonnull(strstr(history, "\n3,"));
    ck_assert_ptr_null(strstr(history, "\n4,"));
    net_json_free(run_json);
    free(json);
    free(history);

    ck_assert_int_eq(run("train --out deep/er/run"), 2);
    ck_assert(printed("--resume deep/er/run") && printed("--force"));
    ck_assert_int_eq(run("train --out deep/er/run --epochs 1 --force"), 0);
    ck_assert_int_eq(run("eval --weights deep/er/run --digits 4"), 0);
    ck_assert(printed("weighted avg") && printed("Confusion matrix"));
    ck_assert_int_eq(run("predict --weights deep/er/run --part test"), 0);
    ck_assert_int_eq(run("eval --weights deep/er/run/model.safetensors --part train --json"), 0);
    ck_assert_int_eq(run("eval --weights deep/er/run/checkpoint.safetensors"), 0);
}
END_TEST

START_TEST(threads_do_not_show)
{
    static const char *const flags[] = {"", " --optimizer adam --clip 0.5",
                                        " --nesterov --batch 13"};
    char line[200];

    snprintf(line, sizeof line, "train --out one --epochs 4 --threads 1%s", flags[_i]);
    ck_assert_int_eq(run(line), 0);
    for (int threads = 2; threads <= 5; threads++) {
        snprintf(line, sizeof line, "train --force --out more --epochs 4 --threads %d%s", threads,
                 flags[_i]);
        ck_assert_int_eq(run(line), 0);
        ck_assert(same_weights("one", "more"));
    }
}
END_TEST

START_TEST(resume_is_exact)
{
    static const char *const flags[] = {
        " --keep last", "", " --optimizer adam --clip 0.5", " --momentum 0 --no-shuffle",
    };
    char line[200];

    snprintf(line, sizeof line, "train --quiet --out whole --epochs 5%s", flags[_i]);
    ck_assert_int_eq(run(line), 0);
    /* stopped inside the second epoch, at the end of the third, then by the end of fewer epochs */
    snprintf(line, sizeof line, "train --quiet --out parts --epochs 4 --max-steps 17%s", flags[_i]);
    ck_assert_int_eq(run(line), 0);
    ck_assert_int_eq(run("train --quiet --resume parts --threads 3 --max-steps 39"), 0);
    ck_assert_int_eq(run("train --quiet --resume parts"), 0);
    ck_assert_int_eq(run("train --quiet --resume parts --epochs 5 --threads 2"), 0);
    ck_assert(same_weights("whole", "parts"));
}
END_TEST

START_TEST(resume_refuses_other_settings)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        { "train --resume run --lr 0.3", "--lr" },
        { "train --resume run --batch 8", "--batch" },
        { "train --resume run --seed 1", "--seed" },
        { "train --resume run --epochs 1", "--epochs" },
        { "train --resume run --optimizer adam", "--" },
        { "train --resume run --no-shuffle", "--shuffle" },
        { "train --resume run --out other", "--out" },
        { "train --resume run --weights run", "--weights" },
    };

    ck_assert_int_eq(run("train --quiet --out run --epochs 2"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(run(cases[i].line), 2);
        ck_assert_msg(printed(cases[i].text), "%s", cases[i].line);
    }
    ck_assert_int_eq(finish(begin(&tiny_model_1_percent, "train --resume run")), 1);
    ck_assert(printed("another model"));
    ck_assert_int_eq(run("train --resume nowhere"), 1);
    ck_assert_int_eq(run("train --resume run --epochs 3 --quiet --threads 2"), 0);
}
END_TEST

/* Ctrl-C inside an epoch, then on: the same as without. */
START_TEST(signals_end_after_the_step)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    const int number = numbers[_i];
    char line[200];
    size_t length;
    pid_t child = begin(&tiny_model, "train --out run --epochs 1000000 --keep last");

    usleep(300000);
    kill(child, number);
    ck_assert_int_eq(finish(child), 128 + number);
    ck_assert(printed("train --resume run"));

    char *json = contents("run/run.json", &length), *steps = strstr(json, "\"steps\": ");
    ck_assert_ptr_nonnull(strstr(json, "interrupted"));
    snprintf(line, sizeof line,
             "train --quiet --out whole --epochs 1000000 --keep last --max-steps %ld",
             strtol(steps + 9, NULL, 10));
    free(json);
    ck_assert_int_eq(run(line), 0);
    ck_assert(same_weights("run", "whole"));
}
END_TEST

START_TEST(sigusr1_saves_and_goes_on)
{
    pid_t child = begin(&tiny_model, "train --out run --epochs 1000000 --checkpoint-every 1000000");

    usleep(200000);
    kill(child, SIGUSR1);
    usleep(200000);
    kill(child, SIGINT);
    ck_assert_int_eq(finish(child), 130);
    ck_assert(printed("saved run/checkpoint.safetensors"));
}
END_TEST

START_TEST(divergence_is_told)
{
    ck_assert_int_eq(run("train --out run --lr 1e30"), 3);
    ck_assert(printed("in step 2"));
    ck_assert_int_eq(access("run/checkpoint.safetensors", R_OK), 0);
}
END_TEST

START_TEST(damaged_files_are_refused)
{
    static const char *const lines[] = { "train --quiet --resume run", "eval --weights run" };
    static const char *const files[] = { "run/checkpoint.safetensors", "run/model.safetensors" };
    size_t length;

    ck_assert_int_eq(run("train --quiet --out run --epochs 1"), 0);
    char *good = contents(files[_i], &length);
    char *bad = malloc(length);

    for (size_t cut = 0; cut < length; cut += 211) {
        write_file(files[_i], good, cut);
        ck_assert_int_eq(run(lines[_i]), 1);
    }
    for (size_t at = 0; at < length; at += 151) {
        memcpy(bad, good, length);
        bad[at] = (char)(bad[at] ^ 0x15);
        write_file(files[_i], bad, length);
        ck_assert_msg(run(lines[_i]) == 1, "byte %zu", at);
    }
    free(good);
    free(bad);
}
END_TEST

/* A safetensors file by hand: one header, no checksum, `bytes` of zeros. */
static void write_tensors(const char *header, size_t bytes)
{
    const size_t length = strlen(header);
    char file[8192] = { 0 };

    file[0] = (char)(length & 255);
    file[1] = (char)(length >> 8);
    memcpy(file + 8, header, length);
    ck_assert_uint_lt(8 + length + bytes, sizeof file);
    write_file("w.safetensors", file, 8 + length + bytes);
}

#define FIRST "{\"tiny.dense_1.weight\":{\"dtype\":"
#define OTHERS                                                                                     \
    ",\"tiny.dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[19],\"data_offsets\":[988,1064]},"       \
    "\"tiny.dense_2.weight\":{\"dtype\":\"F32\",\"shape\":[3,19],\"data_offsets\":[1064,1292]},"   \
    "\"tiny.dense_2.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[1292,1304]}"

START_TEST(other_weights_are_named)
{
    static const struct {
        const char *header, *text;
        int code;
    } cases[] = {
        {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,988]}" OTHERS "}", "accuracy", 0},
        {FIRST
         "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,988]}" OTHERS
         ",\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}",
         "accuracy", 0},
        {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,988]}" OTHERS
               ",\"head.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         "tensor head.weight is not of this model", 1},
        {FIRST "\"BF16\",\"shape\":[19,13],\"data_offsets\":[0,988]}" OTHERS "}",
         "tiny.dense_1.weight has dtype BF16", 1},
        {FIRST "\"F32\",\"shape\":[13,19],\"data_offsets\":[0,988]}" OTHERS "}",
         "tiny.dense_1.weight has shape [13, 19]; this model's is [19, 13]", 1},
        {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,984]}" OTHERS "}", "data_offsets", 1},
        {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[-8,980]}" OTHERS "}", "data_offsets",
         1},
        {FIRST "\"F32\",\"shape\":7,\"data_offsets\":[0,988]}" OTHERS "}", "has no shape", 1},
        {FIRST "\"F32\",\"shape\":[19,13]}" OTHERS "}", "data_offsets", 1},
        {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,9988]}}", "cut off", 1},
        {"{}", "tiny.dense_1.weight is missing", 1},
        {"{\"tiny.dense_1.weight\":3}", "dtype", 1},
        {"{\"tiny.dense_1", "JSON", 1},
    };

    write_tensors(cases[_i].header, 1304);
    ck_assert_int_eq(run("eval --weights w.safetensors"), cases[_i].code);
    ck_assert_msg(printed(cases[_i].text), "%s", cases[_i].header);
}
END_TEST

START_TEST(wrong_usage_is_2)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        { "--lr=-0x", "--lr" }, { "--lr nan", "--lr" }, { "--lr 1e999", "--lr" },
        { "--lr ", "--lr" }, { "--lr 0x10", "--lr" }, { "--lr -1", "--lr" },
        { "--momentm 0.5", "--momentum" }, { "--beta1 0.5", "does not apply to sgd" },
        { "--optimizer adam --momentum 0.9", "does not apply to adam" },
        { "--optimizer lion", "rmsprop or adadelta" }, { "--batch 33", "netc --batch 33" },
        { "--batch 0", "--batch" }, { "--batch 1.5", "--batch" }, { "--epochs", "--epochs" },
        { "sweep", "not there yet" }, { "export", "not there yet" }, { "trian", "train" },
        { "eval", "--weights" }, { "--steps 3", "bench" }, { "init --seed 7", "-o" },
        { "--nesterov --momentum 0", "momentum" }, { "--lr 1 --lr 2", "twice" },
        { "--weight-decay 1 --weight_decay 1", "twice" }, { "predict", "--part" },
        { "--threads 65", "64" }, { "train x", "\"x\"" }, { "--no-shuffle=1", "no value" },
        { "--quiet=maybe", "true or false" }, { "--seed 123456789012345678901", "--seed" },
        { "eval --part tset", "train, validation or test" },
    };

    ck_assert_int_eq(run(cases[_i].line), 2);
    ck_assert_msg(printed(cases[_i].text), "%s", cases[_i].line);
}
END_TEST

START_TEST(exact_comparisons)
{
    ck_assert_int_eq(run("init --seed 7 -o w.safetensors"), 0);
    ck_assert_int_eq(run("init --seed 7 -o again.safetensors"), 0);
    ck_assert(same_files("w.safetensors", "again.safetensors"));
    ck_assert_int_eq(run("train --quiet --weights w.safetensors --no-shuffle --max-steps 10 "
                         "--log-steps steps.csv --out a"), 0);
    ck_assert_int_eq(run("train --quiet --seed 7 --no-shuffle --max-steps 10 --out b"), 0);

    char *steps = contents("steps.csv", NULL);
    ck_assert(!strncmp(steps, "step,loss\n1,", 12));
    ck_assert_ptr_nonnull(strstr(steps, "\n10,"));
    ck_assert_ptr_null(strstr(steps, "\n11,"));
    free(steps);
}
END_TEST

START_TEST(gradcheck_tells_right_from_wrong)
{
    ck_assert_int_eq(run("gradcheck --threads 2"), 0);
    ck_assert(printed("all gradients are right"));
    ck_assert_int_eq(run("gradcheck --synthetic --seed 3"), 0);
    ck_assert_int_eq(finish(begin(&tiny_model_1_percent, "gradcheck")), 1);
    ck_assert(printed("WRONG  tiny.dense_1.weight"));
    ck_assert_int_eq(finish(begin(&tiny_model_missing_row, "gradcheck --batch 32")), 1);
    ck_assert(printed("WRONG  tiny.dense_2.bias"));
}
END_TEST

START_TEST(bench_and_the_rest)
{
    size_t length;
    char error[100];

    ck_assert_int_eq(run("bench --steps 5 --threads 2 --per-kernel --json"), 0);
    char *text = contents("printed", &length);
    struct net_json *json = net_json_read(text, length, error, sizeof error);
    ck_assert_msg(json != NULL, "%s", error);
    ck_assert_int_eq(net_json_member(json, "kernels")->count, 2);
    ck_assert_double_gt(net_json_member(json, "peak_gflops")->number, 0.0);
    net_json_free(json);
    free(text);

    ck_assert_int_eq(run("summary"), 0);
    ck_assert(printed(" Total params: 326 (1.27 KB)\n"));
    ck_assert_int_eq(run("config --lr 0.25"), 0);
    ck_assert(printed("0.25           given"));
    ck_assert_int_eq(run("--help"), 0);
    ck_assert_int_eq(run("--version"), 0);
}
END_TEST

Suite *suite_runtime(void)
{
    Suite *suite = suite_create("runtime");
    TCase *parts = tcase_create("parts"), *trainers = tcase_create("trainers");

    tcase_set_timeout(parts, 60);
    tcase_add_test(parts, json_is_read);
    tcase_add_test(parts, wrong_json_is_refused);
    tcase_add_test(parts, numbers_come_back);
    tcase_add_test(parts, nearest_names);
    tcase_add_test(parts, every_element_has_its_own_place);
    tcase_add_test(parts, known_places);
    tcase_add_test(parts, initial_weights);
    tcase_add_loop_test(parts, optimizers_agree_with_pytorch, 0, 7);
    tcase_add_loop_test(parts, barriers_hold, 1, 8);
    tcase_add_test(parts, orders_are_permutations);
    suite_add_tcase(suite, parts);

    tcase_set_timeout(trainers, 120);
    tcase_add_checked_fixture(trainers, make_folder, remove_folder);
    tcase_add_test(trainers, a_run_has_its_folder);
    tcase_add_loop_test(trainers, threads_do_not_show, 0, 3);
    tcase_add_loop_test(trainers, resume_is_exact, 0, 4);
    tcase_add_test(trainers, resume_refuses_other_settings);
    tcase_add_loop_test(trainers, signals_end_after_the_step, 0, 2);
    tcase_add_test(trainers, sigusr1_saves_and_goes_on);
    tcase_add_test(trainers, divergence_is_told);
    tcase_add_loop_test(trainers, damaged_files_are_refused, 0, 2);
    tcase_add_loop_test(trainers, other_weights_are_named, 0, 13);
    tcase_add_loop_test(trainers, wrong_usage_is_2, 0, 30);
    tcase_add_test(trainers, exact_comparisons);
    tcase_add_test(trainers, gradcheck_tells_right_from_wrong);
    tcase_add_test(trainers, bench_and_the_rest);
    suite_add_tcase(suite, trainers);
    return suite;
}
