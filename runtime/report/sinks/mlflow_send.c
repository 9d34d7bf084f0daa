/*
 * mlflow_send.c -- sends runs to an MLflow server, by its REST interface and the program curl: of
 * what a run's folder tells, that which was not sent before. mlflow.sent in the folder says how far
 * that is, in JSON:
 *
 *     url         of the server
 *     run         the run's id there
 *     artifacts   where its files go: "mlflow-artifacts:/1/RUN/artifacts"
 *     status      of the run, as it was sent; "created": not even its settings were
 *     epoch step  the last ones of history.csv and mlflow.steps that were
 *
 * A fault ends the program; what the server has taken by then is not sent again.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/compare/compare.h"
#include "report/sinks/trackers.h"

enum { MOST_METRICS = 1000, MOST_PARAMS = 100 }; /* that a request may bring */

struct sending {
    const char *url;
    const struct net_run_record *record;
    struct net_folder folder;
    char *run, *artifacts, *status; /* of mlflow.sent */
    long epoch, step;
    double began;         /* milliseconds since 1970 */
    struct net_text body; /* of the next request; */
    int count;            /* so many numbers are in it */
};

/* ---- requests -------------------------------------------------------------------------------- */

static int open_bytes(const struct net_text *text)
{
    const int file = memfd_create("request", MFD_CLOEXEC);

    if (file < 0 || (text && write(file, text->at, text->length) != (ssize_t)text->length) ||
        lseek(file, 0, SEEK_SET))
        net_fail(NET_FAULT, "no memory for a request: %s", strerror(errno));
    return file;
}

/* What curl prints: the answer, and on a line behind it HTTP's code; malloc'd. `body`: the bytes to
   be sent, a file, which is closed. */
static char *run_curl(const char *method, const char *url, int body, size_t *length)
{
    /* a file that was sent may take a server longer */
    const char *const silence = strcmp(method, "PUT") ? "10" : "60";
    const char *const words[] = {"curl",
                                 "-gnsS",
                                 "--stderr",
                                 "-",
                                 "--connect-timeout",
                                 "5",
                                 "--speed-time",
                                 silence,
                                 "-HContent-Type: application/json",
                                 "-w\n%{http_code}",
                                 "-X",
                                 method,
                                 url,
                                 body < 0 ? NULL : "--data-binary",
                                 "@-",
                                 NULL};
    const int out = open_bytes(NULL);
    const pid_t curl = net_program_start("curl", words, (int[3]){body, out, -1});
    char *name = net_format("/proc/self/fd/%d", out);

    if (curl < 0)
        net_fail(NET_FAULT, "the program curl cannot be run: %s", strerror(errno));
    const int status = net_program_end(curl, true);
    char *answer = net_file_read(NULL, name, length);

    if (status)
        net_fail(NET_FAULT, "%.*s", (int)strcspn(answer, "\n"), answer);
    free(name);
    close(out);
    if (body >= 0)
        close(body);
    return answer;
}

/* The answer as JSON, or NULL where it is none, or where the server refuses and `may`. */
static struct net_json *ask(const struct sending *s, const char *method, const char *path, int body,
                            bool may)
{
    char *url = net_format("%s/api/2.0/%s", s->url, path), error[64];
    size_t length;
    char *answer = run_curl(method, url, body, &length), *code = strrchr(answer, '\n');
    struct net_json *json;

    if (!code) /* curl ends with 0 where it cannot write that */
        net_fail(NET_FAULT, "%s: curl gave no code of the answer", url);
    *code++ = '\0';
    json = net_json_read(answer, strlen(answer), error, sizeof error);
    if (*code != '2' && !may) {
        const char *why = net_record_text(json, "message");

        why = *why ? why : answer;
        net_fail(NET_FAULT, "%s: the server answers %s: %.*s", url, code, (int)strcspn(why, "\n"),
                 why);
    }
    if (*code != '2') {
        net_json_free(json);
        json = NULL;
    }
    free(answer);
    free(url);
    return json;
}

static struct net_json *post(struct sending *s, const char *path, bool may)
{
    struct net_json *json = ask(s, "POST", path, open_bytes(&s->body), may);

