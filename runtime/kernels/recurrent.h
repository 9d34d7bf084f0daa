/*
 * recurrent.h -- rnn, lstm and gru over time, and their gradients: PyTorch's equations.
 *
 * The one idea: the projections of the inputs, p = W_ih x + b_ih of all steps, are there before. A
 * batch block, or an eight of it, walks through time by itself: q = W_hh h + b of its images in
 * register tiles, then the gates, which overwrite q. So no barrier stands between steps, and W_hh
 * stays in the cache. Backward walks the other way: the gradients of the gates from that of h, then
 * what they give the h before by the transposed weights. What is left, dx, dW and db, are
 * contractions of all steps.
 *
 *     rnn    h = tanh(p + q)
 *     lstm   i f g o: c = f c' + i g, h = o tanh(c)        (Hochreiter and Schmidhuber 1997,
 *            g by tanh, the others by sigmoid; s is c       Gers and others 2000)
 *     gru    r z n: n = tanh(p + r q), h = n + z (h' - n)  (Cho and others 2014, the reset after
 *            s is q of n                                    the product)
 *
 * At a position whose token is 0, padding, h and s are those of the step before.
 *
 * Needs: activation.h, gemm.h. Gives: net_recurrent, net_recurrent_grad.
 */

#ifndef NET_RECURRENT_H
#define NET_RECURRENT_H

#include "kernels/activation.h"
#include "kernels/gemm.h"

enum net_cell { NET_RNN, NET_LSTM, NET_GRU };

struct net_recurrent {
    int length;       /* steps */
    int units, gates; /* channels of h; times gates: of p */
    int reverse;      /* from the last position to the first */
};

/* Floats of a pixel of `channels`, in a batch block. */
NET_INLINE long net_pixel_floats(int channels)
{
    return (channels + 15) / 16 * (long)TILE;
}

/* Images that walk through time together: of a batch block, all or one of its eights. */
struct net_walkers {
    int block, first, images; /* first: in the block */
};

NET_INLINE struct net_walkers net_walkers_of(int eight, int end, const struct net_run *run)
{
    const int eights = (NET_IMAGES + 7) / 8;
    const int most = eight % 2 == 0 && eight + 1 < end ? 16 : 8, left = run->n - 8 * eight;

    return (struct net_walkers){eight / eights, eight % eights * 8, left < most ? left : most};
}

/* ---- Products of a step ---------------------------------------------------------------------- */

/* y = start + x w of 16 images, a panel of outputs. x: `inputs` channels, or NULL: nothing is
   added; start: b, or y itself where b is NULL. */
NET_INLINE void net_step_tile(int rows, int vectors, float *y, const float *x, const float *w,
                              const float *b, int inputs)
{
    const struct taps taps = {.rows = x != NULL, .columns = 1, .channels = inputs};
    vec acc[NET_TILE_ROWS][3];

    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            acc[i][j] = vec_load(b ? b + 16 * j : y + TILE * j + 16 * i);
    contract(acc, rows, vectors, x, 16, TILE, w, &taps, 1);
    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            vec_store(y + TILE * j + 16 * i, acc[i][j]);
}

/* Panels of one width, from block `first` of the outputs on; the last images in half a tile where
   that holds them. */
NET_INLINE void net_step_panels(int rows, int vectors, int panels, int first, float *y,
                                const float *x, const float *w, const float *b, int inputs,
                                int images)
{
    NET_REPEAT(panel, panels) {
        const long block = first + vectors * panel;

        for (int i = 0; i < images; i += rows) {
            float *yi = y + TILE * block + 16 * i;
            const float *xi = x ? x + 16 * i : NULL, *wi = w + 16 * block * inputs;
            const float *bi = b ? b + 16 * block : NULL;

            if (images - i > rows / 2)
                net_step_tile(rows, vectors, yi, xi, wi, bi, inputs);
            else
                net_step_tile(rows / 2, vectors, yi, xi, wi, bi, inputs);
        }
    }
}

/* All outputs: `threes` panels of 3 blocks, `twos` of 2, and single blocks. */
NET_INLINE void net_step_product(int rows, int threes, int twos, float *y, const float *x,
                                 const float *w, const float *b, int inputs, int outputs,
                                 int images)
{
    const int ones = (outputs + 15) / 16 - 3 * threes - 2 * twos;

    if (threes)
        net_step_panels(rows, 3, threes, 0, y, x, w, b, inputs, images);
    if (twos)
        net_step_panels(rows, 2, twos, 3 * threes, y, x, w, b, inputs, images);
    net_step_panels(rows, 1, ones, 3 * threes + 2 * twos, y, x, w, b, inputs, images);
}

/* ---- Gates ----------------------------------------------------------------------------------- */

