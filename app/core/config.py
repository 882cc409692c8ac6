"""Settings: everything that differs between machines; no rule of the field lives here.

Read once by ``create_app`` or a command and handed down. Source: contract.md, «Settings».
"""

import contextlib
import math
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "XIAOHAO_"
SECRET_BYTES = 32
MOST_PROCESSES = 4
"""Unless more are asked for: each takes memory, and the database has a core to find for each."""
THREADS, FEWEST_THREADS = 16, 6
"""Of a node together, and of each of its processes."""


class BadSettings(Exception):
    """A setting is unknown or wrong; the message is one line that names it."""


class Settings(BaseSettings):
    """The environment variables ``XIAOHAO_*``; all optional on one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("var")
    database_url: str | None = None
    """None: SQLite in the data folder."""
    storage_url: str | None = None
    """None: a folder under the data folder; else ``file:///…``."""
    secret_key: SecretStr | None = None
    """None: made and kept in the data folder, only with the embedded database."""
    demo: bool | None = None
    """None: on only for the embedded database."""
    worker: bool = True
    """Run the jobs inside the server."""
    processes: Annotated[int, Field(ge=1, le=64)] | None = None
    """Processes that answer; see ``process_count``."""
    worker_threads: Annotated[int, Field(ge=1, le=64)] | None = None
    """Threads that run endpoints in each process; see ``threads``."""
    trusted_proxies: str = ""
    """Addresses and networks of proxies whose ``X-Forwarded-For`` is believed, separated by commas."""
    password_min_length: Annotated[int, Field(ge=8, le=64)] = 10
    password_classes: Annotated[int, Field(ge=1, le=4)] = 3
    """How many of capitals, small letters, digits and others a password needs."""
    password_history: Annotated[int, Field(ge=0, le=24)] = 5
    """How many passwords, the current one among them, may not be chosen again."""
    password_days: Annotated[int, Field(ge=0, le=3650)] = 90
    """After so many days a password must be changed; 0: never."""
    password_change_at_first: bool = False
    """Whether a password that an administrator chose must be changed before it opens anything."""
    log_format: Literal["json", "text"] = "text"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"postgresql", "sqlite"}:
            raise ValueError("must begin with postgresql:// or sqlite:///")
        return value

    @field_validator("processes")
    @classmethod
    def _one_where_there_can_be_no_more(cls, value: int | None, others: ValidationInfo) -> int | None:
        if value is not None and value > 1:
            if _is_embedded(others.data.get("database_url")):
                raise ValueError("more than one needs PostgreSQL: the embedded database takes one process")
            if sys.platform != "linux":
                raise ValueError("more than one needs Linux, which spreads connections among them")
        return value

    @field_validator("storage_url")
    @classmethod
    def _known_storage(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme != "file":
            raise ValueError("must begin with file:/// (object storage is not supported yet)")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SECRET_BYTES:
            raise ValueError("must have at least 32 characters")
        return value

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded database (SQLite) is used."""
        return _is_embedded(self.database_url)

    @property
    def process_count(self) -> int:
        """Processes that answer: what is set, else one; with PostgreSQL one for each core that we may use, up to 4."""
        if self.processes is not None or self.is_embedded or sys.platform != "linux":
            return self.processes or 1
        return min(MOST_PROCESSES, len(os.sched_getaffinity(0)))

    @property
    def threads(self) -> int:
        """Threads that run endpoints in each process: what is set, else 16 shared among them, but at least 6 each."""
        return self.worker_threads or max(FEWEST_THREADS, math.ceil(THREADS / self.process_count))

    @property
    def wants_demo(self) -> bool:
        """Whether an empty database gets the demo street."""
        return self.is_embedded if self.demo is None else self.demo

    @property
    def sqlalchemy_url(self) -> str:
        """The database address with our driver in it."""
        if self.database_url is None:
            return f"sqlite:///{self.data_dir / 'xiaohao.db'}"
        return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def storage_root(self) -> Path:
        """The folder that holds photos."""
        return self.data_dir / "storage" if self.storage_url is None else Path(urlsplit(self.storage_url).path)


def _is_embedded(database_url: str | None) -> bool:
    return database_url is None or database_url.startswith("sqlite")


def environment_with(**changes: str) -> dict[str, str]:
    """The environment of this process with ``changes``, for one that it starts."""
    return os.environ | changes


def load_settings(**given: object) -> Settings:
    """The settings of this process, ``given`` before the environment.

    Raises ``BadSettings`` for an unknown name or a wrong value.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_") and name not in known:
            raise BadSettings(f"{name} is not a setting; known are {', '.join(sorted(known))}")
    try:
        return Settings(**given)  # type: ignore[arg-type]  # that is what it checks
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise BadSettings(f"{name}: {first['msg']}") from error


def secret_key(settings: Settings) -> bytes:
    """The key that wraps signing keys and authenticates cursors, at least 32 bytes.

    With the embedded database it is made on the first start and kept in ``secret-key`` (mode 600)
    in the data folder. Raises ``BadSettings`` where another database is used and none is set.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    if not settings.is_embedded:
        raise BadSettings(f"{PREFIX}SECRET_KEY is required with a database of your own")
    path = settings.data_dir / "secret-key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) < SECRET_BYTES:
        raise BadSettings(f"{path} is damaged: restore it, or set {PREFIX}SECRET_KEY")
    return key


def _make_key(path: Path) -> None:
    """Write a whole key or none; whoever comes first decides."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(SECRET_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
