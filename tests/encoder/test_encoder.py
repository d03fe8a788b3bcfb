import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

from colpali_demo.encoder import CheckpointError, load_encoder
from colpali_demo.encoder.layout import patch, prompt_token

SIZES = [(60, 80), (80, 60), (56, 56), (200, 17), (9, 300), (1131, 1600)]


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@torch.inference_mode()
def direct(encoder, **inputs) -> list[torch.Tensor]:
    """Return the vectors that model and processor give when they are called directly, without padding."""
    inputs = encoder.processor(**inputs)
    inputs.pop("labels", None)
    return [
        v[mask.bool()] for v, mask in zip(encoder.model(**inputs).embeddings, inputs["attention_mask"], strict=True)
    ]


@pytest.fixture
def own_encoder(checkpoint):
    """An encoder that the test may spoil."""
    return load_encoder(str(checkpoint), device="cpu", dtype="float32")


@pytest.mark.parametrize("size", SIZES)
def test_page_vectors_are_those_of_a_direct_call(encoder, size):
    image = noise(*size)
    (page,) = encoder.embed_pages([image])
    assert page.vectors.dtype == torch.float32
    assert page.vectors.shape == (len(page.layout.slots), 16)
    torch.testing.assert_close(page.vectors, direct(encoder, images=[image])[0], atol=1e-5, rtol=0)


def test_page_vectors_do_not_depend_on_the_batch(encoder):
    images = [noise(*size) for size in SIZES]
    together = direct(encoder, images=images)
    for batch_size in (None, 1, 4, 100):
        pages = encoder.embed_pages(images, batch_size)
        assert len(pages) == len(images)
        for page, vectors in zip(pages, together, strict=True):
            torch.testing.assert_close(page.vectors, vectors, atol=1e-5, rtol=0)
    assert encoder.embed_pages([]) == []


def test_query_vectors_are_those_of_a_direct_call(encoder):
    texts = ["revenue by region", "price?", "The number of employees at the end of the year: 2019", ""]
    alone = [direct(encoder, text=[text])[0] for text in texts]
    padded = direct(encoder, text=texts)
    for text, one, other in zip(texts, alone, padded, strict=True):
        query = encoder.embed_query(text)
        assert query.vectors.dtype == torch.float32
        assert len(query.vectors) == len(query.tokens)
        torch.testing.assert_close(query.vectors, one, atol=1e-5, rtol=0)
        torch.testing.assert_close(query.vectors, other, atol=1e-4, rtol=0)


def test_attention_goes_in_both_directions(encoder):
    first, second = (encoder.embed_query(text).vectors[0] for text in ("revenue costs", "revenue table"))
    assert not torch.allclose(first, second, atol=1e-3)


def test_prefix_and_augmentation_are_settings_of_a_query(encoder):
    usual = encoder.embed_query("costs")
    assert (usual.prefix, usual.augmentation) == ("Question: ", 10)
    other = encoder.embed_query("costs", prefix="Query: ", augmentation=3)
    assert (other.prefix, other.augmentation) == ("Query: ", 3)
    assert [token.kind for token in other.tokens].count("augmentation") == 3
    bare = encoder.embed_query("costs", prefix="", augmentation=0)
    assert [token.kind for token in bare.tokens if token.kind != "word"] == ["bos", "suffix"]
    assert usual.text == other.text == bare.text == "costs"


def test_typed_special_strings_can_be_embedded(encoder):
    query = encoder.embed_query("<image> <pad> <bos> <loc0003> \ud800")
    assert query.vectors.isfinite().all()
    assert query.text.isprintable()


def test_layout_of_a_page(encoder):
    (page,) = encoder.embed_pages([noise(60, 80)])
    assert (page.layout.rows, page.layout.cols) == (4, 4)
    slots = page.layout.slots
    assert slots[:16] == tuple(patch((row, col)) for row in range(4) for col in range(4))
    assert slots[16] == prompt_token("<bos>")
    assert "".join(slot.text for slot in slots[17:]).replace(" ", "").strip() == "describetheimage."


@pytest.mark.parametrize("cell", [(0, 0), (0, 3), (1, 2), (3, 0)])
@pytest.mark.parametrize("size", [(56, 56), (280, 112)])
def test_painting_a_cell_of_the_page_changes_its_patch(own_encoder, cell, size):
    """The page is squashed to the input's shape, so the cells are those of the page cut into 4 x 4 equal parts."""
    with torch.no_grad():
        for name, parameter in own_encoder.model.named_parameters():
            if "o_proj" in name or "out_proj" in name:
                parameter.zero_()  # without attention a patch sees nothing but its own pixels
    width, height = size
    image = Image.new("RGB", size, "gray")
    (before,) = own_encoder.embed_pages([image])
    left, top, right, bottom = before.layout.rectangle(*cell)
    image.paste("yellow", [round(left * width), round(top * height), round(right * width), round(bottom * height)])
    (after,) = own_encoder.embed_pages([image])
    changes = (after.vectors - before.vectors).norm(dim=1)
    assert before.layout.slots[changes.argmax()] == patch(cell)
    if size == (56, 56):  # another size is resampled, which smears the borders of the cell
        assert (changes > 1e-4).sum() == 1


