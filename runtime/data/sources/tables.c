/*
 * tables.c -- the readers csv and jsonl. Each names both: `predict` of a model that was trained on
 * one may be given a file of the other.
 */

#include "data/sources/source.h"

const struct net_reader net_reader_csv = {.name = "csv",
                                          .open = net_open_csv,
                                          .file = "file",
                                          .objects = &net_reader_jsonl,
                                          .table = &net_reader_csv};

const struct net_reader net_reader_jsonl = {.name = "jsonl",
                                            .open = net_open_jsonl,
                                            .file = "file",
                                            .objects = &net_reader_jsonl,
                                            .table = &net_reader_csv};
