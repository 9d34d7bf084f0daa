/*
 * program.c -- another program, started beside this one and waited for.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"

pid_t net_program_start(const char *program, const char *const *words, const int files[3])
{
    posix_spawn_file_actions_t actions;
    pid_t process = -1;

    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        if (files[i] >= 0)
            posix_spawn_file_actions_adddup2(&actions, files[i], i);
    errno = posix_spawnp(&process, program, &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return errno ? -1 : process;
}

int net_program_end(pid_t process, bool wait)
{
    int status = 0;
    pid_t ended;

    do
        ended = waitpid(process, &status, wait ? 0 : WNOHANG);
    while (ended < 0 && errno == EINTR);
    return !ended ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
