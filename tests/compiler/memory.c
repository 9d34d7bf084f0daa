/*
 * memory.c -- how much memory a step is planned to have.
 */

#define _POSIX_C_SOURCE 200809L

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/kernel_test.h"

TCase *memory_tests(void); /* for plan.c */

/* A batch of few rows has room for these, and not for sixteen. */
START_TEST(test_few_rows)
{
    static const int rows[] = {16, 8, 5, 4, 1}, images[] = {16, 8, 8, 4, 4};
    static const char model[] = "data {\n"
                                "    train = npy(y=\"y.npy\", t=\"t.npy\")\n"
                                "    input y[3, 6, 6] = y\n"
                                "    target t[9] = t\n"
                                "}\n"
                                "network net(y) { y -> conv2d(16, 3, padding=1) -> relu\n"
                                "                   -> conv2d(16, 3) -> flatten -> dense(9) }\n"
                                "train {\n"
                                "    loss = mse(net(y), t)\n"
                                "    optimizer = sgd(lr=0.1)\n"
                                "    batch = %d\n"
                                "}\n";

    for (int i = 0; i < COUNT(rows); i++) {
        const Compiled c = plan_model(format(model, rows[i]), "avx512");
        const Layout *v = root_of(c.train->graph->prediction)->layout;

        ck_assert_int_eq(v->images, images[i]);
        ck_assert_uint_eq(v->buffer->size, (size_t)images[i] * 16 * sizeof(float));
    }
}
END_TEST

static bool is_form(const Buffer *buffer)
{
    return strstr(buffer->name, ", trans") != NULL;
}

/* Forms of weights live for the phase before their reader and for that of it; those of layers that
   follow each other have one memory. */
START_TEST(test_weight_forms)
{
    const Compiled c = plan_body("    y -> conv2d(32, 3, padding=1) -> conv2d(32, 3, padding=1)\n"
                                 "      -> conv2d(32, 3, padding=1) -> relu\n"
                                 "      -> conv2d(32, 3, padding=1) -> flatten -> dense(9)\n",
                                 "avx512");
    size_t all = 0, most = 0;

    for (int i = 0; i < c.train->buffer_count; i++) {
        const Buffer *buffer = c.train->buffers[i];

        if (!is_form(buffer))
            continue;
        ck_assert_msg(buffer->last - buffer->first <= 1, "%s lives in phases %d to %d",
                      buffer->name, buffer->first, buffer->last);
        all += buffer->size;
    }
    for (int phase = 0; phase < c.train->phases; phase++) {
        size_t live = 0;

        for (int i = 0; i < c.train->buffer_count; i++)
            if (is_form(c.train->buffers[i]) && c.train->buffers[i]->first <= phase &&
                phase <= c.train->buffers[i]->last)
                live += c.train->buffers[i]->size;
        most = live > most ? live : most;
    }
    ck_assert_uint_gt(all, 0);
    ck_assert_msg(3 * most <= all, "%zu of %zu bytes of forms live at once", most, all);
}
END_TEST

/* A chain that goes through every batch block by itself is no single phase where its values are
   large: evaluation has memory for a few of them. */
START_TEST(test_large_chain)
{
    const Compiled c = plan_model(
        "data {\n"
        "    train = npy(y=\"y.npy\", t=\"t.npy\")\n"
        "    input y[16, 12000] = y\n"
        "    target t[9] = t\n"
        "}\n"
        "network net(y) {\n"
        "    x = y\n"
        "    for i in 1..8 { x = x -> conv1d(16, 3, padding=1) -> relu }\n"
        "    x -> max -> dense(9)\n"
        "}\n"
        "train {\n"
        "    loss = mse(net(y), t)\n"
        "    optimizer = sgd(lr=0.1)\n"
        "    batch = 16\n"
        "}\n",
        "avx512");

    ck_assert_uint_lt(c.evaluate->arena, 4 * (size_t)(16 * 16 * 12000 * sizeof(float)));
}
END_TEST

/* What `--summary` tells of the largest phase adds up to what lives there. */
START_TEST(test_peak)
{
    const Compiled c = plan_body("    y -> conv2d(32, 3, padding=1) -> conv2d(32, 3, padding=1)\n"
                                 "      -> relu -> maxpool2d(2) -> dropout(0.5) -> flatten\n"
                                 "      -> dense(9)\n",
                                 "avx512");
    char *text = NULL, *at;
    size_t length = 0, most = 0;
    double told = 0;
    FILE *out = open_memstream(&text, &length);

    ck_assert_ptr_nonnull(out);
    print_peak(out, c.train);
    ck_assert_int_eq(fclose(out), 0);
    for (int phase = 0; phase < c.train->phases; phase++) {
        size_t live = 0;

        for (int i = 0; i < c.train->buffer_count; i++)
            if (c.train->buffers[i]->first <= phase && phase <= c.train->buffers[i]->last)
                live += c.train->buffers[i]->size;
        most = live > most ? live : most;
    }
    ck_assert_msg(strstr(text, "net.conv2d_2: ") && strstr(text, " activations ") &&
                      strstr(text, " weights in other forms "),
                  "%s", text);
    for (at = text; (at = strstr(at, " MB")); at += 3) {
        const char *number = at;

        while (number > text && number[-1] != ' ')
            number--;
        told += strtod(number, NULL);
    }
    ck_assert_msg(fabs(told - (double)most / (1 << 20)) < 0.06, "%s of %zu bytes", text, most);
    free(text);
}
END_TEST

TCase *memory_tests(void)
{
    TCase *t = tcase_create("memory");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_few_rows);
    tcase_add_test(t, test_weight_forms);
    tcase_add_test(t, test_large_chain);
    tcase_add_test(t, test_peak);
    return t;
}
