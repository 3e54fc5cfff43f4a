"""CI: writes build/sbom.json and asks for advisories; exit 1 for one that nobody accepted, 0 when the service is not there."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from tests.supply.advisories import Unreachable, accepted, found
from tests.supply.parts import ROOT, runtime
from tests.supply.sbom import sbom


def main() -> int:
    parts, target = runtime(), ROOT / "build" / "sbom.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(sbom(parts), indent=1) + "\n")
    print(f"supply: {len(parts)} components in {target.relative_to(ROOT)}")
    try:
        known = found(parts)
    except Unreachable as error:
        print(f"supply: advisories were not looked up, the service is out of reach ({error})")
        return 0
    lived_with = set(accepted((ROOT / ".ci" / "accepted-advisories").read_text(), datetime.now(UTC).date()))
    wrong = [f"supply: {part.name} {part.version} has {advisory}" for part, advisory in known if advisory not in lived_with]
    print("\n".join(wrong) or f"supply: no advisory that is not accepted, of {len(known)}", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
