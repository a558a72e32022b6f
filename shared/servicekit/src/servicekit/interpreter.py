"""How the interpreter of a service is set: when it looks for garbage, and how soon a thread gets its turn."""

import gc
import sys

GC_ALLOCATIONS = 20_000
OBJECTS_A_RECORD = 12
"""What is made of a record and is there until its batch has been processed: its headers, the event, and the like."""
SWITCH_SECONDS = 0.0005
"""A database driver's threads would else wait up to 5 ms for a busy loop to let go of the interpreter."""


def tune_interpreter() -> None:
    """As services run: called when all is loaded."""
    gc.freeze()  # what is loaded by now lives as long as the process: do not look at it again
    gc.set_threshold(GC_ALLOCATIONS, 20, 20)  # a request makes thousands of objects that all die with it
    sys.setswitchinterval(SWITCH_SECONDS)


def expect_batches(records: int) -> None:
    """Called by who reads so many records at once: their objects die with the batch, without a search for garbage.

    Such searches find nothing, and were a fifth of the processor time of folding views.
    """
    allocations, *others = gc.get_threshold()
    gc.set_threshold(max(allocations, records * OBJECTS_A_RECORD), *others)
