/*
 * writer.c -- generated lines stay within a hundred columns.
 *
 * The one idea: emitters write statements and do not count; at the end a line that came out too
 * long is broken where it hurts least, as after a comma, and goes on indented.
 */

#include "emit/emit.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 100 };

void line(Text *text, int level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_add(text, "%*s", 4 * level, "");
    text_add_v(text, fmt, args);
    text_add(text, "\n");
    va_end(args);
}

const char *braces(const int *at, int count)
{
    Text text = {0};

    for (int i = 0; i < count; i++)
        text_add(&text, "%s%d", i ? ", " : "{", at[i]);
    text_add(&text, "}");
    return text.at;
}

void wrap_item(Wrap *wrap, const char *item)
{
    const int length = (int)strlen(item);

    if (wrap->count++ > 0) {
        text_add(wrap->text, ",");
        if (wrap->column + length + 4 > COLUMNS) {
            text_add(wrap->text, "\n%*s", wrap->indent, "");
            wrap->column = wrap->indent;
        } else {
            text_add(wrap->text, " ");
            wrap->column += 2;
        }
    }
    text_add(wrap->text, "%s", item);
    wrap->column += length;
}

const char *truth(bool is)
{
    return is ? "true" : "false";
}

const char *literal(double x)
{
    const char *digits = format("%.9g", x);

    if (isinf(x))
        return x > 0 ? "INFINITY" : "-INFINITY";
    return format("%s%sf", digits, strpbrk(digits, ".e") ? "" : ".0");
}

/* ---- Lines that are too long ----------------------------------------------------------------- */

/* Where a line can be broken: its next character is the first of the next line. */
typedef struct Break {
    int at;      /* 0: nowhere */
    bool quoted; /* inside a string, which goes on as another */
} Break;

/* How ugly it is to break before at[i], or after it where it is a bracket; less is better. After an
   operator is no place, and inside more brackets is a worse one. */
static int cost_of(const char *at, int i, int room, int depth)
{
    if (at[i] == '(')
        return 2 * depth + 6;
    if (strchr(",;", at[i - 1]))
        return 2 * depth + (i > room / 3 ? 0 : 5);
    return 2 * depth + (strchr("+-*/%<>&|?:", at[i - 1]) ? 8 : 3);
}

/* At a space, after a bracket, or else in a string. */
static Break find_break(const char *at, int begin, int room, bool quoted)
{
    int found = 0, least = 0, string = 0, depth = 0;

    for (int i = begin; at[i] != '\n' && i <= room; i++) {
        if (at[i] == '"' && (i == 0 || at[i - 1] != '\\'))
            quoted = !quoted;
        if (!quoted)
            depth -= at[i] == ')' || at[i] == ']' || at[i] == '}';
        if (i > begin && quoted && at[i] == ' ' && i + 1 < room)
            string = i + 1;
        if (i > begin && !quoted && (at[i] == ' ' || (at[i] == '(' && i < room))) {
            const int cost = cost_of(at, i, room, depth);

            if (!found || cost <= least)
                found = at[i] == '(' ? i + 1 : i, least = cost;
        }
        if (!quoted)
            depth += at[i] == '(' || at[i] == '[' || at[i] == '{';
    }
    return found ? (Break){found, false} : (Break){string, true};
}

static void add_line(Text *out, const char *at, int length)
{
    const int indent = (int)strspn(at, " ");
    const int next = indent + (strncmp(at + indent, "/*", 2) == 0 ? 3 : 8);
    int column = 0;                                      /* where at[0] stands */
    int begin = indent + (int)strspn(at + indent, "{ "); /* where its words begin */
    bool quoted = false;                                 /* at[0] goes on with a string */

    while (column + length > COLUMNS) {
        const Break found = find_break(at, begin, COLUMNS - column, quoted);
        int end = found.at;

        if (end == 0)
            break;
        while (!found.quoted && at[end - 1] == ' ')
            end--;
        text_add(out, "%.*s%s\n%*s%s", end, at, found.quoted ? "\"" : "", next, "",
                 found.quoted ? "\"" : "");
        end = found.at;
        while (!found.quoted && at[end] == ' ')
            end++;
        at += end;
        length -= end;
        column = next + found.quoted;
        begin = 0;
        quoted = found.quoted;
    }
    text_add(out, "%.*s\n", length, at);
}

void wrap_lines(Text *text)
{
    Text out = {0};

    for (const char *at = text->at; *at;) {
        const int length = (int)strcspn(at, "\n");

        add_line(&out, at, length);
        at += length + (at[length] == '\n');
    }
    *text = out;
}
