/*
 * nearest.h -- did you mean ...? Shared by netc and its trainers.
 */

#ifndef NET_NEAREST_H
#define NET_NEAREST_H

/* The word that `word` is at most a third of its letters away from, the nearest of them; or
   NULL. */
const char *net_nearest(const char *word, const char *const *words, int count);

#endif
