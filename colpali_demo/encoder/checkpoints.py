"""Where a checkpoint lies: the bundled one, a folder, or a repository of the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from tqdm.auto import tqdm

from colpali_demo.encoder import adapters
from colpali_demo.encoder.families import FAMILIES, Family, family_of
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

    folder: where its weights lie; those of its base, if it is an adapter
    name: what to call it before people
    source: what `find_checkpoint` found it by
    family: what reads it
    adapter: the folder of the adapter that belongs to the weights, None if there is none
    adapter_source: what the adapter was found by where it was chosen apart, None otherwise
    """

    folder: Path
    name: str
    source: str
    family: type[Family]
    adapter: Path | None = None
    adapter_source: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """Its `config.json`; that of its base, if it is an adapter."""
        return read_json(self.folder / "config.json")

    @property
    def own_folder(self) -> Path:
        """Where lies what was published with it: the folder of the adapter, if it is one."""
        return self.adapter or self.folder

    @property
    def processor_folder(self) -> Path:
        """Where its tokenizer lies: beside the adapter, or else beside the weights."""
        engine = self.family.is_engine(self.config)
        return self.own_folder if engine and (self.own_folder / "tokenizer.json").is_file() else self.folder

    @property
    def revision(self) -> str | None:
        """The commit of the Hub's repository that its own files are of; None for a folder that is no snapshot."""
        return self.own_folder.name if self.own_folder.parent.name == "snapshots" else None

    def reading(self) -> dict[str, Any]:
        """Return how well the checkpoint reads, from its `reading.json`; `UNMEASURED` when it has none."""
        path = self.own_folder / "reading.json"
        return read_json(path) if path.is_file() else dict(UNMEASURED)


def find_checkpoint(
    name: str, *, adapter: str | None = None, download: bool = False, progress: DownloadProgress | None = None
) -> Checkpoint:
    """Locate a checkpoint by name: "auto", "tiny", a folder, or a Hub id such as "vidore/colpali-v1.3-hf".

    A Hub id may end in `@` and a revision: a commit, a tag or a branch. Without one it is the newest of what is there.
    "auto" is what `COLPALI_MODEL` names, else the bundled checkpoint. `adapter` names a LoRA adapter for it, a folder
    or a Hub id. A checkpoint that is itself an adapter needs its base model, which it names. Nothing is downloaded
    unless `download` is True; then `progress(done, total)` is called with the bytes so far.
    Raises CheckpointError: checkpoint_missing, not_downloaded, checkpoint_corrupt, or unknown_family for anything but a
    checkpoint of one of the `FAMILIES` in the format of transformers or colpali_engine.
    """
    if name == "auto":
        name = Settings.from_env().model
    if name in ("auto", "tiny"):
        if not BUNDLED_FOLDER.is_dir():
            raise CheckpointError("checkpoint_missing", f"The bundled checkpoint {BUNDLED_FOLDER} is missing.")
        folder, shown, name = BUNDLED_FOLDER, BUNDLED_FOLDER.name, "tiny"
    else:
        folder, shown = _locate(name, download, progress)
    if adapter is not None:
        added, added_name = _locate(adapter, download, progress)
        if not (added / adapters.CONFIG).is_file():
            raise CheckpointError(
                "checkpoint_missing", f"`{added_name}` holds no adapter: {adapters.CONFIG} is missing."
            )
        return Checkpoint(folder, f"{shown} + {added_name}", name, _family(folder, shown), added, adapter)
    if _is_adapter(folder):
        base, base_shown = _base_of(folder, shown, download, progress)
        return Checkpoint(base, shown, name, _family(base, base_shown), folder)
    return Checkpoint(folder, shown, name, _family(folder, shown))


def at_revision(name: str, revision: str) -> str:
    """Return the name of a Hub's checkpoint at a revision. Raises ValueError for a name that is no Hub id."""
    if name in ("auto", "tiny") or "@" in name or Path(name).expanduser().is_dir():
        raise ValueError(f"Only a Hub id such as vidore/colpali-v1.3-hf has revisions, and `{name}` is none.")
    return f"{name}@{revision}"


def _locate(name: str, download: bool, progress: DownloadProgress | None) -> tuple[Path, str]:
    """Return the folder of a checkpoint or an adapter, and what to call it before people."""
    if Path(name).expanduser().is_dir():
        folder = Path(name).expanduser().resolve()
        return folder, folder.name
    return _hub_snapshot(name, download, progress), name


def _is_adapter(folder: Path) -> bool:
    """Return whether a folder holds an adapter and no whole model: some have the base's `config.json` beside it."""
    return (folder / adapters.CONFIG).is_file() and not any(folder.glob("model*.safetensors"))


def _base_of(folder: Path, name: str, download: bool, progress: DownloadProgress | None) -> tuple[Path, str]:
    """Return the folder of the base model that an adapter was trained beside, and what to call it."""
    base = adapters.base_name(folder)
    if not base:
        raise CheckpointError(
            "checkpoint_missing", f"The adapter `{name}` does not say what its base model is: choose that as the model."
        )
    try:
        return _locate(base, download, progress)
    except CheckpointError as error:
        raise CheckpointError(
            error.code,
            f"`{name}` is an adapter and needs its base model. {error.message} If there is a merged version of it, "
            "that is one smaller download.",
        ) from error


def _hub_snapshot(name: str, download: bool, progress: DownloadProgress | None) -> Path:
    """Return the folder of a Hub repository, from the local cache or, if allowed, from the Hub."""
    repository, _, revision = name.partition("@")

    class Reported(tqdm):
        """The bars that `snapshot_download` draws; those that count bytes report them as well."""

        def update(self, n: float | None = 1) -> bool | None:
            drawn = super().update(n)
            if progress is not None and self.unit == "B" and self.total:
                progress(int(self.n), int(self.total))
            return drawn

    try:
        folder = snapshot_download(
            repository,
            revision=revision or None,
            local_files_only=not download,
            allow_patterns=["*.json", "*.safetensors", "git_hash.txt"],
            tqdm_class=Reported,
        )
    except HFValidationError:
        raise CheckpointError(
            "checkpoint_missing", f"There is no checkpoint `{name}`: neither a folder nor a Hub id has that name."
        ) from None
    except LocalEntryNotFoundError as error:
        size = DOWNLOAD_SIZES.get(repository, "often several GB")
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
        raise CheckpointError("checkpoint_missing", f"`{name}` holds no checkpoint: config.json is missing.")
    config = read_json(folder / "config.json")
    model_type = str(config.get("model_type"))
    family = family_of(config)
    if family is None:
        known = ", ".join(family.name for family in FAMILIES)
        raise CheckpointError(
            "unknown_family",
            f"`{name}` is none of {known} in the format of transformers or colpali_engine, such as "
            f"vidore/colpali-v1.3-hf: its model type is {model_type}.",
        )
    return family
