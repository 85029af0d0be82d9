#!/usr/bin/env python3
"""Writes a program's manual page from its own --help, so that they cannot disagree.

Usage: man_page.py PROGRAM SECTION [MORE]
PROGRAM is started with --help, and so are all of its commands. MORE is a file in man's language that is
put at the end: what --help does not say. The page goes to standard output.
"""
import pathlib
import re
import subprocess
import sys

COMMON = ("-h,--help", "--version", "--master http", "-o,--output", "--no-headers")  # told once, of the whole program


class Help:
    """The parts of one --help text as CLI11 writes it."""

    def __init__(self, program, words):
        text = subprocess.run([program, *words, "--help"], check=True, capture_output=True,
                              text=True).stdout
        self.about, rest = text.split("\nUsage: ", 1)
        self.usage, rest = rest.split("\n", 1)
        self.sections = {}  # title -> [[names, about], …]
        self.footer = ""
        entries = None
        lines = rest.split("\n")
        for number, line in enumerate(lines):
            if re.fullmatch(r"(Positionals|Options|Commands|Subcommands):", line):
                entries = self.sections.setdefault(line[:-1].removeprefix("Sub").capitalize(), [])
            elif not line.strip():
                continue
            elif entries is None or not line.startswith("  "):
                self.footer = "\n".join(lines[number:]).strip("\n")
                break
            elif line.startswith(" " * 20):  # the names left no room
                entries[-1][1] = line.strip()
            else:
                names, _, about = line.strip().partition("  ")
                entries.append([names, about.strip()])


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def entries(rows):
    for names, about in rows:
        yield f".TP\n.B {escaped(names)}\n{escaped(about)}"


def verbatim(text):
    return f".PP\n.EX\n{escaped(text)}\n.EE"


def commands(program, name, words, level_help):
    """Each command below, with its own options."""
    for command, _ in level_help.sections.get("Commands", []):
        path = [*words, command]
        own = Help(program, path)
        yield f".SS {escaped(' '.join([name, *path]))}\n{escaped(own.about)}.\n.PP\n{escaped(own.usage)}"
        rows = own.sections.get("Positionals", []) + own.sections.get("Options", [])
        yield from entries(row for row in rows if not row[0].startswith(COMMON))
        if own.footer:
            yield verbatim(own.footer)
        yield from commands(program, name, path, own)


def page(program, section, more):
    name = pathlib.Path(program).name
    whole = Help(program, [])
    version = subprocess.run([program, "--version"], check=True, capture_output=True,
                             text=True).stdout.split()[-1]
    kind = "System Administration" if section == "8" else "User Commands"
    about = whole.about[0].lower() + whole.about[1:]
    yield f'.TH {name.upper()} {section} "" "Docket {version}" "{kind}"'
    yield f".SH NAME\n{escaped(name)} \\- {escaped(about)}"
    yield f".SH SYNOPSIS\n{escaped(whole.usage)}"
    yield ".SH OPTIONS"
    yield from entries(whole.sections["Options"])
    if "Commands" in whole.sections:
        yield ".SH COMMANDS"
        yield from commands(program, name, [], whole)
    if whole.footer:
        yield f".SH EXAMPLES\n{verbatim(whole.footer)}"
    if more:
        yield pathlib.Path(more).read_text(encoding="utf-8").rstrip("\n")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    print("\n".join(page(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else None)))


if __name__ == "__main__":
    main()
