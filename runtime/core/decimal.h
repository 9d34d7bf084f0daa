/*
 * decimal.h -- decimal numbers as they are written, compared exactly: labels of 17 digits are told
 * apart that are the same double. For the runtime, and for libraries.
 */

#ifndef NET_DECIMAL_H
#define NET_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

enum { NET_MOST_EXPONENT = 1000000000 /* of ten: a number that has a larger one is a string */ };

/* sign times 0.DIGITS times 10^point, the first digit not 0; sign 0: no digit but 0. */
struct net_decimal {
    int sign;
    long point;
    const char *digits; /* a point may stand between them */
};

static inline bool net_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline const char *net_past_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* Behind the digits of a number: its power of ten, at most 10^10 either way. */
static inline long net_decimal_exponent(const char *word)
{
    bool negative;
    long x = 0;

    while (*word && *word != 'e' && *word != 'E')
        word++;
    word += *word != '\0';
    negative = *word == '-';
    word += *word == '-' || *word == '+';
    for (; net_is_digit(*word); word++)
        x = x > NET_MOST_EXPONENT ? x : 10 * x + (*word - '0');
    return negative ? -x : x;
}

static inline struct net_decimal net_decimal_read(const char *word)
{
    struct net_decimal d = {.sign = 1, .digits = NULL};
    bool behind = false;

    word = net_past_blanks(word);
    if (*word == '-')
        d.sign = -1;
    for (word += *word == '-' || *word == '+'; net_is_digit(*word) || *word == '.'; word++) {
        if (*word == '.') {
            behind = true;
            continue;
        }
        if (!d.digits && *word != '0')
            d.digits = word;
        d.point += d.digits ? !behind : -behind;
    }
    if (!d.digits)
        return (struct net_decimal){0};
    d.point += net_decimal_exponent(word);
    return d;
}

/* The digit at *at, and past it and a point; '0' behind the last. */
static inline char net_decimal_digit(const char **at)
{
    *at += **at == '.';
    return net_is_digit(**at) ? *(*at)++ : '0';
}

/* Less than 0, 0 or more, as the first number is smaller than the second, equal or larger. */
static inline int net_decimal_compare(const char *first, const char *second)
{
    const struct net_decimal a = net_decimal_read(first), b = net_decimal_read(second);
    const char *x = a.digits, *y = b.digits;

    if (a.sign != b.sign || !a.sign)
        return a.sign - b.sign;
    if (a.point != b.point)
        return a.point < b.point ? -a.sign : a.sign;
    while (net_is_digit(x[*x == '.']) || net_is_digit(y[*y == '.'])) {
        const int difference = net_decimal_digit(&x) - net_decimal_digit(&y);

        if (difference)
            return a.sign * difference;
    }
    return 0;
}

/* Is a word a decimal number, blanks around it aside, of no such exponent? */
static inline bool net_is_decimal(const char *word)
{
    const char *at = net_past_blanks(word), *digits;
    int count = 0;

    at += *at == '-' || *at == '+';
    for (bool point = false; net_is_digit(*at) || (*at == '.' && !point); at++) {
        point |= *at == '.';
        count += *at != '.';
    }
    if (count && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '-' || *at == '+';
        for (digits = at; net_is_digit(*at);)
            at++;
        count = at > digits ? count : 0;
    }
    const long exponent = net_decimal_exponent(word);

    return count && !*net_past_blanks(at) && exponent <= NET_MOST_EXPONENT &&
           exponent >= -NET_MOST_EXPONENT;
}

#endif
