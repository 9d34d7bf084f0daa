/*
 * flags.c -- the command line: flags and what stands behind them, and --help. Nothing that was
 * typed is ever ignored: a flag that is unknown, of another command, out of range, or without
 * meaning for the chosen optimizer ends the program with exit code 2. Values are read by
 * training/options.c; what a step makes of them is in training/step_scalars.c.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"

/* Flags of other programs that train: the name here, or what there is instead. */
static const char processor[] = "a trainer runs on the processor",
                  single[] = "numbers have 32 bits",
                  loading[] = "rows are prepared beside the steps, which --threads shares",
                  split[] = "the model's data section says `validation = holdout(0.1)`",
                  telling[] = "it tells of each epoch, with --quiet of errors alone";
static const char *const elsewhere[][2] = {
    {"learning_rate", "lr"},
    {"batch_size", "batch"},
    {"num_epochs", "epochs"},
    {"n_epochs", "epochs"},
    {"max_epochs", "epochs"},
    {"num_workers", loading},
    {"workers", loading},
    {"device", processor},
    {"gpu", processor},
    {"gpus", processor},
    {"cuda", processor},
    {"amp", single},
    {"fp16", single},
    {"precision", single},
    {"mixed_precision", single},
    {"validation_split", split},
    {"val_split", split},
    {"verbose", telling},
    {"v", telling},
    {"jobs", "threads"},
    {"output_dir", "out"},
    {"save_dir", "out"},
    {"logdir", "out"},
    {"log_dir", "out"},
    {"random_seed", "seed"},
    {"random_state", "seed"},
    {"data_dir", "data"},
    {"data_path", "data"},
    {"dataset", "data"},
    {"model", "weights"},
    {"checkpoint", "weights"},
    {"ckpt", "weights"},
    {"load", "weights"},
    {"beta_1", "beta1"},
    {"beta_2", "beta2"},
    {"epsilon", "eps"},
    {"decay", "weight_decay"},
    {"wd", "weight_decay"},
    {"clipnorm", "clip"},
    {"clip_grad_norm", "clip"},
    {"gradient_accumulation_steps", "accumulate"},
    {"early_stopping", "stop_patience"},
    {"split", "part"},
    {"b", "batch"},
    {"e", "epochs"},
    {"j", "threads"},
    {"n", "epochs"},
    {"s", "seed"},
    {"d", "data"},
    {"w", "weights"},
    {"q", "quiet"},
};

/* "-lr": flags begin with two dashes, but for -o. */
static bool is_short(const char *word)
{
    return word[0] == '-' && word[1] != '-' && !strchr("0123456789.", word[1]) &&
           strcmp(word, "-o") != 0;
}

/* Of a word of other programs; `near`: of one that is spelled nearly so, "batchsize". NULL */
static const char *find_elsewhere(const char *word, bool near)
{
    enum { COUNT = sizeof elsewhere / sizeof *elsewhere, SHORT = 3 };
    const char *words[COUNT], *meant = word;

    for (int i = 0; i < COUNT; i++)
        words[i] = elsewhere[i][0];
    if (near)
        meant = strlen(word) > SHORT ? net_nearest(word, words, COUNT) : NULL;
    for (int i = 0; meant && i < COUNT; i++)
        if (!strcmp(words[i], meant))
            return elsewhere[i][1];
    return NULL;
}

static _Noreturn void unknown_flag(const char *typed, const struct net_options *options)
{
    const struct net_model *model = options->model;
    const enum net_command command = options->command;
    const char *names[NET_OPTIONS + NET_MAX_LETS], *nearest;
    char word[64];
    int count = 0;

    for (int o = 0; o < NET_OPTIONS; o++)
        if (net_option_infos[o].commands & 1u << command)
            names[count++] = net_option_infos[o].name;
    for (int i = 0; i < model->let_count && i < NET_MAX_LETS; i++)
        if (model->lets[i].by_run)
            names[count++] = model->lets[i].name;
    const int dashes = typed[1] == '-' ? 2 : 1, length = (int)strcspn(typed, "=");

    snprintf(word, sizeof word, "%.*s", length - dashes, typed + dashes);
    for (char *c = word; *c; c++)
        *c = *c == '-' ? '_' : *c;
    const char *found = find_elsewhere(word, false);

    if (!found && !net_nearest(word, names, count))
        found = find_elsewhere(word, true);
    if (found && strchr(found, ' '))
        net_fail(NET_USAGE, "there is no flag %.*s: %s", length, typed, found);
    if (found)
        snprintf(word, sizeof word, "%s", found);
    nearest = net_nearest(word, names, count);
    if (nearest)
        net_fail(NET_USAGE, "there is no flag %.*s; %s --%s%s", length, typed,
                 strcmp(nearest, word) ? "do you mean" : "its name here is",
                 net_typed_name(nearest), strcmp(nearest, word) ? "?" : "");
    net_fail(NET_USAGE, "there is no flag %.*s; --help lists them", length, typed);
}

/* config takes every flag of a run, which need not be said; --json is its own. */
static bool is_listed(const struct net_option_info *d, int command)
{
    return d->commands & 1u << command &&
           (command != NET_CONFIG || d == &net_option_infos[NET_JSON_OUTPUT]);
}

