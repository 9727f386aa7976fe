# SPDX-License-Identifier: Apache-2.0
"""Metrics as Prometheus collects them, and what containers have used."""

import json
import re
import unittest
import urllib.request

from docker import engine_home
from docker.api_case import IMAGE, ApiCase
from lib import command
from lib.gantryd import GantrydHome
from lib.images import GANTRY
from lib.runtime import wait_for
from lib.sockets import free_port


def setUpModule():
    Case.address = f"127.0.0.1:{free_port()}"
    home = engine_home.Case.home = GantrydHome(metricsAddress=Case.address)
    unittest.addModuleCleanup(home.remove)
    home.docker("import", "--change", "CMD [\"sh\"]", engine_home.busybox_tar(home.directory), IMAGE)


class Case(ApiCase):
    address = None


SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')


def parse(page):
    """{name{labels}: value}; fails where the text is none of Prometheus'."""
    values, kind_of = {}, {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kind_of, f"{name} comes twice"
            kind_of[name] = kind
        elif not line.startswith("# HELP "):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            family = name if name in kind_of else re.sub("_(bucket|sum|count)$", "", name)
            assert family in kind_of, f"{name} has no TYPE"
            key = name + (f"{{{labels}}}" if labels else "")
            assert key not in values, f"{key} comes twice"
            values[key] = float(value)
    return values


class Metrics(Case):
    def metrics(self):
        status, headers, data = self.call("GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return parse(data.decode())

    def test_what_containers_do_is_counted(self):
        starts = 'engine_daemon_container_actions_seconds_count{action="start"}'
        running = 'engine_daemon_container_states_containers{state="running"}'
        before = self.metrics()
        web = self.make("sleep", "1000")
        self.call("POST", f"/containers/{web}/start")
        after = self.metrics()
        self.assertEqual(after[starts], before[starts] + 1)
        self.assertEqual(after[running], before[running] + 1)
        self.assertGreater(after["engine_daemon_events_total"], before["engine_daemon_events_total"])
        self.assertGreater(after['gantry_api_requests_total{method="POST",code="204"}'], 0)
        self.call("POST", f"/containers/{web}/start")
        self.call("POST", "/containers/nobody/start")
        self.assertEqual(self.metrics()['gantry_api_requests_total{method="POST",code="404"}'], 1)

    def test_health_checks_are_counted(self):
        checks, failed = "engine_daemon_health_checks_total", "engine_daemon_health_checks_failed_total"
        before = self.metrics()
        web = self.make("sleep", "1000", Healthcheck={"Test": ["CMD", "false"], "Interval": 100_000_000})
        self.call("POST", f"/containers/{web}/start")
        wait_for(lambda: self.metrics()[failed] > before[failed], "a health check that fails")
        self.assertGreater(self.metrics()[checks], before[checks])

    def test_the_daemon_itself(self):
        values = self.metrics()
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                     "process_start_time_seconds", "engine_daemon_engine_cpus_cpus", "engine_daemon_engine_memory_bytes"):
            self.assertGreater(values[name], 0, name)
        info = self.get("/info")
        [engine] = [key for key in values if key.startswith("engine_daemon_engine_info{")]
        self.assertIn(f'daemon_id="{info["ID"]}"', engine)

    def test_an_address_for_metrics_alone(self):
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=60) as answer:
            parse(answer.read().decode())
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{self.address}/containers/json", timeout=60)
        self.assertEqual(refused.exception.code, 404)
        refused.exception.close()


class Usage(Case):
    def usage(self, *options):
        """By our command, of the daemon."""
        return command.run(GANTRY, "-H", self.home.environment["DOCKER_HOST"], "usage", *options).stdout

    def test_lives_are_added_up(self):
        for project in ("shop", "shop", "blog"):
            web = self.make("true", Labels={"com.docker.compose.project": project, "gantry.user": "eva"})
            self.call("POST", f"/containers/{web}/start")
            self.call("POST", f"/containers/{web}/wait")
        path = "/gantry/v1/usage?groupBy=user&groupBy=project"
        wait_for(lambda: [[row["group"], row["lives"]] for row in self.get(path)["rows"] if row["group"][0] == "eva"] ==
                 [[["eva", "blog"], 1], [["eva", "shop"], 2]], "three lives in the accounts")
        self.assertEqual(self.get(path)["groupBy"], ["user", "project"])
        rows = json.loads(self.usage("--group-by", "user", "--group-by", "project", "--format", "json"))
        self.assertIn([["eva", "shop"], 2], [[row["group"], row["lives"]] for row in rows])
        self.assertIn("eva,shop,2,", self.usage("-g", "user", "-g", "project", "--format", "csv"))
        lives = [life for life in self.get("/gantry/v1/usage/lives?since=1h") if life["user"] == "eva"]
        self.assertEqual([life["labels"]["com.docker.compose.project"] for life in lives], ["shop", "shop", "blog"])
        self.assertEqual(self.get("/gantry/v1/usage?until=2020-01-01")["rows"], [])

    def test_what_is_refused(self):
        for query, word in (("groupBy=colour", "colour"), ("since=later", "since"),
                            ("since=1h&until=2h", "until")):
            status, _, data = self.call("GET", f"/gantry/v1/usage?{query}")
            self.assertEqual(status, 400, data)
            self.assert_mentions(json.loads(data)["message"], word)
        self.assertEqual(self.call("GET", "/gantry/v1/nothing")[0], 404)
