/*
 * programs.c -- other programs, run to their end. One idea: they are run directly, never by a
 * shell; a signal to netc is told to them first, so that netc can clear up behind them, and they
 * die with a netc that is killed.
 *
 * Needs: arguments. Gives: whether all succeeded.
 */

#define _GNU_SOURCE

#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void add_word(Command *command, const char *word)
{
    APPEND(command->words, command->count, word);
}

void add_words(Command *command, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        add_word(command, words[i]);
}

const char *const *complete(Command *command, bool verbose)
{
    for (int i = 0; verbose && i < command->count; i++)
        fprintf(stderr, "%s%c", command->words[i], i + 1 < command->count ? ' ' : '\n');
    add_word(command, NULL);
    return command->words;
}

/* The signals that end netc; one that is ignored, as SIGHUP is under nohup, is left alone. */
static sigset_t ending_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;

    sigemptyset(&set);
    for (int i = 0; i < COUNT(numbers); i++) {
        struct sigaction action;

        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, numbers[i]);
    }
    return set;
}

void hold_signals(void)
{
    const sigset_t set = ending_signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

void release_signals(void)
{
    const sigset_t set = ending_signals();

    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool was_ended(void)
{
    sigset_t set;

    sigpending(&set);
    return sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) || sigismember(&set, SIGHUP);
}

/* Of a program that ended: 0 where it succeeded, the signal that ended it, or FAILED. */
static int result_of(int status)
{
    return WIFSIGNALED(status)                         ? WTERMSIG(status)
           : WIFEXITED(status) && !WEXITSTATUS(status) ? 0
                                                       : FAILED;
}

/* Waits for the end of programs, which are told of a signal to netc. That one stays pending. As
   run_all. */
static int wait_for(pid_t *pids, int count)
{
    sigset_t set = ending_signals();
    int number, ending = 0, running = count, result = 0;

    sigaddset(&set, SIGCHLD);
    for (;;) {
        for (int i = 0; i < count; i++) {
            int status = -1;
            const pid_t ended = pids[i] > 0 ? waitpid(pids[i], &status, WNOHANG) : 0;

            if (ended == 0)
                continue;
            result = result ? result : ended == pids[i] ? result_of(status) : FAILED;
            pids[i] = 0;
            running--;
        }
        if (running == 0)
            break;
        if (sigwait(&set, &number) == 0 && number != SIGCHLD) {
            for (int i = 0; i < count; i++)
                if (pids[i] > 0)
                    kill(pids[i], number);
            ending = number;
        }
    }
    if (ending)
        raise(ending);
    return result;
}

/* In the child: it dies with netc, also where that has died already. Gives errno to the pipe. */
static _Noreturn void become(const char *const *arguments, const sigset_t *mask, bool quiet,
                             pid_t netc, int report)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != netc)
        _exit(1);
    if (quiet) {
        const int null = open("/dev/null", O_WRONLY);

        if (null >= 0)
            dup2(null, STDERR_FILENO);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(arguments[0], (char *const *)arguments);
    const int error = errno;

    _exit(write(report, &error, sizeof error) == sizeof error ? 1 : 2);
}

/* Starts a program with the signal mask `mask`; 0 after an error. */
static pid_t start(const char *const *arguments, const sigset_t *mask, bool quiet)
{
    const pid_t netc = getpid();
    int report[2], error = 0;

    fflush(NULL);
    pid_t pid = pipe2(report, O_CLOEXEC) == 0 ? fork() : -1;

    if (pid == 0)
        become(arguments, mask, quiet, netc, report[1]);
    if (pid < 0) {
        error = errno;
    } else {
        close(report[1]);
        if (read(report[0], &error, sizeof error) == sizeof error)
            waitpid(pid, NULL, 0);
        close(report[0]);
    }
    if (!error)
        return pid;
    fprintf(stderr, "netc: error: cannot run %s: %s\n", arguments[0], strerror(error));
    return 0;
}

int run_all(const char *const *const *commands, int count, bool quiet)
{
    pid_t *pids = allocate((size_t)count * sizeof *pids);
    sigset_t set = ending_signals(), before, none;
    int started = 0;

    signal(SIGCHLD, SIG_DFL); /* ignored, it would not say that a program ended */
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &before);
    sigemptyset(&none);
    while (started < count && (pids[started] = start(commands[started], &none, quiet)) > 0)
        started++;
    const int result = wait_for(pids, started);

    sigprocmask(SIG_SETMASK, &before, NULL);
    return started == count ? result : FAILED;
}

int run(const char *const *arguments, bool quiet)
{
    return run_all(&arguments, 1, quiet);
}
