"""Everything behind the score of a page as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from colpali_demo.explain import explanation_dict, token_dict

if TYPE_CHECKING:
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.evidence import Erasure
    from colpali_demo.explain import Explanation


def tensors(explanation: Explanation, rank: int, model: ModelInfo, erasure: Erasure | None = None) -> bytes:
    """Return everything behind a score as JSON, exact: numbers that are read back as float32 are those computed.

    {"schema", "model", "query": {"text", "prefix", "augmentation",
    "tokens": [{"index", "text", "kind", "word", "id"}]}, "page": `explanation_dict`,
    "slots": what each vector of the page is: [kind, [[row, col], ...], text], "similarities": (tokens, vectors),
    "erasure": where parts of the page are erased, `Erasure.to_json`, else null}
    """
    query = explanation.query
    value = {
        "schema": 1,
        "model": dict(model),
        "query": {
            "text": query.text,
            "prefix": query.prefix,
            "augmentation": query.augmentation,
            "tokens": [{**token_dict(token), "id": token.id} for token in query.tokens],
        },
        "page": explanation_dict(explanation, rank),
        "slots": explanation.layout.to_json()["slots"],
        # The shortest digits that float32 needs, a third of those of float64.
        "similarities": [[float(str(cosine)) for cosine in row] for row in explanation.similarities],
        "erasure": None if erasure is None else erasure.to_json(),
    }
    return json.dumps(value, ensure_ascii=False).encode()
