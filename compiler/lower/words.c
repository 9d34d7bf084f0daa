/*
 * words.c -- which positions of a sequence are words of an input, for layers that leave out its
 * padding.
 *
 * The one idea: a layer that keeps the length keeps the words at their places; pad, concat and
 * slice along the length move all of them alike, and no other layer does.
 */

#include "lower/lowering.h"

/* Does a node put something else at the positions of its first input? */
static bool mixes_positions(const Node *node)
{
    return node && (node->op == OP_PERMUTE || node->op == OP_MATMUL_TN || node->op == OP_MATMUL_TT);
}

/* Those of an input of the layer, `by` positions further on, of `length`. */
static Words move_words(const Layer *input, int by, int length)
{
    Words words = input->words;

    words.first += by;
    words.begin = words.begin + by > 0 ? words.begin + by : 0;
    words.end = words.end + by < length ? words.end + by : length;
    return words.begin < words.end ? words : (Words){0};
}

/* Of one input behind the other, of which one has words, or of a part of one between zeros. */
static Words find_moved(const Layer *layer, const Value *value)
{
    const int length = value->shape.size[1];
    int by = value->node->at.place[1];
    Words found = {0};

    for (int i = 0; i < layer->input_count; i++) {
        const Layer *input = layer->inputs[i];

        if (input->words.reader && found.reader)
            return (Words){0};
        if (input->words.reader)
            found = move_words(input, by, length);
        by += input->value->shape.size[1];
    }
    return found;
}

Words find_words(const Layer *layer, const Value *value)
{
    const Shape shape = value->shape;
    const Layer *from = layer->input_count > 0 ? layer->inputs[0] : NULL;

    if (!from)
        return value->type == TYPE_TOKENS ? (Words){.reader = layer, .end = shape.size[0]}
                                          : (Words){0};
    if (shape.rank != 2)
        return (Words){0};
    if (value != from->value && value->node && value->node->op == OP_PAD)
        return find_moved(layer, value);

    const int length = from->value->shape.size[from->input_count > 0];
    Words words = from->words;

    if (!words.reader || length != shape.size[1] || mixes_positions(value->node))
        return (Words){0};
    if (from->input_count == 0)
        words.reader = layer;
    return words;
}

/* ---- What they are words of ------------------------------------------------------------------ */

static const Layer *input_of(Words words)
{
    return words.reader->input_count > 0 ? words.reader->inputs[0] : words.reader;
}

/* Does a sequence have all words of the input? Then none of its other positions is where a word
   was cut off. */
static bool has_all(Words words, int length)
{
    const int end = words.first + input_of(words)->value->shape.size[0];

    return words.begin == (words.first > 0 ? words.first : 0) &&
           words.end == (end < length ? end : length);
}

/* What reads the input that a sequence is made from; NULL: it is made of none so. beside: may other
   positions be beside the words? */
static const Layer *find_reader(const Layer *layer, bool beside)
{
    const Words words = layer->words;

    if (!words.reader)
        return NULL;
    const int count = input_of(words)->value->shape.size[0];
    const int length = layer->value->shape.size[layer->input_count > 0];

    return has_all(words, length) && (beside || (words.first == 0 && length == count))
               ? words.reader
               : NULL;
}

const Field *find_positions(const Layer *layer)
{
    const Layer *reader = find_reader(layer, false);

    return reader ? input_of(layer->words)->field : NULL;
}

/* Does an embedding say that 0 is padding? */
static bool pads(const Layer *layer)
{
    const Constant *row = layer->call ? argument(layer->call, "padding_row") : NULL;

    return row && row->kind == CONSTANT_NUMBER && row->number == 0;
}

/* classes: are those that an embedding pads taken too? */
static Value *find_ids(const Layer *layer, bool classes, bool beside)
{
    const Layer *reader = find_reader(layer, beside);
    const Layer *input = reader ? input_of(layer->words) : NULL;

    return input && (!input->field->classes || (classes && pads(reader))) ? input->value : NULL;
}

Value *find_tokens(const Layer *layer)
{
    return find_ids(layer, false, false); /* 0 is one of the classes */
}

/* Does it come, position by position or not, from an input of classes alone? */
static bool is_made_of_classes(const Layer *layer)
{
    while (layer->input_count > 0)
        layer = layer->inputs[0];
    return layer->value->type == TYPE_TOKENS && layer->field->classes;
}

/* What would make it a sequence of words. */
static const char *remedy_of(const Layer *input)
{
    const Words words = input->words;
    const Value *tokens = find_ids(input, true, true);

    if (tokens && words.end - words.begin == tokens->shape.size[0])
        return format("it has other positions too: `-> slice(%d..%d, axis=length)` leaves the "
                      "words alone",
                      words.begin, words.end - 1);
    return is_made_of_classes(input)
               ? "of classes 0 is padding where the embedding says so: `embedding(8, "
                 "padding_row=0)`"
               : "it follows an embedding, and layers that keep the length";
}

Value *tokens_behind(Lowering *l, const Layer *layer, const Layer *input, int *first)
{
    Value *tokens = find_ids(input, true, first != NULL);

    if (first)
        *first = input->words.first;
    if (tokens)
        return tokens;
    error_at(l->model->source, layer->span,
             "%s(skip_padding=true) wants a sequence with a "
             "position for each word of an input; %s, %s, is not made that way",
             layer->call->name, source_text(input), shape_text(input->value->shape));
    note(l->model->source, "%s", remedy_of(input));
    return NULL;
}
