/*
 * emit.c -- what becomes of generated text: placeholders are filled, at the end long lines are
 * broken, files cut into units.
 */

#include <check.h>
#include <string.h>

#include "data/data.h"
#include "emit/emit.h"
#include "support/kernel_test.h"

Suite *suite_emit(void);

/* Tables give the parts of a data set by number. */
_Static_assert((int)PART_TRAIN == (int)NET_TRAIN && (int)PART_VALIDATION == (int)NET_VALIDATION &&
                   (int)PART_TEST == (int)NET_TEST && (int)PARTS == (int)NET_PARTS,
               "netc and the runtime number parts alike");

static const char *const lines[][2] = {
    {"    const float *window = x->at[batch_block][(h.at + m) * 28 + w.at + "
     "l][block_of_all_the_windows][4 * "
     "g + r];\n",
     "    const float *window =\n"
     "            x->at[batch_block][(h.at + m) * 28 + w.at + l][block_of_all_the_windows][4 * g + "
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

static Function function(Section section, const char *kind, const char *name, const char *body)
{
    const char *text = format("%s void %s(NET_RUN)\n{\n%s}\n", kind, name, body);

    return (Function){.name = name, .section = section, .head = text, .text = text};
}

/* Kernels that share tiles go into one unit, and unit 0 declares what the other one defines. */
START_TEST(units)
{
    Function functions[] = {
        function(TILES, "NET_TILE", "tile_8x3", "    tile();\n"),
        function(TILES, "NET_TILE", "tile_8x1", "    tile();\n"),
        function(KERNELS, "NET_KERNEL", "forward_a", "    dense(tile_8x3, tile_8x1);\n"),
        function(KERNELS, "NET_KERNEL", "sums_a", "    sums();\n"),
        function(KERNELS, "NET_KERNEL", "forward_b", "    dense(tile_8x1);\n"),
        function(KERNELS, "NET_KERNEL", "sums_b", "    sums();\n"),
    };
    Code code = {.head = "",
                 .functions = functions,
                 .function_count = COUNT(functions),
                 .network = "network\n"};
    Text text[2] = {{0}, {0}};

    cut_into_units(&code, 2);
    for (int i = 0; i < 2; i++)
        write_unit(&text[i], &code, i);
    ck_assert_int_eq(functions[2].unit, functions[4].unit);
    ck_assert_int_ne(functions[2].unit, functions[3].unit);
    for (int i = 0; i < COUNT(functions); i++)
        for (int unit = 0; unit < 2; unit++)
            ck_assert_int_eq(strstr(text[unit].at, functions[i].text) != NULL,
                             functions[i].section != KERNELS || functions[i].unit == unit);
    for (int i = 2; i < COUNT(functions); i++)
        ck_assert_ptr_nonnull(strstr(text[0].at, format(" %s(NET_RUN)", functions[i].name)));
    ck_assert_ptr_nonnull(strstr(text[0].at, "network"));
    ck_assert_ptr_null(strstr(text[1].at, "network"));
}
END_TEST

/* A core each, of four kernels or more. */
START_TEST(number_of_units)
{
    static const struct {
        int kernels, cores, units;
    } counts[] = {{0, 2, 1}, {7, 2, 1}, {8, 2, 2}, {100, 2, 2}, {100, 1, 1}, {17, 64, 4}};
    Function functions[100];

    for (int i = 0; i < COUNT(functions); i++)
        functions[i] = function(KERNELS, "NET_KERNEL", "kernel", "    sums();\n");
    for (int i = 0; i < COUNT(counts); i++) {
        const Code code = {.functions = functions, .function_count = counts[i].kernels};

        ck_assert_int_eq(count_units(&code, counts[i].cores), counts[i].units);
    }
}
END_TEST

/* Where numbers stop being finite is told by the layer: of a kernel with several, each that can be
   looked at alone, and by all of them where its result is not kept. */
START_TEST(fused_results)
{
    const Compiled c = plan_body("    a = y -> conv2d(16, 3) -> sqrt -> tanh -> flatten\n"
                                 "    b = x -> dense(8) -> log -> relu\n"
                                 "    concat(a, b) -> dense(9)\n",
                                 "avx2");
    const char *text = generate(&c);
    const char *const results[] = {", \"net.a or net.sqrt\"}", ", \"net.b\"}", ", \"net.log\"}"};

    for (int i = 0; i < COUNT(results); i++)
        ck_assert_msg(strstr(text, results[i]) != NULL, "no result%s", results[i]);
    ck_assert_ptr_null(strstr(text, ", \"net.relu\"}"));
}
END_TEST

/* Of a pool of y[3, 6, 6]. */
static const char *const filled[][2] = {
    {"net_<op>(", "net_avgpool2d("},
    {"<x.shape>_<kernel>", "16x3x6x6_2x3"},
    {".x = <x.size>, .y = <y.size>", ".x = {6, 6}, .y = {3, 2}"},
    {"<in.dim0> channels, <in.dim1> rows; <out.channels>", "3 channels, 6 rows; 3"},
    {"<at.kernel>, <at.stride><padding>", "{2, 3}, {2, 3}"},
    {"1.0f / <window>.0f", "1.0f / 6.0f"},
    {"p->x", "p->x"},
    {"", ""},
};

START_TEST(placeholders)
{
    const Compiled c = plan_body("    concat(x, y -> avgpool2d([2, 3]) -> flatten) -> dense(9)\n",
                                 "generic");
    Emitter e = {.model = c.model, .target = c.train->target};
    const KernelCode code = {.e = &e, .word = kernel_word};
    int i = 0;

    while (c.train->kernels[i]->node->op != OP_AVGPOOL2D)
        i++;
    ck_assert_str_eq(fill(&code, c.train->kernels[i], filled[_i][0]), filled[_i][1]);
}
END_TEST

/* A min is the max of a row of its own; its gradient is that of a max. */
START_TEST(smallest)
{
    const Compiled c = plan_body("    a = y -> conv2d(4, 3) -> min(axis=height) -> flatten\n"
                                 "    concat(x, a) -> dense(9)\n",
                                 "generic");
    const char *text = generate(&c);

    ck_assert_ptr_nonnull(strstr(text, "V(x), -1.0f,"));
    ck_assert_ptr_nonnull(strstr(text, "y = the min of x along axis 1, index = the first"));
    ck_assert_ptr_nonnull(strstr(text, "{ net_axis_max_grad("));
}
END_TEST

/* A layer with a gelu writes that and what its gradient reads: the tile asks for the lines of both
   before it sums, by the template for the first's. */
START_TEST(prefetches)
{
    const char *text = "data {\n    train = npy(x=\"x.npy\", t=\"t.npy\")\n    input x[32] = x\n"
                       "    target t[16] = t\n}\n"
                       "network net(x) { x -> dense(32) -> gelu -> dense(16) }\n"
                       "train {\n    loss = mse(net(x), t)\n    optimizer = sgd(lr=0.1)\n"
                       "    batch = 16\n}\n";
    const Compiled c = plan_model(text, "avx512");
    const char *tile = strstr(generate(&c), "_bias_gelu, apply_gelu)");

    ck_assert_ptr_nonnull(tile);
    ck_assert_int_eq(strncmp(strchr(tile, '\n'), "\n{\n    net_prefetch_tile(o.y_2 + e.at, ", 39),
                     0);
    ck_assert_ptr_nonnull(strstr(tile, "&o, o.y, e, run);"));
}
END_TEST

Suite *suite_emit(void)
{
    Suite *suite = suite_create("emit");
    TCase *tcase = tcase_create("lines");

    tcase_add_loop_test(tcase, too_long, 0, COUNT(lines));
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("placeholders");
    tcase_add_loop_test(tcase, placeholders, 0, COUNT(filled));
    tcase_add_test(tcase, smallest);
    tcase_add_test(tcase, prefetches);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("units");
    tcase_add_test(tcase, units);
    tcase_add_test(tcase, number_of_units);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("tables");
    tcase_add_test(tcase, fused_results);
    suite_add_tcase(suite, tcase);
    return suite;
}
