"""A small Debian of its own: made once by mmdebstrap, kept as a tar, unpacked for each test."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

SUITE = "bookworm"
KEPT_DAYS = 7  # then made again, so that it has Debian's newer versions

# What package management itself writes down or keeps, whoever comes and goes.
RECORDS = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/etc/.pwd.lock",
           "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/proc", "/sys", "/dev",
           "/run/systemd")


def base_tar(folder, depends):
    """A root that has everything of `depends`, and nothing more; the path of its tar."""
    name = hashlib.sha256(f"{SUITE} {depends}".encode()).hexdigest()[:16]
    tar = folder / f"base-{name}.tar"
    if tar.exists() and time.time() - tar.stat().st_mtime < KEPT_DAYS * 86_400:
        return tar
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    satisfy = f'chroot "$1" apt-get satisfy -qq -y --no-install-recommends "{depends}" > /dev/null'
    half = folder / "half.tar"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--customize-hook={satisfy}",
                    SUITE, str(half)], check=True)
    half.rename(tar)
    return tar


class CleanRoot:
    """Unpacked while the object is in use."""

    def __init__(self, tar):
        self.tar = tar

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="root-", dir=self.tar.parent))
        subprocess.run(["tar", "-C", self.path, "-xf", self.tar, "--numeric-owner"], check=True)
        self.path.chmod(0o755)
        for name in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", self.path / name], check=True)
        return self

    def __exit__(self, *_):
        for name in ("dev", "proc"):
            subprocess.run(["umount", "--recursive", "--lazy", self.path / name], check=True)
        shutil.rmtree(self.path)

    def account(self, name):
        """uid and gid of a user in there; None when there is no such user."""
        for line in (self.path / "etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2]), int(fields[3])
        return None

    def enter(self, user="root"):
        """What a child does before it becomes a program in there."""
        uid, gid = self.account(user)

        def become():
            os.chroot(self.path)
            os.chdir("/")
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        return become

    def run(self, *words, user="root"):
        """Its standard output; raises with all that it said when it fails."""
        done = subprocess.run(words, preexec_fn=self.enter(user), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                   "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def listing(self):
        """Path -> what stands there, of all that no record keeping touches."""
        found = {}
        for folder, folders, files in os.walk(self.path):
            here = "/" + os.path.relpath(folder, self.path).removeprefix(".")
            folders[:] = [name for name in folders if not recorded(os.path.join(here, name))]
            for name in folders + files:
                inside = os.path.join(here, name)
                if not recorded(inside):
                    found[inside] = fingerprint(os.path.join(folder, name))
        return found


def recorded(path):
    return any(path == record or path.startswith(record + "/") for record in RECORDS)


def fingerprint(path):
    facts = os.lstat(path)
    content = ""
    if os.path.islink(path):
        content = os.readlink(path)
    elif os.path.isfile(path):
        content = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    return facts.st_mode, facts.st_uid, facts.st_gid, content
