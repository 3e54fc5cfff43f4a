"""The bill of materials in CycloneDX 1.6 JSON: https://cyclonedx.org/docs/1.6/json/."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from tests.supply.parts import Part, licence


def sbom(parts: Sequence[Part]) -> dict[str, Any]:
    """Of the lock file, so the same on every machine but for licences of what is not installed on this one."""
    application = {"type": "application", "name": "kabar", "version": version("kabar"), "bom-ref": "kabar"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": application},
        "components": [_component(part) for part in parts],
        "dependencies": [{"ref": "kabar", "dependsOn": [part.purl for part in parts]}],
    }


def _component(part: Part) -> dict[str, Any]:
    found = part.installed()
    licences = [{"license": {"name": licence(found)}}] if found else []
    return {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "licenses": licences,
        "properties": [{"name": "kabar:sha256", "value": digest} for digest in part.hashes],
    }
