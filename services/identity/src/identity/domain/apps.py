"""The apps that people sign in with, and where they may be sent back to; no I/O."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

PROOF_GRANT_PREFIX = "urn:forecourt:grant:"
"""Of grants by which an app hands in a person's proof itself, without the sign-in page."""
APP_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class App:
    """A public client: it has no secret, so nothing but its redirect URIs and PKCE tells it from others."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    first_party: bool
    """Ours: it may take a person's proof itself, and the sign-in page asks for no consent."""

    def may_use(self, grant_type: str) -> bool:
        """Whether the app may get tokens that way."""
        by_proof = self.first_party and grant_type.startswith(PROOF_GRANT_PREFIX)
        return by_proof or grant_type in ("authorization_code", "refresh_token")

    def may_redirect_to(self, uri: str) -> bool:
        """Whether it is one of the app's, to the letter; on loopback any port will do (RFC 8252 section 7.3)."""
        return uri in self.redirect_uris or any(_same_loopback(uri, one) for one in self.redirect_uris)


def _same_loopback(uri: str, registered: str) -> bool:
    try:
        asked, known = urlsplit(uri), urlsplit(registered)
        # The address written out from its parts is the text itself only if nothing is hidden in it: no user, no
        # other spelling of the host, no port that is none.
        return (
            _is_loopback(known)
            and asked.hostname == known.hostname
            and asked.port is not None
            and uri == registered.replace(known.netloc, f"{known.netloc}:{asked.port}", 1)
        )
    except ValueError:
        return False


def _is_loopback(uri: SplitResult) -> bool:
    try:
        return uri.scheme == "http" and ip_address(uri.hostname or "").is_loopback
    except ValueError:
        return False
