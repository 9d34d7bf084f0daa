/*
 * bfloat16.c -- contractions of bfloat16: rounding, pairs and their product, beside the processor's
 * where it has one, and compiled networks against a reference that rounds the same operands.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/bfloat16.h"
#include "kernels/tables.h"
#include "support/graph_test.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_bfloat16(void);

/* ---- Networks -------------------------------------------------------------------------------- */

static const KernelCase cases[] = {
    {"dense", 50, 1, true, "input x[33] = x\n    input y[16] = y", "[53] = t", "x, y",
     "    a = x -> dense(17) -> dense(64, bias=false) -> relu -> dense(35) -> tanh\n"
     "    b = y -> dense(16, bias=false) -> batchnorm -> relu -> dense(19)\n"
     "    c = concat(a, b, x) -> dense(49) -> relu -> dropout(0.3) -> dense(33)\n"
     "    concat(c -> dense(3), c -> dense(17, bias=false), c + dense(c, 33))\n",
     "mse"},

    {"conv2d", 33, 1, false,
     "input x[20, 7, 6] = x\n    input y[3, 7, 6] = y\n    input s[18, 13] = z", "[87] = t",
     "x, y, s",
     "    x17 = x -> conv2d(17, 3, padding=1) -> relu\n"
     "    y33 = y -> conv2d(33, 3, padding=1) -> batchnorm -> relu\n"
     "    both = concat(x17, y33)\n"
     "    a = both -> conv2d(19, [2, 3], stride=[2, 1], padding=[0, 1]) -> tanh -> flatten\n"
     "          -> dense(21)\n"
     "    b = y33 -> conv2d(16, 1, stride=3, bias=false) -> flatten -> dense(16)\n"
     "    c = x17 -> conv2d(48, 3, dilation=2, padding=1) -> flatten -> dense(33, bias=false)\n"
     "    d = both -> conv2d_transpose(18, 2, stride=2, padding=1) -> relu -> global_avgpool2d\n"
     "    h = wide(s) + wide(s -> conv1d(18, 5, padding=2) -> relu)\n"
     "    e = h -> conv1d(17, 5, padding=2, stride=2) -> relu -> global_maxpool1d\n"
     "    concat(a, b, c, d, e) -> dense(87)\n",
     "mse"},

    {"few rows", 7, 1, false, "input x[20, 3, 4] = x", "[17] = t", "x",
     "    x -> conv2d(17, 2) -> relu -> flatten -> dense(16) -> tanh -> dense(17)\n", "mse"},
};

static const char *bfloat16_model(const KernelCase *c, const char *conv)
{
    static const char wide[] = "network wide(s) { s -> conv1d(19, 3, padding=1) }\n";
    const char *text = kernel_model(c), *network = strstr(text, "network net");

    return format("%.*s%s%.*s    precision = bfloat16\n    conv = %s\n}\n", (int)(network - text),
                  text, strstr(c->body, "wide(") ? wide : "", (int)strlen(network) - 2, network,
                  conv);
}

START_TEST(test_case)
{
    const KernelCase *c = &cases[_i];
    const char *targets[MAX_TARGETS];
    int count = find_bfloat16_targets(targets);

    count -= count > 1 && !c->emulated && same(targets[count - 1], "generic");
    check_kernel_on(c, bfloat16_model(c, "direct"), targets, count);
}
END_TEST

/* Kernels of contractions of bfloat16, and of others. */
static void count_taken(const char *text, int *taken, int *left)
{
    const Compiled c = plan_model(text, "avx2");

    *taken = *left = 0;
    for (int i = 0; i < c.train->count; i++) {
        const Kernel *k = c.train->kernels[i];

        if (!k->node->selection || kernel_info[k->kind].reads != READS_ANY)
            continue;
        ck_assert_int_eq(k->node->bfloat16, k->pairs[0] != NULL);
        *taken += k->node->bfloat16, *left += !k->node->bfloat16;
    }
}

/* Forward, dx and dw of each layer from and to a whole vector of channels, but not of what Winograd
   makes cheaper, nor gradients under a global maximum. */
START_TEST(test_selected)
{
    static const KernelCase convs = {
        "",
        64,
        1,
        false,
        "input x[32, 24, 24] = x",
        "[16] = t",
        "x",
        "    x -> conv2d(64, 3, padding=1) -> relu -> conv2d(16, 5) -> global_maxpool2d\n",
        "mse"};
    int taken, left;

    count_taken(bfloat16_model(&cases[0], "auto"), &taken, &left);
    ck_assert_int_eq(taken, 25); /* all but dx of inputs */
    ck_assert_int_eq(left, 3);   /* of the layer with three outputs */
    count_taken(bfloat16_model(&convs, "direct"), &taken, &left);
    ck_assert_int_eq(taken, 3); /* forward, dw of the first */
    ck_assert_int_eq(left, 2);
    count_taken(bfloat16_model(&convs, "auto"), &taken, &left);
    ck_assert_int_eq(taken, 1);
    ck_assert_int_eq(left, 4);
}
END_TEST

