/*
 * dates.c -- date(month, weekday, hour): numbers of the dates and times in a column.
 *
 * One idea: a cell becomes its parts as it is read. So `date` stands first in the file, and behind
 * classes(n) and all other steps in the model, where it only says how cells are read.
 */

#include <string.h>

#include "semantics/analysis.h"

/* Each with the conversions of `format` that it wants. */
static const struct {
    const char *name, *wants;
} parts[] = {{"year", "Y"},      {"month", "m"}, {"day", "d"},    {"weekday", "Ymd"},
             {"yearday", "Ymd"}, {"hour", "H"},  {"minute", "M"}, {"second", "S"}};

static const Call *date_of(const Field *field)
{
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "date"))
            return field->steps[i];
    return NULL;
}

int date_parts(const Field *field)
{
    const Call *step = date_of(field);

    return step ? argument(step, "parts")->count : 1;
}

static int find_part(const char *name)
{
    int i = 0;

    while (i < COUNT(parts) && !same(parts[i].name, name))
        i++;
    return i;
}

static bool check_part(Sema *s, const Constant *list, int i)
{
    const char *names[COUNT(parts)], *near;

    for (int p = 0; p < COUNT(parts); p++)
        names[p] = parts[p].name;
    for (int k = 0; k < i; k++)
        if (same(list->items[k].text, list->items[i].text))
            return report(s, list->items[i].span, "`%s` is named twice", list->items[i].text) &&
                   false;
    if (find_part(list->items[i].text) < COUNT(parts))
        return true;
    if (!report(s, list->items[i].span, "a date has no `%s`", list->items[i].text))
        return false;
    near = net_nearest(list->items[i].text, names, COUNT(parts));
    if (near)
        note(s->source, "did you mean `%s`?", near);
    else
        note(s->source, "its parts are year, month, day, weekday, yearday, hour, minute, second");
    return false;
}

/* Conversions are those of strptime that are numbers; each stands once, and what is wanted of. */
static void check_format(Sema *s, const Call *step)
{
    const Constant *format = argument(step, "format"), *list = argument(step, "parts");
    char found[8] = "";

    for (const char *at = format->kind == CONSTANT_STRING ? format->text : ""; *at; at++) {
        if (*at != '%' || at[1] == '%') {
            at += *at == '%';
            continue;
        }
        if (!at[1] || !strchr("YmdHMS", at[1]) || strchr(found, at[1])) {
            if (report(s, format->span,
                       at[1] && strchr(found, at[1]) ? "`%%%c` stands twice"
                                                     : "a date has no `%%%c`",
                       at[1] ? at[1] : ' '))
                note(s->source, "%%Y %%m %%d %%H %%M %%S are year, month, day, hour, minute, "
                                "second: \"%%d.%%m.%%Y %%H:%%M\"");
            return;
        }
        found[strlen(found)] = *++at;
    }
    for (int i = 0; format->kind == CONSTANT_STRING && i < list->count; i++)
        for (const char *want = parts[find_part(list->items[i].text)].wants; *want; want++)
            if (!strchr(found, *want)) {
                report(s, format->span, "the format has no `%%%c`, and %s is of it", *want,
                       list->items[i].text);
                return;
            }
}

void check_date(Sema *s, const Field *field)
{
    const Call *step = date_of(field);

    if (!step)
        return;
    const Constant *list = argument(step, "parts");

    if (step != field->steps[0]) {
        report(s, step->span, "date reads the cells of a column: it comes first");
        return;
    }
    for (int i = 1; i < field->step_count; i++)
        if (same(field->steps[i]->name, "date")) {
            report(s, field->steps[i]->span, "the parts of a date stand in one `date(...)`");
            return;
        }
    if (!field->columns || field->column_total != 1) {
        report(s, step->span, "date reads one column of csv or jsonl");
        return;
    }
    for (int i = 0; i < list->count; i++)
        if (!check_part(s, list, i))
            return;
    if (field->classes && list->count > 1)
        report(s, field->steps[1]->span, "%s numbers one part of a date; these are %d",
               field->steps[1]->name, list->count);
    check_format(s, step);
}

void end_date(Field *field)
{
    const Call *step = date_of(field);

    int last = field->step_count - 1;

    if (!step || step != field->steps[0])
        return;
    if (same(field->steps[last]->name, "noise")) /* which the runtime looks for at the end */
        last--;
    memmove(field->steps, field->steps + 1, (size_t)last * sizeof *field->steps);
    field->steps[last] = (Call *)step;
}
