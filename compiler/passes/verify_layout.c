/*
 * verify_layout.c -- what lay_out owes: numbers that a node puts together lie together.
 *
 * The one idea: it asks where an element is, by the meaning of segments in passes.h, and by nothing
 * of the layout pass. A node of which the shapes say "nc~ c" reads number c of the vector where
 * channel c of the value is; elementwise operands have every element at one place; a dense weight's
 * rows follow the elements that it multiplies, the columns of a sparse input first; train and
 * evaluate have one place for a parameter.
 *
 * Needs: layouts of every value.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "passes/passes.h"

enum { MAX_WORDS = MAX_INPUTS + MAX_OUTPUTS };

typedef struct Spot {
    int block, lane; /* block -1: the element is in no segment */
} Spot;

/* Where element `i` of a row is, or of a vector. */
static Spot find_spot(const Layout *v, int i)
{
    for (int k = 0; k < v->segment_count; k++) {
        const Segment *s = &v->segments[k];
        const int at = i - s->start, pixels = s->pixels > 1 ? s->pixels : 1;

        if (at < 0 || at >= s->channels * pixels)
            continue;
        const int channel = at / pixels, pixel = at % pixels;

        return (Spot){s->block + pixel * s->stride + channel / 16, channel % 16};
    }
    return (Spot){-1, 0};
}

static bool same_spot(Spot a, Spot b)
{
    return a.block == b.block && a.lane == b.lane && a.block >= 0;
}

static int channels_of(const Value *x)
{
    return x->shape.rank ? x->shape.size[0] : 1;
}

/* Number c of the vector is where channel c of x has its first pixel; of a filter its first tap. */
static bool lies_on(const Value *vector, const Value *x)
{
    const int channels = channels_of(x), each = shape_size(vector->shape) / channels_of(vector);
    const int pixels = shape_size(x->shape) / channels;

    for (int c = 0; c < channels; c++)
        if (!same_spot(find_spot(vector->layout, c * each), find_spot(x->layout, c * pixels)))
            return false;
    return channels == channels_of(vector);
}

/* Every element of both is at one place: of a channel the first pixel, the next and the last tell
   of all. */
static bool lie_together(const Layout *a, const Layout *b, Shape shape)
{
    const int channels = shape.rank ? shape.size[0] : 1, pixels = shape_size(shape) / channels;
    const int some[] = {0, pixels > 1, pixels - 1};

    if (a->lanes != b->lanes || a->blocks != b->blocks || a->height != b->height ||
        a->width != b->width || a->top != b->top || a->left != b->left)
        return false;
    for (int c = 0; c < channels; c++)
        for (int k = 0; k < 3; k++)
            if (!same_spot(find_spot(a, c * pixels + some[k]), find_spot(b, c * pixels + some[k])))
                return false;
    return true;
}

/* Of parameters and their gradients. */
static bool lie_alike(const Layout *a, const Layout *b)
{
    return a->kind == b->kind && a->blocks == b->blocks && a->outputs == b->outputs &&
           a->rows == b->rows && !memcmp(a->panels, b->panels, sizeof a->panels) &&
           a->segment_count == b->segment_count &&
           !memcmp(a->segments, b->segments, (size_t)a->segment_count * sizeof *a->segments);
}

/* Row `first` + i of a dense weight belongs to element i of x; of few outputs each has its rows. */
static bool follows(const Layout *w, const Value *x, int first)
{
    const int repeated = w->kind == LAYOUT_ROWS ? w->outputs : 1, rows = shape_size(x->shape);

    for (int o = 0; o < repeated; o++)
        for (int i = 0; i < rows; i++) {
            Spot spot = find_spot(w, first + o * rows + i);

            spot.block -= o * x->layout->blocks + blocks_of(first);
            if (!same_spot(spot, find_spot(x->layout, i)))
                return false;
        }
    return true;
}

/* The first rows of a weight are the columns of a sparse x, one by one. */
static bool begins_with(const Layout *w, int columns)
{
    for (int i = 0; i < columns; i++)
        if (!same_spot(find_spot(w, i), (Spot){i / 16, i % 16}))
            return false;
    return true;
}

/* The words of an operation's shapes, inputs first; how many. */
static int read_words(const Node *node, const char *words[MAX_WORDS])
{
    int count = 0;

    for (const char *at = op_info[node->op].shapes; *at && count < MAX_WORDS; at++) {
        if (isspace((unsigned char)*at) || *at == '>')
            continue;
        words[count++] = at;
        while (at[1] && !isspace((unsigned char)at[1]))
            at++;
    }
    return count;
}

