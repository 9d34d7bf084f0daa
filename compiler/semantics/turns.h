/*
 * turns.h -- several train sections: turns.c, which parts.c says the layers of.
 */

#ifndef TURNS_H
#define TURNS_H

#include "semantics/analysis.h"

/* Has the layer weights, and is of one of these parts? (parts.c) */
bool is_of_parts(const Layer *layer, const Constant *parts);
bool is_frozen(const Model *model, const Layer *layer); /* by `frozen` or a word of its own */

/* Each has a name, which no other has. */
bool check_section_names(Sema *s, const Ast *const *sections, int count);

/* What a key is of several sections: of each, of the run, or of one section alone. */
typedef enum KeyOwner { KEY_OF_SECTION, KEY_OF_RUN, KEY_OF_ONE } KeyOwner;
KeyOwner key_owner(const char *key);
void check_repeated(Sema *s, const Ast *ast, const Ast *first); /* of the run, said again */

void find_generated(Sema *s); /* what `predict` gives, when all terms are known */
void check_turns(Sema *s);    /* who trains which layers, when they have paths */

#endif
