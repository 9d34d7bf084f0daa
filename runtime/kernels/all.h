/*
 * all.h -- the headers that generated code includes, as netc has clang parse them once.
 */

#ifndef NET_KERNELS_ALL_H
#define NET_KERNELS_ALL_H

#include "kernels/activation.h"
#include "kernels/argmax_grad.h"
#include "kernels/attention.h"
#include "kernels/attention_heads.h"
#include "kernels/batch_lanes.h"
#include "kernels/batch_lanes_dw.h"
#include "kernels/conv.h"
#include "kernels/depthwise.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/epilogue.h"
#include "kernels/few_outputs.h"
#include "kernels/gemm.h"
#include "kernels/global_pool.h"
#include "kernels/groups.h"
#include "kernels/kernel.h"
#include "kernels/layout.h"
#include "kernels/loss.h"
#include "kernels/matmul.h"
#include "kernels/movement.h"
#include "kernels/norm.h"
#include "kernels/pack.h"
#include "kernels/permute.h"
#include "kernels/pool.h"
#include "kernels/recurrent.h"
#include "kernels/row_gradient.h"
#include "kernels/run.h"
#include "kernels/softmax.h"
#include "kernels/sparse.h"
#include "kernels/sums.h"
#include "kernels/tables.h"
#include "kernels/transpose.h"
#include "kernels/update.h"
#include "kernels/vec.h"
#include "kernels/vec_math.h"
#include "kernels/weight_gradient.h"
#include "kernels/window.h"
#include "kernels/winograd.h"
#include "kernels/winograd_conv.h"
#include "kernels/winograd_dw.h"

#endif
