"""Starts a Docket cluster on loopback, submits programs and prints the outcomes; see scripts/demo."""
import base64
import concurrent.futures
import hashlib
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from local_cluster import Cluster, call, wait_for_agents

AGENTS = ("lab-1", "lab-2", "lab-3")
SLOTS = 2
OUTCOMES = {11: "compile error", 12: "runtime error", 13: "time limit", 15: "ok",
            20: "internal error", 21: "overload"}
FILE_TEXT = "apples 3\npears 4\n"
FILE_ID = hashlib.md5(FILE_TEXT.encode()).hexdigest()

PROGRAMS = [  # what it shows, language, source, more of the run_spec, outcome, start of stdout
    ("right answer", "python3", "print(sum(range(10)))", {}, 15, "45\n"),
    ("right answer", "c", '#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); }\n', {},
     15, "42\n"),
    ("right answer", "cpp",
     '#include <iostream>\nint main() { std::cout << "hello from C++\\n"; }\n', {},
     15, "hello from C++\n"),
    ("right answer", "nodejs", "console.log([3, 1, 2].sort().join())", {}, 15, "1,2,3\n"),
    ("standard input", "python3", "print(input()[::-1])", {"input": "tekcod\n"}, 15, "docket\n"),
    ("compile error", "c", "int main(void) { return x; }\n", {}, 11, ""),
    ("exception", "python3", "print(1 / 0)", {}, 12, ""),
    ("infinite loop, cputime 2", "cpp",
     "int main() { volatile unsigned x = 0; for (;;) x = x + 1; }\n",
     {"parameters": {"cputime": 2}}, 13, ""),
    ("support file", "python3",
     "print(sum(int(line.split()[1]) for line in open('fruit.txt')))",
     {"file_list": [[FILE_ID, "fruit.txt"]]}, 15, "7\n"),
]


def submit(jobe, language, source, more):
    run_spec = {"language_id": language, "sourcecode": source, **more}
    started = time.monotonic()
    status, body = call("POST", f"{jobe}/runs", {"run_spec": run_spec})
    return status, json.loads(body), time.monotonic() - started


def agent_of(ops, run_id):
    return json.loads(call("GET", f"{ops}/api/v1/jobs/{run_id}")[1])["agent"]


def first_line(result):
    text = result["stdout"] or result["cmpinfo"] or result["stderr"]
    return text.strip().splitlines()[0][:44] if text.strip() else ""


def show(jobe, ops):
    """Runs the programs and prints a row each; returns how many ended otherwise than expected."""
    wrong = 0
    row = "{:<26} {:<9} {:<15} {:<7} {:>7}  {:<46} {}"
    print(row.format("PROGRAM", "LANGUAGE", "OUTCOME", "AGENT", "SECONDS", "FIRST LINE", ""))
    for shows, language, source, more, outcome, stdout in PROGRAMS:
        status, result, took = submit(jobe, language, source, more)
        if status != 200:
            print(row.format(shows, language, f"HTTP {status}", "-", f"{took:.2f}", str(result)[:46],
                             "UNEXPECTED"))
            wrong += 1
            continue
        good = result["outcome"] == outcome and result["stdout"] == stdout
        wrong += not good
        print(row.format(shows, language, OUTCOMES.get(result["outcome"], result["outcome"]),
                         agent_of(ops, result["run_id"]), f"{took:.2f}", first_line(result),
                         "as expected" if good else "UNEXPECTED"), flush=True)
    return wrong


def show_many(jobe, ops, count):
    print(f"\n{count} programs at once, on {len(AGENTS)} sandboxes with {SLOTS} slots each:",
          flush=True)
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(
            lambda number: submit(jobe, "python3", f"print({number} * {number})", {}),
            range(count)))
    took = time.monotonic() - started
    right = [result for number, (status, result, _) in enumerate(answers)
             if status == 200 and result["outcome"] == 15
             and result["stdout"] == f"{number * number}\n"]
    agents = [agent_of(ops, result["run_id"]) for result in right]
    print(f"  {len(right)} right answers in {took:.1f} s; "
          + ", ".join(f"{agent} ran {agents.count(agent)}" for agent in AGENTS))
    return count - len(right)


def main():
    binaries, once = pathlib.Path(sys.argv[1]).resolve(), "--once" in sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell starts background jobs with SIGINT ignored; it must end the demo there too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="docket-demo-"))
    cluster = Cluster(folder, binaries)
    try:
        print("== Starting a master, three trial sandboxes and an agent beside each")
        master = cluster.start_master()
        for name in AGENTS:
            sandbox = cluster.start("trial-jobe", "--listen", "127.0.0.1:0", "--slots", SLOTS)
            cluster.start_agent(master, sandbox, name, SLOTS)
        print("== Each joined by a token; now canaries, before it gets anybody's programs", flush=True)
        wait_for_agents(master, len(AGENTS), within_s=60)
        jobe = f"http://{master['jobe']}/jobe/index.php/restapi"
        ops = f"http://{master['ops']}"
        languages = json.loads(call("GET", f"{jobe}/languages")[1])
        print("Languages: " + ", ".join(" ".join(language) for language in languages) + "\n")
        call("PUT", f"{jobe}/files/{FILE_ID}",
             {"file_contents": base64.b64encode(FILE_TEXT.encode()).decode()})
        wrong = show(jobe, ops) + show_many(jobe, ops, 60)
        print(f"\n{wrong} outcomes were not the expected ones." if wrong
              else "\nEvery outcome was the expected one.")
        if once:
            return 1 if wrong else 0
        print(f"\nStatus page    {ops}/\n"
              f"Jobe API       http://{master['jobe']}   (what CodeRunner's settings want)\n"
              f"Command line   {binaries}/docket --master {ops} status\n"
              "Ctrl-C ends it.", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        print("\nStopping")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


sys.exit(main())
