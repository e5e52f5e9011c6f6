"""Payloads: what goes in comes out, and bytes from others raise PayloadError or nothing."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gan_desktop.errors import PayloadError
from gan_desktop.records import CODECS, Codec, RunConfig
from gan_desktop.training.networks import (
    Tensors,
    build_gan,
    generator_shapes,
    network_fingerprint,
    state_tensors,
    tensor_shapes,
)
from gan_desktop.training.payload import (
    BLOCK,
    MAX_HEADER_BYTES,
    PayloadInfo,
    decode,
    encode,
    max_payload_bytes,
    peek,
)

CONFIG = RunConfig(feature_maps=8, latent_size=16)
NETWORK = network_fingerprint(CONFIG)
SHAPES = tensor_shapes(CONFIG)

# A tensor shorter than a block, one of whole blocks, and one with a shorter block at its end.
FEW = {"small": torch.Size([3, 5]), "even": torch.Size([2, BLOCK]), "odd": torch.Size([BLOCK + 100])}


SIZES = (1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 77)


def info(codec: Codec = "fp32", network: str = "n") -> PayloadInfo:
    return PayloadInfo("weight_change", run_id=7, iteration=12, codec=codec, network=network)


def some_tensors(scale: float = 1.0) -> Tensors:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) * scale for name, shape in FEW.items()}


def with_header(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


# ---------------------------------------------------------------------------------------------
# What goes in comes out
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_a_networks_state_survives_the_way(codec: Codec) -> None:
    tensors = state_tensors(build_gan(CONFIG))
    blob = encode(tensors, info(codec, NETWORK), seed=1)
    decoded = decode(blob, shapes=SHAPES, network=NETWORK)
    assert list(decoded) == list(SHAPES)
    for name, tensor in tensors.items():
        assert decoded[name].dtype == torch.float32
        step = {"fp32": 0.0, "fp16": 2**-11, "int8": 1 / 127}[codec] if tensor.numel() >= BLOCK else 0.0
        assert (decoded[name] - tensor).abs().max() <= step * tensor.abs().max()


@pytest.mark.parametrize("codec", CODECS)
def test_tensors_of_any_number_of_values_survive_the_way(codec: Codec) -> None:
    tensors = some_tensors()
    decoded = decode(encode(tensors, info(codec), seed=1), shapes=FEW, network="n")
    for name, tensor in tensors.items():
        assert (decoded[name] - tensor).abs().max() <= tensor.abs().max() / 127
    assert torch.equal(decoded["small"], tensors["small"])


@pytest.mark.parametrize("codec", CODECS)
def test_decoding_over_earlier_tensors_gives_what_fresh_memory_gives(codec: Codec) -> None:
    blob = encode(some_tensors(), info(codec), seed=1)
    room = {name: torch.full(shape, torch.nan) for name, shape in FEW.items()}
    decoded = decode(blob, shapes=FEW, network="n", into=room)
    assert all(decoded[name] is room[name] for name in FEW)
    fresh = decode(blob, shapes=FEW, network="n")
    assert all(torch.equal(decoded[name], fresh[name]) for name in FEW)


@given(
    values=npst.arrays(
        np.float32, st.sampled_from(SIZES), elements=st.floats(-(2.0**100), 2.0**100, width=32)
    ),
    codec=st.sampled_from(("fp32", "int8")),
    seed=st.integers(-(2**63), 2**63 - 1),
)
@settings(max_examples=60, deadline=None)
def test_any_finite_values_survive_within_one_step_of_their_block(
    values: np.ndarray[Any, np.dtype[np.float32]], codec: Codec, seed: int
) -> None:
    tensor = torch.from_numpy(values)
    blob = encode({"t": tensor}, info(codec), seed=seed)
    decoded = decode(blob, shapes={"t": tensor.shape}, network="n")["t"]
    if codec == "fp32" or len(tensor) < BLOCK:
        assert torch.equal(decoded, tensor)
        return
    for block, found in zip(torch.split(tensor, BLOCK), torch.split(decoded, BLOCK), strict=True):
        largest = block.abs().max().double()
        assert (found.double() - block.double()).abs().max() <= largest / 127 * 1.0001 + 2e-36


@given(
    run_id=st.integers(0, 2**53),
    iteration=st.integers(0, 2**53),
    codec=st.sampled_from(CODECS),
    net=st.text(),
)
@settings(deadline=None)
def test_what_a_payload_says_about_itself_is_read_back(
    run_id: int, iteration: int, codec: Codec, net: str
) -> None:
    told = PayloadInfo("ema", run_id, iteration, codec, net)
    assert peek(encode({"t": torch.ones(2)}, told, seed=0)) == told


def test_tensors_in_another_memory_order_are_written_by_their_meaning() -> None:
    tensor = torch.arange(4.0 * BLOCK).view(2, 2, 64, 64).contiguous(memory_format=torch.channels_last)
    for codec in CODECS:
        decoded = decode(encode({"t": tensor}, info(codec), seed=1), shapes={"t": tensor.shape}, network="n")[
            "t"
        ]
        assert (decoded - tensor).abs().max() <= 4 * BLOCK / 127


def test_int8_rounding_is_unbiased() -> None:
    tensor = torch.linspace(-1, 1, BLOCK)
    blobs = [encode({"t": tensor}, info("int8"), seed=seed) for seed in range(400)]
    decoded = [decode(blob, shapes={"t": tensor.shape}, network="n")["t"] for blob in blobs]
    error = torch.stack(decoded).mean(dim=0) - tensor
    # One rounding errs by at most half a step in standard deviation; 400 leave a twentieth of that.
    standard_error = 0.5 / 127 / math.sqrt(len(blobs))
    assert error.abs().max() < 5 * standard_error
    assert error.mean().abs() < 5 * standard_error / math.sqrt(len(tensor))


def test_the_seed_decides_int8s_rounding() -> None:
    tensors = some_tensors()
    first, again, other = (
        decode(encode(tensors, info("int8"), seed=seed), shapes=FEW, network="n") for seed in (3, 3, 4)
    )
    assert all(torch.equal(first[name], again[name]) for name in FEW)
    assert not torch.equal(first["odd"], other["odd"])


def test_zeros_stay_zeros_in_every_codec() -> None:
    for codec in CODECS:
        blob = encode({name: torch.zeros(shape) for name, shape in FEW.items()}, info(codec), seed=1)
        assert not any(tensor.any() for tensor in decode(blob, shapes=FEW, network="n").values())


def test_short_codecs_are_short() -> None:
    config = RunConfig()
    tensors, shapes = state_tensors(build_gan(config)), tensor_shapes(config)
    sizes = {codec: len(encode(tensors, info(codec), seed=1)) for codec in CODECS}
    assert sizes["fp16"] < 0.52 * sizes["fp32"]
    assert sizes["int8"] < 0.27 * sizes["fp32"]
    for codec in CODECS:
        assert sizes[codec] <= max_payload_bytes(shapes, codec) <= sizes[codec] + MAX_HEADER_BYTES


def test_a_generator_alone_is_a_payload_too() -> None:
    state = state_tensors(build_gan(CONFIG))
    shapes = generator_shapes(CONFIG)
    ema = {name: state[name] for name in shapes}
    blob = encode(ema, PayloadInfo("ema", 1, 1, "int8", NETWORK), seed=1)
    assert set(decode(blob, shapes=shapes, network=NETWORK)) == set(shapes)
    with pytest.raises(PayloadError, match="not those"):
        decode(blob, shapes=SHAPES, network=NETWORK)


# ---------------------------------------------------------------------------------------------
# What must be refused
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_not_encoded(codec: Codec, name: str, value: float) -> None:
    tensors = some_tensors()
    tensors[name].view(-1)[-1] = value
    with pytest.raises(PayloadError, match=f"{name} is not a finite number"):
        encode(tensors, info(codec), seed=1)


@pytest.mark.parametrize(("codec", "value"), [("fp16", 65_520.0), ("fp16", -1e9), ("int8", 3.4e38)])
def test_values_too_large_for_a_codec_are_not_encoded(codec: Codec, value: float) -> None:
    tensors = some_tensors()
    tensors["odd"][-1] = value
    with pytest.raises(PayloadError, match="too large"):
        encode(tensors, info(codec), seed=1)


def test_large_finite_values_are_not_taken_for_infinite_ones() -> None:
    tensor = torch.full((100,), 3e38)
    blob = encode({"t": tensor}, info("fp32"), seed=1)
    assert torch.equal(decode(blob, shapes={"t": tensor.shape}, network="n")["t"], tensor)


def stored_tensors(codec: Codec) -> tuple[Tensors, dict[str, str]]:
    """A payload's raw entries and metadata, to be spoiled and saved again."""
    blob = encode(some_tensors(), info(codec), seed=1)
    metadata = {key: str(value) for key, value in dataclasses.asdict(info(codec)).items()}
    return safetensors.torch.load(blob), metadata


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("codec", "entry"),
    [
        ("fp32", "odd"),
        ("fp32", "small"),
        ("fp16", "even"),
        ("fp16", "small"),
        ("int8", "small"),
        ("int8", "odd:scales"),
    ],
)
def test_values_that_are_not_finite_are_not_decoded(codec: Codec, entry: str, value: float) -> None:
    stored, metadata = stored_tensors(codec)
    stored[entry].view(-1)[-1] = value
    with pytest.raises(PayloadError, match="number"):
        decode(safetensors.torch.save(stored, metadata), shapes=FEW, network="n")


