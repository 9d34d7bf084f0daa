/*
 * data_section.c -- the data section: parts, fields and their preparations.
 *
 * One idea: a field's shape is settled here, from `[..]`, a preparation or the source, so that the
 * network can be compiled before any data were seen.
 */

#include "semantics/analysis.h"

static const char *const part_names[PARTS] = {"train", "validation", "test"};

typedef struct Data {
    const Ast *parts[PARTS]; /* where each was given, or NULL */
    bool known[PARTS];       /* its fields can be looked up */
    bool misspelt;           /* a part has an unknown name: `train` may be that one */
} Data;

/* ---- Parts ----------------------------------------------------------------------------------- */

static bool is_split(const Call *call)
{
    return find_signature(call->name, KIND_SPLIT) != NULL;
}

static Call *evaluate_part(Sema *s, const Ast *ast, Part part)
{
    Object object = evaluate_with(s, ast->first, KIND_SOURCE | KIND_SPLIT);
    int count;

    if (object.kind == OBJECT_ERROR)
        return NULL;
    if (object.kind != OBJECT_FUNCTION ||
        !(object.function->signature &&
          object.function->signature->kind & (KIND_SOURCE | KIND_SPLIT))) {
        if (report(s, object.span, "`%s` must be a source of data; this is %s", ast->text,
                   describe(object)))
            note(s->source, "such as idx(image=\"...\", label=\"...\"), or digits");
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
        const char *near = net_nearest(ast->text, part_names, PARTS);
        if (near)
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
        if (near)
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

/* What a field's value begins with: where it comes from. */
static void analyze_origin(Sema *s, const Data *data, Field *field, const Ast *origin)
{
    const Call *source = data->known[PART_TRAIN] ? s->model->parts[PART_TRAIN] : NULL;

    if (origin->kind == AST_NAME) {
        if (check_kind(s, data, origin) && check_source_field(s, data, origin))
            field->source_field = origin->text;
    } else if (origin->kind == AST_CALL &&
               (same(origin->text, "column") || same(origin->text, "columns"))) {
        if (check_kind(s, data, origin))
            analyze_columns(s, field, source, origin);
    } else if (report(s, origin->span, "a field begins with a name from the source")) {
        note(s->source, "such as `%s %s = image -> scale(1/255)`",
             field->is_target ? "target" : "input", field->name);
    }
}

static Call *analyze_step(Sema *s, const Ast *stage)
{
    const Signature *signature = find_signature(stage->text, KIND_TRANSFORM);

    if (!signature) {
        unknown(s, stage->text, stage->name_span, KIND_TRANSFORM, true);
        return NULL;
    }
    const PartialCall *f = new_function(signature, NULL, stage->name_span);
    return finish_call(s, bind(s, f, stage->arguments, stage->span));
}

static int length_of(const Constant *constant)
{
    return constant->kind == CONSTANT_LIST ? constant->count : 1;
}

void check_normalize(Sema *s, const Field *field, const Call *step)
{
    const Constant *mean = argument(step, "mean"), *std = argument(step, "std");
    const int means = length_of(mean), stds = length_of(std);

    if (means != stds && means > 1 && stds > 1) {
        report(s, std->span, "normalize has %d means and %d standard deviations", means, stds);
        return;
    }
    for (int i = 0; i < 2; i++) {
        const Constant *list = i == 0 ? mean : std;
        if (field->has_shape && field->shape.rank > 0 && length_of(list) > 1 &&
            length_of(list) != field->shape.size[0])
            report(s, list->span, "`%s` has %d channels; this is a list of %d", field->name,
                   field->shape.size[0], length_of(list));
    }
}

/* classes(n) and one_hot(n) read the source's column as it is. */
static void prepare_classes(Sema *s, Field *field, int i, bool has_sizes)
{
    const Call *step = field->steps[i];
    const bool vector = same(step->name, "one_hot");

    field->classes = (int)number(step, "n");
    field->is_class = !vector;
    if (i > 0) {
        report(s, step->span, "%s numbers a column's own values: it comes first", step->name);
    } else if (field->columns && field->column_total != 1) {
        report(s, step->span, "%s numbers the values of one column", step->name);
    } else if (!vector && field->step_count > 1) {
        report(s, field->steps[1]->span,
               "%s cannot follow classes, which gives a number of a "
               "class",
               field->steps[1]->name);
    } else if (!vector && !field->is_target) {
        if (report(s, step->span, "an input cannot be the number of a class"))
            note(s->source, "one_hot(%d) makes a vector of it", field->classes);
    } else if (!vector && has_sizes) {
        report(s, field->span, "`%s` has a shape, but classes gives one number", field->name);
    } else if (field->has_shape && vector &&
               !(field->shape.rank == 1 && field->shape.size[0] == field->classes)) {
        report(s, field->span, "`%s` is declared otherwise than one_hot(%d) makes it: [%d]",
               field->name, field->classes, field->classes);
    }
    field->has_shape = true;
    field->shape = (Shape){.rank = vector ? 1 : 0};
    if (vector)
        field->shape.size[0] = field->classes;
}

static void check_strip(Sema *s, const Call *step)
{
    static const char *const known[] = {"tags", "punctuation", "digits"};
    const Constant *strip = argument(step, "strip");
    const Constant *names = strip->kind == CONSTANT_LIST ? strip->items : strip;

    for (int i = 0; strip->kind != CONSTANT_NONE && i < length_of(strip); i++) {
        bool found = false;
        for (int j = 0; j < COUNT(known); j++)
            found |= same(names[i].text, known[j]);
        if (found || !report(s, names[i].span, "strip knows no `%s`", names[i].text))
            continue;
        const char *near = net_nearest(names[i].text, known, COUNT(known));
        if (near)
            note(s->source, "did you mean `%s`?", near);
        else
            note(s->source, "it takes tags, punctuation and digits out of a text; [] is nothing");
    }
}

/* tokens(..) and bag_of_words(..) read a text; padding and unknown words are the ids 0 and 1. */
static void prepare_words(Sema *s, Field *field, int i, bool has_sizes)
{
    const Call *step = field->steps[i];
    const int words = (int)number(step, "vocabulary");
    Shape shape = {.rank = 1, .size = {words}};

    field->is_tokens = same(step->name, "tokens");
    field->is_sparse = !field->is_tokens;
    field->vocabulary = field->is_tokens ? words + 2 : words;
    if (field->is_tokens)
        shape.size[0] = (int)number(step, "length");
    check_strip(s, step);
    if (i > 0)
        report(s, step->span, "%s reads a text: it comes first", step->name);
    else if (field->step_count > 1)
        report(s, field->steps[1]->span, "%s cannot follow %s, which gives %s",
               field->steps[1]->name, step->name,
               field->is_tokens ? "numbers of words" : "counts of words");
    else if (field->is_target)
        report(s, step->span, "a target cannot be words; classes(n) numbers texts");
    else if (has_sizes && !(field->shape.rank == 1 && field->shape.size[0] == shape.size[0]))
        report(s, field->span, "`%s` is declared otherwise than %s makes it: [%d]", field->name,
               step->name, shape.size[0]);
    else if (field->source_field && field->column_total != 1)
        report(s, step->span, "%s reads one column of csv or jsonl, with texts", step->name);
    field->has_shape = true;
    field->shape = shape;
}

static double elements_of(Shape shape)
{
    double count = 1;

    for (int i = 0; i < shape.rank; i++)
        count *= shape.size[i];
    return count;
}

static const char *sizes_text(Shape shape)
{
    Text text = {0};

    for (int i = 0; i < shape.rank; i++)
        text_add(&text, "%s%d", i > 0 ? ", " : "", shape.size[i]);
    return format("[%s]", text.at);
}

/* The sizes in brackets; false after an error. */
static bool declare_shape(Sema *s, Field *field, AstList sizes)
{
    bool right = true;

    if (sizes.count > MAX_RANK - 1) {
        if (report(s, sizes.at[MAX_RANK - 1]->span, "a field has up to %d sizes", MAX_RANK - 1))
            note(s->source, "an image is [channels, height, width]");
        return false;
    }
    for (int i = 0; i < sizes.count; i++) {
        Object size = evaluate(s, sizes.at[i]);
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
        elements_of(field->shape) != elements_of(shape)) {
        const Span sizes = {ast->arguments.at[0]->span.begin,
                            ast->arguments.at[ast->arguments.count - 1]->span.end};
        if (report(s, sizes, "`%s` of %s is %s", field->source_field, source->name,
                   sizes_text(shape)))
            note(s->source, "write `%s%s`, or no shape", field->name, sizes_text(shape));
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
                 field->is_target ? "target" : "input", field->name);
        else if (!field->columns)
            note(s->source, "write it out: `%s %s[1, 28, 28] = ...` for pictures of MNIST",
                 field->is_target ? "target" : "input", field->name);
        field->has_shape = true;
        field->shape = (Shape){.rank = 1, .size = {1}};
    }
}

static void analyze_field(Sema *s, const Data *data, const Ast *ast)
{
    const Ast *value = ast->first;
    const bool pipe = value->kind == AST_PIPE;
    const Call *source = data->known[PART_TRAIN] ? s->model->parts[PART_TRAIN] : NULL;
    Field *field = allocate(sizeof *field);

    field->name = ast->text;
    field->span = ast->name_span;
    field->is_target = ast->kind == AST_TARGET;
    const bool right = declare_shape(s, field, ast->arguments);
    bool known = right; /* no step failed that could have made the shape */
    analyze_origin(s, data, field, pipe ? value->items.at[0] : value);
    for (int i = 1; pipe && i < value->items.count; i++) {
        Call *step = analyze_step(s, value->items.at[i]);
        if (step)
            APPEND(field->steps, field->step_count, step);
        else if (find_signature(value->items.at[i]->text, KIND_TRANSFORM))
            known = false;
    }
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "classes") || same(field->steps[i]->name, "one_hot"))
            prepare_classes(s, field, i, ast->arguments.count > 0);
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "tokens") || same(field->steps[i]->name, "bag_of_words"))
            prepare_words(s, field, i, ast->arguments.count > 0 && right);
    if (field->classes == 0 && field->vocabulary == 0 && known)
        settle_shape(s, field, ast, source);
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "normalize") && right)
            check_normalize(s, field, field->steps[i]);
    check_preparations(s, field);
    Layer *layer = new_input(field);
    define_name(s, ast->text,
                (Object){.kind = OBJECT_TENSOR, .layer = layer, .span = ast->name_span},
                ast->name_span);
}

void analyze_data(Sema *s, const Ast *section)
{
    Data data = {0};
    const AstList items = section->items;

    for (int i = 0; i < items.count; i++)
        if (items.at[i]->kind == AST_ASSIGN)
            analyze_part(s, &data, items.at[i]);
    if (!data.parts[PART_TRAIN] && !data.misspelt &&
        report(s, section->name_span, "the data section does not say what to train on"))
        note(s->source, "such as `train = digits(rows=20000)`");
    for (int i = 0; i < items.count; i++) {
        const Ast *ast = items.at[i];
        if (ast->kind == AST_INPUT || ast->kind == AST_TARGET)
            analyze_field(s, &data, ast);
    }
    for (int i = 0; i < items.count; i++)
        if (items.at[i]->kind == AST_AUGMENT)
            analyze_augment(s, items.at[i]);
}
