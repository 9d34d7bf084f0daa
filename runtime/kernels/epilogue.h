/*
 * epilogue.h -- elementwise operations in registers, at the end of a kernel or as all of it.
 *
 * The one idea: a chain of elementwise nodes is one generated always-inline function, an epilogue,
 * from a vector that the kernel computed to its stores. A template that ends with one takes
 *
 *     net_epilogue *epilogue, net_draw_block *draw, const void *operands
 *
 * and calls net_element_end for each image of a block of channels that it has finished, or
 * net_block_end for all images of one in memory. `operands` points to a struct of the chain's
 * pointers, each to the start of a value of the result's layout or of a vector with one value per
 * channel. `draw` is NULL but for chains with dropout or noise: it makes the random numbers of a
 * block of images before their elements, sixteen floats an image for each random operation.
 *
 * A row end takes sums of each row of pixels that an item has finished, still in the cache:
 *
 *     net_row_end *row_end, const void *sums                                 (row_end NULL: none)
 */

#ifndef NET_EPILOGUE_H
#define NET_EPILOGUE_H

#include "kernels/activation.h"
#include "kernels/layout.h"
#include "kernels/run.h"

/* Where one vector stands: an image and a block of channels of a pixel. */
struct net_element {
    long at;   /* floats from the start of a value to it */
    int lane;  /* floats from the start of a vector to its block: 16 times the block */
    int index; /* of the block, counted through the pixels of a batch block */
    int image; /* in the whole batch */
};

/* v: what the kernel computed; draws: of this image, that of operation k at draws + 256 k */
typedef void net_epilogue(vec v, const void *operands, struct net_element e, const float *draws,
                          const struct net_run *run);

/* The draws of `images` images, a multiple of 4, from e on: image i at draws + 16 i. */
typedef void net_draw_block(float *draws, const void *operands, struct net_element e, int images,
                            const struct net_run *run);

/* After a row of pixels of a batch block. */
typedef void net_row_end(const void *sums, const struct net_run *run, int batch_block, int row);

/* The heads of generated functions; no chain reads all of it. */
#define NET_UNUSED __attribute__((unused))
#define NET_EPILOGUE(name)                                                                         \
    NET_INLINE void name(NET_UNUSED vec v0, const void *operands, NET_UNUSED struct net_element e, \
                         NET_UNUSED const float *draws, NET_UNUSED const struct net_run *run)

/* A generated epilogue, with the struct of its operands under the same name:
   NET_CHAIN(apply_relu, float *y;) { vec_store(o->y + e.at, vec_max(vec_zero(), v0)); } */
#define NET_CHAIN(name, members)                                                                   \
    struct name {                                                                                  \
        members                                                                                    \
    };                                                                                             \
    NET_INLINE void name##_of(vec v0, const struct name *o, struct net_element e,                  \
                              const float *draws, const struct net_run *run);                      \
    NET_EPILOGUE(name)                                                                             \
    {                                                                                              \
        name##_of(v0, operands, e, draws, run);                                                    \
    }                                                                                              \
    NET_INLINE void name##_of(NET_UNUSED vec v0, const struct name *o,                             \
                              NET_UNUSED struct net_element e, NET_UNUSED const float *draws,      \
                              NET_UNUSED const struct net_run *run)
#define NET_DRAW(name)                                                                             \
    NET_INLINE void name(float *draws, NET_UNUSED const void *operands, struct net_element e,      \
                         int images, NET_UNUSED const struct net_run *run)
#define NET_ROW_END(name)                                                                          \
    NET_INLINE void name(const void *sums, const struct net_run *run, int batch_block, int row)

NET_INLINE struct net_element net_element_of(struct net_extent v, int batch_block, int pixel,
                                             int block, int image)
{
    return (struct net_element){net_block_at(v, batch_block, pixel, block) + 16 * image, 16 * block,
                                pixel * v.blocks + block, NET_IMAGES * batch_block + image};
}

/* Floats from the start of a value of one pixel, of `blocks` blocks, to e's image and channels. */
NET_INLINE long net_stretched_at(struct net_element e, int blocks)
{
    const unsigned image = (unsigned)e.image;

    return ((long)(image / NET_IMAGES) * blocks * 16 + e.lane) * NET_IMAGES +
           image % NET_IMAGES * 16;
}

/* The element `pixels` pixels of `blocks` blocks further on. */
NET_INLINE struct net_element net_element_along(struct net_element e, int pixels, int blocks)
{
    e.at += (long)TILE * blocks * pixels;
    e.index += blocks * pixels;
    return e;
}

/* The element `images` images further on. */
NET_INLINE struct net_element net_element_after(struct net_element e, int images)
{
    e.at += 16 * images;
    e.image += images;
    return e;
}

/* The images of a block, from their results in memory, 16 floats an image; of NULL, of a
   chain that begins with what it loads. */
NET_INLINE void net_block_end(const float *results, net_epilogue *epilogue, net_draw_block *draw,
                              const void *operands, struct net_element e, const struct net_run *run)
{
    _Alignas(64) float draws[NET_MAX_DRAWS * 256];

    if (draw)
        draw(draws, operands, e, NET_IMAGES, run);
    NET_REPEAT(i, NET_IMAGES) {
        const vec v = results ? vec_load(results + 16 * i) : vec_zero();

        epilogue(v, operands, net_element_after(e, (int)i), draws + 16 * i, run);
    }
}

/* ---- The draws of a chain -------------------------------------------------------------------- */

NET_INLINE void net_store_draws(float *draws, const vec drawn[4])
{
    for (int i = 0; i < 4; i++)
        vec_store(draws + 16 * i, drawn[i]);
}

/* Dropout of random stream `stream`: `scale` where kept, else 0. mask: where backward reads what is
   kept, a bit an element; or NULL. */
NET_INLINE void net_draw_dropout(float *draws, uint16_t *mask, struct net_lanes lanes, int stream,
                                 uint32_t threshold, float scale, struct net_element e, int images,
                                 const struct net_run *run)
{
    struct net_draws state = net_begin_draws(run->seed, (uint32_t)lanes.element,
                                             (uint32_t)lanes.step, run->step,
                                             NET_RANDOM_DROPOUT + (uint32_t)stream);

    NET_REPEAT(g, images / 4) {
        vec keep[4];

        vec_dropout(keep, &state, (uint32_t)(e.image / 4 + g), threshold, scale);
        if (mask)
            net_write_mask(mask + e.at / 16 + 4 * g, keep);
        net_store_draws(draws + 64 * g, keep);
    }
}

/* The same again, from the mask. */
NET_INLINE void net_read_dropout(float *draws, const uint16_t *mask, float scale,
                                 struct net_element e, int images)
{
    NET_REPEAT(g, images / 4) {
        vec keep[4];

        net_read_mask(keep, mask + e.at / 16 + 4 * g, scale);
        net_store_draws(draws + 64 * g, keep);
    }
}

/* Normal draws of deviation `std`. */
NET_INLINE void net_draw_noise(float *draws, struct net_lanes lanes, int stream, float std,
                               struct net_element e, int images, const struct net_run *run)
{
    const struct net_draws state = net_begin_draws(run->seed, (uint32_t)lanes.element,
                                                   (uint32_t)lanes.step, run->step,
                                                   NET_RANDOM_NOISE + (uint32_t)stream);

    NET_REPEAT(g, images / 4) {
        vec noise[4];

        vec_gaussian_noise(noise, &state, (uint32_t)(e.image / 4 + g), std);
        net_store_draws(draws + 64 * g, noise);
    }
}

#endif
