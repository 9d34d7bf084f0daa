/*
 * gradcheck.c -- `gradcheck`: the gradients of the train step against central differences of its loss.
 *
 * The loss is a single-precision number with kinks (relu, maximum pooling), so a difference is only as
 * good as its step size. Each check measures at several and believes the two neighbours that agree
 * best with each other, not those that agree with the gradient: a gradient that is wrong by 1% stays
 * wrong. What is compared is L(w+) - L(w-) with the sum of g (w+ - w-), so that the rounding of the
 * parameters themselves does not count.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "runtime.h"

enum { SIZES = 6, ATTEMPTS = 3, ELEMENTS = 3, ROWS = 16 };

struct check {
    struct net_session session;
    const struct net_model *model;
    int n;                      /* rows of the batch */
    char *params;               /* as they were */
    float *g;                   /* the gradients, laid out like params */
    double *d;                  /* the direction, in logical order of the tensor at hand */
    double loss;                /* at params */
    double noise;               /* of the loss: how far it moves when parameters move by an ulp */
    uint32_t draws;             /* taken so far */
};

static double uniform(struct check *check)
{
    uint32_t draw[4];

    net_philox(draw, check->session.run.seed, check->draws++, 0, 0, NET_RANDOM_CHECK);
    return ((double)draw[0] + 0.5) / 4294967296.0;
}

static double sign(struct check *check)
{
    return uniform(check) < 0.5 ? -1.0 : 1.0;
}

static float *tensor_at(void *base, const struct net_tensor *tensor)
{
    return (float *)((char *)base + tensor->offset);
}

static void restore(struct check *check, const struct net_tensor *tensor)
{
    memcpy(tensor_at(check->session.run.params, tensor), tensor_at(check->params, tensor),
           (size_t)tensor->count * sizeof(float));
}

/* The loss where params are now; running statistics are put back. */
static double loss_here(struct check *check)
{
    const double loss = (double)net_gradients(&check->session, check->session.batch[0], check->n);

    for (int t = 0; t < check->model->tensor_count; t++)
        if (!check->model->tensors[t].trainable)
            restore(check, &check->model->tensors[t]);
    return loss;
}

/* w = w0 + h d; adds sign * g (w - w0) to *expected */
static double loss_at(struct check *check, const struct net_tensor *tensor, double h,
                      double *expected)
{
    const float *w0 = tensor_at(check->params, tensor), *g = tensor_at(check->g, tensor);
    float *w = tensor_at(check->session.run.params, tensor);
    const long size = net_tensor_size(tensor);

    for (long i = 0; i < size; i++) {
        const long at = net_tensor_at(tensor, i);

        w[at] = (float)((double)w0[at] + h * check->d[i]);
        *expected += (h > 0.0 ? 1.0 : -1.0) * (double)g[at] * ((double)w[at] - (double)w0[at]);
    }
    const double loss = loss_here(check);
    restore(check, tensor);
    return loss;
}

/* How wrong the gradient is along check->d, beyond what can be told from noise, in parts of `scale`, the
   size of the derivative that matters. `tolerance`: in parts of scale too. */
