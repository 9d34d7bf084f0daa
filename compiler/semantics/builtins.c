/*
 * builtins.c -- every layer, loss, optimizer, ... that the language knows.
 *
 * One idea: names, parameters, defaults and ranges are a table.
 */

#include <string.h>

#include "semantics/analysis.h"

#define READY(kind, text, ...)                                                                     \
    {                                                                                              \
        .name = text, .family = kind, .parameters = { __VA_ARGS__ }                                \
    }
#define PLAIN(kind, text)                                                                          \
    {                                                                                              \
        .name = text, .family = kind                                                               \
    }
#define WEIGHED(text, ...)                                                                         \
    {                                                                                              \
        .name = text, .family = FAMILY_LAYER, .has_weights = true, .parameters = { __VA_ARGS__ }   \
    }

#define NEEDS(text, kind)                                                                          \
    {                                                                                              \
        .name = text, .want = kind                                                                 \
    }
#define TAKES(text, kind, standard)                                                                \
    {                                                                                              \
        .name = text, .want = kind, .fallback = standard                                           \
    }
#define PENALTIES                                                                                  \
    TAKES("init", WANT_INIT, "default"), TAKES("l1", WANT_NONNEGATIVE, "0"),                       \
        TAKES("l2", WANT_NONNEGATIVE, "0")

#define WORDS /* which words of a text count */                                                    \
    TAKES("min_count", WANT_COUNT, "1"), TAKES("min_letters", WANT_COUNT, "1"),                    \
        TAKES("lower", WANT_BOOL, "true"), TAKES("strip", WANT_NAMES, "none"),                     \
        TAKES("stopwords", WANT_STRING, "none")

