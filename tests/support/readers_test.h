/* readers_test.h -- what the test cases of the suite `readers` share. */

#ifndef READERS_TEST_H
#define READERS_TEST_H

#include "data/sources/source.h"
#include "support/data_test.h"
#include "support/length.h"

void write_text(const char *name, const char *text); /* a file in the test's folder */

/* Opens reader("file", header) in the test's folder. */
struct net_table read_table(const struct net_reader *reader, const char *file, bool header,
                            const struct net_field *fields, int field_count);

double number_at(const struct net_table *table, int f, long row, int k); /* of column f */

/* Fields of tables: the number b, the class kind, the text (tables_test.c). */
extern const struct net_field number_field, class_field, text_field;

TCase *readers_test_tables(void);       /* tables_test.c: csv and jsonl */
TCase *readers_test_table_faults(void); /* table_faults_test.c */
TCase *readers_test_tokenizer(void);    /* tokenizer_test.c */
TCase *readers_test_words(void);        /* readers_test.c: words, classes, predict's files */
TCase *readers_test_archives(void);     /* npz_test.c */
TCase *readers_test_pictures(void);     /* images_test.c */
TCase *readers_test_masks(void);        /* masks_test.c */
TCase *readers_test_categories(void);   /* categories_test.c */
TCase *readers_test_characters(void);   /* characters_test.c */
TCase *readers_test_dates(void);        /* dates_test.c */
TCase *readers_test_grams(void);        /* grams_test.c */
TCase *readers_test_target_words(void); /* target_words_test.c */

#endif
