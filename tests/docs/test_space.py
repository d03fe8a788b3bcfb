"""The front matter and the requirements, as Hugging Face Spaces read them."""

import re
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard

ROOT = Path(__file__).resolve().parents[2]
COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
LARGEST = 10_000_000  # bytes of a file that the Hub takes without an extension of git


@pytest.fixture(scope="module")
def card() -> dict:
    return SpaceCard.load(ROOT / "README.md").data.to_dict()


def pins(name: str) -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return dict(re.fullmatch(r"([\w\-]+)(?:\[\w+\])?==(\S+)", line).groups() for line in lines if line)


def test_the_front_matter_is_what_spaces_ask_for(card):
    assert card["sdk"] == "gradio"
    assert (ROOT / card["app_file"]).is_file()
    assert card["license"] == "apache-2.0"
    assert {card["colorFrom"], card["colorTo"]} <= COLORS
    assert len(card["short_description"]) <= 60
    assert card["emoji"] and card["title"] and card["tags"]


def test_it_agrees_with_the_pins(card):
    assert card["sdk_version"] == pins("requirements.txt")["gradio"]
    needed = re.search(r'requires-python = ">=(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert isinstance(card["python_version"], str), "3.10 would be read as 3.1"
    assert tuple(map(int, card["python_version"].split("."))) >= tuple(map(int, needed.groups()))


def test_zero_gpu_differs_in_torch_and_spaces_alone():
    ordinary, zero = pins("requirements.txt"), pins("requirements-zerogpu.txt")
    assert set(zero) - set(ordinary) == {"spaces"}
    assert {name for name in ordinary if zero[name] != ordinary[name]} == {"torch"}


def test_the_pages_about_it_name_what_there_is(card):
    told = (ROOT / "docs" / "spaces.md").read_text("utf-8")
    extra = re.search(r"```yaml\n(.*?)```", told, re.DOTALL)[1]
    added = SpaceCard(f"---\nsdk: gradio\n{extra}---\n").data.to_dict()
    assert added["preload_from_hub"] == ["vidore/colpali-v1.3-hf"]
    assert set(added) - {"preload_from_hub", "startup_duration_timeout"} <= set(card)


def test_the_lock_files_have_every_pin_and_a_hash_of_each_package():
    packages = {}
    for name in ("requirements.lock", "requirements-torch.lock"):
        for package in re.split(r"\n(?=\w)", (ROOT / name).read_text()):
            if match := re.match(r"([\w.-]+)==([^\s;]+)", package):
                packages[match[1]] = match[2]
                assert "--hash=sha256:" in package, match[1]
    assert pins("requirements.txt").items() <= packages.items()
    alone = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"^(torch|triton|nvidia|cuda)", alone, re.MULTILINE)


def test_nothing_needs_torchvision():
    for file in ROOT.glob("requirements*.txt"):
        assert not re.search(r"^torchvision", file.read_text(), re.MULTILINE), file


def test_files_are_small_enough_for_the_hub():
    for file in (ROOT / "assets").rglob("*"):
        assert not file.is_file() or file.stat().st_size < LARGEST, file
