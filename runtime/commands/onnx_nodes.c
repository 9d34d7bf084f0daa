/*
 * onnx_nodes.c -- nodes and values of a graph of ONNX, from text: "t.1 t.1_2 = Split(x #3) axis=1".
 */

#include <stdlib.h>
#include <string.h>

#include "commands/onnx.h"

/* ---- Names ----------------------------------------------------------------------------------- */

int net_onnx_input(const struct net_model *model, const char *name)
{
    for (int f = 0; f < model->field_count; f++)
        if (!strcmp(model->fields[f].name, name))
            return f;
    return -1;
}

char *net_onnx_inner_name(const struct net_model *model, const char *name)
{
    bool output = false;
    int number = 1;

    for (const struct net_model *head = model; head; head = head->next, number++) {
        char *own = number == 1 ? net_format("prediction") : net_format("prediction_%d", number);

        output |= !strcmp(name, own);
        free(own);
    }
    return output || net_onnx_input(model, name) >= 0 ? net_format("%s:prepared", name) : NULL;
}

/* Names that blanks part; "#3" is a tensor's, "-" an input that is left out. */
static void add_names(struct net_buffer *node, unsigned field, const struct net_model *model,
                      const struct net_data *learnt, char *names)
{
    for (char *name; (name = strtok_r(names, " ", &names));) {
        char *inner = learnt ? net_onnx_inner_name(model, name) : NULL;

        net_proto_text(node, field,
                       *name == '#'   ? model->tensors[strtol(name + 1, NULL, 10)].name
                       : *name == '-' ? ""
                       : inner        ? inner
                                      : name);
        free(inner);
    }
}

/* "[1,2]" as ints of an attribute; `value` is a tensor of them, or of "[1.0,2.0]" floats. */
static void add_list(struct net_buffer *attribute, const char *list, bool tensor)
{
    const bool floats = strchr(list, '.') != NULL;
    struct net_buffer numbers = {0}, whole = {0};
    uint64_t count = 0;

    for (const char *at = list + 1; *at && *at != ']'; count++) {
        char *end;

        if (floats)
            net_proto_float(&numbers, TENSOR_FLOATS, (float)strtod(at, &end));
        else
            net_proto_whole(&numbers, tensor ? TENSOR_INTS : ATTRIBUTE_INTS,
                            (uint64_t)strtol(at, &end, 10));
        at = *end == ',' ? end + 1 : end;
    }
    if (tensor) {
        net_proto_whole(&whole, TENSOR_SIZE, count);
        net_proto_whole(&whole, TENSOR_TYPE, floats ? ELEMENT_FLOAT : ELEMENT_INT64);
    }
    if (numbers.length)
        net_buffer_add(&whole, numbers.at, numbers.length);
    free(numbers.at);
    if (tensor)
        net_proto_message(attribute, ATTRIBUTE_TENSOR, &whole);
    else
        net_buffer_add(attribute, whole.at, whole.length);
    free(whole.at);
    net_proto_whole(attribute, ATTRIBUTE_TYPE, tensor ? TYPE_OF_TENSOR : TYPE_OF_INTS);
}

/* "axis=1", "alpha=0.01", "mode='nearest'", "pads=[1,1]", "value=[-1,784]" */
static void add_attribute(struct net_buffer *node, char *word)
{
    struct net_buffer attribute = {0};
    char *value = strchr(word, '=');

    *value++ = '\0';
    net_proto_text(&attribute, ATTRIBUTE_NAME, word);
    if (*value == '[') {
        add_list(&attribute, value, !strcmp(word, "value"));
    } else if (*value == '\'') {
        value[strlen(value) - 1] = '\0';
        net_proto_text(&attribute, ATTRIBUTE_STRING, value + 1);
        net_proto_whole(&attribute, ATTRIBUTE_TYPE, TYPE_OF_STRING);
    } else if (strpbrk(value, ".einf")) {
        net_proto_float(&attribute, ATTRIBUTE_FLOAT, (float)strtod(value, NULL));
        net_proto_whole(&attribute, ATTRIBUTE_TYPE, TYPE_OF_FLOAT);
    } else {
        net_proto_whole(&attribute, ATTRIBUTE_INT, (uint64_t)strtol(value, NULL, 10));
        net_proto_whole(&attribute, ATTRIBUTE_TYPE, TYPE_OF_INT);
    }
    net_proto_message(node, NODE_ATTRIBUTE, &attribute);
}

void net_onnx_value(struct net_buffer *graph, unsigned field, const char *name, uint64_t element,
                    const int *sizes, int rank)
{
    struct net_buffer value = {0}, type = {0}, tensor = {0}, shape = {0}, batch = {0};

    net_proto_text(&value, VALUE_NAME, name);
    net_proto_whole(&tensor, TYPE_ELEMENT, element);
    net_proto_text(&batch, SIZE_NAME, "n");
    net_proto_message(&shape, SHAPE_SIZE, &batch);
    for (int axis = 0; axis < rank; axis++) {
        struct net_buffer size = {0};

        net_proto_whole(&size, SIZE_NUMBER, (uint64_t)sizes[axis]);
        net_proto_message(&shape, SHAPE_SIZE, &size);
    }
    net_proto_message(&tensor, TYPE_SHAPE, &shape);
    net_proto_message(&type, TYPE_TENSOR, &tensor);
    net_proto_message(&value, VALUE_TYPE, &type);
    net_proto_message(graph, field, &value);
}

void net_onnx_node(struct net_buffer *graph, const struct net_model *model,
                   const struct net_data *learnt, char *statement)
{
    struct net_buffer node = {0};
    char *op = strstr(statement, " = "), *inputs = strchr(op, '('),
         *attributes = strchr(inputs, ')');

    *op = *inputs++ = *attributes++ = '\0';
    op += strlen(" = ");
    add_names(&node, NODE_INPUT, model, learnt, inputs);
    add_names(&node, NODE_OUTPUT, model, learnt, statement);
    net_proto_text(&node, NODE_OPERATOR, op);
    for (char *word; (word = strtok_r(attributes, " ", &attributes));)
        add_attribute(&node, word);
    net_proto_message(graph, GRAPH_NODE, &node);
}
