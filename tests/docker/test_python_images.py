# SPDX-License-Identifier: Apache-2.0
"""docker-py (Debian's python3-docker) with images, builds, networks and volumes."""

import textwrap
import unittest

from docker import engine_home
from lib import command
from lib.images import Layout, OurRegistry, busybox_layer, layer_tar, skopeo


def setUpModule():
    global registry
    engine_home.start_with_image("busybox:latest")
    registry = OurRegistry()
    unittest.addModuleCleanup(registry.remove)
    layout = Layout([layer_tar(busybox_layer())])
    unittest.addModuleCleanup(layout.remove)
    skopeo("copy", "--dest-tls-verify=false", layout.source, f"docker://{registry.address}/small:1")


class Python(engine_home.Case):
    def script(self, text):
        """Runs it with `client` and `registry` there; it fails by an exception."""
        head = (f"import docker, io\nclient = docker.from_env(version='auto')\nregistry = {registry.address!r}\n"
                f"is_original = {engine_home.IS_ORIGINAL}\n")
        command.run("/usr/bin/python3", "-c", head + textwrap.dedent(text), env=self.home.environment)

    def test_images(self):
        self.script("""
            image = client.images.pull(registry + "/small", tag="1")
            assert image.tags == [registry + "/small:1"], image.tags
            assert image.labels == {"made.by": "tests"}, image.labels
            assert client.images.get(image.short_id).id == image.id
            assert image.tag("pushed", tag="2")
            assert image.tag(registry + "/pushed", tag="2")
            lines = list(client.images.push(registry + "/pushed", tag="2", stream=True, decode=True))
            assert any("aux" in line and line["aux"]["Tag"] == "2" for line in lines), lines
            assert client.images.list(filters={"label": "made.by"})[0].id == image.id
            assert client.images.list(name="pushed")[0].id == image.id
            assert image.history()[0]["Id"] == image.id
            image.reload()
            data = b"".join(image.save(named="pushed:2"))
            client.images.remove(image.id, force=True)
            (loaded,) = client.images.load(data)
            assert loaded.id == image.id and loaded.tags == ["pushed:2"], loaded.tags
            client.images.remove(image.id, force=True)
            for missing in ("nothing", registry + "/small:none"):
                try:
                    client.images.get(missing)
                    raise AssertionError(missing)
                except docker.errors.ImageNotFound:
                    pass
            try:
                client.images.pull(registry + "/small", tag="none")
                raise AssertionError("pulled")
            except docker.errors.NotFound:
                pass
            found = client.images.get_registry_data(registry + "/small:1")
            assert found.id.startswith("sha256:"), found.attrs
            assert is_original or found.has_platform("linux/amd64"), found.attrs  # 20.10 knows Docker's format only
            assert client.df()["Images"]
            assert client.images.prune(filters={"dangling": True})["SpaceReclaimed"] == 0
            """)

    def test_builds(self):
        self.script("""
            dockerfile = io.BytesIO(b"FROM busybox\\nARG A\\nRUN echo $A > /a\\n")
            image, lines = client.images.build(fileobj=dockerfile, tag="built", buildargs={"A": "b"}, rm=True)
            assert image.tags == ["built:latest"]
            assert any("Step 1/3" in line.get("stream", "") for line in lines)
            assert client.containers.run("built", "cat /a", remove=True, network_mode="none") == b"b\\n"
            try:
                client.images.build(fileobj=io.BytesIO(b"FROM busybox\\nRUN false\\n"), rm=True)
                raise AssertionError("built")
            except docker.errors.BuildError as failure:
                assert "false" in failure.msg, failure.msg
            client.images.remove("built")
            """)

    def test_networks_and_volumes(self):
        self.script("""
            pool = docker.types.IPAMPool(subnet="10.97.0.0/24", gateway="10.97.0.1")
            network = client.networks.create("net", driver="bridge", labels={"a": "b"},
                                             ipam=docker.types.IPAMConfig(pool_configs=[pool]))
            assert client.networks.list(names=["net"]) == [network]
            volume = client.volumes.create("vol", labels={"a": "b"})
            assert client.volumes.get("vol").attrs["Labels"] == {"a": "b"}
            container = client.containers.run("busybox", "sleep 1000", detach=True, network="net",
                                              volumes={"vol": {"bind": "/vol", "mode": "rw"}})
            network.reload()
            assert network.containers == [container]
            network.disconnect(container)
            network.connect(container, ipv4_address="10.97.0.9", aliases=["front"])
            container.reload()
            assert container.attrs["NetworkSettings"]["Networks"]["net"]["IPAddress"] == "10.97.0.9"
            try:
                volume.remove()
                raise AssertionError("removed")
            except docker.errors.APIError as failure:
                assert failure.status_code == 409, failure
            container.remove(force=True)
            network.remove()
            volume.remove()
            assert client.volumes.list() == []
            """)