static void wrong_command(const struct net_option_info *d, enum net_command command)
{
    struct net_text list = {0};

    for (int c = 0; c < NET_COMMANDS; c++)
        if (is_listed(d, c))
            net_text_add(&list, "%s%s", list.at ? ", " : "", net_commands[c]);
    net_fail(NET_USAGE, "--%s is a flag of %s, not of %s", net_typed_name(d->name),
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
        off = net_option_infos[o].kind == NET_KIND_SWITCH && length > 3 &&
              !strncmp(typed, "no-", 3) &&
              net_same_name(net_option_infos[o].name, typed + 3, length - 3);
        if (off || net_same_name(net_option_infos[o].name, typed, length))
            break;
    }
    if (o < NET_OPTIONS && !net_is_option(net_option_infos[o].name) &&
        options->command != NET_GENERATE && net_let_named(options->model, typed, length) >= 0)
        o = NET_OPTIONS;
    const int let = o == NET_OPTIONS ? net_let_named(options->model, typed, length) : -1;
    const struct net_option_info own = let < 0 ? net_option_infos[0]
                                               : net_let_info(options->model, let);

    if (o == NET_OPTIONS && let < 0)
        unknown_flag(argv[i], options);
    if (let >= 0 && !options->model->lets[let].by_run)
        net_let_refuse(options->model, let);

    const struct net_option_info *d = let < 0 ? &net_option_infos[o] : &own;
    struct net_value *value = let < 0 ? &options->value[o] : &options->let[let];

    if (!(d->commands & 1u << options->command))
        wrong_command(d, options->command);
    if (value->given)
        net_fail(NET_USAGE, "--%s is given twice", net_typed_name(d->name));
    if (d->kind == NET_KIND_SWITCH && !equals) {
        value->number = off ? 0.0 : 1.0;
        value->given = true;
    } else if (off) {
        net_fail(NET_USAGE, "--no-%s takes no value", net_typed_name(d->name));
    } else if (equals) {
        net_option_read(value, d, equals + 1);
    } else if (i + 1 == argc || (!strncmp(argv[i + 1], "--", 2) && argv[i + 1][2])) {
        net_fail(NET_USAGE, "--%s wants a value behind it, %s", net_typed_name(d->name),
                 i + 1 == argc ? "--help tells which"
                               : "or with = one that begins with --, as a flag does");
    } else {
        net_option_read(value, d, argv[++i]);
    }
    return i;
}

/* Is what stands behind this word its value? */
static bool takes_value(const struct net_model *model, const char *word)
{
    const size_t length = strlen(word);

    if (!strcmp(word, "-o"))
        return true;
    if (strncmp(word, "--", 2) != 0 || strchr(word, '='))
        return false;
    for (int o = 0; o < NET_OPTIONS; o++)
        if (net_same_name(net_option_infos[o].name, word + 2, length - 2))
            return net_option_infos[o].kind != NET_KIND_SWITCH;
    return net_let_named(model, word + 2, length - 2) >= 0;
}

bool net_options_ask(const struct net_model *model, int argc, char **argv, const char *flag)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (!strcmp(argv[i], flag))
            return true;
        i += takes_value(model, argv[i]);
    }
    return false;
}

static char *join(const char *command, int argc, char **argv)
{
    struct net_text text = {0};

    net_text_add(&text, "%s", command);
    for (int i = 0; i < argc; i++) {
        net_text_add(&text, " ");
        net_text_shell(&text, argv[i]);
    }
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
    bool ended = false; /* by "--": what follows are no flags */

    *options = (struct net_options){.model = model, .command = command, .argc = argc, .argv = argv};
    options->runs = net_allocate((size_t)argc, sizeof *options->runs);
    options->command_line = join(net_commands[command], argc, argv);
    for (int i = 0; i < argc; i++) {
        if (!ended && !strcmp(argv[i], "--"))
            ended = true;
        else if (!ended && is_short(argv[i]))
            unknown_flag(argv[i], options);
        else if (!ended && (!strncmp(argv[i], "--", 2) || !strcmp(argv[i], "-o")))
            i = read_flag(options, argc, argv, i);
        else if ((command == NET_REPORT && (ended || argv[i][0] != '-')) ||
                 (command == NET_SWEEP && strchr(argv[i], '=')))
            options->runs[options->run_count++] = argv[i];
        else if (command == NET_KFOLD && !options->folds)
            options->folds = read_folds(argv[i]);
        else if (command != NET_PREDICT && command != NET_KFOLD && net_folder_taken(NULL, argv[i]))
            net_fail(NET_USAGE, "%s takes no name of a run; --weights %s%s", net_commands[command],
                     argv[i],
                     command == NET_TRAIN_COMMAND ? " begins with its weights, --resume goes on"
                                                  : "");
        else if ((command != NET_EVAL && command != NET_PREDICT && command != NET_GRADCHECK) ||
                 (!ended && argv[i][0] == '-' && argv[i][1]))
            net_fail(NET_USAGE, "%s does not know what to do with \"%s\"; --help shows its flags",
                     net_commands[command], argv[i]);
        else if (command == NET_GRADCHECK && options->file)
            net_fail(NET_USAGE,
                     "gradcheck takes one name that tensors begin with; \"%s\" is the "
                     "second",
                     argv[i]);
        else
            options->runs[options->run_count++] = options->file = argv[i];
    }
    if (options->file)
        options->file = options->runs[0];
    net_settings_default(options);
}

