/*
 * data.c -- readers of arrays and generators, and the suite of what is made of them.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/sources/source.h"
#include "support/data_test.h"

/* ---- help ------------------------------------------------------------------------------------ */

/* Opens reader(x="name") in the temporary folder. */
static struct net_table read_files(const struct net_reader *reader, const char *name)
{
    const struct net_arg arg = {.name = "x", .text = name, .given = true};
    const struct net_call call = {
        .name = reader->name, .args = &arg, .arg_count = 1, .reader = reader};
    struct net_table table = {0};
    const struct net_request request = {.call = &call, .folder = data_test_folder()};

    reader->open(&table, &request);
    return table;
}

struct attempt {
    const struct net_reader *reader;
    const char *name;
};

static void read_and_free(const void *context)
{
    const struct attempt *attempt = context;
    struct net_table table = read_files(attempt->reader, attempt->name);

    net_table_free(&table);
}

/* ---- idx ------------------------------------------------------------------------------------- */

static const unsigned char idx_u8[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0,
                                       0, 1, 0, 0, 0, 2, 1, 2, 3, 255};

START_TEST(idx_types)
{
    static const struct {
        unsigned char bytes[24];
        size_t size;
        enum net_type type;
        double expected; /* of the last of two rows */
    } cases[] = {
        {{0, 0, 0x08, 1, 0, 0, 0, 2, 7, 200}, 10, NET_U8, 200},
        {{0, 0, 0x09, 1, 0, 0, 0, 2, 7, 200}, 10, NET_I32, -56},
        {{0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 7, 0xFF, 0xFE}, 12, NET_I32, -2},
        {{0, 0, 0x0C, 1, 0, 0, 0, 2, 0, 0, 0, 7, 0x80, 0, 0, 0}, 16, NET_I32, -2147483648.0},
        {{0, 0, 0x0D, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0xBF, 0xC0, 0, 0}, 16, NET_F32, -1.5},
        {{0, 0, 0x0E, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 4, 0, 0, 0, 0, 0, 0},
         24,
         NET_F64,
         2.5},
    };

    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        write_bytes("x", cases[i / 2].bytes, cases[i / 2].size, i % 2);
        struct net_table table = read_files(&net_reader_idx, "x");
        const struct net_column *column = &table.columns[0];
        const double last = net_element(column, 1, 0);

        ck_assert_int_eq(column->rows, 2);
        ck_assert_int_eq(column->size, 1);
        ck_assert_int_eq(column->rank, 0);
        ck_assert_int_eq(column->type, cases[i / 2].type);
        ck_assert_double_eq(last, cases[i / 2].expected);
        net_table_free(&table);
    }
}
END_TEST

START_TEST(idx_patterns)
{
    unsigned char second[sizeof idx_u8];

    memcpy(second, idx_u8, sizeof second);
    second[16] = 50;
    write_bytes("part_2", second, sizeof second, true);
    write_bytes("part_1", idx_u8, sizeof idx_u8, false);
    struct net_table table = read_files(&net_reader_idx, "part_*");
    const uint8_t *first = net_row(&table.columns[0], 0), *third = net_row(&table.columns[0], 2);

    ck_assert_int_eq(table.columns[0].rows, 4);
    ck_assert_int_eq(table.columns[0].rank, 2);
    ck_assert_int_eq(table.columns[0].size, 2);
    ck_assert_int_eq(first[0], 1);
    ck_assert_int_eq(first[3], 255);
    ck_assert_int_eq(third[0], 50);
    net_table_free(&table);
}
END_TEST

START_TEST(idx_faults)
{
    static const struct {
        unsigned char bytes[32];
        size_t size;
        const char *text;
    } cases[] = {
        {{0}, 0, "x: byte 0: the file ends; expected an IDX header"},
        {{0, 0, 8}, 3, "x: byte 3: the file ends"},
        {{0x89, 'P', 'N', 'G'}, 4, "x: byte 0: expected an IDX file (00 00 type axes), found 89"},
        {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, "unpack it with xz -d"},
        {{0, 0, 10, 1, 0, 0, 0, 1, 1}, 9, "x: byte 2: expected a type 08, 09"},
        {{0, 0, 8, 0}, 4, "x: byte 3: expected 1 to 5 axes, found 0"},
        {{0, 0, 8, 255}, 4, "x: byte 3: expected 1 to 5 axes, found 255"},
        {{0, 0, 8, 2, 0, 0, 0, 1}, 8, "x: byte 8: the file ends; expected the size of an axis"},
        {{0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0}, 12, "x: byte 8: expected a size of 1 or more"},
        {{0, 0, 8, 1, 0, 0, 0, 2, 1}, 9, "x: byte 9: the file ends; expected the numbers"},
        {{0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3}, 11, "x: byte 10: expected the end of the file"},
        {{0, 0, 14, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         16,
         "x: byte 4: the sizes of the 3 axes are too large"},
        {{0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 255, 255, 1},
         13,
         "x: byte 13: the file ends; expected the numbers"},
    };
    const struct attempt attempt = {&net_reader_idx, "x"};

    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        write_bytes("x", cases[i / 2].bytes, cases[i / 2].size, i % 2);
        expect_fault(read_and_free, &attempt, cases[i / 2].text);
    }
}
END_TEST

