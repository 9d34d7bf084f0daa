/*
 * emit.c -- the generated file: header, types, tiles, drivers, the network, tables.
 *
 * The one idea: a kernel's emitter writes a function with formal names from the mathematics and
 * lists its operands; functions of equal text are shared; the step is then a list of calls with
 * actual names from the model. Nothing depends on time, paths or hashes' order.
 *
 * Needs: both programs, planned. Gives: the text of one C file.
 */

#include "emit/emit.h"

#include <stdlib.h>
#include <string.h>

void line(Text *text, int level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_add(text, "%*s", 4 * level, "");
    text_add_v(text, fmt, args);
    text_add(text, "\n");
    va_end(args);
}

const char *braces(const int *at, int count)
{
    Text text = {0};

    for (int i = 0; i < count; i++)
        text_add(&text, "%s%d", i ? ", " : "{", at[i]);
    text_add(&text, "}");
    return text.at;
}

/* ---- Types ----------------------------------------------------------------------------------- */

static bool is_declared(Emitter *e, const char *type)
{
    if (table_find(&e->declared, type) >= 0)
        return true;
    table_set(&e->declared, type, 1);
    return false;
}

void declare_type(Emitter *e, const Physical *v)
{
    const int pixels = v->full_height * v->full_width;

    if (v->kind == PHYSICAL_CLASS || is_declared(e, v->type))
        return;
    if (v->kind == PHYSICAL_WEIGHT || v->kind == PHYSICAL_TABLE)
        line(&e->types, 0, "%s { float at[%d]; };", v->type, padded_count(v));
    else if (v->kind == PHYSICAL_TOKENS)
        declare_tokens(e, v);
    else if (v->kind == PHYSICAL_SPARSE)
        declare_sparse(e, v);
    else if (v->kind == PHYSICAL_VECTOR)
        line(&e->types, 0, "%s { float at[%d][16]; };", v->type, v->blocks);
    else if (v->kind == PHYSICAL_SCALAR)
        line(&e->types, 0, "%s { float at[%d]; };", v->type, v->chunks);
    else
        line(&e->types, 0, "%s { %s at[%d][%d][%d][16][%d]; };", v->type,
             v->element == TYPE_BYTE ? "uint8_t" : "float", v->chunks, pixels, v->blocks, v->lanes);
}

const char *declare_scratch(Emitter *e, const Kernel *k)
{
    const bool transformed = k->kind == KERNEL_WINOGRAD || k->kind == KERNEL_WINOGRAD_WEIGHTS;
    const bool transposed = k->kind == KERNEL_TRANSPOSE || k->kind == KERNEL_CONTRACT ||
                            k->kind == KERNEL_BATCH_LANES || k->kind == KERNEL_DX_ARGMAX;
    const size_t floats = k->scratch->size / sizeof(float);
    const char *type = format("struct %s_%zu",
                              transformed  ? "transformed"
                              : transposed ? "transposed"
                                           : "partial_sums",
                              floats);

    if (!is_declared(e, type))
        line(&e->types, 0, "%s { float at[%zu]; };", type, floats);
    return type;
}

void declare_mask(Emitter *e, const char *type, size_t count)
{
    if (!is_declared(e, type))
        line(&e->types, 0, "%s { uint16_t at[%zu]; };", type, count);
}

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

/* ---- Operands -------------------------------------------------------------------------------- */

static const char *add_formal(Driver *d, Operand operand)
{
    const char *base = operand.name;
    int at = d->count;
    bool taken = true;

    for (int n = 2; taken; n++) {
        taken = false;
        for (int i = 0; i < d->count; i++)
            taken = taken || same(d->operands[i].name, operand.name);
        if (taken)
            operand.name = format("%s_%d", base, n);
    }
    APPEND(d->operands, d->count, operand);
    while (operand.written && at > 0 && !d->operands[at - 1].written) { /* outputs first */
        d->operands[at] = d->operands[at - 1];
        d->operands[--at] = operand;
    }
    return operand.name;
}

/* The plan knows what a kernel touches by its operands alone. */
static void check_operand(const Emitter *e, const char *name, const Buffer *buffer, bool written)
{
    if (find_operand(e->kernel, buffer, written))
        return;
    fprintf(stderr, "netc: internal error: %s %s %s, which is no operand of it\n",
            kernel_label(e->kernel), written ? "writes" : "reads", name);
    abort();
}

const char *add_operand(Emitter *e, Driver *d, const char *name, Value *value, bool written,
                        const Physical *as)
{
    const Physical *v = as ? as : value->physical;
    const Value *root = root_of(value);

    check_operand(e, name, root->physical->buffer, written);
    for (int i = 0; i < d->count; i++)
        if (d->operands[i].value == root && same(d->operands[i].type, v->type))
            return d->operands[i].name;
    declare_type(e, v);
    return add_formal(d, (Operand){name, v->type, actual_name(e, value, v->type), root,
                                   root->physical->buffer, written});
}

