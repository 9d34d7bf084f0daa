/*
 * cifar.c -- the binary versions of CIFAR-10 and CIFAR-100: records of one label (or a coarse
 * and a fine one) and 3072 bytes, planes of red, green and blue, 32 x 32 each. Records stay in the
 * mapped files, where both columns point into them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

enum { PIXELS = 3 * 32 * 32, TAR_MAGIC = 257 };

static _Noreturn void fail_pickle(const char *path, bool hundred)
{
    net_fail(1,
             "%s: byte 0: found 80, a Python pickle; fetch the binary version, "
             "cifar-%s-binary.tar.gz (make data-cifar%s, or "
             "www.cs.toronto.edu/~kriz/cifar.html)",
             path, hundred ? "100" : "10", hundred ? "100" : "10");
}

/* Pickles are called as the records, without .bin. */
static void refuse_pickles(const char *folder, const char *pattern, bool hundred)
{
    const size_t length = strlen(pattern);
    char *name = net_allocate(length + 2, 1);
    int count;

    memcpy(name, pattern, length);
    name[length] = '*'; /* .gz too */
    net_paths_free(net_paths_if_any(folder, name, &count), count);
    if (!count && length > 4 && !strcmp(pattern + length - 4, ".bin")) {
        name[length - 4] = '\0';
        char **paths = net_paths_if_any(folder, name, &count);

        for (int i = 0; i < count; i++) {
            FILE *file = fopen(paths[i], "rb");

            if (file && getc(file) == 0x80)
                fail_pickle(paths[i], hundred);
            if (file)
                fclose(file);
        }
        net_paths_free(paths, count);
    }
    free(name);
}

static void check_records(const char *path, struct net_bytes bytes, size_t record, bool hundred)
{
    const unsigned char first = bytes.size ? (unsigned char)bytes.at[0] : 0;

    if (first == 0x80)
        fail_pickle(path, hundred);
    if (bytes.size > TAR_MAGIC + 5 && !memcmp(bytes.at + TAR_MAGIC, "ustar", 5))
        net_fail(1, "%s: expected records, found a tar archive; unpack it with tar -x", path);
    if (!bytes.size || bytes.size % record)
        net_fail(1, "%s: byte %zu: expected records of %zu bytes to the end, found %zu bytes%s",
                 path, bytes.size / record * record, record, bytes.size % record,
                 bytes.size && bytes.size % (hundred ? record - 1 : record + 1) == 0
                     ? hundred ? "; it fits cifar10" : "; it fits cifar100"
                     : "");
}

static void open_cifar(struct net_table *table, const struct net_request *request, int labels)
{
    static const char *const names[2][3] = {{"label", "image"}, {"coarse", "label", "image"}};
    const struct net_arg *file = net_argument(request->call, "file");
    const size_t record = PIXELS + (size_t)labels;
    int count;

    refuse_pickles(request->folder, file->text, labels == 2);
    char **paths = net_paths(request->folder, file->text, &count);

    const char *place = net_place(table, request->folder, file->text, paths, count);

    table->column_count = labels + 1;
    for (int c = 0; c <= labels; c++)
        table->columns[c] = (struct net_column){.name = names[labels - 1][c],
                                                .place = place,
                                                .type = NET_U8,
                                                .stride = record,
                                                .size = 1};
    table->columns[labels].size = PIXELS;
    table->columns[labels].rank = 3;
    memcpy(table->columns[labels].shape, (int[]){3, 32, 32}, 3 * sizeof(int));
    for (int i = 0; i < count; i++) {
        const struct net_bytes bytes = net_map_file(table, paths[i]);

        check_records(paths[i], bytes, record, labels == 2);
        for (int c = 0; c <= labels; c++)
            net_add_piece(&table->columns[c], (long)(bytes.size / record), bytes.at + c,
                          bytes.at + bytes.size);
    }
    net_paths_free(paths, count);
}

static void open_cifar10(struct net_table *table, const struct net_request *request)
{
    open_cifar(table, request, 1);
}

static void open_cifar100(struct net_table *table, const struct net_request *request)
{
    open_cifar(table, request, 2);
}

const struct net_reader net_reader_cifar10 = {
    .name = "cifar10", .open = open_cifar10, .file = "file"};
const struct net_reader net_reader_cifar100 = {
    .name = "cifar100", .open = open_cifar100, .file = "file"};
