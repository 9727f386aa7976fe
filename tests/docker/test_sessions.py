# SPDX-License-Identifier: Apache-2.0
"""Sessions that people have on terminals: a shell in a container, what it changed, and the container again later."""

import os
import shutil

from docker import engine_home
from lib import command, isolation

IMAGE = "debian"


def setUpModule():
    home = engine_home.Case.home = engine_home.start()
    rootfs, tar = f"{home.directory}/rootfs", f"{home.directory}/rootfs.tar"
    command.run(f"{isolation.CHECKOUT}/tools/busybox-rootfs", rootfs)
    shutil.copy("/bin/bash-static", f"{rootfs}/bin/bash")
    command.run("tar", "-C", rootfs, "-cf", tar, ".")
    home.docker("import", "--change", 'CMD ["/bin/bash"]', tar, IMAGE)


class Sessions(engine_home.Case):
    def on_terminal(self, *arguments, typed="", status=0):
        return command.run_on_terminal(engine_home.DOCKER, *arguments, env=self.home.environment, stdin=typed,
                                       status=status).stdout

    def tearDown(self):
        if containers := self.out("ps", "-aq").split():
            self.docker("rm", "-f", *containers)

    def test_changes_by_hand(self):
        screen = self.on_terminal("run", "-i", "-t", "--name=add_wget", "--network", "none", IMAGE, "/bin/bash", status=3,
                                  typed="echo passive_ftp=on > /etc/wgetrc; mkdir /usr; touch /usr/wget; rm /etc/group\n"
                                        "tty; exit 3\n")
        self.assert_mentions(screen, "/dev/pts/0", "exit")
        self.assertEqual(self.out("diff", "add_wget").splitlines(),
                         ["C /etc", "D /etc/group", "A /etc/wgetrc", "C /root", "A /root/.bash_history", "A /usr",
                          "A /usr/wget"])
        self.assertEqual(self.out("ps", "-a", "--filter", "name=add_wget", "--format", "{{.Status}}")[:10], "Exited (3)")
        self.out("commit", "-m", "with wget", "add_wget", "debian:wget")
        self.assertEqual(self.out("run", "--rm", "--network", "none", "debian:wget", "cat", "/etc/wgetrc"), "passive_ftp=on")

    def test_an_exited_shell_again(self):
        self.on_terminal("run", "-it", "--name", "shell", "--network", "none", IMAGE, typed="echo kept > /kept; exit 4\n",
                         status=4)
        screen = self.on_terminal("start", "-ai", "shell", typed="cat /kept; exit 5\n", status=5)
        self.assert_mentions(screen, "kept")
        self.assertEqual(self.out("start", "shell"), "shell")
        screen = self.on_terminal("attach", "shell", typed="cat /kept; exit 6\n", status=6)
        self.assert_mentions(screen, "kept")
        self.assertEqual(self.inspect("shell")["State"]["ExitCode"], 6)

    def test_keys_that_detach(self):
        self.on_terminal("run", "-it", "--name", "left", "--network", "none", IMAGE, typed="\x10\x11")
        self.assertTrue(self.inspect("left")["State"]["Running"])

    def test_an_image_of_an_export(self):
        self.docker("run", "--name", "myweb", "--network", "none", IMAGE, "/bin/bash", "-c", "echo page > /index.html")
        tar = f"{self.home.directory}/web.tar"
        environment = {**self.home.environment, "PATH": f"{os.path.dirname(engine_home.DOCKER)}:{os.environ['PATH']}"}
        command.run("sh", "-c", f"docker export myweb > {tar}; cat {tar} | docker import - web", env=environment)
        os.unlink(tar)
        self.assertEqual(self.out("run", "--rm", "--network", "none", "web", "cat", "/index.html"), "page")
