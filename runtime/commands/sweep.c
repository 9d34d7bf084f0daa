/*
 * sweep.c -- `sweep`: a run for each point of settings, ranked by what best weights are kept by.
 *
 * sweep.json holds the words that the sweep was asked for with. They make the same points again, so
 * that one that was interrupted goes on with them; what is finished is told by the runs' files.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/sweep.h"

/* ---- Asked for ------------------------------------------------------------------------------- */

/* "90s", "10m", "2h" as seconds; 0: no such text. */
static double read_time(const char *text)
{
    char *end;
    const double number = strtod(text, &end);
    const double unit = !strcmp(end, "h") ? 3600 : !strcmp(end, "m") ? 60 : !strcmp(end, "s");

    if (!(number > 0) || !isfinite(number) || unit == 0)
        net_fail(NET_USAGE, "--time wants how long, such as 90s, 10m or 2h, not \"%s\"", text);
    return number * unit;
}

static void need_validation(const struct net_model *model)
{
    const struct net_call *validation = model->parts[NET_VALIDATION];

    if (!validation)
        net_fail(NET_USAGE,
                 "sweep ranks by the validation part, and %s has none: "
                 "`validation = holdout(0.1)` in its data section makes one",
                 model->source);
    if (!strcmp(validation->name, "kfold"))
        net_fail(NET_USAGE,
                 "sweep ranks by one validation part, and %s has folds: "
                 "`validation = holdout(0.1)` makes one",
                 model->source);
}

/* ---- sweep.json ------------------------------------------------------------------------------ */

/* Flags that are of one session, and not of the sweep. */
static bool is_of_session(const char *flag)
{
    static const enum net_option options[] = {NET_OUT, NET_THREADS, NET_TIME, NET_RESUME, NET_DATA};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const char *name = net_option_name(options[i]);

        if (net_same_name(name, flag, strlen(name)) &&
            (!flag[strlen(name)] || flag[strlen(name)] == '='))
            return true;
    }
    return false;
}

static void write_sweep(const struct sweep *sweep, int argc, char **argv)
{
    const struct net_model *model = sweep->options->model;
    const char *data = sweep->options->value[NET_DATA].text;
    char *absolute = data ? net_real_path(data) : NULL;
    struct net_text text = {0};

    net_text_add(&text, "{\n  \"model\": ");
    net_text_quote(&text, model->name);
    net_text_add(&text, ",\n  \"model_hash\": \"%s\",\n  \"points\": %d,\n  \"arguments\": [",
                 model->hash, sweep->point_count);
    const char *comma = "";

    for (int i = 0; i < argc; i++) {
        const bool flag = !strncmp(argv[i], "--", 2);

        if (flag && (!strcmp(argv[i] + 2, "force") || !strcmp(argv[i] + 2, "quiet")))
            continue;
        if (flag && is_of_session(argv[i] + 2)) {
            i += !strchr(argv[i], '=');
            continue;
        }
        net_text_add(&text, "%s", comma);
        net_text_quote(&text, argv[i]);
        comma = ", ";
    }
    if (data) {
        struct net_text path = {0};

        net_text_add(&path, "--data=%s", absolute ? absolute : data);
        net_text_add(&text, "%s", comma);
        net_text_quote(&text, path.at);
        free(path.at);
    }
    net_text_add(&text, "]\n}\n");
    net_file_replace(&sweep->folder, "sweep.json", &text);
    free(absolute);
    free(text.at);
}

/* The options that the sweep in this folder was begun with. `own`: those of this session. */
static struct net_options *read_sweep(const struct net_folder *folder,
                                      const struct net_options *own, struct net_json **kept)
{
    char *path = net_path_in(folder, "sweep.json"), error[256];
    size_t length;

    if (!net_folder_has(folder, "sweep.json"))
        net_fail(NET_FAULT, "--resume %s: there is no sweep.json in it", folder->path);
    char *text = net_file_read(folder, "sweep.json", &length);
    struct net_json *json = net_json_read(text, length, error, sizeof error);

    if (!json)
        net_fail(NET_FAULT, "%s: %s", path, error);
    const struct net_json *hash = net_json_member(json, "model_hash");
    const struct net_json *list = net_json_member(json, "arguments");

    if (!hash || !hash->text || strcmp(hash->text, own->model->hash) != 0)
        net_fail(NET_FAULT, "%s is of another model", path);
    if (!list || list->kind != NET_JSON_ARRAY)
        net_fail(NET_FAULT, "%s: expected \"arguments\", with which the sweep was begun", path);
    int argc = 0;

    for (const struct net_json *word = list->first; word; word = word->next)
        argc++;
    char **argv = net_allocate((size_t)argc + 1, sizeof *argv);

    argc = 0;
    for (const struct net_json *word = list->first; word; word = word->next) {
        if (word->kind != NET_JSON_STRING)
            net_fail(NET_FAULT, "%s: expected texts as \"arguments\"", path);
        argv[argc++] = (char *)word->text;
    }
    struct net_options *options = net_allocate(1, sizeof *options);

    net_options_read(options, own->model, NET_SWEEP, argc, argv);
    *kept = json; /* its texts are the options' */
    free(argv);
    free(text);
    free(path);
    return options;
}

