/*
 * recurrent.c -- rnn, lstm and gru in double, and their gradients: reference.c's operations over
 * time.
 */

#include "reference/reference.h"

#include <math.h>

/* Channel c at step t of a row of a value with `channels`. */
typedef struct Steps {
    int units, gates, length;
    bool reverse;
} Steps;

static double *at(const Steps *s, double *x, int row, int channels, int c, int t)
{
    return &x[((long)row * channels + c) * s->length + t];
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static Steps steps_of(const Node *node)
{
    const Shape w = node->inputs[1]->shape;

    return (Steps){.units = w.size[1],
                   .gates = w.size[0] / w.size[1],
                   .length = node->inputs[0]->shape.size[2],
                   .reverse = node->at.reverse};
}

/* The position of a step, and of the one before it; -1: none. */
static int position_of(const Steps *s, int step)
{
    return step < 0 ? -1 : s->reverse ? s->length - 1 - step : step;
}

static bool is_padding(const Steps *s, const double *tokens, int row, int t)
{
    return tokens && tokens[(long)row * s->length + t] == 0;
}

static double before(const Steps *s, double *x, int row, int u, int t)
{
    return t < 0 ? 0 : *at(s, x, row, s->units, u, t);
}

/* w h' + b of one gate */
static double product(const Steps *s, double *const *in, double *h, int row, int channel, int t)
{
    double q = in[2][channel];

    for (int k = 0; k < s->units && t >= 0; k++)
        q += in[1][(long)channel * s->units + k] * *at(s, h, row, s->units, k, t);
    return q;
}

static void step_forward(const Steps *s, Op op, double *const *in, double *const *out, int row,
                         int u, int t, int last)
{
    const int channels = s->gates * s->units;
    const double h_before = before(s, out[0], row, u, last);
    double p[4] = {0}, q[4] = {0}, gate[4] = {0}, h, state = 0;

    for (int g = 0; g < s->gates; g++) {
        p[g] = *at(s, in[0], row, channels, g * s->units + u, t);
        q[g] = product(s, in, out[0], row, g * s->units + u, last);
        gate[g] = sigmoid(p[g] + q[g]);
    }
    if (op == OP_LSTM) {
        gate[2] = tanh(p[2] + q[2]);
        state = gate[1] * before(s, out[2], row, u, last) + gate[0] * gate[2];
        h = gate[3] * tanh(state);
    } else if (op == OP_GRU) {
        state = q[2];
        gate[2] = tanh(p[2] + gate[0] * q[2]);
        h = (1 - gate[1]) * gate[2] + gate[1] * h_before;
    } else {
        h = tanh(p[0] + q[0]);
    }
    if (is_padding(s, in[3], row, t)) {
        h = h_before;
        if (op == OP_LSTM)
            state = before(s, out[2], row, u, last);
    }
    *at(s, out[0], row, s->units, u, t) = h;
    for (int g = 0; g < s->gates && op != OP_RNN; g++)
        *at(s, out[1], row, channels, g * s->units + u, t) = gate[g];
    if (op != OP_RNN)
        *at(s, out[2], row, s->units, u, t) = state;
}

static void evaluate_forward(const Reference *r, const Node *node, double *const *in,
                             double *const *out)
{
    const Steps s = steps_of(node);

    for (int row = 0; row < r->n; row++)
        for (int step = 0; step < s.length; step++)
            for (int u = 0; u < s.units; u++)
                step_forward(&s, node->op, in, out, row, u, position_of(&s, step),
                             position_of(&s, step - 1));
}

/* What one unit's dh makes of its gates; what of it goes to the h before other than by w. */
static double step_back(const Steps *s, const Node *node, double *const *in, double *const *out,
                        int row, int u, int t, int last, double dh, double *ds)
{
    const int channels = s->gates * s->units;
    double *gates = node->op == OP_RNN_GRAD ? NULL : in[2], g[4] = {0}, dp[4] = {0}, dq[4],
           kept = 0;
    const double *tokens = in[node->input_count - 1];

    for (int k = 0; k < s->gates && gates; k++)
        g[k] = *at(s, gates, row, channels, k * s->units + u, t);
    if (is_padding(s, tokens, row, t)) {
        kept = dh;
    } else if (node->op == OP_LSTM_GRAD) {
        const double th = tanh(*at(s, in[3], row, s->units, u, t));

        *ds += dh * g[3] * (1 - th * th);
        dp[0] = *ds * g[2] * g[0] * (1 - g[0]);
        dp[1] = *ds * before(s, in[3], row, u, last) * g[1] * (1 - g[1]);
        dp[2] = *ds * g[0] * (1 - g[2] * g[2]);
        dp[3] = dh * th * g[3] * (1 - g[3]);
        *ds *= g[1];
    } else if (node->op == OP_GRU_GRAD) {
        dp[2] = dh * (1 - g[1]) * (1 - g[2] * g[2]);
        dp[1] = dh * (before(s, in[4], row, u, last) - g[2]) * g[1] * (1 - g[1]);
        dp[0] = dp[2] * *at(s, in[3], row, s->units, u, t) * g[0] * (1 - g[0]);
        kept = dh * g[1];
    } else {
        const double h = *at(s, in[2], row, s->units, u, t);

        dp[0] = dh * (1 - h * h);
    }
    for (int k = 0; k < s->gates; k++) {
        dq[k] = node->op == OP_GRU_GRAD && k == 2 ? dp[2] * g[0] : dp[k];
        *at(s, out[0], row, channels, k * s->units + u, t) = dp[k];
        if (out[1])
            *at(s, out[1], row, channels, k * s->units + u, t) = dq[k];
    }
    return kept;
}

static void evaluate_backward(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const Steps s = steps_of(node);
    double *dq = out[1] ? out[1] : out[0];
    double *later = allocate((size_t)s.units * sizeof *later);
    double *ds = allocate((size_t)s.units * sizeof *ds);

    for (int row = 0; row < r->n; row++) {
        for (int u = 0; u < s.units; u++)
            later[u] = ds[u] = 0;
        for (int step = s.length - 1; step >= 0; step--) {
            const int t = position_of(&s, step);

            for (int u = 0; u < s.units; u++)
                later[u] = step_back(&s, node, in, out, row, u, t, position_of(&s, step - 1),
                                     *at(&s, in[0], row, s.units, u, t) + later[u], &ds[u]);
            for (int c = 0; c < s.gates * s.units; c++)
                for (int u = 0; u < s.units; u++)
                    later[u] += *at(&s, dq, row, s.gates * s.units, c, t) *
                                in[1][(long)c * s.units + u];
        }
    }
}

Evaluate *find_recurrent_evaluation(Op op)
{
    return op == OP_RNN || op == OP_LSTM || op == OP_GRU ? evaluate_forward
           : walks_back(op)                              ? evaluate_backward
                                                         : NULL;
}
