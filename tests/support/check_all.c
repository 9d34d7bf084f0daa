/*
 * check_all.c -- runs the Check suites of suites.def. With a name as argument, that suite alone;
 * with two, the test case of the second name.
 */

#define _POSIX_C_SOURCE 200809L /* setenv */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *suite_##name(void);
#include "support/suites.def"
#undef SUITE

static const struct {
    const char *name; /* on the command line */
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, suite_##name},
#include "support/suites.def"
#undef SUITE
};

int main(int argc, char **argv)
{
    const char *totals = getenv("TOTALS"); /* tests/run.sh adds up what is in this file */
    SRunner *runner = srunner_create(NULL);
    int run, failed;

    setenv("CK_DEFAULT_TIMEOUT", "120", 0); /* seconds of a busy machine */
    if (argc > 2)
        setenv("CK_RUN_CASE", argv[2], 1);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (argc < 2 || strcmp(argv[1], suites[i].name) == 0)
            srunner_add_suite(runner, suites[i].make());
    srunner_run_all(runner, CK_ENV);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (run == 0) {
        fprintf(stderr, "check_all: no test of this name; the suites are");
        for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
            fprintf(stderr, " %s", suites[i].name);
        fprintf(stderr, "\n");
    }
    if (totals) {
        FILE *file = fopen(totals, "a");

        if (file) {
            fprintf(file, "%d %d 0\n", run - failed, failed);
            fclose(file);
        }
    }
    return failed != 0 || run == 0;
}
