/*
 * preparation_json.c -- what transforms were fitted to on the training part, as a file that `eval`
 * and `predict` read back:
 *
 *     {"fields": {"features": [{"scale": {}}, {"standardize": {"mean": [...], "std": [...]}}],
 *                 "species": [{"classes": {"names": ["setosa", ...]}}]},
 *      "classes": ["setosa", ...], "fold": [3, 10]}
 *
 * A field's steps are its transforms in order; those that learn nothing are {}. A run that is one
 * of several folds says which: its validation rows are found again by it.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { LISTS = 2 }; /* of struct net_fitted */

static void add_list(struct net_text *text, const double *list, int count)
{
    net_text_add(text, "[");
    for (int i = 0; i < count; i++) {
        if (i)
            net_text_add(text, ", ");
        net_text_number(text, list[i]);
    }
    net_text_add(text, "]");
}

static void add_strings(struct net_text *text, const struct net_string_table *strings)
{
    net_text_add(text, "[");
    for (int32_t i = 0; i < strings->count; i++) {
        net_text_add(text, i ? ", " : "");
        net_text_quote(text, net_string(strings, i));
    }
    net_text_add(text, "]");
}

static void add_field(struct net_text *text, const struct net_field *field,
                      const struct net_fitted *fitted)
{
    for (int s = 0; s < field->step_count; s++) {
        const struct net_transform *transform = field->steps[s].transform;

        net_text_add(text, s ? ", {" : "{");
        net_text_quote(text, transform->name);
        net_text_add(text, ": {");
        for (int l = 0; l < LISTS && transform->fitted[l]; l++) {
            net_text_add(text, l ? ", " : "");
            net_text_quote(text, transform->fitted[l]);
            net_text_add(text, ": ");
            add_list(text, fitted[s].list[l], fitted[s].count);
        }
        for (int w = 0, listed = fitted[s].count > 0; w < LISTS; w++) {
            if (!fitted[s].strings[w])
                continue;
            net_text_add(text, listed++ ? ", " : "");
            net_text_quote(text, transform->strings[w]);
            net_text_add(text, ": ");
            add_strings(text, fitted[s].strings[w]);
        }
        net_text_add(text, "}}");
    }
}

char *net_data_preparation_json(const struct net_data *data)
{
    const struct net_model *model = data->model;
    struct net_text text = {0};

    net_text_add(&text, "{\n  \"fields\": {");
    for (int f = 0; f < model->field_count; f++) {
        net_text_add(&text, f ? ",\n    " : "\n    ");
        net_text_quote(&text, model->fields[f].name);
        net_text_add(&text, ": [");
        add_field(&text, &model->fields[f], data->fitted[f]);
        net_text_add(&text, "]");
    }
    net_text_add(&text, "\n  },\n  \"classes\": [");
    for (int c = 0; c < net_target_field(model)->classes; c++) {
        const char *name = net_data_class_name(data, c);

        net_text_add(&text, c ? ", " : "");
        if (name)
            net_text_quote(&text, name);
        else
            net_text_add(&text, "\"%d\"", c);
    }
    net_text_add(&text, "]");
    if (data->fold.count)
        net_text_add(&text, ",\n  \"fold\": [%d, %d]", data->fold.number, data->fold.count);
    net_text_add(&text, "\n}\n");
    return text.at;
}

/* One fitted list; the first one decides how many numbers there are. */
static void load_list(const struct net_json *step, const char *name, struct net_fitted *fitted,
                      int l, const char *path)
{
    const struct net_json *list = step ? net_json_member(step, name) : NULL;
    int i = 0;

    if (!list || list->kind != NET_JSON_ARRAY || (l && list->count != fitted->count))
        net_fail(1, "%s: expected a list of numbers \"%s\"", path, name);
    fitted->count = list->count;
    fitted->list[l] = net_allocate((size_t)list->count, sizeof(double));
    for (const struct net_json *item = list->first; item; item = item->next) {
        if (item->kind != NET_JSON_NUMBER || !isfinite(item->number))
            net_fail(1, "%s: number %d of \"%s\" is not a finite number", path, i, name);
        fitted->list[l][i++] = item->number;
    }
}

/* Fitted strings, where there are any: classes may be numbers. */
static void load_strings(const struct net_json *step, const char *name,
                         struct net_string_table **strings, const char *path)
{
    const struct net_json *list = step ? net_json_member(step, name) : NULL;

    if (!list)
        return;
    if (list->kind != NET_JSON_ARRAY)
        net_fail(1, "%s: expected a list of strings \"%s\"", path, name);
    *strings = net_strings_new();
    for (const struct net_json *item = list->first; item; item = item->next) {
        const int32_t count = (*strings)->count;

        if (item->kind != NET_JSON_STRING ||
            net_strings_add(*strings, item->text, strlen(item->text)) != count)
            net_fail(1, "%s: number %d of \"%s\" is not a string of its own", path, count, name);
    }
}

static void load_field(const struct net_json *steps, const struct net_field *field,
                       struct net_fitted *fitted, const char *path)
{
    const struct net_json *step = steps ? steps->first : NULL;

    if (!steps || steps->kind != NET_JSON_ARRAY || steps->count != field->step_count)
        net_fail(1, "%s: expected the %d preparation%s of %s: the run is of another model", path,
                 field->step_count, field->step_count == 1 ? "" : "s", field->name);
    for (int s = 0; s < field->step_count; s++, step = step->next) {
        const struct net_transform *transform = field->steps[s].transform;
        const struct net_json *member = net_json_member(step, transform->name);

        if (!member)
            net_fail(1, "%s: expected preparation %d of %s to be %s: the run is of another model",
                     path, s + 1, field->name, transform->name);
        for (int l = 0; l < LISTS && transform->fitted[l]; l++)
            load_list(member, transform->fitted[l], &fitted[s], l, path);
        for (int w = 0; w < LISTS && transform->strings[w]; w++)
            load_strings(member, transform->strings[w], &fitted[s].strings[w], path);
    }
}

static struct net_json *read_json(const char *path)
{
    size_t length;
    char error[256];
    char *text = net_file_read(path, &length);
    struct net_json *json = net_json_read(text, length, error, sizeof error);

    if (!json)
        net_fail(1, "%s: %s", path, error);
    free(text);
    return json;
}

void net_preparation_load(struct net_data *data, const char *path)
{
    struct net_json *json = read_json(path);
    const struct net_json *fields = net_json_member(json, "fields");

    for (int f = 0; f < data->model->field_count; f++)
        load_field(fields ? net_json_member(fields, data->model->fields[f].name) : NULL,
                   &data->model->fields[f], data->fitted[f], path);
    net_json_free(json);
}

struct net_fold net_preparation_fold(const char *path)
{
    struct net_json *json = read_json(path);
    const struct net_json *fold = net_json_member(json, "fold");
    const struct net_json *number = fold ? fold->first : NULL;
    double read[2] = {0};

    if (fold && (fold->kind != NET_JSON_ARRAY || fold->count != 2))
        net_fail(1, "%s: expected \"fold\" to be two numbers", path);
    for (int i = 0; fold && i < 2; i++, number = number->next)
        read[i] = number->number;
    if (fold && !(read[0] >= 1 && read[0] <= read[1] && read[1] < 1e9))
        net_fail(1, "%s: expected \"fold\" to be a number and how many there are", path);
    net_json_free(json);
    return (struct net_fold){(int)read[0], (int)read[1]};
}
