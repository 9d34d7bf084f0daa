/*
 * source.c -- NAME.c: the kernels and the step of the prediction, and the functions around them.
 *
 * Nothing in it has a name outside but what NAME.h declares, and nothing in it changes.
 */

#include "emit/tables.h"
#include "library/library.h"

static void write_memory(Text *out, const Library *l, const Emitter *e)
{
    line(out, 0, "/* The arena of a thread. */");
    line(out, 0, "struct memory {");
    line(out, 1, "_Alignas(64) struct batch batch;");
    if (l->program->arena)
        line(out, 1, "_Alignas(64) char values[%zu];", l->program->arena);
    if (e->scratch)
        line(out, 1, "_Alignas(64) float scratch[%ld];", e->scratch);
    write_raw_memory(out, l);
    for (int i = 0; i < l->input_count; i++) {
        const char *name = l->inputs[i].name;
        const int numbers = l->rows * l->inputs[i].size;

        if (l->inputs[i].value->type == TYPE_SPARSE)
            line(out, 1, "struct net_sparse bag_%s[%d]; int32_t index_%s[%d]; float value_%s[%d];",
                 name, l->rows, name, numbers, name, numbers);
    }
    line(out, 1, "const void *row[%d][%d];", l->input_count, l->rows);
    line(out, 0, "};\n");
}

static bool has_classes(const Library *l)
{
    bool any = false;

    for (int i = 0; i < l->output_count; i++)
        any |= l->outputs[i].class_count > 0;
    return any;
}

static void write_folds(Text *out, const Library *l)
{
    const Graph *g = l->program->graph;

    line(out, 0, "/* Batchnorms that are in the weights: see library/weights.h. */");
    line(out, 0, "static const struct net_library_fold folds[] = {");
    for (int i = 0; i < l->folds.count; i++) {
        const Fold *f = &l->folds.at[i];

        line(out, 1, "{%d, %d, %s, %s,", tensor_place(g, f->weight), tensor_place(g, f->bias),
             quoted(f->gamma), quoted(f->beta));
        line(out, 2, "%s, %s, %s},", quoted(f->mean), quoted(f->var), number_text(f->eps));
    }
    line(out, 0, "};\n");
}

static void write_tables(Text *out, const Library *l, const Emitter *e)
{
    write_tensors(e, out);
    if (l->folds.count)
        write_folds(out, l);
    text_add(out, "static const char *const others[] = {");
    for (int i = 0; i < l->other_count; i++)
        text_add(out, "%s, ", quoted(l->others[i]));
    line(out, 0, "NULL};\n");
    line(out, 0, "static const struct net_library library = {");
    line(out, 1, ".tensors = tensors, .tensor_count = %d, .others = others,", e->parameter_count);
    if (l->folds.count)
        line(out, 1, ".folds = folds, .fold_count = %d,", l->folds.count);
    line(out, 1, ".params_size = sizeof(struct params),");
    line(out, 1, ".evaluated = %s,", quoted(evaluated_text(l->model)));
    if (has_classes(l) || l->is_raw)
        line(out, 1, ".preparation = %s,", quoted(l->checksum));
    line(out, 0, "};\n");
}

/* const float *image, float *probabilities, void *arena */
static const char *ports_text(const Library *l)
{
    Text text = {0};

    for (int i = 0; i < l->input_count; i++)
        text_add(&text, "const %s *%s, ", l->inputs[i].type, l->inputs[i].name);
    for (int i = 0; i < l->output_count; i++)
        text_add(&text, "float *%s, ", l->outputs[i].name);
    return text.at ? text.at : "";
}

static const char *passed_text(const Library *l)
{
    Text text = {0};

    for (int i = 0; i < l->input_count; i++)
        text_add(&text, "%s, ", l->inputs[i].name);
    for (int i = 0; i < l->output_count; i++)
        text_add(&text, "%s, ", l->outputs[i].name);
    return text.at ? text.at : "";
}

static void write_checks(Text *out, const Library *l)
{
    line(out, 1, "if (error)");
    line(out, 2, "return error;");
    text_add(out, "    if (");
    for (int i = 0; i < l->input_count; i++)
        text_add(out, "!%s || ", l->inputs[i].name);
    for (int i = 0; i < l->output_count; i++)
        text_add(out, "%s!%s", i ? " || " : "", l->outputs[i].name);
    line(out, 0, ")");
    line(out, 2, "return NET_LIBRARY_NO_INPUT;");
    for (int i = 0; i < l->input_count; i++) {
        const Port *port = &l->inputs[i];

        if (port->value->type == TYPE_TOKENS)
            line(out, 1, "if (!net_library_are_tokens(%s, %dL * rows, %d))", port->name, port->size,
                 port->value->vocabulary);
        else
            line(out, 1, "if (!net_library_are_finite(%s, %dL * rows))", port->name, port->size);
        line(out, 2, "return NET_LIBRARY_WRONG_%s;",
             port->value->type == TYPE_TOKENS ? "TOKEN" : "NUMBER");
    }
}

/* The number of an input among the model's fields, as pack has them. */
static int field_place(const Model *m, const Field *field)
{
    for (int i = 0; i < m->drawn_count; i++)
        if (m->drawn[i] == field)
            return m->field_count + i;
    return find_field_index(m, field);
}

