/*
 * sweep.h -- a sweep: settings that are varied, the points that are trained, and their runs.
 * sweep_points.c makes points of words, sweep_runs.c trains them, sweep.c is the command.
 */

#ifndef NET_SWEEP_COMMAND_H
#define NET_SWEEP_COMMAND_H

#include "commands/commands.h"
#include "report/compare/compare.h"

/* A setting or a let that is varied. */
struct sweep_setting {
    int option, let; /* of net_options.value or .let; the other is -1 */
    struct net_option_info info;
    enum { SWEEP_LIST, SWEEP_UNIFORM, SWEEP_LOG } kind;
    double low, high; /* UNIFORM, LOG */
    char **values;    /* LIST: [count], as text */
    int count;
};

struct sweep {
    struct net_options *options; /* of all points: what was typed beside them */
    int process;                 /* its number */
    int signals;                 /* of net_signals_file */
    int signal;                  /* that came, and ends it; 0: none */
    struct net_progress progress;
    struct net_folder folder; /* it holds point_1, point_2, ... */
    struct sweep_setting *settings;
    int setting_count;
    char **points; /* [point_count][setting_count], texts; NULL: as all have it */
    int point_count;
    char **names;          /* [point_count]: "point_3" */
    struct net_data *data; /* of all points, read once */
    int jobs;              /* points that are trained at once */
    double asked;          /* when it came, of net_now() */
    double deadline;       /* of net_now(); 0: none */
    bool left;             /* a point was stopped, or not begun */
    char *said;            /* what a point said last, which others need not repeat */
};

/* ---- sweep_points.c -------------------------------------------------------------------------- */

/* All that was asked for, each point's settings checked: a mistake ends the program. */
void sweep_points_read(struct sweep *sweep);
void sweep_points_free(struct sweep *sweep);

/* A point's settings over those of all, as if both were typed after `train`; and its end. */
void sweep_options(const struct sweep *sweep, int point, struct net_options *options);
void sweep_options_free(struct net_options *options);
char *sweep_point_text(const struct sweep *sweep, int point); /* "lr=0.1 momentum=0.9"; malloc'd */

/* ---- sweep_runs.c ---------------------------------------------------------------------------- */

/* Trains these points up to epoch `pause` (0: their last), those that are not there yet. Gives the
   exit code; NET_OK too where the time was up: `sweep->deadline` is past then. */
int sweep_train(struct sweep *sweep, const int *points, int count, long pause);
/* The same as a rank that is given points; gives the exit code of all. */
int sweep_serve(struct sweep *sweep);

/* ---- sweep_tables.c -------------------------------------------------------------------------- */

/* sweep.csv and report.html, of what there is so far. */
void sweep_write_tables(const struct sweep *sweep);
/* The table, to stdout, the best first; and an object a line with the names of sweep.csv. */
void sweep_print(const struct sweep *sweep);
void sweep_print_json(const struct sweep *sweep);
/* The better half of the points after `epoch`, in place; gives their number. */
int sweep_keep_half(const struct sweep *sweep, int *points, int count, long epoch);
/* A line of one point that has ended, to stderr. */
void sweep_tell(struct sweep *sweep, int point, int done, int count);
/* What runs now, on a terminal: so many points have ended. */
void sweep_show(struct sweep *sweep, const int *points, int running, int done, int count);
struct net_json *sweep_run_json(const struct sweep *sweep, int point); /* NULL: there is none */

#endif
