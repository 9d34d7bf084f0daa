/*
 * schedules.c -- rates against torch.optim.lr_scheduler in double, and what watching decides.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "support/length.h"
#include "support/tiny_model.h"

TCase *schedule_tests(void); /* for training.c */

static const double milestones[] = {2, 5, 6};
static const struct net_arg epochs_4[] = {{.name = "epochs", .number = 4, .given = true}},
                            epochs_2[] = {{.name = "epochs", .number = 2, .given = true}},
                            epochs_none[] = {{.name = "epochs", .none = true}},
                            step_args[] = {{.name = "size", .number = 3},
                                           {.name = "gamma", .number = 0.1}},
                            multistep_args[] = {{.name = "epochs", .list = milestones, .count = 3},
                                                {.name = "gamma", .number = 0.5}},
                            half[] = {{.name = "gamma", .number = 0.5}},
                            cosine_args[] = {{.name = "minimum", .number = 0.1}},
                            plateau_args[] = {{.name = "factor", .number = 0.1},
                                              {.name = "patience", .number = 1},
                                              {.name = "monitor", .text = "validation_loss"}},
                            climb_args[] = {{.name = "factor", .number = 0.5},
                                            {.name = "patience", .number = 2},
                                            {.name = "monitor", .text = "accuracy"}},
                            stop_args[] = {{.name = "patience", .number = 3},
                                           {.name = "monitor", .text = "accuracy"}};

#define CALL(text, arguments, count)                                                               \
    {                                                                                              \
        .name = text, .args = arguments, .arg_count = count                                        \
    }

static const struct net_call constant[] = {CALL("constant", epochs_none, 1)},
                             warmup[] = {CALL("warmup", epochs_4, 1)},
                             step[] = {CALL("step", step_args, 2)},
                             multistep[] = {CALL("multistep", multistep_args, 2)},
                             exponential[] = {CALL("exponential", half, 1)},
                             cosine[] = {CALL("cosine", cosine_args, 1)},
                             warm_cosine[] = {CALL("warmup", epochs_4, 1),
                                              CALL("cosine", cosine_args, 1)},
                             three[] = {CALL("warmup", epochs_2, 1), CALL("constant", epochs_4, 1),
                                        CALL("exponential", half, 1)},
                             plateau[] = {CALL("plateau", plateau_args, 3)},
                             climb[] = {CALL("warmup", epochs_4, 1),
                                        CALL("plateau", climb_args, 3)},
                             early_stop = CALL("early_stop", stop_args, 2);

static const struct {
    const struct net_call *schedule;
    int count;
    double rate[8]; /* of 8 epochs, lr 1 */
} rates[] = {
    {constant, 1, {1, 1, 1, 1, 1, 1, 1, 1}},
    {warmup, 1, {0.25, 0.5, 0.75, 1, 1, 1, 1, 1}},
    {step, 1, {1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01}},
    {multistep, 1, {1, 1, 0.5, 0.5, 0.5, 0.25, 0.125, 0.125}},
    {exponential, 1, {1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125}},
    {cosine,
     1,
     {1, 0.965745789630079, 0.868198051533946, 0.72220754456429, 0.55, 0.37779245543571,
      0.231801948466054, 0.134254210369921}},
    {warm_cosine, 2, {0.25, 0.5, 0.75, 1, 1, 0.868198051533946, 0.55, 0.231801948466054}},
    {three, 3, {0.5, 1, 1, 1, 1, 1, 1, 0.5}},
};

START_TEST(schedules_agree_with_pytorch)
{
    struct net_model model = tiny_model;
    struct net_state state = {.plateau_scale = 1};
    struct net_options options;

    model.schedule = rates[_i].schedule;
    model.schedule_count = rates[_i].count;
    read_options(&options, &model, "--epochs 8 --lr 1");
    for (state.epoch = 0; state.epoch < 8; state.epoch++)
        ck_assert_double_eq_tol(net_schedule_rate(&options, &state), rates[_i].rate[state.epoch],
                                1e-12);
    net_options_free(&options);
}
END_TEST

