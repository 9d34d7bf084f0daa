/*
 * memory_data.h -- data that stand in memory, and a model by hand whose pack copies what it is
 * given: what transforms.c, scores.c and augment_test.c share.
 */

#ifndef MEMORY_DATA_H
#define MEMORY_DATA_H

#include <check.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"
#include "support/length.h"

enum { BATCH = 64, MOST = 192 }; /* rows of a batch; numbers of a row */

struct batch {
    float x[BATCH][MOST], y[BATCH][MOST];
};

/* What the reader of the running test gives: x of any size, y of one number. */
struct memory {
    const float *x, *y;
    const uint8_t *bytes; /* x, in the place of floats; or NULL */
    const double *wide;   /* likewise */
    int rows, size;
};

extern struct memory memory;

struct fixture {
    struct net_model model;
    struct net_field fields[2];
};

/* A picture of `channels` x height x width, and a target of one number. */
void make_model(struct fixture *f, int channels, int height, int width);
void set_steps(struct fixture *f, const struct net_call *steps, int count);
void set_classes(struct fixture *f, int classes); /* the target is a class */
struct net_data *open_model(const struct fixture *f);

TCase *scores_test(void);  /* scores.c: metrics */
TCase *augment_test(void); /* augment_test.c: augmentation and noise */
TCase *mix_test(void);     /* mix_test.c: rows that are mixed */
TCase *changes_test(void); /* changes_test.c: steps of augmentation that change pixels */

#endif
