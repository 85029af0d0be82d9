#!/usr/bin/python3
"""The Debian packages as an administrator meets them: installed, run, upgraded, removed and purged in a
clean root, in which a purge leaves nothing behind.

Usage: packages_test.py BUILD
BUILD/package has the packages; BUILD/package-root keeps the clean root for the next time. Needs root. The
programs run in a network of their own, where their usual ports are free.
"""
import ctypes
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

from clean_root import CleanRoot, base_tar
from fake_systemd import HANG_S, Service, Unit

SERVICES = {"docket-master": "master", "docket-agent": "agent"}
PACKAGES = (*SERVICES, "docket")
# In tenths: systemd's own judgement, from 0 to 10, of what a broken service could still do.
MOST_EXPOSURE = 25
BEGIN = time.monotonic()


def step(text):
    print(f"== {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def expect(condition, what):
    if not condition:
        raise RuntimeError(what)


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    expect(done.returncode == 0, f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def own_namespaces():
    """From here on in network and mount namespaces of our own, which end with us."""
    new_network, new_mounts = 0x40000000, 0x00020000
    libc = ctypes.CDLL(None, use_errno=True)
    expect(libc.unshare(new_network | new_mounts) == 0,
           f"no namespaces of its own: {os.strerror(ctypes.get_errno())}")
    tool("mount", "--make-rprivate", "/")
    tool("ip", "link", "set", "lo", "up")


def depends(debs):
    """Of all packages together, without what they want of one another."""
    fields = [tool("dpkg-deb", "--field", deb, "Depends").strip() for deb in debs]
    return ", ".join(sorted({word for field in fields for word in field.split(", ")}))


def next_version(debs, folder, revision, change_settings=False):
    """The same packages as a later revision, with other settings in their files if wanted."""
    made = []
    for deb in debs:
        tree = folder / f"{deb.name}.{revision}"
        tool("dpkg-deb", "--raw-extract", deb, tree)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^(Version: .*)-\d+$", rf"\1-{revision}", control.read_text(),
                                  flags=re.M))
        for settings in tree.glob("etc/docket/*.toml") if change_settings else ():
            settings.write_text("# Of the new version.\n" + settings.read_text())
        made.append(pathlib.Path(f"{tree}.deb"))
        tool("dpkg-deb", "--root-owner-group", "--build", tree, made[-1])
    return made


def install(root, debs, *options):
    for deb in debs:
        shutil.copy(deb, root.path / "root" / deb.name)
    root.run("dpkg", *options, "--install", *(f"/root/{deb.name}" for deb in debs))
    for deb in debs:
        (root.path / "root" / deb.name).unlink()


def version(root, package):
    return root.run("dpkg-query", "--showformat=${db:Status-Status} ${Version}", "--show", package)


def look_at_units(root):
    for name in SERVICES:
        unit = f"/lib/systemd/system/{name}.service"
        # It says what it finds and may end well all the same.
        said = root.run("sh", "-c", f"systemd-analyze verify --man=no {unit} 2>&1")
        expect(said == "", f"systemd-analyze verify {unit}: {said}")
        said = root.run("systemd-analyze", "security", "--no-pager", "--offline=true",
                        f"--threshold={MOST_EXPOSURE}", unit)
        print(said.strip().split("\n")[-1])
        settings = (root.path / f"etc/docket/{SERVICES[name]}.toml").read_text()
        drain_s = int(re.search(r"^drain = (\d+)$", settings, re.M).group(1))
        stop_s = int(Unit((root.path / unit[1:]).read_text())["TimeoutStopSec"])
        expect(stop_s > drain_s, f"{unit} kills what has {drain_s} s to end")
    wanted = root.path / "etc/systemd/system/multi-user.target.wants"
    expect((wanted / "docket-master.service").is_symlink(), "the master is not enabled")
    expect(not (wanted / "docket-agent.service").is_symlink(), "the agent is enabled without a master")


def look_at_files(root):
    for page in ("man8/docket-master.8", "man8/docket-agent.8", "man1/docket.1"):
        text = tool("gzip", "-dc", root.path / f"usr/share/man/{page}.gz").replace("\\-", "-")
        options = re.findall(r"^  (?:-\w,)?(--[a-z-]+)", root.run(pathlib.Path(page).stem, "--help"),
                             re.M)
        missing = [option for option in options if option not in text]
        expect(options and not missing, f"{page} says nothing of {missing}")
    tool("bash", "-n", root.path / "usr/share/bash-completion/completions/docket")
    tool("zsh", "-n", root.path / "usr/share/zsh/vendor-completions/_docket")


def docket(root, *words):
    """Of a user who is nobody in particular."""
    return json.loads(root.run("docket", *words, "-o", "json", user="nobody"))


def keys(root):
    return [key["name"] for key in docket(root, "keys", "list")["keys"]]


def look_at_data(root):
    folder = root.path / "var/lib/docket/master"
    for path in (folder, *folder.rglob("*")):
        facts = path.stat()
        expect((facts.st_uid, facts.st_gid) == root.account("docket-master"),
               f"{path} belongs to somebody else")
        expect(facts.st_mode & 0o077 == 0, f"{path} is open to others")


