/*
 * learnt.c -- what a run has learnt of its data, without any rows.
 */

#include "data/dataset.h"

struct net_data *net_data_open_learnt(const struct net_model *model,
                                      const struct net_opening *opening)
{
    struct net_data *data = net_data_new(model);

    net_contract_read(data, opening);
    net_list_words(data);
    return data;
}
