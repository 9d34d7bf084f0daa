/*
 * data_section.c -- the data section: parts, fields and their transforms.
 *
 * One idea: a field's shape is settled here, from `[..]`, a transform or the source, so that the
 * network can be compiled before any data were seen.
 */

#include <string.h>

#include "semantics/pictures.h"

static const char *const part_names[PARTS] = {
#define PART(name) #name,
#include "language.def"
};

typedef struct Data {
    const Ast *parts[PARTS]; /* where each was given, or NULL */
    bool known[PARTS];       /* its fields can be looked up */
    bool misspelt;           /* a part has an unknown name: `train` may be that one */
    Field **fields;
    int field_count;
} Data;

/* ---- Parts ----------------------------------------------------------------------------------- */

static bool is_split(const Call *call)
{
    return find_signature(call->name, KIND_SPLIT) != NULL;
}

/* With the split or the source that was meant. */
static void refuse_source(Sema *s, const Ast *ast, Object object)
{
    const bool whole = same(ast->text, "train");
    const char *source = object.text ? source_of_file(object.text) : NULL;

    if (!report(s, object.span, "`%s` must be a source of data%s; this is %s", ast->text,
                whole ? "" : " or a split", describe(object)))
        return;
    if (source)
        note(s->source, "write `%s = %s`", ast->text, source);
    else if (object.kind == OBJECT_NUMBER && !whole && object.number > 0 && object.number < 1)
        note(s->source, "write `%s = holdout(%.10g)`, a share of the rows of `train`", ast->text,
             object.number);
    else if (object.kind == OBJECT_NUMBER && !whole)
        note(s->source, "a share of the rows of `train` is such as `%s = holdout(0.2)`", ast->text);
    else
        note(s->source, "such as idx(image=\"...\", label=\"...\"), or digits");
}

/* A decimal comma parts no cells. */
static bool check_separators(Sema *s, const Call *call)
{
    const Constant *decimal = argument(call, "decimal");
    const Constant *separator = argument(call, "separator");

    if (!decimal || !decimal->text || !same(decimal->text, ",") ||
        (separator->text && !same(separator->text, ",")))
        return true;
    if (report(s, call->span, "a comma cannot stand between cells and inside numbers"))
        note(s->source, "where numbers are 3,14 cells are parted otherwise: separator=\";\"");
    return false;
}

static Call *evaluate_part(Sema *s, const Ast *ast, Part part)
{
    int count;

    if (ast->first->kind == AST_NAME && strchr(ast->first->text, '.')) {
        refuse_source(
            s, ast,
            (Object){.kind = OBJECT_NAME, .text = ast->first->text, .span = ast->first->span});
        return NULL;
    }
    Object object = evaluate_with(s, ast->first, KIND_SOURCE | KIND_SPLIT);

    if (object.kind == OBJECT_ERROR)
        return NULL;
    if (object.kind != OBJECT_FUNCTION ||
        !(object.function->signature &&
          object.function->signature->kind & (KIND_SOURCE | KIND_SPLIT))) {
        refuse_source(s, ast, object);
        return NULL;
    }
    Call *call = finish_call(s, object.function);
    if (!call)
        return NULL;
    if (part == PART_TRAIN && is_split(call)) {
        if (report(s, call->span, "`train` must be a source of data, not a split"))
            note(s->source, "a split is taken from it: `%s = %s(...)`",
                 same(call->name, "kfold") ? "validation" : "test", call->name);
        return NULL;
    }
    if (same(call->name, "kfold") && part == PART_TEST) {
        if (report(s, call->span, "`test` cannot be kfold: all folds have the same test rows"))
            note(s->source, "`test = holdout(0.2)`, and `validation = kfold(%.0f)` of what is left",
                 number(call, "k"));
        return NULL;
    }
    if (same(call->name, "kfold") && number(call, "k") < 2) {
        report(s, call->span, "kfold wants 2 folds or more");
        return NULL;
    }
    if (!check_separators(s, call) || !check_picture(s, call))
        return NULL;
    if (names_files(call)) {
        source_fields(call, &count);
        if (count == 0) {
            if (report(s, call->span, "%s names no file", call->name))
                note(s->source, "%s", signature_text(object.function->signature));
            return NULL;
        }
    }
    return call;
}

