/*
 * plan.c -- phases between barriers, and one arena for all that a step writes.
 *
 * The one idea: kernels stay in their order; a barrier comes where a kernel touches what another
 * thread may still be writing, or writes what it may still be reading. Kernels that split their
 * work alike and touch only their own share need none, until they have written so much that it
 * counts whether its memory is used again. A buffer lives from the phase that first
 * writes it to the last that reads it, and two that are never alive together may share memory.
 *
 * Needs: kernels. Gives: their phases, the buffers' offsets, the size of the arena.
 */

#include "passes/passes.h"

#include <stdlib.h>
#include <string.h>

/* ---- Who uses a buffer ----------------------------------------------------------------------- */

typedef struct Use {
    const Kernel *kernel;
    const Operand *operand;
} Use;

typedef struct Uses { /* of one buffer, in the order of the kernels */
    Use *at;
    int count;
} Uses;

/* By the index that it gives each buffer. */
static Uses *collect_uses(const Program *p, int *count)
{
    Uses *uses = NULL;

    *count = 0;
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < p->kernels[i]->operand_count; j++)
            p->kernels[i]->operands[j].buffer->index = -1;
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < p->kernels[i]->operand_count; j++) {
            const Operand *operand = &p->kernels[i]->operands[j];
            Uses *of;

            if (operand->buffer->index < 0) {
                operand->buffer->index = *count;
                APPEND(uses, *count, (Uses){0});
            }
            of = &uses[operand->buffer->index];
            APPEND(of->at, of->count, ((Use){p->kernels[i], operand}));
        }
    return uses;
}

/* May two uses of a buffer not stand in one phase? */
static bool in_conflict(const Use *a, const Use *b)
{
    const int rows = a->kernel->schedule.rows;
    const bool alike = rows > 0 && rows == b->kernel->schedule.rows;

    return a->kernel != b->kernel && (a->operand->written || b->operand->written) &&
           !(alike && a->operand->local && b->operand->local);
}

/* ---- Phases ---------------------------------------------------------------------------------- */

/* Is there a hazard between a kernel and one of its own phase? Of each buffer, the uses `before` it
   end with those of the phase. */
static bool has_hazard(const Kernel *k, const Uses *uses, const int *before)
{
    for (int i = 0; i < k->operand_count; i++) {
        const Operand *operand = &k->operands[i];
        const Uses *of = &uses[operand->buffer->index];
        const Use mine = {k, operand};

        for (int j = before[operand->buffer->index] - 1; j >= 0; j--) {
            if (of->at[j].kernel->phase != k->phase)
                break;
            if (in_conflict(&of->at[j], &mine))
                return true;
        }
    }
    return false;
}

/* Beside this much work a barrier is nothing, and memory is given back at barriers alone. */
enum { PHASE_BYTES = 8 << 20 };

/* Bytes of the arena that a kernel writes. */
static size_t written_bytes(const Kernel *k)
{
    size_t bytes = 0;

    for (int i = 0; i < k->operand_count; i++)
        if (k->operands[i].written && k->operands[i].buffer->where == IN_ARENA)
            bytes += k->operands[i].buffer->size;
    return bytes;
}

