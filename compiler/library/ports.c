/*
 * ports.c -- what NAME_run takes and gives: a pointer for each input and each prediction, under the
 * names that the model has for them.
 */

#include "library/library.h"

#include <ctype.h>
#include <string.h>

/* "cnet_mnist" of cnet_mnist.net; what is no letter, digit or _ becomes one. */
static const char *library_name(const char *file)
{
    const bool taken = isdigit((unsigned char)*file) || strncmp(file, "net_", 4) == 0;
    char *name = format("%s%s", taken ? "_" : "", file);

    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return name;
}

static bool is_port(const Library *l, const char *name)
{
    bool is = false;

    for (int i = 0; i < l->input_count; i++)
        is |= same(l->inputs[i].name, name);
    for (int i = 0; i < l->output_count; i++)
        is |= same(l->outputs[i].name, name);
    return is;
}

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), behind = strlen(end);

    return length > behind && same(name + length - behind, end);
}

/* Of NAME.c, of its headers, or of C++, whose programs include NAME.h too. */
static bool is_taken(const char *name)
{
    static const char words[] =
        " weights rows arena memory fields error file size tensor library params pack stages "
        "evaluate_step run_rows run_raw and and_eq bitand bitor catch char16_t char32_t char8_t "
        "class co_await co_return co_yield compl concept const_cast consteval constexpr constinit "
        "decltype delete dynamic_cast explicit export friend mutable namespace new noexcept not "
        "not_eq nullptr operator or or_eq private protected public reinterpret_cast requires "
        "static_assert static_cast template this thread_local throw try typeid typename using "
        "virtual wchar_t xor xor_eq alignas alignof ";
    static const char *const ends[] = {"_stages", "_words", "_order", "_names", "_inside"};
    bool is = strncmp(name, "net_", 4) == 0 || strstr(words, format(" %s ", name));

    for (int i = 0; i < COUNT(ends); i++)
        is |= ends_in(name, ends[i]);
    return is;
}

/* A name that nothing else has. */
static const char *port_name(const Library *l, const char *base)
{
    const char *name = c_name(&(Emitter){.model = l->model}, base);

    if (is_taken(name))
        name = format("%s_", strncmp(name, "net_", 4) == 0 ? name + 4 : name);
    while (is_port(l, name))
        name = format("%s_", name);
    return name;
}

static void add_output(Library *l, Value *value, const Term *term, bool alone)
{
    const Node *node = value->node;
    const Op op = node ? node->op : OP_NONE;
    const Op activation = op == OP_SOFTMAX || op == OP_SIGMOID ? op : OP_NONE;
    const Field *target = term->target;
    const char *what = activation != OP_NONE ? "probabilities" : "values";
    Port *port = &l->outputs[l->output_count];

    *port = (Port){
        .value = value,
        .name = port_name(l, alone || !target ? what : format("%s_%s", what, target->name)),
        .type = "float",
        .size = shape_size(value->shape),
        .activation = activation,
        .field = target,
        .term = term};
    l->output_count++;
}

static void add_inputs(Library *l, const Graph *g)
{
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->node || !value->field)
            continue;
        l->inputs[l->input_count] = (Port){.value = value,
                                           .name = port_name(l, value->name),
                                           .type = value->type == TYPE_TOKENS ? "int32_t" : "float",
                                           .size = shape_size(value->shape),
                                           .activation = OP_NONE,
                                           .field = value->field};
        l->input_count++;
    }
}

static bool is_tensor(const Value *value)
{
    return value->role == ROLE_PARAMETER || value->role == ROLE_STATE;
}

static void add_others(Library *l, const Graph *own, const Graph *all)
{
    const Table names = named_values(own);

    for (int i = 0; i < all->value_count; i++)
        if (is_tensor(all->values[i]) && table_find(&names, all->values[i]->name) < 0)
            APPEND(l->others, l->other_count, all->values[i]->name);
}

Library describe_library(const Model *model, Program *program, const Graph *all)
{
    const Graph *g = program->graph;
    Library l = {.model = model,
                 .program = program,
                 .name = library_name(model->source->name),
                 .rows = g->max_batch};

    add_inputs(&l, g);
    add_output(&l, g->prediction, &model->terms[0], g->head_count == 0);
    for (int i = 0; i < g->head_count; i++)
        add_output(&l, g->heads[i].value, &model->terms[g->heads[i].term], false);
    add_others(&l, g, all);
    return l;
}
