/*
 * network.c -- random networks.
 *
 * The one idea: values wait in a list; a step takes one of the last, mostly, and adds what becomes
 * of it. So some have many readers, networks are called again on values of one shape that lie
 * otherwise, random layers stand between reshapes, and concats hold concats.
 */

#include "random/network.h"
#include "random/draw.h"

#include <ctype.h>
#include <string.h>

#include "base/base.h"

enum {
    MAX_VALUES = 64,
    MAX_NUMBERS = 800, /* of a value */
    MAX_CALL = 256,
};

typedef struct Part {
    char name[16];
    int rank, size[3];
    bool is_read;
} Part;

typedef struct Generator {
    uint64_t state;
    Text body, networks;
    Part parts[MAX_VALUES];
    int count, names, network_count;
    bool plain;
} Generator;

/* ---- Draws ----------------------------------------------------------------------------------- */

static int below(Generator *g, int count)
{
    return draw_below(&g->state, count);
}

static bool percent(Generator *g, int share)
{
    return below(g, 100) < share;
}

#define ANY(g, ...)                                                                                \
    ((const int[]){__VA_ARGS__})[below(g, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))]
#define ANY_NAME(g, ...)                                                                           \
    ((const char *const[]){                                                                        \
        __VA_ARGS__})[below(g, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)))]

static int some_channels(Generator *g)
{
    return ANY(g, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 24, 32, 33);
}

static const char *yes_or_no(Generator *g)
{
    return percent(g, 50) ? "true" : "false";
}

static int numbers_of(const Part *p)
{
    int count = 1;

    for (int i = 0; i < p->rank; i++)
        count *= p->size[i];
    return count;
}

static int divisor(Generator *g, int of)
{
    int d = 1 + below(g, of);

    while (of % d)
        d--;
    return d;
}

/* ---- One layer: its call, and what it makes of a shape; false where it does not fit ---------- */

static bool convolve(Generator *g, Part *p, char *call)
{
    const int kernel = ANY(g, 1, 2, 3, 3, 3, 5), dilation = ANY(g, 1, 1, 1, 2);
    const int stride = ANY(g, 1, 1, 1, 2), padding = ANY(g, 0, 1, 1, 2);
    const int span = dilation * (kernel - 1) + 1, kind = below(g, 10);
    const bool image = p->rank == 3;
    int groups = 1, channels = some_channels(g);

    for (int axis = 1; axis < p->rank; axis++)
        if (p->size[axis] + 2 * padding < span)
            return false;
    if (kind < 3) {
        groups = channels = p->size[0];
    } else if (kind == 3) {
        groups = divisor(g, p->size[0]);
        channels = groups * ANY(g, 1, 2, 3);
    }
    if (channels > 48)
        return false;
    snprintf(call, MAX_CALL, "%s(%d, %d, stride=%d, padding=%d, dilation=%d, groups=%d, bias=%s)",
             image ? "conv2d" : "conv1d", channels, kernel, stride, padding, dilation, groups,
             yes_or_no(g));
    p->size[0] = channels;
    for (int axis = 1; axis < p->rank; axis++)
        p->size[axis] = (p->size[axis] + 2 * padding - span) / stride + 1;
    return true;
}

