/*
 * loss.c -- the loss: what prediction and target must be, and which activation it takes in.
 *
 * The one idea: cross_entropy and binary_cross_entropy work on logits, so a softmax or sigmoid
 * just before them is part of the loss. The graph's prediction is then what came before it, and
 * prediction_activation says what is still to be applied for people to read. A sum of losses is a
 * node for each, with its factor, and one that adds them.
 */

#include "lower/lowering.h"

typedef struct Loss {
    const char *name;
    Op op;
    Op activation; /* the one it takes in, or OP_NONE */
} Loss;

static const Loss losses[] = {
#define LOSS(name, id, activation, ...) {#name, OP_##id, (Op)OP_##activation},
#include "language.def"
};

/* Which argument is at.delta. */
static const char *const delta_names[OP_COUNT] = {
#define PARAMETRIC_LOSS(NAME, name, z, argument) [OP_##NAME] = #argument,
#include "graph/ops.def"
};

/* The logits that `prediction` was made from. Reshaping commutes with a sigmoid, not a softmax. */
static Value *strip_activation(Graph *g, Value *prediction, Op activation)
{
    const Attributes at = {.shape = prediction->shape};
    const Node *node = prediction->node, *last = node;

    while (activation == OP_SIGMOID && node && node->op == OP_RESHAPE)
        node = node->inputs[0]->node;
    if (!node || node->op != activation)
        return prediction;
    if (same_shape(node->inputs[0]->shape, at.shape))
        return node->inputs[0];
    return add_node(g, OP_RESHAPE, node->inputs, 1, at, last->span, last->path)->outputs[0];
}

/* A class: its number, or one a position. A scalar: the same as [1]. */
static Shape target_shape(const Field *target)
{
    return target->is_class || target->shape.rank > 0 ? target->shape
                                                      : (Shape){.rank = 1, .size = {1}};
}

/* A number a class, at each position that has one. */
static Shape shape_of_classes(const Field *target)
{
    Shape shape = {.rank = target->shape.rank + 1, .size = {target->classes}};

    for (int i = 0; i < target->shape.rank; i++)
        shape.size[i + 1] = target->shape.size[i];
    return shape;
}

static Shape without_channels(Shape prediction)
{
    Shape shape = {.rank = prediction.rank - 1};

    for (int i = 0; i < shape.rank; i++)
        shape.size[i] = prediction.size[i + 1];
    return shape;
}

/* Another length than the target's: that of the text which is read, or of layers. */
static void explain_positions(Model *model, const Term *term, Shape prediction)
{
    const Field *target = term->target;
    const Value *tokens = target->is_text ? find_tokens(term->prediction) : NULL;
    const Constant *length = tokens ? argument(tokens->field->steps[0], "length") : NULL;

    if (length && length->number == prediction.size[1] && length->number != target->shape.size[0])
        note(model->source, "a text and its %s have one length: that of `%s` is %.0f, of `%s` %d",
             target->steps[0]->name, tokens->field->name, length->number, target->name,
             target->shape.size[0]);
    else
        note(model->source,
             "`padding=same` keeps a size, upsampling gives it back; "
             "`%s(%d, 1)` at the end makes a number a class",
             target->shape.rank == 3   ? "conv3d"
             : target->shape.rank == 2 ? "conv2d"
                                       : "conv1d",
             target->classes);
}