/* What a session that goes on may say. */
static void check_resumed(const struct net_options *options)
{
    for (int o = 0; o < NET_OPTIONS; o++)
        if (options->value[o].given && o != NET_RESUME && o != NET_THREADS && o != NET_TIME &&
            o != NET_QUIET && o != NET_JSON_OUTPUT)
            net_fail(NET_USAGE,
                     "--%s: a sweep that is resumed keeps what it began with; --threads, --time, "
                     "--quiet and --json may be others",
                     net_option_flag((enum net_option)o));
    if (options->run_count)
        net_fail(NET_USAGE, "%s: a sweep that is resumed keeps its points", options->runs[0]);
}

static void open_resumed(struct net_folder *folder, const struct net_options *options,
                         const char *path)
{
    if (!net_is_led(options->ranks))
        net_folder_resume(folder, NULL, path);
    else if (!net_folder_open(folder, NULL, path))
        net_fail(NET_FAULT, "--resume %s: %s", path, strerror(errno));
}

static void take_session(struct net_options *options, const struct net_options *own)
{
    static const enum net_option session[] = {NET_THREADS, NET_TIME, NET_QUIET};

    for (size_t i = 0; i < sizeof session / sizeof *session; i++)
        options->value[session[i]] = own->value[session[i]];
}

/* ---- The folder and the data ----------------------------------------------------------------- */

/* What a point wrote here, or in a folder of the points to come, is written over by --force
   alone. */
static void need_free(const struct sweep *sweep)
{
    net_folder_need_free(&sweep->folder, sweep->options);
    for (int p = 0; p < sweep->point_count; p++)
        net_folder_need_free_part(&sweep->folder, sweep->names[p], "sweep", sweep->options);
}

/* Read once, for all points that begin. */
static void open_data(struct sweep *sweep, bool again)
{
    const struct net_options *options = sweep->options;
    struct net_opening opening = {.folder = options->value[NET_DATA].text, .begins = true};

    for (int p = 0; p < sweep->point_count && again && !opening.alike; p++) {
        char *file = net_format("%s/preparation.json", sweep->names[p]);

        if (net_folder_has(&sweep->folder, file)) { /* they are those of the points before */
            opening.run = &sweep->folder;
            opening.alike = file;
            opening.same = (1u << NET_PARTS) - 1;
        } else {
            free(file);
        }
    }
    sweep->data = net_data_open_by(options->model, &opening);
    if (!net_data_rows(sweep->data, NET_VALIDATION))
        net_fail(NET_FAULT, "sweep ranks by the validation part, which has no rows");
    for (int p = 0; p < sweep->point_count; p++) {
        struct net_options own;

        sweep_options(sweep, p, &own);
        net_check_batches(&own, net_data_rows(sweep->data, NET_TRAIN));
        sweep_options_free(&own);
    }
    free(opening.alike);
}

static void open_folder(struct sweep *sweep)
{
    const struct net_options *options = sweep->options;
    const char *out = options->value[NET_OUT].text;

    if (out && net_folder_open(&sweep->folder, NULL, out)) {
        need_free(sweep);
        net_folder_close(&sweep->folder);
    }
    open_data(sweep, false); /* where they are not there no folder is made */
    net_folder_new(&sweep->folder, NULL, out, options->model);
    need_free(sweep);
    net_folder_clear(&sweep->folder, sweep->point_count);
}

/* ---- The run --------------------------------------------------------------------------------- */

/* Each round trains the better half twice as long; the last one to the end. */
static int train_halves(struct sweep *sweep, int *points)
{
    const long epochs = net_whole(sweep->options, NET_EPOCHS);
    int count = sweep->point_count, rounds = 0, code = NET_OK;

    for (int left = count; left > 1 && epochs >> (rounds + 1) >= 1; left = (left + 1) / 2)
        rounds++;
    for (int round = rounds; round >= 0 && count && code == NET_OK; round--) {
        const long pause = (epochs + (1L << round) - 1) >> round;

        net_progress_say(&sweep->progress, "%d point%s to epoch %ld", count, count > 1 ? "s" : "",
                         pause);
        code = sweep_train(sweep, points, count, pause);
        if (sweep->left || code != NET_OK)
            break;
        if (round)
            count = sweep_keep_half(sweep, points, count, pause);
    }
    return code;
}

