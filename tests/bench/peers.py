"""What the benchmarks share: Docket's programs, HAProxy beside it, and facts about the machine."""
import argparse
import contextlib
import datetime
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from local_cluster import Cluster, call, wait_for_agents

ROOT = pathlib.Path(__file__).resolve().parents[2]


def fail(reason):
    print(f"bench: {reason}", file=sys.stderr)
    sys.exit(1)


def say(text):
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def need(command, package):
    if shutil.which(command) is None:
        fail(f"{command} is missing; install {package}: scripts/deps bench")


@contextlib.contextmanager
def built(*programs):
    """Builds them and gives a folder with copies, so that a build meanwhile changes nothing."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="docket-bench."))
    try:
        done = subprocess.run([ROOT / "scripts/build", "release", *programs],
                              capture_output=True, text=True)
        if done.returncode != 0:
            fail(f"the build fails:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        for program in programs:
            shutil.copy(ROOT / "build/release/bin" / program, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def cluster(binaries):
    """A cluster in a folder of its own; ended and removed in the end."""
    folder = tempfile.mkdtemp(prefix="docket-bench.")
    running = Cluster(folder, binaries)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_docket(running, sandboxes, slots):
    """A master, and an agent beside each sandbox; the master's facts once all take work."""
    master = running.start_master()
    agents = [running.start_agent(master, sandbox, f"host-{number}", slots)
              for number, sandbox in enumerate(sandboxes, 1)]
    # A sandbox that runs nothing fails the canaries, and others would be measured with them.
    for number in range(1, len(sandboxes) + 1):
        call("POST", f"http://{master['ops']}/api/v1/agents/host-{number}/resume")
    wait_for_agents(master, len(sandboxes))
    return master | {"url": f"http://{master['jobe']}",
                     "agent_pids": [agent["pid"] for agent in agents]}


def start_haproxy(running, sandboxes, balance, at_a_time=0):
    """HAProxy in front of them. `at_a_time`: it queues what a sandbox has no slot for; 0: it passes
    everything on at once."""
    limit = f" maxconn {at_a_time}" if at_a_time else ""
    servers = "".join(f"  server s{number} {sandbox['listen']}{limit}\n"
                      for number, sandbox in enumerate(sandboxes))
    # It inherits the listening socket, so the port is its own from the start.
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        path = running.folder / f"haproxy-{listener.getsockname()[1]}.cfg"
        path.write_text(
            "global\n  maxconn 8000\ndefaults\n  mode http\n  maxconn 8000\n"
            "  option http-keep-alive\n  http-reuse always\n  timeout connect 5s\n"
            "  timeout client 900s\n  timeout server 900s\n  timeout queue 900s\n"
            f"listen jobe\n  bind fd@{listener.fileno()}\n  balance {balance}\n{servers}")
        process, log = running.run("haproxy", shutil.which("haproxy"), "-db", "-f", path,
                                   pass_fds=[listener.fileno()])
        time.sleep(0.3)  # connections made before it serves wait for it; this is for its errors
        if process.poll() is not None:
            fail(f"HAProxy does not start: {log.read_text()}")
        return {"url": "http://{}:{}".format(*listener.getsockname()), "pid": process.pid}


def number(text):
    """An option's value."""
    if not text.isdecimal() or not 1 <= int(text) <= 99_999:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 99999")
    return int(text)


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def machine():
    model = next((line.split(": ", 1)[1] for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "unknown CPU").strip()
    congestion = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    file_system = output_of("findmnt", "-no", "FSTYPE", "-T", tempfile.gettempdir())
    return (f"{os.cpu_count()} cores, {model}, Linux {os.uname().release}, {congestion}, "
            f"{file_system} for the database; all on it")


def print_facts(arguments, *more):
    """The head of a result: where, what and when."""
    print(f"- Machine: {machine()}")
    print(f"- Load average before: {' '.join(f'{x:.1f}' for x in os.getloadavg())}")
    print_command(arguments)
    for line in more:
        print(f"- {line}")
    print(flush=True)


def print_command(arguments):
    words = [f'"{word}"' if " " in word else word for word in arguments]
    commit = output_of("git", "describe", "--always", "--dirty") or "unknown"
    now = datetime.datetime.now(datetime.timezone.utc)
    print(f"- Command: `{' '.join(['scripts/bench', *words])}`, commit {commit}, {now:%Y-%m-%d %H:%M} "
          "UTC")


def haproxy_version():
    return " ".join(output_of("haproxy", "-v").split()[:3])
