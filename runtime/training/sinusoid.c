/*
 * sinusoid.c -- the fixed vectors of positions(kind=sinusoidal). Alone in its file: sine and cosine
 * are linked into trainers that have such a layer.
 */

#include <math.h>

#include "netrt.h"

double net_sinusoid(const struct net_tensor *tensor, long i)
{
    const long channel = i / tensor->shape[1], position = i % tensor->shape[1];
    const double power = (double)(channel - channel % 2) / tensor->shape[0];
    const double angle = (double)position / pow(10000.0, power);

    return channel % 2 ? cos(angle) : sin(angle);
}
