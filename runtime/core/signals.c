/*
 * signals.c -- Ctrl-C, SIGTERM or a terminal that is closed finishes the step; a second Ctrl-C or
 * SIGTERM, a moment later, ends at once.
 *
 * The signals are blocked in every thread, and one thread waits for them: no handler, no global.
 * SIGBUS, of a mapped file that is cut short, is exit_report.c's.
 */

#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/core.h"

/* A blocked signal is waited for even where it was ignored, as SIGHUP is under nohup and SIGINT
   behind a shell's `&`: those are left alone. */
static void fill_set(sigset_t *set)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1};

    sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;

        if (!sigaction(numbers[i], NULL, &action) && action.sa_handler != SIG_IGN)
            sigaddset(set, numbers[i]);
    }
}

/* One request may come twice: of a hangup the kernel's and the shell's, and timeout(1) signals the
   process and then its group. Seconds. */
static const double same_request = 0.5;

static void *wait_for_signals(void *argument)
{
    struct net_signals *signals = argument;
    double asked = 0.0;
    sigset_t set;
    int number;

    fill_set(&set);
    while (!sigwait(&set, &number))
        if (number == SIGUSR1) {
            atomic_store(&signals->save, true);
        } else if (!atomic_load(&signals->stop)) {
            asked = net_now();
            atomic_store(&signals->stop, number);
        } else if (number != SIGHUP && net_now() - asked > same_request) {
            net_exit_report_write("interrupted");
            _exit(128 + number);
        }
    return NULL;
}

int net_signals_file(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    fill_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int net_signals_take(int file, double *asked)
{
    struct signalfd_siginfo info;
    const int number = read(file, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;

    if (!number || number == SIGUSR1)
        return 0;
    if (*asked > 0 && net_now() - *asked > same_request && number != SIGHUP)
        _exit(128 + number);
    *asked = *asked > 0 ? *asked : net_now();
    return number;
}

void net_signals_open(struct net_signals *signals)
{
    pthread_t thread;
    sigset_t set;

    signal(SIGPIPE, SIG_IGN); /* who reads the progress may go; the run stays */
    fill_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&thread, NULL, wait_for_signals, signals))
        net_fail(NET_FAULT, "the thread that waits for signals cannot be started");
    pthread_detach(thread);
}
