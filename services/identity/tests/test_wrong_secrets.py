"""The count of wrong secrets."""

from uuid import UUID

from identity.domain.wrong_secrets import MAX_REMEMBERED_IDS, WINDOW_SECONDS, WrongSecretLimit

CLIENT, OTHER = UUID(int=1), UUID(int=2)


def test_tries_are_counted_per_client_and_window() -> None:
    limit = WrongSecretLimit(2)
    assert [limit.note(CLIENT, 0.0), limit.note(CLIENT, 10.0)] == [None, None]
    assert limit.note(CLIENT, 20.0) == int(WINDOW_SECONDS) - 20
    assert limit.note(OTHER, 20.0) is None
    assert limit.note(CLIENT, WINDOW_SECONDS) is None


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    limit = WrongSecretLimit(1)
    limit.note(CLIENT, 0.0)
    for number in range(MAX_REMEMBERED_IDS):
        limit.note(UUID(int=10 + number), 1.0)
    assert limit.note(CLIENT, 2.0) is None
    assert limit.note(UUID(int=10 + MAX_REMEMBERED_IDS - 1), 2.0) is not None