START_TEST(one_cycle_agrees_with_pytorch)
{
    static const struct net_arg args[] = {
        {.name = "pct_start", .number = 0.3},        {.name = "div_factor", .number = 25},
        {.name = "final_div_factor", .number = 1e4}, {.name = "cycle_momentum", .number = 1},
        {.name = "base_momentum", .number = 0.85},   {.name = "max_momentum", .number = 0.95}};
    static const struct net_call onecycle = CALL("onecycle", args, 6);
    static const double wanted[8][2] = {{0.04, 0.95},
                                        {0.819275104892192, 0.868825509907063},
                                        {0.971941777387523, 0.852805833484582},
                                        {0.811745653949763, 0.868825509907063},
                                        {0.555984014122702, 0.894401776194835},
                                        {0.283060998208699, 0.921694186955878},
                                        {0.0766415938342564, 0.942336209961414},
                                        {4e-06, 0.95}};
    struct net_model model = tiny_model;
    struct net_options options;

    model.schedule = &onecycle;
    model.schedule_count = 1;
    model.cycle = net_one_cycle;
    read_options(&options, &model, "--epochs 8 --lr 1");
    for (int step = 0; step < 9; step++) { /* one behind the last has the last one's */
        const double *want = wanted[step < 8 ? step : 7];
        const struct net_cycle cycle = net_one_cycle(&options, step, 8, 1);
        const struct net_state state = {.plateau_scale = 1};

        ck_assert_double_eq_tol(cycle.rate, want[0], 1e-12);
        ck_assert_double_eq_tol(cycle.momentum, want[1], 1e-12);
        if (step < 8) /* an epoch of a step */
            ck_assert_double_eq(net_schedule_rate_of(&options, &state, step, 8), cycle.rate);
    }
    net_options_free(&options);
}
END_TEST

/* A run of 4 epochs of 2 steps. */
START_TEST(rates_by_steps)
{
    static const struct net_arg steps_4[] = {{.name = "epochs", .none = true},
                                             {.name = "steps", .number = 4, .given = true}},
                                by_step[] = {{.name = "minimum", .number = 0.1},
                                             {.name = "by", .text = "step", .given = true}};
    static const struct net_call whole[] = {CALL("cosine", by_step, 2)},
                                 both[] = {CALL("warmup", steps_4, 2), CALL("cosine", by_step, 2)},
                                 mixed[] = {CALL("warmup", steps_4, 2),
                                            CALL("exponential", half, 1)},
                                 later[] = {CALL("warmup", epochs_2, 1),
                                            CALL("cosine", by_step, 2)};
    static const struct {
        const struct net_call *schedule;
        int count;
        double rate[8];
    } cases[] = {
        {whole,
         1,
         {1, 0.965745789630079, 0.868198051533946, 0.72220754456429, 0.55, 0.37779245543571,
          0.231801948466054, 0.134254210369921}},
        {both, 2, {0.25, 0.5, 0.75, 1, 1, 0.868198051533946, 0.55, 0.231801948466054}},
        {mixed, 2, {0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5}},
        {later, 2, {0.5, 0.5, 1, 1, 1, 0.868198051533946, 0.55, 0.231801948466054}},
    };
    const struct net_state state = {.plateau_scale = 1, .epoch_steps = 2};
    struct net_model model = tiny_model;
    struct net_options options;

    model.cycle = net_rate_by_steps;
    for (int i = 0; i < LENGTH(cases); i++) {
        model.schedule = cases[i].schedule;
        model.schedule_count = cases[i].count;
        read_options(&options, &model, "--epochs 4 --lr 1");
        for (int at = 0; at < 8; at++) {
            const struct net_cycle now = net_rate_by_steps(&options, at, 8, 2);

            ck_assert_double_eq_tol(now.rate, cases[i].rate[at], 1e-12);
            ck_assert_double_lt(now.momentum, 0);
            if (at % 2 == 0)
                ck_assert_double_eq(net_schedule_rate_of(&options, &state, at / 2, 4), now.rate);
        }
        net_options_free(&options);
    }
}
END_TEST

