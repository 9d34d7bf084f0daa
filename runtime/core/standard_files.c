/*
 * standard_files.c -- descriptors 0 to 2 are open before any other file is.
 */

#define _POSIX_C_SOURCE 200809L

#include "core/standard_files.h"

#include <fcntl.h>
#include <stdlib.h>

void net_open_standard_files(void)
{
    /* what is written to a stdout that was closed is lost, and that is a fault: it cannot be */
    static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};

    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", modes[descriptor]) != descriptor)
            exit(1); /* there is nobody to tell */
}
