"""Checks a bundle of evidence with nothing but Python 3.11 and the package `cryptography`: no settings, no network.

    python verify.py [BUNDLE.zip | FOLDER] [--key VKEY] [--json]      status 0 good, 3 found something, 2 not a bundle

The files of proofhook's folder receiver/audit/stranger, one behind the other, are the verify.py of every bundle, and
`proofhook audit verify-bundle` runs them, too. They know the standard library, `cryptography` and each other. The
format: docs/bundle.md.
Sources: RFC 6962, RFC 9162 §2.1.3.2, https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint.
"""