const char *add_scratch(Emitter *e, Driver *d, const char *name, const Buffer *buffer,
                        const char *type, bool written)
{
    check_operand(e, name, buffer, written);
    return add_formal(d, (Operand){name, type, view_of(e, buffer, type, c_name(e, buffer->name)),
                                   NULL, buffer, written});
}

/* ---- Drivers and calls ----------------------------------------------------------------------- */

static EmitKernel *const emitters[] = {
#define KERNEL(name, label, class, epilogue, split, reads, scratch, emitter)                       \
    [KERNEL_##name] = emitter,
#include "passes/kernels.def"
#undef KERNEL
};

void wrap_item(Wrap *wrap, const char *item)
{
    const int length = (int)strlen(item);

    if (wrap->count++ > 0) {
        text_add(wrap->text, ",");
        if (wrap->column + length + 4 > 100) {
            text_add(wrap->text, "\n%*s", wrap->indent, "");
            wrap->column = wrap->indent;
        } else {
            text_add(wrap->text, " ");
            wrap->column += 2;
        }
    }
    text_add(wrap->text, "%s", item);
    wrap->column += length;
}

/* "OUT(value_64x20) y", "const int32_t *restrict target" */
static const char *formal_text(const Operand *o)
{
    const size_t tag = strlen("struct ");

    if (strncmp(o->type, "struct ", tag) != 0)
        return format("const %s *restrict %s", o->type, o->name);
    return format("%s(%s) %s", o->written ? "OUT" : "IN", o->type + tag, o->name);
}

/* The function's head with %s for its name, which may get a number. */
static const char *write_head(const Driver *d)
{
    const char *begin = "NET_KERNEL void (_2";
    Text head = {0};
    Wrap wrap = {&head, (int)(strlen(begin) + strlen(d->base)), 8, 0};

    text_add(&head, "%sNET_KERNEL void %%s(", d->comment.at);
    for (int i = 0; i < d->count; i++)
        wrap_item(&wrap, formal_text(&d->operands[i]));
    wrap_item(&wrap, "NET_RUN");
    text_add(&head, ")\n");
    return head.at;
}

/* RUN(3, dense_relu_64x784x20, relu_1, &batch->image, ...); under its line of the model. */
static void write_call(const Emitter *e, Text *text, const Kernel *k, int number, const Driver *d,
                       const char *name)
{
    const char *begin = format("    RUN(%d, %s", number, name);
    Wrap wrap = {text, (int)strlen(begin), 8, 1};

    if (k->needs_target && same(e->program->graph->name, "evaluate"))
        line(text, 1, "if (run->has_target)"), text_add(text, "    ");
    text_add(text, "%s", begin);
    for (int i = 0; i < d->count; i++)
        wrap_item(&wrap, d->operands[i].actual);
    text_add(text, ");\n");
}

/* The other way round: all that the plan counts on is passed. */
static void check_operands(const Driver *d, const Kernel *k)
{
    for (int i = 0; i < k->operand_count; i++) {
        bool passed = false;

        for (int j = 0; j < d->count; j++)
            passed = passed || d->operands[j].buffer == k->operands[i].buffer;
        if (!passed) {
            fprintf(stderr, "netc: internal error: %s is not passed its operand %s\n",
                    kernel_label(k), k->operands[i].name);
            abort();
        }
    }
}

/* What the model says there: "digits.net:13  -> conv2d(8, 3) -> relu". */
static const char *place_text(const Source *source, Span span)
{
    const int number = line_of(source, span);
    const char *at = source->text, *line;
    int length;

    for (int i = 1; i < number && strchr(at, '\n'); i++)
        at = strchr(at, '\n') + 1;
    at += strspn(at, " \t");
    length = (int)strcspn(at, "#\n\r");
    while (length > 0 && at[length - 1] == ' ')
        length--;
    line = format("%s.net:%d  %.*s", source->name, number, length, at);
    return strstr(line, "*/") || strlen(line) > 90 ? format("%s.net:%d", source->name, number)
                                                   : line;
}

/* The kernels of a step, in order, with barriers between its phases. */
static void write_kernels(Emitter *e, Text *calls, Program *program)
{
    int last = 0;

    for (int i = 0; i < program->count; i++) {
        Kernel *k = program->kernels[i];
        const int place = line_of(e->model->source, k->node->span);
        Driver d = {0};

        if (i > 0 && k->phase != program->kernels[i - 1]->phase)
            line(calls, 1, "barrier(run, thread);");
        e->kernel = k;
        emitters[k->kind](e, &d, k);
        check_operands(&d, k);
        for (int j = 0; j < k->operand_count; j++)
            if (k->operands[j].value)
                e->formals[k->operands[j].value->id] = NULL;
        k->driver = add_function(e, &e->drivers, d.base, write_head(&d), d.text.at);
        if (place != last)
            line(calls, 0, "\n    /* %s */", place_text(e->model->source, k->node->span));
        write_call(e, calls, k, i, &d, k->driver);
        last = place;
    }
}

/* Where the values of a step lie, those of a type together. */
static void write_views(const Emitter *e, Text *out)
{
    for (int i = 0; i < e->view_count; i++) {
        const View *first = &e->views[i];
        Wrap wrap = {.text = out, .indent = 8};

        for (int j = 0; j < i && first; j++)
            if (same(e->views[j].type, first->type))
                first = NULL;
        if (!first)
            continue;
        text_add(out, "    %s ", first->type);
        wrap.column = 5 + (int)strlen(first->type);
        for (int j = i; j < e->view_count; j++)
            if (same(e->views[j].type, first->type))
                wrap_item(&wrap, format("*%s = net_at(run, %zu)", e->views[j].name,
                                        e->views[j].buffer->offset));
        text_add(out, ";\n");
    }
}

/* The calls and barriers of a step, after its views. */
static void write_step(Emitter *e, Text *out, Program *program)
{
    Text calls = {0};

    e->program = program;
    e->formals = allocate((size_t)program->graph->value_count * sizeof *e->formals);
    e->views = NULL, e->view_count = 0;
    e->first_view = allocate((size_t)(program->buffer_count + 1) * sizeof *e->first_view);
    for (int i = 0; i < program->buffer_count; i++)
        e->first_view[i] = -1;
    e->names = (Table){0};
    text_add(&calls, "%s", "");
    write_kernels(e, &calls, program);
    draw_memory(e, out);
    text_add(out, "static void %s_step(struct net_run *run, int thread)\n{\n",
             program->graph->name);
    if (strstr(calls.at, "&p->"))
        line(out, 1, "%sstruct params *p = run->params;",
             same(program->graph->name, "train") ? "" : "const ");
    if (strstr(calls.at, "batch->"))
        line(out, 1, "const struct batch *batch = run->batch;");
    write_views(e, out);
    text_add(out, "%s", calls.at);
    line(out, 1, "barrier(run, thread);");
    text_add(out, "}\n\n");
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

        line(out, 1, "%s %s;    /* %s %s */", value->physical->type, e->tensors[i], value->name,
             shape_text(file_shape(value)));
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
            line(out, 1, "%s %s;", value->physical->type, c_name(e, value->name));
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
             " * Values lie as [chunk of 16 images][pixel][block of 16 channels][image][channel], "
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

static const char *section_rule(const char *title)
{
    return format("/* ---- %s %.*s */\n\n", title, (int)(88 - strlen(title)),
                  "---------------------------------------------------------------------------"
                  "-----------------------");
}

/* ---- Units ----------------------------------------------------------------------------------- */

/* No line is longer than a hundred columns. */
static const char *tidied(const char *text)
{
    Text out = {0};

    text_add(&out, "%s", text);
    wrap_lines(&out);
    return out.at;
}

/* One statement stands on the line of the head, or on one of its own, where it fits. */
static const char *function_text(const char *head, const char *body)
{
    const int length = (int)strlen(head) - 1; /* without the end of its last line */
    const char *statement = body + strspn(body, " ");
    const int room = 100 - (int)strlen("{  }"), count = (int)strcspn(statement, "\n");
    int column = 0;

    while (column < length && head[length - 1 - column] != '\n')
        column++;
    if (statement[count + 1] || count > room)
        return format("%s{\n%s}\n", head, body);
    return format("%.*s%s{ %.*s }\n", length, head, column + 1 + count > room ? "\n" : " ", count,
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
            "Tiles: rows of images by vectors of outputs in registers",
            "Kernels: each thread takes its share of the items"};
        const Text *const sections[] = {&e->epilogues, &e->tiles, &e->drivers};

        code->sections[i] = sections[i];
        code->titles[i] = titles[i];
    }
}

/* The declaration of a kernel that another unit defines. */
static void write_prototype(Text *out, const Function *f)
{
    const char *begin = strstr(f->text, "NET_KERNEL "), *end = strstr(begin, "NET_RUN)") + 8;

    text_add(out, "%.*s;\n\n", (int)(end - begin), begin);
}

/* The functions of a section; of kernels those of this unit. */
static void write_section(Text *out, const Code *code, int section, int unit, int units)
{
    int kernels = 0;

    text_add(out, "%s", section_rule(code->titles[section]));
    for (int i = 0; i < code->function_count; i++) {
        const Function *f = &code->functions[i];

        if (f->section != code->sections[section])
            continue;
        if (!f->is_kernel || kernels++ % units == unit)
            text_add(out, "%s\n", f->text);
        else if (unit == 0)
            write_prototype(out, f);
    }
}

void write_unit(Text *out, const Code *code, int unit, int units)
{
    text_add(out, "%s", code->head);
    for (int i = 0; i < SECTIONS; i++)
        write_section(out, code, i, unit, units);
    if (unit == 0)
        text_add(out, "%s%s", code->network, code->tables ? code->tables : "");
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
    write_unit(&above, &code, 0, 1);
    text_add(&tables, "%s", section_rule("What the runtime needs to know"));
    emit_tables(&e, &tables, &above, train, evaluate, layers, layer_count);
    code.tables = tidied(tables.at);
    return code;
}
