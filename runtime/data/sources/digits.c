/*
 * digits.c -- the built-in data set: handwritten-looking digits, 28 x 28 grey, drawn anew from
 * strokes. A digit's control points are shaken, joined by curves, bent by an elastic field, turned,
 * sheared, scaled and shifted, inked with a pen of some width, and covered with noise.
 *
 * Every draw is a Philox number at (seed, row), and the arithmetic is plain IEEE (no libm but
 * sqrt), so row k is the same on every machine, however many rows are asked for.
 */

#include <math.h>
#include <string.h>

#include "core/random.h"
#include "data/sources/source.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, MAX_POINTS = 16, GRID = 5, PIECES = 4 };

/* ---- strokes --------------------------------------------------------------------------------- */

enum form { LINE, CURVE, LOOP }; /* straight pieces; a smooth curve; a smooth closed curve */

struct point {
    float x, y; /* in the digit's box: 0..1, y downwards */
};

struct stroke {
    uint8_t form, count;
    struct {
        uint8_t x, y; /* in hundredths of the box */
    } at[MAX_POINTS];
};

struct glyph {
    uint8_t stroke_count;
    struct stroke strokes[3];
};

/* Two ways to write each digit. */
static const struct glyph glyphs[10][2] = {
    {{1,
      {{LOOP, 8, {{50, 0}, {80, 12}, {92, 50}, {80, 88}, {50, 100}, {20, 88}, {8, 50}, {20, 12}}}}},
     {1,
      {{CURVE,
        9,
        {{60, 3}, {30, 8}, {14, 40}, {20, 82}, {50, 100}, {78, 85}, {86, 45}, {70, 8}, {45, 2}}}}}},
    {{1, {{LINE, 3, {{30, 22}, {55, 0}, {55, 100}}}}}, {1, {{LINE, 2, {{52, 0}, {48, 100}}}}}},
    {{2,
      {{CURVE, 8, {{12, 26}, {25, 6}, {50, 0}, {78, 8}, {84, 30}, {68, 54}, {40, 76}, {10, 100}}},
       {LINE, 2, {{10, 100}, {92, 100}}}}},
     {1,
      {{CURVE,
        11,
        {{14, 20},
         {40, 0},
         {76, 10},
         {78, 36},
         {55, 68},
         {28, 96},
         {10, 90},
         {20, 78},
         {45, 88},
         {70, 100},
         {95, 90}}}}}},
    {{2,
      {{CURVE, 6, {{12, 12}, {40, 0}, {74, 8}, {80, 28}, {65, 43}, {40, 47}}},
       {CURVE, 6, {{40, 47}, {74, 54}, {88, 74}, {70, 95}, {40, 100}, {10, 88}}}}},
     {2,
      {{LINE, 3, {{14, 2}, {82, 2}, {45, 40}}},
       {CURVE, 6, {{45, 40}, {76, 48}, {87, 72}, {70, 95}, {40, 100}, {10, 90}}}}}},
    {{2, {{LINE, 3, {{62, 0}, {8, 66}, {94, 66}}}, {LINE, 2, {{68, 34}, {66, 100}}}}},
     {2, {{LINE, 3, {{20, 2}, {14, 52}, {86, 52}}}, {LINE, 2, {{80, 5}, {74, 100}}}}}},
    {{2,
      {{LINE, 3, {{86, 1}, {22, 1}, {17, 44}}},
       {CURVE, 7, {{17, 44}, {45, 36}, {78, 46}, {88, 70}, {70, 94}, {40, 100}, {10, 90}}}}},
     {2,
      {{CURVE, 8, {{24, 6}, {20, 28}, {22, 44}, {50, 40}, {80, 55}, {80, 82}, {50, 100}, {12, 93}}},
       {LINE, 2, {{24, 5}, {88, 0}}}}}},
    {{1,
      {{CURVE,
        11,
        {{76, 3},
         {45, 15},
         {20, 42},
         {12, 70},
         {25, 94},
         {50, 100},
         {78, 92},
         {86, 72},
         {70, 54},
         {42, 54},
         {16, 70}}}}},
     {1,
      {{CURVE,
        9,
        {{50, 0},
         {25, 30},
         {14, 68},
         {30, 96},
         {62, 98},
         {80, 80},
         {72, 62},
         {45, 60},
         {20, 78}}}}}},
    {{1, {{LINE, 3, {{10, 1}, {90, 1}, {42, 100}}}}},
     {2, {{LINE, 3, {{12, 3}, {88, 0}, {40, 100}}}, {LINE, 2, {{34, 50}, {84, 48}}}}}},
    {{2,
      {{LOOP, 6, {{50, 0}, {76, 12}, {74, 36}, {50, 46}, {26, 36}, {24, 12}}},
       {LOOP, 6, {{50, 46}, {82, 60}, {84, 86}, {50, 100}, {16, 86}, {18, 60}}}}},
     {1,
      {{LOOP,
        12,
        {{74, 8},
         {46, 2},
         {24, 18},
         {40, 40},
         {66, 56},
         {80, 80},
         {50, 100},
         {20, 84},
         {30, 60},
         {58, 42},
         {78, 24},
         {80, 14}}}}}},
    {{2,
      {{LOOP, 7, {{50, 0}, {76, 8}, {84, 28}, {72, 48}, {46, 53}, {20, 40}, {22, 12}}},
       {CURVE, 4, {{84, 28}, {84, 58}, {72, 85}, {46, 100}}}}},
     {2,
      {{LOOP, 6, {{50, 0}, {78, 10}, {78, 36}, {50, 50}, {22, 40}, {20, 12}}},
       {LINE, 2, {{80, 14}, {70, 100}}}}}},
};

