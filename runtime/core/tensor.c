/*
 * tensor.c -- copies of tensors between PyTorch's layout and ours.
 */

#include "core/core.h"
#include "core/tensor_layout.h"

long net_tensor_size(const struct net_tensor *tensor)
{
    return net_tensor_elements(tensor);
}

long net_tensor_at(const struct net_tensor *tensor, long index)
{
    return net_tensor_place(tensor, index);
}

void net_tensor_get(const struct net_tensor *tensor, const void *base, float *logical)
{
    const float *at = (const float *)((const char *)base + tensor->offset);
    const long size = net_tensor_size(tensor);

    for (long i = 0; i < size; i++)
        logical[i] = at[net_tensor_at(tensor, i)];
}

void net_tensor_set(const struct net_tensor *tensor, void *base, const float *logical)
{
    float *at = (float *)((char *)base + tensor->offset);
    const long size = net_tensor_size(tensor);

    for (long i = 0; i < size; i++)
        at[net_tensor_at(tensor, i)] = logical[i];
}
