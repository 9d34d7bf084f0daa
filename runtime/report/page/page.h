/*
 * page.h -- the parts of report.html: page.c puts them together, page_results.c shows what the
 * predictions of a part are worth, page_scores.c how far their scores and probabilities can be
 * trusted, page_rows.c which rows were most wrong, page_times.c where the time of a step goes,
 * html.c has what they are made of.
 */

#ifndef NET_PAGE_H
#define NET_PAGE_H

#include "report/figures/figure.h"

enum { NET_PAGE_RELOAD = 5 }; /* seconds */

/* Head, style and opening tags of a page; `reload`: seconds after which it loads itself again, 0:
   never. */
void net_page_begin(struct net_text *page, const char *title, int reload);
void net_page_end(struct net_text *page);

void net_page_heading(struct net_text *page, const char *heading);
/* As people read it, in four digits or whole; not finite: a dash. */
void net_text_shown(struct net_text *text, double number);
/* The same as the cell of a table. */
void net_page_number(struct net_text *page, double number);
void net_page_share(struct net_text *page,
                    double share); /* one from 0 to 1, all in as many digits */
/* `id`: of its element; or NULL. */
void net_page_figure(struct net_text *page, const char *id, const struct net_text *svg);
/* Draws it and adds it where there is a number. */
void net_page_draw(struct net_text *page, const char *id, const struct net_figure *figure);

/* Of classes the report and the confusion matrix, of values predicted against true and the
   residuals. */
void net_page_results(struct net_text *page, const struct net_metrics *metrics, enum net_part part);

/* Of a network whose pictures are compared with nothing: those of the first rows. */
void net_page_made(struct net_text *page, const struct net_metrics *metrics, enum net_part part);

/* Rows that were most wrong. */
void net_page_rows(struct net_text *page, const struct net_metrics *metrics, enum net_part part);

/* The share of each layer in a step's time, where steps were timed. */
void net_page_times(struct net_text *page, const struct net_training *run);

/* ROC, precision by recall, calibration. */
void net_page_scores(struct net_text *page, const struct net_metrics *metrics);

#endif
