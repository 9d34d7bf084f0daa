/*
 * meetings.c -- where the rows of all shards of a batch meet no kernel is called: the step returns,
 * and the runtime does what a table says (training/meetings.c).
 */

#include "emit/tables.h"

/* A row of the table that says what the runtime does there. */
void note_meeting(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout;
    Text *out = &c->e->meetings;
    int number = 0;

    while (c->e->program->kernels[number] != k)
        number++;
    if (k->scratch)
        text_add(out,
                 "    { .statistics = true, .height = %d, .width = %d, .from = {%zu}, "
                 ".running = {%zu, %zu}, .eps = %s, .momentum = %s, ",
                 x->height, x->width, k->scratch->offset, node->outputs[2]->layout->buffer->offset,
                 node->outputs[3]->layout->buffer->offset, number_text(node->at.eps),
                 number_text(node->at.momentum));
    else
        text_add(out, "    { .from = {%zu, %zu}, ", x->buffer->offset,
                 node->inputs[1]->layout->buffer->offset);
    text_add(out, ".to = {%zu, %zu}, .channels = %d, .kernel = %d },\n",
             node->outputs[0]->layout->buffer->offset, node->outputs[1]->layout->buffer->offset,
             padded_count(node->outputs[0]->layout), number);
    c->e->meeting_count++;
}
