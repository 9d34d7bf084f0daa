/*
 * emit_lines.c -- generated lines stay within a hundred columns.
 *
 * The one idea: emitters write statements and do not count; at the end a line that came out too
 * long is broken after a comma, or else at a space, and goes on indented.
 */

#include "program.h"

#include <string.h>

enum { COLUMNS = 100 };

/* Where a line can be broken: its next character is the first of the next line. */
typedef struct Break {
    int at;                     /* 0: nowhere */
    bool quoted;                /* inside a string, which goes on as another */
} Break;

/* After a comma, at a space, after a bracket, or else in a string. */
static Break find_break(const char *at, int begin, int room, bool quoted)
{
    int comma = 0, space = 0, bracket = 0, string = 0;

    for (int i = begin; at[i] != '\n' && i <= room; i++) {
        if (at[i] == '"' && (i == 0 || at[i - 1] != '\\'))
            quoted = !quoted;
        if (i == begin)
            continue;
        if (quoted && at[i] == ' ' && i + 1 < room)
            string = i + 1;
        else if (quoted)
            continue;
        else if (at[i] == '(' && i < room)
            bracket = i + 1;
        else if (at[i] == ' ' && at[i - 1] == ',' && i > room / 2)
            comma = i + 1;
        else if (at[i] == ' ')
            space = i + 1;
    }
    if (comma || space || bracket)
        return (Break){comma ? comma : space ? space : bracket, false};
    return (Break){string, true};
}

static void add_line(Text *out, const char *at, int length)
{
    const int indent = (int)strspn(at, " ");
    const int next = indent + (strncmp(at + indent, "/*", 2) == 0 ? 3 : 8);
    int column = 0, begin = indent;     /* where at[0] stands, where its words begin */
    bool quoted = false;                /* at[0] goes on with a string */

    while (column + length > COLUMNS) {
        const Break found = find_break(at, begin, COLUMNS - column, quoted);
        int end = found.at;

        if (end == 0)
            break;
        while (!found.quoted && at[end - 1] == ' ')
            end--;
        text_add(out, "%.*s%s\n%*s%s", end, at, found.quoted ? "\"" : "", next, "",
                 found.quoted ? "\"" : "");
        at += found.at;
        length -= found.at;
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
