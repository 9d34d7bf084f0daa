/*
 * network.c -- blocks and networks: bodies run, and every use of a layer is recorded.
 *
 * One idea: a block is a call with its own names, so its layers get a path of their own; a network
 * is a call whose first run is remembered, so that a later one finds the same layers and shares
 * their parameters (paths.c names them).
 */

#include "semantics/analysis.h"

enum {
    MAX_CALLS = 64,     /* blocks and networks inside one another */
    MAX_DECLARED = 100, /* parameters of a block or network */
};

/* ---- Layers ---------------------------------------------------------------------------------- */

/* After an error in its arguments, a layer passes its input on, so that what follows is checked. */
static Object apply_layer(Sema *s, PartialCall *f)
{
    Layer **inputs = NULL;
    int count = 0;
    Call *call = finish_call(s, f);

    if (!call)
        return (Object){.kind = OBJECT_TENSOR, .layer = f->input.layer, .span = f->span};
    if (same(call->name, "split"))
        return split_results(s, call, f->input.layer);
    APPEND(inputs, count, f->input.layer);
    for (int i = 0; i < f->count; i++) {
        const ParamType type = f->signature->parameters[i].type;

        if ((type == PARAM_TENSOR && f->given[i]) ||
            (type == PARAM_OPERAND && f->arguments[i].kind == OBJECT_TENSOR))
            APPEND(inputs, count, f->arguments[i].layer);
        for (int j = 0; type == PARAM_TENSORS && j < f->arguments[i].count; j++)
            APPEND(inputs, count, f->arguments[i].items[j].layer);
    }
    return new_layer(s, call, inputs, count, f->signature->has_weights);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void execute(Sema *s, AstList statements);

/* A name that is given to a chain with exactly one layer that has parameters is that layer's. */
static void name_chain(Sema *s, int begin, const char *text)
{
    Entry *only = NULL;

    for (int i = begin; i < s->paths->count; i++) {
        Entry *entry = &s->paths->entries[i];
        if (entry->paths || (entry->has_weights && only))
            return;
        if (entry->has_weights)
            only = entry;
    }
    if (only)
        only->base = text;
}

/* The variable of a `for` is the item; of `for [a, b]` each is one of the item's own. */
static void set_variables(Sema *s, const Ast *ast, Object item, int index)
{
    const AstList names = ast->arguments;
    const bool known = item.kind != OBJECT_ERROR;

    if (names.count == 0) {
        set_name(s, &s->frame->names, ast->text, item, ast->name_span);
        return;
    }
    if (known && (item.kind != OBJECT_LIST || item.count != names.count) &&
        report(s, ast->first->span, "`for [...]` of %d names wants lists of %d; item %d is %s",
               names.count, names.count, index, describe(item)))
        note(s->source, "items are counted from 0");
    for (int i = 0; i < names.count; i++)
        set_name(s, &s->frame->names, names.items[i]->text,
                 item.kind == OBJECT_LIST && item.count == names.count
                     ? item.items[i]
                     : error_object(ast->first->span),
                 names.items[i]->span);
}

static void execute_for(Sema *s, const Ast *ast)
{
    Object list = evaluate(s, ast->first);

    if (list.kind == OBJECT_ERROR)
        set_variables(s, ast, list, 0);
    else if (list.kind != OBJECT_LIST &&
             report(s, list.span, "`for` wants a list; this is %s", describe(list)))
        note(s->source, "such as [64, 128], or 1..3");
    if (list.kind != OBJECT_LIST)
        return;
    for (int i = 0; i < list.count && !s->frame->returned && within_budget(s, 1, ast->span); i++) {
        Object item = list.items[i];
        item.span = list.span;
        set_variables(s, ast, item, i);
        execute(s, ast->children);
    }
}

static void execute_statement(Sema *s, const Ast *ast)
{
    Frame *frame = s->frame;
    const int before = s->paths->count;
    Object object;

    switch (ast->kind) {
    case AST_LET:
    case AST_ASSIGN:
        object = evaluate(s, ast->first);
        name_chain(s, before, ast->text);
        set_name(s, &frame->names, ast->text, object, ast->name_span);
        break;
    case AST_UNPACK:
        unpack(s, ast, evaluate(s, ast->first));
        break;
    case AST_FOR:
        execute_for(s, ast);
        break;
    case AST_IF:
        object = evaluate(s, ast->first);
        if (!check_type(s, "the condition", PARAM_BOOL, object)) {
            frame->returned = true; /* which names are set from here on, nobody knows */
            frame->result = error_object(ast->span);
            frame->has_result = true;
        } else if (object.number != 0) {
            execute(s, ast->children);
        } else if (ast->second) {
            execute(s, ast->second->children);
        }
        break;
    default: /* a value that stands alone is the last: check_body */
        frame->result = evaluate(s, ast->first);
        frame->has_result = true;
        frame->returned = true;
    }
}

static void execute(Sema *s, AstList statements)
{
    for (int i = 0; i < statements.count && !s->frame->returned && !s->stopped; i++)
        execute_statement(s, statements.items[i]);
}

/* Only the last expression of a body may stand unassigned; also at the end of a last `if`. */
static void check_statements(Sema *s, AstList statements, bool last)
{
    for (int i = 0; i < statements.count; i++) {
        const Ast *ast = statements.items[i];
        const bool ends = last && i == statements.count - 1;
        if (ast->kind == AST_VALUE && !ends && report(s, ast->span, "this value is not used"))
            note(s->source, "give it a name; only the last line of a body stands without one");
        if (ast->kind == AST_FOR)
            check_statements(s, ast->children, false);
        if (ast->kind == AST_IF)
            check_statements(s, ast->children, ends);
        if (ast->kind == AST_IF && ast->second)
            check_statements(s, ast->second->children, ends);
    }
}

void check_body(Sema *s, const Ast *definition)
{
    const AstList parameters = definition->arguments;

    if (parameters.count > MAX_DECLARED) {
        report(s, parameters.items[MAX_DECLARED]->span, "more than %d parameters", MAX_DECLARED);
        s->stopped = true;
        return;
    }
    for (int i = 0; i < parameters.count; i++)
        for (int j = 0; j < i; j++)
            if (same(parameters.items[i]->text, parameters.items[j]->text) &&
                report(s, parameters.items[i]->name_span, "`%s` is a parameter twice",
                       parameters.items[i]->text))
                note_at(s->source, parameters.items[j]->name_span, "it was first named here");
    check_statements(s, definition->children, true);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void set_parameters(Sema *s, const PartialCall *f)
{
    const AstList parameters = f->definition->arguments;

    set_name(s, &s->frame->names, parameters.items[0]->text, f->input,
             parameters.items[0]->name_span);
    for (int i = 0; i < f->count; i++) {
        const Ast *parameter = parameters.items[i + 1];
        Object object = f->given[i] ? f->arguments[i] : error_object(f->span);
        if (!f->given[i] && parameter->first)
            object = evaluate(s, parameter->first);
        else if (!f->given[i] && !f->failed &&
                 report(s, f->span, "`%s` needs `%s`", f->definition->text, parameter->text))
            explain_call(s, f);
        set_name(s, &s->frame->names, parameter->text, object, parameter->name_span);
    }
}

/* What the body gave: a value, or a list of them; after an error OBJECT_ERROR. */
static Object check_result(Sema *s, const Frame *frame, const PartialCall *f)
{
    const Ast *definition = f->definition;
    const char *kind = body_text(definition);
    const AstList items = definition->children;
    const Ast *last = items.count > 0 ? items.items[items.count - 1] : NULL;
    Object result = frame->result;

    if (s->stopped)
        return error_object(f->span);
    if (!frame->has_result) {
        if (report(s, definition->name_span, "the %s `%s` ends without a value", kind,
                   definition->text)) {
            if (last && last->kind == AST_ASSIGN)
                note_at(s->source, last->name_span, "write `return %s` after this", last->text);
            else
                note(s->source, "its last line is an expression, or `return` and one");
        }
        return error_object(f->span);
    }
    if (result.kind == OBJECT_FUNCTION && wants_input(result.function)) {
        if (report(s, result.span, "%s waits for its input", describe(result)))
            note(s->source, "write `x -> %s`",
                 result.function->signature ? result.function->signature->name
                                            : result.function->definition->text);
        return error_object(f->span);
    }
    for (int i = 0; i < result.count && result.kind == OBJECT_LIST; i++)
        if (result.items[i].kind != OBJECT_TENSOR) {
            report(s, result.items[i].span, "the results of a %s are those of layers; this is %s",
                   kind, describe(result.items[i]));
            return error_object(f->span);
        }
    if (result.kind == OBJECT_LIST && result.count > MAX_RESULTS)
        report(s, result.span, "a %s gives at most %d results; these are %d", kind, MAX_RESULTS,
               result.count);
    else if (result.kind != OBJECT_ERROR && !is_result(result))
        report(s, result.span, "the value of a %s is the result of a layer; this is %s", kind,
               describe(result));
    if (!is_result(result) || result.count > MAX_RESULTS)
        return error_object(f->span);
    result.span = f->span;
    return result;
}

static Paths *new_paths(const char *path)
{
    Paths *paths = allocate(sizeof *paths);

    paths->path = path;
    return paths;
}

static Instance *find_instance(const Sema *s, const Ast *definition)
{
    for (int i = 0; i < s->instance_count; i++)
        if (s->instances[i]->definition == definition)
            return s->instances[i];
    return NULL;
}

/* The one instance of a network; a call of it from inside itself: NULL. */
static Instance *enter_network(Sema *s, const PartialCall *f)
{
    Instance *instance = find_instance(s, f->definition);

    if (!instance) {
        instance = allocate(sizeof *instance);
        instance->definition = f->definition;
        instance->paths = new_paths(f->definition->text);
        APPEND(s->instances, s->instance_count, instance);
    } else if (instance->busy) {
        report(s, f->name_span, "the network `%s` calls itself", f->definition->text);
        return NULL;
    }
    instance->busy = true;
    instance->next = 0;
    s->instance = instance;
    s->paths = instance->complete ? new_paths("") : instance->paths;
    return instance;
}

static void enter_block(Sema *s, const PartialCall *f)
{
    Paths *paths = new_paths(NULL);

    APPEND(s->paths->entries, s->paths->count,
           ((Entry){.base = f->definition->text, .paths = paths}));
    s->paths = paths;
}

static void note_call(Sema *s, const Ast *definition)
{
    for (int i = 0; i < s->called_count; i++)
        if (s->called[i] == definition)
            return;
    APPEND(s->called, s->called_count, definition);
}

/* Values, and numbers that are compiled: what is alike for sure. */
static bool is_same_argument(Object a, Object b)
{
    bool alike = a.kind == b.kind && a.count == b.count && a.layer == b.layer &&
                 a.number == b.number && !a.formula && !b.formula &&
                 (a.kind == OBJECT_TENSOR || a.kind == OBJECT_NUMBER || is_several(a));

    for (int i = 0; alike && i < a.count; i++)
        alike = is_same_argument(a.items[i], b.items[i]);
    return alike;
}

/* What a call of a network with the same arguments gave in an earlier term of the loss, so that
   heads stand on one body; in one term each call draws and counts for itself. NULL: none did. */
static const Object *find_earlier(const Sema *s, const PartialCall *f)
{
    const Instance *instance = f->definition->kind == AST_NETWORK ? find_instance(s, f->definition)
                                                                  : NULL;

    for (int i = 0; instance && i < instance->call_count; i++) {
        const PartialCall *call = instance->calls[i];
        bool alike = instance->losses[i] < s->losses && call->count == f->count &&
                     is_same_argument(call->input, f->input);

        for (int j = 0; alike && j < f->count; j++)
            alike = call->given[j] == f->given[j] &&
                    (!f->given[j] || is_same_argument(call->arguments[j], f->arguments[j]));
        if (alike)
            return &instance->results[i];
    }
    return NULL;
}

/* Every layer stands behind its inputs. */
bool depends_on(const Model *model, const Layer *layer, Layer *other)
{
    bool does;

    other->marked = true;
    for (int i = 0; i < model->layer_count; i++)
        for (int j = 0; j < model->layers[i]->input_count; j++)
            model->layers[i]->marked |= model->layers[i]->inputs[j]->marked;
    does = layer->marked;
    for (int i = 0; i < model->layer_count; i++)
        model->layers[i]->marked = false;
    other->marked = false;
    return does;
}

/* Of several results each; what is made of a target is no prediction. */
static void note_given(Sema *s, Object result, const char *network)
{
    for (int i = 0; i < result.count && is_several(result); i++)
        note_given(s, result.items[i], network);
    if (result.kind == OBJECT_TENSOR && !result.layer->of_target)
        APPEND(s->given, s->given_count, ((Given){result.layer, network}));
}

static Object call_definition(Sema *s, const PartialCall *f)
{
    const Object *earlier = find_earlier(s, f);
    Frame frame = {.definition = f->definition};
    Frame *const outer_frame = s->frame;
    Instance *const outer_instance = s->instance;
    Instance *instance = NULL;
    Paths *const outer_paths = s->paths;
    const unsigned kinds = s->kinds;
    const bool in_loss = s->in_loss;

    if (earlier) {
        Object again = *earlier;

        again.span = f->span;
        s->model->name = f->definition->text;
        return again;
    }
    if (s->calls == MAX_CALLS) {
        report(s, f->span, "calls are nested more than %d deep: does `%s` call itself?", MAX_CALLS,
               f->definition->text);
        s->stopped = true;
        return error_object(f->span);
    }
    if (f->definition->kind != AST_NETWORK)
        enter_block(s, f);
    else if (!(instance = enter_network(s, f)))
        return error_object(f->span);
    note_call(s, f->definition);
    s->calls++;
    s->kinds = KIND_LAYER;
    s->in_loss = f->definition->kind == AST_LOSS;
    s->frame = &frame;
    set_parameters(s, f);
    execute(s, f->definition->children);
    Object result = check_result(s, &frame, f);
    s->frame = outer_frame;
    s->instance = outer_instance;
    s->paths = outer_paths;
    s->kinds = kinds;
    s->in_loss = in_loss;
    s->calls--;
    if (instance && in_loss)
        note_given(s, result, f->definition->text);
    if (instance) {
        if (instance->complete && instance->next < instance->count && s->source->errors == 0)
            report(s, f->span, "`%s` is called again, and makes fewer layers here",
                   f->definition->text);
        instance->busy = false;
        instance->complete = true;
        s->model->name = f->definition->text;
        if (result.kind != OBJECT_ERROR) {
            APPEND(instance->calls, instance->call_count, f);
            APPEND(instance->results, instance->result_count, result);
            APPEND(instance->losses, instance->losses_count, s->losses);
        }
    }
    return result;
}

/* A term of its own in the train section, a value in another loss section. */
static Object call_loss(Sema *s, const PartialCall *f)
{
    Object result;

    if (!s->in_loss) {
        if (report(s, f->name_span, "`%s` is a loss: networks and blocks do not call it",
                   f->definition->text))
            note(s->source, "the train section does: `loss = %s(...)`", f->definition->text);
        return error_object(f->span);
    }
    if (f->definition->carried && !check_carried(s, f))
        return error_object(f->span);
    result = call_definition(s, f);
    s->losses++;
    if (result.kind != OBJECT_TENSOR || s->frame)
        return result;
    result.text = f->definition->text;
    result.prediction = predicted_by(f);
    result.carried = f->definition->carried;
    return as_sum(result);
}

/* A loss of the language whose target is a number, as one that netc carries. */
static PartialCall *of_number(const PartialCall *f)
{
    const Ast *definition = carried_definition(f->signature->name, f->span);
    PartialCall *call = new_function(NULL, definition, f->span);
    Layer *logits = f->input.kind == OBJECT_TENSOR && carried_logits(definition->text)
                        ? sigmoid_input(f->input.layer)
                        : NULL;

    call->input = f->input;
    call->has_input = true;
    call->failed = f->failed;
    if (logits)
        call->input.layer = logits;
    call->arguments[0] = f->arguments[0];
    call->given[0] = true;
    return call;
}

Object apply(Sema *s, PartialCall *f)
{
    if (refuse_several(s, f))
        return error_object(f->span);
    if (f->signature && f->signature->kind == KIND_LOSS) {
        if (f->has_input && f->signature->parameters[0].type == PARAM_OPERAND && f->given[0] &&
            f->arguments[0].kind == OBJECT_NUMBER)
            return call_loss(s, of_number(f));
        f->network = s->model->name;
        s->losses++;
    }
    if (!wants_input(f) || !f->has_input || (f->signature && f->signature->kind == KIND_LOSS))
        return (Object){.kind = OBJECT_FUNCTION, .function = f, .span = f->span};
    if (f->input.kind == OBJECT_ERROR)
        return error_object(f->span);
    return !f->definition                    ? apply_layer(s, f)
           : f->definition->kind == AST_LOSS ? call_loss(s, f)
                                             : call_definition(s, f);
}
