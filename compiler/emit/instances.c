/*
 * instances.c -- kernels that are one call of a template, whatever their shape: a row an operation.
 *
 * The one idea: the template has the operation's name; what else there is to say is text with
 * placeholders.
 */

#include "emit/emit.h"

#include <stdlib.h>
#include <string.h>

typedef struct Instance {
    Op op;
    const char *shape; /* in its name */
    const char *does;  /* what is in brackets only where its second output is stored */
    const char *call;
} Instance;

/* Literals that several rows have; x and y name values. */
#define EXTENT(x) "(struct net_extent)<" x ".extent>"
#define LAYERNORM(x)                                                                               \
    "(struct net_layernorm){" EXTENT(x) ", .channels = <" x ".channels>, .eps = <at.eps>}"
#define SOFTMAX(x)                                                                                 \
    "(struct net_softmax){.batch_blocks = <" x ".batch_blocks>, .size = <" x ".size>, "            \
    ".channels = <" x ".channels>}"
#define TOKENS(x)                                                                                  \
    "(struct net_embedding){.batch_blocks = <" x ".batch_blocks>, .length = <tokens.dim0>, "       \
    ".blocks = <" x ".blocks>}"
#define OUTPUTS(y, x)                                                                              \
    "(struct net_weight_slice){.y_panels = <" y ".panels>, .x_panels = <" x ".panels>, "           \
    ".y_outputs = <" y ".dim0>, .x_outputs = <" x ".dim0>, .floats = <" x ".floats>"
#define PAIRS(x) "<tile_rows>, (struct net_info_nce){.channels = <" x ".dim0>, .scale = <at.scale>}"
/* windows of x, each a pixel of y */
#define WINDOWS(x, y)                                                                              \
    "(struct net_pool2d){.batch_blocks = <" y ".batch_blocks>, .blocks = <" y ".blocks>, "         \
    ".x = <" x ".size>, .y = <" y ".size>, .kernel = <at.kernel>, .stride = <at.stride><padding>"
#define MEAN ", .scale = 1.0f / <window>.0f}"

