/*
 * nfc.c -- Unicode's normalization form C (Unicode Standard Annex 15): characters are taken apart,
 * marks put in the order of their classes, and what belongs together is put together again.
 *
 * Needs: nfc.def, of the Unicode that lower_case.def is of too.
 */

#include <stdlib.h>

#include "data/transforms/transform.h"

#define SINGLES(...)
#define PAIRS(...)
#define COMPOSED(...)
#define CLASSES(...)

static const uint32_t singles[] = {
#undef SINGLES
#define SINGLES(...) __VA_ARGS__
#include "data/transforms/nfc.def"
#undef SINGLES
#define SINGLES(...)
};

static const uint32_t pairs[] = {
#undef PAIRS
#define PAIRS(...) __VA_ARGS__
#include "data/transforms/nfc.def"
#undef PAIRS
#define PAIRS(...)
};

static const uint16_t composed[] = {
#undef COMPOSED
#define COMPOSED(...) __VA_ARGS__
#include "data/transforms/nfc.def"
#undef COMPOSED
#define COMPOSED(...)
};

static const uint32_t classes[] = {
#undef CLASSES
#define CLASSES(...) __VA_ARGS__
#include "data/transforms/nfc.def"
};

#define ROWS(table, width) ((int)(sizeof(table) / sizeof *(table) / (width)))

/* Hangul syllables: a leading consonant, a vowel, and a trailing consonant or none. */
enum {
    SYLLABLE = 0xAC00,
    LEADING = 0x1100,
    VOWEL = 0x1161,
    TRAILING = 0x11A7, /* none; the first is behind it */
    LEADINGS = 19,
    VOWELS = 21,
    TRAILINGS = 28,
    SYLLABLES = LEADINGS * VOWELS * TRAILINGS,
};

/* The last row that begins at `code` or before; NULL: there is none. */
static const uint32_t *find_row(const uint32_t *table, int rows, int width, unsigned code)
{
    int low = -1;

    for (int high = rows; high - low > 1;) {
        const int middle = (low + high) / 2;

        if (table[middle * width] <= code)
            low = middle;
        else
            high = middle;
    }
    return low < 0 ? NULL : table + low * width;
}

static unsigned class_of(unsigned code)
{
    const uint32_t *row = find_row(classes, ROWS(classes, 3), 3, code);

    return row && code <= row[1] ? row[2] : 0;
}

/* What two characters become; 0: they stay two. */
static unsigned compose(unsigned first, unsigned second)
{
    int low = 0;

    if (first - LEADING < LEADINGS && second - VOWEL < VOWELS)
        return SYLLABLE + ((first - LEADING) * VOWELS + second - VOWEL) * TRAILINGS;
    if (first - SYLLABLE < SYLLABLES && (first - SYLLABLE) % TRAILINGS == 0 &&
        second - TRAILING - 1 < TRAILINGS - 1)
        return first + second - TRAILING;
    for (int high = ROWS(composed, 1); high - low > 1;) {
        const int middle = (low + high) / 2;
        const uint32_t *pair = pairs + 3 * composed[middle];

        if (pair[1] < first || (pair[1] == first && pair[2] <= second))
            low = middle;
        else
            high = middle;
    }
    const uint32_t *pair = pairs + 3 * composed[low];

    return pair[1] == first && pair[2] == second ? pair[0] : 0;
}

/* ---- Characters with their classes ----------------------------------------------------------- */

/* Each is class, place and code, 8, 32 and 21 bits, so that marks are sorted by class and place. */
struct marks {
    uint64_t *at;
    size_t count;
};

static unsigned code_at(const struct marks *marks, size_t i)
{
    return (unsigned)(marks->at[i] & 0x1FFFFF);
}

static unsigned class_at(const struct marks *marks, size_t i)
{
    return (unsigned)(marks->at[i] >> 53);
}

static void add_mark(struct marks *marks, unsigned code)
{
    marks->at[marks->count] = (uint64_t)class_of(code) << 53 |
                              (uint64_t)(uint32_t)marks->count << 21 | code;
    marks->count++;
}

/* Two characters for one at most by each mapping; the second of them is taken apart no more. */
static void take_apart(struct marks *marks, unsigned code)
{
    const uint32_t *single = find_row(singles, ROWS(singles, 2), 2, code);
    const uint32_t *pair = find_row(pairs, ROWS(pairs, 3), 3, code);
    const unsigned syllable = code - SYLLABLE;

    if (syllable < SYLLABLES) {
        add_mark(marks, LEADING + syllable / (VOWELS * TRAILINGS));
        add_mark(marks, VOWEL + syllable / TRAILINGS % VOWELS);
        if (syllable % TRAILINGS)
            add_mark(marks, TRAILING + syllable % TRAILINGS);
    } else if (single && *single == code) {
        take_apart(marks, single[1]);
    } else if (pair && *pair == code) {
        take_apart(marks, pair[1]);
        add_mark(marks, pair[2]);
    } else {
        add_mark(marks, code);
    }
}

static int by_class(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void sort_marks(struct marks *marks)
{
    for (size_t i = 0, end; i < marks->count; i = end) {
        for (end = i; end < marks->count && class_at(marks, end);)
            end++;
        if (end > i + 1)
            qsort(marks->at + i, end - i, sizeof *marks->at, by_class);
        end += end == i;
    }
}

/* Puts marks to the last character that is none, where no other mark of their class or a higher
   one stands between. */
static void put_together(struct marks *marks)
{
    size_t base = 0, count = 0;
    unsigned last = 0; /* class of the one before */
    bool based = false;

    for (size_t i = 0; i < marks->count; i++) {
        const unsigned class = class_at(marks, i);
        const unsigned one = based && (last < class || !last)
                                 ? compose(code_at(marks, base), code_at(marks, i))
                                 : 0;

        if (one) {
            marks->at[base] = one;
            continue;
        }
        if (!class)
            base = count, based = true;
        last = class;
        marks->at[count++] = marks->at[i];
    }
    marks->count = count;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Below U+0300 there is no mark, and nothing that stands for something else. */
static bool is_plain(struct net_slice text)
{
    const unsigned char *at = (const unsigned char *)text.at, *end = at + text.length;

    for (; at < end; at++)
        if (*at >= 0xCC)
            return false;
    return true;
}

struct net_slice net_nfc(struct net_slice text, struct net_scratch *scratch)
{
    const unsigned char *at = (const unsigned char *)text.at, *end = at + text.length;
    struct marks marks = {0};
    int length;

    if (is_plain(text))
        return text;
    /* a byte becomes two characters at most, a character of two or more bytes as many as these or
       four of three; and three bytes for one */
    net_scratch_fit(scratch, 2 * text.length * sizeof *marks.at + 3 * text.length + 1);
    marks.at = (uint64_t *)(void *)scratch->at;
    for (; at < end; at += length)
        take_apart(&marks, net_read_utf8(at, end, &length));
    sort_marks(&marks);
    put_together(&marks);
    char *const begin = scratch->at + 2 * text.length * sizeof *marks.at, *to = begin;

    for (size_t i = 0; i < marks.count; i++)
        to = net_put_utf8(to, code_at(&marks, i));
    return (struct net_slice){begin, (size_t)(to - begin)};
}
