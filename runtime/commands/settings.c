/*
 * settings.c -- the numbers of a run before anyone typed a flag: whose they are, and their values.
 *
 * The model's optimizer brings its own numbers; another one, asked for with --optimizer, has
 * PyTorch's defaults. A number of a schedule or of early_stop is there when the model has it. What
 * the run has no use for does not apply, and typing it is an error.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"

enum { NUMBERS = 8, NO_DEFAULT = -1 };

struct number {
    const char *name;     /* NULL: the end */
    const char *standard; /* as text; NULL: none */
};

#define NEEDS(text, type)                                                                          \
    {                                                                                              \
        text, NULL                                                                                 \
    }
#define TAKES(text, type, value)                                                                   \
    {                                                                                              \
        text, value                                                                                \
    }

static const struct {
    const char *name;
    struct number numbers[NUMBERS];
} optimizers[] = {
#define OPTIMIZER(name, help, ...) {#name, {__VA_ARGS__}},
#include "language.def"
};

/* Numbers of calls in the train section that are flags, too. */
static const struct {
    enum net_option option;
    const char *calls, *argument; /* calls: any of these words */
} call_numbers[] = {
#define CALL_NUMBER(id, name, calls, argument, ...) {NET_##id, calls, argument},
#include "language.def"
};

/* ---- The optimizer's ------------------------------------------------------------------------- */

enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

static bool has_number(int optimizer, enum net_option option)
{
    for (const struct number *n = optimizers[optimizer].numbers; n->name; n++)
        if (!strcmp(n->name, net_option_name(option)))
            return true;
    return false;
}

static bool is_optimizers(enum net_option option)
{
    for (int i = 0; i < OPTIMIZERS; i++)
        if (has_number(i, option))
            return true;
    return false;
}

char *net_settings_owners(enum net_option option)
{
    struct net_text text = {0};
    int owners = 0;

    for (int i = 0; i < OPTIMIZERS; i++)
        if (has_number(i, option))
            net_text_add(&text, "%s%s", owners++ ? ", " : "", optimizers[i].name);
    if (owners < OPTIMIZERS)
        return text.at;
    free(text.at);
    return NULL;
}

static const struct number *numbers_of(const char *optimizer)
{
    size_t i = 0;

    while (strcmp(optimizers[i].name, optimizer) != 0)
        if (++i == OPTIMIZERS)
            net_fail(NET_USAGE, "this trainer has no optimizer `%s`", optimizer);
    return optimizers[i].numbers;
}

static _Noreturn void refuse_number(enum net_option option, const char *optimizer)
{
    struct net_text text = {0};

    for (const struct number *n = numbers_of(optimizer); n->name; n++)
        net_text_add(&text, " %s", n->name);
    net_fail(NET_USAGE, "--%s does not apply to %s, whose numbers are%s", net_option_flag(option),
             optimizer, text.at);
}

static double standard_of(const struct number *number)
{
    if (!number->standard)
        return NO_DEFAULT;
    return strcmp(number->standard, "true") ? strtod(number->standard, NULL) : 1.0;
}

static void set_optimizer(struct net_options *options, const char *optimizer)
{
    const struct net_call *own = options->model->optimizer;
    struct net_value *value = options->value;
    const struct number *numbers = numbers_of(optimizer);

    if (strcmp(own->name, optimizer) != 0)
        own = NULL;
    for (int o = 0; o < NET_OPTIONS; o++)
        if (is_optimizers((enum net_option)o))
            value[o].applies = false;
    for (const struct number *n = numbers; n->name; n++) {
        const struct net_arg *arg = net_argument(own, n->name);
        struct net_value *v = &value[net_option_named(n->name)];

        v->applies = true;
        if (!v->given)
            v->number = arg ? arg->number : standard_of(n);
        v->by_model = !v->given && arg && arg->given;
    }
    for (int o = 0; options->model->section_count && o < NET_OPTIONS; o++)
        if (value[o].given && (o == NET_OPTIMIZER || o == NET_CLIP || o == NET_ACCUMULATE ||
                               is_optimizers((enum net_option)o)))
            net_fail(NET_USAGE,
                     "--%s does not apply: %s has several train sections, each with an optimizer "
                     "of its own; a let in it makes a flag: `let rate = 2e-4`",
                     net_option_flag((enum net_option)o), options->model->source);
    if (options->command == NET_SWEEP) /* its points say the rest, and are checked */
        return;
    for (int o = 0; o < NET_OPTIONS; o++)
        if (value[o].given && !value[o].applies && is_optimizers((enum net_option)o))
            refuse_number((enum net_option)o, optimizer);
    if (value[NET_LR].number < 0.0 && options->command != NET_FIND_LR)
        net_fail(NET_USAGE, "--optimizer %s wants --lr too", optimizer);
    if (value[NET_EPS].applies && value[NET_EPS].number < 1e-30)
        net_fail(NET_USAGE, "eps of %s is %g; it must be 1e-30 or more: --eps 1e-8", optimizer,
                 value[NET_EPS].number);
    if (net_flag(options, NET_NESTEROV) && value[NET_MOMENTUM].number == 0.0)
        net_fail(NET_USAGE, "nesterov wants a momentum above 0: add --momentum 0.9");
}

