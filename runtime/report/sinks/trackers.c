/*
 * trackers.c -- what trackers of other makers are told alike.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/sinks/trackers.h"

const char *const net_tracker_files[] = {"model.safetensors", "report.html",      "history.csv",
                                         "run.json",          "preparation.json", NULL};

bool net_is_url(const char *place)
{
    return place && strstr(place, "://");
}

_Noreturn void net_tracker_refuse(const struct net_training *run, const char *why)
{
    if (run->made_folder)
        net_folder_unmake(&run->folder);
    net_fail(NET_FAULT, "%s", why);
}

void net_tracker_reserve(const struct net_training *run, const char *flag, const char *path)
{
    bool made;

    if (!net_folder_try(NULL, path, &made))
        net_tracker_refuse(
            run, net_format("%s %s: the folder cannot be made: %s", flag, path, strerror(errno)));
}

char *net_tracker_title(const struct net_training *run)
{
    const struct net_options *options = run->options;
    char *place = net_folder_place(options->whole ? options->whole : &run->folder);
    char *whole = net_real_path(place);
    const char *slash = strrchr(whole ? whole : place, '/');
    const char *last = slash && slash[1] ? slash + 1 : "run";
    char *title = options->whole ? net_format("%s/%s", last, options->place)
                                 : net_format("%s", last);

    free(whole);
    free(place);
    return title;
}

char *net_tracker_kept(const struct net_training *run, const char *file)
{
    size_t length;

    if (!run->options->value[NET_RESUME].text || !net_folder_has(&run->folder, file))
        return NULL;
    char *kept = net_file_read(&run->folder, file, &length);

    kept[strcspn(kept, "\n")] = '\0';
    if (*kept && *kept != '/' && !strstr(kept, ".."))
        return kept;
    free(kept);
    return NULL;
}

char *net_tracker_name(const struct net_training *run, const char *file, const char *path)
{
    char *name = net_tracker_kept(run, file);
    char *title = net_tracker_title(run);
    struct net_text text = {0};

    for (int i = 1; !name; i++) {
        name = i > 1 ? net_format("%s_%d", title, i) : net_format("%s", title);
        char *folder = net_format("%s/%s", path, name);
        bool made;

        if (!net_folder_try(NULL, folder, &made))
            net_fail(NET_FAULT, "the folder %s cannot be made: %s", folder, strerror(errno));
        free(folder);
        if (!made) {
            free(name);
            name = NULL;
        }
    }
    net_text_add(&text, "%s\n", name);
    net_file_replace(&run->folder, file, &text);
    free(text.at);
    free(title);
    return name;
}

struct net_json *net_tracker_settings(const struct net_training *run)
{
    struct net_text text = {0};
    char error[128];

    net_settings_json(&text, run->options);
    struct net_json *settings = net_json_read(text.at, text.length, error, sizeof error);

    if (!settings)
        net_fail(NET_FAULT, "the settings are no JSON: %s", error);
    free(text.at);
    return settings;
}

double net_tracker_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
