/*
 * transform.c -- what a transform asks of its field, of the steps around it and of its words.
 *
 * One idea: a step that could only be wrong when data are there is refused before there are any.
 */

#include "semantics/analysis.h"

enum { MAX_BINS = 65536 };

/* ---- Steps that make the shape --------------------------------------------------------------- */

Call *analyze_step(Sema *s, const Ast *stage)
{
    const Signature *signature = find_signature(stage->text, KIND_TRANSFORM);

    if (!signature) {
        unknown(s, stage->text, stage->name_span, KIND_TRANSFORM, true);
        return NULL;
    }
    const PartialCall *f = new_function(signature, NULL, stage->name_span);
    return finish_call(s, bind(s, f, stage->arguments, stage->span));
}

const Call *window_of(const Field *field)
{
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "window") || same(field->steps[i]->name, "ahead"))
            return field->steps[i];
    return NULL;
}

static int length_of(const Constant *constant)
{
    return constant->kind == CONSTANT_LIST ? constant->count : 1;
}

bool check_word(Sema *s, const Call *step, const char *parameter, const char *const *words,
                int count)
{
    const Constant *word = argument(step, parameter);

    for (int i = 0; i < count; i++)
        if (same(word->text, words[i]))
            return true;
    if (report(s, word->span, "`%s` of %s is `%s`%s `%s`%s; this is `%s`", parameter, step->name,
               words[0], count > 2 ? "," : " or", words[1],
               count > 2 ? format(" or `%s`", words[2]) : "", word->text))
        advise(s->source, ADVICE_PARAMETERS, format("%s %s", step->name, word->text), NULL);
    return false;
}

/* An array's integers are the classes: none of them is looked at before a run. */
static void check_counted(Sema *s, const Field *field, const Call *step)
{
    const bool mode = same(argument(step, "missing")->text, "mode");

    if (field->is_target || field->columns || !field->source_field ||
        (!mode && number(step, "min_count") <= 1))
        return;
    if (report(s, argument(step, mode ? "missing" : "min_count")->span,
               "%s counts no values of `%s`, which is an array", step->name, field->source_field))
        note(s->source, "%s is for the columns of csv and jsonl%s",
             mode ? "missing=mode" : "min_count",
             !mode                         ? ""
             : same(step->name, "one_hot") ? "; `missing=zeros` takes an array's NaN"
                                           : "; `missing=row` takes an array's NaN");
}

/* Of a target, what only inputs may say of values that are of no class. */
static void refuse_of_target(Sema *s, const Field *field, const Call *step, const char *parameter)
{
    if (report(s, argument(step, parameter)->span,
               "`%s` is a target: each of its values has to be a class", field->name) &&
        field->columns && same(parameter, "missing"))
        note(s->source, "`classes(%.0f, missing=ignore)` leaves rows without a class out",
             number(step, "n"));
}

/* Values of an input that are of no class: a row of the embedding more each for those that training
   did not have and for those that are missing, zeros of a one_hot, or the most frequent class. Of a
   target, rows whose class is missing may count for nothing. */
static void check_class_rules(Sema *s, Field *field, const Call *step)
{
    const bool vector = same(step->name, "one_hot");
    const char *const words[] = {"error", vector ? "zeros" : "row", "mode"};
    const bool ignored = field->is_target && field->columns &&
                         same(argument(step, "missing")->text, "ignore");

    if (ignored && vector) {
        if (report(s, argument(step, "missing")->span,
                   "`missing=ignore` is for classes of a target, and one_hot makes numbers"))
            note(s->source, "write `classes(%.0f, missing=ignore)`", number(step, "n"));
        return;
    }
    const bool right = check_word(s, step, "unknown", words, 2) &&
                       (ignored || check_word(s, step, "missing", words, 3));
    const bool unknown = !same(argument(step, "unknown")->text, "error");
    const bool missing = !ignored && !same(argument(step, "missing")->text, "error");

    field->ignores = ignored;
    field->ignored = -1;
    check_counted(s, field, step);
    if (right && field->is_target && (unknown || missing))
        refuse_of_target(s, field, step, unknown ? "unknown" : "missing");
    else if (right && !unknown && number(step, "min_count") > 1 &&
             report(s, argument(step, "min_count")->span,
                    "values of fewer rows than min_count are unknown ones, and these are errors"))
        note(s->source, "write `unknown=%s` too", words[1]);
    if (vector || field->is_target)
        return;
    field->is_tokens = true;
    field->vocabulary = field->classes + same(argument(step, "unknown")->text, "row") +
                        same(argument(step, "missing")->text, "row");
}

