"""Mails: by SMTP, or into a folder where there is no mail server. No error of theirs names an address."""

import asyncio
import smtplib
import ssl
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from servicekit.telemetry import REPORT_MAILS

NAME = "Forecourt"
TIMEOUT_SECONDS = 10.0
"""Of each step; the whole has WHOLE_SECONDS."""
WHOLE_SECONDS = 30.0
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtp+tls": 465}
FORMS = (
    "smtp+starttls://user:password@host:587, smtp+tls://user:password@host:465, smtp://localhost:25 or folder:///path"
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one person. Sent again, it has the same `key`, by which mail programs know it."""

    key: str
    to: str
    subject: str
    text: str
    sent_at: datetime
    attachment: Attachment | None = None


class MailFailed(Exception):
    """The mail was not taken. `reason` is a word for people; `is_final`: to send it again would change nothing."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class Mailer(Protocol):
    """Who takes mails."""

    async def send(self, mail: Mail) -> None:
        """Returns when the mail was taken. Raises MailFailed."""
        ...


def composed(mail: Mail, sender: str) -> EmailMessage:
    """The mail with its headers; its subject is one line, whatever is in it. Raises ValueError for a bad address."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(NAME, addr_spec=sender)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = mail.sent_at
    message["Message-ID"] = f"<{mail.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.attachment:
        main, _, sub = mail.attachment.media_type.partition("/")
        charset = {"charset": "utf-8"} if main == "text" else {}
        message.add_attachment(mail.attachment.content, main, sub, filename=mail.attachment.name, params=charset)
        message.set_boundary(f"={mail.key}=")
    return message


class FolderMailer:
    """Writes mails into a folder, a file each: for a local platform. One that is sent again replaces itself."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """See Mailer."""
        await asyncio.to_thread(self._write, f"{mail.key}.eml", composed(mail, self._sender).as_bytes())

    def _write(self, name: str, written: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished = self._folder / f"{name}.part"
            unfinished.write_bytes(written)
            unfinished.replace(self._folder / name)
        except OSError as error:
            raise MailFailed("mail-folder-not-writable") from error


class SmtpMailer:
    """Gives mails to a mail server, over TLS unless it is on this machine."""

    def __init__(self, url: SplitResult, sender: str) -> None:
        self._url = url
        self._port = url.port or PORTS[url.scheme]
        self._sender = sender
        certificates = parse_qs(url.query).get("ca_file", [None])[0]
        self._tls = ssl.create_default_context(cafile=certificates)

    async def send(self, mail: Mail) -> None:
        """See Mailer."""
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                await asyncio.to_thread(self._deliver, composed(mail, self._sender), mail.to)
        except TimeoutError as error:
            raise MailFailed("mail-server-unreachable") from error

    def _deliver(self, message: EmailMessage, to: str) -> None:
        """`from None`: what the server says may name the recipient."""
        try:
            with self._connected() as server:
                server.send_message(message, self._sender, [to])
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise MailFailed("recipient-refused", is_final=all(code >= 500 for code in codes)) from None
        except smtplib.SMTPDataError as refused:
            raise MailFailed("message-refused", is_final=refused.smtp_code >= 500) from None
        except smtplib.SMTPNotSupportedError:
            raise MailFailed("mail-server-without-tls") from None
        except smtplib.SMTPResponseException:
            raise MailFailed("mail-server-refused") from None
        except OSError:  # smtplib's own errors are such, too
            raise MailFailed("mail-server-unreachable") from None

    def _connected(self) -> AbstractContextManager[smtplib.SMTP]:
        """A session with the server, signed in."""
        host, port = self._url.hostname or "", self._port
        if self._url.scheme == "smtp+tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=self._tls)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        try:
            if self._url.scheme == "smtp+starttls":
                server.starttls(context=self._tls)
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except BaseException:
            server.close()
            raise
        return server


class CountingMailer:
    """Counts what became of mails."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    async def send(self, mail: Mail) -> None:
        """See Mailer."""
        try:
            await self._mailer.send(mail)
        except MailFailed as failed:
            REPORT_MAILS.labels(failed.reason).inc()
            raise
        REPORT_MAILS.labels("sent").inc()


def mailer_of(url: str, sender: str) -> Mailer:
    """The mailer of a URL, see FORMS. Raises ValueError, which does not repeat the URL: it may hold a password."""
    parsed = urlsplit(url)
    Address(addr_spec=sender)
    if parsed.scheme == "folder" and not parsed.netloc and parsed.path.startswith("/"):
        return CountingMailer(FolderMailer(Path(unquote(parsed.path)), sender))
    if parsed.scheme not in PORTS or not parsed.hostname:
        raise ValueError(f"mails go to {FORMS}")
    if parsed.scheme == "smtp" and parsed.hostname not in LOCAL_HOSTS:
        raise ValueError("without TLS mails go to a server on this machine alone: smtp+starttls:// or smtp+tls://")
    return CountingMailer(SmtpMailer(parsed, sender))
