/*
 * tables.c -- what the runtime needs to know: tensors, fields, calls, layers, kernels, and the
 * two functions between its rows and the layouts.
 */

#include "emit/emit.h"

#include <string.h>

/* A C string literal. */
static const char *quoted(const char *text)
{
    Text out = {0};

    if (!text)
        return "NULL";
    text_add(&out, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_add(&out, "\\%c", *c);
        else if (*c < 32 || *c > 126 || *c == '?')
            text_add(&out, "\\%03o", *c);
        else
            text_add(&out, "%c", *c);
    }
    text_add(&out, "\"");
    return out.at;
}

static const char *braces(Shape shape)
{
    Text out = {0};

    text_add(&out, "{ ");
    for (int i = 0; i < shape.rank; i++)
        text_add(&out, "%s%d", i ? ", " : "", shape.size[i]);
    text_add(&out, "%s }", shape.rank ? "" : "0");
    return out.at;
}

/* ---- Calls: tables named after what they are ------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (same(word, words[i]))
            return true;
    return false;
}

/* The reader or preparation by its name: only what is named here is linked. */
static const char *implementation(const Call *call, const char **declaration)
{
    static const char *const readers[] = {"idx",     "npy",      "npz",    "csv", "jsonl",
                                          "cifar10", "cifar100", "digits", "xor", "logistic_map"};
    static const char *const preparations[] = {
        "scale",        "normalize", "standardize", "classes",        "one_hot", "tokens",
        "bag_of_words", "minmax",    "impute",      "permute_pixels", "noise"};

    if (is_one_of(call->name, readers, COUNT(readers))) {
        *declaration = format("extern const struct net_reader net_reader_%s;", call->name);
        return format(", .reader = &net_reader_%s", call->name);
    }
    if (is_one_of(call->name, preparations, COUNT(preparations))) {
        *declaration = format("extern const struct net_preparation net_preparation_%s;",
                              call->name);
        return format(", .preparation = &net_preparation_%s", call->name);
    }
    *declaration = NULL;
    return "";
}

static bool is_names(const Constant *v)
{
    return v->kind == CONSTANT_LIST && v->count > 0 && v->items[0].kind == CONSTANT_NAME;
}

static bool is_texts(const Constant *v)
{
    return v->kind == CONSTANT_LIST && v->count > 0 && v->items[0].kind == CONSTANT_STRING;
}

static const char *names_text(const Constant *v)
{
    Text text = {0};

    for (int i = 0; i < v->count; i++)
        text_add(&text, "%s%s", i ? " " : "", v->items[i].text);
    return text.at;
}

/* Writes the arguments and gives the initializer of the call: `{ "sgd", sgd_args, 4 }`. */
static const char *write_arguments(Text *out, const Call *call, const char *name)
{
    const char *declaration, *what = implementation(call, &declaration);

    if (declaration && !strstr(out->at ? out->at : "", declaration))
        line(out, 0, "%s", declaration);
    for (int i = 0; i < call->count; i++) {
        const Constant *v = &call->arguments[i].value;

        if (v->kind != CONSTANT_LIST || is_names(v))
            continue;
        if (is_texts(v)) {
            text_add(out, "static const char *const %s_list_%d[] = { ", name, i);
            for (int j = 0; j < v->count; j++)
                text_add(out, "%s%s", j ? ", " : "", quoted(v->items[j].text));
            text_add(out, " };\n");
            continue;
        }
        text_add(out, "static const double %s_list_%d[] = { ", name, i);
        for (int j = 0; j < v->count; j++)
            text_add(out, "%s%.17g", j ? ", " : "", v->items[j].number);
        text_add(out, " };\n");
    }
    if (call->count)
        line(out, 0, "static const struct net_arg %s_args[] = {", name);
    for (int i = 0; i < call->count; i++) {
        const Argument *a = &call->arguments[i];
        const Constant *v = &a->value;

        text_add(out, "    { .name = %s, .number = %.17g", quoted(a->name), v->number);
        if (v->text && v->kind != CONSTANT_NUMBER)
            text_add(out, ", .text = %s", quoted(v->text));
        if (is_names(v))
            text_add(out, ", .text = %s, .count = %d", quoted(names_text(v)), v->count);
        else if (v->kind == CONSTANT_LIST)
            text_add(out, ", .%s = %s_list_%d, .count = %d", is_texts(v) ? "texts" : "list", name,
                     i, v->count);
        text_add(out, "%s%s },\n", a->given ? ", .given = true" : "",
                 v->kind == CONSTANT_NONE ? ", .none = true" : "");
    }
    if (call->count)
        line(out, 0, "};");
    return format("{ .name = %s, .args = %s, .arg_count = %d%s }", quoted(call->name),
                  call->count ? format("%s_args", name) : "NULL", call->count, what);
}

