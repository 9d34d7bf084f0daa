/*
 * lets.c -- lets of the .net file that a run can set: numbers that reach nothing that is compiled.
 *
 * One idea: a trainer's tables are constants, so a run that has lets reads a copy of those that
 * they reach (tensors' penalties, calls of the train section), with its own numbers in them. What
 * kernels read are floats of the run.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "training/training.h"

struct net_run_model {
    struct net_model model;                      /* with the tables below */
    struct net_tensor *tensors;                  /* [model.tensor_count] */
    struct net_call loss, optimizer, stop, clip; /* their arguments are copies */
    struct net_call *schedule;                   /* [model.schedule_count] */
    struct net_call *sections;                   /* [model.section_count] */
    double *numbers;                             /* [model.number_count] */
    float *values;                               /* [model.value_count] */
};

bool net_same_name(const char *name, const char *typed, size_t length)
{
    if (strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != typed[i] && !(name[i] == '_' && typed[i] == '-'))
            return false;
    return true;
}

int net_let_named(const struct net_model *model, const char *typed, size_t length)
{
    for (int i = 0; i < model->let_count; i++)
        if (net_same_name(model->lets[i].name, typed, length))
            return i;
    return -1;
}

/* Flags that there are keep their meaning: `let lr = 0.1` is --lr, which is the optimizer's. */
bool net_let_is_shown(const struct net_let *let)
{
    return !net_is_option(let->name);
}

struct net_option_info net_let_info(const struct net_model *model, int let)
{
    const struct net_let *own = &model->lets[let];

    return (struct net_option_info){
        .name = own->name,
        .kind = own->whole ? NET_KIND_WHOLE : NET_KIND_NUMBER,
        .commands = 1 << NET_TRAIN_COMMAND | 1 << NET_CONFIG | 1 << NET_KFOLD | 1 << NET_SWEEP |
                    1 << NET_BENCH | 1 << NET_FIND_LR | 1 << NET_EVAL | 1 << NET_GRADCHECK,
        .low = own->low,
        .high = own->high,
        .help = own->whole ? "N  a let of the model" : "X  a let of the model"};
}

void net_let_refuse(const struct net_model *model, int let)
{
    const char *name = model->lets[let].name;

    net_fail(NET_USAGE,
             "--%s: `%s` is compiled into this trainer (%s:%d); netc --define %s=VALUE makes "
             "another",
             net_typed_name(name), name, model->source, model->lets[let].line, name);
}

/* ---- The copy -------------------------------------------------------------------------------- */

static void *copy(const void *from, int count, size_t size)
{
    void *to = net_allocate((size_t)(count ? count : 1), size);

    if (count)
        memcpy(to, from, (size_t)count * size);
    return to;
}

static struct net_call copy_call(const struct net_call *from)
{
    struct net_call call = *from;
    struct net_arg *args = copy(from->args, from->arg_count, sizeof *args);

    for (int i = 0; i < from->arg_count; i++)
        if (args[i].run_list)
            args[i].list = copy(args[i].list, args[i].count, sizeof(double));
    call.args = args;
    return call;
}

static void free_call(const struct net_call *call)
{
    for (int i = 0; i < call->arg_count; i++)
        if (call->args[i].run_list)
            free((double *)call->args[i].list);
    free((struct net_arg *)call->args);
}

static struct net_run_model *copy_model(const struct net_model *from)
{
    struct net_run_model *run = net_allocate(1, sizeof *run);
    struct net_model *model = &run->model;

    *model = *from;
    run->tensors = copy(from->tensors, from->tensor_count, sizeof *run->tensors);
    run->schedule = copy(from->schedule, from->schedule_count, sizeof *run->schedule);
    for (int i = 0; i < from->schedule_count; i++)
        run->schedule[i] = copy_call(&from->schedule[i]);
    run->loss = copy_call(from->loss_call);
    run->optimizer = copy_call(from->optimizer);
    run->sections = copy(from->sections, from->section_count, sizeof *run->sections);
    for (int i = 0; i < from->section_count; i++)
        run->sections[i] = copy_call(&from->sections[i]);
    model->sections = run->sections;
    model->tensors = run->tensors;
    model->schedule = run->schedule;
    model->loss_call = &run->loss;
    model->optimizer = &run->optimizer;
    if (from->stop) {
        run->stop = copy_call(from->stop);
        model->stop = &run->stop;
    }
    if (from->clip) {
        run->clip = copy_call(from->clip);
        model->clip = &run->clip;
    }
    run->numbers = net_allocate((size_t)from->number_count, sizeof *run->numbers);
    if (from->value_count)
        run->values = net_memory((size_t)from->value_count * sizeof *run->values);
    return run;
}

