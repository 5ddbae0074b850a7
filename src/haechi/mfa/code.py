"""One-time codes by the clock (RFC 6238), and the file from which PAM checks them."""

from __future__ import annotations

import base64
import hmac
import secrets
import struct
from urllib.parse import quote

STEP = 30
BYTES = 20  # RFC 4226, 4: as long as the hash
# One step: a code counts for its own 30 seconds and not for the next ones'. A code that was used is out, five tries
# within 30 seconds are enough, and there are no codes that count for ever.
OPTIONS = ('" RATE_LIMIT 5 30', '" WINDOW_SIZE 1', '" DISALLOW_REUSE', '" TOTP_AUTH')


def new_seed() -> str:
    """Return a new seed as base32."""
    return base64.b32encode(secrets.token_bytes(BYTES)).decode()


def at(seed: str, moment: float) -> str:
    """Return the code of a moment (s since 1970)."""
    # PAM's module knows SHA-1 alone; what breaks its collisions does not break an HMAC (RFC 6194). Then dynamic
    # truncation (RFC 4226, 5.3): the last four bits say where 31 bits are taken.
    digest = hmac.digest(base64.b32decode(seed), struct.pack(">Q", int(moment) // STEP), "sha1")
    offset = digest[-1] & 0xF
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1_000_000:06}"


def is_right(seed: str, code: str, moment: float) -> bool:
    """Return whether a code shows that somebody has the seed: he may have typed slowly."""
    # Bytes: of text it takes ASCII alone, and a Korean input method gives full-width digits.
    typed = code.strip().encode(errors="replace")
    # RFC 6238, 5.2 and 6: one step for the delay, and one for a clock that is ahead.
    return any(hmac.compare_digest(at(seed, moment + shift).encode(), typed) for shift in (-STEP, 0, STEP))


def uri(site: str, person: str, seed: str) -> str:
    """Return what a QR code says to an app (Google's Key URI Format)."""
    return f"otpauth://totp/{quote(site)}:{quote(person)}?secret={seed}&issuer={quote(site)}"


def file_text(seed: str) -> str:
    """Return the file of libpam-google-authenticator."""
    return "\n".join([seed, *OPTIONS]) + "\n"
