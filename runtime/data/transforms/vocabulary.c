/*
 * vocabulary.c -- tokens(..) and bag_of_words(..): the vocabulary is the most frequent words
 * of the training rows; a row becomes token ids, or how often each word is there. Both keep
 * only the words that a row has: tokens are padded when a batch is packed. Of a target, ids are
 * classes, and -1 lies behind a row's end.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { VOCABULARY, STOP }; /* of struct net_fitted */
enum {
    UNKNOWN = 1,
    FIRST = 2
}; /* ids of tokens; 0 is padding, FIRST the mark where there is one */

/* Names that no word can have. */
static const char mark[] = "end of text", *const unnamed[NET_UNNAMED] = {"no word", "unknown word"};

/* Does a mark stand before or behind the words, or those of another field with their numbers? */
static bool has_mark(const struct net_field *field, int words)
{
    return field->kind != NET_INPUT_SPARSE && field->vocabulary > words + FIRST;
}

static bool is_target(const struct net_values *values)
{
    return values->field->kind == NET_TARGET_CLASS;
}

/* The names of a target's classes: what stands for no word, then all words; `words` may be those
   of another target. */
static struct net_string_table *name_labels(const struct net_string_table *words)
{
    struct net_string_table *names = net_strings_new();

    if (!strcmp(net_string(words, 0), unnamed[0])) {
        net_strings_free(names);
        return net_strings_copy(words);
    }

    for (int i = 0; i < FIRST; i++)
        net_strings_add(names, unnamed[i], strlen(unnamed[i]));
    for (int32_t i = 0; i < words->count; i++)
        net_strings_add(names, net_string(words, i), strlen(net_string(words, i)));
    return names;
}

/* ---- learning -------------------------------------------------------------------------------- */

/* One a line, in the data's folder. */
static struct net_string_table *read_stop_words(const struct net_values *values,
                                                const struct net_call *call)
{
    const struct net_arg *file = net_argument(call, "stopwords");
    struct net_string_table *strings = net_strings_new();
    struct net_table table = {0};
    struct net_tokenizer tokenizer;
    struct net_slice word;
    int count;

    if (!file || !file->text)
        return strings;
    char **paths = net_paths(values->folder, file->text, &count);

    net_tokenizer_open(&tokenizer, call);
    tokenizer.words.min_letters = 1;
    for (int i = 0; i < count; i++) {
        const struct net_bytes bytes = net_text_bytes(net_map_file(&table, paths[i]), paths[i]);

        net_tokenizer_begin(&tokenizer, (struct net_slice){bytes.at, bytes.size});
        while (net_tokenizer_next(&tokenizer, &word))
            net_strings_add(strings, word.at, word.length);
    }
    net_tokenizer_close(&tokenizer);
    net_table_free(&table);
    net_paths_free(paths, count);
    return strings;
}

static void need_text(const struct net_values *values, const struct net_call *call)
{
    if (values->column.type != NET_TEXT)
        net_fail(1, "%s: %s wants a text, %s is made of numbers", values->column.place, call->name,
                 values->column.name);
}

static void add_words(struct net_string_table *all, struct net_grams *grams,
                      const struct net_values *values, const long *rows, long row_count)
{
    struct net_scratch scratch = {0};
    struct net_slice word;

    for (long r = 0; r < row_count; r++) {
        net_grams_begin(grams, net_text_row(&values->column, rows ? rows[r] : r, &scratch));
        while (net_grams_next(grams, &word))
            net_strings_add(all, word.at, word.length);
    }
    free(scratch.at);
}

static void fit_vocabulary(struct net_fitted *fitted, const struct net_values *values,
                           const struct net_call *call, const long *rows, long row_count)
{
    const long least = (long)net_whole_argument(call, "min_count", 1, 1e9);
    const int most = (int)net_whole_argument(call, "vocabulary", 1, 1e9);
    struct net_string_table *all, *kept;
    struct net_grams grams;

    for (int i = VOCABULARY; values->numbering && i <= STOP; i++)
        fitted->strings[i] = i == VOCABULARY && is_target(values)
                                 ? name_labels(values->numbering->strings[i])
                                 : net_strings_copy(values->numbering->strings[i]);
    if (values->numbering)
        return;
    all = net_strings_new();
    kept = net_strings_new();
    if (has_mark(values->field, most))
        net_strings_add(kept, mark, strlen(mark));
    fitted->strings[STOP] = read_stop_words(values, call);
    net_grams_open(&grams, call);
    grams.tokenizer.stop = fitted->strings[STOP];
    for (const struct net_values *each = values; each; each = each->joined) {
        need_text(each, call);
        add_words(all, &grams, each, rows, row_count);
    }
    int32_t *order = net_strings_order(all, true);

    for (int32_t i = 0; i < all->count && i < most && all->seen[order[i]] >= least; i++)
        net_strings_add(kept, net_string(all, order[i]), strlen(net_string(all, order[i])));
    if (kept->count <= has_mark(values->field, most))
        net_fail(1,
                 "%s: no word of %s is there %ld times in the training rows; min_count, "
                 "min_letters and strip say which words count",
                 values->column.place, values->column.name, least);
    fitted->strings[VOCABULARY] = is_target(values) ? name_labels(kept) : kept;
    if (is_target(values))
        net_strings_free(kept);
    net_strings_free(all);
    net_grams_close(&grams);
    free(order);
}

/* ---- applying -------------------------------------------------------------------------------- */

/* Rows being made: begin[rows + 1], then the numbers, in one piece of memory. */
struct ragged {
    char *memory;
    size_t head, used, room; /* bytes before the numbers; numbers */
};

