"""The losses that teach a late-interaction retriever, each a short function over plain tensors.

The two page-level losses are those of ColPali (Faysse et al. 2024, section 4.1 and appendix): an in-batch contrastive
loss over late-interaction scores, as a softmax cross-entropy or as its pairwise variant with the hardest in-batch
negative. The rest is dense supervision for a model that starts from nothing: contrastive losses alone do not get off
the ground before the features say which characters and subwords are where.
"""

import torch
from torch.nn import functional as F


def token_maxima(queries: torch.Tensor, pages: torch.Tensor) -> torch.Tensor:
    """Return the best dot product of every query token with the vectors of every page.

    Args:
        queries: (queries, tokens, dim), padded.
        pages: (pages, vectors, dim), all of one length.

    Returns:
        (queries, pages, tokens).
    """
    with torch.no_grad():
        winners = torch.einsum("qtd,pvd->qptv", queries, pages).argmax(dim=-1)
    # Only winners have a gradient: without the others a step needs neither the time nor the memory for theirs.
    best = pages[torch.arange(len(pages), device=pages.device)[:, None], winners]
    return (queries[:, None] * best).sum(dim=-1)


def late_interaction_scores(maxima: torch.Tensor, query_mask: torch.Tensor) -> torch.Tensor:
    """Return the MaxSim of every query with every page, (queries, pages): the sum over its tokens of `token_maxima`.

    `query_mask` is bool (queries, tokens), False on padding.
    """
    return (maxima * query_mask[:, None, :]).sum(dim=-1)


def difference_between_pages(maxima: torch.Tensor, untyped: torch.Tensor) -> torch.Tensor:
    """Return the variance over the pages of what tokens that nobody typed add to the score, together.

    "Question:", the augmentation tokens and the newline say nothing of any page, and yet their maxima vary between
    pages unless something keeps them from that, and vary alike; over a hundred pages this drowns the words of a short
    query.

    Args:
        maxima: (queries, pages, tokens), divided by the temperature.
        untyped: bool (queries, tokens), the prompt's tokens and the augmentation tokens.
    """
    return (maxima * untyped[:, None, :]).sum(dim=-1).var(dim=1, correction=0).mean()


def in_batch_softmax(scores: torch.Tensor, positive: torch.Tensor, ignore: torch.Tensor | None = None) -> torch.Tensor:
    """Return the cross-entropy of each query's own page against the other pages of the batch.

    Args:
        scores: (queries, pages), already divided by the temperature.
        positive: int64 (queries,), the column of each query's own page.
        ignore: bool (queries, pages), pages that answer the query too and so are no negatives.
    """
    if ignore is not None:
        scores = scores.masked_fill(ignore, -torch.inf)
    return F.cross_entropy(scores, positive)


def pairwise_hardest(scores: torch.Tensor, positive: torch.Tensor, ignore: torch.Tensor | None = None) -> torch.Tensor:
    """Return softplus(hardest negative - positive), averaged over queries. Arguments as `in_batch_softmax`."""
    own = F.one_hot(positive, scores.shape[1]).bool()
    excluded = own if ignore is None else own | ignore
    hardest = scores.masked_fill(excluded, -torch.inf).amax(dim=1)
    # Beyond its threshold torch takes softplus(x) for x; at the default of 20 that shows in float64.
    return F.softplus(hardest - scores[own], threshold=40).mean()