void net_options_free(struct net_options *options)
{
    free(options->command_line);
    free(options->data);
    net_lets_free(options);
    free(options->runs);
}

/* ---- --help ---------------------------------------------------------------------------------- */

static const char *const command_help[NET_COMMANDS][2] = {
/* argument, help */
#define COMMAND(id, name, argument, help) {argument, help},
#include "language.def"
};

static void print_flag(enum net_option option, const char *behind)
{
    const struct net_option_info *d = &net_option_infos[option];
    const char *space = strstr(d->help, "  ");
    char *name = net_typed_name(d->name),
         *flag = net_format("--%s %.*s", name, (int)(space - d->help), d->help);

    printf("  %-26s %s%s\n", flag, space + 2, behind);
    free(flag);
    free(name);
}

/* ": adam, nadam  (train bench kfold)": whose number it is, which commands take it */
static char *takers(enum net_option option)
{
    struct net_text text = {0};
    char *owners = net_settings_owners(option);

    net_text_add(&text, "%s%s  (", owners ? ": " : "", owners ? owners : "");
    for (int c = 0, first = 1; c < NET_COMMANDS; c++)
        if (is_listed(&net_option_infos[option], c)) {
            net_text_add(&text, "%s%s", first ? "" : " ", net_commands[c]);
            first = 0;
        }
    net_text_add(&text, ")");
    free(owners);
    return text.at;
}

static void print_heading(int option)
{
    printf("\n%s\n", option >= NET_SETTINGS ? "Flags of the program:"
                                            : "Flags of a run, by the model's names:");
}

/* The lets that are flags of this command, with their values. */
static void print_lets(const struct net_options *options)
{
    const struct net_model *model = options->model;

    for (int i = 0; i < model->let_count && i < NET_MAX_LETS; i++) {
        const struct net_option_info d = net_let_info(model, i);
        struct net_text value = {0};

        if (!options->let[i].applies || !(d.commands & 1u << options->command))
            continue;
        char *name = net_typed_name(d.name), *flag = net_format("--%s %.1s", name, d.help);

        net_text_number(&value, options->let[i].number);
        printf("  %-26s %s, %s:%d  [%s]\n", flag, d.help + 3, model->source, model->lets[i].line,
               value.at);
        free(value.at);
        free(flag);
        free(name);
    }
}

void net_help(const struct net_model *model)
{
    struct net_options options = {.model = model, .command = NET_TRAIN_COMMAND};

    net_lets_default(&options);
    printf("%s: a trainer made by netc %s from %s (%s, batches of up to %d)\n\n", model->name,
           model->version, model->source, model->isa, model->batch);
    for (int c = 0; c < NET_COMMANDS; c++) {
        char *command = net_format("%s %s", net_commands[c], command_help[c][0]);

        printf("  %-15s %s\n", command, command_help[c][1]);
        free(command);
    }
    puts("\n"
         "COMMAND --help tells of one. A run's folder holds report.html, run.json,\n"
         "history.csv, curves.svg, model.safetensors, preparation.json and\n"
         "checkpoint.safetensors. Exit: 0; 1 a fault in data or weights; 2 wrong usage; 3\n"
         "diverged; 129, 130 and 143 after SIGHUP, Ctrl-C and SIGTERM, with a checkpoint.");
    for (int o = 0; o < NET_OPTIONS; o++) {
        char *behind = takers((enum net_option)o);

        if (o == NET_SETTINGS)
            print_lets(&options);
        if (o == 0 || o == NET_SETTINGS)
            print_heading(o);
        print_flag((enum net_option)o, behind);
        free(behind);
    }
    net_lets_free(&options);
}

void net_command_help(const struct net_model *model, enum net_command command)
{
    struct net_options options;
    int told = -1; /* the last flag's heading: of a run's, 0, or the program's, 1 */

    net_options_read(&options, model, command, 0, NULL);
    printf("%s %s%s%s [--FLAG VALUE ...]: %s\n", model->name, net_commands[command],
           *command_help[command][0] ? " " : "", command_help[command][0],
           command_help[command][1]);
    for (int o = 0; o < NET_OPTIONS; o++) {
        struct net_text value = {0};

        if (o == NET_SETTINGS)
            print_lets(&options);
        if (!(net_option_infos[o].commands & 1u << command) || !options.value[o].applies)
            continue;
        if (told != (o >= NET_SETTINGS))
            print_heading(o);
        told = o >= NET_SETTINGS;
        if (o <= NET_THREADS) {
            net_text_add(&value, "  [");
            net_option_show(&value, &options, (enum net_option)o);
            net_text_add(&value, "]");
        }
        print_flag((enum net_option)o, value.at ? value.at : "");
        free(value.at);
    }
    net_options_free(&options);
}