    s->body.length = 0;
    s->count = 0;
    return json;
}

static void add_text(struct sending *s, const char *before, const char *text)
{
    net_text_add(&s->body, "%s", before);
    net_text_quote(&s->body, text);
}

/* A key and its value, the first of a `list` with its name. */
static void add_pair(struct sending *s, const char *list, const char *key, const char *value)
{
    net_text_add(&s->body, s->count++ ? ", " : ", \"%s\": [", list);
    add_text(s, "{\"key\": ", key);
    add_text(s, ", \"value\": ", value);
    net_text_add(&s->body, "}");
}

static void save(struct sending *s)
{
    add_text(s, "{\"url\": ", s->url);
    add_text(s, ", \"run\": ", s->run);
    add_text(s, ", \"artifacts\": ", s->artifacts);
    add_text(s, ", \"status\": ", s->status);
    net_text_add(&s->body, ", \"epoch\": %ld, \"step\": %ld}\n", s->epoch, s->step);
    net_file_replace(&s->folder, "mlflow.sent", &s->body);
    s->body.length = 0;
}

/* Sends what was added to a batch, if any; what was sent is remembered. */
static void send_batch(struct sending *s)
{
    if (!s->count)
        return;
    net_text_add(&s->body, "]}");
    net_json_free(post(s, "mlflow/runs/log-batch", false));
    save(s);
}

/* Room for `count` more that are sent together. */
static void make_room(struct sending *s, int count, int most)
{
    if (s->count + count > most)
        send_batch(s);
    if (!s->count)
        add_text(s, "{\"run_id\": ", s->run);
}

