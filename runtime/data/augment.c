/*
 * augment.c -- rows that change as they are packed: noise(std), and the steps of `augment`, in
 * training all of them, else what the weights have to see always: normalize. Every draw is numbered
 * by (seed, epoch, row of the source), so that the bits depend on neither threads nor batches nor
 * where a run was stopped.
 *
 * Moves are not made one by one: pad, crop and flip only change where a pixel comes from, and the
 * picture is copied once.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/changes/change.h"
#include "data/dataset.h"
#include "data/sources/source.h"

enum kind { PAD, CROP, FLIP, CHANGE, NORMALIZE };

struct step {
    enum kind kind;
    int height, width; /* of a crop, resized or not; of a padding on either side */
    double p;          /* of a flip */
    const struct net_call *call;
    uint32_t number;       /* of its draws: moves and others are counted apart */
    double *scale, *shift; /* of normalize, one a channel */
};

/* A picture that is being changed: pixels that are still to be copied, moved, from `from`. */
struct picture {
    const void *from;            /* channels x from_height x from_width */
    const double *scale, *shift; /* one a channel, where `from` holds bytes; else NULL */
    int from_height, from_width;
    int height, width;
    int y, x;                     /* the pixel of `from` that stands at 0, 0 */
    int top, bottom, left, right; /* the pixels of `from` that may be seen: ends are behind */
    int outside;  /* each byte of a pixel beyond them: 0, of an ignored label 0xFF */
    bool flipped; /* columns of `from` run to the left */
    bool settled; /* `from` is a copy in which nothing is moved */
};

struct net_augment {
    const struct net_field *field;
    int channels, pixels;          /* of a row; 1 channel where it is no picture, or of classes */
    int height, width;             /* of a picture */
    double std;                    /* of noise; 0: none */
    uint32_t noise_stream, stream; /* fields that follow another have its second */
    struct step *steps;
    int step_count;
    float *rows;      /* [model->batch][field->size] */
    float *normals;   /* [field->size] */
    float *copies[2]; /* of a picture between two steps */
};

/* ---- opening --------------------------------------------------------------------------------- */

static double noise_of(const struct net_field *field)
{
    if (!field->step_count)
        return 0;
    const struct net_call *last = &field->steps[field->step_count - 1];

    return strcmp(last->name, "noise") ? 0 : last->args[0].number;
}

static double channel_number(const struct net_call *call, const char *name, int c)
{
    const struct net_arg *arg = net_argument(call, name);

    return arg->list ? arg->list[arg->count == 1 ? 0 : c] : arg->number;
}

/* height, width of an argument that gives one number for both, or two. */
static int size_of(const struct net_arg *arg, int i)
{
    return (int)(arg->list ? arg->list[i] : arg->number);
}

static struct step open_step(const struct net_call *call, int channels)
{
    struct step step = {.call = call};

    if (!strcmp(call->name, "pad")) {
        step.kind = PAD;
        step.height = size_of(&call->args[0], 0);
        step.width = size_of(&call->args[0], 1);
    } else if (call->arg_count > 1 && !strcmp(call->args[1].name, "width")) {
        step.kind = call->change ? CHANGE : CROP;
        step.height = (int)call->args[0].number;
        step.width = (int)call->args[1].number;
    } else if (call->change) {
        step.kind = CHANGE;
    } else if (!strcmp(call->name, "normalize")) {
        step.kind = NORMALIZE;
        step.scale = net_allocate((size_t)channels, sizeof(double));
        step.shift = net_allocate((size_t)channels, sizeof(double));
        for (int c = 0; c < channels; c++) {
            step.scale[c] = 1 / channel_number(call, "std", c);
            step.shift[c] = -channel_number(call, "mean", c) * step.scale[c];
        }
    } else {
        step.kind = FLIP;
        step.p = call->args[0].number;
    }
    return step;
}

