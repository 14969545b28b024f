# SPDX-License-Identifier: Apache-2.0
"""The version of Flink's API that this package has."""
__version__ = "1.19.3"