/* clang-format off */
static const Signature signatures[] = {
    WEIGHED("dense",
        NEEDS("units", WANT_COUNT), TAKES("bias", WANT_BOOL, "true"), PENALTIES),
    WEIGHED("conv2d",
        NEEDS("channels", WANT_COUNT), NEEDS("kernel", WANT_COUNTS),
        TAKES("stride", WANT_COUNTS, "1"), TAKES("padding", WANT_PADDING, "0"),
        TAKES("dilation", WANT_COUNTS, "1"), TAKES("groups", WANT_COUNT, "1"),
        TAKES("bias", WANT_BOOL, "true"), PENALTIES),
    WEIGHED("conv1d",
        NEEDS("channels", WANT_COUNT), NEEDS("kernel", WANT_COUNT),
        TAKES("stride", WANT_COUNT, "1"), TAKES("padding", WANT_PADDING, "0"),
        TAKES("dilation", WANT_COUNT, "1"), TAKES("groups", WANT_COUNT, "1"),
        TAKES("bias", WANT_BOOL, "true"), PENALTIES),
    WEIGHED("conv2d_transpose",
        NEEDS("channels", WANT_COUNT), NEEDS("kernel", WANT_COUNTS),
        TAKES("stride", WANT_COUNTS, "1"), TAKES("padding", WANT_PADDING, "0"),
        TAKES("output_padding", WANT_WHOLES, "0"), TAKES("dilation", WANT_COUNTS, "1"),
        TAKES("groups", WANT_COUNT, "1"), TAKES("bias", WANT_BOOL, "true"), PENALTIES),
    READY(FAMILY_LAYER, "maxpool2d",
        NEEDS("size", WANT_COUNTS), TAKES("stride", WANT_COUNTS, "size"),
        TAKES("padding", WANT_WHOLES, "0")),
    READY(FAMILY_LAYER, "maxpool1d",
        NEEDS("size", WANT_COUNTS), TAKES("stride", WANT_COUNTS, "size"),
        TAKES("padding", WANT_WHOLES, "0")),
    READY(FAMILY_LAYER, "avgpool2d",
        NEEDS("size", WANT_COUNTS), TAKES("stride", WANT_COUNTS, "size"),
        TAKES("padding", WANT_WHOLES, "0")),
    READY(FAMILY_LAYER, "avgpool1d",
        NEEDS("size", WANT_COUNTS), TAKES("stride", WANT_COUNTS, "size"),
        TAKES("padding", WANT_WHOLES, "0")),
    PLAIN(FAMILY_LAYER, "global_maxpool2d"),
    PLAIN(FAMILY_LAYER, "global_maxpool1d"),
    PLAIN(FAMILY_LAYER, "global_avgpool2d"),
    PLAIN(FAMILY_LAYER, "global_avgpool1d"),
    READY(FAMILY_LAYER, "mean", TAKES("skip_padding", WANT_BOOL, "false")),
    PLAIN(FAMILY_LAYER, "max"),
    READY(FAMILY_LAYER, "upsample2d", NEEDS("factor", WANT_COUNTS)),
    WEIGHED("batchnorm",
        TAKES("momentum", WANT_UNIT, "0.1"), TAKES("eps", WANT_POSITIVE, "1e-5")),
    WEIGHED("layernorm", TAKES("eps", WANT_POSITIVE, "1e-5")),
    READY(FAMILY_LAYER, "dropout", NEEDS("p", WANT_PROBABILITY)),
    PLAIN(FAMILY_LAYER, "flatten"),
    READY(FAMILY_LAYER, "reshape", NEEDS("sizes", WANT_SIZES)),
    READY(FAMILY_LAYER, "concat", NEEDS("others", WANT_VALUES)),
    PLAIN(FAMILY_LAYER, "relu"),
    READY(FAMILY_LAYER, "leaky_relu", TAKES("slope", WANT_POSITIVE, "0.01")),
    PLAIN(FAMILY_LAYER, "relu6"),
    PLAIN(FAMILY_LAYER, "sigmoid"),
    PLAIN(FAMILY_LAYER, "tanh"),
    PLAIN(FAMILY_LAYER, "softmax"),
    PLAIN(FAMILY_LAYER, "silu"),
    READY(FAMILY_LAYER, "elu", TAKES("alpha", WANT_POSITIVE, "1")),
    PLAIN(FAMILY_LAYER, "selu"),
    PLAIN(FAMILY_LAYER, "gelu"),
    PLAIN(FAMILY_LAYER, "softplus"),
    PLAIN(FAMILY_LAYER, "hardswish"),
    READY(FAMILY_LAYER, "gaussian_noise", NEEDS("std", WANT_NONNEGATIVE)),
    WEIGHED("embedding",
        NEEDS("width", WANT_COUNT), TAKES("padding_row", WANT_WHOLE, "none"),
        TAKES("pretrained", WANT_STRING, "none"), TAKES("frozen", WANT_BOOL, "false"), PENALTIES),

    READY(FAMILY_LOSS, "mse", NEEDS("target", WANT_VALUE)),
    READY(FAMILY_LOSS, "cross_entropy",
        NEEDS("target", WANT_VALUE), TAKES("class_weights", WANT_NUMBERS, "none"),
        TAKES("smoothing", WANT_PROBABILITY, "0")),
    READY(FAMILY_LOSS, "binary_cross_entropy", NEEDS("target", WANT_VALUE)),
    READY(FAMILY_LOSS, "mae", NEEDS("target", WANT_VALUE)),
    READY(FAMILY_LOSS, "huber",
        NEEDS("target", WANT_VALUE), TAKES("delta", WANT_POSITIVE, "1")),

    READY(FAMILY_OPTIMIZER, "sgd",
        NEEDS("lr", WANT_POSITIVE), TAKES("momentum", WANT_PROBABILITY, "0"),
        TAKES("nesterov", WANT_BOOL, "false"), TAKES("weight_decay", WANT_NONNEGATIVE, "0")),
    READY(FAMILY_OPTIMIZER, "adam",
        TAKES("lr", WANT_POSITIVE, "1e-3"), TAKES("beta1", WANT_PROBABILITY, "0.9"),
        TAKES("beta2", WANT_PROBABILITY, "0.999"), TAKES("eps", WANT_POSITIVE, "1e-8"),
        TAKES("weight_decay", WANT_NONNEGATIVE, "0")),
    READY(FAMILY_OPTIMIZER, "adamw",
        TAKES("lr", WANT_POSITIVE, "1e-3"), TAKES("beta1", WANT_PROBABILITY, "0.9"),
        TAKES("beta2", WANT_PROBABILITY, "0.999"), TAKES("eps", WANT_POSITIVE, "1e-8"),
        TAKES("weight_decay", WANT_NONNEGATIVE, "1e-2")),
    READY(FAMILY_OPTIMIZER, "adagrad",
        TAKES("lr", WANT_POSITIVE, "1e-2"), TAKES("lr_decay", WANT_NONNEGATIVE, "0"),
        TAKES("weight_decay", WANT_NONNEGATIVE, "0"),
        TAKES("initial_accumulator", WANT_NONNEGATIVE, "0"), TAKES("eps", WANT_POSITIVE, "1e-10")),
    READY(FAMILY_OPTIMIZER, "rmsprop",
        TAKES("lr", WANT_POSITIVE, "1e-2"), TAKES("alpha", WANT_PROBABILITY, "0.99"),
        TAKES("eps", WANT_POSITIVE, "1e-8"), TAKES("weight_decay", WANT_NONNEGATIVE, "0"),
        TAKES("momentum", WANT_PROBABILITY, "0"), TAKES("centered", WANT_BOOL, "false")),
    READY(FAMILY_OPTIMIZER, "adadelta",
        TAKES("lr", WANT_POSITIVE, "1"), TAKES("rho", WANT_PROBABILITY, "0.9"),
        TAKES("eps", WANT_POSITIVE, "1e-6"), TAKES("weight_decay", WANT_NONNEGATIVE, "0")),

    READY(FAMILY_SCHEDULE, "constant", TAKES("epochs", WANT_COUNT, "none")),
    READY(FAMILY_SCHEDULE, "warmup", NEEDS("epochs", WANT_COUNT)),
    READY(FAMILY_SCHEDULE, "step",
        NEEDS("size", WANT_COUNT), TAKES("gamma", WANT_POSITIVE, "0.1")),
    READY(FAMILY_SCHEDULE, "multistep",
        NEEDS("epochs", WANT_MILESTONES), TAKES("gamma", WANT_POSITIVE, "0.1")),
    READY(FAMILY_SCHEDULE, "exponential", NEEDS("gamma", WANT_POSITIVE)),
    READY(FAMILY_SCHEDULE, "cosine", TAKES("minimum", WANT_NONNEGATIVE, "0")),
    READY(FAMILY_SCHEDULE, "plateau",
        TAKES("factor", WANT_FRACTION, "0.1"), TAKES("patience", WANT_WHOLE, "10"),
        TAKES("monitor", WANT_MONITOR, "validation_loss")),

    READY(FAMILY_SOURCE, "idx",
        TAKES("image", WANT_STRING, "none"), TAKES("label", WANT_STRING, "none")),
    {.name = "npy", .family = FAMILY_SOURCE, .named_files = true},
    READY(FAMILY_SOURCE, "digits",
        TAKES("rows", WANT_COUNT, "60000"), TAKES("seed", WANT_WHOLE, "0")),
    PLAIN(FAMILY_SOURCE, "xor"),
    READY(FAMILY_SOURCE, "logistic_map",
        TAKES("rows", WANT_COUNT, "1000"), TAKES("x0", WANT_FRACTION, "0.3")),
    READY(FAMILY_SOURCE, "cifar10", NEEDS("file", WANT_STRING)),
    READY(FAMILY_SOURCE, "cifar100", NEEDS("file", WANT_STRING)),
    READY(FAMILY_SOURCE, "csv",
        NEEDS("file", WANT_STRING), TAKES("header", WANT_BOOL, "true")),
    READY(FAMILY_SOURCE, "jsonl", NEEDS("file", WANT_STRING)),
    READY(FAMILY_SOURCE, "npz", NEEDS("file", WANT_STRING)),
    READY(FAMILY_SPLIT, "holdout",
        NEEDS("f", WANT_FRACTION), TAKES("seed", WANT_WHOLE, "0")),
    READY(FAMILY_SPLIT, "kfold", NEEDS("k", WANT_COUNT), TAKES("seed", WANT_WHOLE, "0")),

    READY(FAMILY_PREPARATION, "scale", NEEDS("k", WANT_NONZERO)),
    READY(FAMILY_PREPARATION, "normalize",
        NEEDS("mean", WANT_NUMBERS), NEEDS("std", WANT_POSITIVES)),
    PLAIN(FAMILY_PREPARATION, "standardize"),
    READY(FAMILY_PREPARATION, "classes", NEEDS("n", WANT_COUNT)),
    READY(FAMILY_PREPARATION, "one_hot", NEEDS("n", WANT_COUNT)),
    PLAIN(FAMILY_PREPARATION, "minmax"),
    READY(FAMILY_PREPARATION, "impute",
        NEEDS("what", WANT_NAME), NEEDS("by", WANT_NAME), TAKES("except", WANT_COLUMNS, "none")),
    READY(FAMILY_PREPARATION, "permute_pixels", TAKES("seed", WANT_WHOLE, "0")),
    READY(FAMILY_PREPARATION, "noise", NEEDS("std", WANT_POSITIVE)),
    READY(FAMILY_PREPARATION, "tokens",
        NEEDS("vocabulary", WANT_COUNT), NEEDS("length", WANT_COUNT), WORDS),
    READY(FAMILY_PREPARATION, "bag_of_words", NEEDS("vocabulary", WANT_COUNT), WORDS),

    READY(FAMILY_AUGMENTATION, "pad", NEEDS("padding", WANT_WHOLES)),
    READY(FAMILY_AUGMENTATION, "random_crop",
        NEEDS("height", WANT_COUNT), NEEDS("width", WANT_COUNT)),
    READY(FAMILY_AUGMENTATION, "random_flip", TAKES("p", WANT_UNIT, "0.5")),
    READY(FAMILY_AUGMENTATION, "random_erase", TAKES("p", WANT_UNIT, "0.5")),
    READY(FAMILY_AUGMENTATION, "normalize",
        NEEDS("mean", WANT_NUMBERS), NEEDS("std", WANT_POSITIVES)),

    PLAIN(FAMILY_METRIC, "accuracy"), PLAIN(FAMILY_METRIC, "balanced_accuracy"),
    PLAIN(FAMILY_METRIC, "mse"), PLAIN(FAMILY_METRIC, "mae"), PLAIN(FAMILY_METRIC, "r2"),
    PLAIN(FAMILY_METRIC, "precision"), PLAIN(FAMILY_METRIC, "recall"), PLAIN(FAMILY_METRIC, "f1"),
    PLAIN(FAMILY_METRIC, "top5"),

    READY(FAMILY_CLIP, "norm", NEEDS("x", WANT_POSITIVE)),
    READY(FAMILY_CLIP, "value", NEEDS("x", WANT_POSITIVE)),
    READY(FAMILY_STOP, "early_stop",
        NEEDS("patience", WANT_COUNT), TAKES("monitor", WANT_MONITOR, "validation_loss")),
};
/* clang-format on */

