"""What each verb of ``haechi hr`` takes; nothing here needs the service's packages."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path

PAGE_PORT, RECEIVER_PORT = 8444, 8443
_MOST = 65535


def _submit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("person", metavar="ID", help="who must be out, at once")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; a ticket's number will do")
    parser.add_argument("--freeze", action="store_true", help="until it is cleared up, not for good: only words differ")
    parser.add_argument("--watch", action="store_true", help="show how it goes on until it is proven")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", nargs="?", type=int, metavar="NO", help="one leaving with all its hosts")
    parser.add_argument("--json", action="store_true", help="for a program")


def _watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", nargs="*", type=int, metavar="NO", help="leavings; else all that go on")


def _retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, metavar="NO", help="the leaving whose open hosts are tried at once")


def _approve(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="step", required=True, metavar="write|accept")
    what = verbs.add_parser("write", help="show the matter, write what the approver signs, and say how")
    what.add_argument("--matter", type=int, required=True, metavar="NO", help="a matter of `haechi hr status`")
    _signing(what, verbs)


def _retire(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="step", required=True, metavar="write|accept")
    what = verbs.add_parser("write", help="write what is signed about a host that is gone for good, and say how")
    what.add_argument("host", metavar="HOST", help="a host that policy does not manage any more")
    what.add_argument("--reason", required=True, metavar="TEXT", help="what became of it")
    _signing(what, verbs)


def _signing(write: argparse.ArgumentParser, verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    write.add_argument("--as", dest="approver", required=True, metavar="ID", help="id of whoever signs")
    write.add_argument("--out", type=Path, metavar="FILE", help="else artifacts/hr/...")
    accept = verbs.add_parser("accept", help="take the signed document, and let follow what it says")
    accept.add_argument("--document", type=Path, required=True, metavar="FILE", help="what `write` wrote")
    accept.add_argument("--signature", type=Path, metavar="FILE", help="what ssh-keygen wrote; else DOCUMENT.sig")
    for one in (write, accept):
        one.add_argument("-i", "--inventory", type=Path, default=argparse.SUPPRESS, help="folder of the inventory")


def _nothing(_: argparse.ArgumentParser) -> None:
    """Take nothing of its own."""


def _receive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="a receiver's own file, in place of policy")
    _listening(parser, RECEIVER_PORT)


def _page(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--link", action="store_true", help="print a link that lets one browser in, once, for a minute")
    parser.add_argument("--for", dest="who", metavar="ID", help="who looks, with --link")
    _listening(parser, PAGE_PORT)


def _listening(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument(
        "--listen", type=_socket, default=("127.0.0.1", port), metavar="ADDRESS:PORT", help=f"else 127.0.0.1:{port}"
    )
    parser.add_argument("--cert", type=Path, metavar="FILE", help="certificate chain in PEM, for TLS 1.3")
    parser.add_argument("--key", type=Path, metavar="FILE", help="its private key in PEM")


def _secret(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a source of policy, of kind scim or webhook")
    parser.add_argument("--keep", action="store_true", help="the old one counts on, until the sender has the new one")


def _bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, metavar="NO", help="a leaving, ended or not")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="FILE", help="the bundle, a .json file")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="the site's; else that of the inventory")
    parser.add_argument("--authority", type=Path, metavar="FILE", help="certificates of the time stamping authority")


def _socket(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        address, number = str(ipaddress.ip_address(host.strip("[]"))), int(port)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as 127.0.0.1:8444 or [::1]:8444") from error
    if not 0 < number <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: a port is between 1 and {_MOST}")
    return address, number


VERBS: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "submit": ("put somebody out at once, on your own word", _submit),
    "status": ("who is being put out, what is open, what waits for people; exit code 1: the SLA is broken", _status),
    "watch": ("look on until all is proven; Ctrl-C stops the looking and nothing else", _watch),
    "retry": ("try what is open of a leaving at once", _retry),
    "approve": ("settle what waits for people; that of a stopped batch lets it go on", _approve),
    "retire-host": ("say that a host is gone for good, so that nothing waits for its proof", _retire),
    "work": ("run the worker, until it is told to end", _nothing),
    "receive": ("run a receiver, until it is told to end", _receive),
    "page": ("serve the page and the metrics, until it is told to end; or make a link to it", _page),
    "secret": ("make a new secret for a source, and show it once", _secret),
    "bundle": ("write the signed bundle of a leaving as it stands", _bundle),
    "verify": ("say whether a bundle holds, and what it proves", _verify),
}
