#!/usr/bin/env python3
"""A gateway between an agent and a Modbus TCP meter, which fails on purpose.

    fault_peer.py MODE-FILE METER-PORT [PORT]

Prints its port. The first word in MODE-FILE says how it behaves, from now on and also on the
connections that are there; it is read again 50 times a second:

    pass         as a gateway should
    reset        each answer ends in its middle with a reset of the connection
    reset-late   each connection is reset after its third answer
    mute         connections are accepted, requests are read, nothing is ever said
    full         nobody is accepted: the queue of the listener is full, a connect gets no answer
    half MS      half of each answer, the rest MS milliseconds later
"""
import select, signal, socket, struct, sys, time

NOW = struct.pack("ii", 1, 0)  # linger for no time: close() is a reset


def listener(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(16)
    return s


class Pair:
    """A connection of the agent and ours to the meter."""

    def __init__(self, agent, meter_port):
        self.agent, self.meter = agent, socket.create_connection(("127.0.0.1", meter_port))
        self.answers = 0
        self.later = []  # (when, bytes)

    def reset(self):
        for s in (self.agent, self.meter):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
            s.close()

    def from_agent(self, mode):
        data = self.agent.recv(4096)
        if data and mode[0] != "mute":
            self.meter.sendall(data)
        return bool(data)

    def from_meter(self, mode):
        data = self.meter.recv(4096)
        if not data:
            return False
        self.answers += 1
        if mode[0] == "reset":
            self.agent.sendall(data[:len(data) // 2])
            time.sleep(0.002)  # so that the half is read before the reset takes it away
            return False
        if mode[0] == "half":
            self.agent.sendall(data[:len(data) // 2])
            self.later.append((time.monotonic() + float(mode[1]) / 1000, data[len(data) // 2:]))
        elif mode[0] != "mute":
            self.agent.sendall(data)
        return mode[0] != "reset-late" or self.answers < 3

    def send_due(self):
        while self.later and self.later[0][0] <= time.monotonic():
            self.agent.sendall(self.later.pop(0)[1])


class Gateway:
    def __init__(self, mode_file, meter_port, port):
        self.mode_file, self.meter_port = mode_file, meter_port
        self.listener = listener(port)
        self.port = self.listener.getsockname()[1]
        self.mode, self.pairs, self.fillers = ["pass"], [], []

    def read_mode(self):
        try:
            with open(self.mode_file) as f:
                mode = f.read().split() or self.mode
        except FileNotFoundError:
            return
        if mode != self.mode and "full" in (mode[0], self.mode[0]):
            self.refill(mode[0] == "full")
        self.mode = mode

    def refill(self, full):
        """A listener whose queue is full drops each SYN; nothing but a new listener empties it."""
        if full:
            self.fill()  # before anybody is sent away, who would be back at once
        else:
            self.reset([self.listener] + self.fillers)
            self.listener, self.fillers = listener(self.port), []
        self.reset(pair.agent for pair in self.pairs)
        self.pairs = []

    def fill(self):
        self.listener.listen(0)
        connected = True
        while connected:
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(s)
            connected = select.select([], [s], [], 0.2)[1]

    @staticmethod
    def reset(sockets):
        for s in sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
            s.close()

    def accept(self):
        agent, _ = self.listener.accept()
        agent.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.pairs.append(Pair(agent, self.meter_port))
        except OSError:
            agent.close()

    def turn(self):
        by_socket = {s: pair for pair in self.pairs for s in (pair.agent, pair.meter)}
        wanted = list(by_socket) + ([self.listener] if self.mode[0] != "full" else [])
        ready = select.select(wanted, [], [], 0.02)[0]
        self.read_mode()
        for s in ready:
            pair = by_socket.get(s)
            try:
                if s is self.listener:
                    if self.mode[0] != "full":
                        self.accept()
                elif pair in self.pairs and s.fileno() >= 0 and not (
                        pair.from_agent if s is pair.agent else pair.from_meter)(self.mode):
                    raise OSError
            except OSError:
                if pair in self.pairs:
                    pair.reset()
                    self.pairs.remove(pair)
        for pair in self.pairs:
            pair.send_due()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    gateway = Gateway(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print(f"fault_peer: listening on port {gateway.port}", flush=True)
    while True:
        gateway.turn()


if __name__ == "__main__":
    main()
