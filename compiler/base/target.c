/*
 * target.c -- what the compiler knows of a processor: the size of a register tile, and how the
 * blocks of a weight are cut into panels for it.
 */

#include "base/base.h"

const char *const precision_names[PRECISIONS] = {"float32", "bfloat16"};

const Target *find_target(const char *name)
{
    static const Target targets[] = {
        {"avx512bf16", 8, 3, 8, 24, 32}, {"avx512", 8, 3, 8, 24, 32}, {"avx2", 4, 1, 4, 6, 8},
        {"generic", 4, 1, 4, 6, 8},      {"neon", 4, 1, 4, 6, 8},    /* 32 registers of 4 lanes */
        {"wasm32", 4, 1, 4, 6, 8},       {"riscv64", 4, 1, 4, 6, 8}, /* lanes one after the other */
    };

    for (int i = 0; i < COUNT(targets); i++)
        if (same(targets[i].name, name))
            return &targets[i];
    return NULL;
}

const char *native_target(Precision precision)
{
    (void)precision; /* of other processors */
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi2");

    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd"))
        return precision == BFLOAT16 && __builtin_cpu_supports("avx512bf16") ? "avx512bf16"
                                                                             : "avx512";
    if (avx2)
        return "avx2";
#elif defined(__aarch64__)
    return "neon";
#elif defined(__riscv)
    return "riscv64";
#endif
    return "generic";
}

/* Then every block of a panel sees the same channels, on all targets. */
void cut_group_panels(int blocks, int vectors, int size, int panels[3])
{
    int width = size % 16 == 0 ? vectors : 1;

    while (size / 16 % width != 0 || blocks % width != 0)
        width--;
    panels[0] = panels[1] = panels[2] = 0;
    panels[3 - width] = blocks / width;
}

/* Panels of 3 and 2 blocks, a lone 1 only where there is one block: a tile of one vector is
   slow. */
void cut_panels(int blocks, int vectors, int panels[3])
{
    panels[0] = panels[1] = panels[2] = 0;
    if (vectors == 1 || blocks == 1) {
        panels[2] = blocks;
        return;
    }
    panels[0] = blocks / 3;
    if (blocks % 3 == 1)
        panels[0]--, panels[1] = 2;
    else if (blocks % 3 == 2)
        panels[1] = 1;
}
