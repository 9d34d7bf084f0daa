/*
 * arriving.c -- rows that arrive on standard input in pieces, for models/csv.net: they have to be
 * those of a file of the same bytes.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

static const char train[] = "a,b,c,text,kind\n"
                            "1,2.5,-3,one two,red\n,NA,7,\"three, <b>four\",green\n"
                            "4,1e3,0.5,one,blue\n5,6,7,two two,red\n8,9,1,five,red\n";

enum { PIECES = 12 };

static char *kept; /* the path of what a run of those rows learns */

struct input {
    const char *file; /* "-", or one of the same bytes */
    struct found {
        long rows;
        uint64_t hash; /* of what is packed of them: FNV-1a */
    } * found;
};

static void find_rows(const void *context)
{
    const struct input *input = context;
    const struct net_opening opening = {
        .folder = fuzz_folder(), .preparation = kept, .arriving = true};
    struct net_data *data = net_data_open_files(&net_model, &input->file, 1, &opening);
    unsigned char *batch = net_memory(net_model.batch_size);

    *input->found = (struct found){0};
    do
        for (long row = 0; row < net_data_rows(data, NET_TEST); row++, input->found->rows++) {
            memset(batch, 0, net_model.batch_size);
            net_data_pack(data, NET_TEST, NULL, &row, 1, batch);
            for (size_t i = 0; i < net_model.batch_size; i++)
                input->found->hash = (input->found->hash ^ batch[i]) * 0x100000001b3u;
        }
    while (net_data_next(data));
    free(batch);
    net_data_close(data);
}

static void learn(const void *unused)
{
    struct net_data *data = net_data_open(&net_model, fuzz_folder(), NULL);
    char *json = net_data_preparation_json(data);

    (void)unused;
    fuzz_file("kept.json", json, strlen(json));
    free(json);
    net_data_close(data);
}

/* Standard input gives a piece each time it is read. */
static void send_pieces(const uint8_t *bytes, size_t size)
{
    const size_t piece = 1 + size / PIECES + (size ? bytes[0] % 16u : 0);
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ||
        dup2(ends[0], STDIN_FILENO) < 0)
        fuzz_finding("no socket");
    close(ends[0]);
    for (size_t at = 0; at < size; at += piece) {
        const size_t count = size - at < piece ? size - at : piece;

        if (send(ends[1], bytes + at, count, 0) != (ssize_t)count)
            fuzz_finding("a piece of %zu bytes is not sent", count);
    }
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct found pieces, whole;
    const struct input arriving = {"-", &pieces};
    const struct input file = {fuzz_file("rows", bytes, size), &whole};

    if (!kept) {
        fuzz_file("t.csv", train, strlen(train));
        kept = (char *)fuzz_file("kept.json", "", 0);
        if (fuzz_attempt(learn, NULL))
            fuzz_finding("nothing is learnt");
    }
    send_pieces(bytes, size);
    const bool refused = fuzz_attempt(find_rows, &arriving) != 0;

    if (refused != (fuzz_attempt(find_rows, &file) != 0))
        fuzz_finding("of pieces and the file one is refused");
    if (!refused && (pieces.rows != whole.rows || pieces.hash != whole.hash))
        fuzz_finding("%ld rows of pieces, %ld of the file, or other numbers", pieces.rows,
                     whole.rows);
    return 0;
}