static int train_all(struct sweep *sweep)
{
    int *points = net_allocate((size_t)sweep->point_count, sizeof *points);

    for (int p = 0; p < sweep->point_count; p++)
        points[p] = p;
    const int code = net_flag(sweep->options, NET_HALVING)
                         ? train_halves(sweep, points)
                         : sweep_train(sweep, points, sweep->point_count, 0);

    free(points);
    return code;
}

/* Of several ranks, one point for each at once: all have the same points of the same data, and are
   told where. */
static void share_folder(struct sweep *sweep)
{
    struct net_world *ranks = sweep->options->ranks;
    struct net_text alike = {0};
    char *data = net_data_preparation_json(sweep->data);

    net_text_add(&alike, "%s", data);
    for (int p = 0; p < sweep->point_count; p++) {
        char *text = sweep_point_text(sweep, p);

        net_text_add(&alike, " %s", text);
        free(text);
    }
    char *own = ranks->rank ? NULL : net_real_path(sweep->folder.path),
         *path = ranks->share(sweep->options, own, alike.at);

    if (ranks->rank && !sweep->folder.path && !net_folder_open(&sweep->folder, NULL, path))
        net_fail(NET_FAULT, "%s: %s: all ranks write to one folder", path, strerror(errno));
    free(data);
    free(own);
    free(path);
    free(alike.at);
}

static void choose_jobs(struct sweep *sweep)
{
    const int cores = net_cores(), threads = (int)net_whole(sweep->options, NET_THREADS);

    sweep->jobs = cores / threads < 1 ? 1 : cores / threads;
    sweep->jobs = sweep->jobs < sweep->point_count ? sweep->jobs : sweep->point_count;
    sweep->jobs = sweep->jobs < NET_MAX_THREADS ? sweep->jobs : NET_MAX_THREADS;
    sweep->jobs = net_are_several(sweep->options->ranks) ? 1 : sweep->jobs;
}

static void say_resume(const struct sweep *sweep)
{
    char *place = net_folder_place(&sweep->folder);
    struct net_text command = {0};

    net_text_shell(&command, program_invocation_name);
    net_text_add(&command, " sweep --resume ");
    net_text_shell(&command, place);
    fprintf(stderr, "stopped; go on with:  %s\n", command.at);
    free(command.at);
    free(place);
}

static void say_done(const struct sweep *sweep, const struct net_options *options)
{
    if (net_flag(options, NET_JSON_OUTPUT))
        sweep_print_json(sweep);
    else
        sweep_print(sweep);
    if (!net_flag(options, NET_QUIET))
        fprintf(stderr, "The sweep is in %s: sweep.csv, report.html.\n", sweep->folder.path);
}

int net_command_sweep(struct net_options *options)
{
    const char *resume = options->value[NET_RESUME].text;
    struct sweep sweep = {.options = options, .process = getpid()};
    struct net_json *kept = NULL;

    need_validation(options->model);
    if (resume) {
        check_resumed(options);
        open_resumed(&sweep.folder, options, resume);
        sweep.options = read_sweep(&sweep.folder, options, &kept);
        take_session(sweep.options, options);
        sweep.options->ranks = options->ranks;
    }
    if (options->value[NET_TIME].text)
        sweep.deadline = net_now() + read_time(options->value[NET_TIME].text);
    sweep_points_read(&sweep);
    choose_jobs(&sweep);
    if (resume) {
        open_data(&sweep, true);
    } else if (net_is_led(options->ranks)) {
        open_data(&sweep, false);
    } else {
        open_folder(&sweep);
        write_sweep(&sweep, options->argc, options->argv);
    }
    sweep.signals = net_signals_file();
    if (net_are_several(options->ranks))
        share_folder(&sweep);
    if (net_is_led(options->ranks))
        return sweep_serve(&sweep);
    net_progress_open(&sweep.progress, NULL, net_flag(options, NET_QUIET));
    const int code = train_all(&sweep);

    net_progress_close(&sweep.progress);
    sweep_write_tables(&sweep);
    if (code == NET_OK)
        say_done(&sweep, options);
    if (sweep.left)
        say_resume(&sweep);
    if (net_are_several(options->ranks)) /* where it failed they end the job */
        options->ranks->end_deal(options->ranks, code);
    net_data_close(sweep.data);
    sweep_points_free(&sweep);
    free(sweep.said);
    if (sweep.signals >= 0)
        close(sweep.signals);
    net_folder_close(&sweep.folder);
    if (resume) {
        net_options_free(sweep.options);
        free(sweep.options);
        net_json_free(kept);
    }
    return code;
}