static void analyze_part(Sema *s, Data *data, const Ast *ast)
{
    Part part = PART_TRAIN;

    while (part < PARTS && !same(part_names[part], ast->text))
        part++;
    if (part == PARTS) {
        data->misspelt = true;
        if (!report(s, ast->name_span, "the data section has no part `%s`", ast->text))
            return;
        const char *here = part_elsewhere(ast->text);
        const char *near = here ? here : net_nearest(ast->text, part_names, PARTS);
        if (is_train_key(ast->text))
            note(s->source, "it is a key of the train section");
        else if (here)
            note(s->source, "its name here is `%s`", here);
        else if (near)
            note(s->source, "did you mean `%s`?", near);
        else
            note(s->source, "parts are `train`, `validation` and `test`; fields begin with `input` "
                            "or `target`");
        return;
    }
    if (data->parts[part]) {
        if (report(s, ast->name_span, "`%s` is given twice", ast->text))
            note_at(s->source, data->parts[part]->name_span, "it was first given here");
        return;
    }
    data->parts[part] = ast;
    s->model->parts[part] = evaluate_part(s, ast, part);
    data->known[part] = s->model->parts[part] && !is_split(s->model->parts[part]);
}

/* ---- Fields ---------------------------------------------------------------------------------- */

/* The field must be in every part that is a source of its own. */
static bool check_source_field(Sema *s, const Data *data, const Ast *name)
{
    for (Part part = PART_TRAIN; part < PARTS; part++) {
        int count;
        bool found = false;
        if (!data->known[part] || is_archive(s->model->parts[part]))
            continue; /* what an archive holds is seen when it is opened */
        const char **names = source_fields(s->model->parts[part], &count);
        for (int i = 0; i < count; i++)
            found |= same(names[i], name->text);
        if (found)
            continue;
        if (!report(s, name->span, "`%s` has no field `%s`", part_names[part], name->text))
            return false;
        const char *near = net_nearest(name->text, names, count);
        if (is_mask(s->model->parts[part], name->text))
            note_at(s->source, data->parts[part]->first->span,
                    "images has masks where it names them: masks=\"masks/*.png\"");
        else if (near)
            note(s->source, "did you mean `%s`?", near);
        else if (part == PART_TRAIN && count > 0)
            note_at(s->source, data->parts[part]->first->span, "%s gives %s%s%s",
                    s->model->parts[part]->name, names[0], count > 1 ? ", " : "",
                    count > 1 ? names[1] : "");
        else
            note_at(s->source, data->parts[part]->first->span, "every part must have it");
        return false;
    }
    return true;
}

/* column(..) chooses from tables alone, and a plain name from anything else. */
static bool check_kind(Sema *s, const Data *data, const Ast *origin)
{
    for (Part part = PART_TRAIN; part < PARTS; part++) {
        const Call *source = s->model->parts[part];
        if (!data->known[part] || is_table(source) == (origin->kind == AST_CALL))
            continue;
        if (origin->kind == AST_CALL) {
            if (report(s, origin->name_span, "`%s` chooses from csv and jsonl", origin->text))
                note_at(s->source, data->parts[part]->first->span, "`%s` is %s", part_names[part],
                        source->name);
        } else if (report(s, origin->span, "`%s` is %s: a table of columns", part_names[part],
                          source->name)) {
            note(s->source, "did you mean column(\"%s\")?", origin->text);
        }
        return false;
    }
    return true;
}

/* `normal`, where no source is known to have a field of that name. */
static bool is_drawn(const Call *source, const Ast *origin)
{
    const char **names;
    int count = 0;

    if (origin->kind != AST_NAME || !same(origin->text, "normal"))
        return false;
    if (!source || is_table(source) || is_archive(source))
        return true;
    names = source_fields(source, &count);
    for (int i = 0; i < count; i++)
        if (same(names[i], origin->text))
            return false;
    return true;
}

