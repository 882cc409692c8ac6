"""Settings: everything that differs between machines; no rule of the field lives here.

Read once by ``create_app`` or a command and handed down. Source: contract.md, «Settings».
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "XIAOHAO_"
SECRET_BYTES = 32


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
    worker_threads: Annotated[int, Field(ge=1, le=64)] = 16
    """Threads that run endpoints; the database pool holds four connections more."""
    log_format: Literal["json", "text"] = "text"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"postgresql", "sqlite"}:
            raise ValueError("must begin with postgresql:// or sqlite:///")
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
        return self.database_url is None or self.database_url.startswith("sqlite")

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


def load_settings() -> Settings:
    """The settings of this process; raises ``BadSettings`` for an unknown name or a wrong value."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_") and name not in known:
            raise BadSettings(f"{name} is not a setting; known are {', '.join(sorted(known))}")
    try:
        return Settings()
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