static bool check_class(Model *model, const Term *term, const Loss *loss, Shape prediction)
{
    const Field *target = term->target;
    const Span span = term->call->span;

    if (!target->is_class) {
        error_at(model->source, span,
                 "%s wants a class, `%s` holds values %s; prepare it with "
                 "classes(n)",
                 loss->name, target->name, shape_text(target_shape(target)));
    } else if (target->shape.rank && !same_shape(prediction, shape_of_classes(target))) {
        error_at(model->source, span,
                 "%s wants a prediction %s, a number a class at each position of `%s`; it is %s",
                 loss->name, shape_text(shape_of_classes(target)), target->name,
                 shape_text(prediction));
        if (prediction.rank == 1)
            note(model->source, "one class a row has no shape: `target %s = ...`", target->name);
        else if (prediction.rank == target->shape.rank + 1)
            explain_positions(model, term, prediction);
    } else if (!target->shape.rank && prediction.rank != 1) {
        error_at(model->source, span,
                 "%s wants a prediction of rank 1, a number a class; it is "
                 "%s; put global_avgpool%dd, or flatten and dense, at the end",
                 loss->name, shape_text(prediction), prediction.rank == 4 ? 3 : 2);
        if (prediction.size[0] == target->classes)
            note(model->source,
                 "for a class at each position give the target its shape: "
                 "`target %s%s = ...`",
                 target->name, shape_text(without_channels(prediction)));
    } else if (!target->shape.rank && prediction.size[0] != target->classes) {
        error_at(model->source, span,
                 "%s wants a number a class; the prediction is %s, `%s` has "
                 "%d classes",
                 loss->name, shape_text(prediction), target->name, target->classes);
        note(model->source, "end the network with `dense(%d)`%s", target->classes,
             target->classes == 2 && prediction.size[0] == 1
                 ? ", or write binary_cross_entropy, which takes one number"
                 : "");
    } else {
        return true;
    }
    note_at(model->source, target->span, "the target is prepared here");
    return false;
}

static bool check_values(Model *model, const Term *term, const Loss *loss, Shape prediction)
{
    const Field *target = term->target;
    const Span span = term->call->span;
    const bool binary = loss->op == OP_BINARY_CROSS_ENTROPY;
    const bool pixels = target->is_class && target->shape.rank > 0;

    if (target->is_class && binary) {
        if (target->classes == 2 && prediction.rank == 1 && prediction.size[0] == 1)
            return true;
        error_at(model->source, span,
                 "%s wants one output and classes(2), or values 0 and 1 in "
                 "the shape of the prediction; the prediction is %s, `%s` has %d classes",
                 loss->name, shape_text(prediction), target->name, target->classes);
        if (pixels)
            note(model->source,
                 "a class at each position is for cross_entropy, and a prediction %s",
                 shape_text(shape_of_classes(target)));
    } else if (target->is_class) {
        error_at(model->source, span,
                 "%s wants values, `%s` is a class; prepare it with "
                 "one_hot(%d), or use cross_entropy",
                 loss->name, target->name, target->classes);
    } else if (!same_shape(prediction, target_shape(target))) {
        error_at(model->source, span, "%s wants equal shapes; the prediction is %s, `%s` is %s",
                 loss->name, shape_text(prediction), target->name,
                 shape_text(target_shape(target)));
    } else {
        return true;
    }
    note_at(model->source, target->span, "the target is prepared here");
    return false;
}

/* class_weights=[..]: one a class, none below 0, not all 0. Gives NULL after an error. */
static const double *find_class_weights(Model *model, const Field *target, const Constant *list)
{
    const int classes = target->classes;
    double *weights = allocate((size_t)classes * sizeof *weights), sum = 0;
    const int count = list->kind == CONSTANT_LIST ? list->count : 1;

    if (count != classes || list->kind != CONSTANT_LIST) {
        error_at(model->source, list->span,
                 "class_weights wants a list of %d, a number a class of "
                 "`%s`; this has %d",
                 classes, target->name, count);
        note_at(model->source, target->span, "the target is prepared here");
        return NULL;
    }
    for (int i = 0; i < classes; i++) {
        weights[i] = list->items[i].number;
        sum += weights[i];
        if (!(weights[i] >= 0 && weights[i] <= MAX_CLASS_WEIGHT)) {
            error_at(model->source, list->items[i].span,
                     "the weight of a class is 0 to %g; this is %g", MAX_CLASS_WEIGHT, weights[i]);
            return NULL;
        }
    }
    if (sum == 0) {
        error_at(model->source, list->span,
                 "class_weights are all 0: nothing would be learnt; "
                 "give a class a weight above 0");
        return NULL;
    }
    return weights;
}

