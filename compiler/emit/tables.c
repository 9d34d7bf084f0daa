/*
 * tables.c -- what the runtime needs to know: tensors, layers, kernels, and the model that lists
 * all tables. The macros of kernels/tables.h keep a row to a line.
 */

#include "emit/tables.h"

#include <string.h>

#include "onnx/onnx.h"

/* ---- Tensors --------------------------------------------------------------------------------- */

/* One value per channel, the channels in order. */
static bool is_ordered_vector(const Value *v)
{
    const Layout *p = v->layout;

    return p->kind == LAYOUT_VECTOR && p->segment_count == 1 && p->segments[0].start == 0 &&
           p->segments[0].pixels == 1 && p->segments[0].block == 0 && file_shape(v).rank == 1 &&
           file_shape(v).size[0] == p->segments[0].channels;
}

static const char *layout_text(const Value *v)
{
    const Layout *p = v->layout;
    const Shape shape = file_shape(v);
    const char *kind = p->kind == LAYOUT_WEIGHT  ? "NET_WEIGHT"
                       : p->kind == LAYOUT_TABLE ? "NET_TABLE"
                                                 : "NET_VECTOR";
    const char *panels = p->kind != LAYOUT_WEIGHT ? ""
                                                  : format(" .panels = {%d, %d, %d},", p->panels[0],
                                                           p->panels[1], p->panels[2]);

    return format(".kind = %s,%s%s NET_SHAPE(%s), NET_SEGMENTS(%s)", kind, panels,
                  p->winograd ? format(" .winograd = %d,", p->winograd) : "", list_of(shape),
                  segments_text(p));
}

static void write_tensor(const Emitter *e, Text *out, const Value *v, const char *member)
{
    const bool trained = v->role == ROLE_PARAMETER;
    Text more = {0};

    if (is_ordered_vector(v) && v->l1 + v->l2 + v->init_scale + v->rate == 0 && !v->run_l1 &&
        !v->run_l2 && !v->section && !v->detached) {
        line(out, 1, "%s(%s, %s, %d, %s%s),", trained ? "NET_TRAINED_VECTOR" : "NET_STATISTIC",
             member, quoted(v->name), file_shape(v).size[0], quoted(v->init),
             trained ? format(", %d", v->fan_in) : "");
        return;
    }
    text_add(&more, "%s, .fan_in = %d", quoted(v->init), v->fan_in);
    if (v->init_scale > 0)
        text_add(&more, ", .init_scale = %s", number_text(v->init_scale));
    if (v->fan_out)
        text_add(&more, ", .fan_out = %d", v->fan_out);
    if (v->l1 > 0 || v->l2 > 0)
        text_add(&more, ", .l1 = %s, .l2 = %s", number_text(v->l1), number_text(v->l2));
    if (v->run_l1 || v->run_l2)
        text_add(&more, ", .run_l1 = %d, .run_l2 = %d", v->run_l1, v->run_l2);
    if (v->max_norm > 0)
        text_add(&more, ", .max_norm = %s", number_text(v->max_norm));
    if (v->rate > 0)
        text_add(&more, ", .rate = %s, .run_rate = %d", number_text(v->rate), v->run_rate);
    if (v->section)
        text_add(&more, ", .section = %d", v->section);
    if (v->detached)
        text_add(&more, ", .detached = true");
    if (v->padding_row)
        text_add(&more, ", .padding_row = %d", v->padding_row);
    if (v->pretrained)
        text_add(&more, ", .pretrained = %s, .field = %d", quoted(v->pretrained),
                 find_field_index(e->model, v->token_field));
    line(out, 1, "NET_TENSOR(%s, %s, %s, %s, .init = %s),", member, quoted(v->name), truth(trained),
         layout_text(v), more.at);
}

void write_tensors(const Emitter *e, Text *out)
{
    line(out, 0, "static const struct net_tensor tensors[] = {");
    for (int i = 0; i < e->parameter_count; i++)
        write_tensor(e, out, e->parameters[i], e->tensors[i]);
    if (!e->parameter_count)
        line(out, 1, "{ .name = NULL },");
    line(out, 0, "};\n");
}

