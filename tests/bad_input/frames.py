"""Frames of every kind: sound, nearly sound, and none at all. The same seed and answers make the same."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

Frame = dict[str, Any]

ODD: list[Any] = [
    *(None, True, -1, 0, 2**31, 2**63 - 1, 2**63, 10**40, -(10**40), 0.5, 1e308),
    *("", "1", "\x00", "٣", "nose", "x" * 600, [], [[]], {}, {"t": "next"}, [None], [1, 2, 3]),
]
OTHERS = 400  # rounds up to this number are somebody's


class Frames:
    """What one player sends who is broken, or means harm. `hear` tells it what the server answers."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.round = 1  # the last that was dealt
        self.kept: dict[int, int] = {}  # bubbles of the rounds that run

    def hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"t": "round", "round": round_id}:
                self.round = round_id
            case {"t": "begun", "round": round_id}:
                self.kept.setdefault(round_id, 0)
            case {"t": "ack" | "resumed", "round": round_id, "n": n}:
                self.kept[round_id] = n
            case {"t": "end", "round": round_id}:
                self.kept.pop(round_id, None)

    def one(self) -> str | bytes:
        kind = self.chance.random()
        if kind < 0.55:
            return json.dumps(self.sound(), separators=(",", ":"))
        return self.nearly_sound() if kind < 0.85 else self.garbage()

    def sound(self) -> Frame:
        """What a page might send, though perhaps not now, or not of this round."""
        kinds = [self.bubbles, self.next, self.begin, self.resume, self.skip, self.flag]
        weights = [300, 4, 4, 4, 1, 1] if self.kept else [10, 10, 10, 1, 1, 1]
        return self.chance.choices(kinds, weights)[0]()

    def bubbles(self) -> Frame:
        painted = self.painted()
        n = self.kept.get(painted, 0)
        xyt = [
            part
            for i in range(n, n + self.chance.randint(1, 4))
            for part in (100 + i % 2, 100, 50 * (i % 140))
        ]
        return {"t": "bubbles", "round": painted, "n": n, "xyt": xyt}

    def next(self) -> Frame:
        return {"t": "next"}

    def begin(self) -> Frame:
        pointer = self.chance.choice(["mouse", "touch", "pen", "keyboard"])
        return {"t": "begin", "round": self.round, "pointer": pointer}

    def resume(self) -> Frame:
        return {"t": "resume", "round": self.painted()}

    def skip(self) -> Frame:
        return {"t": "skip", "round": self.round}

    def flag(self) -> Frame:
        note = self.chance.choice([None, "ein Bär", "'; DROP TABLE rounds; --", "\u202e" * 500])
        reason = self.chance.choice(["label", "quality", "other"])
        return {"t": "flag", "round": self.round, "reason": reason, "note": note}

    def painted(self) -> int:
        """Mostly the round that is being painted, now and then one of somebody else's."""
        own = max(self.kept, default=self.round)
        return self.chance.randint(1, OTHERS) if self.chance.random() < 0.03 else own

    def nearly_sound(self) -> str:
        """A sound frame with one thing wrong, in what it says or in how it is written."""
        frame = self.sound()
        if self.chance.random() < 0.7:
            self.chance.choice([self.lack, self.add, self.change, self.change, self.stray])(frame)
            return json.dumps(frame)
        text = json.dumps(frame)
        cut = self.chance.randrange(len(text))
        spoil: list[Callable[[], str]] = [
            lambda: text[:cut],
            lambda: text[:cut] + self.chance.choice('{}[],:"\\0x\n') + text[cut:],
            lambda: text[:cut] + text[cut + 1 :],
            lambda: text + text,
            lambda: f"[{text}]",
            lambda: text.replace('"', "'"),
            text.upper,
        ]
        return self.chance.choice(spoil)()

    def lack(self, frame: Frame) -> None:
        del frame[self.chance.choice(list(frame))]

    def add(self, frame: Frame) -> None:
        frame[self.chance.choice(["points", "total", "player", "", "t ", "T"])] = self.chance.choice(ODD)

    def change(self, frame: Frame) -> None:
        frame[self.chance.choice(list(frame))] = self.chance.choice(ODD)

    def stray(self, frame: Frame) -> None:
        """Bubbles that no brush paints; of another frame, something else."""
        if not frame.get("xyt"):
            return self.change(frame)
        xyt: list[Any] = frame["xyt"]
        at = self.chance.randrange(len(xyt))
        strays: list[Callable[[], Any]] = [
            lambda: xyt.__setitem__(
                at, self.chance.choice([-1, 256, 300, 7000, 2**15, 2**40, 0.5, None, "7"])
            ),
            xyt.pop,
            xyt.reverse,
            lambda: xyt.extend(xyt),
            lambda: xyt.extend(xyt * 140),
            lambda: frame.update(n=self.chance.choice([0, 1, 139, 140, 141, 10**6])),
        ]
        self.chance.choice(strays)()
        return None

    def garbage(self) -> str | bytes:
        size = self.chance.choice([0, 1, 8, 80, 800])
        kinds: list[Callable[[], str | bytes]] = [
            lambda: self.chance.randbytes(size),
            lambda: self.chance.randbytes(size).decode("latin-1"),
            lambda: "".join(chr(self.chance.randrange(0x20, 0xD800)) for _ in range(size // 8)),
            lambda: self.chance.choice('[{"') * size,
            lambda: json.dumps(self.chance.choice(ODD)),
            lambda: json.dumps({"t": "next", "fat": "x" * self.chance.choice([16_000, 17_000, 40_000])}),
        ]
        return self.chance.choices(kinds, [4, 4, 4, 4, 4, 1])[0]()