/* 65,552 bytes where there is room for half of them. */
static void read_beyond_memory(const void *name)
{
    struct net_stream file;
    char path[128];
    size_t size;

    snprintf(path, sizeof path, "%s/%s", data_test_folder(), (const char *)name);
    net_stream_open(&file, path);
    file.most = 0x8000;
    free(net_stream_rest(&file, &size));
    net_stream_close(&file);
}

START_TEST(packed_files_beyond_memory)
{
    static const char zeros[65552];

    write_bytes("zeros.gz", zeros, sizeof zeros, true);
    write_bytes("zeros", zeros, sizeof zeros, false);
    expect_fault(read_beyond_memory, "zeros.gz",
                 "zeros.gz: unpacked it is larger than the 0.0 GB of memory; gunzip it");
    read_beyond_memory("zeros");
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
    unsigned char packed[128];
    char path[128];
    FILE *file;

    expect_fault(read_and_free, &(struct attempt){&net_reader_idx, "absent"}, "--data DIR");
    expect_fault(read_and_free, &(struct attempt){&net_reader_idx, "absent_*"}, "--data DIR");
    expect_fault(read_and_free, &(struct attempt){&net_reader_npy, "../"}, "found a folder");

    write_bytes("whole.gz", idx_u8, sizeof idx_u8, true);
    snprintf(path, sizeof path, "%s/whole.gz", data_test_folder());
    file = fopen(path, "rb");
    const size_t size = fread(packed, 1, sizeof packed, file);

    fclose(file);
    write_bytes("cut.gz", packed, size - 10, false);
    expect_fault(read_and_free, &(struct attempt){&net_reader_idx, "cut.gz"}, "cut off");
    packed[size - 6] ^= 1; /* the checksum */
    write_bytes("damaged.gz", packed, size, false);
    expect_fault(read_and_free, &(struct attempt){&net_reader_idx, "damaged.gz"}, "damaged");

    write_bytes("like_1", idx_u8, sizeof idx_u8, false);
    write_bytes("like_2", "\0\0\10\1\0\0\0\1\5", 9, false);
    expect_fault(read_and_free, &(struct attempt){&net_reader_idx, "like_*"}, "differs from that");
}
END_TEST

/* ---- npy ------------------------------------------------------------------------------------- */

/* A .npy file with this header text and 16 bytes of data. */
static void write_npy(const char *name, int version, const char *header, const void *data,
                      size_t size)
{
    unsigned char bytes[512] = "\x93NUMPY";
    const size_t length = strlen(header), begin = version == 1 ? 10 : 12;

    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)length;
    memcpy(bytes + begin, header, length);
    memcpy(bytes + begin + length, data, size);
    write_bytes(name, bytes, begin + length + size, version == 2);
}

