"""What every encoder offers, and that its rooms import each other in one direction."""

import ast
from pathlib import Path
from typing import get_type_hints

from colpali_demo import encoder as room
from colpali_demo.encoder import AnyEncoder, Capabilities
from colpali_demo.encoder.interface import ModelInfo

ROOM = Path(room.__file__).parent


def test_a_loaded_checkpoint_offers_all_that_an_encoder_is_asked_for(encoder):
    members = [*get_type_hints(AnyEncoder), *(name for name in vars(AnyEncoder) if not name.startswith("_"))]
    assert {"capabilities", "model_info", "batch_size", "calibration", "embed_pages", "embed_query"} <= set(members)
    assert all(hasattr(encoder, name) for name in members)
    assert encoder.capabilities == Capabilities(embeds_pages=True, embeds_queries=True, has_model=True)


def test_model_info_has_the_keys_of_its_type(encoder):
    assert set(encoder.model_info) == set(ModelInfo.__annotations__) - {"precomputed"}
    assert set(encoder.model_info["input"]) == {"height", "width", "resample", "text"}


def imports(file: Path) -> set[str]:
    """The modules of the room that a file imports, also where only a type checker reads it."""
    known = {module_name(path) for path in ROOM.rglob("*.py")}
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            # `from room.families import x` needs the module x, or else the package itself.
            found |= {names[0]} if not known & set(names[1:]) else known & set(names[1:])
    return found & known


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOM.parents[1]).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_by_way_of_others():
    graph = {module_name(path): imports(path) for path in ROOM.rglob("*.py")}
    assert "colpali_demo.encoder.interface" in graph["colpali_demo.encoder.calibration"]
    left = dict(graph)
    while leaves := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in leaves}
    assert not left, f"these import each other in a circle: {sorted(left)}"
