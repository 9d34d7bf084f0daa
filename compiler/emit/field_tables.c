/*
 * field_tables.c -- inputs and targets, and the two functions between the runtime's rows and the
 * model's layouts.
 */

#include <math.h>

#include "emit/tables.h"

static const char *kind_of_field(const Field *f)
{
    if (f->is_target)
        return f->is_class ? "NET_TARGET_CLASS" : "NET_TARGET_VALUES";
    return f->is_tokens ? "NET_INPUT_TOKENS" : f->is_sparse ? "NET_INPUT_SPARSE" : "NET_INPUT";
}

/* The columns of a table that a field is made of. */
static void write_columns(Text *out, const Field *field, const char *name)
{
    if (!field->columns)
        return;
    line(out, 0, "static const struct net_arg %s[] = {", name);
    for (int i = 0; i < field->column_count; i++)
        if (field->columns[i].kind == CONSTANT_STRING)
            line(out, 1, "{ .text = %s },", quoted(field->columns[i].text));
        else
            line(out, 1, "{ .number = %.0f },", field->columns[i].number);
    line(out, 0, "};");
}

static bool is_narrower(TargetRange a, TargetRange b)
{
    return a.most > a.least && (b.most <= b.least || (a.ends && !b.ends) ||
                                (a.ends == b.ends && a.most - a.least < b.most - b.least));
}

/* What losses want of a target, the narrowest: `, .wanted_by = "hinge", .least = -1 ...` */
static const char *wanted_text(const Model *model, const Field *field)
{
    const double most_weight = 1e30; /* so that those of a batch add up to a finite float */
    TargetRange range = {.most = field->is_weight ? most_weight : 0};
    const char *by = field->is_weight ? "a weight" : NULL;

    for (int i = 0; i < model->term_count; i++) {
        const Term *term = &model->terms[i];

        if (term->target == field && is_narrower(term->wanted, range)) {
            range = term->wanted;
            by = term->call->name;
        }
    }
    return by ? format(", .wanted_by = %s, .least = %s, .most = %s%s", quoted(by),
                       number_text(range.least),
                       isinf(range.most) ? "INFINITY" : number_text(range.most),
                       range.ends ? ", .ends = true" : "")
              : "";
}

/* The first field whose numbers of words or classes field i has: from 1; 0: its own. */
static int numbered_as(const Model *model, int i)
{
    const Field *field = model->fields[i], *root = field->shared ? field->shared : field;

    for (int first = 0; first < i; first++)
        if (model->fields[first] == root || model->fields[first]->shared == root)
            return first + 1;
    return 0;
}

/* Inputs that no source has; nothing where there is none. */
static void write_drawn(Text *out, const Model *model)
{
    if (!model->drawn_count)
        return;
    line(out, 0, "static const struct net_field drawn[] = {");
    for (int i = 0; i < model->drawn_count; i++) {
        const Field *f = model->drawn[i];

        line(out, 1, "{ .name = %s, .source = \"normal\", .size = %d%s },", quoted(f->name),
             shape_size(f->shape), shape_member(", ", f->shape));
    }
    line(out, 0, "};\n");
}

void write_fields(Text *out, const Model *model)
{
    for (int i = 0; i < model->field_count; i++) {
        const Field *f = model->fields[i];

        write_columns(out, f, format("field_%d_columns", i + 1));
        write_calls(out, f->steps, f->step_count, format("field_%d_steps", i + 1));
        write_calls(out, f->augments, f->augment_count, format("field_%d_augments", i + 1));
    }
    line(out, 0, "static const struct net_field fields[] = {");
    for (int i = 0; i < model->field_count; i++) {
        const Field *f = model->fields[i];
        const Shape shape = f->is_class || f->shape.rank ? f->shape
                                                         : (Shape){.rank = 1, .size = {1}};

        text_add(out, "    { .name = %s, .source = %s, .kind = %s, .size = %d%s", quoted(f->name),
                 quoted(f->source_field), kind_of_field(f), shape_size(shape),
                 shape_member(", ", shape));
        if (f->classes)
            text_add(out, ", .classes = %d", f->classes);
        if (f->ignores)
            text_add(out, ", .ignores = true, .ignored = %d%s", f->ignored,
                     f->is_text ? ", .texts = &net_texts" : "");
        text_add(out, "%s", wanted_text(model, f));
        if (f->columns)
            text_add(out, ", .columns = field_%d_columns, .column_count = %d, .column_range = %s",
                     i + 1, f->column_count, truth(f->column_range));
        if (f->vocabulary)
            text_add(out, ", .vocabulary = %d", f->vocabulary);
        if (numbered_as(model, i))
            text_add(out, ", .numbered_as = %d", numbered_as(model, i));
        if (f->augment_count)
            text_add(out, ", .augments = field_%d_augments, .augment_count = %d", i + 1,
                     f->augment_count);
        if (f->moved_with || f->beside)
            text_add(out, ", .%s = %d", f->beside ? "beside" : "moved_with",
                     find_field_index(model, f->beside ? f->beside : f->moved_with) + 1);
        if (f->step_count)
            text_add(out, ", .steps = field_%d_steps, .step_count = %d", i + 1, f->step_count);
        text_add(out, " },\n");
    }
    line(out, 0, "};\n");
    write_drawn(out, model);
}

/* Floats of so many blocks of channels, each of a block of images. */
static const char *tiles_text(long blocks)
{
    return blocks == 1 ? "TILE" : format("%ld * TILE", blocks);
}

