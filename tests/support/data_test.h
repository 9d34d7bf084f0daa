/* data_test.h -- files of tests (data_files.c), and the test cases of the suite `data`. */

#ifndef DATA_TEST_H
#define DATA_TEST_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/* A folder for the running test's files, as a checked fixture. */
void data_test_make_folder(void);
void data_test_remove_folder(void);
const char *data_test_folder(void);

/* Writes a file into the folder. */
void write_bytes(const char *name, const void *bytes, size_t size, bool gzip);

/* Runs work(context) in a child; fills `message` with its stderr and returns its status. */
int run_child(void (*work)(const void *), const void *context, char *message, size_t size);

/* Of damages that are tried one by one each 1st, or, in the sanitized build of make test, 7th. */
size_t find_step(void);

/* work(context) must end with exit code 1 and a message that contains `text`, in which DIR/ is
   the folder of the files. */
void expect_fault(void (*work)(const void *), const void *context, const char *text);

TCase *data_test_prepared(void); /* data_test.c: transforms, splits */
TCase *data_test_identity(void); /* identity_test.c: is it the same data? */
TCase *data_test_metrics(void);  /* metrics_test.c: metrics, reports, predictions */
TCase *data_test_series(void);   /* series_test.c: windows of rows */
TCase *data_test_labels(void);   /* labels_test.c: a class a position */

#endif