START_TEST(plateau_agrees_with_pytorch)
{
    static const double seen[14] = {1,    0.9,  0.9, 0.89999, 0.8,  0.81, 0.82,
                                    0.83, 0.84, 0.7, NAN,     0.71, 0.72, 0.6999};
    static const double rates[14] = {0.5,   0.5,    0.5,    0.05,   0.05,    0.05,    0.005,
                                     0.005, 0.0005, 0.0005, 0.0005, 0.00005, 0.00005, 0.00005};
    static const double climbing[14] = {0.5,  0.5,  0.5,  0.5,  0.5,  0.5,   0.5,
                                        0.25, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125};
    struct net_model model = tiny_model;
    struct net_options options;

    for (int up = 0; up <= 1; up++) {
        struct net_state state = {.plateau_scale = 1, .plateau_best = INFINITY};

        model.schedule = up ? climb : plateau;
        model.schedule_count = 1 + up;
        read_options(&options, &model, "--epochs 30 --lr 0.5");
        if (up) { /* during a warmup nothing is watched */
            for (; state.epoch < 4; state.epoch++)
                net_schedule_watch(&options, &state, 0, (double[]){7});
            ck_assert_double_eq(state.plateau_best, INFINITY);
        }
        for (int i = 0; i < 14; i++, state.epoch++) {
            net_schedule_watch(&options, &state, seen[i], (double[]){-seen[i]});
            state.epoch++; /* the rate is that of the next epoch */
            ck_assert_double_eq_tol(net_schedule_rate(&options, &state),
                                    up ? climbing[i] : rates[i], 1e-12);
            state.epoch--;
        }
        net_options_free(&options);
    }
}
END_TEST

START_TEST(plateau_has_an_end)
{
    static const double rates[] = {0.5, 0.005, 5e-5, 5e-7, 5e-9, 5e-9, 5e-9};
    struct net_model model = tiny_model;
    struct net_state state = {.plateau_scale = 1, .plateau_best = INFINITY};
    struct net_options options;

    model.schedule = plateau;
    read_options(&options, &model, "--epochs 30 --lr 0.5 --factor 0.01 --patience 0");
    for (int i = 0; i < 7; i++) {
        net_schedule_watch(&options, &state, 1, (double[]){0});
        ck_assert_double_eq_tol(net_schedule_rate(&options, &state), rates[i], 1e-15);
    }
    net_options_free(&options);
}
END_TEST

START_TEST(early_stop_waits)
{
    static const double accuracy[] = {0.5, 0.6, 0.6, 0.55, 0.61, 0.61, NAN, 0.3};
    struct net_model model = tiny_model;
    struct net_state state = {.stop_best = INFINITY};
    struct net_options options;

    model.stop = &early_stop;
    read_options(&options, &model, "--epochs 30");
    for (int i = 0; i < 8; i++) {
        ck_assert(!net_schedule_stops(&options, &state));
        net_schedule_watch(&options, &state, 1, &accuracy[i]);
    }
    ck_assert(net_schedule_stops(&options, &state));
    ck_assert_int_eq(state.stop_bad, 3);
    net_options_free(&options);
    read_options(&options, &model, "--stop-patience 4");
    ck_assert(!net_schedule_stops(&options, &state));
    net_options_free(&options);
}
END_TEST

TCase *schedule_tests(void)
{
    TCase *t = tcase_create("schedules");

    tcase_add_loop_test(t, schedules_agree_with_pytorch, 0, LENGTH(rates));
    tcase_add_test(t, plateau_agrees_with_pytorch);
    tcase_add_test(t, one_cycle_agrees_with_pytorch);
    tcase_add_test(t, rates_by_steps);
    tcase_add_test(t, plateau_has_an_end);
    tcase_add_test(t, early_stop_waits);
    return t;
}
