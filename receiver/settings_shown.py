"""Settings as people may see them: with where each came from, and without what is secret."""

import os
import re
from pathlib import Path

from dotenv import dotenv_values

from receiver.keyfile import key_file
from receiver.settings import Settings

OURS = frozenset({"proofhook_secret", "admin_token"})
SECRET = OURS | {"viewer_token", "aws_secret_access_key", "aws_session_token"}
MASK = "********"
_PASSWORD = re.compile(r"(?<=://)([^/?#]*):[^/?#]*@")


def without_password(value: str) -> str:
    """A value as people may see it: where it is a URL, without the password in it."""
    return _PASSWORD.sub(rf"\1:{MASK}@", value)


def shown(settings: Settings) -> list[dict[str, str]]:
    """Every setting with its value (secrets masked) and where it came from, for people."""
    kept = dotenv_values(".env") if Path(".env").is_file() else {}
    written = {name.upper() for name, value in kept.items() if value}
    rows = []
    for name in type(settings).model_fields:
        variable, value = name.upper(), getattr(settings, name)
        source = "environment" if os.environ.get(variable) else ".env" if variable in written else "default"
        text = ",".join(value) if isinstance(value, tuple) else without_password("" if value is None else str(value))
        if name in SECRET - OURS:
            source, text = (source, MASK) if value else ("not set", "")
        elif name in OURS:
            file = key_file(settings.database_url)
            source, text = source if value else f"file {file}" if file else "not set", MASK if value or file else ""
        rows.append({"name": variable, "value": text, "source": source})
    return rows
