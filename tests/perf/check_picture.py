#!/usr/bin/env python3
"""Looks at a screenshot of the report: paper of the right brightness, and ink and the colours of several runtimes on it.
usage: check_picture.py PICTURE.png light|dark"""
import struct
import sys
import zlib


def pixels(path):
    """Width, height and rows of RGB bytes of an 8-bit PNG without interlacing (PNG specification, 7 to 9)."""
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    at, packed, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    width, height, depth, colour, _, _, interlaced = header
    assert depth == 8 and colour in (2, 6) and not interlaced, "a PNG of another kind"
    size = 3 if colour == 2 else 4
    plain = zlib.decompress(packed)
    stride = width * size
    before, rows = bytearray(stride), []
    for y in range(height):
        start = y * (stride + 1)
        row = unfilter(plain[start], bytearray(plain[start + 1:start + 1 + stride]), before, size)
        rows.append(row)
        before = row
    return width, height, size, rows


def unfilter(kind, row, above, size):
    if kind == 0:
        return row
    for i in range(len(row)):
        left = row[i - size] if i >= size else 0
        up = above[i]
        corner = above[i - size] if i >= size else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            near = left + up - corner
            guess = min((abs(near - left), 0, left), (abs(near - up), 1, up), (abs(near - corner), 2, corner))[2]
        row[i] = (row[i] + guess) & 255
    return row


def main():
    width, height, size, rows = pixels(sys.argv[1])
    counts = {}
    for row in rows[::3]:
        for x in range(0, width * size, 3 * size):
            colour = tuple(row[x:x + 3])
            counts[colour] = counts.get(colour, 0) + 1
    paper = max(counts, key=counts.get)
    bright = sum(paper) / 3
    found = []
    if (bright > 128) != (sys.argv[2] == "light"):
        found.append(f"the paper is {paper}")
    ink = sum(count for colour, count in counts.items() if abs(sum(colour) / 3 - bright) > 100)
    if ink < 2000:
        found.append(f"only {ink} pixels of ink")
    vivid = {tuple(part // 48 for part in colour) for colour, count in counts.items()
             if max(colour) - min(colour) > 90 and count > 20}
    if len(vivid) < 2:
        found.append(f"only {len(vivid)} colours")
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
