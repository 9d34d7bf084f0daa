/*
 * emit.c -- what becomes of generated lines at the end: terms that say nothing go, and long
 * lines are broken.
 */

#include <check.h>

#include "emit/emit.h"

Suite *suite_emit(void);

static const char *const terms[][2] = {
    {"x = item / 1, y = item % 1;", "x = item, y = 0;"},
    {"block = item / 4 % 1;", "block = 0;"},
    {"f(4 * 1, 1 * 4, 1 * 1)", "f(4, 4, 1)"},
    {"a[0 + tap * 16 + 0 + b]", "a[tap * 16 + b]"},
    {"x = r * 1 - 0 + k;", "x = r + k;"},
    {"x = item / 4 * 1 % 3;", "x = item / 4 % 3;"},
    {"((1 * g + t) * 1) * 256", "(g + t) * 256"},
    {"x = ((g * 2 + t)) * 3;", "x = (g * 2 + t) * 3;"},
    {"{ 5 - 16 * ((block) % 1), (block) }", "{ 5, block }"},
    {"x = a - 1 * b;", "x = a - b;"},
    /* what stays */
    {"x = a - 0 * b;", "x = a - 0 * b;"},
    {"x = a * 0 + b % 10;", "x = a * 0 + b % 10;"},
    {"x = a + 0 * b + 10 * c;", "x = a + 0 * b + 10 * c;"},
    {"x = a * 16L + 1.0f * b * 1L;", "x = a * 16L + 1.0f * b * 1L;"},
    {"x = c * a % 1;", "x = c * a % 1;"},
    {"x = (float)a + (long)(b + c);", "x = (float)a + (long)(b + c);"},
    {"x = -(a);", "x = -a;"},
    {"f((a), (b + c) / (d + e))", "f(a, (b + c) / (d + e))"},
    {"\"0 + 1 * x\" /* 0 + 1 * x */", "\"0 + 1 * x\" /* 0 + 1 * x */"},
    {"x = 1e-1 * 1;", "x = 1e-1;"},
    /* casts that keep warnings away */
    {"{ int x;\n (void)x;\n y = x; }", "{ int x;\n y = x; }"},
    {"{ int x; (void)x; } y = x;", "{ int x; (void)x; } y = x;"},
    {"{ int x; (void)x; y.x = 2; }", "{ int x; (void)x; y.x = 2; }"},
    {"{ int x; (void)x; for (int x = 0; x < 3; x++) }",
     "{ int x; (void)x; for (int x = 0; x < 3; x++) }"},
};

START_TEST(says_nothing)
{
    Text text = {0};

    text_add(&text, "%s", terms[_i][0]);
    drop_terms(&text);
    ck_assert_str_eq(text.at, terms[_i][1]);
}
END_TEST

static const char *const lines[][2] = {
    {"    const float *window = x->at[chunk][(h.at + m) * 28 + w.at + "
     "l][block_of_all_the_windows][4 * "
     "g + r];\n",
     "    const float *window =\n"
     "            x->at[chunk][(h.at + m) * 28 + w.at + l][block_of_all_the_windows][4 * g + "
     "r];\n"},
    {"    net_larger(vec_load(the_first_of_them + 16 * r), vec_load(the_second_of_them + 16 * r), "
     "1, 2, 3, 4);\n",
     "    net_larger(vec_load(the_first_of_them + 16 * r), vec_load(the_second_of_them + 16 * r), "
     "1, 2, 3,\n"
     "            4);\n"},
    {"    const int pixel_of_a_tile = (tile_row * 4 + row) * 14 + (first_of_the_tiles + t) * 4 + "
     "column_of;\n",
     "    const int pixel_of_a_tile = (tile_row * 4 + row) * 14 + (first_of_the_tiles + t) * 4\n"
     "            + column_of;\n"},
};

START_TEST(too_long)
{
    Text text = {0};

    text_add(&text, "%s", lines[_i][0]);
    wrap_lines(&text);
    ck_assert_str_eq(text.at, lines[_i][1]);
}
END_TEST

Suite *suite_emit(void)
{
    Suite *suite = suite_create("emit");
    TCase *tcase = tcase_create("lines");

    tcase_add_loop_test(tcase, says_nothing, 0, COUNT(terms));
    tcase_add_loop_test(tcase, too_long, 0, COUNT(lines));
    suite_add_tcase(suite, tcase);
    return suite;
}
