/*
 * commands.h -- a trainer's commands, each a file of this folder and a row of language.def. main.c
 * tells which command it is, flags.c and settings.c what was asked for.
 */

#ifndef NET_COMMANDS_H
#define NET_COMMANDS_H

#include "report/report.h"

/* ---- flags.c: the command line --------------------------------------------------------------- */

/* Reads the arguments after the command; a mistake ends the program with exit code 2. */
void net_options_read(struct net_options *options, const struct net_model *model,
                      enum net_command command, int argc, char **argv);
/* Is the flag there, and not as the value of another? */
bool net_options_ask(const struct net_model *model, int argc, char **argv, const char *flag);
void net_options_free(struct net_options *options);
/* --help, to stdout: of all commands, or of one, with the flags that apply to it and the values
   that they have without being given. */
void net_help(const struct net_model *model);
void net_command_help(const struct net_model *model, enum net_command command);

/* ---- settings.c: values before flags --------------------------------------------------------- */

/* "sgd, rmsprop": the optimizers that have this number, malloc'd; NULL where all or none have
   it. */
char *net_settings_owners(enum net_option option);

/* Fills what no flag gave; flags that cannot apply end the program. */
void net_settings_default(struct net_options *options);

/* Files that are named for what the command gives are not what it reads, nor a run's. */
void net_check_outputs(const struct net_options *options);

/* ---- the commands ---------------------------------------------------------------------------- */

/* `train` as net_command_train(options), and so on; gives the exit code. */
#define COMMAND(id, name, ...) int net_command_##name(struct net_options *options);
#include "language.def"

int net_train_run(struct net_options *options, struct net_signals *signals); /* one run */
int net_kfold(struct net_options *options, struct net_signals *signals);

/* A line a row of session->data, in order: class and probabilities, or values. Rows: NET_TEST of
   net_data_open_files, or any part of net_data_open. Fails when `out` cannot be written. */
void net_predict(FILE *out, struct net_session *session, enum net_part part);

/* Evaluates rows of a part; gives the mean loss, and fills `metrics`. */
double net_evaluate(struct net_session *session, struct net_loader *loader, enum net_part part,
                    const long *rows, long count, struct net_metrics *metrics);
/* Opens the data for rows of what the command was asked for: the part of its files, or that of
   --part. Rows that a run drew from its training source are its own only while that is what it was:
   other parts may be of new data. */
enum net_part net_command_rows_open(struct net_session *session, bool labelled);
/* Ends the program where a file was written to since the data were opened. */
void net_need_unwritten(struct net_data *data);

/* export_onnx.c: the network that makes the prediction, with these weights. learnt: what their run
   has learnt, and its preparations go along; NULL: inputs are prepared. */
void net_export_onnx(const char *path, const struct net_model *model, const void *params,
                     const struct net_data *learnt);

#endif
