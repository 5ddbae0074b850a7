"""Small parts of an OSCAL document that belong to no run, and texts made to fit its data types. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from haechi.controls.model import Control, Status
from haechi.report.model import ControlView, WaiverView

NAMESPACE = "urn:haechi:oscal"
_NO_TOKEN = re.compile(r"[^\w.\-]")


def line(text: str) -> str:
    """Return a text as one line without blanks at its ends; OSCAL allows neither an empty one."""
    return " ".join(text.split()) or "-"


def token(text: str) -> str:
    """Return a text as a name: letters, digits, dots, hyphens and underscores, beginning with a letter."""
    name = _NO_TOKEN.sub("_", text)
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"


def path(text: str) -> str:
    """Return a text as one part of a URI's path."""
    return quote(text, safe="")


def moment(at: datetime) -> str:
    """Return a time as OSCAL writes it."""
    return f"{at.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that hold something: OSCAL knows no empty list."""
    return {name: value for name, value in fields.items() if value}


def prop(name: str, value: str) -> dict[str, str]:
    """Return a property of ours."""
    return {"name": token(name), "ns": NAMESPACE, "value": line(value)}


def sha256(digest: str) -> dict[str, str]:
    """Return a hash."""
    return {"algorithm": "SHA-256", "value": line(digest)}


def objective(control: str) -> str:
    """Return the name of what a control promises."""
    return f"{token(control)}_obj"


def objectives(control: Control) -> dict[str, Any]:
    """Return what a control promises, in both languages."""
    part = {
        "id": objective(control.id),
        "name": "objective",
        "title": line(control.title_en),
        "prose": f"{control.title_en}\n\n{control.title_ko}",
    }
    return {"control-id": token(control.id), "description": line(control.title_en), "parts": [part]}


def articles(view: ControlView) -> list[dict[str, str]]:
    """Return the articles that a control serves."""
    return [
        prop("article", article.id) | {"remarks": line(f"{article.framework} {article.code} {article.title_ko}")}
        for article in view.articles
    ]


def reviewed(controls: Sequence[Control]) -> dict[str, Any]:
    """Return which controls were assessed; a run without a verdict reviewed none of them."""
    if not controls:
        return {"control-selections": [{"include-all": {}}], "remarks": "This run holds no verdict."}
    return {
        "control-selections": [{"include-controls": [{"control-id": token(one.id)} for one in controls]}],
        "control-objective-selections": [
            {"include-objectives": [{"objective-id": objective(one.id)} for one in controls]}
        ],
    }


def implementation(worst: Status) -> dict[str, Any]:
    """Return the implementation status where OSCAL has a word that says more than its two states."""
    return {"implementation-status": {"state": "not-applicable"}} if worst is Status.NOT_APPLICABLE else {}


def waiver(waived: WaiverView | None) -> list[dict[str, str]]:
    """Return who answers for an exception, and until when."""
    if waived is None:
        return []
    one = waived.waiver
    found = {"id": one.id, "reason": one.reason, "owner": one.owner, "approver": one.approver, "until": str(one.until)}
    return [prop(f"waiver-{name}", value) for name, value in found.items()]


def assets(tool: str, platform: str, version: str) -> dict[str, Any]:
    """Return what the assessment was made with."""
    component = {
        "uuid": tool,
        "type": "software",
        "title": "Haechi",
        "description": "Observes hosts without changing them, and judges what it saw.",
        "props": [{"name": "version", "value": version}],
        "status": {"state": "operational"},
    }
    platforms = [{"uuid": platform, "uses-components": [{"component-uuid": tool}]}]
    return {"components": [component], "assessment-platforms": platforms}
