/*
 * machine.c -- what of the machine this process may use: cores by its affinity, cores and memory by
 * the limits of its control groups, as containers and batch systems set them. A group's limit holds
 * for the groups below it, so the least on the way up counts (Linux,
 * Documentation/admin-guide/cgroup-v2.rst: cpu.max, memory.max; and their names in version 1).
 */

#define _GNU_SOURCE

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"

/* Up to two numbers of FOLDER/NAME; how many there are. A word such as "max" is none. (scanf would
   bring 80 KB along.) */
static int read_numbers(const char *folder, const char *name, double numbers[2])
{
    char *path = net_format("%s/%s", folder, name), line[80] = "", *end;
    FILE *file = fopen(path, "r");
    const char *at = file && fgets(line, sizeof line, file) ? line : "";
    int count = 0;

    for (; count < 2; count++, at = end) {
        numbers[count] = strtod(at, &end);
        if (end == at)
            break;
    }
    free(path);
    if (file)
        fclose(file);
    return count;
}

static void take_folder(struct net_limits *limits, const char *folder)
{
    double cpu[2], period[2], bytes[2];

    if (read_numbers(folder, "cpu.max", cpu) == 2 && cpu[1] > 0)
        limits->cores = fmin(limits->cores, cpu[0] / cpu[1]);
    if (read_numbers(folder, "cpu.cfs_quota_us", cpu) && cpu[0] > 0 &&
        read_numbers(folder, "cpu.cfs_period_us", period) && period[0] > 0)
        limits->cores = fmin(limits->cores, cpu[0] / period[0]);
    if (read_numbers(folder, "memory.max", bytes) ||
        read_numbers(folder, "memory.limit_in_bytes", bytes))
        limits->bytes = fmin(limits->bytes, bytes[0]);
}

/* The group's folder and those above it. */
static void take_groups(struct net_limits *limits, const char *mount, const char *controller,
                        const char *group)
{
    char *folder = net_format("%s%s%s%s", mount, *controller ? "/" : "", controller, group);
    const size_t top = strlen(folder) - strlen(group);

    for (;;) {
        take_folder(limits, folder);
        char *slash = strrchr(folder + top, '/');

        if (!slash)
            break;
        *slash = '\0';
    }
    free(folder);
}

/* Lines are ID:CONTROLLER,CONTROLLER:/GROUP; version 2 has no controllers. */
struct net_limits net_group_limits(const char *membership, const char *mount)
{
    struct net_limits limits = {INFINITY, INFINITY};
    char *copy = net_format("%s", membership), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));) {
        strsep(&line, ":");
        char *controllers = strsep(&line, ":");

        if (!line)
            continue;
        for (char *controller; (controller = strsep(&controllers, ","));)
            if (!*controller || !strcmp(controller, "cpu") || !strcmp(controller, "memory"))
                take_groups(&limits, mount, controller, line);
    }
    free(copy);
    return limits;
}

static struct net_limits own_limits(void)
{
    char membership[4096] = "";
    FILE *file = fopen("/proc/self/cgroup", "r");

    if (!file)
        return (struct net_limits){INFINITY, INFINITY};
    membership[fread(membership, 1, sizeof membership - 1, file)] = '\0';
    fclose(file);
    return net_group_limits(membership, "/sys/fs/cgroup");
}

int net_cores(void)
{
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);

    /* a part of a core is none: the threads of a step wait for the slowest */
    cores = (int)fmin(cores, own_limits().cores);
    return cores < 1 ? 1 : cores > NET_MAX_THREADS ? NET_MAX_THREADS : cores;
}

double net_most_bytes(void)
{
    return fmin(own_limits().bytes,
                (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
}
