# SPDX-License-Identifier: Apache-2.0
"""What is built again, and what is not."""

import contextlib
import hashlib
import os
import re
import sqlite3
import unittest

from lib import builds


def setUpModule():
    global ours
    ours = builds.OurBuilds()
    unittest.addModuleCleanup(ours.remove)


def cached(result):
    """The instructions that were taken from the cache, in the order of their ends."""
    names = dict(re.findall(r"^#(\d+) \[[^\]]*\] (.*)$", result.stderr, re.MULTILINE))
    return [names[number].split()[0] for number in re.findall(r"^#(\d+) CACHED$", result.stderr, re.MULTILINE)]


class Cache(unittest.TestCase):
    def context(self, dockerfile, **files):
        context = builds.Context({"Dockerfile": dockerfile} | files)
        self.addCleanup(context.remove)
        return context.directory

    def change(self, directory, name, content):
        builds.write_files(directory, {name: content})

    def test_all_of_it_is_cached_and_the_image_is_the_same(self):
        directory = self.context("FROM localhost/base\nCOPY a /a\nRUN echo $$ > /b\nWORKDIR /w\nENV X=1\n", a="1")
        first = ours.build(directory)
        again = ours.build(directory)
        self.assertEqual(first.stdout, again.stdout)
        self.assertEqual(cached(first), [])
        self.assertEqual(cached(again), ["COPY", "RUN", "WORKDIR"])

    def test_times_do_not_count_and_contents_do(self):
        directory = self.context("FROM localhost/base\nCOPY a /times/\nRUN cat /times/a\n", a="1")
        ours.build(directory)
        os.utime(f"{directory}/a", (1, 1))
        self.assertEqual(cached(ours.build(directory)), ["COPY", "RUN"])
        self.change(directory, "a", "2")  # the size and the time are what they were
        self.assertEqual(cached(ours.build(directory)), [])

    def test_few_of_very_many_files_that_change_make_a_layer_that_stands_on_the_one_before(self):
        files = {f"d{i // 100}/f{i}": f"file {i}" for i in range(1200)}
        directory = self.context("FROM localhost/base\nRUN mkdir -p /many/d1 && echo below > /many/d1/below\nCOPY . /many/\n"
                                 "RUN cat /many/d7/f712 /many/new/file > /seen || true\n", **files)
        options = ("--build-arg", "SOURCE_DATE_EPOCH=1700000000", "-t", "localhost/many")
        ours.build(directory, *options)
        self.assertEqual(self.supports(), 0)
        self.change(directory, "d7/f712", "changed")
        self.change(directory, "new/file", "new")
        os.unlink(f"{directory}/d3/f300")
        changed = ours.build(directory, *options).stdout
        self.assertEqual(self.supports(), 1)
        seen = builds.files_in(ours.tar_of(self.context("FROM localhost/many\n")))
        self.assertEqual(seen["seen"]["content"], hashlib.sha256(b"changednew").hexdigest())
        self.assertNotIn("many/d3/f300", seen)
        self.assertIn("many/d1/below", seen)
        self.assertEqual(ours.build(directory, "--no-cache", *options).stdout, changed, "it is the same image, however it was made")
        # What is removed has hidden a file of a layer below: all of it is written.
        self.change(directory, "d1/below", "above")
        ours.build(directory, *options)
        self.assertEqual(self.supports(), 2)
        os.unlink(f"{directory}/d1/below")
        self.change(directory, "d7/f713", "changed, too")
        ours.build(directory, *options)
        self.assertEqual(self.supports(), 2)
        self.assertEqual(builds.files_in(ours.tar_of(self.context("FROM localhost/many\n")))["many/d1/below"]["content"],
                         hashlib.sha256(b"below\n").hexdigest())

    def supports(self):
        """How many layers stand on another than their parent."""
        with contextlib.closing(sqlite3.connect(f"{ours.store.root}/metadata.db")) as database:
            return database.execute("SELECT count(*) FROM layer_supports JOIN layers USING (chain_id)").fetchone()[0]

    def test_modes_count_and_what_is_ignored_does_not(self):
        directory = self.context("FROM localhost/base\nCOPY . /modes/\n", a="1", **{".dockerignore": "*.log\n"})
        ours.build(directory)
        self.change(directory, "x.log", "anything")
        self.assertEqual(cached(ours.build(directory)), ["COPY"])
        os.chmod(f"{directory}/a", 0o600)
        self.assertEqual(cached(ours.build(directory)), [])

    def test_only_arguments_that_are_declared_before_count(self):
        directory = self.context("FROM localhost/base\nRUN echo before > /v\nARG V\nRUN echo $V > /w\n")
        ours.build(directory, "--build-arg", "V=1")
        self.assertEqual(cached(ours.build(directory, "--build-arg", "V=1")), ["RUN", "RUN"])
        self.assertEqual(cached(ours.build(directory, "--build-arg", "V=2")), ["RUN"])

    def test_a_stage_that_makes_the_same_bytes_changes_nothing_behind_it(self):
        text = "FROM localhost/base AS one\n{}RUN echo same > /x\nFROM localhost/base\nCOPY --from=one /x /from/\nRUN cat /from/x\n"
        ours.build(self.context(text.format("")))
        self.assertEqual(cached(ours.build(self.context(text.format("RUN echo more > /y\n")))), ["COPY", "RUN"])

    def test_a_linked_layer_does_not_depend_on_what_is_below(self):
        text = "FROM localhost/base\nRUN echo {} > /below\nCOPY --link a /bin/linked\n"
        ours.build(self.context(text.format(1), a="1"))
        directory = self.context(text.format(2), a="1")
        self.assertEqual(cached(ours.build(directory, "-t", "linked")), ["COPY"])
        files = builds.files_in(ours.tar_of(directory))
        self.assertIn("bin/linked", files)
        self.assertIn("bin/busybox", files)

    def test_no_cache_runs_everything(self):
        directory = self.context("FROM localhost/base\nRUN echo again > /a\n")
        ours.build(directory)
        self.assertEqual(cached(ours.build(directory, "--no-cache")), [])

    def test_a_mount_is_part_of_the_step_and_a_secrets_value_is_not(self):
        directory = self.context("FROM localhost/base\nRUN --mount=type=secret,id=s,env=S echo > /mounted\n"
                                 "RUN --mount=target=/c cat /c/a > /a\n", a="1")
        secret = f"{ours.store.root}/secret-for-cache"
        for value in ("one", "two"):
            builds.write_files(ours.store.root, {os.path.basename(secret): value})
            result = ours.build(directory, "--secret", f"id=s,src={secret}")
        self.assertEqual(cached(result), ["RUN", "RUN"])
        self.change(directory, "a", "2")
        self.assertEqual(cached(ours.build(directory, "--secret", f"id=s,src={secret}")), ["RUN"])

    def test_another_store_takes_steps_from_an_image(self):
        directory = self.context("FROM localhost/base\nRUN echo $$ $(cat /proc/uptime) > /made\n")
        ours.build(directory, "-t", "localhost/cache:1")
        archive = f"{ours.store.root}/cache.tar"
        ours.store.image("save", "--output", archive, "localhost/cache:1", builds.BASE)
        other = builds.OurBuilds()
        self.addCleanup(other.remove)
        other.store.image("load", "--input", archive)
        self.assertEqual(cached(other.build(directory, "--cache-from", "localhost/cache:1")), ["RUN"])

    def test_pruning_forgets_steps_and_the_image_stays(self):
        directory = self.context("FROM localhost/base\nRUN echo prune > /a\n")
        ours.build(directory, "-t", "localhost/kept")
        self.assertIn("RUN echo prune", ours.store.gantry("builder", "ls").stdout)
        ours.store.gantry("builder", "prune")
        self.assertNotIn("RUN echo prune", ours.store.gantry("builder", "ls").stdout)
        ours.store.inspect("localhost/kept")
        self.assertEqual(cached(ours.build(directory)), [])

    def test_the_same_epoch_gives_the_same_image(self):
        text = "FROM localhost/base\nRUN echo x > /x && mkdir /d\nCOPY a /a\n"
        digests = set()
        for _ in range(2):
            directory = self.context(text, a="1")
            result = ours.build(directory, "--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=1700000000")
            digests.add(result.stdout)
        self.assertEqual(len(digests), 1)