/* ---- draws ----------------------------------------------------------------------------------- */

struct draws {
    uint32_t key[2];
    uint64_t row;
    uint32_t index; /* of the next four words */
    uint32_t word[4];
    int used; /* of word */
};

static uint32_t draw(struct draws *draws)
{
    if (draws->used == 4) {
        net_philox(draws->word, draws->key, (uint32_t)draws->row, (uint32_t)(draws->row >> 32),
                   draws->index++, NET_RANDOM_DIGITS);
        draws->used = 0;
    }
    return draws->word[draws->used++];
}

static float uniform(struct draws *draws, float low, float high)
{
    return low + (high - low) * ((float)(draw(draws) >> 8) * 0x1p-24f);
}

/* ---- from the digit's box to the picture ----------------------------------------------------- */

struct warp {
    float xx, xy, yx, yy;          /* the box's axes in pixels */
    float x, y;                    /* where its middle lies */
    struct point bend[GRID][GRID]; /* displacements in box units, smooth between the knots */
};

static void draw_warp(struct warp *warp, struct draws *draws)
{
    const float angle = uniform(draws, -.35f, .35f), square = angle * angle;
    const float shear = uniform(draws, -.25f, .25f);
    const float width = uniform(draws, 11.f, 17.f), height = uniform(draws, 16.f, 21.f);
    /* Taylor: the error at .35 is below 1e-7 */
    const float sine = angle * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)));
    const float cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30));

    warp->xx = cosine * width;
    warp->yx = sine * width;
    warp->xy = (cosine * shear - sine) * height;
    warp->yy = (sine * shear + cosine) * height;
    warp->x = SIDE / 2.f + uniform(draws, -2.6f, 2.6f);
    warp->y = SIDE / 2.f + uniform(draws, -2.6f, 2.6f);
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++)
            warp->bend[i][j] = (struct point){uniform(draws, -.08f, .08f),
                                              uniform(draws, -.08f, .08f)};
}

static struct point apply(const struct warp *warp, struct point p)
{
    const float most = GRID - 1.001f;
    float u = p.x * (GRID - 1), v = p.y * (GRID - 1);

    u = u < 0 ? 0 : u > most ? most : u;
    v = v < 0 ? 0 : v > most ? most : v;
    const int i = (int)v, j = (int)u;
    float a = u - (float)j, b = v - (float)i;

    a *= a * (3 - 2 * a);
    b *= b * (3 - 2 * b);
    const struct point p00 = warp->bend[i][j], p01 = warp->bend[i][j + 1];
    const struct point p10 = warp->bend[i + 1][j], p11 = warp->bend[i + 1][j + 1];
    const float x = p.x - .5f + (1 - b) * ((1 - a) * p00.x + a * p01.x) +
                    b * ((1 - a) * p10.x + a * p11.x);
    const float y = p.y - .5f + (1 - b) * ((1 - a) * p00.y + a * p01.y) +
                    b * ((1 - a) * p10.y + a * p11.y);

    return (struct point){warp->x + x * warp->xx + y * warp->xy,
                          warp->y + x * warp->yx + y * warp->yy};
}

/* ---- ink ------------------------------------------------------------------------------------- */

/* Lowers the squared distances of the pixels within `reach` of the segment from p to q. */
static void draw_segment(float near[SIDE][SIDE], struct point p, struct point q, float reach)
{
    const float dx = q.x - p.x, dy = q.y - p.y, length = dx * dx + dy * dy;
    const float inverse = length > 1e-12f ? 1 / length : 0;
    const float left = (p.x < q.x ? p.x : q.x) - reach, right = (p.x > q.x ? p.x : q.x) + reach;
    const float top = (p.y < q.y ? p.y : q.y) - reach, bottom = (p.y > q.y ? p.y : q.y) + reach;
    const int x0 = left < 0 ? 0 : (int)left, x1 = right > SIDE ? SIDE : (int)right + 1;
    const int y0 = top < 0 ? 0 : (int)top, y1 = bottom > SIDE ? SIDE : (int)bottom + 1;

    if (right < 0 || bottom < 0)
        return;
    for (int y = y0; y < (y1 > SIDE ? SIDE : y1); y++)
        for (int x = x0; x < (x1 > SIDE ? SIDE : x1); x++) {
            const float px = (float)x + .5f - p.x, py = (float)y + .5f - p.y;
            float t = (px * dx + py * dy) * inverse;

            t = t < 0 ? 0 : t > 1 ? 1 : t;
            const float ex = px - t * dx, ey = py - t * dy, square = ex * ex + ey * ey;

            near[y][x] = square < near[y][x] ? square : near[y][x];
        }
}

