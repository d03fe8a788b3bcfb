"""Queries as people ask them, made from the words of a page: questions, keywords, fragments, now and then misspelled.

Function and question words say nothing of a page and stand on nearly all of them: the best that they can do is to add
the same to the score of every page. Which words those are is said here; that they do so is a loss in `pretrain`.
"""

from collections.abc import Sequence

import numpy as np

from colpali_demo.training.meaning import Teacher, look_alike
from colpali_demo.training.pages.targets import Example, bare_word, searchable
from colpali_demo.training.queries import Query

FUNCTION_WORDS = frozenset(
    """
    a about above after again against all also although am among an and any are around as at be because been before
    being below between both but by can cannot could did do does doing done down during each either else every few
    for from further get give given had has have having he her here hers him his how however i if in instead into is
    it its itself just let like many may me might mine more most much must my neither no nor not now of off often on
    once one only onto or other our out over own per please same shall she should since so some such tell than that
    the their them then there these they this those though through thus to too under until up upon us very via was
    we were what when where whether which while who whom whose why will with within without would yet you your yours
    """.split()  # noqa: SIM905
)

# {a} and {b} are runs of words of the page. Half of them are questions, the rest keywords and fragments.
TEMPLATES = (
    "what is {a}", "what is {a} of {b}", "what is the {a}", "what are {a}", "what are the {a} of the {b}",
    "what does {a} do", "what does {a} mean", "what happens to {a} when {b}", "what should i do with {a}",
    "which {a} has {b}", "which {a} are there", "which of the {a} is {b}", "who is {a}", "who has {a} of {b}",
    "when is {a}", "when was {a} {b}", "when should i use {a}", "where is {a}", "where can i find {a}",
    "where are the {a}", "why is {a} {b}", "why does {a} have {b}", "why do we need {a}", "how does {a} work",
    "how do i {a}", "how can i use {a} with {b}", "how many {a} are there", "how much {a} is in {b}",
    "how is {a} done", "how do {a} and {b} compare", "is {a} {b}", "is there {a} for {b}", "are there any {a}",
    "can i use {a}", "can {a} be {b}", "does {a} have {b}", "do {a} need {b}", "did {a} change",
    "should i use {a} or {b}", "tell me about {a}", "{a} and {b}", "the {a} of {b}", "{a} for {b}", "{a} in {b}",
    "{a} with {b}", "{a} {b}", "{a}", "{b} {a}", "about {a}", "{a} from {b}", "not {a} but {b}",
    "all {a} that have {b}", "the difference between {a} and {b}",
)  # fmt: skip
LONGEST = 4  # words in a run
MARKED = 0.5  # share of questions that end in a question mark
CHANGED = 0.2  # share of words that are not as on the page: another form, a related word, a typing error


def adds_the_same(query: Sequence[str]) -> list[bool]:
    """Say of each word of a query whether it has to add the same on every page: function words beside others.

    In a query of function words alone they count like any other word.
    """
    function = [bare_word(word) in FUNCTION_WORDS or not bare_word(word) for word in query]
    return [False] * len(query) if all(function) else function


def sample_questions(
    examples: list[Example],
    count: int,
    counts: dict[str, int],
    rng: np.random.Generator,
    teacher: Teacher | None = None,
) -> list[Query]:
    """Draw `count` questions for each page with such words, about runs of words that are no function words.

    Runs that are rare in the text that `counts` was taken from come up more often.
    """
    queries = []
    for number, example in enumerate(examples):
        runs = content_runs(example.words)
        if not runs:
            continue
        rarity = np.array([max((1 + counts.get(word, 0)) ** -0.3 for word in run) for run in runs])
        for _ in range(count):
            first, second = (runs[place] for place in rng.choice(len(runs), 2, p=rarity / rarity.sum()))
            template = TEMPLATES[rng.integers(len(TEMPLATES))]
            asked = [cut(run, rng) for run in (first, second)[: 1 + ("{b}" in template)]]
            said = [" ".join(changed(word, rng, teacher) for word in run) for run in asked]
            text = template.format(a=said[0], b=said[-1])
            mark = (
                "?"
                if template[:2] in ("wh", "ho", "is", "ar", "ca", "do", "di", "sh") and rng.random() < MARKED
                else ""
            )
            queries.append(Query(text + mark, number, tuple(" ".join(run) for run in asked)))
    return queries


def content_runs(words: Sequence[str]) -> list[list[str]]:
    """Return runs of words of a page that are searchable and no function words, cut where one of these stands."""
    runs: list[list[str]] = [[]]
    for word in words:
        if searchable(word) and word not in FUNCTION_WORDS and " " not in word:
            runs[-1].append(word)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def cut(run: list[str], rng: np.random.Generator) -> list[str]:
    """Cut one to four consecutive words out of a run."""
    length = int(rng.integers(1, min(len(run), LONGEST) + 1))
    start = int(rng.integers(0, len(run) - length + 1))
    return run[start : start + length]


def changed(word: str, rng: np.random.Generator, teacher: Teacher | None) -> str:
    """Return the word, or now and then what somebody who has not seen the page types for it."""
    if len(word) < 4 or not word.isalpha() or rng.random() > CHANGED:
        return word
    kind = rng.integers(3)
    if kind == 0:
        return other_form(word, rng)
    if kind == 1:
        return related(word, rng, teacher)
    return misspelled(word, rng)


def other_form(word: str, rng: np.random.Generator) -> str:
    """Return the word in the other number (singular, plural) or in another tense, by its ending alone."""
    for ending, others in (("ies", ("y",)), ("ing", ("", "ed", "s")), ("ed", ("", "ing", "s")), ("s", ("",))):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):
            return word[: -len(ending)] + others[rng.integers(len(others))]
    if word.endswith("y"):
        return word[:-1] + "ies"
    stem = word[:-1] if word.endswith("e") else word
    return (word + "s", stem + "ed", stem + "ing")[rng.integers(3)]


def related(word: str, rng: np.random.Generator, teacher: Teacher | None) -> str:
    """Return a word that the text model finds close and that does not look like it; itself where there is none."""
    if teacher is None or word not in teacher.places:
        return word
    near = [other for other in teacher.neighbors(word) if not look_alike([word], [other])[0, 0]]
    return near[rng.integers(len(near))] if near else word


def misspelled(word: str, rng: np.random.Generator) -> str:
    """Return the word with two neighboring letters swapped, or with one missing; its first stays."""
    place = int(rng.integers(1, len(word) - 1))
    if rng.random() < 0.5:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
