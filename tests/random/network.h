/*
 * network.h -- random networks: a seed gives the text of a .net file and rows of data for it.
 */

#ifndef RANDOM_NETWORK_H
#define RANDOM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct RandomNetwork {
    char *text;     /* of the .net file, which reads rows.csv */
    bool plain;     /* no dropout, noise or batchnorm: evaluation computes what training does */
    int image[3];   /* of its inputs: channels, height, width */
    int vector;     /* numbers */
    bool words;     /* also a text, as tokens or as a bag */
    int targets;    /* numbers, or 0: a class of 3 */
    bool is_binary; /* those are 0 and 1 */
} RandomNetwork;

RandomNetwork random_network(uint64_t seed);

/* Its data: a header and `rows` rows. */
void write_rows(FILE *file, const RandomNetwork *network, uint64_t seed, int rows);

#endif
