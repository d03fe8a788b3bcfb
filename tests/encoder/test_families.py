"""Every family, with a random checkpoint built from its real classes."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from engine_checkpoints import ALL_MAKERS
from PIL import Image
from transformers import NeoMMEProcessor

from colpali_demo.encoder import CheckpointError, load_encoder
from colpali_demo.encoder.families import FAMILIES
from colpali_demo.encoder.families.neomme import NeoMMEImages
from colpali_demo.encoder.layout import PageLayout, patch
from colpali_demo.verify import silenced_attention

SHAPES = {"square": (112, 112), "portrait": (80, 120), "landscape": (130, 50), "small": (30, 20)}


@pytest.fixture(scope="module", params=list(ALL_MAKERS))
def encoder(request, tmp_path_factory):
    folder = ALL_MAKERS[request.param](tmp_path_factory.mktemp(request.param))
    return load_encoder(str(folder), device="cpu", dtype="float32")


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@torch.inference_mode()
def direct(encoder, inputs) -> list[torch.Tensor]:
    """Return the vectors that the model gives when it is called with what the processor made, without padding."""
    inputs.pop("labels", None)
    if encoder.family.name == "NeoMME":
        vectors = encoder.model(**neomme_inputs(encoder, inputs)).embeddings
    elif encoder.family.name.startswith("ColQwen2"):  # whose own `forward` numbers the tokens of a page wrongly
        vectors = whole_qwen2(encoder.model, inputs)
    else:
        vectors = encoder.model(**inputs).embeddings
    return [v[mask.bool()] for v, mask in zip(vectors, inputs["attention_mask"], strict=True)]


def neomme_inputs(encoder, inputs) -> dict:
    """Return the inputs with the positions that the processor of transformers adds, which needs torchvision."""
    tokenizer, grids = encoder.processor.tokenizer, []
    for ids in inputs["input_ids"].tolist() if "pixel_values" in inputs else ():
        rows = ids.count(tokenizer.row_token_id)
        grids.append((rows, (ids.count(tokenizer.image_token_id) - 1) // rows))
    processor = SimpleNamespace(
        tokenizer=tokenizer, image_token_id=tokenizer.image_token_id, _image_positions=NeoMMEProcessor._image_positions
    )
    positions = NeoMMEProcessor._build_position_ids(processor, inputs["input_ids"], inputs["attention_mask"], grids)
    kept = {name: value for name, value in inputs.items() if name not in ("extents", "token_type_ids")}
    return {**kept, "position_ids": positions}


def whole_qwen2(model, inputs) -> torch.Tensor:
    """Call Qwen2-VL with ids and grids, so that it places its tokens itself, and the head of ColQwen2 by hand."""
    given = dict(inputs, mm_token_type_ids=(inputs["input_ids"] == model.config.vlm_config.image_token_id).int())
    if "pixel_values" in inputs:
        grids = inputs["image_grid_thw"]
        given["pixel_values"] = torch.cat(
            [page[: rows * cols] for page, (_, rows, cols) in zip(inputs["pixel_values"], grids.tolist(), strict=True)]
        )
    states = model.vlm(**given).last_hidden_state
    model.vlm.rope_deltas = None
    return torch.nn.functional.normalize(model.embedding_proj_layer(states), dim=-1)


def process_pages(encoder, images):
    if encoder.family.name == "NeoMME":
        return encoder.family.process_pages(images)
    tiled = encoder.family.name in ("ColModernVBERT", "ColIdefics3")
    return (encoder.processor.process_images if tiled else encoder.processor)(images=images)


def process_queries(encoder, texts):
    if encoder.family.name == "NeoMME":
        conversations = [[{"role": "user", "content": text}] for text in texts]
        queries = encoder.processor.tokenizer.apply_chat_template(conversations, task="query", tokenize=False)
        return encoder.processor.tokenizer(queries, padding="longest", return_tensors="pt")
    if encoder.family.name == "ColIdefics3":  # the newline is colpali_engine's
        queries = [f"Query: {text}{'<end_of_utterance>' * 10}\n" for text in texts]
        return encoder.processor.tokenizer(queries, padding="longest", return_tensors="pt")
    return encoder.processor.process_queries(text=texts)


def test_every_family_is_tested():
    assert sorted(ALL_MAKERS) == sorted(family.name for family in FAMILIES)


def test_page_vectors_are_those_of_a_direct_call(encoder):
    images = [noise(*size) for size in SHAPES.values()]
    for image in images:
        (page,) = encoder.embed_pages([image])
        assert len(page.layout.slots) == len(page.vectors)
        torch.testing.assert_close(page.vectors, direct(encoder, process_pages(encoder, [image]))[0], atol=1e-5, rtol=0)
    padded = direct(encoder, process_pages(encoder, images))
    for page, vectors in zip(encoder.embed_pages(images, batch_size=4), padded, strict=True):
        torch.testing.assert_close(page.vectors, vectors, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "rescale_factor": 1 / 128},
        {"do_normalize": False},
        {"do_rescale": False},
        {"do_rescale": False, "do_normalize": False},
    ],
)
def test_inputs_are_to_the_last_bit_those_of_the_processor(encoder, tmp_path, settings):
    if encoder.family.name == "NeoMME":
        pytest.skip("its processor needs torchvision: `make test-references` compares them")
    folder = shutil.copytree(encoder.checkpoint.folder, tmp_path / "checkpoint")
    engine = encoder.model_info["format"] == "colpali_engine"
    file = folder / ("preprocessor_config.json" if engine else "processor_config.json")
    config = json.loads(file.read_text())
    (config if engine else config["image_processor"]).update(settings)
    file.write_text(json.dumps(config))
    own = load_encoder(str(folder), device="cpu", dtype="float32")
    levels = Image.fromarray(np.arange(3 * 56 * 56, dtype=np.uint16).astype(np.uint8).reshape(56, 56, 3))
    assert len(np.unique(levels)) == 256
    images = [levels, noise(*SHAPES["portrait"])]
    inputs, expected = own.family.process_pages(images), process_pages(own, images)
    assert inputs.keys() == expected.keys()
    assert inputs["pixel_values"].dtype == torch.float32
    for name, values in expected.items():
        assert torch.equal(inputs[name], values.to(inputs[name].dtype)), name


def test_padding_changes_nothing(encoder):
    images = [noise(*size) for size in SHAPES.values()]
    together = encoder.embed_pages(images, batch_size=4)
    for image, page in zip(images, together, strict=True):
        (alone,) = encoder.embed_pages([image])
        torch.testing.assert_close(page.vectors, alone.vectors, atol=1e-4, rtol=0)
        assert page.layout == alone.layout


@pytest.mark.parametrize("family", ["ColQwen2", "ColQwen2.5"])
def test_positions_of_colqwen2_are_those_of_the_grid(tmp_path, family):
    encoder = load_encoder(str(ALL_MAKERS[family](tmp_path)), device="cpu", dtype="float32")
    inputs = encoder.family.process_pages([noise(80, 120), noise(130, 50)])
    assert encoder.processor.tokenizer.padding_side == "left"
    padding = (~inputs["attention_mask"].bool()).sum(dim=1).tolist()
    assert max(padding) > 0
    positions = encoder.family.model_options(inputs)["position_ids"]
    assert positions.shape == (3, *inputs["input_ids"].shape)
    for page, (_, rows, cols) in enumerate((inputs["image_grid_thw"] // 2).tolist()):
        is_image = inputs["input_ids"][page] == encoder.processor.image_token_id
        start = int(is_image.nonzero()[0]) - padding[page]  # of text before the image
        times, down, across = positions[:, page, is_image]
        assert times.unique().tolist() == [start]
        assert (down - start).reshape(rows, cols).tolist() == [[row] * cols for row in range(rows)]
        assert (across - start).reshape(rows, cols).tolist() == [list(range(cols))] * rows
        after = int(is_image.nonzero()[-1]) + 1
        assert positions[:, page, after].tolist() == [start + max(rows, cols)] * 3


@pytest.mark.parametrize("text", ["revenue by region", "price?", "", "<image> <|endoftext|> [SEP] <end_of_utterance>"])
def test_query_vectors_are_those_of_a_direct_call(encoder, text):
    query = encoder.embed_query(text)
    assert len(query.tokens) == len(query.vectors)
    if "<" not in text:  # the processor would take typed special tokens for real ones
        (expected,) = direct(encoder, process_queries(encoder, [text]))
        if encoder.family.name.startswith("ColQwen2"):  # its newline: no checkpoint was trained with it
            expected = expected[:-1]
        torch.testing.assert_close(query.vectors, expected, atol=1e-5, rtol=0)
    kinds = [token.kind for token in query.tokens]
    assert kinds == sorted(kinds, key=["bos", "prefix", "word", "augmentation", "suffix"].index)
    assert kinds.count("augmentation") == 10
    assert ("word" in kinds) == bool(text)


def test_what_stands_around_a_query(encoder):
    tokens = encoder.embed_query("costs").tokens
    around = [(token.kind, token.text) for token in tokens if token.kind not in ("word", "prefix")]
    first, augmentation, last = {
        "ColPali": ("<bos>", "<pad>", "\n"),
        "ColQwen2": (None, "<|endoftext|>", None),
        "ColQwen2.5": (None, "<|endoftext|>", None),
        "ColIdefics3": (None, "<end_of_utterance>", "\n"),
        "ColModernVBERT": ("[CLS]", "<end_of_utterance>", "[SEP]"),
        "NeoMME": ("<query>", "<mask>", None),
    }[encoder.family.name]
    expected = [("augmentation", augmentation)] * 10 + ([("suffix", last)] if last else [])
    assert around == ([("bos", first)] if first else []) + expected
    prefix = "".join(token.text for token in tokens if token.kind == "prefix")
    assert prefix == encoder.family.query_prefix.replace(" ", "")


GRIDS = {
    "ColPali": {"square": (4, 4), "portrait": (4, 4), "landscape": (4, 4)},
    "ColQwen2": {"square": (4, 4), "portrait": (4, 3), "landscape": (2, 5)},
    "ColQwen2.5": {"square": (4, 4), "portrait": (4, 3), "landscape": (2, 5)},
    "NeoMME": {"square": (8, 8), "portrait": (8, 6), "landscape": (4, 8)},
    "ColIdefics3": {"square": (8, 8), "portrait": (8, 6), "landscape": (4, 8)},
    "ColModernVBERT": {"square": (8, 8), "portrait": (8, 6), "landscape": (4, 8)},
}


@pytest.mark.parametrize("shape", ["square", "portrait", "landscape"])
def test_painting_a_cell_of_the_page_changes_its_patch_most(encoder, shape):
    """With attention silenced a patch sees its own pixels alone, so the painted cell names its vector."""
    image = noise(*SHAPES[shape])
    with silenced_attention(encoder.model):
        check_grid(encoder, image, GRIDS[encoder.family.name][shape])


def check_grid(encoder, image, grid):
    width, height = image.size
    (before,) = encoder.embed_pages([image])
    rows, cols = before.layout.rows, before.layout.cols
    assert (rows, cols) == grid
    cells = {(0, cols - 1), (rows - 1, 0), (rows // 2, cols // 3), (rows // 3, cols - 1)}
    for cell in cells:
        left, top, right, bottom = before.layout.rectangle(*cell)
        across, down = (right - left) / 8, (bottom - top) / 8  # not up to the borders, which scaling smears
        box = [
            round((left + across) * width),
            round((top + down) * height),
            round((right - across) * width),
            round((bottom - down) * height),
        ]
        painted = image.copy()
        painted.paste("yellow", box)
        (after,) = encoder.embed_pages([painted])
        changes = (after.vectors - before.vectors).norm(dim=1)
        patches = changes[before.layout.patch_vectors.ravel()].reshape(rows, cols)
        assert divmod(int(patches.argmax()), cols) == cell


def test_tiles_of_the_thumbnail_score_but_have_no_place(tmp_path):
    encoder = load_encoder(str(ALL_MAKERS["ColModernVBERT"](tmp_path)), device="cpu")
    (page,) = encoder.embed_pages([noise(80, 120)])
    kinds = [slot.kind for slot in page.layout.slots]
    assert kinds.count("patch") == 8 * 6
    assert kinds.count("tile") == 4
    assert kinds.index("tile") > max(index for index, kind in enumerate(kinds) if kind == "patch")
    texts = [slot.text for slot in page.layout.slots if slot.kind == "text"]
    assert {"[CLS]", "<row_1_col_1>", "<row_4_col_3>", "<global-img>", "[SEP]"} <= set(texts)


def test_a_page_of_one_tile_has_no_thumbnail(tmp_path):
    encoder = load_encoder(str(ALL_MAKERS["ColModernVBERT"](tmp_path, longest=32)), device="cpu")
    (page,) = encoder.embed_pages([noise(20, 20)])
    assert (page.layout.rows, page.layout.cols) == (2, 2)
    assert "tile" not in {slot.kind for slot in page.layout.slots}


def error_of(folder) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load_encoder(str(folder), device="cpu")
    return caught.value


def test_a_score_is_divided_by_the_tokens_where_it_is_a_mean(encoder):
    query = encoder.embed_query("revenue by region")
    assert query.divisor == (len(query.tokens) if encoder.family.name == "NeoMME" else 1)


def neomme(tmp_path, **settings):
    return load_encoder(str(ALL_MAKERS["NeoMME"](tmp_path, **settings)), device="cpu", dtype="float32")


def test_a_page_that_was_padded_ends_before_its_grid(tmp_path):
    encoder = neomme(tmp_path)
    (page,) = encoder.embed_pages([noise(44, 61)])  # in patches of 8 pixels: 7.625 rows, 5.5 columns
    assert (page.layout.rows, page.layout.cols) == (8, 6)
    assert page.layout.rectangle(0, 5) == (5 / 5.5, 0, 1, 1 / 7.625)
    assert page.layout.rectangle(7, 0)[3] == 1
    assert PageLayout.from_json(json.loads(json.dumps(page.layout.to_json()))) == page.layout
    (whole,) = encoder.embed_pages([noise(48, 64)])
    assert whole.layout.extent is None


def test_the_first_image_token_of_neomme_is_a_marker(tmp_path):
    (page,) = neomme(tmp_path).embed_pages([noise(24, 16)])
    assert [slot.text for slot in page.layout.slots if slot.kind == "text"] == ["<doc>", "<img>", "<row>", "<row>"]
    assert page.layout.slots[2:5] == (patch((0, 0)), patch((0, 1)), patch((0, 2)))


@pytest.mark.parametrize(
    ("settings", "size", "scaled"),
    [
        ({}, (724, 1024), (724, 1024)),
        ({"max_side": 64}, (724, 1024), (45, 64)),
        ({"max_side": 64}, (40, 30), (40, 30)),
        ({"size": {"min_pixels": 400, "max_pixels": 900}}, (100, 100), (30, 30)),
        ({"size": {"min_pixels": 400, "max_pixels": 900}}, (10, 10), (20, 20)),
        ({"size": {"min_pixels": 400, "max_pixels": 900}}, (20, 30), (20, 30)),
        ({"size": {"min_pixels": 401, "max_pixels": 900}}, (10, 10), (21, 21)),
        ({"size": {"min_pixels": None, "max_pixels": 899}}, (100, 100), (29, 29)),
        ({"size": {"min_pixels": None, "max_pixels": 20}}, (1000, 1), (20, 1)),
        ({"max_side": 64, "do_resize": False}, (724, 1024), (724, 1024)),
    ],
)
def test_the_size_that_neomme_scales_a_page_to(settings, size, scaled):
    assert NeoMMEImages(**settings).scaled_size(*size) == scaled


def test_an_image_processor_that_needs_torchvision_is_named(tmp_path):
    ALL_MAKERS["ColQwen2"](tmp_path)
    path = tmp_path / "processor_config.json"
    config = json.loads(path.read_text())
    config["image_processor"]["image_processor_type"] = "NeoMMEImageProcessor"  # has no PIL version
    path.write_text(json.dumps(config))
    error = error_of(tmp_path)
    assert error.code == "torchvision_missing"
    assert "torchvision" in error.message
