"""Plain attention against torch's fused one, and where it is used."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import GemmaConfig, GemmaModel

from colpali_demo.encoder import load_encoder
from colpali_demo.encoder.tiny import attention


def test_it_is_scaled_dot_product_attention():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 17, 8)
    out, weights = attention.plain_attention(None, query, key, value, None, scaling=0.3, is_causal=False)
    expected = scaled_dot_product_attention(query, key, value, scale=0.3).transpose(1, 2)
    torch.testing.assert_close(out, expected)
    assert weights is None


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [(1, 1), (4, 4), (4, 2)])
def test_a_language_model_answers_the_same_with_it(padded, causal, heads):
    torch.manual_seed(0)
    config = GemmaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=32, num_hidden_layers=2, head_dim=8, is_causal=causal,
        num_attention_heads=heads[0], num_key_value_heads=heads[1],
    )  # fmt: skip
    model = GemmaModel(config).eval()
    ids = torch.randint(4, 50, (2, 9))
    mask = torch.ones_like(ids)
    if padded:
        mask[1, 6:] = 0
    answers = []
    for implementation in ("sdpa", attention.NAME):
        model.set_attn_implementation(implementation)
        with torch.inference_mode():
            answers.append(model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()])
    torch.testing.assert_close(*answers)


@pytest.mark.parametrize(("dtype", "name"), [("bfloat16", attention.NAME), ("float32", "sdpa")])
def test_the_bundled_checkpoint_uses_it_where_it_is_faster(dtype, name):
    encoder = load_encoder("tiny", device="cpu", dtype=dtype)
    assert encoder.model.vlm.language_model.config._attn_implementation == name


def test_other_checkpoints_do_not(checkpoint):
    encoder = load_encoder(str(checkpoint), device="cpu", dtype="bfloat16")
    assert encoder.model.vlm.language_model.config._attn_implementation == "sdpa"
