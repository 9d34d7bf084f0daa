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

/* "3x3", of a volume with its depth first; or "3" where all are equal and `square` allows it. */
static const char *axes_text(const int size[3], bool volume, bool square)
{
    if (square && size[0] == size[1] && (!volume || size[0] == size[2]))
        return format("%d", size[0]);
    return volume ? format("%dx%dx%d", size[2], size[0], size[1])
                  : format("%dx%d", size[0], size[1]);
}

/* The padding behind is said where it is another than the one before. */
static void add_axes(Text *out, const Attributes *at, const char *name, const int size[3],
                     int usual)
{
    const int *absent = size == at->padding_end ? at->padding : (const int[3]){0};
    const bool said = memcmp(size, absent, sizeof(int[3])) != 0, volume = at->kernel[2] > 0;
    const bool is_usual = size[0] == usual && size[1] == usual && (!volume || size[2] == usual);

    if (said && !(usual && is_usual))
        text_add(out, " %s=%s", name, axes_text(size, volume, size != at->kernel));
}

/* Up to the last that is not 0, and where there is one to the last axis. */
static void add_list(Text *out, const char *name, const int *list, int size, int axes)
{
    int used = size;

    while (used > 0 && list[used - 1] == 0)
        used--;
    if (used > 0 && used < axes && axes <= size)
        used = axes;
    for (int i = 0; i < used; i++)
        text_add(out, "%s%d", i ? "," : format(" %s=", name), list[i]);
}

/* Those that are there; nine digits tell any two floats apart. at.shape is the result's. */
const char *attributes_text(const Node *node)
{
    Text text = {0};
    const Attributes *at = &node->at;
    const int classes = node->inputs[0] ? node->inputs[0]->shape.size[0] : 0;

#define WHOLE(name, usual)                                                                         \
    if (at->name != 0 && at->name != (usual))                                                      \
        text_add(&text, " " #name "=%d", at->name);
#define REAL(name)                                                                                 \
    if (at->name != 0)                                                                             \
        text_add(&text, " " #name "=%.9g", at->name);
#define FLAG(name)                                                                                 \
    if (at->name)                                                                                  \
        text_add(&text, " " #name);
#define AXES(name, usual) add_axes(&text, at, #name, at->name, usual);
#define LIST(name, count) add_list(&text, #name, at->name, count, at->axis_count);
#define CLASS_REALS(name)                                                                          \
    for (int i = 0; at->name && i < classes; i++)                                                  \
        text_add(&text, "%s%.9g", i ? "," : " " #name "=", at->name[i]);
#define CLASS_WHOLES(name)                                                                         \
    for (int i = 0; at->name && i < classes; i++)                                                  \
        text_add(&text, "%s%d", i ? "," : " " #name "=", at->name[i]);
#include "graph/attributes.def"
    return text.at ? text.at : "";
}

static void print_node(FILE *out, const Graph *g, const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", declaration_text(node->outputs[i]));
    fprintf(out, " = %s(", op_info[node->op].text);
    for (int i = 0; i < node->input_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", printed_name(node->inputs[i]));
    fprintf(out, ")%s", attributes_text(node));
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

        if (value->role == ROLE_RESULT || value->storage)
            continue;
        fprintf(out, "%s %s", roles[value->role], declaration_text(value));
        if (value->init)
            fprintf(out, " init=%s", value->init);
        if (value->init_scale > 0)
            fprintf(out, "(%g)", value->init_scale);
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
    for (int i = 0; i < g->head_count; i++) {
        fprintf(out, "\nprediction %s", printed_name(g->heads[i].value));
        if (g->heads[i].activation != OP_NONE)
            fprintf(out, " -> %s", op_info[g->heads[i].activation].text);
    }
    fprintf(out, "\nloss %s\n", printed_name(g->loss));
}
