/*
 * trackers.h -- what trackers of other makers are told alike: what a run is called there, with
 * which settings it was begun, what its folder tells a server; and the event files of TensorBoard.
 */

#ifndef NET_TRACKERS_H
#define NET_TRACKERS_H

#include "report/figures/figure.h"

/* The end of the program, before anything of the run is left. */
_Noreturn void net_tracker_refuse(const struct net_training *run, const char *why);
/* The folder `path` of a flag is made, or the program ends. */
void net_tracker_reserve(const struct net_training *run, const char *flag, const char *path);

/* What the run is called: as its folder, "fold_3" of "cv" is "cv/fold_3"; malloc'd. */
char *net_tracker_title(const struct net_training *run);

/* A folder in `path` by that name, or with a number where that is another run's; a run that goes on
   has it from `file` in its folder, where it is kept. malloc'd. */
char *net_tracker_name(const struct net_training *run, const char *file, const char *path);
char *net_tracker_kept(const struct net_training *run, const char *file); /* or NULL */

extern const char
    *const net_tracker_files[];     /* of a run's folder, that go along; NULL behind them */
bool net_is_url(const char *place); /* or NULL: neither it nor a folder */
struct net_json *net_tracker_settings(const struct net_training *run); /* an object */
double net_tracker_now(void);                                          /* seconds since 1970 */

/* mlflow_send.c: what was not sent before. A fault ends the program. */
struct net_run_record;
void net_mlflow_send(const struct net_run_record *record, const char *url);

/* ---- event_file.c: messages of protocol buffers ---------------------------------------------- */

void net_proto_whole(struct net_buffer *message, unsigned field, uint64_t value);
void net_proto_double(struct net_buffer *message, unsigned field, double value);
void net_proto_float(struct net_buffer *message, unsigned field, float value);
void net_proto_text(struct net_buffer *message, unsigned field, const char *text);
/* What stands before so many bytes, which follow. */
void net_proto_begin(struct net_buffer *message, unsigned field, size_t length);
/* A message in another, which is freed. */
void net_proto_message(struct net_buffer *message, unsigned field, struct net_buffer *inner);

/* ---- event_file.c: what TensorBoard reads, records of such messages in a file ---------------- */

struct net_event_file {
    int file;                  /* a descriptor; -1: it could not be written */
    char *path;                /* malloc'd */
    struct net_buffer records; /* records that are not written yet */
};

/* A new file in the folder `path`, which is made. What files that are there say of `step` and later
   is void. False: errno says why. */
bool net_event_file_open(struct net_event_file *events, const char *path, long step);
/* Adds a value of Summary, which is freed, and its record; scalars. */
void net_event_add(struct net_event_file *events, long step, struct net_buffer *value);
void net_event_scalar(struct net_event_file *events, long step, const char *tag, double value);
/* Writes the records whole; false: errno says why, and nothing more will be written. */
bool net_event_file_flush(struct net_event_file *events);
void net_event_file_close(struct net_event_file *events);

#endif