/* Floats of the largest picture between two steps. */
static size_t largest(const struct net_augment *augment)
{
    size_t height = (size_t)augment->height, width = (size_t)augment->width;
    size_t most = height * width;

    for (int i = 0; i < augment->step_count; i++) {
        const struct step *step = &augment->steps[i];

        if (step->kind == PAD)
            height += 2 * (size_t)step->height, width += 2 * (size_t)step->width;
        else if (step->height)
            height = (size_t)step->height, width = (size_t)step->width;
        most = height * width > most ? height * width : most;
    }
    return most * (size_t)augment->channels;
}

static bool moves(const struct step *step)
{
    return step->kind <= FLIP || (step->kind == CHANGE && step->call->change->moves);
}

static void open_steps(struct net_augment *augment)
{
    const struct net_field *field = augment->field;
    uint32_t moved = 0, others = 256;

    augment->step_count = field->augment_count;
    augment->steps = net_allocate((size_t)field->augment_count, sizeof *augment->steps);
    for (int i = 0; i < field->augment_count; i++) {
        augment->steps[i] = open_step(&field->augments[i], augment->channels);
        augment->steps[i].number = moves(&augment->steps[i]) ? moved++ : others++;
    }
    for (int i = 0; i < 2; i++)
        augment->copies[i] = net_allocate(largest(augment), sizeof(float));
}

static bool is_normalized(const struct net_field *field)
{
    for (int i = 0; i < field->augment_count; i++)
        if (!strcmp(field->augments[i].name, "normalize"))
            return true;
    return false;
}

struct net_augment *net_augment_open(const struct net_model *model, int field, enum net_part part)
{
    const struct net_field *of = &model->fields[field];
    const bool steps = part == NET_TRAIN ? of->augment_count > 0 : is_normalized(of);
    struct net_augment *augment;

    if (!steps && noise_of(of) == 0)
        return NULL;
    augment = net_allocate(1, sizeof *augment);
    augment->field = of;
    augment->channels = of->rank && of->kind != NET_TARGET_CLASS ? of->shape[0] : 1;
    augment->pixels = of->size / augment->channels;
    if (of->rank > 1) {
        augment->height = of->shape[of->rank - 2];
        augment->width = of->shape[of->rank - 1];
    }
    augment->std = noise_of(of);
    augment->stream = NET_RANDOM_AUGMENT + (uint32_t)(of->moved_with ? of->moved_with - 1 : field);
    augment->noise_stream = NET_RANDOM_ROW_NOISE + (uint32_t)(field * NET_PARTS) + (uint32_t)part;
    augment->rows = net_allocate((size_t)model->batch * (size_t)of->size, sizeof(float));
    augment->normals = net_allocate((size_t)of->size, sizeof(float));
    if (steps)
        open_steps(augment);
    return augment;
}

void net_augment_close(struct net_augment *augment)
{
    if (!augment)
        return;
    for (int i = 0; i < augment->step_count; i++) {
        free(augment->steps[i].scale);
        free(augment->steps[i].shift);
    }
    free(augment->steps);
    free(augment->rows);
    free(augment->normals);
    free(augment->copies[0]);
    free(augment->copies[1]);
    free(augment);
}

static bool is_training(const struct net_mode *mode)
{
    return mode && mode->kind == NET_MODE_TRAIN;
}

static bool is_noisy(const struct net_augment *augment, const struct net_mode *mode)
{
    return augment->std > 0 && !(mode && mode->kind == NET_MODE_PREDICT);
}

/* Weights that were trained on normalized pictures want no others. */
static bool step_acts(const struct step *step, const struct net_mode *mode)
{
    return is_training(mode) || step->kind == NORMALIZE;
}

static bool any_step_acts(const struct net_augment *augment, const struct net_mode *mode)
{
    for (int i = 0; i < augment->step_count; i++)
        if (step_acts(&augment->steps[i], mode))
            return true;
    return false;
}

bool net_augment_acts(const struct net_augment *augment, const struct net_mode *mode)
{
    return augment && (is_noisy(augment, mode) || any_step_acts(augment, mode));
}

/* ---- copying --------------------------------------------------------------------------------- */

static void copy_bytes(float *to, const uint8_t *from, int count, double scale, double shift,
                       bool flipped)
{
    if (flipped)
        for (int i = 0; i < count; i++)
            to[i] = (float)(from[-i] * scale + shift);
    else
        for (int i = 0; i < count; i++)
            to[i] = (float)(from[i] * scale + shift);
}

