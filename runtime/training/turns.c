/*
 * turns.c -- several train sections, each with an optimizer of its own. A step's kernels call one
 * update: it finds by a parameter's place whose it is. Only trainers of models with several
 * sections have this file.
 */

#include <stdlib.h>

#include "training/training.h"

static void update_by_section(float *restrict w, const float *restrict g, float *restrict state,
                              long count, const struct net_step_scalars *scalars)
{
    const struct net_turn *turn = scalars->turns;

    while (w >= turn->end)
        turn++;
    turn->update(w, g, state, count, &turn->scalars);
}

/* The options of a run whose only optimizer is this one. */
static struct net_options options_of(const struct net_options *run, const struct net_call *call)
{
    struct net_options options = *run;

    options.value[NET_OPTIMIZER].text = call->name;
#define OPTIMIZER_NUMBER(id, ...) options.value[NET_##id].number = 0.0;
#include "language.def"
    for (int i = 0; i < call->arg_count; i++)
        options.value[net_option_named(call->args[i].name)].number = call->args[i].number;
    return options;
}

/* Which section's options a tensor goes by; what nobody trains is nobody's. */
static int section_of(const struct net_tensor *tensor)
{
    return tensor->section ? tensor->section - 1 : 0;
}

static int open_turns(struct net_session *session)
{
    const struct net_model *model = session->model;
    struct net_run *run = &session->run;
    int copies = 0;

    session->turns = net_allocate((size_t)model->tensor_count, sizeof *session->turns);
    session->section_options = net_allocate((size_t)model->section_count,
                                            sizeof *session->section_options);
    for (int k = 0; k < model->section_count; k++) {
        struct net_options *options = &session->section_options[k];

        *options = options_of(session->options, &model->sections[k]);
        const struct net_variant variant = net_find_optimizer(options)->variant(options);

        copies = variant.copies > copies ? variant.copies : copies;
    }
    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];
        const struct net_options *options = &session->section_options[section_of(tensor)];

        session->turns[t] = (struct net_turn){
            .end = (const float *)run->params + tensor->offset / sizeof(float) + tensor->count,
            .update = net_find_optimizer(options)->variant(options).update};
    }
    run->update = update_by_section;
    run->scalars.turns = session->turns;
    return copies;
}

static void begin_turns(struct net_session *session)
{
    for (int k = 0; k < session->model->section_count; k++)
        net_init_state(session, &session->section_options[k], k + 1);
}

/* All schedules are the run's: each rate is as much of its own as the first one is of its. */
static void step_turns(struct net_session *session)
{
    const struct net_model *model = session->model;
    struct net_run *run = &session->run;
    const double part = session->rate / session->section_options[0].value[NET_LR].number;

    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_options *options =
            &session->section_options[section_of(&model->tensors[t])];
        struct net_step_scalars *scalars = &session->turns[t].scalars;

        if (t && section_of(&model->tensors[t]) == section_of(&model->tensors[t - 1])) {
            *scalars = session->turns[t - 1].scalars;
            continue;
        }
        scalars->stride = run->scalars.stride;
        net_set_step_scalars(scalars, net_find_optimizer(options), options,
                             part * options->value[NET_LR].number, run->step);
    }
    for (int t = 0; t < model->tensor_count; t++)
        run->scalars.zero_is_noop &= session->turns[t].scalars.zero_is_noop;
}

static void close_turns(struct net_session *session)
{
    free(session->turns);
    free(session->section_options);
}

const struct net_turns net_turns = {open_turns, begin_turns, step_turns, close_turns};
