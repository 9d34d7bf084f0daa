/*
 * shape.c -- what shapes an operation takes and gives.
 *
 * The one idea: a signature an operation, read like an einsum: the shapes in its row of ops.def.
 * The sizes that no input has come from the attributes: k l the kernel, c h w of at.shape where a
 * gradient restores what forward made smaller, y x the positions of a window. One walk both infers
 * the outputs and finds what does not fit.
 */

#include <string.h>

#include "graph/graph.h"

typedef struct Match {
    Node *node;
    int size[128];   /* of each letter; 0: not known yet */
    Shape any, rest; /* of '*' and '~' */
    bool any_known, rest_known;
    bool any_batched; /* is '*' batched? also for '@' */
    const char *fault;
} Match;

static Shape one_axis(int size)
{
    return (Shape){.rank = 1, .size = {size}};
}

/* Sizes that the attributes fix. */
static void bind_attributes(Match *m)
{
    const Attributes *at = &m->node->at;

    switch (m->node->op) {
    case OP_DEPTHWISE:
        m->size['i'] = 1;
        break;
    case OP_DEPTHWISE_DW:
        m->size['i'] = 1;
        m->size['k'] = at->kernel[0], m->size['l'] = at->kernel[1];
        break;
    case OP_CONV2D_DW:
    case OP_CONV2D_DW_ARGMAX:
        m->size['k'] = at->kernel[0], m->size['l'] = at->kernel[1];
        break;
    case OP_CONV3D_DW:
        m->size['k'] = at->kernel[2] * at->kernel[0], m->size['l'] = at->kernel[1];
        break;
    case OP_CONV3D_DX:
        m->size['c'] = at->shape.size[0], m->size['d'] = at->shape.size[1];
        m->size['h'] = at->shape.size[2], m->size['w'] = at->shape.size[3];
        break;
    case OP_DEPTHWISE_DX:
    case OP_CONV2D_DX:
    case OP_CONV2D_DX_ARGMAX:
    case OP_MAXPOOL2D_GRAD:
    case OP_AVGPOOL2D_GRAD:
    case OP_UPSAMPLE2D:
    case OP_UPSAMPLE2D_BILINEAR:
    case OP_STRETCH:
    case OP_GLOBAL_MAXPOOL2D_GRAD:
    case OP_GLOBAL_AVGPOOL2D_GRAD:
        m->size['c'] = at->shape.size[0];
        m->size['h'] = at->shape.size[1], m->size['w'] = at->shape.size[2];
        break;
    case OP_INFO_NCE:
        m->size['w'] = 2 * at->shape.size[0];
        m->size['v'] = at->shape.size[0];
        break;
    case OP_EMBEDDING_DW:
        m->size['v'] = at->shape.size[0];
        break;
    case OP_SPARSE_DENSE_DX:
        m->size['h'] = at->shape.size[0];
        break;
    default:
        break;
    }
}

Shape file_shape(const Value *value)
{
    return value->stored.rank ? value->stored : value->shape;
}

/* The inputs of a layer that reads a sparse input and a dense one beside it. */
static void bind_bag(Match *m)
{
    const Op op = m->node->op;
    const int begin = m->node->at.begin;
    int *inputs = &m->size['i'];

    if (op == OP_SPARSE_DENSE_DW)
        *inputs = m->size['v'] + m->size['h'];
    else if (op == OP_SPARSE_DENSE && *inputs != m->size['v'] + m->size['h'])
        m->fault = format("%d inputs, not %d", *inputs, m->size['v'] + m->size['h']);
    else if (op == OP_SPARSE_DENSE_DX && (begin < 0 || begin + m->size['h'] != *inputs))
        m->fault = format("inputs %d to %d of %d", begin, begin + m->size['h'], *inputs);
}

/* Queries, keys and values of so many heads, side by side but for the queries of another value. */
static void bind_heads(Match *m)
{
    const Heads of = heads_of(m->node);
    const int heads = m->node->at.heads, channels = of.channels;

    if (!channels)
        return;
    if (heads < 1 || m->size['q'] != (of.apart ? 2 : 3) * channels || channels % heads != 0 ||
        (m->size['c'] && m->size['c'] != channels) || (m->size['h'] && m->size['h'] != heads))
        m->fault = format("%d channels are no queries, keys and values of %d heads", m->size['q'],
                          heads);
    m->size['c'] = channels;
    m->size['h'] = heads;
}

