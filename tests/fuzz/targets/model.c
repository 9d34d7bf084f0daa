/* model.c -- a .net file's text through the whole compiler, to the text of its C. */

#include "base/base.h"
#include "core/attempt.h"
#include "emit/emit.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "passes/passes.h"
#include "semantics/semantics.h"
#include "syntax/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What main.c does, without looking at anything in between. */
static void emit_model(Source *source, Model *model, const Target *target)
{
    Graph *train = lower(model, MODE_TRAIN);
    Graph *evaluate = train ? lower(model, MODE_EVALUATE) : NULL;
    int layer_count;
    Text text = {0};

    if (!evaluate || source->errors)
        return;
    verify(train), verify(evaluate);
    LayerRow *layers = summarize(model, evaluate, &layer_count);

    autodiff(train), verify(train);
    simplify(train), verify(train);
    simplify(evaluate), verify(evaluate);
    describe_onnx(evaluate);
    select_algorithms(train, evaluate, target), verify(train), verify(evaluate);
    lay_out(train, evaluate, target), verify(train), verify(evaluate);
    verify_layout(train, evaluate);

    Program *step = fuse(train, target), *forward = fuse(evaluate, target);

    plan(step), verify_plan(step);
    plan(forward), verify_plan(forward);
    Code code = emit(model, step, forward, layers, layer_count);

    write_unit(&text, &code, 0);
}

static void compile(const void *given)
{
    Source *source = (Source *)given; /* which counts its errors */
    Ast *ast = parse(source);
    Model *model = ast && !source->errors ? analyze(source, ast, NULL, 0) : NULL;

    if (!model || source->errors)
        return;
    model->max_batch = model->batch;
    emit_model(source, model, find_target(source->length % 2 ? "avx512" : "generic"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    net_attempt(compile, new_source("model.net", copy_text((const char *)bytes, size), size));
    give_back();
    return 0;
}
