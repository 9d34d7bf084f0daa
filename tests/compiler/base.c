/*
 * base.c -- the spelling that is suggested, names of other libraries, arrays that grow.
 */

#include <check.h>
#include <string.h>

#include "base/base.h"
#include "core/attempt.h"
#include "core/nearest.h"
#include "semantics/analysis.h"

TCase *base_tests(void); /* for frontend.c */

START_TEST(nearest_spelling)
{
    static const char *const words[] = {"conv2d", "relu", "maxpool2d", "cross_entropy"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"conv2D", "conv2d"},
        {"conv", "conv2d"},
        {"rleu", "relu"},
        {"RELU", "relu"},
        {"maxpool", "maxpool2d"},
        {"crossentropy", "cross_entropy"},
        {"dense", NULL},
        {"", NULL},
        {"maximum_of_all_that_there_is_in_a_window_of_some_size", NULL},
    };

    for (int i = 0; i < COUNT(cases); i++)
        ck_assert_pstr_eq(net_nearest(cases[i].word, words, COUNT(words)), cases[i].nearest);
    ck_assert_ptr_null(net_nearest("relu", NULL, 0));
}
END_TEST

START_TEST(growing)
{
    int *numbers = NULL, count = 0;
    Text text = {0};

    for (int i = 0; i < 1000; i++)
        APPEND(numbers, count, i);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(numbers[i], i);
    for (int i = 0; i < 1000; i++)
        text_add(&text, "%d,", i % 10);
    ck_assert_uint_eq(text.length, 2000);
    ck_assert_uint_eq(strlen(text.at), 2000);
    ck_assert_str_eq(format("%s %d", "a", 5), "a 5");
    ck_assert(same(NULL, NULL) && !same("a", NULL) && same("a", "a"));
}
END_TEST

static void allocate_too_much(const void *size)
{
    allocate(*(const size_t *)size);
}

/* Out of memory is told to who attempts it; what is given back can be had again, as zeros. */
START_TEST(arena)
{
    const size_t most = SIZE_MAX, sizes[] = {1, 100, 70000, 1 << 20};

    ck_assert_int_eq(net_attempt(allocate_too_much, &most), 1);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT(sizes); i++) {
            char *at = allocate(sizes[i]);

            ck_assert(at[0] == 0 && at[sizes[i] - 1] == 0);
            memset(at, 0xff, sizes[i]);
        }
        give_back();
    }
}
END_TEST

/* What netc is said not to have it has not, and what it is said to have it has. A name may be of
   several things, as crop, which is a layer elsewhere and random_crop here. */
START_TEST(names_elsewhere)
{
    static const char *const absent[] = {
#define ABSENT(there, instead) there,
#include "semantics/elsewhere.def"
    };
    static const char *const here[] = {
#define WORD(there, here) here,
#include "semantics/elsewhere.def"
    };

    for (int i = 0; i < COUNT(absent); i++) {
        ck_assert_msg(!find_signature(absent[i], ~0u), "ABSENT(\"%s\") is there", absent[i]);
        ck_assert_msg(!unquoted_name(absent[i], KIND_LAYER), "ABSENT(\"%s\") is there: %s",
                      absent[i], unquoted_name(absent[i], KIND_LAYER));
    }
    for (int i = 0; i < COUNT(here); i++)
        ck_assert_msg(find_signature(here[i], ~0u) || is_carried(here[i]), "there is no %s",
                      here[i]);
}
END_TEST

TCase *base_tests(void)
{
    TCase *t = tcase_create("base");

    tcase_add_test(t, nearest_spelling);
    tcase_add_test(t, names_elsewhere);
    tcase_add_test(t, growing);
    tcase_add_test(t, arena);
    return t;
}