static double error_along(struct check *check, const struct net_tensor *tensor, double scale,
                          double tolerance)
{
    const float *w0 = tensor_at(check->params, tensor);
    const long size = net_tensor_size(tensor);
    double top = 0.0, square = 0.0, error[SIZES], noise[SIZES];
    int best = 0;

    for (long i = 0; i < size; i++) {
        const double w = (double)w0[net_tensor_at(tensor, i)];

        top = fmax(top, fabs(check->d[i]));
        square += w * w;
    }
    /* the largest step: a tenth of the loss, or a third of a usual parameter */
    const double usual = square > 0.0 ? sqrt(square / (double)size) : 0.1;
    double h = 0.3 * usual / top;
    if (scale > 0.0)
        h = fmin(h, 0.05 * fabs(check->loss) / scale);

    for (int k = 0; k < SIZES; k++, h /= 3.0) {
        double expected = 0.0;
        const double up = loss_at(check, tensor, h, &expected);
        const double down = loss_at(check, tensor, -h, &expected);

        error[k] = (up - down - expected) / (2.0 * h);
        noise[k] = check->noise / (2.0 * h);
        if (!isfinite(error[k]))
            return INFINITY;
    }
    /* neighbours that agree, among the steps whose noise is small enough to judge by */
    for (int k = 1; k + 1 < SIZES; k++)
        if (noise[k + 1] < 0.25 * tolerance * scale
            && fabs(error[k] - error[k + 1]) < fabs(error[best] - error[best + 1]))
            best = k;

    const double spread = fabs(error[best] - error[best + 1]);
    const double sure = fabs(error[best + 1]) - noise[best + 1]
                        - fmin(spread, tolerance * scale);
    return sure <= 0.0 ? 0.0 : scale > 0.0 ? sure / scale : INFINITY;
}

/* ---- The directions ------------------------------------------------------------------------------- */

/* Along the gradient, each element by a factor of its own: a wrong factor shows. */
static double check_along(struct check *check, const struct net_tensor *tensor, double norm)
{
    const float *g = tensor_at(check->g, tensor);
    const long size = net_tensor_size(tensor);
    double best = INFINITY;

    for (int attempt = 0; attempt < ATTEMPTS && best > 0.003; attempt++) {
        double scale = 0.0;

        for (long i = 0; i < size; i++) {
            const double gi = (double)g[net_tensor_at(tensor, i)];

            check->d[i] = gi / norm * (0.5 + uniform(check));
            scale += gi * check->d[i];
        }
        best = fmin(best, error_along(check, tensor, scale, 0.003));
    }
    return best;
}

/* Signs at random, elements without gradient too: missing and wrong terms show. */
static double check_random(struct check *check, const struct net_tensor *tensor, double norm)
{
    const float *g = tensor_at(check->g, tensor);
    const long size = net_tensor_size(tensor);
    const double usual = norm > 0.0 ? norm / sqrt((double)size) : 1.0;
    double best = INFINITY;

    for (int attempt = 0; attempt < ATTEMPTS && best > 0.02; attempt++) {
        double square = 0.0;

        for (long i = 0; i < size; i++) {
            const double gi = (double)g[net_tensor_at(tensor, i)];

            check->d[i] = sign(check) * (fabs(gi) + usual) / usual;
            square += gi * gi * check->d[i] * check->d[i];
        }
        best = fmin(best, error_along(check, tensor, sqrt(square), 0.02));
    }
    return best;
}

/* The element with the largest gradient, then some at random; in parts of the largest. */
static double check_elements(struct check *check, const struct net_tensor *tensor)
{
    const float *g = tensor_at(check->g, tensor);
    const long size = net_tensor_size(tensor);
    double worst = 0.0, top = 0.0;
    long element = 0;

    for (long i = 0; i < size; i++)
        if (fabs((double)g[net_tensor_at(tensor, i)]) > top) {
            top = fabs((double)g[net_tensor_at(tensor, i)]);
            element = i;
        }
    memset(check->d, 0, (size_t)size * sizeof *check->d);
    for (int k = 0; k < ELEMENTS; k++) {
        check->d[element] = 1.0;
        worst = fmax(worst, error_along(check, tensor, top, 0.02));
        check->d[element] = 0.0;
        element = (long)(uniform(check) * (double)size);
    }
    return worst;
}

static bool check_tensor(struct check *check, const struct net_tensor *tensor)
{
    const float *g = tensor_at(check->g, tensor);
    const long size = net_tensor_size(tensor);
    double square = 0.0;

    for (long i = 0; i < size; i++) {
        const double gi = (double)g[net_tensor_at(tensor, i)];

        square += gi * gi;
    }
    const double norm = sqrt(square);
    const double along = norm > 0.0 ? check_along(check, tensor, norm) : 0.0;
    const double random = check_random(check, tensor, norm);
    const double elements = check_elements(check, tensor);
    const bool right = isfinite(norm) && along <= 0.003 && random <= 0.02 && elements <= 0.02;

    printf("%-6s %-40s %9ld %12.4g %9.2g %9.2g %9.2g\n", right ? "ok" : "WRONG", tensor->name, size,
           norm, along, random, elements);
    fflush(stdout);
    return right;
}

