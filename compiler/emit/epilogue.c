/*
 * epilogue.c -- elementwise operations in registers: the end of a kernel, or all of it.
 *
 * The one idea: a chain of elementwise nodes becomes one `const vec` a node. The kernel says
 * where its element is: `at` floats into full values, `lane` floats into one value per channel.
 */

#include "core/random.h"
#include "emit/emit.h"
#include "emit/tables.h"

#include <stdlib.h>
#include <string.h>

static bool is_random(Op op)
{
    return op_info[op].effects == RANDOM;
}

/* Exponentials and draws: of an activation that keeps y, its gradient has none. */
static bool is_transcendental(Op op)
{
    const Activation *a = find_activation(op);

    return is_random(op) ||
           (a && a->cost == COST_TRANSCENDENTAL && (op == a->op || a->kept == KEPT_X));
}

/* Is it 0 of 0? Otherwise lanes that are no channels are cleared. */
static bool is_zero_preserving(const Node *node)
{
    const Activation *a = find_activation(node->op);

    switch (node->op) {
    case OP_GAUSSIAN_NOISE:
    case OP_SHIFT:
    case OP_DIVIDE:
        return false;
    case OP_ABOVE:
        return !(node->at.below ? 0 < node->at.limit : 0 > node->at.limit);
    default:
        return !a || (node->op == a->op ? a->zero == AT_ZERO : a->zero != AT_SINGULAR);
    }
}

static bool has_padding(const Layout *v)
{
    for (int i = 0; i < v->segment_count; i++)
        if (v->segments[i].channels % 16 != 0)
            return true;
    return false;
}

/* What the nodes that are left ask of the kernel. */
static void find_needs(Chain *b)
{
    const Kernel *k = b->k;

    b->transcendental = b->random = b->draws = b->masked = false;
    for (int i = b->first; i < k->epilogue_count; i++) {
        const Op op = k->epilogue[i]->op;

        b->transcendental = b->transcendental || is_transcendental(op);
        b->random = b->random || is_random(op);
        b->draws = b->draws || (is_random(op) && (k->epilogue[i] != k->masked || k->writes_mask));
        b->masked = b->masked || (!is_zero_preserving(k->epilogue[i]) && has_padding(b->layout));
    }
}

Chain start_chain(const KernelCode *c, const Kernel *k)
{
    Chain b = {.c = c, .k = k, .layout = k->node->outputs[0]->layout};

    find_needs(&b);
    return b;
}

/* How often the chain reads a value. */
static int count_reads(const Kernel *k, const Value *value)
{
    int reads = 0;

    for (int i = 0; i < k->epilogue_count; i++)
        for (int j = 0; j < k->epilogue[i]->input_count; j++)
            reads += root_of(k->epilogue[i]->inputs[j]) == value;
    return reads;
}

bool skip_unary(Chain *b)
{
    const Kernel *k = b->k;
    const Value *last = k->node->outputs[0];
    bool transcendental = false;

    while (b->first < k->epilogue_count) {
        const Node *node = k->epilogue[b->first];

        if (node->input_count != 1 || root_of(node->inputs[0]) != last || is_random(node->op) ||
            !last->internal || count_reads(k, last) > 1)
            break;
        transcendental = transcendental || is_transcendental(node->op);
        last = node->outputs[0];
        b->first++;
    }
    find_needs(b);
    return transcendental;
}

enum { MAX_NAMED = 6, MAX_LETTERS = 44 }; /* in a name; of a longer chain the others' number */

/* "_relu_dropout": the operations of a chain from `first` on. */
static const char *operations_text(const Kernel *k, int first, const Node *but)
{
    Text text = {0};
    int named = 0, more = 0;

    text_add(&text, "%s", "");
    for (int i = first; i < k->epilogue_count; i++)
        if (k->epilogue[i] == but)
            continue;
        else if (more || named++ == MAX_NAMED ||
                 strlen(text.at) + strlen(op_info[k->epilogue[i]->op].text) > MAX_LETTERS)
            more++;
        else
            text_add(&text, "_%s", op_info[k->epilogue[i]->op].text);
    if (more)
        text_add(&text, "_and_%d", more);
    return text.at;
}

const char *epilogue_name(const Kernel *k)
{
    return operations_text(k, 0, k->node);
}

