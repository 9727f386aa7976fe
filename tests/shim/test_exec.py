# SPDX-License-Identifier: Apache-2.0
"""More processes in a running container, each with streams, terminal and exit status of its own."""

import os
from signal import SIGKILL, SIGTERM

from lib.runtime import wait_for
from lib.shim import (CONFLICT, EXEC, LOSSLESS, NOT_FOUND, STDERR, STDIN, STDOUT, TERMINAL, WAIT, Refused, is_running)
from shim.shim_case import ATTACH_ALL, ShimTest


class Exec(ShimTest):
    def setUp(self):
        super().setUp()
        self.container = self.shim("sleep 600")
        self.container.start()

    def connect(self):
        client = self.container.connect()
        self.addCleanup(client.close)
        return client

    def exec(self, *args, flags=STDOUT | STDERR, **options):
        client = self.connect()
        session, pid = client.exec(self.process_file(*args, terminal=bool(flags & TERMINAL)), flags, **options)
        return client, session, pid

    def test_it_has_its_own_output_and_status(self):
        client, session, pid = self.exec("sh", "-c", "echo out; echo err >&2; exit 5")
        self.assertEqual(client.wait_exit(session).code, 5)
        self.assertEqual(client.output, {(session, "stdout"): b"out\n", (session, "stderr"): b"err\n"})
        self.assertEqual(self.container.log_records(), [])

    def test_its_pid_is_a_process_of_the_container(self):
        client, session, pid = self.exec("sleep", "60")
        self.assertEqual(os.readlink(f"/proc/{pid}/ns/pid"), os.readlink(f"/proc/{self.container.init}/ns/pid"))
        self.assertEqual(client.status().live_execs, 1)
        client.signal(SIGTERM, session)
        exited = client.wait_exit(session)
        self.assertEqual((exited.signal, exited.code), (15, 143))

    def test_input_goes_in_and_comes_out(self):
        client, session, _ = self.exec("cat", flags=ATTACH_ALL | LOSSLESS)
        client.write(b"through\n", session)
        client.read_until(b"through\n", session)
        client.close_stdin(session)
        self.assertEqual(client.wait_exit(session).code, 0)

    def test_a_terminal_has_the_size_asked_for_and_can_be_resized(self):
        client, session, _ = self.exec("sh", "-c", "tty >/dev/null && stty size; read x; stty size",
                                       flags=STDIN | STDOUT | TERMINAL, rows=20, columns=70)
        client.read_until(b"20 70\r\n", session)
        client.resize(21, 71, session)
        client.write(b"\n", session)
        self.assertEqual(client.wait_exit(session).code, 0)
        self.assertIn(b"21 71\r\n", client.output[session, "stdout"])

    def test_without_a_client_its_output_is_discarded_and_its_status_kept(self):
        client, session, pid = self.exec("sh", "-c", "head -c 3000000 /dev/zero; exit 7", flags=0)
        client.close()
        wait_for(lambda: not is_running(pid), "the end of the process")
        client = self.connect()
        self.assertEqual(client.wait_exit(session).code, 7)
        client.delete(session)
        with self.assertRaises(Refused) as refused:
            client.ask(WAIT, session=session)
        self.assertEqual(refused.exception.code, NOT_FOUND)

    def test_it_goes_on_when_its_client_is_gone(self):
        client, session, _ = self.exec("sh", "-c", "head -c 3000000 /dev/zero; sleep .2; exit 3",
                                       flags=STDOUT | LOSSLESS)
        client.close()
        self.assertEqual(self.connect().wait_exit(session).code, 3)

    def test_another_client_may_attach_later(self):
        first, session, _ = self.exec("sh", "-c", "read x; echo $x", flags=STDIN)
        second = self.connect()
        second.attach(STDOUT, session)
        first.write(b"hello\n", session)
        second.wait_exit(session)
        self.assertEqual(second.output[session, "stdout"], b"hello\n")

    def test_a_running_one_cannot_be_deleted(self):
        client, session, _ = self.exec("sleep", "60", flags=0)
        with self.assertRaises(Refused) as refused:
            client.delete(session)
        self.assertEqual(refused.exception.code, CONFLICT)

    def test_the_runtimes_own_words_say_why_it_failed(self):
        client = self.connect()
        with self.assertRaises(Refused) as refused:
            client.exec(self.process_file("/no/such/program"), STDOUT)
        self.assertIn("no such file or directory", str(refused.exception).lower())
        self.assertIn("/no/such/program", str(refused.exception))
        with self.assertRaises(Refused):
            client.exec(f"{self.scratch}/missing.json", STDOUT)
        session, _ = client.exec(self.process_file("true"), STDOUT)  # the connection is not attached to what failed
        self.assertEqual(client.wait_exit(session).code, 0)

    def test_32_at_once(self):
        clients = [self.connect() for _ in range(32)]
        tags = [client.send(EXEC, bytes(4) + self.process_file("sh", "-c", f"echo {i}; exit {i}").encode(),
                            flags=STDOUT) for i, client in enumerate(clients)]
        for i, (client, tag) in enumerate(zip(clients, tags)):
            session = client.answer(tag).session
            self.assertEqual(client.wait_exit(session).code, i)
            self.assertEqual(client.output[session, "stdout"], b"%d\n" % i)

    def test_statuses_nobody_asks_for_make_room_for_new_ones(self):
        client = self.connect()
        path = self.process_file("true")
        for _ in range(140):
            session, _ = client.exec(path)
            client.wait_exit(session)

    def test_all_end_with_the_container(self):
        client, session, _ = self.exec("sleep", "60")
        client.signal(SIGKILL)
        self.assertEqual(client.wait_exit(session).signal, 9)
        self.assertEqual(client.wait_exit(0).signal, 9)
        client.close()
        self.container.wait_gone()