/* ---- The schedule's and early_stop's --------------------------------------------------------- */

static bool is_word_of(const char *words, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = words; *at; at += strcspn(at, ", "), at += strspn(at, ", "))
        if (strcspn(at, ", ") == length && !strncmp(at, word, length))
            return true;
    return false;
}

/* The model's own argument; NULL: it has none of the calls. */
static const struct net_arg *find_number(const struct net_model *model, const char *calls,
                                         const char *argument)
{
    for (int i = 0; i < model->schedule_count; i++)
        if (is_word_of(calls, model->schedule[i].name))
            return net_argument(&model->schedule[i], argument);
    return model->stop && is_word_of(calls, model->stop->name) ? net_argument(model->stop, argument)
                                                               : NULL;
}

static void set_call_numbers(struct net_options *options)
{
    const struct net_model *model = options->model;

    for (size_t i = 0; i < sizeof call_numbers / sizeof *call_numbers; i++) {
        const enum net_option option = call_numbers[i].option;
        struct net_value *v = &options->value[option];
        const struct net_arg *arg = find_number(model, call_numbers[i].calls,
                                                call_numbers[i].argument);

        v->applies = arg != NULL;
        if (arg && !v->given)
            v->number = arg->number;
        v->by_model = arg && !v->given && arg->given;
        if (!arg && v->given)
            net_fail(NET_USAGE, "--%s does not apply: it is a number of %s, which %s does not have",
                     net_option_flag(option), call_numbers[i].calls, model->source);
    }
}

/* ---- All ------------------------------------------------------------------------------------- */

static bool is_training(enum net_command command)
{
    return command == NET_TRAIN_COMMAND || command == NET_KFOLD || command == NET_SWEEP ||
           command == NET_FIND_LR;
}

/* What only a model that says it can do. */
static void check_said(const struct net_options *options, enum net_option option)
{
    struct net_value *value = (struct net_value *)&options->value[option];

    value->applies = is_word_of(options->model->keys, net_option_name(option));
    if (value->given && !value->applies)
        net_fail(NET_USAGE, "--%s does not apply: the train section of %s has no `%s`",
                 net_option_flag(option), options->model->source, net_option_name(option));
}

static void set_monitor(struct net_options *options)
{
    const struct net_model *model = options->model;
    struct net_value *value = &options->value[NET_MONITOR];

    value->applies = !strcmp(options->value[NET_KEEP].text, "best");
    if (value->given && !value->applies)
        net_fail(NET_USAGE, "--monitor does not apply to --keep last");
    const bool watched = model->parts[NET_VALIDATION] || options->command == NET_KFOLD;

    if (value->given && !watched)
        net_fail(NET_USAGE, "--monitor does not apply: %s has no validation part", model->source);
    if (options->value[NET_KEEP].given && value->applies && !watched)
        net_fail(NET_USAGE, "--keep best does not apply: %s has no validation part", model->source);
    value->text = net_monitor_named(model, value->text);
}

/* A new run has no data that could have changed, a file to predict neither. */
static void check_changed(const struct net_options *options)
{
    const struct net_value *value = options->value;
    const bool trains = is_training(options->command);

    if (value[NET_DATA_CHANGED].given && trains && !value[NET_RESUME].text)
        net_fail(NET_USAGE, "--data-changed does not apply: it goes with --resume");
    if (value[NET_DATA_CHANGED].given && options->file)
        net_fail(NET_USAGE, "--data-changed does not apply: it goes with --part");
}

/* --resume auto, of jobs that are started anew: the run that --out names goes on where there is a
   checkpoint, and begins where there is none. */
static void resume_or_begin(struct net_options *options)
{
    const struct net_call *validation = options->model->parts[NET_VALIDATION];
    struct net_value *value = options->value;

    if (!value[NET_RESUME].text || strcmp(value[NET_RESUME].text, "auto"))
        return;
    if (options->command != NET_TRAIN_COMMAND || (validation && !strcmp(validation->name, "kfold")))
        net_fail(NET_USAGE, "--resume auto is of one run; folds and the points of a sweep go on by "
                            "their folder, --resume DIR");
    if (!value[NET_OUT].given)
        net_fail(NET_USAGE, "--resume auto wants the run's folder: --out DIR");
    if (value[NET_FORCE].given)
        net_fail(NET_USAGE, "--force and --resume exclude each other");
    char *checkpoint = net_format("%s/checkpoint.safetensors", value[NET_OUT].text);

    if (net_folder_has(NULL, checkpoint)) {
        value[NET_RESUME].text = value[NET_OUT].text;
        value[NET_OUT] = value[NET_WEIGHTS] = (struct net_value){0};
    } else {
        value[NET_RESUME] = value[NET_DATA_CHANGED] = (struct net_value){0};
        value[NET_FORCE].number = 1.0; /* over what was ended before its first one */
    }
    free(checkpoint);
}

