#!/usr/bin/env python3
"""cifar_pictures.py -- records of CIFAR-10 as PNGs in a folder for each class, and once more as
records, in the order in which images() reads the pictures.

    cifar_pictures.py TO FILE.bin ...    makes TO/NAME/NUMBER.png and TO/sorted.bin
"""

import os
import struct
import sys
import zlib

NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()
RECORD, PLANE, SIDE = 3073, 1024, 32


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(planes):
    pixels = bytearray(3 * PLANE)
    for c in range(3):
        pixels[c::3] = planes[c * PLANE:(c + 1) * PLANE]
    rows = b"".join(b"\0" + pixels[y * 3 * SIDE:(y + 1) * 3 * SIDE] for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def main(to, *files):
    by_class = [[] for _ in NAMES]
    for file in files:
        with open(file, "rb") as binary:
            while record := binary.read(RECORD):
                by_class[record[0]].append(record)
    with open(os.path.join(to, "sorted.bin"), "wb") as binary:
        for name, records in zip(NAMES, by_class):
            os.makedirs(os.path.join(to, name), exist_ok=True)
            for i, record in enumerate(records):
                with open(os.path.join(to, name, f"{i:05}.png"), "wb") as picture:
                    picture.write(png(record[1:]))
                binary.write(record)


main(*sys.argv[1:])
