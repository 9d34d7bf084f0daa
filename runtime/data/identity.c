/*
 * identity.c -- which data a run has: of each source its rows, the bytes of its files and a CRC-32
 * of the cells that each field reads; of each part the rows that it takes. In preparation.json:
 *
 *     "sources": {"train": {"rows": 203, "bytes": 4310, "types": {"x": "float64"},
 *                           "crc": {"x": "89abcdef"}}},
 *     "splits": {"train": {"rows": 162, "crc": "01234567"}, ...}
 *
 * Cells are summed as they were read, before transforms, row by row: the order of rows counts, that
 * of columns, and others beside them, do not. Files that are mapped are let go again piece by
 * piece, so that a source may be larger than memory.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/dataset.h"
#include "data/sources/source.h"

enum { CHUNK = 1 << 25 }; /* bytes of a mapped file that are summed before they are let go */

/* ---- what was read --------------------------------------------------------------------------- */

static bool is_mapped(const struct net_table *table, const char *at)
{
    for (int i = 0; i < table->held_count; i++) {
        const char *begin = table->held[i].at;

        if (table->held[i].mapped && at >= begin && at < begin + table->held[i].mapped)
            return true;
    }
    return false;
}

/* `count` rows of `width` bytes, each `stride` behind the one before; of windows that overlap each
   byte once. */
static uint32_t sum_rows(uint32_t crc, const char *at, long count, size_t width, size_t stride,
                         bool mapped)
{
    const long some = (long)(CHUNK / stride) + 1;

    for (long begin = 0, end; begin < count; begin = end) {
        const char *first = at + (size_t)begin * stride;

        end = count - begin < some ? count : begin + some;
        const size_t size = (size_t)(end - begin) * stride;

        if (width >= stride) /* windows overlap */
            crc = (uint32_t)crc32_z(crc, (const Bytef *)first, size);
        else
            for (long row = begin; row < end; row++)
                crc = (uint32_t)crc32_z(crc, (const Bytef *)at + (size_t)row * stride, width);
        if (mapped)
            net_forget(first, first + size);
    }
    if (width > stride)
        crc = (uint32_t)crc32_z(crc, (const Bytef *)at + (size_t)count * stride, width - stride);
    return crc;
}

static uint32_t sum_column(const struct net_table *table, const struct net_column *column)
{
    const size_t width = (size_t)column->size * net_width(column->type);
    uint32_t crc = column->crc; /* of texts; else 0 */

    if (column->type == NET_TEXT)
        return crc;
    if (column->strings)
        crc = (uint32_t)crc32_z(crc, (const Bytef *)column->strings->text, column->strings->used);
    if (column->at)
        return sum_rows(crc, column->at, column->rows, width, width, false);
    for (int p = 0; p < column->piece_count; p++) {
        const struct net_piece *piece = &column->pieces[p];
        const long end = p + 1 < column->piece_count ? piece[1].first : column->rows;

        crc = sum_rows(crc, piece->at, end - piece->first, width, column->stride,
                       is_mapped(table, piece->at));
    }
    return crc;
}

static const char *const type_names[] = {
    [NET_F32] = "float32",   [NET_U8] = "uint8",  [NET_I32] = "int32",
    [NET_SPARSE] = "sparse", [NET_TEXT] = "text", [NET_F64] = "float64",
};
static const char class_name[] = "class";

void net_identify_source(struct net_data *data, enum net_part part)
{
    const struct net_table *table = &data->sources[part].table;
    struct net_identity *identity = &data->sources[part].identity;

    identity->rows = table->rows;
    identity->bytes = net_watched_bytes(&data->sources[part]);
    for (int f = 0; f < data->model->field_count; f++) {
        const struct net_column *column = net_find_column(table, data->model, f);

        identity->fields[f].type = column->strings ? class_name : type_names[column->type];
        identity->fields[f].crc = sum_column(table, column);
    }
}

static struct net_split_identity identify_split(const struct net_subset *part)
{
    struct net_split_identity identity = {.rows = part->count};

