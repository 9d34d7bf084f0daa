/*
 * writer.c -- nodes of ONNX that are added, with names for what they give, and names of values.
 */

#include "onnx/writer.h"

#include <string.h>

const char *ints_text(const int *list, int count)
{
    Text text = {0};

    text_add(&text, "[");
    for (int i = 0; i < count; i++)
        text_add(&text, "%s%d", i ? "," : "", list[i]);
    text_add(&text, "]");
    return text.at;
}

const char *add_parts(Writer *w, const char *op, const char *inputs, const char *attributes,
                      int count)
{
    /* with a point, which no input's name has */
    const char *first = format("t.%d", ++w->temporaries);
    Text outputs = {0};

    text_add(&outputs, "%s", first);
    for (int i = 2; i <= count; i++)
        text_add(&outputs, " %s_%d", first, i);
    APPEND(w->onnx->nodes, w->onnx->count,
           ((OnnxNode){.op = op,
                       .inputs = inputs,
                       .outputs = outputs.at,
                       .attributes = attributes ? attributes + (*attributes == ' ') : ""}));
    return first;
}

const char *add_onnx(Writer *w, const char *op, const char *inputs, const char *attributes)
{
    return add_parts(w, op, inputs, attributes, 1);
}

const char *add_ints(Writer *w, const int *list, int count)
{
    return add_onnx(w, "Constant", "", format("value=%s", ints_text(list, count)));
}

const char *add_int(Writer *w, int number)
{
    return add_ints(w, &number, 1);
}

/* Nine digits tell any two floats apart; with a point or an exponent, so that it is no int. */
const char *add_float(Writer *w, double number)
{
    const char *text = format("%.9g", number);
    const bool whole = strspn(text, "-0123456789") == strlen(text);

    return add_onnx(w, "Constant", "", format("value_float=%s%s", text, whole ? ".0" : ""));
}

const char *add_reshape(Writer *w, const char *value, const int *sizes, int count)
{
    return add_onnx(w, "Reshape", format("%s %s", value, add_ints(w, sizes, count)), NULL);
}

const char *reshape_rows(Writer *w, const char *value, Shape shape)
{
    int sizes[MAX_RANK + 1] = {-1};

    memcpy(sizes + 1, shape.size, (size_t)shape.rank * sizeof *sizes);
    return add_reshape(w, value, sizes, shape.rank + 1);
}

const char *add_transpose(Writer *w, const char *value, const char *order)
{
    return add_onnx(w, "Transpose", value, format("perm=[%s]", order));
}

/* A parameter has its shape in files, which may have fewer axes of 1; the kernel of a volume keeps
   it. */
static const char *name_parameter(Writer *w, const Value *value)
{
    const Shape stored = file_shape(value);

    if (same_shape(stored, value->shape) || stored.rank == 5)
        return value->name;
    return add_reshape(w, value->name, value->shape.size, value->shape.rank);
}

/* An input as the data section has it, by its type and its sizes behind the batch; the graph may
   have it in others. The name of the graph's. */
static const char *declare(Writer *w, const Value *value)
{
    const bool whole = value->type == TYPE_CLASS || value->type == TYPE_TOKENS;
    const Shape shape = file_shape(value);
    Text sizes = {0};

    for (int i = 0; i < shape.rank; i++)
        text_add(&sizes, "%s%d", i ? " " : "", shape.size[i]);
    APPEND(w->onnx->nodes, w->onnx->count,
           ((OnnxNode){.op = whole ? "int32" : "float",
                       .inputs = sizes.at ? sizes.at : "1",
                       .outputs = value->name,
                       .attributes = ""}));
    return same_shape(shape, value->shape) ? value->name
                                           : reshape_rows(w, value->name, value->shape);
}

const char *onnx_name(Writer *w, const Value *value)
{
    const char **name = &w->names[value->id];

    if (!*name && (value->role == ROLE_INPUT || value->role == ROLE_TARGET))
        *name = declare(w, value);
    if (!*name && value->role != ROLE_RESULT)
        *name = name_parameter(w, value);
    return *name;
}

const char *onnx_names(Writer *w, const Node *node, int count)
{
    Text text = {0};

    for (int i = 0; i < count && i < node->input_count && node->inputs[i]; i++)
        text_add(&text, "%s%s", i ? " " : "", onnx_name(w, node->inputs[i]));
    return text.at ? text.at : "";
}
