/*
 * export_onnx.c -- a model of ONNX (onnx.proto of its release 1.12, opset 17): the nodes that netc
 * wrote into the trainer as text, and the weights beside them.
 *
 * The one idea: all but the weights' numbers is small and made in memory, so that its length, which
 * stands before a message, is known; the numbers go to the file one tensor after another.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/onnx.h"

/* An input, "x = float(3 32)"; false: it is a node. */
static bool add_input(struct net_buffer *graph, const struct net_model *model,
                      const struct net_data *learnt, char *statement)
{
    char *op = strstr(statement, " = "), *sizes = strchr(op, '(');
    const bool floats = !strncmp(op, " = float(", strlen(" = float("));
    int shape[8], rank = 0;

    if (!floats && strncmp(op, " = int32(", strlen(" = int32(")) != 0)
        return false;
    *op = *sizes++ = '\0';
    for (char *size; (size = strtok_r(sizes, " )", &sizes)) && rank < 8;)
        shape[rank++] = (int)strtol(size, NULL, 10);
    if (learnt)
        net_onnx_prepare(graph, model, learnt, statement, shape, rank);
    else
        net_onnx_value(graph, GRAPH_INPUT, statement, floats ? ELEMENT_FLOAT : ELEMENT_INT32, shape,
                       rank);
    return true;
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

static void add_output(struct net_buffer *graph, const struct net_model *model,
                       const struct net_data *learnt, const struct net_model *head,
                       const char *name)
{
    if (learnt)
        net_onnx_take_back(graph, model, learnt, head, name);
    net_onnx_value(graph, GRAPH_OUTPUT, name, ELEMENT_FLOAT, head->output_shape, head->output_rank);
}

static struct net_buffer describe_graph(const struct net_model *model,
                                        const struct net_data *learnt)
{
    struct net_buffer graph = {0};

    for (const char *const *text = model->onnx; *text; text++) {
        char *copy = net_format("%s", *text), *rest = copy;

        for (char *statement; (statement = strtok_r(rest, ";", &rest));) {
            statement += *statement == ' ';
            if (!add_input(&graph, model, learnt, statement))
                net_onnx_node(&graph, model, learnt, statement);
        }
        free(copy);
    }
    net_proto_text(&graph, GRAPH_NAME, model->name);
    add_output(&graph, model, learnt, model, "prediction");
    const struct net_model *head = model;

    for (int number = 2; (head = head->next); number++) {
        char *name = net_format("prediction_%d", number);

        add_output(&graph, model, learnt, head, name);
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

void net_export_onnx(const char *path, const struct net_model *model, const void *params,
                     const struct net_data *learnt)
{
    struct net_buffer *weights, graph, begin;
    struct net_file file;

    if (model->onnx_refused)
        net_fail(NET_FAULT, "ONNX has no %s of %s; --format safetensors and npz have the weights",
                 model->onnx_refused, model->source);
    weights = net_allocate((size_t)model->tensor_count + 1, sizeof *weights);
    graph = describe_graph(model, learnt);
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