static void add_number(struct ragged *ragged, int32_t number)
{
    if (ragged->used == ragged->room) {
        ragged->room += ragged->room / 2 + 4096;
        ragged->memory = realloc(ragged->memory, ragged->head + ragged->room * sizeof number);
        if (!ragged->memory)
            net_fail(1, "out of memory for %zu words", ragged->room);
    }
    ((int32_t *)(ragged->memory + ragged->head))[ragged->used++] = number;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return x < y ? -1 : x > y;
}

/* The row's words, from `begin` on: each once, in order; its count goes to `counts`. */
static void count_words(struct ragged *row, size_t begin, struct ragged *counts)
{
    int32_t *at = (int32_t *)(row->memory + row->head) + begin;
    const size_t strings = row->used - begin;
    size_t kept = 0;

    if (strings)
        qsort(at, strings, sizeof *at, by_number);
    for (size_t i = 0, next; i < strings; i = next) {
        for (next = i; next < strings && at[next] == at[i];)
            next++;
        at[kept++] = at[i];
        add_number(counts, (int32_t)(next - i));
    }
    row->used = begin + kept;
}

/* What a row of words becomes. */
struct numbering {
    const struct net_string_table *words;
    int length;      /* tokens at most; of a bag 0 */
    int first;       /* the number of word 0 */
    bool begin, end; /* a mark stands there */
};

/* Numbers of a row's words: `length` tokens at most, or of a bag all that the vocabulary has. Pairs
   and more that it has not are left out. */
static void number_row(struct net_grams *grams, const struct numbering *to, struct ragged *ragged)
{
    struct net_slice word;
    int count = to->begin;

    if (to->begin)
        add_number(ragged, FIRST);
    while ((!to->length || count < to->length) && net_grams_next(grams, &word)) {
        const int32_t number = net_strings_find(to->words, word.at, word.length);

        if (number < 0 && (!to->length || grams->words > 1))
            continue;
        add_number(ragged, !to->length ? number : number < 0 ? UNKNOWN : number + to->first);
        count++;
    }
    if (to->end && count < to->length)
        add_number(ragged, FIRST);
}

static bool is_set(const struct net_call *call, const char *name)
{
    const struct net_arg *arg = net_argument(call, name);

    return arg && arg->number != 0;
}

static struct numbering open_numbering(const struct net_values *values, const struct net_call *call,
                                       const struct net_fitted *fitted, int length)
{
    const int words = (int)net_whole_argument(call, "vocabulary", 1, 1e9);
    const int most = words + has_mark(values->field, words) + (is_target(values) ? FIRST : 0);

    need_text(values, call);
    if (!fitted->strings[VOCABULARY] || fitted->strings[VOCABULARY]->count > most)
        net_fail(1, "%s: the preparation has no words, or more than the vocabulary",
                 values->field->name);
    return (struct numbering){.words = fitted->strings[VOCABULARY],
                              .length = length,
                              .first = is_target(values) ? 0 : FIRST,
                              .begin = is_set(call, "begin"),
                              .end = is_set(call, "end")};
}

/* length 0: a bag of words. */
static void apply_vocabulary(struct net_values *values, const struct net_call *call,
                             const struct net_fitted *fitted, int length)
{
    const struct net_column *column = &values->column;
    const struct numbering to = open_numbering(values, call, fitted, length);
    const long rows = column->rows;
    struct ragged ragged = {.head = ((size_t)rows + 1) * sizeof(long)}, counts = {0};
    struct net_scratch scratch = {0};
    struct net_grams grams;

    net_grams_open(&grams, call);
    grams.tokenizer.stop = fitted->strings[STOP];
    ragged.memory = net_allocate(ragged.head, 1);
    for (long row = 0; row < rows; row++) {
        const size_t begin = ragged.used;

        net_grams_begin(&grams, net_text_row(column, row, &scratch));
        number_row(&grams, &to, &ragged);
        if (!length)
            count_words(&ragged, begin, &counts);
        ((long *)ragged.memory)[row + 1] = (long)ragged.used;
    }
    net_grams_close(&grams);
    free(scratch.at);
    const size_t numbers = ragged.used * sizeof(int32_t);
    char *memory = realloc(ragged.memory, ragged.head + (length ? 1 : 2) * numbers);

    if (!memory)
        net_fail(1, "out of memory for %zu words", ragged.used);
    float *value = (float *)(memory + ragged.head + numbers);

    for (size_t i = 0; !length && i < ragged.used; i++)
        value[i] = (float)((int32_t *)counts.memory)[i];
    free(counts.memory);
    net_values_replace(values, length ? NET_I32 : NET_SPARSE, 1,
                       length ? length : values->field->vocabulary, memory + ragged.head);
    values->column.begin = (long *)memory;
    values->column.value = length ? NULL : value;
    values->owned = memory;
}

static void apply_tokens(struct net_values *values, const struct net_call *call,
                         const struct net_fitted *fitted)
{
    apply_vocabulary(values, call, fitted, (int)net_whole_argument(call, "length", 1, 1e9));
    if (is_target(values))
        net_values_pad(values);
}

static void apply_bag(struct net_values *values, const struct net_call *call,
                      const struct net_fitted *fitted)
{
    apply_vocabulary(values, call, fitted, 0);
}

const struct net_transform net_transform_tokens = {
    .name = "tokens",
    .strings = {"words", "stopwords"},
    .given = {"lower", "min_letters", "strip", "nfc", "ngrams", "begin", "end"},
    .fit = fit_vocabulary,
    .apply = apply_tokens};
const struct net_transform net_transform_bag_of_words = {
    .name = "bag_of_words",
    .strings = {"words", "stopwords"},
    .given = {"lower", "min_letters", "strip", "nfc", "ngrams"},
    .fit = fit_vocabulary,
    .apply = apply_bag};
