/*
 * meetings.c -- where the rows of all shards of a batch meet no kernel is called: the step returns,
 * and the runtime does what a table says (training/meetings.c). With --mpi it returns where more of
 * the gradient is whole too, which other processes are sent from there (ranks/buckets.c).
 */

#include "emit/tables.h"

enum { LEAST = 4096 /* bytes of gradients for which a step returns */ };

/* ---- Gradients that are whole ---------------------------------------------------------------- */

static void mark_update(bool *wanting, const Node *update)
{
    if (update)
        wanting[update->inputs[0]->layout->buffer->index] = true;
}

/* The byte of struct params from which on all gradients are whole behind the first `count` kernels.
   Backward comes to the last layers first, whose parameters are the last. */
static size_t find_whole(const Emitter *e, int count)
{
    const Program *p = e->program;
    bool *wanting = allocate((size_t)e->parameter_count + 1);
    size_t whole = SIZE_MAX;

    for (int i = count; i < p->count; i++) {
        const Kernel *k = p->kernels[i];

        mark_update(wanting, k->kind == KERNEL_UPDATE ? k->node : k->update);
        mark_update(wanting, k->bias ? k->bias->update : NULL);
    }
    for (int i = e->parameter_count - 1; i >= 0 && !wanting[i]; i--)
        whole = e->parameters[i]->layout->buffer->offset;
    return whole;
}

bool note_gradients(Emitter *e, int count)
{
    const size_t whole = find_whole(e, count);

    if (whole == SIZE_MAX || whole == 0 || (e->whole && whole + LEAST > e->whole))
        return false;
    e->whole = whole;
    text_add(&e->meetings, "    { .whole = %zu },\n", whole);
    e->meeting_count++;
    return true;
}

/* ---- Rows that meet -------------------------------------------------------------------------- */

/* A row of the table that says what the runtime does there. */
void note_meeting(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout;
    Text *out = &c->e->meetings;
    int number = 0;

    while (c->e->program->kernels[number] != k)
        number++;
    const size_t whole = c->e->model->mpi ? find_whole(c->e, number) : SIZE_MAX;

    text_add(out, "    { ");
    if (whole != SIZE_MAX && whole)
        text_add(out, ".whole = %zu, ", c->e->whole = whole);
    c->e->meets = true;
    if (k->scratch)
        text_add(out,
                 ".statistics = true, .height = %d, .width = %d, .from = {%zu}, "
                 ".running = {%zu, %zu}, .eps = %s, .momentum = %s, ",
                 x->height, x->width, k->scratch->offset, node->outputs[2]->layout->buffer->offset,
                 node->outputs[3]->layout->buffer->offset, number_text(node->at.eps),
                 number_text(node->at.momentum));
    else
        text_add(out, ".from = {%zu, %zu}, ", x->buffer->offset,
                 node->inputs[1]->layout->buffer->offset);
    text_add(out, ".to = {%zu, %zu}, .channels = %d, .kernel = %d },\n",
             node->outputs[0]->layout->buffer->offset, node->outputs[1]->layout->buffer->offset,
             padded_count(node->outputs[0]->layout), number);
    c->e->meeting_count++;
}
