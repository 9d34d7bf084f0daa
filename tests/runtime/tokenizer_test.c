/*
 * tokenizer_test.c -- texts as words: what parts them, small letters of all scripts, the form of
 * characters that are written in several ways.
 */

#include "support/readers_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

/* The words of a text, with a bar behind each. */
static void expect_words(const struct net_call *call, const char *text, const char *expected)
{
    struct net_tokenizer tokenizer;
    struct net_slice word;
    char got[256] = "";

    net_tokenizer_open(&tokenizer, call);
    net_tokenizer_begin(&tokenizer, (struct net_slice){text, strlen(text)});
    while (net_tokenizer_next(&tokenizer, &word))
        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s|", (int)word.length, word.at);
    net_tokenizer_close(&tokenizer);
    ck_assert_str_eq(got, expected);
}

START_TEST(words)
{
    const struct net_arg plain[] = {
        {.name = "lower"}, {.name = "strip", .none = true}, {.name = "min_letters", .number = 1}};
    const struct net_arg lower[] = {{.name = "lower", .number = 1},
                                    {.name = "strip", .none = true},
                                    {.name = "min_letters", .number = 2}};
    const struct net_arg all[] = {{.name = "lower", .number = 1},
                                  {.name = "strip", .text = "tags punctuation digits", .count = 3},
                                  {.name = "min_letters", .number = 1}};
    const struct net_call calls[] = {{.args = plain, .arg_count = 3},
                                     {.args = lower, .arg_count = 3},
                                     {.args = all, .arg_count = 3}};

    expect_words(&calls[0], "", "");
    expect_words(&calls[0], " One,\ttwo\n<br/> 3 ", "One,|two|<br/>|3|");
    expect_words(&calls[1],
                 "A BC \xc3\x91"
                 "AND\xc3\x9a \xc4\x8c\xc4\x8d", /* ÑANDÚ Čč */
                 "bc|\xc3\xb1"
                 "and\xc3\xba|\xc4\x8d\xc4\x8d|");
    expect_words(&calls[1], "\xd0\x9f\xd0\x90 \xce\xa3\xce\x91", /* ПА ΣΑ */
                 "\xd0\xbf\xd0\xb0|\xcf\x83\xce\xb1|");
    expect_words(&calls[1], /* Știri Қазақ Ⱥ: small letters of more bytes */
                 "\xc8\x98tiri \xd2\x9a\xd0\xb0\xd0\xb7\xd0\xb0\xd2\x9b \xc8\xba\xc8\xba\xc8\xba",
                 "\xc8\x99tiri|\xd2\x9b\xd0\xb0\xd0\xb7\xd0\xb0\xd2\x9b|"
                 "\xe2\xb1\xa5\xe2\xb1\xa5\xe2\xb1\xa5|");
    expect_words(&calls[1], "a\xf1o", "a\xc3\xb1o|"); /* Latin-1 */
    expect_words(&calls[2], "It's<br /><b>5x4</b> \xc2\xbfQu\xc3\xa9? 2 < 3 & a<b",
                 "it|s|x|qu\xc3\xa9|a|b|");
    expect_words(&calls[2], "<a href=x", "a|href|x|");
    expect_words(&calls[2],
                 "\xe2\x80\x9cquoted\xe2\x80\x9d\xc2\xa0"
                 "2020",
                 "quoted|");
}
END_TEST

/* Capitals of all scripts, in words and alone; what has no small letter stays. */
START_TEST(small_letters)
{
    static const struct {
        unsigned capital, small;
    } cases[] = {
        {'A', 'a'},         {'Z', 'z'},           {'@', '@'},         {'[', '['},
        {0xC0, 0xE0},       {0xD7, 0xD7},         {0xDF, 0xDF},       {0xFF, 0xFF},
        {0x130, 'i'},       {0x131, 0x131},       {0x132, 0x133},     {0x138, 0x138},
        {0x178, 0xFF},      {0x17F, 0x17F},       {0x18F, 0x259},     {0x1C4, 0x1C6},
        {0x1C5, 0x1C6},     {0x1CD, 0x1CE},       {0x218, 0x219},     {0x23A, 0x2C65},
        {0x386, 0x3AC},     {0x38F, 0x3CE},       {0x3A2, 0x3A2},     {0x3A3, 0x3C3},
        {0x490, 0x491},     {0x49A, 0x49B},       {0x4E2, 0x4E3},     {0x531, 0x561},
        {0x556, 0x586},     {0x557, 0x557},       {0x10A0, 0x2D00},   {0x13A0, 0xAB70},
        {0x1C90, 0x10D0},   {0x1E9E, 0xDF},       {0x1EA4, 0x1EA5},   {0x1ED4, 0x1ED5},
        {0x1F88, 0x1F80},   {0x2126, 0x3C9},      {0x212A, 'k'},      {0x2167, 0x2177},
        {0x24B6, 0x24D0},   {0x2C2F, 0x2C5F},     {0xA640, 0xA641},   {0xA7AA, 0x266},
        {0xFF21, 0xFF41},   {0xFF3A, 0xFF5A},     {0x10400, 0x10428}, {0x118A0, 0x118C0},
        {0x1E921, 0x1E943}, {0x10FFFF, 0x10FFFF},
    };
    int capitals = 0;

    for (int i = 0; i < LENGTH(cases); i++)
        ck_assert_uint_eq(net_lower_case(cases[i].capital), cases[i].small);
    for (unsigned c = 0; c <= 0x10FFFF; c++) {
        const unsigned small = net_lower_case(c);

        ck_assert_uint_eq(net_lower_case(small), small);
        capitals += small != c;
    }
    ck_assert_int_eq(capitals, 1433); /* of Unicode 14 */
}
END_TEST

