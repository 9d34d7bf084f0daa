/*
 * main.c -- the compiler: the stages as flat calls.
 *
 * Exit: 0; 1 a fault in the model, or a file that cannot be written; 2 wrong usage; 3 clang failed
 * on generated code.
 */

#include "driver.h"
#include "emit/emit.h"
#include "library/library.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "passes/passes.h"
#include "semantics/semantics.h"
#include "syntax/syntax.h"

#include <signal.h>

/* Nothing of training: programs of others call it. */
static int compile_prediction(const Options *o, const Clang *clang, const Target *target,
                              const Graph *train, Graph *evaluate)
{
    Model *model = evaluate->model;

    model->max_batch = o->batch ? o->batch : 1;
    if (!keep_prediction(evaluate, model->max_batch))
        return EXIT_FAULT;

    const Folds folds = fold_batchnorms(evaluate);
    Library library = describe_library(model, plan_prediction(evaluate, target), train);

    library.folds = folds;
    if (o->weights && !read_weights(&library, o->weights))
        return EXIT_FAULT;
    return build_library(o, clang, &library);
}

static int compile(const Options *o, Source *source)
{
    const double began = milliseconds();
    Ast *ast = parse(source);

    if (!ast || source->errors)
        return EXIT_FAULT;
    if (same(o->dump, "ast"))
        return print_ast(stdout, ast), 0;

    Model *model = analyze(source, ast, o->defines, o->define_count);

    if (!model || source->errors)
        return EXIT_FAULT;
    model->max_batch = o->batch && !o->library ? o->batch : model->batch;
    model->mpi = o->mpi;
    if (o->precision >= 0)
        model->precision = (Precision)o->precision;
    if (o->library)
        model->precision = FLOAT32;
    if (o->mpi && !model->shards) {
        model->shards = MPI_SHARDS;
        model->keys = format("%s shards", model->keys);
    }
    if (model->batch > model->max_batch)
        model->batch = model->max_batch;

    Graph *train = lower(model, MODE_TRAIN);
    Graph *evaluate = train ? lower(model, MODE_EVALUATE) : NULL;

    if (!evaluate || source->errors)
        return EXIT_FAULT;
    verify(train), verify(evaluate);
    if (!check_shards(train))
        return EXIT_FAULT;
    warn_doubtful(train);
    warn_answers(model);
    if (same(o->dump, "graph"))
        return print_graph(stdout, train), print_graph(stdout, evaluate), 0;

    int layer_count;
    LayerRow *layers = summarize(model, evaluate, &layer_count);

    autodiff(train), verify(train);
    warn_unreached(train);
    if (o->check)
        return 0;
    simplify(train), verify(train);
    simplify(evaluate), verify(evaluate);
    describe_onnx(evaluate);
    if (same(o->dump, "onnx"))
        return print_onnx(stdout, evaluate->onnx), 0;
    if (same(o->dump, "grad"))
        return print_graph(stdout, train), print_graph(stdout, evaluate), 0;

    Clang clang = {.verbose = o->verbose};
    const bool builds = !o->emit_c && !o->summary && !o->graph && !o->dump;
    const Target *target = find_target(same(o->target, "native") ? native_target(model->precision)
                                                                 : o->target);

    if (builds && !o->library)
        check_trainer(target->name, o->mpi);
    clang.pictures = reads_pictures(model);
    if (builds && (!find_clang(&clang, o->cc) || (o->mpi && !find_mpi(&clang))))
        return EXIT_USAGE;

    if (o->library)
        return compile_prediction(o, &clang, target, train, evaluate);

    select_algorithms(train, evaluate, target), verify(train), verify(evaluate);
    lay_out(train, evaluate, target), verify(train), verify(evaluate);
    verify_layout(train, evaluate);

    Program *step = fuse(train, target), *forward = fuse(evaluate, target);

    if (same(o->dump, "fused"))
        return print_kernels(stdout, step), print_kernels(stdout, forward), 0;
    plan(step), verify_plan(step);
    plan(forward), verify_plan(forward);
    if (same(o->dump, "plan"))
        return print_plan(stdout, step), print_plan(stdout, forward), 0;

    Text text = {0};

    if (o->summary) {
        const size_t arena = step->arena > forward->arena ? step->arena : forward->arena;

        print_summary(stdout, model, layers, layer_count, target->name, arena);
        return print_peak(stdout, step), 0;
    }
    if (o->graph)
        return draw_graph(&text, step), write_out(o, &text);

    clang.images = train->images;

    Code code = emit(model, step, forward, layers, layer_count);

    if (o->emit_c)
        return write_unit(&text, &code, 0), write_out(o, &text);
    return build_output(o, &clang, target->name, &code, source, began);
}

int main(int argc, char **argv)
{
    net_open_standard_files();
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is a write that fails, as others do */

    if (argc > 1 && same(argv[1], "fmt"))
        return format_files(argc - 2, argv + 2);

    const Options o = parse_options(argc, argv);
    Source *source = read_source(o.input);

    if (!source)
        return EXIT_FAULT;
    if (o.json)
        keep_diagnostics(source);
    const int status = compile(&o, source);

    if (o.json)
        print_diagnostics(stdout, source);

    return status ? status : flush();
}
