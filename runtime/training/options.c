/*
 * options.c -- every value that a run is asked for, in one table: its name, kind, range, the
 * commands that take it, its help. Values as text and JSON, and those of a run that goes on.
 */

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "training/training.h"

enum { /* commands that take a flag, as bits */
       KFOLD = 1 << NET_KFOLD,
       SWEEP = 1 << NET_SWEEP,
       TRAIN = 1 << NET_TRAIN_COMMAND | 1 << NET_CONFIG | KFOLD | SWEEP,
       BENCH = 1 << NET_BENCH,
       EVAL = 1 << NET_EVAL,
       PREDICT = 1 << NET_PREDICT,
       GENERATE = 1 << NET_GENERATE,
       GRADCHECK = 1 << NET_GRADCHECK,
       INIT = 1 << NET_INIT,
       EXPORT = 1 << NET_EXPORT,
       SUMMARY = 1 << NET_SUMMARY,
       CONFIG = 1 << NET_CONFIG,
       REPORT = 1 << NET_REPORT,
       FIND_LR = 1 << NET_FIND_LR,
       STEP = TRAIN | BENCH | FIND_LR,
};

static const char *const optimizers[] = {
#define OPTIMIZER(name, ...) #name,
#include "language.def"
    NULL,
};
static const char *const formats[] = {
#define FORMAT(name) #name,
    NET_EVERY_FORMAT
#undef FORMAT
    "safetensors",
    "onnx",
    NULL,
};
static const char *const kept[] = {"best", "last", NULL};

