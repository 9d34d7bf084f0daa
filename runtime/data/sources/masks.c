/*
 * masks.c -- which file is the mask of a picture: what the wildcards of the pictures' pattern stand
 * for in its path stands for those of the masks' too.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/pictures.h"
#include "data/sources/source.h"

enum { MOST = 64 }; /* wildcards of a pattern that are told apart */

/* What the wildcards of a pattern stand for. */
struct found {
    struct net_slice at[MOST];
    int count;
};

static bool is_wildcard(char c)
{
    return c == '*' || c == '?';
}

/* A star takes as little as it can, and no '/'; only the last has to be tried again, further on. */
static bool match(struct found *found, const char *pattern, const char *name)
{
    const char *rest = NULL;
    int star = -1;

    found->count = 0;
    while (*name || is_wildcard(*pattern)) {
        if (is_wildcard(*pattern) && found->count == MOST)
            return false;
        if (*pattern == '*') {
            star = found->count++;
            found->at[star] = (struct net_slice){name, 0};
            rest = ++pattern;
        } else if (*name && *name != '/' && *pattern == '?') {
            found->at[found->count++] = (struct net_slice){name++, 1};
            pattern++;
        } else if (*name && *pattern == *name) {
            pattern++, name++;
        } else {
            if (star < 0 || !*name || found->at[star].at[found->at[star].length] == '/')
                return false;
            name = found->at[star].at + ++found->at[star].length;
            pattern = rest;
            found->count = star + 1;
        }
    }
    return !*pattern;
}

/* Where the last parts of a path begin, as many as the pattern has; NULL: it has fewer. */
static const char *last_parts(const char *pattern, const char *path)
{
    const char *at = path + strlen(path);
    int parts = 1;

    for (; *pattern; pattern++)
        parts += *pattern == '/';
    while (at > path && (at[-1] != '/' || --parts))
        at--;
    return parts <= (at == path) ? at : NULL;
}

/* How long the folders are that both begin with; none has a wildcard. */
static size_t common_folders(const char *a, const char *b)
{
    size_t length = 0;

    for (size_t i = 0; a[i] && a[i] == b[i] && !is_wildcard(a[i]); i++)
        if (a[i] == '/')
            length = i + 1;
    return length;
}

static int count_wildcards(const char *pattern)
{
    int count = 0;

    for (; *pattern; pattern++)
        count += is_wildcard(*pattern);
    return count;
}

char *net_mask_path(const char *folder, const char *pattern, const char *masks, const char *path)
{
    const size_t common = common_folders(pattern, masks);
    const char *const tail = last_parts(pattern + common, path);
    struct net_text text = {0};
    struct found found = {0};

    if (!tail || !match(&found, pattern + common, tail))
        net_fail(1, "%s: its mask is not known, since it does not end as \"%s\" says", path,
                 pattern);
    if (!common && pattern[0] == '/' && masks[0] != '/')
        net_text_add(&text, "%s/", folder ? folder : ".");
    else if (common || masks[0] != '/')
        net_text_add(&text, "%.*s", (int)(tail - path), path);
    for (int next = found.count - count_wildcards(masks); *(masks + common); masks++)
        if (is_wildcard(masks[common]))
            net_text_add(&text, "%.*s", (int)found.at[next].length, found.at[next].at), next++;
        else
            net_text_add(&text, "%c", masks[common]);
    return text.at;
}
