"""The lists of what is held out are whole, and questions are asked of listed documents."""

import re
from pathlib import Path

from colpali_demo.training.corpus.debian import read_packages
from colpali_demo.training.evaluation import answers

HELD_OUT = Path(answers.__file__).with_name("held_out")


def rows(name):
    lines = (HELD_OUT / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def test_every_file_has_its_hash_and_where_it_comes_from():
    for name in ("elsewhere.tsv", "languages.tsv", "fonts.tsv"):
        for digest, file, source in rows(name):
            assert re.fullmatch(r"[0-9a-f]{16}", digest) and file and source


def test_questions_are_asked_of_held_out_documents():
    documents = {file for _, file, _ in rows("elsewhere.tsv")}
    asked = answers.read_questions(HELD_OUT / "questions.tsv")
    assert {question.page.rpartition(":")[0] for question in asked} <= documents
    assert sum(question.kind == "paraphrase" for question in asked) == 40 and len(asked) == 95


def test_what_is_held_out_is_in_no_package_for_training():
    packages = read_packages()
    used = {package for group in ("fonts", "text", "documents") for package in packages[group]}
    assert not used & {package for name in ("languages.tsv", "fonts.tsv") for _, _, package in rows(name)}
