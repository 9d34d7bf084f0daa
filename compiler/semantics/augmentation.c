/*
 * augmentation.c -- `augment image = pad(4) -> random_crop(32, 32) -> random_flip`: what is done to
 * pictures in training only, normalize excepted.
 *
 * One idea: shapes are followed through the steps here, so that a picture always leaves them in the
 * shape that the network was compiled for; fields made from the same picture follow its moves, but
 * for those that have an `augment` of their own, whose draws are their own: two views of it.
 */

#include "semantics/pictures.h"

static bool is_geometric(const Call *step)
{
    return !same(step->name, "normalize") && !same(step->name, "random_erase") &&
           !same(step->name, "color_jitter");
}

/* Does it cut out a part of the size that it says? */
static bool is_crop(const Call *step)
{
    return same(step->name, "random_crop") || same(step->name, "random_resized_crop");
}

/* From the least to the most; where nothing is given, torchvision's. False after an error. */
static bool check_range(Sema *s, Call *step, const char *name, double least, double most)
{
    for (int i = 0; i < step->count; i++) {
        Constant *value = &step->arguments[i].value;

        if (!same(step->arguments[i].name, name))
            continue;
        if (value->kind == CONSTANT_NONE) {
            value->kind = CONSTANT_LIST;
            value->count = 2;
            value->items = allocate(2 * sizeof *value->items);
            value->items[0] = (Constant){.kind = CONSTANT_NUMBER, .number = least};
            value->items[1] = (Constant){.kind = CONSTANT_NUMBER, .number = most};
        }
        if (!step->arguments[i].given || (value->kind == CONSTANT_LIST && value->count == 2 &&
                                          value->items[0].number <= value->items[1].number))
            continue;
        report(s, value->span, "%s goes from the least to the most: `%s=[%.3g, %.3g]`", name, name,
               least, most);
        return false;
    }
    return true;
}

/* What its ranges are, and a share of the sides. */
static bool check_step(Sema *s, Call *step)
{
    const bool cuts = same(step->name, "random_resized_crop");
    const Constant *far = argument(step, "translate"), *scale = argument(step, "scale");
    const int count = far && far->kind == CONSTANT_LIST ? far->count : 0;

    for (int i = 0; far && i < (count ? count : 1); i++) {
        const double share = count ? far->items[i].number : far->number;

        if (share >= 0 && share <= 1 && count <= 2)
            continue;
        report(s, far->span, "translate is a share of the height and of the width, 0 to 1 each");
        return false;
    }
    if (!check_range(s, step, "scale", cuts ? 0.08 : 0.8, cuts ? 1 : 1.2) ||
        !check_range(s, step, "ratio", 3.0 / 4, 4.0 / 3))
        return false;
    if (!cuts || scale->items[1].number <= 1)
        return true;
    report(s, scale->span, "scale of random_resized_crop is a share of the area, at most 1");
    return false;
}

/* Size `i` (0: height, 1: width) of a parameter that takes one for both, or a pair. */
static int size_of(const Constant *sizes, int i)
{
    return (int)(sizes->kind == CONSTANT_LIST ? sizes->items[i].number : sizes->number);
}

static Call *analyze_stage(Sema *s, const Ast *stage)
{
    const Signature *signature = stage->text ? find_signature(stage->text, KIND_AUGMENTATION)
                                             : NULL;

    if (stage->kind != AST_NAME && stage->kind != AST_CALL) {
        report(s, stage->span, "an augmentation is a chain of names and calls");
        return NULL;
    }
    if (!signature) {
        unknown(s, stage->text, stage->name_span, KIND_AUGMENTATION, true);
        return NULL;
    }
    const PartialCall *f = new_function(signature, NULL, stage->name_span);
    Call *step = finish_call(s, bind(s, f, stage->arguments, stage->span));

    return step && check_step(s, step) ? step : NULL;
}