/* Units `unit` to `unit` + 15 of a gate of an image; at: of the image in a pixel. Gates begin
   anywhere in a block; lanes beyond the last unit are +0. */
NET_INLINE vec net_gate(const float *at, int units, int gate, int unit)
{
    const int channel = gate * units + unit, lane = channel % 16, left = units - unit;
    const float *from = at + channel / 16 * (long)TILE;
    _Alignas(64) float two[32], one[16];

    if (units % 16 == 0)
        return vec_load(from);
    vec_store(two, vec_load(from));
    vec_store(two + 16, lane + (left < 16 ? left : 16) > 16 ? vec_load(from + TILE) : vec_zero());
    memcpy(one, two + lane, sizeof one);
    return vec_first(left < 16 ? left : 16, vec_load(one), vec_zero());
}

NET_INLINE void net_set_gate(float *at, int units, int gate, int unit, vec x)
{
    const int channel = gate * units + unit, left = units - unit;
    _Alignas(64) float one[16];

    if (units % 16 == 0) {
        vec_store(at + (long)NET_IMAGES * channel, x);
        return;
    }
    vec_store(one, x);
    NET_REPEAT(i, left < 16 ? left : 16)
        at[(channel + i) / 16 * TILE + (channel + i) % 16] = one[i];
}

/* ---- A step forward -------------------------------------------------------------------------- */

/* One image: what it reads and writes. Values of the step before are NULL in the first. */
struct net_cell_step {
    const float *p;
    float *q, *h, *s; /* s: or NULL */
    const float *h_before, *s_before;
    int units, unit; /* the first of 16 */
};

NET_INLINE vec net_before(const float *at, int unit)
{
    return at ? vec_load(at + (long)NET_IMAGES * unit) : vec_zero();
}

NET_INLINE vec net_gate_sum(const struct net_cell_step *c, int gate)
{
    return vec_add(net_gate(c->p, c->units, gate, c->unit),
                   net_gate(c->q, c->units, gate, c->unit));
}

/* h; *s is what becomes of the state */
NET_INLINE vec net_lstm_step(const struct net_cell_step *c, vec *s)
{
    const vec i = vec_sigmoid(net_gate_sum(c, 0)), f = vec_sigmoid(net_gate_sum(c, 1));
    const vec g = vec_tanh(net_gate_sum(c, 2)), o = vec_sigmoid(net_gate_sum(c, 3));

    net_set_gate(c->q, c->units, 0, c->unit, i);
    net_set_gate(c->q, c->units, 1, c->unit, f);
    net_set_gate(c->q, c->units, 2, c->unit, g);
    net_set_gate(c->q, c->units, 3, c->unit, o);
    *s = vec_fma(f, net_before(c->s_before, c->unit), vec_mul(i, g));
    return vec_mul(o, vec_tanh(*s));
}

NET_INLINE vec net_gru_step(const struct net_cell_step *c, vec *s)
{
    const vec r = vec_sigmoid(net_gate_sum(c, 0)), z = vec_sigmoid(net_gate_sum(c, 1));
    vec n;

    *s = net_gate(c->q, c->units, 2, c->unit);
    n = vec_tanh(vec_fma(r, *s, net_gate(c->p, c->units, 2, c->unit)));
    net_set_gate(c->q, c->units, 0, c->unit, r);
    net_set_gate(c->q, c->units, 1, c->unit, z);
    net_set_gate(c->q, c->units, 2, c->unit, n);
    return vec_fma(z, vec_sub(net_before(c->h_before, c->unit), n), n);
}

/* padded: h and an lstm's s stay what they were */
NET_INLINE void net_cell_forward(enum net_cell cell, const struct net_cell_step *c, int padded)
{
    vec h, s = vec_zero();

    if (cell == NET_LSTM)
        h = net_lstm_step(c, &s);
    else if (cell == NET_GRU)
        h = net_gru_step(c, &s);
    else
        h = vec_tanh(net_gate_sum(c, 0));
    if (padded)
        h = net_before(c->h_before, c->unit);
    if (padded && cell == NET_LSTM)
        s = net_before(c->s_before, c->unit);
    vec_store(c->h + (long)NET_IMAGES * c->unit, h);
    if (c->s)
        vec_store(c->s + (long)NET_IMAGES * c->unit, s);
}

/* Is the position of an image padding? id: [image][position], or NULL */
NET_INLINE int net_is_padding(const int32_t *id, int image, int position, int length)
{
    return id && id[(long)length * image + position] == 0;
}

/* Items: eights of images. rows: images of a register tile, 8 or a part of it; threes, twos: panels
   of w. gates, s: NULL where no gradient reads them; then those of a step are in the thread's
   scratch. An rnn has none. */
