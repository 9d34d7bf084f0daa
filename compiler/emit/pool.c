/*
 * pool.c -- pools, upsampling and their gradients (kernels/pool.h): the template of an operation
 * has its name.
 */

#include "emit/emit.h"

#include <string.h>

enum {
    WHOLE = 1,    /* the window is the image */
    ROW_SUMS = 2, /* takes sums of its rows */
    UNROLL = 4,   /* says whether its epilogue is not to be unrolled */
};

typedef struct Pool {
    const char *does; /* "y = max of each window of x" */
    int has;
} Pool;

static const Pool pools[OP_COUNT] = {
    [OP_MAXPOOL2D] = {"y = max of each window of x, index = its first tap that has it", ROW_SUMS},
    [OP_MAXPOOL2D_GRAD] = {"dx = the dy of the windows whose max is x", ROW_SUMS | UNROLL},
    [OP_AVGPOOL2D] = {"y = the mean of each window of x, padding counted as 0", ROW_SUMS | UNROLL},
    [OP_AVGPOOL2D_GRAD] = {"dx = the sum of dy over the windows that hold x, over their pixels",
                           ROW_SUMS | UNROLL},
    [OP_UPSAMPLE2D] = {"y = the x that it comes from, a pixel becomes several", ROW_SUMS},
    [OP_UPSAMPLE2D_GRAD] = {"dx = the sum of the dy that x became", ROW_SUMS | UNROLL},
    [OP_GLOBAL_MAXPOOL2D] = {"y = max over the pixels of x, index = the first that has it", WHOLE},
    [OP_GLOBAL_MAXPOOL2D_GRAD] = {"dx = dy where x is the max", WHOLE | ROW_SUMS},
    [OP_STRETCH] = {"y = x on every pixel", WHOLE | ROW_SUMS},
    [OP_PIXEL_SUM] = {"y = the sum over the pixels of x", WHOLE},
    [OP_GLOBAL_AVGPOOL2D] = {"y = the mean over the pixels of x", WHOLE},
    [OP_GLOBAL_AVGPOOL2D_GRAD] = {"dx = dy / pixels", WHOLE | ROW_SUMS},
};

/* Windows of x, each a pixel of y; of an upsampling the larger side is x. */
static const char *pool_text(const Node *node, const Layout *x, const Layout *y)
{
    const Attributes *at = &node->at;
    const bool pads = at->padding[0] || at->padding[1];
    const bool mean = node->op == OP_AVGPOOL2D || node->op == OP_AVGPOOL2D_GRAD;

    return format("(struct net_pool2d){.batch_blocks = %d, .blocks = %d, .x = %s, .y = %s, "
                  ".kernel = %s, .stride = %s%s%s}",
                  y->batch_blocks, y->blocks, size_braces(x), size_braces(y), braces(at->kernel, 2),
                  braces(at->stride, 2),
                  pads ? format(", .padding = %s", braces(at->padding, 2)) : "",
                  mean ? format(", .scale = 1.0f / %d.0f", at->kernel[0] * at->kernel[1]) : "");
}

void emit_pool(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Pool *pool = &pools[node->op];
    const bool whole = pool->has & WHOLE;
    const Value *first = node->outputs[0], *last = node->inputs[node->input_count - 1];
    const bool up = node->op == OP_STRETCH || (node->backward && node->op != OP_PIXEL_SUM);
    const Value *x = up ? first : last, *y = up ? last : first;
    const bool upsample = node->op == OP_UPSAMPLE2D || node->op == OP_UPSAMPLE2D_GRAD;
    const bool index = node->output_count < 2 || !node->outputs[1]->internal;
    const bool epilogue = kernel_info[k->kind].epilogue == EPILOGUE;
    Text arguments = {0};

    if (!epilogue)
        text_add(&arguments, "%s, ", outputs_text(c, node));
    text_add(&arguments, "%s, ", inputs_text(c, node));
    if (epilogue) {
        const Epilogue end = add_epilogue(c, k, first->layout);

        text_add(&arguments, "%s, ", end.arguments);
        if (pool->has & UNROLL)
            text_add(&arguments, "%s, ", truth(end.transcendental));
    }
    if (pool->has & ROW_SUMS)
        text_add(&arguments, "%s, ", add_row_end(c, k));
    describe_kernel(c, k, x, "%.*s; items: %s",
                    (int)(index ? strlen(pool->does) : strcspn(pool->does, ",")), pool->does,
                    pool->has & ROW_SUMS ? "(batch block, row)" : "batch blocks");
    if (!whole)
        c->base = format("%s_%dx%d", c->base, node->at.kernel[0], node->at.kernel[1]);
    call_template(c, "net_%s(%s%s", op_info[node->op].text, arguments.at,
                  whole ? extent_text(x->layout)
                        : pool_text(node, (upsample ? y : x)->layout, (upsample ? x : y)->layout));
}
