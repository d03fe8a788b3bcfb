import pytest
from transformers import AutoTokenizer

from colpali_demo.encoder.checkpoints import BUNDLED_FOLDER
from colpali_demo.encoder.queries import QueryFrame, QueryTokenizer
from colpali_demo.encoder.vocabulary import MIN_WORDS, vocabulary_fit

# The beginning of the Universal Declaration of Human Rights.
ENGLISH = """All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience
and should act towards one another in a spirit of brotherhood. Everyone is entitled to all the rights and freedoms set
forth in this Declaration, without distinction of any kind, such as race, colour, sex, language, religion, political or
other opinion, national or social origin, property, birth or other status."""
FRENCH = """Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de
conscience et doivent agir les uns envers les autres dans un esprit de fraternité. Chacun peut se prévaloir de tous les
droits et de toutes les libertés proclamés dans la présente Déclaration, sans distinction aucune, notamment de race, de
couleur, de sexe, de langue, de religion, d'opinion politique ou de toute autre opinion, d'origine nationale."""
GERMAN = """Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt
und sollen einander im Geiste der Brüderlichkeit begegnen. Jeder hat Anspruch auf alle in dieser Erklärung verkündeten
Rechte und Freiheiten, ohne irgendeinen Unterschied, etwa nach Rasse, Hautfarbe, Geschlecht, Sprache, Religion,
politischer oder sonstiger Anschauung, nationaler oder sozialer Herkunft, Vermögen, Geburt oder sonstigem Stand."""
FINNISH = """Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja
omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä. Jokainen on oikeutettu kaikkiin tässä
julistuksessa esitettyihin oikeuksiin ja vapauksiin ilman minkäänlaista rotuun, väriin, sukupuoleen, kieleen,
uskontoon, poliittiseen tai muuhun mielipiteeseen perustuvaa erotusta."""
RUSSIAN = """Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и
должны поступать в отношении друг друга в духе братства. Каждый человек должен обладать всеми правами и всеми свободами,
провозглашенными настоящей Декларацией, без какого бы то ни было различия, как то в отношении расы, цвета кожи, пола,
языка, религии, политических или иных убеждений, национального или социального происхождения."""
JAPANESE = "すべての人間は、生まれながらにして自由であり、尊厳と権利とについて平等である。理性と良心とを授けられており"


@pytest.fixture(scope="module")
def tokenize():
    tokenizer = QueryTokenizer(AutoTokenizer.from_pretrained(BUNDLED_FOLDER), QueryFrame("<bos>", "<pad>", "\n"))
    return lambda text: tokenizer(text, "", 0)


def test_a_page_in_english_is_not_foreign_to_the_bundled_checkpoint(tokenize):
    fit = vocabulary_fit(tokenize, ENGLISH.split())
    assert not fit.foreign
    assert fit.pieces < 1.5
    assert fit.unknown == 0


@pytest.mark.parametrize("text", [FRENCH, GERMAN, FINNISH], ids=["French", "German", "Finnish"])
def test_words_of_other_languages_come_in_pieces(tokenize, text):
    fit = vocabulary_fit(tokenize, text.split())
    assert fit.foreign
    assert fit.unknown == 0


@pytest.mark.parametrize("words", [RUSSIAN.split(), list(JAPANESE)], ids=["Russian", "Japanese"])
def test_words_in_other_scripts_are_unknown(tokenize, words):
    fit = vocabulary_fit(tokenize, words)
    assert fit.foreign
    assert fit.unknown > 0.5


@pytest.mark.parametrize(
    "words",
    [[], ENGLISH.split()[:MIN_WORDS], ["quick"] * 100, [f"xq{n}.zqw_{n}" for n in range(100)], ["XQZWV" * 2] * 50],
    ids=["a scan", "a label", "one word", "addresses", "abbreviations"],
)
def test_nothing_is_claimed_of_what_tells_no_language(tokenize, words):
    assert vocabulary_fit(tokenize, words) is None


def test_an_english_page_with_a_table_of_codes_is_not_foreign(tokenize):
    codes = [f"XQ{n}ZK" for n in range(300)]
    assert vocabulary_fit(tokenize, codes + ENGLISH.split()) == vocabulary_fit(tokenize, ENGLISH.split())
