/*
 * page_rows.c -- rows that the network was most wrong about, for report.html: what went in, as a
 * picture, words or cells, what came out and what was wanted. Where pictures come out, three of
 * them: given, restored, wanted; classes of pixels are a picture too, of a color each.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/metrics/metrics.h"
#include "report/page/page.h"

enum {
    SIDE = 64,              /* pixels that are shown, at most */
    MOST_PICTURES = 500000, /* bytes of all */
    MOST_IN_KEY = 40        /* classes */
};

struct rows {
    struct net_text *page;
    const struct net_metrics *metrics;
    enum net_part part;
    const int *wanted; /* the shape of the picture that is predicted, or NULL */
    size_t pictures;   /* bytes so far */
};

/* ---- pictures -------------------------------------------------------------------------------- */

/* To at most SIDE pixels, each the mean of a square of them, or of a narrow picture's whole side;
   `shape` becomes that of the result. */
static void shrink(float *x, int shape[3])
{
    const int side = shape[1] > shape[2] ? shape[1] : shape[2], step = (side + SIDE - 1) / SIDE;
    const int down = step < shape[1] ? step : shape[1], across = step < shape[2] ? step : shape[2];
    const int height = shape[1] / down, width = shape[2] / across;
    float *to = x;

    for (int c = 0; c < shape[0]; c++)
        for (int i = 0; i < height * width; i++) {
            const float *from = x + ((long)c * shape[1] + i / width * down) * shape[2] +
                                (long)(i % width) * across;
            float sum = 0.0F;

            for (int k = 0; k < down * across; k++)
                sum += from[k / across * shape[2] + k % across];
            *to++ = sum / (float)(down * across);
        }
    shape[1] = height, shape[2] = width;
}

static void add_base64(struct net_text *text, const struct net_buffer *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes->length; i += 3) {
        unsigned bits = 0;
        char four[4];

        for (size_t k = i; k < i + 3; k++)
            bits = bits << 8 | (k < bytes->length ? bytes->at[k] : 0U);
        for (size_t k = 0; k < 4; k++)
            four[k] = i + k > bytes->length ? '=' : digits[bits >> (18 - 6 * k) & 63];
        net_text_add(text, "%.4s", four);
    }
}

/* From `low`, black, to `high`; as picture.h has them. `x` is overwritten. */
static void add_picture(struct rows *rows, const int *of, float *x, float low, float high,
                        const char *what)
{
    const size_t before = rows->page->length;
    int shape[] = {of[0], of[1], of[2]};
    struct net_buffer file = {0};

    net_text_add(rows->page, "<td class=\"picture\">");
    if (rows->pictures > MOST_PICTURES)
        return;
    shrink(x, shape);
    struct net_picture picture = net_picture_draw(shape, x, low, high);

    net_picture_png(&file, &picture);
    net_text_add(rows->page,
                 "<img width=\"%d\" height=\"%d\" alt=\"%s\" src=\"data:image/png;base64,",
                 SIDE * shape[2] / (shape[1] > shape[2] ? shape[1] : shape[2]),
                 SIDE * shape[1] / (shape[1] > shape[2] ? shape[1] : shape[2]), what);
    add_base64(rows->page, &file);
    net_text_add(rows->page, "\">");
    rows->pictures += rows->page->length - before;
    net_picture_free(&picture);
    free(file.at);
}

/* The target's own shape, or that of an input of its size. */
static const int *find_wanted(const struct net_model *model)
{
    const struct net_field *target = net_target_field(model);

    if (target->kind != NET_TARGET_VALUES || target->size != model->outputs)
        return NULL;
    if (net_is_picture(target))
        return target->shape;
    for (int f = 0; f < net_input_count(model); f++)
        if (net_is_picture(&model->fields[f]) && model->fields[f].size == target->size)
            return model->fields[f].shape;
    return NULL;
}

/* ---- a row ----------------------------------------------------------------------------------- */

