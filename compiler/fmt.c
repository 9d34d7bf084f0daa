/*
 * fmt.c -- `netc fmt`: files in their canonical layout.
 *
 * One idea: what is written is first parsed again, and has to give the tree of the file; so a fault
 * of the layout can cost nobody a model.
 */

#define _XOPEN_SOURCE 700 /* open_memstream */

#include "driver.h"
#include "syntax/syntax.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: netc fmt model.net ...    lay models out anew, in their place\n"
                            "\n"
                            "  -o FILE   write to FILE, of one model\n"
                            "  --check   change nothing; exit 1 where a layout is another\n"
                            "  --help\n";

static char *tree_text(const Ast *ast)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        fail_memory();
    print_ast(out, ast);
    const bool failed = ferror(out);
    if (fclose(out) != 0 || failed || !text)
        fail_memory();
    return text;
}

/* Aborts if the layout says something else than the file: netc's own bug. */
static void verify_layout(const Ast *ast, const Source *source, const Text *text)
{
    const Ast *again = parse(new_source(source->path, text->at, text->length));
    char *before = tree_text(ast), *after = again ? tree_text(again) : NULL;

    if (!after || !same(before, after)) {
        fprintf(stderr, "netc: error: the layout of %s would change its meaning: a bug of netc\n",
                source->path);
        abort();
    }
    free(before);
    free(after);
}

static int format_file(const char *path, const char *output, bool check)
{
    Source *source = read_source(path);
    const Ast *ast = source ? parse(source) : NULL;
    Text text = {0};

    if (!ast)
        return EXIT_FAULT;
    format_source(&text, source);
    verify_layout(ast, source, &text);
    const bool equal = text.length == (size_t)source->length &&
                       memcmp(text.at, source->text, text.length) == 0;

    if (check && !equal)
        fprintf(stderr, "%s: not in the canonical layout; `netc fmt %s` changes it\n", path, path);
    if (check)
        return equal ? 0 : EXIT_FAULT;
    return equal && same(output, path) ? 0 : write_output(output, &text);
}

int format_files(int argc, char **argv)
{
    const char **inputs = NULL, *output = NULL;
    bool check = false, ended = false;
    int count = 0, status = 0;

    for (int i = 0; i < argc; i++) {
        if (ended || argv[i][0] != '-') {
            APPEND(inputs, count, file_name(argv[i]));
        } else if (same(argv[i], "--")) {
            ended = true;
        } else if (same(argv[i], "--check")) {
            check = true;
        } else if (same(argv[i], "--help") || same(argv[i], "-h")) {
            fputs(usage, stdout);
            return flush();
        } else if (same(argv[i], "-o") && i + 1 < argc) {
            output = file_name(argv[++i]);
        } else {
            fail_usage(format("fmt: there is no option `%s`; it has --check and -o FILE", argv[i]));
        }
    }
    if (count == 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (output && (check || count > 1))
        fail_usage("fmt: -o goes with one model, and not with --check");
    for (int i = 0; i < count; i++) {
        const int own = format_file(inputs[i], output ? output : inputs[i], check);

        status = own ? own : status;
    }
    return status;
}