/* Which of them a run can change; NULL: none. */
static const int *find_run_weights(const Constant *list)
{
    int *numbers = allocate((size_t)list->count * sizeof *numbers);
    bool any = false;

    for (int i = 0; i < list->count; i++) {
        numbers[i] = list->items[i].run_number;
        any |= numbers[i] > 0;
    }
    return any ? numbers : NULL;
}

/* Which summand it is, and what it is times. */
static Attributes factor_attributes(const Model *model, const Term *term)
{
    Attributes at = {.term = (int)(term - model->terms), .run_factor = term->factor.run_number};

    at.scaled = term->factor.number != 1 || term->factor.run_number;
    at.factor = at.scaled ? term->factor.number : 0;
    return at;
}

/* The arguments of the loss; false after an error. */
static bool find_attributes(Model *model, const Term *term, const Loss *loss, Attributes *at)
{
    const char *argument_name = delta_names[loss->op];
    const Call *call = term->call;

    *at = factor_attributes(model, term);
    if (argument_name) {
        at->delta = number(call, argument_name);
        at->run_number = run_number(call, argument_name);
    }
    if (loss->op != OP_CROSS_ENTROPY)
        return true;
    at->ignores = term->target->ignores;
    at->mixes = model->mixup > 0 || model->cutmix > 0;
    at->smoothing = number(call, "smoothing");
    at->run_number = run_number(call, "smoothing");
    if (argument(call, "class_weights")->kind == CONSTANT_NONE)
        return true;
    at->class_weights = find_class_weights(model, term->target, argument(call, "class_weights"));
    at->run_weights = find_run_weights(argument(call, "class_weights"));
    return at->class_weights != NULL;
}

/* That of an earlier term, or a new one. */
static Value *target_value(Graph *g, const Field *target)
{
    Value *value = find_field(g, target);

    if (value)
        return value;
    value = add_value(g, target_shape(target), true, target->is_class ? TYPE_CLASS : TYPE_F32,
                      ROLE_TARGET);
    value->name = target->name;
    value->field = target;
    value->vocabulary = target->vocabulary;
    value->span = target->span;
    return value;
}

static bool is_first_of_target(const Model *model, const Term *term)
{
    for (const Term *before = model->terms; before < term; before++)
        if (before->target == term->target)
            return false;
    return true;
}

/* The first prediction of a target is what its metrics and `predict` are of. */
static void add_head(Graph *g, const Term *term, Value *value, Op activation)
{
    const Prediction head = {value, activation, (int)(term - g->model->terms)};

    if (!is_first_of_target(g->model, term))
        return;
    if (head.term > 0) {
        APPEND(g->heads, g->head_count, head);
        return;
    }
    g->prediction = value;
    g->prediction_activation = activation;
}

/* The argument by which an input's tokens are not the words of its text, one each; or NULL. */
static const Argument *find_moved(const Call *tokens)
{
    static const char *const names[] = {"strip",  "stopwords", "min_letters",
                                        "ngrams", "begin",     "end"};

    for (int i = 0; i < tokens->count; i++)
        for (int n = 0; n < COUNT(names); n++)
            if (tokens->arguments[i].given && same(tokens->arguments[i].name, names[n]))
                return &tokens->arguments[i];
    return NULL;
}

/* Labels stand at the words of a text, and counts alone do not tell that they stand right. */
static bool check_beside(Model *model, const Field *target)
{
    const Call *tokens = target->beside ? target->beside->steps[0] : NULL;
    const Argument *moved = tokens && same(target->steps[0]->name, "labels") ? find_moved(tokens)
                                                                             : NULL;

    if (moved) {
        error_at(model->source, moved->value.span,
                 "`%s` stands at the words of `%s`, and with `%s` its tokens are others",
                 target->name, target->beside->name, moved->name);
        note_at(model->source, target->span, "the labels are here");
    }
    return !moved;
}

/* Where words of an input stand at the positions of a target of texts: a tagger's, or those that a
   decoder has read. A text that ends by itself is as long as its mark says, beside others too. */