@pytest.mark.parametrize("scale", [-1.0, 3e38])
def test_forged_scales_are_refused(scale: float) -> None:
    stored, metadata = stored_tensors("int8")
    stored["even:scales"][0] = scale
    with pytest.raises(PayloadError, match="scale of even"):
        decode(safetensors.torch.save(stored, metadata), shapes=FEW, network="n")


def test_the_largest_scale_and_step_stay_finite() -> None:
    stored, metadata = stored_tensors("int8")
    stored["even:scales"][:] = torch.finfo(torch.float32).max / 130
    stored["even"][:] = -128
    decoded = decode(safetensors.torch.save(stored, metadata), shapes=FEW, network="n")
    assert decoded["even"].isfinite().all()


@pytest.mark.parametrize("spoil", ["missing", "extra", "shape", "dtype", "scales shape"])
def test_other_tensors_than_the_networks_are_refused(spoil: str) -> None:
    stored, metadata = stored_tensors("int8")
    if spoil == "missing":
        del stored["small"]
    elif spoil == "extra":
        stored["more"] = torch.zeros(1)
    elif spoil == "shape":
        stored["small"] = stored["small"].reshape(5, 3)
    elif spoil == "dtype":
        stored["odd"] = stored["odd"].float()
    else:
        stored["odd:scales"] = torch.ones(1)
    with pytest.raises(PayloadError, match="not those of this run's network"):
        decode(safetensors.torch.save(stored, metadata), shapes=FEW, network="n")


