"""The mails that a service wrote into its folder, and one that takes mails as told."""

import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from analytics.providers.mail import Mail, MailFailed

from .conftest import Analytics

CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")


@dataclass
class Takes:
    """Takes mails, or fails as often as it is told to."""

    failures: list[MailFailed] = field(default_factory=list)
    sent: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(mail)


def mails_to(analytics: Analytics, recipient: str) -> list[EmailMessage]:
    """What is in the service's mail folder for somebody, in the order in which it was written."""
    folder = Path(analytics.settings.mail_url.get_secret_value().removeprefix("folder://"))
    written = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in written]
    return [message for message in found if recipient in message["To"]]


def text_of(message: EmailMessage) -> str:
    """What it says."""
    body = message.get_body(("plain",))
    assert body is not None
    return body.get_content()


def code_in(text: str) -> str:
    """The code that it gives."""
    found = CODE.search(text)
    assert found
    return found[0]
