from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_desktop.errors import ImageSetError
from gan_desktop.training.faces import draw_face
from gan_desktop.training.images import (
    MAX_FILE_BYTES,
    DrawnFaces,
    FolderImages,
    ZipImages,
    load_image,
    open_source,
)

RED, GREEN, WHITE = (220, 30, 30), (30, 200, 40), (255, 255, 255)


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def face_jpeg(index: int = 0, size: int = 96) -> bytes:
    return encode(Image.fromarray(draw_face(index, size)), "JPEG", quality=95)


def mean_colour(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> list[int]:
    return [round(value) for value in pixels.reshape(-1, 3).mean(axis=0)]


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_every_common_format_is_decoded(form: str, size: int) -> None:
    pixels = load_image(encode(Image.new("RGB", (90, 70), RED), form), size)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(np.array(mean_colour(pixels)) - RED).max() <= 3


def test_a_reduced_face_matches_the_original() -> None:
    pixels = load_image(face_jpeg(3, size=256), 32)
    assert np.abs(pixels.astype(float) - draw_face(3, 32)).mean() < 8


def test_the_middle_square_is_cut_out() -> None:
    """Of a CelebA-sized picture the middle 178 x 178 pixels stay; the red bars above and below go."""
    image = Image.new("RGB", (178, 218), RED)
    image.paste(GREEN, (0, 20, 178, 198))
    assert np.array_equal(load_image(encode(image, "PNG"), 64), np.full((64, 64, 3), GREEN, dtype=np.uint8))


def test_reduction_is_antialiased() -> None:
    """A fine checkerboard becomes even grey, not a moiré pattern."""
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = load_image(encode(Image.fromarray(board), "PNG"), 64)
    assert pixels.min() >= 120
    assert pixels.max() <= 135


def test_grey_pictures_become_rgb() -> None:
    pixels = load_image(encode(Image.new("L", (50, 50), 77), "PNG"), 32)
    assert np.array_equal(pixels, np.full((32, 32, 3), 77, dtype=np.uint8))


def test_black_and_white_pictures_become_rgb() -> None:
    pixels = load_image(encode(Image.new("1", (50, 50), 1), "PNG"), 32)
    assert pixels.min() == 255


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65_535, 64, dtype=np.uint16)
    for form in ("PNG", "TIFF"):
        pixels = load_image(encode(Image.fromarray(np.tile(ramp, (64, 1))), form), 64)
        assert pixels[32, 0, 0] < 5
        assert pixels[32, -1, 0] > 250
        assert abs(int(pixels[32, 32, 0]) - 128) < 6


def test_sixteen_bit_colour_is_decoded() -> None:
    """Pillow cannot write 48-bit PNGs, cameras and scanners do: made by hand."""
    row = b"\0" + struct.pack(">3H", 0xDC00, 0x1E00, 0x1E00) * 40
    pixels = load_image(png_by_hand(40, 40, 16, zlib.compress(row * 40)), 32)
    assert mean_colour(pixels) == [0xDC, 0x1E, 0x1E]


def test_cmyk_jpeg_keeps_its_colours() -> None:
    pixels = load_image(encode(Image.new("RGB", (60, 60), RED).convert("CMYK"), "JPEG", quality=95), 32)
    assert np.abs(np.array(mean_colour(pixels)) - RED).max() <= 6


def test_palette_pictures_keep_their_colours() -> None:
    pixels = load_image(encode(Image.new("RGB", (60, 60), GREEN).quantize(8), "PNG"), 32)
    assert np.abs(np.array(mean_colour(pixels)) - GREEN).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_over_white(mode: str) -> None:
    image = Image.new("RGBA", (60, 60), (*RED, 0)).convert("LA" if mode != "RGBA" else mode)
    data = encode(image.convert(mode), "PNG") if mode != "PA" else encode(transparent_palette(), "PNG")
    assert mean_colour(load_image(data, 32)) == list(WHITE)


def transparent_palette() -> Image.Image:
    image = Image.new("P", (60, 60), 0)
    image.putpalette([*RED, *GREEN])
    image.info["transparency"] = 0
    return image


