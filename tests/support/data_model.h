/*
 * data_model.h -- the model of data_test.c and metrics_test.c, a table by hand: an input of 2
 * channels and 2 pixels, a target, and steps that copy.
 */

#ifndef DATA_MODEL_H
#define DATA_MODEL_H

#include <stdint.h>

#include "data/transforms/transform.h"
#include "support/data_test.h"

enum { CHANNELS = 2, PIXELS = 2, INPUT = CHANNELS * PIXELS, BATCH = 8 };

struct batch {
    float input[BATCH][INPUT];
    float target[BATCH]; /* its first number, or the class */
};

struct fixture {
    struct net_model model;
    struct net_field fields[2];
};

extern const double two_means[2], two_stds[2]; /* of scale_normalize */
extern const struct net_call scale_normalize[2], standardize[1], classes[1], one_hot[1];
extern const struct net_call source; /* npy(x="x.npy", y="y.npy") */
extern const struct net_call holdout_fifth, holdout_tenth;
extern const uint8_t pictures[12]; /* three of them */

/* target_steps: classes, one_hot of class_count, another step, or NULL. */
void make_copier(struct fixture *f, const struct net_call *steps, int step_count,
                 const struct net_call *target_steps, int class_count);

/* Writes an .npy of these elements into the test's folder. */
void write_npy(const char *name, const char *descr, const char *shape, const void *data,
               size_t size);
void write_pictures(const char *labels); /* x.npy and y.npy */
struct net_data *open_fixture(const struct fixture *f);

#endif
