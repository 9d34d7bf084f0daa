/*
 * preflight.c -- what can be told of a training run before its first step: a batch that no
 * batchnorm can take ends the program; what is more likely a mistake than meant is a warning.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "training/training.h"

/* ---- The last batch of an epoch -------------------------------------------------------------- */

/* A batch size that leaves no last batch of one row: the next smaller one, or a larger; or 0. */
static int better_batch(const struct net_model *model, long rows, int batch)
{
    int size = batch;

    while (size >= model->least_batch && rows % size == 1)
        size--;
    if (size >= model->least_batch)
        return size;
    for (size = batch; size <= model->batch && rows % size == 1; size++)
        continue;
    return size <= model->batch ? size : 0;
}

void net_check_batches(const struct net_options *options, long rows)
{
    const struct net_model *model = options->model;
    const int batch = (int)net_whole(options, NET_BATCH);

    if (!model->least_batch || rows % batch != 1)
        return;
    const int better = better_batch(model, rows, batch);

    if (better)
        net_fail(NET_USAGE,
                 "--batch %d: of %ld training rows the last batch has one, and a "
                 "batchnorm of %s has one number a channel of it, without a variance; --batch %d "
                 "leaves none alone",
                 batch, rows, model->source, better);
    net_fail(NET_FAULT,
             "%ld training row%s: one is alone in a batch, and a batchnorm of %s has one "
             "number a channel of it, without a variance; more rows are needed%s",
             rows, rows == 1 ? "" : "s", model->source,
             rows > model->batch ? ", or a larger batch: netc --batch" : "");
}

/* ---- Classes without rows -------------------------------------------------------------------- */

enum { NAMED = 5 }; /* classes without rows that are named; of more, how many there are */

/* What its labels weigh in the loss is 0, whatever the network says. */
static void check_weights(const struct net_model *model, const struct net_data *data,
                          const bool *there)
{
    const struct net_field *target = net_target_field(model);
    const struct net_arg *weights = net_argument(model->loss_call, "class_weights");
    double sum = 0;

    for (int c = 0; c < target->classes; c++)
        sum += there[c] && weights && weights->list ? weights->list[c] : there[c];
    if (sum == 0 && model->term_count < 2 && !(weights && weights->run_list) &&
        net_data_rows(data, NET_TRAIN))
        net_fail(NET_FAULT,
                 "no label of %s counts in the training part: all are ignored, or of classes that "
                 "class_weights has at 0; there is nothing to train on",
                 target->name);
}

/* Blanks around a name make another class of it, and are hard to see. */
static void check_blanks(const struct net_model *model, const struct net_data *data)
{
    const struct net_field *target = net_target_field(model);

    for (int c = 0; c < target->classes; c++) {
        const char *name = net_data_name_of(data, net_target(model), c);

        if (name && *name && name[1] && (*name == ' ' || name[strlen(name) - 1] == ' ')) {
            struct net_text shown = {0};

            net_text_visible(&shown, name);
            net_warn("a class of %s is \"%s\", with its blanks: without them it is another",
                     target->name, shown.at);
            free(shown.at);
            return;
        }
    }
}

/* The classes of a target that rows of the training part have. */
static void find_classes(const struct net_model *model, const struct net_data *data, bool *there)
{
    const long rows = net_data_rows(data, NET_TRAIN);

    for (long row = 0; row < rows; row++) {
        const int32_t *label = net_data_row(data, net_target(model), NET_TRAIN, row);

        for (int p = 0; p < net_positions(model); p++)
            if (label[p] >= 0)
                there[label[p]] = true;
    }
}

/* A network that is too wide, or rows that are missing. */
static void warn_absent(const struct net_model *model, const struct net_data *data,
                        const bool *there)
{
    const struct net_field *target = net_target_field(model);
    struct net_text list = {0};
    int absent = 0;

    for (int c = 0; c < target->classes; c++) {
        const char *name = net_data_name_of(data, net_target(model), c);

        if (there[c] || (target->ignores && target->ignored == c) || absent++ >= NAMED)
            continue;
        net_text_add(&list, absent > 1 ? ", " : "");
        if (name)
            net_text_quote(&list, name);
        else
            net_text_add(&list, "%d", c);
    }
    if (absent && !target->vocabulary && /* which has room for more words than there are */
        !(target->step_count && !strcmp(target->steps[0].name, "characters")))
        net_warn("%s %s%s of %s %s no rows in the training part (%d of %d classes have some)",
                 absent > 1 ? "classes" : "class", list.at, absent > NAMED ? ", ..." : "",
                 target->name, absent > 1 ? "have" : "has", target->classes - absent,
                 target->classes);
    free(list.at);
}