/* ---- Rounding -------------------------------------------------------------------------------- */

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static const struct {
    uint32_t from, to;
} roundings[] = {
    {0x3f800000, 0x3f800000}, {0x3f807fff, 0x3f800000}, {0x3f808000, 0x3f800000},
    {0x3f808001, 0x3f810000}, {0x3f818000, 0x3f820000}, {0xbf818000, 0xbf820000},
    {0x3fffffff, 0x40000000}, {0x7f7fffff, 0x7f800000}, {0x7f7f7fff, 0x7f7f0000},
    {0xff800000, 0xff800000}, {0x7f800001, 0x7fc00000}, {0xffc12345, 0xffc10000},
    {0x00000000, 0x00000000}, {0x80000000, 0x80000000}, {0x007fffff, 0x00000000},
    {0x807fffff, 0x80000000}, {0x00800000, 0x00800000}, {0x00808000, 0x00800000},
};

START_TEST(test_rounding)
{
    for (int i = 0; i < COUNT(roundings); i++) {
        const float x = float_of(roundings[i].from);
        const double wanted = float_of(roundings[i].to), reference = round_bfloat16(x);

        ck_assert_uint_eq(vec_round_bfloat16(vec_set(x))[i % 16], roundings[i].to);
        ck_assert_msg(isnan(wanted) ? isnan(reference) : reference == wanted, "%x", i);
    }
}
END_TEST

/* The first of a pair is in the lower half. */
START_TEST(test_pairs)
{
    _Alignas(64) float a[16], b[16];
    net_u32 neighbours, lanes;

    for (int i = 0; i < 16; i++)
        a[i] = (float)(1 + i), b[i] = (float)(-1 - i);
    neighbours = vec_bits(vec_pair_neighbours(vec_load(a), vec_load(b)));
    lanes = vec_bits(vec_pair_lanes(vec_load(a), vec_load(b)));
    for (int i = 0; i < 16; i++) {
        const float *at = i < 8 ? a + 2 * i : b + 2 * (i - 8);

        ck_assert_float_eq(float_of(neighbours[i] << 16), at[0]);
        ck_assert_float_eq(float_of(neighbours[i] & 0xffff0000u), at[1]);
        ck_assert_float_eq(float_of(lanes[i] << 16), a[i]);
        ck_assert_float_eq(float_of(lanes[i] & 0xffff0000u), b[i]);
    }
}
END_TEST

/* ---- Products -------------------------------------------------------------------------------- */

/* The second of a pair first: 2^24 + 1 is 2^24, and -2^24 behind it leaves 0. */
START_TEST(test_order)
{
    const vec x = vec_pair_lanes(vec_set(-16777216.0f), vec_set(1.0f)), one = vec_set(1.0f);

    ck_assert_float_eq(vec_sum(vec_dot_pairs(x, vec_pair_lanes(one, one), vec_set(16777216.0f))),
                       0.0f);
}
END_TEST

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("avx512f,avx512bw,avx512bf16"))) static void
by_processor(const uint32_t *x, const uint32_t *w, const float *acc, float *sums, float *pairs)
{
    const __m512i a = _mm512_loadu_si512(x), b = _mm512_loadu_si512(w);
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a);

    _mm512_storeu_ps(sums, _mm512_dpbf16_ps(_mm512_loadu_ps(acc), (__m512bh)a, (__m512bh)b));
    memcpy(pairs, &both, sizeof both);
}

static void check_bits(const float *a, const float *b, int draw)
{
    for (int i = 0; i < 16; i++) {
        uint32_t u, v;

        memcpy(&u, a + i, sizeof u);
        memcpy(&v, b + i, sizeof v);
        ck_assert_msg(u == v || (isnan(a[i]) && isnan(b[i])), "draw %d, lane %d: %08x, not %08x",
                      draw, i, u, v);
    }
}

