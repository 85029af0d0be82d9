"""A burst: many runs sent through a Jobe API at the same moment, each on a connection of its own.

What counts as right is the caller's: an outcome and, where it matters, the output.
"""
import asyncio
import dataclasses
import json
import time
import urllib.parse

PATH = "/jobe/index.php/restapi/runs"


@dataclasses.dataclass(frozen=True)
class Program:
    language: str
    source: str
    outcome: int = 15
    stdout: str | None = None  # None: whatever it is
    cputime: int = 5


@dataclasses.dataclass
class Answer:
    verdict: str  # "right", "outcome 21", "HTTP 503", "wrong output", "lost"
    seconds: float  # from the moment all were sent


class Burst:
    """The answers to one burst."""

    def __init__(self, answers):
        self.answers = answers

    def count(self, verdict):
        return sum(answer.verdict == verdict for answer in self.answers)

    @property
    def wrong(self):
        return len(self.answers) - self.count("right")

    def failures(self):
        """The verdicts other than right with their counts, the commonest first."""
        kinds = {answer.verdict for answer in self.answers} - {"right"}
        return sorted(((kind, self.count(kind)) for kind in kinds), key=lambda x: (-x[1], x[0]))

    def makespan(self):
        return max(answer.seconds for answer in self.answers)

    def percentile(self, percent):
        """Of the right answers, by nearest rank; None if there are none."""
        times = sorted(answer.seconds for answer in self.answers if answer.verdict == "right")
        return times[-(-len(times) * percent // 100) - 1] if times else None


def request_of(host, program):
    body = json.dumps({"run_spec": {
        "language_id": program.language, "sourcecode": program.source, "input": "",
        "file_list": [], "parameters": {"cputime": program.cputime}}}).encode()
    head = (f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def verdict_of(status, body, program):
    if status != 200:
        return f"HTTP {status}"
    try:
        result = json.loads(body)
        outcome, stdout = result["outcome"], result["stdout"]
    except (ValueError, KeyError, TypeError):
        return "unreadable"
    if outcome != program.outcome:
        return f"outcome {outcome}"
    if program.stdout is not None and stdout != program.stdout:
        return "wrong output"
    return "right"


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(":", 1) for line in head[1:] if ":" in line)
    return int(head[0].split()[1]), await reader.readexactly(int(headers["content-length"]))


async def ask(host, port, program, connected, go, bound_s):
    """One run; `connected` is told when its connection stands, and then it waits for `go`."""
    writer = None
    try:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 30)
        finally:
            connected.release()
        started = await go
        writer.write(request_of(f"{host}:{port}", program))
        status, body = await asyncio.wait_for(read_answer(reader), bound_s)
        verdict = verdict_of(status, body, program)
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, KeyError, ValueError):
        started = await go
        verdict = "lost"
    seconds = time.monotonic() - started
    if writer is not None:
        writer.close()
    return Answer(verdict, seconds)


async def send_all(host, port, programs, bound_s):
    connected = asyncio.Semaphore(0)
    go = asyncio.get_running_loop().create_future()
    asked = [asyncio.create_task(ask(host, port, program, connected, go, bound_s))
             for program in programs]
    for _ in asked:
        await connected.acquire()
    go.set_result(time.monotonic())
    return Burst(await asyncio.gather(*asked))


def burst(url, programs, bound_s=900):
    """Sends them all at once, when every connection stands; no answer within the bound is lost."""
    address = urllib.parse.urlsplit(url)
    return asyncio.run(send_all(address.hostname, address.port, programs, bound_s))
