/*
 * pace.c -- how many threads steps run on: as many as are fastest now. No number depends on it.
 *
 * A step of little work may wait for its second thread longer than that saves, and a thread whose
 * core another program wants makes all wait at each barrier. Neither can be told beforehand, so
 * windows of steps are compared: from time to time one runs on half or on twice the threads, and
 * what was faster stays.
 */

#include <math.h>

#include "training/training.h"

#define WINDOW 0.01 /* seconds */
#define LONG 0.05   /* of a step, in seconds: barriers do not count beside it */
#define FASTER 0.97 /* of the time, to change */

enum {
    FIRST_TRIAL = 2, /* windows; the first has what is done once */
    LAST_TRIAL = 48, /* a trial is every 49th window at least */
};

struct net_pace net_pace_begin(const struct net_options *options)
{
    const int threads = (int)net_whole(options, NET_THREADS);
    const bool tries = !options->value[NET_THREADS].given && options->command != NET_BENCH;

    return (struct net_pace){.threads = threads,
                             .best = threads,
                             .most = tries && threads > 1 ? threads : 0,
                             .trial = FIRST_TRIAL};
}

/* Fewer and more in turns, where there are. */
static int other_than(struct net_pace *pace)
{
    pace->fewer = pace->best == pace->most || (pace->best > 1 && !pace->fewer);
    if (pace->fewer)
        return (pace->best + 1) / 2;
    return pace->best * 2 < pace->most ? pace->best * 2 : pace->most;
}

static void end_trial(struct net_pace *pace, double mean)
{
    const bool faster = mean < FASTER * pace->mean;

    pace->trial = faster ? FIRST_TRIAL : (int)fmin(2 * pace->trial, LAST_TRIAL);
    if (faster) {
        pace->best = pace->threads;
        pace->mean = mean;
    }
    pace->threads = pace->best;
    pace->windows = 0;
}

void net_pace_add(struct net_pace *pace, double seconds)
{
    pace->seconds += seconds;
    pace->steps++;
    if (!pace->most || pace->seconds < WINDOW)
        return;
    const double mean = pace->seconds / pace->steps;

    pace->seconds = pace->steps = 0;
    if (pace->threads != pace->best) {
        end_trial(pace, mean);
        return;
    }
    pace->mean = pace->windows++ > 1 ? 0.5 * (pace->mean + mean) : mean;
    if (pace->windows >= pace->trial && mean < LONG)
        pace->threads = other_than(pace);
}