static bool convolve_back(Generator *g, Part *p, char *call)
{
    const int kernel = ANY(g, 1, 2, 3, 4), stride = ANY(g, 1, 2), dilation = ANY(g, 1, 1, 2);
    const int padding = kernel > 1 ? below(g, 2) : 0, channels = some_channels(g);

    p->size[0] = channels;
    for (int axis = 1; axis < 3; axis++)
        p->size[axis] = (p->size[axis] - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding;
    snprintf(call, MAX_CALL,
             "conv2d_transpose(%d, %d, stride=%d, padding=%d, dilation=%d, bias=%s)", channels,
             kernel, stride, padding, dilation, yes_or_no(g));
    return p->size[1] > 0 && p->size[2] > 0;
}

static bool pool(Generator *g, Part *p, char *call)
{
    const int kernel = ANY(g, 2, 3), stride = ANY(g, 1, 2, kernel), padding = ANY(g, 0, 0, 1);

    for (int axis = 1; axis < p->rank; axis++) {
        if (p->size[axis] + 2 * padding < kernel)
            return false;
        p->size[axis] = (p->size[axis] + 2 * padding - kernel) / stride + 1;
    }
    snprintf(call, MAX_CALL, "%s%dd(%d, stride=%d, padding=%d)",
             ANY_NAME(g, "maxpool", "maxpool", "avgpool"), p->rank - 1, kernel, stride, padding);
    return true;
}

static bool pool_all(Generator *g, Part *p, char *call)
{
    snprintf(call, MAX_CALL, "%s%dd", ANY_NAME(g, "global_maxpool", "global_avgpool"), p->rank - 1);
    p->rank = 1;
    return true;
}

static bool reshape(Generator *g, Part *p, char *call)
{
    const int all = numbers_of(p), a = divisor(g, all), b = divisor(g, all / a);

    if (percent(g, 30)) {
        *p = (Part){.rank = 1, .size = {all}};
        snprintf(call, MAX_CALL, "flatten");
    } else if (percent(g, 40)) {
        *p = (Part){.rank = 2, .size = {a, all / a}};
        snprintf(call, MAX_CALL, "reshape(%d, %d)", a, all / a);
    } else {
        *p = (Part){.rank = 3, .size = {a, b, all / a / b}};
        snprintf(call, MAX_CALL, "reshape(%d, %d, %d)", a, b, all / a / b);
    }
    return true;
}

/* A random layer, or one with a vector a channel, in another shape than what stands around it. */
static bool between_reshapes(Generator *g, Part *p, char *call)
{
    const int all = numbers_of(p), a = divisor(g, all);
    const char *layer = g->plain ? ANY_NAME(g, "layernorm", "tanh")
                                 : ANY_NAME(g, "dropout(0.3)", "drop_path(0.3)",
                                            "gaussian_noise(0.1)", "batchnorm");

    snprintf(call, MAX_CALL, "reshape(%d, %d) -> %s -> flatten", a, all / a, layer);
    *p = (Part){.rank = 1, .size = {all}};
    return true;
}

static bool upsample(Generator *g, Part *p, char *call)
{
    (void)g;
    p->size[1] *= 2;
    p->size[2] *= 2;
    snprintf(call, MAX_CALL, "upsample2d(2)");
    return true;
}

static bool dense(Generator *g, Part *p, char *call)
{
    const int units = ANY(g, 1, 2, 3, 4, 5, 16, 17, 33);

    snprintf(call, MAX_CALL, "dense(%d, bias=%s)", units, yes_or_no(g));
    p->size[0] = units;
    return true;
}

static bool anywhere(Generator *g, Part *p, char *call)
{
    const int kind = below(g, 100);

    (void)p;
    if (kind < 45)
        snprintf(call, MAX_CALL, "%s",
                 ANY_NAME(g, "relu", "sigmoid", "tanh", "leaky_relu(0.1)", "gelu", "elu(0.5)",
                          "relu6", "silu", "softplus", "mish", "selu", "softsign", "hardswish"));
    else if (kind < 65)
        snprintf(call, MAX_CALL, "%s", g->plain ? "layernorm" : "batchnorm");
    else if (kind < 72)
        snprintf(call, MAX_CALL, "layernorm");
    else if (kind < 92)
        snprintf(call, MAX_CALL, "%s",
                 g->plain ? "tanh" : ANY_NAME(g, "dropout(0.3)", "gaussian_noise(0.1)"));
    else
        snprintf(call, MAX_CALL, "softmax");
    return true;
}

typedef bool Layer(Generator *g, Part *p, char *call);

static bool layer(Generator *g, Part *p, char *call)
{
    static Layer *const of_image[] = {convolve, convolve,        convolve_back, pool,
                                      pool_all, upsample,        reshape,       anywhere,
                                      anywhere, between_reshapes};
    static Layer *const of_sequence[] = {convolve, pool, pool_all, reshape, anywhere, anywhere};
    static Layer *const of_vector[] = {dense, dense, reshape, anywhere, anywhere, between_reshapes};
    Layer *chosen = p->rank == 3   ? of_image[below(g, COUNT(of_image))]
                    : p->rank == 2 ? of_sequence[below(g, COUNT(of_sequence))]
                                   : of_vector[below(g, COUNT(of_vector))];

    return chosen(g, p, call) && numbers_of(p) <= MAX_NUMBERS;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool reads(const char *expression, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = strstr(expression, name); at; at = strstr(at + 1, name))
        if ((at == expression || !isalnum((unsigned char)at[-1])) &&
            !isalnum((unsigned char)at[length]))
            return true;
    return false;
}

static const Part *add(Generator *g, const char *expression, Part shape)
{
    Part *p = &g->parts[g->count++];

    for (Part *other = g->parts; other < p; other++)
        other->is_read = other->is_read || reads(expression, other->name);
    *p = shape;
    p->is_read = false;
    snprintf(p->name, sizeof p->name, "v%d", ++g->names);
    text_add(&g->body, "    %s = %s\n", p->name, expression);
    return p;
}

/* Mostly one of the last. */
static const Part *some_part(Generator *g)
{
    const int last = g->count < 4 ? g->count : 4;

    return &g->parts[percent(g, 70) ? g->count - 1 - below(g, last) : below(g, g->count)];
}

static bool alike(const Part *a, const Part *b, int from)
{
    return a->rank == b->rank &&
           !memcmp(a->size + from, b->size + from, (size_t)(a->rank - from) * sizeof(int));
}

/* A value of the shape of `p`, from axis `from` on, which may be itself. */
static const Part *like(Generator *g, const Part *p, int from)
{
    for (int tries = 0; tries < 20; tries++) {
        const Part *other = &g->parts[below(g, g->count)];

        if (alike(p, other, from))
            return other;
    }
    return p;
}

static void add_layer(Generator *g)
{
    const Part *from = some_part(g);
    char call[MAX_CALL];
    Part shape = *from;

    if (layer(g, &shape, call))
        add(g, format("%s -> %s", from->name, call), shape);
}

static void add_elementwise(Generator *g)
{
    const Part *p = some_part(g), *other = like(g, p, 0);

    add(g, format("%s %s %s", p->name, percent(g, 60) ? "+" : "*", other->name), *p);
}

static void add_concat(Generator *g)
{
    const Part *p = some_part(g);
    const char *names = p->name;
    Part shape = *p;

    for (int k = 1 + below(g, ANY(g, 1, 2, 4)); k > 0; k--) {
        const Part *other = like(g, p, 1);

        names = format("%s, %s", names, other->name);
        shape.size[0] += other->size[0];
    }
    if (numbers_of(&shape) <= MAX_NUMBERS)
        add(g, format("concat(%s)", names), shape);
}

/* Of sequences: positions by positions, or channels by channels, and back. */
static void add_matmul(Generator *g)
{
    const Part *p = some_part(g);

    if (p->rank != 2 || p->size[0] > 40 || p->size[1] > 40)
        return;
    const Part *other = like(g, p, 0);

    if (percent(g, 50))
        add(g,
            format("matmul(softmax(matmul(%s, %s, transpose_b=true)), %s)", p->name, other->name,
                   p->name),
            *p);
    else
        add(g, format("matmul(%s, %s, transpose_a=true) -> tanh", p->name, other->name),
            (Part){.rank = 2, .size = {p->size[0], p->size[0]}});
}

/* A network on two or three values of one shape, and on one that has it by a reshape. */
static void add_network(Generator *g)
{
    const Part of = *some_part(g);
    const char *name = format("part%d", ++g->network_count), *body = "x";
    Part shape = of;
    int layers = 0;

    for (int k = 1 + below(g, 3); k > 0; k--) {
        char call[MAX_CALL];
        Part next = shape;

        if (!layer(g, &next, call))
            continue;
        body = format("%s -> %s", body, call);
        shape = next;
        layers++;
    }
    if (!layers)
        return;
    text_add(&g->networks, "network %s(x) { %s }\n", name, body);
    add(g, format("%s -> %s", of.name, name), shape);
    for (int k = 1 + below(g, 2); k > 0; k--)
        add(g, format("%s -> %s", like(g, &of, 0)->name, name), shape);
    for (int i = 0; i < g->count; i++) {
        const Part *p = &g->parts[i];

        if (numbers_of(p) != numbers_of(&of) || alike(p, &of, 0))
            continue;
        const char *sizes = format("%d", of.size[0]);

        for (int axis = 1; axis < of.rank; axis++)
            sizes = format("%s, %d", sizes, of.size[axis]);
        add(g, format("%s -> reshape(%s) -> %s", p->name, sizes, name), shape);
        break;
    }
}

/* ---- Whole networks -------------------------------------------------------------------------- */

/* A text as tokens or as a bag, and a value of it. Returns the line of the data section. */
static const char *add_words(Generator *g)
{
    const int width = ANY(g, 1, 3, 4, 16, 17), length = ANY(g, 1, 5, 8);
    const int vocabulary = ANY(g, 5, 30, 70);

    if (percent(g, 50)) {
        add(g, format("words -> dense(%d)", width), (Part){.rank = 1, .size = {width}});
        return format("    input words = column(\"w\") -> bag_of_words(vocabulary=%d)\n",
                      vocabulary);
    }
    if (percent(g, 30))
        add(g, format("words -> embedding(%d, padding_row=0) -> mean(skip_padding=true)", width),
            (Part){.rank = 1, .size = {width}});
    add(g, format("words -> embedding(%d)", width), (Part){.rank = 2, .size = {width, length}});
    return format("    input words = column(\"w\") -> tokens(vocabulary=%d, length=%d)\n",
                  vocabulary, length);
}

/* What nothing reads, and some that were read, side by side, flat, and a dense layer of
   `outputs`. */
static void end_body(Generator *g, int outputs)
{
    const char *all = NULL;
    int count = 0;

    for (int i = 0; i < g->count; i++) {
        const Part *p = &g->parts[i];
        const char *flat = p->rank == 1 ? p->name : format("(%s -> flatten)", p->name);

        if (p->is_read && !percent(g, 10))
            continue;
        all = all ? format("%s, %s", all, flat) : flat;
        count++;
    }
    text_add(&g->body, count > 1 ? "    concat(%s) -> dense(%d)\n" : "    %s -> dense(%d)\n", all,
             outputs);
}

static void write_network(RandomNetwork *n, Generator *g, const char *words)
{
    static const struct {
        const char *loss, *arguments;
        int targets;
    } losses[] = {
        {"cross_entropy", "", 0},
        {"cross_entropy", ", class_weights=[1, 0.5, 2]", 0},
        {"cross_entropy", ", smoothing=0.1", 0},
        {"mse", "", 3},
        {"mae", "", 3},
        {"huber", ", delta=0.5", 4},
        {"log_cosh", "", 2},
        {"binary_cross_entropy", "", 5},
    };
    const int which = below(g, COUNT(losses));
    const char *arguments = n->words ? "image, vector, words" : "image, vector";
    Text text = {0};

    n->targets = losses[which].targets;
    n->is_binary = n->targets == 5;
    end_body(g, n->targets ? n->targets : 3);
    text_add(&text, "data {\n    train = csv(\"rows.csv\")\n");
    text_add(&text, "    input image[%d, %d, %d] = columns(\"i0\"..\"i%d\")\n", n->image[0],
             n->image[1], n->image[2], n->image[0] * n->image[1] * n->image[2] - 1);
    text_add(&text, "    input vector[%d] = columns(\"v0\"..\"v%d\")\n%s", n->vector, n->vector - 1,
             words);
    if (n->targets)
        text_add(&text, "    target goal[%d] = columns(\"t0\"..\"t%d\")\n", n->targets,
                 n->targets - 1);
    else
        text_add(&text, "    target goal = column(\"t0\") -> classes(3)\n");
    text_add(&text, "}\n%snetwork net(%s) {\n%s}\n", g->networks.at ? g->networks.at : "",
             arguments, g->body.at);
    text_add(&text, "train {\n    loss = %s(net(%s), goal%s)\n    optimizer = %s\n",
             losses[which].loss, arguments, losses[which].arguments,
             ANY_NAME(g, "sgd(lr=0.01, momentum=0.9)", "adam", "rmsprop"));
    text_add(&text, "    batch = %d\n    conv = %s\n}\n",
             g->plain ? ANY(g, 1, 2, 16) : ANY(g, 5, 16, 17, 33),
             ANY_NAME(g, "auto", "auto", "winograd", "direct"));
    n->text = text.at;
}

RandomNetwork random_network(uint64_t seed)
{
    static const int images[][3] = {{3, 9, 9},  {1, 8, 8},  {8, 6, 6}, {16, 5, 5},
                                    {20, 5, 4}, {2, 1, 12}, {9, 3, 3}};
    Generator g = {.state = seed};
    RandomNetwork n = {.plain = percent(&g, 40)};
    const char *words = "";

    g.plain = n.plain;
    memcpy(n.image, images[below(&g, COUNT(images))], sizeof n.image);
    n.vector = ANY(&g, 1, 3, 16, 20, 40);
    n.words = percent(&g, 40);
    g.parts[g.count++] = (Part){"image", 3, {n.image[0], n.image[1], n.image[2]}, false};
    g.parts[g.count++] = (Part){"vector", 1, {n.vector}, false};
    if (n.words)
        words = add_words(&g);
    for (int steps = 5 + below(&g, 9); steps > 0 && g.count < MAX_VALUES - 8; steps--) {
        const int kind = below(&g, 100);

        if (kind < 58)
            add_layer(&g);
        else if (kind < 68)
            add_elementwise(&g);
        else if (kind < 80)
            add_concat(&g);
        else if (kind < 85)
            add_matmul(&g);
        else
            add_network(&g);
    }
    write_network(&n, &g, words);
    return n;
}
