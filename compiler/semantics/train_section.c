/*
 * train_section.c -- the train section: optimizer, schedule, metrics and the other keys.
 *
 * One idea: a key is checked by itself where it stands; what concerns several of them (a metric and
 * the target, a monitor and the parts of the data) when all have been read.
 */

#include <string.h>

#include "netrt.h"
#include "semantics/turns.h"

/* ---- The optimizer --------------------------------------------------------------------------- */

static void analyze_optimizer(Sema *s, const Ast *ast)
{
    Call *call = analyze_choice(s, ast, KIND_OPTIMIZER);

    s->model->optimizer = call;
    if (call && number(call, "nesterov") != 0 && number(call, "momentum") == 0 &&
        report(s, argument(call, "nesterov")->span, "nesterov wants a momentum above 0"))
        note(s->source, "such as sgd(lr=0.01, momentum=0.9, nesterov=true)");
}

/* ---- What is kept and watched ---------------------------------------------------------------- */

/* best, last, or best(monitor=METRIC) */
static void analyze_keep(Sema *s, const Ast *ast)
{
    const Ast *value = ast->first;
    const bool call = value->kind == AST_CALL && same(value->text, "best") &&
                      value->arguments.count == 1;
    const Ast *argument = call ? value->arguments.items[0] : NULL;

    if (call && (!argument->text || same(argument->text, "monitor")) &&
        argument->first->kind == AST_NAME) {
        s->model->keep = "best";
        s->model->monitor = argument->first->text;
        s->model->monitor_span = argument->first->span;
    } else if (value->kind == AST_NAME &&
               (same(value->text, "best") || same(value->text, "last"))) {
        s->model->keep = value->text;
        s->model->keep_best = same(value->text, "best");
        s->model->monitor_span = value->span;
    } else {
        report(s, value->span, "`keep` is `best`, `last`, or such as `best(monitor=accuracy)`");
    }
}

/* "mae, r2" */
static const char *names_text(const char *const *names, int count)
{
    Text text = {0};

    for (int i = 0; i < count; i++)
        text_add(&text, "%s%s", i ? ", " : "", names[i]);
    return text.at;
}

/* What is watched exists: the loss or a metric of a validation part. */
static void check_monitor(Sema *s, const char *owner, const char *monitor, Span span)
{
    const Model *model = s->model;
    const bool loss = same(monitor, "validation_loss");
    const char **names = NULL;
    int count = 0;
    bool known = loss;

    APPEND(names, count, "validation_loss");
    for (int i = 0; i < model->metric_count; i++) {
        known = known || same(model->metrics[i].name, monitor);
        APPEND(names, count, model->metrics[i].name);
    }
    if (!known && find_signature(monitor, KIND_METRIC)) {
        if (report(s, span, "%s watches `%s`, which is not among the metrics", owner, monitor))
            note(s->source, "add it: `metrics = [%s]`", monitor);
    } else if (!known) {
        const char *here = value_elsewhere(monitor);
        const char *near = here && same(here, "validation_loss")
                               ? here
                               : net_nearest(monitor, names, count);
        const char *metric = word_elsewhere(monitor, KIND_METRIC);

        near = metric ? metric : near;
        if (report(s, span, "%s can watch validation_loss or a metric, not `%s`", owner, monitor)) {
            if (near)
                note(s->source, "did you mean `%s`?", near);
            else if (model->metric_count)
                note(s->source, "the metrics are %s", names_text(names + 1, count - 1));
        }
    } else if (model->parts[PART_TRAIN] && !model->parts[PART_VALIDATION]) {
        if (report(s, span, "%s watches the validation part, and the data section has none", owner))
            note(s->source, "such as `validation = holdout(0.1)`");
    }
}

static void check_watching(Sema *s, const Call *call)
{
    const Constant *monitor = argument(call, "monitor");

    check_monitor(s, call->name, monitor->text, monitor->span.end ? monitor->span : call->span);
}

