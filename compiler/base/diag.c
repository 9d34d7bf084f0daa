/*
 * diag.c -- errors and warnings with a place, a line and a caret.
 *
 * One idea: the tree carries byte offsets only; lines, columns and the cut of a long line are
 * worked out here, when there is something to say.
 *
 *     mlp.net:4:11: error: dense needs `units`
 *         x -> dense() -> relu
 *              ^~~~~~~
 */

#include "base/base.h"

#include <errno.h>
#include <string.h>

enum {
    ERRORS_SHOWN = 20,
    TAB = 4,              /* columns that a tab is shown as */
    WIDTH = 96,           /* columns of a source line that are shown */
    MAX_LENGTH = 4 << 20, /* bytes in a .net file */
};

static const char *without_net(const char *file)
{
    size_t length = strlen(file);
    if (length > 4 && strcmp(file + length - 4, ".net") == 0)
        length -= 4;
    return copy_text(file, length);
}

Source *new_source(const char *path, const char *text, size_t length)
{
    Source *source = allocate(sizeof *source);

    const char *slash = strrchr(path, '/');

    source->path = path;
    source->file = slash ? slash + 1 : path;
    source->name = without_net(source->file);
    source->text = text;
    source->length = (int)length;
    APPEND(source->lines, source->line_count, 0);
    for (int i = 0; i < source->length; i++)
        if (source->text[i] == '\n')
            APPEND(source->lines, source->line_count, i + 1);
    return source;
}

Source *read_source(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "netc: error: cannot open `%s`: %s\n", path, strerror(errno));
        return NULL;
    }
    size_t length = 0, capacity = 1 << 14;
    char *text = allocate(capacity + 1);
    size_t got;
    while ((got = fread(text + length, 1, capacity - length, file)) > 0 && length <= MAX_LENGTH) {
        length += got;
        if (length == capacity) {
            char *larger = allocate(2 * capacity + 1);
            memcpy(larger, text, length);
            text = larger;
            capacity *= 2;
        }
    }
    int failure = ferror(file) ? errno : 0;
    fclose(file);
    if (failure) {
        fprintf(stderr, "netc: error: cannot read `%s`: %s\n", path, strerror(failure));
        return NULL;
    }
    if (length > MAX_LENGTH) {
        fprintf(stderr, "netc: error: `%s` is too large for a model: more than %d MB\n", path,
                MAX_LENGTH >> 20);
        return NULL;
    }
    return new_source(path, text, length);
}

static int line_begin(const Source *source, int at)
{
    while (at > 0 && source->text[at - 1] != '\n')
        at--;
    return at;
}

