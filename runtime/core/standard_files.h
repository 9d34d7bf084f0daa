/*
 * standard_files.h -- descriptors 0 to 2. Shared by netc and its trainers.
 */

#ifndef NET_STANDARD_FILES_H
#define NET_STANDARD_FILES_H

/* Opens /dev/null as each of the descriptors 0 to 2 that is closed, so that no file of the
   program's gets one of these numbers and what is printed written into it. First thing in main. */
void net_open_standard_files(void);

#endif
