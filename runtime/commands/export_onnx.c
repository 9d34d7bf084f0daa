/*
 * export_onnx.c -- a model of ONNX (onnx.proto of its release 1.12, opset 17): the nodes that netc
 * wrote into the trainer as text, and the weights beside them.
 *
 * The one idea: all but the weights' numbers is small and made in memory, so that its length, which
 * stands before a message, is known; the numbers go to the file one tensor after another.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "report/sinks/trackers.h"

enum { /* fields of messages */
       MODEL_IR_VERSION = 1,
       MODEL_PRODUCER,
       MODEL_PRODUCER_VERSION,
       MODEL_GRAPH = 7,
       MODEL_OPSET,
       OPSET_VERSION = 2,
       GRAPH_NODE = 1,
       GRAPH_NAME,
       GRAPH_WEIGHT = 5,
       GRAPH_INPUT = 11,
       GRAPH_OUTPUT,
       NODE_INPUT = 1,
       NODE_OUTPUT,
       NODE_OPERATOR = 4,
       NODE_ATTRIBUTE,
       ATTRIBUTE_NAME = 1,
       ATTRIBUTE_FLOAT,
       ATTRIBUTE_INT,
       ATTRIBUTE_STRING,
       ATTRIBUTE_TENSOR,
       ATTRIBUTE_INTS = 8,
       ATTRIBUTE_TYPE = 20,
       TENSOR_SIZE = 1,
       TENSOR_TYPE,
       TENSOR_FLOATS = 4,
       TENSOR_INTS = 7,
       TENSOR_NAME,
       TENSOR_BYTES,
       VALUE_NAME = 1,
       VALUE_TYPE,
       TYPE_TENSOR = 1,
       TYPE_ELEMENT = 1,
       TYPE_SHAPE,
       SHAPE_SIZE = 1,
       SIZE_NUMBER = 1,
       SIZE_NAME,
};

enum { /* types of elements and of attributes */
       ELEMENT_FLOAT = 1,
       ELEMENT_INT32 = 6,
       ELEMENT_INT64,
       TYPE_OF_FLOAT = 1,
       TYPE_OF_INT,
       TYPE_OF_STRING,
       TYPE_OF_TENSOR,
       TYPE_OF_INTS = 7,
};

enum { IR_VERSION = 8, OPSET = 17 };