/* The positions of a window along height, width and depth, once the image is known. */
static void bind_window(Match *m)
{
    const Attributes *at = &m->node->at;
    const char *const image = "hwd", *const positions = "yxz";

    for (int i = 0; i < window_axes(at); i++) {
        const int slices = i == 0 ? slices_of(at) : 1;
        const int count = window_count(at, m->size[(int)image[i]] / slices, i) * slices;
        int *known = &m->size[(int)positions[i]];

        if (count < 1)
            m->fault = "the window does not fit the image";
        else if (*known && *known != count)
            m->fault = format("%d positions of a window, not %d", count, *known);
        *known = count;
    }
}

static bool has_window(Op op)
{
    return op == OP_CONV2D || op == OP_CONV2D_DX || op == OP_CONV2D_DW ||
           op == OP_CONV2D_DX_ARGMAX || op == OP_CONV2D_DW_ARGMAX || op == OP_MAXPOOL2D ||
           op == OP_MAXPOOL2D_GRAD || op == OP_AVGPOOL2D || op == OP_AVGPOOL2D_GRAD ||
           op == OP_UPSAMPLE2D || op == OP_UPSAMPLE2D_GRAD || op == OP_UPSAMPLE2D_BILINEAR ||
           op == OP_UPSAMPLE2D_BILINEAR_GRAD || op == OP_DEPTHWISE || op == OP_DEPTHWISE_DX ||
           op == OP_DEPTHWISE_DW || op == OP_CONV3D || op == OP_CONV3D_DX || op == OP_CONV3D_DW;
}

/* '~' is empty for a batchnorm of [c]. */
static bool match_rest(Match *m, Shape shape, int from)
{
    Shape rest = {.rank = shape.rank - from};

    for (int i = from; i < shape.rank; i++)
        rest.size[i - from] = shape.size[i];
    if (m->rest_known)
        return same_shape(m->rest, rest);
    m->rest = rest;
    m->rest_known = true;
    return true;
}

static bool match_any(Match *m, const Value *value)
{
    if (m->any_known)
        return value->batched == m->any_batched && same_shape(value->shape, m->any);
    m->any = value->shape;
    m->any_batched = value->batched;
    m->any_known = true;
    return true;
}

static bool match_letters(Match *m, const char *word, size_t length, const Value *value)
{
    const size_t batched = *word == 'n';
    int axis = 0;

    if (value->batched != (bool)batched)
        return false;
    for (size_t i = batched; i < length && !strchr("?!", word[i]); i++, axis++) {
        int *size = &m->size[(int)word[i]];

        if (word[i] == '~')
            return axis <= value->shape.rank && match_rest(m, value->shape, axis);
        if (axis >= value->shape.rank || (*size && *size != value->shape.size[axis]))
            return false;
        *size = value->shape.size[axis];
    }
    return axis == value->shape.rank;
}

/* Two products of each pair of positions, in backward five. */
static double attention_flops(const Node *node)
{
    const Heads of = heads_of(node);
    const double pairs = (double)of.queries * (node->at.causal ? of.keys + 1 : of.keys);

    return (of.grad ? 10 : 4) * pairs * of.channels / (node->at.causal ? 2 : 1);
}

/* Two a product, and one for each combination of the letters of an einsum. */
double product_flops(const Node *node)
{
    Match m = {.node = (Node *)node};
    const char *word = op_info[node->op].shapes;
    double flops = 2;

    if (heads_of(node).channels)
        return attention_flops(node);
    if (op_info[node->op].class != CLASS_CONTRACTION || node->input_count != 2 ||
        !node->inputs[0]->batched || !node->inputs[1]->batched || !node->outputs[0]->batched)
        return 0;
    for (int i = 0; i < 2; i++) {
        match_letters(&m, word, strcspn(word, " "), node->inputs[i]);
        word += strcspn(word, " ") + 1;
    }
    for (int letter = 0; letter < COUNT(m.size); letter++)
        flops *= m.size[letter] ? m.size[letter] : 1;
    return flops;
}

static void match_input(Match *m, const char *word, size_t length, int input)
{
    const Value *value = m->node->inputs[input];
    const bool optional = word[length - 1] == '?';

    if (!value) {
        if (!optional)
            m->fault = format("input %d is absent", input);
        return;
    }
    if (*word == '*' ? !match_any(m, value) : !match_letters(m, word, length, value))
        m->fault = format("input %d, %s%s, does not fit \"%s\"", input,
                          value->batched ? "n x " : "", shape_text(value->shape),
                          op_info[m->node->op].shapes);
}