/* ---- Layers and kernels ---------------------------------------------------------------------- */

static void write_layers(Text *out, const LayerRow *layers, int count)
{
    line(out, 0, "static const struct net_layer layers[] = {");
    for (int i = 0; i < count; i++) {
        const LayerRow *l = &layers[i];

        line(out, 1, "{ %s, %s, %s, %ld, %ld, %s%s },", quoted(l->name), quoted(l->type),
             quoted(l->inputs), l->parameters, l->states, number_text(l->flops),
             shape_member(", ", row_shape(l)));
    }
    line(out, 0, "};\n");
}

static const char *kind_of(const Kernel *k)
{
    const char *class = kernel_info[k->kind].class;

    return k->node->backward && same(class, "forward") ? "backward-data" : class;
}

/* Is a value a whole one of the arena? */
static bool can_be_looked_at(const Value *value)
{
    const Layout *v = value->internal ? NULL : value->layout;

    return v && v->kind == LAYOUT_VALUE && v->buffer->where == IN_ARENA && v->lanes == 16 &&
           v->element == TYPE_F32 && v->segment_count == 1;
}

/* Can what is not finite come of finite numbers? Not of an activation. */
static bool leaves_finite(Op op)
{
    switch (op) {
    case OP_ADD:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_SCALE:
    case OP_SHIFT:
    case OP_EXP:
    case OP_LOG:
    case OP_SQRT:
    case OP_SQUARE:
    case OP_RECIPROCAL:
    case OP_NORMALIZE:
        return true;
    default:
        return false;
    }
}

/* A result, with the layers in which it can have become what is not finite. */
static const char *result_text(const Value *value, const char *layers, int line)
{
    const Layout *v = value->layout;
    const Segment *s = v->segments;

    return format("{%zu, %ld, %d, %d, %d, %d, %d, %d, %s}", v->buffer->offset,
                  (long)v->full_height * v->full_width * v->blocks * 16 * v->images, v->images,
                  s->pixels, s->stride, s->block, blocks_of(s->channels), line, quoted(layers));
}

/* What a forward kernel stores, in order: after its own operation, and after fused ones; or
   NULL. */
static const char *list_results(const Kernel *k, const Source *source)
{
    Text results = {0}, layers = {0};
    const char *last = NULL;
    int first_line = 0;

    for (int i = -1; i < k->epilogue_count && !k->node->backward; i++) {
        const Node *node = i < 0 ? k->node : k->epilogue[i];

        if (node->path && !same(node->path, last) && (i < 0 || leaves_finite(node->op))) {
            if (!layers.at)
                first_line = line_of(source, node->span);
            text_add(&layers, "%s%s", layers.at ? " or " : "", node->path);
            last = node->path;
        }
        if (!layers.at || !can_be_looked_at(node->outputs[0]))
            continue;
        text_add(&results, "%s%s", results.at ? ", " : "",
                 result_text(node->outputs[0], layers.at, first_line));
        layers = (Text){0};
    }
    return results.at;
}

/* What it updates, and what it leaves of a train step, where either is. */
static const char *results_text(const Kernel *k, const Graph *g)
{
    const char *results = same(g->name, "train") ? list_results(k, g->source) : NULL;

    if (results)
        return format(", NET_RESULTS(%s)", results);
    return k->updated > 0 ? format(", .updated = %s", number_text(k->updated)) : "";
}

static void write_kernels(Text *out, const Program *p)
{
    line(out, 0,
         "static const struct net_kernel %s_kernels[] = { /* name, layer, kind, line, flops, bytes "
         "*/",
         p->graph->name);
    for (int i = 0; i < p->count; i++) {
        const Kernel *k = p->kernels[i];

        line(out, 1, "NET_ROW(%s, %s, %s, %d, %s, %s%s),", k->function,
             quoted(k->node->path ? k->node->path : ""), quoted(kind_of(k)),
             line_of(p->graph->source, k->node->span), number_text(k->flops), number_text(k->bytes),
             results_text(k, p->graph));
    }
    line(out, 0, "};\n");
}

