/*
 * preparation_json.c -- what transforms were fitted to on the training part, as members of
 * preparation.json (contract.c):
 *
 *     "fields": {"features": [{"scale": {}}, {"standardize": {"mean": [...], "std": [...]}}],
 *                "species": [{"classes": {"names": ["setosa", ...]}}]},
 *     "classes": ["setosa", ...]
 *
 * A field's steps are its transforms in order; those that learn nothing are {}.
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

void net_fitted_write(struct net_text *text, const struct net_data *data)
{
    const struct net_model *model = data->model;

    net_text_add(text, "  \"fields\": {");
    for (int f = 0; f < model->field_count; f++) {
        net_text_add(text, f ? ",\n    " : "\n    ");
        net_text_quote(text, model->fields[f].name);
        net_text_add(text, ": [");
        add_field(text, &model->fields[f], data->fitted[f]);
        net_text_add(text, "]");
    }
    net_text_add(text, "\n  },\n  \"classes\": [");
    for (int c = 0; c < net_target_field(model)->classes; c++) {
        const char *name = net_data_class_name(data, c);

        net_text_add(text, c ? ", " : "");
        if (name)
            net_text_quote(text, name);
        else
            net_text_add(text, "\"%d\"", c);
    }
    net_text_add(text, "]");
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

void net_fitted_read(struct net_data *data, const struct net_json *json, const char *path)
{
    const struct net_json *fields = net_json_member(json, "fields");

    for (int f = 0; f < data->model->field_count; f++)
        load_field(fields ? net_json_member(fields, data->model->fields[f].name) : NULL,
                   &data->model->fields[f], data->fitted[f], path);
}
