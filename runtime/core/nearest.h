/*
 * nearest.h -- did you mean ...? And parts of a network by name. Shared by netc and its trainers.
 */

#ifndef NET_NEAREST_H
#define NET_NEAREST_H

#include <stdbool.h>

/* The word that `word` is at most a third of its letters away from, the nearest of them; or
   NULL. */
const char *net_nearest(const char *word, const char *const *words, int count);

/* Is the parameter "net.block_1.dense.weight" of the part that is called `name`, up to its end or a
   blank? That is one or more of the words before the last dot, whole and in a row: "net",
   "block_1", "block_1.dense". */
bool net_is_of_part(const char *parameter, const char *name);

#endif
