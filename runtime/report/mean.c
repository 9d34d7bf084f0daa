/*
 * mean.c -- mean and deviation of runs' numbers.
 */

#include <math.h>

#include "report/report.h"

void net_find_mean(const double *values, int count, double *mean, double *deviation)
{
    double sum = 0.0, squares = 0.0;

    for (int i = 0; i < count; i++)
        sum += values[i] - values[0];
    *mean = values[0] + sum / count; /* of equal numbers: exactly theirs */
    for (int i = 0; i < count; i++)
        squares += (values[i] - *mean) * (values[i] - *mean);
    *deviation = count > 1 ? sqrt(squares / (count - 1)) : NAN;
}