/* A C expression of ops.def with its operands and attributes. */
static const char *expand(const char *pattern, const Node *node, const char *const in[])
{
    Text out = {0};

    for (const char *c = pattern; *c; c++)
        if (*c != '$')
            text_add(&out, "%c", *c);
        else if (c[1] == '1' || c[1] == '2')
            text_add(&out, "%s", in[*++c - '1']);
        else {
            const size_t length = strspn(c + 1, "abcdefghijklmnopqrstuvwxyz");

            text_add(&out, "%s", literal(real_attribute(&node->at, c + 1, length)));
            c += length;
        }
    return out.at;
}

/* The numbers of a channel that meet in a batchnorm. */
static const char *rows_text(const Attributes *at)
{
    const char *rows = at->meets ? "run->rows" : "run->n";

    return at->pixels == 1 ? format("(float)%s", rows)
                           : format("((float)%s * %d)", rows, at->pixels);
}

static const char *operation(const Node *node, const char *const in[])
{
    const Activation *activation = find_activation(node->op);
    const char *a = in[0], *b = in[1];

    if (activation)
        return expand(node->op == activation->op ? activation->forward : activation->backward, node,
                      in);

    switch (node->op) {
    case OP_ADD:
    case OP_ADD_BIAS:
        return format("vec_add(%s, %s)", a, b);
    case OP_MULTIPLY:
        return format("vec_mul(%s, %s)", a, b);
    case OP_DIVIDE:
        return format("vec_div(%s, %s)", a, b);
    case OP_MAXIMUM:
        return format("net_maximum(%s, %s)", a, b);
    case OP_MAXIMUM_GRAD:
        return format("net_maximum_grad(%s, %s, %s)", a, b, in[2]);
    case OP_GREATER:
        return format("vec_if_greater(%s, %s, vec_set(1.0f), vec_zero())", a, b);
    case OP_ABOVE:
        b = format("vec_set(%s)", literal(node->at.limit));
        return format("vec_if_greater(%s, %s, vec_set(1.0f), vec_zero())", node->at.below ? b : a,
                      node->at.below ? a : b);
    case OP_SCALE:
        return node->at.scale < 0 ? format("vec_sub(vec_zero(), vec_mul(%s, vec_set(%s)))", a,
                                           literal(-node->at.scale))
                                  : format("vec_mul(%s, vec_set(%s))", a, literal(node->at.scale));
    case OP_SHIFT:
        return format("vec_add(%s, vec_set(%s))", a, literal(node->at.shift));
    case OP_STRETCH:
        return a;
    case OP_NORMALIZE:
        return format("net_normalize(%s, %s, %s, %s, %s)", a, b, in[2], in[3], in[4]);
    case OP_NORMALIZE_GRAD:
        return format("net_normalize_grad(%s, %s, %s, %s, %s, %s, %s, 1.0f / %s)", a, b, in[2],
                      in[3], in[4], in[5], in[6], rows_text(&node->at));
    default:
        fprintf(stderr, "netc: %s has no expression in C\n", op_info[node->op].text);
        abort();
    }
}

const char *write_unary(Text *text, int level, const Chain *b, const char *accumulator)
{
    for (int i = 0; i < b->first; i++) {
        const char *in[MAX_INPUTS] = {accumulator};

        accumulator = format("v%d", i + 1);
        line(text, level, "const vec v%d = %s;", i + 1, operation(b->k->epilogue[i], in));
    }
    return accumulator;
}

/* ---- Which channels a block holds ------------------------------------------------------------ */

/* The function that says it for blocks counted through all pixels of a batch block. Layouts alike
   share one. */
static const char *lanes_function(Emitter *e, const Layout *v)
{
    const char *name = v->type + strlen("struct ");

    return add_function(
        e, EPILOGUES, format("lanes_of_%s", name),
        "/* the channels of a block, counted through the pixels of a batch block */\n"
        "static inline struct net_lanes %s(int block)\n",
        format("    static const struct net_segment segments[] = {%s};\n\n"
               "    return net_lanes_of(segments, %d, block);\n",
               segments_text(v), v->segment_count));
}

/* ---- As a function --------------------------------------------------------------------------- */

