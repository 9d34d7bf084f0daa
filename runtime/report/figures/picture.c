/*
 * picture.c -- rows of pictures as PNG: bytes as they were read, other numbers from the least to
 * the largest of the picture. What is in a PNG is not compressed, for the trainer to be small.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "report/figures/figure.h"

enum { SAMPLES = 8, MOST_SIDE = 1024, STORED = 65535 /* bytes of a block, at most */ };

void net_buffer_add(struct net_buffer *bytes, const void *at, size_t length)
{
    if (bytes->length + length > bytes->capacity) {
        bytes->capacity = 2 * bytes->capacity + length + 64;
        bytes->at = realloc(bytes->at, bytes->capacity);
        if (!bytes->at)
            net_fail(NET_FAULT, "out of memory");
    }
    memcpy(bytes->at + bytes->length, at, length);
    bytes->length += length;
}

/* ---- Samples --------------------------------------------------------------------------------- */

bool net_is_picture(const struct net_field *field)
{
    return (field->kind == NET_INPUT || field->kind == NET_TARGET_VALUES) && field->rank == 3 &&
           (field->shape[0] == 1 || field->shape[0] == 3) && field->shape[1] > 1 &&
           field->shape[2] > 1 && field->shape[1] <= MOST_SIDE && field->shape[2] <= MOST_SIDE;
}

/* "image/validation row 17: cat": by its number in the source, and its class. */
static char *name_row(const struct net_data *data, const struct net_model *model, int f,
                      enum net_part part, long row)
{
    const struct net_field *target = net_target_field(model);
    struct net_text text = {0};
    long number = row;

    net_data_place(data, part, f, &number);
    net_text_add(&text, "%s/%s row %ld", model->fields[f].name, net_part_names[part], number);
    if (target->kind == NET_TARGET_CLASS && target->size == 1) {
        const int class = net_data_class(data, part, row);
        const char *name = net_data_class_name(data, class);

        net_text_add(&text, ": ");
        if (name)
            net_text_visible(&text, name);
        else
            net_text_add(&text, class < 0 ? "–" : "%d", class);
    }
    return text.at;
}

struct net_picture net_picture_draw(const int shape[3], const float *x, float low, float high)
{
    const int area = shape[1] * shape[2], size = shape[0] * area;
    const struct net_picture picture = {.height = shape[1],
                                        .width = shape[2],
                                        .channels = shape[0],
                                        .pixels = net_allocate((size_t)size, 1)};

    if (!(high > low)) {
        low = INFINITY, high = -INFINITY;
        for (int i = 0; i < size; i++) {
            low = fminf(low, x[i]);
            high = fmaxf(high, x[i]);
        }
    }
    const float scale = high > low ? 255.0F / (high - low) : 0.0F;

    for (int i = 0; i < size; i++) {
        const float level = fminf(fmaxf((x[i] - low) * scale, 0.0F), 255.0F); /* NaN: 0 */

        picture.pixels[i % area * shape[0] + i / area] = (unsigned char)lrintf(level);
    }
    return picture;
}

bool net_picture_sample(struct net_picture *picture, const struct net_data *data, int number)
{
    const struct net_model *model = net_data_model(data);
    const enum net_part part = net_data_rows(data, NET_VALIDATION) ? NET_VALIDATION : NET_TRAIN;
    const long rows = net_data_rows(data, part), count = rows < SAMPLES ? rows : SAMPLES;
    int f = 0;

    while (f < net_input_count(model) && !net_is_picture(&model->fields[f]))
        f++;
    if (f == net_input_count(model) || number >= count)
        return false;
    const struct net_field *field = &model->fields[f];
    const long row = number * rows / count;
    float *x = net_allocate((size_t)field->size, sizeof *x);
    const bool bytes = net_data_input(data, part, f, row, x);

    *picture = net_picture_draw(field->shape, x, 0.0F, bytes ? 255.0F : 0.0F);
    picture->name = name_row(data, model, f, part, row);
    free(x);
    return true;
}

void net_picture_free(struct net_picture *picture)
{
    free(picture->name);
    free(picture->pixels);
}

/* ---- PNG ------------------------------------------------------------------------------------- */

static void add_32(struct net_buffer *bytes, uint32_t value)
{
    const unsigned char at[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                (unsigned char)(value >> 8), (unsigned char)value};

    net_buffer_add(bytes, at, sizeof at);
}

/* `type` and data are under the CRC. */
static void add_chunk(struct net_buffer *file, const char *type, struct net_buffer *data)
{
    const size_t begin = file->length + 4;

    add_32(file, (uint32_t)data->length);
    net_buffer_add(file, type, 4);
    if (data->length)
        net_buffer_add(file, data->at, data->length);
    add_32(file, (uint32_t)crc32_z(0, file->at + begin, data->length + 4));
    free(data->at);
    *data = (struct net_buffer){0};
}

/* A zlib stream of stored blocks. */
static void store(struct net_buffer *stream, const struct net_buffer *lines)
{
    net_buffer_add(stream, "\x78\x01", 2);
    for (size_t at = 0; at < lines->length;) {
        const size_t left = lines->length - at, count = left < STORED ? left : STORED;
        const unsigned char head[] = {count == left, (unsigned char)count,
                                      (unsigned char)(count >> 8), (unsigned char)~count,
                                      (unsigned char)(~count >> 8)};

        net_buffer_add(stream, head, sizeof head);
        net_buffer_add(stream, lines->at + at, count);
        at += count;
    }
    add_32(stream, (uint32_t)adler32_z(1, lines->at, lines->length));
}

void net_picture_png(struct net_buffer *file, const struct net_picture *picture)
{
    const size_t width = (size_t)picture->width * (size_t)picture->channels;
    const unsigned char kind[] = {8, picture->channels == 3 ? 2 : 0, 0, 0, 0};
    struct net_buffer chunk = {0}, lines = {0};

    net_buffer_add(file, "\x89PNG\r\n\x1a\n", 8);
    add_32(&chunk, (uint32_t)picture->width);
    add_32(&chunk, (uint32_t)picture->height);
    net_buffer_add(&chunk, kind, sizeof kind);
    add_chunk(file, "IHDR", &chunk);
    for (int y = 0; y < picture->height; y++) { /* each behind a byte: no filter */
        net_buffer_add(&lines, "", 1);
        net_buffer_add(&lines, picture->pixels + (size_t)y * width, width);
    }
    store(&chunk, &lines);
    add_chunk(file, "IDAT", &chunk);
    add_chunk(file, "IEND", &chunk);
    free(lines.at);
}
