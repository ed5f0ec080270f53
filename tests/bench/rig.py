"""What the benches stand on: a master agent, daemons and meters of their own, and SNMP in bulk.

Everything lives in a temporary folder and on the loopback, is ended by its process
id, also when the bench is interrupted, and is bounded in time.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
SOURCE = os.path.dirname(TESTS)
sys.path.insert(0, TESTS)

import snmp_wire  # noqa: E402
from snmp_wire import integer, object_id, parse, tlv  # noqa: E402

GETBULK = 0xA5
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def oid_root(build):
    with open(os.path.join(build, "config.h")) as f:
        for line in f:
            if line.startswith("#define MX_OID_TEXT"):
                return line.split('"')[1]
    raise SystemExit(f"no MX_OID_TEXT in {build}/config.h: configure and make there first")


def arcs(body):
    """The arcs of a BER object identifier, the first two as one."""
    found, arc = [], 0
    for byte in body:
        arc = arc << 7 | byte & 127
        if byte < 128:
            found.append(arc)
            arc = 0
    return found


class Manager(snmp_wire.Manager):
    """Numbers in bulk. A value is an int, bytes, or None where there is none."""

    def __init__(self, agent, community="public", timeout=3.0):
        super().__init__(agent, community, timeout)
        self.lost = 0

    def exchange(self, command, first, second, names):
        """Varbinds as (arcs, value); None when there was no answer."""
        self.request += 1
        binds = b"".join(tlv(0x30, name + b"\x05\x00") for name in names)
        pdu = tlv(command, integer(self.request) + integer(first) + integer(second) + tlv(0x30, binds))
        self.socket.send(tlv(0x30, integer(1) + tlv(4, self.community) + pdu))
        until = time.monotonic() + self.socket.gettimeout()
        while time.monotonic() < until:
            try:
                answer = self.socket.recv(65536)
            except (socket.timeout, ConnectionRefusedError):
                break
            fields = parse(parse(parse(answer)[0][1])[2][1])
            if int.from_bytes(fields[0][1], "big", signed=True) == self.request:
                if any(fields[1][1]):
                    return None
                return [self.varbind(body) for _, body in parse(fields[3][1])]
        self.lost += 1
        return None

    @staticmethod
    def varbind(body):
        name, (tag, value) = parse(body)
        if tag in (0x80, 0x81, 0x82):
            return arcs(name[1]), None
        return arcs(name[1]), value if tag in (4, 6) else int.from_bytes(value, "big", signed=tag == 2)

    def values(self, names):
        """One GET; None when there was no answer."""
        binds = self.exchange(snmp_wire.GET, 0, 0, [object_id(name) for name in names])
        return None if binds is None else [value for _, value in binds]

    def bulk(self, singles, columns, repetitions):
        return self.exchange(GETBULK, len(singles), repetitions,
                             [object_id(name) for name in singles + columns])


class Objects:
    """Numeric OIDs by name, from the MIB of the build."""

    def __init__(self, build, folder, names):
        mibs = os.path.join(folder, "mibs")
        os.makedirs(mibs, exist_ok=True)
        shutil.copy(os.path.join(build, "mibs/METERX-MIB.txt"), mibs)
        base = subprocess.run(["bash", "-c", f". {TESTS}/base-mibs.sh; base_mibs"], check=True,
                              capture_output=True, text=True).stdout.strip()
        if not base:
            raise SystemExit("no base MIBs (Debian: package erlang-snmp)")
        env = dict(os.environ, MIBS="METERX-MIB", MIBDIRS=f"{mibs}:{base}", SNMP_PERSISTENT_DIR=os.path.join(folder, "snmp"))
        said = subprocess.run(["snmptranslate", "-On", "-IR"] + names, check=True, env=env,
                              capture_output=True, text=True).stdout.split()
        self.by_name = {name: oid.strip(".") for name, oid in zip(names, said)}

    def __getitem__(self, name):
        return self.by_name[name]


class Rig:
    """A temporary folder with processes in it; use with "with"."""

    def __init__(self, build, keep=False):
        self.build, self.keep = os.path.abspath(build), keep
        self.processes, self.children = {}, []

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="meterx-bench.")
        os.mkdir(self.path("snmp"))
        self.snmp_port = free_port()
        self.agent = f"127.0.0.1:{self.snmp_port}"
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.interrupted)
        return self

    @staticmethod
    def interrupted(number, _frame):
        raise SystemExit(128 + number)

    def __exit__(self, kind, *_):
        for name in reversed(list(self.processes)):
            self.stop(name)
        for child in self.children:
            child.terminate()
            child.join(5)
        if kind not in (None, SystemExit):
            print(f"kept: {self.dir}", file=sys.stderr)
        elif not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def log(self, name):
        with open(self.path(name + ".log"), errors="replace") as f:
            return f.read()

    def start(self, name, command, **env):
        with open(self.path(name + ".log"), "a") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=dict(os.environ, SNMP_PERSISTENT_DIR=self.path("snmp"), SNMPCONFPATH=self.path("snmp"), MIBS="",
                         **env))

    def stop(self, name):
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def alive(self, name):
        return name in self.processes and self.processes[name].poll() is None

    def wait(self, condition, what, seconds=30):
        """Its first result that is true."""
        end = time.monotonic() + seconds
        while True:
            result = condition()
            if result:
                return result
            gone = [n for n, p in self.processes.items() if p.poll() is not None]
            if gone or time.monotonic() > end:
                for name in self.processes:
                    print(f"---- {name}\n{self.log(name)[-3000:]}", file=sys.stderr)
                raise RuntimeError(f"no {what}{f', {gone} ended' if gone else ''}")
            time.sleep(0.05)

    def start_snmpd(self, access=None):
        """The first time, and again on the same port with the same access."""
        conf = self.path("snmpd.conf")
        if access or not os.path.exists(conf):
            with open(conf, "w") as f:
                f.write(f"master agentx\nagentXSocket unix:{self.path('agentx')}\n"
                        f"{access or 'rocommunity public 127.0.0.1'}\n")
        snmpd = shutil.which("snmpd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
        self.start("snmpd", [snmpd, "-f", "-LOw", "-C", "-c", conf, "-I", "-smux", f"udp:{self.agent}"])
        manager = Manager(self.agent, timeout=0.3)
        self.wait(lambda: manager.values(["1.3.6.1.2.1.1.3.0"]), "answer of snmpd")

    def write_conf(self, lines):
        os.makedirs(self.path("state"), exist_ok=True)
        with open(self.path("meterxd.conf"), "w") as f:
            f.write(f'agentx-socket = "{self.path("agentx")}"\nstate-dir = "{self.path("state")}"\n'
                    f'profile-dir = "{SOURCE}/conf/profiles"\n' + "\n".join(lines) + "\n")

    def start_meterxd(self, *options, before=()):
        user = ["--user", "root"] if os.geteuid() == 0 else []
        self.start("meterxd", [*before, os.path.join(self.build, "meterxd"), "-f", "-c",
                               self.path("meterxd.conf"), *user, *options])

    def start_sim(self, name, *options, listen="127.0.0.1:0"):
        """A simulator with a control socket, perhaps not for the first time; its TCP port."""
        before = len(self.listening(name))
        if os.path.exists(self.path(name + ".ctl")):
            os.unlink(self.path(name + ".ctl"))
        self.start(name, [os.path.join(self.build, "meterx-sim"), "--listen", listen,
                          "--control", self.path(name + ".ctl"), *options])
        self.wait(lambda: len(self.listening(name)) > before and os.path.exists(self.path(name + ".ctl")),
                  f"start of {name}")
        return int(self.listening(name)[-1].rsplit(":", 1)[1])

    def listening(self, name):
        if not os.path.exists(self.path(name + ".log")):
            return []
        return [line for line in self.log(name).splitlines() if line.startswith("meterx-sim: listening on ")]


class Control:
    """The control socket of a simulator."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.answers = self.socket.makefile()

    def tell(self, command):
        self.socket.sendall(command.encode() + b"\n")
        verdict, _, text = self.answers.readline().rstrip("\n").partition(" ")
        if verdict != "ok":
            raise RuntimeError(f"{command}: {text}")
        return text


class Usage:
    """What a process takes: megabytes, threads, descriptors, seconds of CPU."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        self.cpu = (int(fields[11]) + int(fields[12])) / TICKS
        self.threads = int(fields[17])
        self.rss_kb = int(fields[21]) * PAGE // 1024
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]
