"""Put explanations to the test: erase what they point at and embed the page anew, or ask what people point at."""

from colpali_demo.evidence.erasing import Erasure, TokenChange, erase_again, hot_boxes, winner_boxes
from colpali_demo.evidence.faithfulness import Faithfulness, measure_faithfulness

__all__ = [
    "Erasure",
    "Faithfulness",
    "TokenChange",
    "erase_again",
    "hot_boxes",
    "measure_faithfulness",
    "winner_boxes",
]
