/*
 * mutate_model.c -- how libFuzzer changes a .net file: as any text, and so that what comes out is
 * still a program more often than not: a number for another, a word for another of the file's, a
 * line that is there twice or no more.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);

enum kind { NUMBERS, WORDS, LINES };

struct piece {
    size_t at, length; /* bytes; length 0: there is none */
};

static bool belongs(enum kind kind, uint8_t c)
{
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

    return kind == NUMBERS ? digit || c == '.' : kind == WORDS ? letter || digit : c != '\n';
}

/* The piece that begins at or behind `at`. */
static struct piece next_piece(enum kind kind, const uint8_t *bytes, size_t size, size_t at)
{
    struct piece piece = {at, 0};

    while (piece.at < size && !belongs(kind, bytes[piece.at]))
        piece.at++;
    while (piece.at + piece.length < size && belongs(kind, bytes[piece.at + piece.length]))
        piece.length++;
    return piece;
}

static struct piece random_piece(enum kind kind, const uint8_t *bytes, size_t size, unsigned *seed)
{
    struct piece chosen = {0}, piece;
    unsigned count = 0;

    for (size_t at = 0; (piece = next_piece(kind, bytes, size, at)).length;
         at = piece.at + piece.length) {
        *seed = *seed * 1664525u + 1013904223u;
        if ((*seed >> 8) % ++count == 0)
            chosen = piece;
    }
    return chosen;
}

static size_t replace(uint8_t *bytes, size_t size, size_t most, struct piece piece,
                      const void *with, size_t length)
{
    if (size - piece.length + length > most)
        return size;
    memmove(bytes + piece.at + length, bytes + piece.at + piece.length,
            size - piece.at - piece.length);
    memcpy(bytes + piece.at, with, length);
    return size - piece.length + length;
}

static size_t change_number(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    static const char *const numbers[] = {
        "0",     "1",     "2",   "3",    "7",     "15",  "16",   "17",        "31",
        "32",    "33",    "48",  "64",   "100",   "127", "255",  "256",       "1000",
        "65535", "65536", "0.5", "1e-3", "1e308", "-1",  "1..3", "2147483647"};
    const struct piece piece = random_piece(NUMBERS, bytes, size, &seed);
    const char *with = numbers[seed % (sizeof numbers / sizeof *numbers)];

    return piece.length ? replace(bytes, size, most, piece, with, strlen(with)) : size;
}

/* A word, or a line, in the place of another or before it. */
static size_t change_piece(enum kind kind, uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    struct piece to = random_piece(kind, bytes, size, &seed);
    const struct piece from = random_piece(kind, bytes, size, &seed);
    char *copy = malloc(from.length + 2);

    if (!copy || !to.length)
        return free(copy), size;
    memcpy(copy, bytes + from.at, from.length);
    copy[from.length] = kind == LINES ? '\n' : ' ';
    if (kind == LINES && seed & 1u << 20)
        size = replace(bytes, size, most, to, "", 0);
    else if (kind == LINES)
        to.length = 0, size = replace(bytes, size, most, to, copy, from.length + 1);
    else
        size = replace(bytes, size, most, to, copy, from.length);
    free(copy);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    switch (seed % 8) {
    case 0:
    case 1:
    case 2:
        return change_number(bytes, size, most, seed / 8);
    case 3:
    case 4:
        return change_piece(WORDS, bytes, size, most, seed / 8);
    case 5:
        return change_piece(LINES, bytes, size, most, seed / 8);
    default:
        return LLVMFuzzerMutate(bytes, size, most);
    }
}