static void write_call(Text *out, const Call *call, const char *name)
{
    const char *initializer;

    if (!call)
        return;
    initializer = write_arguments(out, call, name);
    line(out, 0, "static const struct net_call %s = %s;\n", name, initializer);
}

/* An array of calls under one name. */
static void write_calls(Text *out, Call *const *calls, int count, const char *name)
{
    const char **initializers = allocate((size_t)(count + 1) * sizeof *initializers);

    for (int i = 0; i < count; i++)
        initializers[i] = write_arguments(out, calls[i], format("%s_%d", name, i + 1));
    if (!count)
        return;
    line(out, 0, "static const struct net_call %s[] = {", name);
    for (int i = 0; i < count; i++)
        line(out, 1, "%s,", initializers[i]);
    line(out, 0, "};\n");
}

/* ---- Tensors --------------------------------------------------------------------------------- */

static void write_segments(Text *out, const char *name, const Physical *v)
{
    text_add(out, "static const struct net_segment %s[] = { ", name);
    for (int i = 0; i < v->segment_count; i++)
        text_add(out, "%s{ %d, %d, %d, %d, %d }", i ? ", " : "", v->segments[i].start,
                 v->segments[i].channels, v->segments[i].pixels, v->segments[i].block,
                 v->segments[i].stride);
    text_add(out, " };\n");
}

static int find_index(const Model *model, const Field *field)
{
    int i = 0;

    while (model->fields[i] != field)
        i++;
    return i;
}

static void write_tensors(const Emitter *e, Text *out)
{
    for (int i = 0; i < e->parameter_count; i++)
        write_segments(out, format("%s_segments", e->tensors[i]), e->parameters[i]->physical);
    line(out, 0, "\nstatic const struct net_tensor tensors[] = {");
    for (int i = 0; i < e->parameter_count; i++) {
        const Value *v = e->parameters[i];
        const Physical *p = v->physical;

        line(out, 1, "{ .name = %s,", quoted(v->name));
        line(out, 1, "  .offset = offsetof(struct params, %s), .count = %d,", e->tensors[i],
             padded_count(p));
        text_add(out, "      .rank = %d, .shape = %s, ", file_shape(v).rank, braces(file_shape(v)));
        if (p->kind == PHYSICAL_WEIGHT)
            text_add(out, ".kind = NET_WEIGHT, .panels = { %d, %d, %d },\n", p->panels[0],
                     p->panels[1], p->panels[2]);
        else
            text_add(out, ".kind = %s,\n", p->kind == PHYSICAL_TABLE ? "NET_TABLE" : "NET_VECTOR");
        line(out, 1, "  .segments = %s_segments, .segment_count = %d, .trainable = %s,",
             e->tensors[i], p->segment_count, v->role == ROLE_PARAMETER ? "true" : "false");
        text_add(out, "      .init = %s, .fan_in = %d", quoted(v->init), v->fan_in);
        if (v->fan_out)
            text_add(out, ", .fan_out = %d", v->fan_out);
        if (v->l1 > 0 || v->l2 > 0)
            text_add(out, ", .l1 = %.17g, .l2 = %.17g", v->l1, v->l2);
        if (v->padding_row)
            text_add(out, ", .padding_row = %d", v->padding_row);
        if (v->pretrained)
            text_add(out, ",\n      .pretrained = %s, .field = %d", quoted(v->pretrained),
                     find_index(e->model, v->words));
        text_add(out, " },\n");
    }
    if (!e->parameter_count)
        line(out, 1, "{ .name = NULL },");
    line(out, 0, "};\n");
}