/* Names that blanks part; "#3" is a tensor's, "-" an input that is left out. */
static void add_names(struct net_buffer *node, unsigned field, const struct net_model *model,
                      char *names)
{
    for (char *name; (name = strtok_r(names, " ", &names));)
        net_proto_text(node, field,
                       *name == '#'   ? model->tensors[strtol(name + 1, NULL, 10)].name
                       : *name == '-' ? ""
                                      : name);
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

/* An input or the output, of so many sizes behind the batch axis, n. */
static void add_value(struct net_buffer *graph, unsigned field, const char *name, uint64_t element,
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

static void add_input(struct net_buffer *graph, const char *name, bool floats, char *sizes)
{
    int shape[8], rank = 0;

    for (char *size; (size = strtok_r(sizes, " ", &sizes)) && rank < 8;)
        shape[rank++] = (int)strtol(size, NULL, 10);
    add_value(graph, GRAPH_INPUT, name, floats ? ELEMENT_FLOAT : ELEMENT_INT32, shape, rank);
}

/* A statement of model->onnx: "t.1 t.1_2 = Split(x #3) axis=1", or an input, "x = float(3 32)". */
static void add_statement(struct net_buffer *graph, const struct net_model *model, char *statement)
{
    struct net_buffer node = {0};
    char *op = strstr(statement, " = "), *inputs = strchr(op, '('),
         *attributes = strchr(inputs, ')');

    *op = *inputs++ = *attributes++ = '\0';
    op += strlen(" = ");
    if (!strcmp(op, "float") || !strcmp(op, "int32")) {
        add_input(graph, statement, *op == 'f', inputs);
        return;
    }
    add_names(&node, NODE_INPUT, model, inputs);
    add_names(&node, NODE_OUTPUT, model, statement);
    net_proto_text(&node, NODE_OPERATOR, op);
    for (char *word; (word = strtok_r(attributes, " ", &attributes));)
        add_attribute(&node, word);
    net_proto_message(graph, GRAPH_NODE, &node);
}

/* Does a node read tensor t? */
static bool is_read(const struct net_model *model, int t)
{
    char *name = net_format("#%d", t);
    const size_t length = strlen(name);
    bool read = false;

    for (const char *const *text = model->onnx; *text && !read; text++) {
        const char *at = strstr(*text, name);

        while (at && at[length] >= '0' && at[length] <= '9')
            at = strstr(at + length, name);
        read = at != NULL;
    }
    free(name);
    return read;
}

/* What stands before the numbers of a weight, as a field of the graph. */
static struct net_buffer begin_weight(const struct net_tensor *tensor, size_t bytes)
{
    struct net_buffer inner = {0}, outer = {0};

    for (int axis = 0; axis < tensor->rank; axis++)
        net_proto_whole(&inner, TENSOR_SIZE, (uint64_t)tensor->shape[axis]);
    net_proto_whole(&inner, TENSOR_TYPE, ELEMENT_FLOAT);
    net_proto_text(&inner, TENSOR_NAME, tensor->name);
    net_proto_begin(&inner, TENSOR_BYTES, bytes);
    net_proto_begin(&outer, GRAPH_WEIGHT, inner.length + bytes);
    net_buffer_add(&outer, inner.at, inner.length);
    free(inner.at);
    return outer;
}

static struct net_buffer describe_graph(const struct net_model *model)
{
    struct net_buffer graph = {0};

    for (const char *const *text = model->onnx; *text; text++) {
        char *copy = net_format("%s", *text), *rest = copy;

        for (char *statement; (statement = strtok_r(rest, ";", &rest));)
            add_statement(&graph, model, statement + (*statement == ' '));
        free(copy);
    }
    net_proto_text(&graph, GRAPH_NAME, model->name);
    add_value(&graph, GRAPH_OUTPUT, "prediction", ELEMENT_FLOAT, model->output_shape,
              model->output_rank);
    for (int number = 2; (model = model->next); number++) {
        char *name = net_format("prediction_%d", number);

        add_value(&graph, GRAPH_OUTPUT, name, ELEMENT_FLOAT, model->output_shape,
                  model->output_rank);
        free(name);
    }
    return graph;
}

/* All that stands before the graph's fields, which are of `size` bytes. */
static struct net_buffer begin_model(const struct net_model *model, size_t size)
{
    struct net_buffer begin = {0}, opset = {0};

    net_proto_whole(&begin, MODEL_IR_VERSION, IR_VERSION);
    net_proto_text(&begin, MODEL_PRODUCER, "netc");
    net_proto_text(&begin, MODEL_PRODUCER_VERSION, model->version);
    net_proto_whole(&opset, OPSET_VERSION, OPSET);
    net_proto_message(&begin, MODEL_OPSET, &opset);
    net_proto_begin(&begin, MODEL_GRAPH, size);
    return begin;
}

static void write_buffer(struct net_file *file, struct net_buffer *buffer)
{
    net_file_write(file, buffer->at, buffer->length);
    free(buffer->at);
}

static void write_weight(struct net_file *file, const struct net_tensor *tensor, const void *params,
                         struct net_buffer *begin)
{
    const size_t count = (size_t)net_tensor_size(tensor);
    float *logical = net_allocate(count, sizeof *logical);

    net_tensor_get(tensor, params, logical);
    write_buffer(file, begin);
    net_file_write(file, logical, count * sizeof *logical);
    free(logical);
}

void net_export_onnx(const char *path, const struct net_model *model, const void *params)
{
    struct net_buffer *weights, graph, begin;
    struct net_file file;

    if (model->onnx_refused)
        net_fail(NET_FAULT, "ONNX has no %s of %s; --format safetensors and npz have the weights",
                 model->onnx_refused, model->source);
    weights = net_allocate((size_t)model->tensor_count + 1, sizeof *weights);
    graph = describe_graph(model);
    size_t size = graph.length;

    for (int t = 0; t < model->tensor_count; t++)
        if (is_read(model, t)) {
            const size_t bytes = (size_t)net_tensor_size(&model->tensors[t]) * sizeof(float);

            weights[t] = begin_weight(&model->tensors[t], bytes);
            size += weights[t].length + bytes;
        }
    if (size > INT32_MAX)
        net_fail(NET_FAULT, "%s: a file of ONNX holds up to 2 GB; safetensors holds more", path);
    begin = begin_model(model, size);
    net_file_open(&file, NULL, path);
    write_buffer(&file, &begin);
    write_buffer(&file, &graph);
    for (int t = 0; t < model->tensor_count; t++)
        if (weights[t].length)
            write_weight(&file, &model->tensors[t], params, &weights[t]);
    net_file_commit(&file);
    free(weights);
}
