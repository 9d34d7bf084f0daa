/*
 * columns.c -- what a source of data gives: fields with names of their own, or a table, from
 * which column("price") and columns("rooms".."age") choose.
 */

#include <string.h>

#include "semantics/analysis.h"

bool is_table(const Call *source)
{
    return same(source->name, "csv") || same(source->name, "jsonl");
}

const char **source_fields(const Call *source, int *count)
{
    static const struct {
        const char *source, *fields[3];
    } known[] = {
        {"digits", {"image", "label"}},
        {"xor", {"x", "y"}},
        {"logistic_map", {"x", "y"}},
        {"cifar10", {"image", "label"}},
        {"cifar100", {"image", "label", "coarse"}},
    };
    const char **names = NULL;

    *count = 0;
    for (int i = 0; i < COUNT(known); i++)
        for (int j = 0; j < 3 && same(source->name, known[i].source) && known[i].fields[j]; j++)
            APPEND(names, *count, known[i].fields[j]);
    for (int i = 0; i < source->count && names_files(source); i++)
        if (source->arguments[i].given)
            APPEND(names, *count, source->arguments[i].name);
    return names;
}

bool names_files(const Call *source)
{
    return same(source->name, "idx") || same(source->name, "npy");
}

bool source_shape(const Call *source, const Field *field, Shape *shape)
{
    const char *name = field->source_field;

    *shape = (Shape){.rank = 1, .size = {1}};
    if (!source || !name)
        return true;
    if (field->columns) {
        shape->size[0] = field->column_total;
        return field->column_total > 0;
    }
    if (same(name, "image") && same(source->name, "digits"))
        *shape = (Shape){.rank = 3, .size = {1, 28, 28}};
    else if (same(name, "image") &&
             (same(source->name, "cifar10") || same(source->name, "cifar100")))
        *shape = (Shape){.rank = 3, .size = {3, 32, 32}};
    else if (same(name, "x") && same(source->name, "xor"))
        shape->size[0] = 2;
    return !same(source->name, "npy") && !same(source->name, "npz") &&
           !(same(source->name, "idx") && same(name, "image"));
}

/* ---- column(..) and columns(..) -------------------------------------------------------------- */

/* One column: a name, or a number from 1 where columns have an order. */
static bool check_column(Sema *s, const Call *source, Thing thing)
{
    const bool number = thing.kind == THING_NUMBER;

    if (thing.kind == THING_WRONG)
        return false;
    if (number && source && same(source->name, "jsonl")) {
        complain(s, thing.span, "columns of jsonl have names, no numbers");
        return false;
    }
    if (number)
        return check_want(s, "a column", WANT_COUNT, thing);
    if (thing.kind != THING_STRING) {
        if (complain(s, thing.span, "a column is its name or its number; this is %s",
                     describe(thing)))
            note(s->source, "such as column(\"price\"), or column(3) of a file without a header");
        return false;
    }
    const Constant *header = source ? argument(source, "header") : NULL;
    if (header && header->kind == CONSTANT_BOOL && header->number == 0) {
        if (complain(s, thing.span, "a csv without a header has no names of columns"))
            note(s->source, "its columns are numbers, from 1: column(3), columns(1..8)");
        return false;
    }
    return true;
}

static const char *column_text(const Constant *column)
{
    return column->kind == CONSTANT_STRING ? column->text : format("%.0f", column->number);
}

static bool add_column(Sema *s, Field *field, const Call *source, Thing thing)
{
    if (!check_column(s, source, thing))
        return false;
    const Constant column = to_constant(thing);

    for (int i = 0; i < field->column_count && !field->column_range; i++)
        if (same(column_text(&field->columns[i]), column_text(&column))) {
            complain(s, thing.span, "column %s is named twice", column_text(&column));
            return false;
        }
    APPEND(field->columns, field->column_count, column);
    return true;
}

/* "A".."B", or 1..13. */
static bool add_range(Sema *s, Field *field, const Call *source, const Ast *range)
{
    const Thing first = evaluate(s, range->first), last = evaluate(s, range->second);

    field->column_range = true;
    if (!add_column(s, field, source, first) || !add_column(s, field, source, last))
        return false;
    if (source && same(source->name, "jsonl")) {
        if (complain(s, range->span, "columns of jsonl have no order"))
            note(s->source, "list their names: columns([\"a\", \"b\"])");
        return false;
    }
    if (first.kind != last.kind) {
        complain(s, range->span,
                 "a range goes from a name to a name, or from a number to a number");
        return false;
    }
    if (first.kind == THING_NUMBER && first.number > last.number) {
        complain(s, range->span, "this range holds no column");
        return false;
    }
    if (first.kind == THING_NUMBER)
        field->column_total = (int)(last.number - first.number) + 1;
    return true;
}

static bool add_list(Sema *s, Field *field, const Call *source, const Ast *ast)
{
    const Thing list = evaluate(s, ast);
    bool right = true;

    if (list.kind != THING_LIST)
        return add_column(s, field, source, list);
    if (list.count == 0)
        complain(s, list.span, "this list holds no column");
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
        if (complain(s, ast->span, one ? "`column` takes one name" : "`columns` names no column"))
            note(s->source, "column(\"price\"), columns(\"rooms\"..\"age\") or "
                            "columns([\"rooms\", \"age\"])");
        return false;
    }
    for (int i = 0; i < ast->arguments.count && right; i++) {
        const Ast *argument = ast->arguments.at[i], *value = argument->first;
        const bool range = value->kind == AST_BINARY && same(value->text, "..");

        if (argument->text) {
            complain(s, argument->name_span, "`%s` has no parameter `%s`", ast->text,
                     argument->text);
            return false;
        }
        if (one && (range || value->kind == AST_LIST)) {
            if (complain(s, value->span, "`column` is one column"))
                note(s->source, "several are `columns(...)`");
            return false;
        }
        if (range && ast->arguments.count > 1) {
            complain(s, value->span, "a range of columns stands alone");
            return false;
        }
        right = range ? add_range(s, field, source, value) : add_list(s, field, source, value);
    }
    if (!right)
        return false;
    if (!field->column_range)
        field->column_total = field->column_count;
    if (one && field->column_count > 1) {
        complain(s, ast->span, "`column` is one column; this is a list of %d", field->column_count);
        return false;
    }
    field->source_field = columns_text(field);
    return true;
}
