/*
 * sweep_points.c -- the words of a sweep as points: every combination of lists, points that are
 * spelled out, or draws. A point is a text for each setting, as one would type it, so that its
 * folder's command is that of a run that anyone can repeat.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/sweep.h"
#include "core/random.h"

enum { MAX_POINTS = 10000, MAX_DRAWS = 100 };

/* ---- Settings -------------------------------------------------------------------------------- */

static _Noreturn void unknown_setting(const struct net_model *model, const char *name)
{
    const char *names[NET_SETTINGS + NET_MAX_LETS];
    int count = 0;

    for (int o = 0; o < NET_SETTINGS; o++)
        names[count++] = net_option_infos[o].name;
    for (int i = 0; i < model->let_count && i < NET_MAX_LETS; i++)
        if (model->lets[i].by_run)
            names[count++] = model->lets[i].name;
    const char *near = net_nearest(name, names, count);

    if (near)
        net_fail(NET_USAGE, "sweep: there is no setting \"%s\"; do you mean %s?", name, near);
    net_fail(NET_USAGE, "sweep: there is no setting \"%s\"; config lists them", name);
}

/* The setting of that name among those that are varied; added where it is new. */
static int find_setting(struct sweep *sweep, const char *name)
{
    const struct net_options *options = sweep->options;
    struct sweep_setting setting = {.option = -1, .let = -1};

    for (int o = 0; o < NET_SETTINGS && setting.option < 0; o++)
        if (net_same_name(net_option_infos[o].name, name, strlen(name)))
            setting.option = o;
    if (setting.option < 0)
        setting.let = net_let_named(options->model, name, strlen(name));
    if (setting.option < 0 && setting.let < 0)
        unknown_setting(options->model, name);
    if (setting.let >= 0 && !options->model->lets[setting.let].by_run)
        net_let_refuse(options->model, setting.let);
    if (setting.option == NET_MONITOR || setting.option == NET_KEEP)
        net_fail(NET_USAGE, "sweep: points with another %s cannot be ranked beside each other",
                 net_option_infos[setting.option].name);
    if (setting.option == NET_EPOCHS && net_flag(options, NET_HALVING))
        net_fail(NET_USAGE, "sweep: --halving chooses the epochs of each point; --epochs N says "
                            "how many the last have");
    setting.info = setting.option >= 0 ? net_option_infos[setting.option]
                                       : net_let_info(options->model, setting.let);
    if (setting.option >= 0 ? options->value[setting.option].given
                            : options->let[setting.let].given)
        net_fail(NET_USAGE, "sweep: %s is varied, and --%s says what it is", name,
                 net_typed_name(setting.info.name));
    for (int s = 0; s < sweep->setting_count; s++)
        if (sweep->settings[s].option == setting.option && sweep->settings[s].let == setting.let)
            return s;
    sweep->settings = realloc(sweep->settings,
                              (size_t)(sweep->setting_count + 1) * sizeof *sweep->settings);
    if (!sweep->settings)
        net_fail(NET_FAULT, "out of memory");
    sweep->settings[sweep->setting_count] = setting;
    return sweep->setting_count++;
}

static void check_value(const struct sweep_setting *setting, const char *text)
{
    struct net_value value = {0};

    net_option_read(&value, &setting->info, text);
}

/* A number with `behind` after it, where *end is then. */
static bool read_number(double *number, const char *text, char behind, const char **end)
{
    char *at;

    *number = strtod(text, &at);
    *end = at + strspn(at, " ");
    return at > text && **end == behind;
}

