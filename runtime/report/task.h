/*
 * task.h -- what the outputs of a model are: classes, or values.
 */

#ifndef NET_TASK_H
#define NET_TASK_H

#include "data/data.h"

enum task {
    TASK_CLASSES, /* several outputs, one a class */
    TASK_BINARY,  /* one output: of class 1 */
    TASK_SIGN,    /* one output: class 1 where it is not negative; targets -1, 1 */
    TASK_VALUES,
};

/* By the model, and of one output by the targets; targets that go with neither, or not with the
   model's metrics, end the program. task.c */
enum task net_task_find(const struct net_model *model, const struct net_data *data);

#endif
