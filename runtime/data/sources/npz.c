/*
 * npz.c -- numpy's .npz: a zip archive of .npy files, stored or deflated. The archive is
 * mapped; its directory at the end says where the arrays stand, and only those that a field reads
 * are looked at.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/sources/source.h"

enum { END_SIZE = 22, MAX_COMMENT = 65535, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };
enum { CHUNK = 1 << 25 }; /* bytes summed before they are let go */

/* An archive, and where its directory stands. */
struct zip {
    const char *path;
    const unsigned char *at;
    size_t size;
    bool mapped;
    uint64_t directory, entries;
};

struct entry {
    const char *name; /* not ended by NUL */
    size_t name_length;
    uint64_t packed, unpacked, offset; /* bytes; of its local header */
    unsigned method, flags;
    uint32_t crc;
};

static uint64_t load(const unsigned char *at, int bytes)
{
    uint64_t number = 0;

    for (int i = bytes; i-- > 0;)
        number = number << 8 | at[i];
    return number;
}

static _Noreturn void fail_zip(const struct zip *zip, uint64_t at, const char *expected)
{
    net_fail(1, "%s: byte %llu: expected %s of a zip archive; fetch or write the file again",
             zip->path, (unsigned long long)at, expected);
}

/* `count` bytes from `at` on are in the file. */
static const unsigned char *part_of(const struct zip *zip, uint64_t at, uint64_t count,
                                    const char *expected)
{
    if (at > zip->size || count > zip->size - at)
        fail_zip(zip, at, expected);
    return zip->at + at;
}

static void find_directory(struct zip *zip)
{
    const size_t least = zip->size > END_SIZE + MAX_COMMENT ? zip->size - END_SIZE - MAX_COMMENT
                                                            : 0;
    size_t end = zip->size >= END_SIZE ? zip->size - END_SIZE : 0;

    if (zip->size < END_SIZE || memcmp(zip->at, "PK", 2))
        net_fail(1, "%s: byte 0: expected an .npz file (PK), found %zu bytes that are none",
                 zip->path, zip->size);
    while (end > least && load(zip->at + end, 4) != 0x06054b50)
        end--;
    if (load(zip->at + end, 4) != 0x06054b50)
        fail_zip(zip, zip->size, "the directory's end");
    zip->entries = load(zip->at + end + 10, 2);
    zip->directory = load(zip->at + end + 16, 4);
    if (zip->directory != 0xFFFFFFFF && zip->entries != 0xFFFF)
        return;
    /* zip64: a locator in front says where the larger numbers stand */
    if (end < 20 || load(zip->at + end - 20, 4) != 0x07064b50)
        fail_zip(zip, end, "the zip64 directory's place");
    const uint64_t place = load(zip->at + end - 12, 8);
    const unsigned char *at = part_of(zip, place, 56, "the zip64 directory's end");

    if (load(at, 4) != 0x06064b50)
        fail_zip(zip, place, "the zip64 directory's end");
    zip->entries = load(at + 32, 8);
    zip->directory = load(at + 48, 8);
}

/* Sizes that do not fit 32 bits stand in a field of their own, those alone that do not. */
static void read_zip64(struct entry *entry, const unsigned char *at, size_t length)
{
    uint64_t *const sizes[] = {&entry->unpacked, &entry->packed, &entry->offset};

    while (length >= 4) {
        const size_t size = load(at + 2, 2);
        size_t used = 0;

        if (size > length - 4)
            return;
        for (int i = 0; load(at, 2) == 1 && i < 3; i++)
            if (*sizes[i] == 0xFFFFFFFF && used + 8 <= size) {
                *sizes[i] = load(at + 4 + used, 8);
                used += 8;
            }
        at += 4 + size;
        length -= 4 + size;
    }
}

/* The entry at *place, which moves on to the next. */
static struct entry read_entry(const struct zip *zip, uint64_t *place)
{
    const unsigned char *at = part_of(zip, *place, ENTRY_SIZE, "an entry of the directory");
    struct entry entry;

    if (load(at, 4) != 0x02014b50)
        fail_zip(zip, *place, "an entry of the directory");
    entry = (struct entry){.flags = (unsigned)load(at + 8, 2),
                           .method = (unsigned)load(at + 10, 2),
                           .crc = (uint32_t)load(at + 16, 4),
                           .packed = load(at + 20, 4),
                           .unpacked = load(at + 24, 4),
                           .name_length = load(at + 28, 2),
                           .offset = load(at + 42, 4)};
    const size_t extra = load(at + 30, 2), comment = load(at + 32, 2);

    at = part_of(zip, *place + ENTRY_SIZE, entry.name_length + extra + comment,
                 "the name of an entry");
    entry.name = (const char *)at;
    read_zip64(&entry, at + entry.name_length, extra);
    *place += ENTRY_SIZE + entry.name_length + extra + comment;
    return entry;
}

/* Is the entry the array's file, NAME.npy? */
static bool is_array(const struct entry *entry, const char *name)
{
    const size_t length = strlen(name);

    return (entry->name_length == length ||
            (entry->name_length == length + 4 && !memcmp(entry->name + length, ".npy", 4))) &&
           !memcmp(entry->name, name, length);
}

static struct entry find_array(const struct zip *zip, const char *name)
{
    uint64_t place = zip->directory;
    char names[256] = ""; /* what a terminal would obey is a blank in them */

