"""What a visitor has erased of a page of their last search, step by step, and what they can erase next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from colpali_demo.encoder.files import CheckpointError
from colpali_demo.evidence import erase_again, hot_boxes, winner_boxes
from colpali_demo.web.faults import Refused

if TYPE_CHECKING:
    from colpali_demo.evidence import Erasure
    from colpali_demo.explain import Explanation
    from colpali_demo.export.pictures import Pictures
    from colpali_demo.occlusion import Box
    from colpali_demo.retrieval import Ranking

HOT_PATCHES = 10  # of each token, that are erased or left together
MAX_STEPS = 12
MAX_BOXES = 1000  # boxes of one page: all steps with the winners of a long query have fewer
MAX_GIVEN = 64  # boxes that a caller names at once
MAX_AREA = 2.0  # pages that these cover together, each as often as it is named

What = Literal["winner", "hot", "rest"]


@dataclass(frozen=True)
class Target:
    """What is to be erased.

    what: the places of the winners of some tokens, their hottest patches, or everything but these; None for boxes
    tokens: their indices
    given: boxes in shares of the page; none for tokens
    """

    what: What | None = None
    tokens: tuple[int, ...] = ()
    given: tuple[Box, ...] = ()

    def boxes(self, explanation: Explanation) -> list[Box]:
        """Return the boxes to erase, or for "rest" to leave, of a page as it is explained now. Raises Refused."""
        if self.given:
            given = list(dict.fromkeys(self.given))
            area = sum(abs((right - left) * (bottom - top)) for left, top, right, bottom in given)
            if len(given) > MAX_GIVEN or not area <= MAX_AREA:  # what is no number is no area
                raise Refused("Too much at once", f"{MAX_GIVEN} boxes that do not overlap are the most.")
            return given
        if not all(token < len(explanation.tokens) for token in self.tokens):
            raise Refused("Not understood", "This request is malformed; reload the page.")
        find = winner_boxes if self.what == "winner" else lambda why, token: hot_boxes(why, token, HOT_PATCHES)
        boxes = list(dict.fromkeys(box for token in self.tokens for box in find(explanation, token)))
        if not boxes:
            raise Refused("Nothing to erase", "The best match is off the image. Choose another word, or a box.")
        return boxes


@dataclass(frozen=True)
class Erasing:
    """The steps of erasing parts of one page: an erasure a step, each compared with the whole page.

    key: of the page
    pictures: of the page after the last step
    """

    key: str
    steps: tuple[Erasure, ...]
    pictures: Pictures

    @property
    def last(self) -> Erasure:
        """The page as it is now, and as it was whole."""
        return self.steps[-1]

    @property
    def nbytes(self) -> int:
        """Memory that the steps take: their cosines, once more as maps."""
        return sum(2 * step.after.similarities.nbytes for step in self.steps)


def next_step(
    ranking: Ranking, explanation: Explanation, steps: Sequence[Erasure], target: Target
) -> tuple[Erasure, ...]:
    """Erase one thing more of a page as it is explained now, after some steps; returns these and the new one.

    The page is embedded anew. Raises Refused where nothing more can be erased.
    """
    if len(steps) >= MAX_STEPS:
        raise Refused("Enough erased", f"{MAX_STEPS} steps are the most; undo some, or reset.")
    boxes = target.boxes(explanation)
    if steps and len(steps[-1].after.page.erased) + len(boxes) > MAX_BOXES:
        raise Refused("Enough erased", "These are too many regions; undo some steps, or reset.")
    return (*steps, erased_anew(ranking, explanation, boxes, only=target.what == "rest"))


def erased_anew(ranking: Ranking, explanation: Explanation, boxes: Sequence[Box], *, only: bool) -> Erasure:
    """Erase boxes, or with `only` everything else, of a page as it is explained. Raises Refused."""
    try:
        return erase_again(ranking, explanation.page, boxes, only=only)
    except CheckpointError as error:
        raise Refused("No model for this page", error.message) from None
    except ValueError as error:
        raise Refused("Not this", f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
