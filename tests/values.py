#!/usr/bin/env python3
"""Compare what SNMP serves of panels with the simulated meter behind them.

Every number is compared twice: with the registers, read out of the simulator and
decoded here from the manufacturer's point map, exactly; and with the simulator's
true value, as closely as the encoding allows. What the meter marks as "no value"
must be absent. Prints how many values were compared.

usage: values.py AGENT CONTROL PANEL:UNIT:ENCODING...
"""

import json
import math
import socket
import struct
import subprocess
import sys

# (object, kind, integer registers, float registers, true value); item i is at
# base + i, floats and energies at base + 2 i.
BRANCH = [
    ("Current", "amps", 1336, 2252, "amps"),
    ("MaxCurrent", "amps", 1588, 2756, "max_amps"),
    ("CurrentDemand", "amps", 1462, 2504, "demand_amps"),
    ("MaxCurrentDemand", "amps", 1504, 2588, "max_demand_amps"),
    ("ActivePower", "power", 1252, 2084, "kw"),
    ("PowerFactor", "pf", 1294, 2168, "pf"),
    ("ActivePowerDemand", "power", 1378, 2336, "demand_kw"),
    ("MaxActivePowerDemand", "power", 1420, 2420, "max_demand_kw"),
    ("MaxActivePower", "power", 1546, 2672, "max_kw"),
    ("Energy", "energy", 1168, 2000, "kwh"),
    ("ApparentPower", "power", 1630, 2840, "kva"),
]


def poles(first, count, leg):
    """Rows for quantities each pole has: (object, kind, integer, float, true value)."""
    rows = []
    for name, kind, integer, real, truth in leg:
        for pole in range(count):
            rows.append((f"{name}{pole + 1}", kind, first[0] + integer + pole * first[2],
                         first[1] + real + 2 * pole * first[2], (pole, truth)))
    return rows


TWO = [
    ("Current", "amps", 4168, 5126, "amps"),
    ("ActivePower", "power", 4126, 5042, "kw"),
    ("PowerFactor", "pf", 4147, 5084, "pf"),
    ("ActivePowerDemand", "power", 4315, 5420, "demand_kw"),
    ("MaxActivePowerDemand", "power", 4336, 5462, "max_demand_kw"),
    ("MaxActivePower", "power", 4483, 5756, "max_kw"),
    ("Energy", "energy", 4084, 5000, "kwh"),
    ("ApparentPower", "power", 4504, 5798, "kva"),
] + poles((4000, 5000, 21), 2, [
    ("ActivePower", "power", 189, 168, "kw"),
    ("PowerFactor", "pf", 231, 252, "pf"),
    ("Current", "amps", 273, 336, "amps"),
    ("CurrentDemand", "amps", 357, 504, "demand_amps"),
    ("MaxCurrentDemand", "amps", 399, 588, "max_demand_amps"),
    ("MaxCurrent", "amps", 441, 672, "max_amps"),
    ("ApparentPower", "power", 525, 840, "kva"),
])
THREE = [
    ("Current", "amps", 7112, 8084, "amps"),
    ("ActivePower", "power", 7084, 8028, "kw"),
    ("PowerFactor", "pf", 7098, 8056, "pf"),
    ("ActivePowerDemand", "power", 7252, 8364, "demand_kw"),
    ("MaxActivePowerDemand", "power", 7266, 8392, "max_demand_kw"),
    ("MaxActivePower", "power", 7406, 8672, "max_kw"),
    ("Energy", "energy", 7056, 8000, "kwh"),
    ("ApparentPower", "power", 7420, 8700, "kva"),
] + poles((7000, 8000, 14), 3, [
    ("ActivePower", "power", 126, 112, "kw"),
    ("PowerFactor", "pf", 168, 196, "pf"),
    ("Current", "amps", 210, 280, "amps"),
    ("CurrentDemand", "amps", 280, 420, "demand_amps"),
    ("MaxCurrentDemand", "amps", 322, 504, "max_demand_amps"),
    ("MaxCurrent", "amps", 364, 588, "max_amps"),
    ("ApparentPower", "power", 434, 728, "kva"),
])
# Single registers: (object, phase, kind, integer, float, scale register or exponent, true value).
# Aux channels 43 to 46 are phases a, b, c and neutral.
MAINS = [
    ("Energy", 1, "energy", 254, 618, 291, "kwh"),
    ("ActivePower", 1, "power", 256, 620, 292, "kw"),
    ("PowerFactor", 1, "pf", 257, 622, None, "pf"),
    ("Current", 1, "amps", 258, 624, 293, "amps"),
    ("ActivePowerDemand", 1, "power", 277, 662, 292, "demand_kw"),
    ("MaxActivePowerDemand", 1, "power", 278, 664, 292, "max_demand_kw"),
    ("MaxActivePower", 1, "power", 283, 674, 292, "max_kw"),
    ("ApparentPower", 1, "power", 540, 676, 292, "kva"),
]
for aux in range(4):
    MAINS += [
        ("Current", aux + 2, "amps", 265 + aux, 638 + 2 * aux, 284 + aux, (aux, "amps")),
        ("CurrentDemand", aux + 2, "amps", 269 + aux, 646 + 2 * aux, 284 + aux, (aux, "demand_amps")),
        ("MaxCurrentDemand", aux + 2, "amps", 273 + aux, 654 + 2 * aux, 284 + aux,
         (aux, "max_demand_amps")),
        ("MaxCurrent", aux + 2, "amps", 279 + aux, 666 + 2 * aux, 284 + aux, (aux, "max_amps")),
    ]
