/*
 * inject.c -- runs a program in which one system call fails, or at which it is killed.
 *
 *     inject COUNTS KIND N ERRNO PROGRAM ARGUMENT...
 *
 * The N-th call of a kind (write, fsync, ...) in the program and its threads, or, of "child-write",
 * "child-fsync", ..., in the processes that it starts and those that they start, gives ERRNO and
 * does nothing; ERRNO 0 kills the process that calls there. The file COUNTS gets how many calls of
 * each kind there were. Ends when all processes have. Exits as the program does; 128 + signal; 125:
 * it cannot be traced. A filter of seccomp stops at calls of that kind alone, at all where KIND is
 * none, since a stop takes longer than most calls.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 125, MAX_THREADS = 256 }; /* at once */

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
enum { WRITE = 1, CLOSE = 6, KINDS = sizeof kinds / sizeof *kinds, SAY = KINDS - 1 };

static const char of_child[] = "child-";

struct fault {
    const char *kind;
    long number;
    int child; /* in a process that the program started */
    int error;
    long counts[2][KINDS]; /* of the program; of its children */
};

struct thread {
    pid_t id; /* 0: none */
    int child;
    int closes; /* the error of the close that it is in, which closes all the same; 0: none */
};

static int kind_of(long call, unsigned long long descriptor)
{
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < 4; i++)
            if (kinds[k].calls[i] >= 0 && kinds[k].calls[i] == call)
                return k == WRITE && descriptor == STDERR_FILENO ? SAY : k;
    return -1;
}

/* A thread of the program is among its tasks. */
static int is_child(pid_t id, pid_t program)
{
    char task[64];

    snprintf(task, sizeof task, "/proc/%d/task/%d", (int)program, (int)id);
    return access(task, F_OK) != 0;
}

static struct thread *find_thread(struct thread *threads, pid_t id, pid_t program)
{
    struct thread *free_one = NULL;

    for (int i = 0; i < MAX_THREADS; i++) {
        if (threads[i].id == id)
            return &threads[i];
        if (!threads[i].id && !free_one)
            free_one = &threads[i];
    }
    if (!free_one)
        exit(CANNOT);
    *free_one = (struct thread){.id = id, .child = is_child(id, program)};
    return free_one;
}

/* Before a call; one that fails is another, which does not exist. */
static void look(struct thread *thread, struct fault *fault)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, thread->id, NULL, &registers))
        return;
    const int kind = kind_of((long)registers.orig_rax, registers.rdi);

    if (kind < 0 || ++fault->counts[thread->child][kind] != fault->number ||
        thread->child != fault->child || strcmp(kinds[kind].name, fault->kind) != 0)
        return;
    if (!fault->error)
        kill(thread->id, SIGKILL);
    if (kind == CLOSE) {
        thread->closes = fault->error;
        return;
    }
    registers.orig_rax = (unsigned long long)-1;
    registers.rax = (unsigned long long)-fault->error;
    ptrace(PTRACE_SETREGS, thread->id, NULL, &registers);
}

/* Behind a close, whose descriptor is gone whatever it says. */
static void fail_close(struct thread *thread)
{
    struct user_regs_struct registers;

    if (!ptrace(PTRACE_GETREGS, thread->id, NULL, &registers)) {
        registers.rax = (unsigned long long)-thread->closes;
        ptrace(PTRACE_SETREGS, thread->id, NULL, &registers);
    }
    thread->closes = 0;
}

/* Calls of the kind stop from here on, all of every kind for "none"; -1: they cannot. */
static int stop_at(const char *kind)
{
    struct sock_filter code[2 + 2 * 4 * KINDS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    struct sock_fprog filter = {.len = 1, .filter = code};
    const int all = !strcmp(kind, "none"), says = !strcmp(kind, kinds[SAY].name);

    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < 4; i++) {
            const long call = kinds[k].calls[i];

            if (call < 0 || !(all || (says && k == WRITE) || !strcmp(kind, kinds[k].name)))
                continue;
            code[filter.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0,
                                                              1);
            code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
        }
    code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* Gives the program's exit code. */
static int follow(pid_t program, struct fault *fault)
{
    static struct thread threads[MAX_THREADS];
    int status, code = CANNOT;
    pid_t id;

    while ((id = waitpid(-1, &status, __WALL)) > 0) {
        struct thread *thread = find_thread(threads, id, program);
        int number = 0;

        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (id == program)
                code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            thread->id = 0;
            continue;
        }
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
            look(thread, fault);
        else if (thread->closes && status >> 8 == SIGTRAP)
            fail_close(thread);
        else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
            number = WSTOPSIG(status);
        ptrace(thread->closes ? PTRACE_SYSCALL : PTRACE_CONT, id, NULL, (void *)(long)number);
    }
    return code;
}

int main(int argc, char **argv)
{
    const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL;
    struct fault fault = {0};
    int status;

    if (argc < 6)
        return CANNOT;
    fault.child = !strncmp(argv[2], of_child, strlen(of_child));
    fault.kind = argv[2] + (fault.child ? strlen(of_child) : 0);
    fault.number = strtol(argv[3], NULL, 10);
    fault.error = (int)strtol(argv[4], NULL, 10);
    const pid_t program = fork();

    if (program == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            _exit(CANNOT);
        raise(SIGSTOP);
        if (stop_at(fault.kind))
            _exit(CANNOT);
        execvp(argv[5], argv + 5);
        _exit(CANNOT);
    }
    if (program < 0 || waitpid(program, &status, 0) != program || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, program, NULL, (void *)options) ||
        ptrace(PTRACE_CONT, program, NULL, NULL))
        return CANNOT;
    const int code = follow(program, &fault);
    FILE *counts = fopen(argv[1], "w");

    for (int k = 0; counts && k < 2 * KINDS; k++)
        fprintf(counts, "%s%s %ld\n", k < KINDS ? "" : of_child, kinds[k % KINDS].name,
                fault.counts[k >= KINDS][k % KINDS]);
    return counts && fclose(counts) == 0 ? code : CANNOT;
}
