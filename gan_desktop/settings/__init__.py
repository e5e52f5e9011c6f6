"""What people set: config.yaml and environment variables become one `Settings` record."""

from gan_desktop.settings.load import load_settings
from gan_desktop.settings.sections import (
    DatabaseSettings,
    DataSettings,
    HuggingFaceSettings,
    Settings,
    WorkerSettings,
)

__all__ = [
    "DataSettings",
    "DatabaseSettings",
    "HuggingFaceSettings",
    "Settings",
    "WorkerSettings",
    "load_settings",
]
