#!/usr/bin/env python3
"""A name server that fails on purpose.

    fault_dns.py MODE-FILE      on 127.0.0.1, port 53

MODE-FILE, read with each question: "silent" (no answer), "unknown" (no such name), "failure"
(SERVFAIL), or an IPv4 address, which every name then has.
"""
import signal, socket, struct, sys


def answer(question, mode):
    identity, end = question[:2], 12
    while question[end]:
        end += question[end] + 1
    end += 5
    kind = struct.unpack(">H", question[end - 4:end - 2])[0]
    code = {"unknown": 3, "failure": 2}.get(mode, 0)
    record = b""
    if code == 0 and kind == 1:
        record = struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4) + socket.inet_aton(mode)
    flags = struct.pack(">HHHHH", 0x8180 | code, 1, 1 if record else 0, 0, 0)
    return identity + flags + question[12:end] + record


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    print("fault_dns: serving", flush=True)
    while True:
        question, peer = server.recvfrom(512)
        with open(sys.argv[1]) as f:
            mode = f.read().strip()
        if mode != "silent":
            server.sendto(answer(question, mode), peer)


if __name__ == "__main__":
    main()
