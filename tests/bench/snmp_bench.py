#!/usr/bin/env python3
"""What SNMP costs through MeterX, against plain Net-SNMP subagents.

    make bench-programs
    tests/bench/snmp_bench.py --yardstick DIR [--build DIR] [--rounds N] [--panels 1,1000] [--cpu N]

DIR of the yardstick has bench_agent.c: a subagent with a table of 84 branches
x 30 columns a panel, as raw handler (-m raw), container (-m cont) or fast path
(-m fast). MeterX serves mxBranchTable, 30 columns, panels of 42 branches: two of
them for each panel of the yardstick, so that the rows are equal.

Every contestant has a master agent of its own, all run at once, everything is
pinned to one CPU, and the same client measures them in turn, round after round;
it checks every value. Microseconds are per varbind: "cpu" is the sum of
manager, master and subagent (other load on the machine does not enter it),
"wall" what a clock shows. Ratios are medians over the rounds. Goals are
printed, not judged. The masters do not trim their heap: whether one does with
every request is luck of its start, and worth a microsecond a varbind.
"""
import argparse, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

TESTS = {
    "walk": ("bulk walk, one column, -Cr50", ["-t", "bulkwalk", "-r", "50"]),
    "get": ("GET, one varbind", ["-t", "get", "-n", "3000"]),
    "mget": ("GET, 60 varbinds", ["-t", "mget", "-k", "60", "-n", "300"]),
    "columns": ("GETBULK, 30 columns x 3", ["-t", "columns", "-k", "30", "-r", "3"]),
}
GOALS = [("walk", "raw", 0.70), ("mget", "cont", 0.80), ("columns", "raw", 0.60)]
SIZE_GOAL = 1.10


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def oid_root(build):
    with open(os.path.join(build, "config.h")) as f:
        for line in f:
            if line.startswith("#define MX_OID_TEXT"):
                return line.split('"')[1]
    raise SystemExit("no MX_OID_TEXT in config.h")


