"""Asking an archive by DICOMweb: QIDO-RS for what there is, WADO-RS for the files."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from data_catalog.errors import PlanError
from tasks.remote.archive import KEYS, NAMED, Denied, NoAnswer, patiently, unlogged
from tasks.remote.multipart import boundary_of, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tasks.remote.archive import Answer, Level, RemoteSeries
    from tasks.sources.dicomweb import DicomWebSource

PAGE = 500
"""Answers asked for at once."""
MAX_ANSWER_BYTES = 256 << 20
"""One page of answers, as JSON."""
CONNECT_SECONDS = 15
SPARE_PARTS = 100
"""An archive may send so many more files than a series has, before it is taken for a broken one."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""Files as the archive keeps them: it is not asked to decompress them."""
TAGS = {
    "PatientID": "00100020",
    "StudyInstanceUID": "0020000D",
    "StudyDate": "00080020",
    "ModalitiesInStudy": "00080061",
    "SeriesInstanceUID": "0020000E",
    "Modality": "00080060",
    "SeriesDescription": "0008103E",
    "NumberOfSeriesRelatedInstances": "00201209",
    "SOPInstanceUID": "00080018",
    "SOPClassUID": "00080016",
}


@contextmanager
def dicomweb(source: DicomWebSource) -> Iterator[DicomWeb]:
    """Give the archive of a source.

    Raises
    ------
    PlanError
        When the file of certificates cannot be read, or a password would be sent in the clear.
    """
    credentials = _credentials(source)
    client = httpx.Client(
        verify=_trust(source) if source.url.startswith("https:") else False,
        timeout=httpx.Timeout(source.timeout_s or None, connect=CONNECT_SECONDS),
        headers={"Accept-Encoding": "identity", **credentials},
    )
    with unlogged("httpx", "httpcore"), client:
        yield DicomWeb(client, source.url)


class DicomWeb:
    """An archive that speaks DICOMweb.

    Parameters
    ----------
    client : httpx.Client
    url : str
        Address of the service.
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        self.client = client
        self.url = url

    def find(self, level: Level, asked: Mapping[str, str]) -> Iterable[Answer]:
        """Yield the studies, series or instances that match, page by page until one brings nothing new."""
        path = "/studies" if level == "STUDY" else _below(asked)
        query = {"includefield": [TAGS[name] for name in KEYS[level]], "limit": str(PAGE)}
        if level == "STUDY":
            query |= dict(asked)
        seen: set[str] = set()
        while True:
            page = patiently(partial(self._page, path, {**query, "offset": str(len(seen))}))
            fresh = [one for one in page if one.get(NAMED[level], "") not in seen]
            yield from fresh
            if not fresh:
                return
            seen |= {one.get(NAMED[level], "") for one in fresh}

    def fetch(
        self, series: RemoteSeries, missing: Mapping[str, str], keep: Callable[[Iterable[bytes]], None], *, whole: bool
    ) -> None:
        """Have the whole series sent in one answer, or the missing instances one by one."""
        path = f"/studies/{series.study}/series/{series.series}"
        if whole:
            self._take(path, keep, max(len(missing), series.instances or 0))
            return
        for uid in missing:
            self._take(f"{path}/instances/{uid}", keep, 1)

    def _page(self, path: str, query: dict[str, Any]) -> list[Answer]:
        with self._asked(path, "application/dicom+json", query) as answer:
            content = b""
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise Denied("A page of answers is of a reasonable size", "the archive sends more", "Ask for less.")
        try:
            return [_answer(one) for one in json.loads(content or b"[]")]
        except (ValueError, TypeError, AttributeError, LookupError):
            raise Denied(
                "An archive answers in DICOM JSON", "it answers something else", "Check the url of the source."
            ) from None

    def _take(self, path: str, keep: Callable[[Iterable[bytes]], None], expected: int) -> None:
        with self._asked(path, AS_STORED, {}) as answer:
            kind = answer.headers.get("content-type", "")
            if kind.startswith("application/dicom") and expected == 1:
                keep(answer.iter_bytes())
                return
            for number, body in enumerate(parts(answer.iter_bytes(), boundary_of(kind))):
                if number > expected + SPARE_PARTS:
                    raise Denied("An archive sends a series", "it sends no end of files", "Ask its vendor.")
                keep(body)

    @contextmanager
    def _asked(self, path: str, accept: str, query: dict[str, Any]) -> Iterator[httpx.Response]:
        try:
            with self.client.stream("GET", self.url + path, params=query, headers={"Accept": accept}) as answer:
                _require_good(answer.status_code)
                yield answer
        except httpx.TransportError as fault:
            raise _unheard(fault) from None  # httpx's own message may hold the address asked, with an id
        except httpx.DecodingError:
            raise NoAnswer("An archive's answer can be decoded", "it cannot", "Run the plan again.") from None


def _below(above: Mapping[str, str]) -> str:
    series = above.get("SeriesInstanceUID")
    return f"/studies/{above['StudyInstanceUID']}/series" + (f"/{series}/instances" if series else "")


def _answer(one: Mapping[str, Any]) -> Answer:
    """Return the first value of each element that is known, as text."""
    values = {name: one.get(tag, {}).get("Value", []) for name, tag in TAGS.items()}
    return {name: str(value[0]).strip() for name, value in values.items() if value and value[0] is not None}


def _require_good(status: int) -> None:
    if status in {httpx.codes.OK, httpx.codes.NO_CONTENT, httpx.codes.PARTIAL_CONTENT}:
        return
    came = f"it answers {status} {httpx.codes.get_reason_phrase(status)}".strip()
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise NoAnswer("The archive answers", came, "Run the plan again later: it goes on where it broke off.")
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise Denied(
            "The archive lets us in",
            came,
            "Set the environment variables that the source's `credentials` names, or ask for the right to read.",
        )
    raise Denied("The archive does what it is asked", came, "Check the url of the source.")


def _unheard(fault: httpx.TransportError) -> NoAnswer | Denied:
    if "CERTIFICATE_VERIFY_FAILED" in str(fault):
        return Denied(
            "The archive's certificate can be verified",
            "it cannot",
            "Name the certificate of who signed it as the source's `ca_file`.",
        )
    return NoAnswer(
        "The archive answers",
        f"it does not ({type(fault).__name__})",
        "Check the source's url, and whether the archive runs and this machine may reach it.",
    )


def _credentials(source: DicomWebSource) -> dict[str, str]:
    """Return the header that lets us in, from the environment alone."""
    user, password, token = (os.environ.get(f"{source.credentials}_{name}") for name in ("USER", "PASSWORD", "TOKEN"))
    if not (token or user):
        return {}
    place = urlsplit(source.url)
    if place.scheme == "http" and place.hostname not in LOOPBACK and not source.insecure:
        raise PlanError(
            "A password is sent over https",
            "the url of the source is plain http",
            "Use https; in a network that you trust, set the source's `insecure`.",
        )
    if token:
        return {"Authorization": f"Bearer {token}"}
    request = httpx.Request("GET", source.url)
    signed = next(httpx.BasicAuth(user or "", password or "").auth_flow(request))
    return {"Authorization": signed.headers["Authorization"]}


def _trust(source: DicomWebSource) -> Any:  # noqa: ANN401 - what httpx takes: an SSL context or False
    if source.insecure:
        return False
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if source.ca_file is not None:
        try:
            context.load_verify_locations(source.ca_file)
        except OSError:
            raise PlanError(
                "`ca_file` of the source holds certificates", "it cannot be read as such", "Name a PEM file."
            ) from None
    return context