    if (part->rows)
        identity.crc = (uint32_t)crc32_z(0, (const Bytef *)part->rows,
                                         (size_t)part->count * sizeof *part->rows);
    return identity;
}

/* ---- as it is kept --------------------------------------------------------------------------- */

static void add_source(struct net_text *text, const struct net_model *model,
                       const struct net_identity *identity)
{
    net_text_add(text, "{\"rows\": %ld, \"bytes\": %llu,\n      \"types\": {", identity->rows,
                 (unsigned long long)identity->bytes);
    for (int f = 0; f < model->field_count; f++)
        net_text_add(text, "%s\"%s\": \"%s\"", f ? ", " : "", model->fields[f].name,
                     identity->fields[f].type);
    net_text_add(text, "},\n      \"crc\": {");
    for (int f = 0; f < model->field_count; f++)
        net_text_add(text, "%s\"%s\": \"%08x\"", f ? ", " : "", model->fields[f].name,
                     identity->fields[f].crc);
    net_text_add(text, "}}");
}

void net_identity_write(struct net_text *text, const struct net_data *data)
{
    const char *comma = "";

    net_text_add(text, "  \"sources\": {");
    for (int part = 0; part < NET_PARTS; part++) {
        if (!data->sources[part].identity.rows)
            continue;
        net_text_add(text, "%s\n    \"%s\": ", comma, net_part_names[part]);
        add_source(text, data->model, &data->sources[part].identity);
        comma = ",";
    }
    net_text_add(text, "\n  },\n  \"splits\": {");
    comma = "";
    for (int part = 0; part < NET_PARTS; part++) {
        const struct net_split_identity split = identify_split(&data->parts[part]);

        if (!data->parts[part].source)
            continue;
        net_text_add(text, "%s\n    \"%s\": {\"rows\": %ld, \"crc\": \"%08x\"}", comma,
                     net_part_names[part], split.rows, split.crc);
        comma = ",";
    }
    net_text_add(text, "\n  }");
    if (data->changes)
        net_text_add(text, ",\n  \"changed\": %d", data->changes);
}

/* A count, or the end. */
static double read_count(const struct net_json *of, const char *name, const char *path)
{
    const struct net_json *count = net_json_member(of, name);

    if (!count || count->kind != NET_JSON_NUMBER || !(count->number >= 0 && count->number < 0x1p62))
        net_fail(1, "%s: expected a count \"%s\"", path, name);
    return count->number;
}

static uint32_t read_crc(const struct net_json *of, const char *name, const char *path)
{
    const struct net_json *crc = net_json_member(of, name);
    char *end = NULL;
    const unsigned long number = crc && crc->kind == NET_JSON_STRING ? strtoul(crc->text, &end, 16)
                                                                     : 0;

    if (!end || *end || end != crc->text + 8)
        net_fail(1, "%s: expected a CRC-32 of \"%s\" in 8 digits", path, name);
    return (uint32_t)number;
}

static const char *read_type(const struct net_json *of, const char *name, const char *path)
{
    const struct net_json *type = net_json_member(of, name);

    if (!type || type->kind != NET_JSON_STRING)
        net_fail(1, "%s: expected the type of \"%s\"", path, name);
    for (size_t t = 0; t < sizeof type_names / sizeof *type_names; t++)
        if (!strcmp(type->text, type_names[t]))
            return type_names[t];
    if (strcmp(type->text, class_name) != 0)
        net_fail(1, "%s: the type of \"%s\" is \"%s\", which there is none of", path, name,
                 type->text);
    return class_name;
}

static void read_source(struct net_identity *identity, const struct net_json *json,
                        const struct net_model *model, const char *path)
{
    const struct net_json *types = net_json_member(json, "types"),
                          *crc = net_json_member(json, "crc");

    identity->rows = (long)read_count(json, "rows", path);
    identity->bytes = (uint64_t)read_count(json, "bytes", path);
    for (int f = 0; f < model->field_count; f++) {
        identity->fields[f].type = read_type(types, model->fields[f].name, path);
        identity->fields[f].crc = read_crc(crc, model->fields[f].name, path);
    }
}

