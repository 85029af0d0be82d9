"""An exam through Docket, through HAProxy and on one sandbox directly; see scripts/bench.

Three cases: the start of an exam on hosts of a known rate; programs of several languages and
infinite loops on real sandboxes; programs that a busy host would fail although they are right.
Exit: 0, 1 when Docket lost or spoilt an answer or something did not start.
"""
import argparse
import dataclasses
import json
import os
import sys

import peers
from burst import Burst, Program, burst
from local_cluster import call

JOBE_USERS = 8  # runs at a time that a Jobe allows itself, whatever its cores
HOSTS, RUN_MS = 5, 444  # of the exam's start: 8 slots of 444 ms are 18 jobs/s
RATE = HOSTS * JOBE_USERS * 1000 / RUN_MS

LOOP = Program("cpp", "int main() { volatile unsigned x = 0; for (;;) x = x + 1; }\n", 13,
               cputime=2)
BUSY = Program("python3", "import time\nwhile time.process_time() < 1.0: pass\nprint('done')\n",
               15, "done\n", cputime=2)


@dataclasses.dataclass
class Row:
    target: str
    sent: Burst


def mix(languages, count):
    """Programs of all these languages in turn, some of them wrong in the ways of students."""
    kinds = [
        Program("python3", "print(sum(i * i for i in range(100000)))\n", 15, "333328333350000\n"),
        Program("c", '#include <stdio.h>\nint main(void) { puts("c"); }\n', 15, "c\n"),
        Program("cpp", '#include <iostream>\nint main() { std::cout << "cpp\\n"; }\n', 15, "cpp\n"),
        Program("nodejs", "console.log([3, 1, 2].sort().join())\n", 15, "1,2,3\n"),
        Program("python3", "print(1 / 0)\n", 12),
        Program("c", "int main(void) { return x; }\n", 11),
    ]
    offered = [kind for kind in kinds if kind.language in languages]
    return [offered[number % len(offered)] for number in range(count)]


def languages_of(sandbox):
    answer = call("GET", f"http://{sandbox['listen']}/jobe/index.php/restapi/languages")[1]
    return {language for language, _ in json.loads(answer)}


def start_sandboxes(running, count, slots):
    return [running.start("trial-jobe", "--listen", "127.0.0.1:0", "--slots", slots,
                          "--log-level", "warn") for _ in range(count)]


def measure(target, url, programs, rows):
    sent = burst(url, programs)
    rows.append(Row(target, sent))
    peers.say(f"  {target}: {sent.wrong} of {len(programs)} failed, {sent.makespan():.1f} s")
    return sent


def print_table(rows, ideal=None):
    print("| target | runs | failed | how | makespan s |" + (" / ideal |" if ideal else "")
          + " p50 s | p95 s |")
    print("|---|---:|---:|---|---:|" + ("---:|" if ideal else "") + "---:|---:|")
    for row in rows:
        sent = row.sent
        how = ", ".join(f"{count} × {kind}" for kind, count in sent.failures())
        cells = [row.target, str(len(sent.answers)), str(sent.wrong), how,
                 f"{sent.makespan():.1f}"]
        if ideal:
            cells.append("" if sent.wrong else f"{sent.makespan() / ideal:.2f}")
        for percent in (50, 95):
            time = sent.percentile(percent)
            cells.append("" if time is None else f"{time:.1f}")
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def exam_start(binaries, options):
    """Every student's first run at once, on hosts that serve at a known rate."""
    programs = [Program("python3", "print('ok')\n", 15, "ok\n")] * options.runs
    ideal = options.runs / RATE
    rows = []
    with peers.cluster(binaries) as running:
        hosts = [running.start("null-sandbox", "--run-ms", RUN_MS, "--slots", JOBE_USERS)
                 for _ in range(HOSTS)]
        fronts = [
            ("one host", {"url": f"http://{hosts[0]['listen']}"}),
            ("HAProxy, random", peers.start_haproxy(running, hosts, "random(1)")),
            ("HAProxy, leastconn", peers.start_haproxy(running, hosts, "leastconn")),
            (f"HAProxy, leastconn, {JOBE_USERS} at a time",
             peers.start_haproxy(running, hosts, "leastconn", JOBE_USERS)),
            ("Docket", peers.start_docket(running, hosts, JOBE_USERS)),
        ]
        for target, front in fronts:
            measure(target, front["url"], programs, rows)
    print(f"### {options.runs} runs at once on {HOSTS} hosts of {RATE / HOSTS:.0f} jobs/s\n")
    print(f"The hosts are stubs of {JOBE_USERS} slots that take {RUN_MS} ms for a run and answer "
          f"outcome 21 to what finds no slot\nwithin 10 s. Ideal: {ideal:.1f} s.\n")
    print_table(rows, ideal)
    return bad_answers(rows, "Docket")


