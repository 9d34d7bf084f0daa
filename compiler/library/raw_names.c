/*
 * raw_names.c -- what a run has learnt of the words of its texts and of the classes of its cells,
 * for the raw form of a library: tables of strings, and what becomes of those that are not there.
 */

#include "library/library.h"
#include "library/names.h"
#include "library/weights.h"

#include <stdlib.h>

/* A run says of marks that there are some, not that there are none. */
static bool marks_agree(struct net_walk step, const Call *call)
{
    struct net_walk begin = step, end = step;

    return net_library_find(&begin, "begin") == (number(call, "begin") != 0) &&
           net_library_find(&end, "end") == (number(call, "end") != 0);
}

/* Words of a text by number, or how often each is there. */
bool add_text(Library *l, Port *port, struct net_walk step, const Call *call)
{
    const Constant *grams = argument(call, "ngrams");
    const int most = grams->kind == CONSTANT_NUMBER ? (int)grams->number : 1;
    const bool bag = same(call->name, "bag_of_words");

    if (!same(port->source_type, "char") || argument(call, "nfc")->number != 0 ||
        (!bag && most > 1))
        return false;
    if (!bag && !marks_agree(step, call)) {
        port->disagrees = call->name;
        return false;
    }
    port->words = call;
    port->grams = bag ? most : 0;
    port->idf = -1;
    return add_names(l, step, "words", &port->names) && port->names.count > 0 &&
           port->names.count <= (bag ? port->size : port->value->vocabulary - 2) &&
           add_names(l, step, "stopwords", &port->stop); /* 2: padding and unknown */
}

bool add_tfidf(Library *l, Port *port, struct net_walk step)
{
    double *idf = allocate((size_t)port->size * sizeof *idf);

    if (!port->grams || !read_numbers(step, "idf", idf, port->size))
        return false;
    port->idf = add_inside(l, idf, (size_t)port->size * sizeof *idf);
    return true;
}

static bool is_allowed(const Call *call, const char *values)
{
    return !is_name(call, values, "error");
}

/* The class that stands for missing cells: the one that most rows have. */
static int find_mode(const Library *l, const Port *port, struct net_walk step)
{
    bool first = true;

    if (!net_library_find(&step, "mode") || !net_walk_past(&step, '[') ||
        !net_walk_item(&step, ']', &first))
        return -1;
    const char *mode = string_text(net_walk_string(&step));
    const int class = port->names.at < 0 ? (int)strtol(mode, NULL, 10)
                                         : net_names_class(l->names.at + port->names.at, mode);

    return class < 0 ? port->unknown : class;
}

/* The classes of cells by name, or of numbers that are the classes. */
bool add_classes(Library *l, Port *port, struct net_walk step, const Call *call)
{
    const bool unknown = is_allowed(call, "unknown");

    if (same(port->source_type, "char") || !add_names(l, step, "names", &port->names))
        return false;
    port->numbers = call;
    port->classes_known = port->field->classes;
    port->unknown = unknown ? port->classes_known : -1;
    port->missing = !is_allowed(call, "missing")       ? -1
                    : is_name(call, "missing", "mode") ? find_mode(l, port, step)
                                                       : port->classes_known + unknown;
    port->source_type = port->names.at < 0 ? "double" : "char";
    return port->names.at < 0 || (port->source_size == 1 && !port->stage_count);
}