/* `log(1e-4, 1e-1)` or `uniform(0, 0.5)`; false: it is a list. */
static bool read_distribution(struct sweep_setting *setting, const char *text)
{
    const bool log = !strncmp(text, "log(", 4);
    const char *text_end = text;
    bool read;

    if (!log && strncmp(text, "uniform(", 8) != 0)
        return false;
    read = read_number(&setting->low, strchr(text, '(') + 1, ',', &text_end);
    read = read && read_number(&setting->high, text_end + 1, ')', &text_end) && !text_end[1];

    if (setting->info.kind != NET_KIND_NUMBER && setting->info.kind != NET_KIND_WHOLE)
        net_fail(NET_USAGE, "sweep: %s=%s: %s is no number: name its values, with commas",
                 setting->info.name, text, setting->info.name);
    if (!read || !(setting->low < setting->high) || (log && !(setting->low > 0)))
        net_fail(NET_USAGE, "sweep: %s=%s: expected %s", setting->info.name, text,
                 log ? "log(LOW, HIGH), numbers above 0 that rise, such as log(1e-4, 1e-1)"
                     : "uniform(LOW, HIGH), numbers that rise, such as uniform(0, 0.5)");
    if (setting->low < setting->info.low || setting->high > setting->info.high)
        net_fail(NET_USAGE, "sweep: %s=%s: %s is a number from %g to %.8g", setting->info.name,
                 text, setting->info.name, setting->info.low, setting->info.high);
    setting->kind = log ? SWEEP_LOG : SWEEP_UNIFORM;
    return true;
}

/* "0.01,0.05" */
static void read_list(struct sweep_setting *setting, const char *text)
{
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");
        char *value = net_format("%.*s", (int)length, at);

        check_value(setting, value);
        for (int i = 0; i < setting->count; i++)
            if (!strcmp(setting->values[i], value))
                net_fail(NET_USAGE, "sweep: %s=%s: %s stands there twice", setting->info.name, text,
                         value);
        setting->values = realloc(setting->values,
                                  (size_t)(setting->count + 1) * sizeof *setting->values);
        if (!setting->values)
            net_fail(NET_FAULT, "out of memory");
        setting->values[setting->count++] = value;
        at += length;
        if (!*at)
            return;
    }
}

static void read_word(struct sweep *sweep, const char *word)
{
    const char *equals = strchr(word, '=');
    char *name = net_format("%.*s", (int)(equals - word), word);
    const int index = find_setting(sweep, name);
    struct sweep_setting *setting = &sweep->settings[index];

    if (setting->count || setting->kind != SWEEP_LIST)
        net_fail(NET_USAGE, "sweep: %s is given twice", name);
    if (!read_distribution(setting, equals + 1))
        read_list(setting, equals + 1);
    free(name);
}

/* ---- Points ---------------------------------------------------------------------------------- */

static char **add_point(struct sweep *sweep)
{
    const size_t width = (size_t)sweep->setting_count;

    if (sweep->point_count == MAX_POINTS)
        net_fail(NET_USAGE, "sweep: more than %d points; --trials N draws N of them", MAX_POINTS);
    sweep->points = realloc(sweep->points,
                            ((size_t)sweep->point_count + 1) * width * sizeof *sweep->points);
    if (!sweep->points)
        net_fail(NET_FAULT, "out of memory");
    char **point = sweep->points + width * (size_t)sweep->point_count++;

    for (size_t s = 0; s < width; s++)
        point[s] = NULL;
    return point;
}

/* The last setting varies fastest. */
static void combine(struct sweep *sweep)
{
    double total = 1;

    for (int s = 0; s < sweep->setting_count; s++) {
        total *= sweep->settings[s].count;
        if (sweep->settings[s].kind != SWEEP_LIST)
            net_fail(NET_USAGE, "sweep: %s is drawn: --trials N says how often",
                     sweep->settings[s].info.name);
    }
    for (int p = 0; p < (total < MAX_POINTS ? (int)total : MAX_POINTS + 1); p++) {
        char **point = add_point(sweep); /* one too many are told */
        int rest = p;

        for (int s = sweep->setting_count - 1; s >= 0; s--) {
            const int count = sweep->settings[s].count;

            point[s] = net_format("%s", sweep->settings[s].values[rest % count]);
            rest /= count;
        }
    }
}

