/*
 * emit.h -- Program -> C: one file a family of kernels, and the tables that the runtime reads.
 */

#ifndef EMIT_H
#define EMIT_H

#include "lower/lower.h"
#include "passes/passes.h"

/* ---- emit.c: the file ------------------------------------------------------------------------ */

typedef struct Function Function;

typedef enum Section { EPILOGUES, TILES, KERNELS, SECTIONS } Section; /* of the file */

/* The generated C, in one file or cut into units that are compiled side by side. */
typedef struct Code {
    const char *head;    /* comment, includes, types */
    Function *functions; /* in the order of their first use */
    int function_count;
    const char *network, *tables;
} Code;

Code emit(const Model *model, Program *train, Program *evaluate, const LayerRow *layers,
          int layer_count);

/* units.c. Unit 0 has the network and the tables, and each a share of the kernels. Before it is
   cut, unit 0 is the whole file. */
int count_units(const Code *code, int cores); /* that are worth it: 1 to a core each */
void cut_into_units(Code *code, int count);
void write_unit(Text *out, const Code *code, int unit);
const char *section_rule(const char *title); /* a comment across the page */
const char *quoted(const char *text);        /* a string of C: literals.c */

/* A function of the file: kernels of equal text share one. */
struct Function {
    const char *name;
    const char *key;  /* the text without the name: what makes it another */
    const char *head; /* comment and declaration */
    const char *statements;
    Section section;
    const char *text; /* all of it, as it is printed */
    int unit;         /* of a kernel */
};

typedef struct View { /* a pointer into the arena, declared at the top of a step */
    const Buffer *buffer;
    const char *type, *name;
} View;

typedef struct Emitter {
    const Model *model;
    const Target *target;
    Program *program; /* of the step being written */
    Text includes, types;
    Table declared;            /* types: each one's number */
    const char **declarations; /* their members */
    int declaration_count;
    Function *functions; /* tiles and kernels */
    int function_count;
    Table function_keys, function_names; /* each function's number */
    View *views;                         /* of this step */
    int view_count;
    int *view_of;  /* by index of the buffer; or -1 */
    Text meetings; /* rows of their table: where the shards of a batch meet */
    int meeting_count;
    bool meets;               /* in one of them; at the others more of the gradient is whole, */
    size_t whole;             /* from this byte of struct params on, so far; 0: none */
    long scratch;             /* floats that a thread wants for itself, in any kernel */
    Table names;              /* taken by views of this step: how often */
    const char **tensors;     /* C names of parameters: by index of `parameters` */
    const Value **parameters; /* in the order of struct params */
    int parameter_count;
    const char **run_values; /* C, of `numbers`: what kernels read of run->values */
    int run_value_count;
} Emitter;

/* ---- run_numbers.c: numbers that a run can change -------------------------------------------- */

/* Number `run_number` of Model.numbers in an expression for run_value; 0: x itself. */
const char *number_operand(int run_number, double x);
/* A float that is known when the run is: "run->values[3]". `expression` is C in double. */
const char *run_value(Emitter *e, const char *expression);
/* The same of number `run_number` in a formula, "1.0 - %s"; 0: the literal x. */
const char *float_text(Emitter *e, int run_number, const char *formula, double x);
/* An aligned array of them, as many as vectors of 16 hold: "run->values + 16". */
const char *run_array(Emitter *e, const char *const *expressions, int count);
/* Their tables and functions, where there are lets. */
void write_run_numbers(Text *out, const Emitter *e);

/* The name of a function of this text. head: a format with %s for the name */
const char *add_function(Emitter *e, Section section, const char *base, const char *head,
                         const char *text);

/* A register tile or the like, one call: "NET_DW_TILE" heads it, a macro of runtime/kernels. */
const char *add_tile(Emitter *e, const char *macro, const char *name, const char *fmt, ...)
    PRINTF(4, 5);

void include(Emitter *e, const char *header); /* "pool", of runtime/kernels; once */

/* Types, functions and steps of `count` programs, the first of which has all parameters and fields.
   What stands above them, and the tables, are the caller's to add. */
Code emit_steps(Emitter *e, Program *const *programs, int count);
const char *tidied(const char *text); /* with no line longer than a hundred columns */

/* ---- meetings.c ------------------------------------------------------------------------------ */

/* Before kernel `count`, which begins a phase: is more of the gradient whole there, enough for the
   step to return? */
bool note_gradients(Emitter *e, int count);

/* ---- writer.c: lines of at most a hundred columns -------------------------------------------- */

/* One line of text, indented by 4 spaces a level. */
void line(Text *text, int level, const char *fmt, ...) PRINTF(3, 4);

/* Items of a list, wrapped before column 100: each new line begins at `indent`. */
typedef struct Wrap {
    Text *text;
    int column, indent, count;
} Wrap;

void wrap_item(Wrap *wrap, const char *item); /* with ", " before all but the first */
void wrap_lines(Text *text);                  /* breaks those that are too long */
const char *braces(const int *at, int count); /* "{3, 3}" */
const char *literal(double x);                /* a float constant of C: "0.25f", "2.0f" */
const char *truth(bool is);                   /* "true" or "false" */

