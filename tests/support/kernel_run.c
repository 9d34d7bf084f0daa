/*
 * kernel_run.c -- steps of a compiled model, as the runtime would run them, looked at from inside.
 *
 * The one idea: nothing that a step must not read is a number. The arena is NaN when a step begins,
 * rows beyond n hold NaN, and gradients are NaN until they are written; what a step writes has to
 * agree with the reference, and all it must leave alone has to stay as it was. (An assertion of
 * Check writes to a file even when it holds: loops over numbers only report what is wrong.)
 */

#include "support/kernel_trial.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/graph_test.h"
#include "training/training.h"

enum { GUARD = 4096, GUARD_BYTE = 0xa5 };

/* ---- Memory ---------------------------------------------------------------------------------- */

static Memory new_memory(size_t size)
{
    const size_t whole = (size + 2 * GUARD + 63) / 64 * 64;
    unsigned char *at = aligned_alloc(64, whole);

    ck_assert_ptr_nonnull(at);
    memset(at, GUARD_BYTE, whole);
    memset(at + GUARD, 0, size);
    return (Memory){at + GUARD, size};
}

static void check_guards(const Memory *memory, const char *what)
{
    for (size_t i = 1; i <= GUARD; i++) {
        if (memory->at[-(long)i] != GUARD_BYTE)
            ck_abort_msg("%s is written before its begin", what);
        if (memory->at[memory->size + i - 1] != GUARD_BYTE)
            ck_abort_msg("%s is written after its end", what);
    }
}

static void free_memory(Memory *memory, const char *what)
{
    check_guards(memory, what);
    free(memory->at - GUARD);
}

/* ---- Numbers that go in ---------------------------------------------------------------------- */

static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u;

    while (*text)
        hash = (hash ^ (unsigned char)*text++) * 16777619u;
    return hash;
}

/* Element i of an input, target, parameter or state, a float: by name, so that both graphs of a
   model get the same. Weights keep the size of what goes through them. Inputs are around 0, but
   `far` is of mean 1000 and deviation 1, `farther` of mean 30 and deviation 0.01, `farthest` of
   mean 1e5 and deviation 0.1, `nan` is none. */
static float leaf_number(const Graph *g, const Value *value, uint32_t seed, long i)
{
    const double x = random_number(hash_text(value->name) + seed, i);

    if (value->type == TYPE_CLASS)
        return (float)random_class(g, value, x);
    if (value->type == TYPE_TOKENS || value->type == TYPE_SPARSE)
        return (float)word_number(value, x, i);
    if (value->role == ROLE_TARGET)
        return loss_of(g, value) == OP_BINARY_CROSS_ENTROPY ? (float)(x > 0) : (float)x;
    if (value->role == ROLE_INPUT && same(value->name, "nan"))
        return NAN;
    if (value->role == ROLE_INPUT && same(value->name, "far"))
        return (float)(1000 + sqrt(3) * x);
    if (value->role == ROLE_INPUT && same(value->name, "farther"))
        return (float)(30 + 0.01 * sqrt(3) * x);
    if (value->role == ROLE_INPUT && same(value->name, "farthest"))
        return (float)(1e5 + 0.1 * sqrt(3) * x);
    if (value->role == ROLE_INPUT)
        return (float)(4 * x);
    if (value->role == ROLE_STATE && same(value->init, "ones"))
        return (float)(1 + x / 2);
    if (value->fan_in)
        return (float)(x * sqrt(3.0 / value->fan_in));
    return (float)(same(value->init, "ones") ? 1 + x / 2 : x / 2);
}

static void fill_leaves(Reference *r, uint32_t seed)
{
    const Graph *g = r->graph;

    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role != ROLE_RESULT)
            for (long k = 0; k < element_count(g->values[i], r->n); k++)
                r->at[i][k] = (double)leaf_number(g, g->values[i], seed, k);
}

static const Value *find_leaf(const Graph *g, const char *name)
{
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role != ROLE_RESULT && same(g->values[i]->name, name))
            return g->values[i];
    return NULL;
}

