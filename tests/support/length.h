/*
 * length.h -- how many elements a table of cases has.
 */

#ifndef LENGTH_H
#define LENGTH_H

#define LENGTH(list) ((int)(sizeof(list) / sizeof *(list)))

#endif
