/*
 * placeholders.c -- what an emitter writes says in place what is to stand there: `<x.size>`.
 *
 *     <x> <dy> <w>          a value of the node by its formal name in ops.def: "V(x)", or "NULL"
 *     <in> <out>            its first input, its first output
 *     <x.blocks>            of the value's layout or shape: value_text
 *     <at.eps> <exact.eps>  an attribute of the node: a float, a double
 *     <epilogue>            a word that is no value: kernel_words.c
 *
 * The one idea: a kernel's text is read as the C that it becomes. It is filled from left to right,
 * so the functions that it needs are added in the order in which it names them.
 */

#include "emit/emit.h"

#include <stdlib.h>
#include <string.h>

/* Where the node has it; NULL: it has none of that name. */
static Value *const *find_value(const Node *node, const char *formal)
{
    const int inputs = op_info[node->op].inputs;

    if (same(formal, "in"))
        return &node->inputs[0];
    if (same(formal, "out"))
        return &node->outputs[0];
    for (int i = 0; i < node->output_count; i++)
        if (same(formal_name(node->op, inputs + i), formal))
            return &node->outputs[i];
    for (int i = 0; i < node->input_count; i++)
        if (same(formal_name(node->op, i), formal))
            return &node->inputs[i];
    return NULL;
}

static const char *whole(long n)
{
    return format("%ld", n);
}

/* Of a value: its name, its shape, what its layout says. dim0, dim1: of the shape, from 0. */
static const char *value_text(const KernelCode *c, const Value *value, const char *what)
{
    const Layout *v = value->layout;

    return same(what, "name")           ? name_of(c, value)
           : same(what, "shape")        ? shape_name(c->e, value)
           : same(what, "extent")       ? extent_braces(v)
           : same(what, "size")         ? size_braces(v)
           : same(what, "image")        ? image_braces(value)
           : same(what, "segments")     ? segments_text(v)
           : same(what, "layout")       ? layout_braces(v)
           : same(what, "panels")       ? braces(v->panels, 3)
           : same(what, "batch_blocks") ? whole(v->batch_blocks)
           : same(what, "height")       ? whole(v->height)
           : same(what, "width")        ? whole(v->width)
           : same(what, "blocks")       ? whole(v->blocks)
           : same(what, "lanes")        ? whole(v->lanes)
           : same(what, "rows")         ? whole(v->rows)
           : same(what, "outputs")      ? whole(v->outputs)
           : same(what, "channels")     ? whole(channel_count(v))
           : same(what, "floats")       ? whole(padded_count(v))
           : strncmp(what, "dim", 3) == 0 && what[3] - '0' < value->shape.rank
               ? whole(value->shape.size[what[3] - '0'])
               : NULL;
}

/* at.eps: "1e-05f"; exact.eps, a double: "1.0000000000000001e-05" */
static const char *attribute_text(const Attributes *at, const char *name, bool exact)
{
    return same(name, "kernel")    ? braces(at->kernel, 2)
           : same(name, "stride")  ? braces(at->stride, 2)
           : same(name, "padding") ? braces(at->padding, 2)
           : same(name, "axis")    ? whole(at->axis)
           : same(name, "heads")   ? whole(at->heads)
           : same(name, "groups")  ? whole(at->groups)
           : same(name, "begin")   ? whole(at->begin)
           : same(name, "view")    ? whole(at->view)
           : exact                 ? format("%.17g", real_attribute(at, name, strlen(name)))
                                   : literal(real_attribute(at, name, strlen(name)));
}

/* Of what stands between the brackets. */
static const char *text_of(const KernelCode *c, const Kernel *k, const char *word)
{
    const size_t length = strcspn(word, ".");
    const char *first = copy_text(word, length), *what = word[length] ? word + length + 1 : NULL;
    Value *const *value = find_value(k->node, first);
    const char *text;

    if (what && (same(first, "at") || same(first, "exact")))
        text = attribute_text(&k->node->at, what, same(first, "exact"));
    else if (value)
        text = what ? value_text(c, *value, what) : pointer(c, *value);
    else
        text = c->word(c, k, word);
    if (!text) {
        fprintf(stderr, "netc: internal error: %s has no <%s>\n", op_info[k->node->op].text, word);
        abort();
    }
    return text;
}

const char *fill(const KernelCode *c, const Kernel *k, const char *text)
{
    Text out = {0};

    for (size_t plain; plain = strcspn(text, "<"), text[plain]; text = strchr(text, '>') + 1) {
        text_add(&out, "%.*s", (int)plain, text);
        text += plain + 1;
        text_add(&out, "%s", text_of(c, k, copy_text(text, strcspn(text, ">"))));
    }
    text_add(&out, "%s", text);
    return out.at;
}

void call_template(KernelCode *c, const Kernel *k, const char *fmt, ...)
{
    Text call = {0};
    va_list args;

    va_start(args, fmt);
    text_add_v(&call, fmt, args);
    va_end(args);
    text_add(&c->text, "    %s, run, thread);\n", fill(c, k, call.at));
}
