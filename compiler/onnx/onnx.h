/*
 * onnx.h -- Graph -> ONNX: the evaluate graph in the operators of opset 17, for `export`.
 *
 * The weights' numbers are the trainer's to add; here are the nodes alone, as text:
 *
 *     Conv  "image net.conv2d.weight net.conv2d.bias"  "r3"  "pads=[1,1,1,1]"
 */

#ifndef ONNX_H
#define ONNX_H

#include "graph/graph.h"

/* Attributes are int `axis=1`, ints `pads=[1,1]`, float `alpha=0.01`, string `mode='nearest'`; what
   is as ONNX takes it to be anyway is left out. An input is a row `float` or `int32` of sizes. */
typedef struct OnnxNode {
    const char *op, *inputs, *outputs, *attributes;
} OnnxNode;

struct Onnx {
    OnnxNode *nodes; /* in an order in which they can run */
    int count;
    const char *output; /* what the last one gives: as `predict` prints it */
    const char
        *refused; /* what ONNX cannot say, "rnn (line 12)": there are no nodes then; or NULL */
};

/* Sets evaluate->onnx, of the simplified graph, before algorithms are selected: what its prediction
   is made of, a softmax or sigmoid that the loss took in applied, as `predict` prints it. */
void describe_onnx(Graph *evaluate);
void print_onnx(FILE *out, const Onnx *onnx); /* --dump=onnx */

#endif
