/*
 * figure.h -- a run's numbers as SVG: lines, points and bands over two axes; and rows of pictures
 * as PNG. Colors are classes, so that a page has them light and dark; a file of its own brings them
 * along.
 */

#ifndef NET_FIGURE_H
#define NET_FIGURE_H

#include "report/report.h"

#define NET_COLORED_TEXT "{fill:currentColor;stroke:none}" /* of a color's class */

/* COLOR(class, on white, on black) */
#define NET_EVERY_COLOR                                                                            \
    COLOR(a, "#1f77b4", "#6cb2eb")                                                                 \
    COLOR(b, "#d95f02", "#f6a04d")                                                                 \
    COLOR(c, "#2a8c55", "#63c98a")                                                                 \
    COLOR(d, "#c8373f", "#f07178")                                                                 \
    COLOR(e, "#8257b8", "#b794f4")                                                                 \
    COLOR(f, "#8c6d31", "#c9a86a")                                                                 \
    COLOR(g, "#c43c88", "#f29ac8")                                                                 \
    COLOR(h, "#2b8a94", "#6fd0d8")

enum {
#define COLOR(class, light, dark) NET_COLOR_##class,
    NET_EVERY_COLOR NET_COLORS,
#undef COLOR
    NET_GREY = -1
};

struct net_axis {
    const char *name;         /* NULL: none */
    bool log;                 /* where all numbers are above 0 */
    bool exact;               /* it ends where the numbers do; else on round ones */
    double low, high;         /* where it ends, if low < high */
    const char *const *words; /* what 0, 1, 2, ... stand for, or NULL */
    int word_count;
};

/* How the points (x[i], y[i]) of a line are drawn. */
enum net_drawn { NET_JOINED = 1, NET_MARKED = 2, NET_DOTTED = 4 };

/* A number that is not finite breaks a line. Where points are marked, what they are stands under
   the pointer, without a script: "x-axis x, name: y". */
struct net_line {
    const char *name; /* under the pointer and in the key; NULL: none */
    bool hidden;      /* not in the key */
    const double *x, *y;
    const double *low, *high; /* [count], an area around the line; or NULL */
    int count;
    int color;
    unsigned drawn; /* bits of net_drawn */
    bool thin;
};

struct net_figure {
    const char *title;
    struct net_axis x, y;
    const struct net_line *lines;
    int line_count;
    double best;   /* of x: marked as such; 0: none */
    bool diagonal; /* from corner to corner */
    bool zero;     /* the line y = 0 */
};

/* False, and nothing, where there is no number. */
bool net_figure_draw(struct net_text *svg, const struct net_figure *figure);

/* epochs_figure.c: the curves of train_NAME and validation_NAME over epochs, or of "lr" alone. */
bool net_figure_epochs(struct net_text *svg, const struct net_epochs *epochs, const char *name,
                       long best);
/* A column as a line: x and y are malloc'd, y behind x. An epoch that is missing breaks it. */
struct net_line net_epochs_line(const struct net_epochs *epochs, int column);
/* The loss is drawn by its logarithm where it falls by more than this. */
bool net_serves_log(const struct net_line *lines, int count);

/* A picture as a file of its own, for a document; its style has no variables. */
void net_figure_file(const struct net_folder *folder, const char *name, const struct net_text *svg);

/* ---- picture.c: rows of pictures as PNG ------------------------------------------------------ */

/* Bytes that grow. */
struct net_buffer {
    unsigned char *at; /* malloc'd */
    size_t length, capacity;
};

void net_buffer_add(struct net_buffer *bytes, const void *at, size_t length);

struct net_picture {
    char *name; /* "image/row 12, class 7"; malloc'd */
    int height, width, channels;
    unsigned char *pixels; /* [height][width][channels]; malloc'd */
};

/* Some rows of the validation part, or of training where there is none, as the model's first input
   that is a picture of 1 or 3 channels, numbered from 0; false: there are no more. */
bool net_picture_sample(struct net_picture *picture, const struct net_data *data, int number);
/* Has the field the shape of one? */
bool net_is_picture(const struct net_field *field);
/* Numbers [channels][height][width], `low` as black; where high is not above it from the least to
   the largest number. */
struct net_picture net_picture_draw(const int shape[3], const float *x, float low, float high);
void net_picture_free(struct net_picture *picture);

/* Adds the file. */
void net_picture_png(struct net_buffer *file, const struct net_picture *picture);

#endif