for leg in range(3):
    MAINS += [
        ("ActivePower", leg + 2, "power", 259 + leg, 626 + 2 * leg, 288 + leg, (leg, "kw")),
        ("PowerFactor", leg + 2, "pf", 262 + leg, 632 + 2 * leg, None, (leg, "pf")),
        ("ApparentPower", leg + 2, "power", 541 + leg, 678 + 2 * leg, 288 + leg, (leg, "kva")),
    ]
VOLTAGES = [  # measure, integer, float, true value
    (1, 248, 606, "an"), (2, 249, 608, "bn"), (3, 250, 610, "cn"), (4, 246, 602, "ln"),
    (5, 251, 612, "ab"), (6, 252, 614, "bc"), (7, 253, 616, "ca"), (8, 247, 604, "ll"),
]
LIMITS = [("LimitHighHigh", 171), ("LimitHigh", 172), ("LimitLow", 173), ("LimitLowLow", 174)]


class Meter:
    """Registers and true values of one unit of the simulator."""

    def __init__(self, control, unit):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(control)
        self.control = connection.makefile("rw")
        self.unit = unit
        self.truth = json.loads(self.ask(f"truth {unit}"))
        self.words = {}

    def ask(self, command):
        """The simulator's answer to a command; None if it refuses."""
        print(command, file=self.control, flush=True)
        verdict, _, answer = self.control.readline().partition(" ")
        return answer if verdict == "ok" else None

    def word(self, number):
        """A register; None where the meter answers with an exception."""
        if number not in self.words:
            first = number - number % 40
            for start, last in ((first, first + 39), (number, number)):
                answer = self.ask(f"reg {self.unit} {max(start, 1)}-{last}")
                if answer is not None:
                    self.words.update(enumerate(map(int, answer.split()), max(start, 1)))
                    break
            self.words.setdefault(number, None)
        return self.words[number]

    def signed(self, number):
        word = self.word(number)
        return None if word is None else word - (word >> 15 << 16)

    def integer(self, number, kind, scale):
        """Value in thousandths and what one count is worth; None: the meter has none."""
        exponent = self.signed(scale) if scale and scale > 0 else -3
        if self.word(number) is None or exponent in (None, -32768):
            return None, 0
        if kind == "energy":
            raw = self.word(number) << 16 | self.word(number + 1)
            absent = raw in (0x80008000, 0x80000000)
        else:
            raw = self.signed(number)
            absent = raw == -32768
        unit = 1000 * 10.0 ** exponent
        return (None if absent else raw * unit), unit

    def real(self, number):
        if self.word(number) is None:
            return None, 0
        value = struct.unpack(">f", struct.pack(">HH", self.word(number), self.word(number + 1)))[0]
        return (None if math.isnan(value) else value * 1000), 0


