"""Checks of deploy/ with the real programs: Helm, Kubernetes' and Compose's schemas, HAProxy, promtool, an image.

`make deploy-check` runs `python -m tests.deployment`, `make image-check` builds an image and uses it, and
puts two web processes behind HAProxy.
"""