const char *const initial_values[] = {
    "default",        "zeros",         "ones",       "uniform",   "normal",
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
    "lecun_normal",   "orthogonal",    NULL,
};

bool is_initial_name(const char *text)
{
    for (int i = 0; initial_values[i]; i++)
        if (same(initial_values[i], text))
            return true;
    return false;
}

const Signature *find_signature(const char *name, unsigned families)
{
    for (int i = 0; i < COUNT(signatures); i++)
        if ((signatures[i].family & families) && same(signatures[i].name, name))
            return &signatures[i];
    return NULL;
}

const char *family_text(Family family)
{
    static const char *const texts[FAMILIES] = {
        "a layer",          "a loss",
        "an optimizer",     "a schedule",
        "a source of data", "a split",
        "a preparation",    "an augmentation",
        "a metric",         "a way to clip gradients",
        "a rule to stop",
    };
    int i = 0;
    while (family != (Family)(1 << i))
        i++;
    return texts[i];
}

const char *signature_text(const Signature *signature)
{
    Text text = {0};

    text_add(&text, "%s", signature->name);
    if (signature->named_files)
        text_add(&text, "(field=\"file\", ...)");
    const bool loss = signature->family == FAMILY_LOSS;

    for (int i = 0; i < PARAMETERS_MAX && signature->parameters[i].name; i++) {
        const Parameter *p = &signature->parameters[i];
        text_add(&text, "%s%s", i > 0 ? ", " : loss ? "(prediction, " : "(", p->name);
        if (p->want == WANT_SIZES || p->want == WANT_VALUES)
            text_add(&text, " ...");
        else if (p->fallback)
            text_add(&text, "=%s", p->fallback);
    }
    if (signature->parameters[0].name)
        text_add(&text, ")");
    return text.at;
}

