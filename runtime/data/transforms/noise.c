/*
 * noise.c -- the transform noise(std): its row in the table. It changes nothing here: rows get
 * their noise as they are packed (augment.c), so that every epoch has another.
 */

#include "data/transforms/transform.h"

static void apply_noise(struct net_values *values, const struct net_call *call,
                        const struct net_fitted *fitted)
{
    (void)values;
    (void)call;
    (void)fitted;
}

const struct net_transform net_transform_noise = {.name = "noise", .apply = apply_noise};