/* Does a term before this one compare with the same target? */
static bool is_checked(const struct net_model *first, const struct net_model *model)
{
    while (first != model && net_target(first) != net_target(model))
        first = first->next;
    return first != model;
}

/* Of each target. */
static void check_classes(const struct net_model *model, const struct net_data *data)
{
    for (const struct net_model *m = model; m; m = m->next) {
        const struct net_field *target = net_target_field(m);

        if (is_checked(model, m))
            continue;
        check_blanks(m, data);
        if (target->kind != NET_TARGET_CLASS)
            continue;
        bool *there = net_allocate((size_t)target->classes, sizeof *there);

        find_classes(m, data, there);
        if (m == model)
            check_weights(model, data, there);
        warn_absent(m, data, there);
        free(there);
    }
}

/* Has a row of the part a class of the model's target? */
static bool is_labelled(const struct net_model *model, const struct net_data *data,
                        enum net_part part)
{
    const long rows = net_data_rows(data, part);

    for (long row = 0; row < rows; row++) {
        const int32_t *label = net_data_row(data, net_target(model), part, row);

        for (int p = 0; p < net_positions(model); p++)
            if (label[p] >= 0)
                return true;
    }
    return !rows;
}

/* What validation and test say of a target that rows may be without: of none with a class nothing.
 */
static void check_labelled(const struct net_model *model, const struct net_data *data)
{
    for (const struct net_model *m = model; m; m = m->next)
        for (int part = NET_VALIDATION; part <= NET_TEST; part++) {
            if (!net_target_field(m)->ignores || is_labelled(m, data, (enum net_part)part))
                continue;
            if (!model->next)
                net_fail(NET_FAULT,
                         "no row of %s has a class of %s: there is nothing to compare with; leave "
                         "that part out, or give it rows with one",
                         net_part_names[part], net_target_field(m)->name);
            net_warn("no row of %s has a class of %s: its losses are without that target's",
                     net_part_names[part], net_target_field(m)->name);
        }
}

/* ---- Arrays whose rows are flat -------------------------------------------------------------- */

/* [1280] may be [32, 40] or [40, 32], [3072] may have its channels first or last. */
static void check_flat(const struct net_model *model, const struct net_data *data)
{
    for (int f = 0; f < model->field_count; f++) {
        const struct net_field *field = &model->fields[f];
        const char *place = net_data_flat(data, f);
        struct net_text shape = {0};

        for (int axis = 0; place && axis < field->rank; axis++)
            net_text_add(&shape, ", %d", field->shape[axis]);
        if (place)
            net_warn("%s: a row of %s is [%d], taken for [%s] as it lies, the last axis first; an "
                     "array of [rows%s] cannot be misread",
                     place, field->source, field->size, shape.at + 2, shape.at);
        free(shape.at);
    }
}

/* ---- Values far from what a network gives ---------------------------------------------------- */

/* A network's first outputs are near 0: a loss of targets of thousands makes steps as large. */
static void check_values(const struct net_model *model, const struct net_data *data)
{
    const struct net_field *target = net_target_field(model);
    const long rows = net_data_rows(data, NET_TRAIN);
    const double large = 1e3;
    double sum = 0.0;

    if (target->kind != NET_TARGET_VALUES || target->size > 16)
        return;
    for (long row = 0; row < rows; row++) {
        const float *y = net_data_target(data, NET_TRAIN, row);

        for (int i = 0; i < target->size; i++)
            sum += fabs((double)y[i]);
    }
    const double mean = sum / (double)rows / target->size;

    if (mean > large)
        net_warn("the target %s is %.3g in the mean, far from the first outputs, which are about "
                 "1: the loss may grow without end; `-> standardize` behind it in %s makes it so",
                 target->name, mean, model->source);
}

