/*
 * options.c -- every flag of the trainer in one table, its default from the model, its value from
 * the command line. Nothing that was typed is ever ignored: a flag that is unknown, of another
 * command, out of range, or without meaning for the chosen optimizer ends the program with exit
 * code 2.
 */

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum kind {
    NUMBER, /* with a point or an exponent, low to high */
    WHOLE,  /* low to high */
    SWITCH, /* --NAME, --no-NAME, --NAME=true, --NAME=false */
    TEXT,
    CHOICE, /* one of `choices` */
};

enum { /* commands that take a flag, as bits */
       KFOLD = 1 << NET_KFOLD,
       TRAIN = 1 << NET_TRAIN_COMMAND | 1 << NET_CONFIG | KFOLD,
       BENCH = 1 << NET_BENCH,
       EVAL = 1 << NET_EVAL,
       PREDICT = 1 << NET_PREDICT,
       GRADCHECK = 1 << NET_GRADCHECK,
       INIT = 1 << NET_INIT,
       SUMMARY = 1 << NET_SUMMARY,
       CONFIG = 1 << NET_CONFIG,
       STEP = TRAIN | BENCH,
};

struct description {
    const char *name; /* as in a .net file; typed with - or _ */
    enum kind kind;
    unsigned commands;
    double low, high;           /* NUMBER, WHOLE */
    const char *const *choices; /* CHOICE: ends with NULL */
    const char *help;           /* begins with what stands for the value */
};

static const char *const optimizers[] = {
#define OPTIMIZER(name, ...) #name,
#include "language.def"
    NULL,
};
static const char *const kept[] = {"best", "last", NULL};
static const char *const part_names[] = {"train", "validation", "test", NULL};

