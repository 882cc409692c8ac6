"""An account of its own of what was committed, and what a log and its pages must be by it.

Nothing here asks the service or its database. Source: contract.md, «District».
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from tests.feed import Item, positions, running_hash

ZERO = "0" * 64


@dataclass(frozen=True)
class Told:
    """One change as its writer told it."""

    type: str
    id: str
    version: int
    op: str
    area_path: str
    moved_to: str | None = None

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.type, self.id, self.version, self.op


@dataclass
class Group:
    """Changes that are told together: ``begun`` at the first, ``ended`` when the writer knew that it had committed."""

    begun: int
    rows: list[Told] = field(default_factory=list)
    after: Sequence["Group"] = ()
    """Those before it in the same transaction."""
    ended: int = 0


@dataclass(frozen=True)
class View:
    """What a client may see and asked for."""

    area_path: str
    types: frozenset[str] | None = None

    def sees(self, told: Told) -> bool:
        if told.moved_to is not None and told.moved_to.startswith(self.area_path):
            return False
        return told.area_path.startswith(self.area_path) and (self.types is None or told.type in self.types)


@dataclass(frozen=True)
class Page:
    """A page as a client got it; ``start`` is where its cursor stood."""

    start: int
    limit: int
    body: dict[str, Any]

    @property
    def items(self) -> list[Item]:
        return self.body["items"]

    @property
    def end(self) -> int:
        return self.body["position"]


class Log:
    """The whole log as somebody got it who sees everything, held against what was committed."""

    def __init__(self, items: list[Item], committed: Sequence[Group]) -> None:
        self.items = items
        self.hashes = hashes(items)
        self.groups = self._groups(committed)
        self._check_order()
        self._rows = [(group, told) for group in self.groups for told in group.rows]

    def _groups(self, committed: Sequence[Group]) -> list[Group]:
        """Those committed, each once and whole, in the order of the log."""
        assert positions(self.items) == list(range(1, len(self.items) + 1))
        by_first = {group.rows[0].key: group for group in committed}
        found: list[Group] = []
        at = 0
        while at < len(self.items):
            group = by_first.pop(_key(self.items[at]))
            told = self.items[at : at + len(group.rows)]
            assert [_key(item) for item in told] == [row.key for row in group.rows]
            assert [item["commit_last"] for item in told] == [False] * (len(told) - 1) + [True]
            found.append(group)
            at += len(told)
        assert by_first == {}, "something committed is missing"
        return found

    def _check_order(self) -> None:
        """Nothing stands before what had been committed when it began; the versions of an object rise."""
        begun, seen, latest = 0, set[int](), dict[str, int]()
        for group in self.groups:
            assert group.ended > begun
            assert {id(before) for before in group.after} <= seen
            begun = max(begun, group.begun)
            seen.add(id(group))
            for told in group.rows:
                assert told.version >= latest.get(told.id, 0)
                latest[told.id] = told.version

    def check(self, view: View, pages: Sequence[Page], *, portion: int) -> None:
        """Pages of one client: all it may see between two cursors and nothing else, commits whole where they can be.

        ``portion``: how many positions a page may look at; only who looks at fewer than a commit has may cut it.
        """
        visible = [(at, group) for at, (group, told) in enumerate(self._rows, 1) if view.sees(told)]
        last_of = {id(group): at for at, group in visible}
        size_of = Counter(id(group) for _, group in visible)
        places = [at for at, _ in visible]
        for page in pages:
            shown = visible[bisect_right(places, page.start) : bisect_right(places, page.end)]
            expected = [self.items[at - 1] | {"commit_last": last_of[id(group)] == at} for at, group in shown]
            assert page.items == expected
            assert len(shown) <= page.limit
            assert page.end >= page.start
            assert page.body["running_hash"] == self.hashes[page.end]
            if shown and not page.items[-1]["commit_last"]:
                (cut,) = {id(group) for _, group in shown}
                length = next(len(group.rows) for _, group in shown)
                assert size_of[cut] > page.limit == len(shown) or length > portion


def hashes(items: list[Item]) -> list[str]:
    """The running hash before the first of them and after each."""
    return list(accumulate(items, lambda before, item: running_hash([item], before), initial=ZERO))


def _key(item: Item) -> tuple[str, str, int, str]:
    data = item["data"]
    if item["op"] == "removed_from_scope":
        assert data is None
    else:
        assert (data["id"], data["version"]) == (item["id"], item["version"])
    return item["type"], item["id"], item["version"], item["op"]
