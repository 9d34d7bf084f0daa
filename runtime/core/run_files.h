/*
 * run_files.h -- what trainers and netc both know of the files in a run's folder.
 */

#ifndef NET_RUN_FILES_H
#define NET_RUN_FILES_H

enum { NET_PREPARATION_VERSION = 2 }; /* of preparation.json: data/contract.c tells what it has */

#endif