static void add_inputs(struct rows *rows, long row)
{
    const struct net_model *model = rows->metrics->model;
    const struct net_data *data = rows->metrics->data;

    for (int f = 0; f < net_input_count(model); f++) {
        struct net_text text = {0};

        if (net_is_picture(&model->fields[f])) {
            float *x = net_allocate((size_t)model->fields[f].size, sizeof *x);
            const bool bytes = rows->wanted ? net_data_given(data, rows->part, f, row, x)
                                            : net_data_input(data, rows->part, f, row, x);

            add_picture(rows, model->fields[f].shape, x, 0.0F, bytes ? 255.0F : 0.0F, "given");
            free(x);
            continue;
        }
        net_text_add(rows->page, "<td class=\"text\">");
        net_data_field_text(&text, data, rows->part, f, row);
        net_text_html(rows->page, text.at ? text.at : "");
        free(text.at);
    }
}

static void add_class(struct rows *rows, const struct net_worst_row *row)
{
    const struct net_metrics *metrics = rows->metrics;
    const int classes[] = {row->truth, row->predicted};
    char text[16];

    for (int i = 0; i < 2; i++) {
        net_text_add(rows->page, "<td>");
        net_text_html(rows->page, net_metrics_class_name(metrics, classes[i], text));
        net_page_number(rows->page, exp(-net_surprise(metrics, classes[i], row->outputs)));
    }
}

/* ---- a class a position ---------------------------------------------------------------------- */

/* 0 to 255 of red, green or blue, by the color map of Pascal VOC: three bits of the class at a time
   are one of each, the lowest the brightest. Class 0 is black, what is ignored, less than 0, is
   grey. */
static int level_of(int32_t class, int channel)
{
    int level = class < 0 ? 192 : 0;

    for (int bit = 0; class >= 0 && bit < 8; bit++)
        level |= (class >> (3 * bit + channel) & 1) << (7 - bit);
    return level;
}

/* The colors of the first classes, and of what is ignored. */
static void add_key(struct net_text *page, const struct net_metrics *metrics)
{
    const int shown = metrics->classes < MOST_IN_KEY ? metrics->classes : MOST_IN_KEY;
    char text[16];

    net_text_add(page, "<br>");
    for (int i = 0; i <= shown; i++) {
        const int class = i < shown ? i : -1;

        net_text_add(page, "<span class=\"key\" style=\"background:rgb(%d %d %d)\"></span>&nbsp;",
                     level_of(class, 0), level_of(class, 1), level_of(class, 2));
        net_text_html(page, i < shown ? net_metrics_class_name(metrics, i, text) : "ignored");
        net_text_add(page, i < shown ? "&nbsp; " : "");
    }
}

static void add_map(struct rows *rows, const struct net_field *target, const int32_t *class,
                    const char *what)
{
    const int shape[] = {3, target->shape[0], target->shape[1]};
    float *x = net_allocate(3 * (size_t)target->size, sizeof *x);

    for (int i = 0; i < 3 * target->size; i++)
        x[i] = (float)level_of(class[i % target->size], i / target->size);
    add_picture(rows, shape, x, 0.0F, 255.0F, what);
    free(x);
}

/* The classes of a sequence, as many as there is room for. */
static void add_sequence(struct rows *rows, const int32_t *class, int positions)
{
    enum { MOST = 40 };
    char text[16];

    net_text_add(rows->page, "<td class=\"text\">");
    for (int p = 0; p < positions && p < MOST; p++) {
        net_text_add(rows->page, p ? " " : "");
        net_text_html(rows->page,
                      class[p] < 0 ? "–" : net_metrics_class_name(rows->metrics, class[p], text));
    }
    net_text_add(rows->page, positions > MOST ? " …" : "");
}

