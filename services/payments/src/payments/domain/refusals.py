"""What is wrong with something that was asked, where its shape was good. Pure."""


class WrongField(Exception):
    """A field holds what cannot be; the text says what can, without repeating it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
