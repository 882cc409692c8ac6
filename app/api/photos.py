"""Photos: delivered as multipart, kept byte for byte, read within the area. Source: contract.md, «Photos»."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any  # FastAPI's responses
from uuid import UUID

import structlog
from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import IntegrityError

from app.access.actor import Actor, require
from app.api.deps import AtRuntime, CurrentActor, Db, Now, get_actor
from app.api.fields import DeviceInstant, Instant, Sha256
from app.api.multipart import Upload, receive_upload
from app.api.problems import SchemaBroken, fault_at, wants_english
from app.core.errors import NotFound, RangeNotSatisfiable, Unauthorized, at
from app.core.images import inspect, without_metadata
from app.domain.vocabulary import PhotoRole, PhotoSource, Role
from app.models import Photo
from app.queries.photos import KnownPhoto, get_photo, handles_photo
from app.services.grants import open_grant
from app.services.hazards.on_site import PhotoJustNamed
from app.services.photos import (
    Delivery,
    HashMismatch,
    Uploader,
    check_delivery,
    check_document,
    store_photo,
)
from app.services.runtime import Runtime

router = APIRouter(prefix="/api/v1/photos", tags=["field", "office"])

MAX_PHOTO_BYTES = 20 * 1024 * 1024
ASK_AGAIN = "private, no-cache"
"""A browser may keep the bytes and asks each time whether they are still his to see and the same."""


class ThumbnailMissing(NotFound):
    code, title, title_zh = "thumbnail-missing", "There is no thumbnail yet", "缩略图尚未生成"


class PhotoForm(BaseModel):
    """The text fields beside the file."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    sha256: Sha256
    role: PhotoRole
    taken_at: DeviceInstant
    source: PhotoSource


class PhotoStored(BaseModel):
    """A photo whose bytes are kept."""

    id: UUID
    sha256: str
    bytes: int
    media_type: str
    width: int | None = Field(description="pixels; null for a document")
    height: int | None


class PhotoRead(BaseModel):
    """What is known of a photo; ``stored_at`` null: its bytes have not come."""

    id: UUID
    version: int
    sha256: str
    bytes: int
    role: PhotoRole
    source: PhotoSource
    taken_at: Instant = Field(description="by the device's clock")
    inspection_id: UUID | None
    stored_at: Instant | None
    media_type: str | None
    width: int | None
    height: int | None
    readable: bool | None = Field(description="null: not decoded yet; false: damaged, the original is kept")
    thumbnail_ready: bool


UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["id", "sha256", "role", "taken_at", "source", "file"],
                    "properties": {
                        "id": {"type": "string", "format": "uuid"},
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                        "role": {"enum": [role.value for role in PhotoRole]},
                        "taken_at": {"type": "string", "format": "date-time"},
                        "source": {"enum": [source.value for source in PhotoSource]},
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                }
            }
        },
    }
}


def get_uploader(
    request: Request,
    runtime: AtRuntime,
    x_upload_grant: Annotated[str | None, Header(max_length=200)] = None,
) -> Uploader:
    """Who delivers; a genuine grant is enough, whatever the account became. Raises ``Unauthorized``."""
    granted = open_grant(runtime.secret, x_upload_grant) if x_upload_grant else None
    if granted is not None:
        inspection_id, owner_id = granted
        request.scope["actor_id"] = owner_id
        return Uploader(owner_id, None, inspection_id)
    if x_upload_grant and "authorization" not in request.headers:
        raise Unauthorized("The upload grant is not genuine.", "上传凭证无效。")
    actor = get_actor(request)
    return Uploader(actor.id, actor)


@router.post(
    "",
    status_code=201,
    response_model=PhotoStored,
    responses={200: {"model": PhotoStored, "description": "the same photo again"}},
    openapi_extra=UPLOAD_BODY,
)
async def post_photo(
    request: Request, uploader: Annotated[Uploader, Depends(get_uploader)], runtime: AtRuntime, now: Now
) -> Response:
    """Deliver a photo's bytes under its own id, before or after what names it."""
    async with receive_upload(request, runtime.storage, MAX_PHOTO_BYTES) as upload:
        form = _form(upload.fields, english=wants_english(request))
        photo, is_new = await to_thread.run_sync(_deliver, runtime, uploader, form, upload, now)
    stored = PhotoStored.model_validate(photo, from_attributes=True)
    return Response(stored.model_dump_json(), 201 if is_new else 200, media_type="application/json")


def _form(fields: dict[str, str], *, english: bool) -> PhotoForm:
    try:
        return PhotoForm.model_validate(fields)
    except ValidationError as error:
        faults = [fault_at(fault["type"], fault["loc"], fault["msg"], english=english) for fault in error.errors()]
        raise BadPhotoForm(
            "The form's fields are wrong; see errors.", "表单字段有误，详见 errors。", errors=faults
        ) from None


class BadPhotoForm(SchemaBroken):
    code, title, title_zh = "bad-photo-form", "The form's fields are wrong", "照片表单字段有误"