/* A draw in [0, 1). */
static double draw(const struct sweep *sweep, int point, int setting, int again)
{
    const uint64_t seed = (uint64_t)sweep->options->value[NET_SEED].number;
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];

    net_philox(out, key, (uint32_t)point, (uint32_t)again, 0, NET_RANDOM_SWEEP + (uint32_t)setting);
    return (out[0] * 4294967296.0 + out[1]) / 18446744073709551616.0;
}

static char *draw_value(const struct sweep_setting *setting, double u)
{
    const bool whole = setting->info.kind == NET_KIND_WHOLE;
    const double low = setting->low, high = setting->high + (whole ? 1 : 0);

    if (setting->kind == SWEEP_LIST)
        return net_format("%s", setting->values[(int)(u * setting->count)]);
    const double x = setting->kind == SWEEP_LOG ? exp(log(low) + u * (log(high) - log(low)))
                                                : low + u * (high - low);

    return whole ? net_format("%.0f", fmin(floor(x), setting->high))
                 : net_format("%.4g", fmin(fmax(x, setting->info.low), setting->info.high));
}

static bool is_there(const struct sweep *sweep, char *const *point)
{
    const int width = sweep->setting_count;

    for (int p = 0; p < sweep->point_count; p++) {
        char *const *other = sweep->points + p * width;
        int alike = 0;

        while (other != point && alike < width && point[alike] && other[alike] &&
               !strcmp(point[alike], other[alike]))
            alike++;
        if (alike == width)
            return true;
    }
    return false;
}

static void draw_points(struct sweep *sweep)
{
    const long trials = net_whole(sweep->options, NET_TRIALS);

    for (int p = 0; p < trials; p++) {
        char **point = add_point(sweep);
        int again = 0;

        do {
            for (int s = 0; s < sweep->setting_count; s++) {
                free(point[s]);
                point[s] = draw_value(&sweep->settings[s], draw(sweep, p, s, again));
            }
        } while (is_there(sweep, point) && ++again < MAX_DRAWS);
        if (again == MAX_DRAWS)
            net_fail(NET_USAGE, "sweep: --trials %ld: after %d points no other was drawn", trials,
                     p);
    }
}

/* "lr=.01 momentum=.9; lr=.1": settings first, so that all points are as wide. */
static void spell_points(struct sweep *sweep, const char *text)
{
    static const char space[] = " \t\n";

    for (int pass = 0; pass < 2; pass++)
        for (const char *at = text; *at; at += *at == ';') {
            char **point = NULL;

            for (at += strspn(at, space); *at && *at != ';'; at += strspn(at, space)) {
                const size_t length = strcspn(at, " \t\n;"), name = strcspn(at, "= \t\n;");
                char *word = net_format("%.*s", (int)length, at);

                if (name >= length || name == 0)
                    net_fail(NET_USAGE, "sweep: --points: expected NAME=VALUE, not \"%s\"", word);
                word[name] = '\0';
                const int s = find_setting(sweep, word);

                check_value(&sweep->settings[s], word + name + 1);
                if (pass && !point)
                    point = add_point(sweep);
                if (pass && point[s])
                    net_fail(NET_USAGE, "sweep: --points: %s is given twice in a point", word);
                if (pass)
                    point[s] = net_format("%s", word + name + 1);
                free(word);
                at += length;
            }
            if (pass && point && is_there(sweep, point)) {
                char *twice = sweep_point_text(sweep, sweep->point_count - 1);

                net_fail(NET_USAGE, "sweep: --points: %s stands there twice", twice);
            }
        }
    if (!sweep->point_count)
        net_fail(NET_USAGE,
                 "sweep: --points names no point, such as \"lr=.01 momentum=.9; lr=.1\"");
}

