/* readers_test.h -- what readers.c, readers_test.c and npz_test.c share. */

#ifndef READERS_TEST_H
#define READERS_TEST_H

#include "data/sources/source.h"
#include "support/data_test.h"

void write_text(const char *name, const char *text); /* a file in the test's folder */

/* Opens reader("file", header) in the test's folder. */
struct net_table read_table(const struct net_reader *reader, const char *file, bool header,
                            const struct net_field *fields, int field_count);

TCase *readers_test_words(void);    /* readers_test.c: words, classes, predict's files */
TCase *readers_test_archives(void); /* npz_test.c */

#endif
