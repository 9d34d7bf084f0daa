/*
 * npz.c -- numpy's npz: a zip archive (PKWARE's APPNOTE 4.3) of an .npy for each array, stored.
 */

#include "commands/npz.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "commands/npy.h"

enum { VERSION = 20, UTF8 = 1 << 11, FIRST_DAY = 0x21, LOCAL_SIZE = 30, CENTRAL_SIZE = 46 };

struct net_npz_entry {
    char *name;
    uint32_t crc, size, at; /* of the .npy; where its header is */
};

static void put(unsigned char *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* The fields that an entry has in both of its headers, from the version on. */
static void put_entry(unsigned char *at, const struct net_npz_entry *entry)
{
    put(at, VERSION, 2);
    put(at + 2, UTF8, 2);
    put(at + 8, FIRST_DAY, 2);
    put(at + 10, entry->crc, 4);
    put(at + 14, entry->size, 4);
    put(at + 18, entry->size, 4);
    put(at + 22, (uint32_t)strlen(entry->name), 2);
}

static void write_bytes(struct net_npz *npz, const void *bytes, size_t count)
{
    npz->write(npz->to, bytes, count);
    npz->at += count;
}

void net_npz_open(struct net_npz *npz, net_npz_write *write, void *to, int most)
{
    *npz = (struct net_npz){.write = write, .to = to};
    npz->entries = net_allocate((size_t)most, sizeof *npz->entries);
}

bool net_npz_add(struct net_npz *npz, const char *name, const char *shape, const float *x,
                 size_t count)
{
    const size_t bytes = count * sizeof *x;
    unsigned char header[LOCAL_SIZE] = "PK\3\4";
    struct net_npz_entry *entry;
    struct net_npy npy;

    net_npy_begin(&npy, shape);
    const uint64_t size = sizeof npy.magic + npy.line.length + bytes;

    if (npz->at + size + LOCAL_SIZE > UINT32_MAX || count > UINT32_MAX / sizeof *x) {
        free(npy.line.at);
        return false;
    }
    uLong crc = crc32(0, npy.magic, sizeof npy.magic);

    crc = crc32(crc, (const Bytef *)npy.line.at, (uInt)npy.line.length);
    crc = crc32(crc, (const Bytef *)x, (uInt)bytes);
    entry = &npz->entries[npz->count++];
    *entry = (struct net_npz_entry){net_format("%s.npy", name), (uint32_t)crc, (uint32_t)size,
                                    (uint32_t)npz->at};
    put_entry(header + 4, entry);
    write_bytes(npz, header, sizeof header);
    write_bytes(npz, entry->name, strlen(entry->name));
    write_bytes(npz, npy.magic, sizeof npy.magic);
    write_bytes(npz, npy.line.at, npy.line.length);
    write_bytes(npz, x, bytes);
    free(npy.line.at);
    return true;
}

void net_npz_end(struct net_npz *npz)
{
    const uint64_t begin = npz->at;
    unsigned char end[22] = "PK\5\6";

    for (int i = 0; i < npz->count; i++) {
        struct net_npz_entry *entry = &npz->entries[i];
        unsigned char header[CENTRAL_SIZE] = "PK\1\2";

        put(header + 4, VERSION, 2);
        put_entry(header + 6, entry);
        put(header + 42, entry->at, 4);
        write_bytes(npz, header, sizeof header);
        write_bytes(npz, entry->name, strlen(entry->name));
        free(entry->name);
    }
    put(end + 8, (uint32_t)npz->count, 2);
    put(end + 10, (uint32_t)npz->count, 2);
    put(end + 12, (uint32_t)(npz->at - begin), 4);
    put(end + 16, (uint32_t)begin, 4);
    write_bytes(npz, end, sizeof end);
    free(npz->entries);
}
