# SPDX-License-Identifier: Apache-2.0
"""What is in the log: every byte, in whole records, whatever happens to the disk."""

import errno
import os
import subprocess
import time

from lib.runtime import wait_for
from lib.shim import REOPEN_LOG, STDOUT, parse_log
from shim.shim_case import ShimTest


class Records(ShimTest):
    def test_a_record_has_time_stream_flag_and_text(self):
        shim = self.shim("echo out; sleep .2; echo err >&2")
        before = time.time()
        self.run_to_exit(shim)
        out, err = shim.log_records()
        self.assertEqual((out.stream, out.flag, out.text), ("stdout", "F", b"out"))
        self.assertEqual((err.stream, err.flag, err.text), ("stderr", "F", b"err"))
        self.assertLess(out.time, err.time)
        self.assertGreaterEqual(out.time, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(before)))

    def test_an_end_without_newline_is_partial(self):
        shim = self.shim("printf 'one\\ntwo'")
        self.run_to_exit(shim)
        self.assertEqual([(r.flag, r.text) for r in shim.log_records()], [("F", b"one"), ("P", b"two")])

    def test_a_long_line_is_cut_into_partial_records(self):
        shim = self.shim("head -c 40000 /dev/zero | tr '\\0' x; echo; echo short")
        self.run_to_exit(shim)
        self.assertEqual([(r.flag, len(r.text)) for r in shim.log_records()],
                         [("P", 16384), ("P", 16384), ("F", 40000 - 2 * 16384), ("F", 5)])

    def test_any_bytes_come_through(self):
        data = bytes(range(256)) * 300
        bundle = self.bundle("cat", "/data")
        bundle.file("/data", data)
        shim = self.shim(bundle=bundle)
        self.run_to_exit(shim)
        self.assertEqual(shim.logged(), data)

    def test_a_prompt_is_shown_before_its_line_ends(self):
        shim = self.shim("printf 'password: '; sleep 30")
        shim.start()
        wait_for(lambda: [(r.flag, r.text) for r in shim.log_records()] == [("P", b"password: ")],
                 "the prompt in the log")

    def test_the_log_goes_on_where_an_earlier_one_ended(self):
        log = f"{self.scratch}/earlier.log"
        with open(log, "w") as file:
            file.write("2026-01-01T00:00:00.000000000Z stdout F torn")
        shim = self.shim("echo more", log=log)
        self.run_to_exit(shim)
        self.assertEqual([r.text for r in shim.log_records()], [b"torn", b"more"])

    def test_reopen_goes_on_in_a_new_file(self):
        shim = self.shim("echo one; read x; echo two; read x", options=["--stdin", "open"])
        with shim.connect() as client:
            client.start()
            wait_for(shim.log_records, "the first line")
            os.rename(shim.log, shim.log + ".old")
            client.ask(REOPEN_LOG)
            client.write(b"\n")
            wait_for(shim.log_records, "the second line")
        with open(shim.log + ".old", "rb") as file:
            self.assertEqual([r.text for r in parse_log(file.read())], [b"one"])
        self.assertEqual([r.text for r in shim.log_records()], [b"two"])


class Rotation(ShimTest):
    def test_under_load_every_line_is_there_and_every_file_within_its_size(self):
        lines = 200000
        bundle = self.bundle("sh", "-c", f"seq 1 {lines} & seq 1 {lines} >&2 & wait")
        shim = self.shim(bundle=bundle, options=["--log-max-size", "1000000", "--log-max-files", "100"])
        self.assertEqual(self.run_to_exit(shim).code, 0)
        files = shim.log_files()
        self.assertGreater(len(files), 15)
        for name in files:
            self.assertLessEqual(os.path.getsize(name), 1000000)
            with open(name, "rb") as file:
                parse_log(file.read())  # whole records only
        expected = b"".join(b"%d\n" % i for i in range(1, lines + 1))
        self.assertEqual(shim.logged("stdout"), expected)
        self.assertEqual(shim.logged("stderr"), expected)

    def test_only_so_many_files_are_kept_and_they_are_the_youngest(self):
        shim = self.shim("seq 1 20000", options=["--log-max-size=50000", "--log-max-files=3"])
        self.run_to_exit(shim)
        self.assertEqual(len(shim.log_files()), 3)
        numbers = [int(r.text) for r in shim.log_records()]
        self.assertEqual(numbers, list(range(numbers[0], 20001)))


class FullDisk(ShimTest):
    def small_disk(self, size):
        path = f"{self.scratch}/disk"
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=True)
        return path

    def test_the_container_waits_and_nothing_is_lost(self):
        disk = self.small_disk("1m")
        lines = 600000  # more than a pipe holds
        shim = self.shim("seq", "1", str(lines), log=f"{disk}/log")
        with shim.connect() as client:
            client.start()
            wait_for(lambda: client.status().log_errno == errno.ENOSPC, "the disk to be full")
            time.sleep(0.5)
            self.assertEqual(client.status().state, "live")  # seq waits: its pipe is not read
            subprocess.run(["mount", "-o", "remount,size=128m", disk], check=True)
            self.assertEqual(client.wait_exit().code, 0)
            self.assertEqual(client.status().log_errno, 0)
        self.assertEqual(shim.logged(), b"".join(b"%d\n" % i for i in range(1, lines + 1)))

    def test_an_exit_does_not_wait_for_ever_and_says_that_the_log_is_incomplete(self):
        disk = self.small_disk("64k")
        # All of it fits into the pipe, so the program ends although nobody can write its log.
        shim = self.shim("seq", "1", "20000", log=f"{disk}/log")
        with shim.connect() as client:
            client.start()
            exited = client.wait_exit()
            self.assertTrue(exited.log_incomplete)
            self.assertEqual(exited.code, 0)
            self.assertEqual(shim.exit_record()["exitCode"], 0)
            subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
            wait_for(lambda: not client.status().exit.log_incomplete, "the rest of the log")
        self.assertEqual(shim.logged(), b"".join(b"%d\n" % i for i in range(1, 20001)))
        shim.wait_gone()

    def test_attached_clients_see_everything_too(self):
        disk = self.small_disk("256k")
        shim = self.shim("seq", "1", "20000", log=f"{disk}/log")
        client = self.attached(shim, STDOUT)
        client.start()
        with shim.connect() as other:
            wait_for(lambda: other.status().log_errno == errno.ENOSPC, "the disk to be full")
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        client.wait_exit()
        self.assertEqual(client.output[0, "stdout"], b"".join(b"%d\n" % i for i in range(1, 20001)))
        self.assertEqual(shim.logged(), client.output[0, "stdout"])


class ExitMeansComplete(ShimTest):
    def test_the_log_is_complete_when_wait_returns(self):
        for _ in range(5):
            shim = self.shim("seq", "1", "5000")
            with shim.connect() as client:
                client.start()
                self.assertFalse(client.wait_exit().log_incomplete)
                self.assertEqual(len(shim.log_records()), 5000)

    def test_a_process_that_keeps_the_pipe_does_not_hold_up_the_exit(self):
        bundle = self.bundle("sh", "-c", "sh -c 'while [ ! -e /go ]; do sleep .05; done; echo late' & echo first")
        bundle.without_namespace("pid")  # so that the first process does not take the others with it
        shim = self.shim(bundle=bundle)
        exited = self.run_to_exit(shim)
        self.assertEqual((exited.code, exited.log_incomplete), (0, False))
        self.assertEqual(shim.logged(), b"first\n")
        bundle.file("/go")
        shim.wait_gone()  # when nobody can write any more
        self.assertEqual(shim.logged(), b"first\nlate\n")

