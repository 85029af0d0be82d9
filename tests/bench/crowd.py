"""A crowd of students by Locust, through Docket and beside it through HAProxy; see scripts/bench.

300 users arrive within 30 s, wait 1 to 5 s between runs, and stay until two minutes have passed.
The programs are real, on three trial sandboxes of this machine. Exit: 0, 1 when a request through
Docket failed or something did not start.
"""
import argparse
import csv
import os
import subprocess
import sys

import exam
import peers


def run_locust(running, url, options):
    """Locust's row over all requests, and its failures by kind."""
    prefix = running.folder / f"locust-{len(running.processes)}"
    done = subprocess.run(
        ["locust", "--headless", "--locustfile", peers.ROOT / "tests/bench/locustfile.py",
         "--host", url, "--users", str(options.users),
         "--spawn-rate", str(options.users / options.arrive), "--run-time", f"{options.seconds}s",
         "--stop-timeout", "60", "--csv", prefix, "--only-summary", "--loglevel", "WARNING"],
        capture_output=True, text=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    try:
        with open(f"{prefix}_stats.csv", encoding="utf-8") as file:
            total = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
        with open(f"{prefix}_failures.csv", encoding="utf-8") as file:
            failures = [f"{row['Occurrences']} × {plain(row['Error'])}"
                        for row in csv.DictReader(file)]
    except (OSError, StopIteration):
        peers.fail(f"locust left no result: {done.stderr[-2000:]}")
    return total, failures


def plain(error):
    """Without the name of the class that Locust puts around what the users said."""
    return error.removeprefix("CatchResponseError('").removesuffix("')")


def print_row(target, total, failures):
    def seconds(name):
        return f"{float(total[name]) / 1000:.1f}"
    print(f"| {target} | {total['Request Count']} | {total['Failure Count']} | "
          f"{', '.join(failures)} | {float(total['Requests/s']):.1f} | {seconds('50%')} | "
          f"{seconds('95%')} |", flush=True)


def read_options(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench locust", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=peers.number, default=300)
    parser.add_argument("--arrive", type=peers.number, default=30, help="seconds within which all arrive")
    parser.add_argument("--seconds", type=peers.number, default=120)
    parser.add_argument("--docket-only", action="store_true", help="not through HAProxy too")
    return parser.parse_args(arguments)


def main():
    options = read_options(sys.argv[1:])
    peers.need("locust", "python3-locust")
    peers.need("haproxy", "haproxy")
    slots = max(1, os.cpu_count() // 3)
    with peers.built("docket-master", "docket-agent", "trial-jobe") as binaries:
        peers.print_facts(
            ["locust", *sys.argv[1:]], peers.haproxy_version(),
            f"{options.users} users arriving within {options.arrive} s, 1 to 5 s between requests, "
            f"{options.seconds} s in all; three trial sandboxes of {exam.JOBE_USERS} slots, of "
            f"which Docket uses {slots} each; short Python programs")
        print("| target | requests | failed | how | requests/s | p50 s | p95 s |")
        print("|---|---:|---:|---|---:|---:|---:|", flush=True)
        with peers.cluster(binaries) as running:
            hosts = exam.start_sandboxes(running, 3, exam.JOBE_USERS)
            if not options.docket_only:
                for target, balance, at_a_time in (
                        ("HAProxy, random", "random(1)", 0),
                        (f"HAProxy, leastconn, {slots} at a time", "leastconn", slots)):
                    front = peers.start_haproxy(running, hosts, balance, at_a_time)
                    print_row(target, *run_locust(running, front["url"], options))
            front = peers.start_docket(running, hosts, slots)
            total, failures = run_locust(running, front["url"], options)
            print_row("Docket", total, failures)
    return 1 if int(total["Failure Count"]) or not int(total["Request Count"]) else 0


if __name__ == "__main__":
    sys.exit(main())
