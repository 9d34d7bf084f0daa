/*
 * trainers.c -- whole trainers of tiny_model.c, each run in a child process in a temporary
 * folder: the files they leave, threads, resuming, signals, faults.
 */

#define _GNU_SOURCE

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/commands.h"
#include "support/length.h"
#include "support/tiny_model.h"

TCase *trainer_tests(void);

/* ---- help ------------------------------------------------------------------------------------ */

static char start[4096]; /* where the tests began; removed folders are not stayed in */

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
        char copy[512], *argv[40] = {(char *)"trainer"}, *rest = copy;
        int argc = 1;
        const int out = open("printed", O_WRONLY | O_CREAT | O_TRUNC, 0666);

        snprintf(copy, sizeof copy, "%s", line);
        for (char *word; (word = strsep(&rest, " ")) && argc < 39;)
            argv[argc++] = word;
        dup2(out, 1);
        dup2(out, 2);
        signal(SIGINT, SIG_DFL); /* the tests themselves may run in the background of a script */
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

    return net_file_read(NULL, path, length ? length : &ignored);
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

/* ---- whole trainers -------------------------------------------------------------------------- */

START_TEST(a_run_has_its_folder)
{
    size_t length;

    ck_assert_int_eq(run("train --out deep/er/run --epochs 3"), 0);
    ck_assert(printed("% of the time waiting for data"));
    free(contents("deep/er/run/preparation.json", &length));
    char *json = contents("deep/er/run/run.json", &length);
    char *history = contents("deep/er/run/history.csv", NULL);
    char error[100];
    struct net_json *run_json = net_json_read(json, length, error, sizeof error);

    ck_assert_msg(run_json != NULL, "%s", error);
    ck_assert_str_eq(net_json_member(run_json, "status")->text, "finished");
    ck_assert_ptr_nonnull(
        net_json_member(net_json_member(net_json_member(run_json, "final"), "test"), "accuracy"));
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
        " --keep last",
        "",
        " --optimizer adam --clip 0.5",
        " --momentum 0 --no-shuffle",
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
        {"train --resume run --lr 0.3", "--lr"},
        {"train --resume run --batch 8", "--batch"},
        {"train --resume run --seed 1", "--seed"},
        {"train --resume run --epochs 1", "--epochs"},
        {"train --resume run --optimizer adam", "--"},
        {"train --resume run --no-shuffle", "--shuffle"},
        {"train --resume run --out other", "--out"},
        {"train --resume run --weights run", "--weights"},
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
    static const int numbers[] = {SIGINT, SIGTERM};
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
    static const char *const lines[] = {"train --quiet --resume run", "eval --weights run"};
    static const char *const files[] = {"run/checkpoint.safetensors", "run/model.safetensors"};
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
    char file[8192] = {0};

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

static const struct {
    const char *header, *text;
    int code;
} weights[] = {
    {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,988]}" OTHERS "}", "accuracy", 0},
    {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,988]}" OTHERS
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
    {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[-8,980]}" OTHERS "}", "data_offsets", 1},
    {FIRST "\"F32\",\"shape\":7,\"data_offsets\":[0,988]}" OTHERS "}", "has no shape", 1},
    {FIRST "\"F32\",\"shape\":[19,13]}" OTHERS "}", "data_offsets", 1},
    {FIRST "\"F32\",\"shape\":[19,13],\"data_offsets\":[0,9988]}}", "cut off", 1},
    {"{}", "tiny.dense_1.weight is missing", 1},
    {"{\"tiny.dense_1.weight\":3}", "dtype", 1},
    {"{\"tiny.dense_1", "JSON", 1},
};

START_TEST(other_weights_are_named)
{
    write_tensors(weights[_i].header, 1304);
    ck_assert_int_eq(run("eval --weights w.safetensors"), weights[_i].code);
    ck_assert_msg(printed(weights[_i].text), "%s", weights[_i].header);
}
END_TEST