static bool is_needed(const Parameter *p)
{
    return p->name && !p->fallback && p->want != WANT_VALUE && p->want != WANT_VALUES;
}

const char *family_names(unsigned families)
{
    enum { LINE = 78 };
    Text text = {0};
    int column = 0;

    for (int i = 0; i < COUNT(signatures); i++) {
        const Parameter *p = signatures[i].parameters;
        Text name = {0};

        if (!(signatures[i].family & families))
            continue;
        text_add(&name, "%s", signatures[i].name);
        for (int k = 0; k < PARAMETERS_MAX && is_needed(&p[k]); k++)
            text_add(&name, "%s%s", k > 0 ? ", " : "(", p[k].name);
        text_add(&name, "%s", is_needed(p) ? ")" : "");
        const int length = (int)strlen(name.at);
        const bool breaks = column + length > LINE;

        if (text.at)
            text_add(&text, breaks ? ",\n          " : ", ");
        column = breaks ? length : column + length + 2;
        text_add(&text, "%s", name.at);
    }
    return text.at;
}

const char *usual_name(const char *name)
{
    static const char *const words[][2] = {
        {"linear", "dense"},
        {"fc", "dense"},
        {"fully_connected", "dense"},
        {"swish", "silu"},
        {"logistic", "sigmoid"},
        {"bce", "binary_cross_entropy"},
        {"categorical_crossentropy", "cross_entropy"},
        {"nll_loss", "cross_entropy"},
        {"mean_squared_error", "mse"},
        {"mnist", "idx"},
        {"permute", "permute_pixels"},
    };
    for (int i = 0; i < COUNT(words); i++)
        if (same(words[i][0], name))
            return words[i][1];
    return NULL;
}

void add_signature_names(const char ***names, int *count, unsigned families)
{
    for (int i = 0; i < COUNT(signatures); i++)
        if (signatures[i].family & families)
            APPEND(*names, *count, signatures[i].name);
}