/* The picture's height and width after a step. */
static bool follow_shape(Sema *s, const Call *step, double size[2])
{
    const int crop[2] = {(int)number(step, "height"), (int)number(step, "width")};

    for (int i = 0; i < 2; i++) {
        if (same(step->name, "pad"))
            size[i] += 2.0 * size_of(argument(step, "padding"), i);
        else if (same(step->name, "random_crop") && crop[i] > size[i]) {
            report(s, step->span, "random_crop(%d, %d) of a picture of %.0f x %.0f", crop[0],
                   crop[1], size[0], size[1]);
            return false;
        }
        if (size[i] > 1 << 20) {
            report(s, step->span, "the padded picture is %.0f wide", size[i]);
            return false;
        }
    }
    for (int i = 0; i < 2 && is_crop(step); i++)
        size[i] = crop[i];
    return true;
}

static bool check_shape(Sema *s, const Field *field, Call *const *steps, int count, Span span)
{
    const int *shape = field->shape.size;
    double size[2] = {shape[1], shape[2]};

    for (int i = 0; i < count; i++)
        if (!follow_shape(s, steps[i], size))
            return false;
    if (size[0] == shape[1] && size[1] == shape[2])
        return true;
    if (report(s, span, "the augmented picture is %.0f x %.0f, `%s` is %d x %d", size[0], size[1],
               field->name, shape[1], shape[2]))
        note(s->source, "end with random_crop(%d, %d), or random_resized_crop", shape[1], shape[2]);
    return false;
}

static bool is_moved(const Field *field)
{
    for (int i = 0; i < field->augment_count; i++)
        if (is_geometric(field->augments[i]))
            return true;
    return false;
}

static void follow(Field *other, const Field *field)
{
    for (int i = 0; i < field->augment_count; i++)
        if (is_geometric(field->augments[i]))
            APPEND(other->augments, other->augment_count, field->augments[i]);
}

/* Are they made from the same picture, or from one and its mask? */
static bool are_alike(const Sema *s, const Field *other, const Field *field)
{
    const Call *source = s->model->parts[PART_TRAIN];
    const char *a = other->source_field, *b = field->source_field;

    if (!a || !b)
        return false;
    return same(a, b) || (is_mask(source, a) && same(b, "image")) ||
           (is_mask(source, b) && same(a, "image"));
}

/* A field made from the same picture moves with it. */
static void move_same(Sema *s, Field *other, Field *field, Span span)
{
    const bool masked = !same(other->source_field, field->source_field);

    if (!is_moved(field))
        return;
    if (other->shape.rank != 3 || other->shape.size[1] != field->shape.size[1] ||
        other->shape.size[2] != field->shape.size[2]) {
        if (report(s, span,
                   "`%s` is made from the same picture, and its shape is %s: it cannot "
                   "follow the moves of `%s`",
                   other->name, shape_text(other->shape), field->name))
            note_at(s->source, other->span,
                    masked ? "write [1, %d, %d] here" : "give it %d x %d pixels here",
                    field->shape.size[1], field->shape.size[2]);
        return;
    }
    other->moved_with = field;
    follow(other, field);
}

/* A class at each pixel belongs to a picture of as many pixels. */
static void move_classes(Sema *s, Field *map, Field *field, Span span)
{
    const int *size = field->shape.size;

    if (map->moved_with && are_alike(s, map->moved_with, field))
        return; /* two views of a picture */
    if (map->moved_with) {
        report(s, span, "the classes of `%s` move with `%s`, and cannot follow `%s` too", map->name,
               map->moved_with->name, field->name);
    } else if (map->shape.size[0] != size[1] || map->shape.size[1] != size[2]) {
        if (report(s, span, "`%s` moves, and the classes of `%s`, %s, cannot follow", field->name,
                   map->name, shape_text(map->shape)))
            note_at(s->source, map->span, "give it %d x %d pixels here", size[1], size[2]);
    } else {
        map->moved_with = field;
        follow(map, field);
    }
}

/* Those without an `augment`; the first that moves is followed. */
static void follow_all(Sema *s, Field *field, Span span)
{
    for (int i = 0; i < s->globals.count; i++) {
        const Object object = s->globals.items[i].value;
        Field *other = object.kind == OBJECT_TENSOR ? object.layer->field : NULL;

        if (other && other->is_class && other->shape.rank == 2 && is_moved(field)) {
            move_classes(s, other, field, span);
        } else if (other && !other->augments && are_alike(s, other, field)) {
            move_same(s, other, field, span);
        }
    }
}

