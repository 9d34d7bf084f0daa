/*
 * images_test.c -- pictures of files: decoded, turned, made grey and resized as Pillow does it,
 * whose numbers are here; rows and labels by folders; pictures that tables name; damaged files.
 */

#include "data/sources/pictures.h"
#include "data/transforms/transform.h"
#include "support/picture_files.h"
#include "support/readers_test.h"
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- pixels ---------------------------------------------------------------------------------- */

static struct net_pixels make_pixels(int height, int width, int channels, int step)
{
    struct net_pixels pixels = {NULL, height, width, channels};
    const int count = height * width * channels;

    pixels.at = malloc((size_t)count);
    for (int i = 0; i < count; i++)
        pixels.at[i] = (unsigned char)(i * step);
    return pixels;
}

static void expect_pixels(struct net_pixels pixels, const unsigned char *wanted, int count)
{
    ck_assert_int_eq(pixels.height * pixels.width * pixels.channels, count);
    for (int i = 0; i < count; i++)
        ck_assert_msg(pixels.at[i] == wanted[i], "byte %d is %d, wanted %d", i, pixels.at[i],
                      wanted[i]);
    free(pixels.at);
}

/* PIL.Image.resize(size, BILINEAR) of Pillow 11. */
START_TEST(resized_pixels)
{
    static const struct {
        int height, width, channels, step, count;
        unsigned char wanted[60];
    } cases[] = {
        {2, 3, 1, 37, 6, {112, 84, 97, 110, 139, 127}},
        {6, 2, 1, 37, 12, {37, 111, 95, 82, 152, 67, 151, 129, 116, 149, 80, 154}},
        {2, 5, 1, 37, 10, {96, 133, 60, 97, 97, 94, 131, 131, 168, 95}},
        {6, 7, 1, 37, 42, {0,   21,  48,  74,  100, 127, 148, 93,  114, 104, 39,  65,  92,  113,
                           173, 194, 160, 34,  60,  69,  65,  126, 147, 161, 157, 183, 118, 18,
                           79,  100, 127, 153, 179, 151, 99,  43,  64,  91,  117, 143, 170, 191}},
        {3,
         2,
         3,
         41,
         18,
         {124, 90, 131, 172, 80, 121, 150, 133, 104, 140, 123, 94, 117, 158, 84, 107, 148, 139}},
    };
    char fault[NET_PICTURE_FAULT];

    for (int i = 0; i < LENGTH(cases); i++) {
        struct net_pixels pixels = make_pixels(4, 5, cases[i].channels, cases[i].step);

        ck_assert(net_resize(&pixels, cases[i].height, cases[i].width, fault));
        expect_pixels(pixels, cases[i].wanted, cases[i].count);
    }
}
END_TEST

/* The same of convert("L"). */
START_TEST(grey_pixels)
{
    static const unsigned char wanted[] = {33,  156, 100, 146, 90,  136, 80,  126, 70,  116,
                                           210, 106, 200, 96,  190, 86,  180, 76,  199, 66};
    struct net_pixels pixels = make_pixels(4, 5, 3, 41);

    net_make_grey(&pixels);
    expect_pixels(pixels, wanted, LENGTH(wanted));
}
END_TEST

/* The dark corner of 16 x 24 pixels, by each orientation where it is seen, upright. */
START_TEST(turned_pixels)
{
    static const struct {
        int orientation, height, width, y, x;
    } cases[] = {
        {0, 16, 24, 0, 0},  {1, 16, 24, 0, 0}, {2, 16, 24, 0, 16}, {3, 16, 24, 8, 16},
        {4, 16, 24, 8, 0},  {5, 24, 16, 0, 0}, {6, 24, 16, 0, 8},  {7, 24, 16, 16, 8},
        {8, 24, 16, 16, 0}, {9, 16, 24, 0, 0},
    };
    char fault[NET_PICTURE_FAULT] = "";

    for (int i = 0; i < LENGTH(cases); i++) {
        unsigned long size = 0;
        unsigned char *bytes = make_jpeg(&size, 16, 24, JCS_GRAYSCALE, 1, cases[i].orientation);
        struct net_pixels pixels;

        ck_assert_msg(net_decode_picture(&pixels, bytes, size, fault), "%s", fault);
        ck_assert_int_eq(pixels.channels, 1);
        ck_assert_int_eq(pixels.height, cases[i].height);
        ck_assert_int_eq(pixels.width, cases[i].width);
        for (int y = 0; y < pixels.height; y++)
            for (int x = 0; x < pixels.width; x++)
                ck_assert_int_eq(pixels.at[y * pixels.width + x],
                                 y / 8 * 8 == cases[i].y && x / 8 * 8 == cases[i].x ? 0 : 200);
        free(pixels.at);
        free(bytes);
    }
}
END_TEST