static const struct description descriptions[NET_OPTIONS] = {
    [NET_OPTIMIZER] = {"optimizer", CHOICE, STEP, 0, 0, optimizers, "NAME  one of"
#define OPTIMIZER(name, ...) " " #name
#include "language.def"
    },
#define OPTIMIZER_NUMBER(id, name, kind, low, high, value, help)                                   \
    [NET_##id] = {#name, kind, STEP, low, high, NULL, value "  " help},
#include "language.def"
    [NET_WARMUP_EPOCHS] = {"warmup_epochs", WHOLE, TRAIN, 1, INT32_MAX, NULL,
                           "N  of the schedule's warmup"},
    [NET_CONSTANT_EPOCHS] = {"constant_epochs", WHOLE, TRAIN, 1, INT32_MAX, NULL,
                             "N  of the schedule's constant"},
    [NET_STEP_SIZE] = {"step_size", WHOLE, TRAIN, 1, INT32_MAX, NULL,
                       "N  epochs between the schedule's steps"},
    [NET_GAMMA] = {"gamma", NUMBER, TRAIN, 1e-30, FLT_MAX, NULL,
                   "X  times the learning rate, at each of the schedule's steps"},
    [NET_MINIMUM] = {"minimum", NUMBER, TRAIN, 0, FLT_MAX, NULL,
                     "X  the learning rate that cosine goes to"},
    [NET_FACTOR] = {"factor", NUMBER, TRAIN, 1e-30, 0.99999988, NULL,
                    "X  times the learning rate, on a plateau"},
    [NET_PATIENCE] = {"patience", WHOLE, TRAIN, 0, INT32_MAX, NULL,
                      "N  epochs without progress that plateau takes"},
    [NET_STOP_PATIENCE] = {"stop_patience", WHOLE, TRAIN, 1, INT32_MAX, NULL,
                           "N  epochs without progress after which early_stop ends the run"},
    [NET_CLIP] = {"clip", NUMBER, STEP, 0, FLT_MAX, NULL,
                  "X  the largest norm of all gradients, or with clip=value(..) of one; 0: any"},
    [NET_BATCH] = {"batch", WHOLE, STEP | GRADCHECK, 1, INT32_MAX, NULL, "N  rows in a step"},
    [NET_EPOCHS] = {"epochs", WHOLE, TRAIN, 0, INT32_MAX, NULL, "N  times through the data"},
    [NET_SEED] = {"seed", WHOLE, STEP | GRADCHECK | INIT, 0, 9007199254740992.0, NULL,
                  "N  of initial weights, order and dropout"},
    [NET_SHUFFLE] = {"shuffle", SWITCH, TRAIN, 0, 1, NULL,
                     "  a new order of rows each epoch; --no-shuffle: as they lie"},
    [NET_KEEP] = {"keep", CHOICE, TRAIN, 0, 0, kept,
                  "WHICH  best (by the validation part) or last weights"},
    [NET_MONITOR] = {"monitor", TEXT, TRAIN, 0, 0, NULL,
                     "NAME  what is best: validation_loss or a metric"},
    [NET_THREADS] = {"threads", WHOLE, STEP | EVAL | GRADCHECK, 1, NET_MOST_THREADS, NULL,
                     "N  default: the cores it may use, fewer for a short step"},
    [NET_DATA] = {"data", TEXT, STEP | EVAL | PREDICT | GRADCHECK | INIT, 0, 0, NULL,
                  "DIR  where the data files are; default: beside the .net file"},
    [NET_OUT] = {"out", TEXT, TRAIN, 0, 0, NULL, "DIR  the run's folder"},
    [NET_FORCE] = {"force", SWITCH, TRAIN, 0, 1, NULL, "  write over an existing run"},
    [NET_RESUME] = {"resume", TEXT, TRAIN, 0, 0, NULL, "RUN  go on exactly where it stopped"},
    [NET_WEIGHTS] = {"weights", TEXT, STEP | EVAL | PREDICT | GRADCHECK, 0, 0, NULL,
                     "RUN|FILE  a run's folder, or a .safetensors file"},
    [NET_MAX_STEPS] = {"max_steps", WHOLE, TRAIN, 0, 9007199254740992.0, NULL,
                       "N  stop after N steps; their weights are kept"},
    [NET_LOG_STEPS] = {"log_steps", TEXT, TRAIN, 0, 0, NULL, "FILE  step,loss of every step"},
    [NET_CHECKPOINT_EVERY] = {"checkpoint_every", WHOLE, TRAIN, 0, INT32_MAX, NULL,
                              "N  epochs; 0: when 5 seconds have passed"},
    [NET_PART] = {"part", CHOICE, EVAL | PREDICT, 0, 0, part_names,
                  "WHICH  train, validation or test"},
    [NET_DIGITS] = {"digits", WHOLE, EVAL, 0, 17, NULL, "N  behind the report's points"},
    [NET_STEPS] = {"steps", WHOLE, BENCH, 1, 10000000, NULL, "N  steps to measure"},
    [NET_PER_KERNEL] = {"per_kernel", SWITCH, BENCH, 0, 1, NULL, "  each kernel's share"},
    [NET_SYNTHETIC] = {"synthetic", SWITCH, GRADCHECK, 0, 1, NULL, "  random rows, no data needed"},
    [NET_OUTPUT] = {"output", TEXT, INIT | PREDICT, 0, 0, NULL, "FILE  or -o FILE"},
    [NET_JSON_OUTPUT] = {"json", SWITCH, EVAL | BENCH | SUMMARY | CONFIG | KFOLD, 0, 1, NULL,
                         "  for machines"},
    [NET_QUIET] = {"quiet", SWITCH, TRAIN, 0, 1, NULL, "  nothing but errors"},
};

const char *const net_commands[NET_COMMANDS] = {
#define COMMAND(id, name, ...) #name,
#include "language.def"
};

const char *net_option_name(enum net_option option)
{
    return descriptions[option].name;
}

enum net_option net_option_named(const char *name)
{
    int o = 0;

    while (strcmp(descriptions[o].name, name) != 0)
        o++;
    return (enum net_option)o;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* As one types it, for messages: "stop-patience". */
static char *typed_name(const char *name)
{
    char *typed = net_format("%s", name);

    for (char *c = typed; *c; c++)
        *c = *c == '_' ? '-' : *c;
    return typed;
}

char *net_option_flag(enum net_option option)
{
    return typed_name(descriptions[option].name);
}

static void usage_range(const struct description *d, const char *text)
{
    const char *name = typed_name(d->name);

    if (d->kind == WHOLE)
        net_fail(NET_USAGE, "--%s wants a whole number from %.0f to %.0f, not \"%s\"", name, d->low,
                 d->high, text);
    if (d->high >= FLT_MAX)
        net_fail(NET_USAGE, "--%s wants a number that is %g or more, not \"%s\"", name, d->low,
                 text);
    net_fail(NET_USAGE, "--%s wants a number from %g to %.8g, not \"%s\"", name, d->low, d->high,
             text);
}

static _Noreturn void refuse_choice(const struct description *d, const char *text)
{
    struct net_text list = {0};

    for (int i = 0; d->choices[i]; i++)
        net_text_add(&list, "%s%s", !i ? "" : d->choices[i + 1] ? ", " : " or ", d->choices[i]);
    net_fail(NET_USAGE, "--%s is %s, not \"%s\"", typed_name(d->name), list.at, text);
}

static void read_value(struct net_value *value, const struct description *d, const char *text)
{
    char *end = NULL;

    switch (d->kind) {
    case NUMBER:
    case WHOLE:
        errno = 0;
        value->number = strtod(text, &end);
        if (!*text || *end || text[strspn(text, "+-.0123456789eE")] || errno ||
            !(value->number >= d->low && value->number <= d->high) ||
            (d->kind == WHOLE &&
             (value->number != floor(value->number) || text[strspn(text, "+0123456789")])))
            usage_range(d, text);
        break;
    case SWITCH:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            net_fail(NET_USAGE, "--%s is true or false, not \"%s\"", typed_name(d->name), text);
        value->number = !strcmp(text, "true");
        break;
    case TEXT:
        if (!*text)
            net_fail(NET_USAGE, "--%s wants a %s, not an empty text", typed_name(d->name),
                     strstr(d->help, "NAME")   ? "name"
                     : strstr(d->help, "FILE") ? "file"
                                               : "folder");
        value->text = text;
        break;
    case CHOICE:
        value->text = NULL;
        for (int i = 0; d->choices[i]; i++)
            if (!strcmp(text, d->choices[i]))
                value->text = d->choices[i];
        if (!value->text)
            refuse_choice(d, text);
    }
    value->given = true;
}

/* ---- The command line ------------------------------------------------------------------------ */

static bool same_name(const char *name, const char *typed, size_t length)
{
    if (strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != (typed[i] == '-' ? '_' : typed[i]))
            return false;
    return true;
}

static _Noreturn void unknown_flag(const char *typed, enum net_command command)
{
    const char *names[NET_OPTIONS], *nearest;
    char word[64];
    int count = 0;

    for (int o = 0; o < NET_OPTIONS; o++)
        if (descriptions[o].commands & 1u << command)
            names[count++] = descriptions[o].name;
    snprintf(word, sizeof word, "%s", typed);
    for (char *c = word; *c; c++)
        *c = *c == '-' ? '_' : *c;
    nearest = net_nearest(word, names, count);
    if (nearest)
        net_fail(NET_USAGE, "there is no flag --%s; do you mean --%s?", typed, typed_name(nearest));
    net_fail(NET_USAGE, "there is no flag --%s; --help lists them", typed);
}

static void wrong_command(const struct description *d, enum net_command command)
{
    struct net_text list = {0};

    for (int c = 0; c < NET_COMMANDS; c++)
        if (d->commands & 1u << c && c != NET_CONFIG)
            net_text_add(&list, "%s%s", list.at ? ", " : "", net_commands[c]);
    net_fail(NET_USAGE, "--%s is a flag of %s, not of %s", typed_name(d->name),
             list.at ? list.at : "config", net_commands[command]);
}

/* argv[i] is a flag; gives the index of the last argument that belongs to it. */
static int read_flag(struct net_options *options, int argc, char **argv, int i)
{
    const char *typed = !strcmp(argv[i], "-o") ? "output" : argv[i] + 2;
    const char *equals = strchr(typed, '=');
    const size_t length = equals ? (size_t)(equals - typed) : strlen(typed);
    bool off = false;
    int o;

    for (o = 0; o < NET_OPTIONS; o++) {
        off = descriptions[o].kind == SWITCH && length > 3 && !strncmp(typed, "no-", 3) &&
              same_name(descriptions[o].name, typed + 3, length - 3);
        if (off || same_name(descriptions[o].name, typed, length))
            break;
    }
    if (o == NET_OPTIONS)
        unknown_flag(typed, options->command);

    const struct description *d = &descriptions[o];
    struct net_value *value = &options->value[o];

    if (!(d->commands & 1u << options->command))
        wrong_command(d, options->command);
    if (value->given)
        net_fail(NET_USAGE, "--%s is given twice", typed_name(d->name));
    if (d->kind == SWITCH && !equals) {
        value->number = off ? 0.0 : 1.0;
        value->given = true;
    } else if (off) {
        net_fail(NET_USAGE, "--no-%s takes no value", typed_name(d->name));
    } else if (equals) {
        read_value(value, d, equals + 1);
    } else if (i + 1 == argc) {
        net_fail(NET_USAGE, "--%s wants a value behind it; --help tells which",
                 typed_name(d->name));
    } else {
        read_value(value, d, argv[++i]);
    }
    return i;
}

static char *join(const char *command, int argc, char **argv)
{
    struct net_text text = {0};

    net_text_add(&text, "%s", command);
    for (int i = 0; i < argc; i++)
        net_text_add(&text, " %s", argv[i]);
    return text.at;
}

static int read_folds(const char *text)
{
    char *end;
    const long folds = strtol(text, &end, 10);

    if (!*text || *end || folds < 2 || folds > 10000)
        net_fail(NET_USAGE, "kfold wants how many folds, from 2 to 10000, not \"%s\"", text);
    return (int)folds;
}

void net_options_read(struct net_options *options, const struct net_model *model,
                      enum net_command command, int argc, char **argv)
{
    *options = (struct net_options){.model = model, .command = command};
    options->command_line = join(net_commands[command], argc, argv);
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "--", 2) || !strcmp(argv[i], "-o"))
            i = read_flag(options, argc, argv, i);
        else if (command == NET_KFOLD && !options->folds)
            options->folds = read_folds(argv[i]);
        else if ((command != NET_PREDICT && command != NET_GRADCHECK) ||
                 (argv[i][0] == '-' && argv[i][1]))
            net_fail(NET_USAGE, "%s does not know what to do with \"%s\"; --help shows its flags",
                     net_commands[command], argv[i]);
        else if (options->file)
            net_fail(NET_USAGE, "%s; \"%s\" is the second",
                     command == NET_PREDICT ? "predict takes one file"
                                            : "gradcheck takes one name that tensors begin with",
                     argv[i]);
        else
            options->file = argv[i];
    }
    net_settings_default(options);
}