/* ---- names.c --------------------------------------------------------------------------------- */

bool name_taken(const Emitter *e, const char *name); /* by a function, or a view of the step */
/* What a step passes: "relu_1", "&p->dense_1_weight", "&batch->image" */
const char *actual_name(Emitter *e, const Operand *operand, const char *type);
const char *type_of_view(const Emitter *e, const Buffer *buffer); /* or NULL: it has none yet */
const char *c_name(const Emitter *e, const char *path);           /* "dense_1_weight" */
const char *shape_name(const Emitter *e, const Value *value);     /* "64x32x28x28" */

/* ---- types.c: declared once; each gives the type's name -------------------------------------- */

const char *declare_type(Emitter *e, const Layout *layout);
const char *declare_scratch(Emitter *e, const Kernel *k); /* of the kernel that writes it */
const char *declare_mask(Emitter *e, const Kernel *k);

/* ---- operands.c ------------------------------------------------------------------------------ */

/* One formal parameter of a kernel, and what a step passes for it. */
typedef struct Formal {
    const char *name;   /* "y", "dy", "w": the mathematics */
    const char *type;   /* "struct value_64x256" */
    const char *actual; /* "dense_1", "&p->dense_1.weight" */
    const Value *value; /* root, or NULL */
    const Buffer *buffer;
    bool written;
} Formal;

/* A kernel as it is written. */
typedef struct KernelCode KernelCode;
struct KernelCode {
    Emitter *e;
    const char *(*word)(const KernelCode *c, const Kernel *k, const char *word); /* kernel_word */
    const char *base; /* its name, unless taken */
    Text comment;     /* what it computes */
    Text text;        /* its statements */
    Formal *formals;  /* outputs first */
    int count;
};

void list_operands(Emitter *e, KernelCode *c, const Kernel *k);
const char *name_of(const KernelCode *c,
                    const Value *value); /* "x"; or NULL, of none or in registers */
const char *pointer(const KernelCode *c, const Value *value);      /* "V(x)", or "NULL" */
const char *scratch_pointer(const KernelCode *c, const Kernel *k); /* "V(partial)" */
/* Input `i`, or its pairs of bfloat16: "V(x)" */
const char *read_pointer(const KernelCode *c, const Kernel *k, int i);

/* ---- placeholders.c -------------------------------------------------------------------------- */

/* Text with `<x>`, `<x.size>`, `<at.stride>`, `<apply>` filled in from the kernel; an internal
   error where it has no such thing. */
const char *fill(const KernelCode *c, const Kernel *k, const char *text);
/* A statement: fmt filled, and ", run, thread);" behind it,
   "net_softmax(<y>, <x>, (struct net_softmax){.size = <y.size>}" */
void call_template(KernelCode *c, const Kernel *k, const char *fmt, ...) PRINTF(3, 4);

/* What a placeholder says that is no value of the node; or NULL: there is none of that name
   (kernel_words.c). */
const char *kernel_word(const KernelCode *c, const Kernel *k, const char *word);

/* ---- epilogue.c: elementwise work at the end of a kernel ------------------------------------- */

typedef struct Chain {
    const KernelCode *c;
    const Kernel *k;
    const Layout *layout; /* that it works in */
    int first;            /* nodes before this one are done: they make the accumulator */
    bool transcendental;  /* exponentials, random draws: not unrolled */
    bool random;          /* dropout: groups of four images */
    bool draws;           /* random numbers, and does not only read a mask of them */
    bool masked;          /* f(0) is not 0: the last block's padding is cleared */
} Chain;

Chain start_chain(const KernelCode *c, const Kernel *k); /* in the layout of its node's output */
/* Leaves nodes that only read the one before them, and draw nothing, to the kernel: it does them in
   any order of lanes. True if exponentials are among them. */
bool skip_unary(Chain *b);
const char *write_unary(Text *text, int level, const Chain *b,
                        const char *accumulator); /* its result */
bool is_field(const Chain *b, const Formal *o);   /* does the chain read or write it? */
const char *written_field(const Chain *b);        /* "o.y": a value that it writes, or "NULL" */
const char *epilogue_name(const Kernel *k);       /* "_relu", for a kernel's name */

/* The chain of a kernel as a function (runtime/kernels/epilogue.h), and what the kernel passes. */
/* What a node's dropout is drawn with: literals, or what the run says. */
const char *dropout_scale(Emitter *e, const Node *node);
const char *dropout_threshold(Emitter *e, const Node *node);

typedef struct Epilogue {
    const char *function;  /* "apply_relu_grad" */
    const char *draw;      /* the function of its random numbers, or "NULL" */
    const char *operands;  /* "&(struct apply_relu_grad){V(dx), V(y)}" */
    const char *arguments; /* all three */
    bool transcendental;   /* exponentials or draws: a register tile goes through memory first */
} Epilogue;

Epilogue write_epilogue(Emitter *e, const Chain *b);
Epilogue add_epilogue(const KernelCode *c, const Kernel *k); /* of all of it */

