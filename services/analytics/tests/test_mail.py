"""Mails reach a real mail server over TLS and no other, a folder as files, and no error of theirs names anybody."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from analytics.providers.mail import Attachment, Mail, Mailer, MailFailed, composed, mailer_of

TO, SENDER = "someone@canary-forecourt.example", "reports@forecourt.example"
USER, PASSWORD = b"reports", b"p@ss/word"
MAIL = Mail(
    "report-1", TO, "Days:\r\nBcc: other@canary-forecourt.example 油站", "请看附件。\n",
    datetime(2026, 11, 26, tzinfo=UTC),
    Attachment("days.csv", "text/csv", "a,b\r\n油,1\r\n".encode()),
)  # fmt: skip


class Inbox:
    """What a mail server takes; it refuses as it is told to."""

    def __init__(self, refuse: dict[str, str]) -> None:
        self.envelopes: list[Envelope] = []
        self._refuse = refuse

    async def handle_RCPT(
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "rcpt" in self._refuse:
            return self._refuse["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:
        if "data" in self._refuse:
            return self._refuse["data"]
        self.envelopes.append(envelope)
        return "250 taken"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, sent: Any) -> AuthResult:
    return AuthResult(success=(sent.login, sent.password) == (USER, PASSWORD), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of this machine's, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@asynccontextmanager
async def mail_server(certificate: Path, tls: str = "starttls", **refuse: str) -> AsyncIterator[tuple[Inbox, int]]:
    """A mail server on a free port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    inbox, loop = Inbox(refuse), asyncio.get_running_loop()
    starts = tls == "starttls"

    def protocol() -> SMTP:
        return SMTP(
            inbox, loop=loop, hostname="localhost", tls_context=context if starts else None, require_starttls=starts,
            authenticator=_authenticate, auth_required=tls != "none", auth_require_tls=starts,
        )  # fmt: skip

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    try:
        yield inbox, server.sockets[0].getsockname()[1]
    finally:
        server.close()


def mailer(scheme: str, port: int, certificate: Path, sign_in: str = "reports:p%40ss%2Fword") -> Mailer:
    return mailer_of(f"{scheme}://{sign_in}@127.0.0.1:{port}?ca_file={certificate}", SENDER)


async def test_a_mail_reaches_its_recipient_alone_over_starttls(certificate: Path) -> None:
    async with mail_server(certificate) as (inbox, port):
        await mailer("smtp+starttls", port, certificate).send(MAIL)
    (envelope,) = inbox.envelopes
    assert envelope.rcpt_tos == [TO]
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Bcc"] is None
    assert message["Subject"] == "Days: Bcc: other@canary-forecourt.example 油站"
    assert message["Message-ID"] == "<report-1@forecourt.example>"
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "days.csv"
    assert "油,1" in attached.get_content()


async def test_a_server_that_is_not_known_to_be_the_right_one_gets_nothing(certificate: Path) -> None:
    async with mail_server(certificate) as (inbox, port):
        with pytest.raises(MailFailed, match="mail-server-unreachable"):
            await mailer_of(f"smtp+starttls://u:p@127.0.0.1:{port}", SENDER).send(MAIL)
    async with mail_server(certificate, tls="none") as (plain, port):
        with pytest.raises(MailFailed, match="mail-server-without-tls"):
            await mailer("smtp+starttls", port, certificate).send(MAIL)
    assert inbox.envelopes == plain.envelopes == []


@pytest.mark.parametrize(
    ("refuse", "reason", "is_final"),
    [
        ({"rcpt": f"550 no such user {TO}"}, "recipient-refused", True),
        ({"rcpt": f"450 later, {TO}"}, "recipient-refused", False),
        ({"data": "552 too large"}, "message-refused", True), ({"data": "451 later"}, "message-refused", False),
    ],
)  # fmt: skip
async def test_a_refusal_says_whether_to_try_again_and_nothing_of_the_recipient(
    certificate: Path, refuse: dict[str, str], reason: str, is_final: bool
) -> None:
    async with mail_server(certificate, **refuse) as (_, port):
        with pytest.raises(MailFailed) as failed:
            await mailer("smtp+starttls", port, certificate).send(MAIL)
    assert (failed.value.reason, failed.value.is_final) == (reason, is_final)
    assert "canary" not in f"{failed.value!r} {failed.value.__cause__!r}"


async def test_a_wrong_password_and_a_server_that_is_away_are_tried_again(certificate: Path) -> None:
    async with mail_server(certificate) as (_, port):
        with pytest.raises(MailFailed, match="mail-server-refused") as failed:
            await mailer("smtp+starttls", port, certificate, sign_in="reports:wrong").send(MAIL)
    assert not failed.value.is_final
    with pytest.raises(MailFailed, match="mail-server-unreachable"):
        await mailer("smtp+starttls", port, certificate).send(MAIL)


async def test_a_folder_has_a_mail_once_however_often_it_is_sent(tmp_path: Path) -> None:
    folder = mailer_of(f"folder://{tmp_path / 'mail'}", SENDER)
    for _ in range(2):
        await folder.send(MAIL)
    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == "report-1.eml"
    assert message_from_bytes(file.read_bytes(), policy=policy.default)["To"] == TO
    with pytest.raises(MailFailed, match="not-writable"):
        await mailer_of(f"folder://{file}/below", SENDER).send(MAIL)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example:25", "http://mail.example", "folder://host/path", "folder:relative", "smtp+tls://", "",
        "smtp+tls://user:secret-password@host:none",
    ],
)  # fmt: skip
def test_a_url_that_would_send_in_the_open_or_nowhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"mails go|without TLS|Port|addr") as refused:
        mailer_of(url, SENDER)
    assert "secret-password" not in str(refused.value)


@pytest.mark.parametrize("to", ["a@b\r\nBcc: c@d.example", "no address", "a@b.example, c@d.example"])
def test_what_is_no_address_is_never_a_header(to: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid|extraneous|no domain|CR or LF"):
        composed(Mail("k", to, "s", "t", datetime.now(UTC)), SENDER)
