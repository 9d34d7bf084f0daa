/*
 * inject.c -- runs a program in which one system call fails, or at which it is killed.
 *
 *     inject COUNTS KIND N ERRNO PROGRAM ARGUMENT...
 *
 * The N-th call of a kind (write, fsync, ...) in the program and its threads, not in its children,
 * gives ERRNO and does nothing; ERRNO 0 kills the program there. The file COUNTS gets how many
 * calls of each kind there were. Exits as the program does; 128 + signal; 125: it cannot be traced.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 125, MAX_THREADS = 256 };

static const struct {
    const char *name;
    long calls[4];
} kinds[] = {
    {"read", {SYS_read, SYS_pread64, SYS_readv, -1}},
    {"write", {SYS_write, SYS_pwrite64, SYS_writev, -1}},
    {"fsync", {SYS_fsync, SYS_fdatasync, -1, -1}},
    {"rename", {SYS_rename, SYS_renameat, SYS_renameat2, -1}},
    {"link", {SYS_link, SYS_linkat, -1, -1}},
    {"open", {SYS_open, SYS_openat, SYS_creat, -1}},
    {"close", {SYS_close, -1, -1, -1}},
    {"mmap", {SYS_mmap, SYS_mremap, -1, -1}},
    {"mkdir", {SYS_mkdir, SYS_mkdirat, -1, -1}},
    {"flock", {SYS_flock, -1, -1, -1}},
    {"unlink", {SYS_unlink, SYS_unlinkat, SYS_rmdir, -1}},
    {"clone", {SYS_clone, SYS_clone3, SYS_fork, SYS_vfork}},
    {"say", {-1, -1, -1, -1}}, /* a write to stderr */
};
enum { WRITE = 1, KINDS = sizeof kinds / sizeof *kinds, SAY = KINDS - 1 };

/* A thread between the entry and the exit of a call. */
struct thread {
    pid_t id;
    int inside, fails;
};

static int kind_of(long call, unsigned long long descriptor)
{
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < 4; i++)
            if (kinds[k].calls[i] >= 0 && kinds[k].calls[i] == call)
                return k == WRITE && descriptor == STDERR_FILENO ? SAY : k;
    return -1;
}

static struct thread *find_thread(struct thread *threads, pid_t id)
{
    for (int i = 0; i < MAX_THREADS; i++) {
        if (!threads[i].id)
            threads[i].id = id;
        if (threads[i].id == id)
            return &threads[i];
    }
    exit(CANNOT);
}

struct fault {
    const char *kind;
    long number;
    int error;
    long counts[KINDS];
};

/* At the entry and at the exit of a call; a failing one is another, which does not exist. */
static void look(struct thread *thread, struct fault *fault, pid_t program)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, thread->id, NULL, &registers))
        return;
    thread->inside = !thread->inside;
    if (thread->inside) {
        const int kind = kind_of((long)registers.orig_rax, registers.rdi);

        thread->fails = kind >= 0 && ++fault->counts[kind] == fault->number &&
                        !strcmp(kinds[kind].name, fault->kind);
        if (thread->fails && !fault->error)
            kill(program, SIGKILL);
        if (thread->fails) {
            registers.orig_rax = (unsigned long long)-1;
            ptrace(PTRACE_SETREGS, thread->id, NULL, &registers);
        }
    } else if (thread->fails) {
        registers.rax = (unsigned long long)-fault->error;
        ptrace(PTRACE_SETREGS, thread->id, NULL, &registers);
        thread->fails = 0;
    }
}

/* Gives the program's exit code. */
static int follow(pid_t program, struct fault *fault)
{
    static struct thread threads[MAX_THREADS];
    int status, code = CANNOT;
    pid_t id;

    while ((id = waitpid(-1, &status, __WALL)) > 0) {
        int number = 0;

        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (id == program)
                code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            find_thread(threads, id)->id = -1;
            continue;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            look(find_thread(threads, id), fault, program);
        else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
            number = WSTOPSIG(status);
        ptrace(PTRACE_SYSCALL, id, NULL, (void *)(long)number);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct fault fault = {0};
    int status;

    if (argc < 6)
        return CANNOT;
    fault.kind = argv[2];
    fault.number = strtol(argv[3], NULL, 10);
    fault.error = (int)strtol(argv[4], NULL, 10);
    const pid_t program = fork();

    if (program == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            _exit(CANNOT);
        raise(SIGSTOP);
        execvp(argv[5], argv + 5);
        _exit(CANNOT);
    }
    if (program < 0 || waitpid(program, &status, 0) != program || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, program, NULL,
               (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)) ||
        ptrace(PTRACE_SYSCALL, program, NULL, NULL))
        return CANNOT;
    const int code = follow(program, &fault);
    FILE *counts = fopen(argv[1], "w");

    for (int k = 0; counts && k < KINDS; k++)
        fprintf(counts, "%s %ld\n", kinds[k].name, fault.counts[k]);
    return counts && fclose(counts) == 0 ? code : CANNOT;
}