char *sweep_point_text(const struct sweep *sweep, int point)
{
    struct net_text text = {0};

    for (int s = 0; s < sweep->setting_count; s++) {
        const char *value = sweep->points[point * sweep->setting_count + s];

        if (value)
            net_text_add(&text, "%s%s=%s", text.length ? " " : "", sweep->settings[s].info.name,
                         value);
    }
    return text.at;
}

/* ---- A point's settings ---------------------------------------------------------------------- */

/* The command of a run like it. */
static char *command_of(const struct net_options *options)
{
    struct net_text text = {0}, value = {0};

    net_text_add(&text, "train");
    for (int o = 0; o <= NET_DATA; o++)
        if (options->value[o].given || (o == NET_DATA && options->value[o].text)) {
            value.length = 0;
            net_option_show(&value, options, (enum net_option)o);
            char *flag = net_option_flag((enum net_option)o);

            net_text_add(&text, " --%s=", flag);
            net_text_shell(&text, value.at);
            free(flag);
        }
    for (int i = 0; i < options->model->let_count && i < NET_MAX_LETS; i++)
        if (options->let[i].given && options->let[i].applies) {
            char *flag = net_typed_name(options->model->lets[i].name);

            net_text_add(&text, " --%s=", flag);
            net_text_number(&text, options->let[i].number);
            free(flag);
        }
    free(value.at);
    return text.at;
}

void sweep_options(const struct sweep *sweep, int point, struct net_options *options)
{
    *options = *sweep->options;
    options->command = NET_TRAIN_COMMAND;
    options->run_model = NULL;
    options->data = NULL;
    options->value[NET_RESUME] = options->value[NET_OUT] = (struct net_value){0};
    options->value[NET_JSON_OUTPUT] = (struct net_value){0};
    for (int s = 0; s < sweep->setting_count; s++) {
        const struct sweep_setting *setting = &sweep->settings[s];
        const char *text = sweep->points[point * sweep->setting_count + s];

        if (text)
            net_option_read(setting->option >= 0 ? &options->value[setting->option]
                                                 : &options->let[setting->let],
                            &setting->info, text);
    }
    net_settings_default(options);
    options->command_line = command_of(options);
}

void sweep_options_free(struct net_options *options)
{
    free(options->command_line);
    free(options->data);
    net_lets_free(options);
}

/* ---- All ------------------------------------------------------------------------------------- */

void sweep_points_read(struct sweep *sweep)
{
    const struct net_options *options = sweep->options;
    const char *points = options->value[NET_POINTS].text;

    if (points && (options->run_count || options->value[NET_TRIALS].given))
        net_fail(NET_USAGE,
                 "sweep: --points has whole points: no NAME=VALUES or --trials beside it");
    if (!points && !options->run_count)
        net_fail(NET_USAGE, "sweep wants what to vary: sweep lr=0.01,0.1 momentum=0.5,0.9");
    for (int i = 0; i < options->run_count; i++)
        read_word(sweep, options->runs[i]);
    if (points)
        spell_points(sweep, points);
    else if (options->value[NET_TRIALS].given)
        draw_points(sweep);
    else
        combine(sweep);
    sweep->names = net_allocate((size_t)sweep->point_count, sizeof *sweep->names);
    for (int p = 0; p < sweep->point_count; p++) {
        struct net_options own;

        sweep->names[p] = net_format("point_%d", p + 1);
        sweep_options(sweep, p, &own); /* what does not go together is told before any is trained */
        sweep_options_free(&own);
    }
}

void sweep_points_free(struct sweep *sweep)
{
    for (int s = 0; s < sweep->setting_count; s++) {
        for (int i = 0; i < sweep->settings[s].count; i++)
            free(sweep->settings[s].values[i]);
        free(sweep->settings[s].values);
    }
    for (int i = 0; i < sweep->point_count * sweep->setting_count; i++)
        free(sweep->points[i]);
    for (int p = 0; p < sweep->point_count; p++)
        free(sweep->names[p]);
    free(sweep->names);
    free(sweep->points);
    free(sweep->settings);
}
