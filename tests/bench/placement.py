"""Compares ways to place runs, in virtual time, and draws docs/placement.svg; see scripts/bench.

Prints the result as Markdown: medians over the seeds. Time is virtual: how busy the machine is does
not matter.
"""
import argparse
import collections
import json
import statistics
import subprocess
import sys

import peers
import placement_plot

LOADS = {
    "exam start": "2,500 runs at once",
    "steady": "runs arrive for five minutes at 80 % of what the hosts can do",
    "bursts": "ten bursts, one every 30 s, at 50 % on average",
    "rare language": "50 % steady; one run in ten needs one of two small hosts; their waits",
}


def simulate(binaries, seeds):
    """The simulator's lines by load and placement, in its order."""
    done = subprocess.run([binaries / "placement-sim", "--seeds", str(seeds)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        peers.fail(f"placement-sim: {done.stderr}")
    results = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in done.stdout.splitlines():
        result = json.loads(line)
        results[result["load"]][result["placement"]].append(result)
    return results


def median(played, key):
    return statistics.median(result[key] for result in played)


def print_summary(results):
    columns = [  # what, in which load, of it, how it is shown
        ("exam start: makespan / bound", "exam start", "makespan", lambda x: f"{x:.2f}"),
        ("exam start: wait over 10 s", "exam start", "over_10_s", lambda x: f"{100 * x:.0f} %"),
        ("steady: wait p99 s", "steady", "p99_ms", lambda x: f"{x / 1000:.2f}"),
        ("bursts: wait p99 s", "bursts", "p99_ms", lambda x: f"{x / 1000:.1f}"),
        ("rare language: wait p99 s", "rare language", "p99_ms", lambda x: f"{x / 1000:.2f}"),
        ("half load: took the last slot", "rare language", "filled", lambda x: f"{100 * x:.0f} %"),
    ]
    print("| placement | " + " | ".join(column[0] for column in columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for placement in results["steady"]:
        cells = [show(median(results[load][placement], key)) for _, load, key, show in columns]
        print(f"| {placement} | " + " | ".join(cells) + " |")
    print()


def print_tables(results):
    for load, placements in results.items():
        print(f"### {load.capitalize()}: {LOADS[load]}\n")
        print("| placement | makespan / bound | wait p50 s | wait p99 s | over 10 s | last slot |")
        print("|---|---:|---:|---:|---:|---:|")
        for placement, played in placements.items():
            print(f"| {placement} | {median(played, 'makespan'):.2f} "
                  f"| {median(played, 'p50_ms') / 1000:.2f} | {median(played, 'p99_ms') / 1000:.2f} "
                  f"| {100 * median(played, 'over_10_s'):.1f} % "
                  f"| {100 * median(played, 'filled'):.0f} % |")
        print()


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench placement", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=peers.number, default=20)
    parser.add_argument("--plot", help="writes the plot to this file (docs/placement.svg)")
    options = parser.parse_args()
    peers.print_command(["placement", *sys.argv[1:]])
    with peers.built("placement-sim") as binaries:
        results = simulate(binaries, options.seeds)
    print_summary(results)
    print_tables(results)
    if options.plot:
        with open(options.plot, "w", encoding="utf-8") as file:
            file.write(placement_plot.draw(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
