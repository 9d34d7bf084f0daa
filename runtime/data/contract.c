/*
 * contract.c -- preparation.json, what a run has learnt of its data, as a contract: all that opens
 * data for the run's weights goes through it, and nothing of it is fitted again.
 *
 *     {"version": 2,
 *      "columns": {"x": ["a", "b"], "kind": ["kind"]},
 *      "missing": ["", "NA", ...],
 *      "fields": {"x": [{"standardize": {"mean": [...], "std": [...]}}], "kind": [...]},
 *      "classes": ["setosa", ...],
 *      "sources": {...}, "splits": {...},
 *      "task": "classes",
 *      "fold": [3, 10]}
 *
 * columns: of what each field is made, in order. A range or a number of the model became names in
 * the run's first file; by them columns are found in every other. 3 is the third column of files
 * without a header; {"b": 2} the second, called b as another is. missing: the cells of a table that
 * are no number. fields: what transforms were fitted to (transforms/preparation_json.c). sources,
 * splits: which data they were, and who has which rows (identity.c). task: what the target is
 * (task.c). A run that is one of several folds says which: its validation rows are found again by
 * it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/run_files.h"
#include "data/dataset.h"
#include "data/transforms/transform.h"

/* ---- writing --------------------------------------------------------------------------------- */

static void add_column(struct net_text *text, const struct net_names *names, int k)
{
    if (!names->place[k]) {
        net_text_quote(text, names->at[k]);
    } else if (net_names_number(names, k)) {
        net_text_add(text, "%d", names->place[k]);
    } else {
        net_text_add(text, "{");
        net_text_quote(text, names->at[k]);
        net_text_add(text, ": %d}", names->place[k]);
    }
}

/* Word i for a missing number: netc's own, then those of the source. NULL behind the last. */
static const char *missing_word(const struct net_model *model, int i)
{
    const struct net_arg *more = net_argument(model->parts[NET_TRAIN], "missing");
    int own = 0;

    while (net_missing_words[own])
        own++;
    if (i < own || !more || more->none)
        return i < own ? net_missing_words[i] : NULL;
    if (!more->texts)
        return i == own ? more->text : NULL;
    return i < own + more->count ? more->texts[i - own] : NULL;
}

static void add_columns(struct net_text *text, const struct net_data *data)
{
    net_text_add(text, "  \"columns\": {");
    for (int f = 0; f < data->model->field_count; f++) {
        const struct net_names *names = &data->names[f];

        net_text_add(text, f ? ",\n    " : "\n    ");
        net_text_quote(text, data->model->fields[f].name);
        net_text_add(text, ": [");
        if (!names->count)
            net_text_quote(text, data->model->fields[f].source);
        for (int k = 0; k < names->count; k++) {
            net_text_add(text, k ? ", " : "");
            add_column(text, names, k);
        }
        net_text_add(text, "]");
    }
    net_text_add(text, "\n  },\n  \"missing\": [");
    for (int i = 0; missing_word(data->model, i); i++) {
        net_text_add(text, i ? ", " : "");
        net_text_quote(text, missing_word(data->model, i));
    }
    net_text_add(text, "],\n");
}

/* What weights mean nothing without. */
static void add_learnt(struct net_text *text, const struct net_data *data)
{
    add_columns(text, data);
    net_fitted_write(text, data);
}

void net_data_checksum(const struct net_data *data, char checksum[9])
{
    struct net_text text = {0};

    add_learnt(&text, data);
    snprintf(checksum, 9, "%08lx", crc32_z(0, (const Bytef *)text.at, text.length) & 0xffffffffu);
    free(text.at);
}

