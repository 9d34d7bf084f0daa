/*
 * generate_text.c -- a text goes on behind a prompt, a character at a time: the network reads the
 * last characters, as many as its input has room for, and one is drawn of the softmax of its
 * outputs, divided by a temperature, at the position behind them.
 *
 * Character i is drawn by (seed, i) alone, of outputs that are the same on any number of threads.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "core/atomic_file.h"
#include "core/random.h"

struct generator {
    struct net_session session;
    const struct net_model *model;
    const char *const *characters; /* by class; NULL: of none */
    int classes, length;           /* length: characters that the input reads */
    int behind;    /* characters before the one that the target's first position predicts */
    int positions; /* of the target */
    int32_t *text; /* classes: the prompt, then what was generated */
    long count;
    int32_t *window; /* [length] */
    float *outputs;  /* [classes] */
    double *weights; /* [classes] */
    double temperature;
    int top; /* that many of the likeliest are drawn from */
};

/* ---- the model ------------------------------------------------------------------------------- */

static int ahead_of(const struct net_field *field)
{
    return (int)net_argument(&field->steps[0], "ahead")->number;
}

static void open_model(struct generator *g)
{
    const struct net_model *model = g->model;
    const struct net_field *input = &model->fields[0], *target = net_target_field(model);

    if (net_input_count(model) != 1 || model->draw || target->kind != NET_TARGET_CLASS ||
        model->loss != NET_CROSS_ENTROPY)
        net_fail(NET_USAGE,
                 "generate wants one input of characters, and a cross_entropy of a target of "
                 "characters; %s has others",
                 model->source);
    g->classes = target->classes;
    g->length = input->size;
    g->positions = target->size;
    g->behind = ahead_of(target) - ahead_of(input);
    if (g->behind < 1 || g->length - g->behind < 0 || g->length - g->behind >= g->positions)
        net_fail(NET_USAGE,
                 "no position of %s is the character behind all of %s: `ahead` of a target is 1 "
                 "more than that of an input of its length",
                 target->name, input->name);
}

/* ---- the network ----------------------------------------------------------------------------- */

/* Fills g->outputs: logits of the character behind the first `known` of the window. */
static void run_network(struct generator *g, int known)
{
    const void *row = g->window;
    struct net_rows fields[NET_COLUMNS + NET_DRAWN] = {{.type = NET_I32, .row = &row}};
    const int position = known - g->behind;

    g->model->pack(g->session.batch[0], fields, 1);
    net_forward(&g->session, g->session.batch[0], 1, false);
    if (!net_is_finite(g->session.predictions, g->model->outputs))
        net_fail(NET_FAULT, "the network's output is not finite: its weights are far from any that "
                            "training gives");
    net_position_outputs(g->outputs, g->session.predictions, position, g->positions, g->classes);
}

/* A network that looks ahead gives at a position what it sees there: what stands behind the middle
   must not change what it says of it. */
static void check_causal(struct generator *g)
{
    const int known = (g->behind + g->length) / 2;
    float *first = net_allocate((size_t)g->classes, sizeof *first);

    for (int i = 0; i < g->length; i++)
        g->window[i] = i < known ? g->text[i % g->count] : 0;
    run_network(g, known);
    memcpy(first, g->outputs, (size_t)g->classes * sizeof *first);
    for (int i = known; i < g->length; i++)
        g->window[i] = g->classes - 1;
    run_network(g, known);
    for (int c = 0; c < g->classes; c++)
        if (fabsf(first[c] - g->outputs[c]) > 1e-4f * (1 + fabsf(first[c])))
            net_fail(NET_USAGE,
                     "%s sees the characters behind the one that it is to give: causal=true of "
                     "attention, padding=causal of conv1d, and no reverse=true hide them",
                     g->model->name);
    free(first);
}

/* ---- the text -------------------------------------------------------------------------------- */

/* The class of a character; ends the program where training had none such. */
static int32_t class_of(const struct generator *g, const char *at, size_t length)
{
    for (int c = 1; c < g->classes; c++)
        if (g->characters[c] && strlen(g->characters[c]) == length &&
            !memcmp(g->characters[c], at, length))
            return c;
    return 0;
}

/* A line break is one character, "\r\n" as in a text's file (sources/text.c). */
static void read_prompt(struct generator *g, const char *prompt)
{
    const unsigned char *at = (const unsigned char *)prompt, *end = at + strlen(prompt);
    int length;

    for (; at < end; at += length) {
        char character[4];
        const unsigned code = net_read_utf8(at, end, &length);
        const size_t size = (size_t)(net_put_utf8(character, code) - character);

        if (code == '\r' && at[1] == '\n')
            continue;
        g->text[g->count] = class_of(g, character, size);
        if (!g->text[g->count++]) {
            struct net_text shown = {0};

            net_text_visible(&shown, net_format("%.*s", (int)size, character));
            net_fail(NET_USAGE,
                     "--prompt: \"%s\" is none of the characters that the run knows of its text",
                     shown.at);
        }
    }
    if (g->count < g->behind)
        net_fail(NET_USAGE, "--prompt wants %d characters or more, which %s reads; it has %ld",
                 g->behind, g->model->name, g->count);
}