/* A field of classes(n): the number of a class, or of an array of integers several: an input's a
   sequence, a target's one for each position of a sequence or a picture. */
static void shape_classes(Sema *s, Field *field, bool has_sizes)
{
    const bool several = has_sizes && field->shape.rank >= 1 &&
                         field->shape.rank <= (field->is_target ? 2 : 1);

    if (has_sizes && !several && field->is_target && !field->columns)
        report(s, field->span, "`%s` is %s; classes of positions are [length] or [height, width]",
               field->name, shape_text(field->shape));
    else if (has_sizes &&
             !(several && (!field->columns || (!field->is_target && field->shape.size[0] == 1))) &&
             report(s, field->span, "`%s` has a shape, but classes gives one number",
                    field->name) &&
             several && field->is_target)
        note(s->source, "of a text with a class a word it is `%s = ... -> labels(%d, %d)`",
             field->name, field->classes, shape_size(field->shape));
    if (!several)
        field->shape = field->is_tokens ? (Shape){.rank = 1, .size = {1}} : (Shape){0};
}

/* Numbers of bins are classes as they are. */
static void check_bins(Sema *s, const Field *field, int i)
{
    const Call *step = field->steps[i], *bins = field->steps[i - 1];

    if (field->is_target)
        report(s, step->span, "`%s` is a target: bins are for inputs", field->name);
    else if (number(bins, "n") > number(step, "n"))
        report(s, argument(step, "n")->span, "quantiles(%.0f) makes %.0f bins", number(bins, "n"),
               number(bins, "n"));
    else if (same(argument(step, "missing")->text, "mode") || number(step, "min_count") > 1)
        report(s, step->span,
               "%s counts no bins: missing=mode and min_count are for the values "
               "of a column",
               step->name);
}

/* classes(n) and one_hot(n) read the source's column as it is. */
static void prepare_classes(Sema *s, Field *field, int i, bool has_sizes)
{
    Call *step = field->steps[i];
    const bool vector = same(step->name, "one_hot");

    share_numbers(s, field, step);
    field->classes = (int)number(step, "n");
    field->is_class = !vector && field->is_target;
    check_class_rules(s, field, step);
    const bool bins = i > 0 && same(field->steps[i - 1]->name, "quantiles");

    if (bins)
        check_bins(s, field, i);
    if (i > 0 && !bins && !(i == 1 && same(field->steps[0]->name, "date"))) {
        report(s, step->span, "%s numbers a column's own values: it comes first", step->name);
    } else if (field->columns && field->column_total != 1) {
        report(s, step->span, "%s numbers the values of one column", step->name);
    } else if (!vector && field->step_count > i + 1 && field->steps[i + 1] != window_of(field)) {
        report(s, field->steps[i + 1]->span,
               "%s cannot follow classes, which gives a number of a "
               "class",
               field->steps[i + 1]->name);
    } else if (!vector) {
        shape_classes(s, field, has_sizes);
    } else if (field->has_shape && vector &&
               !(field->shape.rank == 1 && field->shape.size[0] == field->classes)) {
        if (report(s, field->span, "`%s` is declared otherwise than one_hot(%d) makes it: [%d]",
                   field->name, field->classes, field->classes) &&
            !field->is_target && !field->columns)
            note(s->source,
                 "one_hot takes one number a row; several are `classes(%d)` behind an "
                 "embedding",
                 field->classes);
    }
    field->has_shape = true;
    if (vector)
        field->shape = (Shape){.rank = 1, .size = {field->classes}};
}

static void check_strip(Sema *s, const Call *step)
{
    static const char *const known[] = {"tags", "punctuation", "digits"};
    const Constant *strip = argument(step, "strip");
    const Constant *names = strip->kind == CONSTANT_LIST ? strip->items : strip;

    for (int i = 0; strip->kind != CONSTANT_NONE && i < length_of(strip); i++) {
        bool found = false;
        for (int j = 0; j < COUNT(known); j++)
            found |= same(names[i].text, known[j]);
        if (found || !report(s, names[i].span, "strip knows no `%s`", names[i].text))
            continue;
        const char *near = net_nearest(names[i].text, known, COUNT(known));
        if (near)
            note(s->source, "did you mean `%s`?", near);
        else
            note(s->source, "it takes tags, punctuation and digits out of a text; [] is nothing");
    }
}

static void check_grams(Sema *s, const Call *step)
{
    enum { MOST = 8 }; /* NET_MOST_GRAMS of the runtime */
    const Constant *grams = argument(step, "ngrams");

    if (grams->kind == CONSTANT_NUMBER && grams->number > MOST)
        report(s, grams->span, "ngrams are of %d words at most", MOST);
}

