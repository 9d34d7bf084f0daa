/*
 * pictures.c -- what the source `images`, its masks and the transform `image` ask for.
 */

#include <string.h>

#include "semantics/pictures.h"

bool has_masks(const Call *source)
{
    const Constant *masks = argument(source, "masks");

    return masks && masks->kind == CONSTANT_STRING;
}

bool is_mask(const Call *source, const char *field)
{
    return source && same(source->name, "images") && same(field, "mask");
}

Shape picture_shape(const Call *source)
{
    const Constant *size = argument(source, "size");
    const bool pair = size->kind == CONSTANT_LIST;
    const int channels = same(argument(source, "colors")->text, "grey") ? 1 : 3;
    const double height = pair ? size->items[0].number : size->number;
    const double width = pair ? size->items[1].number : size->number;

    return (Shape){.rank = 3, .size = {channels, (int)height, (int)width}};
}

static int count_wildcards(const char *pattern)
{
    int count = 0;

    for (; *pattern; pattern++)
        count += *pattern == '*' || *pattern == '?';
    return count;
}

/* A picture's mask is found by what the wildcards stand for in its path. */
static bool check_masks(Sema *s, const Call *source)
{
    const char *file = argument(source, "file")->text;
    const Constant *masks = argument(source, "masks");
    const int wildcards = count_wildcards(file);
    const int own = has_masks(source) ? count_wildcards(masks->text) : 0;

    if (!has_masks(source) || (own > 0 && own <= wildcards) || own == wildcards)
        return true;
    if (report(s, masks->span,
               own ? "the masks have more wildcards than the pictures of \"%s\""
                   : "every picture of \"%s\" would have one mask",
               file))
        note(s->source, "a * stands for what it stands for in the picture's path: "
                        "images(\"photos/*.jpg\", masks=\"masks/*.png\")");
    return false;
}

/* The words and sizes that `images` and `image` share. */
static bool check_pixels(Sema *s, const Call *call)
{
    enum { MOST = 4096 };
    static const char *const colors[] = {"rgb", "grey"};

    if (!check_word(s, call, "colors", colors, COUNT(colors)))
        return false;
    const Shape shape = picture_shape(call);

    if (shape.size[1] <= MOST && shape.size[2] <= MOST)
        return true;
    report(s, argument(call, "size")->span, "%s makes pictures of at most %d x %d pixels",
           call->name, MOST, MOST);
    return false;
}

bool check_picture(Sema *s, const Call *source)
{
    return !same(source->name, "images") || (check_masks(s, source) && check_pixels(s, source));
}

const Call *image_of(const Field *field)
{
    return field->step_count && same(field->steps[0]->name, "image") ? field->steps[0] : NULL;
}

static void check_step(Sema *s, const Field *field, int i)
{
    const Call *step = field->steps[i];
    const Constant *file = argument(step, "file");

    if (i > 0) {
        report(s, step->span, "image reads the files that a column names: it comes first");
    } else if (!field->columns || field->column_total != 1) {
        if (report(s, step->span, "image reads one column of csv or jsonl, with names of files"))
            note(s->source, "pictures without a table are images(\"photos/*/*.jpg\", size=64)");
    } else if (!strchr(file->text, '*') || count_wildcards(file->text) != 1) {
        if (report(s, file->span, "the name in a cell stands for one * of the file's path"))
            note(s->source, "such as image(\"photos/*.jpg\", size=64), or image(size=64)");
    } else {
        check_pixels(s, step);
    }
}

void check_image_steps(Sema *s, const Field *field)
{
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "image"))
            check_step(s, field, i);
}

bool reads_pictures(const Model *model)
{
    bool reads = false;

    for (int i = 0; i < PARTS; i++)
        reads |= model->parts[i] && same(model->parts[i]->name, "images");
    for (int i = 0; i < model->field_count; i++)
        reads |= image_of(model->fields[i]) != NULL;
    return reads;
}