/* Rows of a bag: what a reader gives of numbers with many zeros. */
static const void **sparse_rows(const float *numbers, int rows, int size)
{
    const void **row = allocate((size_t)rows * sizeof *row);

    for (int i = 0; i < rows; i++) {
        struct net_sparse *sparse = allocate(sizeof *sparse);
        int32_t *index = allocate((size_t)size * sizeof *index);
        float *value = allocate((size_t)size * sizeof *value);

        *sparse = (struct net_sparse){0, index, value};
        for (int k = 0; k < size; k++)
            if (numbers[(long)i * size + k] != 0) {
                index[sparse->count] = k;
                value[sparse->count++] = numbers[(long)i * size + k];
            }
        row[i] = sparse;
    }
    return row;
}

/* Through pack. Rows from n on are NaN where there is a number, and classes far out of range. */
static void pack_rows(const Trial *t, uint32_t seed, bool with_target)
{
    const struct net_model *net = t->c->net;
    const Graph *g = t->c->train->graph;
    const int n = t->run.n;
    struct net_rows *fields = allocate((size_t)net->field_count * sizeof *fields);

    for (int full = 1; full >= 0; full--) {
        const int rows = full ? net->batch : n;

        for (int f = 0; f < net->field_count; f++) {
            const Value *value = find_leaf(g, net->fields[f].name);
            const int size = net->fields[f].size;
            float *numbers = allocate((size_t)rows * (size_t)size * sizeof *numbers);
            const void **row = allocate((size_t)rows * sizeof *row);

            fields[f] = (struct net_rows){.type = NET_F32, .row = row};
            ck_assert_msg(value != NULL, "field %s is not in the graph", net->fields[f].name);
            for (long i = 0; i < (long)rows * size; i++) {
                const float x = full ? NAN : leaf_number(g, value, seed, i);

                numbers[i] = x;
                if (value->type == TYPE_CLASS || value->type == TYPE_TOKENS) {
                    const int most = value->type == TYPE_CLASS ? INT32_MAX
                                                               : value->field->vocabulary - 1;

                    ((int32_t *)numbers)[i] = full ? most : (int32_t)x;
                    fields[f].type = NET_I32;
                }
            }
            for (int i = 0; i < rows; i++)
                row[i] = numbers + (long)i * size;
            if (value->type == TYPE_SPARSE)
                fields[f] = (struct net_rows){.type = NET_SPARSE,
                                              .row = sparse_rows(numbers, rows, size)};
            if (value->role == ROLE_TARGET && !with_target && !full)
                fields[f].row = NULL;
        }
        net->pack((void *)t->batch.at, fields, rows);
    }
}

static void set_params(const Trial *t)
{
    const struct net_model *net = t->c->net;

    memset(t->params.at, 0, t->params.size);
    for (int i = 0; i < net->tensor_count && net->tensors[i].name; i++) {
        const struct net_tensor *tensor = &net->tensors[i];
        const Value *value = find_leaf(t->c->train->graph, tensor->name);
        float *at = (float *)(void *)(t->params.at + tensor->offset);

        ck_assert_msg(value != NULL, "tensor %s is not in the graph", tensor->name);
        ck_assert_int_eq(net_tensor_size(tensor), shape_size(value->shape));
        for (long k = 0; k < net_tensor_size(tensor); k++)
            at[net_tensor_at(tensor, k)] = leaf_number(t->c->train->graph, value, 0, k);
    }
}

static Trial new_trial(const Compiled *c, int n, int threads)
{
    const struct net_model *net = c->net;
    Trial t = {.c = c};

    t.params = new_memory(net->params_size);
    t.state = new_memory(net->params_size);
    t.grads = new_memory(net->params_size);
    t.arena = new_memory(net->arena_size);
    t.batch = new_memory(net->batch_size);
    t.scratch = new_memory(net->scratch_size * (size_t)threads);
    t.run = (struct net_run){
        .scratch = (float *)(void *)t.scratch.at,
        .scratch_stride = (long)(net->scratch_size / sizeof(float)),
        .params = t.params.at,
        .state = (float *)(void *)t.state.at,
        .grads = (float *)(void *)t.grads.at,
        .arena = t.arena.at,
        .batch = t.batch.at,
        .n = n,
        .rows = n,
        .threads = threads,
        .pool = net_threads_open(threads),
        .has_target = true,
        .seed = {7, 11},
        .step = 3,
        .scalars = {.lr = 0.01f, .momentum = 0.9f, .stride = (long)(net->params_size / 4)}};
    set_params(&t);
    pack_rows(&t, 0, true);
    return t;
}

