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

static void find_truth(struct net_head *head, const struct net_data *data, enum net_part part,
                       long row)
{
    const struct net_model *model = head->model;
    const void *truth = net_data_row(data, net_target(model), part, row);
    const float *values = truth;

    if (net_target_field(model)->kind == NET_TARGET_CLASS) {
        head->true_classes = truth;
        head->true_class = *head->true_classes;
    } else if (net_predicts_classes(model)) {
        head->true_class = model->outputs == 1 ? values[0] >= .5f : 0;
        for (int c = 1; c < model->outputs; c++)
            head->true_class = values[c] > values[head->true_class] ? c : head->true_class;
    } else {
        head->true_values = values;
    }
}

/* What a target's outputs of a row, x, say. */
static void predict_head(struct net_head *head, float *scores, const struct net_data *data,
                         enum net_part part, long row, const float *x)
{
    const struct net_model *model = head->model;

    if (!net_is_finite(x, model->outputs))
        fail_row(data, part, row);
    choose_classes(head->class, scores, model, x);
    if (net_target_field(model)->texts)
        net_target_field(model)->texts->cut(data, net_target(model), part, row, head->class);
    memcpy(head->x, x, (size_t)model->outputs * sizeof *x);
    activate(head->x, model);
    for (int k = 0; k < head->inverse.count; k++)
        if (!isfinite(net_inverse_value(&head->inverse, k, head->x[k])))
            fail_row(data, part, row);
}

/* Row i of the n of a batch, `row` of the part; all targets' outputs lie one behind the other, n
   rows each. */
static void predict_row(struct net_predictions *predictions, float *scores, enum net_part part,
                        long row, int i, int n)
{
    const struct net_session *session = predictions->session;
    const struct net_data *data = session->data;
    const float *x = session->predictions;

    for (int h = 0; h < predictions->head_count; h++) {
        struct net_head *head = &predictions->heads[h];

        predict_head(head, scores, data, part, row, x + (long)i * head->model->outputs);
        if (predictions->with_truth)
            find_truth(head, data, part, row);
        x += (long)n * head->model->outputs;
    }
    if (predictions->with_truth || net_data_is_series(data)) {
        predictions->row = row;
        net_data_place(data, part, predictions->with_truth ? session->model->field_count - 1 : 0,
                       &predictions->row);
    }
    net_predictions_add(predictions);
}

/* The rows that are there. With truths they are told one by one, each with a loss of its own. */
static void predict_rows(struct net_predictions *predictions, struct net_session *session,
                         enum net_part part)
{
    const struct net_mode mode = {.kind = NET_MODE_PREDICT};
    const long count = net_data_rows(session->data, part);
    const int batch = predictions->with_truth ? 1 : session->model->batch;
    long *rows = net_allocate((size_t)batch, sizeof *rows);
    int most = 0;

    for (int h = 0; h < predictions->head_count; h++)
        if (predictions->heads[h].model->outputs > most)
            most = predictions->heads[h].model->outputs;
    float *scores = net_allocate((size_t)most, sizeof *scores);

    for (long begin = 0; begin < count && !ferror(predictions->out); begin += batch) {
        const int n = count - begin < batch ? (int)(count - begin) : batch;

        for (int i = 0; i < n; i++)
            rows[i] = begin + i;
        net_data_pack(session->data, part, &mode, rows, n, session->batch[0]);
        predictions->loss = (double)net_forward(session, session->batch[0], n,
                                                predictions->with_truth);
        for (int i = 0; i < n; i++)
            predict_row(predictions, scores, part, rows[i], i, n);
    }
    free(rows);
    free(scores);
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
        net_fail(NET_USAGE, "predict wants a FILE with rows, or --part %s",
                 net_part_names[options->model->parts[NET_TEST]         ? NET_TEST
                                : options->model->parts[NET_VALIDATION] ? NET_VALIDATION
                                                                        : NET_TRAIN]);
    if (options->model->uncompared && net_flag(options, NET_WITH_TRUTH))
        net_fail(NET_USAGE, "no target is compared with what this model predicts: --with-truth has "
                            "nothing to tell");
    net_settings_of_run(options);
    net_session_open(&session, options);
    net_session_weights(&session);
    session.opening.arriving = strncmp(options->value[NET_FORMAT].text, "np", 2) != 0;
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
