"""The process that takes the demo's photos: reads scenes from standard input, files pictures as the storage does.

It is started as a script by ``app.services.demo.photos`` and imports nothing of this project, so that it starts
fast and draws beside the process that writes the history. One line of JSON in for each photo, ``{n, scene, seed,
stage, taken_at}``; original and thumbnail under the original's hash and one line of JSON out. Photos of one seed
show one place: ``before`` with the defect, ``after`` without it, from nearly the same spot.
"""

import hashlib
import json
import os
import random
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

WIDTH: Final = 640
HEIGHT: Final = 480
MAKE: Final = "xiaohao"
MODEL: Final = "demo street, drawn"
_MARGIN: Final = 96
_NO_DATE: Final = "2000:01:01 00:00:00"

Colour = tuple[int, int, int]
_BROWNS: Final = ((176, 132, 84), (160, 116, 70), (190, 150, 100), (148, 108, 66))
_GOODS: Final = ((60, 96, 160), (170, 60, 70), (90, 140, 90), (200, 170, 70), (120, 90, 140), (210, 210, 205))
_WALLS: Final = ((206, 204, 194), (188, 196, 200), (214, 204, 182), (196, 206, 190))
_FLOORS: Final = ((128, 122, 114), (150, 144, 132), (112, 116, 122), (140, 124, 104))
_RED: Final = (196, 32, 36)
_GREEN: Final = (24, 140, 84)
_DARK: Final = (44, 44, 48)
_STEEL: Final = (150, 156, 162)


class Camera:
    """A picture being drawn, from a spot a few pixels beside the usual one."""

    def __init__(self, background: Colour, shift: tuple[int, int]) -> None:
        self.image = Image.new("RGB", (WIDTH, HEIGHT), background)
        self._draw = ImageDraw.Draw(self.image)
        self._x, self._y = shift

    def box(self, x: int, y: int, width: int, height: int, fill: Colour, *, outline: Colour | None = None) -> None:
        x, y = x + self._x, y + self._y
        self._draw.rectangle((x, y, x + width, y + height), fill=fill, outline=outline)

    def shape(self, points: list[tuple[int, int]], fill: Colour) -> None:
        self._draw.polygon([(x + self._x, y + self._y) for x, y in points], fill=fill)

    def line(self, points: list[tuple[int, int]], fill: Colour, width: int = 2) -> None:
        self._draw.line([(x + self._x, y + self._y) for x, y in points], fill=fill, width=width)

    def disc(self, x: int, y: int, radius: int, fill: Colour | None, *, outline: Colour | None = None) -> None:
        x, y = x + self._x, y + self._y
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline, width=4)


