/*
 * print.c -- a graph as text: `--dump=graph` and `--dump=grad`, and what messages call a value.
 *
 * The one idea: a line a definition, "%3[n, 8, 28, 28] = conv2d(image, w, b) kernel=3x3": the value
 * with its shape of a row, "n" for the batch axis, then the operation and the attributes it has.
 */

#include <string.h>

#include "graph/graph.h"

/* The inside of the brackets, with "n" for the batch axis. */
static const char *sizes_text(Shape shape, bool batched)
{
    const char *text = batched ? "n" : "";

    for (int i = 0; i < shape.rank; i++)
        text = format("%s%s%d", text, *text ? ", " : "", shape.size[i]);
    return text;
}

const char *printed_name(const Value *value)
{
    if (!value)
        return "none";
    if (value->storage && value->storage->name)
        return format("%s'", value->storage->name);
    return value->name ? value->name : format("%%%d", value->id);
}

static const char *declaration_text(const Value *value)
{
    static const char *const types[] = {[TYPE_F32] = "",
                                        [TYPE_CLASS] = " class",
                                        [TYPE_BYTE] = " byte",
                                        [TYPE_TOKENS] = " tokens",
                                        [TYPE_SPARSE] = " sparse"};

    return format("%s[%s]%s", printed_name(value), sizes_text(value->shape, value->batched),
                  types[value->type]);
}

/* "3x3", or "3" where both are equal and `square` allows it. */
static const char *pair_text(const int pair[2], bool square)
{
    return square && pair[0] == pair[1] ? format("%d", pair[0]) : format("%dx%d", pair[0], pair[1]);
}

/* What an operation's attributes hold, printed in this order. */
enum {
    WINDOW = 1 << 0, /* kernel, stride, padding, dilation, groups */
    GROUPS = 1 << 1,
    SLOPE = 1 << 2,
    SCALE = 1 << 3,
    CHANCE = 1 << 4,
    STREAM = 1 << 5,
    EPS = 1 << 6,
    MOMENTUM = 1 << 7,
    PIXELS = 1 << 8,
    DELTA = 1 << 9,
    LABELS = 1 << 10, /* smoothing, class weights */
    PADDING_ROW = 1 << 11,
    BEGIN = 1 << 12,
    PLACE = 1 << 13, /* place, axis */
    AXES = 1 << 14,  /* axes, order */
    HEADS = 1 << 15, /* causal, dropout */
    REVERSE = 1 << 16,
    AXIS = 1 << 17,
};

static const unsigned attributes_of[OP_COUNT] = {
    [OP_CONV2D] = WINDOW,
    [OP_CONV2D_DX] = WINDOW,
    [OP_CONV2D_DW] = WINDOW,
    [OP_CONV2D_DX_ARGMAX] = WINDOW,
    [OP_CONV2D_DW_ARGMAX] = WINDOW,
    [OP_DEPTHWISE] = WINDOW,
    [OP_DEPTHWISE_DX] = WINDOW,
    [OP_DEPTHWISE_DW] = WINDOW,
    [OP_RNN] = REVERSE,
    [OP_RNN_GRAD] = REVERSE,
    [OP_LSTM] = REVERSE,
    [OP_LSTM_GRAD] = REVERSE,
    [OP_GRU] = REVERSE,
    [OP_GRU_GRAD] = REVERSE,
    [OP_MAXPOOL2D] = WINDOW,
    [OP_MAXPOOL2D_GRAD] = WINDOW,
    [OP_AVGPOOL2D] = WINDOW,
    [OP_AVGPOOL2D_GRAD] = WINDOW,
    [OP_UPSAMPLE2D] = WINDOW,
    [OP_UPSAMPLE2D_GRAD] = WINDOW,
    [OP_GROUP_EXPAND] = GROUPS,
    [OP_GROUP_COLLECT] = GROUPS,
    [OP_LEAKY_RELU] = SLOPE,
    [OP_LEAKY_RELU_GRAD] = SLOPE,
    [OP_ELU] = SLOPE | SCALE,
    [OP_ELU_GRAD] = SLOPE | SCALE,
    [OP_GAUSSIAN_NOISE] = SCALE | STREAM,
    [OP_DROPOUT] = CHANCE | STREAM,
    [OP_BATCHNORM_STATS] = EPS | MOMENTUM | PIXELS,
    [OP_INVERSE_STD] = EPS,
    [OP_ATTENTION] = HEADS,
    [OP_ATTENTION_GRAD] = HEADS,
    [OP_LAYERNORM] = EPS,
    [OP_LAYERNORM_GRAD] = EPS,
    [OP_LAYERNORM_SUMS] = EPS,
    [OP_NORMALIZE_GRAD] = PIXELS,
#define PARAMETRIC_LOSS(NAME, ...) [OP_##NAME] = DELTA, [OP_##NAME##_GRAD] = DELTA,
#include "graph/ops.def"
    [OP_CROSS_ENTROPY] = LABELS,
    [OP_CROSS_ENTROPY_GRAD] = LABELS,
    [OP_EMBEDDING_DW] = PADDING_ROW,
    [OP_SPARSE_DENSE_DX] = BEGIN,
    [OP_SLICE] = BEGIN,
    [OP_PAD] = PLACE,
    [OP_PERMUTE] = AXES,
    [OP_AXIS_SUM] = AXIS,
    [OP_AXIS_MAX] = AXIS | SCALE,
    [OP_AXIS_MAX_GRAD] = AXIS,
    [OP_SPREAD] = AXIS,
};

