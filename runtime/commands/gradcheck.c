/*
 * gradcheck.c -- `gradcheck`: the gradients of the train step against differences of its loss.
 *
 * The loss is a single-precision number with thousands of kinks (relu, maximum pooling): a step
 * that is large enough for its rounding crosses some, and a plain central difference then says
 * little. But along any path L(end) - L(begin) is the integral of the gradient, kinks or not. So
 * the difference of the loss is compared with the mean of the gradient over points of the path,
 * ever more of them until the mean is sure. A gradient that is wrong by 1% stays wrong; by how much
 * the rounding moves the loss is measured first.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "core/random.h"

enum {
    ATTEMPTS = 4,
    WANTED = 2,   /* right for two batches of rows out of at most four */
    ELEMENTS = 2, /* of each tensor that are checked on their own */
    FIRST = 3,
    POINTS = 243, /* of a path: at first, and at most; each time thrice as many */
    RETREATS = 3, /* to paths of a quarter of the length, at most */
    ROWS = 8,     /* of a batch */
};

struct check {
    struct net_session session;
    const struct net_model *model;
    int n;              /* rows of the batch */
    char *params;       /* as they were */
    float *g;           /* the gradients, laid out like params */
    double *d;          /* the direction, in logical order of the tensor at hand */
    double *sum;        /* of the gradients at the points of a path, likewise */
    float *begin, *end; /* the parameters there, likewise */
    double loss;        /* at params */
    double noise;       /* of the loss: how far it moves when parameters move by an ulp */
    uint32_t draws;     /* taken so far */
    struct net_progress progress;
    int section;                     /* of several, from 1, whose loss it is; 0: there is one */
    const struct net_tensor *tensor; /* that is checked, or NULL */
    int chosen, begun;               /* tensors to check; of this attempt's, those begun */
    long losses;                     /* that were computed */
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

/* A recurrent network takes minutes: which tensor is at hand, where stderr is a terminal. */
static void show_progress(struct check *check)
{
    check->losses++;
    if (!check->tensor || !net_progress_due(&check->progress))
        return;
    char *line = net_format("tensor %d of %d, %s, after %ld losses", check->begun, check->chosen,
                            check->tensor->name, check->losses);

    net_progress_draw(&check->progress, line);
    free(line);
}

/* Of several train sections the loss of one, with all penalties. */
static double section_loss(struct check *check)
{
    double loss = net_penalty(&check->session);

    for (int t = 0; t < check->model->term_count; t++)
        if (check->model->term_sections[t] == check->section - 1)
            loss += (double)check->session.run.terms[t].factor *
                    (double)check->session.run.terms[t].mean;
    return loss;
}

/* The loss where params are now; running statistics are put back. */
static double loss_here(struct check *check)
{
    const double whole = (double)net_gradients(&check->session, check->session.batch[0], check->n),
                 loss = check->section ? section_loss(check) : whole;

    for (int t = 0; t < check->model->tensor_count; t++)
        if (!check->model->tensors[t].trainable)
            restore(check, &check->model->tensors[t]);
    show_progress(check);
    return loss;
}

/* The padding row of a table has no gradient by definition, though the loss depends on it. */
static bool is_padding(const struct net_tensor *tensor, long i)
{
    return tensor->padding_row && i / tensor->shape[1] == tensor->padding_row - 1;
}

/* The loss at w = w0 + h d, paddings aside; `reached`, or NULL, gets w as rounding left it. */
static double loss_at(struct check *check, const struct net_tensor *tensor, double h,
                      float *reached)
{
    const float *w0 = tensor_at(check->params, tensor);
    float *w = tensor_at(check->session.run.params, tensor);
    const long size = net_tensor_size(tensor);

    for (long i = 0; i < size; i++) {
        const long at = net_tensor_at(tensor, i);

        if (!is_padding(tensor, i))
            w[at] = (float)((double)w0[at] + h * check->d[i]);
        if (reached)
            reached[i] = w[at];
    }
    const double loss = loss_here(check);
    restore(check, tensor);
    return loss;
}

/* The sum over i of (end - begin) times the mean of the gradient over `points` between them, in the
   middle of as many parts; `amounts` grows by its amounts, in parts of 2 h. What a third as
   many points added up is there already: they are the middles of every third part. */
static double integral(struct check *check, const struct net_tensor *tensor, double h, int points,
                       double *amounts)
{
    const float *g = tensor_at(check->session.run.grads, tensor);
    const long size = net_tensor_size(tensor);
    double sum = 0.0;

    for (int k = 0; k < points; k++) {
        double along = 0.0;

        if (points > FIRST && k % 3 == 1)
            continue;
        loss_at(check, tensor, h * ((2.0 * k + 1.0) / points - 1.0), NULL);
        for (long i = 0; i < size; i++) {
            const double gi = (double)g[net_tensor_at(tensor, i)];

            check->sum[i] += gi;
            along += gi * ((double)check->end[i] - (double)check->begin[i]);
        }
        *amounts += fabs(along) / (2.0 * h);
    }
    for (long i = 0; i < size; i++)
        sum += check->sum[i] / points * ((double)check->end[i] - (double)check->begin[i]);
    return sum;
}

/* How far the loss at the ends of a path, w0 -+ h d, differs from what the gradients between them
   say, beyond what rounding can explain. Up to `small` it is looked at no closer. */
static double sure_error(struct check *check, const struct net_tensor *tensor, double h,
                         double small, double *path)
{
    const double slack = check->noise / (2.0 * h);
    const double up = loss_at(check, tensor, h, check->end);
    const double down = loss_at(check, tensor, -h, check->begin);
    double before = INFINITY, sure = INFINITY, amounts = 0.0;

    memset(check->sum, 0, (size_t)net_tensor_size(tensor) * sizeof *check->sum);
    for (int points = FIRST; points <= POINTS; points *= 3) {
        const double error = (up - down - integral(check, tensor, h, points, &amounts)) / (2.0 * h);

        *path = amounts / points;
        sure = fmax(0.0, fabs(error) - slack);
        if (!isfinite(error))
            return INFINITY;
        if (sure <= small && fabs(error - before) <= 2.0 * small + slack)
            break;
        before = error;
    }
    return sure;
}

/* How wrong the gradient is along check->d, beyond what rounding can explain, in parts of
   `scale`, the size of the derivative that matters; to be judged by `tolerance`. */
static double error_along(struct check *check, const struct net_tensor *tensor, double scale,
                          double tolerance)
{
    const float *w0 = tensor_at(check->params, tensor);
    const long size = net_tensor_size(tensor);
    double top = 0.0, square = 0.0;

    for (long i = 0; i < size; i++) {
        const double w = (double)w0[net_tensor_at(tensor, i)];

        top = fmax(top, fabs(check->d[i]));
        square += w * w;
    }
    /* far enough for the rounding to be a tenth of the tolerance, but never far from the
       parameters */
    const double usual = square > 0.0 ? sqrt(square / (double)size) : 0.1;
    double h = fmin(0.3 * usual / top, 5.0 * check->noise / (tolerance * scale));

    for (int retreats = 0;; retreats++, h /= 4.0) {
        double path;
        const double sure = sure_error(check, tensor, h, tolerance * scale, &path);

        if (!isfinite(sure))
            return INFINITY;
        /* weights before a batchnorm have a gradient that is tiny here and huge close to 0: its
           rounding there is no matter of ours */
        if (sure > tolerance * scale && path > 2.0 * scale && retreats < RETREATS)
            continue;
        return sure <= 0.0 ? 0.0 : scale > 0.0 ? sure / scale : INFINITY;
    }
}

/* ---- The directions -------------------------------------------------------------------------- */

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
    return error_along(check, tensor, sqrt(square), 0.05);
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
        worst = fmax(worst, error_along(check, tensor, top, 0.05));
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