/* ---- Fields, pack and unpack ----------------------------------------------------------------- */

static const char *kind_of_field(const Field *f)
{
    if (f->is_target)
        return f->is_class ? "NET_TARGET_CLASS" : "NET_TARGET_VALUES";
    return f->is_tokens ? "NET_INPUT_TOKENS" : f->is_sparse ? "NET_INPUT_SPARSE" : "NET_INPUT";
}

/* The columns of a table that a field is made of. */
static void write_columns(Text *out, const Field *field, const char *name)
{
    if (!field->columns)
        return;
    line(out, 0, "static const struct net_arg %s[] = {", name);
    for (int i = 0; i < field->column_count; i++)
        if (field->columns[i].kind == CONSTANT_STRING)
            line(out, 1, "{ .text = %s },", quoted(field->columns[i].text));
        else
            line(out, 1, "{ .number = %.0f },", field->columns[i].number);
    line(out, 0, "};\n");
}

static void write_fields(Text *out, const Model *model)
{
    for (int i = 0; i < model->field_count; i++) {
        const Field *f = model->fields[i];

        write_columns(out, f, format("field_%d_columns", i + 1));
        write_calls(out, f->steps, f->step_count, format("field_%d_steps", i + 1));
        write_calls(out, f->augments, f->augment_count, format("field_%d_augments", i + 1));
    }
    line(out, 0, "static const struct net_field fields[] = {");
    for (int i = 0; i < model->field_count; i++) {
        const Field *f = model->fields[i];
        const Shape shape = f->is_class     ? (Shape){0}
                            : f->shape.rank ? f->shape
                                            : (Shape){.rank = 1, .size = {1}};

        line(out, 1, "{ .name = %s, .source = %s, .kind = %s,", quoted(f->name),
             quoted(f->source_field), kind_of_field(f));
        line(out, 1, "  .rank = %d, .shape = %s, .size = %d, .classes = %d,", shape.rank,
             braces(shape), f->is_class ? 1 : shape_size(shape), f->classes);
        if (f->columns)
            line(out, 1, "  .columns = field_%d_columns, .column_count = %d, .column_range = %s,",
                 i + 1, f->column_count, f->column_range ? "true" : "false");
        if (f->vocabulary)
            line(out, 1, "  .vocabulary = %d,", f->vocabulary);
        if (f->augment_count)
            line(out, 1, "  .augments = field_%d_augments, .augment_count = %d,", i + 1,
                 f->augment_count);
        line(out, 1, "  .steps = %s, .step_count = %d },",
             f->step_count ? format("field_%d_steps", i + 1) : "NULL", f->step_count);
    }
    line(out, 0, "};\n");
}

static void write_pack_value(const Emitter *e, Text *out, const Value *value, int index)
{
    const Physical *v = value->physical;
    const Shape declared = value->field->shape;
    const int scaled = declared.rank ? shape_size(declared) / declared.size[0] : 1;
    const long pixel = (long)v->blocks * 16 * v->lanes;
    const long chunk = pixel * v->full_height * v->full_width;

    for (int i = 0; i < v->segment_count; i++) {
        const Segment *s = &v->segments[i];

        line(out, 1, "if (fields[%d].row)", index);
        line(out, 2, "net_pack((float *)&to->%s, &fields[%d], n, (struct net_place){",
             c_name(e, value->name), index);
        if (v->lanes < 16)
            line(out, 3, "0, %d, %d, %d, %d, %d, %ld, %ld, %ld, %ld });", s->channels, v->height,
                 v->width, v->lanes, scaled, (v->top * v->full_width + v->left) * pixel, chunk,
                 v->full_width * pixel, pixel);
        else
            line(out, 3, "%d, %d, 1, %d, 16, %d, %ld, %ld, 0, %ld });", s->start, s->channels,
                 s->pixels, scaled, s->block * 256L, chunk, s->stride * 256L);
    }
}

