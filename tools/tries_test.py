#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the rule about TRYs finds, and what it leaves alone. tools/check runs it."""

import unittest

from tries import leaking

LEAKS = (
    "A a{.x = text, .y = TRY(f())};",
    "A a = {.x = text, .y = TRY(f())};",
    "return A{text, TRY_DURING(f(), \"read\")};",
    "return {text, TRY(f())};",
    "a = {.x = text, .y = g(1, TRY(f()))};",
    "a = {.x = text, .y = is_there ? TRY(f()) : none};",
    "B b{.x = 1, .a = {.x = TRY(f())}};",
    "B b{.a = {.x = text, .y = TRY(f())}};",
    "list.push_back({name, TRY(f())});",
    "list.push_back({name, TRY(f(g({1, 2})))});",
    "send({.headers = {{\"a\", TRY(f())}}});",
    "std::vector<std::string> list{text, TRY(f())};",
    "const std::array<A, 2> both = {text, TRY(f())};",
    "const auto call = [a = text, b = TRY(f())] { return a + b; };",
    "const auto call = [text, b = TRY(f())] { return b; };",
    "A a{.x = [&] { return 1; }(), .y = TRY(f())};",
    "A a{.x = ')', .y = TRY(f())};",
    "A a{.x = R\"(;)\", .y = TRY(f())};",
    "A a{.x = 1'000,  // a comment; with marks\n    .y = TRY(f())};",
    "p.reset(new A(TRY(f())));",
    "p.reset(new A{TRY(f())});",
    "p.reset(new ns::A<int, B>(1, TRY(f())));",
)

FINE = (
    "const auto y = TRY(f()); A a{.x = text, .y = y};",
    "A a{.x = TRY(f()), .y = text};",
    "B b{.a = {.x = TRY(f())}, .y = text};",
    "g(text, TRY(f()));",
    "list.emplace_back(name, TRY(f()));",
    "g({.x = 1, .y = 2}, TRY(f()));",
    "const std::string both = text + TRY(f());",
    "list[TRY(f())] = 1;",
    "const auto made = std::make_unique<A>(text, TRY(f()));",
    "void g(int a, int b) { TRY(f()); }",
    "void g(int a, int b) { if (TRY(f())) { return 1; } }",
    "on_loop(1, [&] { g(a, b); return TRY(f()); });",
    "A a{.x = text, .y = [&]() -> Result<int> { return TRY(f()); }()};",
    "// A a{.x = text, .y = TRY(f())};",
    "const char* text = \"{a, TRY(f())}\";",
    "enum class E { A, B }; Result<void> g() { return TRY(f()); }",
    "RETRY(a, {b, RETRY(c)});",
)


class Tries(unittest.TestCase):
    def test_finds_what_leaks(self):
        for text in LEAKS:
            with self.subTest(text):
                self.assertEqual(leaking(f"void g() {{\n{text}\n}}\n"), [2 + text[:text.find("TRY")].count("\n")])

    def test_leaves_alone_what_does_not(self):
        for text in FINE:
            with self.subTest(text):
                self.assertEqual(leaking(f"namespace a {{\ntemplate <class A, class B>\n{text}\n}}\n"), [])


if __name__ == "__main__":
    unittest.main()
