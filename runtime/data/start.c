/*
 * start.c -- the inputs of a run that starts from another one's weights: they are prepared as that
 * run prepared them, whose numbers, words and classes its weights were made for. Targets are the
 * run's own. Linked into trainers of models that say `start` alone (training/start.c).
 */

#include <stdlib.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

void net_take_inputs(struct net_data *data, const struct net_folder *start)
{
    static const char name[] = "preparation.json";
    char *path = net_path_in(start, name);
    struct net_json *json = net_preparation_read(start, name, path);
    const struct net_json *fields = net_json_member(json, "fields");

    for (int f = 0; f < data->model->field_count; f++) {
        const struct net_field *field = &data->model->fields[f];
        const struct net_json *steps = net_json_member(fields, field->name);

        if (!steps || field->kind > NET_INPUT_SPARSE || !net_learns(field))
            continue;
        net_fitted_field(data, f, steps, path);
        data->fitted[f]->known = true;
    }
    net_json_free(json);
    free(path);
}
