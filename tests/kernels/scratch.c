/*
 * scratch.c -- what a kernel keeps for itself where layers are wide: in the thread's scratch,
 * never on a stack; with the same numbers.
 */

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "support/kernel_test.h"

Suite *suite_scratch(void);

/* Each just beyond what the stack takes: dw of a wide kernel, dx under a maximum, a row of a table,
   the classes of a loss. */
static const KernelCase cases[] = {
    {"wide kernels", 19, 1, false, "input x[17, 40] = x\n    input y[35, 30, 26] = y", "[9] = t",
     "x, y",
     "    a = x -> conv1d(18, 1) -> relu -> conv1d(48, 23, padding=3) -> relu -> flatten\n"
     "    b = x -> conv1d(33, 33) -> relu -> flatten\n"
     "    c = y -> conv2d(64, 3, stride=4) -> relu -> conv2d(48, [2, 24], padding=[0, 12])\n"
     "          -> global_avgpool2d\n"
     "    concat(a, b, c) -> dense(9)\n",
     "mse"},

    {"wide groups", 17, 2, false, "input x[32, 30] = x", "[5] = t", "x",
     "    x -> conv1d(96, 25, groups=2) -> relu -> flatten -> dense(5)\n", "mse"},

    {"many channels under a maximum", 17, 1, false, "input x[5, 13] = x", "[3] = t", "x",
     "    x -> conv1d(1050, 1) -> dropout(0.25) -> conv1d(16, 2) -> relu -> global_maxpool1d\n"
     "      -> dense(3)\n",
     "mse"},

    {"long rows of a table", 17, 1, false, "input x = column(1) -> tokens(vocabulary=5, length=3)",
     "[2] = columns(1..2)", "x", "    x -> embedding(16400) -> mean -> dense(2)\n", "mse"},

    {"many classes", 19, 1, false, "input x[5] = x", "= t -> classes(1030)", "x",
     "    x -> dense(1030)\n", "cross_entropy"},

    {"many weighted classes", 19, 1, false, "input x[5] = x", "= t -> classes(1030)", "x",
     "    x -> dense(1030)\n", "cross_entropy, smoothing=0.1"},
};

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Nothing large on a stack ---------------------------------------------------------------- */

/* The numbers between brackets from `at` on, multiplied; 0 where there is anything else. */
static double array_count(const char *at)
{
    double count = 1;

    while (*at == '[') {
        char *end = NULL;

        for (at++;; at = end + strlen(" * ")) {
            count *= (double)strtol(at, &end, 10);
            if (end == at)
                return 0;
            if (strncmp(end, " * ", strlen(" * ")) != 0)
                break;
        }
        if (*end != ']')
            return 0;
        at = end + 1;
    }
    return count;
}

/* Bytes of the array that a line of a function declares, or 0. */
static double local_bytes(const char *text)
{
    static const char *const before[] = {"_Alignas(64) ", "const ", "struct "};
    int type;

    text += strspn(text, " ");
    for (int i = 0; i < COUNT(before); i++)
        if (strncmp(text, before[i], strlen(before[i])) == 0)
            text += strlen(before[i]);
    for (type = 0; isalnum((unsigned char)text[type]) || text[type] == '_'; type++)
        ;
    if (text[type] != ' ' || strncmp(text, "return ", 7) == 0)
        return 0;
    const bool word = strncmp(text, "float ", 6) == 0 || strncmp(text, "int32_t ", 8) == 0;

    for (text += type + 1; isalnum((unsigned char)*text) || *text == '_'; text++)
        ;
    return *text == '[' ? array_count(text) * (word ? 4 : 64) : 0; /* a vec has 64 */
}

/* The largest local array; a function's braces stand alone, in the first column. */
static double largest_local(const char *code)
{
    bool inside = false;
    double most = 0;

    while (*code) {
        const size_t length = strcspn(code, "\n");
        const double bytes = inside ? local_bytes(code) : 0;

        most = bytes > most ? bytes : most;
        inside = length == 1 && *code != ' ' ? *code == '{' : inside;
        code += length + (code[length] == '\n');
    }
    return most;
}