/* Unicode's normalization form C: marks in the order of their classes, then together with letters;
   Hangul; characters that are others; a byte of Latin-1. */
START_TEST(normal_form)
{
    static const struct {
        const char *text, *normal;
    } cases[] = {
        {"plain", "plain"},
        {"caf\u00e9", "caf\u00e9"},
        {"cafe\u0301", "caf\u00e9"},
        {"caf\xe9 e\u0301", "caf\u00e9 \u00e9"},
        {"a\u0323\u0302 a\u0302\u0323 \u00e2\u0323", "\u1ead \u1ead \u1ead"},
        {"q\u0323\u0307 q\u0307\u0323", "q\u0323\u0307 q\u0323\u0307"},
        {"a\u0301\u0301", "\u00e1\u0301"},
        {"a\u0327\u0301", "\u00e1\u0327"},
        {"\u0301a", "\u0301a"},
        {"\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00"},
        {"\ud558\u11ab \ud55c\u11ab", "\ud55c \ud55c\u11ab"},
        {"\u212b \u2126 \uf900", "\u00c5 \u03a9 \u8c48"},
        {"\u0958", "\u0915\u093c"}, /* is not put together again */
        {"\U0001109a", "\U0001109a"},
        {"\U00011099\U000110ba", "\U0001109a"},
    };
    const struct net_arg args[] = {{.name = "lower", .number = 1},
                                   {.name = "strip", .none = true},
                                   {.name = "min_letters", .number = 1},
                                   {.name = "nfc", .number = 1}};
    struct net_scratch scratch = {0};

    for (int i = 0; i < LENGTH(cases); i++) {
        const struct net_slice got = net_nfc(
            (struct net_slice){cases[i].text, strlen(cases[i].text)}, &scratch);

        ck_assert_int_eq(got.length, strlen(cases[i].normal));
        ck_assert_mem_eq(got.at, cases[i].normal, got.length);
    }
    free(scratch.at);
    expect_words(&(struct net_call){.args = args, .arg_count = LENGTH(args)}, "E\u0301a \u00c9A",
                 "\u00e9a|\u00e9a|");
}
END_TEST

/* Tags that never end, in a text of megabytes: searched for once. */
START_TEST(open_tags)
{
    const struct net_arg args[] = {{.name = "lower"},
                                   {.name = "strip", .text = "tags", .count = 1},
                                   {.name = "min_letters", .number = 1}};
    const struct net_call call = {.args = args, .arg_count = LENGTH(args)};
    const size_t count = 1 << 20;
    char *text = net_allocate(count, 3);
    struct net_tokenizer tokenizer;
    struct net_slice word;
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        memcpy(text + 3 * i, "<a ", 3);
    net_tokenizer_open(&tokenizer, &call);
    net_tokenizer_begin(&tokenizer, (struct net_slice){text, 3 * count});
    while (net_tokenizer_next(&tokenizer, &word))
        found++;
    ck_assert_uint_eq(found, count);
    net_tokenizer_begin(&tokenizer, (struct net_slice){"<a>b", 4}); /* of another text */
    ck_assert(net_tokenizer_next(&tokenizer, &word) && word.length == 1 && *word.at == 'b');
    net_tokenizer_close(&tokenizer);
    free(text);
}
END_TEST

TCase *readers_test_tokenizer(void)
{
    const TTest *const tests[] = {words, small_letters, normal_form, open_tags};
    TCase *made = tcase_create("tokenizer");

    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(made, tests[i]);
    return made;
}