/* A run that goes on does so in its folder, from its checkpoint. */
static void check_resume(struct net_options *options)
{
    static const enum net_option others[] = {NET_OUT, NET_WEIGHTS, NET_FORCE};

    resume_or_begin(options);
    check_changed(options);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (options->value[NET_RESUME].text && options->value[others[i]].given)
            net_fail(NET_USAGE,
                     "--%s and --resume exclude each other: a resumed run goes on in its folder, "
                     "from its checkpoint",
                     net_option_flag(others[i]));
}

/* Threads by default: the cores that this process may use, but no more than have a `share` of a
   step each. For less, waiting for one another costs more than the other saves. */
static int default_threads(const struct net_model *model)
{
    const double share = 25e-6, flops = 50e9, bytes = 20e9; /* seconds; a second on a core */
    const int cores = net_cores();
    double step = 0.0;

    for (int k = 0; k < model->train.kernel_count; k++) {
        const struct net_kernel *kernel = &model->train.kernels[k];

        step += kernel->flops / flops + kernel->bytes / bytes;
    }
    return (int)fmin(cores, 1.0 + step / share);
}

void net_settings_default(struct net_options *options)
{
    net_lets_default(options); /* the model's numbers */

    const struct net_model *model = options->model;
    struct net_value *value = options->value;
    const struct net_value defaults[NET_OPTIONS] = {
        [NET_OPTIMIZER] = {.text = model->optimizer->name},
        [NET_CLIP] = {.number = model->clip ? model->clip->args[0].number : 0.0},
        [NET_BATCH] = {.number = model->default_batch},
        [NET_ACCUMULATE] = {.number = fmax(model->accumulate, 1.0)},
        [NET_SHARDS] = {.number = fmax(model->shards, 1.0)},
        [NET_EMA] = {.number = model->ema},
        [NET_EPOCHS] = {.number = model->epochs},
        [NET_SEED] = {.number = model->seed},
        [NET_SHUFFLE] = {.number = 1.0},
        [NET_KEEP] = {.text = model->keep ? model->keep : "best"},
        [NET_MONITOR] = {.text = model->monitor ? model->monitor : "validation_loss"},
        [NET_THREADS] = {.number = default_threads(model)},
        [NET_PART] = {.text = model->parts[NET_TEST]         ? "test"
                              : model->parts[NET_VALIDATION] ? "validation"
                                                             : "train"},
        [NET_DIGITS] = {.number = 2.0},
        [NET_FORMAT] = {.text = "text"},
        [NET_LENGTH] = {.number = 500.0},
        [NET_TEMPERATURE] = {.number = 1.0},
        [NET_STEPS] = {.number = 200.0},
    };

    for (int o = 0; o < NET_OPTIONS; o++) {
        if (!value[o].given)
            value[o] = defaults[o];
        value[o].applies = true;
        value[o].by_model = !value[o].given && is_word_of(model->keys, net_option_infos[o].name);
    }
    set_optimizer(options, value[NET_OPTIMIZER].text);
    set_call_numbers(options);
    check_said(options, NET_ACCUMULATE);
    check_said(options, NET_SHARDS);
    check_said(options, NET_EMA);
    set_monitor(options);
    check_resume(options);
    net_check_outputs(options);
    if (value[NET_BATCH].number < model->least_batch && (is_training(options->command)))
        net_fail(NET_USAGE,
                 "--batch %.0f: a batchnorm of %s has one number a channel there, without "
                 "a variance; --batch %d or more",
                 value[NET_BATCH].number, model->source, model->least_batch);
    if (value[NET_BATCH].number < 2 && model->pairs && is_training(options->command))
        net_fail(NET_USAGE,
                 "--batch 1: %s of %s compares the rows of a batch, and one has nothing to "
                 "compare: its loss is always 0; --batch 2 or more",
                 model->pairs, model->source);
    if (value[NET_BATCH].number > model->batch)
        net_fail(NET_USAGE,
                 "--batch %.0f: this trainer was compiled for batches of up to %d; "
                 "netc --batch %.0f makes one for more",
                 value[NET_BATCH].number, model->batch, value[NET_BATCH].number);
}
