/*
 * few_outputs.c -- dense layers of few outputs: lanes are inputs.
 *
 * The one idea: panels of 16 outputs would be mostly padding, so the weight has a row for each
 * output, laid out as x is (rows_layout). Forward sums over lanes at its end; dx and dw are whole
 * vectors of inputs.
 */

#include "emit/emit.h"

static int outputs_of(const Kernel *k)
{
    const Value *w = k->kind == KERNEL_THIN_DW ? k->node->outputs[0] : k->node->inputs[1];

    return w->shape.size[0];
}

static const char *driver_name(const Emitter *e, const Kernel *k, const Value *x)
{
    return format("%s%s_%sx%d", op_info[k->node->op].text, body_name(k), shape_name(e, x),
                  outputs_of(k));
}

static void write_comment(Driver *d, const Kernel *k, const char *what)
{
    text_add(&d->comment, "/* %s", what);
    for (int i = 0; i < k->body_count; i++)
        text_add(&d->comment, ", %s", op_info[k->body[i]->op].text);
    text_add(&d->comment, "; items: chunks */\n");
}

static void emit_forward(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0], *w = k->node->inputs[1], *b = k->node->inputs[2];
    Value *y = k->node->outputs[0];
    const int outputs = outputs_of(k), most = e->target->vectors == 1 ? 4 : 16;
    int images = 16; /* at a time: what the registers hold */
    Text *text = &d->text;
    Body body;

    while (images * outputs > most && images > 1)
        images /= 2;
    if (!y->internal)
        add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "x", x, false, NULL);
    add_operand(e, d, "w", w, false, NULL);
    if (b)
        add_operand(e, d, "b", b, false, NULL);
    body = start_body(e, d, k, y->physical);
    if (!y->internal)
        body.formals[y->id] = "y";
    d->base = driver_name(e, k, x);
    write_comment(d, k, b ? "y = x w + b, along the inputs" : "y = x w, along the inputs");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread) {", y->physical->chunks);
    line(text, 2, "const int block = 0;");
    line(text, 2, "_Alignas(64) float sums[256];\n");
    line(text, 2, "net_thin(sums, x->at[chunk][0][0][0], w->at[0], %d, %d, %d);",
         x->physical->blocks, outputs, images);
    write_pixel(e, text, 2, d, &body, "0",
                b ? "vec_add(vec_load(sums + at), vec_load(b->at[0]))" : "vec_load(sums + at)");
    write_sums(e, d, text, 2, k, "0");
    line(text, 1, "}");
    line(text, 0, "}");
}

static void emit_backward(Emitter *e, Driver *d, const Kernel *k)
{
    Value *dy = k->node->inputs[0], *w = k->node->inputs[1], *dx = k->node->outputs[0];
    const int blocks = dx->physical->blocks;
    Text *text = &d->text;
    Body body;

    if (!dx->internal)
        add_operand(e, d, "dx", dx, true, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    add_operand(e, d, "w", w, false, NULL);
    body = start_body(e, d, k, dx->physical);
    if (!dx->internal)
        body.formals[dx->id] = "dx";
    d->base = driver_name(e, k, dx);
    write_comment(d, k, "dx = dy w', along the inputs");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread) {", dx->physical->chunks);
    line(text, 2, "for (int block = 0; block < %d; block++) {", blocks);
    write_pixel(e, text, 3, d, &body, "0",
                format("net_thin_dx(dy->at[chunk][0][0][at / 16], w->at[block], %d, %d)", blocks,
                       outputs_of(k)));
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "0");
    line(text, 1, "}");
    line(text, 0, "}");
}

void emit_thin(Emitter *e, Driver *d, const Kernel *k)
{
    (k->node->op == OP_DENSE ? emit_forward : emit_backward)(e, d, k);
}

void emit_thin_dw(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0], *dy = k->node->inputs[1];
    const int outputs = outputs_of(k), blocks = x->physical->blocks;
    /* blocks at a time, in registers: as many as divide them */
    int group = (e->target->vectors == 1 ? 6 : 8) / outputs;
    Text *text = &d->text;

    while (blocks % group != 0)
        group--;
    add_result(e, d, k);
    add_operand(e, d, "x", x, false, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    d->base = format("dense_dw%s_%sx%d", k->update ? "_update" : "", shape_name(e, x), outputs);
    text_add(&d->comment,
             "/* dw = x' dy over images, along the inputs%s; items: blocks of "
             "inputs */\n",
             k->update ? ", then the update" : "");
    line(text, 0, "{");
    line(text, 1, "const int chunks = net_chunks(run);");
    line(text, 1, "const int images = run->n - 16 * (chunks - 1);\n");
    line(text, 1, "NET_ITEMS(item, %d, run, thread) {", blocks / group);
    line(text, 2, "const int block = %sitem;", group > 1 ? format("%d * ", group) : "");
    line(text, 2, "_Alignas(64) float dw[%d];\n", 16 * group * outputs);
    line(text, 2,
         "net_thin_dw(dw, x->at[0][0][block][0], %ldL, dy->at[0][0][0][0], %d, %d, "
         "chunks, images);",
         256L * blocks, group, outputs);
    for (int o = 0; o < outputs; o++)
        write_finish(text, 2, k, o ? format("[%d + block][0]", o * blocks) : "[block][0]",
                     o ? format("dw + %d", 16 * group * o) : "dw", format("%d", 16 * group));
    line(text, 1, "}");
    line(text, 0, "}");
}