def test_camera_rotation_is_applied() -> None:
    """The sensor's top is the picture's right side (EXIF orientation 6)."""
    image = Image.new("RGB", (64, 64), GREEN)
    image.paste(RED, (0, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = load_image(encode(image, "JPEG", exif=exif, quality=95, subsampling=0), 32)
    assert np.abs(np.array(mean_colour(pixels[:, 20:])) - RED).max() <= 5
    assert np.abs(np.array(mean_colour(pixels[:, :12])) - GREEN).max() <= 5


def test_the_first_frame_of_an_animation_counts() -> None:
    first, second = Image.new("RGB", (40, 40), RED), Image.new("RGB", (40, 40), GREEN)
    pixels = load_image(encode(first, "GIF", save_all=True, append_images=[second]), 32)
    assert np.abs(np.array(mean_colour(pixels)) - RED).max() <= 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_picture_is_refused_with_its_reason(form: str, share: float) -> None:
    noise = np.random.RandomState(1).randint(0, 256, (80, 80, 3)).astype(np.uint8)
    data = encode(Image.fromarray(noise), form)
    with pytest.raises(ImageSetError, match=r"cut off or damaged|not a picture|pixels"):
        load_image(data[: int(len(data) * share)], 32)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"this is text, not a picture\n" * 20, "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged|not a picture"),
        (bytes(MAX_FILE_BYTES + 1), "larger than 50 MB"),
    ],
    ids=["empty", "text", "postscript", "broken png", "too large"],
)
def test_what_is_no_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageSetError, match=reason):
        load_image(data, 32)