class Comparison:
    def __init__(self, agent):
        self.served = {}
        self.compared = self.absent = 0
        self.wrong = []
        walk = subprocess.run(
            ["snmpbulkwalk", "-v2c", "-cpublic", "-t3", "-Cr50", "-OqUseb", agent, "METERX-MIB::mxObjects"],
            check=True, capture_output=True, text=True).stdout
        for line in walk.splitlines():
            name, _, value = line.partition(" ")
            self.served[name] = value.strip()

    def number(self, name):
        # A display hint prints thousandths as 0.950: without the point it is the number again.
        value = self.served.get(name)
        return None if value is None else int(value.replace(".", ""))

    def check(self, name, want, tolerance, what):
        have = self.number(name)
        self.compared += 1
        self.absent += want is None
        if (have is None) != (want is None) or (
                have is not None and abs(have - want) > tolerance + 1e-9 * abs(want)):
            self.wrong.append(f"{name}: {have} is served, {what} is {want}")

    def measured(self, meter, name, encoding, kind, integer, real, scale, truth):
        want, unit = meter.real(real) if encoding == "float" else meter.integer(integer, kind, scale)
        # Half of the last digit: the number is rounded to whole milli-units.
        self.check(name, want, 0.5 if want is None or want % 1 else 0, "the register")
        if want is not None:
            self.check(name, truth * 1000, 0.5 + unit / 2 + 1e-6 * abs(truth * 1000), "the truth")

    def block(self, meter, prefix, panel, encoding, rows, first, groups, scales):
        for i, group in enumerate(groups):
            for name, kind, integer, real, truth in rows:
                step = 2 if kind == "energy" else 1
                value = group["legs"][truth[0]][truth[1]] if isinstance(truth, tuple) else group[truth]
                self.measured(meter, f"{prefix}{name}.{panel}.{first + i}", encoding, kind,
                              integer + step * i, real + 2 * i,
                              scales[kind] + i if kind in scales else None, value)

    def branches(self, meter, panel):
        """Settings, limits, load, phase, alarm bits."""
        for i, channel in enumerate(meter.truth["channels"][:42]):
            at = f"{panel}.{i + 1}"
            rating = meter.word(119 + i)
            self.check(f"mxBranchCtSize.{at}", meter.word(73 + i) * 1000, 0, "the register")
            self.check(f"mxBranchRating.{at}", rating * 1000, 0, "the register")
            self.check(f"mxBranchPhase.{at}", " ABC".index(channel["phase"]), 0, "the truth")
            for name, register in LIMITS:
                limit = meter.word(register)
                self.check(f"mxBranch{name}.{at}", rating * limit if rating and limit else None, 0.5,
                           "the limit")
            current = self.number(f"mxBranchCurrent.{at}")
            if current is not None:
                self.check(f"mxBranchLoad.{at}", current / rating if rating else None, 0.5, "the load")
            bits = meter.word(178 + i)
            for name, want in (("Latched", bits & 31), ("Active", bits >> 8 & 3)):
                self.compared += 1
                have = self.served.get(f"mxBranch{name}.{at}", "").strip('"').split()
                shift = 0 if name == "Latched" else 5
                served = sum(1 << bit - shift for bit in range(shift, 7)
                             if have and int(have[0], 16) >> 7 - bit & 1)
                if not have or served != want:
                    self.wrong.append(f"mxBranch{name}.{at}: {have} is served, the register is {want:#x}")

    def mains(self, meter, panel, encoding):
        total, channels = meter.truth["mains"][0], meter.truth["channels"]
        for name, phase, kind, integer, real, scale, truth in MAINS:
            if not isinstance(truth, tuple):
                value = total[truth]
            elif kind == "amps":
                value = channels[42 + truth[0]][truth[1]]
            else:
                value = total["legs"][truth[0]][truth[1]]
            self.measured(meter, f"mxMains{name}.{panel}.1.{phase}", encoding, kind, integer, real,
                          scale, value)

    def voltages(self, meter, panel, encoding):
        volts = dict(meter.truth["volts"])
        volts["ln"] = (volts["an"] + volts["bn"] + volts["cn"]) / 3
        volts["ll"] = (volts["ab"] + volts["bc"] + volts["ca"]) / 3
        for measure, integer, real, truth in VOLTAGES:
            self.measured(meter, f"mxVoltageValue.{panel}.1.{measure}", encoding, "volts", integer, real,
                          244, volts[truth])
        want = meter.real(600)[0] if encoding == "float" else meter.signed(245)
        if encoding == "integer":
            want = None if want == -32768 else want * 10
        self.check(f"mxSourceFrequency.{panel}.1", want, 0.5, "the register")

    def panel(self, meter, panel, encoding):
        truth = meter.truth
        self.block(meter, "mxBranch", panel, encoding, BRANCH, 1, truth["channels"][:42],
                   {"amps": 1000, "power": 1042, "energy": 1084})
        self.branches(meter, panel)
        self.mains(meter, panel, encoding)
        self.voltages(meter, panel, encoding)
        if f"mxCircuitOrigin.{panel}.2001" in self.served:
            self.block(meter, "mxCircuit", panel, encoding, TWO, 2001, truth["dual"],
                       {"amps": 4000, "power": 4021, "energy": 4042})
        if f"mxCircuitOrigin.{panel}.3001" in self.served:
            self.block(meter, "mxCircuit", panel, encoding, THREE, 3001, truth["three"],
                       {"amps": 7000, "power": 7014, "energy": 7028})


def main():
    agent, control = sys.argv[1:3]
    comparison = Comparison(agent)
    for argument in sys.argv[3:]:
        panel, unit, encoding = argument.split(":")
        comparison.panel(Meter(control, unit), int(panel), encoding)
    for line in comparison.wrong[:20]:
        print(line)
    print(f"{comparison.compared} comparisons ({comparison.absent} of absent values), "
          f"{len(comparison.wrong)} wrong")
    return 1 if comparison.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