/* Writes the shape that `word` says into an output. */
static void build_output(Match *m, const char *word, size_t length, Value *value)
{
    Shape shape = {0};

    if (*word == '*' || *word == '@') {
        value->shape = *word == '*' ? m->any : m->node->at.shape;
        value->batched = m->any_batched;
        return;
    }
    value->batched = *word == 'n';
    for (size_t i = value->batched; i < length && word[i] != '-'; i++) {
        if (word[i] == '~') {
            for (int axis = 0; axis < m->rest.rank; axis++)
                shape.size[shape.rank++] = m->rest.size[axis];
        } else {
            shape.size[shape.rank++] = m->size[(int)word[i]];
        }
    }
    value->shape = shape;
}

/* concat: the first axes add up, the others are equal. */
static void match_concat(Match *m, Value *output)
{
    const Node *node = m->node;
    Shape shape = {0};

    for (int i = 0; i < node->input_count; i++) {
        const Value *value = node->inputs[i];

        if (!value || value->shape.rank < 1 || !match_rest(m, value->shape, 1) ||
            value->batched != node->inputs[0]->batched) {
            m->fault = format("input %d does not fit the others", i);
            return;
        }
        if (i == 0)
            shape = value->shape;
        else
            shape.size[0] += value->shape.size[0];
    }
    output->shape = shape;
    output->batched = node->inputs[0]->batched;
}

/* pad: inputs of as many axes as the result, alike but along at.axis. */
static void match_pad(Match *m, Value *output)
{
    const Node *node = m->node;

    for (int i = 0; i < node->input_count; i++) {
        const Value *x = node->inputs[i];

        if (!x || !x->batched || x->shape.rank != node->at.shape.rank) {
            m->fault = format("input %d does not fit %s", i, shape_text(node->at.shape));
            return;
        }
        for (int axis = 0; axis < x->shape.rank; axis++)
            if (axis != node->at.axis && x->shape.size[axis] != node->inputs[0]->shape.size[axis])
                m->fault = format("input %d does not fit the others", i);
    }
    output->shape = node->at.shape;
    output->batched = true;
}

/* permute: at.axes multiply to x, at.order names each once. */
static bool is_permutation(const Attributes *at, Shape from, Shape to)
{
    unsigned seen = 0;
    int size = 1;

    for (int i = 0; i < at->axis_count; i++) {
        size *= at->axes[i];
        seen |= 1U << at->order[i];
    }
    return seen == (1U << at->axis_count) - 1 && size == shape_size(from) && size == shape_size(to);
}

static void match_losses(Match *m)
{
    for (int i = 0; i < m->node->input_count; i++) {
        const Value *loss = m->node->inputs[i];

        if (!loss || loss->batched || loss->shape.rank != 0)
            m->fault = format("input %d is no loss", i);
    }
}

/* Of what goes along at.axis: `one` has one index of it. */
static bool are_alike_beside(Shape one, Shape many, int axis)
{
    if (axis < 0 || axis >= many.rank || one.rank != many.rank || one.size[axis] != 1)
        return false;
    one.size[axis] = many.size[axis];
    return same_shape(one, many);
}

/* What no signature says: that reshape keeps the elements, that a slice lies inside. */
static void match_movement(Match *m)
{
    const Node *node = m->node;
    const Shape from = m->any, to = node->at.shape;
    const bool reduces = node->op == OP_AXIS_SUM || node->op == OP_AXIS_MAX ||
                         node->op == OP_LOGSUMEXP;
    const bool spreads = node->op == OP_SPREAD || node->op == OP_AXIS_MAX_GRAD;

    if ((reduces && !are_alike_beside(to, from, node->at.axis)) ||
        (spreads && !are_alike_beside(from, to, node->at.axis)))
        m->fault = format("%s does not become %s along axis %d", shape_text(from), shape_text(to),
                          node->at.axis);
    if (node->op == OP_RESHAPE && shape_size(from) != shape_size(to))
        m->fault = format("%s does not become %s", shape_text(from), shape_text(to));
    if (node->op == OP_PERMUTE && !is_permutation(&node->at, from, to))
        m->fault = format("%s is no permutation of %s", shape_text(to), shape_text(from));
    if (node->op != OP_SLICE)
        return;
    if (from.rank < 1 || from.rank != to.rank || node->at.begin < 0 ||
        node->at.begin + to.size[0] > from.size[0])
        m->fault = format("%s is no slice of %s", shape_text(to), shape_text(from));
    for (int i = 1; i < to.rank; i++)
        if (from.size[i] != to.size[i])
            m->fault = format("%s is no slice of %s", shape_text(to), shape_text(from));
}

