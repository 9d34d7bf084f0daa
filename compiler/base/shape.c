/*
 * shape.c -- shapes of values, without the batch axis.
 */

#include "base/base.h"

int shape_size(Shape shape)
{
    int size = 1;

    for (int i = 0; i < shape.rank; i++)
        size *= shape.size[i];
    return size;
}

double shape_elements(Shape shape)
{
    double count = 1;

    for (int i = 0; i < shape.rank; i++)
        count *= shape.size[i];
    return count;
}

bool same_shape(Shape a, Shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.size[i] != b.size[i])
            return false;
    return true;
}

const char *shape_text(Shape shape)
{
    Text text = {0};

    text_add(&text, "[");
    for (int i = 0; i < shape.rank; i++)
        text_add(&text, "%s%d", i > 0 ? ", " : "", shape.size[i]);
    text_add(&text, "]");
    return text.at;
}
