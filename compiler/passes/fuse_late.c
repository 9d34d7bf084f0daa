/*
 * fuse_late.c -- nodes that are computed where their one reader is.
 *
 * The one idea: what backward makes of values that lie in memory anyway is not stored: what it does
 * not keep from forward, and both products of an excitation: the one with the gate, which is
 * stretched, and the one whose pixels are summed. It belongs to the kernel of its reader.
 */

#include "passes/fuse.h"

bool is_late(const Fusion *f, const Node *node)
{
    const Node *reader = f->only_reader[node->outputs[0]->id];
    const bool product = node->op == OP_MULTIPLY;
    bool reads_late = false, batched = true;

    if (!node->backward || !reader || !reader->outputs[0]->batched ||
        !(is_recomputed(node) || product))
        return false;
    for (int i = 0; i < node->input_count && product; i++) {
        reads_late = reads_late || late_input(f, node, i);
        batched = batched && node->inputs[i]->batched;
    }
    if (reader->op == OP_PIXEL_SUM)
        return product && batched && !reads_late;
    return op_info[reader->op].class == CLASS_ELEMENTWISE && (!product || reads_late);
}

Node *late_input(const Fusion *f, const Node *node, int input)
{
    Node *before = node->inputs[input]->node;

    return before && is_late(f, before) ? before : NULL;
}

int find_producer(const Fusion *f, const Node *node, const Value **link)
{
    int producer = -1;

    for (int i = 0; i < node->input_count; i++) {
        const Node *late = late_input(f, node, i);
        Value *root = root_of(node->inputs[i]);
        const Value *of = root;
        const int number = late ? find_producer(f, late, &of) : f->producer[root->id];

        if (number > producer) {
            producer = number;
            *link = of;
        }
    }
    return producer;
}
