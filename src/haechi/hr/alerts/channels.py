"""The ways to people: the journal, a webhook, mail. Each says why it failed, and is tried again by whoever holds it."""

from __future__ import annotations

import hashlib
import json
import logging
import smtplib
import time
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

import httpx

from haechi.hr.sources.secrets import key_of
from haechi.hr.sources.webhook import ID, SIGNATURE, TIMESTAMP, sign
from haechi.policy.provisioning import Alerts

TIMEOUT_S = 10.0
JOURNAL = logging.getLogger("haechi.hr.alerts")


class ChannelError(Exception):
    """People were not told by this channel; the text says why and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One alert as it goes out; ``text`` is English, and Korean in the line below."""

    site: str
    key: str
    text: str
    raised: datetime


class Channel(Protocol):
    """One way to people."""

    name: str

    def send(self, letter: Letter) -> None:
        """Tell people; on return they, or a server that answers for it, have it. Raises ``ChannelError``."""


@dataclass(frozen=True)
class Journal:
    """The unit's own log, which is always there."""

    name: str = "journal"

    def send(self, letter: Letter) -> None:
        """Log it in one line."""
        JOURNAL.critical("%s", letter.text.splitlines()[0])


@dataclass(frozen=True)
class Webhook:
    """A POST of JSON, signed as Standard Webhooks says. ``secret`` is a file of the control node with the key."""

    url: str
    secret: Path
    name: str = "webhook"

    def send(self, letter: Letter) -> None:
        """Post it; redirects are not followed, for they would lead the names of people elsewhere."""
        told = {"site": letter.site, "key": letter.key, "text": letter.text, "raised": letter.raised.isoformat()}
        body = json.dumps(told, ensure_ascii=False).encode()
        # The same id at each try, so that its receiver knows a repeated one.
        name, seconds = hashlib.sha256(f"{letter.site} {letter.key}".encode()).hexdigest(), int(time.time())
        headers = {ID: name, TIMESTAMP: str(seconds), SIGNATURE: sign(self._key(), name, seconds, body)}
        try:
            answer = httpx.post(
                self.url, content=body, headers={"content-type": "application/json", **headers}, timeout=TIMEOUT_S
            )
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error).partition("\n")[0]
            raise ChannelError(f"{self.url}: {why}: alerts.webhook must answer 2xx") from error

    def _key(self) -> bytes:
        try:
            return key_of(self.secret.read_text().strip())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            mend = "put a line there with the key that the webhook's receiver knows, `whsec_` and base64"
            raise ChannelError(f"{self.secret}: {why}: {mend}") from error


@dataclass(frozen=True)
class Mail:
    """A mail to everybody at once, through a relay."""

    receivers: tuple[str, ...]
    sender: str
    relay: str
    name: str = "mail"

    def send(self, letter: Letter) -> None:
        """Hand it to the relay, by TLS where the relay offers it."""
        host, _, port = self.relay.rpartition(":")
        try:
            with smtplib.SMTP(host.strip("[]"), int(port), timeout=TIMEOUT_S) as relay:
                relay.ehlo()
                if relay.has_extn("starttls"):
                    relay.starttls()
                refused = relay.send_message(self._message(letter))
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelError(f"{self.relay}: {error}: alerts.smtp must name a relay that takes mail") from error
        if refused:
            raise ChannelError(f"{self.relay}: it refused {', '.join(refused)}: correct alerts.mail_to")

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"[haechi {letter.site}] {letter.text.splitlines()[0]}"
        message["From"], message["To"] = self.sender, ", ".join(self.receivers)
        message["Date"] = format_datetime(letter.raised)
        # Mail that a machine wrote is not answered by another (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{letter.text}\n")
        return message


def of(alerts: Alerts, secret: Path) -> tuple[Channel, ...]:
    """Return the journal and the channels that policy names."""
    webhook = (Webhook(alerts.webhook, secret),) if alerts.webhook else ()
    mail = (Mail(alerts.mail_to, alerts.mail_from, alerts.smtp),) if alerts.mail_to and alerts.mail_from else ()
    return (Journal(), *webhook, *mail)
