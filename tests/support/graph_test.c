/*
 * graph_test.c -- random numbers for graphs, comparison of graphs, models from text.
 */

#include "support/graph_test.h"
#include "syntax/syntax.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "core/random.h"

double random_number(uint32_t stream, long index)
{
    uint32_t out[4];

    net_philox(out, (uint32_t[]){stream, 77}, (uint32_t)index, 0, 0, 0);
    return out[0] / 2147483648.0 - 1;
}

long element_count(const Value *value, int n)
{
    return (long)(value->batched ? n : 1) * shape_size(value->shape);
}

static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u;

    while (*text)
        hash = (hash ^ (unsigned char)*text++) * 16777619u;
    return hash;
}

double word_number(const Value *value, double x, long i)
{
    const int size = shape_size(value->shape), kind = (int)(i / size % 5);
    const bool tokens = value->type == TYPE_TOKENS;

    if (kind == 1)
        return 0;
    if (tokens)
        return floor(x * x * (value->field ? value->field->vocabulary : 7) * 0.999999);
    return kind == 2 || x > 0.4 ? floor(3 * fabs(x)) + 1 : 0;
}

/* The first loss of a target, or NULL. */
static const Node *loss_node(const Graph *g, const Value *target)
{
    for (int i = 0; i < g->node_count; i++)
        if (op_info[g->nodes[i]->op].class == CLASS_LOSS && g->nodes[i]->input_count == 2 &&
            g->nodes[i]->inputs[1] == target)
            return g->nodes[i];
    return NULL;
}

Op loss_of(const Graph *g, const Value *target)
{
    const Node *node = loss_node(g, target);

    return node ? node->op : OP_NONE;
}

double random_class(const Graph *g, const Value *target, double x)
{
    const Node *loss = loss_node(g, target);
    const int classes = loss && loss->op == OP_CROSS_ENTROPY ? loss->inputs[0]->shape.size[0] : 2;
    const int ignored = loss && loss->at.ignores;

    return floor((x + 1) / 2 * (classes + ignored) * 0.999999) - ignored;
}

/* A variance is 1.5 at most, never 0; what reaches a relu6 goes beyond 6. */
static double random_element(const Graph *g, const Value *value, uint32_t stream, long i)
{
    const double x = random_number(stream, i);

    if (value->type == TYPE_CLASS)
        return random_class(g, value, x);
    if (value->type == TYPE_TOKENS || value->type == TYPE_SPARSE)
        return word_number(value, x, i);
    if (value->role == ROLE_TARGET && loss_of(g, value) == OP_BINARY_CROSS_ENTROPY)
        return x > 0;
    if (value->role == ROLE_STATE)
        return x / 2 + 1;
    return value->batched ? 4 * x + 4 * random_number(stream + 1, i) : x;
}

Reference *random_reference(const Graph *g, int n, uint32_t seed)
{
    Reference *r = new_reference(g, n);

    r->seed = seed;
    r->step = 3;
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->role == ROLE_RESULT)
            continue;
        for (long k = 0; k < element_count(value, n); k++)
            r->at[i][k] = random_element(g, value, seed + hash_text(value->name), k);
    }
    return r;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* (loss(w + h d) - loss(w - h d)) / 2h */
static double difference(Reference *r, const Value *w, const double *direction, long count)
{
    const double h = 1e-6;
    double *at = r->at[w->id], *kept = allocate((size_t)count * sizeof *kept);
    double loss[2];

    memcpy(kept, at, (size_t)count * sizeof *kept);
    for (int side = 0; side < 2; side++) {
        for (long i = 0; i < count; i++)
            at[i] = kept[i] + (side ? -h : h) * direction[i];
        evaluate_reference(r);
        loss[side] = *r->at[r->graph->loss->id];
    }
    memcpy(at, kept, (size_t)count * sizeof *kept);
    return (loss[0] - loss[1]) / (2 * h);
}

