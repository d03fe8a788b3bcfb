"""Helpers for tests of visitors."""

from colpali_demo.web.visitors import Visitor


def index_all(visitor: Visitor) -> None:
    for _ in visitor.indexing.run():
        pass


def pages(visitor: Visitor) -> dict[str, int]:
    return {entry["source"]: entry["pages"] for entry in visitor.library()["documents"]}


def codes(visitor: Visitor) -> list[str]:
    return [error["code"] for error in visitor.library()["errors"]]