def token_to_patch(logits: torch.Tensor, shown: torch.Tensor, excluded: torch.Tensor) -> torch.Tensor:
    """Compare each token with every vector of every page of the batch, for each occurrence of its word.

    Every occurrence has to beat all negatives, not only the easiest one, so that all light up (the supervised
    contrastive form of Khosla et al. 2020). But one of the patches that show an occurrence is enough (their logits'
    log-sum counts): if each counted, a patch would have to match every word of which it shows a slice.

    Args:
        logits: (tokens, vectors), cosines divided by the temperature.
        shown: int64 (3, n), what shows what: the token, the vector, and the number of the occurrence; at least one of
            each token, and numbers without a gap.
        excluded: bool (tokens, vectors), vectors that show the word or a sliver of it, and so are no negatives.
    """
    token, vector, occurrence = shown
    count = int(occurrence.max()) + 1
    owner = token.new_empty(count).scatter_(0, occurrence, token)
    negatives = logits.masked_fill(excluded, -torch.inf).logsumexp(dim=1)
    showing = logits[token, vector]
    highest = showing.new_empty(count).scatter_reduce_(0, occurrence, showing.detach(), "amax", include_self=False)
    sums = showing.new_zeros(count).index_add_(0, occurrence, (showing - highest[occurrence]).exp())
    each = F.softplus(negatives[owner] - highest - sums.log())
    per_token = each.new_zeros(len(logits)).index_add_(0, owner, each)
    return (per_token / owner.bincount(minlength=len(logits))).mean()


def piece_at_cell(
    features: torch.Tensor, table: torch.Tensor, bias: torch.Tensor,
    cells: torch.Tensor, pieces: torch.Tensor, chosen: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Return which subword stands in a cell, read off with the language model's own embedding table.

    Several subwords may share a cell: the others of the same cell are left out of each one's denominator.

    Args:
        features: (pages * rows * columns, width), already divided by the temperature; `table`: (vocabulary, width).
        bias: (vocabulary,), how frequent pieces are. Without it the features must encode it, with an offset common
            to all of them that drowns their content in every cosine.
        cells: int64 (pieces,), flat index of the cell that holds each piece; `pieces`: int64 (pieces,), token ids.
        chosen: bool (pieces,), the pieces that enter the loss: each costs a softmax over the vocabulary.

    Returns:
        The loss and the share of pieces that are their cell's best guess.
    """
    occupied, group = torch.unique(cells, return_inverse=True)
    present = torch.zeros(len(occupied), len(table), dtype=torch.bool, device=cells.device)
    present[group, pieces] = True
    cells, pieces, others = cells[chosen], pieces[chosen], present[group[chosen]]
    others.scatter_(1, pieces[:, None], False)
    logits = (features[cells] @ table.T + bias).masked_fill(others, -torch.inf)
    loss = F.cross_entropy(logits, pieces)
    return loss, (logits.argmax(dim=1) == pieces).float().mean()


def cell_of_piece(
    features: torch.Tensor, table: torch.Tensor, cells: torch.Tensor, pieces: torch.Tensor, grid: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where each subword stands among all cells of the batch: `token_to_patch` for tokens without a context.

    Args:
        features, table, cells, pieces: as `piece_at_cell`.
        grid: rows and columns of a page's cells. Those around one that holds a piece's center may show its ends: they
            do not count.

    Returns:
        The loss over the distinct pieces and the share of them whose best cell holds one.
    """
    distinct, rows = torch.unique(pieces, return_inverse=True)
    logits = (table[distinct] @ features.T).float()
    holds = torch.zeros(logits.shape, device=logits.device)
    holds[rows, cells] = 1.0
    pages = holds.view(-1, 1, *grid)  # one map for each piece and page
    around = F.max_pool2d(pages, 3, stride=1, padding=1).view_as(holds).bool()
    found = holds.gather(1, logits.argmax(dim=1, keepdim=True)).mean()
    shown = torch.stack([rows, cells, torch.arange(len(cells), device=cells.device)])
    return token_to_patch(logits, shown, around), found


def alignment(vectors: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the mean of 1 - cosine between each vector and what sets its row of the table apart from the others.

    A softmax over the rows is content when a vector is a little closer to its own row than to all others; the rest of
    the vector may be anything, and drowns how near two rows are. The rows have much in common, which tells nothing
    apart: their mean is taken off. The table itself learns nothing here.

    Args:
        vectors: (n, dim) of unit length.
        table: (rows, dim).
        ids: int64 (n,), the row of each vector.
    """
    table = table.detach().float()
    apart = F.normalize(table - table.mean(dim=0), dim=1)
    return (1 - (vectors.float() * apart[ids]).sum(dim=1)).sum() / max(len(ids), 1)