/* The gradient along `direction` against the difference of two losses. */
static void check_direction(Reference *r, const Node *update, const double *direction, long count,
                            const char *what)
{
    const Value *w = update->inputs[0];
    double sum = 0, expected, error;

    evaluate_reference(r);
    for (long i = 0; i < count; i++)
        sum += r->at[update->inputs[1]->id][i] * direction[i];
    error = 1e-8 * (1 + fabs(*r->at[r->graph->loss->id])); /* rounding of the losses */
    expected = difference(r, w, direction, count);
    ck_assert_msg(fabs(sum - expected) <= error + 1e-6 * fabs(expected),
                  "%s, n = %d, %s %s: gradient %.12g, difference %.12g", what, r->n, w->name,
                  shape_text(w->shape), sum, expected);
}

/* All elements at once in a random direction, and two alone. */
static void check_update(Reference *r, const Node *update, const char *what)
{
    const long count = element_count(update->inputs[0], r->n);
    double *direction = allocate((size_t)count * sizeof *direction);

    for (long i = 0; i < count; i++)
        direction[i] = random_number(91, i);
    check_direction(r, update, direction, count, what);
    for (int k = 0; k < 2; k++) {
        memset(direction, 0, (size_t)count * sizeof *direction);
        direction[k ? count / 2 : 0] = 1;
        check_direction(r, update, direction, count, what);
    }
}

int check_gradients(const Graph *g, int n, const char *what)
{
    Reference *r = random_reference(g, n, 7);
    int updates = 0;

    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_UPDATE) {
            check_update(r, g->nodes[i], what);
            updates++;
        }
    return updates;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

/* What becomes of a parameter or state: its gradient, its new value. */
static const Value *find_outcome(const Graph *g, const char *name)
{
    for (int i = g->node_count - 1; i >= 0; i--) {
        const Node *node = g->nodes[i];

        for (int j = 0; j < node->output_count; j++) {
            const Value *storage = node->outputs[j]->storage;

            if (storage && same(storage->name, name))
                return node->op == OP_UPDATE ? node->inputs[1] : node->outputs[j];
        }
    }
    return NULL;
}

static void check_same_values(const Reference *a, const Value *x, const Reference *b,
                              const Value *y, const char *what)
{
    ck_assert_msg((x == NULL) == (y == NULL), "%s is in one graph only", what);
    if (!x)
        return;
    ck_assert_msg(same_shape(x->shape, y->shape), "%s has shapes %s and %s", what,
                  shape_text(x->shape), shape_text(y->shape));
    for (long i = 0; i < element_count(x, a->n); i++) {
        const double p = a->at[x->id][i], q = b->at[y->id][i];

        ck_assert_msg(fabs(p - q) <= 1e-12 * (1 + fabs(p)), "%s: element %ld is %.15g and %.15g",
                      what, i, p, q);
    }
}

void check_same_results(const Graph *a, const Graph *b, int n)
{
    Reference *ra = random_reference(a, n, 11), *rb = random_reference(b, n, 11);

    evaluate_reference(ra);
    evaluate_reference(rb);
    check_same_values(ra, a->loss, rb, b->loss, "loss");
    check_same_values(ra, a->prediction, rb, b->prediction, "prediction");
    for (int i = 0; i < a->value_count; i++) {
        const char *name = a->values[i]->name;

        if (a->values[i]->role == ROLE_PARAMETER || a->values[i]->role == ROLE_STATE)
            check_same_values(ra, find_outcome(a, name), rb, find_outcome(b, name), name);
    }
}

Model *model_of(const char *text)
{
    Source *source = new_source("test.net", text, strlen(text));
    Ast *ast;
    Model *model;

    ast = parse(source);
    ck_assert_ptr_nonnull(ast);
    model = analyze(source, ast, NULL, 0);
    ck_assert_ptr_nonnull(model);
    ck_assert_int_eq(source->errors, 0);
    return model;
}
