/*
 * onnx_text.c -- the network as `export` makes a file of ONNX of it: a text in the trainer.
 */

#include <string.h>

#include "emit/tables.h"
#include "onnx/onnx.h"

/* A parameter is its place in the table of tensors, "#3"; other names are as they are. */
static const char *short_name(const Emitter *e, const char *word)
{
    for (int i = 0; i < e->parameter_count; i++)
        if (same(e->parameters[i]->name, word))
            return format("#%d", i);
    return word;
}

const char *onnx_text(const Emitter *e, const Onnx *onnx)
{
    Text text = {0};

    for (int i = 0; i < onnx->count; i++) {
        const OnnxNode *node = &onnx->nodes[i];

        text_add(&text, "%s%s = %s(", i ? "; " : "", node->outputs, node->op);
        for (const char *at = node->inputs; *at;) {
            const size_t length = strcspn(at, " ");

            text_add(&text, "%s%s", at == node->inputs ? "" : " ",
                     short_name(e, copy_text(at, length)));
            at += length + (at[length] == ' ');
        }
        text_add(&text, ")%s%s", *node->attributes ? " " : "", node->attributes);
    }
    return text.at;
}
