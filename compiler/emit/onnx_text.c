/*
 * onnx_text.c -- the network as `export` makes a file of ONNX of it: a text in the trainer.
 */

#include <string.h>

#include "emit/tables.h"
#include "onnx/onnx.h"

enum { LONGEST = 4000 /* bytes of a string: C11 asks for 4095 of compilers */ };

/* A parameter is its place in the table of tensors, "#3"; other names are as they are. */
static const char *short_name(const Emitter *e, const char *word)
{
    for (int i = 0; i < e->parameter_count; i++)
        if (same(e->parameters[i]->name, word))
            return format("#%d", i);
    return word;
}

static const char *statement_text(const Emitter *e, const OnnxNode *node)
{
    Text text = {0};

    text_add(&text, "%s = %s(", node->outputs, node->op);
    for (const char *at = node->inputs; *at;) {
        const size_t length = strcspn(at, " ");

        text_add(&text, "%s%s", at == node->inputs ? "" : " ",
                 short_name(e, copy_text(at, length)));
        at += length + (at[length] == ' ');
    }
    text_add(&text, ")%s%s", *node->attributes ? " " : "", node->attributes);
    return text.at;
}

const char *onnx_texts(const Emitter *e, const Onnx *onnx)
{
    Text texts = {0}, text = {0};

    for (int i = 0; i < onnx->count; i++) {
        const char *statement = statement_text(e, &onnx->nodes[i]);

        if (text.length + strlen(statement) + strlen("; ") > LONGEST) {
            text_add(&texts, "%s, ", quoted(text.at));
            text = (Text){0};
        }
        text_add(&text, "%s%s", text.length ? "; " : "", statement);
    }
    text_add(&texts, "%s", quoted(text.at));
    return texts.at;
}
