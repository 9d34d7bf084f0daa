/*
 * columns.c -- what a source of data gives: fields with names of their own, or a table, from
 * which column("price") and columns("rooms".."age") choose.
 */

#include "semantics/pictures.h"

static const Signature *signature_of(const Call *source)
{
    return find_signature(source->name, KIND_SOURCE | KIND_SPLIT);
}

bool is_table(const Call *source)
{
    const SourceKind kind = signature_of(source)->source;

    return kind == SOURCE_TABLE || kind == SOURCE_OBJECTS;
}

bool names_files(const Call *source)
{
    return signature_of(source)->source == SOURCE_FILES;
}

bool has_unknown_fields(const Call *source)
{
    return !is_table(source) && !signature_of(source)->fields[0].name;
}

bool is_archive(const Call *source)
{
    return signature_of(source)->source == SOURCE_ARCHIVE;
}

static bool has_order(const Call *source)
{
    return signature_of(source)->source != SOURCE_OBJECTS;
}

const char **source_fields(const Call *source, int *count)
{
    const SourceField *fields = signature_of(source)->fields;
    const char **names = NULL;

    *count = 0;
    for (int i = 0; !names_files(source) && fields[i].name; i++)
        if (has_masks(source) || !is_mask(source, fields[i].name))
            APPEND(names, *count, fields[i].name);
    for (int i = 0; names_files(source) && i < source->count; i++)
        if (source->arguments[i].given)
            APPEND(names, *count, source->arguments[i].name);
    return names;
}

bool is_class_name(const Call *source, const char *field)
{
    return source && same(source->name, "images") && same(field, "label");
}

bool source_shape(const Call *source, const Field *field, Shape *shape)
{
    *shape = (Shape){.rank = 1, .size = {1}};
    if (!source || !field->source_field)
        return true;
    if (image_of(field)) {
        *shape = picture_shape(image_of(field));
        return true;
    }
    if (field->columns) {
        shape->size[0] = field->column_total * date_parts(field);
        return field->column_total > 0;
    }
    for (const SourceField *own = signature_of(source)->fields; own->name; own++)
        if (same(own->name, field->source_field)) {
            const bool sized = !own->has_shape && argument(source, "size");

            *shape = sized ? picture_shape(source) : own->shape;
            if (is_mask(source, own->name))
                *shape = (Shape){.rank = 2, .size = {shape->size[1], shape->size[2]}};
            return sized || own->has_shape;
        }
    return !has_unknown_fields(source);
}

/* ---- column(..) and columns(..) -------------------------------------------------------------- */

/* One column: a name, or a number from 1 where columns have an order. */
static bool check_column(Sema *s, const Call *source, Object object)
{
    const bool number = object.kind == OBJECT_NUMBER;

    if (object.kind == OBJECT_ERROR)
        return false;
    if (number && source && !has_order(source)) {
        report(s, object.span, "columns of jsonl have names, no numbers");
        return false;
    }
    if (number)
        return check_type(s, "a column", PARAM_COUNT, object);
    if (object.kind != OBJECT_STRING) {
        if (report(s, object.span, "a column is its name or its number; this is %s",
                   describe(object)))
            note(s->source, "such as column(\"price\"), or column(3) of a file without a header");
        return false;
    }
    const Constant *header = source ? argument(source, "header") : NULL;
    if (header && header->kind == CONSTANT_BOOL && header->number == 0) {
        if (report(s, object.span, "a csv without a header has no names of columns"))
            note(s->source, "its columns are numbers, from 1: column(3), columns(1..8)");
        return false;
    }
    return true;
}

static const char *column_text(const Constant *column)
{
    return column->kind == CONSTANT_STRING ? column->text : format("%.0f", column->number);
}

static bool add_column(Sema *s, Field *field, const Call *source, Object object)
{
    if (!check_column(s, source, object))
        return false;
    const Constant column = to_constant(object);

    for (int i = 0; i < field->column_count && !field->column_range; i++)
        if (same(column_text(&field->columns[i]), column_text(&column))) {
            report(s, object.span, "column %s is named twice", column_text(&column));
            return false;
        }
    APPEND(field->columns, field->column_count, column);
    return true;
}

/* "A".."B", or 1..13. */
static bool add_range(Sema *s, Field *field, const Call *source, const Ast *range)
{
    const Object first = evaluate(s, range->first), last = evaluate(s, range->second);

    field->column_range = true;
    if (!add_column(s, field, source, first) || !add_column(s, field, source, last))
        return false;
    if (source && !has_order(source)) {
        if (report(s, range->span, "columns of jsonl have no order"))
            note(s->source, "list their names: columns([\"a\", \"b\"])");
        return false;
    }
    if (first.kind != last.kind) {
        report(s, range->span, "a range goes from a name to a name, or from a number to a number");
        return false;
    }
    if (first.kind == OBJECT_NUMBER && first.number > last.number) {
        report(s, range->span, "this range holds no column");
        return false;
    }
    if (first.kind == OBJECT_NUMBER)
        field->column_total = (int)(last.number - first.number) + 1;
    return true;
}

static bool add_list(Sema *s, Field *field, const Call *source, const Ast *ast)
{
    const Object list = evaluate(s, ast);
    bool right = true;

    if (list.kind != OBJECT_LIST)
        return add_column(s, field, source, list);
    if (list.count == 0)
        report(s, list.span, "this list holds no column");
    for (int i = 0; i < list.count; i++)
        right = right && add_column(s, field, source, list.items[i]);
    return right && list.count > 0;
}

/* "CRIM..LSTAT", or "rooms, age": how the trainer speaks of them. */
static const char *columns_text(const Field *field)
{
    Text text = {0};

    for (int i = 0; i < field->column_count; i++)
        text_add(&text, "%s%s",
                 i == 0                ? ""
                 : field->column_range ? ".."
                                       : ", ",
                 column_text(&field->columns[i]));
    return text.at;
}

bool analyze_columns(Sema *s, Field *field, const Call *source, const Ast *ast)
{
    const bool one = same(ast->text, "column");
    bool right = true;

    if (ast->arguments.count == 0 || (one && ast->arguments.count > 1)) {
        if (report(s, ast->span, one ? "`column` takes one name" : "`columns` names no column"))
            note(s->source, "column(\"price\"), columns(\"rooms\"..\"age\") or "
                            "columns([\"rooms\", \"age\"])");
        return false;
    }
    for (int i = 0; i < ast->arguments.count && right; i++) {
        const Ast *argument = ast->arguments.items[i], *value = argument->first;
        const bool range = value->kind == AST_BINARY && same(value->text, "..");

        if (argument->text) {
            report(s, argument->name_span, "`%s` has no parameter `%s`", ast->text, argument->text);
            return false;
        }
        if (one && (range || value->kind == AST_LIST)) {
            if (report(s, value->span, "`column` is one column"))
                note(s->source, "several are `columns(...)`");
            return false;
        }
        if (range && ast->arguments.count > 1) {
            report(s, value->span, "a range of columns stands alone");
            return false;
        }
        right = range ? add_range(s, field, source, value) : add_list(s, field, source, value);
    }
    if (!right)
        return false;
    if (!field->column_range)
        field->column_total = field->column_count;
    if (one && field->column_count > 1) {
        report(s, ast->span, "`column` is one column; this is a list of %d", field->column_count);
        return false;
    }
    field->source_field = columns_text(field);
    return true;
}
