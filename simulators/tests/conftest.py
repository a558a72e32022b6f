"""The simulated platforms under test."""

import sys

# pytest's importlib mode calls this file simulators.tests.conftest and makes an empty package `simulators` of the
# folder for it, which would hide the real one.
if getattr(sys.modules.get("simulators"), "__file__", None) is None:
    sys.modules.pop("simulators", None)

import simulators.main  # noqa: F401
