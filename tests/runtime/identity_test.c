/*
 * identity_test.c -- what counts as the same data, and what of preparation.json is read of it.
 */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "support/data_model.h"
#include "support/readers_test.h"

static const struct net_call csv = {
    .name = "csv",
    .args = (const struct net_arg[]){{.name = "file", .text = "t.csv"}},
    .arg_count = 1,
    .reader = &net_reader_csv};
static const struct net_call jsonl = {
    .name = "jsonl",
    .args = (const struct net_arg[]){{.name = "file", .text = "t.jsonl"}},
    .arg_count = 1,
    .reader = &net_reader_jsonl};
static const struct net_call cifar = {
    .name = "cifar10",
    .args = (const struct net_arg[]){{.name = "file", .text = "b?.bin"}},
    .arg_count = 1,
    .reader = &net_reader_cifar10};

/* The identity of what a reader gives for some fields. */
static struct net_identity identity_of(const struct net_call *call, const struct net_field *fields,
                                       int count)
{
    const struct net_model model = {.fields = fields, .field_count = count, .parts = {call}};
    struct net_data *data = net_allocate(1, sizeof *data);
    const struct net_request request = {
        .call = call, .folder = data_test_folder(), .fields = fields, .field_count = count};

    data->model = &model;
    data->folder = data_test_folder();
    net_watch_files(data, NET_TRAIN, data->model->parts[NET_TRAIN]);
    call->reader->open(&data->sources[0].table, &request);
    data->sources[0].table.rows = data->sources[0].table.columns[0].rows;
    net_identify_source(data, NET_TRAIN);
    const struct net_identity identity = data->sources[0].identity;

    net_watch_end(&data->sources[0]);
    net_table_free(&data->sources[0].table);
    free(data);
    return identity;
}

START_TEST(same_tables)
{
    static const struct {
        const char *text;
        bool number, class, words; /* as in the first */
    } cases[] = {
        {"b,kind,text\n1,fig,a b\n2,pear,c\n", true, true, true},
        {"text,b,other,kind\n\"a b\",1.0,x,\"fig\"\nc,+2e0,y,pear\n", true, true, true},
        {"b,kind,text\r\n1,fig,a b\r\n2,pear,c", true, true, true},
        {"b,kind,text\n1,fig,a\n2,pear,\" bc\"\n", true, true, false},
        {"b,kind,text\n1,fig,c\n2,pear,a b\n", true, true, false},
        {"b,kind,text\n2,fig,a b\n1,pear,c\n", false, true, true},
        {"b,kind,text\n1,pear,a b\n2,fig,c\n", true, false, true},
        {"b,kind,text\n1,fig,a b\n2,peas,c\n", true, false, true},
        {"b,kind,text\n1,fig,a b\n2,pear,c\n3,fig,\n", false, false, false},
    };
    const struct net_field fields[] = {number_field, class_field, text_field};
    struct net_identity first = {0};

    for (int i = 0; i < LENGTH(cases); i++) {
        write_text("t.csv", cases[i].text);
        const struct net_identity now = identity_of(&csv, fields, 3);

        if (i == 0)
            first = now;
        ck_assert_int_eq(now.rows, i == LENGTH(cases) - 1 ? 3 : 2);
        ck_assert_int_eq(now.bytes, strlen(cases[i].text));
        ck_assert_int_eq(now.fields[0].crc == first.fields[0].crc, cases[i].number);
        ck_assert_int_eq(now.fields[1].crc == first.fields[1].crc, cases[i].class);
        ck_assert_int_eq(now.fields[2].crc == first.fields[2].crc, cases[i].words);
    }
    ck_assert_str_eq(first.fields[0].type, "float64");
    ck_assert_str_eq(first.fields[1].type, "class");
    ck_assert_str_eq(first.fields[2].type, "text");
    write_text("t.jsonl", "{\"text\": \"a\\u0020b\", \"kind\": \"fig\", \"b\": 1}\n"
                          "{\"b\": 2, \"text\": \"c\", \"kind\": \"pear\"}\n");
    const struct net_identity members = identity_of(&jsonl, fields, 3);

    for (int f = 0; f < 3; f++)
        ck_assert_uint_eq(members.fields[f].crc, first.fields[f].crc);
}
END_TEST