    for (uint64_t i = 0; i < zip->entries; i++) {
        const struct entry entry = read_entry(zip, &place);
        const int length = (int)entry.name_length;

        if (is_array(&entry, name))
            return entry;
        if (strlen(names) + entry.name_length + 4 < sizeof names)
            sprintf(names + strlen(names), "%s%.*s", i ? ", " : "",
                    length > 4 && !memcmp(entry.name + length - 4, ".npy", 4) ? length - 4 : length,
                    entry.name);
    }
    for (char *c = names; *c; c++)
        *c = (unsigned char)*c < ' ' || *c == 127 ? ' ' : *c;
    net_fail(1, "%s: expected an array %s, found %s", zip->path, name, *names ? names : "none");
}

static _Noreturn void fail_damaged(const struct zip *zip, const struct entry *entry)
{
    net_fail(1, "%s: byte %llu: the data of %.*s are damaged; fetch or write the file again",
             zip->path, (unsigned long long)entry->offset, (int)entry->name_length, entry->name);
}

/* The entry's bytes, unpacked; memory grows with what was unpacked, not with what is promised. */
static char *inflate_entry(const struct zip *zip, const struct entry *entry,
                           const unsigned char *from)
{
    z_stream stream = {.next_in = (unsigned char *)from};
    uint64_t left = entry->packed;
    size_t used = 0, room = 0;
    char *bytes = NULL;
    int code = inflateInit2(&stream, -MAX_WBITS);

    while (code == Z_OK) {
        if (used == room) {
            room += room / 2 + (1 << 16);
            room = room > entry->unpacked + 1 ? entry->unpacked + 1 : room;
            if (used == room || !(bytes = realloc(bytes, room)))
                break;
        }
        const uInt out = room - used < 1u << 30 ? (uInt)(room - used) : 1u << 30;

        if (!stream.avail_in) {
            stream.avail_in = left < 1u << 30 ? (uInt)left : 1u << 30;
            left -= stream.avail_in;
        }
        stream.next_out = (unsigned char *)bytes + used;
        stream.avail_out = out;
        code = inflate(&stream, Z_NO_FLUSH);
        used += out - stream.avail_out;
    }
    inflateEnd(&stream);
    if (code != Z_STREAM_END || used != entry->unpacked || !bytes ||
        crc32_z(0, (const unsigned char *)bytes, used) != entry->crc)
        fail_damaged(zip, entry);
    return bytes;
}

/* Stored data are read where they stand, so what they sum to is looked at first. */
static void check_stored(const struct zip *zip, const struct entry *entry, const unsigned char *at)
{
    uLong sum = 0;

    for (uint64_t begin = 0, count; begin < entry->packed; begin += count) {
        count = entry->packed - begin < CHUNK ? entry->packed - begin : CHUNK;
        sum = crc32_z(sum, at + begin, count);
        if (zip->mapped)
            net_forget((const char *)at + begin, (const char *)at + begin + count);
    }
    if (sum != entry->crc)
        fail_damaged(zip, entry);
}

/* What the arrays of one name are read from, an archive after the other. */
struct arrays {
    const struct zip *zips;
    const char *name;
    struct net_table *table;
};

static void open_array(struct net_stream *file, const void *context, int number)
{
    const struct arrays *arrays = context;
    const struct zip *zip = &arrays->zips[number];
    const struct entry entry = find_array(zip, arrays->name);
    const unsigned char *local = part_of(zip, entry.offset, LOCAL_SIZE, "an entry's header");
    const uint64_t data = entry.offset + LOCAL_SIZE + load(local + 26, 2) + load(local + 28, 2);
    const unsigned char *at = part_of(zip, data, entry.packed, "an entry's data");

    if (load(local, 4) != 0x04034b50)
        fail_zip(zip, entry.offset, "an entry's header");
    if (entry.flags & 1)
        net_fail(1, "%s: %s is encrypted", zip->path, arrays->name);
    char *place = net_format("%s: %s", zip->path, arrays->name); /* for messages */

    net_hold(arrays->table, place, 0);
    if (entry.method == 0 && entry.packed == entry.unpacked) {
        check_stored(zip, &entry, at);
        net_stream_memory(file, place, (const char *)at, entry.packed);
    } else if (entry.method == 8) {
        char *bytes = inflate_entry(zip, &entry, at);

        net_hold(arrays->table, bytes, 0);
        net_stream_memory(file, place, bytes, entry.unpacked);
    } else {
        net_fail(1,
                 "%s: byte %llu: %s is packed by method %u; expected 0 (stored) or 8 "
                 "(deflated), as numpy.savez writes them",
                 zip->path, (unsigned long long)entry.offset, arrays->name, entry.method);
    }
}

static void open_npz(struct net_table *table, const struct net_request *request)
{
    const struct net_arg *file = net_argument(request->call, "file");
    int count;
    char **paths = net_paths(request->folder, file->text, &count);
    const char *place = net_place(table, request->folder, file->text, paths, count);
    struct zip *zips = net_allocate((size_t)count, sizeof *zips);

    for (int i = 0; i < count; i++) {
        const struct net_bytes bytes = net_map_file(table, paths[i]);

        zips[i] = (struct zip){.path = paths[i],
                               .at = (const unsigned char *)bytes.at,
                               .size = bytes.size,
                               .mapped = bytes.mapped};
        find_directory(&zips[i]);
    }
    for (int f = 0; f < request->field_count; f++) {
        const char *name = request->fields[f].source;
        const struct arrays arrays = {zips, name, table};
        bool read = false;

        for (int c = 0; c < table->column_count; c++)
            read |= !strcmp(table->columns[c].name, name);
        if (read)
            continue;
        struct net_column *column = &table->columns[table->column_count++];

        *column = (struct net_column){.name = name, .place = place};
        net_read_streams(table, column, open_array, &arrays, count, net_header_npy);
    }
    free(zips);
    net_paths_free(paths, count);
}

const struct net_reader net_reader_npz = {.name = "npz", .open = open_npz, .file = "file"};
