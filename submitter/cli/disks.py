"""What a platform that wipes its disk at every restart will take away."""

import os
from collections.abc import Mapping
from pathlib import Path

from receiver.ledger.glance import sqlite_file
from receiver.settings import Settings

PLATFORMS = {"DYNO": "Heroku", "RENDER": "Render", "RAILWAY_ENVIRONMENT": "Railway", "FLY_APP_NAME": "Fly"}
"""Variable by which a platform is known → its name."""
NO_VOLUMES = {"Heroku"}
MENDS = {
    "DATABASE_URL": "DATABASE_URL of a PostgreSQL database",
    "STORAGE_URL": "STORAGE_URL=s3://bucket/prefix",
    "CHECKPOINT_MIRROR_URL": "CHECKPOINT_MIRROR_URL=s3://another-bucket",
}


def will_be_lost(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """One line that names platform, settings and mend; None where nothing will be lost."""
    platform = next((name for variable, name in PLATFORMS.items() if environment.get(variable)), None)
    if platform is None:
        return None
    database = sqlite_file(settings.database_url)
    places = {"DATABASE_URL": database.resolve().parent if database else None}
    places |= {name: _folder(getattr(settings, name.lower())) for name in ("STORAGE_URL", "CHECKPOINT_MIRROR_URL")}
    lost = [name for name, place in places.items() if place and (platform in NO_VOLUMES or not _on_a_volume(place))]
    if not lost:
        return None
    mend = " and ".join(MENDS[name] for name in lost)
    volume = "" if platform in NO_VOLUMES else ", or mount a volume and let them point there"
    return f"{platform} wipes this disk at every restart: what {' and '.join(lost)} name is lost; set {mend}{volume}"


def _folder(storage_url: str) -> Path | None:
    scheme, _, rest = storage_url.partition(":")
    return Path(rest.removeprefix("//")).absolute() if scheme.lower() == "file" else None


def _on_a_volume(place: Path) -> bool:
    """Whether the folder stands, or will stand, on something that was mounted."""
    return any(os.path.ismount(folder) for folder in (place, *place.parents) if folder != Path("/"))
