"""What systemd does with a unit, as far as a service sees it: its user, folders and limits, its system
calls, and the socket on which it says how it is. For a root in which systemd does not run."""
import errno
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

import seccomp

HANG_S = 60


class Unit:
    def __init__(self, text):
        self.values = {}
        for line in text.splitlines():
            if "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                self.values.setdefault(key, []).append(value)

    def __getitem__(self, key):
        return self.values[key][-1]

    def get(self, key, default=None):
        return self.values.get(key, [default])[-1]


def members(group):
    """The system calls of one of systemd's groups."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], check=True,
                          capture_output=True, text=True).stdout
    found = set()
    for word in (line.strip() for line in text.splitlines()[1:]):
        if word.startswith("@"):
            found |= members(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def system_call_filter(unit):
    """As systemd makes it of SystemCallFilter= (the first list allows) and RestrictAddressFamilies=."""
    allowed = set()
    for line in unit.values["SystemCallFilter"]:
        names = set()
        for word in line.removeprefix("~").split():
            names |= members(word) if word.startswith("@") else {word}
        allowed = allowed - names if line.startswith("~") else allowed | names
    made = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in sorted(allowed - {"socket"}):
        try:
            made.add_rule(seccomp.ALLOW, name)
        except (OSError, RuntimeError, ValueError):
            pass  # one that this machine does not have
    for family in unit["RestrictAddressFamilies"].split():
        made.add_rule(seccomp.ALLOW, "socket",
                      seccomp.Arg(0, seccomp.EQ, getattr(socket, family)))
    return made


class Service:
    """Runs while the object is in use."""

    def __init__(self, root, name):
        self.root = root
        self.name = name
        self.unit = Unit((root.path / f"lib/systemd/system/{name}.service").read_text())
        self.filter = system_call_filter(self.unit)
        self.said = ""  # all messages, for a failure's report

    def __enter__(self):
        owner = self.root.account(self.unit["User"])
        self.make_state_folder(owner)
        at = f"/run/{self.name}.notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.root.path) + at)
        os.chmod(str(self.root.path) + at, 0o666)
        self.log = open(self.root.path / f"run/{self.name}.log", "w+", encoding="utf-8")
        # A hundredth of what the unit says: what is tested is that it is fed at all.
        watchdog_us = int(self.unit["WatchdogSec"]) * 1_000_000 // 100
        environment = {"PATH": "/usr/sbin:/usr/bin", "NOTIFY_SOCKET": at,
                       "WATCHDOG_USEC": str(watchdog_us)}
        self.process = subprocess.Popen(
            self.unit["ExecStart"].split(), preexec_fn=self.become, env=environment,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.log.close()
        for name in ("notify", "log"):
            (self.root.path / f"run/{self.name}.{name}").unlink()

    def become(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Not above this machine's bound, which not every root may raise.
        most = min(int(self.unit.get("LimitNOFILE", min(1024, soft))), hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.umask(int(self.unit["UMask"], 8))
        self.root.enter(self.unit["User"])()
        self.filter.load()

    def make_state_folder(self, owner):
        folder = self.root.path / "var/lib" / self.unit["StateDirectory"]
        if not folder.exists():
            folder.parent.mkdir(mode=0o755, exist_ok=True)
            folder.mkdir()
            os.chown(folder, *owner)
        folder.chmod(int(self.unit["StateDirectoryMode"], 8))

    def expect(self, word):
        """Waits for a message with this line."""
        end = time.monotonic() + HANG_S
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, min(1.0, end - time.monotonic())))
            try:
                message = self.socket.recv(4096).decode()
            except TimeoutError:
                if self.process.poll() is not None:
                    break
                continue
            self.said += message + "\n"
            if word in message.split("\n"):
                return
        raise RuntimeError(f"{self.name} did not say {word}; it said: {self.said}; its log: "
                           f"{self.log_text()}")

    def log_text(self):
        return pathlib.Path(self.log.name).read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.expect("STOPPING=1")
        status = self.process.wait(HANG_S)
        if status != 0:
            raise RuntimeError(f"{self.name} ended with status {status}; its log: "
                               f"{self.log_text()}")
