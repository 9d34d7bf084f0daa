/*
 * npy.c -- the beginning of a numpy array of float32: eight bytes, the length of a line, the line.
 */

#include "commands/npy.h"

void net_npy_begin(struct net_npy *npy, const char *shape)
{
    struct net_text *line = &npy->line;

    *npy = (struct net_npy){.magic = "\x93NUMPY\x01"};
    net_text_add(line, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    while ((sizeof npy->magic + line->length + 1) % 64)
        net_text_add(line, " ");
    net_text_add(line, "\n");
    npy->magic[8] = (unsigned char)(line->length % 256);
    npy->magic[9] = (unsigned char)(line->length / 256);
}