/* ---- What families share --------------------------------------------------------------------- */

typedef void EmitKernel(KernelCode *c, const Kernel *k);

/* Of layouts and windows, as C (literals.c). */
const char *extent_braces(const Layout *v); /* "{4, 28, 28, 1}", with a border */
const char *size_braces(const Layout *v);   /* "{28, 28}": height and width */
const char *segments_text(const Layout *v); /* "{0, 784, 1, 0, 49}, ..." */
const char *paired_segments_text(const Node *node), *paired_rows_text(const Node *node);
/* A member of a literal, or nothing where it is 0; a struct net_contraction. */
const char *member(const char *fmt, long value);
const char *contraction_text(const Kernel *k, const OutputPart *parts, int count);
const char *layout_braces(const Layout *v);        /* "{1024, NET_SEGMENTS({0, 784, 1, 0, 49})}" */
const char *panels_text(int outputs, int vectors); /* "{2, 0, 1}": of 3, of 2, of 1 blocks */
/* A struct net_taps of a convolution or its gradient: "{.kernel = {3, 3}, ...}"; of a packed x the
   padding is in it, those of a dx count backward; of a volume with .slices behind it. Its members
   alone, but a dx's. */
const char *taps_text(const Node *node);
const char *taps_members(const Node *node);
const char *image_braces(const Value *value); /* "{28, 28}", of a slice where it is a volume */
/* ", .slices = {4, 2}", and how a packed x lies: members of a struct net_conv_dw of volumes */
const char *volume_members(const Node *dw);
const char *transposed_name(const Node *node);  /* of a dx that is a layer: "conv2d_transpose" */
const char *axis_text(const Node *node);        /* a struct net_axis */
const char *padding_text(const Attributes *at); /* ", .padding = {1, 1}, .slices = 4", if any */
/* The sums that a kernel takes of each row it has finished (sums.c):
   "net_channel_sum_end, &(struct net_channel_sum){..}", or "NULL, NULL" */
const char *add_row_end(const KernelCode *c, const Kernel *k);
/* The final reduction of db behind a dense layer's dw, where it has one (sums.c) */
void add_bias_gradient(KernelCode *c, const Kernel *dw);

/* ---- describe.c: a kernel's name, and the comment above it ----------------------------------- */

/* Its name, unless that is taken; fmt says what it computes, and what its items are. Both with
   placeholders: "<name>_<y.shape>", "y = e^x / sum e^x along the channels; items: rows" */
void describe_kernel(KernelCode *c, const Kernel *k, const char *name, const char *fmt, ...)
    PRINTF(4, 5);
/* "sums of dy", of formal names; and what is said of every kernel behind its emitter's comment:
   formulas of batchnorm, sums that it takes of its rows */
const char *sums_comment(const KernelCode *c, const Kernel *sum);
void describe_rest(KernelCode *c, const Kernel *k);

/* A contraction's name and comment (gemm.c): "conv2d_winograd_relu_64x8x14x14_16x3x3"; way
   "_winograd", how " by F(4x4, 3x3)" */
void describe_contraction(KernelCode *c, const Kernel *k, const char *way, const char *how,
                          const char *items);
/* tiles.c. Its name. */
const char *add_gemm_tile(const Chain *b, const Epilogue *end, int vectors, bool bias);
bool is_unrolled(const Node *conv); /* its tiles know their taps, of a packed image */

/* Of a weight's gradient: what becomes of it (apply.c). */
const char *result_pointer(const KernelCode *c,
                           const Kernel *k); /* of the weight, or the gradient */
const char *update_suffix(const Kernel *k);  /* "_update", "_db_update" or "" */
/* "{.update = true}": of struct net_apply; its l1, and its l2 */
const char *apply_literal(const KernelCode *c, const Kernel *k);
const char *l1_text(Emitter *e, const Value *w);
const char *l2_text(Emitter *e, const Value *w);

/* ", dw_tile_8x3, NULL, NULL": of each width that dw has panels of */
const char *dw_tiles(Emitter *e, const Node *node, bool add, bool prefetch);
int tile_inputs(const Emitter *e, const Node *dw); /* its rows: of a packed x a few (literals.c) */
void call_dense_dw(KernelCode *c, const Kernel *k, const Value *x, int first);

/* ---- The families ---------------------------------------------------------------------------- */

/* One a kind of kernel: the function that its row of kernels.def names. */
#define KERNEL(name, label, class, epilogue, split, reads, scratch, emitter, ...)                  \
    EmitKernel emitter;
#include "passes/kernels.def"
#undef KERNEL

/* ---- The steps and the tables ---------------------------------------------------------------- */

void write_step(Emitter *e, Text *out, Program *program); /* step.c */
void draw_memory(const Emitter *e, Text *out);            /* of the step: memory_picture.c */

/* `above`: the file so far, whose hash the tables have */
void emit_tables(Emitter *e, Text *out, const Text *above, const Program *train,
                 const Program *evaluate, const LayerRow *layers, int layer_count); /* tables.c */

#endif
