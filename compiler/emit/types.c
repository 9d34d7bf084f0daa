/*
 * types.c -- the structs of a file: the shapes of its values, weights by panels of outputs, partial
 * sums.
 *
 * The one idea: a struct is named by its shape, and its members have the dimensions in which the
 * kernels go through it. Shapes alike share one.
 */

#include "emit/emit.h"

#include <string.h>

/* The positions of a token: see net_pack_tokens. Members of a batch begin at 64 bytes. */
static const char *token_members(Emitter *e, const Layout *v)
{
    const long ids = up16((long)e->model->max_batch * v->width);

    include(e, "embedding");
    return format("int32_t id[%ld], begin[%ld], order[%ld];", ids, up16(v->rows + 1L), ids);
}

/* The elements of images (CSR), and the same of columns (CSC): every member a multiple of 64 bytes
   long, as all of the batch; room for full rows. */
static const char *sparse_members(Emitter *e, const Layout *v)
{
    const long images = e->model->max_batch, elements = up16(images * v->rows);

    include(e, "sparse");
    return format("int32_t row_begin[%ld], column[%ld]; float value[%ld]; "
                  "int32_t column_begin[%ld], image[%ld]; float column_value[%ld];",
                  up16(images + 1), elements, elements, up16(v->rows + 1L), elements, elements);
}

/* Declares it once. Members that differ under one name get another. */
static const char *declare(Emitter *e, const char *base, const char *members)
{
    const char *type = base;

    for (int n = 2; table_find(&e->declared, type) >= 0; n++) {
        if (same(e->declarations[table_find(&e->declared, type)], members))
            return type;
        type = format("%s_%d", base, n);
    }
    table_set(&e->declared, type, e->declaration_count);
    APPEND(e->declarations, e->declaration_count, members);
    line(&e->types, 0, "%s { %s };", type, members);
    return type;
}

/* "float panel3[2][784][3][BLOCK]; ": of each width, [panel][row][block][16 outputs] */
static const char *panel_members(const char *name, const int panels[3], const char *rows)
{
    Text text = {0};

    text_add(&text, "%s", "");
    for (int i = 0; i < 3; i++)
        if (panels[i])
            text_add(&text, "%sfloat %s%d[%d]%s[%d][BLOCK];", text.length ? " " : "", name, 3 - i,
                     panels[i], rows, 3 - i);
    return text.at;
}

/* Weights transformed for tiles of `tile` outputs each way. */
static const char *product_members(int tile, size_t floats)
{
    const int products = (tile + 2) * (tile + 2);

    return format("float product[%d][%zu][BLOCK];", products, floats / products / 16);
}

static const char *members_of(Emitter *e, const Layout *v)
{
    switch (v->kind) {
    case LAYOUT_WEIGHT:
        if (v->winograd)
            return product_members(v->winograd, (size_t)padded_count(v));
        return panel_members("panel", v->panels, format("[%d]", v->rows));
    case LAYOUT_TABLE:
        return format("float row[%d][%d][BLOCK];", v->rows, padded_count(v) / v->rows / 16);
    case LAYOUT_TOKENS:
        return token_members(e, v);
    case LAYOUT_SPARSE:
        return sparse_members(e, v);
    case LAYOUT_VECTOR:
    case LAYOUT_ROWS:
    case LAYOUT_FILTERS:
        return format("float block[%d][BLOCK];", v->blocks);
    case LAYOUT_SCALAR:
        return format("float at[%d];", v->batch_blocks);
    default:
        return format("%s at[%d][%d][%d][%s][%s];", v->element == TYPE_BYTE ? "uint8_t" : "float",
                      v->batch_blocks, v->full_height * v->full_width, v->blocks,
                      v->images == 16 ? "BLOCK" : format("%d", v->images),
                      v->lanes == 16 ? "BLOCK" : format("%d", v->lanes));
    }
}

const char *declare_type(Emitter *e, const Layout *v)
{
    return v->kind == LAYOUT_CLASS ? v->type : declare(e, v->type, members_of(e, v));
}

/* ---- Scratch: by the kernel that writes it --------------------------------------------------- */

