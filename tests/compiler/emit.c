/*
 * emit.c -- what becomes of generated lines at the end: long ones are broken.
 */

#include <check.h>

#include "emit/emit.h"

Suite *suite_emit(void);

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

    tcase_add_loop_test(tcase, too_long, 0, COUNT(lines));
    suite_add_tcase(suite, tcase);
    return suite;
}
