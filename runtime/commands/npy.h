/*
 * npy.h -- how a numpy array of float32 begins.
 */

#ifndef NET_NPY_H
#define NET_NPY_H

#include "core/core.h"

struct net_npy {
    unsigned char magic[10];
    struct net_text line; /* malloc'd */
};

void net_npy_begin(struct net_npy *npy, const char *shape); /* "3, 4", "5," */

#endif