static void write_metrics(Text *out, const Model *m)
{
    Call **calls = NULL;

    for (int i = 0, count = 0; i < m->metric_count; i++) {
        Call *call = allocate(sizeof *call);

        call->name = m->metrics[i].name;
        APPEND(calls, count, call);
    }
    write_calls(out, calls, m->metric_count, "metrics");
}

/* ---- The model ------------------------------------------------------------------------------- */

/* FNV-1a of the text above (Fowler, Noll, Vo): a checkpoint knows the model it belongs to. */
static unsigned long long hash_text(unsigned long long hash, const Text *text)
{
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

bool is_one_number(const Graph *g)
{
    bool one = false;

    for (int i = 0; i < g->node_count; i++)
        one |= g->nodes[i]->op == OP_BATCHNORM_STATS && g->nodes[i]->at.pixels == 1;
    return one;
}

/* The first loss that is of all rows of a batch; NULL: there is none. */
static const char *find_pairs(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_INFO_NCE)
            return g->nodes[i]->at.shape.size[0] == 2 ? "nt_xent" : "info_nce";
    return NULL;
}

static const char *loss_id(const Term *term)
{
    static const char *const ids[][2] = {
#define LOSS(name, id, ...) {#name, "NET_" #id},
#include "language.def"
    };
    int i = 0;

    if (term->value)
        return term->logits ? "NET_BINARY_CROSS_ENTROPY" : "NET_EXPRESSION";
    while (!same(ids[i][0], term->call->name))
        i++;
    return ids[i][1];
}

/* A member of the model. */
static void add_member(Wrap *model, const char *fmt, ...) PRINTF(2, 3);
static void add_member(Wrap *model, const char *fmt, ...)
{
    Text member = {0};
    va_list args;

    va_start(args, fmt);
    text_add_v(&member, fmt, args);
    va_end(args);
    wrap_item(model, member.at);
}

/* What a run does where nothing else is said. */
static void add_training(Wrap *w, const Emitter *e)
{
    const Model *m = e->model;
    static const char *const parts[] = {"part_train", "part_validation", "part_test"};

    for (int i = 0; i < COUNT(parts); i++)
        if (m->parts[i])
            add_member(w, ".parts[%d] = &%s", i, parts[i]);
    if (m->stop)
        add_member(w, ".stop = &stop");
    if (m->clip)
        add_member(w, ".clip = &clip");
    if (m->weight)
        add_member(w, ".weight = %d", find_field_index(m, m->weight) + 1);
    if (m->rate_count)
        add_member(w, ".rates = net_set_rates");
    if (same(m->schedule[0]->name, "onecycle"))
        add_member(w, ".cycle = net_one_cycle");
    if (schedules_by_steps(m))
        add_member(w, ".cycle = net_rate_by_steps");
    if (m->bounded)
        add_member(w, ".bounds = net_bound_norms");
    if (m->averages)
        add_member(w, ".ema = %s, .averages = net_average", number_text(m->ema));
    if (m->accumulate)
        add_member(w, ".accumulate = %d, .accumulates = net_accumulate", m->accumulate);
    if (m->shards)
        add_member(w, ".shards = %d, .cut = net_open_shards, .accumulates = net_sum_shards",
                   m->shards);
    if (e->meeting_count)
        add_member(w, ".train.meetings = meetings, .train.meeting_count = %d%s", e->meeting_count,
                   e->meets ? ", .meet = net_meet" : "");
    if (m->mpi)
        add_member(w, ".ranks = net_open_ranks, .link = &net_link");
    if (m->mixup > 0 || m->cutmix > 0)
        add_member(w, ".mixup = %s, .cutmix = %s, .mix = net_mix_rows", number_text(m->mixup),
                   number_text(m->cutmix));
    if (m->start)
        add_member(w, ".start = &start, .begins = &net_start");
    if (m->drawn_count)
        add_member(w, ".drawn = drawn, .drawn_count = %d, .draw = net_draw_inputs", m->drawn_count);
    if (m->metric_count)
        add_member(w, ".metrics = metrics, .metric_count = %d", m->metric_count);
    add_member(w, ".keys = %s", quoted(m->keys));
    add_member(w, ".default_batch = %d", m->batch);
    add_member(w, ".epochs = %d", m->epochs);
    add_member(w, ".seed = %s", number_text(m->seed));
    add_member(w, ".keep = %s", quoted(m->keep));
    add_member(w, ".monitor = %s", quoted(m->monitor));
}

