/*
 * job.c -- a process of this program, for a task that may fail alone; what it says is heard.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"

bool net_job_begin(struct net_job *job, int task)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        net_fail(NET_FAULT, "a pipe cannot be opened: %s", strerror(errno));
    fflush(NULL);
    const pid_t process = fork();

    if (process < 0)
        net_fail(NET_FAULT, "a process cannot be started: %s", strerror(errno));
    if (process == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
    }
    close(ends[1]);
    if (process)
        *job = (struct net_job){.process = process, .task = task, .said = ends[0]};
    return process == 0;
}

bool net_job_hear(struct net_job *job, int *status)
{
    char bytes[4096];
    const ssize_t count = read(job->said, bytes, sizeof bytes);

    if (count > 0)
        net_text_add(&job->text, "%.*s", (int)count, bytes);
    if (count > 0 || (count < 0 && errno == EINTR))
        return false;
    while (waitpid(job->process, status, 0) < 0 && errno == EINTR)
        ;
    close(job->said);
    job->process = 0;
    return true;
}
