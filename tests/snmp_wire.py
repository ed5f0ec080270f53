"""SNMPv2c over UDP for tests that want to know milliseconds: GET and SET, nothing else."""

import socket
import subprocess
import time

ERRORS = ["noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess",
          "wrongType", "wrongLength", "wrongEncoding", "wrongValue", "noCreation",
          "inconsistentValue", "resourceUnavailable", "commitFailed", "undoFailed",
          "authorizationError", "notWritable", "inconsistentName"]
GET, SET = 0xA0, 0xA3


def tlv(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def integer(number, tag=2):
    return tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def object_id(text):
    arcs = [int(arc) for arc in text.strip(".").split(".")]
    body = bytes([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        septets = [arc & 127]
        while arc > 127:
            arc >>= 7
            septets.insert(0, arc & 127 | 128)
        body += bytes(septets)
    return tlv(6, body)


def value(kind, text):
    """As with snmpset: i INTEGER, u Gauge32, s string."""
    if kind == "s":
        return tlv(4, text if isinstance(text, bytes) else text.encode())
    return integer(int(text), 0x42 if kind == "u" else 2)


def parse(data):
    """The elements of a BER sequence of elements: (tag, body)."""
    found = []
    while data:
        tag, length, at = data[0], data[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(data[2:at], "big")
        found.append((tag, data[at:at + length]))
        data = data[at + length:]
    return found


class Manager:
    def __init__(self, agent, community, timeout=6.0):
        host, port = agent.rsplit(":", 1)
        self.community = community.encode()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, int(port)))
        self.socket.settimeout(timeout)
        self.request = 0

    def ask(self, command, varbinds):
        """Error, its index, the answer's varbinds, milliseconds; one try."""
        self.request += 1
        pdu = tlv(command, integer(self.request) + integer(0) + integer(0) +
                  tlv(0x30, b"".join(tlv(0x30, name + what) for name, what in varbinds)))
        begun = time.monotonic()
        self.socket.send(tlv(0x30, integer(1) + tlv(4, self.community) + pdu))
        while True:
            try:
                answer = self.socket.recv(65536)
            except socket.timeout:
                return "timeout", 0, [], (time.monotonic() - begun) * 1000
            fields = parse(parse(parse(answer)[0][1])[2][1])
            if int.from_bytes(fields[0][1], "big", signed=True) == self.request:
                break
        took = (time.monotonic() - begun) * 1000
        error, index = (int.from_bytes(field[1], "big") for field in fields[1:3])
        return ERRORS[error], index, parse(fields[3][1]), took

    def get(self, name):
        """Its value: int, str, or None when there is none."""
        error, _, varbinds, _ = self.ask(GET, [(object_id(name), tlv(5, b""))])
        if error != "noError":
            return None
        tag, body = parse(varbinds[0][1])[1]
        if tag in (0x80, 0x81, 0x82):
            return None
        return body.decode() if tag == 4 else int.from_bytes(body, "big", signed=True)

    def set(self, varbinds):
        """varbinds: (numeric OID, kind, value)."""
        error, index, _, took = self.ask(
            SET, [(object_id(name), value(kind, what)) for name, kind, what in varbinds])
        return error, index, took


def translate(names):
    """Numeric OIDs of objects; the MIB is found by the environment."""
    said = subprocess.run(["snmptranslate", "-On", "-IR"] + names, check=True,
                          capture_output=True, text=True).stdout.split()
    return dict(zip(names, said))