bool is_field(const Chain *b, const Formal *o)
{
    const Kernel *k = b->k;

    if (o->buffer == k->mask || o->value == k->node->outputs[0])
        return true;
    for (int i = 0; i < k->epilogue_count; i++) {
        if (o->value == k->epilogue[i]->outputs[0])
            return true;
        for (int j = 0; j < k->epilogue[i]->input_count; j++)
            if (o->value && o->value == root_of(k->epilogue[i]->inputs[j]))
                return true;
    }
    return false;
}

const char *written_field(const Chain *b)
{
    for (int i = 0; i < b->c->count; i++) {
        const Formal *o = &b->c->formals[i];

        if (o->value && o->value->batched && o->written && is_field(b, o))
            return format("o.%s", o->name);
    }
    return "NULL";
}

/* Where the draws of a random node of the chain are. */
static const char *draws_at(const Chain *b, int index)
{
    int draws = 0;

    for (int i = 0; i < index; i++)
        draws += is_random(b->k->epilogue[i]->op);
    return draws ? format("draws + %d", 256 * draws) : "draws";
}

static const char *element_of(const Chain *b, const Value *value, const char *accumulator)
{
    const Value *root = root_of((Value *)value);

    if (computes(b->k, root)) {
        for (int i = b->first; i < b->k->epilogue_count; i++)
            if (b->k->epilogue[i]->outputs[0] == root)
                return format("v%d", i + 1);
        return accumulator;
    }
    return format("vec_load(o->%s + e.%s)", name_of(b->c, root), root->batched ? "at" : "lane");
}

/* A number a channel of each image, on every pixel. */
static const char *stretched(const Chain *b, Value *x)
{
    return computes(b->k, root_of(x)) ? element_of(b, x, "v0")
                                      : format("vec_load(o->%s + net_stretched_at(e, %d))",
                                               name_of(b->c, root_of(x)), x->layout->blocks);
}

static const char *value_text(const Chain *b, int index)
{
    const Node *node = b->k->epilogue[index];
    const char *in[MAX_INPUTS] = {0}, *value;

    for (int j = 0; j < node->input_count; j++)
        in[j] = node->op == OP_STRETCH ? stretched(b, node->inputs[j])
                                       : element_of(b, node->inputs[j], "v0");
    if (is_random(node->op))
        value = format("%s(%s, vec_load(%s))", node->op == OP_DROPOUT ? "vec_mul" : "vec_add",
                       in[0], draws_at(b, index));
    else
        value = operation(node, in);
    return is_zero_preserving(node) || !b->masked
               ? value
               : format("vec_first(lanes.lanes, %s, vec_zero())", value);
}

static void write_chain(Text *text, const Chain *b)
{
    const Kernel *k = b->k;
    const Value *done = (b->first ? k->epilogue[b->first - 1] : k->node)->outputs[0];

    if (k->kind != KERNEL_ELEMENTWISE && !done->internal)
        line(text, 1, "vec_store(o->%s + e.at, v0);", name_of(b->c, done));
    for (int i = b->first; i < k->epilogue_count; i++) {
        const Value *y = k->epilogue[i]->outputs[0];
        const char *value = value_text(b, i), *name = format("v%d", i + 1);

        if (count_reads(k, y) > 0 || y->internal)
            line(text, 1, "const vec %s = %s;", name, value);
        else
            name = value;
        if (!y->internal)
            line(text, 1, "vec_store(o->%s + e.at, %s);", name_of(b->c, y), name);
    }
}

static const char *mask_name(const Chain *b)
{
    for (int i = 0; i < b->c->count; i++)
        if (b->c->formals[i].buffer == b->k->mask)
            return b->c->formals[i].name;
    return NULL;
}

/* What the draws are made with: literals, or what the run says. */
static const char *noise_scale(Emitter *e, const Node *node)
{
    const int number = node->at.run_number;

    return number ? run_value(e, number_operand(number, 0)) : literal(node->at.scale);
}

const char *dropout_scale(Emitter *e, const Node *node)
{
    return float_text(e, node->at.run_number, "1.0 / (1.0 - %s)", 1.0 / (1.0 - node->at.p));
}

const char *dropout_threshold(Emitter *e, const Node *node)
{
    const int number = node->at.run_number;

    if (!number)
        return format("%uu", net_dropout_threshold(node->at.p));
    return format("(uint32_t)%s",
                  run_value(e, format("net_dropout_threshold(%s)", number_operand(number, 0))));
}

