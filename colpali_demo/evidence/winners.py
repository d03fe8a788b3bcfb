"""What every typed token of a query loses when the place of its winner is erased, and when as much ink elsewhere is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.evidence.erasing import Erasure, cell_boxes, erase_again, neighbors, winner_boxes
from colpali_demo.evidence.faithfulness import ink, place_with_as_much_ink

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.retrieval import Ranking


@dataclass(frozen=True)
class ErasedWinner:
    """A page without the place of a token's winner, and without another place of as much ink, if there is one.

    margin: what the ledger foretells that the token loses, a cosine
    divisor: what cosines are divided by to be terms of the score
    """

    token: int
    margin: float
    divisor: float
    erasure: Erasure
    elsewhere: Erasure | None

    @property
    def lost(self) -> float:
        """What the token lost of its MaxSim, a cosine as the margin is."""
        return -self.erasure.tokens[self.token].difference * self.divisor

    @property
    def lost_elsewhere(self) -> float | None:
        """The same where as much ink was erased that no token had chosen; None where there is no such place."""
        return None if self.elsewhere is None else -self.elsewhere.tokens[self.token].difference * self.divisor

    def to_json(self) -> dict[str, Any]:
        """Return what a card shows of it, as plain JSON values.

        {"token", "margin", "lost", "lost_elsewhere", "score", "rank": those of the page then,
        "tokens": the MaxSim of each token then, "cells": of the token's winner then,
        "boxes": those erased, "fills": the color that each was filled with, red, green and blue}
        """
        after = self.erasure.after
        image = after.page.image
        width, height = image.size
        return {
            "token": self.token,
            "margin": self.margin,
            "lost": self.lost,
            "lost_elsewhere": self.lost_elsewhere,
            "score": after.score,
            "rank": self.erasure.rank_after,
            "tokens": [token.after for token in self.erasure.tokens],
            "cells": [list(cell) for cell in after.tokens[self.token].cells],
            "boxes": [list(box) for box in after.page.erased],
            "fills": [
                list(image.getpixel((int((left + right) / 2 * width), int((top + bottom) / 2 * height))))
                for left, top, right, bottom in after.page.erased
            ],
        }


def erase_winners(ranking: Ranking, page: Page, most: int) -> list[ErasedWinner]:
    """Erase the winners of up to `most` typed tokens of a page, one at a time: those with the largest lead.

    The page is embedded anew twice for each. Tokens whose winner is off the page, or is everywhere, are left out.
    Raises as `Ranking.without`.
    """
    why = ranking.explain(page)
    darkness = ink(page.image, why.layout)
    chance = np.random.default_rng(0)
    typed = [match for match in why.tokens if match.kind == "word" and match.cells and match.margin is not None]
    leading = sorted(typed, key=lambda match: -(match.maxsim if match.lead is None else match.lead))[:most]
    found = []
    for match in sorted(leading, key=lambda match: match.index):
        other = place_with_as_much_ink(why, neighbors(match.cells, why.layout), darkness, chance)
        erasure = erase_again(ranking, page, winner_boxes(why, match.index))
        elsewhere = None if other is None else erase_again(ranking, page, cell_boxes(other, why.layout))
        found.append(ErasedWinner(match.index, match.margin, why.query.divisor, erasure, elsewhere))
    return found
