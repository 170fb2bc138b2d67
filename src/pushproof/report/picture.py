"""The picture of a network as shapes: zones as columns, tiers as rows, lines where traffic leaves; and what a lost zone takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pushproof.record.model import Network, Reach, Subnet

_MARGIN, _GAP, _BOX, _LINE = 14.0, 26.0, 300.0, 17.0
_TIERS = ("public", "private", "isolated")
_CHARACTER = 6.9
_HEAD = 62.0


@dataclass(frozen=True, slots=True)
class Box:
    """A box with lines of text; the first is its name."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    lines: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from one box to another."""

    d: str
    title: str
    crossing: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """The drawing, and its size."""

    width: float
    height: float
    zones: tuple[tuple[float, str], ...]
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Reachability of a destination from a subnet's tasks, and the way to it."""

    reached: bool
    text: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """Table of reachability: a row for each subnet, a column for each destination."""

    lost: str
    destinations: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]

    @property
    def broken(self) -> int:
        """The number of cells that are not reached."""
        return sum(not cell.reached for _, _, cells in self.rows for cell in cells)


def picture(network: Network) -> Picture:
    """Return the picture of a network."""
    zones = sorted({subnet.zone for subnet in network.subnets})
    column = {zone: _MARGIN + index * (_BOX + _GAP) for index, zone in enumerate(zones)}
    width = max(1, len(zones)) * (_BOX + _GAP) - _GAP + 2 * _MARGIN
    boxes: list[Box] = []
    places: dict[str, Box] = {}
    internet = [gateway for gateway in network.gateways if gateway.kind == "internet"]
    for index, gateway in enumerate(internet):
        box = Box(
            _MARGIN + index * (_BOX + _GAP), 8, _BOX, 34, "gateway", (f"Internet gateway {gateway.id}",), gateway.id
        )
        boxes.append(box)
        places[gateway.id] = box
    y = _HEAD
    for tier in _TIERS:
        rows = [[s for s in network.subnets if s.tier == tier and s.zone == zone] for zone in zones]
        highest = 0.0
        for own in rows:
            below = y + 24
            for subnet in own:
                box = _box(network, subnet, column[subnet.zone], below)
                boxes.append(box)
                places[subnet.id] = box
                for gateway in network.gateways:
                    if gateway.subnet == subnet.id:
                        places[gateway.id] = box
                below += box.height + 10
            highest = max(highest, below - y)
        y += highest + 22 if any(rows) else 0
    if network.endpoints:
        names = [f"{endpoint.service} ({endpoint.kind.lower()})" for endpoint in network.endpoints]
        lines = tuple(_wrapped(names, (width - 2 * _MARGIN - 20) / _CHARACTER))
        height = 14 + _LINE * (len(lines) + 1)
        boxes.append(
            Box(_MARGIN, y, width - 2 * _MARGIN, height, "endpoint", ("VPC endpoints", *lines), "VPC endpoints")
        )
        y += height + 10
    return Picture(
        width, y + 6, tuple((column[zone], zone) for zone in zones), tuple(boxes), tuple(_wires(network, places))
    )


def matrices(network: Network) -> list[Matrix]:
    """Return where tasks reach what: first with every zone up, then with each zone lost."""
    return [_matrix(network, lost) for lost in dict.fromkeys(answer.lost for answer in network.reach)]


def _matrix(network: Network, lost: str) -> Matrix:
    own = [answer for answer in network.reach if answer.lost == lost]
    destinations = tuple(dict.fromkeys(answer.destination for answer in own))
    names = {subnet.id: subnet.name or subnet.id for subnet in network.subnets}
    rows = []
    for subnet in dict.fromkeys(answer.subnet for answer in own):
        answers = {answer.destination: answer for answer in own if answer.subnet == subnet}
        zone = next(iter(answers.values())).zone
        rows.append((names.get(subnet, subnet), zone, tuple(_cell(answers[name]) for name in destinations)))
    return Matrix(lost, destinations, tuple(rows))


def _cell(answer: Reach) -> Cell:
    if not answer.reached:
        return Cell(False, answer.why or "not reached")
    return Cell(True, f"by {', '.join(answer.way)}" if answer.way else "within the VPC")


def _box(network: Network, subnet: Subnet, x: float, y: float) -> Box:
    nats = [gateway.id for gateway in network.gateways if gateway.subnet == subnet.id]
    default = [route for route in subnet.routes if route.destination in ("0.0.0.0/0", "::/0")]
    lines = [subnet.name or subnet.id, f"{subnet.id}  {subnet.cidr}" if subnet.name else subnet.cidr]
    lines += [f"{route.destination} → {route.target}" for route in default] or ["no way to the internet"]
    lines += [f"NAT gateway {nat}" for nat in nats]
    title = f"{subnet.tier} subnet {subnet.id} in {subnet.zone}, route table {subnet.route_table}: " + ", ".join(
        f"{route.destination} to {route.target}" for route in subnet.routes
    )
    most = int((_BOX - 18) / _CHARACTER)
    return Box(x, y, _BOX, 12 + _LINE * len(lines), subnet.tier, tuple(_cut(line, most) for line in lines), title)


def _wires(network: Network, places: dict[str, Box]) -> Iterator[Wire]:
    zones = {gateway.id: gateway.zone for gateway in network.gateways}
    for subnet in network.subnets:
        source = places[subnet.id]
        for route in subnet.routes:
            target = places.get(route.target)
            if target is None or target is source or route.destination not in ("0.0.0.0/0", "::/0"):
                continue
            crossing = bool(zones.get(route.target)) and zones[route.target] != subnet.zone
            title = f"{subnet.id} leaves by {route.target}" + (", which is in another zone" if crossing else "")
            x1, x2 = source.x + source.width - 24, target.x + target.width - 24
            # Beside the boxes, so that no line runs through the words of one.
            if x1 == x2:
                side = source.x + source.width + (6 if target.kind != "gateway" else 12)
                d = (
                    f"M{source.x + source.width:.0f} {source.y + 14:.0f}H{side:.0f}V{target.y + target.height / 2:.0f}"
                    f"H{target.x + target.width:.0f}"
                )
            elif target.kind == "gateway":
                side = source.x + source.width + 12
                d = (
                    f"M{source.x + source.width:.0f} {source.y + 14:.0f}H{side:.0f}V{target.y + target.height / 2:.0f}"
                    f"H{target.x + target.width:.0f}"
                )
            else:
                side = source.x - 13 if target.x < source.x else source.x + source.width + 13
                start = source.x if target.x < source.x else source.x + source.width
                end = target.x + target.width if target.x < source.x else target.x
                d = f"M{start:.0f} {source.y + 14:.0f}H{side:.0f}V{target.y + target.height / 2:.0f}H{end:.0f}"
            yield Wire(d, title, crossing)


def _wrapped(words: list[str], most: float) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + len(word) + 3 > most:
            yield line
            line = ""
        line = f"{line}   {word}" if line else word
    if line:
        yield line


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