/* Of random bits, and of ones whose products and sums are near the least normal number. */
START_TEST(test_processor)
{
    enum { DRAWS = 20000 };
    _Alignas(64) uint32_t x[16], w[16];
    _Alignas(64) float acc[16], sums[16], pairs[16], own[16];
    uint64_t state = 1;

    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16"))
        return;
    _mm_setcsr(_mm_getcsr() | 0x8040); /* as net_flush_denormals */
    for (int draw = 0; draw < DRAWS; draw++) {
        for (int i = 0; i < 48; i++) {
            uint32_t bits;

            state = state * 6364136223846793005u + 1442695040888963407u;
            bits = (uint32_t)(state >> 32);
            if (draw % 2 && i < 32)
                bits = (bits & 0x807f807fu) | 0x1f801f80u | (bits & 0x03000300u);
            if (draw % 2 && i >= 32)
                bits &= 0x81ffffffu;
            if (i < 32)
                (i < 16 ? x : w)[i % 16] = bits;
            else
                acc[i - 32] = float_of(bits);
        }
        by_processor(x, w, acc, sums, pairs);
        vec_store(own, vec_dot_pairs(vec_load((float *)(void *)x), vec_load((float *)(void *)w),
                                     vec_load(acc)));
        check_bits(own, sums, draw);
        vec_store(own,
                  vec_pair_neighbours(vec_load((float *)(void *)x), vec_load((float *)(void *)w)));
        for (int i = 0; i < 16; i++)
            ck_assert_mem_eq(own + i, pairs + i, sizeof *own);
    }
}
END_TEST
#endif

/* ---- Templates ------------------------------------------------------------------------------- */

enum { INPUTS = 35, OUTPUTS = 41, ROWS = 48 }; /* 3 blocks of each */

static const int batches[] = {1, 16, 19, 48};

struct operands {
    float *y;
};

NET_EPILOGUE(keep)
{
    const struct operands *o = operands;

    (void)draws, (void)run;
    vec_store(o->y + e.at, v0);
}

