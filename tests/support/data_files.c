/*
 * data_files.c -- files in a temporary folder, read as sources; faults in a child process, whose
 * message and exit code are looked at.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "support/kernel_test.h"
#include "support/readers_test.h"

static char folder[64];

void data_test_make_folder(void)
{
    strcpy(folder, "/tmp/netc-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void data_test_remove_folder(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

const char *data_test_folder(void)
{
    return folder;
}

void write_bytes(const char *name, const void *bytes, size_t size, bool gzip)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, gzip ? "wb" : "wbT");

    ck_assert_ptr_nonnull(file);
    ck_assert(size == 0 || gzwrite(file, bytes, (unsigned)size) == (int)size);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

size_t find_step(void)
{
    return is_sanitized() && getenv("QUICK") ? 7 : 1;
}

static void leave(int status, void *unused)
{
    (void)unused;
    _exit(status); /* before a leak checker looks: a fault frees nothing */
}

int run_child(void (*work)(const void *), const void *context, char *message, size_t size)
{
    int ends[2], status;
    size_t length = 0;
    ssize_t got;

    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();

    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        on_exit(leave, NULL);
        work(context);
        exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], message + length, size - 1 - length)) > 0)
        length += (size_t)got;
    message[length] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

/* `text` with the folder of the files for each DIR. */
static void put_folder(char *to, size_t size, const char *text)
{
    size_t used = 0;

    for (; *text && used + sizeof folder < size; text++)
        if (!strncmp(text, "DIR/", 4)) {
            used += (size_t)snprintf(to + used, size - used, "%s", folder);
            text += 2;
        } else {
            to[used++] = *text;
        }
    to[used] = '\0';
}

void expect_fault(void (*work)(const void *), const void *context, const char *text)
{
    char message[4096], wanted[4096];
    const int status = run_child(work, context, message, sizeof message);

    put_folder(wanted, sizeof wanted, text);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x: %s", status, message);
    ck_assert_msg(strstr(message, wanted) != NULL, "expected \"%s\" in: %s", wanted, message);
}

void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text), false);
}
struct net_table read_table(const struct net_reader *reader, const char *file, bool header,
                            const struct net_field *fields, int field_count)
{
    const struct net_arg args[] = {{.name = "file", .text = file},
                                   {.name = "header", .number = header}};
    const struct net_call call = {
        .name = reader->name, .args = args, .arg_count = 2, .reader = reader};
    const struct net_request request = {
        .call = &call, .folder = data_test_folder(), .fields = fields, .field_count = field_count};
    struct net_table table = {0};

    reader->open(&table, &request);
    for (int c = 0; c < table.column_count; c++) /* a message names what there is */
        ck_assert_msg(strpbrk(file, "*?") ? !strncmp(table.columns[c].place, folder, strlen(folder))
                                          : !access(table.columns[c].place, F_OK),
                      "the place of %s is %s", reader->name, table.columns[c].place);
    return table;
}

double number_at(const struct net_table *table, int f, long row, int k)
{
    return net_element(&table->columns[f], row, k);
}