static const Instance instances[] = {
    /* windows (kernels/pool.h) */
    {OP_MAXPOOL2D, "<x.shape>_<kernel>",
     "y = max of each window of x[, index = its first tap that has it]; items: (batch block, row)",
     "net_<op>(<outputs>, <x>, <row_end>, " WINDOWS("x", "y") "}"},
    {OP_MAXPOOL2D_GRAD, "<dx.shape>_<kernel>",
     "dx = the dy of the windows whose max is x; items: (batch block, row)",
     "net_<op>(<inputs>, <epilogue>, <transcendental>, <row_end>, " WINDOWS("dx", "dy") "}"},
    {OP_AVGPOOL2D, "<x.shape>_<kernel>",
     "y = the mean of each window of x, padding counted as 0; items: (batch block, row)",
     "net_<op>(<x>, <epilogue>, <transcendental>, <row_end>, " WINDOWS("x", "y") MEAN},
    {OP_AVGPOOL2D_GRAD, "<dx.shape>_<kernel>",
     "dx = the sum of dy over the windows that hold x, over their pixels; items: (batch block, "
     "row)",
     "net_<op>(<dy>, <epilogue>, <transcendental>, <row_end>, " WINDOWS("dx", "dy") MEAN},
    {OP_UPSAMPLE2D, "<x.shape>_<kernel>",
     "y = the x that it comes from, a pixel becomes several; items: (batch block, row)",
     "net_<op>(<x>, <epilogue>, <row_end>, " WINDOWS("y", "x") "}"},
    {OP_UPSAMPLE2D_GRAD, "<dx.shape>_<kernel>",
     "dx = the sum of the dy that x became; items: (batch block, row)",
     "net_<op>(<dy>, <epilogue>, <transcendental>, <row_end>, " WINDOWS("dy", "dx") "}"},
    {OP_UPSAMPLE2D_BILINEAR, "<x.shape>_<kernel>",
     "y = between the nearest x of two rows and columns, by their distance; items: (batch block, "
     "row)",
     "net_<op>(<x>, <epilogue>, <row_end>, " WINDOWS("y", "x") "}"},
    {OP_UPSAMPLE2D_BILINEAR_GRAD, "<dx.shape>_<kernel>",
     "dx = the sum of the dy that x is in, times its share of each; items: (batch block, row)",
     "net_<op>(<dy>, <epilogue>, <transcendental>, <row_end>, " WINDOWS("dy", "dx") "}"},
    /* the window is the image */
    {OP_GLOBAL_MAXPOOL2D, "<x.shape>",
     "y = max over the pixels of x[, index = the first that has it]; items: batch blocks",
     "net_<op>(<outputs>, <x>, " EXTENT("x")},
    {OP_GLOBAL_MAXPOOL2D_GRAD, "<dx.shape>",
     "dx = dy where x is the max; items: (batch block, row)",
     "net_<op>(<inputs>, <epilogue>, <row_end>, " EXTENT("dx")},
    {OP_STRETCH, "<y.shape>", "y = x on every pixel; items: (batch block, row)",
     "net_<op>(<x>, <epilogue>, <row_end>, " EXTENT("y")},
    {OP_PIXEL_SUM, "<x.shape>", "y = the sum over the pixels of x; items: batch blocks",
     "net_<op>(<y>, <x>, " EXTENT("x")},
    {OP_GLOBAL_AVGPOOL2D, "<x.shape>", "y = the mean over the pixels of x; items: batch blocks",
     "net_<op>(<y>, <x>, " EXTENT("x")},
    {OP_GLOBAL_AVGPOOL2D_GRAD, "<dx.shape>", "dx = dy / pixels; items: (batch block, row)",
     "net_<op>(<dy>, <epilogue>, <row_end>, " EXTENT("dx")},
    /* along the channels (kernels/softmax.h, kernels/norm.h) */
    {OP_SOFTMAX, "<y.shape>", "y = e^x / sum e^x along the channels; items: (batch block, row)",
     "net_<op>(<y>, <x>, " SOFTMAX("y")},
    {OP_SOFTMAX_GRAD, "<dx.shape>", "dx = y (dy - sum of y dy); items: (batch block, row)",
     "net_<op>(<dx>, <y>, <dy>, " SOFTMAX("dx")},
    {OP_LAYERNORM, "<y.shape>",
     "y = (x - mean) / deviation gamma + beta along the channels; items: (batch block, row)",
     "net_<op>(<inputs>, <epilogue>, <row_end>, " LAYERNORM("y")},
    {OP_LAYERNORM_GRAD, "<dx.shape>",
     "dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy gamma; items: (batch block, "
     "row)",
     "net_<op>(<inputs>, <epilogue>, <row_end>, " LAYERNORM("dx")},
    /* along any axis (kernels/axis.h) */
    {OP_AXIS_SUM, "<x.shape>_<at.axis>",
     "y = the sum of x along axis <at.axis>; items: (batch block, pixel, block)",
     "net_<op>(<y>, <x>, <axis>"},
    {OP_LOGSUMEXP, "<x.shape>_<at.axis>",
     "y = log of the sum of e^x along axis <at.axis>; items: (batch block, pixel, block)",
     "net_<op>(<y>, <x>, <axis>"},
    {OP_AXIS_MAX, "<x.shape>_<at.axis><min>",
     "y = the <extreme> of x along axis <at.axis>[, index = the first that has it]; items: (batch "
     "block, pixel, block)",
     "net_<op>(<outputs>, <x>, <sign>, <axis>"},
    {OP_AXIS_MAX_GRAD, "<dx.shape>_<at.axis>",
     "dx = dy where x is y along axis <at.axis>; items: (batch block, row)",
     "net_<op>(<inputs>, <epilogue>, <row_end>, <axis>, " EXTENT("dx")},
    {OP_SPREAD, "<y.shape>_<at.axis>",
     "y = x again and again along axis <at.axis>; items: (batch block, row)",
     "net_<op>(<x>, <epilogue>, <row_end>, <axis>, " EXTENT("y")},
    {OP_AXIS_SOFTMAX, "<y.shape>_<at.axis>",
     "y = e^x / sum e^x along axis <at.axis>; items: (batch block, pixel, block)",
     "net_<op>(<y>, <x>, <axis>"},
    {OP_AXIS_SOFTMAX_GRAD, "<dx.shape>_<at.axis>",
     "dx = y (dy - sum of y dy) along axis <at.axis>; items: (batch block, pixel, block)",
     "net_<op>(<dx>, <y>, <dy>, <axis>"},
    /* rows of the batch with each other (kernels/info_nce.h) */
    {OP_INFO_NCE, "<y.dim0>_of_<a.shape>",
     "y = log of the sum of e^score over the batch, less the positive's score; items: batch blocks",
     "net_<op>(<y>, <sums>, <a>, <b>, <y.dim0>, " PAIRS("a")},
    {OP_INFO_NCE_GRAD, "<dy.dim0>_by_<at.view>_of_<x.shape>",
     "dx = the sum over the batch of dscore times the other row; items: batch blocks",
     "net_<op>(<dx>, <x>, <other>, <sums>, <dy>, <dy.dim0>, <at.view>, " PAIRS("x")},
    /* weights (kernels/weight_slice.h) */
    {OP_WEIGHT_SLICE, "<part.dim0>_from_<at.begin>_of_<w.dim0>x<w.floats>",
     "part = outputs of w, or numbers of a bias; items: blocks of outputs",
     "net_weight_slice(<part>, <w>, " OUTPUTS("part", "w") ", .place = -<at.begin>}"},
    {OP_WEIGHT_SLICE_GRAD, "<dpart.dim0>_from_<at.begin>_of_<dw.dim0>x<dw.floats>",
     "dw = dpart at its place, +0 beside it; items: blocks of outputs",
     "net_weight_slice(<dw>, <dpart>, " OUTPUTS("dw", "dpart") ", .place = <at.begin>}"},
    /* tokens, sparse inputs (kernels/embedding.h, kernels/sparse.h) */
    {OP_EMBEDDING, "<tokens.shape>_<w.dim0>x<w.dim1>",
     "y = the row of w for each token; items: batch blocks",
     "net_<op>(<y>, <ids>, <w>, " TOKENS("y")},
    {OP_TOKEN_MEAN, "<x.shape>", "y = the mean of x where a token is not 0; items: batch blocks",
     "net_<op>(<y>, <x>, <ids>, " TOKENS("x")},
    {OP_TOKEN_MEAN_GRAD, "<dx.shape>",
     "dx = dy / count where a token is not 0; items: batch blocks",
     "net_<op>(<dx>, <dy>, <ids>, " TOKENS("dx")},
    {OP_TO_DENSE, "<x.shape>", "y = a sparse x with its zeros; items: batch blocks",
     "net_<op>(<y>, NET_CSR(<x.name>), <y.batch_blocks>, <y.blocks>"},
    /* batchnorm (kernels/sums.h) */
    {OP_INVERSE_STD, "<inv_std.floats>", "inv_std = 1 / sqrt(var + eps); items: blocks",
     "net_<op>(<inv_std>, <var>, <inv_std.blocks>, <exact.eps>"},
};

static const Instance *find_instance(const Node *node)
{
    for (int i = 0; i < COUNT(instances); i++)
        if (instances[i].op == node->op)
            return &instances[i];
    abort(); /* a row of kernels.def names emit_instance */
}

/* Without the brackets, or without what is in them. */
static const char *choose(const char *text, bool optional)
{
    const int before = (int)strcspn(text, "["), inside = (int)strcspn(text + before, "]");

    if (!text[before])
        return text;
    return format("%.*s%.*s%s", before, text, optional ? inside - 1 : 0, text + before + 1,
                  text + before + inside + 1);
}

void emit_instance(KernelCode *c, const Kernel *k)
{
    const Instance *row = find_instance(k->node);
    const bool second = k->node->output_count > 1 && !k->node->outputs[1]->internal;

    describe_kernel(c, k, format("<name>_%s", row->shape), "%s", choose(row->does, second));
    call_template(c, k, "%s", row->call);
}
