/*
 * find_lr.c -- `find_lr`: the learning rate by which the loss falls fastest (Smith 2017, section
 * 3.3). Steps as training has them, from the weights that a run begins with, at rates that rise
 * from 1e-7 to 10 by the same factor each; the loss is smoothed as fastai smooths it, and ends the
 * search where it is four times its least. Nothing of it is kept.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"

static const double least_rate = 1e-7, most_rate = 10, kept_share = 0.95, worse = 4;
static const double clear_share = 0.03; /* of the first loss, that a clear fall has */

enum {
    LEAST = 20, /* steps that a search has */
    LINES = 25, /* of the table */
    BAR = 50,   /* characters of the longest bar */
};

struct search {
    const struct net_options *options;
    struct net_session session;
    long *rows, row_count;
    long steps, count;            /* that are wanted; that were made */
    double *rate, *loss, *smooth; /* of each step */
    double least;                 /* of smooth */
};

/* ---- The steps ------------------------------------------------------------------------------- */

/* Data and weights as a new run has them. */
static void open_search(struct search *search, struct net_options *options)
{
    struct net_session *session = &search->session;
    const struct net_start *begins = options->model->begins;
    const bool weights = options->value[NET_WEIGHTS].text != NULL;

    net_session_open(session, options);
    if (weights)
        net_session_weights(session);
    else if (begins)
        begins->find(session);
    session->opening.begins = true;
    session->data = net_data_open_by(options->model, &session->opening);
    if (begins && !weights)
        begins->read(session);
    if (!weights)
        net_pretrained_read(options->model, session->data, session->opening.folder,
                            session->run.params, NULL, NULL);
    net_preflight(options, session->data);
    search->row_count = net_data_rows(session->data, NET_TRAIN);
    if (!search->row_count)
        net_fail(NET_FAULT, "%s: the training part has no rows", options->model->source);
    search->rows = net_allocate((size_t)search->row_count, sizeof *search->rows);
    search->rate = net_allocate(3 * (size_t)search->steps, sizeof *search->rate);
    search->loss = search->rate + search->steps;
    search->smooth = search->loss + search->steps;
}

/* The loss of a step, and the mean of all until it, those before counting less and less. */
static void add_loss(struct search *search, double loss)
{
    const long i = search->count++;
    const double before = i ? search->smooth[i - 1] * (1 - pow(kept_share, (double)i)) : 0;

    search->loss[i] = loss;
    search->smooth[i] = (kept_share * before + (1 - kept_share) * loss) /
                        (1 - pow(kept_share, (double)(i + 1)));
    search->least = i ? fmin(search->least, search->smooth[i]) : search->smooth[i];
}

static long find_least(const struct search *search)
{
    long least = 0;

    for (long i = 1; i < search->count; i++)
        if (search->smooth[i] < search->smooth[least])
            least = i;
    return least;
}

/* A loss below 0, as a density's, has no multiple that is worse: the least's distance from the
   first takes the least's place. */
static bool is_over(const struct search *search)
{
    const long last = search->count - 1;
    const double rise = search->least > 0
                            ? search->least
                            : fmax(search->smooth[0] - search->least, fabs(search->least));

    return search->count == search->steps ||
           (last >= 0 && (!isfinite(search->loss[last]) ||
                          search->smooth[last] > search->least + (worse - 1) * rise));
}

/* Epoch after epoch, as long as it takes; of whole batches, if there is one, as the loss of a few
   rows at an epoch's end is no fall. */
static void run_search(struct search *search)
{
    struct net_session *session = &search->session;
    const long batch_rows = net_whole(search->options, NET_BATCH),
               rest = search->row_count % batch_rows;
    const long taken = search->row_count - (rest < search->row_count ? rest : 0);
    const uint32_t *seed = session->run.seed;
    struct net_loader *loader = net_session_loads(session);

    for (uint32_t epoch = 0; !is_over(search); epoch++) {
        const struct net_mode mode = {NET_MODE_TRAIN, {seed[0], seed[1]}, epoch};
        const long *numbers;
        const void *batch;
        int n;

        net_order(search->rows, search->row_count, seed, epoch, true);
        net_loader_begin(loader, NET_TRAIN, &mode, search->rows, taken, (int)batch_rows);
        while (!is_over(search) && (batch = net_loader_next(loader, &numbers, &n))) {
            session->rate = search->rate[search->count] =
                least_rate *
                pow(most_rate / least_rate, (double)search->count / (double)(search->steps - 1));
            add_loss(search, (double)net_step(session, batch, n));
        }
        net_loader_cancel(loader);
    }
    net_loader_close(loader);
    while (search->count && !isfinite(search->smooth[search->count - 1]))
        search->count--;
}

