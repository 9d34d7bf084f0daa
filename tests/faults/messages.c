/*
 * messages.c -- before MPI in a trainer of several processes (LD_PRELOAD): counts what each sends,
 * and ends one, or lets it halt, at one of its messages.
 *
 *     mpicc -shared -fPIC -o messages.so messages.c
 *
 * SENT: at its end a rank writes to the file $SENT.RANK a line for each size: bytes, messages.
 * FAULT="RANK NUMBER SIGNAL": that rank has the signal before its message of that number, from 1.
 */

#define _GNU_SOURCE

#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZES = 256 };
static struct {
    int bytes;
    long messages;
} sent[SIZES];
static long messages;

static void take_fault(void)
{
    const char *fault = getenv("FAULT");
    int rank, of, number;
    long at;

    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    messages++;
    if (fault && sscanf(fault, "%d %ld %d", &of, &at, &number) == 3 && of == rank && at == messages)
        kill(getpid(), number);
}

int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm among,
              MPI_Request *request)
{
    int size, s = 0;

    take_fault();
    PMPI_Type_size(type, &size);
    while (s < SIZES - 1 && sent[s].messages && sent[s].bytes != count * size)
        s++;
    sent[s].bytes = count * size;
    sent[s].messages++;
    return PMPI_Isend(buffer, count, type, to, tag, among, request);
}

static void tell(const char *name, int rank)
{
    char path[4096];

    snprintf(path, sizeof path, "%s.%d", name, rank);
    FILE *file = fopen(path, "w");

    for (int s = 0; file && s < SIZES && sent[s].messages; s++)
        fprintf(file, "%d %ld\n", sent[s].bytes, sent[s].messages);
    if (file)
        fclose(file);
}

int MPI_Finalize(void)
{
    int rank;

    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (getenv("SENT"))
        tell(getenv("SENT"), rank);
    return PMPI_Finalize();
}
