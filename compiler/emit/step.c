/*
 * step.c -- a step: its kernels, as functions and as calls with barriers between its phases.
 *
 * The one idea: a kernel's emitter writes a function with formal names from the mathematics;
 * functions of equal text are shared; the step is then a list of calls with actual names from the
 * model.
 */

#include "emit/emit.h"

#include <string.h>

static EmitKernel *const emitters[] = {
#define KERNEL(name, label, class, epilogue, split, reads, scratch, emitter, ...)                  \
    [KERNEL_##name] = emitter,
#include "passes/kernels.def"
#undef KERNEL
};

/* "OUT(value_64x20) y", "const int32_t *restrict target" */
static const char *formal_text(const Formal *o)
{
    const size_t tag = strlen("struct ");

    if (strncmp(o->type, "struct ", tag) != 0)
        return format("const %s *restrict %s", o->type, o->name);
    return format("%s(%s) %s", o->written ? "OUT" : "IN", o->type + tag, o->name);
}

/* The function's head with %s for its name, which may get a number. */
static const char *write_head(const KernelCode *c)
{
    const char *begin = "NET_KERNEL void (_2";
    Text head = {0};
    Wrap wrap = {&head, (int)(strlen(begin) + strlen(c->base)), 8, 0};

    text_add(&head, "%sNET_KERNEL void %%s(", c->comment.at);
    for (int i = 0; i < c->count; i++)
        wrap_item(&wrap, formal_text(&c->formals[i]));
    wrap_item(&wrap, "NET_RUN");
    text_add(&head, ")\n");
    return head.at;
}

/* RUN(3, dense_relu_64x784x20, relu_1, &batch->image, ...); under its line of the model. */
static void write_call(const Emitter *e, Text *text, const Kernel *k, int number,
                       const KernelCode *c, const char *name)
{
    const bool trains = same(e->program->graph->name, "train");
    const char *begin = format("    %sRUN(%d, %s",
                               k->needs_target && !trains ? "if (run->has_target) " : "", number,
                               name);
    Wrap wrap = {text, (int)strlen(begin), 8, 1};

    text_add(text, "%s", begin);
    for (int i = 0; i < c->count; i++)
        wrap_item(&wrap, c->formals[i].actual);
    text_add(text, ");\n");
}

/* What the model says there: "digits.net:13  -> conv2d(8, 3) -> relu", or "backward, .." */
static const char *place_text(const Source *source, const Node *node)
{
    const int number = line_of(source, node->span);
    const char *at = source->text, *line;
    int length;

    for (int i = 1; i < number && strchr(at, '\n'); i++)
        at = strchr(at, '\n') + 1;
    at += strspn(at, " \t");
    length = (int)strcspn(at, "#\n\r");
    while (length > 0 && at[length - 1] == ' ')
        length--;
    line = format("%s%s:%d", node->backward ? "backward, " : "", source->file, number);
    const char *whole = format("%s  %.*s", line, length, at);

    return strstr(whole, "*/") || strlen(whole) > 90 ? line : whole;
}

/* Before kernel i, which begins a phase: the end of a segment, or a barrier. */
static void write_barrier(Emitter *e, Text *calls, const Program *program, int i)
{
    if (!e->model->mpi || !same(program->graph->name, "train") || !note_gradients(e, i)) {
        line(calls, 1, "barrier(run, thread);    /* %d */", program->kernels[i]->phase + 1);
        return;
    }
    line(calls, 1, "return;");
    line(calls, 0, "\n    case %d: /* gradients are whole from byte %zu on */", e->meeting_count,
         e->whole);
}

/* The end of a segment, and the begin of the next. */
static void write_meeting(const Emitter *e, Text *calls, Kernel *k)
{
    k->function = "meeting";
    line(calls, 1, "return;");
    line(calls, 0, "\n    case %d: /* behind the %s of all shards of %s */", e->meeting_count,
         k->scratch ? "statistics" : "sums", k->node->path ? k->node->path : "the batch");
}

/* The kernels of a step, in order, with barriers between its phases. */
static void write_kernels(Emitter *e, Text *calls, Program *program)
{
    int last = 0;

    for (int i = 0; i < program->count; i++) {
        Kernel *k = program->kernels[i];
        const int place = line_of(e->model->source, k->node->span);
        KernelCode c = {.e = e, .word = kernel_word};

        if (i > 0 && k->phase != program->kernels[i - 1]->phase && k->kind != KERNEL_MEETING &&
            program->kernels[i - 1]->kind != KERNEL_MEETING)
            write_barrier(e, calls, program, i);
        list_operands(e, &c, k);
        if (kernel_info[k->kind].header)
            include(e, kernel_info[k->kind].header);
        emitters[k->kind](&c, k);
        if (k->kind == KERNEL_MEETING) {
            write_meeting(e, calls, k);
            continue;
        }
        describe_rest(&c, k);
        e->scratch = k->schedule.scratch > e->scratch ? k->schedule.scratch : e->scratch;
        k->function = add_function(e, KERNELS, c.base, write_head(&c), c.text.at);
        if (place != last)
            line(calls, 0, "\n    /* %s */", place_text(e->model->source, k->node));
        write_call(e, calls, k, i, &c, k->function);
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
void write_step(Emitter *e, Text *out, Program *program)
{
    const int meetings = e->meeting_count;
    Text calls = {0};

    e->program = program;
    e->views = NULL, e->view_count = 0;
    e->view_of = allocate((size_t)(program->buffer_count + 1) * sizeof *e->view_of);
    for (int i = 0; i < program->buffer_count; i++)
        e->view_of[i] = -1;
    e->names = (Table){0};
    text_add(&calls, "%s", "");
    write_kernels(e, &calls, program);
    draw_memory(e, out);
    text_add(out, "NET_STEP void %s_step(struct net_run *run, int thread)\n{\n",
             program->graph->name);
    if (strstr(calls.at, "&p->"))
        line(out, 1, "%sstruct params *p = run->params;",
             same(program->graph->name, "train") ? "" : "const ");
    if (strstr(calls.at, "batch->"))
        line(out, 1, "const struct batch *batch = run->batch;");
    write_views(e, out);
    if (e->meeting_count > meetings)
        text_add(out, "    switch (run->segment) {\n    case 0:\n");
    text_add(out, "%s", calls.at);
    line(out, 1, "barrier(run, thread);");
    if (e->meeting_count > meetings)
        line(out, 1, "}");
    text_add(out, "}\n\n");
}