void net_options_free(struct net_options *options)
{
    free(options->command_line);
    free(options->data);
}

/* A run that goes on has the settings it began with; other epochs only if there are more. */
void net_settings_resume(struct net_options *options, int option, const char *text,
                         const char *path)
{
    const struct description *d = &descriptions[option];
    struct net_value *value = &options->value[option], old = {0};

    read_value(&old, d, text);
    if (option == NET_MONITOR)
        old.text = net_monitor_named(options->model, old.text); /* `text` does not last */
    const bool same = old.number == value->number &&
                      (!old.text || (value->text && !strcmp(old.text, value->text)));
    if (value->given && !same && !(option == NET_EPOCHS && value->number > old.number))
        net_fail(NET_USAGE,
                 "--%s differs: %s was trained with %s; a run that is resumed keeps its "
                 "settings (epochs may grow). --weights %s begins a new run from it",
                 typed_name(d->name), path, text, path);
    if (!value->given) {
        value->number = old.number;
        value->text = old.text;
    }
}

/* ---- Showing --------------------------------------------------------------------------------- */

void net_option_show(struct net_text *text, const struct net_options *options,
                     enum net_option option)
{
    const struct net_value *value = &options->value[option];

    if (descriptions[option].kind == SWITCH)
        net_text_add(text, "%s", value->number != 0.0 ? "true" : "false");
    else if (descriptions[option].kind == WHOLE)
        net_text_add(text, "%.0f", value->number);
    else if (descriptions[option].kind == NUMBER)
        net_text_number(text, value->number);
    else
        net_text_add(text, "%s", value->text ? value->text : "");
}

