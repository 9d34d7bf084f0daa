/*
 * compare.h -- runs as their folders tell of them: run_records.c reads run.json and history.csv,
 * fold_records.c makes one of the folds of a k-fold, page_reader.c what report.html shows of one,
 * run_tables.c has tables of all, compare.c writes the page, compare_figures.c,
 * compare_parallel.c and confusion_figure.c draw, cells.c has the tables.
 */

#ifndef NET_COMPARE_H
#define NET_COMPARE_H

#include "report/page/page.h"

/* ---- cells.c: a table of texts, and what documents take it as ------------------------------- */

struct net_cells {
    char **at; /* [count], row after row, the header first; malloc'd each */
    struct net_cell_number {
        double mean, deviation; /* NaN: it is a text; it has none */
    } * numbers;                /* [count] */
    int columns, count, room;
    int texts; /* so many columns, the first ones, are texts and stand left */
};

void net_cells_add(struct net_cells *cells, const char *format, ...) NET_PRINTF(2, 3);
void net_cells_number(struct net_cells *cells, double number); /* not finite: a dash */
void net_cells_mean(struct net_cells *cells, double mean, double deviation); /* "0.9 ± 0.02" */
/* Numbers with `digits` behind the point; below 0: with as many in a column as its finest has,
   -digits at most, and as they are where one is in powers of ten. */
void net_cells_even(struct net_cells *cells, int digits);
void net_cells_free(struct net_cells *cells);

/* In columns. Of a table that has more characters in a row than `columns`, 0: no limit, those that
   are too many stand below, behind the first ones, its keys, at least one. */
void net_cells_print(struct net_text *text, const struct net_cells *cells, int keys, int columns);
void net_cells_html(struct net_text *text, const struct net_cells *cells);
void net_cells_tex(struct net_text *text, const struct net_cells *cells); /* a tabular */
void net_cells_md(struct net_text *text, const struct net_cells *cells);

/* ---- run_records.c --------------------------------------------------------------------------- */

struct net_run_record {
    char *path, *name;     /* as it was named; without what the paths of all begin with */
    const char *status;    /* of run.json; "killed": nobody trains there any more */
    struct net_json *json; /* run.json */
    struct net_epochs epochs;
    struct net_run_record *folds; /* of a k-fold that stands beside other runs, else NULL */
    int fold_count;
    struct net_epochs deviations; /* of epochs, over the folds */
    double score;  /* of the validation part, or where there is none of the training part: what the
                     runs are ranked by, less is better; NaN: none */
    double result; /* the number that is drawn by what was varied; NaN: none */
};

struct net_run_records {
    struct net_run_record *at;
    int count;
    bool ranked;            /* by score, the best first */
    bool folds;             /* they are those of one k-fold */
    char *monitor, *result; /* what score and result are: "validation_loss" */
    char **varied;          /* the settings that differ, by name */
    int varied_count;
    int digits; /* behind the points in tables, as net_cells_even takes it */
};

/* Runs, k-folds, and folders with runs in them; `in` or NULL. What is none ends the program. */
void net_run_records_open(struct net_run_records *runs, const struct net_folder *in,
                          const char *const *paths, int count);
void net_run_records_close(struct net_run_records *runs);

const char *net_record_text(const struct net_json *json, const char *key); /* "": it is none */
/* A setting as text, malloc'd; "" where the run has none. */
char *net_record_setting(const struct net_run_record *run, const char *name);
/* Of a k-fold the mean and, unless NULL, the standard deviation; of one run that is NaN. */
double net_record_final(const struct net_run_record *run, const char *part, const char *name,
                        double *deviation);

/* fold_records.c: `run` is the means of these folds, and has the first one's settings;
   _free_average gives back what it made, not the folds. */
void net_record_average(struct net_run_record *run, struct net_run_record *folds, int count);
void net_record_free_average(struct net_run_record *run);

/* The numbers of all runs, and what differs between them. */
void net_run_results_table(struct net_cells *cells, const struct net_run_records *runs);
void net_run_differences_table(struct net_cells *cells, const struct net_run_records *runs);
/* What a run is called in pictures, malloc'd: its name, and of a sweep's point, whose name says
   nothing, the first setting that tells all runs apart, or up to three that differ. */
char *net_record_label(const struct net_run_records *runs, int r);
char *net_spaced(const char *name); /* "validation loss" of validation_loss; malloc'd */

/* page_reader.c: what report.html of a run has of its results, each with its name: tables, and
   figures, a confusion matrix among them as a map. Nothing where there is no such page. */
typedef void net_take_table(void *to, const char *name, const struct net_cells *cells);
typedef void net_take_figure(void *to, const char *name, const struct net_text *svg);
void net_page_read_tables(const struct net_run_record *run, int digits, net_take_table *take,
                          void *to);
void net_page_read_figures(const struct net_run_record *run, net_take_figure *take, void *to);

/* confusion_figure.c: a square of counts with names, each as dark as its share of its row; false,
   and nothing, where it is none. */
bool net_confusion_figure(struct net_text *svg, const struct net_cells *cells);

/* pictures_figure.c: the pictures of a page's table of rows; false, and nothing, where it has
   none. */
bool net_pictures_figure(struct net_text *svg, const char *table);

/* The one picture of a tag <img>, as large as there; false, and nothing, where it has none. */
bool net_made_figure(struct net_text *svg, const char *tag);

/* ---- compare.c ------------------------------------------------------------------------------- */

void net_compare_page(struct net_text *page, const struct net_run_records *runs);

/* ---- compare_figures.c ----------------------------------------------------------------------- */

/* Each figure, with the name of a file for it. */
void net_compare_epochs(const struct net_run_records *runs, net_take_figure *take, void *to);
void net_compare_varied(const struct net_run_records *runs, net_take_figure *take, void *to);

/* A setting that was varied, as an axis. */
enum { NET_MOST_WORDS = 12 }; /* values that stand at it */
struct net_varied {
    const char *name;
    double *at;   /* of each run: its number, or that of its word */
    char **words; /* each value once, sorted by number */
    int count;
    bool numbers; /* all are */
};

/* compare_parallel.c: `count` settings at once. */
void net_compare_parallel(const struct net_run_records *runs, const struct net_varied *settings,
                          int count, net_take_figure *take, void *to);

#endif
