/*
 * pictures.h -- pictures of files: the source `images` and the transform `image`.
 */

#ifndef PICTURES_H
#define PICTURES_H

#include "semantics/analysis.h"

bool has_masks(const Call *source);                  /* files of masks beside the pictures */
bool is_mask(const Call *source, const char *field); /* of a picture, which moves with it */
bool check_picture(Sema *s, const Call *source);     /* the words of `images`; true of others */

/* As the arguments of `images` or `image` say it. */
Shape picture_shape(const Call *call);

/* The step that reads the files that a column names, the first; or NULL. */
const Call *image_of(const Field *field);
void check_image_steps(Sema *s, const Field *field);

#endif
