/*
 * lower.c -- Model -> Graph: layers become nodes, with parameters, shapes and resolved padding.
 *
 * The one idea: the train and the evaluate graph come from one description, a function a layer;
 * the mode decides only what batchnorm and dropout become. Everything that a person can get wrong
 * about shapes is found here, at the layer, with both shapes and a remedy. A layer whose input
 * failed is passed over in silence, so that one mistake gives one message.
 *
 * Needs: the Model of the analysis. Gives: a graph with prediction and loss, layer->value set.
 */

#include "lower/lowering.h"

static Value *lower_input(Lowering *l, Layer *layer, Value *const *x)
{
    const Field *field = layer->field;
    Value *value;

    (void)x;
    if (field->is_target)
        return lower_target(l->g, field);
    if (!check_size(l, field->span, format("`%s`", field->name), field->shape))
        return NULL;
    value = add_value(l->g, field->shape, true,
                      field->is_tokens   ? TYPE_TOKENS
                      : field->is_sparse ? TYPE_SPARSE
                                         : TYPE_F32,
                      ROLE_INPUT);
    value->name = field->name;
    value->field = field;
    value->vocabulary = field->vocabulary;
    value->span = field->span;
    value->stored = field->shape;
    return value;
}

static const struct {
    const char *name;
    LowerLayer *lower;
} layers[] = {
    {"input", lower_input},
#define LAYER(name, function, ...) {#name, lower_##function},
#define OPERATOR(name, function) {#name, lower_##function},
#include "semantics/layers.def"
};

/* The number of a word or of a class is no quantity: a vector has to stand for it. */
static bool check_numbers(Lowering *l, Span span, const char *what, const Layer *input)
{
    if (input->value->type != TYPE_TOKENS)
        return true;
    const int classes = input->value->field->classes;
    const bool one = classes && input->value->shape.size[0] == 1;

    error_at(l->model->source, span,
             "%s wants numbers, %s is %s; put embedding(width) or one_hot before it", what,
             source_text(input),
             one       ? "a class"
             : classes ? "classes"
                       : "words");
    return false;
}

Value *lower_layer(Lowering *l, Layer *layer)
{
    Value **x = allocate((size_t)(layer->input_count + 1) * sizeof *x), *value = NULL;

    for (int i = 0; i < layer->input_count; i++) {
        x[i] = layer->inputs[i]->value;
        if (!x[i])
            return NULL;
        if (!same(layer->call->name, "embedding") && !same(layer->call->name, "one_hot") &&
            !check_numbers(l, layer->span, layer->call->name, layer->inputs[i]))
            return NULL;
        if (!same(layer->call->name, "dense"))
            x[i] = as_numbers(l, layer, x[i]);
    }
    for (int i = 0; i < COUNT(layers); i++)
        if (same(layers[i].name, layer->call->name))
            value = layers[i].lower(l, layer, x);
    layer->words = value ? find_words(layer, value) : (Words){0};
    return value;
}

void lower_terms(Lowering *l, int section)
{
    for (int i = 0; i < l->model->term_count; i++) {
        const Term *term = &l->model->terms[i];
        Layer *prediction = term->prediction;

        if ((section >= 0 && term->section != section) || !prediction->value ||
            !check_numbers(l, term->call->span, "a loss", prediction) ||
            (term->value && !term->value->value))
            continue;
        prediction->value = as_numbers(l, prediction, prediction->value);
        l->terms[l->term_count] = (term->value ? lower_expression : lower_term)(l->g, term);
        l->term_count += l->terms[l->term_count] != NULL;
    }
    if (l->mode == MODE_TRAIN)
        l->g->head_count = 0;
}
