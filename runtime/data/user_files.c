/*
 * user_files.c -- rows of a user's files, which `predict` and `eval` are asked for: they become the
 * NET_TEST part. Rows that come from a pipe are had piece by piece as they arrive (arriving.c).
 */

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

/* How the rows are read, and the next of them; one piece of memory. */
struct net_user_files {
    const struct net_reader *reader;
    struct net_call call;
    struct net_request request;
    bool arriving;
    struct net_arg args[]; /* of call */
};

/* A user's file of idx or npy, whatever the training data were. */
static void open_numbers(struct net_table *table, const struct net_request *request)
{
    const struct net_call *call = request->call;

    if (request->field_count != call->arg_count)
        net_fail(NET_USAGE, "this model reads idx or npy files, one for each of %d field%s: %s%s%s",
                 request->field_count, request->field_count > 1 ? "s" : "",
                 request->fields[0].source, request->field_count > 1 ? ", then " : "",
                 request->field_count > 1 ? request->fields[request->field_count - 1].source : "");
    for (int i = 0; i < call->arg_count; i++) {
        char *path = (char *)call->args[i].text;

        table->columns[i] = (struct net_column){.name = request->fields[i].source, .place = path};
        net_read_files(table, &table->columns[i], &path, 1,
                       net_is_npy(path) ? net_header_npy : net_header_idx);
    }
    table->column_count = call->arg_count;
}

/* Of one column, so that a line can be a row. */
static bool reads_texts(const struct net_request *request)
{
    bool texts = true;

    for (int f = 0; f < request->field_count; f++)
        texts &= request->fields[f].vocabulary > 0 &&
                 !strcmp(request->fields[f].source, request->fields[0].source);
    return texts;
}

/* The reader for a file such as `predict` was given, where tables may be of either kind. */
static const struct net_reader *choose_reader(const struct net_reader *reader, const char *file,
                                              struct net_request *request)
{
    const bool texts = reads_texts(request);
    const enum net_input_kind kind = reader->table ? net_input_kind_of(file, texts)
                                                   : NET_INPUT_TABLE;

    request->lines = kind == NET_INPUT_LINES;
    if (texts && reader->table)
        request->hint = "\n  A file of a text a line is called .txt, or read from -.";
    return !reader->table || request->lines ? reader
           : kind == NET_INPUT_OBJECTS      ? reader->objects
                                            : reader->table;
}

/* A file is read by the first `count` fields and no preparation.json. */
static void check_alone(const struct net_model *model, int count)
{
    for (int f = 0; f < count; f++)
        if (net_learns(&model->fields[f]) || net_is_placed(model, &model->fields[f]))
            net_fail(1, "%s %s: --weights wants a run's folder, with its preparation.json",
                     model->fields[f].name,
                     net_learns(&model->fields[f])
                         ? "is prepared with numbers learnt in training"
                         : "is made of columns that the run's first file names");
}

/* The call of a source with a user's files in the place of its own: that of training where `reader`
   names the argument, else of numbers. */
static void make_call(struct net_user_files *given, const struct net_model *model,
                      const struct net_reader *reader, const char *const *files, int count)
{
    const struct net_call *train = model->parts[NET_TRAIN];

    if (reader->file && count > 1 && !reader->several)
        net_fail(NET_USAGE,
                 "one file of rows is wanted, \"%s\" is the second; a pattern in quotes "
                 "names several: 'part*'",
                 files[1]);
    for (int i = 0; i < given->call.arg_count; i++) {
        const char *path = !reader->file || !strcmp(train->args[i].name, reader->file)
                               ? net_input_path(files[reader->file ? 0 : i])
                               : NULL;

        if (reader->file)
            given->args[i] = train->args[i];
        if (path) {
            net_need_file(path);
            given->args[i].text = path;
            given->args[i].texts = count > 1 ? files : NULL;
            given->args[i].count = count;
        }
    }
}

/* Are the rows such that a part of them can be read, and do they come from a pipe? */
static bool is_arriving(const struct net_reader *reader, const char *file,
                        const struct net_request *request, const struct net_opening *opening)
{
    const struct net_call *train = opening->arriving ? request->call : NULL;

    return train && reader->table && (opening->preparation || !opening->labelled) &&
           net_arriving_open(file, train, reads_texts(request));
}

static void read_rows(struct net_data *data)
{
    struct net_user_files *given = data->user_files;
    struct net_source *source = &data->sources[NET_TEST];

    if (!given->arriving)
        net_watch_files(data, NET_TEST, &given->call);
    net_table_open(data, NET_TEST, given->reader, &given->request);
    source->first = given->request.rows;
    for (int f = 0; f < given->request.field_count; f++)
        net_field_apply(data, f, source);
    net_source_trim(source, given->request.field_count);
    if (data->series)
        data->series->cut(data, NET_TEST, given->request.field_count);
    net_packing_open(data, NET_TEST);
}

bool net_data_next(struct net_data *data)
{
    struct net_user_files *given = data->user_files;

    if (!given || !given->arriving)
        return false;
    net_part_close(data, NET_TEST);
    if (!net_arriving_next(&given->request.lines_before, &given->request.rows))
        return false;
    read_rows(data);
    if (given->request.field_count == data->model->field_count)
        net_data_check_task(data, NET_TEST);
    return true;
}

struct net_data *net_data_open_files(const struct net_model *model, const char *const *files,
                                     int count, const struct net_opening *opening)
{
    static const struct net_reader numbers = {.name = "predict", .open = open_numbers};
    static const char *const standard_input = "-";
    struct net_data *data = net_data_new(model);
    const struct net_call *train = model->parts[NET_TRAIN];
    const struct net_reader *reader = train && train->reader && train->reader->file ? train->reader
                                                                                    : &numbers;
    const int arg_count = reader->file ? train->arg_count : count;
    struct net_user_files *given = net_allocate(1, sizeof *given +
                                                       (size_t)arg_count * sizeof *given->args);

    data->user_files = given;
    given->call = (struct net_call){.name = reader->file ? train->name : reader->name,
                                    .args = given->args,
                                    .arg_count = arg_count};
    given->request = (struct net_request){.call = train,
                                          .fields = model->fields,
                                          .field_count = opening->labelled ? model->field_count
                                                                           : net_input_count(model),
                                          .names = data->names};
    if (!opening->preparation)
        check_alone(model, net_is_run_checksum(opening->checksum) ? model->field_count
                                                                  : given->request.field_count);
    given->arriving = count == 1 && !data->series &&
                      is_arriving(reader, files[0], &given->request, opening);
    make_call(given, model, reader, given->arriving ? &standard_input : files, count);
    given->request.call = &given->call;
    given->request.pattern = reader->file ? net_argument(train, reader->file)->text : NULL;
    given->reader = choose_reader(reader,
                                  reader->file ? net_argument(&given->call, reader->file)->text
                                               : given->call.args[0].text,
                                  &given->request);
    if (given->request.lines && opening->labelled)
        net_fail(NET_USAGE, "%s is read as a text a line, which has no %s", files[0],
                 net_target_field(model)->name);
    net_contract_read(data, opening);
    read_rows(data);
    net_list_words(data);
    net_contract_check(data, opening->checksum);
    if (opening->labelled)
        net_task_find(data, NET_TEST);
    if (opening->labelled)
        net_data_check_task(data, NET_TEST);
    return data;
}
