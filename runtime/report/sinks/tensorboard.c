/*
 * tensorboard.c -- the sink of --tensorboard: the run as event files in DIR/NAME, NAME that of its
 * folder. Losses and metrics by epoch are in train/ and validation/, so that they share axes; the
 * loss by step, of every Nth with --track-every, is in steps/; what the run is, in DIR/NAME itself.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/sinks/trackers.h"

enum { FLUSH_AFTER = 1 << 16 }; /* bytes of steps */

enum { WHOLE, TRAIN, VALIDATION, STEPS, FILES };

static const char *const folders[FILES] = {
    [WHOLE] = "", [TRAIN] = "/train", [VALIDATION] = "/validation", [STEPS] = "/steps"};

enum { /* fields of Value and its metadata, of the plugin of hyperparameters, and their values */
       VALUE_TAG = 1,
       VALUE_IMAGE = 4,
       VALUE_TENSOR = 8,
       VALUE_METADATA,
       METADATA_PLUGIN = 1,
       METADATA_CLASS = 4,
       CLASS_TENSOR = 2,
       PLUGIN_NAME = 1,
       PLUGIN_CONTENT,
       TENSOR_TYPE = 1,
       TENSOR_SHAPE,
       TENSOR_FLOAT = 5,
       TENSOR_STRING = 8,
       TYPE_FLOAT = 1,
       TYPE_STRING = 7,
       IMAGE_HEIGHT = 1,
       IMAGE_WIDTH,
       IMAGE_COLORS,
       IMAGE_BYTES,
       HPARAMS_EXPERIMENT = 2,
       HPARAMS_START,
       HPARAMS_END,
       EXPERIMENT_PARAMS = 4,
       EXPERIMENT_METRICS,
       PARAM_NAME = 1,
       PARAM_TYPE = 4,
       PARAM_DIFFERS = 7,
       PARAM_STRING = 1,
       PARAM_BOOL,
       PARAM_FLOAT,
       METRIC_NAME = 1,
       METRIC_DISPLAY = 3,
       NAME_GROUP = 1,
       NAME_TAG,
       START_PARAMS = 1,
       START_GROUP = 4,
       START_TIME,
       ENTRY_KEY = 1,
       ENTRY_VALUE,
       JSON_NUMBER = 2,
       JSON_STRING,
       JSON_BOOL,
       END_STATUS = 1,
       END_TIME,
       STATUS_SUCCESS = 1,
       STATUS_FAILURE,
};

struct board {
    struct net_event_file files[FILES]; /* path NULL: the run has no use for it */
    struct net_progress *progress;      /* is closed before a warning */
    long every;                         /* steps; 0: none is told of */
    bool lost;                          /* it was told that events cannot be written */
};

/* What cannot be written ends no run. */
static void flush(struct board *board)
{
    for (int f = 0; f < FILES; f++)
        if (board->files[f].path && !net_event_file_flush(&board->files[f]) && !board->lost) {
            board->lost = true;
            net_progress_close(board->progress);
            net_warn("cannot write %s: %s; the run goes on without TensorBoard",
                     board->files[f].path, strerror(errno));
        }
}

/* ---- What the run is ------------------------------------------------------------------------- */

static void add_tensor(struct net_buffer *value, int type, const char *text)
{
    struct net_buffer tensor = {0}, shape = {0};

    net_proto_whole(&tensor, TENSOR_TYPE, (uint64_t)type);
    net_proto_message(&tensor, TENSOR_SHAPE, &shape);
    if (text)
        net_proto_text(&tensor, TENSOR_STRING, text);
    else
        net_proto_float(&tensor, TENSOR_FLOAT, 0.0F);
    net_proto_message(value, VALUE_TENSOR, &tensor);
}

/* `content`: of the plugin, or NULL. */
static void add_metadata(struct net_buffer *value, const char *name, struct net_buffer *content)
{
    struct net_buffer metadata = {0}, plugin = {0};

    net_proto_text(&plugin, PLUGIN_NAME, name);
    if (content)
        net_proto_message(&plugin, PLUGIN_CONTENT, content);
    net_proto_message(&metadata, METADATA_PLUGIN, &plugin);
    net_proto_whole(&metadata, METADATA_CLASS, CLASS_TENSOR);
    net_proto_message(value, VALUE_METADATA, &metadata);
}

static void add_text(struct board *board, const char *tag, const char *text)
{
    struct net_buffer value = {0};

    net_proto_text(&value, VALUE_TAG, tag);
    add_tensor(&value, TYPE_STRING, text);
    add_metadata(&value, "text", NULL);
    net_event_add(&board->files[WHOLE], 0, &value);
}