static void find_phases(Program *p)
{
    int phase = 0, count;
    size_t bytes = 0;
    const Uses *uses = collect_uses(p, &count);
    int *before = allocate((size_t)(count + 1) * sizeof *before);

    for (int i = 0; i < p->count; i++) {
        Kernel *k = p->kernels[i];

        k->phase = phase;
        if (has_hazard(k, uses, before) || bytes > PHASE_BYTES) {
            k->phase = ++phase;
            bytes = 0;
        }
        bytes += written_bytes(k);
        for (int j = 0; j < k->operand_count; j++)
            before[k->operands[j].buffer->index]++;
        for (int j = 0; j < k->sum_count; j++)
            k->sums[j]->phase = phase;
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

/* Equal ones as they were first used. */
static int larger_first(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;

    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->first != y->first ? x->first - y->first
           : x->last != y->last ? x->last - y->last
                                : x->index - y->index;
}

/* Puts a buffer into a list that is sorted by offset; returns its place. */
static int insert_by_offset(const Buffer **sorted, int count, const Buffer *buffer)
{
    int low = 0, high = count;

    while (low < high) {
        const int middle = (low + high) / 2;

        if (sorted[middle]->offset < buffer->offset)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(&sorted[low + 1], &sorted[low], (size_t)(count - low) * sizeof *sorted);
    sorted[low] = buffer;
    return low;
}

/* The lowest offset that is free while the buffer lives; `placed` is sorted by offset. */
static size_t find_offset(const Buffer *buffer, const Buffer *const *placed, int count)
{
    size_t offset = 0;

    for (int i = 0; i < count && placed[i]->offset < offset + buffer->size; i++)
        if (live_together(buffer, placed[i]) && placed[i]->offset + placed[i]->size > offset)
            offset = placed[i]->offset + placed[i]->size;
    return offset;
}

/* Large ones choose first. */
static void find_offsets(Program *p)
{
    const size_t bytes = (size_t)(p->buffer_count + 1) * sizeof(Buffer *);
    Buffer **by_size = allocate(bytes);
    const Buffer **placed = allocate(bytes);

    for (int i = 0; i < p->buffer_count; i++) {
        p->buffers[i]->index = i;
        by_size[i] = p->buffers[i];
    }
    qsort(by_size, (size_t)p->buffer_count, sizeof *by_size, larger_first);
    for (int i = 0; i < p->buffer_count; i++) {
        Buffer *buffer = by_size[i];

        buffer->offset = find_offset(buffer, placed, i);
        insert_by_offset(placed, i, buffer);
        if (buffer->offset + buffer->size > p->arena)
            p->arena = buffer->offset + buffer->size;
    }
}

/* The runtime reads it after the step. */
static void keep_to_the_end(const Program *program, Value *prediction)
{
    Buffer *result = root_of(prediction)->layout->buffer;

    if (result->where == IN_ARENA)
        result->last = program->phases - 1;
}

void plan(Program *program)
{
    const Graph *g = program->graph;

    find_phases(program);
    place_weight_forms(program);
    find_phases(program);
    find_lifetimes(program);
    keep_to_the_end(program, g->prediction);
    for (int i = 0; i < g->head_count; i++)
        keep_to_the_end(program, g->heads[i].value);
    find_offsets(program);
}

/* ---- Checked again: by the planner's own uses and conflicts ---------------------------------- */

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

static bool is_update_of(const Node *update, const Buffer *parameter)
{
    return update && update->inputs[0]->layout->buffer == parameter;
}

/* Does a kernel leave the parameter updated? */
static bool updates(const Kernel *k, const Buffer *parameter)
{
    return is_update_of(k->kind == KERNEL_UPDATE ? k->node : k->update, parameter) ||
           (k->bias && is_update_of(k->bias->update, parameter));
}

/* Does it read what an update has left? */
static bool is_updated(const Operand *operand)
{
    const Node *node = operand->value ? operand->value->node : NULL;

    return node && node->op == OP_UPDATE;
}

static void check_uses(const Uses *of)
{
    const Kernel *update = NULL; /* after it a parameter is read as what it left */

    for (int i = 0; i < of->count; i++) {
        const Use *use = &of->at[i];

        if (use->kernel != update && is_updated(use->operand) != (update != NULL))
            fail_plan("used after its update", kernel_label(use->kernel),
                      use->operand->buffer->name);
        if (updates(use->kernel, use->operand->buffer))
            update = use->kernel;
        for (int j = i - 1; j >= 0 && of->at[j].kernel->phase == use->kernel->phase; j--)
            if (in_conflict(&of->at[j], use))
                fail_plan("conflict without a barrier", kernel_label(of->at[j].kernel),
                          kernel_label(use->kernel));
    }
}

static int earlier_first(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;

    return x->first - y->first;
}

/* The buffers that live in a phase lie one behind another: each begins after the one before it
   has ended. */
static void check_overlaps(const Program *p)
{
    const size_t bytes = (size_t)(p->buffer_count + 1) * sizeof(Buffer *);
    const Buffer **by_first = allocate(bytes), **live = allocate(bytes);
    int next = 0, count = 0;

    if (p->buffer_count)
        memcpy(by_first, p->buffers, (size_t)p->buffer_count * sizeof *by_first);
    qsort(by_first, (size_t)p->buffer_count, sizeof *by_first, earlier_first);
    for (int phase = 0; phase < p->phases; phase++) {
        int left = 0;

        for (int i = 0; i < count; i++)
            if (live[i]->last >= phase)
                live[left++] = live[i];
        count = left;
        for (; next < p->buffer_count && by_first[next]->first == phase; next++) {
            const Buffer *b = by_first[next];
            const int at = insert_by_offset(live, count++, b);

            if (at > 0 && live[at - 1]->offset + live[at - 1]->size > b->offset)
                fail_plan("overlap", live[at - 1]->name, b->name);
            if (at + 1 < count && b->offset + b->size > live[at + 1]->offset)
                fail_plan("overlap", b->name, live[at + 1]->name);
        }
    }
}

void verify_plan(const Program *p)
{
    int count;
    const Uses *uses = collect_uses(p, &count);

    for (int i = 0; i < p->count; i++)
        check_alive(p->kernels[i]);
    for (int i = 0; i < count; i++)
        check_uses(&uses[i]);
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i]->offset % 64 != 0 ||
            p->buffers[i]->offset + p->buffers[i]->size > p->arena)
            fail_plan("outside the arena", p->buffers[i]->name, NULL);
    check_overlaps(p);
    for (int i = 0; i < p->buffer_count; i++)
        p->buffers[i]->index = i;
}

/* ---- Printing -------------------------------------------------------------------------------- */

void print_plan(FILE *out, const Program *p)
{
    fprintf(out, "%s: %d phases, arena %zu B\n", p->graph->name, p->phases, p->arena);
    for (int i = 0; i < p->count; i++)
        fprintf(out, "  phase %d  %s%s%s%s%s\n", p->kernels[i]->phase + 1,
                kernel_label(p->kernels[i]), p->kernels[i]->node->path ? "  " : "",
                p->kernels[i]->node->path ? p->kernels[i]->node->path : "",
                *constants_text(p->kernels[i]) ? " " : "", constants_text(p->kernels[i]));
    for (int i = 0; i < p->buffer_count; i++)
        fprintf(out, "  %10zu + %-10zu phases %d to %d  %s\n", p->buffers[i]->offset,
                p->buffers[i]->size, p->buffers[i]->first + 1, p->buffers[i]->last + 1,
                p->buffers[i]->name ? p->buffers[i]->name : "");
}
