"""Leave names, versions, licences and dependencies in a CycloneDX document (stdin to stdout), sorted.

Descriptions and addresses of projects go: they say nothing about what is installed.
"""

import json
import sys

document = json.load(sys.stdin)
for component in document["components"]:
    for name in ("description", "externalReferences", "properties"):
        component.pop(name, None)
document.get("metadata", {}).pop("tools", None)
document.pop("properties", None)
json.dump(document, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
sys.stdout.write("\n")