NET_GEMM_TILE(tile_8x2_bias)
{
    net_pair_tile(8, 2, 1, keep, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

NET_GEMM_TILE(tile_8x1_bias)
{
    net_pair_tile(8, 1, 1, keep, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

NET_GEMM_TILE(tile_8x3)
{
    net_pair_tile(8, 3, 0, keep, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

NET_DW_TILE(dw_tile_8x2)
{
    net_sum_dw_pairs(dw, x, dy, over, 8, 2, false, false);
}

NET_DW_TILE(dw_tile_8x1)
{
    net_sum_dw_pairs(dw, x, dy, over, 8, 1, false, true);
}

/* The float of w[row][output], in a panel of two blocks and one of one. */
static long weight_at(int rows, int row, int output)
{
    const struct net_panel p = net_panel_of(output / 16, 0, 1);

    return p.first * 16L * rows + ((long)row * p.width + output / 16 - p.first) * 16 + output % 16;
}

/* All that a dense layer is: y, dx and dw, and their operands in pairs. */
struct layer {
    TestValue x, dy, y, dx;
    float *w, *dw, *channels, *images, *dy_channels, *dy_images, *pairs, *transposed;
};

static const struct net_paired_value one_pixel = {3, 1, 3};

static void pair_operands_of(const struct layer *l, NET_RUN)
{
    net_pair_channels(l->channels, l->x.at, one_pixel, run, thread);
    net_pair_images(l->images, l->x.at, one_pixel, run, thread);
    net_pair_channels(l->dy_channels, l->dy.at, one_pixel, run, thread);
    net_pair_images(l->dy_images, l->dy.at, one_pixel, run, thread);
    net_pair_weights(l->pairs, l->w, (struct net_paired[]){{.taps = 1, .inputs = INPUTS}}, 1,
                     (struct net_weight_pairs){INPUTS, 18, {0, 1, 1}}, run, thread);
    net_pair_transposed(
        l->transposed, l->w,
        (struct net_transposed[]){{.taps = 1, .inputs = INPUTS, .panels = {1, 0}}}, 1,
        (struct net_transpose){.rows = INPUTS, .outputs = OUTPUTS, .panels = {0, 1}}, run, thread);
}

static void compute_layer(const struct layer *l, NET_RUN)
{
    static const _Alignas(64) float bias[48] = {0};
    const struct operands y = {l->y.at}, dx = {l->dx.at};

    net_dense(NULL, tile_8x2_bias, tile_8x1_bias, l->channels, l->pairs, bias, &y, NULL, NULL,
              (struct net_contraction){.tile_rows = 8,
                                       .y = {3, 1, 1, 3},
                                       .x = {3, 1, 1, 3},
                                       .x_lanes = NET_PAIR_LANES,
                                       .inputs = 18,
                                       .outputs = OUTPUTS,
                                       NET_SEGMENTS({0, 18, 1, 0, 3}),
                                       NET_PARTS({.pixels = 1, .panels = {0, 1, 1}})},
              run, thread);
    net_dense(tile_8x3, NULL, NULL, l->dy_channels, l->transposed, NULL, &dx, NULL, NULL,
              (struct net_contraction){.tile_rows = 8,
                                       .panel_outer = 1,
                                       .y = {3, 1, 1, 3},
                                       .x = {3, 1, 1, 3},
                                       .x_lanes = NET_PAIR_LANES,
                                       .inputs = 21,
                                       .outputs = INPUTS,
                                       NET_SEGMENTS({0, 21, 1, 0, 0}),
                                       NET_PARTS({.pixels = 1, .panels = {1, 0, 0}})},
              run, thread);
    net_dense_dw(l->dw, l->images, l->dy_images,
                 (struct net_dense_dw){.panels = {0, 1, 1},
                                       .inputs = INPUTS,
                                       .channels = INPUTS,
                                       .pixels = 1,
                                       .x_blocks = 3,
                                       .dy_blocks = 3,
                                       .pairs = true},
                 8, NULL, dw_tile_8x2, dw_tile_8x1, run, thread);
}

/* Row i of a and column j of b, both rounded, over `count` places. */
static double rounded_product(const TestValue *a, int image, const float *w, int row, int output,
                              int count)
{
    double sum = 0;

    for (int c = 0; c < count; c++)
        sum += round_bfloat16(test_get(a, image, 0, c)) *
               round_bfloat16(
                   (double)w[weight_at(INPUTS, row < 0 ? c : row, output < 0 ? c : output)]);
    return sum;
}

static void check_layer(const struct layer *l, int n)
{
    for (int i = 0; i < n; i++) {
        for (int o = 0; o < OUTPUTS; o++)
            check_near(test_get(&l->y, i, 0, o), rounded_product(&l->x, i, l->w, -1, o, INPUTS),
                       1e-6, "y");
        for (int c = 0; c < INPUTS; c++)
            check_near(test_get(&l->dx, i, 0, c), rounded_product(&l->dy, i, l->w, c, -1, OUTPUTS),
                       1e-6, "dx");
    }
    for (int c = 0; c < INPUTS; c++)
        for (int o = 0; o < OUTPUTS; o++) {
            double sum = 0;

            for (int i = 0; i < n; i++)
                sum += round_bfloat16(test_get(&l->x, i, 0, c)) *
                       round_bfloat16(test_get(&l->dy, i, 0, o));
            check_near((double)l->dw[weight_at(INPUTS, c, o)], sum, 1e-6, "dw");
        }
    check_padding(&l->y, n, "y");
    check_padding(&l->dx, n, "dx");
}

START_TEST(test_templates)
{
    struct net_run run = {.n = batches[_i]};
    float *const rest[] = {nan_floats(INPUTS * ROWS),      nan_floats(3 * 3 * NET_PAIR_BLOCK),
                           nan_floats(9 * NET_PAIR_BLOCK), nan_floats(9 * NET_PAIR_BLOCK),
                           nan_floats(9 * NET_PAIR_BLOCK), nan_floats(18 * ROWS),
                           nan_floats(21 * ROWS)};

    for (int threads = 1; threads <= 3; threads++) {
        struct layer l = {random_value(3, 1, INPUTS, 1),
                          random_value(3, 1, OUTPUTS, 2),
                          nan_value(3, 1, OUTPUTS),
                          nan_value(3, 1, INPUTS),
                          nan_floats(INPUTS * ROWS),
                          rest[0],
                          rest[1],
                          rest[2],
                          rest[3],
                          rest[4],
                          rest[5],
                          rest[6]};

        memset(l.w, 0, INPUTS * ROWS * sizeof *l.w);
        for (int c = 0; c < INPUTS; c++)
            for (int o = 0; o < OUTPUTS; o++)
                l.w[weight_at(INPUTS, c, o)] = (float)random_number(7, c * OUTPUTS + o);
        ON_THREADS(&run, threads)
        pair_operands_of(&l, &run, thread);
        ON_THREADS(&run, threads)
        compute_layer(&l, &run, thread);
        check_layer(&l, run.n);
        free_value(&l.x), free_value(&l.dy), free_value(&l.y), free_value(&l.dx);
        free(l.w);
    }
    for (int i = 0; i < COUNT(rest); i++)
        free(rest[i]);
}
END_TEST

Suite *suite_bfloat16(void)
{
    Suite *suite = suite_create("bfloat16");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));
    TCase *pairs = tcase_create("pairs");

    tcase_add_test(tcase, test_selected);
    tcase_add_test(pairs, test_rounding);
    tcase_add_test(pairs, test_pairs);
    tcase_add_test(pairs, test_order);
    tcase_add_loop_test(pairs, test_templates, 0, COUNT(batches));
#ifdef __x86_64__
    tcase_add_test(pairs, test_processor);
#endif
    suite_add_tcase(suite, pairs);
    return suite;
}
