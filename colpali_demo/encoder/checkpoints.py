"""Where a checkpoint lies: the bundled one, a folder, or a repository of the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from tqdm.auto import tqdm

from colpali_demo.encoder.families import FAMILIES, MEAN_SCORED, Family, family_of
from colpali_demo.encoder.files import BUNDLED_FOLDER, CheckpointError, read_json
from colpali_demo.settings import Settings

DownloadProgress = Callable[[int, int], None]

DOWNLOAD_SIZES = {"vidore/colpali-v1.2-hf": "about 6 GB", "vidore/colpali-v1.3-hf": "about 6 GB"}
UNMEASURED = {
    "schema": 1,
    "level": "unmeasured",
    "sentence": "How well this checkpoint reads has not been measured here.",
}


@dataclass(frozen=True)
class Checkpoint:
    """The files of a checkpoint on this machine.

    folder: where they lie
    name: what to call it before people
    source: what `find_checkpoint` found it by
    family: what reads it
    """

    folder: Path
    name: str
    source: str
    family: type[Family]

    def reading(self) -> dict[str, Any]:
        """Return how well the checkpoint reads, from its `reading.json`; `UNMEASURED` when it has none."""
        path = self.folder / "reading.json"
        return read_json(path) if path.is_file() else dict(UNMEASURED)


def find_checkpoint(name: str, *, download: bool = False, progress: DownloadProgress | None = None) -> Checkpoint:
    """Locate a checkpoint by name: "auto", "tiny", a folder, or a Hub id such as "vidore/colpali-v1.3-hf".

    "auto" is what `COLPALI_MODEL` names, else the bundled checkpoint. Nothing is downloaded unless `download` is True;
    then
    `progress(done, total)` is called with the bytes so far.
    Raises CheckpointError: checkpoint_missing, not_downloaded, checkpoint_corrupt, or unknown_family for anything but a
    checkpoint of one of the `FAMILIES` in the format of transformers.
    """
    if name == "auto":
        name = Settings.from_env().model
    if name in ("auto", "tiny"):
        if not BUNDLED_FOLDER.is_dir():
            raise CheckpointError("checkpoint_missing", f"The bundled checkpoint {BUNDLED_FOLDER} is missing.")
        folder, shown, name = BUNDLED_FOLDER, BUNDLED_FOLDER.name, "tiny"
    elif Path(name).expanduser().is_dir():
        folder = Path(name).expanduser().resolve()
        shown = folder.name
    else:
        folder, shown = _hub_snapshot(name, download, progress), name
    return Checkpoint(folder, shown, name, _family(folder, shown))


def _hub_snapshot(name: str, download: bool, progress: DownloadProgress | None) -> Path:
    """The folder of a Hub repository, from the local cache or, if allowed, from the Hub."""

    class Reported(tqdm):
        """The bars that `snapshot_download` draws; those that count bytes report them as well."""

        def update(self, n: float | None = 1) -> bool | None:
            drawn = super().update(n)
            if progress is not None and self.unit == "B" and self.total:
                progress(int(self.n), int(self.total))
            return drawn

    try:
        folder = snapshot_download(
            name,
            local_files_only=not download,
            allow_patterns=["*.json", "*.safetensors"],
            tqdm_class=Reported,
        )
    except HFValidationError:
        raise CheckpointError(
            "checkpoint_missing", f"There is no checkpoint `{name}`: neither a folder nor a Hub id has that name."
        ) from None
    except LocalEntryNotFoundError as error:
        size = DOWNLOAD_SIZES.get(name, "often several GB")
        reason = "It could not be downloaded." if download else "Download it first, or allow the download."
        raise CheckpointError("not_downloaded", f"`{name}` is not on this machine: {size}. {reason}") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError("checkpoint_missing", f"The Hub has no public repository `{name}`.") from error
    except (HfHubHTTPError, OSError) as error:
        raise CheckpointError("not_downloaded", f"`{name}` could not be downloaded: {error}") from error
    return Path(folder)


def _family(folder: Path, name: str) -> type[Family]:
    """Return the family that reads the files of `folder`. Raises CheckpointError where there is none."""
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise CheckpointError(
                "unknown_family",
                f"`{name}` holds only an adapter. Use a complete checkpoint such as vidore/colpali-v1.3-hf.",
            )
        raise CheckpointError("checkpoint_missing", f"`{name}` holds no checkpoint: config.json is missing.")
    config = read_json(folder / "config.json")
    model_type = str(config.get("model_type"))
    if model_type in MEAN_SCORED:
        raise CheckpointError(
            "unknown_family",
            f"`{name}` is a {MEAN_SCORED[model_type]} checkpoint. It scores by a mean of MaxSim; this demo explains "
            "sums.",
        )
    family = family_of(config)
    if family is None:
        known = ", ".join(family.name for family in FAMILIES)
        raise CheckpointError(
            "unknown_family",
            f"`{name}` is none of {known} in the format of transformers, such as vidore/colpali-v1.3-hf: its model "
            f"type is {model_type}.",
        )
    return family
