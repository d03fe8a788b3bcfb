"""Regions against boxes of people, and the data sets that hold such boxes."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from colpali_demo.evidence.grounding import NotADataSet, ground, measure_grounding, overlap, read_questions
from colpali_demo.retrieval import PageIndex
from colpali_demo.samples import SAMPLES
from tests.documents.pdf_files import pages_pdf, text


def noise(seed: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    chance = np.random.default_rng(seed)
    return Image.fromarray(chance.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def test_overlap_is_intersection_over_union():
    half, quarter = (0.0, 0.0, 0.5, 1.0), (0.0, 0.0, 0.5, 0.5)
    assert overlap(half, [half]) == 1.0
    assert overlap(half, [quarter]) == pytest.approx(0.5)
    assert overlap(half, [(0.6, 0.0, 1.0, 1.0)]) == 0.0
    # Boxes that overlap each other count once.
    assert overlap(half, [quarter, (0.0, 0.25, 0.5, 0.75), (0.5, 0.0, 1.0, 0.5)]) == pytest.approx(0.375 / 0.75)


def test_a_question_is_judged_by_its_regions(encoder, make_page):
    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 6)])
    why = index.search("revenue by region")[0].explain()
    typed = {token.index for token in why.tokens if token.kind == "word"}
    regions = [region for region in why.regions() if typed & set(region.tokens)]
    assert regions
    everywhere = ground(why, [(0.0, 0.0, 1.0, 1.0)])
    assert everywhere.pointed and everywhere.words_saved is None
    assert everywhere.iou_first == pytest.approx(overlap(regions[0].box, [(0.0, 0.0, 1.0, 1.0)]))
    exact = ground(why, [regions[-1].box])
    assert exact.iou_best == pytest.approx(1.0)


def test_boxes_beside_pdfs(tmp_path, encoder):
    (tmp_path / "a.pdf").write_bytes(pages_pdf([text("revenue by region"), text("the board")]))
    entries = [{"query": "the board", "file": "a.pdf", "page": 2, "boxes": [[0.1, 0.1, 0.5, 0.2]]}]
    (tmp_path / "boxes.json").write_text(json.dumps(entries))
    (question,) = read_questions(tmp_path)
    assert (question.text, question.page.number, question.boxes) == ("the board", 2, ((0.1, 0.1, 0.5, 0.2),))
    assert [word.text for word in question.page.words] == ["the", "board"]
    measured = measure_grounding(encoder, [question])
    assert measured.questions[0].words_saved is not None
    assert "words saved" in measured.summary()


@pytest.fixture
def bbox_docvqa(tmp_path):
    """Two pages of a document, one question on one of them and one on both, as BBox-DocVQA is published."""
    folder = tmp_path / "cs" / "2311.07631"
    folder.mkdir(parents=True)
    for number in (3, 4):
        (folder / f"2311.07631_{number}.png").write_bytes(png(noise(number)))
    names = [f"cs/2311.07631/2311.07631_{number}.png" for number in (3, 4)]
    entries = [
        {"query": "what is shown", "answer": "x", "images": names[:1], "bbox": [[[6, 8, 30, 40]]]},
        {
            "query": "which two",
            "answer": "x",
            "images": names,
            "bbox": [[[0, 0, 60, 80]], [[30, 0, 60, 8], [0, 0, 6, 8]]],
        },
    ]
    lines = "\n".join(json.dumps(entry) for entry in entries)
    (tmp_path / "BBox_DocVQA_Bench.jsonl").write_text(lines + "\n")
    return tmp_path


def test_bbox_docvqa_as_published(bbox_docvqa, encoder):
    questions = read_questions(bbox_docvqa)
    assert [(question.text, question.page.number) for question in questions] == [
        ("what is shown", 3),
        ("which two", 3),
        ("which two", 4),
    ]
    assert questions[0].boxes == ((0.1, 0.1, 0.5, 0.5),)
    assert questions[2].boxes == ((0.5, 0.0, 1.0, 0.1), (0.0, 0.0, 0.1, 0.1))
    assert questions[0].page.source == "2311.07631"
    measured = measure_grounding(encoder, questions)
    assert measured.questions[1].pointed  # the box is the page
    assert set(measured.summary()) == {
        "pointing game", "IoU of the best region", "IoU of the first region",
        "best region hits at IoU 0.25", "best region hits at IoU 0.5", "best region hits at IoU 0.7",
    }  # fmt: skip
    assert len(read_questions(bbox_docvqa, limit=2)) == 2


def test_vidore_v3_as_published(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    tables = {
        "corpus": [
            {"corpus_id": 7, "image": {"bytes": png(noise(7)), "path": None}, "doc_id": "d", "page_number_in_doc": 0},
            {"corpus_id": 8, "image": {"bytes": png(noise(8)), "path": None}, "doc_id": "d", "page_number_in_doc": 1},
        ],
        "queries": [{"query_id": 0, "query": "what is it", "language": "english"}],
        "qrels": [
            {
                "query_id": 0,
                "corpus_id": 8,
                "score": 2,
                "bounding_boxes": [{"annotator": 1, "x1": 30, "x2": 6, "y1": 8, "y2": 40}],
            },
            {"query_id": 0, "corpus_id": 7, "score": 1, "bounding_boxes": []},
        ],
    }
    for name, rows in tables.items():
        (tmp_path / name).mkdir()
        parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / name / "test-00000-of-00001.parquet")
    (question,) = read_questions(tmp_path)
    assert (question.text, question.page.number, question.page.source) == ("what is it", 2, "d")
    assert question.boxes == ((0.1, 0.1, 0.5, 0.5),)


def test_a_folder_without_a_data_set_is_refused(tmp_path, encoder):
    with pytest.raises(NotADataSet, match="boxes.json beside PDFs"):
        read_questions(tmp_path)
    with pytest.raises(ValueError, match="no questions"):
        measure_grounding(encoder, [])


def test_the_boxes_of_the_samples_hold_words_of_their_pages():
    questions = read_questions(SAMPLES)
    assert len(questions) >= 40
    for question in questions:
        for left, top, right, bottom in question.boxes:
            middles = [((word.left + word.right) / 2, (word.top + word.bottom) / 2) for word in question.page.words]
            assert any(left < x < right and top < y < bottom for x, y in middles), question.text
