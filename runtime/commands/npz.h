/*
 * npz.h -- numpy's npz: a zip archive of named arrays of float32, an .npy each, not packed.
 */

#ifndef NET_NPZ_H
#define NET_NPZ_H

#include "core/core.h"

/* Where it goes; ends the program, or keeps in mind what fails. */
typedef void net_npz_write(void *to, const void *bytes, size_t count);

struct net_npz {
    net_npz_write *write;
    void *to;
    struct net_npz_entry *entries; /* malloc'd */
    int count;
    uint64_t at; /* bytes that are written */
};

void net_npz_open(struct net_npz *npz, net_npz_write *write, void *to, int most); /* arrays */
/* Writes an array of `count` floats; shape: "3, 4", "5,". false: it would be more than the 4 GB
   that an npz holds, and nothing is written. */
bool net_npz_add(struct net_npz *npz, const char *name, const char *shape, const float *x,
                 size_t count);
void net_npz_end(struct net_npz *npz); /* the archive's directory; frees what it has */

#endif
