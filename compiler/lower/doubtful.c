/*
 * doubtful.c -- warnings of what trains badly although nothing is wrong with its shapes: an
 * activation upon another that leaves it little or nothing to do, logits that the loss's own
 * activation would squash a second time, and numbers that were meant for other arguments.
 *
 * Needs: a train Graph without errors, with its loss. Gives: warnings.
 */

#include "lower/lower.h"

#include <string.h>

static const Node *activation_before(const Value *value)
{
    const Node *node = value->node;

    while (node && (node->op == OP_RESHAPE || node->op == OP_DROPOUT))
        node = node->inputs[0]->node;
    return node;
}

/* Does it give numbers from 0 to 1, so that a softmax or sigmoid of it is nearly flat? */
static bool is_squashed(const Node *node)
{
    return node && (node->op == OP_SOFTMAX || node->op == OP_SIGMOID);
}

static bool keeps_sign(const Node *node)
{
    return node && (node->op == OP_RELU || node->op == OP_SOFTPLUS);
}

/* What stands upon `before` in one pipe. */
static void warn_pair(const Graph *g, const Node *node, const Node *before)
{
    const char *name = op_info[node->op].text, *other = op_info[before->op].text;

    if (node->op == before->op && node->op == OP_RELU)
        warn_at(g->model->source, node->span, "a second relu changes nothing; leave it out");
    else if (is_squashed(before) && is_squashed(node))
        warn_at(g->model->source, node->span,
                "%s of a %s is nearly flat: little is learnt through it; leave one out", name,
                other);
    else if (node->op == OP_RELU && is_squashed(before))
        warn_at(g->model->source, node->span, "relu of a %s changes nothing; leave it out", other);
}

static bool is_lone_softmax(const Node *node)
{
    return (node->op == OP_SOFTMAX || node->op == OP_AXIS_SOFTMAX) &&
           node->outputs[0]->shape.size[node->at.axis] == 1;
}

/* A softmax of one number a row is 1, whatever that is. */
static void warn_lone_softmax(const Graph *g, const Node *node)
{
    if (is_lone_softmax(node))
        warn_at(g->model->source, node->span, "softmax of one number is always 1%s",
                node->outputs[0]->shape.rank > 1
                    ? ""
                    : "; of two classes, dense(1) -> sigmoid gives the probability of one");
}

/* The loss takes its own softmax or sigmoid; what is left before it are its logits. */
static void warn_logits(const Graph *g)
{
    const Node *logits = activation_before(g->prediction);
    const char *own = g->prediction_activation == OP_NONE ? NULL
                                                          : op_info[g->prediction_activation].text;

    if (!own || !logits || is_lone_softmax(logits))
        return;
    if (is_squashed(logits))
        warn_at(g->model->source, logits->span,
                "%s takes a %s of its input, and that of a %s is nearly flat: little is learnt; "
                "leave this %s out",
                g->model->terms[0].call->name, own, op_info[logits->op].text,
                op_info[logits->op].text);
    else if (keeps_sign(logits))
        warn_at(g->model->source, logits->span,
                "%s takes a %s of its input, which %s keeps from being negative; leave this %s out",
                g->model->terms[0].call->name, own, op_info[logits->op].text,
                op_info[logits->op].text);
}

/* ---- Arguments in the order of PyTorch, whose layers are told the size of their input -------- */

static bool is_convolution(const Call *call)
{
    return strncmp(call->name, "conv", 4) == 0; /* conv1d to conv3d_transpose */
}

/* conv2d(8, 16, 3) meant as: from 8 channels to 16, taps of 3 x 3. A stride of 8 and more is one,
   as in conv2d_transpose(21, 16, stride=8), which makes as many channels 8 times as large. */
static bool says_inputs_too(const Layer *layer)
{
    const Call *call = layer->call;
    const Value *x = layer->inputs[0]->value;
    const Constant *kernel = argument(call, "kernel"), *stride = argument(call, "stride");

    return x && x->shape.rank > 1 && (int)number(call, "channels") == x->shape.size[0] &&
           kernel->kind == CONSTANT_NUMBER && kernel->number > 7 &&
           stride->kind == CONSTANT_NUMBER && stride->number > 1 && stride->number < 8 &&
           stride->number < kernel->number;
}

static void warn_arguments(Source *source, const Layer *layer)
{
    const Call *call = layer->call;
    const size_t length = strlen(call->name);
    const bool norm = length > 4 && same(call->name + length - 4, "norm"); /* batchnorm, … */

    if (norm && number(call, "eps") >= 0.1)
        warn_at(source, layer->span,
                "an eps of %g flattens what is normalized; %s is told no size, its input has it",
                number(call, "eps"), call->name);
    if (same(call->name, "batchnorm") && number(call, "momentum") >= 0.9)
        warn_at(source, layer->span,
                "momentum=%g is the share of each batch in the running statistics; elsewhere it is "
                "what they keep, here %g",
                number(call, "momentum"), 1 - number(call, "momentum"));
    if (same(call->name, "embedding") && argument(call, "padding_row")->number > 1)
        warn_at(source, layer->span,
                "row %g stays 0 as padding; embedding is told its width alone, its input has the "
                "rows",
                argument(call, "padding_row")->number);
    if (is_convolution(call) && says_inputs_too(layer))
        warn_at(
            source, layer->span,
            "%s is told channels, kernel and stride, of its output: a kernel of %g, a stride of "
            "%g; its input has its own channels",
            call->name, argument(call, "kernel")->number, argument(call, "stride")->number);
}

void warn_doubtful(const Graph *g)
{
    const Node *logits = g->prediction_activation == OP_NONE ? NULL
                                                             : activation_before(g->prediction);
    int told = -1; /* where the last line was that a loop repeats */

    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];
        const Node *before = node->input_count > 0 ? activation_before(node->inputs[0]) : NULL;

        if (node->span.begin <= told ||
            !(is_squashed(node) || node->op == OP_RELU || is_lone_softmax(node)))
            continue;
        told = node->span.begin;
        if (before && !(logits && before == logits))
            warn_pair(g, node, before);
        warn_lone_softmax(g, node);
    }
    warn_logits(g);
    for (int i = 0; i < g->model->layer_count; i++)
        if (!g->model->layers[i]->shared && !g->model->layers[i]->field)
            warn_arguments(g->model->source, g->model->layers[i]);
}

void warn_unreached(const Graph *train)
{
    for (int i = 0; i < train->node_count; i++) {
        const Node *node = train->nodes[i];

        for (int j = 0; j < node->input_count; j++)
            if (node->inputs[j] && node->inputs[j]->unreached && !node->backward)
                warn_at(train->model->source, node->span,
                        "no gradient reaches %s: it is not trained", node->inputs[j]->name);
    }
}
