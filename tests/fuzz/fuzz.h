/*
 * fuzz.h -- what the fuzz targets share. A target is a file of targets/, with
 * LLVMFuzzerTestOneInput; run.sh builds it with the tables that netc makes of the first .net file
 * that it names, one of models/.
 *
 * Files that a target is given stand in memory under a path, so that readers open, map and unpack
 * them as any other. A fault in what was given is right: it ends the work, and what that had open
 * is given back. A crash, a sanitizer's report, too much time or memory, or something that a work
 * without a fault leaves behind is a finding.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

extern const struct net_model net_model; /* of the target's .net file */

const char *fuzz_folder(void); /* where the files are that were given */
const char *fuzz_file(const char *name, const void *bytes, size_t size); /* its path */

/* Runs `work`; gives 0, or its fault's exit code. */
int fuzz_attempt(void (*work)(const void *context), const void *context);

/* Ends the process with a report: what holds for every input does not for this one. */
_Noreturn void fuzz_finding(const char *format, ...) NET_PRINTF(1, 2);

/* ---- data.c ---------------------------------------------------------------------------------- */

/* Data of the model's files: opened, packed, kept as preparation.json, and opened by that. */
void fuzz_open_data(const void *unused);
/* All rows of a part as batches. */
void fuzz_pack(const struct net_data *data, enum net_part part);

#endif
