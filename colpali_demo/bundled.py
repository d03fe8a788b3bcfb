"""Where the files lie that come with the package: the bundled checkpoint, the samples, the example shown first."""

from pathlib import Path

# A wheel holds them inside the package; in a checkout they are the folder beside it, where Spaces and people look.
_INSTALLED = Path(__file__).resolve().with_name("assets")
ASSETS = _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1] / "assets"
