/*
 * diag_json.c -- errors and warnings for editors: kept while a model is checked, then printed as
 * one JSON object. docs/language.md has its form, which stays.
 */

#include "base/base.h"

/* Bytes of the UTF-8 character at `at`; 0: it is none. */
static int utf8_length(const char *at)
{
    const unsigned char first = (unsigned char)*at;
    const int length = first < 0x80                    ? 1
                       : first < 0xc2 || first >= 0xf5 ? 0
                       : first < 0xe0                  ? 2
                       : first < 0xf0                  ? 3
                                                       : 4;

    for (int i = 1; i < length; i++)
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static void print_string(FILE *out, const char *text)
{
    fputc('"', out);
    while (*text) {
        const int length = utf8_length(text);

        if (length == 0)
            fputs("\\ufffd", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fwrite(text, 1, (size_t)length, out);
        text += length ? length : 1;
    }
    fputc('"', out);
}

/* The members of a message's place, and what it says. */
static void print_message(FILE *out, const Source *source, const Message *message)
{
    const Span end = {message->span.end, message->span.end};

    fputs("{\"file\": ", out);
    print_string(out, source->path);
    fprintf(out, ", \"line\": %d, \"column\": %d, \"end_line\": %d, \"end_column\": %d",
            line_of(source, message->span), column_of(source, message->span.begin),
            line_of(source, end), column_of(source, end.begin));
    fprintf(out, ", \"severity\": \"%s\", \"message\": ", message->severity);
    print_string(out, message->text);
}

void print_diagnostics(FILE *out, const Source *source)
{
    const Diagnostics *kept = source->kept;
    bool first = true;

    fputs("{\"version\": 1, \"diagnostics\": [", out);
    for (int i = 0; i < kept->count; i++) {
        bool noted = false;

        if (kept->items[i].note_of >= 0)
            continue;
        fputs(first ? "\n  " : ",\n  ", out);
        first = false;
        print_message(out, kept->sources[i], &kept->items[i]);
        fputs(", \"fix\": ", out);
        if (kept->items[i].fix)
            print_string(out, kept->items[i].fix);
        else
            fputs("null", out);
        fputs(", \"notes\": [", out);
        for (int k = i + 1; k < kept->count; k++) {
            if (kept->items[k].note_of != i)
                continue;
            fputs(noted ? ", " : "", out);
            noted = true;
            print_message(out, kept->sources[k], &kept->items[k]);
            fputc('}', out);
        }
        fputs("]}", out);
    }
    fprintf(out, "%s]}\n", first ? "" : "\n");
}
