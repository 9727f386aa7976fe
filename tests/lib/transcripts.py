# SPDX-License-Identifier: Apache-2.0
"""Transcripts: what somebody types and what comes back, as text files. The file is the list of cases and the record.

    == a case, which starts with nothing but the images it was given
    # A comment.
    $ docker run --rm busybox sh -c 'echo out; echo err >&2; exit 7'
    > out
    ! err
    [7]
    ~ since API 1.44 it says it better
    > other

A command is a line for sh. Below it: standard output ("> "), standard error ("! "), the exit status unless it is 0.
A line that begins with "~ " says why another daemon may answer otherwise, and is followed by that other answer; one that
begins with "~gantry " says it of our command in the client's place.
What differs from run to run is replaced by words first (`normalised`).
"""

import os
import re
import subprocess
from typing import NamedTuple

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
SPAN = r"(?:Less than a second|About an? (?:minute|hour)|\d+ (?:second|minute|hour)s?)"

# In this order: what comes first may hold what comes later.
WORDS = [(re.compile(pattern), word) for pattern, word in (
    (r"\x1b\[[0-9;?]*[A-Za-z]", ""),                                       # colours, and lines that are written again
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4} [A-Z]+", "<time>"),
    (rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:{MONTHS}) +\d+ \d\d:\d\d:\d\d \d{{4}}", "<time>"),
    (rf"{SPAN} ago", "<ago>"),
    (rf"Up {SPAN}", "Up <span>"),
    (r"\b[0-9a-f]{64}\b", "<id>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b", "<short id>"),
    (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
    (r"(?<=digest: sha256:<id> size: )\d+", "<size>"),
    (r"(?<=[\s\"'])/proc/\d+/", "/proc/<pid>/"),
    (r":(?:49[1-9]\d\d|3[2-9]\d{3}|4\d{4}|5\d{4}|6[0-5]\d{3})\b", ":<port>"),
    (r"(?<=\S) {2,}", "  "),                                               # columns are as wide as what was replaced
    (r"[ \t]+$", ""),
)]


# The client prints it when one of two answers comes before the other.
RACE = "error waiting for container: context canceled"


def normalised(text, names=()):
    """`names`: (text, word) pairs of one's own, such as a directory."""
    for name, word in names:
        text = text.replace(name, word)
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        for pattern, word in WORDS:
            line = pattern.sub(word, line)
        if RACE not in line:
            lines.append(line)
    return "\n".join(lines)


# The programs that an error has come through: dockerd, containerd's shim, runc; and what containerd puts behind it.
CHAIN = re.compile(r"(failed to create shim task: |runc create failed: |exec failed: |unable to start container process: "
                   r"|: unknown(?=\.?$))")


def folded(line):
    """As lines are compared: Docker has changed the capital letters of its errors with almost every version."""
    return CHAIN.sub("", line).lower() if "rror" in line or "OCI runtime" in line else line


class Answer(NamedTuple):
    stdout: list
    stderr: list
    status: int

    def lines(self):
        yield from (f"> {line}".rstrip() for line in self.stdout)
        yield from (f"! {line}".rstrip() for line in self.stderr)
        if self.status:
            yield f"[{self.status}]"

    def is_like(self, other):
        return [folded(line) for line in self.lines()] == [folded(line) for line in other.lines()]

    def tells_the_same_as(self, other):
        """Of another command: it has errors of its own, but says what the daemon says, exits alike, and writes the same
        to standard output. There "..." stands for whatever comes last."""
        wanted, ours = list(map(folded, other.stdout)), list(map(folded, self.stdout))
        if wanted[-1:] == ["..."]:
            wanted, ours = wanted[:-1], ours[:len(wanted) - 1]
        return ours == wanted and self.status == other.status and set(other.said_by_daemon()) <= set(self.said_by_daemon())

    def said_by_daemon(self):
        return [folded(found[0]).rstrip(".") for line in self.stderr
                if (found := re.search(r"Error response from daemon: .*", line))]

    def __str__(self):
        return "".join(f"{line}\n" for line in self.lines())


class Step:
    """A command, what it answered the original, and where others may differ: why, and how."""

    def __init__(self, command, line):
        self.command, self.line = command, line
        self.answers = {None: Answer([], [], 0)}  # whose -> what; None: what is recorded, "": another daemon's
        self.reasons = {}

    def expected(self, *others):
        """Of the first of them that may differ, else what is recorded."""
        return next((self.answers[whose] for whose in (*others, "") if whose in self.answers), self.answers[None])

    def __str__(self):
        others = "".join(f"~{whose} {reason}\n{self.answers[whose]}" for whose, reason in self.reasons.items())
        return f"$ {self.command}\n{self.answers[None]}{others}"


class Case:
    def __init__(self, title):
        self.title = title
        self.items = []  # steps, and lines that are none: comments and empty ones

    def steps(self):
        return [item for item in self.items if isinstance(item, Step)]

    def __str__(self):
        return f"== {self.title}\n" + "".join(str(item) if isinstance(item, Step) else f"{item}\n" for item in self.items)


class Transcript:
    def __init__(self, path):
        self.path = path
        self.head = []  # what stands before the first case
        self.cases = []
        with open(path) as file:
            for number, line in enumerate(file.read().splitlines(), 1):
                self._take(number, line)

    def _take(self, number, line):
        step = self.cases[-1].items[-1] if self.cases and self.cases[-1].items else None
        if line.startswith("== "):
            self.cases.append(Case(line[3:]))
        elif not self.cases:
            self.head.append(line)
        elif line.startswith("$ "):
            self.cases[-1].items.append(Step(line[2:], number))
        elif not line or line.startswith("#"):
            self.cases[-1].items.append(line)
        elif not isinstance(step, Step):
            raise ValueError(f"{self.path}:{number}: an answer to no command")
        elif line.startswith("~"):
            whose, _, reason = line[1:].partition(" ")
            step.reasons[whose], step.answers[whose] = reason, Answer([], [], 0)
        else:
            self._take_answer(step, number, line)

    def _take_answer(self, step, number, line):
        whose = next(reversed(step.answers))
        answer = step.answers[whose]
        if line.startswith(">"):
            answer.stdout.append(line[2:])
        elif line.startswith("!"):
            answer.stderr.append(line[2:])
        elif re.fullmatch(r"\[\d+\]", line):
            answer = answer._replace(status=int(line[1:-1]))
        else:
            raise ValueError(f"{self.path}:{number}: not a line of a transcript: {line}")
        step.answers[whose] = answer

    def write(self):
        with open(self.path, "w") as file:
            file.write("".join(f"{line}\n" for line in self.head) + "".join(map(str, self.cases)))


def run(command, *, cwd, env, names=(), timeout=60):
    """The answer to one line."""
    try:
        result = subprocess.run(["sh", "-c", command], cwd=cwd, env=os.environ | env, stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still running after {timeout} s: {command}") from None

    def lines(data):
        text = normalised(data.decode(errors="replace"), names)
        return text.removesuffix("\n").split("\n") if text else []

    return Answer(lines(result.stdout), lines(result.stderr), result.returncode)