/* ---- The command ---------------------------------------------------------------------------------- */

static void fill_batch(struct check *check, const struct net_options *options)
{
    struct net_session *session = &check->session;
    const struct net_model *model = check->model;

    check->n = options->value[NET_BATCH].given ? (int)net_whole(options, NET_BATCH)
               : model->batch < ROWS ? model->batch : ROWS;
    if (net_flag(options, NET_SYNTHETIC)) {
        net_synthetic_pack(model, session->run.seed, 0, check->n, session->batch[0]);
        return;
    }
    session->data = net_data_open(model, options->value[NET_DATA].text, NULL);
    const long count = net_data_rows(session->data, NET_TRAIN);
    long *rows = net_allocate((size_t)count, sizeof *rows);

    if (check->n > count)
        check->n = (int)count;
    net_order(rows, count, session->run.seed, 0, true);
    net_data_pack(session->data, NET_TRAIN, rows, check->n, session->batch[0]);
    free(rows);
}

/* Every parameter an ulp up or down, four times: the loss moves by its noise. */
static void measure_noise(struct check *check)
{
    double most = 0.0;

    for (int trial = 0; trial < 4; trial++) {
        for (int t = 0; t < check->model->tensor_count; t++) {
            const struct net_tensor *tensor = &check->model->tensors[t];
            float *w = tensor_at(check->session.run.params, tensor);

            for (long i = 0; tensor->trainable && i < net_tensor_size(tensor); i++) {
                const long at = net_tensor_at(tensor, i);

                w[at] = nextafterf(w[at], (float)sign(check) * INFINITY);
            }
        }
        most = fmax(most, fabs(loss_here(check) - check->loss));
        for (int t = 0; t < check->model->tensor_count; t++)
            restore(check, &check->model->tensors[t]);
    }
    check->noise = 2.0 * most + ldexp(fabs(check->loss), -23);
}

int net_gradcheck(const struct net_options *options)
{
    struct check check = { .model = options->model };
    struct net_session *session = &check.session;
    const size_t size = options->model->params_size;
    long most = 1;
    int wrong = 0, tensors = 0;

    net_session_open(session, options);
    if (options->value[NET_WEIGHTS].text)
        free(net_session_weights(session));
    fill_batch(&check, options);
    if (!session->run.grads)
        session->run.grads = net_memory(size);
    check.params = memcpy(net_memory(size), session->run.params, size);
    check.loss = loss_here(&check);
    check.g = memcpy(net_memory(size), session->run.grads, size);
    for (int t = 0; t < check.model->tensor_count; t++)
        if (net_tensor_size(&check.model->tensors[t]) > most)
            most = net_tensor_size(&check.model->tensors[t]);
    check.d = net_allocate((size_t)most, sizeof *check.d);
    measure_noise(&check);

    printf("%d rows, loss %.7g, which is known to %.1e\n", check.n, check.loss, check.noise);
    printf("%-6s %-40s %9s %12s %9s %9s %9s\n", "", "tensor", "elements", "norm", "along", "random",
           "single");
    for (int t = 0; t < check.model->tensor_count; t++)
        if (check.model->tensors[t].trainable) {
            tensors++;
            wrong += !check_tensor(&check, &check.model->tensors[t]);
        }
    printf(wrong ? "%d of %d gradients are wrong\n" : "all gradients are right\n", wrong, tensors);
    free(check.params);
    free(check.g);
    free(check.d);
    net_session_close(session);
    return wrong ? NET_FAULT : NET_OK;
}