def png_by_hand(width: int, height: int, depth: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("edge", [9_600, 60_000])
def test_a_pixel_bomb_is_refused_before_it_is_decoded(edge: int) -> None:
    with pytest.raises(ImageSetError, match="more than 89 million pixels"):
        load_image(png_by_hand(edge, edge, 8, zlib.compress(bytes(1_000))), 32)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_large_picture_is_made_in_strips_and_looks_the_same(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither is a multiple of the other, nor of a strip.
    large = Image.fromarray(draw_face(3, 128)).resize((1_013, 1_217), Image.Resampling.BICUBIC)
    if mode == "RGBA":
        large.putalpha(Image.linear_gradient("L").resize(large.size))
    data = encode(large.quantize(64) if mode == "P" else large, "PNG")
    whole = load_image(data, 64).astype(int)
    monkeypatch.setattr("gan_desktop.training.images._LARGE", 100_000)
    in_strips = load_image(data, 64).astype(int)
    assert 0 < np.abs(in_strips - whole).mean() < 0.5
    assert np.abs(in_strips - whole).max() <= 12


@pytest.mark.skipif(sys.platform != "linux", reason="getrusage counts in other units, or is not there")
def test_a_large_palette_of_some_kilobytes_takes_little_memory() -> None:
    image = Image.new("P", (9_400, 9_400), 1)
    image.putpalette([*RED, *GREEN])
    data = encode(image, "PNG", transparency=0)
    script = (
        "import re, sys\n"
        "from gan_desktop.training.images import load_image\n"
        "pixels = load_image(sys.stdin.buffer.read(), 32)\n"
        # Of this program alone: what getrusage says begins at what the one that started it had.
        "kilobytes = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        "print(*pixels[0, 0], int(kilobytes) // 1_000)"
    )
    told = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True)
    *colour, megabytes = map(int, told.stdout.split())
    assert len(data) < 50_000 and tuple(colour) == GREEN
    # 88 of them are the decoded picture.
    assert megabytes < 350


def test_an_icon_is_refused() -> None:
    with pytest.raises(ImageSetError, match="only 1 x 30 pixels"):
        load_image(encode(Image.new("RGB", (1, 30)), "PNG"), 32)


def make_folder(folder: Path) -> Path:
    for name in ("b.jpg", "a/z.JPEG", "a/c.png", ".hidden.jpg", ".thumbs/x.jpg", "__MACOSX/._b.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(face_jpeg())
    (folder / "list_attr_celeba.txt").write_text("not a candidate")
    return folder


def test_a_folder_is_searched_through_and_sorted(tmp_path: Path) -> None:
    with open_source(make_folder(tmp_path)) as source:
        assert isinstance(source, FolderImages)
        assert [source.file_name(i) for i in range(len(source))] == ["a/c.png", "a/z.JPEG", "b.jpg"]
        assert source.name == tmp_path.name
        assert source.load(2, 32).shape == (32, 32, 3)


def test_a_file_that_vanished_is_refused_with_its_reason(tmp_path: Path) -> None:
    source = open_source(make_folder(tmp_path))
    (tmp_path / "b.jpg").unlink()
    with pytest.raises(ImageSetError, match="cannot be read"):
        source.load(2, 32)


def test_a_zip_holds_the_same_pictures_as_its_folder(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    with open_source(packed) as zipped, open_source(folder) as plain:
        assert isinstance(zipped, ZipImages)
        assert zipped.name == plain.name == "photos"
        for i in range(3):
            assert zipped.file_name(i) == plain.file_name(i)
            assert np.array_equal(zipped.load(i, 32), plain.load(i, 32))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "photos.zip"]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(MAX_FILE_BYTES + 10_000))
    assert packed.stat().st_size < 100_000
    with open_source(packed) as source, pytest.raises(ImageSetError, match="larger than 50 MB"):
        source.load(0, 32)


def test_a_damaged_entry_of_a_zip_is_refused_with_its_reason(tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.jpg", face_jpeg())
    data = bytearray(packed.read_bytes())
    data[200] ^= 0xFF
    packed.write_bytes(data)
    with open_source(packed) as source, pytest.raises(ImageSetError, match="damaged inside the zip"):
        source.load(0, 32)


def test_a_protected_entry_of_a_zip_is_refused_with_its_reason(tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.jpg", face_jpeg())
    data = packed.read_bytes()
    directory = data.rindex(b"PK\x01\x02")
    packed.write_bytes(data[: directory + 8] + b"\x01" + data[directory + 9 :])
    with open_source(packed) as source, pytest.raises(ImageSetError, match="protected by a password"):
        source.load(0, 32)


def test_a_cut_off_zip_is_named_as_such(tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.jpg", face_jpeg())
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(ImageSetError, match="damaged or incomplete"):
        open_source(packed)


def test_missing_and_empty_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match="no folder or zip file"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(ImageSetError, match="no pictures in"):
        open_source(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ImageSetError, match="neither a folder nor a zip"):
        open_source(tmp_path / "notes.txt")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(ImageSetError, match="no pictures in"):
        open_source(tmp_path / "empty.zip")


def test_without_a_path_faces_are_drawn() -> None:
    with open_source(None, num_drawn=100) as source:
        assert isinstance(source, DrawnFaces)
        assert len(source) == 100
        assert np.array_equal(source.load(5, 32), draw_face(5, 32))


# -- data sets as they are handed out ------------------------------------------------------------


def save_zip(path: Path, names: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, face_jpeg(number, size=40))
    return path


def test_a_folder_that_holds_a_zip_is_that_zip(tmp_path: Path) -> None:
    save_zip(tmp_path / "celeba" / "Img" / "faces.zip", ["a.jpg", "b.jpg"])
    (tmp_path / "celeba" / "preview.png").write_bytes(face_jpeg())
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("-1 1 -1")
    with open_source(tmp_path) as source:
        assert isinstance(source, ZipImages)
        assert [source.file_name(i) for i in range(len(source))] == ["a.jpg", "b.jpg"]


def test_unpacked_pictures_are_taken_before_the_zip_beside_them(tmp_path: Path) -> None:
    save_zip(tmp_path / "faces.zip", ["a.jpg"])
    for number in range(64):
        (tmp_path / f"{number}.jpg").write_bytes(face_jpeg())
    with open_source(tmp_path) as source:
        assert isinstance(source, FolderImages)
        assert len(source) == 64


def test_several_zips_of_a_folder_are_one_set(tmp_path: Path) -> None:
    save_zip(tmp_path / "part1.zip", ["a.jpg", "b.jpg"])
    save_zip(tmp_path / "part2.zip", ["a.jpg"])
    save_zip(tmp_path / "annotations.zip", ["list.txt"])
    save_zip(tmp_path / ".trash" / "old.zip", ["z.jpg"])
    with open_source(tmp_path) as source:
        assert source.name == tmp_path.name
        assert [source.file_name(i) for i in range(len(source))] == [
            "part1: a.jpg",
            "part1: b.jpg",
            "part2: a.jpg",
        ]
        assert source.load(2, 32).shape == (32, 32, 3)


def test_a_damaged_zip_among_several_is_named(tmp_path: Path) -> None:
    save_zip(tmp_path / "part1.zip", ["a.jpg"])
    (tmp_path / "part2.zip").write_bytes((tmp_path / "part1.zip").read_bytes()[:-30])
    with pytest.raises(ImageSetError, match=r"part2\.zip is damaged or incomplete"):
        open_source(tmp_path)


def test_zips_without_pictures_are_named(tmp_path: Path) -> None:
    save_zip(tmp_path / "one.zip", ["a.txt"])
    save_zip(tmp_path / "two.zip", ["b.txt"])
    with pytest.raises(ImageSetError, match=r"no pictures in .*two\.zip"):
        open_source(tmp_path)
