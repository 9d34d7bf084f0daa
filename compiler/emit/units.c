/*
 * units.c -- the generated C as one file, or cut into units that clang compiles side by side.
 *
 * The one idea: a function costs clang about as much as another, whatever it computes, so units
 * are even that have as many functions. A tile is compiled by each unit that calls it; kernels that
 * share tiles go together, where that costs less.
 *
 * Needs: finished functions. Gives: the text of each unit.
 */

#include "emit/emit.h"

#include <string.h>

/* ---- Which kernel is whose ------------------------------------------------------------------- */

/* Tiles that a function calls, by their numbers. */
typedef struct Calls {
    int *at, count;
} Calls;

static bool is_called(const Calls *calls, int tile)
{
    for (int i = 0; i < calls->count; i++)
        if (calls->at[i] == tile)
            return true;
    return false;
}

/* All that function `caller` calls, and what those call. */
static void find_calls(Calls *calls, const Code *code, const Table *tiles, int caller)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    char word[128];

    for (const char *at = code->functions[caller].text; *at;) {
        const size_t length = strspn(at, letters);
        int tile = -1;

        if (length > 0 && length < sizeof word) {
            memcpy(word, at, length);
            word[length] = '\0';
            tile = table_find(tiles, word);
        }
        if (tile >= 0 && tile != caller && !is_called(calls, tile)) {
            APPEND(calls->at, calls->count, tile);
            find_calls(calls, code, tiles, tile);
        }
        at += length > 0 ? length : 1;
    }
}

/* What a kernel adds to a unit: itself, and the tiles that are not there yet. */
static int added_by(const Calls *calls, const bool *there)
{
    int count = 1;

    for (int i = 0; i < calls->count; i++)
        count += !there[calls->at[i]];
    return count;
}

typedef struct Unit {
    bool *there; /* by number of the tile */
    int functions;
} Unit;

/* The unit that is smallest with a kernel; of equal ones that which the kernel adds least to. */
static int choose_unit(Unit *units, int count, const Calls *calls)
{
    int best = 0, best_added = added_by(calls, units[0].there);

    for (int i = 1; i < count; i++) {
        const int added = added_by(calls, units[i].there);
        const int more = units[i].functions + added - units[best].functions - best_added;

        if (more < 0 || (more == 0 && added < best_added))
            best = i, best_added = added;
    }
    units[best].functions += best_added;
    for (int i = 0; i < calls->count; i++)
        units[best].there[calls->at[i]] = true;
    return best;
}

/* Each takes clang a twentieth of a second to begin with. */
int count_units(const Code *code, int cores)
{
    enum { LEAST = 4 }; /* kernels of a unit */
    int kernels = 0, units;

    for (int i = 0; i < code->function_count; i++)
        kernels += code->functions[i].section == KERNELS;
    units = kernels / LEAST < cores ? kernels / LEAST : cores;
    return units < 1 ? 1 : units;
}

void cut_into_units(Code *code, int count)
{
    enum { CALLS = 32 }; /* of a step that take clang as long as a function */
    Unit *units = allocate((size_t)count * sizeof *units);
    Calls *calls = allocate((size_t)code->function_count * sizeof *calls);
    Table tiles = {0};
    int most = 0;

    for (int i = 0; i < code->function_count; i++)
        if (code->functions[i].section == TILES)
            table_set(&tiles, code->functions[i].name, i);
    for (int i = 0; i < code->function_count; i++)
        if (code->functions[i].section == KERNELS) {
            find_calls(&calls[i], code, &tiles, i);
            most = calls[i].count > most ? calls[i].count : most;
        }
    for (int i = 0; i < count; i++)
        units[i].there = allocate((size_t)code->function_count * sizeof *units[i].there);
    units[0].functions = 2 + code->function_count / CALLS; /* the steps */
    for (; most >= 0; most--)                              /* the largest first */
        for (int i = 0; i < code->function_count; i++)
            if (code->functions[i].section == KERNELS && calls[i].count == most)
                code->functions[i].unit = choose_unit(units, count, &calls[i]);
}

/* ---- Text ------------------------------------------------------------------------------------ */

const char *section_rule(const char *title)
{
    return format("/* ---- %s %.*s */\n\n", title, (int)(88 - strlen(title)),
                  "---------------------------------------------------------------------------"
                  "-----------------------");
}

/* The declaration of a kernel that another unit defines. */
static void write_prototype(Text *out, const Function *f)
{
    const char *begin = strstr(f->text, "NET_KERNEL "), *end = strstr(begin, "NET_RUN)") + 8;

    text_add(out, "%.*s;\n", (int)(end - begin), begin);
}

/* The functions of a section, those of one line below each other; of kernels those of this unit. */
static void write_section(Text *out, const Code *code, Section section, int unit)
{
    static const char *const titles[SECTIONS] = {
        [EPILOGUES] = "Epilogues: elementwise operations on a vector in registers",
        [TILES] =
            "Tiles: sums in registers, of rows of images by vectors of outputs, then the epilogue",
        [KERNELS] = "Kernels: each thread takes its share of the items"};
    bool written = false, short_before = false;

    for (int i = 0; i < code->function_count; i++) {
        const Function *f = &code->functions[i];
        const bool is_short = !strchr(f->text, '\n')[1],
                   is_here = section != KERNELS || f->unit == unit;

        if (f->section != section || (!is_here && unit != 0))
            continue;
        text_add(out, "%s",
                 !written                   ? section_rule(titles[section])
                 : short_before && is_short ? ""
                                            : "\n");
        if (is_here)
            text_add(out, "%s", f->text);
        else
            write_prototype(out, f);
        written = true, short_before = is_short;
    }
    text_add(out, "%s", written ? "\n" : "");
}

void write_unit(Text *out, const Code *code, int unit)
{
    text_add(out, "%s", code->head);
    for (Section i = 0; i < SECTIONS; i++)
        write_section(out, code, i, unit);
    if (unit == 0)
        text_add(out, "%s%s", code->network, code->tables ? code->tables : "");
}