static const struct {
    const char *line, *text;
} usage[] = {
    {"--lr=-0x", "--lr"},
    {"--lr nan", "--lr"},
    {"--lr 1e999", "--lr"},
    {"--lr ", "--lr"},
    {"--lr 0x10", "--lr"},
    {"--lr -1", "--lr"},
    {"--momentm 0.5", "--momentum"},
    {"--learning_rate 0.1", "its name here is --lr"},
    {"--batchsize 8", "there is no flag --batchsize; its name here is --batch"},
    {"--learningrate 1", "its name here is --lr"},
    {"--device cpu", "no flag --device: a trainer runs on the processor"},
    {"--gpu", "no flag --gpu: a trainer runs on the processor"},
    {"--amp", "numbers have 32 bits"},
    {"--validation_split=0.1", "no flag --validation_split: the model's data section says"},
    {"--validation-split 0.1", "`validation = holdout(0.1)`"},
    {"--verbose 1", "with --quiet of errors alone"},
    {"--num-workers 4", "prepared beside the steps, which --threads shares"},
    {"--beta1 0.5", "does not apply to sgd"},
    {"--optimizer adam --momentum 0.9", "does not apply to adam"},
    {"--optimizer sleepwalk", "--optimizer is sgd, "},
    {"--batch 33", "netc --batch 33"},
    {"--batch 0", "--batch"},
    {"--batch 1.5", "--batch"},
    {"--epochs", "--epochs"},
    {"serve", "there is no command \"serve\""},
    {"sweep", "wants what to vary"},
    {"export", "-o FILE"},
    {"trian", "train"},
    {"eval", "--weights"},
    {"--steps 3", "bench"},
    {"find_lr --lr 1", "looks for"},
    {"init --seed 7", "-o"},
    {"--nesterov --momentum 0", "momentum"},
    {"--lr 1 --lr 2", "twice"},
    {"--weight-decay 1 --weight_decay 1", "twice"},
    {"predict", "--part"},
    {"--threads 65", "64"},
    {"train x", "\"x\""},
    {"--no-shuffle=1", "no value"},
    {"--quiet=maybe", "true or false"},
    {"--seed 123456789012345678901", "--seed"},
    {"eval --part tset", "train, validation or test"},
};

START_TEST(wrong_usage_is_2)
{
    ck_assert_int_eq(run(usage[_i].line), 2);
    ck_assert_msg(printed(usage[_i].text), "%s", usage[_i].line);
}
END_TEST

START_TEST(exact_comparisons)
{
    ck_assert_int_eq(run("init --seed 7 -o w.safetensors"), 0);
    ck_assert_int_eq(run("init --seed 7 -o again.safetensors"), 0);
    ck_assert(same_files("w.safetensors", "again.safetensors"));
    ck_assert_int_eq(run("train --quiet --weights w.safetensors --no-shuffle --max-steps 10 "
                         "--log-steps steps.csv --out a"),
                     0);
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
    ck_assert_ptr_null(net_json_member(json, "waiting_share"));
    net_json_free(json);
    free(text);

    /* more steps than an epoch has */
    ck_assert_int_eq(run("bench --steps 50 --batch 30 --data . --json"), 0);
    text = contents("printed", &length);
    json = net_json_read(text, length, error, sizeof error);
    ck_assert_msg(json != NULL, "%s", error);
    ck_assert_double_gt(net_json_member(json, "loaded_step_ms")->number, 0.0);
    ck_assert_double_ge(net_json_member(json, "waiting_share")->number, 0.0);
    ck_assert_double_le(net_json_member(json, "waiting_share")->number, 1.0);
    net_json_free(json);
    free(text);

    ck_assert_int_eq(run("find_lr --steps 60 --threads 1 -o lr.csv"), 0);
    ck_assert(printed("it falls fastest at lr "));
    ck_assert_int_eq(run("find-lr --steps 60 --threads 3 -o again.csv"), 0);
    ck_assert(same_files("lr.csv", "again.csv"));
    ck_assert_int_eq(run("summary"), 0);
    ck_assert(printed(" Total params: 326 (1.27 KB)\n"));
    ck_assert_int_eq(run("config --lr 0.25"), 0);
    ck_assert(printed("0.25           flag"));
    ck_assert_int_eq(run("--help"), 0);
    ck_assert_int_eq(run("--version"), 0);
}
END_TEST

TCase *trainer_tests(void)
{
    TCase *t = tcase_create("trainers");

    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, a_run_has_its_folder);
    tcase_add_loop_test(t, threads_do_not_show, 0, 3);
    tcase_add_loop_test(t, resume_is_exact, 0, 4);
    tcase_add_test(t, resume_refuses_other_settings);
    tcase_add_loop_test(t, signals_end_after_the_step, 0, 2);
    tcase_add_test(t, sigusr1_saves_and_goes_on);
    tcase_add_test(t, divergence_is_told);
    tcase_add_loop_test(t, damaged_files_are_refused, 0, 2);
    tcase_add_loop_test(t, other_weights_are_named, 0, LENGTH(weights));
    tcase_add_loop_test(t, wrong_usage_is_2, 0, LENGTH(usage));
    tcase_add_test(t, exact_comparisons);
    tcase_add_test(t, gradcheck_tells_right_from_wrong);
    tcase_add_test(t, bench_and_the_rest);
    return t;
}