/* A binary cross entropy also takes a class, 0 or 1, for its one output [1]. */
static bool is_class_of_one(const Node *node, int input)
{
    return (node->op == OP_BINARY_CROSS_ENTROPY || node->op == OP_BINARY_CROSS_ENTROPY_GRAD) &&
           input == 1 && node->inputs[1] && node->inputs[1]->type == TYPE_CLASS &&
           node->inputs[1]->batched && node->inputs[1]->shape.rank == 0 && node->inputs[0] &&
           same_shape(node->inputs[0]->shape, one_axis(1));
}

static void find_types(const Node *node, Value *const *outputs)
{
    for (int i = 0; i < node->output_count; i++)
        outputs[i]->type = TYPE_F32;
    if (node->op == OP_MAXPOOL2D)
        outputs[1]->type = TYPE_BYTE;
    if ((node->op == OP_RESHAPE || node->op == OP_CONCAT || node->op == OP_SLICE) &&
        node->inputs[0])
        outputs[0]->type = node->inputs[0]->type;
}

/* The element type that an input must have. */
static ElementType wanted_type(const Node *node, int input)
{
    if ((node->op == OP_CROSS_ENTROPY || node->op == OP_CROSS_ENTROPY_GRAD) && input == 1)
        return TYPE_CLASS;
    if (node->op == OP_MAXPOOL2D_GRAD && input == 0)
        return TYPE_BYTE;
    if (same(formal_name(node->op, input), "tokens"))
        return TYPE_TOKENS;
    if ((node->op == OP_SPARSE_DENSE || node->op == OP_SPARSE_DENSE_DW ||
         node->op == OP_TO_DENSE) &&
        input == 0)
        return TYPE_SPARSE;
    return TYPE_F32;
}

/* Shapes the outputs from the inputs; gives what does not fit, or NULL. */
static const char *match(Node *node, Value *const *outputs)
{
    Match m = {.node = node};
    const char *word = op_info[node->op].shapes;
    int place = 0;
    bool after = false; /* the arrow */

    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] && node->inputs[i]->type != wanted_type(node, i) &&
            !is_class_of_one(node, i))
            return format("input %d has the wrong type of elements", i);
    find_types(node, outputs);
    bind_attributes(&m);
    if (node->op == OP_CONCAT)
        match_concat(&m, outputs[0]);
    if (node->op == OP_PAD)
        match_pad(&m, outputs[0]);
    if (node->op == OP_ADD_LOSSES)
        match_losses(&m);
    while (*word && !m.fault) {
        const size_t length = strcspn(word, " ");

        if (*word == '>') {
            after = true;
            place = 0;
            if (has_window(node->op))
                bind_window(&m);
            match_movement(&m);
            bind_bag(&m);
            bind_heads(&m);
        } else if (after) {
            build_output(&m, word, length, outputs[place++]);
        } else if (is_class_of_one(node, place)) {
            place++;
        } else {
            match_input(&m, word, length, place++);
        }
        word += length;
        word += strspn(word, " ");
    }
    return m.fault;
}

void infer_shapes(Node *node)
{
    match(node, node->outputs);
}

const char *find_shape_fault(const Node *node)
{
    Node again = *node;
    Value values[MAX_OUTPUTS] = {0};
    Value *outputs[MAX_OUTPUTS];
    const char *fault;

    for (int i = 0; i < MAX_OUTPUTS; i++)
        outputs[i] = &values[i];
    fault = match(&again, outputs);
    for (int i = 0; i < node->output_count && !fault; i++) {
        const Value *is = node->outputs[i], *should = outputs[i];

        if (is && (is->batched != should->batched || is->type != should->type ||
                   !same_shape(is->shape, should->shape)))
            fault = format("output %d is %s, not %s", i, shape_text(is->shape),
                           shape_text(should->shape));
    }
    return fault;
}
