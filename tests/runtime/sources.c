/*
 * sources.c -- libsvm's rows and CIFAR's records: what is read, and that every broken file ends
 * with its name, a place and a remedy. Tables are in tables_test.c, words in readers_test.c,
 * archives in npz_test.c.
 */

#include <stdlib.h>
#include <string.h>

#include "support/readers_test.h"

/* ---- libsvm ---------------------------------------------------------------------------------- */

static const struct net_field features_field = {
    .name = "x", .source = "x", .kind = NET_INPUT, .rank = 1, .shape = {4}, .size = 4};

START_TEST(libsvm_rows)
{
    static const char text[] = "# a comment\n+1 1:0.5 3:-2\r\n\n-1\t2:1e2  # another\n"
                               "2.5 4:1";

    for (int gzip = 0; gzip < 2; gzip++) {
        write_bytes("t.svm", text, sizeof text - 1, gzip);
        struct net_table table = read_table(&net_reader_libsvm, "t.svm", true, &features_field, 1);
        static const double x[3][4] = {{0.5, 0, -2, 0}, {0, 100, 0, 0}, {0, 0, 0, 1}};
        static const double y[3] = {1, -1, 2.5};

        ck_assert_int_eq(table.columns[0].rows, 3);
        for (int row = 0; row < 3; row++) {
            ck_assert_double_eq(number_at(&table, 1, row, 0), y[row]);
            for (int k = 0; k < 4; k++)
                ck_assert_double_eq(number_at(&table, 0, row, k), x[row][k]);
        }
        net_table_free(&table);
    }
}
END_TEST

static void read_features(const void *text)
{
    write_text("t.svm", text);
    read_table(&net_reader_libsvm, "t.svm", true, &features_field, 1);
}

START_TEST(libsvm_faults)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t.svm: expected rows, found none"},
        {"1 1:2\nspam 1:2\n", "t.svm: line 2: expected a label, found \"spam\""},
        {"1,2 1:2\n", "line 1: expected a label, found \"1,2\""},
        {"1 5:2\n", "line 1: feature 5 of x, which the model declares with 4"},
        {"1 0:2\n", "line 1: feature 0 of x"},
        {"1 2:1 1:1\n", "line 1: expected features in rising order, found \"1:1\""},
        {"1 qid:3 1:1\n", "line 1: expected FEATURE:VALUE, found \"qid:3\""},
        {"1 1:\n2", "line 1: expected a number behind the colon"},
        {"1 1:nan\n", "line 1: expected a number behind the colon, found \"nan\""},
        {"1 1:0x10\n", "line 1: expected a number behind the colon, found \"0x10\""},
    };

    for (int i = 0; i < LENGTH(cases); i++)
        expect_fault(read_features, cases[i].text, cases[i].message);
}
END_TEST
/* ---- CIFAR ----------------------------------------------------------------------------------- */

static void write_records(const char *name, int labels, int count, int first, bool gzip)
{
    const size_t record = 3072 + (size_t)labels;
    unsigned char *bytes = net_allocate((size_t)count, record);

    for (int i = 0; i < count; i++) {
        unsigned char *at = bytes + (size_t)i * record;

        for (int l = 0; l < labels; l++)
            at[l] = (unsigned char)((first + i) % 10 + 20 * l);
        memset(at + labels, first + i, 3072);
        at[labels + 1] = 77; /* the second pixel of red */
    }
    write_bytes(name, bytes, (size_t)count * record, gzip);
    free(bytes);
}

START_TEST(cifar_records)
{
    for (int labels = 1; labels <= 2; labels++) {
        write_records("batch_2.bin", labels, 3, 4, true);
        write_records("batch_1.bin", labels, 4, 0, false);
        struct net_table table = read_table(
            labels == 1 ? &net_reader_cifar10 : &net_reader_cifar100, "batch_*.bin", true, NULL, 0);
        const struct net_column *image = &table.columns[labels];

        ck_assert_int_eq(table.column_count, labels + 1);
        ck_assert_str_eq(image->name, "image");
        ck_assert_str_eq(table.columns[labels - 1].name, "label");
        ck_assert_int_eq(image->rows, 7);
        for (int row = 0; row < 7; row++) {
            const uint8_t *pixel = net_row(image, row);

            ck_assert_int_eq(pixel[0], row);
            ck_assert_int_eq(pixel[1], 77);
            ck_assert_int_eq(pixel[3071], row);
            for (int l = 0; l < labels; l++)
                ck_assert_int_eq(*(const uint8_t *)net_row(&table.columns[l], row), row + 20 * l);
        }
        net_table_free(&table);
    }
}
END_TEST