/* Every beginning of a file is a fault, with words. */
START_TEST(cut_pictures)
{
    static const unsigned char pixels[12 * 3] = {1, 2, 3, 200, 100};
    unsigned char png[512];
    png_image image = {
        .version = PNG_IMAGE_VERSION, .height = 3, .width = 4, .format = PNG_FORMAT_RGB};
    size_t png_size = sizeof png;
    unsigned long jpeg_size = 0;
    unsigned char *jpeg = make_jpeg(&jpeg_size, 16, 24, JCS_RGB, 3, 6);
    char fault[NET_PICTURE_FAULT];

    ck_assert(png_image_write_to_memory(&image, png, &png_size, 0, pixels, 0, NULL));
    for (int i = 0; i < 2; i++) {
        const size_t size = i ? jpeg_size : png_size;
        struct net_pixels read;

        for (size_t cut = 0; cut < size; cut++) {
            *fault = '\0';
            ck_assert_msg(!net_decode_picture(&read, i ? jpeg : png, cut, fault), "%zu", cut);
            ck_assert(*fault && !read.at);
        }
        ck_assert_msg(net_decode_picture(&read, i ? jpeg : png, size, fault), "%s", fault);
        free(read.at);
    }
    free(jpeg);
}
END_TEST

/* ---- the source ------------------------------------------------------------------------------ */

static const struct net_field fields[] = {
    {.name = "image", .source = "image", .kind = NET_INPUT, .rank = 3},
    {.name = "label", .source = "label", .kind = NET_TARGET_CLASS, .classes = 3},
};

static struct net_table open_pictures(const char *pattern, double size, bool grey)
{
    const struct net_arg args[] = {{.name = "file", .text = pattern},
                                   {.name = "size", .number = size},
                                   {.name = "colors", .text = grey ? "grey" : "rgb"}};
    const struct net_call call = {
        .name = "images", .args = args, .arg_count = 3, .reader = &net_reader_images};
    const struct net_request request = {
        .call = &call, .folder = data_test_folder(), .fields = fields, .field_count = 2};
    struct net_table table = {0};

    net_reader_images.open(&table, &request);
    return table;
}

/* What each kind of PNG is: a color, over black where it is transparent, of 16 bits the nearest. */
START_TEST(kinds_of_png)
{
    static const unsigned char color[] = {10, 20, 30}, clear[] = {200, 100, 50, 51};
    static const unsigned char grey[] = {7}, clear_grey[] = {255, 128};
    static const uint16_t linear[] = {65535};
    static const int wanted[][3] = {
        {10, 20, 30}, {40, 20, 10}, {7, 7, 7}, {128, 128, 128}, {255, 255, 255}};

    make_picture_folders();
    write_png("set/a/1.png", 1, 1, PNG_FORMAT_RGB, color);
    write_png("set/a/2.png", 1, 1, PNG_FORMAT_RGBA, clear);
    write_png("set/a/3.png", 1, 1, PNG_FORMAT_GRAY, grey);
    write_png("set/a/4.png", 1, 1, PNG_FORMAT_GA, clear_grey);
    write_png("set/a/5.png", 1, 1, PNG_FORMAT_LINEAR_Y, linear);
    struct net_table table = open_pictures("set/*/*.png", 1, false);

    ck_assert_int_eq(table.columns[0].rows, 5);
    for (int row = 0; row < 5; row++)
        for (int c = 0; c < 3; c++)
            ck_assert_int_eq((int)number_at(&table, 0, row, c), wanted[row][c]);
    net_table_free(&table);
}
END_TEST

/* Rows in the order of folders and files, planes of colors, folders as strings in order; more
   pictures than one thread takes. */
