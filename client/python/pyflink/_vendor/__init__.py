# SPDX-License-Identifier: BSD-3-Clause
"""Other people's code, as they wrote it: cloudpickle 3.1.0 (cloudpickle.LICENSE)."""
