/*
 * tables.h -- what the files of the generated tables share: literals.c, tables.c, call_tables.c,
 * field_tables.c.
 */

#ifndef TABLES_H
#define TABLES_H

#include "emit/emit.h"

/* ---- literals.c ------------------------------------------------------------------------------ */

const char *number_text(double x);                         /* reads back as x */
const char *list_of(Shape shape);                          /* "1, 28, 28" */
const char *shape_member(const char *before, Shape shape); /* NET_SHAPE(..), or "" */

/* ---- tables.c -------------------------------------------------------------------------------- */

bool is_one_number(const Graph *g); /* a batchnorm has one number a channel and row */
void write_tensors(const Emitter *e, Text *out);

/* ---- onnx_text.c ----------------------------------------------------------------------------- */

/* "t.1 = Gemm(x #0 #1) transB=1; prediction = Softmax(t.1) axis=1", in strings parted by commas */
const char *onnx_texts(const Emitter *e, const Onnx *onnx);

/* ---- call_tables.c: evaluated calls of the .net file ----------------------------------------- */

void write_call(Text *out, const Call *call, const char *name);               /* nothing of NULL */
void write_calls(Text *out, Call *const *calls, int count, const char *name); /* an array */
int find_field_index(const Model *model, const Field *field); /* one of the model's */

/* ---- field_tables.c: inputs and targets, and the way of a batch in and out ------------------- */

void write_fields(Text *out, const Model *model);
void write_pack(const Emitter *e, Text *out, const Graph *train);
void write_unpack(const Emitter *e, Text *out, const Graph *evaluate);
void write_unpack_value(const Emitter *e, Text *out, Value *value,
                        const char *rows); /* of one prediction, to that pointer */

#endif