/* What was predicted, and what is true. */
static void add_labels(struct rows *rows, const struct net_worst_row *row)
{
    const struct net_metrics *metrics = rows->metrics;
    const struct net_field *target = metrics->target;
    const int32_t *truth = net_data_row(metrics->data, net_target(metrics->model), rows->part,
                                        row->row);
    int32_t *class = net_allocate((size_t)target->size, sizeof *class);
    float *x = net_allocate((size_t)metrics->outputs, sizeof *x);
    int told = target->size;

    while (target->texts && told && truth[told - 1] < 0)
        told--; /* behind the row's end nothing is told */
    for (int p = 0; p < target->size; p++) {
        net_position_outputs(x, row->outputs, p, target->size, metrics->outputs);
        class[p] = net_chosen_class(metrics->model, x);
    }
    for (int i = 0; i < 2; i++)
        if (target->rank == 2)
            add_map(rows, target, i ? truth : class, i ? "true" : "predicted");
        else
            add_sequence(rows, i ? truth : class, told);
    net_page_number(rows->page, row->error);
    free(class);
    free(x);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* As numbers in the data's units; the true ones, then the predicted ones. */
static void add_values(struct rows *rows, float *values, const float *truth)
{
    const struct net_inverse *inverse = &rows->metrics->sums.inverse;
    const int count = rows->metrics->model->outputs;

    for (int i = 0; i < 2; i++) {
        const float *x = i ? values : truth;

        net_text_add(rows->page, "<td>");
        for (int k = 0; k < count && k < 4; k++)
            net_text_add(rows->page, "%s%.*g", k ? ", " : "",
                         net_inverse_digits(inverse, k, x[k]) - 4,
                         net_inverse_value(inverse, k, x[k]));
        net_text_add(rows->page, count > 4 ? ", …" : "");
    }
}

static void add_pictures(struct rows *rows, float *values, const float *truth)
{
    const size_t count = (size_t)rows->metrics->model->outputs;
    float *x = net_allocate(count, sizeof *x), low = INFINITY, high = -INFINITY;

    for (size_t k = 0; k < count; k++) {
        low = fminf(low, truth[k]);
        high = fmaxf(high, truth[k]);
    }
    add_picture(rows, rows->wanted, values, low, high, "restored");
    memcpy(x, truth, count * sizeof *x);
    add_picture(rows, rows->wanted, x, low, high, "wanted");
    free(x);
}

/* The root of the mean square of what is shown beside it. */
static double error_in_units(const struct net_metrics *metrics, const float *x, const float *truth)
{
    const struct net_inverse *inverse = &metrics->sums.inverse;
    const int count = metrics->model->outputs;
    double sum = 0;

    for (int k = 0; k < count; k++) {
        const double error = net_inverse_value(inverse, k, x[k]) -
                             net_inverse_value(inverse, k, truth[k]);

        sum += error * error;
    }
    return sqrt(sum / count);
}

static void add_row(struct rows *rows, const struct net_worst_row *row)
{
    const struct net_metrics *metrics = rows->metrics;
    const int count = metrics->model->outputs;
    long number = row->row;

    net_data_place(metrics->data, rows->part, net_target(metrics->model), &number);
    net_text_add(rows->page, "<tr><th scope=\"row\">%ld", number);
    add_inputs(rows, row->row);
    if (metrics->positions > 1) {
        add_labels(rows, row);
    } else if (metrics->classes) {
        add_class(rows, row);
    } else {
        const float *truth = net_data_row(metrics->data, net_target(metrics->model), rows->part,
                                          row->row);
        float *x = net_allocate((size_t)count, sizeof *x);

        for (int k = 0; k < count; k++)
            x[k] = metrics->model->activation == NET_SIGMOID ? 1 / (1 + expf(-row->outputs[k]))
                                                             : row->outputs[k];
        (rows->wanted ? add_pictures : add_values)(rows, x, truth);
        net_page_number(rows->page, rows->wanted ? sqrt(row->error / count)
                                                 : error_in_units(metrics, x, truth));
        free(x);
    }
    net_text_add(rows->page, "</tr>\n");
}

/* ---- the table ------------------------------------------------------------------------------- */

static void add_head(struct rows *rows, const struct net_worst *worst)
{
    const struct net_model *model = rows->metrics->model;

    if (rows->metrics->classes && rows->metrics->positions == 1)
        net_text_add(rows->page,
                     "taken for another class, that first whose own seemed least probable");
    else
        net_text_add(rows->page, worst->first ? "the first ones, then the largest errors"
                                              : "the largest errors");
    if (rows->metrics->positions > 1 && rows->metrics->target->rank == 2)
        add_key(rows->page, rows->metrics);
    net_text_add(rows->page, "</caption><tr><th>row");
    for (int f = 0; f < net_input_count(model); f++)
        net_text_add(rows->page, "<th class=\"text\">%s", model->fields[f].name);
    net_text_add(rows->page, "%s</tr>\n",
                 rows->metrics->positions > 1
                     ? "<th class=\"text\">predicted<th class=\"text\">true<th>log loss"
                 : rows->metrics->classes
                     ? "<th>true<th>its probability<th>predicted<th>its probability"
                 : rows->wanted ? "<th class=\"text\">restored<th class=\"text\">wanted<th>rmse"
                                : "<th>true<th>predicted<th>rmse");
}

void net_page_rows(struct net_text *page, const struct net_metrics *metrics, enum net_part part)
{
    struct rows rows = {.page = page, .metrics = metrics, .part = part};
    struct net_worst_row worst[NET_WORST];
    const int count = net_worst_rows(metrics, worst);

    rows.wanted = find_wanted(metrics->model);
    if (!count)
        return;
    net_text_add(page, "<div class=\"wide\"><table class=\"rows\" id=\"pictures\"><caption>rows, "
                       "numbered from 0: ");
    add_head(&rows, &metrics->worst);
    for (int i = 0; i < count; i++)
        add_row(&rows, &worst[i]);
    net_text_add(page, "</table></div>\n");
}

/* ---- pictures that were made ----------------------------------------------------------------- */

/* Picture `number` of `across` side by side into `grid` [channels][height][width], each with a
   border of a pixel. */
static void put_picture(float *grid, const int shape[3], const float *x, const int of[3],
                        int number, int across)
{
    const int top = number / across * (of[1] + 1), left = number % across * (of[2] + 1);

    for (int c = 0; c < of[0]; c++)
        for (int y = 0; y < of[1]; y++)
            memcpy(grid + ((long)c * shape[1] + top + y) * shape[2] + left,
                   x + ((long)c * of[1] + y) * of[2], (size_t)of[2] * sizeof *x);
}

void net_page_made(struct net_text *page, const struct net_metrics *metrics, enum net_part part)
{
    enum { ACROSS = 8 };
    const struct net_model *model = metrics->model;
    const int *of = model->output_shape, count = metrics->made.count;
    const int down = (count + ACROSS - 1) / ACROSS, across = count < ACROSS ? count : ACROSS;
    const int shape[] = {of[0], down * (of[1] + 1), across * (of[2] + 1)};
    const int times = of[2] < SIDE / 2 ? 2 : 1; /* as large as it is */
    float low = INFINITY, high = -INFINITY;
    struct net_buffer file = {0};

    if (!count)
        return;
    for (long i = 0; i < (long)count * model->outputs; i++) {
        low = fminf(low, metrics->made.at[i]);
        high = fmaxf(high, metrics->made.at[i]);
    }
    float *grid = net_allocate((size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2],
                               sizeof *grid);

    for (long i = 0; i < (long)shape[0] * shape[1] * shape[2]; i++)
        grid[i] = high;
    for (int i = 0; i < count; i++)
        put_picture(grid, shape, metrics->made.at + (long)i * model->outputs, of, i, across);
    struct net_picture picture = net_picture_draw(shape, grid, low, high);

    net_picture_png(&file, &picture);
    net_page_heading(page, "Pictures that were made");
    net_text_add(page, "<p>by ");
    net_text_html(page, model->name);
    net_text_add(page,
                 ", for the first %d rows of %s</p>\n<img id=\"made\" width=\"%d\" "
                 "height=\"%d\" alt=\"made\" src=\"data:image/png;base64,",
                 count, net_part_names[part], shape[2] * times, shape[1] * times);
    add_base64(page, &file);
    net_text_add(page, "\">\n");
    net_picture_free(&picture);
    free(file.at);
    free(grid);
}
