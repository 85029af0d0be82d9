"""Measures Docket beside HAProxy and beside a bare sandbox; see scripts/bench.

The sandboxes answer at once, so what is measured is what stands in front. Every round starts
everything anew and measures direct (one sandbox), HAProxy (leastconn over four) and Docket (a
master, four agents) in turn at each number of connections, another one first each round. Shown are
the medians over the rounds. Exit: 0, 1 when any answer was wrong or lost or something did not start,
2 wrong options.
"""
import argparse
import collections
import json
import os
import statistics
import subprocess
import sys

import peers

SANDBOXES = 4
CPU_CONNECTIONS = 64  # where CPU is counted
NAMES = {"docket": "Docket", "haproxy": "HAProxy", "direct": "one sandbox"}
PARTS = ("master", "agents", "haproxy", "sandboxes")


class Round:
    """Everything started anew."""

    def __init__(self, running, slots):
        self.running = running
        self.sandboxes = [running.start("null-sandbox") for _ in range(SANDBOXES)]
        proxy = peers.start_haproxy(running, self.sandboxes, "leastconn")
        docket = peers.start_docket(running, self.sandboxes, slots)
        self.urls = {"direct": f"http://{self.sandboxes[0]['listen']}", "haproxy": proxy["url"],
                     "docket": docket["url"]}
        self.pids = {"master": [docket["pid"]], "haproxy": [proxy["pid"]],
                     "agents": docket["agent_pids"],
                     "sandboxes": [sandbox["pid"] for sandbox in self.sandboxes]}

    def load(self, target, connections, seconds):
        """jobe-load's report, and the CPU seconds that each part used meanwhile."""
        before = self.cpu()
        done = subprocess.run(
            [self.running.binaries / "jobe-load", "--url", self.urls[target],
             "--connections", str(connections), "--seconds", str(seconds)],
            capture_output=True, text=True)
        if done.returncode != 0:
            peers.fail(f"jobe-load against {target}: {done.stderr}")
        after = self.cpu()
        return json.loads(done.stdout) | {part: after[part] - before[part] for part in PARTS}

    def cpu(self):
        return {part: sum(map(cpu_seconds, self.pids[part])) for part in PARTS}


def cpu_seconds(pid):
    """User and system time of a process, with its threads."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(binaries, options, slots):
    """The reports of all rounds by target and connections."""
    reports = collections.defaultdict(list)
    targets = ["direct", "haproxy", "docket"]
    for number in range(options.rounds):
        peers.say(f"round {number + 1} of {options.rounds}")
        with peers.cluster(binaries) as running:
            this = Round(running, slots)
            for target in targets:
                this.load(target, CPU_CONNECTIONS, 1)  # warms up
            for connections in options.connections:
                for turn in range(len(targets)):
                    target = targets[(turn + number) % len(targets)]
                    report = this.load(target, connections, options.seconds)
                    reports[target, connections].append(report)
    return reports


def median(reports, key):
    return statistics.median(report[key] for report in reports)


def print_rates(reports, connections):
    print("| connections | target | jobs/s | p50 ms | p99 ms | Docket/target |")
    print("|---:|---|---:|---:|---:|---:|")
    for count in connections:
        for target in ("direct", "haproxy", "docket"):
            mine = reports[target, count]
            # Taken within a round, where both sides met the same conditions.
            ratio = statistics.median(
                docket["per_second"] / other["per_second"] if other["per_second"] else 0
                for docket, other in zip(reports["docket", count], mine))
            print(f"| {count} | {NAMES[target]} | {median(mine, 'per_second'):.0f} "
                  f"| {median(mine, 'p50_us') / 1000:.2f} | {median(mine, 'p99_us') / 1000:.2f} | "
                  + ("" if target == "docket" else f"{ratio:.2f}") + " |")


def print_cpu(reports):
    used = {"direct": ("sandboxes",), "haproxy": ("haproxy", "sandboxes"),
            "docket": ("master", "agents", "sandboxes")}
    print(f"\nCPU microseconds per job at {CPU_CONNECTIONS} connections:\n")
    print("| target | master | agents | HAProxy | sandboxes |\n|---|---:|---:|---:|---:|")
    for target, parts in used.items():
        mine = reports[target, CPU_CONNECTIONS]
        jobs = max(1, sum(report["requests"] for report in mine))
        cells = [f"{1e6 * sum(report[part] for report in mine) / jobs:.0f}" if part in parts else ""
                 for part in PARTS]
        print(f"| {NAMES[target]} | " + " | ".join(cells) + " |")


def numbers(text):
    if not text.strip():
        raise argparse.ArgumentTypeError("no number is given")
    return [peers.number(word) for word in text.split()]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench proxy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=peers.number, default=5)
    parser.add_argument("--seconds", type=peers.number, default=3)
    parser.add_argument("--connections", type=numbers, default=[1, 16, 64, 256],
                        help='as in "1 16 64 256"')
    options = parser.parse_args()
    peers.need("haproxy", "haproxy")
    # Twice as many slots as connections in the cluster: nothing ever waits in Docket's queue.
    slots = -(-2 * max(options.connections) // SANDBOXES)
    with peers.built("docket-master", "docket-agent", "null-sandbox", "jobe-load") as binaries:
        peers.print_facts(
            ["proxy", *sys.argv[1:]], peers.haproxy_version(),
            f"{options.rounds} rounds of {options.seconds} s, medians; {SANDBOXES} sandboxes, "
            f"{SANDBOXES} agents of {slots} slots")
        reports = measure(binaries, options, slots)
    print_rates(reports, options.connections)
    if CPU_CONNECTIONS in options.connections:
        print_cpu(reports)
    errors = sum(report["errors"] for mine in reports.values() for report in mine)
    print(f"\nWrong or lost answers: {errors}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
