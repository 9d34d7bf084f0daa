/* paths.c -- the files that a pattern names. */

#include <string.h>

#include "data/sources/source.h"
#include "fuzz/fuzz.h"

static void list_files(const void *pattern)
{
    int count;

    net_need_regular(fuzz_folder(), pattern);
    char **paths = net_paths(fuzz_folder(), pattern, &count);

    net_paths_free(paths, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"a", "ab", "a*b", "train_1.csv", "train_2.csv.gz"};
    char pattern[200];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fuzz_file(names[i], "", 0);
    snprintf(pattern, sizeof pattern, "%.*s", (int)size, (const char *)bytes);
    const char *wild = strpbrk(pattern, "*?");

    if (wild && strchr(wild, '/') && (*pattern == '/' || strstr(pattern, "..")))
        return 0; /* all folders of the machine would take their time */
    fuzz_attempt(list_files, pattern);
    return 0;
}
