/*
 * onnx.h -- what the files of export that write ONNX share: numbers of onnx.proto, nodes, values.
 */

#ifndef NET_ONNX_H
#define NET_ONNX_H

#include "commands/commands.h"
#include "report/sinks/trackers.h"

enum { /* fields of messages */
       MODEL_IR_VERSION = 1,
       MODEL_PRODUCER,
       MODEL_PRODUCER_VERSION,
       MODEL_GRAPH = 7,
       MODEL_OPSET,
       OPSET_VERSION = 2,
       GRAPH_NODE = 1,
       GRAPH_NAME,
       GRAPH_WEIGHT = 5,
       GRAPH_INPUT = 11,
       GRAPH_OUTPUT,
       NODE_INPUT = 1,
       NODE_OUTPUT,
       NODE_OPERATOR = 4,
       NODE_ATTRIBUTE,
       ATTRIBUTE_NAME = 1,
       ATTRIBUTE_FLOAT,
       ATTRIBUTE_INT,
       ATTRIBUTE_STRING,
       ATTRIBUTE_TENSOR,
       ATTRIBUTE_INTS = 8,
       ATTRIBUTE_TYPE = 20,
       TENSOR_SIZE = 1,
       TENSOR_TYPE,
       TENSOR_FLOATS = 4,
       TENSOR_INTS = 7,
       TENSOR_NAME,
       TENSOR_BYTES,
       VALUE_NAME = 1,
       VALUE_TYPE,
       TYPE_TENSOR = 1,
       TYPE_ELEMENT = 1,
       TYPE_SHAPE,
       SHAPE_SIZE = 1,
       SIZE_NUMBER = 1,
       SIZE_NAME,
};

enum { /* types of elements and of attributes */
       ELEMENT_FLOAT = 1,
       ELEMENT_UINT8,
       ELEMENT_INT32 = 6,
       ELEMENT_INT64,
       ELEMENT_DOUBLE = 11,
       TYPE_OF_FLOAT = 1,
       TYPE_OF_INT,
       TYPE_OF_STRING,
       TYPE_OF_TENSOR,
       TYPE_OF_INTS = 7,
};

enum { IR_VERSION = 8, OPSET = 17 };

/* ---- onnx_nodes.c ---------------------------------------------------------------------------- */

/* A node, "t.1 t.1_2 = Split(x #3) axis=1", which is changed; with `learnt` names of inputs and
   outputs are the inner ones. */
void net_onnx_node(struct net_buffer *graph, const struct net_model *model,
                   const struct net_data *learnt, char *statement);
/* An input or the output, of so many sizes behind the batch axis, n. */
void net_onnx_value(struct net_buffer *graph, unsigned field, const char *name, uint64_t element,
                    const int *sizes, int rank);
int net_onnx_input(const struct net_model *model, const char *name); /* its field; -1: none */
/* What the network calls an input or output that preparations stand before or behind: malloc'd;
   NULL: it is neither. */
char *net_onnx_inner_name(const struct net_model *model, const char *name);

/* ---- export_prepared.c: preparations, where what a run has learnt is there ------------------- */

/* The input `name` of the data, and the nodes that make the network's of it. */
void net_onnx_prepare(struct net_buffer *graph, const struct net_model *model,
                      const struct net_data *learnt, const char *name, const int *sizes, int rank);
/* The nodes that make the output `name` of the network's, in the units of the target of `head`. */
void net_onnx_take_back(struct net_buffer *graph, const struct net_model *model,
                        const struct net_data *learnt, const struct net_model *head,
                        const char *name);

#endif