/* A target of texts has a class at each position; what lies behind a row's end has none. */
static void make_labels(Field *field, int classes)
{
    field->is_class = field->is_text = true;
    field->is_tokens = false;
    field->classes = classes;
    field->ignores = true;
    field->ignored = -1;
}

/* Of a target of words each position has one: no pairs, no counts. */
static void check_target_words(Sema *s, const Field *field, const Call *step)
{
    if (field->is_sparse &&
        report(s, step->span, "a target cannot be counts of words; classes(n) numbers texts"))
        note(s->source, "a word at each position is `%s = column(\"text\") -> tokens(10000, 20)`",
             field->name);
    else if (argument(step, "ngrams")->kind == CONSTANT_NUMBER && number(step, "ngrams") > 1)
        report(s, argument(step, "ngrams")->span,
               "`%s` is a target: each of its positions is one word", field->name);
}

/* tokens(..) and bag_of_words(..) read a text; padding and unknown words are the ids 0 and 1. */
static void prepare_words(Sema *s, Field *field, int i, bool has_sizes)
{
    Call *step = field->steps[i];
    const int words = (int)number(step, "vocabulary");
    Shape shape = {.rank = 1, .size = {words}};

    share_numbers(s, field, step);
    field->is_tokens = same(step->name, "tokens");
    field->is_sparse = !field->is_tokens;
    field->vocabulary = field->is_tokens ? words + 2 : words;
    if (field->is_tokens)
        shape.size[0] = (int)number(step, "length");
    check_strip(s, step);
    check_grams(s, step);
    if (field->is_target)
        check_target_words(s, field, step);
    if (field->is_target && field->is_tokens)
        make_labels(field, field->vocabulary);
    const int weights = field->is_sparse && field->step_count > 1 &&
                        same(field->steps[1]->name, "tfidf");

    if (i > 0)
        report(s, step->span, "%s reads a text: it comes first", step->name);
    else if (field->step_count > 1 + weights)
        report(s, field->steps[1 + weights]->span, "%s cannot follow %s, which gives %s",
               field->steps[1 + weights]->name, step->name,
               field->is_sparse ? "counts of words" : "token ids");
    else if (has_sizes && !(field->shape.rank == 1 && field->shape.size[0] == shape.size[0]))
        report(s, field->span, "`%s` is declared otherwise than %s makes it: [%d]", field->name,
               step->name, shape.size[0]);
    else if (field->source_field && field->column_total != 1)
        report(s, step->span, "%s reads one column of csv or jsonl, with texts", step->name);
    field->has_shape = true;
    field->shape = shape;
}

/* labels(n, length) reads a text of a target: its words are classes. */
static void prepare_labels(Sema *s, Field *field, int i, bool has_sizes)
{
    const Call *step = field->steps[i];
    const Shape shape = {.rank = 1, .size = {(int)number(step, "length")}};

    make_labels(field, (int)number(step, "n"));
    if (!field->is_target &&
        report(s, step->span, "labels are of a target; `%s` is an input", field->name))
        note(s->source, "an input of words is `%s = column(\"text\") -> tokens(10000, %d)`",
             field->name, shape.size[0]);
    else if (i > 0)
        report(s, step->span, "labels reads a text: it comes first");
    else if (field->step_count > 1)
        report(s, field->steps[1]->span, "%s cannot follow labels, which gives classes",
               field->steps[1]->name);
    else if (has_sizes && !same_shape(field->shape, shape))
        report(s, field->span, "`%s` is declared otherwise than labels makes it: [%d]", field->name,
               shape.size[0]);
    else if (field->source_field && field->column_total != 1)
        report(s, step->span,
               "labels reads one column of csv or jsonl, with texts; of arrays it "
               "is `classes`");
    field->has_shape = true;
    field->shape = shape;
}

void find_transformed_shape(Sema *s, Field *field, bool has_sizes)
{
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "classes") || same(field->steps[i]->name, "one_hot"))
            prepare_classes(s, field, i, has_sizes);
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "tokens") || same(field->steps[i]->name, "bag_of_words"))
            prepare_words(s, field, i, has_sizes);
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "labels"))
            prepare_labels(s, field, i, has_sizes);
    for (int i = 0; i < field->step_count; i++)
        if (same(field->steps[i]->name, "characters"))
            prepare_characters(s, field, i, has_sizes);
}

/* ---- Steps that keep it ---------------------------------------------------------------------- */