static void check_monitors(Sema *s)
{
    Model *model = s->model;

    for (int i = 0; i < model->schedule_count; i++)
        if (same(model->schedule[i]->name, "plateau"))
            check_watching(s, model->schedule[i]);
    if (model->stop)
        check_watching(s, model->stop);
    const bool own = model->monitor != NULL;

    if (!own)
        model->monitor = model->stop ? argument(model->stop, "monitor")->text : "validation_loss";
    if (own || (model->keep_best && !model->stop)) /* what stop watches is checked with it */
        check_monitor(s, "keep", model->monitor, model->monitor_span);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static const char *const keys[] = {
    "loss",       "optimizer", "schedule", "batch",  "epochs",     "metrics", "seed",
    "stop",       "keep",      "clip",     "conv",   "start",      "frozen",  "rates",
    "accumulate", "ema",       "mixup",    "cutmix", "parameters", "shards",  "precision"};

static int analyze_batch(Sema *s, const Ast *ast)
{
    const Object object = evaluate(s, ast->first);

    if (!check_type(s, ast->text, PARAM_COUNT, object))
        return 1;
    if (object.number > MAX_BATCH)
        report(s, object.span, "`batch` is at most %d rows; this is %s", MAX_BATCH,
               describe(object));
    return (int)object.number;
}

static double analyze_count(Sema *s, const Ast *ast, ParamType type, double standard)
{
    Object object = evaluate(s, ast->first);

    hold(s, object); /* its flag is its own */
    return check_type(s, ast->text, type, object) ? object.number : standard;
}

static void analyze_mixing(Sema *s, const Ast *ast)
{
    const double alpha = analyze_count(s, ast, PARAM_NONNEGATIVE, 0);

    if (same(ast->text, "mixup"))
        s->model->mixup = alpha;
    else
        s->model->cutmix = alpha;
    s->model->mixes = ast->name_span;
}

static void analyze_shards(Sema *s, const Ast *ast)
{
    const double count = analyze_count(s, ast, PARAM_COUNT, 1);
    const int shards = count > NET_MAX_SHARDS ? 0 : (int)count;

    s->model->shards = shards;
    if (!shards || shards & (shards - 1))
        report(s, ast->first->span,
               "`shards` is a power of two up to %d, as their sum is by a "
               "binary tree",
               NET_MAX_SHARDS);
}

/* Which of `names` a word is; count: none. */
static int find_word(const char *text, const char *const *names, int count)
{
    int i = 0;

    while (i < count && !same(text, names[i]))
        i++;
    return i;
}

/* One of some names, bare or as a string, what a let can hold; 0 where it is none, which is told:
   "`conv` is `direct`, `winograd` or `auto`". */
static int analyze_word(Sema *s, const Ast *ast, const char *const *names, int count,
                        const char *fault)
{
    if (ast->first->kind == AST_NAME && find_word(ast->first->text, names, count) < count)
        return find_word(ast->first->text, names, count);

    const int errors = s->source->errors;
    const Object object = evaluate(s, ast->first);

    if (object.kind == OBJECT_STRING && find_word(object.text, names, count) < count)
        return find_word(object.text, names, count);
    if (object.kind != OBJECT_ERROR)
        report(s, object.span, "%s", fault);
    else if (s->source->errors > errors)
        note(s->source, "%s", fault);
    return 0;
}

static ConvChoice analyze_conv(Sema *s, const Ast *ast)
{
    static const char *const names[CONV_CHOICES] = {"auto", "direct", "winograd"};

    return (ConvChoice)analyze_word(s, ast, names, CONV_CHOICES,
                                    "`conv` is `direct`, `winograd` or `auto`");
}

static Precision analyze_precision(Sema *s, const Ast *ast)
{
    return (Precision)analyze_word(s, ast, precision_names, PRECISIONS,
                                   "`precision` is `float32` or `bfloat16`");
}

/* A file by whose name another format is told. */
static Call *analyze_start(Sema *s, const Ast *ast)
{
    static const char *const others[] = {".pt", ".pth", ".bin",  ".ckpt", ".pkl",
                                         ".h5", ".npz", ".onnx", ".npy",  ".keras"};
    Call *start = analyze_choice(s, ast, KIND_START);
    const Constant *file = start ? argument(start, "file") : NULL;
    const char *dot = file ? strrchr(file->text, '.') : NULL;

    for (int i = 0; dot && i < COUNT(others); i++)
        if (same(dot, others[i]) &&
            report(s, file->span,
                   "weights are of a .safetensors file or a run's folder; this is "
                   "\"%s\"",
                   file->text))
            note(s->source,
                 "PyTorch writes one by "
                 "`safetensors.torch.save_file(model.state_dict(), \"%.*s.safetensors\")`",
                 (int)(dot - file->text), file->text);
    return start;
}

static void analyze_key(Sema *s, const Ast *ast)
{
    Model *model = s->model;
    const char *key = ast->text;

    if (same(key, "loss"))
        analyze_loss(s, ast);
    else if (same(key, "optimizer"))
        analyze_optimizer(s, ast);
    else if (same(key, "schedule"))
        analyze_schedule(s, ast);
    else if (same(key, "batch"))
        model->batch = analyze_batch(s, ast);
    else if (same(key, "epochs"))
        model->epochs = (int)analyze_count(s, ast, PARAM_COUNT, 1);
    else if (same(key, "ema"))
        model->ema = analyze_count(s, ast, PARAM_PROBABILITY, 0);
    else if (same(key, "accumulate"))
        model->accumulate = (int)analyze_count(s, ast, PARAM_COUNT, 1);
    else if (same(key, "shards"))
        analyze_shards(s, ast);
    else if (same(key, "mixup") || same(key, "cutmix"))
        analyze_mixing(s, ast);
    else if (same(key, "seed"))
        model->seed = analyze_count(s, ast, PARAM_WHOLE, 0);
    else if (same(key, "metrics"))
        analyze_metrics(s, ast);
    else if (same(key, "keep"))
        analyze_keep(s, ast);
    else if (same(key, "conv"))
        model->conv = analyze_conv(s, ast);
    else if (same(key, "precision"))
        model->precision = analyze_precision(s, ast);
    else if (same(key, "clip"))
        model->clip = analyze_choice(s, ast, KIND_CLIP);
    else if (same(key, "start"))
        model->start = analyze_start(s, ast);
    else if (same(key, "frozen"))
        model->frozen = analyze_parts(s, ast);
    else if (same(key, "parameters"))
        model->sections[model->section_count - 1].parts = analyze_parts(s, ast);
    else if (same(key, "rates"))
        analyze_rates(s, ast);
    else
        model->stop = analyze_choice(s, ast, KIND_STOP);
}

bool is_train_key(const char *text)
{
    for (int key = 0; key < COUNT(keys); key++)
        if (same(keys[key], text))
            return true;
    return false;
}

/* `lr = 0.1` on a line of its own: an argument of the optimizer. */
static bool advise_optimizer(Sema *s, const Ast *section, const Ast *key)
{
    const char *optimizer = "adam", **names = NULL;
    int count = 0;

    for (int i = 0; i < section->children.count; i++) {
        const Ast *ast = section->children.items[i];

        if (ast->kind == AST_ASSIGN && same(ast->text, "optimizer") && ast->first->text &&
            find_signature(ast->first->text, KIND_OPTIMIZER))
            optimizer = ast->first->text;
    }
    const Parameter *parameters = find_signature(optimizer, KIND_OPTIMIZER)->parameters;

    for (int i = 0; i < MAX_PARAMETERS && parameters[i].name; i++)
        APPEND(names, count, parameters[i].name);
    const char *here = parameter_elsewhere(names, count, key->text);

    if (here)
        note(s->source, "it is an argument of the optimizer: `optimizer = %s(%s=%s)`", optimizer,
             here, value_text(s->source, key->first));
    return here != NULL;
}

/* The key that was meant perhaps, or COUNT(keys). */
static int refuse_key(Sema *s, const Ast *section, const Ast *ast)
{
    const char *here = key_elsewhere(ast->text);
    const char *near = here ? here : net_nearest(ast->text, keys, COUNT(keys));
    Text list = {0};
    int key = 0;

    report(s, ast->name_span, "the train section has no key `%s`", ast->text);
    if (!here && (advise(s->source, ADVICE_KEYS, ast->text, ast->first) ||
                  advise_optimizer(s, section, ast)))
        return COUNT(keys);
    if (near) {
        note(s->source, here ? "its name here is `%s`" : "did you mean `%s`?", near);
        while (!same(keys[key], near))
            key++;
        return key;
    }
    for (; key < COUNT(keys); key++)
        text_add(&list, "%s%s", key > 0 ? ", " : "", keys[key]);
    note(s->source, "its keys are %s", list.at);
    return key;
}

/* May the key stand there, and has not stood before? */
static bool is_new_key(Sema *s, const Ast *ast, const Ast *before, const Ast *of_run)
{
    const bool several = s->model->section_count > 0;
    const KeyOwner owner = key_owner(ast->text);

    if (before) {
        if (report(s, ast->name_span, "`%s` is given twice", ast->text))
            note_at(s->source, before->name_span, "it was first given here");
    } else if (several && owner == KEY_OF_ONE) {
        if (report(s, ast->name_span, "`%s` is for one train section; here are several", ast->text))
            advise(s->source, ADVICE_KEYS, format("several %s", ast->text), NULL);
    } else if (!several && same(ast->text, "parameters")) {
        if (report(s, ast->name_span, "`parameters` tells several train sections apart"))
            note(s->source, "what is not trained is `frozen = [body]`");
    } else if (of_run && owner == KEY_OF_RUN) {
        check_repeated(s, ast, of_run);
    } else {
        return true;
    }
    return false;
}

/* Those that every section needs. */
static void need_keys(Sema *s, const Ast *section, const Ast *const *given)
{
    static const char *const needed[][2] = {
        {"loss", "loss = cross_entropy(network(image), label)"},
        {"optimizer", "optimizer = adam(lr=1e-3)"},
        {"parameters", "parameters = [network]"},
    };

    for (int i = 0; i < COUNT(needed) - !s->model->section_count; i++) {
        int key = 0;

        while (!same(keys[key], needed[i][0]))
            key++;
        if (given[key])
            continue;
        error_at(s->source, section->name_span, "the train section%s has no `%s`",
                 section->text ? format(" %s", section->text) : "", keys[key]);
        note(s->source, "such as `%s`", needed[i][1]);
    }
}

/* of_run: by key, where an earlier section gave it. */
static void analyze_section(Sema *s, const Ast *section, const Ast **of_run, Text *written)
{
    const Ast *given[COUNT(keys) + 1] = {0}; /* the last one for what is no key */

    for (int i = 0; i < section->children.count; i++) {
        const Ast *ast = section->children.items[i];
        int key = 0;
        if (ast->kind != AST_ASSIGN)
            continue;
        while (key < COUNT(keys) && !same(keys[key], ast->text))
            key++;
        if (key == COUNT(keys)) {
            key = refuse_key(s, section, ast);
            given[key] = given[key] ? given[key] : ast;
        } else if (is_new_key(s, ast, given[key], of_run[key])) {
            given[key] = of_run[key] = ast;
            s->model->averages |= same(ast->text, "ema");
            if (same(ast->text, "accumulate"))
                s->model->accumulates = ast->name_span;
            text_add(written, "%s%s", written->at ? " " : "", ast->text);
            analyze_key(s, ast);
        }
    }
    need_keys(s, section, given);
}

/* The sections take turns; what they compute is told by their names. */
static void analyze_turn(Sema *s, const Ast *section, const Ast **of_run, Text *written)
{
    Model *model = s->model;
    const TrainSection turn = {.name = section->text, .span = section->name_span};
    Call *first = model->optimizer;

    APPEND(model->sections, model->section_count, turn);
    s->first_term = model->term_count;
    model->optimizer = NULL;
    analyze_section(s, section, of_run, written);
    model->sections[model->section_count - 1].optimizer = model->optimizer;
    model->optimizer = first ? first : model->optimizer;
    for (int i = s->first_term; i < model->term_count; i++) {
        model->terms[i].section = model->section_count - 1;
        model->terms[i].name = format("loss_%s", section->text);
    }
}

void analyze_train(Sema *s, const Ast *const *sections, int count)
{
    const Ast *of_run[COUNT(keys)] = {0};
    Text written = {0};

    if (count > 1 && !check_section_names(s, sections, count))
        return;
    if (count > 1)
        s->model->keep = "last";
    for (int i = 0; i < count; i++)
        (count > 1 ? analyze_turn : analyze_section)(s, sections[i], of_run, &written);
    check_metrics(s);
    find_generated(s);
    if (s->model->monitor)
        text_add(&written, " monitor");
    s->model->keys = written.at ? written.at : "";
    check_monitors(s);
    check_minimum(s);
    if (s->source->errors == 0)
        check_schedule(s);
}
