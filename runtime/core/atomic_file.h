/*
 * atomic_file.h -- a file that appears whole under its name, or not at all. Shared by netc and its
 * trainers.
 */

#ifndef NET_ATOMIC_FILE_H
#define NET_ATOMIC_FILE_H

#include <stdbool.h>
#include <stdio.h>

/* How a name ends that no user gives. */
#define NET_PART_SUFFIX ".netc-part"

/* A file that is being written, which has no name yet where the file system allows that: a process
   that is killed then leaves nothing. Elsewhere it is called NAME.PID.netc-part, and locked. */
struct net_atomic_file {
    FILE *out;         /* what is written to the file */
    int at;            /* a descriptor of it */
    int folder;        /* the folder that it will be in */
    char *name, *part; /* in that folder; malloc'd */
    bool named;        /* it is there as `part` */
};

/* `path` is relative to the folder of the descriptor, or AT_FDCWD. A link stays one: what it names
   is replaced. False after an error: errno says which, EEXIST that the path is no file. */
bool net_atomic_open(struct net_atomic_file *file, int folder, const char *path);
bool net_atomic_commit(
    struct net_atomic_file *file);                  /* on the disk, and under its name; or false */
void net_atomic_drop(struct net_atomic_file *file); /* what was written is gone; errno stays */

/* Is the entry of a folder NAME.PID.netc-part? */
bool net_is_part_of(const char *entry, const char *name);

/* Removes what processes that are no more have left of a file half written; NULL: of any. */
void net_atomic_clean(int folder, const char *name);

/* A descriptor of a folder; of one that may be searched and not read, one that nothing but its
   files can be reached by. -1: errno says why not. */
int net_open_folder(int folder, const char *path);

#endif
