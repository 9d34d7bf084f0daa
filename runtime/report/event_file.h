/*
 * event_file.h -- what TensorBoard reads: records in a file, each a message of protocol buffers.
 */

#ifndef NET_EVENT_FILE_H
#define NET_EVENT_FILE_H

#include "report/report.h"

/* ---- Messages: bytes that grow --------------------------------------------------------------- */

struct net_bytes {
    unsigned char *at; /* malloc'd */
    size_t length, capacity;
};

void net_bytes_add(struct net_bytes *bytes, const void *at, size_t length);
void net_proto_whole(struct net_bytes *message, unsigned field, uint64_t value);
void net_proto_double(struct net_bytes *message, unsigned field, double value);
void net_proto_float(struct net_bytes *message, unsigned field, float value);
void net_proto_text(struct net_bytes *message, unsigned field, const char *text);
/* A message in another, which is freed. */
void net_proto_message(struct net_bytes *message, unsigned field, struct net_bytes *inner);

/* ---- Files ----------------------------------------------------------------------------------- */

struct net_event_file {
    int file;                 /* a descriptor; -1: it could not be written */
    char *path;               /* malloc'd */
    struct net_bytes records; /* records that are not written yet */
};

/* A new file in the folder `path`, which is made. What files that are there say of `step` and later
   is void. False: errno says why. */
bool net_event_file_open(struct net_event_file *events, const char *path, long step);
/* Adds a value of Summary, which is freed, and its record; scalars. */
void net_event_add(struct net_event_file *events, long step, struct net_bytes *value);
void net_event_scalar(struct net_event_file *events, long step, const char *tag, double value);
/* Writes the records whole; false: errno says why, and nothing more will be written. */
bool net_event_file_flush(struct net_event_file *events);
void net_event_file_close(struct net_event_file *events);

#endif