/* Without --prompt a text begins behind a line break, where that is enough to read. */
static void read_line_break(struct generator *g)
{
    g->text[0] = class_of(g, "\n", 1);
    g->count = 1;
    if (!g->text[0])
        net_fail(NET_USAGE, "the run's text has no line break to begin behind: give --prompt TEXT");
    if (g->behind > 1)
        net_fail(NET_USAGE, "%s reads %d characters before it writes one: give --prompt TEXT",
                 g->model->name, g->behind);
}

/* A number from 0 to below 1, of character i. */
static double draw(const struct generator *g, long i)
{
    uint32_t word[4];

    net_philox(word, g->session.run.seed, (uint32_t)i, (uint32_t)((uint64_t)i >> 32), 0,
               NET_RANDOM_GENERATE);
    return ((double)(word[0] >> 5) * 0x1p26 + (double)(word[1] >> 6)) * 0x1p-53;
}

/* How many classes are likelier, or as likely and before it. */
static int rank_of(const struct generator *g, int class)
{
    int rank = 0;

    for (int c = 1; c < g->classes; c++)
        rank += g->characters[c] && (g->outputs[c] > g->outputs[class] ||
                                     (g->outputs[c] == g->outputs[class] && c < class));
    return rank;
}

/* What is not known, and classes that no character has, are never drawn. */
static int32_t draw_class(struct generator *g)
{
    double most = -INFINITY, sum = 0;
    int32_t likeliest = 0, class = 0;

    for (int c = 1; c < g->classes; c++)
        if (g->characters[c] && (double)g->outputs[c] > most) {
            most = (double)g->outputs[c];
            likeliest = c;
        }
    if (g->temperature == 0.0)
        return likeliest;
    for (int c = 1; c < g->classes; c++) {
        const bool drawn = g->characters[c] && (!g->top || rank_of(g, c) < g->top);

        g->weights[c] = drawn ? exp(((double)g->outputs[c] - most) / g->temperature) : 0;
        sum += g->weights[c];
    }
    double left = draw(g, g->count) * sum;

    for (int c = 1; c < g->classes; c++)
        if (g->weights[c] > 0) {
            class = c;
            left -= g->weights[c];
            if (left < 0)
                break;
        }
    return class;
}

static void add_character(struct generator *g)
{
    const int known = g->count < g->length ? (int)g->count : g->length;

    memset(g->window, 0, (size_t)g->length * sizeof *g->window);
    memcpy(g->window, g->text + g->count - known, (size_t)known * sizeof *g->window);
    run_network(g, known);
    g->text[g->count] = draw_class(g);
    g->count++;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void write_text(struct generator *g, FILE *out, long length, bool told)
{
    for (long i = 0; told && i < g->count; i++)
        fputs(g->characters[g->text[i]], out);
    for (long i = 0; i < length && !ferror(out); i++) {
        add_character(g);
        fputs(g->characters[g->text[g->count - 1]], out);
        fflush(out); /* it is read as it comes */
    }
    fputc('\n', out);
}

static void open_generator(struct generator *g, const struct net_options *options,
                           const char *prompt)
{
    const size_t before = prompt ? strlen(prompt) : 1;
    int count;

    g->characters = net_data_vocabulary(g->session.data, 0, &count);
    g->temperature = options->value[NET_TEMPERATURE].number;
    g->top = options->value[NET_TOP].given ? (int)net_whole(options, NET_TOP) : 0;
    g->text = net_allocate(before + (size_t)net_whole(options, NET_LENGTH), sizeof *g->text);
    g->window = net_allocate((size_t)g->length, sizeof *g->window);
    g->outputs = net_allocate((size_t)g->classes, sizeof *g->outputs);
    g->weights = net_allocate((size_t)g->classes, sizeof *g->weights);
    if (prompt)
        read_prompt(g, prompt);
    else
        read_line_break(g);
    if (g->behind < g->length)
        check_causal(g);
}

int net_generate_text(struct net_options *options)
{
    const char *given = options->value[NET_PROMPT].text, *path = options->value[NET_OUTPUT].text;
    struct generator g = {.model = options->model};
    struct net_file file = {0};

    open_model(&g);
    net_settings_of_run(options);
    net_session_open(&g.session, options);
    net_session_weights(&g.session);
    g.session.data = net_data_open_learnt(g.model, &g.session.opening);
    open_generator(&g, options, given);
    if (path)
        net_file_open(&file, NULL, path);
    write_text(&g, path ? file.whole.out : stdout, net_whole(options, NET_LENGTH), given != NULL);
    if (path)
        net_file_commit(&file);
    free(g.text);
    free(g.window);
    free(g.outputs);
    free(g.weights);
    net_session_close(&g.session);
    return NET_OK;
}
