#!/usr/bin/env python3
"""What `docket completion` prints, tried in real shells.

Usage: completion_test.py DOCKET
"""
import re
import subprocess
import sys
import unittest

DOCKET = ""


def script(shell):
    return subprocess.run([DOCKET, "completion", shell], check=True, capture_output=True,
                          text=True).stdout


def bash(*words):
    """What bash offers for the last of the words behind docket."""
    line = " ".join(f"'{word}'" for word in ("docket", *words))
    program = (f"{script('bash')}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}\n"
               "_docket; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "--norc", "-euc", program], check=True, capture_output=True,
                          text=True, cwd="/usr")
    assert done.stderr == "", done.stderr
    return set(done.stdout.split())


# zsh's own completion functions only work inside its editor; these say what they were given.
ZSH_STAND_INS = """
compdef() { : }
compadd() { shift; print -l -- "$@" }
_files() { print -l FILES }
_describe() { [[ $1 != -o ]] || shift; print -l -- "${(@P)2}" }
"""


def zsh(*words):
    line = " ".join(f"'{word}'" for word in ("docket", *words))
    program = (f"{ZSH_STAND_INS}\n{script('zsh')}\nwords=({line}); CURRENT={len(words) + 1}\n"
               "_docket")
    done = subprocess.run(["zsh", "-fc", program], check=True, capture_output=True, text=True)
    assert done.stderr == "", done.stderr
    return [line for line in done.stdout.split("\n") if line]


def helped(*words):
    """The commands and options that --help lists."""
    text = subprocess.run([DOCKET, *words, "--help"], check=True, capture_output=True,
                          text=True).stdout
    commands = re.search(r"\nCommands:\n((?:  .*\n)+)", text)
    commands = re.findall(r"^  ([a-z]\S*)", commands.group(1), re.M) if commands else []
    options = re.search(r"\nOptions:\n((?:  .*\n)+)", text).group(1)
    options = [name for names in re.findall(r"^  (-\S+)", options, re.M)
               for name in names.split(",")]
    return commands, options


def every_command(*words):
    yield words
    for command in helped(*words)[0]:
        yield from every_command(*words, command)


class Completion(unittest.TestCase):
    def test_all_that_help_lists_is_offered(self):
        seen = 0
        for words in every_command():
            commands, options = helped(*words)
            seen += 1
            with self.subTest(words=words):
                if commands:
                    self.assertEqual(bash(*words, ""), set(commands))
                    self.assertEqual([line.split(":")[0] for line in zsh(*words, "")], commands)
                self.assertEqual(bash(*words, "-"), set(options))
                self.assertEqual({line.split(":")[0] for line in zsh(*words, "-")}, set(options))
        self.assertGreater(seen, 10)

    def test_a_begun_word_is_finished(self):
        self.assertEqual(bash("agents", "dr"), {"drain"})
        self.assertEqual(bash("jobs", "list", "--st"), {"--state"})
        self.assertEqual(bash("nonsense", "dr"), set())

    def test_values(self):
        self.assertEqual(bash("jobs", "list", "--state", "ru"), {"running"})
        self.assertEqual(bash("-o", ""), {"table", "wide", "json", "jsonl", "name"})
        self.assertEqual(bash("completion", ""), {"bash", "zsh"})
        self.assertEqual(bash("agents", "drain", "--reason", ""), set())
        self.assertEqual(zsh("jobs", "list", "-o", ""), ["table", "wide", "json", "jsonl", "name"])
        self.assertEqual(zsh("completion", ""), ["bash", "zsh"])
        self.assertEqual(zsh("agents", "drain", "--reason", ""), [])

    def test_files(self):
        self.assertIn("share", bash("run", ""))
        self.assertIn("share", bash("run", "--stdin", "sh"))
        self.assertEqual(zsh("run", ""), ["FILES"])
        self.assertEqual(zsh("run", "--file", ""), ["FILES"])

    def test_an_option_before_the_command_does_not_mislead(self):
        self.assertEqual(bash("-o", "json", "agents", "res"), {"resume"})
        self.assertEqual(zsh("-o", "json", "keys", "")[0].split(":")[0], "create")

    def test_descriptions(self):
        self.assertIn("drain:Give a host nothing new, and wait until nothing runs there",
                      zsh("agents", ""))


if __name__ == "__main__":
    DOCKET = sys.argv.pop(1)
    unittest.main()
