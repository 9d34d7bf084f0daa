/*
 * mix.c -- rows of a training batch that are mixed with its others: mixup (Zhang and others 2018)
 * and cutmix (Yun and others 2019).
 *
 * Row i goes with row n - 1 - i of its batch, all with one share, numbered by (seed, epoch, first
 * row). Values of a target are mixed as inputs are; of a class the loss takes its shares of
 * both (kernels/loss.h). Only trainers of models that mix have this file.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "data/dataset.h"

/* ---- Draws ----------------------------------------------------------------------------------- */

struct draws {
    const struct net_mode *mode;
    uint32_t row, count; /* the batch's first, in its source; drawn so far */
};

/* Between 0 and 1, both left out. */
static double uniform(struct draws *draws)
{
    uint32_t out[4];

    net_philox(out, draws->mode->seed, draws->count++, draws->row, draws->mode->epoch,
               NET_RANDOM_MIX);
    return ((double)out[0] + 0.5) / 4294967296.0;
}

/* The logarithm of a draw of the gamma distribution, a > 0 (Marsaglia and Tsang 2000; below 1 their
   section 6): of a small a the draw itself would be 0. */
static double log_gamma_draw(struct draws *draws, double a)
{
    const double boost = a < 1 ? log(uniform(draws)) / a : 0;
    const double d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / sqrt(9 * d);

    for (;;) {
        const double radius = sqrt(-2 * log(uniform(draws)));
        const double x = radius * cos(6.283185307179586 * uniform(draws));
        const double v = pow(1 + c * x, 3);

        if (v > 0 && log(uniform(draws)) < x * x / 2 + d - d * v + d * log(v))
            return log(d * v) + boost;
    }
}

/* A draw of Beta(a, a). */
static double beta_draw(struct draws *draws, double a)
{
    const double x = log_gamma_draw(draws, a), y = log_gamma_draw(draws, a);

    return 1 / (1 + exp(y - x));
}

/* ---- Mixing ---------------------------------------------------------------------------------- */

/* What is taken of the other row: all numbers times `share`, or those of a box, ends behind. */
struct mix {
    float share;
    bool cuts;
    int top, bottom, left, right, height, width;
};

static int clip(int x, int most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

/* The authors' box: of sides by the root of its share, its centre anywhere, what is outside cut
   off. */
static void draw_box(struct mix *mix, struct draws *draws, const struct net_field *image,
                     double share)
{
    mix->height = image->shape[1], mix->width = image->shape[2];
    const int height = (int)(mix->height * sqrt(share)), width = (int)(mix->width * sqrt(share));
    const int y = (int)(mix->height * uniform(draws)), x = (int)(mix->width * uniform(draws));

    mix->cuts = true;
    mix->top = clip(y - height / 2, mix->height);
    mix->bottom = clip(y + height / 2, mix->height);
    mix->left = clip(x - width / 2, mix->width);
    mix->right = clip(x + width / 2, mix->width);
    mix->share = (float)((mix->bottom - mix->top) * (mix->right - mix->left)) /
                 (float)(mix->height * mix->width);
}

static struct mix draw_mix(const struct net_model *model, const struct net_mode *mode, long row)
{
    struct draws draws = {mode, (uint32_t)row, 0};
    struct mix mix = {0};
    const bool cuts = model->cutmix > 0 && (model->mixup <= 0 || uniform(&draws) < 0.5);
    const double share = beta_draw(&draws, cuts ? model->cutmix : model->mixup);

    if (cuts)
        draw_box(&mix, &draws, &model->fields[0], share);
    else
        mix.share = (float)share;
    return mix;
}

/* A row as the network sees it. */
static void read_row(float *to, const struct net_rows *rows, const struct net_field *field, int row)
{
    const int channels = field->rank ? field->shape[0] : 1, size = field->size / channels;
    const uint8_t *bytes = rows->row[row];

    if (rows->type != NET_U8) {
        memcpy(to, rows->row[row], (size_t)field->size * sizeof *to);
        return;
    }
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < size; i++, bytes++, to++)
            *to = (float)(*bytes * rows->scale[c] + rows->shift[c]);
}

/* Two rows, each with its share of the other. */
static void blend(float *a, float *b, int count, float share)
{
    for (int i = 0; i < count; i++) {
        const float x = a[i], y = b[i];

        a[i] = (1 - share) * x + share * y;
        b[i] = (1 - share) * y + share * x;
    }
}

static void exchange_boxes(float *a, float *b, int channels, const struct mix *mix)
{
    for (int c = 0; c < channels; c++)
        for (int y = mix->top; y < mix->bottom; y++)
            for (int x = mix->left; x < mix->right; x++) {
                const long i = ((long)c * mix->height + y) * mix->width + x;
                const float own = a[i];

                a[i] = b[i];
                b[i] = own;
            }
}

/* n rows of a field, [n][size] */
static void mix_field(float *x, const struct net_field *field, const struct mix *mix, int n)
{
    for (int i = 0; i < n / 2; i++) {
        float *a = x + (long)i * field->size, *b = x + (n - 1L - i) * field->size;

        if (mix->cuts && field->kind == NET_INPUT)
            exchange_boxes(a, b, field->shape[0], mix);
        else
            blend(a, b, field->size, mix->share);
    }
}

static bool is_mixed(const struct net_model *model, const struct net_rows *fields, int f)
{
    return fields[f].row && model->fields[f].kind != NET_TARGET_CLASS;
}

void *net_mix_rows(struct net_rows *fields, const struct net_model *model,
                   const struct net_subset *from, const struct net_mode *mode, const long *rows,
                   int n, void *batch)
{
    struct mix mix = {0};
    size_t count = 0, size = 0;

    if (mode && mode->kind == NET_MODE_TRAIN)
        mix = draw_mix(model, mode, net_source_row(from, rows[0]) + from->source->first);
    net_pack_share(model, mix.share, batch);
    if (mix.share <= 0)
        return NULL;
    for (int f = 0; f < model->field_count; f++)
        if (is_mixed(model, fields, f)) {
            count += (size_t)n;
            size += (size_t)n * (size_t)model->fields[f].size;
        }
    const void **row = net_allocate(1, count * sizeof *row + size * sizeof(float));
    const void **next = row;
    float *at = (float *)(row + count);

    for (int f = 0; f < model->field_count; f++) {
        if (!is_mixed(model, fields, f))
            continue;
        float *first = at;

        for (int i = 0; i < n; i++, at += model->fields[f].size) {
            read_row(at, &fields[f], &model->fields[f], i);
            next[i] = at;
        }
        mix_field(first, &model->fields[f], &mix, n);
        fields[f] = (struct net_rows){.type = NET_F32, .row = next};
        next += n;
    }
    return row;
}
