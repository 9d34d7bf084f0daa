/*
 * gradcheck.c -- `gradcheck`: the gradients of the train step against central differences of its loss.
 *
 * The loss is a single-precision number with kinks (relu, maximum pooling), so each difference is taken
 * over the smallest step at which the loss's measured noise is still well below the tolerance. What is
 * compared is L(w+) - L(w-) with the sum of g (w+ - w-): the rounding of the parameters does not count.
 * A step that met a kink all the same can make right look wrong, or wrong right, but for these rows
 * only: a gradient is right when it is right for two batches out of five.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "runtime.h"

enum { ATTEMPTS = 5, WANTED = 2, ELEMENTS = 3, ROWS = 16 };

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

/* At w = w0 + h d; adds g (w - w0) to *expected, or subtracts it where h < 0. */
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

/* How wrong the gradient is along check->d, beyond what noise can explain, in parts of `scale`, the size
   of the derivative that matters; to be judged by `tolerance`. */
static double error_along(struct check *check, const struct net_tensor *tensor, double scale,
                          double tolerance)
{
    const float *w0 = tensor_at(check->params, tensor);
    const long size = net_tensor_size(tensor);
    double top = 0.0, square = 0.0, error[2];

    for (long i = 0; i < size; i++) {
        const double w = (double)w0[net_tensor_at(tensor, i)];

        top = fmax(top, fabs(check->d[i]));
        square += w * w;
    }
    /* never more than a third of a usual parameter */
    const double usual = square > 0.0 ? sqrt(square / (double)size) : 0.1;
    const double h = fmin(0.15 * usual / top, 2.0 * check->noise / (tolerance * scale));

    for (int k = 0; k < 2; k++) {
        double expected = 0.0;
        const double up = loss_at(check, tensor, (k + 1) * h, &expected);
        const double down = loss_at(check, tensor, -(k + 1) * h, &expected);

        error[k] = (up - down - expected) / (2.0 * (k + 1) * h);
        if (!isfinite(error[k]))
            return INFINITY;
    }
    /* what bends the loss shows in the difference of the two */
    const double slack = check->noise / (2.0 * h)
                         + fmin(fabs(error[1] - error[0]), tolerance * scale);
    const double sure = fmin(fabs(error[0]), fabs(error[1])) - slack;
    return sure <= 0.0 ? 0.0 : scale > 0.0 ? sure / scale : INFINITY;
}

/* ---- The directions ------------------------------------------------------------------------------- */

/* Along the gradient, each element by a factor of its own: a wrong factor shows. */
static double check_along(struct check *check, const struct net_tensor *tensor, double norm)
{
    const float *g = tensor_at(check->g, tensor);
    const long size = net_tensor_size(tensor);
    double scale = 0.0;

    for (long i = 0; i < size; i++) {
        const double gi = (double)g[net_tensor_at(tensor, i)];

        check->d[i] = gi / norm * (0.5 + uniform(check));
        scale += gi * check->d[i];
    }
    return error_along(check, tensor, scale, 0.003);
}

/* Signs at random, elements without gradient too: missing and wrong terms show. */
static double check_random(struct check *check, const struct net_tensor *tensor, double norm)
{
    const float *g = tensor_at(check->g, tensor);
    const long size = net_tensor_size(tensor);
    const double usual = norm > 0.0 ? norm / sqrt((double)size) : 1.0;
    double square = 0.0;

    for (long i = 0; i < size; i++) {
        const double gi = (double)g[net_tensor_at(tensor, i)];

        check->d[i] = sign(check) * (fabs(gi) + usual) / usual;
        square += gi * gi * check->d[i] * check->d[i];
    }
    return error_along(check, tensor, sqrt(square), 0.02);
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

static bool check_tensor(struct check *check, const struct net_tensor *tensor, bool last)
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

    printf("%-6s %-40s %9ld %12.4g %9.2g %9.2g %9.2g\n", right ? "ok" : last ? "WRONG" : "kink?",
           tensor->name, size, norm, along, random, elements);
    fflush(stdout);
    return right;
}

/* ---- The command ---------------------------------------------------------------------------------- */

/* Other rows at each attempt, as many as the data allow. */
static void fill_batch(struct check *check, const struct net_options *options, int attempt)
{
    struct net_session *session = &check->session;
    const struct net_model *model = check->model;

    if (net_flag(options, NET_SYNTHETIC)) {
        net_synthetic_pack(model, session->run.seed, attempt * check->n, check->n, session->batch[0]);
        return;
    }
    if (!session->data)
        session->data = net_data_open(model, options->value[NET_DATA].text, NULL);
    const long count = net_data_rows(session->data, NET_TRAIN);
    long *rows = net_allocate((size_t)count, sizeof *rows);

    if (check->n > count)
        check->n = (int)count;
    net_order(rows, count, session->run.seed, (uint32_t)attempt, true);
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

/* Checks the tensors that are not known to be right yet; gives how many are still not. `right` counts
   the batches for which they were. */
static int attempt(struct check *check, const struct net_options *options, int number, int *right)
{
    const struct net_model *model = check->model;
    int wrong = 0;

    fill_batch(check, options, number);
    check->loss = loss_here(check);
    memcpy(check->g, check->session.run.grads, model->params_size);
    measure_noise(check);
    if (!isfinite(check->loss))
        net_fail(NET_DIVERGED, "the loss of these rows is not finite: %g", check->loss);
    printf("%d rows, loss %.7g, which is known to %.1e\n", check->n, check->loss, check->noise);
    printf("%-6s %-40s %9s %12s %9s %9s %9s\n", "", "tensor", "elements", "norm", "along", "random",
           "single");
    for (int t = 0; t < model->tensor_count; t++)
        if (model->tensors[t].trainable && right[t] < WANTED) {
            right[t] += check_tensor(check, &model->tensors[t], number == ATTEMPTS - 1);
            wrong += right[t] < WANTED;
        }
    return wrong;
}

int net_gradcheck(const struct net_options *options)
{
    const struct net_model *model = options->model;
    struct check check = { .model = model };
    struct net_session *session = &check.session;
    int *right = net_allocate((size_t)model->tensor_count, sizeof *right);
    long most = 1;
    int wrong = 1;

    net_session_open(session, options);
    if (options->value[NET_WEIGHTS].text)
        free(net_session_weights(session));
    check.n = options->value[NET_BATCH].given ? (int)net_whole(options, NET_BATCH)
              : model->batch < ROWS ? model->batch : ROWS;
    if (!session->run.grads)
        session->run.grads = net_memory(model->params_size);
    check.params = memcpy(net_memory(model->params_size), session->run.params, model->params_size);
    check.g = net_memory(model->params_size);
    for (int t = 0; t < model->tensor_count; t++)
        if (net_tensor_size(&model->tensors[t]) > most)
            most = net_tensor_size(&model->tensors[t]);
    check.d = net_allocate((size_t)most, sizeof *check.d);

    for (int number = 0; wrong && number < ATTEMPTS; number++)
        wrong = attempt(&check, options, number, right);
    if (wrong)
        printf("%d gradients are wrong\n", wrong);
    else
        puts("all gradients are right");
    free(check.params);
    free(check.g);
    free(check.d);
    free(right);
    net_session_close(session);
    return wrong ? NET_FAULT : NET_OK;
}
