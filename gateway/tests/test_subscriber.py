"""A reader of a live stream and its bounds, without a connection."""

from gateway.subscriber import Interest, Subscriber
from gateway.wire import LAST_CHUNK, chunk

FRAME = b"event: price\n\n"


class Sink:
    """A connection that keeps what it is told to send, and of which `waiting` bytes were not sent yet."""

    def __init__(self) -> None:
        self.sent = b""
        self.waiting = 0
        self.end = ""

    def write(self, data: bytes) -> None:
        """Keeps it."""
        self.sent += data

    def get_write_buffer_size(self) -> int:
        """As the test says."""
        return self.waiting

    def close(self) -> None:
        """All is sent first."""
        self.end = "closed"

    def abort(self) -> None:
        """At once."""
        self.end = "aborted"


def subscriber(limit_bytes: int = 100) -> tuple[Subscriber, list[Subscriber]]:
    """A reader, and who was forgotten."""
    forgotten: list[Subscriber] = []
    interest = Interest(frozenset(), None, None)
    return Subscriber(interest, "address", limit_bytes, [b"a", b"bc"], forgotten.append), forgotten


def test_what_came_before_the_connection_is_sent_first_and_in_order() -> None:
    reader, _ = subscriber()
    assert reader.offer(chunk(FRAME))
    sink = Sink()
    reader.opened(sink)
    reader.offer(chunk(b"later"))
    assert sink.sent == b"1\r\na\r\n2\r\nbc\r\n" + chunk(FRAME) + chunk(b"later")


def test_reader_that_is_too_far_behind_is_not_offered_more() -> None:
    reader, _ = subscriber(limit_bytes=50)
    sink = Sink()
    reader.opened(sink)
    sink.waiting = 50
    assert reader.offer(chunk(FRAME))
    sink.waiting, sent = 51, sink.sent
    assert not reader.offer(chunk(FRAME))
    assert sink.sent == sent


def test_reader_whose_connection_does_not_come_keeps_no_more_than_the_limit() -> None:
    reader, _ = subscriber(limit_bytes=51)
    offered = [reader.offer(chunk(FRAME)) for _ in range(5)]
    assert offered == [True, True, False, False, False]


def test_stream_ends_whole_or_is_cut_off() -> None:
    for end, how, last in (("end", "closed", LAST_CHUNK), ("drop", "aborted", b"bc\r\n")):
        reader, _ = subscriber()
        sink = Sink()
        reader.opened(sink)
        getattr(reader, end)()
        assert sink.end == how
        assert sink.sent.endswith(last)


def test_reader_that_left_is_forgotten_and_offered_nothing() -> None:
    reader, forgotten = subscriber()
    sink = Sink()
    reader.opened(sink)
    reader.closed()
    assert forgotten == [reader]
    sent = sink.sent
    assert reader.offer(chunk(FRAME))
    reader.end()
    assert (sink.sent, sink.end) == (sent, "")