def test_a_payload_of_another_network_is_refused() -> None:
    blob = encode(some_tensors(), info(network="another"), seed=1)
    with pytest.raises(PayloadError, match="another network"):
        decode(blob, shapes=FEW, network="n")


def test_an_oversized_payload_is_refused_before_it_is_read() -> None:
    blob = bytes(max_payload_bytes(FEW, "fp32") + 1)
    with pytest.raises(PayloadError, match="too large"):
        decode(blob, shapes=FEW, network="n")
    blob = encode(some_tensors(), info("fp32"), seed=1)
    with pytest.raises(PayloadError, match="too large"):
        decode(blob, shapes=FEW, network="n", max_bytes=len(blob) - 1)


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was executed",))


def test_pickled_bytes_are_refused_and_not_executed() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(PayloadError):
            decode(pickle.dumps(_Bomb(), protocol), shapes=FEW, network="n")


@pytest.mark.parametrize("codec", CODECS)
def test_every_truncation_and_every_addition_is_refused(codec: Codec) -> None:
    blob = encode(some_tensors(), info(codec), seed=1)
    spots = {*range(1200), *range(0, len(blob), 997), len(blob) - 1}
    for length in spots:
        with pytest.raises(PayloadError):
            decode(blob[:length], shapes=FEW, network="n")
    with pytest.raises(PayloadError):
        decode(blob + b"\0", shapes=FEW, network="n")


METADATA: dict[str, Any] = {k: str(v) for k, v in dataclasses.asdict(info()).items()}
TENSOR: dict[str, Any] = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


def test_the_header_that_is_spoiled_below_is_a_good_one() -> None:
    blob = with_header({"__metadata__": METADATA, "t": TENSOR}, bytes(16))
    assert decode(blob, shapes={"t": torch.Size([4])}, network="n")["t"].tolist() == [0] * 4


