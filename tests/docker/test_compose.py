# SPDX-License-Identifier: Apache-2.0
"""docker compose, version 1 (Debian's docker-compose) and 2 (tools/newer-clients): the same projects by both."""

import os
import tempfile
import textwrap
import unittest

from docker import engine_home
from lib import clients, command
from lib.runtime import wait_for

IMAGE = "busybox"

PROJECT = """
    version: "2.4"
    services:
      database:
        image: busybox
        command: sh -c 'trap "exit 0" TERM; sleep 1; touch /tmp/ready; while :; do echo $$COLOUR | nc -l -p 80; done'
        environment: {COLOUR: green}
        stop_grace_period: 1s
        volumes: ["data:/data"]
        networks: {back: {aliases: [db]}}
        healthcheck:
          test: ["CMD", "test", "-e", "/tmp/ready"]
          interval: 300ms
          timeout: 5s
          retries: 100
      web:
        build: ./web
        image: built-web
        stop_grace_period: 1s
        depends_on: {database: {condition: service_healthy}}
        networks: [front, back]
        ports: ["127.0.0.1:18180:8080"]
        labels: {role: web}
      worker:
        image: busybox
        command: sh -c 'trap "exit 0" TERM; echo working; sleep 1000 & wait'
        stop_grace_period: 1s
        networks: [back]
    volumes: {data: {}}
    networks: {front: {}, back: {internal: true}}
    """
WEB = """
    FROM busybox
    RUN echo page > /page
    CMD trap "exit 0" TERM; nc -w 5 db 80 > /colour; echo started; while :; do nc -l -p 8080 < /page; done
    """


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Projects:
    """What both versions promise. A class that mixes this in has compose(*arguments, **options)."""

    timeout = 300

    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory(prefix="project-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        os.mkdir(f"{self.directory}/web")
        self.write("docker-compose.yml", PROJECT)
        self.write("web/Dockerfile", WEB)
        self.addCleanup(self.compose, "down", "--volumes", "--timeout", "1")

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w") as file:
            file.write(textwrap.dedent(text).lstrip())

    def containers(self, service):
        return self.out("ps", "-q", "--filter", f"label=com.docker.compose.service={service}").split()

    def test_life_of_a_project(self):
        self.compose("up", "--detach")
        for service in ("database", "web", "worker"):
            self.assertEqual(len(self.containers(service)), 1, service)
        (database,), (web,) = self.containers("database"), self.containers("web")
        self.assertEqual(self.inspect(database)["State"]["Health"]["Status"], "healthy")
        self.assertLess(self.inspect(database)["State"]["StartedAt"], self.inspect(web)["State"]["StartedAt"])
        wait_for(lambda: "started" in self.compose("logs", "web").stdout, "the web server to start")
        self.assertEqual(self.out("exec", web, "cat", "/colour"), "green")
        self.assertEqual(sorted(name.rsplit("_", 1)[-1] for name in self.inspect(web)["NetworkSettings"]["Networks"]),
                         ["back", "front"])
        self.assert_mentions(self.compose("port", "web", "8080").stdout, "127.0.0.1:18180")
        self.assertEqual(self.compose("exec", "-T", "worker", "echo", "inside").stdout.strip(), "inside")

        before = self.containers("worker") + [web, database]
        self.compose("up", "--detach")
        self.assertEqual(self.containers("worker") + self.containers("web") + self.containers("database"), before)

        self.write("docker-compose.yml", PROJECT.replace("green", "blue"))
        self.compose("up", "--detach")
        self.assertNotEqual(self.containers("database"), [database])
        self.assertIn("COLOUR=blue", self.inspect(*self.containers("database"))["Config"]["Env"])

        self.compose("stop", "worker")
        self.assertEqual(self.containers("worker"), [])
        self.compose("start", "worker")
        self.assertEqual(len(self.containers("worker")), 1)
        self.compose("restart", "--timeout", "1", "worker")
        self.compose("down", "--volumes", "--timeout", "1")
        self.assertEqual(self.out("ps", "-aq"), "")
        self.assertEqual(self.out("volume", "ls", "-q"), "")
        self.assertEqual(self.out("network", "ls", "-q", "--filter", "type=custom"), "")

    def test_scale(self):
        self.compose("up", "--detach", "--no-deps", "--scale", "worker=3", "worker")
        self.assertEqual(len(self.containers("worker")), 3)
        self.compose("up", "--detach", "--no-deps", "--scale", "worker=1", "--timeout", "1", "worker")
        self.assertEqual(len(self.containers("worker")), 1)
        self.assert_mentions(self.compose("logs", "worker").stdout, "working")

    def test_run_once(self):
        result = self.compose("run", "--rm", "--no-deps", "-T", "worker", "sh", "-c", "echo once; exit 4", status=4)
        self.assertEqual(result.stdout.strip(), "once")

    def test_list_kill_and_remove(self):
        self.compose("up", "--detach", "--no-deps", "worker")
        self.assert_mentions(self.compose("ps").stdout, "worker")
        self.compose("kill", "worker")
        self.assertEqual(self.containers("worker"), [])
        self.compose("rm", "--force", "worker")
        self.assertEqual(self.out("ps", "-aq"), "")

    def test_a_service_that_cannot_start(self):
        self.write("docker-compose.yml", """
            version: "2.4"
            services:
              broken: {image: busybox, command: /no/such/program, network_mode: none}
            """)
        result = self.compose("up", "--detach", status=1)
        self.assert_mentions(result.stdout + result.stderr, "/no/such/program")


class Version1(Projects, engine_home.Case):
    def compose(self, *arguments, **options):
        environment = {**self.home.environment, "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0",
                       "PATH": f"{os.path.dirname(engine_home.DOCKER)}:{os.environ['PATH']}"}
        return command.run("/usr/bin/docker-compose", "--project-directory", self.directory, "--file",
                           f"{self.directory}/docker-compose.yml", *arguments, env=environment, timeout=120, **options)


@unittest.skipUnless(clients.are_there(), "tools/newer-clients has not fetched compose 2")
class Version2(Projects, engine_home.Case):
    def compose(self, *arguments, **options):
        environment = {**self.home.environment, "DOCKER_CONFIG": clients.configure(f"{self.home.directory}/client2")}
        return command.run(clients.DOCKER, "compose", "--project-directory", self.directory, "--file",
                           f"{self.directory}/docker-compose.yml", *arguments, env=environment, timeout=120, **options)
