#!/usr/bin/env python3
"""A thousand panels on five hundred links in one daemon: what it takes, and whether managers notice.

    tests/bench/scale.py [--build DIR] [--links N] [--poll MS] [--rounds N] [--seconds S]

Starts simulated meters, snmpd and meterxd in a network of its own (namespaces; no privileges where
users may have them). Each link has an address of its own and two panels of 42 branches. Prints memory,
threads, descriptors and CPU of the daemon, polls achieved, the time of a walk of everything; then what
a GET takes while every bus is idle, polled, black-holed, refused or silent, in turn, round after round,
as ratios to the idle ones of the same round. Goals are printed, not judged.
"""
import argparse, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.dirname(TESTS)
sys.path.insert(0, TESTS)
import snmp_wire

LINKS_A_METER = 60  # clients of one simulator
GOAL = 1.2
NETWORK = "10.77.0.0/16"
AGENT, COMMUNITY = "127.0.0.1:16161", "public"


def own_network():
    if "METERX_OWN_NETWORK" in os.environ:
        return
    os.environ["METERX_OWN_NETWORK"] = "yes"
    os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", sys.executable] + sys.argv)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wait(what, condition, seconds=120):
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise SystemExit(f"no success within {seconds} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - begun


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


class Site:
    def __init__(self, options, folder):
        self.options, self.dir, self.processes = options, folder, {}
        self.panels = 2 * options.links
        self.n_meters = -(-options.links // LINKS_A_METER)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, name, command):
        with open(self.path(name + ".log"), "a") as log:
            env = dict(os.environ, MIBS="", SNMP_PERSISTENT_DIR=self.dir)
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log,
                                                    stdin=subprocess.DEVNULL, env=env)

    def write_conf(self, poll):
        with open(self.path("meterxd.conf"), "w") as f:
            f.write(f'agentx-socket = "{self.path("agentx")}"\nstate-dir = "{self.path("state")}"\n'
                    f'profile-dir = "{SOURCE}/conf/profiles"\npoll = {poll}\nalarm-poll = {poll}\n')
            for i in range(self.options.links):
                f.write(f'link "l{i}" {{ transport = "tcp" host = "10.77.{i // 250}.{i % 250 + 1}"'
                        f' port = {15020 + i % self.n_meters} }}\n')
                for unit in (1, 2):
                    f.write(f'panel "P{2 * i + unit}" {{ index = {2 * i + unit} link = "l{i}"'
                            f' unit = {unit} profile = "bcpme" }}\n')

    def start_all(self):
        os.mkdir(self.path("state"))
        run("ip", "link", "set", "lo", "up")
        run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
        for i in range(self.n_meters):
            self.start(f"sim{i}", [os.path.join(self.options.build, "meterx-sim"),
                                   "--listen", f"0.0.0.0:{15020 + i}", "--control", self.path(f"sim{i}"),
                                   "--serial-number", str(10000001 + 10 * i)])
        wait("meters listen", lambda: all("listening" in open(self.path(f"sim{i}.log")).read()
                                          for i in range(self.n_meters)))
        with open(self.path("snmpd.conf"), "w") as f:
            f.write(f"master agentx\nagentXSocket unix:{self.path('agentx')}\nrocommunity {COMMUNITY}\n")
        snmpd = shutil.which("snmpd", path="/usr/sbin:" + os.environ["PATH"])
        self.start("snmpd", [snmpd, "-f", "-C", "-c", self.path("snmpd.conf"), "-I", "-smux", "-LOw",
                             "udp:" + AGENT])
        self.manager = snmp_wire.Manager(AGENT, COMMUNITY, 5.0)
        self.write_conf(self.options.poll)
        self.start("meterxd", [os.path.join(self.options.build, "meterxd"), "-f", "--user", "root",
                               "-c", self.path("meterxd.conf")])

    def stop_all(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait()

    def get(self, name):
        try:
            return self.manager.get(self.oids[name])
        except ConnectionRefusedError:  # snmpd is still starting
            return None

    def column(self, name):
        said = run("snmpbulkwalk", "-v2c", "-c", COMMUNITY, "-t", "5", "-Cr100", "-OqnUe", "-m", "", AGENT,
                   self.oids[name])
        return [int(line.split()[1]) for line in said.splitlines() if "No Such" not in line]

    def all_online(self, wanted=None):
        return self.get("mxAgentPanelsOnline.0") == (self.panels if wanted is None else wanted)

    def tell_meters(self, *words):
        for i in range(self.n_meters):
            run(os.path.join(self.options.build, "meterx-sim"), "--tell", self.path(f"sim{i}"), *words)

    # What the daemon takes

    @property
    def pid(self):
        return self.processes["meterxd"].pid

    def status(self, field):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(field + r":\s*(\d+)", f.read())[1])

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stacks_kb(self):
        """High-water mark of the links' stacks (256 KiB, once touched for ever there), and how many."""
        size, marks = 0, []
        with open(f"/proc/{self.pid}/smaps") as f:
            for line in f:
                found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if re.match(r"[0-9a-f]+-", line):
                    size = (int(found[2], 16) - int(found[1], 16)) // 1024 if found else 0
                elif line.startswith("Rss:") and size == 256:
                    marks.append(int(line.split()[1]))
        return (max(marks), len(marks)) if marks else (0, 0)

    def taken(self):
        stack, stacks = self.stacks_kb()
        rss = self.status("VmRSS")
        return (f"{rss / 1024:.1f} MB resident ({rss / self.panels:.0f} KB a panel), "
                f"{self.status('Threads')} threads, {len(os.listdir(f'/proc/{self.pid}/fd'))} open files, "
                f"at most {stack} of 256 KB of {stacks} stacks")

    # Faults

    def healthy(self):
        run("ip", "route", "flush", NETWORK)
        run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
        self.tell_meters("fault", "none")

    def fail(self, how):
        if how == "polled":
            self.healthy()
        elif how == "black-holed":
            run("ip", "route", "del", "local", NETWORK, "dev", "lo")
            run("ip", "route", "add", NETWORK, "dev", "lo")
        else:
            self.healthy()
            self.tell_meters("fault", *{"refused": ["refuse", "listen"], "silent": ["deaf"]}[how])

    def gets_ms(self, seconds):
        """Settings, names, states and the summary, of panels all over the site."""
        columns = ["mxPanelName.%d", "mxPanelState.%d", "mxBranchRating.%d.7", "mxBranchLabel.%d.42"]
        took, end, n = [], time.monotonic() + seconds, 0
        while time.monotonic() < end:
            n += 1
            oid = (self.oids["mxAgentWorstState.0"] if n % 5 == 0 else
                   self.oids[columns[n % 4].split(".")[0]] +
                   columns[n % 4][columns[n % 4].index("."):] % (n * 7919 % self.panels + 1))
            error, _, _, ms = self.manager.ask(snmp_wire.GET,
                                               [(snmp_wire.object_id(oid), snmp_wire.tlv(5, b""))])
            if error != "noError":
                raise SystemExit(f"a GET ended with {error} after {ms:.0f} ms")
            took.append(ms)
            time.sleep(0.002)
        return took


def figures(site, options):
    requests, cpu, begun = sum(site.column("mxLinkRequests")), site.cpu_s(), time.monotonic()
    time.sleep(options.seconds)
    took = time.monotonic() - begun
    cpu = (site.cpu_s() - cpu) / took
    requests = (sum(site.column("mxLinkRequests")) - requests) / took
    intervals = site.column("mxPanelPollInterval")
    achieved = sum(1000 / ms for ms in intervals if ms > 0)
    print(f"  {site.taken()}")
    print(f"  CPU {100 * cpu:.1f} % of one core; {requests:.0f} requests/s, {achieved:.0f} polls/s of "
          f"{site.panels * 1000 / options.poll:.0f} configured; longest interval {max(intervals)} ms of "
          f"{options.poll} ({len(intervals)} panels); {1e6 * cpu / achieved:.0f} us of CPU a poll")


def walk(site):
    begun = time.monotonic()
    said = run("snmpbulkwalk", "-v2c", "-c", COMMUNITY, "-t", "20", "-Cr100", "-On", "-m", "", AGENT,
               site.oids["mxObjects"])
    took = time.monotonic() - begun
    lines = said.count("\n")
    print(f"  a walk of everything: {lines} objects in {took:.1f} s ({1e6 * took / lines:.1f} us each)")


def reload_s(site):
    log = site.path("meterxd.log")
    before = open(log).read().count("read again")
    begun = time.monotonic()
    site.processes["meterxd"].send_signal(signal.SIGHUP)
    wait("the configuration is read again", lambda: open(log).read().count("read again") > before)
    return time.monotonic() - begun


def reload(site):
    took = reload_s(site)
    online = site.get("mxAgentPanelsOnline.0")
    print(f"  reload: {1000 * took:.0f} ms, {online} panels online behind it; {site.taken()}")


STATES = ["polled", "black-holed", "refused", "silent"]
IDLE_MS = 60000


def measure(site, options):
    ratios = {}
    for number in range(options.rounds):
        site.healthy()
        site.write_conf(IDLE_MS)
        reload_s(site)
        wait("all panels online", site.all_online, 180)
        base = site.gets_ms(options.seconds)
        p50, p99 = percentile(base, 50), percentile(base, 99)
        print(f"round {number + 1}  idle         p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  ({len(base)} GETs)",
              flush=True)
        site.write_conf(options.poll)
        reload_s(site)
        for state in STATES:
            site.fail(state)
            wanted = site.panels if state == "polled" else 0
            wait(f"{wanted} panels online", lambda: site.all_online(wanted), 180)
            cpu, begun = site.cpu_s(), time.monotonic()
            took = site.gets_ms(options.seconds)
            cpu = (site.cpu_s() - cpu) / (time.monotonic() - begun)
            a, b = percentile(took, 50), percentile(took, 99)
            ratios.setdefault(state, []).append((a / p50, b / p99))
            print(f"         {state:12} p50 {a:6.2f} ms  p99 {b:6.2f} ms  ratio {a / p50:.2f} / {b / p99:.2f}"
                  f"  (daemon: CPU {100 * cpu:.1f} %, {site.status('Threads')} threads)", flush=True)
    for state, found in ratios.items():
        print(f"{state:12} GET / idle, median of rounds: p50 {statistics.median(r[0] for r in found):.2f}"
              f"  p99 {statistics.median(r[1] for r in found):.2f}   goal {GOAL}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".", help="build folder")
    parser.add_argument("--links", type=int, default=500)
    parser.add_argument("--poll", type=int, default=1000, help="ms")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    options = parser.parse_args()
    own_network()
    sys.stdout.reconfigure(line_buffering=True)
    options.build = os.path.abspath(options.build)
    mibs = os.path.join(options.build, "mibs")
    with tempfile.TemporaryDirectory(prefix="meterx-scale.") as folder:
        site = Site(options, folder)
        base_mibs = run("bash", "-c", f". {TESTS}/base-mibs.sh; base_mibs").strip()
        os.mkdir(site.path("mibs"))
        os.symlink(os.path.join(mibs, "METERX-MIB.txt"), site.path("mibs/METERX-MIB.txt"))
        os.environ.update(MIBS="METERX-MIB", MIBDIRS=f"{site.path('mibs')}:{base_mibs}")
        site.oids = snmp_wire.translate([
            "mxAgentPanelsOnline.0", "mxAgentWorstState.0", "mxBranchLabel", "mxBranchRating",
            "mxLinkRequests", "mxObjects", "mxPanelName", "mxPanelPollInterval", "mxPanelState"])
        try:
            site.start_all()
            took = wait("all panels online", site.all_online)
            print(f"{site.panels} panels on {options.links} links, polled every {options.poll} ms: "
                  f"all online {took:.1f} s after the start")
            time.sleep(2)
            figures(site, options)
            walk(site)
            reload(site)
            measure(site, options)
            begun = time.monotonic()
            site.processes["meterxd"].send_signal(signal.SIGTERM)
            site.processes.pop("meterxd").wait()
            print(f"stop with every link dead: {1000 * (time.monotonic() - begun):.0f} ms")
        except SystemExit:
            for name in ("meterxd", "snmpd", "sim0"):
                with open(site.path(name + ".log")) as log:
                    print(f"---- {name}", *log.read().splitlines()[-20:], sep="\n")
            raise
        finally:
            site.stop_all()


if __name__ == "__main__":
    main()