@pytest.mark.parametrize(
    "header",
    [
        [],
        None,
        "text",
        b"",
        b"\xff\xfe{",
        b"{",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"__metadata__":{"run_id":' + b"9" * 5_000 + b"}}",
        {"t": TENSOR},
        {"__metadata__": None, "t": TENSOR},
        {"__metadata__": [], "t": TENSOR},
        *({"__metadata__": METADATA | {key: 7}, "t": TENSOR} for key in METADATA),
        *({"__metadata__": METADATA | {key: None}, "t": TENSOR} for key in METADATA),
        *({"__metadata__": METADATA | {key: ["fp32"]}, "t": TENSOR} for key in METADATA),
        *({"__metadata__": {k: v for k, v in METADATA.items() if k != key}, "t": TENSOR} for key in METADATA),
        *(
            {"__metadata__": METADATA | {"run_id": text}, "t": TENSOR}
            for text in ("-1", "", "1e3", "٣", "9" * 99)
        ),
        {"__metadata__": METADATA},
        {"__metadata__": METADATA, "t": None},
        {"__metadata__": METADATA, "t": []},
        {"__metadata__": METADATA, "t": {}},
        *(
            {"__metadata__": METADATA, "t": TENSOR | {"data_offsets": offsets}}
            for offsets in (
                [0, 15],
                [1, 16],
                [-16, 0],
                [16, 0],
                [0, 2**64],
                [0, 16, 32],
                [0],
                None,
                [0.0, 16.0],
            )
        ),
        *(
            {"__metadata__": METADATA, "t": TENSOR | {"shape": shape}}
            for shape in ([2, 2], [-4], [2**63, 2**63], [2**64], [4.0], ["4"], None, [], [0])
        ),
        *(
            {"__metadata__": METADATA, "t": TENSOR | {"dtype": dtype}}
            for dtype in ("F16", "I32", "X", 7, None)
        ),
        {"__metadata__": METADATA, "t": TENSOR, "u": TENSOR},
        {"__metadata__": METADATA, "t": TENSOR, "u": TENSOR | {"shape": [2], "data_offsets": [8, 16]}},
    ],
)
def test_a_malformed_header_is_refused(header: object) -> None:
    with pytest.raises(PayloadError):
        decode(with_header(header, bytes(16)), shapes={"t": torch.Size([4])}, network="n")


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**63, 2**64 - 1, MAX_HEADER_BYTES + 1])
def test_a_wrong_header_length_is_refused(length: int) -> None:
    blob = with_header({"__metadata__": METADATA, "t": TENSOR}, bytes(MAX_HEADER_BYTES), length)
    with pytest.raises(PayloadError):
        decode(blob, shapes={"t": torch.Size([4])}, network="n", max_bytes=10**6)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_are_refused(blob: bytes) -> None:
    for candidate in (
        blob,
        with_header(blob),
        with_header({"__metadata__": METADATA, "t": TENSOR}, blob)[:-1],
    ):
        if len(blob) != 17:
            with pytest.raises(PayloadError):
                decode(candidate, shapes={"t": torch.Size([4])}, network="n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    header=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    metadata=st.fixed_dictionaries({}, optional=dict.fromkeys(METADATA, JSON)),
    tensor=st.fixed_dictionaries({}, optional=dict.fromkeys(TENSOR, JSON)),
)
@settings(max_examples=300, deadline=None)
def test_any_json_as_a_header_raises_payload_error_or_nothing(
    header: dict[str, Any], metadata: dict[str, Any], tensor: dict[str, Any]
) -> None:
    whole = header | {"__metadata__": METADATA | metadata, "t": TENSOR | tensor}
    try:
        decoded = decode(with_header(whole, bytes(16)), shapes={"t": torch.Size([4])}, network="n")
    except PayloadError:
        return
    assert decoded["t"].tolist() == [0] * 4


@given(
    spots=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
    deep=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_flipped_bytes_raise_payload_error_or_leave_finite_numbers(
    spots: list[tuple[float, int]], deep: bool
) -> None:
    spoiled = bytearray(GOOD)
    end = len(GOOD) if deep else 8 + int.from_bytes(GOOD[:8], "little")
    for spot, value in spots:
        spoiled[int(spot * (end - 1))] = value
    try:
        decoded = decode(bytes(spoiled), shapes=FEW, network="n")
    except PayloadError:
        return
    assert all(tensor.isfinite().all() for tensor in decoded.values())


GOOD = encode(some_tensors(), info("int8"), seed=1)
