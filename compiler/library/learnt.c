/*
 * learnt.c -- what a run has learnt of its data, of its preparation.json: numbers, names of
 * classes.
 */

#include "library/library.h"
#include "library/weights.h"

#include <math.h>
#include <stdlib.h>

const char *string_text(struct net_string s)
{
    char *text = allocate((size_t)(s.end - s.at) + 4), *to = text;

    while (s.at < s.end) {
        unsigned char bytes[4];
        const int count = net_string_bytes(&s, bytes);

        if (!count)
            break;
        for (int i = 0; i < count; i++)
            *to++ = (char)bytes[i];
    }
    return text;
}

bool read_numbers(struct net_walk w, const char *key, double *numbers, int count)
{
    bool first = true;
    int found = 0;

    if (!net_library_find(&w, key))
        return false;
    const bool list = net_walk_past(&w, '[');

    while (!w.wrong && found < count && (list ? net_walk_item(&w, ']', &first) : !found)) {
        char *end;

        net_walk_next(&w);
        numbers[found] = strtod((const char *)w.at, &end);
        if (end == (const char *)w.at || !isfinite(numbers[found]))
            return false;
        w.at = (const unsigned char *)end;
        found++;
    }
    if (list && found == count)
        net_walk_want(&w, ']');
    for (int i = 1; found == 1 && i < count; i++)
        numbers[i] = numbers[0];
    return !w.wrong && (found == count || found == 1);
}

/* The strings of the list that a walk stands before. */
static void read_names(Port *port, struct net_walk *w)
{
    bool first = true;

    net_walk_want(w, '[');
    while (net_walk_item(w, ']', &first)) {
        const char *name = string_text(net_walk_string(w));

        APPEND(port->classes, port->class_count, name);
    }
}

/* Of the step that numbers them: {"classes": {"names": [...]}} */
static void find_names(Port *port, struct net_walk *w)
{
    static const char *const lists[][2] = {
        {"classes", "names"}, {"one_hot", "names"}, {"labels", "names"}, {"tokens", "words"}};
    bool first = true;

    net_walk_want(w, '[');
    while (net_walk_item(w, ']', &first)) {
        for (int i = 0; i < COUNT(lists); i++) {
            struct net_walk step = *w;

            if (net_library_find(&step, lists[i][0]) && net_library_find(&step, lists[i][1]))
                read_names(port, &step);
        }
        net_walk_value(w);
    }
}

void find_class_names(Library *l)
{
    const unsigned char *text = (const unsigned char *)l->preparation;
    const struct net_walk whole = {text, text + strlen(l->preparation), false};

    for (int i = 0; i < l->output_count; i++) {
        Port *port = &l->outputs[i];
        struct net_walk w = whole;

        if (!port->field || !port->field->classes)
            continue;
        if (net_library_find(&w, "fields") && net_library_find(&w, port->field->name))
            find_names(port, &w);
        w = whole;
        if (!port->class_count && i == 0 && net_library_find(&w, "classes"))
            read_names(port, &w);
    }
}
