/*
 * library.c -- losses that are written in the language itself, as a file would.
 *
 * One idea: such a loss is a loss section that every file has; its text is parsed where it is
 * called, and all of it stands for that place in messages.
 */

#include <math.h>
#include <string.h>

#include "semantics/analysis.h"

enum { MAX_NUMBERS = 3 };

typedef struct Carried {
    const char *name, *help, *text;
    struct {
        const char *name; /* of a parameter that is a number; all others are values */
        ParamType type;
    } numbers[MAX_NUMBERS];
    TargetRange target;
    bool logits; /* it takes a sigmoid itself */
} Carried;

/* clang-format off */
static const Carried library[] = {
{"quantile", "pinball loss of the quantile q (Koenker and Bassett 1978)",
    "loss quantile(prediction, target, q=0.5) {\n"
    "    e = target - prediction\n"
    "    return mean(max(q * e, (q - 1) * e))\n"
    "}\n", .numbers = {{"q", PARAM_FRACTION}}},
{"poisson", "of counts, and their rate, above 0; without the target's own part",
    "loss poisson(prediction, target, eps=1e-8) {\n"
    "    return mean(prediction - target * log(prediction + eps))\n"
    "}\n", .numbers = {{"eps", PARAM_POSITIVE}}, .target = {0, INFINITY, false}},
{"gaussian_nll", "of values with a variance each (Nix and Weigend 1994)",
    "loss gaussian_nll(prediction, target, variance, eps=1e-6) {\n"
    "    v = max(variance, eps)\n"
    "    return mean(0.5 * (log(v) + square(prediction - target) / v))\n"
    "}\n", .numbers = {{"eps", PARAM_POSITIVE}}},
{"kl_normal", "from N(mu, e^log_variance) to N(0, 1), a sum (Kingma and Welling 2014)",
    "loss kl_normal(mu, log_variance) {\n"
    "    return mean(0.5 * sum(square(mu) + exp(log_variance) - 1 - log_variance))\n"
    "}\n", .logits = false},
{"hinge", "of targets -1 and 1",
    "loss hinge(prediction, target) {\n"
    "    return mean(max(1 - target * prediction, 0))\n"
    "}\n", .target = {-1, 1, true}},
{"squared_hinge", "of targets -1 and 1",
    "loss squared_hinge(prediction, target) {\n"
    "    return mean(square(max(1 - target * prediction, 0)))\n"
    "}\n", .target = {-1, 1, true}},
{"focal", "of logits, and targets 0 and 1 (Lin and others 2017); alpha=-1: not weighted",
    "loss focal(prediction, target, gamma=2, alpha=0.25) {\n"
    "    z = (2 * target - 1) * prediction\n"
    "    each = exp(-gamma * softplus(z)) * softplus(-z)\n"
    "    if alpha >= 0 { each = (1 - alpha + (2 * alpha - 1) * target) * each }\n"
    "    return mean(each)\n"
    "}\n", .numbers = {{"gamma", PARAM_NONNEGATIVE}, {"alpha", PARAM_NUMBER}},
    .target = {0, 1, true}, .logits = true},
{"dice", "1 - dice of all of a row's sigmoids, and targets 0 and 1 (Milletari and others 2016)",
    "loss dice(prediction, target, smooth=1) {\n"
    "    p = sigmoid(prediction)\n"
    "    return mean(1 - (2 * sum(p * target) + smooth) / (sum(p) + sum(target) + smooth))\n"
    "}\n", .numbers = {{"smooth", PARAM_POSITIVE}}, .target = {0, 1, false}, .logits = true},
{"cosine", "1 - the cosine of the angle between two vectors",
    "loss cosine(prediction, target, eps=1e-8) {\n"
    "    lengths = sum(square(prediction)) * sum(square(target))\n"
    "    return mean(1 - sum(prediction * target) / sqrt(max(lengths, eps * eps)))\n"
    "}\n", .numbers = {{"eps", PARAM_POSITIVE}}},
{"contrastive", "of a distance, and targets: 1 where the two are alike (Hadsell and others 2006)",
    "loss contrastive(distance, target, margin=1) {\n"
    "    far = square(max(margin - distance, 0))\n"
    "    return mean(target * square(distance) + (1 - target) * far)\n"
    "}\n", .numbers = {{"margin", PARAM_POSITIVE}}, .target = {0, 1, false}},
{"triplet", "the anchor nearer to the positive than to the negative (Schroff and others 2015)",
    "loss triplet(anchor, positive, negative, margin=1, eps=1e-6) {\n"
    "    near = sqrt(sum(square(anchor - positive + eps)))\n"
    "    far = sqrt(sum(square(anchor - negative + eps)))\n"
    "    return mean(max(near - far + margin, 0))\n"
    "}\n", .numbers = {{"margin", PARAM_POSITIVE}, {"eps", PARAM_POSITIVE}}},
};
/* clang-format on */

