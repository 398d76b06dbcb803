#!/usr/bin/env python3
"""broken_elf.py [--fatal] GOOD FOLDER: makes damaged copies of a static executable.

Without --fatal: files that execve(2) refuses. With it: files that are loaded and then die by a signal.
"""
import os
import random
import struct
import sys

fatal = sys.argv[1] == '--fatal'
good, folder = sys.argv[-2:]
whole = open(good, 'rb').read()
HEADER = '<16sHHIQQQIHHHHHH'
SEGMENT = '<IIQQQQQQ'
LOAD, INTERPRETER = 1, 3


def header(**changes):
    names = ['ident', 'type', 'machine', 'version', 'entry', 'phoff', 'shoff', 'flags', 'ehsize', 'phentsize', 'phnum',
             'shentsize', 'shnum', 'shstrndx']
    values = dict(zip(names, struct.unpack_from(HEADER, whole)))
    values.update(changes)
    return struct.pack(HEADER, *[values[name] for name in names])


def segments(change):
    """The file with every program header passed through change(index, fields)."""
    image = bytearray(whole)
    phoff = struct.unpack_from('<Q', whole, 32)[0]
    size, count = struct.unpack_from('<HH', whole, 54)
    names = ['type', 'flags', 'offset', 'vaddr', 'paddr', 'filesz', 'memsz', 'align']
    for index in range(count):
        at = phoff + index * size
        fields = dict(zip(names, struct.unpack_from(SEGMENT, image, at)))
        change(index, fields)
        struct.pack_into(SEGMENT, image, at, *[fields[name] for name in names])
    return bytes(image)


def loads(**changes):
    def change(_, fields):
        if fields['type'] == LOAD:
            fields.update({name: value(fields) for name, value in changes.items()})
    return segments(change)


def with_interpreter(path):
    def change(index, fields):
        if fields['type'] != LOAD and not path['done']:
            path['done'] = True
            fields.update(type=INTERPRETER, offset=len(whole), filesz=len(path['text']), memsz=len(path['text']))
    return segments(change) + path['text']


def put(name, data):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
        file.write(data)
    os.chmod(path, 0o755)


rest = whole[64:]
noise = random.Random(1)
if fatal:
    put('entry-nowhere', header(entry=0x10) + rest)
    put('noise-after-header', whole[:64] + noise.randbytes(100000))
    put('huge-memory', loads(memsz=lambda f: 1 << 62))
    put('file-above-memory', loads(memsz=lambda f: f['filesz'] // 2))
    put('kernel-addresses', loads(vaddr=lambda f: f['vaddr'] | 0xffff800000000000))
    for length in 1000, 4096, 20000, 100000:
        put(f'cut-{length}', whole[:length])
else:
    put('empty', b'')
    put('cut-in-header', whole[:40])
    put('cut-after-header', whole[:64])
    put('cut-in-segments', whole[:100])
    put('noise', noise.randbytes(65536))
    put('other-machine', header(machine=183) + rest)
    put('class-32', header(ident=b'\x7fELF\x01\x01\x01' + b'\0' * 9) + rest)
    put('relocatable', header(type=1) + rest)
    put('core-dump', header(type=4) + rest)
    put('no-segments', header(phnum=0) + rest)
    put('many-segments', header(phnum=65535) + rest)
    put('segment-size', header(phentsize=8) + rest)
    put('segments-outside', header(phoff=1 << 40) + rest)
    put('segments-wrap', header(phoff=(1 << 64) - 16) + rest)
    put('interpreter-missing', with_interpreter({'text': b'/no/such/ld.so\0', 'done': False}))
    put('interpreter-without-end', with_interpreter({'text': b'/bin/busybox', 'done': False}))
    put('interpreter-is-text', with_interpreter({'text': b'/etc/passwd\0', 'done': False}))
    put('interpreter-is-a-folder', with_interpreter({'text': b'/etc\0', 'done': False}))
