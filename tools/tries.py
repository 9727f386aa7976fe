# SPDX-License-Identifier: Apache-2.0
"""TRYs that leak: a `return` in the middle of an expression loses what g++ 12 has built of it by then.

Members of an aggregate, elements of an array or a braced list and captures of a lambda are destroyed only once all
of them are there, and only an exception gives back the memory of `new X(...)`. Arguments of calls and operands are
temporaries, and safe. The rule is about form, since types cannot be seen here: in braces that initialise and in
captures, a TRY comes first or not at all; in a new-expression not at all. (An aggregate in parentheses looks like a
call, and is for the reader to see.)
"""

import re

# First what may hold a bracket or a TRY without being one (a raw string's end names its start; the ' of 20'000 begins
# no character), then what the rule looks at.
TOKEN = re.compile(
    r"""R"(?P<delimiter>[^\s()\\]{0,16})\((?s:.*?)\)(?P=delimiter)" | "(?:[^"\\\n]|\\.)*"
      | (?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+' | //[^\n]* | /\*(?s:.*?)\*/
      | (?P<try>\bTRY(?:_DURING)?\() | (?P<open>[({\[]) | (?P<close>[)}\]]) | (?P<mark>[,;])""", re.X)
NEW = re.compile(r"\bnew [\w:<>, ]+$")


class Bracket:
    """One that is open, and the TRYs whose return would leave it."""

    def __init__(self, kind, start):
        self.kind = kind
        self.start = start
        self.is_behind_comma = self.has_statements = False
        self.tries = []  # (position, whether something of this bracket was built before)

    def add(self, position):
        self.tries.append((position, self.is_behind_comma and self.kind != "("))

    def leaks(self, text):
        """Where TRYs lose something here, and where they may yet, by what stands around this bracket."""
        before = text[max(0, self.start - 80):self.start].rstrip()
        if self.kind == "{" and (self.has_statements or before.endswith(")")):
            return [], []  # a block
        if self.kind != "[" and NEW.search(before):
            return [position for position, _ in self.tries], []
        return ([position for position, is_late in self.tries if is_late],
                [position for position, is_late in self.tries if not is_late])


def leaking(text):
    """The numbers of the lines on which a TRY leaks."""
    if "TRY" not in text:
        return []
    stack, found = [Bracket("(", 0)], []
    for token in TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "try":
            stack[-1].add(token.start())
            stack.append(Bracket("(", token.end() - 1))
        elif kind == "open":
            stack.append(Bracket(token[0], token.start()))
        elif kind == "mark" and token[0] == ",":
            stack[-1].is_behind_comma = True
        elif kind == "mark":
            stack[-1].has_statements = True
        elif kind == "close" and len(stack) > 1:
            bracket = stack.pop()
            if bracket.tries:
                lost, undecided = bracket.leaks(text)
                found += lost
                for position in undecided:
                    stack[-1].add(position)
    return sorted({text.count("\n", 0, position) + 1 for position in found})