def _deliver(
    runtime: Runtime, uploader: Uploader, form: PhotoForm, upload: Upload, now: datetime
) -> tuple[KnownPhoto, bool]:
    """Check, keep on disk, then record: the answer leaves when both are durable."""
    incoming = upload.incoming()
    if incoming.sha256 != form.sha256:
        fault = at("/sha256", "hash-mismatch", incoming.sha256)
        raise HashMismatch(
            "The file's SHA-256 differs from the stated one.", "文件的 SHA-256 与声明不一致。", errors=[fault]
        )
    with runtime.db.autocommit() as connection:
        known = check_delivery(connection, uploader, form.id, form.sha256)
    if known is not None and known.stored_at is not None:
        return known, False
    facts = inspect(incoming.path, takes_heic=runtime.takes_heic)
    check_document(known.role if known is not None else form.role, facts)
    incoming.keep()
    delivery = Delivery(form.id, form.sha256, incoming.size, form.role, form.source, form.taken_at, facts)
    try:
        with runtime.db.write() as session:
            return store_photo(session, uploader, delivery, now=now, is_unknown=known is None)
    except (IntegrityError, PhotoJustNamed):  # a submission or another upload took the id first: look again
        with runtime.db.write() as session:
            return store_photo(session, uploader, delivery, now=now)


@router.get("/{photo_id}")
def get_one_photo(photo_id: UUID, actor: CurrentActor, db: Db, response: Response) -> PhotoRead:
    """What is known of a photo."""
    require(actor, "get_one_photo")
    with db.read() as session:
        photo = get_photo(session, actor, photo_id)
    response.headers["ETag"] = f'"{photo.version}"'
    return PhotoRead.model_validate(photo, from_attributes=True)


FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}}},
    206: {"description": "the asked range"},
    304: {"description": "not changed"},
}


@router.get("/{photo_id}/content", tags=["district"], response_class=Response, responses=FILE_ANSWERS)
def get_photo_content(
    photo_id: UUID,
    request: Request,
    actor: CurrentActor,
    runtime: AtRuntime,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The bytes: the original to its handler and the office, to others a copy without metadata."""
    require(actor, "get_photo_content")
    with runtime.db.read() as session:
        photo = get_photo(session, actor, photo_id)
        gets_original = _gets_original(actor, photo) or handles_photo(session, actor, photo_id)
    if photo.stored_at is None or photo.media_type is None:
        raise NotFound("The photo's bytes have not arrived.", "照片尚未上传。")
    etag = f'"{photo.sha256}"' if gets_original else f'"{photo.sha256}.shared"'
    headers = {"ETag": etag, "Cache-Control": ASK_AGAIN}
    if _is_known(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    # a document may act when it is opened: it is saved, never shown by whoever asked for a picture
    disposition = "attachment" if photo.media_type == "application/pdf" else "inline"
    headers |= {"Content-Disposition": disposition, "Accept-Ranges": "bytes"}
    path = runtime.storage.path(photo.sha256)
    if not gets_original and photo.media_type != "application/pdf":
        return _bytes(request, without_metadata(path), photo.media_type, headers)
    structlog.get_logger().info("original_opened", photo=str(photo.id), actor=str(actor.id))
    return _file(request, path, photo.media_type, headers)


@router.get("/{photo_id}/thumbnail", response_class=Response, responses=FILE_ANSWERS)
def get_photo_thumbnail(
    photo_id: UUID,
    actor: CurrentActor,
    runtime: AtRuntime,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """A small JPEG without metadata; 404 ``thumbnail-missing`` until the job has made it."""
    require(actor, "get_photo_thumbnail")
    with runtime.db.read() as session:
        photo = get_photo(session, actor, photo_id)
    if not photo.thumbnail_ready:
        raise ThumbnailMissing("The thumbnail is not made yet, or cannot be.", "缩略图尚未生成或无法生成。")
    etag = f'"{photo.sha256}.thumbnail"'
    headers = {"ETag": etag, "Cache-Control": ASK_AGAIN}
    if _is_known(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    path = runtime.storage.thumbnail_path(photo.sha256)
    return FileResponse(path, media_type="image/jpeg", headers=headers | {"Content-Disposition": "inline"})


def _is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether the client holds these bytes already."""
    return if_none_match is not None and (etag in if_none_match or if_none_match.strip() == "*")


def _gets_original(actor: Actor, photo: Photo) -> bool:
    return actor.role is Role.OFFICE or (photo.named_at is None and photo.owner_id == actor.id)


def _file(request: Request, path: Path, media_type: str, headers: dict[str, str]) -> Response:
    """The file, or the asked range of it; streamed."""
    if asked_range(request, path.stat().st_size) is None and "if-range" not in request.headers:
        request.scope["headers"] = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    return FileResponse(path, media_type=media_type, headers=headers)


def _bytes(request: Request, content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """The same for bytes at hand."""
    asked = asked_range(request, len(content))
    if asked is None:
        return Response(content, media_type=media_type, headers=headers)
    headers["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{len(content)}"
    return Response(content[asked.start : asked.stop], 206, media_type=media_type, headers=headers)


def asked_range(request: Request, size: int) -> range | None:
    """The bytes of a single ``Range``; None for all. Raises ``RangeNotSatisfiable``; odd headers are ignored."""
    found = re.fullmatch(r"bytes=(\d{0,12})-(\d{0,12})", request.headers.get("range", ""))
    if found is None or found[0] == "bytes=-" or "if-range" in request.headers:
        return None
    if not found[1]:
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    if first > last:
        raise RangeNotSatisfiable(f"The file has {size} bytes.", f"文件共 {size} 字节。", size=size)
    return range(first, last + 1)
