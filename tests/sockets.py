#!/usr/bin/env python3
"""What sockets a process has: sockets.py PID. One line each, sorted: PROTOCOL STATE LOCAL PEER.

Of a unix socket its name stands in place of the addresses. What waits for somebody (a listening
socket, a datagram socket without a peer) has the state "open"; what is not used yet is "new".
"""
import glob
import os
import socket
import sys

TCP_LISTEN = "0A"


def address(text):
    host, port = text.split(":")
    raw = bytes.fromhex(host)
    raw = b"".join(raw[i:i + 4][::-1] for i in range(0, len(raw), 4))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return f"{socket.inet_ntop(family, raw)}:{int(port, 16)}"


def inodes_of(pid):
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            target = os.readlink(path)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def internet(pid, inodes):
    for protocol in ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6"):
        try:
            lines = open(f"/proc/{pid}/net/{protocol}").read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[9] not in inodes:
                continue
            waits = fields[3] == TCP_LISTEN or (not protocol.startswith("tcp") and fields[2].endswith(":0000"))
            inodes.discard(fields[9])
            yield f"{protocol} {'open' if waits else 'connected'} {address(fields[1])} {address(fields[2])}"


def local(pid, inodes):
    for line in open(f"/proc/{pid}/net/unix").read().splitlines()[1:]:
        fields = line.split()
        if fields[6] in inodes:
            inodes.discard(fields[6])
            listens = int(fields[3], 16) & 0x10000
            yield f"unix {'open' if listens else 'connected'} {fields[7] if len(fields) > 7 else '-'} -"


def main():
    pid = sys.argv[1]
    inodes = set(inodes_of(pid))
    lines = list(internet(pid, inodes)) + list(local(pid, inodes))
    lines += [f"other new - -" for inode in inodes]
    print("\n".join(sorted(lines)))


main()