static void add_texts(struct board *board, const struct net_training *run)
{
    const struct net_model *model = run->session.model;
    const struct net_summary summary = net_summary_of(model);
    char *table = NULL, *text;
    size_t length;
    FILE *out = open_memstream(&table, &length);

    if (!out)
        net_fail(NET_FAULT, "out of memory");
    net_summary_print(out, &summary);
    const bool failed = ferror(out);
    if (fclose(out) || failed || !table) /* glibc's has none where there is no room to copy it */
        net_fail(NET_FAULT, "out of memory");
    text = net_format("```\n%s\n```\n", table);
    add_text(board, "model", text);
    free(text);
    text = net_format("```\n%s\n```\n", run->options->command_line);
    add_text(board, "command", text);
    free(text);
    free(table);
}

/* One of the messages of the plugin of hyperparameters. */
static void add_hparams(struct board *board, const char *tag, unsigned field,
                        struct net_buffer *message)
{
    struct net_buffer value = {0}, content = {0};

    net_proto_message(&content, field, message);
    net_proto_text(&value, VALUE_TAG, tag);
    add_tensor(&value, TYPE_FLOAT, NULL);
    add_metadata(&value, "hparams", &content);
    net_event_add(&board->files[WHOLE], 0, &value);
}

static void add_metric(struct net_buffer *experiment, const char *part, const char *name)
{
    struct net_buffer metric = {0}, path = {0};
    char *shown = net_format("%s %s", part, name);

    net_proto_text(&path, NAME_GROUP, part);
    net_proto_text(&path, NAME_TAG, name);
    net_proto_message(&metric, METRIC_NAME, &path);
    net_proto_text(&metric, METRIC_DISPLAY, shown);
    net_proto_message(experiment, EXPERIMENT_METRICS, &metric);
    free(shown);
}

/* What flags of this run set: what runs are told apart by, where one of them knows no other. */
static bool is_given(const struct net_options *options, const char *name)
{
    for (int o = 0; o < NET_OPTIONS; o++)
        if (options->value[o].given && !strcmp(net_option_infos[o].name, name))
            return true;
    for (int l = 0; l < options->model->let_count; l++)
        if (options->let[l].given && !strcmp(options->model->lets[l].name, name))
            return true;
    return false;
}

/* The table of settings begins with those that differ. */
static void add_setting(struct net_buffer *experiment, struct net_buffer *start,
                        const struct net_json *setting, bool differs)
{
    struct net_buffer param = {0}, entry = {0}, value = {0};
    const bool number = setting->kind == NET_JSON_NUMBER, truth = setting->kind == NET_JSON_BOOL;

    net_proto_text(&param, PARAM_NAME, setting->key);
    net_proto_whole(&param, PARAM_TYPE, number ? PARAM_FLOAT : truth ? PARAM_BOOL : PARAM_STRING);
    if (differs)
        net_proto_whole(&param, PARAM_DIFFERS, 1);
    net_proto_message(experiment, EXPERIMENT_PARAMS, &param);
    net_proto_text(&entry, ENTRY_KEY, setting->key);
    if (number)
        net_proto_double(&value, JSON_NUMBER, setting->number);
    else if (truth)
        net_proto_whole(&value, JSON_BOOL, setting->number != 0.0);
    else
        net_proto_text(&value, JSON_STRING, setting->text ? setting->text : "none");
    net_proto_message(&entry, ENTRY_VALUE, &value);
    net_proto_message(start, START_PARAMS, &entry);
}

static void add_settings(struct board *board, const struct net_training *run, const char *name)
{
    const struct net_model *model = run->session.model;
    struct net_json *settings = net_tracker_settings(run);
    struct net_buffer experiment = {0}, start = {0};

    for (const struct net_json *setting = settings->first; setting; setting = setting->next)
        add_setting(&experiment, &start, setting, is_given(run->options, setting->key));
    for (int part = NET_TRAIN; part <= NET_VALIDATION; part++) {
        if (!net_data_rows(run->session.data, (enum net_part)part))
            continue;
        add_metric(&experiment, net_part_names[part], "loss");
        for (int m = 0; m < model->metric_count; m++)
            add_metric(&experiment, net_part_names[part], model->metrics[m].name);
    }
    net_proto_text(&start, START_GROUP, name);
    net_proto_double(&start, START_TIME, run->began);
    add_hparams(board, "_hparams_/experiment", HPARAMS_EXPERIMENT, &experiment);
    add_hparams(board, "_hparams_/session_start_info", HPARAMS_START, &start);
    net_json_free(settings);
}