def real_sandboxes(binaries, options):
    """Programs of several languages, and infinite loops, on three sandboxes of this machine."""
    cores = os.cpu_count()
    slots = max(1, cores // 3)
    bad = 0
    with peers.cluster(binaries) as running:
        hosts = start_sandboxes(running, 3, JOBE_USERS)
        fronts = [
            ("one sandbox", {"url": f"http://{hosts[0]['listen']}"}),
            ("HAProxy, random", peers.start_haproxy(running, hosts, "random(1)")),
            (f"HAProxy, leastconn, {slots} at a time",
             peers.start_haproxy(running, hosts, "leastconn", slots)),
            ("Docket", peers.start_docket(running, hosts, slots)),
        ]
        languages = languages_of(hosts[0])
        loads = [(f"{options.mix} programs of a mix of languages at once",
                  mix(languages, options.mix))]
        loads += [(f"{count} infinite loops at once (C++, `cputime` 2)", [LOOP] * count)
                  for count in options.loops]
        for title, programs in loads:
            rows = []
            for target, front in fronts:
                measure(target, front["url"], programs, rows)
            print(f"### {title}\n")
            print(f"Three trial sandboxes of {JOBE_USERS} slots share the machine's {cores} cores. "
                  f"Docket and the last HAProxy give each\n{slots} at a time: {3 * slots} programs "
                  f"on {cores} cores.\n")
            print_table(rows)
            bad += bad_answers(rows, "Docket")
    return bad


def busy_host(binaries, options):
    """Right programs of 1.0 CPU seconds with cputime 2, which Jobe stops after 4 s by the clock."""
    cores = os.cpu_count()
    programs = [BUSY] * (15 * cores)
    rows = []
    with peers.cluster(binaries) as running:
        hosts = start_sandboxes(running, 1, 8 * cores)
        direct = f"http://{hosts[0]['listen']}"
        measure(f"the sandbox, {8 * cores} slots", direct, programs, rows)
        for at_a_time in (4 * cores, cores):
            front = peers.start_haproxy(running, hosts, "leastconn", at_a_time)
            measure(f"HAProxy, {at_a_time} at a time", front["url"], programs, rows)
        for slots in (4 * cores, cores):
            with peers.cluster(binaries) as alone:
                front = peers.start_docket(alone, hosts, slots)
                note = ", set too high" if slots > cores else ""
                measure(f"Docket, {slots} slots{note}", front["url"], programs, rows)
    print(f"### {len(programs)} right programs of 1.0 CPU seconds at once, `cputime` 2\n")
    print(f"One trial sandbox on {cores} cores. Outcome 13 (time limit exceeded) is false here.\n")
    print_table(rows)
    return bad_answers(rows, "Docket")


def bad_answers(rows, target):
    """What Docket lost or spoilt. A false time limit is not counted: how many there are is a matter
    of timing, which fails nothing; the table shows them."""
    return sum(count for row in rows if row.target.startswith(target)
               for kind, count in row.sent.failures() if kind != "outcome 13")


CASES = {"start": exam_start, "sandboxes": real_sandboxes, "busy": busy_host}


def read_options(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench exam", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--runs", type=peers.number, default=2500, help="of the exam's start")
    parser.add_argument("--mix", type=peers.number, default=300, help="programs of several languages")
    parser.add_argument("--loops", type=peers.number, nargs="*", default=[30],
                        help="infinite loops at once; 200 take five minutes on 2 cores")
    return parser.parse_args(arguments)


def main():
    options = read_options(sys.argv[1:])
    peers.need("haproxy", "haproxy")
    peers.need("bwrap", "bubblewrap")
    with peers.built("docket-master", "docket-agent", "null-sandbox", "trial-jobe") as binaries:
        peers.print_facts(["exam", *sys.argv[1:]], peers.haproxy_version())
        bad = 0
        for name in options.cases:
            peers.say(f"case {name}")
            bad += CASES[name](binaries, options)
    print(f"Answers that Docket lost or spoilt, false time limits apart: {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