static void write_pack(const Emitter *e, Text *out, const Graph *g)
{
    line(out, 0, "/* A batch from the reader's rows: on the helper thread, one step ahead. */");
    line(out, 0, "static void pack(void *batch, const struct net_rows *fields, int n)");
    line(out, 0, "{");
    line(out, 1, "struct batch *to = batch;\n");
    for (int i = 0; i < e->model->field_count; i++) {
        const Value *value = find_field(g, e->model->fields[i]);

        if (!value || !value->physical)
            continue;
        if (value->type == TYPE_CLASS) {
            line(out, 1, "if (fields[%d].row)", i);
            line(out, 2, "net_pack_classes(to->%s, &fields[%d], n);", c_name(e, value->name), i);
        } else if (value->type != TYPE_F32) {
            write_pack_words(e, out, g, value, i);
        } else {
            write_pack_value(e, out, value, i);
        }
    }
    line(out, 0, "}\n");
}

static void write_unpack(const Emitter *e, Text *out, const Graph *g)
{
    const Physical *v = g->prediction->physical;

    write_segments(out, "output_segments", v);
    line(out, 0, "\n/* The prediction of an evaluation, as rows. */");
    line(out, 0, "static void unpack(float *rows, const struct net_run *run)");
    line(out, 0, "{");
    if (v->buffer->where == IN_BATCH)
        line(out, 1, "const float *from = (const float *)&((const struct batch *)run->batch)->%s;",
             c_name(e, root_of(g->prediction)->name));
    else
        line(out, 1, "const float *from = net_at(run, %zu);", v->buffer->offset);
    line(out, 0, "%s", "");
    line(out, 1, "net_unpack(rows, from, %ld, run->n, output_segments, %d, %d);",
         (long)v->height * v->width * v->blocks * 256, v->segment_count,
         shape_size(g->prediction->shape));
    line(out, 0, "}\n");
}

/* ---- Layers and kernels ---------------------------------------------------------------------- */

static void write_layers(Text *out, const LayerRow *layers, int count)
{
    line(out, 0, "static const struct net_layer layers[] = {");
    for (int i = 0; i < count; i++) {
        const LayerRow *l = &layers[i];

        line(out, 1, "{ .name = %s, .type = %s,", quoted(l->name), quoted(l->type));
        line(out, 1, "  .inputs = %s, .rank = %d, .shape = %s,", quoted(l->inputs), l->shape.rank,
             braces(l->shape));
        line(out, 1, "  .parameters = %ld, .states = %ld, .flops = %.17g },", l->parameters,
             l->states, l->flops);
    }
    line(out, 0, "};\n");
}

static const char *kind_of(const Kernel *k)
{
    switch (k->kind) {
    case KERNEL_CONTRACT:
    case KERNEL_WINOGRAD:
    case KERNEL_NARROW:
    case KERNEL_DEPTHWISE:
    case KERNEL_THIN:
        return k->node->backward ? "backward-data" : "forward";
    case KERNEL_DX_AT:
    case KERNEL_SPARSE_DENSE_DX:
        return "backward-data";
    case KERNEL_DW_AT:
    case KERNEL_WEIGHT:
    case KERNEL_NARROW_DW:
    case KERNEL_WEIGHT_SLICES:
    case KERNEL_WEIGHT_SUM:
    case KERNEL_WINOGRAD_DW:
    case KERNEL_WINOGRAD_DW_SUM:
    case KERNEL_DEPTHWISE_DW:
    case KERNEL_EMBEDDING_DW:
    case KERNEL_SPARSE_DENSE_DW:
    case KERNEL_THIN_DW:
        return "backward-weights";
    case KERNEL_EMBEDDING:
    case KERNEL_SPARSE_DENSE:
        return "forward";
    case KERNEL_TRANSPOSE:
    case KERNEL_WINOGRAD_WEIGHTS:
        return "transpose";
    case KERNEL_ELEMENTWISE:
        return "elementwise";
    case KERNEL_SUMS:
    case KERNEL_SUMS_END:
    case KERNEL_INVERSE_STD:
        return "reduction";
    case KERNEL_MAXPOOL:
    case KERNEL_MAXPOOL_GRAD:
    case KERNEL_AVGPOOL:
    case KERNEL_AVGPOOL_GRAD:
    case KERNEL_WINDOW_SUM:
    case KERNEL_WINDOW_SPREAD:
    case KERNEL_GLOBAL_MAXPOOL:
    case KERNEL_GLOBAL_MAXPOOL_GRAD:
    case KERNEL_WORD_MEAN:
    case KERNEL_WORD_MEAN_GRAD:
        return "pool";
    case KERNEL_GROUPS:
    case KERNEL_BLOCKS:
    case KERNEL_RELAYOUT:
    case KERNEL_TO_DENSE:
        return "movement";
    case KERNEL_SOFTMAX:
    case KERNEL_SOFTMAX_GRAD:
        return "softmax";
    case KERNEL_LAYERNORM:
    case KERNEL_LAYERNORM_GRAD:
        return "layernorm";
    case KERNEL_LOSS:
    case KERNEL_MEAN_LOSS:
        return "loss";
    case KERNEL_UPDATE:
        return "update";
    }
    return "";
}