/* wt[panel of inputs][tap][output][block][BLOCK], of each segment of dx */
static const char *transposed_type(Emitter *e, const Kernel *k)
{
    const Layout *w = k->node->inputs[1]->layout;
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(k->node, e->target, parts);
    const bool pairs = k->node->bfloat16;
    Text members = {0};

    for (int i = 0; i < count; i++) {
        const int taps = k->node->op == OP_DENSE_DX ? parts[i].pixels : w->segments[0].pixels;

        text_add(
            &members, "%s%s", i ? " " : "",
            panel_members(i ? format("part%d_panel", i + 1) : "panel", parts[i].panels,
                          format("[%d][%d]", taps, pairs ? pairs_of(w->outputs) : w->outputs)));
    }
    return declare(e,
                   format("struct transposed_%s%dx%d", pairs ? "pairs_" : "", w->outputs, w->rows),
                   members.at);
}

/* [pair of rows] in place of [row] */
static const char *weight_pairs_type(Emitter *e, const Kernel *k)
{
    const Layout *w = k->node->inputs[1]->layout;
    const int pairs = weight_taps(k->node) * count_pairs(k->node);

    return declare(e, format("struct weight_pairs_%dx%d", w->rows, w->outputs),
                   panel_members("panel", w->panels, format("[%d]", pairs)));
}

/* Blocks of [image][8 pairs] or [pair of images][16 channels]; two bfloat16 have the bits of a
   float. */
static const char *pairs_type(Emitter *e, const Kernel *k)
{
    const Value *x = k->node->inputs[k->paired];
    const Layout *v = x->layout;
    const bool images = is_weight_gradient(k->node->op);

    return declare(e, format("struct %s_pairs_%s", images ? "image" : "channel", shape_name(e, x)),
                   format("float at[%d][%d][%d][%d][%d];", v->batch_blocks, v->height * v->width,
                          v->blocks, images ? v->images / 2 : v->images,
                          images ? 16 : NET_PAIR_LANES));
}

static const char *transformed_type(Emitter *e, const Kernel *k)
{
    const size_t floats = k->scratch->size / sizeof(float);

    return declare(e, format("struct transformed_%zu", floats),
                   product_members(k->schedule.winograd.tile, floats));
}

/* Sums of each row of pixels, [row][sum][block][16 channels]. */
static const char *sums_type(Emitter *e, const Kernel *k)
{
    const Layout *v = k->node->inputs[0]->layout;
    const int sums = k->node->op == OP_CHANNEL_SUM ? 1 : 2, rows = v->batch_blocks * v->height;
    const char *width = sums > 1 ? "[2]" : "";

    if (k->node->outputs[0]->batched) /* a number a channel of each image */
        return declare(e, format("struct rows_%dx%dx%d", rows, 16 * v->blocks, v->images),
                       format("float row[%d][%d][%d][BLOCK];", rows, v->blocks, v->images));
    return declare(e, format("struct partial_%dx%s%d", rows, sums > 1 ? "2x" : "", 16 * v->blocks),
                   format("float row[%d]%s[%d][BLOCK];", rows, width, v->blocks));
}

/* Weight gradients of each split; those of Winograd before their transform. */
static const char *splits_type(Emitter *e, const Kernel *k)
{
    const Layout *dw = k->node->outputs[0]->layout;
    const size_t floats = k->scratch->size / sizeof(float);
    const size_t splits = k->kind == KERNEL_WINOGRAD_DW ? (size_t)k->schedule.winograd.splits
                                                        : floats / (size_t)padded_count(dw);
    const char *name = format("struct partial_%zux%s", splits, dw->type + strlen("struct "));

    if (k->kind == KERNEL_WINOGRAD_DW)
        return declare(e, name, format("float split[%zu][%zu];", splits, floats / splits));
    return declare(e, name, format("%s split[%zu];", declare_type(e, dw), splits));
}

const char *declare_scratch(Emitter *e, const Kernel *k)
{
    switch (k->kind) {
    case KERNEL_TRANSPOSE:
        return transposed_type(e, k);
    case KERNEL_WEIGHT_PAIRS:
        return weight_pairs_type(e, k);
    case KERNEL_PAIRS:
        return pairs_type(e, k);
    case KERNEL_WINOGRAD_WEIGHTS:
        return transformed_type(e, k);
    case KERNEL_SUMS:
        return sums_type(e, k);
    default:
        return splits_type(e, k);
    }
}

const char *declare_mask(Emitter *e, const Kernel *k)
{
    const size_t count = k->mask->size / sizeof(uint16_t);

    return declare(e, format("struct mask_%zu", count), format("uint16_t at[%zu];", count));
}