/* ---- What they say --------------------------------------------------------------------------- */

/* Is the way down to the least more than noise? It begins at the mean of the first tenth of the
   steps, whose rates are too low to change much, and has to be longer than a share of that (none
   of a loss below 0, which has no zero to be near to) and than a step's loss scatters, by von
   Neumann's differences of neighbours, which no trend adds to. */
static bool falls(const struct search *search, long least)
{
    const long tenth = search->steps / 10;
    double first = 0, squares = 0;

    if (least < tenth)
        return false;
    for (long i = 0; i < tenth; i++)
        first += search->loss[i] / (double)tenth;
    for (long i = 0; i < least; i++)
        squares += pow(search->loss[i + 1] - search->loss[i], 2);
    return first - search->smooth[least] > fmax(search->smooth[least] > 0 ? clear_share * first : 0,
                                                sqrt(squares / (2 * (double)least)));
}

/* The step about which the smoothed loss falls most, over a tenth of the steps, all of which lie
   behind the first tenth and not behind the least. -1: no rate makes it fall clearly. */
static long find_steepest(const struct search *search)
{
    const long least = find_least(search), side = search->steps / 20;
    const bool clear = falls(search, least);
    double most = 0;
    long steepest = -1;

    for (long i = search->steps / 10 + side; clear && i + side <= least; i++) {
        const double fall = search->smooth[i - side] - search->smooth[i + side];

        if (fall > most)
            most = fall, steepest = i;
    }
    return steepest;
}

/* Evenly spaced steps, their losses as bars between the least and the first. */
static void print_losses(const struct search *search, long steepest)
{
    const double low = search->smooth[find_least(search)], high = fmax(search->smooth[0], low);
    const long lines = search->count < LINES ? search->count : LINES;

    puts("       lr        loss");
    for (long k = 0, before = -1; k < lines; k++) {
        const long i = lines > 1 ? k * (search->count - 1) / (lines - 1) : 0;
        const double share = high > low ? (search->smooth[i] - low) / (high - low) : 1;
        const int bar = (int)(BAR * fmin(share, 1.2)) + 1;
        const bool here = before < steepest && steepest <= i;

        printf("%9.2e %11.5g  %.*s%s\n", search->rate[i], search->smooth[i], bar,
               "##############################################################",
               here ? "  < the steepest descent" : "");
        before = i;
    }
}

static void print_search(const struct search *search)
{
    const long steepest = find_steepest(search), least = find_least(search);

    print_losses(search, steepest);
    printf("\n%ld of %ld steps; the loss is that of training rows, smoothed\n", search->count,
           search->steps);
    printf("the least loss, %.4g, is at lr %.2g\n", search->smooth[least], search->rate[least]);
    if (steepest < 0)
        puts("no rate makes it fall clearly: there is none to suggest");
    else
        printf("it falls fastest at lr %.2g\n", search->rate[steepest]);
}

static void write_csv(const struct search *search, const char *path)
{
    struct net_text text = {0};

    net_text_add(&text, "step,lr,loss,smoothed_loss\n");
    for (long i = 0; i < search->count; i++)
        net_text_add(&text, "%ld,%.9g,%.9g,%.9g\n", i + 1, search->rate[i], search->loss[i],
                     search->smooth[i]);
    net_file_replace(NULL, path, &text);
    free(text.at);
}

int net_command_find_lr(struct net_options *options)
{
    struct search *search = net_memory(sizeof *search);

    search->options = options;
    search->steps = net_whole(options, NET_STEPS);
    if (search->steps < LEAST)
        net_fail(NET_USAGE, "--steps %ld: a search has %d or more", search->steps, (int)LEAST);
    if (options->value[NET_LR].given)
        net_fail(NET_USAGE, "--lr does not apply: it is what find_lr looks for");
    if (options->model->section_count)
        net_fail(NET_USAGE,
                 "find_lr looks for the rate by which one loss falls, and %s has %d train "
                 "sections, whose losses act upon each other: compare short runs",
                 options->model->source, options->model->section_count);
    open_search(search, options);
    run_search(search);
    if (!search->count)
        net_fail(NET_DIVERGED, "the loss of the first step is not finite, at a learning rate of "
                               "1e-7: numbers of the rows may be too large, or weights not finite");
    print_search(search);
    if (options->value[NET_OUTPUT].text)
        write_csv(search, options->value[NET_OUTPUT].text);
    net_session_close(&search->session);
    free(search->rows);
    free(search->rate);
    free(search);
    return NET_OK;
}