/* The last value that a forward kernel stores, if it is a whole one of the arena. */
static const Value *find_result(const Kernel *k)
{
    const Value *result = NULL;

    for (int i = -1; i < k->body_count && !k->node->backward; i++) {
        const Value *value = i < 0 ? k->node->outputs[0] : k->body[i]->outputs[0];
        const Physical *v = value->internal ? NULL : value->physical;

        if (v && v->kind == PHYSICAL_VALUE && v->buffer->where == IN_ARENA && v->lanes == 16 &&
            v->element == TYPE_F32 && v->segment_count == 1)
            result = value;
    }
    return result;
}

static const char *result_text(const Kernel *k)
{
    const Value *result = find_result(k);

    if (!result)
        return "{ 0 }";
    const Physical *v = result->physical;
    const Segment *s = v->segments;
    return format("{ %zu, %ld, %d, %d, %d, %d }", v->buffer->offset,
                  (long)v->full_height * v->full_width * v->blocks * 256, s->pixels, s->stride,
                  s->block, (s->channels + 15) / 16);
}

static void write_kernels(Text *out, const Program *p)
{
    line(out, 0, "static const struct net_kernel %s_kernels[] = {", p->graph->name);
    for (int i = 0; i < p->count; i++) {
        const Kernel *k = p->kernels[i];

        line(out, 1, "{ %s, %s,", quoted(k->driver), quoted(k->node->path ? k->node->path : ""));
        line(out, 1, "  %s, %d, %.17g, %.17g, %.17g, %s },", quoted(kind_of(k)),
             line_of(p->graph->source, k->node->span), k->flops, k->bytes, k->updated,
             result_text(k));
    }
    line(out, 0, "};\n");
}

/* ---- The model ------------------------------------------------------------------------------- */

/* FNV-1a of the text so far (Fowler, Noll, Vo): a checkpoint knows the model it belongs to. */
static unsigned long long hash_text(const Text *text)
{
    unsigned long long hash = 14695981039346656037ULL;

    for (size_t i = 0; i < text->length; i++)
        hash = (hash ^ (unsigned char)text->at[i]) * 1099511628211ULL;
    return hash;
}

/* Where a trainer looks for files. NULL: the current folder, or an absolute path: the generated C
   is the same wherever the models lie. */
static const char *folder_of(const char *path)
{
    const char *last = strrchr(path, '/');

    return last && path[0] != '/' ? format("%.*s", (int)(last - path), path) : NULL;
}

/* Does a batchnorm have one number a channel and row? */
static bool is_one_number(const Graph *g)
{
    bool one = false;

    for (int i = 0; i < g->node_count; i++)
        one |= g->nodes[i]->op == OP_BATCHNORM_STATS && g->nodes[i]->at.pixels == 1;
    return one;
}