/* An input of N(0, 1), of the shape that it says. */
static void analyze_drawn(Sema *s, Field *field, const Ast *value)
{
    field->is_drawn = true;
    field->source_field = "normal";
    if (value->kind == AST_PIPE)
        report(s, value->children.items[1]->span, "what is drawn takes no transforms");
    if (field->is_target)
        report(s, value->span, "a target is not drawn: `input %s[..] = normal`", field->name);
    else if (!field->has_shape &&
             report(s, field->span, "the shape of `%s` is not known", field->name))
        note(s->source, "write how many numbers are drawn: `input %s[100] = normal`", field->name);
    if (!field->has_shape)
        field->shape = (Shape){.rank = 1, .size = {1}};
    field->has_shape = true;
}

/* What a field's value begins with: where it comes from. */
static void analyze_origin(Sema *s, const Data *data, Field *field, const Ast *origin)
{
    const Call *source = data->known[PART_TRAIN] ? s->model->parts[PART_TRAIN] : NULL;

    if (origin->kind == AST_NAME) {
        if (check_kind(s, data, origin) && check_source_field(s, data, origin))
            field->source_field = origin->text;
        if (field->source_field && is_class_name(source, field->source_field)) {
            const Constant column = {.kind = CONSTANT_STRING, .text = origin->text};

            APPEND(field->columns, field->column_count, column);
            field->column_total = 1;
        }
    } else if (origin->kind == AST_CALL &&
               (same(origin->text, "column") || same(origin->text, "columns"))) {
        if (check_kind(s, data, origin))
            analyze_columns(s, field, source, origin);
    } else if (report(s, origin->span, "a field begins with a name from the source")) {
        note(s->source, "such as `%s %s = image -> scale(1/255)`", field_word(field), field->name);
    }
}

/* The sizes in brackets; false after an error. */
static bool declare_shape(Sema *s, Field *field, AstList sizes)
{
    bool right = true;

    if (sizes.count > MAX_RANK - 1) {
        if (report(s, sizes.items[MAX_RANK - 1]->span, "a field has up to %d sizes", MAX_RANK - 1))
            note(s->source, "an image is [channels, height, width]");
        return false;
    }
    for (int i = 0; i < sizes.count; i++) {
        Object size = evaluate(s, sizes.items[i]);
        right &= check_type(s, "a size", PARAM_COUNT, size);
        field->shape.size[i] = right ? (int)size.number : 1;
    }
    field->shape.rank = sizes.count;
    field->has_shape = sizes.count > 0;
    return right;
}

/* `[..]` against what the source gives; without it, the source's shape. */
static void settle_shape(Sema *s, Field *field, const Ast *ast, const Call *source)
{
    Shape shape;
    const bool known = source_shape(source, field, &shape);

    if (field->has_shape && known && source && field->source_field &&
        shape_elements(field->shape) != shape_elements(shape)) {
        const Span sizes = {ast->arguments.items[0]->span.begin,
                            ast->arguments.items[ast->arguments.count - 1]->span.end};
        if (report(s, sizes, "`%s` of %s is %s", field->source_field, source->name,
                   shape_text(shape)))
            note(s->source, "write `%s%s`, or no shape", field->name, shape_text(shape));
        field->shape = shape;
    } else if (!field->has_shape && known) {
        field->has_shape = true;
        field->shape = shape;
    } else if (!field->has_shape && field->is_target && has_unknown_fields(source)) {
        field->has_shape = true;
        field->shape = (Shape){.rank = 1, .size = {1}};
    } else if (!field->has_shape) {
        if (report(s, ast->name_span, "the shape of `%s` is not known", field->name) &&
            field->columns)
            note(s->source, "write how many columns it has: `%s %s[13] = columns(...)`",
                 field_word(field), field->name);
        else if (!field->columns)
            note(s->source, "write it out: `%s %s[1, 28, 28] = ...` for pictures of MNIST",
                 field_word(field), field->name);
        field->has_shape = true;
        field->shape = (Shape){.rank = 1, .size = {1}};
    }
}

