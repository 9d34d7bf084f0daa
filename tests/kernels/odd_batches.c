/*
 * odd_batches.c -- steps on batches that no sum expects: of what is not a number, of one row.
 */

#include <check.h>
#include <math.h>
#include <string.h>

#include "support/kernel_test.h"

TCase *odd_batch_tests(void); /* for kernels.c */

/* Of every activation and function a result; $ is what it is of. */
static const char *const results[] = {
#define ACTIVATION(NAME, name, ...) #name "($)",
#define PARAMETRIC(...)
#include "graph/ops.def"
    "leaky_relu($)",   "elu($)",  "selu($)",       "softmax($)",
    "clamp($, -1, 1)", "2 / ($)", "max($, 1 + $)", "min(2 * $, $)"};

/* What one result of a dense layer more need not show. */
static const char few[] = "exp($) log($) sqrt($) square($) abs($) sin($) cos($) reciprocal($) "
                          "clamp($, -1, 1) 2 / ($) max($, 1 + $) min(2 * $, $)";

/* All of them, of NaN and of a dense layer; `width`: of their results together. */
static const char *results_text(int *width)
{
    Text text = {0};

    *width = 0;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < COUNT(results); i++) {
            if (k && strstr(few, results[i]))
                continue;
            text_add(&text, *width ? ", " : "    concat(");
            for (const char *at = results[i]; *at; at++)
                if (*at == '$')
                    text_add(&text, "%s", k ? "nan -> dense(5)" : "nan");
                else
                    text_add(&text, "%c", *at);
            *width += k ? 5 : 3;
        }
    text_add(&text, ")\n");
    return text.at;
}

/* What is not a number comes through every activation and every loss: a network that has diverged
   shows it in the step in which it does. */
START_TEST(nan_reaches_the_loss)
{
#define ONE_OF_MANY "    concat(x -> dense(2), nan, x -> dense(2))\n"
#define LOSS(target, loss)                                                                         \
    {                                                                                              \
        loss, 16, 1, true, "input x[3] = x\n    input nan[1] = y", target, "x, nan", ONE_OF_MANY,  \
            loss                                                                                   \
    }
    int width;
    const char *of_nan = results_text(&width);
    const KernelCase all[] = {
        {"activations", 16, 1, true, "input nan[3] = x", format("[%d] = t", width), "nan", of_nan,
         "mse"},
        LOSS("[5] = t", "mse"),
        LOSS("[5] = t", "mae"),
        LOSS("[5] = t", "huber, delta=0.5"),
        LOSS("[5] = t", "smooth_l1, beta=0.5"),
        LOSS("[5] = t", "binary_cross_entropy"),
        LOSS(" = t -> classes(5)", "cross_entropy"),
        LOSS(" = t -> classes(5)", "cross_entropy, smoothing=0.1"),
    };
    const char *targets[MAX_TARGETS];
    const int target_count = find_targets(targets);

    for (int i = 0; i < COUNT(all); i++) {
        Compiled compiled[MAX_TARGETS];

        for (int j = 0; j < target_count; j++) {
            compiled[j] = plan_model(kernel_model(&all[i]), targets[j]);
            start_clang(&compiled[j]);
        }
        for (int j = 0; j < target_count; j++) {
            load_model(&compiled[j]);
            const Outcome o = run_losses(&compiled[j], 13);

            ck_assert_msg(isnan(o.loss) && isnan(o.evaluated_loss), "%s of NaN on %s: %g, %g",
                          all[i].name, targets[j], (double)o.loss, (double)o.evaluated_loss);
            for (long k = 0; i == 0 && k < o.count; k++)
                if (!isnan(o.numbers[k]))
                    ck_abort_msg("prediction %ld on %s is %g", k, targets[j], (double)o.numbers[k]);
        }
    }
}
END_TEST

/* A batch of one row has no variance: the running statistics of a batchnorm over one number a row
   stay as they were, those over an image move. */
START_TEST(one_row_leaves_running_statistics)
{
    static const KernelCase c = {"one row",
                                 16,
                                 1,
                                 true,
                                 "input x[2, 3, 3] = x",
                                 "[3] = t",
                                 "x",
                                 "    x -> batchnorm -> flatten -> dense(5) -> batchnorm\n"
                                 "      -> dense(3)\n",
                                 "mse"};
    const char *targets[MAX_TARGETS];
    const int target_count = find_targets(targets);

    for (int i = 0; i < target_count; i++) {
        Compiled compiled = plan_model(kernel_model(&c), targets[i]);
        int moved = 0, still = 0;

        start_clang(&compiled);
        load_model(&compiled);
        check_step(&compiled, 1, true);
        const Outcome one = run_training(&compiled, 1, 1, 1);
        const Outcome none = run_training(&compiled, 1, 1, 0);

        for (long k = 0; k < one.count; k++) {
            if (!strstr(one.names[k], "running"))
                continue;
            const bool same_number = !memcmp(&one.numbers[k], &none.numbers[k], sizeof(float));

            ck_assert_msg(same_number == !strstr(one.names[k], "batchnorm_1"),
                          "%s: %s is %.9g, was %.9g", targets[i], one.names[k],
                          (double)one.numbers[k], (double)none.numbers[k]);
            moved += !same_number;
            still += same_number;
        }
        ck_assert_int_eq(moved, 4);
        ck_assert_int_eq(still, 10);
    }
}
END_TEST

/* Batch blocks of eight images and of four: of packed, Winograd's and depthwise convolutions, with
   the batch in the lanes, of norms, pools, attention and states over time, with dropout. */
START_TEST(blocks_of_few_images)
{
    static const KernelCase cases[] = {
#define FEW(rows, loss, target)                                                                    \
    {"few rows",                                                                                   \
     rows,                                                                                         \
     1,                                                                                            \
     true,                                                                                         \
     "input x[3, 9, 10] = x",                                                                      \
     target,                                                                                       \
     "x",                                                                                          \
     "    a = x -> conv2d(17, 3, padding=1) -> batchnorm -> relu -> maxpool2d(2)\n"                \
     "    b = a -> conv2d(20, 3, padding=1) -> dropout(0.3) -> tanh\n"                             \
     "    c = b -> conv2d(20, 3, padding=1, groups=20) -> upsample2d(2) -> avgpool2d(2)\n"         \
     "    d = c -> reshape(20, 20) -> layernorm -> attention(heads=2)\n"                           \
     "    e = c -> conv2d(4, 3) -> conv2d(3, 2, padding=1) -> flatten\n"                           \
     "    concat(d -> gru(9) -> flatten, d -> softmax -> mean, e) -> dense(19)\n",                 \
     loss}
        FEW(7, "mse", "[19] = t"),
        FEW(3, "cross_entropy, smoothing=0.1", "= t -> classes(19)"),
#undef FEW
    };

    check_kernel_case(&cases[_i]);
}
END_TEST

TCase *odd_batch_tests(void)
{
    TCase *t = tcase_create("odd batches");

    tcase_set_timeout(t, 400);
    tcase_add_test(t, one_row_leaves_running_statistics);
    tcase_add_test(t, nan_reaches_the_loss);
    tcase_add_loop_test(t, blocks_of_few_images, 0, 2);
    return t;
}
