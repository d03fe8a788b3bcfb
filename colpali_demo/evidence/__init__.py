"""Put explanations to the test: erase what they point at and embed the page anew, or ask what people point at."""

from colpali_demo.evidence.erasing import Erasure, TokenChange, erase_again, hot_boxes, winner_boxes
from colpali_demo.evidence.faithfulness import Faithfulness, measure_faithfulness
from colpali_demo.evidence.winners import ErasedWinner, erase_winners

__all__ = [
    "ErasedWinner",
    "Erasure",
    "Faithfulness",
    "TokenChange",
    "erase_again",
    "erase_winners",
    "hot_boxes",
    "measure_faithfulness",
    "winner_boxes",
]