START_TEST(npy_types)
{
    static const struct {
        const char *descr;
        unsigned char data[8]; /* one element */
        size_t width;
        enum net_type type;
        double expected;
    } cases[] = {
        {"|b1", {1}, 1, NET_U8, 1},
        {"|u1", {200}, 1, NET_U8, 200},
        {"|i1", {200}, 1, NET_I32, -56},
        {"<i2", {0xFE, 0xFF}, 2, NET_I32, -2},
        {">i2", {0xFF, 0xFE}, 2, NET_I32, -2},
        {"<u2", {0xFE, 0xFF}, 2, NET_I32, 65534},
        {"<i4", {0xFE, 0xFF, 0xFF, 0xFF}, 4, NET_I32, -2},
        {"<u4", {0, 0, 0, 0x80}, 4, NET_F64, 2147483648.0},
        {"<i8", {7}, 8, NET_I32, 7},
        {"<u8", {7}, 8, NET_I32, 7},
        {"<u8", {0, 0, 0, 0, 0, 0, 0, 0x80}, 8, NET_F64, 9223372036854775808.0},
        {"<u8", {255, 255, 255, 255, 255, 255, 255, 255}, 8, NET_F64, 18446744073709551616.0},
        {">i8", {0, 0, 0, 1, 0, 0, 0, 0}, 8, NET_F64, 4294967296.0},
        {"<f2", {0, 0xBE}, 2, NET_F32, -1.5},
        {">f2", {0x7B, 0xFF}, 2, NET_F32, 65504},
        {"<f2", {1, 0x80}, 2, NET_F32, -0x1p-24},
        {"<f2", {0xFF, 3}, 2, NET_F32, 0x3FFp-24},
        {"<f4", {0, 0, 0xC0, 0xBF}, 4, NET_F32, -1.5},
        {">f4", {0xBF, 0xC0, 0, 0}, 4, NET_F32, -1.5},
        {"<f8", {0, 0, 0, 0, 0, 0, 4, 0x40}, 8, NET_F64, 2.5},
        {">f8", {0x40, 4, 0, 0, 0, 0, 0, 0}, 8, NET_F64, 2.5},
    };
    char header[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n", cases[i].descr);
        write_npy("x.npy", (int)i % 3 + 1, header, cases[i].data, cases[i].width);
        struct net_table table = read_files(&net_reader_npy, "x.npy");
        const struct net_column *column = &table.columns[0];
        const double value = net_element(column, 0, 0);

        ck_assert_int_eq(column->rows, 1);
        ck_assert_int_eq(column->type, cases[i].type);
        ck_assert_double_eq(value, cases[i].expected);
        net_table_free(&table);
    }
}
END_TEST

START_TEST(npy_orders)
{
    static const uint8_t row_major[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t fortran[] = {0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}; /* [2][3][2] */

    for (int order = 0; order < 2; order++) {
        write_npy("x.npy", 1,
                  order ? "{'shape':(2, 3,2),'fortran_order':True,'descr':'|u1'}"
                        : "{\"descr\": \"|u1\", \"fortran_order\": False, \"shape\": (2, 3, 2)}",
                  order ? fortran : row_major, 12);
        struct net_table table = read_files(&net_reader_npy, "x.npy");

        ck_assert_int_eq(table.columns[0].rows, 2);
        ck_assert_int_eq(table.columns[0].rank, 2);
        ck_assert_int_eq(table.columns[0].shape[0], 3);
        ck_assert_mem_eq(net_row(&table.columns[0], 0), row_major, 12);
        net_table_free(&table);
    }
}
END_TEST

START_TEST(npy_faults)
{
    static const struct {
        const char *header, *text;
    } cases[] = {
        {"", "expected a dict"},
        {"{", "expected a quoted name"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", "one of the types"},
        {"{'descr': 'O', 'fortran_order': False, 'shape': (2,)}", "one of the types"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", "one of the types"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "no records"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}", "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "one axis or more"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}", "sizes of 1 or more"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "expected a size"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1)}", "at most 5 axes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
         "a size that can be"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999999999,)}",
         "a shape that can be"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", "expected the numbers"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", "end of the file"},
        {"{'descr': '<f4', 'shape': (4,)}", "descr, fortran_order and shape"},
        {"{'descr': '<f4' 'shape': (4,)}", "a comma or a closing brace"},
        {"{'other': 4}", "only descr, fortran_order and shape"},
    };
    static const unsigned char data[16] = {0};
    const struct attempt attempt = {&net_reader_npy, "x.npy"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy("x.npy", (int)i % 3 + 1, cases[i].header, data, sizeof data);
        expect_fault(read_and_free, &attempt, cases[i].text);
    }
    write_bytes("x.npy", "PK\3\4xxxxxxxx", 12, false);
    expect_fault(read_and_free, &attempt, "an .npz or zip file");
    write_bytes("x.npy", "\x93NUMPY\4\0xxxx", 12, false);
    expect_fault(read_and_free, &attempt, "expected version 1, 2 or 3");
    write_bytes("x.npy", "\x93NUMPY\2\0\xff\xff\xff\xff", 12, false);
    expect_fault(read_and_free, &attempt, "expected a header of at most");
}
END_TEST

/* ---- mutated files --------------------------------------------------------------------------- */

/* Reads many damaged copies: each is a fault or data, never a crash. */
static void mutate(const struct net_reader *reader, const unsigned char *bytes, size_t size)
{
    static const unsigned char values[] = {0, 1, 9, '(', '\'', 0x7f, 0x80, 0xff};
    const struct attempt attempt = {reader, "x"};
    unsigned char copy[256];
    char message[4096];

    for (size_t i = 0; i < size; i++)
        for (size_t v = 0; v <= sizeof values; v++) {
            memcpy(copy, bytes, size);
            if (v < sizeof values)
                copy[i] = values[v];
            write_bytes("x", copy, v < sizeof values ? size : i, false);
            const int status = run_child(read_and_free, &attempt, message, sizeof message);

            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1,
                          "byte %zu, change %zu: status %x: %s", i, v, status, message);
        }
}

