# SPDX-License-Identifier: Apache-2.0
"""A package with this file, so that it and not docker-py is what `docker` means to the tests beside it."""