def test_model_info(encoder, checkpoint):
    assert encoder.model_info == {
        "name": "random-colpali",
        "checkpoint": str(checkpoint),
        "revision": None,
        "family": "ColPali",
        "parameters": sum(parameter.numel() for parameter in encoder.model.parameters()),
        "device": "cpu",
        "dtype": "float32",
        "dim": 16,
        "format": "transformers",
        "page_prompt": "Describe the image.",
        "prefix": "Question: ",
        "prefix_source": "processor_config.json of the checkpoint",
        "prefix_doubted": False,
        "augmentation": 10,
        "frame": {"start": "<bos>", "augmentation": "<pad>", "end": "\n"},
        "input": {"height": 56, "width": 56, "resample": "bicubic", "text": "squashed to 56 × 56 pixels"},
        "reads": {
            "schema": 1,
            "level": "unmeasured",
            "sentence": "How well this checkpoint reads has not been measured here.",
        },
    }


def test_dtype_is_a_choice_and_vectors_stay_float32(checkpoint, encoder):
    half = load_encoder(str(checkpoint), device="cpu", dtype="bfloat16")
    assert half.model_info["dtype"] == "bfloat16"
    query = half.embed_query("revenue")
    assert query.vectors.dtype == torch.float32
    torch.testing.assert_close(query.vectors, encoder.embed_query("revenue").vectors, atol=0.2, rtol=0)


def test_devices_and_dtypes_that_do_not_exist(checkpoint):
    with pytest.raises(ValueError, match="abacus"):
        load_encoder(str(checkpoint), device="abacus")
    for dtype in ("float33", "int8", "nn"):
        with pytest.raises(ValueError, match="floating point"):
            load_encoder(str(checkpoint), dtype=dtype)


def fail_above(encoder, images: int, error: Exception) -> list[int]:
    """Make the model fail on more than `images` pages at once; returns the list of batch sizes it is called with."""
    batches = []

    def check(module, args, kwargs):
        batches.append(len(kwargs["pixel_values"]))
        if batches[-1] > images:
            raise error

    encoder.model.register_forward_pre_hook(check, with_kwargs=True)
    return batches


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("MPS backend out of memory"), MemoryError()],
)
def test_batches_out_of_memory_are_halved(own_encoder, error):
    images = [noise(6 + n, 8) for n in range(9)]
    whole = own_encoder.embed_pages(images)
    batches = fail_above(own_encoder, 2, error)
    halved = own_encoder.embed_pages(images, batch_size=8)
    assert batches == [8, 4, 2, 2, 2, 2, 1]
    for page, other in zip(halved, whole, strict=True):
        torch.testing.assert_close(page.vectors, other.vectors, atol=1e-5, rtol=0)


def test_a_page_that_does_not_fit_is_a_named_error(own_encoder):
    fail_above(own_encoder, 0, torch.OutOfMemoryError())
    with pytest.raises(CheckpointError) as caught:
        own_encoder.embed_pages([noise(60, 80)] * 3, batch_size=3)
    assert caught.value.code == "out_of_memory"


def test_other_errors_of_the_model_are_not_hidden(own_encoder):
    fail_above(own_encoder, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        own_encoder.embed_pages([noise(60, 80)])


def test_numbers_that_are_not_finite_are_a_named_error(own_encoder):
    with torch.no_grad():
        own_encoder.model.embedding_proj_layer.bias[0] = torch.nan
    with pytest.raises(CheckpointError, match="not finite"):
        own_encoder.embed_query("revenue")


def test_threads_take_turns_with_the_model(own_encoder):
    running, most = 0, 0

    def enter(*_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.005)

    def leave(*_):
        nonlocal running
        running -= 1

    own_encoder.model.register_forward_pre_hook(enter)
    own_encoder.model.register_forward_hook(leave)
    image, text = noise(60, 80), "revenue"
    page, query = own_encoder.embed_pages([image])[0].vectors, own_encoder.embed_query(text).vectors
    results = []

    def work():
        for _ in range(5):
            results.append((own_encoder.embed_pages([image])[0].vectors, own_encoder.embed_query(text).vectors))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(results) == 20
    assert all(torch.equal(p, page) and torch.equal(q, query) for p, q in results)