START_TEST(rows_of_folders)
{
    static const char *const folders[] = {"b", "a", "c c"};
    enum { EACH = 30 };
    unsigned char pixels[4 * 3] = {0};
    char name[64];

    make_picture_folders();
    for (int i = 0; i < 3 * EACH; i++) {
        for (int k = 0; k < 12; k++)
            pixels[k] = (unsigned char)(2 * i + k);
        snprintf(name, sizeof name, "set/%s/%02d.png", folders[i % 3], i / 3);
        write_png(name, 2, 2, PNG_FORMAT_RGB, pixels);
    }
    write_text("set/notes.txt", "no folder");
    struct net_table table = open_pictures("set/*/*.png", 2, false);

    ck_assert_int_eq(table.columns[0].rows, 3 * EACH);
    ck_assert_int_eq(table.columns[0].size, 12);
    ck_assert_str_eq(net_string(table.columns[1].strings, 2), "c c");
    for (int row = 0; row < 3 * EACH; row++) {
        const int folder = row / EACH, i = 3 * (row % EACH) + (folder == 0   ? 1
                                                               : folder == 2 ? 2
                                                                             : 0);

        ck_assert_int_eq((int)number_at(&table, 1, row, 0), folder);
        for (int k = 0; k < 12; k++)
            ck_assert_int_eq((int)number_at(&table, 0, row, k), 2 * i + k % 4 * 3 + k / 4);
    }
    net_table_free(&table);
    table = open_pictures("set/?/0*.png", 1, true);
    ck_assert_int_eq(table.columns[0].rows, 20);
    ck_assert_int_eq(table.columns[0].size, 1);
    net_table_free(&table);
}
END_TEST

static void open_set(const void *pattern)
{
    open_pictures(pattern, 8, false);
}

static void open_large(const void *pattern)
{
    open_pictures(pattern, 2e4, false);
}

START_TEST(picture_faults)
{
    static const unsigned char pixels[3] = {1, 2, 3};
    unsigned long size = 0;
    unsigned char *jpeg = make_jpeg(&size, 16, 24, JCS_CMYK, 4, 0);
    char name[64];

    make_picture_folders();
    expect_fault(open_set, "set/*/*.jpg", "no file matches \"*/*.jpg\" in DIR/set\n");
    expect_fault(open_set, "gone/*/*.jpg", "cannot list the folder DIR/gone of \"gone/*/*.jpg\"");
    write_bytes("set/a/cmyk.jpg", jpeg, size, false);
    expect_fault(open_set, "set/*/*.jpg", "set/a/cmyk.jpg: this JPEG is in CMYK");
    free(jpeg);
    write_text("set/a/none.png", "");
    expect_fault(open_set, "set/*/*.png", "found an empty file");
    write_text("set/a/none.png", "GIF89a");
    expect_fault(open_set, "set/*/*.png", "expected a PNG or a JPEG, found a GIF; write");
    for (int i = 0; i < 60; i++) { /* the first of two that are broken, however many threads */
        snprintf(name, sizeof name, "set/b/%02d.png", i);
        write_png(name, 1, 1, PNG_FORMAT_RGB, pixels);
    }
    write_text("set/b/40.png", "\x89PNG\r\n\x1a\n");
    write_text("set/b/41.png", "RIFF");
    expect_fault(open_set, "set/b/*.png", "b/40.png: this PNG is broken: the file ends");
    write_text("set/b/40.png", "BM");
    expect_fault(open_set, "set/b/*.png", "b/40.png: expected a PNG or a JPEG, found a BMP");
    ck_assert_int_eq(mkdir(picture_path("set/a/folder.gif"), 0700), 0);
    expect_fault(open_set, "set/*/*.gif", "a/folder.gif: it cannot be read: Is a directory");
    expect_fault(open_large, "set/b/*.png", "GB of memory that are free; a smaller `size`");
}
END_TEST

/* ---- pictures that tables name --------------------------------------------------------------- */

static const struct net_arg id_column[] = {{.text = "id"}};
static const double pair[] = {1, 2};
static const struct net_arg image_args[] = {{.name = "file", .text = "a/*.png"},
                                            {.name = "size", .list = pair, .count = 2},
                                            {.name = "colors", .text = "rgb"}};