static void write_run(Text *out, const Library *l, const Emitter *e)
{
    const Model *m = l->model;

    line(out, 0, "static int run_rows(const void *weights, int rows, %svoid *arena)\n{",
         ports_text(l));
    line(out, 1, "struct memory *memory = arena;");
    line(out, 1, "struct net_rows fields[%d] = {{0}};", m->field_count + m->drawn_count);
    if (l->weights.at)
        line(out, 1, "weights = weights ? weights : &%s_inside;", l->name);
    line(out, 1, "const int error = net_library_check(weights, arena, rows, %d);\n", l->rows);
    write_checks(out, l);
    line(out, 1, "struct net_run *run = &(struct net_run){");
    line(out, 2, ".params = (void *)weights, .batch = &memory->batch, .n = rows, .threads = 1,%s%s",
         l->program->arena ? " .arena = memory->values," : "",
         e->scratch ? " .scratch = memory->scratch," : "");
    line(out, 1, "};\n");
    line(out, 1, "memset(&memory->batch, 0, sizeof memory->batch);");
    for (int i = 0; i < l->input_count; i++) {
        const Port *port = &l->inputs[i];

        if (port->value->type == TYPE_SPARSE) {
            line(out, 1,
                 "fields[%d] = net_library_bags(memory->row[%d], memory->bag_%s, "
                 "memory->index_%s, memory->value_%s, %s, %d, rows);",
                 field_place(m, port->field), i, port->name, port->name, port->name, port->name,
                 port->size);
            continue;
        }
        line(out, 1,
             "fields[%d] = net_library_rows(memory->row[%d], %s, %s, %d * sizeof *%s, rows);",
             field_place(m, port->field), i,
             port->value->type == TYPE_TOKENS ? "NET_I32" : "NET_F32", port->name, port->size,
             port->name);
    }
    line(out, 1, "pack(&memory->batch, fields, rows);");
    line(out, 1, "evaluate_step(run, 0);");
    for (int i = 0; i < l->output_count; i++)
        write_unpack_value(e, out, (Value *)l->outputs[i].value, l->outputs[i].name);
    line(out, 1, "return 0;\n}\n");
}

/* Names of classes, a function an output. */
static void write_classes(Text *out, const Library *l)
{
    for (int i = 0; i < l->output_count; i++) {
        const Port *port = &l->outputs[i];

        if (!port->class_count)
            continue;
        line(out, 0, "const char *%s_%s_class(int i)\n{", l->name, port->name);
        line(out, 1, "static const char *const names[] = {");
        for (int c = 0; c < port->class_count; c++)
            line(out, 2, "%s,", quoted(port->classes[c]));
        line(out, 1, "};\n");
        line(out, 1, "return i >= 0 && i < %d ? names[i] : NULL;\n}\n", port->class_count);
    }
}

static void write_functions(Text *out, const Library *l)
{
    const char *name = l->name;

    line(out, 0, "size_t %s_size(void) { return sizeof(struct memory); }\n", name);
    line(out, 0, "size_t %s_weights_size(void) { return sizeof(struct params); }\n", name);
    line(out, 0, "const char *%s_error(int error) { return net_library_text(error); }\n", name);
    write_classes(out, l);
    line(out, 0, "int %s_open(const void *file, size_t size, void *weights, const char **tensor)",
         name);
    line(out, 0, "{ return net_library_weights(&library, file, size, weights, tensor); }\n");
    line(out, 0, "int %s_run(const void *weights, %svoid *arena)", name, ports_text(l));
    line(out, 0, "{ return run_rows(weights, 1, %sarena); }", passed_text(l));
    if (l->rows == 1)
        return;
    line(out, 0, "\nint %s_run_batch(const void *weights, int rows, %svoid *arena)", name,
         ports_text(l));
    line(out, 0, "{ return run_rows(weights, rows, %sarena); }", passed_text(l));
}

static const char *opening(const Library *l, const Emitter *e)
{
    const char *file = comment_safe(l->model->source->file);

    return format(
        "/*\n"
        " * %s.c -- generated by netc " NETC_VERSION " from %s. Do not edit.\n"
        " *\n"
        " *     netc %s --library --target %s --batch %d -o DIR\n"
        " *\n"
        " * The prediction alone, for one thread at a time in each arena; %s.h tells how it is "
        "called.\n"
        " * Its headers are netc's, in lib/netc/include of an installation.\n"
        " */\n\n#include \"%s.h\"\n\n%s#include \"library/library.h\"\n%s%s\n",
        l->name, file, file, e->target->name, l->rows, l->name, l->name,
        l->program->graph->images == 1
            ? "#define NET_IMAGES 1 /* values have no lanes of other rows */\n"
            : "",
        l->is_raw ? "#include \"library/numbers.h\"\n#include \"library/text.h\"\n" : "",
        e->includes.at ? e->includes.at : "");
}

Code emit_library(const Library *l)
{
    Emitter e = {.model = l->model, .target = l->program->target};
    Text tables = {0};
    Code code = emit_steps(&e, &l->program, 1);

    text_add(&tables, "%s", section_rule("The library"));
    write_memory(&tables, l, &e);
    write_tables(&tables, l, &e);
    write_pack(&e, &tables, l->program->graph);
    if (l->weights.at)
        line(&tables, 0,
             "NET_WEIGHTS_INSIDE(%s_inside, \"%s.weights\")\n_Static_assert(sizeof(struct params) "
             "== "
             "%zu, \"the weights inside are of this network\");\n",
             l->name, l->name, l->weights.length);
    if (l->is_raw && l->names.at)
        line(&tables, 0, "NET_NAMES_INSIDE(%s_names, \"%s.names\")\n", l->name, l->name);
    write_run(&tables, l, &e);
    if (l->is_raw)
        write_raw_form(&tables, l);
    write_functions(&tables, l);
    code.tables = tidied(tables.at);
    code.head = format("%s%s", opening(l, &e), code.head);
    return code;
}
