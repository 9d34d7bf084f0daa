/*
 * library.h -- what the C file of a library is made with, behind kernel.h: the words of generated
 * code for one thread and names of the file alone, and what its functions share.
 *
 * A library calls nothing of the runtime's libraries and has no variables: two of them live in one
 * program.
 */

#ifndef NET_LIBRARY_H
#define NET_LIBRARY_H

#include "kernels/kernel.h"
#include "kernels/tables.h"
#include "library/weights.h"

#undef NET_KERNEL
#define NET_KERNEL static __attribute__((noinline, nonnull))

#undef RUN
#define RUN(number, kernel, ...) kernel(__VA_ARGS__, run, thread)

#define barrier(run, thread) ((void)(run), (void)(thread)) /* there is one thread */

/* Where each of n rows of `size` bytes begins, for pack. */
NET_INLINE struct net_rows net_library_rows(const void **row, enum net_type type, const void *first,
                                            size_t size, int n)
{
    for (int i = 0; i < n; i++)
        row[i] = (const char *)first + (size_t)i * size;
    return (struct net_rows){.type = type, .row = row};
}

/* Rows of bags of words, of so many numbers each: `index` and `value` have room for all of them. */
NET_INLINE struct net_rows net_library_bags(const void **row, struct net_sparse *bag,
                                            int32_t *index, float *value, const float *x, int size,
                                            int n)
{
    for (int i = 0; i < n; i++, index += size, value += size) {
        int count = 0;

        for (int k = 0; k < size; k++, x++)
            if (*x != 0)
                index[count] = k, value[count++] = *x;
        bag[i] = (struct net_sparse){count, index, value};
        row[i] = &bag[i];
    }
    return (struct net_rows){.type = NET_SPARSE, .row = row};
}

/* Are all of them finite? An activation would make a number of what is none. */
NET_INLINE bool net_library_are_finite(const float *x, long count)
{
    uint32_t none = 0;

    for (long i = 0; i < count; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        none |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !none;
}

/* Are all of them numbers of words? */
NET_INLINE bool net_library_are_tokens(const int32_t *ids, long count, int vocabulary)
{
    bool are = true;

    for (long i = 0; i < count; i++)
        are &= ids[i] >= 0 && ids[i] < vocabulary;
    return are;
}

/* 0, or why so many rows cannot go through. */
NET_INLINE int net_library_check(const void *weights, const void *arena, int rows, int most)
{
    if (!weights)
        return NET_LIBRARY_NO_WEIGHTS;
    if (!arena)
        return NET_LIBRARY_NO_ARENA;
    if ((uintptr_t)weights % 64 || (uintptr_t)arena % 64)
        return NET_LIBRARY_UNALIGNED;
    return rows < 1 || rows > most ? NET_LIBRARY_WRONG_ROWS : NET_LIBRARY_OK;
}

/* ---- Bytes inside ---------------------------------------------------------------------------- */

/* A file that is read when the library is compiled. */
#ifdef __wasm__
#define NET_INSIDE_BEGINS(symbol) ".section .rodata." #symbol ",\"\",@\n.type " #symbol ",@object"
#define NET_INSIDE_ENDS(symbol) ".size " #symbol ", . - " #symbol "\n.text"
#else
#define NET_INSIDE_BEGINS(symbol) ".pushsection .rodata"
#define NET_INSIDE_ENDS(symbol) ".popsection"
#endif
#define NET_FILE_INSIDE(symbol, file)                                                              \
    __asm__(NET_INSIDE_BEGINS(symbol) "\n.balign 64\n" #symbol ":\n.incbin \"" file                \
                                      "\"\n" NET_INSIDE_ENDS(symbol));

/* Weights as the network has them. */
#define NET_WEIGHTS_INSIDE(symbol, file)                                                           \
    NET_FILE_INSIDE(symbol, file)                                                                  \
    extern const struct params symbol __attribute__((visibility("hidden")));

/* Tables of strings: library/names.h. */
#define NET_NAMES_INSIDE(symbol, file)                                                             \
    NET_FILE_INSIDE(symbol, file)                                                                  \
    extern const char symbol[] __attribute__((visibility("hidden")));

#endif
