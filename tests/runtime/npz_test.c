/*
 * npz_test.c -- archives of arrays, written here by hand: stored and deflated, and broken ones.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <zlib.h>

#include "support/readers_test.h"

/* ---- writing --------------------------------------------------------------------------------- */

struct archive {
    unsigned char bytes[4096], directory[1024];
    size_t used, directory_used;
    int entries;
};

static void put(unsigned char *at, size_t *used, unsigned long long number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[(*used)++] = i < 8 ? (unsigned char)(number >> 8 * i) : 0;
}

static void add_entry(struct archive *a, const char *name, const unsigned char *data, size_t size,
                      bool deflated)
{
    unsigned char packed[2048];
    z_stream stream = {.next_in = (unsigned char *)data,
                       .avail_in = (unsigned)size,
                       .next_out = packed,
                       .avail_out = sizeof packed};
    const unsigned long crc = crc32(0, data, (unsigned)size);
    const size_t offset = a->used, length = strlen(name);

    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    const size_t packed_size = deflated ? stream.total_out : size;

    deflateEnd(&stream);
    for (int central = 0; central < 2; central++) {
        unsigned char *to = central ? a->directory : a->bytes;
        size_t *used = central ? &a->directory_used : &a->used;

        put(to, used, central ? 0x02014b50 : 0x04034b50, 4);
        put(to, used, 20, central ? 2 : 0);
        put(to, used, 20, 2);
        put(to, used, 0, 2);
        put(to, used, deflated ? 8 : 0, 2);
        put(to, used, 0, 4);
        put(to, used, crc, 4);
        put(to, used, packed_size, 4);
        put(to, used, size, 4);
        put(to, used, length, 2);
        put(to, used, 0, 2);
        put(to, used, 0, central ? 10 : 0);
        put(to, used, offset, central ? 4 : 0);
        memcpy(to + *used, name, length);
        *used += length;
    }
    memcpy(a->bytes + a->used, deflated ? packed : data, packed_size);
    a->used += packed_size;
    a->entries++;
}

static void end_archive(struct archive *a)
{
    const size_t directory = a->used;

    memcpy(a->bytes + a->used, a->directory, a->directory_used);
    a->used += a->directory_used;
    put(a->bytes, &a->used, 0x06054b50, 4);
    put(a->bytes, &a->used, 0, 4);
    put(a->bytes, &a->used, a->entries, 2);
    put(a->bytes, &a->used, a->entries, 2);
    put(a->bytes, &a->used, a->directory_used, 4);
    put(a->bytes, &a->used, directory, 4);
    put(a->bytes, &a->used, 0, 2);
}