static void add_pictures(struct board *board, const struct net_training *run)
{
    struct net_picture picture;

    for (int i = 0; net_picture_sample(&picture, run->session.data, i); i++) {
        struct net_buffer value = {0}, image = {0}, png = {0};

        net_picture_png(&png, &picture);
        net_proto_text(&value, VALUE_TAG, picture.name);
        net_proto_whole(&image, IMAGE_HEIGHT, (uint64_t)picture.height);
        net_proto_whole(&image, IMAGE_WIDTH, (uint64_t)picture.width);
        net_proto_whole(&image, IMAGE_COLORS, (uint64_t)picture.channels);
        net_proto_message(&image, IMAGE_BYTES, &png);
        net_proto_message(&value, VALUE_IMAGE, &image);
        net_event_add(&board->files[WHOLE], 0, &value);
        net_picture_free(&picture);
    }
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void *reserve_board(const struct net_training *run, struct net_progress *progress)
{
    const char *path = run->options->value[NET_TENSORBOARD].text;

    if (path)
        net_tracker_reserve(run, "--tensorboard", path);
    (void)progress;
    return NULL;
}

static void open_file(struct board *board, int f, const char *path, long step)
{
    char *folder = net_format("%s%s", path, folders[f]);

    if (!net_event_file_open(&board->files[f], folder, step))
        net_fail(NET_FAULT, "--tensorboard %s: cannot write there: %s", folder, strerror(errno));
    free(folder);
}

static void *open_board(const struct net_training *run, struct net_progress *progress)
{
    const struct net_options *options = run->options;
    const char *path = options->value[NET_TENSORBOARD].text;

    if (!path)
        return NULL;
    struct board *board = net_allocate(1, sizeof *board);
    char *name = net_tracker_name(run, "tensorboard.run", path);
    char *folder = net_format("%s/%s", path, name);

    board->progress = progress;
    board->every = net_whole(options, NET_TRACK_EVERY);
    open_file(board, WHOLE, folder, 1);
    open_file(board, TRAIN, folder, run->state.epoch + 1);
    if (net_data_rows(run->session.data, NET_VALIDATION))
        open_file(board, VALIDATION, folder, run->state.epoch + 1);
    if (board->every)
        open_file(board, STEPS, folder, run->session.run.step + 1L);
    if (!options->value[NET_RESUME].text) {
        add_settings(board, run, name);
        add_texts(board, run);
        add_pictures(board, run);
    }
    flush(board);
    free(folder);
    free(name);
    return board;
}

static void add_step(void *sink, const struct net_training *run, double loss)
{
    struct board *board = sink;
    const long step = run->session.run.step;

    if (!board->every || step % board->every)
        return;
    net_event_scalar(&board->files[STEPS], step, "loss by step", loss);
    net_event_scalar(&board->files[STEPS], step, "lr by step", run->session.rate);
    if (board->files[STEPS].records.length > FLUSH_AFTER)
        flush(board);
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    struct board *board = sink;
    const struct net_model *model = run->session.model;
    const long number = run->state.epoch;
    const double *values = epoch->values;

    for (int f = TRAIN; f <= VALIDATION; f++) {
        if (!board->files[f].path)
            continue;
        net_event_scalar(&board->files[f], number, "loss", f == TRAIN ? epoch->loss : *values++);
        for (int m = 0; m < model->metric_count; m++)
            net_event_scalar(&board->files[f], number, model->metrics[m].name, *values++);
    }
    net_event_scalar(&board->files[TRAIN], number, "lr", run->session.rate);
    net_event_scalar(&board->files[TRAIN], number, "rows a second", epoch->samples_per_second);
    flush(board);
}

static void add_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                     const double *values, const struct net_metrics *metrics)
{
    struct board *board = sink;
    const struct net_model *model = run->session.model;
    const long step = run->state.epoch;

    (void)metrics;
    for (int m = -1; m < model->metric_count; m++) {
        char *tag = net_format("final/%s %s", net_part_names[part],
                               m < 0 ? "loss" : model->metrics[m].name);

        net_event_scalar(&board->files[WHOLE], step, tag, m < 0 ? loss : values[m]);
        free(tag);
    }
}

/* An interrupted run may go on: it has no end yet. */
static void finish_board(void *sink, const struct net_training *run, const char *status)
{
    struct board *board = sink;
    struct net_buffer end = {0};

    (void)run;
    if (strcmp(status, "interrupted") != 0) {
        net_proto_whole(&end, END_STATUS,
                        strcmp(status, "finished") ? STATUS_FAILURE : STATUS_SUCCESS);
        net_proto_double(&end, END_TIME, net_tracker_now());
        add_hparams(board, "_hparams_/session_end_info", HPARAMS_END, &end);
    }
    flush(board);
}

static void close_board(void *sink, const struct net_training *run)
{
    struct board *board = sink;

    (void)run;
    flush(board);
    for (int f = 0; f < FILES; f++)
        net_event_file_close(&board->files[f]);
    free(board);
}

const struct net_sink net_sink_tensorboard = {
    .reserve = reserve_board,
    .open = open_board,
    .step = add_step,
    .epoch = add_epoch,
    .part = add_part,
    .finish = finish_board,
    .close = close_board,
};
