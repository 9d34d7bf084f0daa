/*
 * run_numbers.c -- numbers that a run can change: tables of the lets and of what they make, and the
 * functions that compute it, once a run.
 *
 * The one idea: three steps, each an array. Lets are as the file or a flag has them; numbers are
 * arguments of calls and penalties, in double, whose ranges the runtime checks; values are floats,
 * what kernels would have as literals.
 */

#include <string.h>

#include "emit/tables.h"

const char *number_operand(int run_number, double x)
{
    return run_number ? format("numbers[%d]", run_number - 1) : format("%.17g", x);
}

static int add_value_of(Emitter *e, const char *expression)
{
    APPEND(e->run_values, e->run_value_count, expression);
    return e->run_value_count - 1;
}

const char *run_value(Emitter *e, const char *expression)
{
    for (int i = 0; i < e->run_value_count; i++)
        if (same(e->run_values[i], expression))
            return format("run->values[%d]", i);
    return format("run->values[%d]", add_value_of(e, expression));
}

const char *float_text(Emitter *e, int run_number, const char *formula, double x)
{
    return run_number ? run_value(e, format(formula, number_operand(run_number, 0))) : literal(x);
}

const char *run_array(Emitter *e, const char *const *expressions, int count)
{
    for (int i = 0; i + count <= e->run_value_count; i += 16) { /* of the other step */
        int alike = 0;

        while (alike < count && same(e->run_values[i + alike], expressions[alike]))
            alike++;
        if (alike == count)
            return format("run->values + %d", i);
    }
    while (e->run_value_count % 16)
        add_value_of(e, "0");
    const int first = e->run_value_count;

    for (int i = 0; i < count || e->run_value_count % 16; i++)
        add_value_of(e, i < count ? expressions[i] : "0");
    return format("run->values + %d", first);
}

static void write_lets(Text *out, const Model *m)
{
    line(out, 0, "static const struct net_let lets[] = { /* name, value, line, by a run */");
    for (int i = 0; i < m->let_count; i++) {
        const Let *let = &m->lets[i];
        const bool own = can_be_set(let);

        line(out, 1, "{ %s, %s, %s, %d, %s, %s, %s, %s },", quoted(let->name),
             let->is_number ? "NULL" : quoted(let->text),
             number_text(let->is_number ? let->number : 0), line_of(m->source, let->span),
             truth(own), number_text(own ? let->low : 0), number_text(own ? let->high : 0),
             truth(let->whole));
    }
    line(out, 0, "};\n");
}

static void write_find_numbers(Text *out, const Model *m)
{
    line(out, 0, "static const struct net_number numbers[] = { /* what, line, range */");
    for (int i = 0; i < m->number_count; i++) {
        const RunNumber *n = &m->numbers[i];

        line(out, 1, "{ %s, %d, %s, %s, %s },", quoted(n->what), line_of(m->source, n->span),
             number_text(n->low), number_text(n->high), truth(n->whole));
    }
    line(out, 0, "};\n");
    line(out, 0, "static void find_numbers(double *numbers, double *lets, const bool *given)\n{");
    line(out, 1, "(void)given;");
    for (int i = 0; i < m->let_count; i++)
        if (m->lets[i].formula && m->lets[i].is_number) {
            line(out, 1, "if (!given[%d])", i);
            line(out, 2, "lets[%d] = %s;", i, m->lets[i].formula);
        }
    for (int i = 0; i < m->number_count; i++)
        line(out, 1, "numbers[%d] = %s;", i, m->numbers[i].formula);
    line(out, 0, "}\n");
}

void write_run_numbers(Text *out, const Emitter *e)
{
    const Model *m = e->model;

    if (m->let_count)
        write_lets(out, m);
    if (m->number_count)
        write_find_numbers(out, m);
    if (!e->run_value_count)
        return;
    line(out, 0, "static void find_values(float *values, const double *numbers)\n{");
    for (int i = 0; i < e->run_value_count; i++)
        if (!same(e->run_values[i], "0"))
            line(out, 1, "values[%d] = (float)(%s);", i, e->run_values[i]);
    line(out, 0, "}\n");
}
