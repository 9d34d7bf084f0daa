/*
 * compare.h -- runs as their folders tell of them: told_runs.c reads run.json and history.csv,
 * told_folds.c makes one of the folds of a k-fold, told_page.c what report.html shows of one,
 * told_tables.c has what is told of all, compare.c writes the page, compare_figures.c,
 * compare_parallel.c and figure_map.c draw, cells.c has the tables.
 */

#ifndef NET_COMPARE_H
#define NET_COMPARE_H

#include "report/page.h"

/* ---- cells.c: a table of texts, and what documents take it as ------------------------------- */

struct net_cells {
    char **at; /* [count], row after row, the header first; malloc'd each */
    int columns, count, room;
    int texts; /* so many columns, the first ones, are texts and stand left */
};

void net_cells_add(struct net_cells *cells, const char *format, ...) NET_PRINTF(2, 3);
void net_cells_number(struct net_cells *cells, double number); /* not finite: a dash */
void net_cells_free(struct net_cells *cells);

void net_cells_print(struct net_text *text, const struct net_cells *cells); /* in columns */
void net_cells_html(struct net_text *text, const struct net_cells *cells);
void net_cells_tex(struct net_text *text, const struct net_cells *cells); /* a tabular */
void net_cells_md(struct net_text *text, const struct net_cells *cells);

/* ---- told_runs.c ----------------------------------------------------------------------------- */

struct net_told {
    char *path, *name;     /* as it was named; without what the paths of all begin with */
    const char *status;    /* of run.json; "killed": nobody trains there any more */
    struct net_json *json; /* run.json */
    struct net_epochs epochs;
    struct net_told *folds; /* of a k-fold that stands beside other runs, else NULL */
    int fold_count;
    struct net_epochs deviations; /* of epochs, over the folds */
    double score; /* of the validation part, or where there is none of the training part: what the
                     runs are ranked by, less is better; NaN: none */
    double shown; /* the number that is drawn by what was varied; NaN: none */
};

struct net_told_runs {
    struct net_told *at;
    int count;
    bool ranked;           /* by score, the best first */
    bool folds;            /* they are those of one k-fold */
    char *monitor, *shown; /* what score and shown are: "validation_loss" */
    char **varied;         /* the settings that differ, by name */
    int varied_count;
};

/* Runs, k-folds, and folders with runs in them; `in` or NULL. What is none ends the program. */
void net_told_open(struct net_told_runs *runs, const struct net_folder *in,
                   const char *const *paths, int count);
void net_told_close(struct net_told_runs *runs);

const char *net_told_text(const struct net_json *json, const char *key); /* "": it is none */
/* A setting as text, malloc'd; "" where the run has none. */
char *net_told_setting(const struct net_told *run, const char *name);
/* Of a k-fold the mean and, unless NULL, the standard deviation; of one run that is NaN. */
double net_told_final(const struct net_told *run, const char *part, const char *name,
                      double *deviation);

/* told_folds.c: `run` is the means of these folds, and has the first one's settings; _unfold gives
   back what it made, not the folds. */
void net_told_fold(struct net_told *run, struct net_told *folds, int count);
void net_told_unfold(struct net_told *run);

/* The numbers of all runs, and what differs between them. */
void net_told_results(struct net_cells *cells, const struct net_told_runs *runs);
void net_told_differences(struct net_cells *cells, const struct net_told_runs *runs);

/* told_page.c: what report.html of a run has of its results, each with its name: tables, and
   figures, a confusion matrix among them as a map. Nothing where there is no such page. */
typedef void net_take_table(void *to, const char *name, const struct net_cells *cells);
typedef void net_take_figure(void *to, const char *name, const struct net_text *svg);
void net_told_page_tables(const struct net_told *run, net_take_table *take, void *to);
void net_told_page_figures(const struct net_told *run, net_take_figure *take, void *to);

/* figure_map.c: a square of counts with names, each as dark as its share of its row; false, and
   nothing, where it is none. */
bool net_figure_map(struct net_text *svg, const struct net_cells *cells);

/* ---- compare.c ------------------------------------------------------------------------------- */

void net_compare_page(struct net_text *page, const struct net_told_runs *runs);

/* ---- compare_figures.c ----------------------------------------------------------------------- */

/* Each figure, with the name of a file for it. */
void net_compare_epochs(const struct net_told_runs *runs, net_take_figure *take, void *to);
void net_compare_varied(const struct net_told_runs *runs, net_take_figure *take, void *to);

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
void net_compare_parallel(const struct net_told_runs *runs, const struct net_varied *settings,
                          int count, net_take_figure *take, void *to);

#endif
