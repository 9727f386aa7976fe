# SPDX-License-Identifier: Apache-2.0
"""Everything that is tested with kubectl and the Python client once more, on an etcd cluster of three that loses a
member in the middle."""

import unittest

from kube import kube_case, test_custom, test_kubectl, test_python
from kube.kube_case import config_map
from lib.runtime import wait_for

etcd = None


def setUpModule():
    global etcd
    etcd = kube_case.etcd_of_three()
    kube_case.start("--etcd-servers", etcd.servers)


class Middle(kube_case.Case):
    def test_a_member_dies(self):
        etcd.kill(0)  # the one that the server has been speaking to
        wait_for(lambda: self.apply(config_map("after"), status=None).status == 0, "a write without that member", 60)


def here(case):
    """The same tests, as this module's: on this module's control plane."""
    return type(case.__name__, (case,), {"__module__": __name__})


def load_tests(loader, *_):
    classes = [case for module in (test_kubectl, test_python, test_custom)
               for case in vars(module).values() if isinstance(case, type) and issubclass(case, kube_case.Case)]
    tests = [loader.loadTestsFromTestCase(here(case)) for case in classes]
    middle = len(tests) // 2
    return unittest.TestSuite([*tests[:middle], loader.loadTestsFromTestCase(Middle), *tests[middle:]])