static void write_model(Text *out, const Emitter *e, const Program *train, const Program *evaluate)
{
    const Model *m = e->model;
    const Graph *g = evaluate->graph;
    const Shape shape = g->prediction->shape;
    const char *loss = same(m->loss->name, "mse")             ? "NET_MSE"
                       : same(m->loss->name, "mae")           ? "NET_MAE"
                       : same(m->loss->name, "huber")         ? "NET_HUBER"
                       : same(m->loss->name, "cross_entropy") ? "NET_CROSS_ENTROPY"
                                                              : "NET_BINARY_CROSS_ENTROPY";
    const char *activation = g->prediction_activation == OP_SOFTMAX   ? "NET_SOFTMAX"
                             : g->prediction_activation == OP_SIGMOID ? "NET_SIGMOID"
                                                                      : "NET_IDENTITY";
    const unsigned long long hash = hash_text(out);
    const char *folder = folder_of(m->source->path);

    line(out, 0, "const struct net_model net_model = {");
    line(out, 1, ".name = %s, .source = %s, .version = %s,", quoted(m->name),
         quoted(format("%s.net", m->source->name)), quoted(NETC_VERSION));
    if (folder)
        line(out, 1, ".folder = %s,", quoted(folder));
    line(out, 1, ".hash = \"%016llx\", .isa = %s, .batch = %d,", hash, quoted(e->target->name),
         m->capacity);
    line(out, 1, ".params_size = sizeof(struct params), .arena_size = %zu,",
         train->arena > evaluate->arena ? train->arena : evaluate->arena);
    line(out, 1, ".batch_size = sizeof(struct batch),");
    if (thread_floats(train, evaluate))
        line(out, 1, ".scratch_size = %zu,", thread_floats(train, evaluate) * sizeof(float));
    line(out, 1, ".tensors = tensors, .tensor_count = %d, .fields = fields, .field_count = %d,",
         e->parameter_count, m->field_count);
    line(out, 1, ".parts = { %s, %s, %s },", m->parts[PART_TRAIN] ? "&part_train" : "NULL",
         m->parts[PART_VALIDATION] ? "&part_validation" : "NULL",
         m->parts[PART_TEST] ? "&part_test" : "NULL");
    line(out, 1, ".loss_call = &loss_call, .optimizer = &optimizer,");
    line(out, 1, ".schedule = schedule, .schedule_count = %d,", m->schedule_count);
    line(out, 1, ".stop = %s, .clip = %s,", m->stop ? "&stop" : "NULL", m->clip ? "&clip" : "NULL");
    line(out, 1, ".metrics = %s, .metric_count = %d,", m->metric_count ? "metrics" : "NULL",
         m->metric_count);
    if (is_one_number(train->graph))
        line(out, 1, ".least_batch = 2,");
    line(out, 1, ".default_batch = %d, .epochs = %d, .seed = %.17g,", m->batch, m->epochs, m->seed);
    line(out, 1, ".keep = %s, .monitor = %s,", quoted(m->keep), quoted(m->monitor));
    line(out, 1, ".loss = %s, .activation = %s,", loss, activation);
    line(out, 1, ".outputs = %d, .output_rank = %d, .output_shape = %s,", shape_size(shape),
         shape.rank, braces(shape));
    line(out, 1, ".layers = layers, .layer_count = (int)(sizeof layers / sizeof *layers),");
    for (int i = 0; i < 2; i++)
        line(out, 1, ".%s = { %s_step, %s_kernels, %d },", i ? "evaluate" : "train",
             i ? "evaluate" : "train", i ? "evaluate" : "train", (i ? evaluate : train)->count);
    line(out, 1, ".pack = pack, .unpack = unpack,");
    line(out, 0, "};\n");
    line(out, 0, "int main(int argc, char **argv)\n{");
    line(out, 1, "return net_main(argc, argv, &net_model);");
    line(out, 0, "}");
}

void emit_tables(Emitter *e, Text *out, const Program *train, const Program *evaluate,
                 const LayerRow *layers, int layer_count)
{
    const Model *m = e->model;

    write_tensors(e, out);
    write_call(out, m->parts[PART_TRAIN], "part_train");
    write_call(out, m->parts[PART_VALIDATION], "part_validation");
    write_call(out, m->parts[PART_TEST], "part_test");
    write_call(out, m->loss, "loss_call");
    write_call(out, m->optimizer, "optimizer");
    write_calls(out, m->schedule, m->schedule_count, "schedule");
    write_call(out, m->stop, "stop");
    write_call(out, m->clip, "clip");
    write_calls(out, m->metrics, m->metric_count, "metrics");
    write_fields(out, m);
    write_pack(e, out, train->graph);
    write_unpack(e, out, evaluate->graph);
    write_layers(out, layers, layer_count);
    write_kernels(out, train);
    write_kernels(out, evaluate);
    write_model(out, e, train, evaluate);
}
