/*
 * history.c -- the sink of history.csv: a line an epoch, with losses and metrics. It grows, and is
 * the one file of a run that does: a checkpoint has the CRC-32 of the lines that were before it.
 * What is in it is in run->epochs, too, and in memory: a file that is taken away or replaced while
 * the run goes on is written again.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "report/report.h"

static void add_header(struct net_text *text, const struct net_training *run)
{
    const struct net_model *model = run->session.model;
    const bool validation = net_data_rows(run->session.data, NET_VALIDATION) > 0;

    net_text_add(text, "epoch");
    for (int part = 0; part <= validation; part++) {
        const char *name = net_part_names[part];

        net_text_add(text, ",%s_loss", name);
        for (int m = 0; m < model->metric_count; m++)
            net_text_add(text, ",%s_%s", name, model->metrics[m].name);
    }
    net_text_add(text, ",lr,seconds,samples_per_second,measured_rows\n");
}

/* ---- what a resumed run finds ---------------------------------------------------------------- */

static int count_cells(const char *line)
{
    int count = 1;

    for (; *line; line++)
        count += *line == ',';
    return count;
}

/* Adds the whole lines of epochs up to the checkpoint's, in order, that have a cell for each of the
   header's; gives how many. */
static long add_epochs(struct net_text *text, const struct net_training *run, const char *rest,
                       int cells)
{
    char *copy = net_format("%s", rest), *left = copy;
    long last = 0, count = 0;

    for (char *line; (line = strsep(&left, "\n")) && left;) {
        const long epoch = strtol(line, NULL, 10);

        if (epoch <= last || epoch > run->state.epoch || count_cells(line) != cells)
            continue;
        net_text_add(text, "%s\n", line);
        last = epoch;
        count++;
    }
    free(copy);
    return count;
}

/* The file that was found is kept beside: nothing of it is lost. */
static char *set_aside(const struct net_training *run, const struct net_text *found)
{
    char *name = net_format("history.csv.found");

    for (int i = 2; net_folder_has(&run->folder, name); i++) {
        free(name);
        name = net_format("history.csv.found.%d", i);
    }
    net_file_replace(&run->folder, name, found);
    return name;
}

/* Adds the epochs that the checkpoint counts. A history that is not the one it was written behind,
   which its CRC-32 tells, is told. */
static void take_up(struct net_text *text, const struct net_training *run)
{
    const bool there = net_folder_has(&run->folder, "history.csv");
    struct net_text found = {0};
    char *header = net_format("%s", text->at), crc[9];

    if (there)
        found.at = net_file_read(&run->folder, "history.csv", &found.length);
    const bool ours = there && !strncmp(found.at, header, strlen(header));
    const long count = ours ? add_epochs(text, run, found.at + strlen(header), count_cells(header))
                            : 0;

    snprintf(crc, sizeof crc, "%08x", (unsigned)crc32_z(0, (const Bytef *)text->at, text->length));
    const bool same = ours && count == run->state.epoch &&
                      (!*run->history || !strcmp(crc, run->history));

    if (!same) {
        char *aside = there && found.length ? set_aside(run, &found) : NULL;

        net_warn("%s/history.csv is not as the checkpoint counts it, %ld epochs: it %s; the lines "
                 "of %ld epochs are kept%s%s",
                 run->folder.path, run->state.epoch,
                 !there                      ? "is missing"
                 : !found.length             ? "is empty"
                 : !ours                     ? "has another header"
                 : count != run->state.epoch ? "has others, or fewer"
                                             : "was edited",
                 count, aside ? ", what was found is in " : "", aside ? aside : "");
        free(aside);
    }
    free(header);
    free(found.at);
}

/* ---- the sink -------------------------------------------------------------------------------- */

struct history {
    FILE *out;
    struct net_text text;          /* all of it */
    struct net_progress *progress; /* is closed before a warning */
};

static _Noreturn void fail_write(const struct net_training *run)
{
    net_fail(NET_FAULT, "cannot write %s/history.csv: %s", run->folder.path, strerror(errno));
}

static void write_whole(struct history *history, const struct net_training *run)
{
    net_file_replace(&run->folder, "history.csv", &history->text);
    const int at = openat(run->folder.at, "history.csv", O_WRONLY | O_APPEND | O_CLOEXEC);

    history->out = at >= 0 ? fdopen(at, "a") : NULL;
    if (!history->out)
        fail_write(run);
}

static void *open_history(const struct net_training *run, struct net_progress *progress)
{
    struct history *history = net_allocate(1, sizeof *history);

    history->progress = progress;
    add_header(&history->text, run);
    if (run->options->value[NET_RESUME].text) {
        net_progress_close(progress);
        take_up(&history->text, run);
    }
    write_whole(history, run);
    net_epochs_read(run->epochs, history->text.at);
    return history;
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    struct history *history = sink;
    const struct net_model *model = run->session.model;
    const bool validation = net_data_rows(run->session.data, NET_VALIDATION) > 0;
    const int count = model->metric_count + validation * (1 + model->metric_count);
    struct net_text line = {0};

    net_text_add(&line, "%ld,%.9g", run->state.epoch, epoch->loss);
    for (int i = 0; i < count; i++)
        net_text_add(&line, ",%.9g", epoch->values[i]);
    net_text_add(&line, ",%.9g,%.3f,%.0f,%ld\n", run->session.rate, epoch->seconds,
                 epoch->samples_per_second, run->measured);
    if (fwrite(line.at, 1, line.length, history->out) != line.length || fflush(history->out))
        fail_write(run);
    net_text_add(&history->text, "%s", line.at);
    net_epochs_read(run->epochs, line.at);
    free(line.at);
}

/* Is the file of the run's folder still the one that is written, with nothing else in it? */
static bool is_ours(const struct history *history, const struct net_training *run)
{
    struct stat there, ours;

    return !fstatat(run->folder.at, "history.csv", &there, 0) &&
           !fstat(fileno(history->out), &ours) && there.st_dev == ours.st_dev &&
           there.st_ino == ours.st_ino && (size_t)there.st_size == history->text.length;
}

static void write_again(struct history *history, const struct net_training *run)
{
    const bool there = net_folder_has(&run->folder, "history.csv");
    struct net_text found = {0};

    if (there)
        found.at = net_file_read(&run->folder, "history.csv", &found.length);
    char *aside = there && found.length ? set_aside(run, &found) : NULL;

    net_progress_close(history->progress);
    net_warn("%s/history.csv was %s while the run goes on; it is written again%s%s",
             run->folder.path, there ? "changed" : "taken away",
             aside ? ", what was found is in " : "", aside ? aside : "");
    fclose(history->out);
    write_whole(history, run);
    free(aside);
    free(found.at);
}

/* The lines that a checkpoint counts are on the disk before it. */
static void save_history(void *sink, struct net_training *run)
{
    struct history *history = sink;
    const struct net_text *text = &history->text;

    if (!is_ours(history, run))
        write_again(history, run);
    if (fsync(fileno(history->out)))
        fail_write(run);
    snprintf(run->history, sizeof run->history, "%08x",
             (unsigned)crc32_z(0, (const Bytef *)text->at, text->length));
}

static void close_history(void *sink, const struct net_training *run)
{
    struct history *history = sink;
    const bool lost = ferror(history->out);

    if (fclose(history->out) || lost)
        fail_write(run);
    net_epochs_free(run->epochs);
    free(history->text.at);
    free(history);
}

const struct net_sink net_sink_history = {
    .open = open_history,
    .epoch = add_epoch,
    .save = save_history,
    .close = close_history,
};