/* Losses of the language, of a target that is a number. */
/* clang-format off */
static const Carried of_numbers[] = {
{"mse", NULL,
    "loss mse(prediction, target) { return mean(square(prediction - target)) }\n",
    .numbers = {{"target", PARAM_NUMBER}}},
{"mae", NULL,
    "loss mae(prediction, target) { return mean(abs(prediction - target)) }\n",
    .numbers = {{"target", PARAM_NUMBER}}},
{"binary_cross_entropy", NULL,
    "loss binary_cross_entropy(prediction, target) {\n"
    "    return mean(target * softplus(-prediction) + (1 - target) * softplus(prediction))\n"
    "}\n", .numbers = {{"target", PARAM_UNIT}}, .logits = true},
};
/* clang-format on */

bool is_carried(const char *name)
{
    for (int i = 0; i < COUNT(library); i++)
        if (same(library[i].name, name))
            return true;
    return false;
}

static const Carried *find_carried(const char *name)
{
    const Carried *list = is_carried(name) ? library : of_numbers;

    while (!same(list->name, name))
        list++;
    return list;
}

void add_carried_names(const char ***names, int *count)
{
    for (int i = 0; i < COUNT(library); i++)
        APPEND(*names, *count, library[i].name);
}

/* "quantile(prediction, target, q=0.5)" */
const char *carried_text(const char *name)
{
    const char *text = find_carried(name)->text + strlen("loss ");

    return format("%.*s", (int)strcspn(text, "{") - 1, text);
}

void print_carried(FILE *out)
{
    for (int i = 0; i < COUNT(library); i++)
        fprintf(out, "  %s\n        %s\n", carried_text(library[i].name), library[i].help);
}

/* All of it stands at `span`. */
static void place(Ast *ast, Span span)
{
    Ast *const parts[] = {ast->first, ast->second, ast->third};

    ast->span = ast->name_span = span;
    for (int i = 0; i < COUNT(parts); i++)
        if (parts[i])
            place(parts[i], span);
    for (int i = 0; i < ast->children.count; i++)
        place(ast->children.items[i], span);
    for (int i = 0; i < ast->arguments.count; i++)
        place(ast->arguments.items[i], span);
}

const Ast *carried_definition(const char *name, Span span)
{
    const Carried *carried = find_carried(name);
    Source *source = new_source("library.net", carried->text, strlen(carried->text));
    Ast *definition = parse(source)->children.items[0];
    place(definition, span);
    definition->carried = true;
    return definition;
}

ParamType carried_type(const char *name, const char *parameter)
{
    const Carried *carried = find_carried(name);
    ParamType type = PARAM_TENSOR;

    for (int k = 0; k < MAX_NUMBERS; k++)
        if (same(carried->numbers[k].name, parameter))
            type = carried->numbers[k].type;
    return type;
}

TargetRange carried_range(const char *name)
{
    return find_carried(name)->target;
}

bool carried_logits(const char *name)
{
    return find_carried(name)->logits;
}