NET_TEMPLATE void net_recurrent(enum net_cell cell, int rows, int threes, int twos, float *h,
                                float *gates, float *s, const float *p, const float *w,
                                const float *b, const int32_t *id, struct net_recurrent shape,
                                NET_RUN)
{
    const int units = shape.units, length = shape.length, outputs = shape.gates * units;
    const long h_pixel = net_pixel_floats(units), q_pixel = net_pixel_floats(outputs);
    float *own_q = net_scratch(run, thread);
    float *own_s = cell == NET_LSTM && !gates ? own_q + q_pixel : own_q;

    NET_ITEMS(eight, (run->n + 7) / 8, run, thread) {
        const struct net_walkers z = net_walkers_of(eight, eight_end, run);
        const long first = 16L * z.first;
        const int images = z.images;

        for (int step = 0; step < length; step++) {
            const int position = shape.reverse ? length - 1 - step : step;
            const long at = (long)z.block * length + position;
            const long before = shape.reverse ? at + 1 : at - 1;
            float *to = h + at * h_pixel + first;
            float *q = cell == NET_RNN ? to : gates ? gates + at * q_pixel + first : own_q;
            float *s_to = s ? s + at * h_pixel + first : cell == NET_LSTM ? own_s : NULL;
            const float *h_before = step ? h + before * h_pixel + first : NULL;
            const float *s_before = step && s ? s + before * h_pixel + first : s_to;

            net_step_product(rows, threes, twos, q, h_before, w, b, units, outputs, images);
            for (int unit = 0; unit < units; unit += 16)
                for (int i = 0; i < images; i++) {
                    const struct net_cell_step c = {.p = p + at * q_pixel + first + 16 * i,
                                                    .q = q + 16 * i,
                                                    .h = to + 16 * i,
                                                    .s = s_to ? s_to + 16 * i : NULL,
                                                    .h_before = step ? h_before + 16 * i : NULL,
                                                    .s_before = step && s_to ? s_before + 16 * i
                                                                             : NULL,
                                                    .units = units,
                                                    .unit = unit};

                    net_cell_forward(
                        cell, &c, net_is_padding(id, 16 * z.block + z.first + i, position, length));
                }
        }
        eight += images > 8;
    }
}

/* ---- A step back ----------------------------------------------------------------------------- */

/* One image. dq is what is given the weights and the h before: dp, but for a gru's n. */
struct net_cell_grad {
    float *dp, *dq;
    const float *dh, *h, *h_before, *gates, *s, *s_before;
    float *later, *ds; /* what the step after gives h, and becomes what h gives; of c */
    int units, unit;
};

NET_INLINE void net_lstm_grad(const struct net_cell_grad *c, vec dh)
{
    const vec i = net_gate(c->gates, c->units, 0, c->unit);
    const vec f = net_gate(c->gates, c->units, 1, c->unit);
    const vec g = net_gate(c->gates, c->units, 2, c->unit);
    const vec o = net_gate(c->gates, c->units, 3, c->unit);
    const vec tanh_s = vec_tanh(vec_load(c->s + (long)NET_IMAGES * c->unit));
    const vec ds = vec_add(vec_load(c->ds + (long)NET_IMAGES * c->unit),
                           net_tanh_grad(tanh_s, vec_mul(dh, o)));

    net_set_gate(c->dq, c->units, 0, c->unit, net_sigmoid_grad(i, vec_mul(ds, g)));
    net_set_gate(c->dq, c->units, 1, c->unit,
                 net_sigmoid_grad(f, vec_mul(ds, net_before(c->s_before, c->unit))));
    net_set_gate(c->dq, c->units, 2, c->unit, net_tanh_grad(g, vec_mul(ds, i)));
    net_set_gate(c->dq, c->units, 3, c->unit, net_sigmoid_grad(o, vec_mul(dh, tanh_s)));
    vec_store(c->ds + (long)NET_IMAGES * c->unit, vec_mul(ds, f));
    vec_store(c->later + (long)NET_IMAGES * c->unit, vec_zero());
}

NET_INLINE void net_gru_grad(const struct net_cell_grad *c, vec dh)
{
    const vec r = net_gate(c->gates, c->units, 0, c->unit);
    const vec z = net_gate(c->gates, c->units, 1, c->unit);
    const vec n = net_gate(c->gates, c->units, 2, c->unit);
    const vec dn = net_tanh_grad(n, vec_mul(dh, vec_sub(vec_set(1.0f), z)));
    const vec dr = net_sigmoid_grad(r, vec_mul(dn, vec_load(c->s + (long)NET_IMAGES * c->unit)));
    const vec dz = net_sigmoid_grad(z, vec_mul(dh, vec_sub(net_before(c->h_before, c->unit), n)));

    net_set_gate(c->dp, c->units, 0, c->unit, dr);
    net_set_gate(c->dp, c->units, 1, c->unit, dz);
    net_set_gate(c->dp, c->units, 2, c->unit, dn);
    net_set_gate(c->dq, c->units, 0, c->unit, dr);
    net_set_gate(c->dq, c->units, 1, c->unit, dz);
    net_set_gate(c->dq, c->units, 2, c->unit, vec_mul(dn, r));
    vec_store(c->later + (long)NET_IMAGES * c->unit, vec_mul(dh, z));
}

