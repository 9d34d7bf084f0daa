/*
 * emit.c -- the generated file: header, types, functions, the steps, tables.
 *
 * Nothing depends on time, paths or hashes' order.
 *
 * Needs: both programs, planned. Gives: what units.c writes.
 */

#include "emit/emit.h"

#include <string.h>

/* ---- Functions ------------------------------------------------------------------------------- */

/* `head` may have %s for the name, once. Returns the name of a function with this text. */
const char *add_function(Emitter *e, Text *section, const char *base, const char *head,
                         const char *text)
{
    const char *mark = strstr(head, "%s"), *all = format("%s\n%s", head, text), *name = base;
    Function function = {.section = section, .key = all};

    const int twin = table_find(&e->function_keys, all);

    if (twin >= 0)
        return e->functions[twin].name;
    for (int n = 2; name_taken(e, name); n++)
        name = format("%s_%d", base, n);
    function.name = name;
    function.head = format("%.*s%s%s", (int)(mark - head), head, name, mark + 2);
    function.body = text;
    table_set(&e->function_keys, all, e->function_count);
    table_set(&e->function_names, name, e->function_count);
    APPEND(e->functions, e->function_count, function);
    return name;
}

/* ---- Parameters and batch -------------------------------------------------------------------- */

static void find_parameters(Emitter *e, const Graph *g)
{
    Table names = {0}; /* how often each is taken */

    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];
        const char *base, *name;

        if (value->role != ROLE_PARAMETER && value->role != ROLE_STATE)
            continue;
        base = name = c_name(e, value->name);
        for (int n = table_find(&names, base) + 1; table_find(&names, name) >= 0; n++) {
            table_set(&names, base, n);
            name = format("%s_%d", base, n);
        }
        table_set(&names, name, 1);
        value->physical->buffer->index = e->parameter_count;
        APPEND(e->parameters, e->parameter_count, value);
        e->tensors = grow(e->tensors, e->parameter_count - 1, sizeof *e->tensors);
        e->tensors[e->parameter_count - 1] = name;
    }
}

static void write_structures(Emitter *e, Text *out, const Graph *g)
{
    line(out, 0,
         "/* Parameters and running statistics; gradients and optimizer state lie alike. */");
    line(out, 0, "struct params {");
    for (int i = 0; i < e->parameter_count; i++) {
        const Value *value = e->parameters[i];

        line(out, 1, "%s %s;    /* %s %s */", declare_type(e, value->physical), e->tensors[i],
             value->name, shape_text(file_shape(value)));
    }
    if (!e->parameter_count)
        line(out, 1, "float none[16];");
    line(out, 0, "};\n");
    line(out, 0, "/* A packed batch. */");
    line(out, 0, "struct batch {");
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->node || !value->field || !value->physical)
            continue;
        if (value->type == TYPE_CLASS)
            line(out, 1, "int32_t %s[%zu];", c_name(e, value->name),
                 value->physical->buffer->size / sizeof(int32_t));
        else
            line(out, 1, "%s %s;", declare_type(e, value->physical), c_name(e, value->name));
    }
    line(out, 0, "};\n");
}

static void declare_all(Emitter *e, const Graph *g)
{
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->physical && !g->values[i]->node)
            declare_type(e, g->values[i]->physical);
}

/* ---- The file -------------------------------------------------------------------------------- */

static long count_parameters(const Emitter *e)
{
    long count = 0;

    for (int i = 0; i < e->parameter_count; i++)
        count += shape_size(e->parameters[i]->shape);
    return count;
}

static bool has_tokens(const Model *model)
{
    for (int i = 0; i < model->field_count; i++)
        if (model->fields[i]->is_tokens)
            return true;
    return false;
}

static bool has_sparse(const Model *model)
{
    for (int i = 0; i < model->field_count; i++)
        if (model->fields[i]->is_sparse)
            return true;
    return false;
}

/* Does a step have a kernel that goes this way? */
static bool goes_by_tiles(const Kernel *k)
{
    return k->winograd.tile > 0;
}

static bool is_argmax_sparse(const Kernel *k)
{
    return k->kind == KERNEL_DX_ARGMAX || k->kind == KERNEL_DW_ARGMAX;
}

static bool has_batch_lanes_dw(const Kernel *k)
{
    return k->batch_lanes_dw.splits > 0;
}

static bool has_images_in_lanes(const Kernel *k)
{
    return k->batch_lanes.pixels > 0;
}

static bool has_kernel(const Program *p, bool (*goes)(const Kernel *))
{
    for (int i = 0; i < p->count; i++)
        if (goes(p->kernels[i]))
            return true;
    return false;
}

