/*
 * tracked.h -- what trackers of other makers are told alike: what a run is called there, and with
 * which settings it was begun.
 */

#ifndef NET_TRACKED_H
#define NET_TRACKED_H

#include "report/report.h"

/* The end of the program, before anything of the run is left. */
_Noreturn void net_tracked_refuse(const struct net_training *run, const char *why);
/* The folder `path` of a flag is made, or the program ends. */
void net_tracked_reserve(const struct net_training *run, const char *flag, const char *path);

/* What the run is called: as its folder, "fold_3" of "cv" is "cv/fold_3"; malloc'd. */
char *net_tracked_title(const struct net_training *run);

/* A folder in `path` by that name, or with a number where that is another run's; a run that goes on
   has it from `file` in its folder, where it is kept. malloc'd. */
char *net_tracked_name(const struct net_training *run, const char *file, const char *path);
char *net_tracked_kept(const struct net_training *run, const char *file); /* or NULL */

extern const char
    *const net_tracked_files[];     /* of a run's folder, that go along; NULL behind them */
bool net_is_url(const char *place); /* or NULL: neither it nor a folder */
struct net_json *net_tracked_settings(const struct net_training *run); /* an object */
double net_tracked_now(void);                                          /* seconds since 1970 */

/* mlflow_send.c: what was not sent before. A fault ends the program. */
struct net_run_record;
void net_mlflow_send(const struct net_run_record *record, const char *url);

#endif
