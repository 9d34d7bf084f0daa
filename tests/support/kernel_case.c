/*
 * kernel_case.c -- one network through the whole compiler, tried in every way there is.
 *
 * The one idea: a model holds many branches of one operation, so that few generated files cover
 * many shapes. Networks such as `tower` and `filter` are there for all of them to call.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "support/kernel_test.h"

/* Networks that a case may call. */
static const char *const shared[][2] = {
    {"tower", "network tower(v) { v -> dense(17) -> batchnorm -> tanh -> dense(5) }\n"},
    {"shared", "network shared(i) { i -> conv2d(17, 3, padding=1) }\n"},
    {"filter", "network filter(i) { i -> conv2d(5, 3, padding=1) -> batchnorm -> relu }\n"},
    {"words", "network words(s) { s -> embedding(17, padding_row=1) -> flatten -> dense(5) }\n"},
    {"place", "network place(s) { s -> positions }\n"},
    {"unit", "network unit(s) { s -> dense(5) }\n"},
    {"few", "network few(s) { s -> dense(2) }\n"},
    {"beside", "network beside(s, h) { concat(s, h) -> dense(5) }\n"},
};

static bool calls(const char *body, const char *network)
{
    const size_t length = strlen(network);

    for (const char *at = body; (at = strstr(at, network)); at += length)
        if ((at == body || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[length]))
            return true;
    return false;
}

/* Those it calls, since netc warns of every other. */
static const char *called_networks(const char *body)
{
    const char *text = "";

    for (int i = 0; i < COUNT(shared); i++)
        if (calls(body, shared[i][0]))
            text = format("%s%s", text, shared[i][1]);
    return text;
}

const char *kernel_model(const KernelCase *c)
{
    static const char arrays[] = "npy(x=\"x.npy\", y=\"y.npy\", z=\"z.npy\", u=\"u.npy\", "
                                 "v=\"v.npy\", w=\"w.npy\", t=\"t.npy\")";
    const int name = (int)strcspn(c->loss, ",");

    return format("data {\n"
                  "    train = %s\n"
                  "    %s\n"
                  "    target t%s\n"
                  "}\n"
                  "%s"
                  "network net(%s) {\n%s}\n"
                  "train {\n"
                  "    loss = %.*s(net(%s), t%s)\n"
                  "    optimizer = sgd(lr=0.1)\n"
                  "    batch = %d\n"
                  "}\n",
                  strstr(c->target, "columns") ? "csv(\"x.csv\")" : arrays, c->inputs, c->target,
                  called_networks(c->body), c->arguments, c->body, name, c->loss, c->arguments,
                  c->loss + name, c->batch);
}

/* All sizes of batch that a model is tried with: full, and up to four partial ones; the sanitizers,
 * under which the reference is slow, see one of those. */
static int find_sizes(const KernelCase *c, int sizes[5])
{
    static const int partial[] = {1, 3, 13, 50};
    const int most = is_sanitized() ? 2 : 1 + COUNT(partial);
    int count = 0;

    sizes[count++] = c->batch;
    for (int i = 0; i < COUNT(partial) && count < most; i++)
        if (partial[i] < c->batch && partial[i] >= c->least)
            sizes[count++] = partial[i];
    return count;
}

/* Emulated fused multiply-adds are slow, and shared out no differently. */
int most_threads(const char *target)
{
    return same(target, "generic") ? 1 : 3;
}

/* The generated C for `generic` is that for avx2: a part of the cases is enough to try vec.h. */
static int choose_targets(const KernelCase *c, const char *targets[MAX_TARGETS])
{
    const int count = find_targets(targets);

    return count > 1 && !c->emulated && same(targets[count - 1], "generic") ? count - 1 : count;
}

void check_kernel_case(const KernelCase *c)
{
    check_kernel_text(c, kernel_model(c));
}

/* What the sanitizers see of a case: netc, for every target. The kernels' code is not theirs, and
   is the same in the plain build. */
static void check_generated(const char *text)
{
    for (int i = 0; i < ALL_TARGETS; i++) {
        const Compiled c = plan_model(text, all_targets[i]);

        ck_assert(*generate(&c) != '\0');
    }
}

void check_kernel_text(const KernelCase *c, const char *text)
{
    const char *targets[MAX_TARGETS];

    check_kernel_on(c, text, targets, choose_targets(c, targets));
}

void check_kernel_on(const KernelCase *c, const char *text, const char *const *targets,
                     int target_count)
{
    Compiled compiled[MAX_TARGETS];
    int sizes[5];
    const int size_count = find_sizes(c, sizes);
    Outcome first[5];

    if (is_sanitized() && !getenv("LONG")) {
        check_generated(text);
        return;
    }
    for (int i = 0; i < target_count; i++) {
        compiled[i] = plan_model(text, targets[i]);
        start_clang(&compiled[i]);
    }
    for (int i = 0; i < target_count; i++) {
        load_model(&compiled[i]);
        for (int s = 0; s < size_count; s++) {
            const Outcome one = check_step(&compiled[i], sizes[s], i == 0);

            if (i == 0)
                first[s] = one;
            check_same_bits(&first[s], &one,
                            format("%s and %s, n = %d", targets[0], targets[i], sizes[s]));
            for (int threads = 2; threads <= most_threads(targets[i]) && s < 2; threads++) {
                const Outcome many = run_step(&compiled[i], sizes[s], threads);

                check_same_bits(
                    &one, &many,
                    format("%s, n = %d, 1 thread and %d", targets[i], sizes[s], threads));
            }
        }
    }
}

/* The case of this number or name; `count` where there is none. */
static int find_case(const KernelCase *cases, int count, const char *only)
{
    char *end;
    const long number = strtol(only, &end, 10);

    if (*only && !*end)
        return number >= 0 && number < count ? (int)number : count;
    for (int i = 0; i < count; i++)
        if (same(cases[i].name, only))
            return i;
    return count;
}

START_TEST(no_such_case)
{
    ck_abort_msg("this suite has no case of the number or name CASE=%s", getenv("CASE"));
}
END_TEST

TCase *add_cases(Suite *suite, const TTest *test, const KernelCase *cases, int count)
{
    const char *only = getenv("CASE");
    const int first = only ? find_case(cases, count, only) : 0;
    TCase *tcase = tcase_create("against the reference");

    tcase_set_timeout(tcase, 300);
    if (first == count)
        tcase_add_test(tcase, no_such_case);
    else
        tcase_add_loop_test(tcase, test, first, only ? first + 1 : count);
    suite_add_tcase(suite, tcase);
    return tcase;
}