void check_normalize(Sema *s, const Field *field, const Call *step)
{
    const Constant *mean = argument(step, "mean"), *std = argument(step, "std");
    const int means = length_of(mean), stds = length_of(std);

    if (means != stds && means > 1 && stds > 1) {
        report(s, std->span, "normalize has %d means and %d standard deviations", means, stds);
        return;
    }
    for (int i = 0; i < 2; i++) {
        const Constant *list = i == 0 ? mean : std;
        if (field->has_shape && field->shape.rank > 0 && length_of(list) > 1 &&
            length_of(list) != field->shape.size[0])
            report(s, list->span, "`%s` has %d channels; this is a list of %d", field->name,
                   field->shape.size[0], length_of(list));
    }
}

static void check_tfidf(Sema *s, const Field *field, int i)
{
    if (i != 1 || !field->is_sparse)
        report(s, field->steps[i]->span,
               "tfidf weights counts of words: it stands behind "
               "bag_of_words");
}

static bool is_fitted(const Call *step)
{
    static const char *const fitted[] = {
#define FITTED(name, ...) #name,
#include "language.def"
    };

    for (int i = 0; i < COUNT(fitted); i++)
        if (same(step->name, fitted[i]))
            return true;
    return false;
}

/* A number that is missing would spoil all that is fitted to its column. */
static void check_impute(Sema *s, const Field *field, int i)
{
    static const char *const whats[] = {"zeros", "missing"}, *const bys[] = {"mean", "median"};
    const Call *step = field->steps[i];
    const Constant *except = argument(step, "except");

    check_word(s, step, "what", whats, COUNT(whats));
    check_word(s, step, "by", bys, COUNT(bys));
    for (int k = 0; k < i; k++)
        if (is_fitted(field->steps[k])) {
            report(s, step->span,
                   "impute comes before %s, which learns from the numbers that "
                   "impute replaces",
                   field->steps[k]->name);
            return;
        }
    for (int k = 0; except->kind == CONSTANT_LIST && k < except->count; k++)
        if (except->items[k].kind == CONSTANT_NUMBER && field->has_shape &&
            except->items[k].number > shape_size(field->shape))
            report(s, except->items[k].span, "`%s` has %d columns; this is column %.0f",
                   field->name, shape_size(field->shape), except->items[k].number);
    if (except->kind == CONSTANT_NUMBER && field->has_shape &&
        except->number > shape_size(field->shape))
        report(s, except->span, "`%s` has %d columns; this is column %.0f", field->name,
               shape_size(field->shape), except->number);
}

static void check_clip(Sema *s, const Call *step)
{
    const Constant *least = argument(step, "least"), *most = argument(step, "most");

    if (least->kind == CONSTANT_NONE && most->kind == CONSTANT_NONE)
        report(s, step->span, "clip wants one of `least` and `most` at least");
    else if (least->kind == CONSTANT_NUMBER && most->kind == CONSTANT_NUMBER &&
             least->number > most->number)
        report(s, most->span, "`most` is below `least`, %.10g", least->number);
}

static void check_permute(Sema *s, const Field *field, const Call *step)
{
    if (field->has_shape && shape_size(field->shape) == 1 &&
        report(s, step->span, "permute_pixels wants a picture; `%s` is one number", field->name))
        note(s->source, "a picture is [channels, height, width], or flat");
}

/* New in every epoch, it is added when all else is done. */
static void check_noise(Sema *s, const Field *field, int i)
{
    const Call *step = field->steps[i];

    if (field->is_target) {
        if (report(s, step->span, "noise is for inputs; `%s` is a target", field->name))
            note(s->source, "a clean target and a noisy input can be made from one picture");
    } else if (i + 1 < field->step_count) {
        report(s, field->steps[i + 1]->span, "noise is the last transform: put %s before it",
               field->steps[i + 1]->name);
    }
}

void check_transforms(Sema *s, const Field *field)
{
    check_date(s, field);
    for (int i = 0; i < field->step_count; i++) {
        const Call *step = field->steps[i];

        if (same(step->name, "normalize"))
            check_normalize(s, field, step);
        else if (same(step->name, "impute"))
            check_impute(s, field, i);
        else if (same(step->name, "clip"))
            check_clip(s, step);
        else if (same(step->name, "quantiles") && number(step, "n") < 2)
            report(s, argument(step, "n")->span, "quantiles wants 2 bins or more");
        else if (same(step->name, "quantiles") && number(step, "n") > MAX_BINS)
            report(s, argument(step, "n")->span, "quantiles makes %d bins at most", MAX_BINS);
        else if (same(step->name, "permute_pixels"))
            check_permute(s, field, step);
        else if (same(step->name, "noise"))
            check_noise(s, field, i);
        else if (same(step->name, "tfidf"))
            check_tfidf(s, field, i);
    }
}
