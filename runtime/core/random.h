/*
 * random.h -- Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as
 * 1, 2, 3; SC 2011), a counter-based generator: draws have no state, only a position.
 *
 * Purposes keep the streams of one seed apart; the rest of a counter is a logical position, so that
 * a draw depends on neither threads nor memory layout.
 */

#ifndef NET_RANDOM_H
#define NET_RANDOM_H

#include <stdint.h>

enum net_purpose { /* the counter's fourth word, plus a stream in its low half */
                   NET_RANDOM_INIT = 1 << 16,    /* + tensor; (element, 0, 0) */
                   NET_RANDOM_SHUFFLE = 2 << 16, /* (row, epoch, 0) */
                   NET_RANDOM_SPLIT = 3 << 16,
                   NET_RANDOM_DIGITS = 4 << 16,
                   NET_RANDOM_SYNTHETIC =
                       6 << 16, /* rows of bench and gradcheck: + field; (element, row, 0) */
                   NET_RANDOM_ROW_NOISE =
                       9 << 16, /* of noise(std): + field; (element / 4, row, epoch or ~0) */
                   NET_RANDOM_AUGMENT = 10 << 16, /* + field; (16 * step + draw, row, epoch) */
                   NET_RANDOM_PERMUTE = 8 << 16,  /* of permute_pixels; (pixel, 0, 0) */
                   NET_RANDOM_CHECK = 7 << 16,    /* directions of gradcheck */
                   NET_RANDOM_INPUT = 13 << 16, /* of a drawn input: + field and part; (element / 4,
                                                     row, epoch or ~0) */
                   NET_RANDOM_SWEEP = 12 << 16, /* + setting; (trial, draw, 0) */
                   NET_RANDOM_GENERATE = 14 << 16, /* of a text; (character, 0) */
                   NET_RANDOM_MIX = 15 << 16,      /* (draw, first row of a batch, epoch) */
                   NET_RANDOM_DROPOUT =
                       5 << 16, /* + stream; (element in row, row / 8, step): net_dropout_draw */
                   NET_RANDOM_NOISE =
                       11 << 16, /* + stream; (element in row, row / 4, step), two words a pair */
};

static inline void net_philox(uint32_t out[4], const uint32_t key[2], uint32_t c0, uint32_t c1,
                              uint32_t c2, uint32_t c3)
{
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t next0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        const uint32_t next2 = (uint32_t)(a >> 32) ^ c3 ^ k1;

        c0 = next0, c1 = (uint32_t)b, c2 = next2, c3 = (uint32_t)a;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* The 16 bits that decide on element `element` of batch row `row`: dropout(p) keeps it where they
   are at least net_dropout_threshold(p). A word's low half is for one row, its high half for the
   row four further. */
static inline uint32_t net_dropout_draw(const uint32_t key[2], uint32_t element, uint32_t row,
                                        uint32_t step, uint32_t stream)
{
    uint32_t out[4];

    net_philox(out, key, element, row / 8, step, NET_RANDOM_DROPOUT + stream);
    return out[row % 4] >> (row % 8 < 4 ? 0 : 16) & 0xffff;
}

/* p in parts of 2^16; even a p close to 1 keeps some. */
static inline uint32_t net_dropout_threshold(double p)
{
    const double parts = p * 65536.0 + 0.5;

    return parts < 65535.0 ? (uint32_t)parts : 65535;
}

/* 0 to count - 1 in another order, by Fisher and Yates: every one changes places with one at or
   before it. */
static inline void net_permutation(int *order, int count, uint64_t seed)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        uint32_t draw[4];

        net_philox(draw, key, (uint32_t)i, 0, 0, NET_RANDOM_PERMUTE);
        const int j = (int)((uint64_t)draw[0] * (uint64_t)(i + 1) >> 32), other = order[i];

        order[i] = order[j];
        order[j] = other;
    }
}

#endif