/* What of a block's lanes a dropout draws by: the elements, or what of them is dropped as one. */
static const char *drawn_lanes(const Chain *b, const Node *node, const char *lanes)
{
    const int count = node->at.together;

    for (int i = 0; i < b->layout->segment_count; i++)
        if (b->layout->segments[i].pixels % count && count != shape_size(node->outputs[0]->shape)) {
            fprintf(stderr, "netc: internal error: what is dropped as one lies apart\n");
            abort();
        }
    return count == 1 ? format("%s(e.index)", lanes)
                      : format("net_lanes_together(%s(e.index), %d)", lanes, count);
}

static void write_dropout_call(Text *text, const Chain *b, int index, const char *lanes)
{
    const Node *node = b->k->epilogue[index];
    const char *to = draws_at(b, index), *threshold, *scale;
    const char *mask = node == b->k->masked ? format("o->%s", mask_name(b)) : "NULL";

    if (node == b->k->masked && !b->k->writes_mask) {
        scale = dropout_scale(b->c->e, node);
        line(text, 1, "net_read_dropout(%s, %s, %s, e, images);", to, mask, scale);
        return;
    }
    threshold = dropout_threshold(b->c->e, node);
    scale = dropout_scale(b->c->e, node);
    line(text, 1, "net_draw_dropout(%s, %s, %s, %d, %s, %s, e, images, run);", to, mask,
         drawn_lanes(b, node, lanes), node->at.stream, threshold, scale);
}

/* The draws of sixteen images of a block, one random node after the other. */
static void write_draw_calls(Text *text, const Chain *b, const char *lanes)
{
    for (int i = b->first; i < b->k->epilogue_count; i++) {
        const Node *node = b->k->epilogue[i];

        if (node->op == OP_GAUSSIAN_NOISE)
            line(text, 1, "net_draw_noise(%s, %s(e.index), %d, %s, e, images, run);",
                 draws_at(b, i), lanes, node->at.stream, noise_scale(b->c->e, node));
        else if (node->op == OP_DROPOUT)
            write_dropout_call(text, b, i, lanes);
    }
}

static const char *write_draw_function(Emitter *e, const Chain *b, const char *chain)
{
    const char *lanes = b->draws ? lanes_function(e, b->layout) : NULL;
    Text text = {0};

    if (!b->random)
        return "NULL";
    if (b->k->mask)
        line(&text, 1, "const struct %s *o = operands;\n", chain);
    write_draw_calls(&text, b, lanes);
    return add_function(e, EPILOGUES, format("draws%s", epilogue_name(b->k)),
                        "/* the random numbers of a block of images */\nNET_DRAW(%s)\n", text.at);
}

/* "apply_bias_relu": no word of C or its library. */
static const char *chain_name(const Chain *b)
{
    const char *operations = operations_text(b->k, b->first, NULL);

    if (!*operations)
        return b->k->node->backward ? "store_gradient" : "store";
    return format("apply%s", operations);
}

Epilogue write_epilogue(Emitter *e, const Chain *b)
{
    Epilogue out = {.transcendental = b->transcendental};
    Text members = {0}, values = {0}, text = {0};

    for (int i = 0; i < b->c->count; i++) {
        const Formal *o = &b->c->formals[i];

        if (!is_field(b, o))
            continue;
        text_add(&members, "%s%s%s *%s;", members.at ? " " : "", o->written ? "" : "const ",
                 o->buffer == b->k->mask ? "uint16_t" : "float", o->name);
        text_add(&values, "%sV(%s)", values.at ? ", " : "", o->name);
    }
    if (b->masked)
        line(&text, 1, "const struct net_lanes lanes = %s(e.index);\n",
             lanes_function(e, b->layout));
    write_chain(&text, b);
    out.function = add_function(e, EPILOGUES, chain_name(b),
                                format("NET_CHAIN(%%s, %s)\n", members.at), text.at);
    out.draw = write_draw_function(e, b, out.function);
    out.operands = format("&(struct %s){%s}", out.function, values.at);
    out.arguments = format("%s, %s, %s", out.function, out.draw, out.operands);
    return out;
}

Epilogue add_epilogue(const KernelCode *c, const Kernel *k)
{
    const Chain b = start_chain(c, k);

    return write_epilogue(c->e, &b);
}
