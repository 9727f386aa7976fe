# SPDX-License-Identifier: Apache-2.0
"""Clients at the container's standard streams: many of them, slow ones, dying ones, and terminals."""

import os
import random
from signal import SIGKILL as KILL
import socket
import subprocess
import sys
import time

from lib.runtime import wait_for
from lib.shim import (CLOSE_STDIN, CONFLICT, INVALID_ARGUMENT, LOSSLESS, NOT_FOUND, SEND_STDIN, STATUS, STDERR, STDIN,
                      STDIN_ONCE, STDOUT, UNSUPPORTED, WAIT, Closed, Refused)
from shim.shim_case import ShimTest



class Output(ShimTest):
    def test_every_client_sees_what_it_asked_for(self):
        shim = self.shim("echo out; echo err >&2")
        both, out, err = (self.attached(shim, flags) for flags in (STDOUT | STDERR, STDOUT, STDERR))
        both.start()
        for client in (both, out, err):
            self.assertEqual(client.wait_exit().code, 0)
        self.assertEqual(both.output, {(0, "stdout"): b"out\n", (0, "stderr"): b"err\n"})
        self.assertEqual(out.output, {(0, "stdout"): b"out\n"})
        self.assertEqual(err.output, {(0, "stderr"): b"err\n"})

    def test_a_client_that_comes_later_sees_what_comes_later(self):
        shim = self.shim("echo early; read x; echo late", options=["--stdin", "open"])
        shim.start()
        wait_for(shim.log_records, "the early line")
        client = self.attached(shim)
        client.write(b"\n")
        client.wait_exit()
        self.assertEqual(client.output[0, "stdout"], b"late\n")

    def test_a_client_that_does_not_read_hinders_nobody_and_is_told_what_it_lost(self):
        size = 20 << 20
        shim = self.shim(f"head -c {size} /dev/zero")
        lazy, busy = self.attached(shim, STDOUT), self.attached(shim, STDOUT)
        busy.start()
        self.assertEqual(busy.wait_exit().code, 0)
        self.assertEqual(len(busy.output[0, "stdout"]) + busy.lost, size)
        self.assertEqual(lazy.wait_exit().code, 0)
        self.assertGreater(lazy.lost, size // 2)
        self.assertEqual(len(lazy.output[0, "stdout"]) + lazy.lost, size)

    def test_a_lossless_client_holds_the_process_and_gets_every_byte(self):
        size = 20 << 20
        shim = self.shim(f"head -c {size} /dev/zero; echo end >&2")
        client = self.attached(shim, STDOUT | STDERR | LOSSLESS)
        client.start()
        time.sleep(0.5)
        with shim.connect() as other:
            self.assertEqual(other.status().state, "live")  # head waits
        self.assertEqual(client.wait_exit().code, 0)
        self.assertEqual((len(client.output[0, "stdout"]), client.lost), (size, 0))
        self.assertEqual(client.output[0, "stderr"], b"end\n")

    def test_a_killed_lossless_client_holds_nobody(self):
        shim = self.shim("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end")
        # A process of its own, so that it can be killed like one.
        program = ("import sys; sys.path.insert(0, sys.argv[1]); from lib.shim import *; import time\n"
                   "c = Client(sys.argv[2]); c.attach(STDOUT | LOSSLESS); c.start(); print('started', flush=True)\n"
                   "time.sleep(60)")
        victim = subprocess.Popen([sys.executable, "-c", program, os.path.dirname(os.path.dirname(__file__)),
                                   f"{shim.state}/shim.sock"], stdout=subprocess.PIPE)
        self.addCleanup(victim.stdout.close)
        victim.stdout.readline()
        time.sleep(0.3)
        with shim.connect() as client:
            self.assertEqual(client.status().state, "live")
            victim.kill()
            victim.wait()
            self.assertEqual(client.wait_exit().code, 0)
        self.assertEqual(len(shim.logged()), 20000000 + len("\nend\n"))


class Input(ShimTest):
    def test_it_comes_in_order_and_ends(self):
        shim = self.shim("cat", "-", options=["--stdin", "open"])
        client = self.attached(shim)
        client.start()
        client.write(b"one\n")
        client.write(b"two\n")
        client.close_stdin()
        self.assertEqual(client.wait_exit().code, 0)
        self.assertEqual(client.output[0, "stdout"], b"one\ntwo\n")

    def test_more_than_any_buffer_goes_through(self):
        data = os.urandom(1 << 16) * 160
        shim = self.shim("cat", "-", options=["--stdin", "open"])
        client = self.attached(shim, STDOUT | LOSSLESS)
        client.start()
        if os.fork() == 0:  # one to write, one to read
            with shim.connect() as writer:
                for at in range(0, len(data), 1 << 16):
                    writer.write(data[at:at + (1 << 16)])
                writer.close_stdin()
            os._exit(0)
        client.wait_exit()
        os.wait()
        self.assertTrue(client.output[0, "stdout"] == data)

    def test_a_process_that_does_not_read_leaves_other_requests_alone(self):
        shim = self.shim("sleep 60", options=["--stdin", "open"])
        client = self.attached(shim)
        client.start()
        client.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            for _ in range(1000):
                client.write(bytes(1 << 16))
        with shim.connect() as other:
            self.assertEqual(other.status().state, "live")
            other.signal(KILL)
            self.assertEqual(other.wait_exit().signal, KILL)

    def test_what_was_sent_counts_although_the_sender_has_gone(self):
        shim = self.shim("sleep .3; wc -c", options=["--stdin", "open"])
        shim.start()
        with shim.connect() as client:
            for _ in range(3):
                client.send(SEND_STDIN, bytes(50000))
            client.send(CLOSE_STDIN)  # nobody stays for the answer
        shim.wait_gone()
        self.assertEqual(shim.logged().strip(), b"150000")

    def test_stdin_once_ends_with_its_client(self):
        shim = self.shim("cat; echo ended", options=["--stdin", "open"])
        client = self.attached(shim, STDIN | STDIN_ONCE)
        client.start()
        client.write(b"text ")
        client.close()
        shim.wait_gone()
        self.assertEqual(shim.logged(), b"text ended\n")

    def test_otherwise_it_stays_open(self):
        shim = self.shim("read a; read b; echo $a $b", options=["--stdin", "open"])
        shim.start()
        for text in (b"first\n", b"second\n"):
            with shim.connect() as client:
                client.write(text)
        shim.wait_gone()
        self.assertEqual(shim.logged(), b"first second\n")

    def test_without_one_the_program_reads_nothing_and_writers_are_told(self):
        shim = self.shim("cat; echo ended")
        client = self.attached(shim)
        with self.assertRaises(Refused) as refused:
            client.ask(SEND_STDIN, b"x")
        self.assertEqual(refused.exception.code, CONFLICT)
        client.start()
        client.wait_exit()
        self.assertEqual(client.output[0, "stdout"], b"ended\n")


class Terminal(ShimTest):
    def test_it_is_a_terminal_of_the_size_that_was_asked_for(self):
        shim = self.shim("tty; stty size", terminal=True, options=["--size", "33x99"])
        client = self.attached(shim)
        client.start()
        self.assertEqual(client.wait_exit().code, 0)
        self.assertEqual(client.output[0, "stdout"].split(), [b"/dev/pts/0", b"33", b"99"])

    def test_a_resize_is_seen_inside(self):
        shim = self.shim("trap 'stty size; exit' WINCH; echo ready; while :; do sleep .05; done", terminal=True)
        client = self.attached(shim)
        client.start()
        client.read_until(b"ready")
        client.resize(50, 132)
        self.assertEqual(client.wait_exit().code, 0)
        self.assertIn(b"50 132", client.output[0, "stdout"])

    def test_what_is_typed_arrives_and_is_echoed(self):
        shim = self.shim("read line; echo got $line", terminal=True)
        client = self.attached(shim)
        client.start()
        client.write(b"words\n")
        client.wait_exit()
        self.assertEqual(client.output[0, "stdout"], b"words\r\ngot words\r\n")

    def test_control_c_is_a_signal(self):
        shim = self.shim("trap 'echo caught; exit 9' INT; echo ready; while :; do sleep .05; done", terminal=True)
        client = self.attached(shim)
        client.start()
        client.read_until(b"ready")
        client.write(b"\x03")
        self.assertEqual(client.wait_exit().code, 9)

    def test_all_output_before_the_end_is_there(self):
        shim = self.shim("seq 1 20000", terminal=True)
        client = self.attached(shim, STDOUT | LOSSLESS)
        client.start()
        self.assertFalse(client.wait_exit().log_incomplete)
        expected = b"".join(b"%d\r\n" % i for i in range(1, 20001))
        self.assertEqual(client.output[0, "stdout"], expected)
        self.assertEqual(shim.logged(), expected)

    def test_a_program_may_close_its_terminal_and_open_it_again(self):
        shim = self.shim("exec </dev/null >/dev/null 2>&1; sleep .3; exec >/dev/console; echo back",
                         terminal=True)
        client = self.attached(shim)
        client.start()
        client.wait_exit()
        self.assertEqual(client.output[0, "stdout"], b"back\r\n")

    def test_it_has_no_end_of_input_to_close(self):
        client = self.shim("sleep 60", terminal=True).connect()
        self.addCleanup(client.close)
        with self.assertRaises(Refused) as refused:
            client.close_stdin()
        self.assertEqual(refused.exception.code, CONFLICT)

    def test_without_one_there_is_nothing_to_resize(self):
        client = self.shim("sleep 60").connect()
        self.addCleanup(client.close)
        with self.assertRaises(Refused) as refused:
            client.resize(1, 1)
        self.assertEqual(refused.exception.code, CONFLICT)


class Manners(ShimTest):
    """What a client may do wrong, and what that does to others: nothing."""

    def refusal(self, client, data):
        client.socket.send(data)
        frame = client.receive()
        self.assertEqual(frame.type, 0x101, frame)
        return frame

    def test_malformed_frames_are_answered_and_the_connection_closed(self):
        shim = self.shim("sleep 60")
        for data in (b"x", b"GET / HTTP/1.1\r\n\r\n"[:11], bytes(12)[:11], b"\x07\0" + bytes(10),
                     b"\x07\0" + bytes(14), b"\x08\0" + bytes(10) + b"\0\0\0\0relative", b"\x04\0" + bytes(70000),
                     b"\x09\0" + bytes(10) + b"more"):
            with self.subTest(data=data[:20]), shim.connect() as client:
                self.assertEqual(self.refusal(client, data).flags, INVALID_ARGUMENT)
                with self.assertRaises(Closed):
                    client.receive()
        with shim.connect() as client:
            self.assertEqual(client.status().state, "live")

    def test_an_unknown_request_is_refused_and_the_connection_stays(self):
        with self.shim("sleep 60").connect() as client:
            for type, flags in ((99, 0), (0, 0), (0x200, 0), (STATUS, 1)):
                with self.assertRaises(Refused) as refused:
                    client.ask(type, flags=flags)
                self.assertEqual(refused.exception.code, UNSUPPORTED)
            self.assertEqual(client.status().version, 1)

    def test_there_is_one_attachment_a_connection(self):
        client = self.attached(self.shim("sleep 60"))
        with self.assertRaises(Refused) as refused:
            client.attach(STDOUT)
        self.assertEqual(refused.exception.code, CONFLICT)

    def test_unknown_sessions_are_not_found(self):
        with self.shim("sleep 60").connect() as client:
            for type in (STATUS, WAIT):
                with self.assertRaises(Refused) as refused:
                    client.ask(type, session=7)
                self.assertEqual(refused.exception.code, NOT_FOUND)

    def test_random_frames_do_no_harm(self):
        generator = random.Random(20261121)
        shim = self.shim("sleep 60", options=["--stdin", "open"])
        for _ in range(300):
            with shim.connect() as client:
                client.socket.setblocking(False)
                try:
                    for _ in range(generator.randrange(1, 8)):
                        data = bytearray(generator.randbytes(generator.randrange(1, 200)))
                        if generator.random() < 0.8 and len(data) > 12:
                            data[0:2] = generator.choice([1, 3, 4, 5, 6, 7, 9]).to_bytes(2, "little")
                            data[2:4] = generator.choice([0, 0, 1, 6, 14]).to_bytes(2, "little")
                            data[8:12] = bytes(4)
                            if data[0] == 7:
                                data[12:] = b"\x12\0\0\0"  # SIGCONT
                            elif data[0] != 4:
                                del data[12:]
                        client.socket.send(data)
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    pass
        with shim.connect() as client:
            self.assertEqual(client.status().state, "live")
            self.assertEqual(client.status().clients, 1)

    def test_a_client_that_asks_and_never_reads_does_not_grow_the_shim(self):
        shim = self.shim("sleep 60")
        with shim.connect() as client, shim.connect() as other:
            client.socket.setblocking(False)
            with self.assertRaises(BlockingIOError):
                for _ in range(100000):
                    client.send(STATUS)
            self.assertEqual(other.status().state, "live")
            with open(f"/proc/{shim.pid}/smaps_rollup") as file:
                private = sum(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))
            self.assertLess(private, 400)

    def test_too_many_clients_are_turned_away(self):
        shim = self.shim("sleep 60")
        clients = [shim.connect() for _ in range(128)]
        for client in clients:
            self.addCleanup(client.close)
        clients[-1].status()  # all of them are accepted by now
        with shim.connect() as client:
            self.assertEqual(client.receive().type, 0x101)
            with self.assertRaises(Closed):
                client.receive()
        clients.pop().close()
        wait_for(lambda: clients[0].status().clients == 127, "the shim to notice")
        with shim.connect() as client:
            client.status()

    def test_only_the_owner_may_connect(self):
        shim = self.shim("sleep 60")
        mode = os.stat(f"{shim.state}/shim.sock").st_mode & 0o777
        self.assertEqual(mode, 0o600)
        os.chmod(self.scratch, 0o755)
        os.chmod(shim.state, 0o755)
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            try:
                socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(f"{shim.state}/shim.sock")
            except PermissionError:
                os._exit(0)
            os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
