"""meterx-sim over its sockets: frames down to the byte, every fault, control, options.

Standard library only. The frames are built here by hand: nothing of the simulator's own code is
trusted to read what it wrote. BUILD is the folder with meterx-sim (default: the current one).
"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SIM = os.path.join(os.environ.get("BUILD", "."), "meterx-sim")
PATIENCE = 20 * float(os.environ.get("METERX_TEST_SLOW", "1"))


class Sim:
    """One running simulator."""

    def __init__(self, *options):
        self.dir = tempfile.TemporaryDirectory(prefix="meterx-sim.")
        self.control = os.path.join(self.dir.name, "control")
        self.process = subprocess.Popen(
            [SIM, "--listen", "127.0.0.1:0", "--control", self.control, *options],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("meterx-sim: listening on 127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.dir.cleanup()
        return status

    def ask(self, line):
        """One control line; returns the whole answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.control)
            s.sendall(line.encode() + b"\n")
            with s.makefile() as stream:
                return stream.readline().rstrip("\n")

    def tell(self, line):
        answer = self.ask(line)
        assert answer == "ok" or answer.startswith("ok "), f"{line}: {answer}"
        return answer[3:]

    def regs(self, unit, what):
        return [int(word) for word in self.tell(f"reg {unit} {what}").split()]

    def connect(self):
        return Client(self.port)