static const struct net_call image_step[] = {
    {.name = "image", .args = image_args, .arg_count = 3, .transform = &net_transform_image}};
static const struct net_field named_fields[] = {{.name = "photo",
                                                 .source = "id",
                                                 .kind = NET_INPUT,
                                                 .columns = id_column,
                                                 .column_count = 1,
                                                 .rank = 3,
                                                 .shape = {3, 1, 2},
                                                 .size = 6,
                                                 .steps = image_step,
                                                 .step_count = 1}};

/* In the order of the rows, more than one thread takes, in the folder of the table. */
START_TEST(named_pictures)
{
    const struct net_field fields_of_both[] = {named_fields[0], number_field};
    unsigned char pixels[6];
    struct net_text csv = {0}, json = {0};
    char name[64];

    make_picture_folders();
    net_text_add(&csv, "b,id\n");
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 6; k++)
            pixels[k] = (unsigned char)(6 * i + k);
        snprintf(name, sizeof name, "set/a/p, %02d.png", i);
        write_png(name, 1, 2, PNG_FORMAT_RGB, pixels);
        net_text_add(&csv, "%d,\"p, %02d\"\n", i, 39 - i);
        net_text_add(&json, "{\"id\": \"p, %02d\", \"b\": %d}\n", 39 - i, i);
    }
    write_text("set/t.csv", csv.at);
    write_text("set/t.jsonl", json.at);
    for (int i = 0; i < 2; i++) {
        struct net_table table = read_table(i ? &net_reader_jsonl : &net_reader_csv,
                                            i ? "set/t.jsonl" : "set/t.csv", true, fields_of_both,
                                            2);

        ck_assert_int_eq(table.rows + table.columns[0].rows, 40);
        for (int row = 0; row < 40; row++) {
            ck_assert_int_eq((int)number_at(&table, 1, row, 0), row);
            for (int k = 0; k < 6; k++) /* planes */
                ck_assert_int_eq((int)number_at(&table, 0, row, k),
                                 6 * (39 - row) + k % 2 * 3 + k / 2);
        }
        net_table_free(&table);
    }
    free(csv.at);
    free(json.at);
}
END_TEST

static void open_named(const void *file)
{
    read_table(strstr(file, "json") ? &net_reader_jsonl : &net_reader_csv, file, true, named_fields,
               1);
}

START_TEST(named_faults)
{
    static const unsigned char pixels[6];

    make_picture_folders();
    write_png("set/a/1.png", 1, 2, PNG_FORMAT_RGB, pixels);
    write_text("set/t.csv", "id\n1\n\"2\"\n3\n");
    expect_fault(
        open_named, "set/t.csv",
        "set/t.csv: line 3 (row 1), column id: DIR/set/a/2.png: it cannot be read: No such");
    write_text("set/t.csv", "id\n1\n2.png\n");
    expect_fault(open_named, "set/t.csv",
                 "DIR/set/a/2.png.png: it cannot be read: No such file or directory; cells that "
                 "have their ending want a path that ends in *");
    write_text("set/t.csv", "id\n1\n\"2\"\n3\n");
    write_text("set/a/2.png", "GIF89a");
    expect_fault(open_named, "set/t.csv", "line 3 (row 1), column id: DIR/set/a/2.png: expected a");
    write_text("set/t.csv", "id,b\n1,2\n,2\n");
    expect_fault(open_named, "set/t.csv",
                 "line 3 (row 1), column id: expected the name of a file, found nothing");
    write_text("set/t.jsonl", "{\"id\": \"1\"}\n{\"id\": null}\n");
    expect_fault(open_named, "set/t.jsonl", "expected the name of a file, found nothing");
    write_text("set/t.jsonl", "{\"id\": 1}\n{\"d\": 2}\n");
    expect_fault(open_named, "set/t.jsonl", "line 2 (row 1): expected a member \"id\", found none");
}
END_TEST

TCase *readers_test_pictures(void)
{
    const TTest *const tests[] = {
        resized_pixels,  grey_pixels,    turned_pixels,  cut_pictures, kinds_of_png,
        rows_of_folders, picture_faults, named_pictures, named_faults,
    };
    TCase *tcase = tcase_create("pictures");

    tcase_add_checked_fixture(tcase, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(tcase, tests[i]);
    return tcase;
}