/* Of another optimizer than the model's, or with another momentum. */
static void check_cycle(const struct net_options *options)
{
    const struct net_value *value = options->value;

    if (!options->model->cycle || options->model->cycle(options, 0.0, 1.0, 1.0).momentum < 0.0)
        return;
    if (!strcmp(value[NET_OPTIMIZER].text, "nadam") ||
        (!value[NET_BETA1].applies && value[NET_MOMENTUM].number == 0.0))
        net_fail(NET_USAGE,
                 "onecycle cycles a momentum, and %s has none that could: --momentum 0.9, or "
                 "onecycle(cycle_momentum=false) in %s",
                 value[NET_OPTIMIZER].text, options->model->source);
}

/* A warmup by steps that the run does not see the end of. */
static void check_warmup(const struct net_options *options, long rows)
{
    const double batch = (double)net_step_rows(options), epochs = options->value[NET_EPOCHS].number;
    const double steps = options->value[NET_WARMUP_STEPS].number,
                 all = epochs * ceil((double)rows / batch);

    if (options->value[NET_WARMUP_STEPS].applies && steps > all && all > 0)
        net_warn("the warmup of %.0f steps never ends: the run has %.0f; --epochs wants more, or "
                 "--warmup-steps less",
                 steps, all);
}

void net_preflight(const struct net_options *options, const struct net_data *data)
{
    const struct net_call *late = net_schedule_late(options);

    check_cycle(options);

    if (!options->value[NET_RESUME].text)
        net_check_batches(options, net_data_rows(data, NET_TRAIN));
    if (options->fold.number > 1)
        return; /* of a k-fold, once */
    check_classes(options->model, data);
    check_labelled(options->model, data);
    check_values(options->model, data);
    check_flat(options->model, data);
    check_warmup(options, net_data_rows(data, NET_TRAIN));
    if (late)
        net_warn("the schedule's %s never comes: what is before it lasts as long as the run, %ld "
                 "epochs; --epochs wants more, or --%s less",
                 late->name, net_whole(options, NET_EPOCHS),
                 !strcmp(late[-1].name, "warmup") ? "warmup-epochs" : "constant-epochs");
}

/* In a run of so many epochs, where it is by steps: of the step that comes, 0, or the one before,
   1; else of `epoch`. */
static double rate_of(const struct net_options *options, const struct net_state *state, long epoch,
                      long epochs, int before)
{
    const double steps = fmax((double)state->epoch_steps, 1.0); /* of an epoch */
    const long done = state->row / net_step_rows(options);
    const double step = steps * (double)state->epoch + (double)done - before;

    return options->model->cycle
               ? options->model->cycle(options, step, steps * (double)epochs, steps).rate
               : net_schedule_rate_of(options, state, epoch, epochs);
}

void net_check_stretched(const struct net_options *options, const struct net_state *state)
{
    const long before = options->epochs_before, now = net_whole(options, NET_EPOCHS);
    const long last = state->epoch + (state->row > 0) - 1; /* epoch that was begun */

    if (!before || last < 0)
        return;
    const double had = net_schedule_rate_of(options, state, last, before);

    /* by steps: where it stopped within its first epoch, the rate at that one's beginning is one */
    if (options->model->cycle && last == 0 && now != before &&
        net_schedule_rate_of(options, state, 1, before) !=
            net_schedule_rate_of(options, state, 1, now)) {
        net_warn("%s goes over %ld epochs now, and the run began with one over %ld: that is no "
                 "run of %ld epochs; for one, begin with --epochs %ld and --out",
                 options->model->schedule[options->model->schedule_count - 1].name, now, before,
                 now, now);
        return;
    }

    if (had == net_schedule_rate_of(options, state, last, now))
        return;
    net_warn("the schedule ends after %ld epochs now, and %ld were trained with one that ends "
             "after %ld: the rate was %.3g there, and is %.3g from here on. That is no run of %ld "
             "epochs: for one, begin with --epochs %ld and --out; for a schedule of its own, go "
             "on with --weights in a new run",
             now, last + 1, before, rate_of(options, state, last, before, 1),
             rate_of(options, state, state->epoch, now, 0), now, now);
}