def ask(path, body=None):
    """The Jobe API's answer, as an object."""
    request = urllib.request.Request(f"http://127.0.0.1:4000/jobe/index.php/restapi/{path}",
                                     None if body is None else json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class PlainJobe(http.server.BaseHTTPRequestHandler):
    """The Jobe beside the agent, without a sandbox around its programs."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer([["python3", "3.11.2"]])

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        done = subprocess.run(["python3", "-c", order["run_spec"]["sourcecode"]],
                              capture_output=True, text=True)
        self.answer({"run_id": None, "outcome": 15, "cmpinfo": "", "stdout": done.stdout,
                     "stderr": done.stderr})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def join(root, master):
    """The agent's service, when its host has joined by the command that install.md names."""
    master.expect("READY=1")
    said = root.run("docket-agent", "join", docket(root, "agents", "token")["token"])
    print(said.strip())
    key = root.path / "var/lib/docket/agent/agent.key"
    expect(key.stat().st_mode & 0o777 == 0o600, f"{key} is open to others")
    expect(key.stat().st_uid == root.account("docket-agent")[0], f"{key} is not the service's")
    return Service(root, "docket-agent")


def run_services(root):
    """Both by their units; the id of a run that they have done."""
    jobe = http.server.ThreadingHTTPServer(("127.0.0.1", 80), PlainJobe)
    threading.Thread(target=jobe.serve_forever, daemon=True).start()
    with Service(root, "docket-master") as master, join(root, master) as agent:
        for service in (master, agent):
            service.expect("WATCHDOG=1")
        end = time.monotonic() + HANG_S
        while not ask("languages"):
            expect(time.monotonic() < end, f"no agent comes; its log: {agent.log_text()}")
            time.sleep(0.1)
        result = ask("runs", {"run_spec": {"language_id": "python3", "sourcecode": "print(42)"}})
        expect(result["stdout"] == "42\n", f"a run gave {result}")
        docket(root, "keys", "create", "moodle")
        look_at_data(root)
        agent.stop()
        master.stop()
    jobe.shutdown()
    return result["run_id"]


def differences(before, after):
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            yield f"{path}: {before.get(path, 'not there')} before, {after.get(path, 'gone')} after"


def expect_settings(changed):
    for path, text in changed.items():
        expect(path.read_text() == text, f"an upgrade took the settings in {path}")


def upgrade(root, debs, folder, job):
    settings = {name: root.path / f"etc/docket/{name}.toml" for name in SERVICES.values()}
    changed = {settings["agent"]: settings["agent"].read_text()}  # by joining
    changed[settings["master"]] = (settings["master"].read_text() +
                                   "queue-wait = 300  # of the administrator\n")
    settings["master"].write_text(changed[settings["master"]])

    step("An upgrade that brings no other settings asks nothing")
    install(root, next_version(debs, folder, 2))
    expect(version(root, "docket-master").endswith("-2"), version(root, "docket-master"))
    expect_settings(changed)

    step("An upgrade that does keeps those of the administrator")
    install(root, next_version(debs, folder, 3, change_settings=True), "--force-confdef",
            "--force-confold")
    expect_settings(changed)
    with Service(root, "docket-master") as master:
        master.expect("READY=1")
        expect(keys(root) == ["moodle"], "an upgrade lost the keys")
        expect(docket(root, "jobs", "show", job)["state"] == "done", "an upgrade lost a run")
        master.stop()


def remove(root):
    root.run("dpkg", "--remove", *PACKAGES)
    for path in ("usr/sbin/docket-master", "usr/sbin/docket-agent", "usr/bin/docket"):
        expect(not (root.path / path).exists(), f"a removal leaves {path}")
    for path in ("etc/docket/master.toml", "etc/docket/agent.toml", "var/lib/docket/master/docket.db"):
        expect((root.path / path).exists(), f"a removal takes {path}")


def life(root, debs, folder):
    before = root.listing()
    step("Installing")
    install(root, debs)
    for name in SERVICES:
        expect(root.account(name), f"there is no user {name}")
    look_at_units(root)
    look_at_files(root)
    step("Running")
    job = run_services(root)
    upgrade(root, debs, folder, job)
    step("Removing")
    remove(root)
    step("Purging")
    root.run("dpkg", "--purge", *PACKAGES)
    left = list(differences(before, root.listing()))
    expect(not left, "a purge leaves:\n" + "\n".join(left))


def main():
    build = pathlib.Path(sys.argv[1])
    debs = sorted((build / "package").glob("*.deb"))
    expect(len(debs) == len(PACKAGES), f"{build}/package has {len(debs)} packages")
    step("lintian")
    # The packages are not for Debian's archive, whose report of a new package they could close.
    found = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                            "--suppress-tags", "initial-upload-closes-no-bugs", *debs])
    expect(found.returncode == 0, "lintian found the above")
    step("A clean root")
    tar = base_tar(build / "package-root", depends(debs))
    own_namespaces()
    with CleanRoot(tar) as root:
        folder = root.path.with_suffix(".upgrades")
        folder.mkdir()
        try:
            life(root, debs, folder)
        finally:
            shutil.rmtree(folder)
    step("Good")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as problem:
        sys.exit(f"packages_test: {problem}")