def room(camera: Camera, r: random.Random) -> None:
    """Wall and floor with a skirting and tiles."""
    floor = r.choice(_FLOORS)
    edge = r.randrange(320, 370)
    camera.box(-40, edge, WIDTH + 80, HEIGHT, floor)
    camera.box(-40, edge - 8, WIDTH + 80, 8, _DARK)
    for x in range(-60, WIDTH + 60, r.randrange(70, 120)):
        camera.line([(x, edge), (x + (x - 320) // 2, HEIGHT + 40)], _darker(floor), 1)


def corridor(camera: Camera, r: random.Random) -> None:
    """An escape corridor or stair landing, in perspective."""
    x, y = r.randrange(250, 390), r.randrange(170, 220)
    camera.shape([(-40, 520), (x - 60, y + 90), (x + 60, y + 90), (680, 520)], r.choice(_FLOORS))
    camera.shape([(-40, -40), (x - 60, y - 60), (x + 60, y - 60), (680, -40)], (226, 226, 222))
    camera.box(x - 60, y - 60, 120, 150, (110, 112, 116))
    camera.box(x - 24, y - 20, 48, 110, r.choice(((120, 84, 60), (140, 146, 150), (90, 110, 130))))
    camera.box(x - 26, y - 46, 52, 16, _GREEN)
    for step in range(1, 5):
        camera.line([(x - 60 - step * 60, y + 90 + step * 78), (x + 60 + step * 60, y + 90 + step * 78)], _DARK, 1)


def boxes(camera: Camera, r: random.Random) -> None:
    """Goods where none should be."""
    left = r.randrange(60, 330)
    for place in range(r.randrange(4, 8)):
        width, height = r.randrange(70, 120), r.randrange(50, 90)
        x, y = left + place % 3 * 84, 430 - height - place // 3 * 70
        camera.box(x, y, width, height, r.choice(_BROWNS), outline=_DARK)
        camera.box(x + width // 2 - 5, y, 10, height, (206, 186, 140))


def door(camera: Camera, r: random.Random) -> None:
    room(camera, r)
    x = r.randrange(200, 300)
    camera.box(x - 10, 80, 200, 290, _STEEL)
    camera.box(x, 90, 180, 280, r.choice(((120, 124, 130), (130, 92, 66), (96, 112, 128))))
    camera.box(x + 24, 120, 46, 90, (170, 190, 196))
    camera.box(x + 140, 226, 30, 8, _DARK)
    camera.box(x + 50, 40, 90, 26, _GREEN)


def chain(camera: Camera, r: random.Random) -> None:
    x, y = r.randrange(330, 440), r.randrange(215, 240)
    for link in range(8):
        camera.disc(x + link * 9, y + (link * link) // 4, 7, None, outline=(90, 90, 94))
    camera.box(x + 52, y + 20, 26, 30, (196, 160, 60), outline=_DARK)


def shutter(camera: Camera, r: random.Random) -> None:
    room(camera, r)
    bottom = r.randrange(140, 200)
    camera.box(70, 20, 500, bottom, _STEEL)
    for y in range(26, bottom + 16, 12):
        camera.line([(70, y), (570, y)], (118, 122, 128))
    camera.line([(80, 400), (560, 400)], (220, 190, 40), 8)


def goods(camera: Camera, r: random.Random) -> None:
    left = r.randrange(90, 220)
    for shelf in range(3):
        y = 250 + shelf * 60
        camera.box(left, y + 44, 300, 8, (110, 84, 60))
        for place in range(7):
            camera.box(left + 6 + place * 42, y + r.randrange(0, 14), 34, 42, r.choice(_GOODS))


def hydrant(camera: Camera, r: random.Random) -> None:
    room(camera, r)
    x = r.randrange(180, 320)
    camera.box(x, 110, 170, 210, _RED, outline=_DARK)
    camera.box(x + 14, 126, 142, 120, (206, 214, 216))
    camera.disc(x + 84, 186, 44, (222, 216, 200), outline=(180, 170, 150))
    camera.box(x + 14, 260, 142, 44, (230, 230, 226))


def extinguishers(camera: Camera, r: random.Random) -> None:
    room(camera, r)
    x = r.randrange(150, 330)
    camera.box(x - 20, 380, 190, 30, (210, 60, 50))
    for place in range(2):
        left = x + place * 80
        camera.box(left, 250, 54, 140, _RED, outline=(120, 16, 20))
        camera.box(left + 18, 226, 18, 26, _DARK)
        camera.disc(left + 27, 262, 9, (240, 240, 236), outline=_GREEN)
        camera.line([(left + 36, 236), (left + 66, 280), (left + 60, 330)], _DARK, 6)


def panel(camera: Camera, r: random.Random) -> None:
    room(camera, r)
    x = r.randrange(190, 310)
    camera.box(x, 70, 210, 250, (196, 198, 196), outline=_DARK)
    for row in range(3):
        for place in range(6):
            camera.box(x + 18 + place * 30, 92 + row * 74, 22, 50, (232, 232, 228), outline=_DARK)
            camera.disc(x + 29 + place * 30, 152 + row * 74, 4, r.choice((_GREEN, _RED, (230, 190, 60))))


def cables(camera: Camera, r: random.Random) -> None:
    for _ in range(r.randrange(5, 9)):
        x, y = r.randrange(120, 480), r.randrange(80, 200)
        points = [(x, y)]
        for _ in range(5):
            points.append((points[-1][0] + r.randrange(-40, 70), points[-1][1] + r.randrange(20, 60)))
        camera.line(points, r.choice((_DARK, (190, 40, 40), (40, 80, 160), (230, 226, 214))), 4)
    camera.box(r.randrange(200, 400), 390, 130, 26, (236, 236, 230), outline=_DARK)


def kitchen(camera: Camera, r: random.Random) -> None:
    room(camera, r)
    camera.shape([(90, 130), (170, 60), (470, 60), (550, 130)], _STEEL)
    camera.box(280, -30, 80, 92, (130, 136, 142))
    camera.box(110, 300, 420, 90, (168, 172, 176), outline=_DARK)
    for place in range(3):
        camera.disc(180 + place * 140, 296, 34, _DARK, outline=(90, 90, 94))


def grease(camera: Camera, r: random.Random) -> None:
    for _ in range(60):
        camera.disc(r.randrange(130, 520), r.randrange(70, 150), r.randrange(3, 12), (92, 66, 26))
    camera.box(r.randrange(380, 440), 380, 66, 80, (70, 110, 150), outline=_DARK)


def bicycle(camera: Camera, r: random.Random) -> None:
    x = r.randrange(160, 280)
    for wheel in (x, x + 190):
        camera.disc(wheel, 400, 46, None, outline=_DARK)
    camera.line([(x, 400), (x + 70, 320), (x + 150, 320), (x + 190, 400)], r.choice(_GOODS), 10)
    camera.line([(x + 70, 320), (x + 60, 270)], _DARK, 8)
    camera.box(x + 50, 340, 80, 40, r.choice(_GOODS), outline=_DARK)
    camera.line([(x + 90, 350), (x + 240, 200), (x + 300, 120)], _DARK, 5)


def lane(camera: Camera, r: random.Random) -> None:
    camera.box(-40, -40, WIDTH + 80, 200, (168, 190, 208))
    for place in range(5):
        camera.box(-20 + place * 150, r.randrange(20, 80), 120, 160, r.choice(_WALLS), outline=_STEEL)
    camera.shape([(-40, 520), (230, 180), (410, 180), (680, 520)], (96, 98, 102))
    camera.line([(140, 500), (270, 190)], (224, 190, 40), 6)
    camera.line([(500, 500), (370, 190)], (224, 190, 40), 6)


def car(camera: Camera, r: random.Random) -> None:
    x, colour = r.randrange(210, 300), r.choice(_GOODS)
    camera.shape([(x + 30, 300), (x + 60, 240), (x + 180, 240), (x + 220, 300)], (60, 72, 84))
    camera.box(x, 300, 250, 80, colour, outline=_DARK)
    for wheel in (x + 50, x + 200):
        camera.disc(wheel, 384, 28, _DARK)


def site(camera: Camera, r: random.Random) -> None:
    camera.box(-40, 330, WIDTH + 80, 240, (150, 136, 116))
    for x in range(40, 640, r.randrange(90, 130)):
        camera.line([(x, 40), (x, 400)], (120, 120, 124), 7)
    for y in (90, 190, 290):
        camera.line([(20, y), (630, y)], (120, 120, 124), 7)
        camera.box(20, y + 6, 610, 12, (176, 140, 90))


def gap(camera: Camera, r: random.Random) -> None:
    x = r.randrange(150, 320)
    camera.shape([(x, 480), (x + 40, 350), (x + 200, 350), (x + 230, 480)], (26, 26, 28))


def rail(camera: Camera, r: random.Random) -> None:
    top = r.randrange(316, 336)
    for y in (top, top + 40):
        for place in range(8):
            camera.box(60 + place * 66, y, 33, 14, (220, 60, 40))
            camera.box(93 + place * 66, y, 33, 14, (236, 232, 220))


def sheet(camera: Camera, r: random.Random) -> None:
    camera.box(-40, -40, WIDTH + 80, HEIGHT + 80, (132, 104, 76))
    camera.box(130, 20, 380, 440, (244, 243, 236), outline=_STEEL)
    camera.box(220, 46, r.randrange(140, 220), 16, _DARK)
    for row in range(9):
        camera.line([(160, 100 + row * 38), (480, 100 + row * 38)], (120, 120, 124))
    for column in (160, 240, 380, 480):
        camera.line([(column, 100), (column, 404)], (120, 120, 124))


def blank(camera: Camera, r: random.Random) -> None:
    camera.line([(240 + r.randrange(40), 250), (400, 260)], (200, 60, 50), 5)


def entries(camera: Camera, r: random.Random) -> None:
    for row in range(8):
        for left, most in ((168, 60), (248, 120), (388, 80)):
            camera.box(left, 112 + row * 38, r.randrange(most // 2, most), 10, (50, 56, 90))
    camera.disc(430, 400, 44, None, outline=_RED)


def tidy(camera: Camera, r: random.Random) -> None:
    """Nothing is in the way any more; a fresh notice hangs on the wall."""
    x = r.randrange(40, 120)
    camera.box(x, 150, 60, 80, (244, 243, 236), outline=_STEEL)
    camera.box(x + 8, 160, 44, 10, _RED)
    for line in range(4):
        camera.box(x + 8, 180 + line * 12, 40, 4, _STEEL)


Part = Callable[[Camera, random.Random], None]
SCENES: Final[dict[str, tuple[Part, Part, Part]]] = {
    "corridor": (corridor, boxes, tidy),
    "door": (door, chain, tidy),
    "shutter": (shutter, goods, tidy),
    "hydrant": (hydrant, boxes, tidy),
    "extinguisher": (room, tidy, extinguishers),
    "panel": (panel, cables, tidy),
    "kitchen": (kitchen, grease, tidy),
    "bicycle": (corridor, bicycle, tidy),
    "lane": (lane, car, tidy),
    "store": (room, goods, tidy),
    "site": (site, gap, rail),
    "sheet": (sheet, blank, entries),
}
"""The place, what is wrong with it, and what is there instead afterwards."""


class Studio:
    """Light and grain, made once, and the camera's own data."""

    def __init__(self) -> None:
        size = (WIDTH + _MARGIN, HEIGHT + _MARGIN)
        self._grains = [
            Image.merge("RGB", [Image.effect_noise(size, 40).point(lambda v, k=k: v * k // 100) for k in light])
            for light in ((100, 96, 84), (92, 98, 104), (74, 72, 70), (120, 120, 116))
        ]
        exif = Image.Exif()
        exif[0x010F], exif[0x0110], exif[0x0132] = MAKE, MODEL, _NO_DATE
        self._exif = exif.tobytes()

    def shoot(self, scene: str, seed: int, stage: str, number: int) -> Image.Image:
        """The picture; every ``number`` has its own light, grain and spot."""
        place, wrong, right = SCENES[scene]
        by_hand = random.Random(seed * 1_000_003 + number)  # noqa: S311  a drawing, not a secret
        r = random.Random(seed)  # noqa: S311  the same place again
        camera = Camera(r.choice(_WALLS), (by_hand.randrange(-12, 13), by_hand.randrange(-9, 10)))
        place(camera, r)
        (wrong if stage == "before" else right)(camera, random.Random(seed + 1))  # noqa: S311
        x, y = by_hand.randrange(_MARGIN), by_hand.randrange(_MARGIN)
        grain = by_hand.choice(self._grains).crop((x, y, x + WIDTH, y + HEIGHT))
        return Image.blend(camera.image, grain, by_hand.uniform(0.1, 0.2))

    def develop(self, picture: Image.Image, taken_at: str) -> tuple[bytes, bytes]:
        """The file with its EXIF time, and a thumbnail without any."""
        original, small = BytesIO(), BytesIO()
        picture.save(original, "JPEG", quality=62, exif=self._exif.replace(_NO_DATE.encode(), taken_at.encode()))
        picture.reduce(2).save(small, "JPEG", quality=70)
        return original.getvalue(), small.getvalue()


def _darker(colour: Colour) -> Colour:
    return colour[0] * 3 // 4, colour[1] * 3 // 4, colour[2] * 3 // 4


def file_away(root: Path, kind: str, name: str, content: bytes) -> None:
    """Write a file where ``app.core.storage`` has it; what is there already under this hash is the same."""
    folder = root / kind / name[:2] / name[2:4]
    try:
        (folder / name).write_bytes(content)
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def main() -> None:
    """``painter.py STORAGE``: until the input ends; whoever writes the history goes first."""
    root, studio = Path(sys.argv[1]), Studio()
    os.umask(0o077)
    os.nice(3)
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        picture = studio.shoot(wanted["scene"], wanted["seed"], wanted["stage"], wanted["n"])
        original, small = studio.develop(picture, wanted["taken_at"])
        sha256 = hashlib.sha256(original).hexdigest()
        file_away(root, "originals", sha256, original)
        file_away(root, "thumbnails", f"{sha256}.jpg", small)
        answer = {"n": wanted["n"], "sha256": sha256, "bytes": len(original)}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
