/*
 * preparation_json.c -- what transforms were fitted to on the training part, as members of
 * preparation.json (contract.c):
 *
 *     "fields": {"features": [{"scale": {"k": 0.5}}, {"standardize": {"mean": [...], ...}}],
 *                "species": [{"classes": {"names": ["setosa", ...]}}]},
 *     "classes": ["setosa", ...]
 *
 * A field's steps are its transforms in order: with the arguments of the .net file that say what
 * a cell becomes, so that another model does not take them for its own, and what was fitted.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum {
    LISTS = 2,  /* of struct net_fitted */
    ALWAYS = 5, /* arguments of a step that are written where they say nothing too */
};

/* Step s of a field: its transforms, and then the step of its augmentation that acts in evaluation
   too; NULL: there are no more. */
static const struct net_call *find_step(const struct net_field *field, int s)
{
    int i = 0;

    if (s < field->step_count)
        return &field->steps[s];
    for (s -= field->step_count; i < field->augment_count; i++)
        if (!strcmp(field->augments[i].name, "normalize") && !s--)
            return &field->augments[i];
    return NULL;
}

static int count_steps(const struct net_field *field)
{
    int count = field->step_count;

    while (find_step(field, count))
        count++;
    return count;
}

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

static void add_key(struct net_text *text, const char *key, int members)
{
    net_text_add(text, members ? ", " : "");
    net_text_quote(text, key);
    net_text_add(text, ": ");
}

static void add_argument(struct net_text *text, const struct net_arg *arg)
{
    if (!arg)
        net_text_add(text, "null");
    else if (arg->list)
        add_list(text, arg->list, arg->count);
    else if (arg->texts) {
        for (int i = 0; i < arg->count; i++) {
            net_text_add(text, i ? ", " : "[");
            net_text_quote(text, arg->texts[i]);
        }
        net_text_add(text, arg->count ? "]" : "[]");
    } else if (arg->text)
        net_text_quote(text, arg->text);
    else
        net_text_number(text, arg->number);
}

static bool is_same(const struct net_json *a, const struct net_json *b)
{
    if (a->kind != b->kind || a->count != b->count || a->number != b->number ||
        (a->text && strcmp(a->text, b->text) != 0))
        return false;
    for (a = a->first, b = b->first; a; a = a->next, b = b->next)
        if (!is_same(a, b))
            return false;
    return true;
}

/* An argument that is newer than the run was false in it. */
static bool says_something(const struct net_arg *arg)
{
    return arg && (arg->text || arg->texts || arg->list || arg->number != 0);
}

/* The arguments of the step are those of the model's call. */
static void check_given(const struct net_json *step, const struct net_field *field,
                        const struct net_call *call, const char *path)
{
    char error[64];

    for (int a = 0; call->transform->given[a]; a++) {
        const char *name = call->transform->given[a];
        const struct net_json *found = net_json_member(step, name);
        struct net_text text = {0};

        add_argument(&text, net_argument(call, name));
        struct net_json *own = net_json_read(text.at, text.length, error, sizeof error);

        if (found ? !own || !is_same(found, own) : says_something(net_argument(call, name)))
            net_fail(1, "%s: expected %s of %s to have %s %s: the run is of another model", path,
                     call->name, field->name, name, text.at);
        net_json_free(own);
        free(text.at);
    }
}

static void add_step(struct net_text *text, const struct net_call *step,
                     const struct net_fitted *fitted)
{
    const struct net_transform *transform = step->transform;
    int members = 0;

    for (int a = 0; transform->given[a]; a++) {
        const struct net_arg *arg = net_argument(step, transform->given[a]);

        if (a >= ALWAYS && !says_something(arg))
            continue;
        add_key(text, transform->given[a], members++);
        add_argument(text, arg);
    }
    for (int l = 0; l < LISTS && fitted && transform->fitted[l]; l++) {
        add_key(text, transform->fitted[l], members++);
        add_list(text, fitted->list[l], fitted->count);
    }
    for (int w = 0; w < LISTS && fitted; w++) {
        if (!fitted->strings[w])
            continue;
        add_key(text, transform->strings[w], members++);
        add_strings(text, fitted->strings[w]);
    }
}

static void add_field(struct net_text *text, const struct net_field *field,
                      const struct net_fitted *fitted)
{
    const struct net_call *step;

    for (int s = 0; (step = find_step(field, s)); s++) {
        net_text_add(text, s ? ", {" : "{");
        net_text_quote(text, step->name);
        net_text_add(text, ": {");
        add_step(text, step, s < field->step_count ? &fitted[s] : NULL);
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
    const int count = count_steps(field);

    if (!steps || steps->kind != NET_JSON_ARRAY || steps->count != count)
        net_fail(1, "%s: expected the %d preparation%s of %s: the run is of another model", path,
                 count, count == 1 ? "" : "s", field->name);
    for (int s = 0; s < count; s++, step = step->next) {
        const struct net_call *call = find_step(field, s);
        const struct net_transform *transform = call->transform;
        const struct net_json *member = net_json_member(step, call->name);

        if (!member)
            net_fail(1, "%s: expected preparation %d of %s to be %s: the run is of another model",
                     path, s + 1, field->name, call->name);
        check_given(member, field, call, path);
        for (int l = 0; l < LISTS && transform->fitted[l]; l++)
            load_list(member, transform->fitted[l], &fitted[s], l, path);
        for (int w = 0; w < LISTS && transform->strings[w]; w++)
            load_strings(member, transform->strings[w], &fitted[s].strings[w], path);
    }
}

/* Those of a behind the first `others`, and those of b. */
static bool are_same(const struct net_string_table *a, int32_t others,
                     const struct net_string_table *b)
{
    if (!a || !b)
        return a == b;
    if (a->count - others != b->count)
        return false;
    for (int32_t i = 0; i < b->count; i++)
        if (strcmp(net_string(a, i + others), net_string(b, i)) != 0)
            return false;
    return true;
}

/* The words or classes of a field that has another's numbers are that one's. */
static void check_numbering(const struct net_data *data, int f, const char *path)
{
    const struct net_field *fields = data->model->fields;
    const int other = fields[f].numbered_as - 1;

    if (other >= 0 && !are_same(data->fitted[f][0].strings[0],
                                fields[f].texts && !fields[other].texts ? NET_UNNAMED : 0,
                                data->fitted[other][0].strings[0]))
        net_fail(1,
                 "%s: expected %s to have the numbers of %s: the run is of another model, in which "
                 "they do not share them",
                 path, fields[f].name, fields[other].name);
}

void net_fitted_field(struct net_data *data, int f, const struct net_json *steps, const char *path)
{
    load_field(steps, &data->model->fields[f], data->fitted[f], path);
    check_numbering(data, f, path);
}

void net_fitted_read(struct net_data *data, const struct net_json *json, const char *path)
{
    const struct net_json *fields = net_json_member(json, "fields");

    for (int f = 0; f < data->model->field_count; f++)
        net_fitted_field(data, f, net_json_member(fields, data->model->fields[f].name), path);
}