/* A field is a value from here on. */
static void define_field(Sema *s, Field *field, const Ast *ast)
{
    Layer *layer = new_input(field);

    define_name(s, ast->text,
                (Object){.kind = OBJECT_TENSOR, .layer = layer, .span = ast->name_span},
                ast->name_span);
}

/* A number a row, which every loss takes by itself. */
static void check_weight(Sema *s, Field *field)
{
    if (field->classes || field->vocabulary || shape_size(field->shape) > 1) {
        if (report(s, field->span, "a weight is one number a row; `%s` %s", field->name,
                   field->classes || field->vocabulary ? "has classes"
                                                       : format("is %s", shape_text(field->shape))))
            note(s->source, "such as `weight %s = column(\"w\")`", field->name);
    } else if (s->model->weight && report(s, field->span, "there is a second weight of rows")) {
        note_at(s->source, s->model->weight->span, "the first one is here");
    }
    s->model->weight = field;
}

static void analyze_field(Sema *s, Data *data, const Ast *ast)
{
    const Ast *value = ast->first;
    const bool pipe = value->kind == AST_PIPE;
    const Call *source = data->known[PART_TRAIN] ? s->model->parts[PART_TRAIN] : NULL;
    Field *field = allocate(sizeof *field);

    field->name = ast->text;
    field->span = ast->name_span;
    field->is_weight = ast->kind == AST_WEIGHT;
    field->is_target = field->is_weight || ast->kind == AST_TARGET;
    const bool right = declare_shape(s, field, ast->arguments);
    const Shape written = right ? field->shape : (Shape){0};
    bool known = right; /* no step failed that could have made the shape */
    if (is_drawn(source, pipe ? value->children.items[0] : value)) {
        analyze_drawn(s, field, value);
        define_field(s, field, ast);
        return;
    }
    analyze_origin(s, data, field, pipe ? value->children.items[0] : value);
    for (int i = 1; pipe && i < value->children.count; i++) {
        Call *step = analyze_step(s, value->children.items[i]);
        if (step)
            APPEND(field->steps, field->step_count, step);
        else if (find_signature(value->children.items[i]->text, KIND_TRANSFORM))
            known = false;
    }
    const bool mask = field->source_field && is_mask(source, field->source_field);
    if (mask && right)
        settle_shape(s, field, ast, source);
    find_transformed_shape(
        s, field, begin_window(s, field, source, (ast->arguments.count > 0 || mask) && right));
    known = check_text(s, field) && known;
    if (field->classes == 0 && field->vocabulary == 0 && known && !mask)
        settle_shape(s, field, ast, source);
    if (right)
        check_transforms(s, field);
    if (right)
        check_image_steps(s, field);
    end_window(s, field, written);
    end_date(field);
    APPEND(data->fields, data->field_count, field);
    if (field->is_weight)
        check_weight(s, field);
    if (known && !field->classes && field->source_field &&
        is_class_name(source, field->source_field) &&
        report(s, field->span, "`%s` of %s is the name of a folder: a class", field->source_field,
               source->name))
        note(s->source, "write `%s %s = %s -> classes(10)`, of as many as there are folders",
             field_word(field), field->name, field->source_field);
    define_field(s, field, ast);
}

void analyze_data(Sema *s, const Ast *section)
{
    Data data = {0};
    const AstList items = section->children;

    for (int i = 0; i < items.count; i++)
        if (items.items[i]->kind == AST_ASSIGN)
            analyze_part(s, &data, items.items[i]);
    if (!data.parts[PART_TRAIN] && !data.misspelt &&
        report(s, section->name_span, "the data section does not say what to train on"))
        note(s->source, "such as `train = digits(rows=20000)`");
    check_text_splits(s);
    for (int i = 0; i < items.count; i++) {
        const Ast *ast = items.items[i];
        if (ast->kind == AST_INPUT || ast->kind == AST_TARGET || ast->kind == AST_WEIGHT)
            analyze_field(s, &data, ast);
    }
    share_marks(data.fields, data.field_count);
    check_series(s, data.fields, data.field_count);
    analyze_augments(s, items);
}
