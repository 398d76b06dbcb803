"""A service manager as far as a container runtime asks one: it takes calls over its socket, writes each as a line of JSON
to a log and answers as systemd does. What comes must be D-Bus to the letter (D-Bus Specification, "Marshaling").

usage: systemd.py SOCKET LOG MODE     MODE: works, fails (the job of a unit), exists (a failed unit of the name is there), refuses
"""
import json
import os
import socket
import struct
import sys

path, log, mode = sys.argv[1:4]
NUMBERS = {"u": ("<I", 4), "t": ("<Q", 8), "b": ("<I", 4)}
RESET = []


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, size):
        end = (self.at + size - 1) // size * size
        assert not any(self.data[self.at:end]), "padding is not zero"
        self.at = end

    def take(self, count):
        assert self.at + count <= len(self.data), "too short"
        self.at += count
        return self.data[self.at - count:self.at]

    def text(self, length):
        text = self.take(length).decode()
        assert self.take(1) == b"\0" and "\0" not in text
        return text

    def value(self, kind):
        if kind in NUMBERS:
            form, size = NUMBERS[kind]
            self.align(size)
            number = struct.unpack(form, self.take(size))[0]
            assert kind != "b" or number in (0, 1)
            return number
        if kind in ("s", "o"):
            self.align(4)
            return self.text(struct.unpack("<I", self.take(4))[0])
        if kind == "g":
            return self.text(self.take(1)[0])
        if kind == "y":
            return self.take(1)[0]
        if kind == "v":
            return self.value(self.value("g"))
        if kind[0] == "(":
            self.align(8)
            return [self.value(part) for part in split(kind[1:-1])]
        assert kind[0] == "a", kind
        self.align(4)
        length = struct.unpack("<I", self.take(4))[0]
        self.align(8 if kind[1] == "(" else NUMBERS.get(kind[1], (0, 4))[1])
        end, items = self.at + length, []
        while self.at < end:
            items.append(self.value(kind[1:]))
        assert self.at == end, "an array of another length"
        return items


def split(types):
    """The complete types of a signature."""
    parts = []
    while types:
        length = 1
        while types[length - 1] == "a":
            length += 1
        if types[length - 1] == "(":
            depth = 1
            while depth:
                depth += {"(": 1, ")": -1}.get(types[length], 0)
                length += 1
        parts.append(types[:length])
        types = types[length:]
    return parts


def string(text):
    return struct.pack("<I", len(text)) + text.encode() + b"\0"


def pad(data):
    return data + b"\0" * (-len(data) % 8)


def message(kind, fields, signature="", body=b""):
    """The serial of ours is of no interest to a client."""
    head = b""
    for code, form, value in fields + ([(8, "g", signature)] if signature else []):
        head = pad(head) + bytes([code, 1]) + form.encode() + b"\0"
        head += (struct.pack("<I", value) if form == "u" else bytes([len(value)]) + value.encode() + b"\0" if form == "g"
                 else string(value))
    return pad(struct.pack("<4BIII", ord("l"), kind, 1, 1, len(body), 77, len(head)) + head) + body


def removed(result, unit):
    body = struct.pack("<I", 5) + string("/org/freedesktop/systemd1/job/5")
    for text in (unit, result):
        body += b"\0" * (-len(body) % 4) + string(text)
    return message(4, [(1, "o", "/org/freedesktop/systemd1"), (2, "s", "org.freedesktop.systemd1.Manager"),
                       (3, "s", "JobRemoved")], "uoss", body)


def answer(fields, body):
    """The bytes that answer a call."""
    member, serial = fields[3], fields["serial"]
    if member == "StartTransientUnit":
        if mode == "refuses" or mode == "exists" and not RESET:
            name = "UnitExists" if mode == "exists" else "AccessDenied"
            return message(3, [(4, "s", "org.freedesktop.systemd1." + name), (5, "u", serial)], "s", string("it is " + name))
        # The signal comes before the answer: both orders are seen.
        other = removed("done", "other.scope").replace(b"job/5", b"job/4")
        return other + removed("done" if mode != "fails" else "failed", body[0]) + message(
            2, [(5, "u", serial)], "o", string("/org/freedesktop/systemd1/job/5"))
    if member == "ResetFailedUnit":
        RESET.append(body[0])
    if member == "StopUnit":
        return message(3, [(4, "s", "org.freedesktop.systemd1.NoSuchUnit"), (5, "u", serial)], "s", string("not loaded"))
    return message(2, [(5, "u", serial)])


def line(connection):
    data = b""
    while not data.endswith(b"\r\n"):
        part = connection.recv(1)
        assert part, "hung up"
        data += part
    return data


def exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            return b""
        data += part
    return data


def serve(connection):
    assert line(connection) == b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n"
    connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
    assert line(connection) == b"BEGIN\r\n"
    while head := exactly(connection, 16):
        order, kind, _, version, length, serial, fields_length = struct.unpack("<4BIII", head)
        assert (order, kind, version) == (ord("l"), 1, 1) and serial
        reader = Reader(head + exactly(connection, (fields_length + 7) // 8 * 8))
        reader.at = 12
        fields = {code: value for code, value in reader.value("a(yv)")}
        fields["serial"] = serial
        reader.align(8)
        body = Reader(exactly(connection, length)) if length else Reader(b"")
        values = [body.value(part) for part in split(fields.get(8, ""))]
        assert body.at == length, "more body than its signature says"
        assert fields[1] == "/org/freedesktop/systemd1" and fields[2] == "org.freedesktop.systemd1.Manager"
        with open(log, "a") as file:
            file.write(json.dumps([fields[3], *values]) + "\n")
        connection.sendall(answer(fields, values))


listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
while True:
    with listener.accept()[0] as client:
        try:
            serve(client)
        except AssertionError as problem:
            with open(log, "a") as file:
                file.write(json.dumps(["wrong", str(problem)]) + "\n")
