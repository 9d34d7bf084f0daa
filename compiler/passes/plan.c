/*
 * plan.c -- phases between barriers, and one arena for all that a step writes.
 *
 * The one idea: kernels stay in their order; a barrier comes where a kernel touches what another
 * thread may still be writing, or writes what it may still be reading. Kernels that split their
 * work alike and touch only their own share need none. A buffer lives from the phase that first
 * writes it to the last that reads it, and two that are never alive together may share memory.
 *
 * Needs: kernels. Gives: their phases, the buffers' offsets, the size of the arena.
 */

#include "passes/passes.h"

#include <stdlib.h>
#include <string.h>

/* May `later` run beside `earlier`, thread by thread? */
static bool in_conflict(const Kernel *earlier, const Kernel *later)
{
    const bool alike = earlier->split == SPLIT_ROWS && later->split == SPLIT_ROWS &&
                       earlier->split_rows == later->split_rows;

    for (int i = 0; i < earlier->operand_count; i++)
        for (int j = 0; j < later->operand_count; j++) {
            const Access *a = &earlier->operands[i], *b = &later->operands[j];

            if (a->buffer == b->buffer && (a->written || b->written) &&
                !(alike && a->local && b->local))
                return true;
        }
    return false;
}

/* ---- Phases ---------------------------------------------------------------------------------- */

static void find_phases(Program *p)
{
    int begin = 0, phase = 0; /* of the phase: its first kernel */

    for (int i = 0; i < p->count; i++) {
        for (int j = begin; j < i; j++)
            if (in_conflict(p->kernels[j], p->kernels[i])) {
                begin = i;
                phase++;
                break;
            }
        p->kernels[i]->phase = phase;
        for (int j = 0; j < p->kernels[i]->sum_count; j++)
            p->kernels[i]->sums[j]->phase = phase;
    }
    p->phases = p->count ? phase + 1 : 0;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Each buffer lives from its first to its last use. */
static void find_lifetimes(Program *p)
{
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < p->kernels[i]->operand_count; j++) {
            Buffer *buffer = p->kernels[i]->operands[j].buffer;

            if (buffer->where != IN_ARENA)
                continue;
            if (buffer->first < 0) {
                buffer->first = p->kernels[i]->phase;
                APPEND(p->buffers, p->buffer_count, buffer);
            }
            buffer->last = p->kernels[i]->phase;
        }
}

static bool live_together(const Buffer *a, const Buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int larger_first(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;

    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->first != y->first ? x->first - y->first : x->last - y->last;
}

/* The lowest offset that is free while the buffer lives; large ones choose first. */
static void find_offsets(Program *p)
{
    Buffer **by_size = allocate((size_t)(p->buffer_count + 1) * sizeof *by_size);

    memcpy(by_size, p->buffers, (size_t)p->buffer_count * sizeof *by_size);
    /* a stable order: equal ones as they were first used */
    for (int i = 1; i < p->buffer_count; i++)
        for (int j = i; j > 0 && larger_first(&by_size[j - 1], &by_size[j]) > 0; j--) {
            Buffer *swap = by_size[j];

            by_size[j] = by_size[j - 1];
            by_size[j - 1] = swap;
        }
    for (int i = 0; i < p->buffer_count; i++) {
        Buffer *buffer = by_size[i];
        bool moved = true;

        for (buffer->offset = 0; moved;) {
            moved = false;
            for (int j = 0; j < i; j++) {
                const Buffer *other = by_size[j];

                if (live_together(buffer, other) && buffer->offset < other->offset + other->size &&
                    other->offset < buffer->offset + buffer->size) {
                    buffer->offset = other->offset + other->size;
                    moved = true;
                }
            }
        }
        if (buffer->offset + buffer->size > p->arena)
            p->arena = buffer->offset + buffer->size;
    }
}

void plan(Program *program)
{
    Buffer *result = root_of(program->graph->prediction)->physical->buffer;

    find_phases(program);
    find_lifetimes(program);
    if (result->where == IN_ARENA)
        result->last = program->phases - 1; /* the runtime reads it after the step */
    find_offsets(program);
    verify_plan(program);
}

/* ---- Checked again, the slow way ------------------------------------------------------------- */

static _Noreturn void fail_plan(const char *what, const char *a, const char *b)
{
    fprintf(stderr, "netc: internal error: memory plan: %s: %s, %s\n", what, a ? a : "?",
            b ? b : "?");
    abort();
}

static void check_alive(const Kernel *k)
{
    for (int i = 0; i < k->operand_count; i++) {
        const Buffer *buffer = k->operands[i].buffer;

        if (buffer->where == IN_ARENA && (k->phase < buffer->first || k->phase > buffer->last))
            fail_plan("used while not live", kernel_label(k), buffer->name);
    }
}

/* The parameter that a kernel leaves updated; NULL: none. */
static const Buffer *updated_by(const Kernel *k)
{
    const Node *update = k->kind == KERNEL_UPDATE ? k->node : k->update;

    return update ? update->inputs[0]->physical->buffer : NULL;
}

/* Nobody touches a parameter after its update. */
static void check_updates(const Program *p)
{
    for (int i = 0; i < p->count; i++)
        for (int j = i + 1; j < p->count && updated_by(p->kernels[i]); j++)
            for (int n = 0; n < p->kernels[j]->operand_count; n++)
                if (p->kernels[j]->operands[n].buffer == updated_by(p->kernels[i]))
                    fail_plan("used after its update", kernel_label(p->kernels[j]),
                              updated_by(p->kernels[i])->name);
}

void verify_plan(const Program *p)
{
    for (int i = 0; i < p->count; i++)
        check_alive(p->kernels[i]);
    check_updates(p);
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < i; j++)
            if (p->kernels[i]->phase == p->kernels[j]->phase &&
                in_conflict(p->kernels[j], p->kernels[i]))
                fail_plan("conflict without a barrier", kernel_label(p->kernels[j]),
                          kernel_label(p->kernels[i]));
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *a = p->buffers[i];

        if (a->offset % 64 != 0 || a->offset + a->size > p->arena)
            fail_plan("outside the arena", a->name, NULL);
        for (int phase = a->first; phase <= a->last; phase++)
            for (int j = 0; j < i; j++) {
                const Buffer *b = p->buffers[j];

                if (b->first <= phase && phase <= b->last && a->offset < b->offset + b->size &&
                    b->offset < a->offset + a->size)
                    fail_plan("overlap", a->name, b->name);
            }
    }
}

