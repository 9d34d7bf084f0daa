/*
 * masks_test.c -- masks of pictures: which file, which labels, damaged ones.
 */

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sources/pictures.h"
#include "support/picture_files.h"
#include "support/readers_test.h"

/* Of 21 classes and 255, but for those of another size. */
static struct net_table open_masks(const char *pattern, double size, int classes)
{
    const struct net_arg args[] = {{.name = "file", .text = pattern},
                                   {.name = "size", .number = size},
                                   {.name = "masks", .text = "set/b/*_mask.png"}};
    const struct net_call call = {
        .name = "images", .args = args, .arg_count = 3, .reader = &net_reader_images};
    const struct net_field masked[] = {
        {.name = "image", .source = "image", .kind = NET_INPUT, .rank = 3},
        {.name = "kind",
         .source = "mask",
         .kind = NET_TARGET_CLASS,
         .classes = classes,
         .ignores = true,
         .ignored = 255},
    };
    const struct net_request request = {.call = &call,
                                        .folder = data_test_folder(),
                                        .fields = masked,
                                        .field_count = classes ? 2 : 1};
    struct net_table table = {0};

    net_reader_images.open(&table, &request);
    return table;
}

static void expect_labels(const struct net_table *table, int row, const char *wanted)
{
    char found[256] = "";

    for (int i = 0; i < table->columns[1].size; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%d ",
                 (int)number_at(table, 1, row, i));
    ck_assert_str_eq(found, wanted);
}

/* Indices of palettes of 8 and of 2 bits, grey numbers; the nearest of each pixel, never mixed. */
START_TEST(labels_of_masks)
{
    static const unsigned char pixels[16 * 3], labels[] = {0, 20, 3, 255}, few[] = {3, 2, 1, 0};
    static const unsigned char many[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

    make_picture_folders();
    write_png("set/a/1.png", 2, 2, PNG_FORMAT_RGB, pixels);
    write_png("set/a/2.png", 2, 2, PNG_FORMAT_GRAY, pixels);
    write_png("set/a/3.png", 2, 2, PNG_FORMAT_RGB, pixels);
    write_png("set/a/4.png", 4, 4, PNG_FORMAT_RGB, pixels);
    write_mask("set/b/1_mask.png", 2, 2, 256, labels);
    write_mask("set/b/2_mask.png", 2, 2, 4, few);
    write_png("set/b/3_mask.png", 2, 2, PNG_FORMAT_GRAY, labels);
    write_png("set/b/4_mask.png", 4, 4, PNG_FORMAT_GRAY, many);
    struct net_table table = open_masks("set/a/*.png", 2, 21);

    ck_assert_str_eq(table.columns[1].name, "mask");
    ck_assert_int_eq(table.columns[1].rows, 4);
    expect_labels(&table, 0, "0 20 3 255 ");
    expect_labels(&table, 1, "3 2 1 0 ");
    expect_labels(&table, 2, "0 20 3 255 ");
    expect_labels(&table, 3, "6 8 14 16 ");
    net_table_free(&table);
    table = open_masks("set/a/*.png", 3, 21);
    expect_labels(&table, 2, "0 20 20 3 255 255 3 255 255 ");
    net_table_free(&table);
    ck_assert_int_eq(unlink(picture_path("set/b/2_mask.png")), 0);
    table = open_masks("set/a/*.png", 2, 0); /* that nobody reads */
    ck_assert_int_eq(table.column_count, 1);
    net_table_free(&table);
}
END_TEST

START_TEST(paths_of_masks)
{
    static const char *const cases[][4] = {
        {"p/*.jpg", "m/*.png", "D/p/a.b.jpg", "D/m/a.b.png"},
        {"t/p/*.jpg", "t/m/*.png", "D/u/p/a.jpg", "D/u/m/a.png"},
        {"p/*.jpg", "p/*_mask.gif", "p/a.jpg", "p/a_mask.gif"},
        {"*.jpg", "m/*.png", "a.jpg", "m/a.png"},
        {"p/*/x?_*.jpg", "m/*/?-*.png", "./p/k/x7_x7_9.jpg", "./m/k/7-x7_9.png"},
        {"p/*/*.jpg", "m/*.png", "p/kind/a.jpg", "m/a.png"},
        {"p/*a*.jpg", "m/*-*.png", "p/xaya.jpg", "m/x-ya.png"},
        {"/s/p/*.jpg", "/s/m/*.png", "/s/p/a.jpg", "/s/m/a.png"},
        {"p/*.jpg", "/m/*.png", "D/p/a.jpg", "/m/a.png"},
        {"/p/*.jpg", "m/*.png", "/p/a.jpg", "DATA/m/a.png"},
        {"../p/*.jpg", "../m/*.png", "DATA/../p/a.jpg", "DATA/../m/a.png"},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        char *path = net_mask_path("DATA", cases[i][0], cases[i][1], cases[i][2]);

        ck_assert_str_eq(path, cases[i][3]);
        free(path);
    }
}
END_TEST

static void open_some(const void *pattern)
{
    open_masks(pattern, 2, 21);
}

static void find_mask(const void *path)
{
    net_mask_path(NULL, "p/*.jpg", "m/*.png", path);
}

START_TEST(mask_faults)
{
    static const unsigned char pixels[6 * 4], labels[] = {0, 1, 2, 30, 255, 255};
    static const uint16_t wide[6];
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(&size, 2, 3, JCS_GRAYSCALE, 1, 0);

    make_picture_folders();
    write_png("set/a/1.png", 2, 3, PNG_FORMAT_RGB, pixels);
    expect_fault(open_some, "set/a/*.png",
                 "set/b/1_mask.png: it cannot be read: No such file or directory; it is the mask "
                 "of DIR/set/a/1.png");
    write_png("set/b/1_mask.png", 2, 3, PNG_FORMAT_GRAY, labels);
    expect_fault(open_some, "set/a/*.png",
                 "1_mask.png: expected labels from 0 to 20, found 30 at row 1, column 0 (from 0)");
    write_png("set/b/1_mask.png", 3, 2, PNG_FORMAT_GRAY, pixels);
    expect_fault(open_some, "set/a/*.png",
                 "this mask has 3 x 2 pixels, its picture, upright, 2 x 3: expected as many");
    write_png("set/b/1_mask.png", 2, 3, PNG_FORMAT_RGB, pixels);
    expect_fault(open_some, "set/a/*.png", "of 8 bits at most, found a PNG of colors; write");
    write_png("set/b/1_mask.png", 2, 3, PNG_FORMAT_GA, pixels);
    expect_fault(open_some, "set/a/*.png", "found a PNG with transparency");
    write_png("set/b/1_mask.png", 2, 3, PNG_FORMAT_LINEAR_Y, wide);
    expect_fault(open_some, "set/a/*.png", "found a PNG of 16 bits");
    write_bytes("set/b/1_mask.png", jpeg, size, false);
    expect_fault(open_some, "set/a/*.png",
                 "expected a mask that is a PNG, found a JPEG, whose compression mixes labels");
    free(jpeg);
    expect_fault(find_mask, "m/a.jpg", "its mask is not known, since it does not end as \"p/*.jpg");
    expect_fault(find_mask, "a.jpg", "a.jpg: its mask is not known");
    expect_fault(find_mask, "p/a.jpg.png", "its mask is not known");
}
END_TEST

TCase *readers_test_masks(void)
{
    TCase *tcase = tcase_create("masks");

    tcase_add_checked_fixture(tcase, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(tcase, labels_of_masks);
    tcase_add_test(tcase, paths_of_masks);
    tcase_add_test(tcase, mask_faults);
    return tcase;
}
