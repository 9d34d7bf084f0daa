/*
 * names.c -- what generated C calls things: parameters, values, gradients, views of the arena.
 *
 * The one idea: a name is the model's: the layer that computes a value, `d_` before the value that
 * a gradient belongs to, and a number where a name is taken.
 */

#include "emit/emit.h"

#include <ctype.h>
#include <string.h>

/* By a function, or by a view of this step: one would hide the other. */
bool name_taken(const Emitter *e, const char *name)
{
    return table_find(&e->function_names, name) >= 0 || table_find(&e->names, name) >= 0;
}

/* Does it mean something else in C, or to the headers that it includes? */
static bool is_c_word(const char *name)
{
    static const char words[] =
        " auto break case char const continue default do double else enum extern float for goto if "
        "inline int long register restrict return short signed sizeof static struct switch typedef "
        "union unsigned void volatile while asm bool true false typeof NULL INFINITY barrier "
        "memcpy memset net_at net_profile_lap run thread p batch IN OUT V RUN BLOCK TILE ";

    return strstr(words, format(" %s ", name)) != NULL;
}

/* "mlp.dense_1.weight" -> "dense_1_weight": without the network, where there is one to speak of */
const char *c_name(const Emitter *e, const char *path)
{
    size_t length = strlen(e->model->name);
    char *name;

    if (strncmp(path, e->model->name, length) == 0 && path[length] == '.')
        path += length + 1;
    name = allocate(strlen(path) + 1);
    length = 0;
    for (const char *c = path; *c; c++)
        if (isalnum((unsigned char)*c))
            name[length++] = *c;
        else if (length > 0 && name[length - 1] != '_')
            name[length++] = '_';
    name[length] = '\0';
    return isdigit((unsigned char)*name) ? format("_%s", name)
           : is_c_word(name)             ? format("%s_", name)
                                         : name;
}

const char *shape_name(const Emitter *e, const Value *value)
{
    Text text = {0};

    text_add(&text, "%d", e->model->max_batch);
    for (int i = 0; i < value->shape.rank; i++)
        text_add(&text, "x%d", value->shape.size[i]);
    return text.at;
}

static const char *take_name(Emitter *e, const char *base)
{
    const char *name = base;

    for (int n = table_find(&e->names, base) + 1; true; n++) {
        if (!name_taken(e, name) && !is_c_word(name))
            break;
        n = n < 2 ? 2 : n;
        table_set(&e->names, base, n);
        name = format("%s_%d", base, n);
    }
    if (table_find(&e->names, name) < 0)
        table_set(&e->names, name, 1);
    return name;
}

const char *type_of_view(const Emitter *e, const Buffer *buffer)
{
    const int view = buffer->where == IN_ARENA ? e->view_of[buffer->index] : -1;

    return view < 0 ? NULL : e->views[view].type;
}

static const char *view_of(Emitter *e, const Buffer *buffer, const char *type, const char *base)
{
    int *view = &e->view_of[buffer->index];

    if (*view < 0) {
        *view = e->view_count;
        APPEND(e->views, e->view_count, ((View){buffer, type, take_name(e, base)}));
    }
    return e->views[*view].name;
}

/* What a layer computes beside its output. */
static const char *part_of(const Value *value)
{
    static const char *const of_stats[] = {"_mean", "_inv_std", "", ""};

    switch (value->node->op) {
    case OP_BATCHNORM_STATS:
        return of_stats[value->output];
    case OP_BATCHNORM_SUMS:
    case OP_BATCH_SUMS:
    case OP_LAYERNORM_SUMS:
        return value->output ? "_bias" : "_weight";
    case OP_INVERSE_STD:
        return "_inv_std";
    case OP_GROUP_EXPAND:
        return "_weight_full";
    case OP_WEIGHT_SLICE:
        return format("%s_from_%d", value->shape.rank > 1 ? "_weight" : "_bias",
                      value->node->at.begin);
    case OP_GROUP_COLLECT:
        return "_weight_groups";
    default:
        return value->type == TYPE_BYTE ? "_index" : "";
    }
}

/* A value is called after its layer, a gradient d_ and the value that it is the gradient of. */
static const char *value_name(const Emitter *e, Value *value)
{
    const Node *node;

    if (value->gradient_of)
        return format("d_%s", value_name(e, value->gradient_of));
    value = root_of(value);
    node = value->node;
    if (!node || value->role == ROLE_PARAMETER)
        return c_name(e, value->name);
    return format("%s%s%s", node->backward ? "d_" : "",
                  node->path ? c_name(e, node->path) : op_info[node->op].text, part_of(value));
}

const char *actual_name(Emitter *e, const Operand *operand, const char *type)
{
    const Buffer *buffer = operand->buffer;
    Value *value = operand->value;

    if (buffer->where == IN_ARENA)
        return view_of(e, buffer, type, value ? value_name(e, value) : c_name(e, buffer->name));
    if (buffer->where == IN_PARAMS)
        return format("&p->%s", e->tensors[buffer->index]);
    return format("%sbatch->%s", value->layout->kind == LAYOUT_CLASS ? "" : "&",
                  c_name(e, value->name));
}