static bool is_other_view(const Field *view, const Field *picture)
{
    return is_moved(view) && !view->moved_with && picture->source_field &&
           same(view->source_field, picture->source_field) &&
           view->shape.size[1] == picture->shape.size[1] &&
           view->shape.size[2] == picture->shape.size[2];
}

/* A field whose picture is not among the model's follows the first other view of it that is, or
   stays where it is. */
void follow_used(const Model *model, Field *other)
{
    const Field *picture = other->moved_with;
    Field *used = NULL;

    if (!picture)
        return;
    for (int i = model->field_count - 1; i >= 0; i--) {
        if (model->fields[i] == picture)
            return;
        if (is_other_view(model->fields[i], picture))
            used = model->fields[i];
    }
    other->moved_with = used;
    other->augment_count = 0;
    if (used)
        follow(other, used);
}

/* The input that is augmented, or NULL after an error. */
static Field *find_picture(Sema *s, const Ast *ast)
{
    const Name *name = find_name(&s->globals, ast->text);
    Field *field = name && name->value.kind == OBJECT_TENSOR ? name->value.layer->field : NULL;

    if (!field) {
        if (report(s, ast->name_span, "there is no input `%s`", ast->text))
            note(s->source, "`augment NAME = ...` names an input of this section");
    } else if (field->is_target) {
        if (report(s, ast->name_span, "`%s` is a target; inputs are augmented", ast->text))
            note(s->source, "a target that is made from the same picture moves with it");
    } else if (field->augments) {
        if (report(s, ast->name_span, "`%s` is augmented already", ast->text))
            note(s->source, "one chain a picture; fields from the same picture that have none "
                            "follow it");
    } else if (field->shape.rank != 3) {
        if (field->has_shape && report(s, ast->name_span, "pictures are augmented; `%s` is %s",
                                       ast->text, shape_text(field->shape)))
            note_at(s->source, field->span, "a picture is [channels, height, width]");
    } else {
        return field;
    }
    return NULL;
}

/* The input that has it now, or NULL after an error. */
static Field *analyze_augment(Sema *s, const Ast *ast)
{
    const Ast *value = ast->first;
    const AstList stages = value->children;
    const bool pipe = value->kind == AST_PIPE;
    Field *field = find_picture(s, ast);
    Call **steps = NULL;
    int count = 0;
    bool right = true;

    for (int i = 0; i < (pipe ? stages.count : 1); i++) {
        const Ast *stage = pipe ? stages.items[i] : value;
        if (i == 0 && stage->kind == AST_NAME && same(stage->text, ast->text))
            continue; /* the picture's own name may begin the chain */
        Call *step = analyze_stage(s, stage);
        if (step)
            APPEND(steps, count, step);
        right &= step != NULL;
    }
    if (!field || !right)
        return NULL;
    if (count == 0) {
        if (report(s, value->span, "nothing is done to `%s`", ast->text))
            note(s->source, "such as `augment %s = pad(4) -> random_crop(%d, %d) -> random_flip`",
                 ast->text, field->shape.size[1], field->shape.size[2]);
        return NULL;
    }
    for (int i = 0; i < count; i++)
        if (same(steps[i]->name, "normalize"))
            check_normalize(s, field, steps[i]);
    if (!check_shape(s, field, steps, count, value->span))
        return NULL;
    field->augments = steps;
    field->augment_count = count;
    return field;
}

void analyze_augments(Sema *s, AstList items)
{
    Field **own = allocate((size_t)(items.count + 1) * sizeof *own);

    for (int i = 0; i < items.count; i++)
        if (items.items[i]->kind == AST_AUGMENT)
            own[i] = analyze_augment(s, items.items[i]);
    for (int i = 0; i < items.count; i++)
        if (own[i])
            follow_all(s, own[i], items.items[i]->name_span);
}