/* Records of two files that are mapped, or unpacked into memory: one sum, over all rows of a
   field. */
START_TEST(same_records)
{
    enum { RECORD = 3073, ROWS = 5 };
    static const struct net_field fields[] = {{.name = "image", .source = "image"},
                                              {.name = "label", .source = "label"}};
    unsigned char *records = net_allocate(ROWS, RECORD);
    uLong image = 0, label = 0;

    for (int i = 0; i < ROWS * RECORD; i++)
        records[i] = (unsigned char)(i % RECORD ? i * 7 + i / 256 : i % 10);
    for (int row = 0; row < ROWS; row++) {
        label = crc32(label, records + (size_t)row * RECORD, 1);
        image = crc32(image, records + (size_t)row * RECORD + 1, RECORD - 1);
    }
    for (int packed = 0; packed < 2; packed++) {
        write_bytes("b1.bin", records, 3 * RECORD, packed);
        write_bytes("b2.bin", records + 3 * RECORD, 2 * RECORD, packed);
        const struct net_identity now = identity_of(&cifar, fields, 2);

        ck_assert_int_eq(now.rows, ROWS);
        ck_assert_uint_eq(now.fields[0].crc, image);
        ck_assert_uint_eq(now.fields[1].crc, label);
        ck_assert_str_eq(now.fields[0].type, "uint8");
        if (!packed)
            ck_assert_int_eq(now.bytes, ROWS * RECORD);
    }
    free(records);
}
END_TEST

/* ---- what is kept ---------------------------------------------------------------------------- */

struct opening {
    const struct net_model *model;
    struct net_opening opening;
};

static void open_again(const void *context)
{
    const struct opening *again = context;

    net_data_close(net_data_open_by(again->model, &again->opening));
}

/* One text of preparation.json becomes another, and the data are opened as those of that run. */
static void expect_kept_fault(const struct net_model *model, const char *json, const char *from,
                              const char *to, const char *message)
{
    char *path = net_format("%s/preparation.json", data_test_folder());
    const struct opening again = {
        model, {.folder = data_test_folder(), .preparation = path, .same = 1u << NET_TRAIN}};
    const char *at = strstr(json, from);

    ck_assert_ptr_nonnull(at);
    char *changed = net_format("%.*s%s%s", (int)(at - json), json, to, at + strlen(from));

    write_text("preparation.json", changed);
    if (message)
        expect_fault(open_again, &again, message);
    else
        open_again(&again);
    free(changed);
    free(path);
}

START_TEST(kept_data)
{
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"rows\": 3", "\"rows\": 3", NULL},
        {"\"bytes\"", "\"bites\"", "preparation.json: expected a count \"bytes\""},
        {"\"rows\": 3", "\"rows\": -3", "preparation.json: expected a count \"rows\""},
        {"\"rows\": 3", "\"rows\": 4",
         "train, DIR/x.npy, has 3 rows, the run's had 4. --data-changed"},
        {"\"uint8\"", "\"float32\"", "image of train, DIR/x.npy, is uint8, the run's was float32"},
        {"\"uint8\"", "8", "preparation.json: expected the type of \"image\""},
        {"\"uint8\"", "\"uint9\"", "the type of \"image\" is \"uint9\", which there is none of"},
        {"\"crc\": {\"image\": \"", "\"crc\": {\"image\": \"0",
         "a CRC-32 of \"image\" in 8 digits"},
        {"\"sources\"", "\"source\"", "preparation.json: expected a count \"rows\""},
    };
    struct fixture f;

    write_pictures("\0\1\2");
    make_copier(&f, scale_normalize, 2, classes, 3);
    struct net_data *data = open_fixture(&f);
    char *json = net_data_preparation_json(data);

    net_data_close(data);
    for (int i = 0; i < LENGTH(cases); i++)
        expect_kept_fault(&f.model, json, cases[i].from, cases[i].to, cases[i].message);
    write_pictures("\0\2\1");
    expect_kept_fault(&f.model, json, "{", "{", "the same in another order, in label (");
    free(json);
}
END_TEST

TCase *data_test_identity(void)
{
    TCase *made = tcase_create("identity");

    tcase_add_checked_fixture(made, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(made, same_tables);
    tcase_add_test(made, same_records);
    tcase_add_test(made, kept_data);
    return made;
}
