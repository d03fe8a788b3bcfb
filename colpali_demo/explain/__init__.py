"""Why a page has its score. Pure functions: similarities and a layout in, an `Explanation` out."""

from colpali_demo.explain.as_json import comparison_dict, explanation_dict, search_dict, token_dict, words_list
from colpali_demo.explain.lead import Comparison, compare_with_others, compare_with_reference
from colpali_demo.explain.ledger import Explanation, TokenMatch, differences, explain, margin, place_text
from colpali_demo.explain.maps import similarity_maps
from colpali_demo.explain.regions import Region
from colpali_demo.explain.words import WORD_OVERLAP, words_under

__all__ = [
    "WORD_OVERLAP",
    "Comparison",
    "Explanation",
    "Region",
    "TokenMatch",
    "compare_with_others",
    "compare_with_reference",
    "comparison_dict",
    "differences",
    "explain",
    "explanation_dict",
    "margin",
    "place_text",
    "search_dict",
    "similarity_maps",
    "token_dict",
    "words_list",
    "words_under",
]