/* Those that take turns, and whose each term of the loss is. */
static void add_sections(Wrap *w, const Model *m)
{
    Text terms = {0};

    if (!m->section_count)
        return;
    for (int i = 0; i < m->term_count; i++)
        text_add(&terms, "%s%d", i ? ", " : "", m->terms[i].section);
    add_member(w, ".sections = sections, .section_count = %d, .turns = &net_turns",
               m->section_count);
    add_member(w, ".term_sections = (const int[]){%s}", terms.at);
}

/* The optimizers of several sections. */
static void write_sections(Text *out, const Model *m)
{
    Call **calls = NULL;
    int count = 0;

    for (int i = 0; i < m->section_count; i++)
        APPEND(calls, count, m->sections[i].optimizer);
    write_calls(out, calls, count, "sections");
}

static void add_prediction(Wrap *w, const Model *m, const Prediction *head)
{
    const Shape shape = head->value->shape;

    if (m->term_count > 1)
        add_member(w, ".term_count = %d", m->term_count);
    add_member(w, ".loss = %s", loss_id(&m->terms[head->term]));
    add_member(w, ".activation = %s",
               head->activation == OP_SOFTMAX   ? "NET_SOFTMAX"
               : head->activation == OP_SIGMOID ? "NET_SIGMOID"
                                                : "NET_IDENTITY");
    add_member(w, ".outputs = %d", shape_size(shape));
    add_member(w, ".output_rank = %d", shape.rank);
    add_member(w, ".output_shape = {%s}", shape.rank ? list_of(shape) : "0");
}

/* The name of the table of head i, from 0; NULL: there is none. */
static const char *head_name(const Graph *evaluate, int i)
{
    return i < evaluate->head_count ? format("head_%d", i + 2) : NULL;
}

/* Which of the targets behind the inputs it is, from the last. */
static int target_place(const Model *m, const Term *term)
{
    int place = m->field_count - 1;

    while (m->fields[place] != term->target)
        place--;
    return m->field_count - 1 - place;
}

/* The model as metrics and predictions of another target see it. */
static void write_heads(Text *out, const Model *m, const Graph *evaluate)
{
    for (int i = evaluate->head_count - 1; i >= 0; i--) {
        const Prediction *head = &evaluate->heads[i];
        const char *next = head_name(evaluate, i + 1);
        Wrap w = {.text = out, .column = 4, .indent = 4};

        text_add(out, "static const struct net_model %s = {\n    NET_MODEL_TABLES,\n    ",
                 head_name(evaluate, i));
        add_member(&w, ".name = %s", quoted(m->name));
        add_member(&w, ".source = %s", quoted(m->source->file));
        add_member(&w, ".batch = %d", m->max_batch);
        add_member(&w, ".target = %d", target_place(m, &m->terms[head->term]));
        add_member(&w, ".metrics = metrics, .metric_count = %d", m->metric_count);
        add_prediction(&w, m, head);
        if (next)
            add_member(&w, ".next = &%s", next);
        line(out, 0, ",\n};\n");
    }
}