class Contestant:
    """A master agent and a subagent of its own."""

    def __init__(self, name, folder, cpu, command, view):
        self.name, self.view = name, view
        self.dir = os.path.join(folder, name)
        os.makedirs(self.dir)
        self.pin = ["taskset", "-c", str(cpu)]
        self.address = f"udp:127.0.0.1:{free_port()}"
        self.processes = {}
        sock = os.path.join(self.dir, "agentx")
        conf = os.path.join(self.dir, "snmpd.conf")
        with open(conf, "w") as f:
            f.write(f"master agentx\nagentXSocket {sock}\nrocommunity public 127.0.0.1\n")
        snmpd = shutil.which("snmpd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
        self.start("master", [snmpd, "-f", "-LOw", "-C", "-c", conf, "-I", "-smux", self.address])
        self.wait(lambda: os.path.exists(sock), "its master")
        self.start("subagent", [c.replace("{sock}", sock) for c in command])
        self.wait(self.answers, "an answer")

    def start(self, role, command):
        log = open(os.path.join(self.dir, role + ".log"), "w")
        env = dict(os.environ, SNMP_PERSISTENT_DIR=self.dir, MIBS="")
        if role == "master":
            env["MALLOC_TRIM_THRESHOLD_"] = str(64 << 20)
        self.processes[role] = subprocess.Popen(
            self.pin + command, env=env, stdout=log, stderr=subprocess.STDOUT)

    def wait(self, condition, what):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end or any(p.poll() is not None for p in self.processes.values()):
                for role in self.processes:
                    print(open(os.path.join(self.dir, role + ".log")).read(), file=sys.stderr)
                raise SystemExit(f"{self.name}: no {what}")
            time.sleep(0.05)

    def answers(self):
        return self.run(["-t", "get", "-n", "5"], check=False) is not None

    def run(self, args, check=True):
        pids = [x for role, p in self.processes.items() for x in ("-p", f"{role}={p.pid}")]
        done = subprocess.run(self.pin + self.view + ["-H", self.address] + pids + args,
                              capture_output=True, text=True)
        if done.returncode != 0:
            if check:
                raise SystemExit(f"{self.name} {args}: {done.stdout}{done.stderr}")
            return None
        return json.loads(done.stdout)

    def said(self):
        with open(os.path.join(self.dir, "subagent.log")) as f:
            return f.readline().strip()

    def rss_mb(self):
        with open(f"/proc/{self.processes['subagent'].pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

    def stop(self):
        for p in reversed(self.processes.values()):
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


def contestants(options, folder, panels):
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    client = os.path.join(options.build, "tests/bench/bench_client")
    ours = [client, "-v", "meterx", "-o", oid_root(options.build) + ".1.7.1", "-P", str(2 * panels)]
    theirs = [client, "-v", "yardstick", "-o", "1.3.6.1.4.1.8072.9999.9999.7.1", "-P", str(panels)]
    yield "meterx", [os.path.join(options.build, "tests/bench/bench_agent"), str(2 * panels),
                     os.path.join(source, "conf/profiles"), "{sock}"], ours
    for mode in options.against.split(","):
        yield mode, [os.path.join(folder, "yardstick"), "-m", mode, "-p", str(panels),
                     "-x", "{sock}"], theirs


def median_ratio(results, test, name, other, what):
    pairs = zip(results[test, name], results[test, other])
    return statistics.median(a[what] / b[what] for a, b in pairs)


def measure(options, folder, panels):
    results = {}
    playing = []
    try:
        for name, command, view in contestants(options, os.path.join(folder, ".."), panels):
            playing.append(Contestant(name, folder, options.cpu, command, view))
        for _ in range(options.rounds):
            for test in options.tests.split(","):
                for who in playing:
                    result = who.run(TESTS[test][1] + ["-T", str(options.seconds)])
                    results.setdefault((test, who.name), []).append(result)
        for who in playing:
            print(f"  {who.name:8} {who.rss_mb():6.1f} MB   {who.said()}")
    finally:
        for who in playing:
            who.stop()
    return results


def show(options, results, panels):
    names = ["meterx"] + options.against.split(",")
    for test in options.tests.split(","):
        print(f"\n{TESTS[test][0]}, {panels} panel(s)")
        print(f"  {'':8} {'cpu':>7} = {'manager':>7} {'master':>7} {'subagent':>8} {'wall':>8}"
              f" {'p50 a request':>14} {'cpu ratio':>10} {'wall ratio':>10}")
        for name in names:
            mid = {k: statistics.median(r[k] for r in results[test, name])
                   for k in ("cpu_us", "client_us", "master_us", "subagent_us", "wall_us", "p50_us")}
            print(f"  {name:8} {mid['cpu_us']:7.2f} = {mid['client_us']:7.2f} {mid['master_us']:7.2f}"
                  f" {mid['subagent_us']:8.2f} {mid['wall_us']:8.2f} {mid['p50_us']:14.1f}"
                  f" {median_ratio(results, test, name, names[1], 'cpu_us'):10.2f}"
                  f" {median_ratio(results, test, name, names[1], 'wall_us'):10.2f}")


def show_goals(options, by_panels):
    print("\nGoals (ratio of medians: cpu / wall)")
    for panels, results in by_panels.items():
        for test, other, goal in GOALS:
            if (test, other) in results:
                print(f"  {TESTS[test][0]:30} {panels:5} panels: {median_ratio(results, test, 'meterx', other, 'cpu_us'):5.2f}"
                      f" / {median_ratio(results, test, 'meterx', other, 'wall_us'):5.2f} x {other:5} goal {goal:.2f}")
    sizes = sorted(by_panels)
    for test in options.tests.split(","):
        if len(sizes) > 1:
            big, small = ([r["cpu_us"] for r in by_panels[n][test, "meterx"]] for n in (sizes[-1], sizes[0]))
            print(f"  {TESTS[test][0]:30} {sizes[-1]} panels / {sizes[0]}:"
                  f" {statistics.median(big) / statistics.median(small):5.2f}        goal {SIZE_GOAL:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yardstick", required=True, help="folder of the yardstick's bench_agent.c")
    parser.add_argument("--build", default=".", help="build folder (where bench-programs were made)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="at most, for one measurement")
    parser.add_argument("--panels", default="1,1000")
    parser.add_argument("--cpu", type=int, default=0)
    parser.add_argument("--against", default="raw,cont", help="modes of the yardstick; the first is the base of ratios")
    parser.add_argument("--tests", default="walk,get,mget,columns")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    by_panels = {}
    with tempfile.TemporaryDirectory(prefix="meterx-bench.") as folder:
        subprocess.run(["gcc", "-O2", "-g", "-o", os.path.join(folder, "yardstick"),
                        os.path.join(options.yardstick, "bench_agent.c"),
                        "-lnetsnmpagent", "-lnetsnmp"], check=True)
        for panels in map(int, options.panels.split(",")):
            print(f"{panels} panel(s) of 84 x 30, {options.rounds} rounds, CPU {options.cpu}", flush=True)
            by_panels[panels] = measure(options, os.path.join(folder, str(panels)), panels)
        for panels, results in by_panels.items():
            show(options, results, panels)
        show_goals(options, by_panels)


if __name__ == "__main__":
    main()