static void read_cifar(const void *context)
{
    struct net_table table = read_table(context, "t", true, NULL, 0);

    net_table_free(&table);
}

static void read_batches(const void *reader)
{
    struct net_table table = read_table(reader, "data_batch_*.bin", true, NULL, 0);

    net_table_free(&table);
}

static void read_test_batch(const void *reader)
{
    struct net_table table = read_table(reader, "test_batch.bin", true, NULL, 0);

    net_table_free(&table);
}

/* Where no name matches, names of packed files do. */
START_TEST(packed_records)
{
    write_records("data_batch_1.bin.gz", 1, 4, 0, true);
    write_records("data_batch_2.bin.gz", 1, 3, 4, true);
    struct net_table table = read_table(&net_reader_cifar10, "data_batch_*.bin", true, NULL, 0);

    ck_assert_int_eq(table.columns[0].rows, 7);
    net_table_free(&table);
    write_records("data_batch_3.bin", 1, 2, 0, false);
    table = read_table(&net_reader_cifar10, "data_batch_*.bin", true, NULL, 0);
    ck_assert_int_eq(table.columns[0].rows, 2);
    net_table_free(&table);
}
END_TEST

/* The Python version unpacked in the place of the binary one. */
START_TEST(cifar_pickles)
{
    write_bytes("data_batch_1", "records", 7, false);
    expect_fault(read_batches, &net_reader_cifar10, "no file matches \"data_batch_*.bin\"");
    write_bytes("data_batch_2", "\x80\x02}q", 4, false);
    expect_fault(read_batches, &net_reader_cifar10,
                 "data_batch_2: byte 0: found 80, a Python "
                 "pickle; fetch the binary version, cifar-10-binary.tar.gz (make data-cifar10,");
    write_bytes("test_batch", "\x80\x02}q", 4, false);
    expect_fault(read_test_batch, &net_reader_cifar100, "(make data-cifar100,");
    write_records("test_batch.bin", 1, 2, 0, true); /* both */
    read_test_batch(&net_reader_cifar10);
}
END_TEST

START_TEST(cifar_faults)
{
    write_bytes("t", "\x80\x02}q", 4, false);
    expect_fault(read_cifar, &net_reader_cifar10,
                 "a Python pickle; fetch the binary version, "
                 "cifar-10-binary.tar.gz");
    expect_fault(read_cifar, &net_reader_cifar100, "cifar-100-binary.tar.gz");
    write_records("t", 2, 3, 0, false);
    expect_fault(read_cifar, &net_reader_cifar10,
                 "t: byte 9219: expected records of 3073 bytes to "
                 "the end, found 3 bytes; it fits cifar100");
    write_records("t", 1, 3, 0, false);
    expect_fault(read_cifar, &net_reader_cifar100, "found 3071 bytes; it fits cifar10");
    write_bytes("t", "", 0, false);
    expect_fault(read_cifar, &net_reader_cifar10, "t: byte 0: expected records of 3073 bytes");
}
END_TEST

Suite *suite_readers(void)
{
    const TTest *const tests[] = {
        libsvm_rows, libsvm_faults, cifar_records, packed_records, cifar_pickles, cifar_faults,
    };
    Suite *suite = suite_create("readers");
    TCase *files = tcase_create("files");

    tcase_add_checked_fixture(files, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(files, tests[i]);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, readers_test_tables());
    suite_add_tcase(suite, readers_test_table_faults());
    suite_add_tcase(suite, readers_test_tokenizer());
    suite_add_tcase(suite, readers_test_words());
    suite_add_tcase(suite, readers_test_categories());
    suite_add_tcase(suite, readers_test_characters());
    suite_add_tcase(suite, readers_test_dates());
    suite_add_tcase(suite, readers_test_grams());
    suite_add_tcase(suite, readers_test_target_words());
    suite_add_tcase(suite, readers_test_archives());
    suite_add_tcase(suite, readers_test_pictures());
    suite_add_tcase(suite, readers_test_masks());
    return suite;
}