int line_of(const Source *source, Span span)
{
    int low = 0, high = source->line_count; /* the last line that begins at or before the span */

    while (high - low > 1) {
        const int middle = (low + high) / 2;

        if (source->lines[middle] <= span.begin)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

/* Bytes of the UTF-8 character at `at`; 1 for what is none. */
static int character_length(const Source *source, int at, int end)
{
    unsigned char first = (unsigned char)source->text[at];
    int length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
    if (first >= 0xf5 || at + length > end)
        return 1;
    for (int i = 1; i < length; i++)
        if (((unsigned char)source->text[at + i] & 0xc0) != 0x80)
            return 1;
    return length;
}

/* Columns from the line's begin to `at`: of the screen (tabs expanded), or characters. */
static int columns(const Source *source, int begin, int at, int end, bool screen)
{
    int column = 0;
    for (int i = begin; i < at;) {
        column += screen && source->text[i] == '\t' ? TAB - column % TAB : 1;
        i += character_length(source, i, end);
    }
    return column;
}

/* The columns [from, to) of a line; what cannot be printed is shown as a question mark. */
static void print_columns(const Source *source, int begin, int end, int from, int to)
{
    int column = 0;
    for (int i = begin; i < end && column < to;) {
        int length = character_length(source, i, end);
        unsigned char first = (unsigned char)source->text[i];
        if (first == '\t') {
            for (int stop = column + TAB - column % TAB; column < stop; column++)
                if (column >= from && column < to)
                    fputc(' ', stderr);
        } else {
            bool printable = length > 1
                                 ? first != 0xc2 || (unsigned char)source->text[i + 1] >= 0xa0
                                 : first >= 0x20 && first < 0x7f;
            if (column >= from && printable)
                fwrite(source->text + i, 1, (size_t)length, stderr);
            else if (column >= from)
                fputc('?', stderr);
            column++;
        }
        i += length;
    }
}

/* The line and the caret; a line too long is cut to what surrounds the place. */
static void print_place(const Source *source, Span span)
{
    int begin = line_begin(source, span.begin), end = begin;
    while (end < source->length && source->text[end] != '\n')
        end++;
    if (end > begin && source->text[end - 1] == '\r')
        end--;
    int stop = span.end > end ? end : span.end;
    int total = columns(source, begin, end, end, true);
    int first = columns(source, begin, span.begin, end, true);
    int last = stop > span.begin ? columns(source, begin, stop, end, true) : first + 1;
    int from = 0, to = total;
    if (total > WIDTH) {
        from = first > WIDTH / 2 ? first - WIDTH / 2 : 0;
        to = from + WIDTH < total ? from + WIDTH : total;
    }
    fprintf(stderr, "    %s", from > 0 ? "..." : "");
    print_columns(source, begin, end, from, to);
    fprintf(stderr, "%s\n    %*s^", to < total ? "..." : "", first - from + (from > 0 ? 3 : 0), "");
    for (int i = first + 1; i < last && i < (to > first ? to : last); i++)
        fputc('~', stderr);
    fputc('\n', stderr);
}

static Span clamp(const Source *source, Span span)
{
    if (span.begin > source->length)
        span.begin = source->length;
    if (span.begin < 0)
        span.begin = 0;
    if (span.end < span.begin)
        span.end = span.begin;
    return span;
}

int column_of(const Source *source, int at)
{
    return columns(source, line_begin(source, at), at, source->length, false) + 1;
}

static const char *text_of(const char *fmt, va_list args)
{
    Text text = {0};

    text_add_v(&text, fmt, args);
    return text.at ? text.at : "";
}

void keep_diagnostics(Source *source)
{
    source->kept = allocate(sizeof *source->kept);
}

void keep_message(const Source *source, Span span, const char *severity, const char *text)
{
    Diagnostics *kept = source->kept;
    int owner = -1;

    for (int i = 0; i < kept->count && same(severity, "note"); i++)
        owner = kept->items[i].note_of < 0 ? i : owner;
    APPEND(kept->items, kept->count, ((Message){span, severity, text, NULL, owner}));
    APPEND(kept->sources, kept->source_count, source);
}

static void keep_fix(const Source *source, const char *text)
{
    Message *last = NULL;

    for (int i = 0; i < source->kept->count; i++)
        if (source->kept->items[i].note_of < 0)
            last = &source->kept->items[i];
    if (last)
        last->fix = last->fix ? format("%s; %s", last->fix, text) : text;
}

static void report(const Source *source, Span span, const char *what, const char *fmt, va_list args)
{
    span = clamp(source, span);
    if (source->kept) {
        keep_message(source, span, what, text_of(fmt, args));
        return;
    }
    fprintf(stderr, "%s:%d:%d: %s: ", source->path, line_of(source, span),
            column_of(source, span.begin), what);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    print_place(source, span);
}

void error_at(Source *source, Span span, const char *fmt, ...)
{
    source->errors++;
    if (source->errors <= ERRORS_SHOWN) {
        va_list args;
        va_start(args, fmt);
        report(source, span, "error", fmt, args);
        va_end(args);
    } else if (source->errors == ERRORS_SHOWN + 1 && !source->kept) {
        fprintf(stderr, "%s: there are more errors; the first %d are shown\n", source->path,
                ERRORS_SHOWN);
    }
}

void warn_at(Source *source, Span span, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    report(source, span, "warning", fmt, args);
    va_end(args);
}

void note_at(Source *source, Span span, const char *fmt, ...)
{
    if (source->errors > ERRORS_SHOWN)
        return;
    va_list args;
    va_start(args, fmt);
    report(source, span, "note", fmt, args);
    va_end(args);
}

void note(Source *source, const char *fmt, ...)
{
    if (source->errors > ERRORS_SHOWN)
        return;
    va_list args;
    va_start(args, fmt);
    if (source->kept) {
        keep_fix(source, text_of(fmt, args));
    } else {
        fputs("    note: ", stderr);
        vfprintf(stderr, fmt, args);
        fputc('\n', stderr);
    }
    va_end(args);
}