class Client:
    """A raw Modbus TCP client."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.settimeout(PATIENCE)

    def close(self):
        self.socket.close()

    def send(self, unit, pdu, transaction=1):
        self.socket.sendall(frame(unit, pdu, transaction))

    def take(self, count):
        """That many bytes, or fewer if the other side closes."""
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except ConnectionResetError:
                break
            if not piece:
                break
            data += piece
        return data

    def answer(self):
        """(transaction, unit, PDU)"""
        head = self.take(7)
        transaction, protocol, length, unit = struct.unpack(">HHHB", head)
        assert protocol == 0
        return transaction, unit, self.take(length - 1)

    def pdu(self, unit, pdu):
        self.send(unit, pdu)
        return self.answer()[2]

    def read(self, unit, number, count=1):
        pdu = self.pdu(unit, read_pdu(number, count))
        assert pdu[0] == 3 and pdu[1] == 2 * count, pdu
        return list(struct.unpack(f">{count}H", pdu[2:]))

    def write(self, unit, number, word):
        return self.pdu(unit, write_pdu(number, word))


def frame(unit, pdu, transaction=1):
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def read_pdu(number, count=1, function=3):
    return struct.pack(">BHH", function, number - 1, count)


def write_pdu(number, word):
    return struct.pack(">BHH", 6, number - 1, word)


RIGHT = frame(1, bytes([3, 2]) + struct.pack(">H", 15172))  # register 5 of unit 1


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Frozen(unittest.TestCase):
    """Two devices whose clock stands."""

    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--freeze", "--units", "1,2,5,6", "--start-time", "12:00")

    @classmethod
    def tearDownClass(cls):
        assert cls.sim.stop() == 0

    def setUp(self):
        self.client = self.sim.connect()

    def tearDown(self):
        self.client.close()
        self.sim.tell("fault none")

    def reconnect(self):
        self.client.close()
        self.client = self.sim.connect()

    def ask_id(self, unit=1, transaction=1):
        self.client.send(unit, read_pdu(5), transaction)

    def check_id(self, transaction=1, unit=1):
        self.assertEqual(self.client.answer(), (transaction, unit, RIGHT[7:]))


class TestFrames(Frozen):
    def test_right_answer_to_the_byte(self):
        self.ask_id()
        self.assertEqual(self.client.take(len(RIGHT)), RIGHT)

    def test_both_read_functions(self):
        for function in (3, 4):
            pdu = self.client.pdu(1, read_pdu(1, 6, function))
            self.assertEqual(pdu[:2], bytes([function, 12]))
            self.assertEqual(struct.unpack(">I", pdu[2:6]), (10480001,))

    def test_units_are_panels(self):
        self.assertEqual(self.client.read(5, 1, 2), self.client.read(6, 1, 2))
        self.assertNotEqual(self.client.read(1, 1, 2), self.client.read(5, 1, 2))
        self.assertNotEqual(self.client.read(1, 1336, 42), self.client.read(2, 1336, 42))
        self.assertEqual([self.client.read(u, 60000)[0] for u in (1, 2, 5, 6)], [1, 2, 5, 6])

    def test_exceptions(self):
        for pdu, code in ((read_pdu(1, 126), 3), (read_pdu(1, 0), 3), (read_pdu(294), 2),
                          (read_pdu(544), 2), (read_pdu(1126, 42), 2), (write_pdu(5, 1), 2),
                          (write_pdu(71, 9), 3), (b"\x01\x00\x00\x00\x01", 1), (b"\x03", 3)):
            self.assertEqual(self.client.pdu(1, pdu), bytes([pdu[0] | 0x80, code]))

    def test_unknown_unit_is_silent(self):
        self.ask_id(unit=9, transaction=1)
        self.ask_id(transaction=2)
        self.check_id(transaction=2)

    def test_pipelined_and_split_requests(self):
        self.client.socket.sendall(b"".join(frame(1, read_pdu(5), n) for n in range(40)))
        for n in range(40):
            self.check_id(n)
        for byte in frame(1, read_pdu(5), 99):
            self.client.socket.sendall(bytes([byte]))
        self.check_id(99)

    def test_another_protocol_is_ignored(self):
        self.client.socket.sendall(b"\0\1\0\7\0\6\1" + read_pdu(5))
        self.ask_id(transaction=2)
        self.check_id(2)

    def test_absurd_lengths_end_the_connection(self):
        for length in (0, 1, 255, 65535):
            client = self.sim.connect()
            client.socket.sendall(struct.pack(">HHHB", 1, 0, length, 1) + b"\3\0\0\0\1")
            self.assertEqual(client.take(1), b"")
            client.close()

    def test_noise_does_no_harm(self):
        dice = random.Random(502)
        for _ in range(300):
            client = self.sim.connect()
            pdu = dice.randbytes(dice.randrange(1, 40))
            try:
                client.send(dice.choice((1, 2)), bytes([dice.choice((3, 4, 6, 16, 17, 43))]) + pdu)
                client.socket.sendall(dice.randbytes(dice.randrange(0, 300)))
            except OSError:
                pass
            client.close()
        self.sim.tell("write 1 71 1")
        self.ask_id()
        self.check_id()

    def test_many_connections(self):
        clients = [self.sim.connect() for _ in range(30)]
        for client in clients:
            client.send(2, read_pdu(5))
        for client in clients:
            self.assertEqual(client.answer()[2], RIGHT[7:])
            client.close()

    def test_report_id(self):
        pdu = self.client.pdu(1, b"\x11")
        self.assertEqual(pdu[1], len(pdu) - 2)
        self.assertIn(b"Veris Model E30A Branch Circuit Monitor, S/N=0x009FE981, Location=", pdu)


class TestFaults(Frozen):
    def spoiled(self, fault, count):
        """The first bytes of one answer under a fault."""
        self.sim.tell(f"fault {fault} count 1")
        self.ask_id()
        data = self.client.take(count)
        self.sim.tell("fault none")
        return data

    def test_silent_does_and_deaf_does_not(self):
        for kind, kept in (("silent", 7), ("deaf", 20)):
            self.sim.tell("write 1 119 20")
            self.sim.tell(f"fault {kind} count 1")
            self.client.send(1, write_pdu(119, 7))
            self.ask_id(transaction=2)
            self.check_id(2)
            self.assertEqual(self.sim.regs(1, 119), [kept])
        self.sim.tell("write 1 119 20")

    def test_unit_silent(self):
        self.sim.tell("fault unit-silent 1")
        self.ask_id(unit=1)
        self.ask_id(unit=2, transaction=2)
        self.check_id(2, unit=2)

    def test_late_holds_up_nobody_else(self):
        self.sim.tell("fault late 300 unit 1")
        begun = time.monotonic()
        self.ask_id()
        other = self.sim.connect()
        self.assertEqual(other.read(2, 5), [15172])
        other.close()
        self.check_id()
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)

    def test_exception_for_registers(self):
        self.sim.tell("fault exception 6 regs 100-120")
        self.assertEqual(self.client.pdu(1, read_pdu(120)), b"\x83\x06")
        self.assertEqual(self.client.pdu(1, read_pdu(95, 6)), b"\x83\x06")
        self.assertEqual(self.client.pdu(1, write_pdu(119, 7)), b"\x86\x06")
        self.assertEqual(self.client.read(1, 121), [20])
        self.assertEqual(self.sim.regs(1, 119), [20])

    def test_exception_for_a_unit_that_is_not_there(self):
        self.sim.tell("fault exception 11 unit 77")
        self.assertEqual(self.client.pdu(77, read_pdu(5)), b"\x83\x0b")

    def test_close(self):
        self.assertEqual(self.spoiled("close", 99), b"")
        self.reconnect()
        self.assertEqual(self.spoiled("close mid", 99), RIGHT[:len(RIGHT) // 2])

    def test_truncate(self):
        self.sim.tell("fault truncate 8 count 1")
        self.ask_id()
        self.ask_id()
        self.assertEqual(self.client.take(8 + len(RIGHT)), RIGHT[:8] + RIGHT)

    def test_wrong_fields(self):
        wrong = {"wrong-transaction": 1, "wrong-protocol": 2, "wrong-length": 5, "wrong-unit": 6,
                 "wrong-function": 7}
        for kind, at in wrong.items():
            data = self.spoiled(kind, len(RIGHT))
            self.assertEqual([i for i in range(len(RIGHT)) if data[i] != RIGHT[i]], [at], kind)

    def test_wrong_count(self):
        self.sim.tell("fault wrong-count count 2")
        pdu = self.client.pdu(1, read_pdu(5, 3))
        self.assertEqual((pdu[1], len(pdu)), (4, 6))
        self.assertNotEqual(self.client.write(1, 119, 20), write_pdu(119, 20))

    def test_garbage_and_duplicate(self):
        self.assertNotEqual(self.spoiled("garbage 30", 30)[:7], RIGHT[:7])
        self.assertEqual(self.spoiled("duplicate", 2 * len(RIGHT)), 2 * RIGHT)

    def test_dribble(self):
        begun = time.monotonic()
        self.assertEqual(self.spoiled("dribble 10", len(RIGHT)), RIGHT)
        self.assertGreaterEqual(time.monotonic() - begun, 0.1)

    def test_ignore_write(self):
        self.sim.tell("fault ignore-write function 6")
        self.assertEqual(self.client.write(1, 119, 7), write_pdu(119, 7))
        self.assertEqual(self.client.write(1, 71, 9), b"\x86\x03")
        self.assertEqual(self.client.read(1, 119), [20])

    def test_refuse_to_listen(self):
        self.sim.tell("fault refuse")
        self.assertEqual(self.client.take(1), b"")

        def refused():
            try:
                self.sim.connect().close()
            except OSError:
                return True
            return False

        until(refused)
        self.sim.tell("fault none")
        until(lambda: not refused())
        self.reconnect()
        self.ask_id()
        self.check_id()

    def test_refuse_after_accepting(self):
        self.sim.tell("fault refuse accept")
        for _ in range(3):
            client = self.sim.connect()
            self.assertEqual(client.take(1), b"")
            client.close()
        self.sim.tell("fault none")
        self.reconnect()
        self.ask_id()
        self.check_id()

    def test_limits(self):
        self.sim.tell("fault exception 4 every 3")
        codes = [self.client.pdu(1, read_pdu(5))[0] for _ in range(7)]
        self.assertEqual(codes, [3, 3, 0x83, 3, 3, 0x83, 3])
        self.sim.tell("fault none")
        self.sim.tell("fault exception 4 count 2 unit 2")
        codes = [self.client.pdu(u, read_pdu(5))[0] for u in (1, 2, 1, 2, 2, 1)]
        self.assertEqual(codes, [3, 0x83, 3, 0x83, 3, 3])
        self.assertEqual(self.sim.tell("fault"), "")
        self.sim.tell("fault exception 4 function 6")
        self.assertEqual(self.client.read(1, 5), [15172])
        self.assertEqual(self.client.write(1, 71, 1), b"\x86\x04")
        self.sim.tell("fault none")
        self.sim.tell("fault exception 4 for 0.05")
        until(lambda: self.client.pdu(1, read_pdu(5))[0] == 3)

    def test_first_match_wins(self):
        self.sim.tell("fault exception 1 regs 5-5")
        self.sim.tell("fault exception 2")
        self.assertEqual(self.sim.tell("fault"), "exception 1 regs 5-5; exception 2")
        self.assertEqual(self.client.pdu(1, read_pdu(5)), b"\x83\x01")
        self.assertEqual(self.client.pdu(1, read_pdu(6)), b"\x83\x02")

    def test_bad_orders(self):
        for order in ("nonsense", "late", "late x", "late 0", "exception 0", "exception 256",
                      "silent count", "silent count 0", "silent for -1", "silent regs 9-3",
                      "silent often 3", "unit-silent", "truncate 1000", "close never"):
            self.assertRegex(self.sim.ask(f"fault {order}"), "^error ", order)
        self.assertEqual(self.sim.tell("fault"), "")
        for _ in range(16):
            self.sim.tell("fault silent unit 200")
        self.assertRegex(self.sim.ask("fault silent"), "^error ")


class TestControl(Frozen):
    def test_values_reach_the_wire(self):
        self.sim.tell("current 1 7 12.34")
        self.sim.tell("pf 1 7 0.5")
        for phase in "abc":
            self.sim.tell(f"voltage {phase} 230")
        self.sim.tell("frequency 49.5")
        self.assertEqual(self.client.read(1, 1342), [1234])
        self.assertEqual(self.client.read(1, 1258), [1419])
        self.assertEqual(self.client.read(1, 245), [4950])
        self.assertEqual(self.client.read(5, 248, 3), [2300] * 3)
        self.sim.tell("voltage 1 b 100")
        self.assertEqual(self.client.read(1, 248, 3), [2300, 1000, 2300])
        self.assertEqual(self.client.read(5, 248, 3), [2300] * 3)
        self.sim.tell("energy 1 7 1234.56")
        self.assertEqual(self.client.read(1, 1168 + 12, 2), [1, 123456 - 65536])
        self.sim.tell("energy 1 mains 1")
        self.assertEqual(self.client.read(1, 254, 2), [0, 100])
        self.sim.tell("current 1 aux4 3")
        self.assertEqual(self.client.read(1, 268), [300])
        self.sim.tell("scale 1 current 7 -3")
        self.assertEqual(self.client.read(1, 1342), [12340])
        self.sim.tell("scale 1 current all -2")
        self.sim.tell("current 1 7 auto")
        self.assertNotEqual(self.client.read(1, 1342), [1234])
        self.sim.tell("current 1 all 1")
        self.assertEqual(self.client.read(1, 1336, 42), [100] * 42)
        for command in ("current 1 all auto", "current 1 aux4 auto", "pf 1 7 auto", "voltage a auto",
                        "voltage b auto", "voltage c auto", "frequency auto"):
            self.sim.tell(command)

    def test_an_alarm_from_rise_to_clear(self):
        self.sim.tell("current 2 1 15")
        self.assertEqual(self.client.read(2, 178), [0x100])
        self.sim.tell("step 9.5")
        self.assertEqual(self.client.read(2, 178), [0x100])
        self.sim.tell("step 0.5")
        self.assertEqual(self.client.read(2, 178), [0x103])
        self.assertEqual(self.client.read(2, 224, 6), [3, 1, 1, 1, 1, 1])
        self.assertEqual(self.client.read(1, 224), [0])
        self.assertEqual(self.client.read(2, 296, 6), [1, 1, 0, 0, 0, 1])
        self.client.write(2, 178, 2)
        self.assertEqual(self.client.read(2, 178), [0x102])
        self.sim.tell("current 2 1 auto")
        self.client.write(2, 295, 31010)
        self.assertEqual(self.client.read(2, 178), [0])

    def test_truth_is_what_registers_say(self):
        truth = json.loads(self.sim.tell("truth 2"))
        self.assertEqual((truth["unit"], len(truth["channels"])), (2, 46))
        amps = self.client.read(2, 1336, 42)
        kwh = struct.unpack(">42I", struct.pack(">84H", *self.client.read(2, 1168, 84)))
        reals = struct.unpack(">42f", struct.pack(">84H", *self.client.read(2, 2252, 84)))
        for i in range(42):
            channel = truth["channels"][i]
            self.assertEqual(amps[i], round(channel["amps"] / 0.01))
            self.assertEqual(kwh[i], round(channel["kwh"] / 0.01))
            self.assertEqual(reals[i], struct.unpack(">f", struct.pack(">f", channel["amps"]))[0])
            self.assertGreaterEqual(channel["max_amps"], channel["amps"])
        self.assertEqual(len(truth["dual"]), 21)
        self.assertEqual([leg["channel"] for leg in truth["three"][0]["legs"]], [1, 3, 5])
        total = sum(leg["kw"] for leg in truth["mains"][0]["legs"])
        self.assertAlmostEqual(total, truth["mains"][0]["kw"])

    def test_another_meter_appears(self):
        self.sim.tell("serial 5 0xfedcba98")
        self.assertEqual(self.client.read(6, 1, 2), [0xfedc, 0xba98])
        self.sim.tell("serial 5 10480002")

    def test_pokes(self):
        self.sim.tell("poke 1 1336-1338 0x8000")
        self.sim.tell("poke 1 30000 -2")
        self.assertEqual(self.client.read(1, 1336, 3), [0x8000] * 3)
        self.assertEqual(self.client.read(1, 30000), [0xfffe])
        self.sim.tell("unpoke 1 1336-1338")
        self.assertNotEqual(self.client.read(1, 1336), [0x8000])
        self.sim.tell("unpoke 1")
        self.assertEqual(self.client.pdu(1, read_pdu(30000)), b"\x83\x02")

    def test_requests_are_counted(self):
        self.sim.tell("requests reset")
        self.client.read(1, 1336, 42)
        self.client.pdu(1, read_pdu(544))
        self.client.write(2, 71, 1)
        self.ask_id(unit=99)
        self.client.read(6, 5)
        counts = json.loads(self.sim.tell("requests"))
        self.assertEqual(counts["1"], {"requests": 2, "words": 42, "written": 0, "exceptions": 1})
        self.assertEqual(counts["2"]["written"], 1)
        self.assertEqual(counts["unknown_unit"], 1)

    def test_power_cycle(self):
        before = self.client.read(5, 531)[0]
        self.sim.tell("power-cycle 6")
        self.assertEqual(self.client.read(5, 531), [before + 1])

    def test_time_jumps(self):
        before = float(self.sim.tell("time"))
        amps = self.client.read(1, 1336, 42)
        self.sim.tell("step 100")
        self.assertEqual(self.client.read(1, 1336, 42), amps)
        self.assertAlmostEqual(float(self.sim.tell("time +3600")), before + 3700)
        self.assertNotEqual(self.client.read(1, 1336, 42), amps)

    def test_bad_commands(self):
        for line in ("", "nonsense", "current", "current 1 7", "current 3 7 1", "current 1 47 1",
                     "current 1 0 1", "current 1 dual1 1", "current 1 7 -1", "current 1 7 nan",
                     "current 1 7 1 1", "pf 1 7 1.1", "voltage d 230", "voltage 3 a 230",
                     "energy 1 three15 1", "scale 1 torque 1 -2", "scale 1 current 1 99", "freeze",
                     "freeze maybe", "step", "step -1", "step x", "reg 1", "reg 1 x", "reg 1 9-3",
                     "reg 1 544", "reg 1 294", "reg 300 5", "write 1 5 1", "write 1 71 9",
                     "write 1 71 99999", "poke 1 0 1", "serial 1 -1", "truth", "truth 4",
                     "requests all", "power-cycle 9", "speed -1", "x" * 3000, "reg " + "1 " * 100):
            self.assertRegex(self.sim.ask(line), "^error ", line)

    def test_endless_line_is_cut_off(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.sim.control)
            try:
                s.sendall(b"y" * 100000)
                self.assertEqual(s.recv(1), b"")
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.assertEqual(self.sim.ask("reg 1 5"), "ok 15172")

    def test_several_lines_at_once(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.sim.control)
            s.sendall(b"reg 1 5\nnonsense\nreg 2 5\ntruth 1\n")
            with s.makefile() as stream:
                self.assertEqual(stream.readline(), "ok 15172\n")
                self.assertRegex(stream.readline(), "^error ")
                self.assertEqual(stream.readline(), "ok 15172\n")
                self.assertEqual(json.loads(stream.readline()[3:])["unit"], 1)

    def test_the_client_for_shells(self):
        def run(*words):
            done = subprocess.run([SIM, "--tell", *words], capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
            return done.returncode, done.stdout, done.stderr

        self.assertEqual(run(self.sim.control, "reg", "1", "5-6"), (0, "15172 0\n", ""))
        self.assertEqual(run(self.sim.control, "freeze", "on"), (0, "", ""))
        status, out, err = run(self.sim.control, "reg", "1", "544")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("exception 2", err)
        self.assertEqual(run("/nowhere/control", "time")[0], 1)
        self.assertEqual(run(self.sim.control)[0], 2)


class TestRunning(unittest.TestCase):
    """With the clock running, and with options."""

    def start(self, *options):
        sim = Sim(*options)
        self.addCleanup(sim.stop)
        return sim

    def test_time_passes_by_itself(self):
        sim = self.start("--speed", "1000")
        client = sim.connect()
        before = client.read(1, 1168, 84) + client.read(1, 1336, 42)
        until(lambda: float(sim.tell("time")) > 60)
        until(lambda: client.read(1, 1168, 84) + client.read(1, 1336, 42) != before)
        client.write(1, 72, 10)
        demand = client.read(1, 1462, 42)
        until(lambda: client.read(1, 1462, 42) != demand)
        client.close()

    def test_one_seed_one_meter(self):
        options = ("--freeze", "--start-time", "08:30", "--seed", "77")
        first, second = self.start(*options), self.start(*options)
        self.assertEqual(first.tell("truth 1"), second.tell("truth 1"))
        other = self.start("--freeze", "--start-time", "08:30", "--seed", "78")
        self.assertNotEqual(first.tell("truth 1"), other.tell("truth 1"))

    def test_models(self):
        for model, number, power, volts in (("A", 15172, False, False), ("B", 15171, True, False),
                                            ("C", 15170, True, True)):
            sim = self.start("--freeze", "--model", model, "--core", "split", "--old-firmware")
            client = sim.connect()
            self.assertEqual(client.read(1, 5), [number])
            self.assertEqual(client.read(1, 1252) == [0x8000], power)
            self.assertEqual(client.read(1, 2084, 2) == [0x7fc0, 0], power)
            self.assertEqual(client.read(1, 248) == [0x8000], volts)
            self.assertNotEqual(client.read(1, 1336), [0x8000])
            self.assertEqual(client.pdu(1, read_pdu(1630)), b"\x83\x02")
            self.assertEqual(client.write(1, 73, 200), write_pdu(73, 200))
            client.close()

    def test_script(self):
        with tempfile.NamedTemporaryFile("w", suffix=".script") as script:
            script.write("# a comment\n\ncurrent 1 1 3\nat 100 current 1 1 4 # later\n"
                         "after 0 current 1 2 5\nat 0 nonsense\n")
            script.flush()
            sim = self.start("--freeze", "--script", script.name)
            until(lambda: sim.regs(1, "1336-1337") == [300, 500])
            sim.tell("step 99.5")
            self.assertEqual(sim.regs(1, 1336), [300])
            sim.tell("step 0.5")
            until(lambda: sim.regs(1, 1336) == [400])

    def test_power_cycle_of_the_only_meter_drops_connections(self):
        sim = self.start()
        client = sim.connect()
        client.read(1, 5)
        sim.tell("power-cycle 1")
        self.assertEqual(client.take(1), b"")
        client.close()

    def test_latency(self):
        sim = self.start("--latency", "100")
        client = sim.connect()
        begun = time.monotonic()
        client.read(1, 5)
        self.assertGreaterEqual(time.monotonic() - begun, 0.1)
        client.close()

    def test_ends_on_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            sim = Sim()
            client = sim.connect()
            client.read(1, 5)
            sim.process.send_signal(number)
            self.assertEqual(sim.process.wait(PATIENCE), 0)
            self.assertFalse(os.path.exists(sim.control))
            client.close()
            sim.stop()

    def test_wrong_use(self):
        for options in (["--units", "1,1"], ["--units", "0,1"], ["--units", "1,248"],
                        ["--units", "1;2"], ["--model", "D"], ["--core", "liquid"], ["--speed", "-1"],
                        ["--speed", "fast"], ["--seed", "0.5"], ["--start-time", "25:00"],
                        ["--start-time", "noon"], ["--serial-number", "4294967296"], ["--volts", "9"],
                        ["--hertz", "0"], ["--text-order", "both"], ["--latency", "x"], ["--nonsense"],
                        ["word"], ["--tell", "/tmp/x"]):
            done = subprocess.run([SIM, *options], capture_output=True, text=True, timeout=PATIENCE,
                                  check=False)
            self.assertEqual(done.returncode, 2, options)
            self.assertNotEqual(done.stderr, "")
        for options in (["--listen", "nowhere"], ["--listen", "127.0.0.1:x"], ["--script", "/nowhere"],
                        ["--listen", "127.0.0.1:0", "--control", "/nowhere/control"]):
            done = subprocess.run([SIM, *options], capture_output=True, text=True, timeout=PATIENCE,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), options)

    def test_help_names_everything(self):
        text = subprocess.run([SIM, "--help"], capture_output=True, text=True, check=True).stdout
        for word in ("--listen", "--units", "--tell", "power-cycle", "truth UNIT", "dribble", "every N"):
            self.assertIn(word, text)
        table = subprocess.run([SIM, "--registers"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(table, r"(?m)^ *1336 +1377 +42 +R- +ABC +integer +branch current, A$")


if __name__ == "__main__":
    unittest.main(verbosity=1 if len(sys.argv) == 1 else 2)
