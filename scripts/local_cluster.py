"""Starts Docket's programs on loopback and ends them again; for scripts/demo and scripts/bench."""
import ctypes
import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request


class Cluster:
    """Programs started in order; they end in the reverse order, or with this process."""

    def __init__(self, folder, binaries):
        self.folder, self.binaries, self.processes = pathlib.Path(folder), binaries, []

    def start(self, program, *options):
        """Starts one of Docket's programs; returns the facts of its ready line and its pid."""
        process, log = self.run(program, self.binaries / program, *options)
        while line := process.stdout.readline().decode():
            if line.startswith("ready "):
                return dict(fact.split("=", 1) for fact in line.split()[1:]) | {"pid": process.pid}
        sys.exit(f"{program} did not start:\n{log.read_text()}")

    def run(self, name, *command, **more):
        """Starts any program; returns it and the path of what it writes to stderr."""
        log = self.folder / f"{name}-{len(self.processes)}.log"
        with open(log, "wb") as stderr:
            process = subprocess.Popen(
                [str(word) for word in command], stdout=subprocess.PIPE, stderr=stderr,
                stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent,
                **more)
        self.processes.append(process)
        return process, log

    def stop(self):
        # What was started last goes first: agents can still say goodbye to their master.
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        self.processes.clear()

    def start_master(self):
        """Returns the addresses jobe, ops and agents, and the public key link."""
        return self.start("docket-master", "--jobe-listen", "127.0.0.1:0", "--ops-listen",
                          "127.0.0.1:0", "--agents-listen", "tcp://127.0.0.1:0",
                          "--data", self.folder / f"master-{len(self.processes)}")

    def start_agent(self, master, sandbox, name, slots):
        """Joins the host by a token, as an admin would, and starts its agent."""
        data = self.folder / f"{name}-{len(self.processes)}"
        config = self.folder / f"{data.name}.toml"
        config.write_text(f"slots = {slots}\n")
        made = json.loads(call("POST", f"http://{master['ops']}/api/v1/agents/tokens", {})[1])
        process, log = self.run("docket-agent-join", self.binaries / "docket-agent", "join",
                                made["token"], "--name", name, "--config", config, "--data", data,
                                "--jobe", f"http://{sandbox['listen']}",
                                "--force")  # sandboxes of measurements run nothing
        said = process.stdout.read().decode()
        if process.wait() != 0:
            sys.exit(f"{name} did not join:\n{said}{log.read_text()}")
        return self.start("docket-agent", "--config", config)


def end_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def call(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method,
                                     headers={"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def wait_for_agents(master, count, within_s=20):
    """Until that many agents take work."""
    url = f"http://{master['ops']}/api/v1/agents"
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        agents = json.loads(call("GET", url)[1])["agents"]
        if sum(agent["state"] == "active" for agent in agents) == count:
            return
        time.sleep(0.05)
    sys.exit(f"only {len(agents)} of {count} agents came within {within_s} s: {agents}")
