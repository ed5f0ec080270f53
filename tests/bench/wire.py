"""The serial line: what it costs, and one that keeps to it.

The model: a character has a start bit, eight data bits, parity and stop bits; a
read of n registers has 8 characters there and 5 + 2 n back; before each of the
two frames there are 3.5 characters of silence (1.75 ms above 19200 baud), and
the meter takes its turnaround. Ideal are the registers that are needed, in as few
reads of 125 as hold them, wherever they stand.

The paced line: meters on the far end of a pty (or of a TCP socket, for a raw
serial gateway) which send no character before its time. They know nothing of the
agent's code. A meter may be given a fate for each request.
"""

import heapq
import math
import os
import select
import socket
import struct
import time
import tty

MODES = {"8N1": ("none", 1, 10), "8E1": ("even", 1, 11), "8O1": ("odd", 1, 11), "8N2": ("none", 2, 11)}
READ_MAX = 125


class Wire:
    """Times of one line, in seconds."""

    def __init__(self, baud, mode, turnaround=0.0):
        self.baud, self.mode, self.turnaround = baud, mode, turnaround
        self.character = MODES[mode][2] / baud
        self.gap = 0.00175 if baud > 19200 else 3.5 * self.character

    def read(self, registers):
        return (13 + 2 * registers) * self.character + 2 * self.gap + self.turnaround

    def reads(self, counts):
        return sum(map(self.read, counts))

    def ideal(self, registers):
        reads = math.ceil(registers / READ_MAX)
        return (13 * reads + 2 * registers) * self.character + reads * (2 * self.gap + self.turnaround)

    def conf(self):
        parity, stop_bits, _ = MODES[self.mode]
        return f'baud = {self.baud} parity = "{parity}" stop-bits = {stop_bits}'


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
        table.append(byte)
    return table


CRC = crc_table()


def checked(frame):
    """The frame with its check sum."""
    crc = 0xFFFF
    for byte in frame:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return frame + struct.pack("<H", crc)


class Loop:
    """Descriptors and absolute times, in one thread."""

    def __init__(self):
        self.events, self.serial, self.poll, self.readers = [], 0, select.poll(), {}

    def at(self, when, what, *arguments):
        self.serial += 1
        heapq.heappush(self.events, (when, self.serial, what, arguments))

    def watch(self, fd, reader):
        self.readers[fd] = reader
        self.poll.register(fd, select.POLLIN)

    def forget(self, fd):
        self.poll.unregister(fd)
        del self.readers[fd]

    def run(self, until=math.inf):
        while True:
            now = time.monotonic()
            while self.events and self.events[0][0] <= now:
                _, _, what, arguments = heapq.heappop(self.events)
                what(*arguments)
                now = time.monotonic()
            if now >= until:
                return
            wait = min(self.events[0][0] if self.events else until, until) - now
            # poll() knows milliseconds: the rest is slept, unless something may come.
            milliseconds = int(wait * 1000) if wait < 3600 else 3600000
            ready = self.poll.poll(milliseconds) if milliseconds > 0 else self.poll.poll(0)
            if not ready and milliseconds == 0 and wait > 0:
                time.sleep(wait)
            for fd, _ in ready:
                if fd in self.readers:
                    self.readers[fd]()


class Line:
    """A paced line with meters on it. A subclass or the caller gives answer()."""

    def __init__(self, loop, wire, path=None, port=None, chunk=0.0):
        self.loop, self.wire, self.chunk = loop, wire, chunk
        self.heard, self.heard_at = b"", 0.0
        self.busy_until = 0.0
        self.talking = None
        self.fd = self.slave = self.server = None
        self.requests = self.short_gaps = self.collisions = self.odd = 0
        self.gap = 0.0  # before the last request
        if path is not None:
            self.plug(path)
        else:
            self.serve(port)

    def plug(self, path):
        self.fd, self.slave = os.openpty()
        tty.setraw(self.slave)
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(os.ttyname(self.slave), path)
        self.loop.watch(self.fd, self.readable)

    def serve(self, port):
        self.server = socket.create_server(("127.0.0.1", port))
        self.loop.watch(self.server.fileno(), self.accept)

    def accept(self):
        connection, _ = self.server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.hang_up()
        self.connection, self.fd = connection, connection.fileno()
        self.heard = b""
        self.loop.watch(self.fd, self.readable)

    def hang_up(self):
        if self.server is not None and self.fd is not None:
            self.loop.forget(self.fd)
            self.connection.close()
            self.fd = None

    def readable(self):
        now = time.monotonic()
        try:
            data = os.read(self.fd, 512)
        except OSError:
            data = b""
        if not data:
            if self.server is None:
                raise EOFError("the pty is gone")
            self.hang_up()
            return
        if self.talking is not None:
            self.talking["spoilt"] = True
            self.collisions += 1
            return
        if now - self.heard_at > 0.05:
            self.heard = b""
        self.heard += data
        self.heard_at = now
        if len(self.heard) >= 8:
            frame, self.heard = self.heard[:8], b""
            if checked(frame[:6]) == frame and len(data) <= 8:
                self.request(now, *struct.unpack(">BBHH", frame[:6]))
            else:
                self.odd += 1

    def request(self, now, unit, function, first, count):
        """A whole request, whose last character ends only when the wire has carried it."""
        self.requests += 1
        self.gap = now - self.busy_until
        self.short_gaps += self.gap < self.wire.gap - 0.0001
        self.answer(now + 8 * self.wire.character, unit, function, first, count)

    def answer(self, heard, unit, function, first, count):
        """heard: when the request has ended."""
        raise NotImplementedError

    def send(self, begin, frame):
        """Send from then on; the time of the end."""
        self.loop.at(begin, self.begin, begin, frame)
        return begin + len(frame) * self.wire.character

    def begin(self, begin, frame):
        if self.talking is not None:
            self.collisions += 1
            self.talking["spoilt"] = True
        end = begin + len(frame) * self.wire.character
        transmission = {"frame": frame, "sent": 0, "begin": begin, "spoilt": self.talking is not None}
        self.talking = transmission
        self.busy_until = max(end, self.busy_until)
        self.go_on(transmission)

    def go_on(self, transmission):
        """Characters whose time on the wire is over are with the receiver."""
        now = time.monotonic()
        frame, sent = transmission["frame"], transmission["sent"]
        over = min(len(frame), int((now - transmission["begin"]) / self.wire.character + 1e-6))
        if over > sent:
            part = frame[sent:over]
            if transmission["spoilt"]:
                part = bytes(byte ^ 0x55 for byte in part)
            if self.fd is not None:
                try:
                    os.write(self.fd, part)
                except OSError:
                    pass
            transmission["sent"] = over
        if over == len(frame):
            if self.talking is transmission:
                self.talking = None
            return
        step = max(1, min(int(self.chunk / self.wire.character), len(frame) - over))
        self.loop.at(transmission["begin"] + (over + step) * self.wire.character, self.go_on, transmission)
