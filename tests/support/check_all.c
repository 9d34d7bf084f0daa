/*
 * check_all.c -- runs the Check suites, one for each part: tests/suite_NAME.c gives suite_NAME.
 * With a name as argument, that suite alone.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_frontend(void);
Suite *suite_graph(void);
Suite *suite_plan(void);
Suite *suite_emit(void);
Suite *suite_kernels(void);
Suite *suite_conv(void);
Suite *suite_pool(void);
Suite *suite_vec(void);
Suite *suite_text(void);
Suite *suite_runtime(void);
Suite *suite_training(void);
Suite *suite_winograd(void);
Suite *suite_at(void);
Suite *suite_weight(void);
Suite *suite_narrow(void);
Suite *suite_scratch(void);
Suite *suite_row_templates(void);
Suite *suite_data(void);
Suite *suite_prep(void);
Suite *suite_readers(void);

static const struct {
    const char *name; /* on the command line */
    Suite *(*make)(void);
} suites[] = {
    {"frontend", suite_frontend},
    {"graph", suite_graph},
    {"plan", suite_plan},
    {"kernels", suite_kernels},
    {"conv", suite_conv},
    {"pool", suite_pool},
    {"runtime", suite_runtime},
    {"data", suite_data},
    {"prep", suite_prep},
    {"winograd", suite_winograd},
    {"at", suite_at},
    {"narrow", suite_narrow},
    {"weight", suite_weight},
    {"scratch", suite_scratch},
    {"readers", suite_readers},
    {"training", suite_training},
    {"text", suite_text},
    {"emit", suite_emit},
    {"vec", suite_vec},
    {"row_templates", suite_row_templates},
};

int main(int argc, char **argv)
{
    const char *totals = getenv("TOTALS"); /* tests/run.sh adds up what is in this file */
    SRunner *runner = srunner_create(NULL);
    int run, failed;

    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (argc < 2 || strcmp(argv[1], suites[i].name) == 0)
            srunner_add_suite(runner, suites[i].make());
    srunner_run_all(runner, CK_ENV);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (totals) {
        FILE *file = fopen(totals, "a");

        if (file) {
            fprintf(file, "%d %d 0\n", run - failed, failed);
            fclose(file);
        }
    }
    return failed != 0 || run == 0;
}