/* x: three rows of two floats; y: three bytes. */
static struct archive make_archive(bool deflated, int first)
{
    static const char *const heads[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n"};
    static const char *const names[] = {"x.npy", "y.npy"};
    struct archive archive = {0};

    for (int i = 0; i < 2; i++) {
        unsigned char bytes[256] = "\x93NUMPY\1";
        const size_t length = strlen(heads[i]);
        size_t used = 10 + length;

        bytes[8] = (unsigned char)length;
        memcpy(bytes + 10, heads[i], length);
        for (int k = 0; k < (i ? 3 : 6); k++) {
            const float number = (float)(first + k);

            if (i)
                bytes[used++] = (unsigned char)(first + k);
            else
                memcpy(bytes + used, &number, 4), used += 4;
        }
        add_entry(&archive, names[i], bytes, used, deflated);
    }
    end_archive(&archive);
    return archive;
}

static const struct net_field fields[] = {
    {.name = "x", .source = "x", .kind = NET_INPUT, .rank = 1, .shape = {2}, .size = 2},
    {.name = "also", .source = "x", .kind = NET_INPUT, .rank = 1, .shape = {2}, .size = 2},
    {.name = "y", .source = "y", .kind = NET_TARGET_VALUES, .rank = 1, .shape = {1}, .size = 1},
};

static void write_archive(const char *name, const struct archive *archive)
{
    write_bytes(name, archive->bytes, archive->used, false);
}

/* ---- reading --------------------------------------------------------------------------------- */

START_TEST(archives)
{
    const struct archive stored = make_archive(false, 0), deflated = make_archive(true, 10);

    write_archive("a.npz", &stored);
    write_archive("b.npz", &deflated);
    struct net_table table = read_table(&net_reader_npz, "?.npz", true, fields, 3);

    ck_assert_int_eq(table.column_count, 2);
    ck_assert_int_eq(table.columns[0].rows, 6);
    ck_assert_int_eq(table.columns[1].type, NET_U8);
    for (int row = 0; row < 6; row++) {
        const float *x = net_row(&table.columns[0], row);
        const int begin = row < 3 ? 0 : 10, place = row % 3;

        ck_assert_float_eq(x[0], (float)(begin + 2 * place));
        ck_assert_float_eq(x[1], (float)(begin + 2 * place + 1));
        ck_assert_int_eq(*(const uint8_t *)net_row(&table.columns[1], row), begin + place);
    }
    net_table_free(&table);
}
END_TEST

static void read_archive(const void *unused)
{
    struct net_table table = read_table(&net_reader_npz, "t", true, fields, 3);

    (void)unused;
    net_table_free(&table);
}

static void expect_archive_fault(const struct archive *archive, const char *message)
{
    write_archive("t", archive);
    expect_fault(read_archive, NULL, message);
}

START_TEST(archive_faults)
{
    const struct archive whole = make_archive(true, 0);
    struct archive broken = whole;
    const size_t directory = whole.used - 22 - whole.directory_used;

    broken.used = 10;
    expect_archive_fault(&broken, "t: byte 0: expected an .npz file (PK), found 10 bytes");
    broken.used = whole.used - 1;
    expect_archive_fault(&broken, "expected the directory's end of a zip archive");
    broken = whole;
    broken.bytes[directory] = 'x';
    expect_archive_fault(&broken, "expected an entry of the directory of a zip archive");
    broken = whole;
    broken.bytes[directory + 46] = 'w';
    expect_archive_fault(&broken, "t: expected an array x, found w, y");
    broken.bytes[directory + 46] = 27;
    expect_archive_fault(&broken, "t: expected an array x, found  , y");
    broken = whole;
    broken.bytes[directory + 10] = 14;
    expect_archive_fault(&broken, "x is packed by method 14; expected 0 (stored) or 8");
    broken = whole;
    broken.bytes[directory + 8] = 1;
    expect_archive_fault(&broken, "x is encrypted");
    for (int deflated = 0; deflated < 2; deflated++) {
        broken = make_archive(deflated, 0);
        broken.bytes[60] ^= 0xFF;
        expect_archive_fault(&broken, "t: byte 0: the data of x.npy are damaged");
    }
    broken = make_archive(false, 0);
    broken.bytes[35] = 'X'; /* with its sum */
    const size_t stored = broken.used - 22 - broken.directory_used;
    const unsigned long crc = crc32(0, broken.bytes + 35, broken.bytes[stored + 20]);

    for (int i = 0; i < 4; i++)
        broken.bytes[stored + 16 + i] = (unsigned char)(crc >> 8 * i);
    expect_archive_fault(&broken, "t: x: byte 0: expected a .npy file (93 NUMPY), found 58 4E");
}
END_TEST

/* Cut anywhere, or with other bytes, an archive is read or refused. */
START_TEST(broken_archives)
{
    const size_t each = find_step();
    char message[4096];

    for (int deflated = 0; deflated < 2; deflated++) {
        const struct archive whole = make_archive(deflated, 0);

        for (size_t i = 0; i < 3 * whole.used; i += each) {
            struct archive broken = whole;

            if (i < whole.used)
                broken.used = i;
            else
                broken.bytes[i % whole.used] = (unsigned char)(i / whole.used == 1 ? 0xFF : i * 37);
            write_archive("t", &broken);
            const int status = run_child(read_archive, NULL, message, sizeof message);

            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%zu: %x %s", i, status,
                          message);
        }
    }
}
END_TEST

TCase *readers_test_archives(void)
{
    TCase *archived = tcase_create("archives");

    tcase_add_checked_fixture(archived, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(archived, archives);
    tcase_add_test(archived, archive_faults);
    tcase_add_test(archived, broken_archives);
    return archived;
}
