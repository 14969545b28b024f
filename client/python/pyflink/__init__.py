# SPDX-License-Identifier: Apache-2.0
"""The Python API of cflink, import-compatible with Apache Flink's PyFlink."""
from pyflink import _absent
from pyflink.version import __version__

__all__ = ["__version__"]
_absent.install()
