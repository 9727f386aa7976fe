# SPDX-License-Identifier: Apache-2.0
"""A package, as the other folders of suites are."""