/* What is as it is by default is left out. */
static void print_window(FILE *out, const Attributes *at)
{
    fprintf(out, " kernel=%s stride=%s padding=%s", pair_text(at->kernel, false),
            pair_text(at->stride, true), pair_text(at->padding, true));
    if (memcmp(at->padding, at->padding_end, sizeof at->padding) != 0)
        fprintf(out, " padding_end=%s", pair_text(at->padding_end, true));
    if (dilation_of(at, 0) > 1 || dilation_of(at, 1) > 1)
        fprintf(out, " dilation=%s", pair_text(at->dilation, true));
    if (groups_of(at) > 1)
        fprintf(out, " groups=%d", at->groups);
}

static void print_list(FILE *out, const char *name, const int *list, int count)
{
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%d", i ? "," : format(" %s=", name), list[i]);
}

static void print_attributes(FILE *out, const Node *node)
{
    const Attributes *at = &node->at;
    const unsigned has = attributes_of[node->op];
    const struct {
        unsigned bit;
        const char *name;
        double value;
        int digits; /* of a whole number: all of them */
    } numbers[] = {
        {GROUPS, "groups", at->groups, 10},      {SLOPE, "slope", at->slope, 6},
        {SCALE, "scale", at->scale, 6},          {CHANCE, "p", at->p, 6},
        {STREAM, "stream", at->stream, 10},      {EPS, "eps", at->eps, 6},
        {MOMENTUM, "momentum", at->momentum, 6}, {PIXELS, "pixels", at->pixels, 10},
        {DELTA, "delta", at->delta, 6},          {BEGIN, "begin", at->begin, 10},
    };

    if (has & WINDOW)
        print_window(out, at);
    for (int i = 0; i < COUNT(numbers); i++)
        if (has & numbers[i].bit)
            fprintf(out, " %s=%.*g", numbers[i].name, numbers[i].digits, numbers[i].value);
    if (has & PLACE)
        print_list(out, "place", at->place, at->shape.rank);
    if (has & AXIS || (has & PLACE && node->input_count > 1))
        fprintf(out, " axis=%d", at->axis);
    if (has & AXES) {
        print_list(out, "axes", at->axes, at->axis_count);
        print_list(out, "order", at->order, at->axis_count);
    }
    if (has & HEADS)
        fprintf(out, " heads=%d%s", at->heads, at->causal ? " causal" : "");
    if (has & HEADS && at->p != 0)
        fprintf(out, " p=%.6g stream=%d", at->p, at->stream);
    if (at->scaled)
        fprintf(out, " factor=%g", at->factor);
    if (has & REVERSE && at->reverse)
        fprintf(out, " reverse");
    if (has & LABELS && at->smoothing != 0)
        fprintf(out, " smoothing=%g", at->smoothing);
    if (has & LABELS && at->class_weights)
        fprintf(out, " class_weights");
    if (has & PADDING_ROW && at->padding_row)
        fprintf(out, " padding_row=%d", at->padding_row - 1);
}

static void print_node(FILE *out, const Graph *g, const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", declaration_text(node->outputs[i]));
    fprintf(out, " = %s(", op_info[node->op].text);
    for (int i = 0; i < node->input_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", printed_name(node->inputs[i]));
    fprintf(out, ")");
    print_attributes(out, node);
    if (g->source)
        fprintf(out, "  # line %d", line_of(g->source, node->span));
    fprintf(out, "\n");
}

void print_graph(FILE *out, const Graph *g)
{
    static const char *const roles[] = {[ROLE_INPUT] = "input",
                                        [ROLE_TARGET] = "target",
                                        [ROLE_PARAMETER] = "parameter",
                                        [ROLE_STATE] = "state"};
    bool backward = false;

    fprintf(out, "graph %s\n\n", g->name);
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->role == ROLE_RESULT)
            continue;
        fprintf(out, "%s %s", roles[value->role], declaration_text(value));
        if (value->init)
            fprintf(out, " init=%s", value->init);
        if (value->fan_in)
            fprintf(out, " fan_in=%d", value->fan_in);
        fprintf(out, "\n");
    }
    fprintf(out, "\n");
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->backward && !backward)
            fprintf(out, "\n# backward\n");
        backward = g->nodes[i]->backward;
        print_node(out, g, g->nodes[i]);
    }
    fprintf(out, "\nprediction %s", printed_name(g->prediction));
    if (g->prediction_activation != OP_NONE)
        fprintf(out, " -> %s", op_info[g->prediction_activation].text);
    fprintf(out, "\nloss %s\n", printed_name(g->loss));
}