/* Does a gradient read what a batch has sorted? */
static bool has_row_gradient(const Graph *g, const Value *value)
{
    for (int i = 0; i < g->node_count; i++)
        if ((g->nodes[i]->op == OP_EMBEDDING_DW || g->nodes[i]->op == OP_SPARSE_DENSE_DW) &&
            g->nodes[i]->inputs[0] == value)
            return true;
    return false;
}

static void write_pack_tokens(const Emitter *e, Text *out, const Graph *g, const Value *value,
                              int field)
{
    const Layout *v = value->layout;
    const char *name = c_name(e, value->name);

    line(out, 1,
         "net_pack_tokens(to->%s.id, to->%s.begin, to->%s.order, &fields[%d], n, %d, %d, %s);",
         name, name, name, field, v->width, v->rows, truth(has_row_gradient(g, value)));
}

static void write_pack_sparse(const Emitter *e, Text *out, const Graph *g, const Value *value,
                              int field)
{
    const char *name = c_name(e, value->name);

    line(out, 1,
         "net_pack_sparse(to->%s.row_begin, to->%s.column, to->%s.value, to->%s.column_begin, "
         "to->%s.image, to->%s.column_value, &fields[%d], n, %d, %s);",
         name, name, name, name, name, name, field, value->layout->rows,
         truth(has_row_gradient(g, value)));
}

static void write_pack_value(const Emitter *e, Text *out, const Value *value, int index)
{
    const Layout *v = value->layout;
    const Shape declared = value->field->shape;
    const int scaled = declared.rank ? shape_size(declared) / declared.size[0] : 1;
    const long pixel = (long)v->blocks * v->images * v->lanes;
    const long batch_block = pixel * v->full_height * v->full_width;

    for (int i = 0; i < v->segment_count; i++) {
        const Segment *s = &v->segments[i];

        text_add(out, "    net_pack(V(&to->%s), &fields[%d], n, (struct net_place){",
                 c_name(e, value->name), index);
        if (s->start)
            text_add(out, ".start = %d, ", s->start);
        if (v->lanes < 16)
            line(out, 0,
                 ".channels = %d, .height = %d, .width = %d, .lanes = %d, .scaled = %d, .at = %ld, "
                 ".batch_block = %ld, .row = %ld, .column = %ld});",
                 s->channels, v->height, v->width, v->lanes, scaled,
                 (v->top * v->full_width + v->left) * pixel, batch_block, v->full_width * pixel,
                 pixel);
        else
            line(out, 0,
                 ".channels = %d, .height = 1, .width = %d, .lanes = BLOCK, .scaled = %d,%s "
                 ".batch_block = %s, .column = %s});",
                 s->channels, s->pixels, scaled,
                 s->block ? format(" .at = %s,", tiles_text(s->block)) : "",
                 tiles_text((long)v->blocks * v->full_height * v->full_width),
                 tiles_text(s->stride));
    }
}

void write_pack(const Emitter *e, Text *out, const Graph *g)
{
    line(out, 0, "/* A batch from the reader's rows: on the helper thread, one step ahead. */");
    line(out, 0, "static void pack(void *batch, const struct net_rows *fields, int n)");
    line(out, 0, "{");
    line(out, 1, "struct batch *to = batch;\n");
    for (int i = 0; i < e->model->field_count + e->model->drawn_count; i++) {
        const int drawn = i - e->model->field_count;
        const Value *value = find_field(g,
                                        drawn < 0 ? e->model->fields[i] : e->model->drawn[drawn]);

        if (!value || !value->layout)
            continue;
        if (value->type == TYPE_CLASS) {
            line(out, 1, "net_pack_classes(to->%s, &fields[%d], n, %d);", c_name(e, value->name), i,
                 shape_size(value->shape));
        } else if (value->type == TYPE_TOKENS) {
            write_pack_tokens(e, out, g, value, i);
        } else if (value->type == TYPE_SPARSE) {
            write_pack_sparse(e, out, g, value, i);
        } else {
            write_pack_value(e, out, value, i);
        }
    }
    line(out, 0, "}\n");
}

void write_unpack_value(const Emitter *e, Text *out, Value *value, const char *rows)
{
    const Layout *v = value->layout;
    const char *from = v->buffer->where == IN_BATCH
                           ? format("V(&((const struct batch *)run->batch)->%s)",
                                    c_name(e, root_of(value)->name))
                           : format("net_at(run, %zu)", v->buffer->offset);

    const char *segments = format(v->segment_count == 1 ? "&(struct net_segment)%s"
                                                        : "(struct net_segment[]){%s}",
                                  segments_text(v));

    line(out, 1, "net_unpack(%s, %s, %s, run->n, %s, %d, %d);", rows, from,
         tiles_text((long)v->height * v->width * v->blocks), segments, v->segment_count,
         shape_size(value->shape));
}

void write_unpack(const Emitter *e, Text *out, const Graph *g)
{
    int outputs = shape_size(g->prediction->shape);

    line(out, 0, "/* The prediction of an evaluation, as rows%s. */",
         g->head_count ? "; behind all of them those of other targets" : "");
    line(out, 0, "static void unpack(float *rows, const struct net_run *run)");
    line(out, 0, "{");
    write_unpack_value(e, out, g->prediction, "rows");
    for (int i = 0; i < g->head_count; i++) {
        write_unpack_value(e, out, g->heads[i].value, format("rows + %dL * run->n", outputs));
        outputs += shape_size(g->heads[i].value->shape);
    }
    line(out, 0, "}\n");
}