    check->tensor = tensor;
    check->begun++;
    for (long i = 0; i < size; i++) {
        const double gi = (double)g[net_tensor_at(tensor, i)];

        square += gi * gi;
    }
    const double norm = sqrt(square);
    const double along = norm > 0.0 ? check_along(check, tensor, norm) : 0.0;
    const double random = check_random(check, tensor, norm);
    const double elements = check_elements(check, tensor);
    const bool right = isfinite(norm) && along <= 0.003 && random <= 0.05 && elements <= 0.05;

    net_progress_close(&check->progress);
    printf("%-6s %-40s %9ld %12.4g %9.2g %9.2g %9.2g\n",
           right              ? "ok"
           : !last            ? "again"
           : tensor->detached ? "-"
                              : "WRONG",
           tensor->name, size, norm, along, random, elements);
    fflush(stdout);
    return right;
}

/* ---- The command ----------------------------------------------------------------------------- */

/* Other rows at each attempt, as many as the data allow. */
static void fill_batch(struct check *check, const struct net_options *options, int attempt)
{
    struct net_session *session = &check->session;
    const struct net_model *model = check->model;

    if (net_flag(options, NET_SYNTHETIC)) {
        net_synthetic_pack(model, session->run.seed, attempt * check->n, check->n,
                           session->batch[0]);
        return;
    }
    if (!session->data)
        session->data = net_data_open_by(model, &session->opening);
    const long count = net_data_rows(session->data, NET_TRAIN);
    long *rows = net_allocate((size_t)count, sizeof *rows);

    if (check->n > count)
        check->n = (int)count;
    net_order(rows, count, session->run.seed, (uint32_t)attempt, true);
    net_data_pack(session->data, NET_TRAIN, NULL, rows, check->n, session->batch[0]);
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

/* The loss of these rows, of the section at hand, and what is known of it. */
static void measure_loss(struct check *check)
{
    check->loss = loss_here(check);
    memcpy(check->g, check->session.run.grads, check->model->params_size);
    measure_noise(check);
    if (!isfinite(check->loss))
        net_fail(NET_DIVERGED, "the loss of these rows is not finite: %g", check->loss);
    printf("%d rows, loss %.7g, which is known to %.1e\n", check->n, check->loss, check->noise);
    printf("%-6s %-40s %9s %12s %9s %9s %9s\n", "", "tensor", "elements", "norm", "along", "random",
           "single");
    fflush(stdout);
}

/* `name`: what its name begins with, or NULL */
static bool is_chosen(const struct net_tensor *tensor, const char *name)
{
    return tensor->trainable && (!name || !strncmp(tensor->name, name, strlen(name)));
}

/* Tensors that were not found right; of `hidden` ones a detach may be why, as the loss takes behind
   it what no gradient has. */
static int count_wrong(const struct net_model *model, const char *name, const int *right,
                       bool hidden)
{
    int count = 0;

    for (int t = 0; t < model->tensor_count; t++)
        count += is_chosen(&model->tensors[t], name) && right[t] < WANTED &&
                 model->tensors[t].detached == hidden;
    return count;
}

static int tell_result(int chosen, int wrong, int hidden)
{
    if (wrong)
        printf("%d gradients are wrong\n", wrong);
    else if (hidden)
        printf(
            "%d gradients are right; %d are not known: the loss reads these tensors (-) behind a "
            "detach too, where its differences are not the gradient\n",
            chosen - hidden, hidden);
    else
        puts("all gradients are right");
    return wrong || (hidden && hidden == chosen) ? NET_FAULT : NET_OK;
}

/* Checks the tensors that are not known to be right yet; gives how many are still not. `right`
   counts the batches for which they were. */
static int attempt(struct check *check, const struct net_options *options, int number, int *right)
{
    const struct net_model *model = check->model;
    int wrong = 0;

    check->tensor = NULL;
    check->begun = check->chosen = 0;
    for (int t = 0; t < model->tensor_count; t++)
        check->chosen += is_chosen(&model->tensors[t], options->file) && right[t] < WANTED;
    check->section = 0;
    fill_batch(check, options, number);
    for (int t = 0; t < model->tensor_count; t++)
        if (is_chosen(&model->tensors[t], options->file) && right[t] < WANTED) {
            if (!check->tensor || model->tensors[t].section != check->section) {
                check->tensor = NULL;
                check->section = model->tensors[t].section;
                measure_loss(check);
            }
            right[t] += check_tensor(check, &model->tensors[t], number == ATTEMPTS - 1);
            wrong += right[t] < WANTED;
        }
    return wrong;
}

int net_command_gradcheck(struct net_options *options)
{
    const struct net_model *model = options->model;
    struct check check = {.model = model};
    struct net_session *session = &check.session;
    int *right = net_allocate((size_t)model->tensor_count, sizeof *right);
    long most = 1;
    int wrong = 1, chosen = 0;

    if (model->precision)
        net_fail(NET_USAGE,
                 "operands rounded to %s hide the differences of the loss that gradcheck compares "
                 "with; compile with netc --precision float32",
                 model->precision);
    for (int t = 0; t < model->tensor_count; t++)
        chosen += is_chosen(&model->tensors[t], options->file);
    if (options->file && !chosen)
        net_fail(NET_USAGE,
                 "no tensor that is trained has a name that begins with \"%s\"; "
                 "`summary` lists them",
                 options->file);
    net_session_open(session, options);
    if (options->value[NET_WEIGHTS].text)
        net_session_weights(session);
    check.n = options->value[NET_BATCH].given ? (int)net_whole(options, NET_BATCH)
              : model->batch < ROWS           ? model->batch
                                              : ROWS;
    if (!session->run.grads)
        session->run.grads = net_memory(model->params_size);
    check.params = memcpy(net_memory(model->params_size), session->run.params, model->params_size);
    check.g = net_memory(model->params_size);
    for (int t = 0; t < model->tensor_count; t++)
        if (net_tensor_size(&model->tensors[t]) > most)
            most = net_tensor_size(&model->tensors[t]);
    check.d = net_allocate((size_t)most, sizeof *check.d);
    check.sum = net_allocate((size_t)most, sizeof *check.sum);
    check.begin = net_allocate((size_t)most, sizeof *check.begin);
    check.end = net_allocate((size_t)most, sizeof *check.end);

    net_progress_open(&check.progress, stdout, net_flag(options, NET_QUIET));
    for (int number = 0; wrong && number < ATTEMPTS; number++)
        wrong = attempt(&check, options, number, right);
    wrong = count_wrong(model, options->file, right, false);

    const int code = tell_result(chosen, wrong, count_wrong(model, options->file, right, true));

    free(check.params);
    free(check.g);
    free(check.d);
    free(check.sum);
    free(check.begin);
    free(check.end);
    free(right);
    net_session_close(session);
    return code;
}