static Value *value_at(const Node *node, int place)
{
    return place < node->input_count ? node->inputs[place]
                                     : node->outputs[place - node->input_count];
}

/* A vector or filters by channel, "c", and a value, "nc~". */
static bool is_vector(const Value *v)
{
    return v && v->layout && !v->batched &&
           (v->layout->kind == LAYOUT_VECTOR || v->layout->kind == LAYOUT_FILTERS);
}

static bool is_value(const Value *v)
{
    return v && v->layout && v->batched && v->layout->kind == LAYOUT_VALUE;
}

static const char *find_vector_fault(const Node *node)
{
    const char *words[MAX_WORDS];
    const int count = read_words(node, words);

    if (count != node->input_count + node->output_count) /* of any number of inputs */
        return NULL;
    for (int i = 0; i < count; i++) {
        const Value *vector = value_at(node, i);

        for (int j = 0; j < count && is_vector(vector); j++) {
            const Value *x = value_at(node, j);

            if (is_value(x) && words[j][0] == 'n' && words[j][1] == words[i][0] &&
                !lies_on(vector, x))
                return format("%s does not lie as %s does", printed_name(vector), printed_name(x));
        }
    }
    return NULL;
}

static const char *find_operand_fault(const Node *node)
{
    const Value *y = node->outputs[0];
    const OpClass class = op_info[node->op].class;

    for (int i = 0; i < node->input_count; i++) {
        const Value *x = node->inputs[i];
        bool together = true;

        if (class == CLASS_ELEMENTWISE && is_value(x) && is_value(y))
            together = lie_together(x->layout, y->layout, y->shape);
        else if ((class == CLASS_ELEMENTWISE && !y->batched) || class == CLASS_UPDATE)
            together = lie_alike(x->layout, y->layout);
        if (!together)
            return format("%s does not lie as %s does", printed_name(x), printed_name(y));
    }
    return NULL;
}

/* A dense weight, what its rows from `first` on multiply (or NULL), and the columns before them. */
typedef struct Product {
    const Value *w, *x;
    int first;
} Product;

static Product product_of(const Node *node)
{
    Value *const *in = node->inputs, *y = node->outputs[0];

    switch (node->op) {
    case OP_DENSE:
        return (Product){in[1], in[0], 0};
    case OP_DENSE_DX:
        return (Product){in[1], y, 0};
    case OP_DENSE_DW:
        return (Product){y, in[0], 0};
    case OP_SPARSE_DENSE:
        return (Product){in[2], in[1], in[0]->shape.size[0]};
    case OP_SPARSE_DENSE_DX:
        return (Product){in[1], y, node->at.begin};
    case OP_SPARSE_DENSE_DW:
        return (Product){y, in[1], in[0]->shape.size[0]};
    default:
        return (Product){0};
    }
}

static const char *find_weight_fault(const Node *node)
{
    const Product p = product_of(node);

    if (p.x && !follows(p.w->layout, p.x, p.first))
        return format("the rows of %s do not lie as %s does", printed_name(p.w), printed_name(p.x));
    if (p.w && !begins_with(p.w->layout, p.first))
        return format("the rows of %s do not begin with %d columns", printed_name(p.w), p.first);
    return NULL;
}

static const char *find_graph_fault(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];
        const char *fault = find_vector_fault(node);

        if (!fault)
            fault = find_operand_fault(node);
        if (!fault)
            fault = find_weight_fault(node);
        if (fault)
            return format("graph %s: node %d, %s: %s", g->name, i, op_info[node->op].text, fault);
    }
    return NULL;
}

static bool is_kept(const Value *value)
{
    return value->layout && (value->role == ROLE_PARAMETER || value->role == ROLE_STATE);
}

static const char *find_parameter_fault(const Graph *train, const Graph *evaluate)
{
    const Table named = named_values(train);

    for (int i = 0; i < evaluate->value_count; i++) {
        const Value *value = evaluate->values[i];
        const int at = is_kept(value) ? table_find(&named, value->name) : -1;

        if (at >= 0 && is_kept(train->values[at]) &&
            !lie_alike(train->values[at]->layout, value->layout))
            return format("%s lies in another way in evaluation", printed_name(value));
    }
    return NULL;
}

const char *find_layout_fault(const Graph *train, const Graph *evaluate)
{
    const char *fault = find_graph_fault(train);

    if (!fault)
        fault = find_graph_fault(evaluate);
    return fault ? fault : find_parameter_fault(train, evaluate);
}

void verify_layout(const Graph *train, const Graph *evaluate)
{
    const char *fault = find_layout_fault(train, evaluate);

    if (fault) {
        fprintf(stderr, "netc: internal error: layout: %s\n", fault);
        abort();
    }
}