void net_settings_json(struct net_text *text, const struct net_options *options)
{
    const char *comma = "";

    net_text_add(text, "{");
    for (int o = 0; o < NET_SETTINGS; o++) {
        if (!options->value[o].applies)
            continue;
        net_text_add(text, "%s\"%s\": ", comma, descriptions[o].name);
        if (descriptions[o].kind == CHOICE || descriptions[o].kind == TEXT)
            net_text_quote(text, options->value[o].text);
        else
            net_option_show(text, options, (enum net_option)o);
        comma = ", ";
    }
    net_text_add(text, "}");
}

int net_config(const struct net_options *options)
{
    struct net_text text = {0};

    if (net_flag(options, NET_JSON_OUTPUT)) {
        net_settings_json(&text, options);
        puts(text.at);
        free(text.at);
        return NET_OK;
    }
    for (int o = 0; o <= NET_THREADS; o++) {
        if (!options->value[o].applies)
            continue;
        text.length = 0;
        net_option_show(&text, options, (enum net_option)o);
        printf("%-20s %-14s %s\n", descriptions[o].name, text.at,
               options->value[o].given ? "given" : "default");
    }
    free(text.at);
    return NET_OK;
}

static void print_commands(void)
{
    static const char *const rows[NET_COMMANDS][2] = {
#define COMMAND(id, name, argument, help) {#name " " argument, help},
#include "language.def"
    };

    for (int c = 0; c < NET_COMMANDS; c++)
        printf("  %-10s %s\n", rows[c][0], rows[c][1]);
}