/* ---- Printing -------------------------------------------------------------------------------- */

void print_plan(FILE *out, const Program *p)
{
    fprintf(out, "%s: %d phases, arena %zu B\n", p->graph->name, p->phases, p->arena);
    for (int i = 0; i < p->count; i++)
        fprintf(out, "  phase %d  %s%s%s\n", p->kernels[i]->phase + 1, kernel_label(p->kernels[i]),
                p->kernels[i]->node->path ? "  " : "",
                p->kernels[i]->node->path ? p->kernels[i]->node->path : "");
    for (int i = 0; i < p->buffer_count; i++)
        fprintf(out, "  %10zu + %-10zu phases %d to %d  %s\n", p->buffers[i]->offset,
                p->buffers[i]->size, p->buffers[i]->first + 1, p->buffers[i]->last + 1,
                p->buffers[i]->name ? p->buffers[i]->name : "");
}

enum { COLUMNS = 64, LETTERS = 52 };

/* One row a phase, one column a part of the arena: a letter where a buffer of this picture lives, +
   where one of another does, a dot where none. */
static void draw_buffers(Text *out, const Program *p, int begin, int end)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const size_t step = p->arena / COLUMNS + 1;

    for (int phase = 0; phase < p->phases; phase++) {
        char row[COLUMNS + 1];
        bool lives = p->buffer_count <= LETTERS;

        memset(row, '.', COLUMNS);
        row[COLUMNS] = '\0';
        for (int i = 0; i < p->buffer_count; i++) {
            const Buffer *b = p->buffers[i];
            const bool drawn = i >= begin && i < end;

            if (b->first > phase || phase > b->last)
                continue;
            lives = lives || drawn;
            for (size_t at = b->offset / step; at * step < b->offset + b->size; at++)
                if (drawn || row[at] == '.')
                    row[at] = drawn ? letters[i - begin] : '+';
        }
        if (lives)
            text_add(out, " *     %-9s%3d  %s\n", phase == 0 ? p->graph->name : "", phase + 1, row);
    }
    text_add(out, " *\n");
    for (int i = begin; i < end; i++)
        text_add(out, " *       %c  %zu B  %s\n", letters[i - begin], p->buffers[i]->size,
                 p->buffers[i]->name ? p->buffers[i]->name : "");
}

/* A picture for as many buffers as there are letters, and what the letters mean. */
void draw_plan(Text *out, const Program *p)
{
    const int pictures = p->buffer_count > LETTERS ? up(p->buffer_count, LETTERS) : 1;

    for (int i = 0; i < pictures; i++) {
        const int end = (i + 1) * LETTERS;

        if (pictures > 1)
            text_add(out, "%s *     %s, picture %d of %d (+: a buffer of another)\n *\n",
                     i ? " *\n" : "", p->graph->name, i + 1, pictures);
        draw_buffers(out, p, i * LETTERS, end < p->buffer_count ? end : p->buffer_count);
    }
}