void net_lets_free(struct net_options *options)
{
    struct net_run_model *run = options->run_model;

    if (!run)
        return;
    for (int i = 0; i < run->model.schedule_count; i++)
        free_call(&run->schedule[i]);
    free_call(&run->loss);
    free_call(&run->optimizer);
    free_call(&run->stop);
    free_call(&run->clip);
    for (int i = 0; i < run->model.section_count; i++)
        free_call(&run->sections[i]);
    free(run->sections);
    free(run->schedule);
    free(run->tensors);
    free(run->numbers);
    free(run->values);
    free(run);
    options->run_model = NULL;
}

/* ---- The numbers of the run ------------------------------------------------------------------ */

static void check_number(const struct net_model *model, int number, double x)
{
    const struct net_number *n = &model->numbers[number];
    const bool is_float = x == 0.0 || fabs(x) >= (double)FLT_MIN;

    if (is_float && x >= n->low && x <= n->high && (!n->whole || x == floor(x)))
        return;
    net_fail(NET_USAGE, "the lets make %s (%s:%d) %g; it must be a %snumber %s %.8g%s", n->what,
             model->source, n->line, x, n->whole ? "whole " : "",
             n->high < (double)FLT_MAX ? "from" : "of at least", n->low,
             n->high < (double)FLT_MAX ? net_format(" to %.8g", n->high) : "");
}

static void apply_call(const struct net_run_model *run, const struct net_call *call)
{
    struct net_arg *args = (struct net_arg *)call->args; /* the copy's own */

    for (int i = 0; i < call->arg_count; i++) {
        double *list = args[i].run_list ? (double *)args[i].list : NULL;

        if (args[i].run_number)
            args[i].number = run->numbers[args[i].run_number - 1];
        for (int j = 0; list && j < args[i].count; j++)
            if (args[i].run_list[j])
                list[j] = run->numbers[args[i].run_list[j] - 1];
    }
}

static void apply_tensor(const struct net_run_model *run, struct net_tensor *tensor)
{
    if (tensor->run_rate)
        tensor->rate = run->numbers[tensor->run_rate - 1];
    if (tensor->run_l1)
        tensor->l1 = run->numbers[tensor->run_l1 - 1];
    if (tensor->run_l2)
        tensor->l2 = run->numbers[tensor->run_l2 - 1];
}

void net_lets_apply(struct net_options *options)
{
    const struct net_model *model = options->model;
    double *lets = net_allocate((size_t)model->let_count + 1, sizeof *lets);
    bool *given = net_allocate((size_t)model->let_count + 1, sizeof *given);
    struct net_run_model *run = options->run_model;

    if (model->number_count && !run)
        run = options->run_model = copy_model(model);
    for (int i = 0; i < model->let_count; i++) {
        lets[i] = i < NET_MAX_LETS ? options->let[i].number : model->lets[i].number;
        given[i] = i < NET_MAX_LETS && options->let[i].given;
    }
    if (run) {
        options->model = &run->model;
        model->find_numbers(run->numbers, lets, given);
        for (int i = 0; i < model->number_count; i++)
            check_number(model, i, run->numbers[i]);
        for (int t = 0; t < model->tensor_count; t++)
            apply_tensor(run, &run->tensors[t]);
        for (int i = 0; i < model->schedule_count; i++)
            apply_call(run, &run->schedule[i]);
        apply_call(run, &run->loss);
        apply_call(run, &run->optimizer);
        for (int i = 0; i < model->section_count; i++)
            apply_call(run, &run->sections[i]);
        apply_call(run, &run->stop);
        apply_call(run, &run->clip);
        if (run->values)
            model->find_values(run->values, run->numbers);
    }
    for (int i = 0; i < model->let_count && i < NET_MAX_LETS; i++)
        options->let[i].number = lets[i]; /* those that others make, too */
    free(given);
    free(lets);
}

void net_lets_default(struct net_options *options)
{
    const struct net_model *model = options->model;

    for (int i = 0; i < model->let_count && i < NET_MAX_LETS; i++) {
        struct net_value *value = &options->let[i];

        value->applies = model->lets[i].by_run && net_let_is_shown(&model->lets[i]);
        if (!value->given)
            value->number = model->lets[i].number;
    }
    net_lets_apply(options);
}

void net_let_resume(struct net_options *options, int let, const char *text, const char *path)
{
    const struct net_option_info d = net_let_info(options->model, let);
    struct net_value old = {0};

    net_option_read(&old, &d, text);
    net_value_resume(&options->let[let], &d, &old, text, path);
}

void net_lets_of_run(struct net_options *options, const struct net_json *kept)
{
    for (int i = 0; options->run_model && i < options->model->let_count && i < NET_MAX_LETS; i++) {
        struct net_value *let = &options->let[i];
        const struct net_json *number = net_json_member(kept, options->model->lets[i].name);

        if (!let->applies || let->given || !number || number->kind != NET_JSON_NUMBER)
            continue;
        let->number = number->number;
        let->given = true;
    }
    if (options->run_model)
        net_lets_apply(options);
}

const float *net_lets_values(const struct net_options *options)
{
    return options->run_model ? options->run_model->values : NULL;
}
