/*
 * nearest.c -- the name that was meant, perhaps: the nearest of several by edit distance. Part of
 * netc and of trainers.
 */

#include "core/nearest.h"

#include <ctype.h>
#include <string.h>

enum { MAX_WORD = 40 }; /* longer words are nobody's misspelling */

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int minimum(int a, int b)
{
    return a < b ? a : b;
}

/* Edits that turn a into b: insert, delete, replace, swap two neighbours; case costs nothing. */
static int edit_distance(const char *a, const char *b)
{
    int rows[3][MAX_WORD + 1];
    int a_length = (int)strlen(a), b_length = (int)strlen(b);

    for (int j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (int i = 1; i <= a_length; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            int replace = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            row[j] = minimum(replace, minimum(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1]))
                row[j] = minimum(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *net_nearest(const char *word, const char *const *words, int count)
{
    const char *best = NULL;
    int best_distance = 0;
    const size_t length = strlen(word);

    if (length > MAX_WORD)
        return NULL;
    for (int i = 0; i < count; i++) {
        const size_t other = strlen(words[i]);

        if (other > MAX_WORD)
            continue;
        const int longer = (int)(other > length ? other : length);
        const int most = longer == 2 ? 1 : longer / 3; /* "lt" may be "lr" */
        const int distance = edit_distance(word, words[i]);

        if (distance <= most && (!best || distance < best_distance)) {
            best = words[i];
            best_distance = distance;
        }
    }
    return best;
}

bool net_is_of_part(const char *parameter, const char *name)
{
    const size_t length = strcspn(name, " ");

    for (;;) {
        if (!strncmp(parameter, name, length) && parameter[length] == '.')
            return true;
        parameter = strchr(parameter, '.');
        if (!parameter)
            return false;
        parameter++;
    }
}
