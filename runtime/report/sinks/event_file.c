/*
 * event_file.c -- an event file of TensorBoard, written from its public formats: TFRecord (length,
 * masked CRC-32C of the length, bytes, masked CRC-32C of the bytes) around messages Event of
 * protocol buffers.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/sinks/trackers.h"

/* ---- Messages -------------------------------------------------------------------------------- */

enum { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };

/* Seven bits a byte, the low ones first. */
static void add_varint(struct net_buffer *bytes, uint64_t value)
{
    unsigned char at[10];
    size_t length = 0;

    for (; value >= 0x80; value >>= 7)
        at[length++] = (unsigned char)(value | 0x80);
    at[length++] = (unsigned char)value;
    net_buffer_add(bytes, at, length);
}

static void add_little_endian(struct net_buffer *bytes, uint64_t value, size_t length)
{
    unsigned char at[8];

    for (size_t i = 0; i < length; i++)
        at[i] = (unsigned char)(value >> 8 * i);
    net_buffer_add(bytes, at, length);
}

void net_proto_whole(struct net_buffer *message, unsigned field, uint64_t value)
{
    add_varint(message, field << 3 | WIRE_VARINT);
    add_varint(message, value);
}

void net_proto_double(struct net_buffer *message, unsigned field, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    add_varint(message, field << 3 | WIRE_64);
    add_little_endian(message, bits, sizeof bits);
}

void net_proto_float(struct net_buffer *message, unsigned field, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    add_varint(message, field << 3 | WIRE_32);
    add_little_endian(message, bits, sizeof bits);
}

void net_proto_begin(struct net_buffer *message, unsigned field, size_t length)
{
    add_varint(message, field << 3 | WIRE_BYTES);
    add_varint(message, length);
}

static void add_field(struct net_buffer *message, unsigned field, const void *at, size_t length)
{
    net_proto_begin(message, field, length);
    if (length)
        net_buffer_add(message, at, length);
}

void net_proto_text(struct net_buffer *message, unsigned field, const char *text)
{
    add_field(message, field, text, strlen(text));
}

void net_proto_message(struct net_buffer *message, unsigned field, struct net_buffer *inner)
{
    add_field(message, field, inner->at, inner->length);
    free(inner->at);
    *inner = (struct net_buffer){0};
}

/* ---- Records --------------------------------------------------------------------------------- */

enum { /* fields of Event, SessionLog, Summary and its Value */
       EVENT_WALL_TIME = 1,
       EVENT_STEP,
       EVENT_FILE_VERSION,
       EVENT_SUMMARY = 5,
       EVENT_SESSION_LOG = 7,
       SESSION_STATUS = 1,
       SESSION_START = 1, /* a status */
       SUMMARY_VALUE = 1,
       VALUE_TAG = 1,
       VALUE_SIMPLE,
};

/* Of any bytes, by Castagnoli's polynomial. */
static uint32_t crc32c(const void *at, size_t length)
{
    const unsigned char *bytes = at;
    uint32_t crc = ~0u;

    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & -(crc & 1u));
    }
    return ~crc;
}

static uint32_t mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void add_record(struct net_buffer *records, struct net_buffer *event)
{
    const size_t begin = records->length;

    add_little_endian(records, event->length, 8);
    add_little_endian(records, mask(crc32c(records->at + begin, 8)), 4);
    net_buffer_add(records, event->at, event->length);
    add_little_endian(records, mask(crc32c(event->at, event->length)), 4);
    free(event->at);
}

static struct net_buffer begin_event(long step)
{
    struct net_buffer event = {0};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    net_proto_double(&event, EVENT_WALL_TIME, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    if (step)
        net_proto_whole(&event, EVENT_STEP, (uint64_t)step);
    return event;
}

void net_event_add(struct net_event_file *events, long step, struct net_buffer *value)
{
    struct net_buffer event = begin_event(step), summary = {0};

    net_proto_message(&summary, SUMMARY_VALUE, value);
    net_proto_message(&event, EVENT_SUMMARY, &summary);
    add_record(&events->records, &event);
}

void net_event_scalar(struct net_event_file *events, long step, const char *tag, double value)
{
    struct net_buffer scalar = {0};

    net_proto_text(&scalar, VALUE_TAG, tag);
    net_proto_float(&scalar, VALUE_SIMPLE, (float)value);
    net_event_add(events, step, &scalar);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* TensorBoard reads files by the order of their names, in which the moment is. */
bool net_event_file_open(struct net_event_file *events, const char *path, long step)
{
    char host[256] = "";
    struct timespec now;
    struct net_buffer event, log = {0};
    bool made;

    *events = (struct net_event_file){.file = -1};
    if (!net_folder_try(NULL, path, &made))
        return false;
    gethostname(host, sizeof host - 1);
    clock_gettime(CLOCK_REALTIME, &now);
    events->path = net_format("%s/events.out.tfevents.%010lld.%09ld.%s.%ld", path,
                              (long long)now.tv_sec, now.tv_nsec, host, (long)getpid());
    events->file = open(events->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    event = begin_event(0);
    net_proto_text(&event, EVENT_FILE_VERSION, "brain.Event:2");
    add_record(&events->records, &event);
    event = begin_event(step);
    net_proto_whole(&log, SESSION_STATUS, SESSION_START);
    net_proto_message(&event, EVENT_SESSION_LOG, &log);
    add_record(&events->records, &event);
    return net_event_file_flush(events);
}

bool net_event_file_flush(struct net_event_file *events)
{
    const unsigned char *at = events->records.at;
    size_t left = events->records.length;
    ssize_t done = 0;

    events->records.length = 0;
    if (events->file < 0)
        return false;
    for (; left && (done = write(events->file, at, left)) > 0; left -= (size_t)done)
        at += done;
    if (left) {
        const int why = done < 0 ? errno : ENOSPC;

        close(events->file);
        events->file = -1;
        errno = why;
    }
    return !left;
}

void net_event_file_close(struct net_event_file *events)
{
    if (events->file >= 0)
        close(events->file);
    free(events->records.at);
    free(events->path);
}