void net_identity_read(struct net_recorded_data *recorded, const struct net_json *json,
                       const struct net_model *model, const char *path)
{
    const struct net_json *sources = net_json_member(json, "sources"),
                          *splits = net_json_member(json, "splits");

    for (int part = 0; part < NET_PARTS; part++) {
        const struct net_json *split = net_json_member(splits, net_part_names[part]);

        if (model->parts[part] && model->parts[part]->reader)
            read_source(&recorded->sources[part], net_json_member(sources, net_part_names[part]),
                        model, path);
        if (split)
            recorded->splits[part] = (struct net_split_identity){
                .rows = (long)read_count(split, "rows", path), .crc = read_crc(split, "crc", path)};
    }
    if (net_json_member(json, "changed"))
        recorded->changes = (int)read_count(json, "changed", path);
    recorded->path = net_format("%s", path);
}

/* ---- the same, or not ------------------------------------------------------------------------ */

/* What differs in words, malloc'd; NULL: nothing does. */
static char *source_difference(const struct net_data *data, enum net_part part)
{
    const struct net_identity *now = &data->sources[part].identity,
                              *recorded = &data->recorded.sources[part];
    const char *name = net_part_names[part];
    const char *place = data->sources[part].table.columns[0].place;
    struct net_text fields = {0};

    if (now->rows != recorded->rows)
        return net_format("%s, %s, has %ld rows, the run's had %ld", name, place, now->rows,
                          recorded->rows);
    for (int f = 0; f < data->model->field_count; f++)
        if (now->fields[f].type != recorded->fields[f].type)
            return net_format("%s of %s, %s, is %s, the run's was %s", data->model->fields[f].name,
                              name, place, now->fields[f].type, recorded->fields[f].type);
    for (int f = 0; f < data->model->field_count; f++)
        if (now->fields[f].crc != recorded->fields[f].crc)
            net_text_add(&fields, "%s%s", fields.at ? ", " : "", data->model->fields[f].name);
    if (!fields.at)
        return NULL;
    char *difference = net_format("%s, %s, has other cells, or the same in another order, in %s "
                                  "(%llu bytes, the run's had %llu)",
                                  name, place, fields.at, (unsigned long long)now->bytes,
                                  (unsigned long long)recorded->bytes);

    free(fields.at);
    return difference;
}

static char *split_difference(const struct net_data *data, enum net_part part)
{
    const struct net_split_identity now = identify_split(&data->parts[part]),
                                    recorded = data->recorded.splits[part];

    if (now.rows == recorded.rows && now.crc == recorded.crc)
        return NULL;
    return net_format("%s is %ld rows of the training data, the run's was %ld%s: the model divides "
                      "them in another way",
                      net_part_names[part], now.rows, recorded.rows,
                      now.rows == recorded.rows ? " others" : "");
}

/* Ends the program, or takes the difference as it is. */
static void judge(struct net_data *data, char *difference, bool taken)
{
    if (!difference)
        return;
    if (!taken)
        net_fail(1,
                 "the data are not those of the run, by %s: %s. --data-changed takes them as they "
                 "are; rows that were trained may be in other parts now",
                 data->recorded.path, difference);
    net_warn("the data are not those of the run, by %s: %s", data->recorded.path, difference);
    data->changes = data->recorded.changes + 1;
    free(difference);
}

void net_identity_check_source(struct net_data *data, enum net_part part, bool taken)
{
    judge(data, source_difference(data, part), taken);
}

void net_identity_check_splits(struct net_data *data, bool taken)
{
    for (int part = 0; part < NET_PARTS; part++)
        if (!data->changes && !(data->model->parts[part] && data->model->parts[part]->reader))
            judge(data, split_difference(data, (enum net_part)part), taken);
}
