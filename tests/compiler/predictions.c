/*
 * predictions.c -- which result of a network metrics and `predict` are of, and what a loss wants of
 * its target; which view of a picture a target moves with.
 */

#include <check.h>

#include "support/graph_test.h"

TCase *predictions_tests(void);

static Model *model_of_loss(const char *loss)
{
    return model_of(format("data {\n"
                           "    train = npy(x=\"x.npy\", y=\"y.npy\")\n"
                           "    input x[3] = x\n"
                           "    target y = y\n"
                           "}\n"
                           "network n(x) {\n"
                           "    a = x -> dense(1)\n"
                           "    b = x -> dense(1) -> softplus\n"
                           "    return a, b\n"
                           "}\n"
                           "network other(x) { x -> dense(1) }\n"
                           "network deeper(z) { z -> dense(1) }\n"
                           "loss own(p, t) { return mean(square(p - t)) }\n"
                           "loss first(several, t) {\n"
                           "    p, _ = several\n"
                           "    return mean(square(p - t))\n"
                           "}\n"
                           "train {\n"
                           "    loss      = %s\n"
                           "    optimizer = sgd(0.1)\n"
                           "}\n",
                           loss));
}

START_TEST(prediction_stands_beside_the_target)
{
    static const struct {
        const char *loss, *prediction, *first_term;
    } cases[] = {
        {"quantile(n(x)[0], y)", "n.a", "loss_quantile"},
        {"quantile(n(x)[1], y, q=0.9)", "n.softplus", "loss_quantile"},
        {"gaussian_nll(n(x)[0], y, n(x)[1])", "n.a", "loss_gaussian_nll"},
        {"own(n(x)[1], y)", "n.softplus", "loss_own"},
        {"first(n(x), y)", "n.a", "loss_first"},
        {"mean(square(n(x)[1] - y))", "n.softplus", "loss_y"},
        {"mean(square(deeper(n(x)[1]) - y) + n(x)[0])", "deeper.dense", "loss_y"},
        {"0.1 * kl_normal(n(x)[0], n(x)[1]) + mse(n(x)[1], y)", "n.softplus", "loss_y"},
        {"0.1 * mean(square(n(x)[0])) + quantile(n(x)[1], y)", "n.softplus", "loss_quantile"},
        {"mean(abs(n(x)[0] - y) * x * other(x))", "n.a", "loss_y"},
        {"mse(n(x)[1], y) + 0.1 * mean(square(n(x)[0]))", "n.softplus", "loss_y"},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const Model *model = model_of_loss(cases[i].loss);
        const Layer *prediction = model->terms[0].prediction;

        ck_assert_str_eq(model->terms[0].name, cases[i].first_term);
        ck_assert_msg(same(prediction->path, cases[i].prediction) ||
                          (prediction->input_count == 1 &&
                           same(prediction->inputs[0]->path, cases[i].prediction)),
                      "%s: %s", cases[i].loss, prediction->path);
    }
}
END_TEST

START_TEST(targets_have_a_range)
{
    const Term *term = model_of_loss("hinge(n(x)[0], y)")->terms;

    ck_assert(term->wanted.ends && term->wanted.least == -1 && term->wanted.most == 1);
    ck_assert(!term->logits);
    term = model_of_loss("focal(n(x)[0], y)")->terms;
    ck_assert(term->wanted.ends && term->wanted.least == 0 && term->wanted.most == 1);
    ck_assert(term->logits);
    term = model_of_loss("binary_cross_entropy(n(x)[0], y)")->terms;
    ck_assert(!term->wanted.ends && term->wanted.most == 1);
    term = model_of_loss("poisson(n(x)[1], y)")->terms;
    ck_assert(term->wanted.least == 0 && term->wanted.most > 1e30);
    term = model_of_loss("quantile(n(x)[1], y)")->terms;
    ck_assert(term->wanted.most == term->wanted.least);
}
END_TEST

/* The first view that the model has: of a map of classes, of a target of the same picture. */
START_TEST(targets_follow_a_view)
{
    static const struct {
        const char *target, *loss, *followed;
    } cases[] = {
        {"map[8, 8] = m -> classes(4)", "cross_entropy(n(one + two), map)", "one"},
        {"map[8, 8] = m -> classes(4)", "cross_entropy(n(two), map)", "two"},
        {"map[8, 8] = m -> classes(4)", "cross_entropy(n(still), map)", NULL},
        {"map[4, 8, 8] = a", "mse(n(two + one), map)", "one"},
        {"map[4, 8, 8] = a", "mse(n(two), map)", "two"},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const Model *model = model_of(
            format("data {\n"
                   "    train = npy(a=\"a.npy\", b=\"b.npy\", m=\"m.npy\")\n"
                   "    input one[4, 8, 8] = a\n"
                   "    input two[4, 8, 8] = a\n"
                   "    input still[4, 8, 8] = b\n"
                   "    target %s\n"
                   "    augment one = random_flip\n"
                   "    augment two = random_vertical_flip\n"
                   "}\n"
                   "network n(x) { x -> conv2d(4, 1) }\n"
                   "train {\n"
                   "    loss      = %s\n"
                   "    optimizer = sgd(0.1)\n"
                   "}\n",
                   cases[i].target, cases[i].loss));
        const Field *map = model->terms[0].target, *followed = map->moved_with;

        ck_assert(same(followed ? followed->name : NULL, cases[i].followed));
        ck_assert_int_eq(map->augment_count, followed ? 1 : 0);
        if (followed)
            ck_assert_ptr_eq(map->augments[0], followed->augments[0]);
    }
}
END_TEST

TCase *predictions_tests(void)
{
    TCase *predictions = tcase_create("predictions");

    tcase_add_test(predictions, prediction_stands_beside_the_target);
    tcase_add_test(predictions, targets_have_a_range);
    tcase_add_test(predictions, targets_follow_a_view);
    return predictions;
}
