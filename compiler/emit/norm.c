/*
 * norm.c -- layernorm: over the channels of each pixel.
 *
 * The one idea: the sixteen images of a chunk are looked at together, so that a sum over lanes is a
 * transposition and sums of vectors. Nothing but x is kept for backward: the mean and deviation of
 * a pixel are found again, cheaper than numbers fetched from memory.
 */

#include "emit/emit.h"

/* The value that the kernel makes, then x and dy, gamma and beta; and the body's. */
static Body start_norm(Emitter *e, Driver *d, const Kernel *k)
{
    static const char *const names[2][3] = {{"x", "gamma", "beta"}, {"x", "dy", "gamma"}};
    Value *y = k->node->outputs[0];
    const bool backward = k->kind == KERNEL_LAYERNORM_GRAD;
    const char *out = y->internal ? NULL : add_operand(e, d, backward ? "dx" : "y", y, true, NULL);
    Body b;

    for (int i = 0; i < 3; i++)
        add_operand(e, d, names[backward][i], k->node->inputs[i], false, NULL);
    b = start_body(e, d, k, y->physical);
    if (out)
        b.formals[y->id] = out;
    d->base = format("%s%s_%s", op_info[k->node->op].text, body_name(k), shape_name(e, y));
    return b;
}

void emit_layernorm(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *v = k->node->outputs[0]->physical;
    const Body b = start_norm(e, d, k);
    Text *text = &d->text;
    int level;

    text_add(&d->comment, "/* y = (x - mean) / deviation gamma + beta along the channels; items: "
                          "(chunk, row) */\n");
    open_rows(text, v, true);
    line(text, 3, "struct net_stats s;\n");
    line(text, 3, "net_find_stats(&s, x->at[chunk][%s][0][0], %d, %s);", pixel_name(v),
         channel_count(v), literal(k->node->at.eps));
    level = open_images(e, text, &b, v);
    line(text, level,
         "const vec normal = net_standard(&s, (int)i, "
         "vec_load(x->at[chunk][%s][block][i]));",
         pixel_name(v));
    line(text, level,
         "const vec v0 = vec_fma(normal, vec_load(gamma->at[block]), "
         "vec_load(beta->at[block]));");
    close_images(text, level, d, &b, v);
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}

void emit_layernorm_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *v = k->node->outputs[0]->physical;
    const Body b = start_norm(e, d, k);
    const char *pixel = pixel_name(v);
    Text *text = &d->text;
    int level;

    text_add(&d->comment, "/* dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy "
                          "gamma; items: (chunk, row) */\n");
    open_rows(text, v, true);
    line(text, 3, "struct net_stats s;");
    line(text, 3, "struct net_slopes slopes;\n");
    line(text, 3, "net_find_stats(&s, x->at[chunk][%s][0][0], %d, %s);", pixel, channel_count(v),
         literal(k->node->at.eps));
    line(text, 3,
         "net_find_slopes(&slopes, &s, x->at[chunk][%s][0][0], dy->at[chunk][%s][0][0], "
         "gamma->at[0], %d);",
         pixel, pixel, channel_count(v));
    level = open_images(e, text, &b, v);
    line(text, level,
         "const vec normal = net_standard(&s, (int)i, "
         "vec_load(x->at[chunk][%s][block][i]));",
         pixel);
    line(text, level,
         "const vec g = vec_mul(vec_load(dy->at[chunk][%s][block][i]), "
         "vec_load(gamma->at[block]));",
         pixel);
    line(text, level,
         "const vec v0 = net_layernorm_grad(&s, &slopes, (int)i, normal, g, %d - 16 * "
         "block);",
         channel_count(v));
    close_images(text, level, d, &b, v);
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}