char *net_data_preparation_json(const struct net_data *data)
{
    struct net_text text = {0};

    net_text_add(&text, "{\n  \"version\": %d,\n", NET_PREPARATION_VERSION);
    add_learnt(&text, data);
    net_text_add(&text, ",\n");
    net_identity_write(&text, data);
    net_task_write(&text, data);
    if (data->fold.count)
        net_text_add(&text, ",\n  \"fold\": [%d, %d]", data->fold.number, data->fold.count);
    net_text_add(&text, "\n}\n");
    return text.at;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct net_json *net_preparation_read(const struct net_folder *run, const char *name,
                                      const char *path)
{
    size_t length;
    char error[256];

    if (!net_folder_has(run, name))
        net_fail(1, "%s is missing: what the run has learnt of its data is lost with it", path);
    char *text = net_file_read(run, name, &length);
    struct net_json *json = net_json_read(text, length, error, sizeof error);

    if (!json)
        net_fail(1, "%s: %s", path, error);
    free(text);
    const struct net_json *version = net_json_member(json, "version");

    if (!version)
        net_fail(1,
                 "%s: expected a \"version\": the run is of an older netc, which did not keep "
                 "what it read; it has to be trained again",
                 path);
    if (version->kind != NET_JSON_NUMBER || version->number != NET_PREPARATION_VERSION)
        net_fail(1, "%s: expected \"version\" %d, this netc's", path, NET_PREPARATION_VERSION);
    return json;
}

static bool is_place(const struct net_json *item)
{
    return item->kind == NET_JSON_NUMBER && item->number >= 1 && item->number < 1e9 &&
           item->number == (double)(int)item->number;
}

static void read_names(struct net_names *names, const struct net_json *list, const char *field,
                       const char *path)
{
    if (!list || list->kind != NET_JSON_ARRAY || !list->count)
        net_fail(1, "%s: expected \"columns\" of %s", path, field);
    names->at = net_allocate((size_t)list->count, sizeof *names->at);
    names->place = net_allocate((size_t)list->count, sizeof *names->place);
    for (const struct net_json *item = list->first; item; item = item->next) {
        const bool named = item->kind == NET_JSON_OBJECT && item->count == 1;
        const struct net_json *place = named ? item->first : item;

        if (item->kind != NET_JSON_STRING && !is_place(place))
            net_fail(1, "%s: number %d of the columns of %s is no name", path, names->count, field);
        if (item->kind != NET_JSON_STRING)
            names->place[names->count] = (int)place->number;
        names->at[names->count++] = named ? net_copy(place->key)
                                    : item->kind == NET_JSON_STRING
                                        ? net_copy(item->text)
                                        : net_format("%.0f", item->number);
    }
}

/* Does the model mean these columns, as far as it says? A number says only where one was. */
static bool means(const struct net_field *field, const struct net_names *names)
{
    const struct net_arg *columns = field->columns;
    const int last = names->count - 1;

    if (!columns)
        return !last && !strcmp(names->at[0], field->source);
    if (field->column_range && !columns[0].text && !columns[1].text)
        return columns[1].number - columns[0].number == last;
    if (!field->column_range && field->column_count != names->count)
        return false;
    for (int k = 0; k < field->column_count; k++)
        if (columns[k].text &&
            strcmp(columns[k].text, names->at[k && field->column_range ? last : k]))
            return false;
    return true;
}

static void read_columns(struct net_data *data, const struct net_json *columns, const char *path)
{
    for (int f = 0; f < data->model->field_count; f++) {
        const struct net_field *field = &data->model->fields[f];
        struct net_names *names = &data->names[f];

        read_names(names, columns ? net_json_member(columns, field->name) : NULL, field->name,
                   path);
        if (!means(field, names))
            net_fail(
                1, "%s: its %s is made of %s%s%s, this model's of %s: the run is of another model",
                path, field->name, names->at[0], names->count > 1 ? " to " : "",
                names->count > 1 ? names->at[names->count - 1] : "", field->source);
        if (!field->columns)
            net_names_free(names);
    }
}

static void check_missing(const struct net_json *list, const struct net_model *model,
                          const char *path)
{
    const struct net_json *item = list ? list->first : NULL;
    int i = 0;

    for (; item && missing_word(model, i); item = item->next, i++)
        if (item->kind != NET_JSON_STRING || strcmp(item->text, missing_word(model, i)) != 0)
            break;
    if (!list || item || missing_word(model, i))
        net_fail(1,
                 "%s: expected \"missing\" to be the cells that this trainer takes for no number",
                 path);
}

static void read_fold(struct net_data *data, const struct net_json *fold, const char *path)
{
    const struct net_json *number = fold ? fold->first : NULL;
    double read[2] = {0};

    if (!fold)
        return;
    if (fold->kind != NET_JSON_ARRAY || fold->count != 2)
        net_fail(1, "%s: expected \"fold\" to be two numbers", path);
    for (int i = 0; i < 2; i++, number = number->next)
        read[i] = number->kind == NET_JSON_NUMBER ? number->number : 0;
    if (!(read[0] >= 1 && read[0] <= read[1] && read[1] < 1e9))
        net_fail(1, "%s: expected \"fold\" to be a number and how many there are", path);
    data->fold = (struct net_fold){(int)read[0], (int)read[1]};
}

bool net_is_run_checksum(const char *checksum)
{
    return checksum && strncmp(checksum, NET_INITIAL, strlen(NET_INITIAL)) != 0;
}

/* Weights of a run are of no use with what another has learnt. */
static void check_checksum(const struct net_data *data, const char *checksum, const char *path)
{
    char own[9];

    net_data_checksum(data, own);
    if (net_is_run_checksum(checksum) && strcmp(checksum, own) != 0)
        net_fail(1,
                 "%s is not that of these weights: they bear the checksum %s, it gives %s; it was "
                 "changed, or is of another run",
                 path, checksum, own);
}

/* Columns that no file was asked for, such as those of the target in `predict`, by their names in
   the model. */
static void name_columns(struct net_data *data, int f)
{
    const struct net_field *field = &data->model->fields[f];
    struct net_names *names = &data->names[f];
    const int first = field->columns ? (int)field->columns[0].number : 0;

    if (names->count || !field->columns)
        return;
    names->count = field->column_range ? (int)field->columns[1].number - first + 1
                                       : field->column_count;
    names->at = net_allocate((size_t)names->count, sizeof *names->at);
    names->place = net_allocate((size_t)names->count, sizeof *names->place);
    for (int k = 0; k < names->count; k++) {
        const struct net_arg *column = &field->columns[field->column_range ? 0 : k];

        if (!column->text)
            names->place[k] = field->column_range ? first + k : (int)column->number;
        names->at[k] = column->text ? net_copy(column->text) : net_format("%d", names->place[k]);
    }
}

void net_contract_check(struct net_data *data, const char *checksum)
{
    const bool run = net_is_run_checksum(checksum);
    const char *blank = checksum && !run ? strchr(checksum, ' ') : NULL;
    const char *made = run ? checksum : blank ? blank + 1 : NULL;
    char own[9];

    if (!made || data->learnt)
        return;
    for (int f = 0; f < data->model->field_count; f++)
        name_columns(data, f);
    net_data_checksum(data, own);
    if (!strcmp(made, own))
        return;
    if (run)
        net_fail(
            1,
            "the weights bear the checksum %s, of the columns and transforms of their run; here "
            "they are others, with the checksum %s: --weights wants the run's folder, with its "
            "preparation.json",
            made, own);
    net_fail(1,
             "the initial weights were made for the words and classes of other data (checksum %s, "
             "here %s)",
             made, own);
}

static void read_alike(struct net_data *data, const struct net_opening *opening)
{
    char *path = net_path_in(opening->run, opening->alike);
    struct net_json *json = net_preparation_read(opening->run, opening->alike, path);

    net_identity_read(&data->recorded, json, data->model, path);
    net_task_read(data, json, path);
    net_json_free(json);
    free(path);
}

void net_contract_read(struct net_data *data, const struct net_opening *opening)
{
    if (opening->alike)
        read_alike(data, opening);
    if (!opening->preparation)
        return;
    char *path = net_path_in(opening->run, opening->preparation);
    struct net_json *json = net_preparation_read(opening->run, opening->preparation, path);

    data->learnt = true;
    read_fold(data, net_json_member(json, "fold"), path);
    read_columns(data, net_json_member(json, "columns"), path);
    check_missing(net_json_member(json, "missing"), data->model, path);
    net_fitted_read(data, json, path);
    net_task_read(data, json, path);
    if (opening->same && !opening->alike)
        net_identity_read(&data->recorded, json, data->model, path);
    net_json_free(json);
    check_checksum(data, opening->checksum, path);
    free(path);
}
