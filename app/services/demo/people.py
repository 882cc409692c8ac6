"""The people of the demo street: an account for every role, each with a random password."""

import json
import os
import random
import secrets
import string
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from app.access.actor import Actor, ActorArea
from app.access.passwords import AT_ONCE, hash_password
from app.domain.vocabulary import Role
from app.models import Area
from app.services.accounts import NewUser, Term, create_client, create_user
from app.services.demo.plan import SEED, street_data

_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what looks alike."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in; ``area`` is an area's code."""

    username: str
    password: str
    role: Role
    area: str


def make_accounts() -> list[Account]:
    """Inspectors 1 to 4 work in the whole street, 5 to 12 in one community each."""
    data = street_data()
    street, district = data["street"]["code"], data["district"]["code"]
    communities = [community["code"] for community in data["communities"]]
    places = [
        *((f"inspector{number}", Role.INSPECTOR, street) for number in range(1, 5)),
        *((f"inspector{number}", Role.INSPECTOR, code) for number, code in enumerate(communities, start=5)),
        ("officer1", Role.OFFICER, street),
        ("officer2", Role.OFFICER, street),
        ("office1", Role.OFFICE, street),
        ("leader1", Role.LEADER, street),
        ("district1", Role.DISTRICT, district),
        ("auditor1", Role.AUDITOR, street),
        ("admin1", Role.ADMIN, district),
    ]
    return [Account(username, make_password(), role, area) for username, role, area in places]


def make_password() -> str:
    """Fifteen characters in three groups, with capitals, small letters and digits."""
    while True:
        groups = ["".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3)]
        password = "-".join(groups)
        classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        if all(set(password) & set(letters) for letters in classes):
            return password


def hash_passwords(accounts: Sequence[Account]) -> dict[str, str]:
    """By username; about two seconds, not inside a transaction."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hashes = pool.map(hash_password, [account.password for account in accounts])
        return {account.username: made for account, made in zip(accounts, hashes, strict=True)}


def hire(
    session: Session,
    accounts: Sequence[Account],
    hashes: Mapping[str, str],
    areas: Mapping[str, Area],
    *,
    now: datetime,
    since: datetime,
) -> dict[str, Actor]:
    """Make the accounts, in force ``since`` then, their passwords as of ``now``; who acts, by username."""
    r = random.Random(SEED)  # noqa: S311  names, no secrets
    data = street_data()
    names = r.sample([surname + given for surname in data["surnames"] for given in data["given"]], len(accounts))
    actors = {}
    for number, (account, name) in enumerate(zip(accounts, names, strict=True), start=1):
        area = areas[account.area]
        is_officer = account.role is Role.OFFICER
        new = NewUser(
            username=account.username,
            staff_number=f"JN{number:04d}",
            name=name,
            role=account.role,
            password_hash=hashes[account.username],
            terms=[Term(area.id)],
            certificate_no=f"苏A0106{number:05d}" if is_officer else None,
            certificate_valid_to=_certificate_ends(since) if is_officer else None,
            password_set_at=now,
        )
        user = create_user(session, new, now=since)
        actors[account.username] = Actor(user.id, account.role, (ActorArea(area.id, area.code, area.level, area.path),))
    return actors


def hire_machine(session: Session, areas: Mapping[str, Area], *, now: datetime) -> dict[str, str]:
    """The district's machine client, as it stands in the accounts file."""
    code = street_data()["district"]["code"]
    client, secret = create_client(session, name="鼓楼区安全监管平台", area_id=areas[code].id, now=now)
    return {"client_id": str(client.id), "client_secret": secret, "role": Role.DISTRICT.value, "area": code}


def listed(accounts: Sequence[Account], machine: Mapping[str, str]) -> list[dict[str, str]]:
    """The accounts as they are printed and kept. Source: contract.md, «Commands»."""
    people = [
        {"username": one.username, "password": one.password, "role": one.role.value, "area": one.area}
        for one in accounts
    ]
    return [*people, dict(machine)]


def write_accounts(path: Path, accounts: Sequence[Mapping[str, str]]) -> None:
    """Replace the file at once, readable by its owner alone, durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(accounts, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _certificate_ends(now: datetime) -> date:
    return (now + timedelta(days=3 * 365)).date()
