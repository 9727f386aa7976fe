# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles built by us and by buildah have the same files, modes, owners and configuration."""

import io
import os
import tarfile
import unittest

from build.cases import CASES
from lib import builds


def setUpModule():
    global ours, theirs
    ours = builds.OurBuilds()
    unittest.addModuleCleanup(ours.remove)
    theirs = builds.BuildahBuilds(ours)
    unittest.addModuleCleanup(theirs.remove)


def tar_file(entries, mode="w"):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:
        for path, content, owner in entries:
            member = tarfile.TarInfo(path)
            member.uid = member.gid = owner
            member.mode, member.size, member.mtime = 0o640, len(content), 1_500_000_000
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def files_of(name, case):
    if name != "ADD of archives":
        return case["files"]
    entries = [("top", b"top", 0), ("deep/er/file", b"deep", 1000)]
    return {"plain.tar": tar_file(entries), "zipped.tgz": tar_file(entries, "w:gz"), "not.tar": "no tar at all"}


class SameAsBuildah(unittest.TestCase):
    maxDiff = None

    def compare(self, name, case):
        context = builds.Context({**files_of(name, case), "Dockerfile": case["dockerfile"],
                                  "Dockerfile.buildah": case.get("buildah", case["dockerfile"])})
        self.addCleanup(context.remove)
        options = list(case.get("options", []))
        secret = []
        if "secret" in case:
            path = os.path.join(context.directory, "..", f"secret-{os.getpid()}")
            builds.write_files(os.path.dirname(path), {os.path.basename(path): case["secret"]})
            self.addCleanup(os.unlink, path)
            secret = ["--secret", f"id=token,src={path}"]
        ours.build(context.directory, "-t", "ours/result", *options, *secret)
        our_tar = ours.tar_of(context.directory, *options, *secret)
        theirs.build(context.directory, "-t", "localhost/result", "-f", f"{context.directory}/Dockerfile.buildah", *options)
        times = case.get("times", ())
        expected, found = (builds.files_in(path, times=times) for path in (theirs.tar_of("localhost/result"), our_tar))
        # What buildah leaves of mounts of its own.
        left_out = {"run/.containerenv", "Dockerfile.buildah", *case.get("ignored", [])}
        self.assertEqual({}, {path: {"buildah": expected.get(path), "ours": found.get(path)}
                              for path in sorted(expected.keys() | found.keys())
                              if path not in left_out and expected.get(path) != found.get(path)})
        self.assertEqual(builds.comparable(theirs.config("localhost/result")),
                         builds.comparable(ours.config("ours/result")))


def add_test(name, case):
    def test(self):
        self.compare(name, case)
    test.__doc__ = name
    setattr(SameAsBuildah, "test_" + "".join(c if c.isalnum() else "_" for c in name), test)


for case_name, one_case in CASES.items():
    add_test(case_name, one_case)