START_TEST(idx_mutated)
{
    mutate(&net_reader_idx, idx_u8, sizeof idx_u8);
}
END_TEST

START_TEST(npy_mutated)
{
    unsigned char bytes[128] = "\x93NUMPY\1";
    const char *header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1)}\n";

    bytes[8] = (unsigned char)strlen(header);
    memcpy(bytes + 10, header, strlen(header));
    mutate(&net_reader_npy, bytes, 10 + strlen(header) + 8);
}
END_TEST

/* ---- generators ------------------------------------------------------------------------------ */

static struct net_table generate(const struct net_reader *reader, double rows, const char *name,
                                 double value)
{
    const struct net_arg args[] = {{.name = "rows", .number = rows},
                                   {.name = name, .number = value}};
    const struct net_call call = {.name = reader->name, .args = args, .arg_count = 2};
    struct net_table table = {0};

    reader->open(&table, &(struct net_request){.call = &call});
    return table;
}

START_TEST(digits_rows)
{
    struct net_table few = generate(&net_reader_digits, 10, "seed", 3);
    struct net_table many = generate(&net_reader_digits, 1000, "seed", 3);
    struct net_table other = generate(&net_reader_digits, 10, "seed", 4);
    const uint8_t *image = many.columns[0].at, *label = many.columns[1].at;
    int rows[10] = {0};
    uint32_t sum = 2166136261u; /* FNV-1a */

    ck_assert_mem_eq(few.columns[0].at, image, 7840);
    ck_assert_mem_eq(few.columns[1].at, label, 10);
    ck_assert_mem_ne(few.columns[0].at, other.columns[0].at, 7840);
    for (int i = 0; i < 1000; i++)
        rows[label[i]]++;
    for (int i = 0; i < 10; i++)
        ck_assert_int_gt(rows[i], 60);
    for (int i = 0; i < 784000; i++)
        sum = (sum ^ image[i]) * 16777619u;
    ck_assert_uint_eq(sum, 1963799757u); /* on every machine */
    net_table_free(&few);
    net_table_free(&many);
    net_table_free(&other);
}
END_TEST

START_TEST(small_generators)
{
    struct net_table xor = generate(&net_reader_xor, 0, "", 0);
    struct net_table map = generate(&net_reader_logistic_map, 5, "x0", 0.3);
    const float *x = xor.columns[0].at, *y = xor.columns[1].at;
    const float *from = map.columns[0].at, *to = map.columns[1].at;

    ck_assert_int_eq(xor.columns[0].rows, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq(y[i], x[2 * i] == x[2 * i + 1] ? -1 : 1);
    ck_assert_float_eq(from[0], .3f);
    ck_assert_float_eq(to[0], .84f);
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq(from[i + 1], to[i]);
    net_table_free(&xor);
    net_table_free(&map);
}
END_TEST

static void generate_digits(const void *rows)
{
    generate(&net_reader_digits, *(const double *)rows, "seed", 0);
}

static void generate_map(const void *start)
{
    generate(&net_reader_logistic_map, 10, "x0", *(const double *)start);
}

START_TEST(generator_faults)
{
    const double values[] = {0, -1, 1.5, 1e300, NAN};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        expect_fault(generate_digits, &values[i], "digits(rows=...): expected a whole number");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        expect_fault(generate_map, &values[i], "logistic_map(x0=...): expected a number between");
}
END_TEST

Suite *suite_data(void)
{
    const TTest *const tests[] = {
        idx_types,
        idx_patterns,
        idx_faults,
        files_that_cannot_be_read,
        packed_files_beyond_memory,
        npy_types,
        npy_orders,
        npy_faults,
        idx_mutated,
        npy_mutated,
        digits_rows,
        small_generators,
        generator_faults,
    };
    Suite *suite = suite_create("data");
    TCase *readers = tcase_create("readers");

    tcase_add_checked_fixture(readers, data_test_make_folder, data_test_remove_folder);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(readers, tests[i]);
    suite_add_tcase(suite, readers);

    TCase *more[] = {data_test_prepared(), data_test_identity(), data_test_metrics(),
                     data_test_series()};

    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        tcase_add_checked_fixture(more[i], data_test_make_folder, data_test_remove_folder);
        suite_add_tcase(suite, more[i]);
    }
    return suite;
}