/* The curve of Catmull and Rom from b to c, with neighbours a and d. */
static struct point between(struct point a, struct point b, struct point c, struct point d, float t)
{
    const float wa = t * (-.5f + t * (1 - .5f * t)), wb = 1 + t * t * (1.5f * t - 2.5f);
    const float wc = t * (.5f + t * (2 - 1.5f * t)), wd = t * t * (.5f * t - .5f);

    return (struct point){wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                          wa * a.y + wb * b.y + wc * c.y + wd * d.y};
}

static void draw_stroke(float near[SIDE][SIDE], const struct stroke *stroke, const struct point *at,
                        const struct warp *warp, float reach)
{
    const bool loop = stroke->form == LOOP;
    const int n = stroke->count;
    struct point last = apply(warp, at[0]);

    for (int i = 0; i < (loop ? n : n - 1); i++) {
        const struct point b = at[i], c = at[(i + 1) % n];
        const struct point a = i > 0 ? at[i - 1] : loop ? at[n - 1] : b;
        const struct point d = i + 2 < n ? at[i + 2] : loop ? at[(i + 2) % n] : c;

        for (int piece = 1; piece <= PIECES; piece++) {
            const float t = (float)piece / PIECES;
            const struct point p = stroke->form == LINE ? (struct point){b.x + t * (c.x - b.x),
                                                                         b.y + t * (c.y - b.y)}
                                                        : between(a, b, c, d, t);
            const struct point next = apply(warp, p);

            draw_segment(near, last, next, reach);
            last = next;
        }
    }
}

static void draw_digit(uint8_t image[PIXELS], uint8_t *label, struct draws *draws)
{
    float near[SIDE][SIDE];
    struct warp warp;

    *label = (uint8_t)((uint64_t)draw(draws) * 10 >> 32);
    const struct glyph *glyph = &glyphs[*label][draw(draws) >> 31];
    const float radius = uniform(draws, .7f, 1.7f), ink = uniform(draws, 140.f, 255.f);
    const float noise = uniform(draws, 10.f, 60.f), paper = uniform(draws, 0.f, 30.f);

    draw_warp(&warp, draws);
    for (int i = 0; i < PIXELS; i++)
        near[i / SIDE][i % SIDE] = 1e9f;
    for (int i = 0; i < glyph->stroke_count; i++) {
        const struct stroke *stroke = &glyph->strokes[i];
        struct point at[MAX_POINTS];

        for (int k = 0; k < stroke->count; k++) {
            at[k].x = stroke->at[k].x / 100.f + uniform(draws, -.04f, .04f);
            at[k].y = stroke->at[k].y / 100.f + uniform(draws, -.04f, .04f);
        }
        draw_stroke(near, stroke, at, &warp, radius + .5f);
    }
    for (int i = 0; i < PIXELS; i += 4) {
        const uint32_t bits = draw(draws);

        for (int k = i; k < i + 4; k++) {
            const float cover = radius + .5f - sqrtf(near[k / SIDE][k % SIDE]);
            const float grain = (float)(bits >> 8 * (k - i) & 255) * (2 / 255.f) - 1;
            const float grey = paper +
                               ink * (cover < 0   ? 0
                                      : cover > 1 ? 1
                                                  : cover) +
                               noise * grain;

            image[k] = (uint8_t)((grey < 0 ? 0 : grey > 255 ? 255 : grey) + .5f);
        }
    }
}

static void open_digits(struct net_table *table, const struct net_request *request)
{
    const struct net_call *call = request->call;
    const long rows = (long)net_whole_argument(call, "rows", 1, 1e8);
    const uint64_t seed = (uint64_t)net_whole_argument(call, "seed", 0, 0x1p53);
    uint8_t *image = net_allocate((size_t)rows, PIXELS), *label = net_allocate((size_t)rows, 1);

    for (long i = 0; i < rows; i++) {
        struct draws draws = {
            .key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .row = (uint64_t)i, .used = 4};

        draw_digit(image + i * PIXELS, label + i, &draws);
    }
    table->column_count = 2;
    table->columns[0] = (struct net_column){.name = "image",
                                            .place = call->name,
                                            .type = NET_U8,
                                            .rank = 3,
                                            .shape = {1, SIDE, SIDE},
                                            .rows = rows,
                                            .size = PIXELS,
                                            .at = image};
    table->columns[1] = (struct net_column){
        .name = "label", .place = call->name, .type = NET_U8, .rows = rows, .size = 1, .at = label};
}

const struct net_reader net_reader_digits = {.name = "digits", .open = open_digits};
