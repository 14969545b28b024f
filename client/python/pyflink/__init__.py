# SPDX-License-Identifier: Apache-2.0
"""The Python API of cflink, import-compatible with Apache Flink's PyFlink."""
from pyflink.version import __version__

__all__ = ["__version__"]