static void add_metric(struct sending *s, const char *name, double value, double when, long step)
{
    net_text_add(&s->body, s->count++ ? ", " : ", \"metrics\": [");
    add_text(s, "{\"key\": ", name);
    if (isfinite(value))
        net_text_add(&s->body, ", \"value\": %.9g", value);
    else
        add_text(s, ", \"value\": ", isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
    net_text_add(&s->body, ", \"timestamp\": %.0f, \"step\": %ld}", when, step);
}

/* ---- the run there --------------------------------------------------------------------------- */

/* As its folder, and of a fold or point that of all: "cv/fold_3"; malloc'd. */
static char *find_title(const struct sending *s)
{
    char *place = net_real_path(s->record->path);
    const char *last = place ? strrchr(place, '/') : NULL;
    struct net_folder all = {0};
    char *title;

    if (!last)
        net_fail(NET_FAULT, "%s: %s", s->record->path, strerror(errno));
    if (net_folder_find(&all, &s->folder, "..") &&
        (net_folder_has(&all, "kfold.json") || net_folder_has(&all, "sweep.json")))
        while (last > place && *--last != '/')
            ;
    title = net_format("%s", last + 1);
    net_folder_close(&all);
    free(place);
    return title;
}

/* The id of the experiment that is called as the model; malloc'd. */
static char *find_experiment(struct sending *s)
{
    const char *name = net_record_text(s->record->json, "model");
    char *path = net_format("mlflow/experiments/get-by-name?experiment_name=%s", name), *id;
    struct net_json *found;

    add_text(s, "{\"name\": ", name);
    net_text_add(&s->body, "}");
    net_json_free(post(s, "mlflow/experiments/create", true)); /* refused where it is there */
    found = ask(s, "GET", path, -1, false);
    id = net_format("%s", net_record_text(net_json_member(found, "experiment"), "experiment_id"));
    net_json_free(found);
    free(path);
    return id;
}

static void create_run(struct sending *s)
{
    static const char *const tags[][2] = {{"mlflow.source.name", "source"},
                                          {"netc.command", "command"},
                                          {"netc.isa", "isa"},
                                          {"netc.model_hash", "model_hash"},
                                          {"netc.version", "netc"}};
    char *experiment = find_experiment(s), *title = find_title(s);
    char *place = net_real_path(s->record->path);
    const char *user = getenv("USER");
    struct net_json *made;

    add_text(s, "{\"experiment_id\": ", experiment);
    add_text(s, ", \"run_name\": ", title);
    net_text_add(&s->body, ", \"start_time\": %.0f", s->began);
    for (size_t t = 0; t < sizeof tags / sizeof *tags; t++)
        add_pair(s, "tags", tags[t][0], net_record_text(s->record->json, tags[t][1]));
    add_pair(s, "tags", "mlflow.source.type", "LOCAL");
    add_pair(s, "tags", "mlflow.user", user ? user : "");
    add_pair(s, "tags", "netc.folder", place ? place : s->record->path);
    net_text_add(&s->body, "]}");
    made = post(s, "mlflow/runs/create", false);

    const struct net_json *info = net_json_member(net_json_member(made, "run"), "info");

    s->run = net_format("%s", net_record_text(info, "run_id"));
    s->artifacts = net_format("%s", net_record_text(info, "artifact_uri"));
    s->status = net_format("created");
    if (!*s->run)
        net_fail(NET_FAULT, "%s: the server's answer names no run: is it MLflow's?", s->url);
    save(s);
    net_json_free(made);
    free(place);
    free(title);
    free(experiment);
}

static double number_of(const struct net_json *json, const char *key)
{
    const struct net_json *member = net_json_member(json, key);

    return member && member->kind == NET_JSON_NUMBER ? member->number : 0;
}

/* Of the run there what was sent before, or a new one. */
static void take_up(struct sending *s)
{
    char error[64];
    size_t length = 0;
    char *text = net_folder_has(&s->folder, "mlflow.sent")
                     ? net_file_read(&s->folder, "mlflow.sent", &length)
                     : NULL;
    struct net_json *sent = text ? net_json_read(text, length, error, sizeof error) : NULL;

    if (sent && !strcmp(net_record_text(sent, "url"), s->url)) {
        s->run = net_format("%s", net_record_text(sent, "run"));
        s->artifacts = net_format("%s", net_record_text(sent, "artifacts"));
        s->status = net_format("%s", net_record_text(sent, "status"));
        s->epoch = (long)number_of(sent, "epoch");
        s->step = (long)number_of(sent, "step");
    } else {
        create_run(s);
    }
    net_json_free(sent);
    free(text);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static void send_params(struct sending *s)
{
    const struct net_json *settings = net_json_member(s->record->json, "hyperparameters");

    for (const struct net_json *one = settings ? settings->first : NULL; one; one = one->next) {
        char *value = net_record_setting(s->record, one->key);

        make_room(s, 1, MOST_PARAMS);
        add_pair(s, "params", one->key, value);
        free(value);
    }
    send_batch(s);
}

/* Losses and metrics by epoch: of history.csv all columns but the time's. */
static void send_epochs(struct sending *s)
{
    const struct net_epochs *epochs = &s->record->epochs;
    const int seconds = net_epochs_column(epochs, "seconds");
    double when = s->began;

    for (long row = 0; row < epochs->count; row++) {
        const long epoch = (long)net_epochs_at(epochs, row, 0);

        when += 1000 * net_epochs_at(epochs, row, seconds);
        if (epoch <= s->epoch)
            continue;
        make_room(s, seconds - 1, MOST_METRICS);
        for (int c = 1; c < seconds; c++)
            add_metric(s, epochs->names[c], net_epochs_at(epochs, row, c), when, epoch);
        s->epoch = epoch;
    }
    send_batch(s);
}

static void send_steps(struct sending *s)
{
    size_t length;
    char *text = net_folder_has(&s->folder, "mlflow.steps")
                     ? net_file_read(&s->folder, "mlflow.steps", &length)
                     : NULL;
    char *at = text;

    while (at && strchr(at, '\n')) {
        const double when = strtod(at, &at), loss = strtod(at, &at);
        const long step = strtol(at, &at, 10);

        at += strcspn(at, "\n") + 1;
        if (step <= s->step)
            continue;
        make_room(s, 1, MOST_METRICS);
        add_metric(s, "step_loss", loss, when, step);
        s->step = step;
    }
    send_batch(s);
    free(text);
}

static void send_files(struct sending *s)
{
    static const char scheme[] = "mlflow-artifacts:";
    const char *place = s->artifacts + strlen(scheme);

    if (strncmp(s->artifacts, scheme, strlen(scheme)) != 0) {
        net_warn("the server takes no files: it keeps them at %s", s->artifacts);
        return;
    }
    for (int i = 0; net_tracker_files[i]; i++) {
        const char *name = net_tracker_files[i];
        const int file = openat(s->folder.at, name, O_RDONLY | O_CLOEXEC);
        char *path = net_format("mlflow-artifacts/artifacts/%s/%s", place + strspn(place, "/"),
                                name);

        if (file < 0 && errno != ENOENT)
            net_fail(NET_FAULT, "%s/%s: %s", s->record->path, name, strerror(errno));
        if (file >= 0)
            net_json_free(ask(s, "PUT", path, file, false));
        free(path);
    }
}

/* The end of the run, or that it goes on. */
static void send_status(struct sending *s)
{
    const char *status = s->record->status;
    const struct net_json *final = net_json_member(s->record->json, "final");
    const bool running = !strcmp(status, "running");

    for (const struct net_json *part = !running && final ? final->first : NULL; part;
         part = part->next)
        for (const struct net_json *one = part->first; one; one = one->next) {
            char *name = net_format("final_%s_%s", part->key, one->key);

            make_room(s, 1, MOST_METRICS);
            if (one->kind == NET_JSON_NUMBER)
                add_metric(s, name, one->number, s->began, s->epoch);
            free(name);
        }
    send_batch(s);
    s->body.length = 0;
    if (!running)
        send_files(s);
    add_text(s, "{\"run_id\": ", s->run);
    add_text(s, ", \"status\": ",
             running                                                               ? "RUNNING"
             : !strcmp(status, "finished")                                         ? "FINISHED"
             : strcmp(status, "killed") != 0 && strcmp(status, "interrupted") != 0 ? "FAILED"
                                                                                   : "KILLED");
    if (!running)
        net_text_add(&s->body, ", \"end_time\": %.0f",
                     s->began + 1000 * number_of(s->record->json, "seconds"));
    net_text_add(&s->body, "}");
    net_json_free(post(s, "mlflow/runs/update", false));
    free(s->status);
    s->status = net_format("%s", status);
    save(s);
}

/* "2026-01-31T23:59:59Z" as milliseconds since 1970. A year's days are counted from March on. */
static double read_moment(const char *text)
{
    long at[6] = {0}; /* year, month, day, hour, minute, second */

    for (int i = 0; i < 6; i++) {
        char *end;

        at[i] = strtol(text, &end, 10);
        text = end + (*end != '\0');
    }
    const long year = at[0] - (at[1] < 3), month = at[1] + (at[1] < 3 ? 9 : -3);
    const long days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                      at[2] - 719469;

    return 1e3 * (double)(((days * 24 + at[3]) * 60 + at[4]) * 60 + at[5]);
}

void net_mlflow_send(const struct net_run_record *record, const char *url)
{
    char *address = net_format("%.*s", (int)(strlen(url) - (url[strlen(url) - 1] == '/')), url);
    struct sending s = {.url = address, .record = record};
    int history;

    if (!net_folder_open(&s.folder, NULL, record->path))
        net_fail(NET_FAULT, "%s: %s", record->path, strerror(errno));
    history = openat(s.folder.at, "history.csv", O_RDONLY | O_CLOEXEC);
    flock(history, LOCK_EX);                      /* of two that send one waits */
    net_atomic_clean(s.folder.at, "mlflow.sent"); /* of one that was killed */
    s.began = read_moment(net_record_text(record->json, "started"));
    take_up(&s);
    if (!strcmp(s.status, "created"))
        send_params(&s);
    send_epochs(&s);
    send_steps(&s);
    if (strcmp(s.status, record->status) != 0)
        send_status(&s);
    if (history >= 0)
        close(history);
    net_folder_close(&s.folder);
    free(s.body.at);
    free(s.status);
    free(s.artifacts);
    free(s.run);
    free(address);
}
