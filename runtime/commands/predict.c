/*
 * predict.c -- the predictions of rows, in order: of classes their probabilities, of values in the
 * units of the data. How they are written is in predictions.c.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/predictions.h"

/* Of x[0], x[step], ..., in place. */
static void apply_softmax(float *x, int count, int step)
{
    double most = -INFINITY, sum = 0;

    for (int i = 0; i < count * step; i += step)
        most = fmax(most, (double)x[i]);
    for (int i = 0; i < count * step; i += step)
        sum += exp((double)x[i] - most);
    for (int i = 0; i < count * step; i += step)
        x[i] = (float)(exp((double)x[i] - most) / sum);
}

/* Applies in place the softmax, at each position, or sigmoid that the loss took in. */
static void activate(float *x, const struct net_model *model)
{
    const int positions = net_positions(model);

    if (model->activation == NET_SIGMOID)
        for (int i = 0; i < model->outputs; i++)
            x[i] = (float)(1 / (1 + exp(-(double)x[i])));
    for (int p = 0; model->activation == NET_SOFTMAX && p < positions; p++)
        apply_softmax(x + p, model->outputs / positions, positions);
}

/* What a row's outputs chose at each position; `scores` has room for those of one. */
static void choose_classes(int32_t *class, float *scores, const struct net_model *model,
                           const float *x)
{
    const int positions = net_positions(model), count = model->outputs / positions;

    for (int p = 0; p < positions; p++) {
        net_position_outputs(scores, x, p, positions, count);
        class[p] = net_chosen_class(model, scores);
    }
}

static _Noreturn void fail_row(const struct net_data *data, enum net_part part, long row)
{
    const char *place = net_data_place(data, part, 0, &row);

    net_fail(NET_FAULT,
             "%s: row %ld (from 0): the network's output is not finite, there is no prediction: "
             "numbers in the row are far from those of training, or the weights are not finite",
             place, row);
}

static struct net_truth find_truth(const struct net_session *session, enum net_part part, long row)
{
    const struct net_model *model = session->model;
    const struct net_field *target = net_target_field(model);
    struct net_truth truth = {.row = row};

    net_data_place(session->data, part, model->field_count - 1, &truth.row);
    if (target->kind == NET_TARGET_CLASS) {
        truth.class = net_data_class(session->data, part, row);
        truth.classes = net_data_classes(session->data, part, row);
        return truth;
    }
    const float *values = net_data_target(session->data, part, row);

    if (net_predicts_classes(model)) {
        truth.class = model->outputs == 1 ? values[0] >= .5f : 0;
        for (int c = 1; c < model->outputs; c++)
            truth.class = values[c] > values[truth.class] ? c : truth.class;
        return truth;
    }
    truth.values = values;
    return truth;
}

/* The rows that are there. With truths they are told one by one, each with a loss of its own. */
static void predict_rows(struct net_predictions *predictions, struct net_session *session,
                         enum net_part part)
{
    const struct net_model *model = session->model;
    const long count = net_data_rows(session->data, part);
    const struct net_mode mode = {.kind = NET_MODE_PREDICT};
    const bool with_truth = net_flag(session->options, NET_WITH_TRUTH);
    const int batch = with_truth ? 1 : model->batch;
    long *rows = net_allocate((size_t)batch, sizeof *rows);
    float *scores = net_allocate((size_t)model->outputs, sizeof *scores);
    int32_t *class = net_allocate((size_t)net_positions(model), sizeof *class);
    struct net_truth truth;

    for (long begin = 0; begin < count && !ferror(predictions->out); begin += batch) {
        const int n = count - begin < batch ? (int)(count - begin) : batch;

        for (int i = 0; i < n; i++)
            rows[i] = begin + i;
        net_data_pack(session->data, part, &mode, rows, n, session->batch[0]);
        const float loss = net_forward(session, session->batch[0], n, with_truth);

        if (with_truth) {
            truth = find_truth(session, part, begin);
            truth.loss = (double)loss;
            predictions->truth = &truth;
        }
        for (int i = 0; i < n; i++) {
            float *x = session->predictions + (long)i * model->outputs;

            if (!net_is_finite(x, model->outputs))
                fail_row(session->data, part, rows[i]);
            choose_classes(class, scores, model, x);
            activate(x, model);
            for (int k = 0; k < predictions->inverse.count; k++)
                if (!isfinite(net_inverse_value(&predictions->inverse, k, x[k])))
                    fail_row(session->data, part, rows[i]);
            if (net_data_is_series(session->data)) {
                predictions->ends = rows[i];
                net_data_place(session->data, part, 0, &predictions->ends);
            }
            net_predictions_add(predictions, x, class);
        }
    }
    free(rows);
    free(scores);
    free(class);
}

void net_predict(FILE *out, struct net_session *session, enum net_part part)
{
    struct net_predictions predictions;

    net_predictions_open(&predictions, out, session);
    net_predictions_begin(&predictions, net_data_rows(session->data, part));
    do
        predict_rows(&predictions, session, part);
    while (!fflush(out) && net_data_next(session->data));
    net_predictions_close(&predictions);
}

/* ---- The command ----------------------------------------------------------------------------- */

/* Where predictions go: a file that is whole or absent, behind links too, or as it stands what is
   there and no file, such as a pipe, and what /dev/stdout is; without a path, stdout. `file->path`
   tells which it is. */
static void open_predictions(struct net_file *file, const char *path)
{
    struct stat status;

    *file = (struct net_file){.whole.out = stdout};
    if (path && (!strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6) ||
                 (!stat(path, &status) && !S_ISREG(status.st_mode)))) {
        file->whole.out = fopen(path, "w");
        if (!file->whole.out)
            net_fail(NET_FAULT, "cannot write %s: %s", path, strerror(errno));
    } else if (path) {
        net_file_open(file, NULL, path);
    }
}

static void close_predictions(struct net_file *file, const char *path)
{
    if (file->path)
        net_file_commit(file);
    else if (fflush(file->whole.out) || ferror(file->whole.out) ||
             (path && fclose(file->whole.out)))
        net_fail(NET_FAULT, "cannot write %s: %s", path ? path : "the predictions",
                 strerror(errno));
}

int net_command_predict(struct net_options *options)
{
    const char *file = options->value[NET_OUTPUT].text;
    struct net_session session;
    struct net_file out;

    if (!options->file && !options->value[NET_PART].given)
        net_fail(NET_USAGE, "predict wants a FILE with rows, or --part test");
    if (options->model->uncompared && net_flag(options, NET_WITH_TRUTH))
        net_fail(NET_USAGE, "no target is compared with what this model predicts: --with-truth has "
                            "nothing to tell");
    net_settings_of_run(options);
    net_session_open(&session, options);
    net_session_weights(&session);
    session.opening.arriving = strcmp(options->value[NET_FORMAT].text, "npy") != 0;
    const enum net_part rows = net_command_rows_open(&session, net_flag(options, NET_WITH_TRUTH));

    if (!net_data_rows(session.data, rows))
        net_fail(NET_FAULT, "there are no rows to predict: the model's data have no such part");
    open_predictions(&out, file);
    net_predict(out.whole.out, &session, rows);
    net_need_unwritten(session.data);
    close_predictions(&out, file);
    net_session_close(&session);
    return NET_OK;
}