static void copy_floats(float *to, const float *from, int count, bool flipped)
{
    if (!flipped)
        memcpy(to, from, (size_t)count * sizeof *to);
    else
        for (int i = 0; i < count; i++)
            to[i] = from[-i];
}

static int clamp(int x, int least, int most)
{
    return x < least ? least : x > most ? most : x;
}

/* One row of one channel: what lies outside of the picture is 0, of a map of classes ignored where
   labels can be. A class is moved as a float is, four bytes. */
static void copy_row(const struct picture *p, int c, int y, float *to)
{
    const int from_y = p->y + y;
    const int begin = clamp(p->flipped ? p->x - p->right + 1 : p->left - p->x, 0, p->width);
    const int end = clamp(p->flipped ? p->x - p->left + 1 : p->right - p->x, begin, p->width);

    if (from_y < p->top || from_y >= p->bottom || begin == end) {
        memset(to, p->outside, (size_t)p->width * sizeof *to);
        return;
    }
    const long at = ((long)c * p->from_height + from_y) * p->from_width +
                    (p->flipped ? p->x - begin : p->x + begin);

    memset(to, p->outside, (size_t)begin * sizeof *to);
    memset(to + end, p->outside, (size_t)(p->width - end) * sizeof *to);
    if (p->scale)
        copy_bytes(to + begin, (const uint8_t *)p->from + at, end - begin, p->scale[c], p->shift[c],
                   p->flipped);
    else
        copy_floats(to + begin, (const float *)p->from + at, end - begin, p->flipped);
}

static struct picture whole_picture(const void *from, int height, int width)
{
    return (struct picture){.from = from,
                            .from_height = height,
                            .from_width = width,
                            .height = height,
                            .width = width,
                            .bottom = height,
                            .right = width};
}

static void copy_picture(const struct picture *p, int channels, float *to)
{
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < p->height; y++, to += p->width)
            copy_row(p, c, y, to);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Draw number `k` of a step, four words. */
static void draw(uint32_t word[4], const struct net_augment *augment, const struct net_mode *mode,
                 const struct step *step, uint32_t k, long row)
{
    net_philox(word, mode->seed, 16 * step->number + k, (uint32_t)row, mode->epoch,
               augment->stream);
}

static void pad(struct picture *p, const struct step *step)
{
    p->height += 2 * step->height;
    p->width += 2 * step->width;
    p->y -= step->height;
    p->x += p->flipped ? step->width : -step->width;
}

static void crop(struct picture *p, const struct step *step, const uint32_t word[4])
{
    const int x = net_change_below(word[1], p->width - step->width + 1);

    p->y += net_change_below(word[0], p->height - step->height + 1);
    p->x += p->flipped ? -x : x;
    p->height = step->height;
    p->width = step->width;
    const int left = p->flipped ? p->x - p->width + 1 : p->x;

    p->top = clamp(p->y, p->top, p->bottom);
    p->bottom = clamp(p->y + p->height, p->top, p->bottom);
    p->left = clamp(left, p->left, p->right);
    p->right = clamp(left + p->width, p->left, p->right);
}

static void flip(struct picture *p)
{
    p->x += p->flipped ? 1 - p->width : p->width - 1;
    p->flipped = !p->flipped;
}

static void normalize(const struct step *step, float *at, int channels, int pixels)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < pixels; i++, at++)
            *at = (float)((double)*at * step->scale[c] + step->shift[c]);
}

static bool moves_after(const struct net_augment *augment, int step)
{
    for (int i = step + 1; i < augment->step_count; i++)
        if (moves(&augment->steps[i]))
            return true;
    return false;
}

/* From here on it is the copy at `from`. */
static void take(struct picture *p, const float *from, int height, int width)
{
    const int outside = p->outside;

    *p = whole_picture(from, height, width);
    p->outside = outside;
    p->settled = true;
}

/* The pixels themselves, for a step that changes them: copied where moves are still to be made, and
   into `to` where no more will follow. */
