/*
 * memory_picture.c -- the arena of a step, drawn above it: when each of its views lives, and where.
 */

#include "emit/emit.h"

#include <string.h>

enum { COLUMNS = 64, LETTERS = 52, MAX_PICTURES = 4 };

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* One row a phase, one column a part of the arena: a letter where a buffer of this picture lives, +
   where one of another does, a dot where none. */
static void draw_buffers(Text *out, const Program *p, int begin, int end)
{
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
            line(out, 0, "%3d  %s", phase + 1, row);
    }
}

/* "a relu_1, b batchnorm_1_mean, ..." */
static void write_legend(const Emitter *e, Text *out, int begin, int end)
{
    Wrap wrap = {.text = out, .column = 4, .indent = 5};

    text_add(out, "     ");
    for (int i = begin; i < end; i++)
        if (e->view_of[i] >= 0)
            wrap_item(&wrap, format("%c %s", letters[i - begin], e->views[e->view_of[i]].name));
    text_add(out, "\n");
}

/* A picture for as many buffers as there are letters, and what the letters mean. Of very many
   buffers, none that a person could read. */
void draw_memory(const Emitter *e, Text *out)
{
    const Program *p = e->program;
    const int pictures = p->buffer_count > LETTERS ? divide_up(p->buffer_count, LETTERS) : 1;

    if (pictures > MAX_PICTURES) {
        line(out, 0, "/* %d buffers in %d phases; `netc --dump=plan` lists them */",
             p->buffer_count, p->phases);
        return;
    }
    line(out, 0,
         "/* Memory: a column is %zu B of the arena, a row a phase, numbered at its barrier%s.",
         p->arena / COLUMNS + 1, pictures > 1 ? "; + where another picture has a letter" : "");
    for (int i = 0; i < pictures; i++) {
        const int end = (i + 1) * LETTERS < p->buffer_count ? (i + 1) * LETTERS : p->buffer_count;

        text_add(out, "\n");
        draw_buffers(out, p, i * LETTERS, end);
        write_legend(e, out, i * LETTERS, end);
    }
    line(out, 0, "*/");
}
