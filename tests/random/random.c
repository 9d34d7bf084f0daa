/*
 * random.c -- random networks through the whole compiler: COUNT of them from SEED on, 50 from 1
 * unless the environment says otherwise.
 *
 * The one idea: everything that is told of one network holds for any. Its gradients are differences
 * of its loss in double; the compiled kernels agree with that graph, value by value, and with
 * themselves on 1, 2 and 3 threads, for full and partial batches, on every target of the machine in
 * each tenth network and on one of them in the others; where nothing is random, evaluation has the
 * loss of training. With FOLDER=DIR a network is written there with data (random.sh).
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random/network.h"
#include "support/graph_test.h"
#include "support/kernel_test.h"

Suite *suite_random(void);

static int from_environment(const char *name, int otherwise)
{
    const char *text = getenv(name);

    return text ? atoi(text) : otherwise;
}

static FILE *open_in(const char *folder, const char *name)
{
    FILE *file = fopen(format("%s/%s", folder, name), "w");

    ck_assert_ptr_nonnull(file);
    return file;
}

static void keep(const RandomNetwork *network, uint64_t seed, const char *folder)
{
    FILE *text = open_in(folder, "network.net"), *rows = open_in(folder, "rows.csv");

    fputs(network->text, text);
    write_rows(rows, network, seed, 40);
    ck_assert_int_eq(fclose(text) | fclose(rows), 0);
}

static double reference_loss(const Graph *g, int n)
{
    Reference *r = random_reference(g, n, 11);

    evaluate_reference(r);
    return *r->at[g->loss->id];
}

static void check_graphs(const RandomNetwork *network, uint64_t seed)
{
    Model *model = model_of(network->text);

    model->max_batch = model->batch;
    Graph *train = lower(model, MODE_TRAIN), *evaluate = lower(model, MODE_EVALUATE);
    const int n = model->batch < 3 ? model->batch : 3;

    autodiff(train);
    check_gradients(train, n, format("network %lu", (unsigned long)seed));
    if (network->plain) {
        const double a = reference_loss(train, n), b = reference_loss(evaluate, n);

        ck_assert_msg(fabs(a - b) <= 1e-12 * (1 + fabs(a)),
                      "training has loss %.15g, evaluation %.15g", a, b);
    }
}

/* On the first target every value against the reference. */
static void check_kernels(const char *text, const char *const *targets, int count)
{
    Outcome first[2];

    for (int i = 0; i < count; i++) {
        Compiled c = plan_model(text, targets[i]);
        const int batch = c.model->batch, partial = batch > 13 ? 13 : batch > 2 ? 2 : batch;

        start_clang(&c);
        load_model(&c);
        for (int s = 0; s < 2; s++) {
            const int n = s ? partial : batch;
            const Outcome one = check_step(&c, n, i == 0);

            if (i == 0)
                first[s] = one;
            check_same_bits(&first[s], &one, format("%s and %s", targets[0], targets[i]));
            for (int threads = 2; threads <= 3 && s == 0 && i == 0; threads++) {
                const Outcome many = run_step(&c, n, threads);

                check_same_bits(&one, &many, format("1 thread and %d", threads));
            }
        }
    }
}

START_TEST(network)
{
    const uint64_t seed = (uint64_t)(from_environment("SEED", 1) + _i);
    const RandomNetwork network = random_network(seed);
    const char *targets[MAX_TARGETS], *folder = getenv("FOLDER");
    const int count = find_targets(targets);

    if (folder) {
        keep(&network, seed, folder);
        return;
    }
    check_graphs(&network, seed);
    if (seed % 10 == 0)
        check_kernels(network.text, targets, count);
    else
        check_kernels(network.text, &targets[seed % (uint64_t)count], 1);
}
END_TEST

/* What random networks have found, as short as it can be. */
START_TEST(found)
{
    /* a weight of few outputs, whose inputs have more segments in evaluation; the gradient of a
       mean that lies as a flat sequence; a batchnorm of a sequence behind one of what it is flat */
    static const char few[] = "    a = x -> dense(33)\n    b = x -> dense(33)\n"
                              "    c = concat(a, b) -> reshape(22, 3) -> gaussian_noise(0.1)\n"
                              "    concat(c -> flatten, a, b, x -> dense(33), x -> dense(33))"
                              " -> dense(3)\n";
    static const char mean[] = "    m = x -> dense(20) -> reshape(20, 1) -> global_avgpool1d\n"
                               "    m -> dropout(0.3) -> reshape(5, 4) -> gaussian_noise(0.1)"
                               " -> flatten -> dense(3)\n";
    static const char *const bodies[] = {few, mean, "    x -> part -> part -> dense(3)\n"};
    const char *targets[MAX_TARGETS];
    const int count = find_targets(targets);
    const char *text = format(
        "data {\n    train = npy(x=\"x.npy\", t=\"t.npy\")\n    input x[20] = x\n"
        "    target t[3] = t\n}\n"
        "network part(v) { v -> reshape(5, 4) -> batchnorm -> flatten -> batchnorm }\n"
        "network net(x) {\n%s}\n"
        "train {\n    loss = mse(net(x), t)\n    optimizer = sgd(lr=0.1)\n    batch = 17\n}\n",
        bodies[_i]);

    check_kernels(text, targets, count);
}
END_TEST

Suite *suite_random(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("networks");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, network, 0, from_environment("COUNT", is_sanitized() ? 5 : 50));
    tcase_add_loop_test(tcase, found, 0, getenv("COUNT") ? 0 : 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