static float *settle(const struct net_augment *augment, struct picture *p, float *to)
{
    if (!p->settled) {
        copy_picture(p, augment->channels, to);
        take(p, to, p->height, p->width);
    }
    return (float *)p->from;
}

/* Of one that moves, from one copy into the other. */
static void change(const struct net_augment *augment, const struct net_mode *mode,
                   const struct step *step, long row, struct picture *p, float *at)
{
    const bool away = moves(step);
    struct net_change_at of = {.call = step->call,
                               .from = at,
                               .to = away ? augment->copies[at == augment->copies[0]] : at,
                               .channels = augment->channels,
                               .from_height = p->height,
                               .from_width = p->width,
                               .height = step->height ? step->height : p->height,
                               .width = step->height ? step->width : p->width,
                               .classes = augment->field->kind == NET_TARGET_CLASS,
                               .outside = p->outside,
                               .seed = {mode->seed[0], mode->seed[1]},
                               .number = step->number,
                               .row = (uint32_t)row,
                               .epoch = mode->epoch,
                               .stream = augment->stream};

    step->call->change->apply(&of);
    if (away)
        take(p, of.to, of.height, of.width);
}

static void apply(const struct net_augment *augment, const struct net_mode *mode, int i, long row,
                  struct picture *p, float *end)
{
    const struct step *step = &augment->steps[i];
    uint32_t word[4];

    if (step->kind > FLIP) {
        const bool moved = moves(step) || moves_after(augment, i);
        float *other = augment->copies[p->from == augment->copies[0]];
        float *at = settle(augment, p, moved ? other : end);

        if (step->kind == CHANGE)
            change(augment, mode, step, row, p, at);
        else
            normalize(step, at, augment->channels, p->height * p->width);
        return;
    }
    p->settled = false;
    draw(word, augment, mode, step, 0, row);
    if (step->kind == PAD)
        pad(p, step);
    else if (step->kind == CROP)
        crop(p, step, word);
    else if (net_change_unit(word[0]) < step->p)
        flip(p);
}

/* ---- a row ----------------------------------------------------------------------------------- */

static void copy_elements(const struct net_augment *augment,
                          const struct net_prepared_column *prepared, const void *element,
                          float *to)
{
    if (prepared->column.type != NET_U8) {
        memcpy(to, element, (size_t)augment->field->size * sizeof *to);
        return;
    }
    for (int c = 0; c < augment->channels; c++)
        copy_bytes(to + c * augment->pixels, (const uint8_t *)element + c * augment->pixels,
                   augment->pixels, prepared->scale[c], prepared->shift[c], false);
}

static void add_noise(const struct net_augment *augment, const struct net_mode *mode, long row,
                      float *to)
{
    static const uint32_t fixed[2] = {0};
    const bool training = is_training(mode);
    const float std = (float)augment->std;

    net_normals(augment->normals, augment->field->size, training ? mode->seed : fixed,
                (uint32_t)row, training ? mode->epoch : UINT32_MAX, augment->noise_stream);
    for (int i = 0; i < augment->field->size; i++)
        to[i] += std * augment->normals[i];
}

const float *net_augment_row(struct net_augment *augment, const struct net_mode *mode,
                             const struct net_prepared_column *prepared, const void *element,
                             long row, int i)
{
    float *to = augment->rows + (long)i * augment->field->size;
    const bool steps = any_step_acts(augment, mode), noise = is_noisy(augment, mode);
    const bool bytes = prepared->column.type == NET_U8;
    float *noisy = steps ? augment->copies[0] : to;

    if (noise) {
        copy_elements(augment, prepared, element, noisy);
        add_noise(augment, mode, row, noisy);
    }
    if (!steps)
        return to;
    struct picture p = whole_picture(noise ? noisy : element, augment->height, augment->width);

    p.scale = bytes && !noise ? prepared->scale : NULL;
    p.shift = prepared->shift;
    p.outside = augment->field->ignores ? 0xFF : 0;
    for (int k = 0; k < augment->step_count; k++)
        if (step_acts(&augment->steps[k], mode))
            apply(augment, mode, k, row, &p, to);
    if (p.from != to)
        copy_picture(&p, augment->channels, to);
    return to;
}