static void free_trial(Trial *t)
{
    net_threads_close(t->run.pool);
    free_memory(&t->params, "the block of parameters");
    free_memory(&t->state, "the optimizer's state");
    free_memory(&t->grads, "the block of gradients");
    free_memory(&t->arena, "the arena");
    free_memory(&t->batch, "the batch");
    free_memory(&t->scratch, "the threads' scratch");
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void work(void *context, int thread)
{
    Trial *t = context;

    t->step->run(&t->run, thread);
}

/* Needs: memory, a batch. Poisons what is not the step's to read, runs it. */
static void run_program(Trial *t, bool training, bool look)
{
    const struct net_model *net = t->c->net;

    net_flush_denormals();
    memset(t->arena.at, 0xff, t->arena.size);
    memset(t->scratch.at, 0xff, t->scratch.size);
    for (int i = 0; i < net->tensor_count && t->run.grads; i++)
        if (net->tensors[i].trainable)
            memset(t->grads.at + net->tensors[i].offset, 0xff,
                   (size_t)net->tensors[i].count * sizeof(float));
    t->program = training ? t->c->train : t->c->evaluate;
    t->step = training ? &net->train : &net->evaluate;
    t->run.loss = NAN;
    t->run.profile = look ? (struct net_profile *)(void *)t : NULL;
    *t->c->wait = net_threads_wait;
    *t->c->lap = check_kernel;
    ck_assert_int_eq(t->step->kernel_count, t->program->count);
    for (int segment = 0; segment <= t->step->meeting_count; segment++) {
        t->run.segment = segment;
        net_threads_run(t->run.pool, work, t);
        if (segment < t->step->meeting_count)
            net_meet(t->step, segment, t->params.at, &t->run, 1, NULL);
    }
}

static void expect(Trial *t, const Program *program)
{
    t->expected = new_reference(program->graph, t->run.n);
    t->expected->seed = t->run.seed[0] | (uint64_t)t->run.seed[1] << 32;
    t->expected->step = t->run.step;
    fill_leaves(t->expected, 0);
    evaluate_reference(t->expected);
    t->errors = bound_errors(t->expected);
}

static void check_loss(const Trial *t)
{
    Comparison c = compare(t, t->program->graph->loss, "the loss");

    check_number(&c, 0, t->run.loss);
}

/* What becomes of a parameter or state: its gradient, its new value. */
static const Value *find_outcome(const Graph *g, const char *name)
{
    for (int i = g->node_count - 1; i >= 0; i--)
        for (int j = 0; j < g->nodes[i]->output_count; j++) {
            const Value *storage = g->nodes[i]->outputs[j]->storage;

            if (storage && same(storage->name, name))
                return g->nodes[i]->op == OP_UPDATE ? g->nodes[i]->inputs[1]
                                                    : g->nodes[i]->outputs[j];
        }
    return NULL;
}

static void add_number(Outcome *o, const char *name, float x)
{
    o->names = grow(o->names, (int)o->count, sizeof *o->names);
    o->numbers = grow(o->numbers, (int)o->count, sizeof *o->numbers);
    o->names[o->count] = name;
    o->numbers[o->count++] = x;
}

static void keep_tensors(Outcome *o, Trial *t, bool gradients)
{
    const struct net_model *net = t->c->net;

    for (int i = 0; i < net->tensor_count && net->tensors[i].name; i++) {
        const struct net_tensor *tensor = &net->tensors[i];
        const unsigned char *base = gradients && tensor->trainable ? t->grads.at : t->params.at;
        const float *at = (const float *)(const void *)(base + tensor->offset);
        const Value *value = find_outcome(t->c->train->graph, tensor->name);

        if (!value && !tensor->trainable)
            value = find_leaf(t->program->graph, tensor->name); /* frozen */
        ck_assert_msg(value != NULL, "nothing becomes of %s", tensor->name);
        if (t->expected) {
            Comparison c = compare(t, value, tensor->name);

            check_tensor(t, at, tensor, &c, true, tensor->name);
        } else {
            check_tensor(t, at, tensor, NULL, true, tensor->name);
        }
        for (long k = 0; k < net_tensor_size(tensor); k++)
            add_number(o, tensor->name, at[net_tensor_at(tensor, k)]);
    }
}

/* That of each target, one behind the other. */
static void keep_predictions(Outcome *o, const Trial *t)
{
    const Graph *g = t->program->graph;
    long outputs = 0;

    for (const struct net_model *net = t->c->net; net; net = net->next)
        outputs += net->outputs;
    float *rows = allocate((size_t)(t->run.n * outputs) * sizeof *rows);

    t->c->net->unpack(rows, &t->run);
    for (int h = 0; h <= g->head_count; h++) {
        const Value *value = h ? g->heads[h - 1].value : g->prediction;
        const long count = (long)t->run.n * shape_size(value->shape);

        if (t->expected) {
            Comparison c = compare(t, value, "the prediction");

            for (long i = 0; i < count; i++)
                check_number(&c, i, rows[i]);
        }
        for (long i = 0; i < count; i++)
            add_number(o, "the prediction", rows[i]);
        rows += count;
    }
}

static Outcome make_step(const Compiled *c, int n, int threads, bool look, bool with_reference)
{
    Trial t = new_trial(c, n, threads);
    Outcome o = {0};

    if (with_reference)
        expect(&t, c->train);
    run_program(&t, true, look);
    if (with_reference)
        check_loss(&t);
    o.loss = t.run.loss;
    keep_tensors(&o, &t, true);
    set_params(&t);
    if (with_reference)
        expect(&t, c->evaluate);
    run_program(&t, false, look);
    if (with_reference)
        check_loss(&t);
    o.evaluated_loss = t.run.loss;
    keep_predictions(&o, &t);
    memset(t.batch.at, 0, t.batch.size);
    pack_rows(&t, 0, false); /* without a target: only a prediction */
    t.run.has_target = false;
    run_program(&t, false, look);
    keep_predictions(&o, &t);
    o.distances = t.distances;
    o.distance_count = t.distance_count;
    free_trial(&t);
    return o;
}

Outcome check_step(const Compiled *c, int n, bool with_reference)
{
    return make_step(c, n, 1, true, with_reference);
}

Outcome run_step(const Compiled *c, int n, int threads)
{
    return make_step(c, n, threads, false, false);
}

Outcome run_losses(const Compiled *c, int n)
{
    Trial t = new_trial(c, n, 1);
    Outcome o = {0};

    run_program(&t, true, false);
    o.loss = t.run.loss;
    set_params(&t);
    run_program(&t, false, false);
    o.evaluated_loss = t.run.loss;
    keep_predictions(&o, &t);
    free_trial(&t);
    return o;
}

/* Their batch is sorted by word: it holds the rows of a step and no more. */
static bool has_words(const Model *model)
{
    for (int i = 0; i < model->field_count; i++)
        if (model->fields[i]->vocabulary)
            return true;
    return false;
}

Outcome run_training(const Compiled *c, int n, int threads, int steps)
{
    static const struct net_options with_momentum = {.value[NET_MOMENTUM].number = 0.9};
    Trial t = new_trial(c, n, threads);
    Outcome o = {0};
    int packed = n;

    t.run.grads = NULL;
    t.run.update = net_optimizer_sgd.variant(&with_momentum).update;
    for (int step = 0; step < steps; step++) {
        t.run.step = (uint32_t)step;
        t.run.n = step % 5 == 4 ? n - 3 : n; /* the last batch of an epoch is short */
        if (step % 50 < 2 || (t.run.n != packed && has_words(c->model)))
            pack_rows(&t, (uint32_t)step, true);
        packed = t.run.n;
        run_program(&t, true, false);
        ck_assert_msg(isfinite(t.run.loss), "the loss of step %d is %g", step, (double)t.run.loss);
    }
    o.loss = o.evaluated_loss = t.run.loss;
    keep_tensors(&o, &t, false);
    free_trial(&t);
    return o;
}

void check_same_bits(const Outcome *a, const Outcome *b, const char *what)
{
    ck_assert_int_eq(a->count, b->count);
    for (long i = 0; i < a->count; i++)
        if (memcmp(&a->numbers[i], &b->numbers[i], sizeof(float)) != 0)
            ck_abort_msg("%s: %s, number %ld of all, is %.9g and %.9g", what, a->names[i], i,
                         (double)a->numbers[i], (double)b->numbers[i]);
    ck_assert_msg(memcmp(&a->loss, &b->loss, sizeof(float)) == 0 &&
                      memcmp(&a->evaluated_loss, &b->evaluated_loss, sizeof(float)) == 0,
                  "%s: the losses are %.9g, %.9g and %.9g, %.9g", what, (double)a->loss,
                  (double)a->evaluated_loss, (double)b->loss, (double)b->evaluated_loss);
}