static void print_flag(enum net_option option)
{
    const struct description *d = &descriptions[option];
    const char *space = strstr(d->help, "  ");
    char *name = typed_name(d->name),
         *flag = net_format("--%s %.*s", name, (int)(space - d->help), d->help);
    char *owners = net_settings_owners(option);

    printf("  %-26s %s%s%s  (", flag, space + 2, owners ? ": " : "", owners ? owners : "");
    for (int c = 0, first = 1; c < NET_COMMANDS; c++)
        if (d->commands & 1u << c && c != NET_CONFIG) {
            printf("%s%s", first ? "" : " ", net_commands[c]);
            first = 0;
        }
    puts(")");
    free(owners);
    free(flag);
    free(name);
}

void net_help(const struct net_model *model)
{
    printf("%s: a trainer made by netc %s from %s (%s, batches of up to %d)\n\n", model->name,
           model->version, model->source, model->isa, model->batch);
    print_commands();
    puts("\n"
         "A run's folder holds run.json, history.csv, model.safetensors, preparation.json and\n"
         "checkpoint.safetensors. Exit: 0; 1 a fault in data or weights; 2 wrong usage;\n"
         "3 diverged; 129, 130 and 143 after SIGHUP, Ctrl-C and SIGTERM, with a checkpoint.");
    for (int o = 0; o < NET_OPTIONS; o++) {
        if (o == 0 || o == NET_SETTINGS)
            printf("\n%s\n", o ? "Flags of the program:" : "Flags of a run, by the model's names:");
        print_flag((enum net_option)o);
    }
}
