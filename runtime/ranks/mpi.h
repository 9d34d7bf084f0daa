/*
 * mpi.h -- the processes of a run by MPI: what of it a trainer calls. The generated C of
 * `netc --mpi` ends with it, since what a communicator or a request is differs between MPIs.
 */

#ifndef NET_RANKS_MPI_H
#define NET_RANKS_MPI_H

#include <mpi.h>
#include <string.h>

#include "netrt.h"

_Static_assert(2 * sizeof(MPI_Request) <= sizeof(struct net_exchange), "room for two requests");

static bool net_mpi_open(int *rank, int *size, int *beside)
{
    int given;
    MPI_Comm machine;

    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, beside);
    MPI_Comm_free(&machine);
    return given >= MPI_THREAD_FUNNELED;
}

static void net_mpi_start(struct net_exchange *exchange, int with, int tag, const void *send,
                          size_t send_size, void *receive, size_t receive_size)
{
    MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};

    if (receive)
        MPI_Irecv(receive, (int)receive_size, MPI_BYTE, with, tag, MPI_COMM_WORLD, &requests[0]);
    if (send)
        MPI_Isend(send, (int)send_size, MPI_BYTE, with, tag, MPI_COMM_WORLD, &requests[1]);
    memcpy(exchange, requests, sizeof requests);
}

static bool net_mpi_done(struct net_exchange *exchange)
{
    MPI_Request requests[2];
    int done;

    memcpy(requests, exchange, sizeof requests);
    MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
    memcpy(exchange, requests, sizeof requests);
    return done;
}

static void net_mpi_close(void)
{
    MPI_Finalize();
}

static void net_mpi_abort(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
}

const struct net_link net_link = {net_mpi_open, net_mpi_start, net_mpi_done, net_mpi_close,
                                  net_mpi_abort};

#endif
