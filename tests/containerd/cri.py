#!/usr/bin/env python3
"""A small client of containerd's CRI service (runtime.v1.RuntimeService): one call an invocation.

Debian has no crictl. gRPC is HTTP/2 (RFC 9113) with a prefix of five bytes for each message; one call on a connection
of its own needs neither Huffman codes nor flow control. Answers to errors are not decoded: a call that brings no
message has failed, and containerd's log says why.
"""
import os
import socket
import struct
import sys

SERVICE = "/runtime.v1.RuntimeService/"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
POD, CONTAINER, NODE = 0, 1, 2


# --- protobuf: a message is a list of (number, value)

def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def encode(fields):
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
            continue
        data = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else encode(value)
        out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def decode(data):
    """Numbers to lists of values: ints, and bytes for everything that has a length."""
    result, at = {}, 0

    def take():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    while at < len(data):
        key = take()
        kind = key & 7
        if kind == 0:
            value = take()
        else:
            length = take() if kind == 2 else 8 if kind == 1 else 4
            value = data[at:at + length]
            at += length
        result.setdefault(key >> 3, []).append(value)
    return result


def inner(message, *path):
    """The bytes or the number at the end of the path; empty where there is none."""
    for step in path[:-1]:
        message = decode(message.get(step, [b""])[0])
    return message.get(path[-1], [b""])[0]


# --- HTTP/2

def frame(kind, flags, stream, data):
    return struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data


def literal(name, value):
    return b"\0" + varint(len(name)) + name.encode() + varint(len(value)) + value.encode()


def read(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise SystemExit("cri: the connection was closed")
        data += part
    return data


def call(path, method, fields):
    message = encode(fields)
    headers = b"".join(literal(*header) for header in (
        (":method", "POST"), (":scheme", "http"), (":path", SERVICE + method), (":authority", "localhost"),
        ("content-type", "application/grpc"), ("te", "trailers")))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)
        connection.connect(path)
        connection.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS, 1, headers)
            + frame(DATA, END_STREAM, 1, b"\0" + struct.pack(">I", len(message)) + message))
        body = b""
        while True:
            head = read(connection, 9)
            kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
            data = read(connection, int.from_bytes(head[:3], "big"))
            if kind in (SETTINGS, PING) and not flags & ACK:
                connection.sendall(frame(kind, ACK, 0, data if kind == PING else b""))
            elif kind == DATA and stream == 1:
                body += data
            if kind in (GOAWAY, RST_STREAM) or stream == 1 and flags & END_STREAM:
                break
    if len(body) < 5:
        raise SystemExit("cri: " + method + " failed")
    return decode(body[5:])


# --- what a pod is

def sandbox(name, logs):
    # On the host's network no plugin is needed; such a pod has the host's name.
    host_network = [(1, NODE), (2, CONTAINER)]
    return [(1, [(1, name), (2, "uid-" + name), (3, "default"), (4, 0)]), (3, logs),
            (8, [(1, "/" + os.environ["CONTAINERD_NAMESPACE"]), (2, [(1, host_network)])])]


def main(path, command, *words):
    states = ["created", "running", "exited", "unknown"]
    if command == "version":
        print(inner(call(path, "Version", []), 2).decode())
    elif command == "run-pod":
        handler, name, logs = words
        print(inner(call(path, "RunPodSandbox", [(1, sandbox(name, logs)), (2, handler)]), 1).decode())
    elif command == "create":
        pod, pod_name, logs, name, image, pids, *args = words
        options = [(1, NODE), (2, POD if pids == "shared" else CONTAINER)]
        memory = int(os.environ.get("CRI_MEMORY", 0))
        resources = [(1, [(4, memory)])] if memory else []
        config = [(1, [(1, name), (2, 0)]), (2, [(1, image)]), *((3, word) for word in args), (11, name + ".log"),
                  (15, [*resources, (2, [(3, options)])])]
        print(inner(call(path, "CreateContainer", [(1, pod), (2, config), (3, sandbox(pod_name, logs))]), 1).decode())
    elif command == "exec":
        answer = call(path, "ExecSync", [(1, words[0]), *((2, word) for word in words[1:]), (3, 60)])
        sys.stdout.write((inner(answer, 1) or b"").decode())
        sys.exit(inner(answer, 3) or 0)
    elif command == "status":
        answer = call(path, "ContainerStatus", [(1, words[0])])
        print(states[inner(answer, 1, 3) or 0], inner(answer, 1, 7) or 0)
    elif command == "reason":
        print((inner(call(path, "ContainerStatus", [(1, words[0])]), 1, 10) or b"").decode())
    elif command == "stats":
        answer = call(path, "ContainerStats", [(1, words[0])])
        print("memory", (inner(answer, 1, 3, 2, 1) or 0) > 0, "processor", (inner(answer, 1, 2, 2, 1) or 0) > 0)
    elif command == "stop":
        call(path, "StopContainer", [(1, words[0]), (2, int(words[1]))])
    else:
        method = {"start": "StartContainer", "remove": "RemoveContainer", "stop-pod": "StopPodSandbox",
                  "remove-pod": "RemovePodSandbox"}[command]
        call(path, method, [(1, words[0])])


main(*sys.argv[1:])