static void find_beside(Field *target, const Layer *prediction)
{
    const Value *tokens = target->is_text ? find_tokens(prediction) : NULL;
    const Call *step = tokens ? target->steps[0] : NULL;
    const Constant *ends = step ? argument(step, "end") : NULL;

    if (tokens && !(ends && ends->number != 0 && number(tokens->field->steps[0], "begin") == 0))
        target->beside = tokens->field;
}

Value *lower_term(Graph *g, const Term *term)
{
    Model *model = g->model;
    const Value *prediction = term->prediction->value;
    const Loss *loss = &losses[0];
    Attributes at = {0};
    Value *inputs[2];

    while (!same(loss->name, term->call->name))
        loss++;
    if (!(loss->op == OP_CROSS_ENTROPY ? check_class : check_values)(model, term, loss,
                                                                     prediction->shape) ||
        !find_attributes(model, term, loss, &at))
        return NULL;
    inputs[0] = strip_activation(g, term->prediction->value, loss->activation);
    inputs[1] = target_value(g, term->target);
    if (is_first_of_target(model, term))
        find_beside(term->target, term->prediction);
    if (!check_beside(model, term->target))
        return NULL;
    add_head(g, term, inputs[0], loss->activation);
    return add_node(g, loss->op, inputs, 2, at, term->call->span, term->call->name)->outputs[0];
}

/* ---- Expressions ----------------------------------------------------------------------------- */

Value *lower_target(Graph *g, const Field *target)
{
    if (!target->is_class)
        return target_value(g, target);
    const Term *term = g->model->terms;

    while (!term->value)
        term++;
    error_at(g->model->source, term->call->span,
             "`%s` is a class, and its number no quantity to reckon with; prepare it with "
             "one_hot(%d)%s",
             target->name, target->classes,
             target->classes == 2 ? ", or as one value without classes(2)" : "");
    note_at(g->model->source, target->span, "the target is prepared here");
    return NULL;
}

/* The mean over all numbers of a mean is the mean: its input has the same. */
static Value *strip_mean(const Layer *layer)
{
    const bool all = same(layer->call->name, "mean") && is_name(layer->call, "axis", "all") &&
                     number(layer->call, "skip_padding") == 0;

    return all ? layer->inputs[0]->value : layer->value;
}

/* Metrics compare what `predict` prints with the target: they have one shape. */
static bool check_metrics(Model *model, const Term *term, Shape prediction)
{
    const Field *target = term->target;
    const Metric *metric = NULL;

    for (int i = model->metric_count - 1; i >= 0; i--)
        if (model->metrics[i].base && model->metrics[i].field == target)
            metric = &model->metrics[i];
    if (!metric)
        return true;
    error_at(model->source, metric->span,
             "metrics compare the prediction with the target: the network of the loss gives %s, "
             "%s%s%s",
             shape_text(prediction), target ? format("`%s` is ", target->name) : "",
             !target            ? "and no target is in it"
             : target->is_class ? "a class"
                                : shape_text(target_shape(target)),
             target ? "" : ", but the losses themselves are told");
    if (target)
        note_at(model->source, target->span, "the target is prepared here");
    return false;
}

Value *lower_expression(Graph *g, const Term *term)
{
    Value *value = strip_mean(term->value);
    const Attributes at = factor_attributes(g->model, term);
    Value *prediction = term->prediction->value;
    const bool compared = term->target && !term->target->is_class &&
                          same_shape(prediction->shape, target_shape(term->target));

    if (at.term == 0)
        g->uncompared = !compared;
    if (!compared && is_first_of_target(g->model, term) &&
        !check_metrics(g->model, term, prediction->shape))
        return NULL;
    if (compared || at.term == 0)
        add_head(g, term, prediction, term->logits ? OP_SIGMOID : OP_NONE);
    return add_node(g, OP_EXPRESSION, &value, 1, at, term->call->span, term->call->name)
        ->outputs[0];
}

void lower_loss(Graph *g, Value *const *terms, int count)
{
    const Span span = g->model->terms[0].call->span;

    g->loss =
        count == 1
            ? terms[0]
            : add_node(g, OP_ADD_LOSSES, terms, count, (Attributes){0}, span, "loss")->outputs[0];
}