static void write_model(Text *out, const Emitter *e, const Text *above, const Program *train,
                        const Program *evaluate)
{
    const Model *m = e->model;
    const Graph *g = evaluate->graph;
    const unsigned long long hash = hash_text(hash_text(14695981039346656037ULL, above), out);
    const char *folder = folder_of(m->source->path);
    Wrap w = {.text = out, .column = 4, .indent = 4};

    text_add(out, "const struct net_model net_model = {\n    NET_MODEL_TABLES,\n    ");
    add_member(&w, ".name = %s", quoted(m->name));
    add_member(&w, ".source = %s", quoted(m->source->file));
    add_member(&w, ".version = %s", quoted(NETC_VERSION));
    if (folder)
        add_member(&w, ".folder = %s", quoted(folder));
    add_member(&w, ".hash = \"%016llx\"", hash);
    add_member(&w, ".evaluated = %s", quoted(evaluated_text(m)));
    add_member(&w, ".isa = %s", quoted(e->target->name));
    if (m->precision)
        add_member(&w, ".precision = %s", quoted(precision_names[m->precision]));
    add_member(&w, ".batch = %d", m->max_batch);
    if (is_one_number(train->graph))
        add_member(&w, ".least_batch = 2");
    if (find_pairs(train->graph))
        add_member(&w, ".pairs = %s", quoted(find_pairs(train->graph)));
    add_member(&w, ".arena_size = %zu",
               train->arena > evaluate->arena ? train->arena : evaluate->arena);
    if (e->scratch)
        add_member(&w, ".scratch_size = %zu", (size_t)e->scratch * sizeof(float));
    add_member(&w, ".tensor_count = %d", e->parameter_count);
    for (int i = 0; i < e->parameter_count; i++)
        if (same(e->parameters[i]->init, "sinusoids")) {
            add_member(&w, ".sinusoid = net_sinusoid");
            break;
        }
    if (m->let_count)
        add_member(&w, ".lets = lets, .let_count = %d", m->let_count);
    if (m->number_count)
        add_member(&w, ".numbers = numbers, .number_count = %d, .find_numbers = find_numbers",
                   m->number_count);
    if (e->run_value_count)
        add_member(&w, ".value_count = %d, .find_values = find_values", e->run_value_count);
    add_training(&w, e);
    add_sections(&w, m);
    add_prediction(&w, m, &(Prediction){g->prediction, g->prediction_activation, 0});
    if (g->uncompared)
        add_member(&w, ".uncompared = true");
    if (g->head_count)
        add_member(&w, ".next = &%s", head_name(g, 0));
    if (g->onnx->refused)
        add_member(&w, ".onnx_refused = %s", quoted(g->onnx->refused));
    else
        add_member(&w, "NET_ONNX(%s)", onnx_texts(e, g->onnx));
    line(out, 0, ",\n};\n");
    line(out, 0, "int main(int argc, char **argv) { return net_main(argc, argv, &net_model); }");
    if (e->model->mpi)
        line(out, 0, "\n#include \"ranks/mpi.h\"");
}

void emit_tables(Emitter *e, Text *out, const Text *above, const Program *train,
                 const Program *evaluate, const LayerRow *layers, int layer_count)
{
    const Model *m = e->model;

    write_tensors(e, out);
    write_call(out, m->parts[PART_TRAIN], "part_train");
    write_call(out, m->parts[PART_VALIDATION], "part_validation");
    write_call(out, m->parts[PART_TEST], "part_test");
    write_call(out, m->terms[0].call, "loss_call");
    write_call(out, m->optimizer, "optimizer");
    write_sections(out, m);
    write_calls(out, m->schedule, m->schedule_count, "schedule");
    write_call(out, m->stop, "stop");
    write_call(out, m->clip, "clip");
    write_call(out, m->start, "start");
    write_metrics(out, m);
    write_fields(out, m);
    write_pack(e, out, train->graph);
    write_unpack(e, out, evaluate->graph);
    write_layers(out, layers, layer_count);
    write_kernels(out, train);
    write_kernels(out, evaluate);
    if (e->meeting_count)
        line(out, 0, "static const struct net_meeting meetings[] = {\n%s};\n", e->meetings.at);
    write_run_numbers(out, e);
    write_heads(out, m, evaluate->graph);
    write_model(out, e, above, train, evaluate);
}