/* padded: all that h is given goes to the h before */
NET_INLINE void net_cell_backward(enum net_cell cell, int gates, const struct net_cell_grad *c,
                                  int padded)
{
    const vec dh = vec_add(vec_load(c->dh + (long)NET_IMAGES * c->unit),
                           vec_load(c->later + (long)NET_IMAGES * c->unit));

    if (padded) {
        for (int gate = 0; gate < gates; gate++) {
            net_set_gate(c->dp, c->units, gate, c->unit, vec_zero());
            net_set_gate(c->dq, c->units, gate, c->unit, vec_zero());
        }
        vec_store(c->later + (long)NET_IMAGES * c->unit, dh);
    } else if (cell == NET_LSTM) {
        net_lstm_grad(c, dh);
    } else if (cell == NET_GRU) {
        net_gru_grad(c, dh);
    } else {
        vec_store(c->dq + (long)NET_IMAGES * c->unit,
                  net_tanh_grad(vec_load(c->h + (long)NET_IMAGES * c->unit), dh));
        vec_store(c->later + (long)NET_IMAGES * c->unit, vec_zero());
    }
}

/* Lanes beyond the last gate, which net_set_gate leaves alone. */
NET_INLINE void net_clear_last_block(float *dq, int channels)
{
    if (channels % 16 != 0)
        vec_store(dq + channels / 16 * (long)TILE, vec_zero());
}

/* Items: eights of images. wt: w', its panels of h's channels; dq: or NULL, where it is dp. */
NET_TEMPLATE void net_recurrent_grad(enum net_cell cell, int rows, int threes, int twos, float *dp,
                                     float *dq, const float *dh, const float *h, const float *gates,
                                     const float *s, const int32_t *id, const float *wt,
                                     struct net_recurrent shape, NET_RUN)
{
    const int units = shape.units, length = shape.length, channels = shape.gates * units;
    const long h_pixel = net_pixel_floats(units), q_pixel = net_pixel_floats(channels);
    float *later = net_scratch(run, thread), *ds = later + h_pixel;

    if (!dq)
        dq = dp;
    NET_ITEMS(eight, (run->n + 7) / 8, run, thread) {
        const struct net_walkers z = net_walkers_of(eight, eight_end, run);
        const int images = z.images;

        memset(later, 0, (size_t)(cell == NET_LSTM ? 2 : 1) * (size_t)h_pixel * sizeof *later);
        for (int step = length - 1; step >= 0; step--) {
            const int position = shape.reverse ? length - 1 - step : step;
            const long at = (long)z.block * length + position;
            const long before = shape.reverse ? at + 1 : at - 1;
            const long at_h = at * h_pixel + 16 * z.first, at_q = at * q_pixel + 16 * z.first;
            const long h_before = before * h_pixel + 16 * z.first;

            for (int i = 0; i < images; i++) {
                net_clear_last_block(dp + at_q + 16 * i, channels);
                net_clear_last_block(dq + at_q + 16 * i, channels);
            }
            for (int unit = 0; unit < units; unit += 16)
                for (int i = 0; i < images; i++) {
                    const struct net_cell_grad c = {
                        .dp = dp + at_q + 16 * i,
                        .dq = dq + at_q + 16 * i,
                        .dh = dh + at_h + 16 * i,
                        .h = h ? h + at_h + 16 * i : NULL,
                        .h_before = step > 0 && h ? h + h_before + 16 * i : NULL,
                        .gates = gates ? gates + at_q + 16 * i : NULL,
                        .s = s ? s + at_h + 16 * i : NULL,
                        .s_before = step > 0 && s ? s + h_before + 16 * i : NULL,
                        .later = later + 16 * i,
                        .ds = ds + 16 * i,
                        .units = units,
                        .unit = unit};

                    net_cell_backward(
                        cell, shape.gates, &c,
                        net_is_padding(id, 16 * z.block + z.first + i, position, length));
                }
            if (step > 0)
                net_step_product(rows, threes, twos, later, dq + at_q, wt, NULL, channels, units,
                                 images);
        }
        eight += images > 8;
    }
}

#endif