START_TEST(arrays_are_found)
{
    ck_assert(largest_local("struct a {\n    float x[100];\n};\nvoid f(void)\n{\n    int i;\n\n"
                            "    _Alignas(64) float p[2 * 3][5];\n    vec v[i];\n}\n"
                            "static float y[1000];\n") == 120);
    ck_assert(largest_local("void f(void)\n{\n    const struct taps t[3] = {\n    vec v[2];\n"
                            "    float (*q)[99] = 0;\n    return x[9];\n    x[7] = 1;\n}\n") ==
              192);
}
END_TEST

static const KernelCase huge[] = {
    {"maximum", 16, 1, false, "input x = column(1) -> tokens(vocabulary=30, length=6)",
     "[16] = columns(1..16)", "x",
     "    x -> embedding(140000) -> conv1d(16, 2) -> relu -> global_maxpool1d\n", "mse"},
    {"classes", 16, 1, false, "input x[4] = x", "= t -> classes(200000)", "x",
     "    x -> dense(200000)\n", "cross_entropy"},
    {"smoothed classes", 16, 1, false, "input x[4] = x", "= t -> classes(200000)", "x",
     "    x -> dense(200000)\n", "cross_entropy, smoothing=0.1"},
    {"kernels", 16, 1, false, "input x[3, 9000] = x\n    input y[70, 5000] = y", "[40] = t", "x, y",
     "    a = x -> conv1d(40, 3001) -> relu -> conv1d(48, 2001) -> relu -> conv1d(3, 999)\n"
     "          -> conv1d(3, 901, groups=3) -> global_avgpool1d\n"
     "    b = y -> conv1d(70, 4001, groups=2) -> maxpool1d(200) -> global_maxpool1d\n"
     "    concat(a, b) -> dense(40)\n",
     "mse"},
    {"channels", 16, 1, false, "input x[20000, 3, 3] = x", "[20000] = t", "x",
     "    a = x -> batchnorm -> relu -> maxpool2d(2, stride=1) -> conv2d(20000, 2, groups=20000)\n"
     "          -> softmax -> flatten -> layernorm\n"
     "    b = x -> conv2d(3, 3, padding=1) -> gelu -> conv2d(20000, 3) -> global_maxpool2d\n"
     "    a + b\n",
     "huber, delta=1"},
    {"one output", 16, 1, false, "input x[300000] = x", "[1] = t", "x",
     "    x -> dropout(0.5) -> dense(1)\n", "mse"},
    {"bag", 16, 1, false, "input x = column(1) -> bag_of_words(vocabulary=90000)",
     "[20000] = columns(1..20000)", "x", "    x -> dense(20000)\n", "mse"},
};

START_TEST(stack_does_not_grow)
{
    static const char *const targets[] = {"avx512", "avx2", "generic"};

    for (int i = 0; i < COUNT(targets); i++) {
        const Compiled c = plan_model(kernel_model(&huge[_i]), targets[i]);
        Text text = {0};

        const Code code = emit(c.model, c.train, c.evaluate, NULL, 0);

        write_unit(&text, &code, 0);
        const double most = largest_local(text.at);

        ck_assert_msg(most <= 64 * 1024, "%s: an array of %.0f bytes", huge[_i].name, most);
    }
}
END_TEST

Suite *suite_scratch(void)
{
    Suite *suite = suite_create("scratch");
    TCase *stack = tcase_create("stack");

    add_cases(suite, test_case, cases, COUNT(cases));
    tcase_set_timeout(stack, 120);
    tcase_add_test(stack, arrays_are_found);
    tcase_add_loop_test(stack, stack_does_not_grow, 0, COUNT(huge));
    suite_add_tcase(suite, stack);
    return suite;
}
