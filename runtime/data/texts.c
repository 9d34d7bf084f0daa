/*
 * texts.c -- a target with a class at each position of a text: tags of words, or the words of
 * another text. A row ends before the positions do: -1 stands behind it, which is no class.
 */

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

enum { NONE, UNKNOWN, MARK }; /* classes of a target of tokens(..) that are no words */

void net_values_pad(struct net_values *values)
{
    const struct net_column *from = &values->column;
    const size_t size = (size_t)from->size;
    int32_t *to = net_allocate((size_t)from->rows * size, sizeof *to);

    for (long row = 0; row < from->rows; row++) {
        const size_t count = (size_t)(from->begin[row + 1] - from->begin[row]);

        memset(to + (size_t)row * size, -1, size * sizeof *to);
        memcpy(to + (size_t)row * size, (int32_t *)from->at + from->begin[row], count * sizeof *to);
    }
    net_values_replace(values, NET_I32, 1, (int)size, to);
}

static bool has_words(const struct net_field *field)
{
    return !strcmp(field->steps[0].name, "tokens");
}

/* Words of a row of an input of tokens. */
static long count_words(const struct net_column *column, long row)
{
    return column->begin[row + 1] - column->begin[row];
}

/* Words of a text as it stands in the data, those too that lie behind the positions. */
static long count_all(const struct net_column *text, long row, struct net_tokenizer *tokenizer,
                      struct net_scratch *scratch)
{
    struct net_slice word;
    long count = 0;

    net_tokenizer_begin(tokenizer, net_text_row(text, row, scratch));
    while (net_tokenizer_next(tokenizer, &word))
        count++;
    return count;
}

/* Rows whose labels go on behind the positions: how many, and the most labels of one. */
static void warn_cut(const struct net_field *field, const char *place, long rows, long most)
{
    if (rows)
        net_warn("%s: %ld row%s of %s ha%s more than %d labels: what stands behind counts in no "
                 "loss and no metric; %s(%d, %ld) takes all",
                 place, rows, rows > 1 ? "s" : "", field->source, rows > 1 ? "ve" : "s",
                 field->size, field->steps[0].name, field->classes, most);
}

/* Of tags each stands for a word, in the whole text; what a decoder reads may be shorter than what
   it writes. */
static void check_texts(const struct net_model *model, int f, const struct net_source *source)
{
    const struct net_field *field = &model->fields[f];
    const struct net_column *labels = net_find_column(&source->table, model, f),
                            *words = field->beside
                                         ? net_find_column(&source->table, model, field->beside - 1)
                                         : NULL;
    struct net_tokenizer tokenizer = {.words = {.min_letters = 1}}; /* as labels(..) parts them */
    struct net_scratch scratch = {0};
    long cut = 0, most = 0;

    for (long row = 0; !has_words(field) && row < labels->rows; row++) {
        const long count = count_all(labels, row, &tokenizer, &scratch);

        if (words && count_all(words, row, &tokenizer, &scratch) != count)
            net_fail(1,
                     "%s: row %ld (from 0): expected %ld labels in %s, one for each word of %s, "
                     "found %ld",
                     labels->place, row, count_all(words, row, &tokenizer, &scratch), field->source,
                     model->fields[field->beside - 1].source, count);
        cut += count > field->size;
        most = count > most ? count : most;
    }
    warn_cut(field, labels->place, cut, most);
    net_tokenizer_close(&tokenizer);
    free(scratch.at);
}

static void cut_texts(const struct net_data *data, int f, enum net_part part, long row,
                      int32_t *labels)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_subset *from = &data->parts[part];

    if (!field->beside)
        return;
    const struct net_column *words = &from->source->fields[field->beside - 1].column;

    for (long p = count_words(words, net_source_row(from, row)); p < field->size; p++)
        labels[p] = -1;
}

static const char *word_of(const struct net_data *data, int f, int label, char number[16])
{
    const char *name = net_data_name_of(data, f, label);

    if (has_words(&data->model->fields[f]) && label <= UNKNOWN)
        return label == UNKNOWN ? "<unk>" : "<pad>";
    if (name)
        return name;
    snprintf(number, 16, "%d", label);
    return number;
}

static char *tell_texts(const struct net_data *data, int f, const int32_t *labels, bool json)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_arg *vocabulary = net_argument(&field->steps[0], "vocabulary");
    const bool marked = vocabulary && field->classes > (int)vocabulary->number + MARK;
    struct net_text text = {0};
    char number[16];

    net_text_add(&text, json ? "[" : "");
    for (int p = 0; p < field->size && labels[p] >= 0 && !(marked && labels[p] == MARK); p++) {
        const char *word = word_of(data, f, labels[p], number);

        net_text_add(&text, !p ? "" : json ? ", " : " ");
        if (json)
            net_text_quote(&text, word);
        else
            net_text_add(&text, "%s", word);
    }
    net_text_add(&text, json ? "]" : "");
    return text.at;
}

const struct net_texts net_texts = {check_texts, cut_texts, tell_texts};
