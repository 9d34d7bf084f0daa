/* utf8.h -- characters as UTF-8, and as JSON's \u escapes. */

#ifndef NET_UTF8_H
#define NET_UTF8_H

/* One character, and how many bytes it takes; a byte that is not UTF-8 is a Latin-1 character. */
unsigned net_read_utf8(const unsigned char *at, const unsigned char *end, int *length);
char *net_put_utf8(char *to, unsigned code); /* a character; behind it */

/* The code of \uXXXX at `at`, or -1: half a character where it is 0xD800 to 0xDFFF. */
int net_read_escape(const char *at, const char *end);

#endif