const struct net_option_info net_option_infos[NET_OPTIONS] = {
    [NET_OPTIMIZER] = {"optimizer", NET_KIND_CHOICE, STEP, 0, 0, optimizers, "NAME  one of"
#define OPTIMIZER(name, ...) " " #name
#include "language.def"
    },
#define OPTIMIZER_NUMBER(id, name, kind, low, high, value, help)                                   \
    [NET_##id] = {#name, NET_KIND_##kind, STEP, low, high, NULL, value "  " help},
#define CALL_NUMBER(id, name, calls, argument, kind, low, high, value, help)                       \
    [NET_##id] = {#name, NET_KIND_##kind, TRAIN, low, high, NULL, value "  " help},
#include "language.def"
    [NET_CLIP] = {"clip", NET_KIND_NUMBER, STEP, 0, FLT_MAX, NULL,
                  "X  the largest norm of all gradients, or with clip=value(..) of one; 0: none"},
    [NET_BATCH] = {"batch", NET_KIND_WHOLE, STEP | GRADCHECK, 1, INT32_MAX, NULL,
                   "N  rows in a step"},
    [NET_ACCUMULATE] = {"accumulate", NET_KIND_WHOLE, STEP, 1, INT32_MAX, NULL,
                        "N  batches in a step"},
    [NET_SHARDS] = {"shards", NET_KIND_WHOLE, STEP, 1, NET_MAX_SHARDS, NULL,
                    "N  parts of a batch, a power of two"},
    [NET_EMA] = {"ema", NET_KIND_NUMBER, STEP, 0, 0.99999988, NULL,
                 "X  share that the moving average of the weights keeps; 0: none"},
    [NET_EPOCHS] = {"epochs", NET_KIND_WHOLE, TRAIN, 0, INT32_MAX, NULL,
                    "N  times through the data"},
    [NET_SEED] = {"seed", NET_KIND_WHOLE, STEP | GRADCHECK | INIT | GENERATE, 0, 9007199254740992.0,
                  NULL, "N  of initial weights, order and dropout; of what is generated"},
    [NET_SHUFFLE] = {"shuffle", NET_KIND_SWITCH, TRAIN, 0, 1, NULL,
                     "  a new order of rows each epoch; --no-shuffle: as they lie"},
    [NET_KEEP] = {"keep", NET_KIND_CHOICE, TRAIN, 0, 0, kept,
                  "WHICH  best (by the validation part) or last weights"},
    [NET_MONITOR] = {"monitor", NET_KIND_TEXT, TRAIN, 0, 0, NULL,
                     "NAME  what is best: validation_loss or a metric"},
    [NET_THREADS] = {"threads", NET_KIND_WHOLE, STEP | EVAL | GRADCHECK | GENERATE, 1,
                     NET_MAX_THREADS, NULL,
                     "N  default: the cores it may use, fewer for a short step"},
    [NET_DATA] = {"data", NET_KIND_TEXT, STEP | EVAL | PREDICT | GRADCHECK | INIT, 0, 0, NULL,
                  "DIR  where the data files are; default: beside the .net file"},
    [NET_OUT] = {"out", NET_KIND_TEXT, TRAIN, 0, 0, NULL, "DIR  the run's folder"},
    [NET_FORCE] = {"force", NET_KIND_SWITCH, TRAIN, 0, 1, NULL, "  write over an existing run"},
    [NET_RESUME] = {"resume", NET_KIND_TEXT, TRAIN, 0, 0, NULL,
                    "RUN|auto  go on exactly where it stopped; auto: with --out"},
    [NET_DATA_CHANGED] = {"data_changed", NET_KIND_SWITCH, (TRAIN & ~SWEEP) | EVAL | PREDICT, 0, 1,
                          NULL, "  take data that are not the run's any more, knowingly"},
    [NET_WEIGHTS] = {"weights", NET_KIND_TEXT,
                     (STEP & ~KFOLD) | EVAL | PREDICT | GENERATE | GRADCHECK | EXPORT, 0, 0, NULL,
                     "RUN|FILE  a run's folder, or a .safetensors file"},
    [NET_MAX_STEPS] = {"max_steps", NET_KIND_WHOLE, TRAIN, 0, 9007199254740992.0, NULL,
                       "N  stop after N steps (0: do not); their weights are kept"},
    [NET_LOG_STEPS] = {"log_steps", NET_KIND_TEXT, TRAIN & ~KFOLD & ~SWEEP, 0, 0, NULL,
                       "FILE  step,loss of every step"},
    [NET_TENSORBOARD] = {"tensorboard", NET_KIND_TEXT, TRAIN, 0, 0, NULL,
                         "DIR  the run for TensorBoard, in DIR/NAME"},
    [NET_MLFLOW] = {"mlflow", NET_KIND_TEXT, TRAIN | REPORT, 0, 0, NULL,
                    "DIR|URL  the run for MLflow: in its files, or to its server"},
    [NET_TRACK_EVERY] = {"track_every", NET_KIND_WHOLE, TRAIN, 0, INT32_MAX, NULL,
                         "N  steps: of each Nth its loss for these too; 0: none"},
    [NET_CHECKPOINT_EVERY] = {"checkpoint_every", NET_KIND_WHOLE, TRAIN, 0, INT32_MAX, NULL,
                              "N  epochs; 0: when 5 seconds have passed"},
    [NET_PART] = {"part", NET_KIND_CHOICE, EVAL | PREDICT, 0, 0, net_part_names,
                  "WHICH  train, validation or test"},
    [NET_DIGITS] = {"digits", NET_KIND_WHOLE, EVAL | PREDICT | REPORT, 0, 17, NULL,
                    "N  behind the points of what is printed"},
    [NET_FORMAT] = {"format", NET_KIND_CHOICE, PREDICT | EXPORT, 0, 0, formats,
                    "HOW  text, csv, json (an object a line), npy, npz; of export npz, "
                    "safetensors, onnx"},
    [NET_TOP] = {"top", NET_KIND_WHOLE, PREDICT | GENERATE, 1, INT32_MAX, NULL,
                 "K  the K likeliest classes, the first one first; of these one is drawn"},
    [NET_WITH_TRUTH] = {"with_truth", NET_KIND_SWITCH, PREDICT, 0, 1, NULL,
                        "  what the file says, the row's loss and its number beside it"},
    [NET_WITH_PREPARATIONS] = {"with_preparations", NET_KIND_SWITCH, EXPORT, 0, 1, NULL,
                               "  of onnx: rows as the data have them, values in their units"},
    [NET_PROMPT] = {"prompt", NET_KIND_TEXT, GENERATE, 0, 0, NULL,
                    "TEXT  what it begins with; default: a line break"},
    [NET_LENGTH] = {"length", NET_KIND_WHOLE, GENERATE, 0, 1000000000, NULL,
                    "N  characters behind the prompt; default: 500"},
    [NET_TEMPERATURE] = {"temperature", NET_KIND_NUMBER, GENERATE, 0, FLT_MAX, NULL,
                         "X  divides the logits; default: 1; 0: always the likeliest"},
    [NET_STEPS] = {"steps", NET_KIND_WHOLE, BENCH | FIND_LR, 1, 10000000, NULL,
                   "N  steps to measure, or of the search"},
    [NET_PER_KERNEL] = {"per_kernel", NET_KIND_SWITCH, BENCH, 0, 1, NULL, "  each kernel's share"},
    [NET_EVALUATE] = {"evaluate", NET_KIND_SWITCH, BENCH, 0, 1, NULL,
                      "  steps without training, as eval and predict have them"},
    [NET_SYNTHETIC] = {"synthetic", NET_KIND_SWITCH, GRADCHECK, 0, 1, NULL,
                       "  random rows, no data needed"},
    [NET_OUTPUT] = {"output", NET_KIND_TEXT, INIT | EXPORT | PREDICT | GENERATE | REPORT | FIND_LR,
                    0, 0, NULL, "FILE  or -o FILE"},
    [NET_POINTS] = {"points", NET_KIND_TEXT, SWEEP, 0, 0, NULL,
                    "TEXT  these points: \"lr=.01 momentum=.9; lr=.1\""},
    [NET_TRIALS] = {"trials", NET_KIND_WHOLE, SWEEP, 1, 10000, NULL,
                    "N  points that are drawn, by --seed"},
    [NET_HALVING] = {"halving", NET_KIND_SWITCH, SWEEP, 0, 1, NULL,
                     "  few epochs for all, twice as many for the better half, and so on"},
    [NET_TIME] = {"time", NET_KIND_TEXT, SWEEP, 0, 0, NULL,
                  "TIME  stop after 90s, 10m or 2h; --resume goes on"},
    [NET_SVG] = {"svg", NET_KIND_TEXT, REPORT, 0, 0, NULL, "DIR  each picture as a file"},
    [NET_TEX] = {"tex", NET_KIND_TEXT, REPORT, 0, 0, NULL, "DIR|FILE  the tables, for LaTeX"},
    [NET_MD] = {"md", NET_KIND_TEXT, REPORT, 0, 0, NULL, "DIR|FILE  the tables, as Markdown"},
    [NET_JSON_OUTPUT] = {"json", NET_KIND_SWITCH, TRAIN | EVAL | BENCH | SUMMARY, 0, 1, NULL,
                         "  for machines"},
    [NET_PLOT] = {"plot", NET_KIND_SWITCH, TRAIN & ~SWEEP, 0, 1, NULL,
                  "  the curves in the terminal"},
    [NET_QUIET] = {"quiet", NET_KIND_SWITCH, TRAIN, 0, 1, NULL, "  nothing but errors"},
};

const char *const net_commands[NET_COMMANDS] = {
#define COMMAND(id, name, ...) #name,
#include "language.def"
};

const char *net_option_name(enum net_option option)
{
    return net_option_infos[option].name;
}

bool net_is_option(const char *name)
{
    for (int o = 0; o < NET_OPTIONS; o++)
        if (net_option_infos[o].commands != GENERATE && !strcmp(net_option_infos[o].name, name))
            return true;
    return false;
}

enum net_option net_option_named(const char *name)
{
    int o = 0;

    while (strcmp(net_option_infos[o].name, name) != 0)
        o++;
    return (enum net_option)o;
}

/* ---- Values ---------------------------------------------------------------------------------- */

char *net_typed_name(const char *name)
{
    char *typed = net_format("%s", name);

    for (char *c = typed; *c; c++)
        *c = *c == '_' ? '-' : *c;
    return typed;
}

char *net_option_flag(enum net_option option)
{
    return net_typed_name(net_option_infos[option].name);
}

static void usage_range(const struct net_option_info *d, const char *text)
{
    const char *name = net_typed_name(d->name);

    if (d->kind == NET_KIND_WHOLE)
        net_fail(NET_USAGE, "--%s wants a whole number from %.0f to %.0f, not \"%s\"", name, d->low,
                 d->high, text);
    if (d->high >= FLT_MAX && d->low <= (double)FLT_MIN && d->low != 0)
        net_fail(NET_USAGE, "--%s wants a number%s, not \"%s\"", name, d->low > 0 ? " above 0" : "",
                 text);
    if (d->high >= FLT_MAX)
        net_fail(NET_USAGE, "--%s wants a number that is %.8g or more, not \"%s\"", name, d->low,
                 text);
    net_fail(NET_USAGE, "--%s wants a number from %.8g to %.8g, not \"%s\"", name, d->low, d->high,
             text);
}

static _Noreturn void refuse_choice(const struct net_option_info *d, const char *text)
{
    struct net_text list = {0};

    for (int i = 0; d->choices[i]; i++)
        net_text_add(&list, "%s%s", !i ? "" : d->choices[i + 1] ? ", " : " or ", d->choices[i]);
    net_fail(NET_USAGE, "--%s is %s, not \"%s\"", net_typed_name(d->name), list.at, text);
}

void net_option_read(struct net_value *value, const struct net_option_info *d, const char *text)
{
    char *end = NULL;

    switch (d->kind) {
    case NET_KIND_NUMBER:
    case NET_KIND_WHOLE:
        errno = 0;
        value->number = strtod(text, &end);
        if (!*text || *end || text[strspn(text, "+-.0123456789eE")] || errno ||
            !(value->number >= d->low && value->number <= d->high) ||
            (d->kind == NET_KIND_WHOLE &&
             (value->number != floor(value->number) || text[strspn(text, "+0123456789")])))
            usage_range(d, text);
        break;
    case NET_KIND_SWITCH:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            net_fail(NET_USAGE, "--%s is true or false, not \"%s\"", net_typed_name(d->name), text);
        value->number = !strcmp(text, "true");
        break;
    case NET_KIND_TEXT:
        if (!*text)
            net_fail(NET_USAGE, "--%s wants %.*s, not an empty text", net_typed_name(d->name),
                     (int)strcspn(d->help, " "), d->help);
        value->text = text;
        break;
    case NET_KIND_CHOICE:
        value->text = NULL;
        for (int i = 0; d->choices[i]; i++)
            if (!strcmp(text, d->choices[i]))
                value->text = d->choices[i];
        if (!value->text)
            refuse_choice(d, text);
    }
    value->given = true;
}

const char *net_monitor_named(const struct net_model *model, const char *name)
{
    if (!strcmp(name, "validation_loss"))
        return "validation_loss";
    for (int m = 0; m < model->metric_count; m++)
        if (!strcmp(name, model->metrics[m].name))
            return model->metrics[m].name;
    net_fail(NET_USAGE, "--monitor is validation_loss or one of the model's metrics, not \"%s\"",
             name);
}

/* A run that goes on has the settings it began with; other epochs only if there are more. */
void net_value_resume(struct net_value *value, const struct net_option_info *d,
                      const struct net_value *old, const char *text, const char *path)
{
    const bool same = old->number == value->number &&
                      (!old->text || (value->text && !strcmp(old->text, value->text)));
    const bool grows = d == &net_option_infos[NET_EPOCHS] && value->number > old->number;

    if (value->given && !same && !grows)
        net_fail(NET_USAGE,
                 "--%s differs: %s was trained with %s; a run that is resumed keeps its "
                 "settings (epochs may grow). %s begins a new one",
                 net_typed_name(d->name), path, text,
                 strstr(path, ".safetensors") ? net_format("--weights %s", path) : "--out");
    if (!value->given) {
        value->number = old->number;
        value->text = old->text;
    }
}

void net_settings_resume(struct net_options *options, int option, const char *text,
                         const char *path)
{
    const struct net_option_info *d = &net_option_infos[option];
    struct net_value old = {0};

    net_option_read(&old, d, text);
    if (option == NET_MONITOR)
        old.text = net_monitor_named(options->model, text); /* `text` does not last */
    if (option == NET_EPOCHS)
        options->epochs_before = (long)old.number;
    net_value_resume(&options->value[option], d, &old, text, path);
}

/* ---- Showing --------------------------------------------------------------------------------- */

void net_option_show(struct net_text *text, const struct net_options *options,
                     enum net_option option)
{
    const struct net_value *value = &options->value[option];

    if (net_option_infos[option].kind == NET_KIND_SWITCH)
        net_text_add(text, "%s", value->number != 0.0 ? "true" : "false");
    else if (net_option_infos[option].kind == NET_KIND_WHOLE)
        net_text_add(text, "%.0f", value->number);
    else if (net_option_infos[option].kind == NET_KIND_NUMBER)
        net_text_number(text, value->number);
    else
        net_text_add(text, "%s", value->text ? value->text : "");
}
