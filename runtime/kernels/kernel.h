/*
 * kernel.h -- what every generated file includes: the templates that most models take.
 *
 * Activations lie as [batch block of 16 images][row][column][block of 16 channels][image][channel],
 * written at[batch block][pixel][block][16][16]; lanes beyond the last channel are always +0.
 */

#ifndef NET_KERNEL_H
#define NET_KERNEL_H

#include "kernels/activation.h"
#include "kernels/conv.h"
#include "kernels/depthwise.h"
#include "kernels/elementwise.h"
#include "kernels/few_outputs.h"
#include "kernels/gemm.h"
#include "kernels/global_pool.h"
#include "kernels/groups.h"
#include "kernels/half_tile.h"
#include "kernels/lines_tile.h"
#include "kernels/loss.h"
#include "kernels/movement.h"
#include "kernels/norm.h"
#include "kernels/pack.h"
#include "kernels/pool.h"
#include "kernels/run.h"
#include "kernels/softmax.h"
#include "kernels/sums.h"
#include "kernels/transpose.h"
#include "kernels/transposed_weights.h"
#include "kernels/update.h"
#include "kernels/weight_gradient.h"
#include "kernels/window.h"

#endif