static void write_header(Emitter *e, Text *out, const Program *train, const Program *evaluate)
{
    const char *name = e->model->source->name;
    const size_t arena = train->arena > evaluate->arena ? train->arena : evaluate->arena;

    text_add(out,
             "/*\n * %s.c -- generated by netc " NETC_VERSION " from %s.net. Do not edit.\n *\n",
             name, name);
    text_add(out, " *     netc %s.net --target %s --batch %d\n *\n", name, e->target->name,
             e->model->max_batch);
    text_add(out, " * %ld parameters and statistics, arena %zu B, any batch of 1 to %d rows.\n *\n",
             count_parameters(e), arena, e->model->max_batch);
    text_add(out,
             " * Values lie as [batch block of 16][pixel][block of 16 channels][image][channel], "
             "weights as\n"
             " * panels of 3, 2 or 1 blocks of outputs, [input][block][output]. Lanes beyond the "
             "last channel are\n"
             " * always +0. An element is one sum in a fixed order: the same bits on any "
             "number of threads.\n"
             " */\n\n#include \"kernels/kernel.h\"\n#include \"kernels/tables.h\"\n%s%s%s%s%s%s\n",
             has_kernel(train, is_argmax_sparse) ? "#include \"kernels/argmax_grad.h\"\n" : "",
             has_tokens(e->model) ? "#include \"kernels/embedding.h\"\n" : "",
             has_sparse(e->model) ? "#include \"kernels/sparse.h\"\n" : "",
             has_kernel(train, has_images_in_lanes) || has_kernel(evaluate, has_images_in_lanes)
                 ? "#include \"kernels/batch_lanes.h\"\n"
                 : "",
             has_kernel(train, has_batch_lanes_dw) ? "#include \"kernels/batch_lanes_dw.h\"\n" : "",
             has_kernel(train, goes_by_tiles) || has_kernel(evaluate, goes_by_tiles)
                 ? "#include \"kernels/winograd_dw.h\"\n"
                 : "");
}

/* ---- Finished functions ---------------------------------------------------------------------- */

/* No line is longer than a hundred columns. */
static const char *tidied(const char *text)
{
    Text out = {0};

    text_add(&out, "%s", text);
    wrap_lines(&out);
    return out.at;
}

/* A single statement stands in `{ }`, behind the head where both fit on one line. */
static const char *function_text(const char *head, const char *body)
{
    const int length = (int)strlen(head) - 1; /* without the end of its last line */
    const char *statement = body + strspn(body, " ");
    const int count = (int)strcspn(statement, "\n");
    int column = 0;

    while (column < length && head[length - 1 - column] != '\n')
        column++;
    if (statement[count + 1])
        return format("%s{\n%s}\n", head, body);
    return format("%.*s%s{ %.*s }\n", length, head, column + count > 95 ? "\n" : " ", count,
                  statement);
}

static void finish_functions(Emitter *e, Code *code)
{
    for (int i = 0; i < e->function_count; i++) {
        Function *f = &e->functions[i];

        f->text = tidied(function_text(f->head, f->body));
        f->is_kernel = f->section == &e->drivers && strstr(f->head, "NET_KERNEL ");
    }
    code->functions = e->functions;
    code->function_count = e->function_count;
    for (int i = 0; i < SECTIONS; i++) {
        static const char *const titles[] = {
            "Epilogues: elementwise operations on a vector in registers",
            "Tiles: sums in registers, of rows of images by vectors of outputs, then the epilogue",
            "Kernels: each thread takes its share of the items"};
        const Text *const sections[] = {&e->epilogues, &e->tiles, &e->drivers};

        code->sections[i] = sections[i];
        code->titles[i] = titles[i];
    }
}

Code emit(const Model *model, Program *train, Program *evaluate, const LayerRow *layers,
          int layer_count)
{
    Emitter e = {.model = model, .target = train->target};
    Text head = {0}, steps = {0}, above = {0}, tables = {0};
    Code code = {0};

    find_parameters(&e, train->graph);
    declare_all(&e, train->graph);
    write_step(&e, &steps, train);
    write_step(&e, &steps, evaluate);
    write_header(&e, &head, train, evaluate);
    text_add(&head, "%s%s\n", section_rule("Types: the shapes of this model"),
             e.types.at ? e.types.at : "");
    write_structures(&e, &head, train->graph);
    code.head = tidied(head.at);
    finish_functions(&e, &code);
    code.network = tidied(format("%s%s", section_rule("The network"), steps.at));
    write_unit(&above, &code, 0);
    text_add(&tables, "%s", section_rule("What the runtime needs to know"));
    emit_tables(&e, &tables, &above, train, evaluate, layers, layer_count);
    code.tables = tidied(tables.at);
    return code;
}
