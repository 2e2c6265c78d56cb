"""Asking a PACS by DIMSE: C-FIND for what there is, C-MOVE or C-GET for the files."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, build_context, build_role, evt

from data_catalog.errors import PlanError
from tasks.formats.quiet import unheard
from tasks.remote.archive import ATTEMPTS, KEYS, NAMED, Denied, NoAnswer, patiently, pieces, unlogged
from tasks.remote.receiver import LOOPBACK, PDU_BYTES, Listening, asking_tls, promptly, receiver, receiving, serving_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pynetdicom.association import Association

    from tasks.remote.archive import Answer, Level, RemoteSeries
    from tasks.sources.dimse import PacsSource

    Take = Callable[[Iterable[bytes]], None]

FIND, MOVE, GET = (UID(f"1.2.840.10008.5.1.4.1.2.2.{number}") for number in (1, 2, 3))
"""Study Root Query/Retrieve Information Model."""
SUCCESS, SOME_FAILED, UNKNOWN_RECEIVER = 0x0000, 0xB000, 0xA801
PENDING = frozenset({0xFF00, 0xFF01})
MAY_PASS = range(0xA700, 0xA800)
"""Statuses that say the PACS is short of something."""
CONNECT_SECONDS = 15
UIDS_AT_ONCE = 64
"""Instances named in one question; some PACS take no long lists."""
CONTEXTS = 127
"""An association has at most 128 contexts; one is for the question."""


@contextmanager
def pacs(source: PacsSource) -> Iterator[Pacs]:
    """Give the archive of a source; where it moves series to us, our receiver listens inside the block.

    Raises
    ------
    PlanError
        When our port cannot be listened at, or a file of the source's TLS cannot be read.
    """
    with ExitStack() as stack:
        stack.enter_context(unlogged("pynetdicom", "pydicom"))
        archive = stack.enter_context(closing(Pacs(source)))
        if source.retrieve == "move":
            stack.enter_context(receiver(_listening(source), archive.receive))
        yield archive


def _listening(source: PacsSource) -> Listening:
    here = source.host in {"localhost", LOOPBACK}
    tls = None
    if source.tls and source.certificate is not None and source.key is not None:
        tls = serving_tls(source.certificate, source.key, source.ca_file)
    return Listening(
        title=source.our_title,
        port=source.our_port,
        address=source.listen or (LOOPBACK if here else ""),
        titles=(source.title, *source.sender_titles),
        hosts=(source.host, *source.senders),
        tls=tls,
    )


class Pacs:
    """A PACS.

    Parameters
    ----------
    source : PacsSource
    """

    def __init__(self, source: PacsSource) -> None:
        self.source = source
        self._tls: ssl.SSLContext | None = None
        if source.tls:
            self._tls = asking_tls(source.certificate, source.key, source.ca_file, check_name=source.check_name)
        self._open: Association | None = None
        self._lock = threading.Lock()
        self._awaited: Mapping[str, str] = {}
        self._take: Take | None = None
        self._fault: OSError | None = None

    def find(self, level: Level, asked: Mapping[str, str]) -> Iterable[Answer]:
        """Return the studies, series or instances that match.

        The question is asked until two answers in a row name the same: on a busy machine an answer can get lost in
        the line without a word.
        """
        question = _dataset({**dict.fromkeys(KEYS[level], ""), "QueryRetrieveLevel": level, **asked})
        known: dict[str, Answer] = {}
        for attempt in range(ATTEMPTS):
            answers = patiently(lambda: self._find(level, question))
            named = {one[NAMED[level]]: one for one in answers}
            if attempt and named.keys() == known.keys():
                break
            known |= named
        return list(known.values())

    def _find(self, level: Level, question: Dataset) -> list[Answer]:
        answers = []
        with self._association() as association, unheard("pydicom"):
            for status, answer in association.send_c_find(question, FIND):
                if _goes_on(status) and answer is not None:
                    answers.append({name: _text(answer.get(name)) for name in KEYS[level]})
        return answers

    def fetch(self, series: RemoteSeries, missing: Mapping[str, str], keep: Take, *, whole: bool) -> None:
        """Have the whole series sent, or the missing instances by name."""
        above = {"StudyInstanceUID": series.study, "SeriesInstanceUID": series.series}
        questions = [_dataset({"QueryRetrieveLevel": "SERIES", **above})]
        if not whole:
            questions = [
                _dataset({"QueryRetrieveLevel": "IMAGE", **above, "SOPInstanceUID": list(some)})
                for some in pieces(list(missing), UIDS_AT_ONCE)
            ]
        with self._awaiting(missing, keep):
            for question in questions:
                if self.source.retrieve == "move":
                    self._move(question)
                else:
                    self._get(question, missing)

    def receive(self, uid: str, content: bytes) -> bool:
        """Keep an instance that was sent to us, if it is one that is awaited; return whether it is."""
        with self._lock:
            if uid not in self._awaited or self._take is None:
                return False
            try:
                self._take([content])
            except OSError as fault:
                self._fault = fault
                raise
            return True

    @contextmanager
    def _awaiting(self, missing: Mapping[str, str], keep: Take) -> Iterator[None]:
        with self._lock:
            self._awaited, self._take, self._fault = missing, keep, None
        try:
            yield
        except (NoAnswer, Denied):
            if self._fault is None:
                raise
        finally:
            with self._lock:
                self._awaited, self._take = {}, None
        if self._fault is not None:  # the disk's trouble, which the PACS can only say it has heard of
            raise self._fault

    def _move(self, question: Dataset) -> None:
        with self._association() as association:
            for status, _ in association.send_c_move(question, self.source.our_title, MOVE):
                _goes_on(status)

    def _get(self, question: Dataset, missing: Mapping[str, str]) -> None:
        classes = sorted(set(missing.values()) - {""})
        if not classes:
            classes = [str(one.abstract_syntax) for one in AllStoragePresentationContexts]
        each = max(1, CONTEXTS // len(classes))
        syntaxes = ALL_TRANSFER_SYNTAXES if each > 1 else [ALL_TRANSFER_SYNTAXES]
        contexts = [build_context(one, syntax) for one in classes for syntax in syntaxes[:each]]
        roles = [build_role(one, scp_role=True) for one in classes]
        association = self._associate([build_context(GET), *contexts[:CONTEXTS]], roles, receiving(self.receive))
        with _ending_with_trouble(association):
            for status, _ in association.send_c_get(question, GET):
                _goes_on(status)
        association.release()

    @contextmanager
    def _association(self) -> Iterator[Association]:
        """Give the association for questions: the one that is open, else a new one; after trouble it is closed."""
        if self._open is None or not self._open.is_established:
            contexts = [build_context(FIND), build_context(MOVE)]
            self._open = self._associate(contexts, (), [(evt.EVT_CONN_OPEN, promptly)])
        with _ending_with_trouble(self._open):
            yield self._open

    def _associate(self, contexts: list[Any], roles: Iterable[Any], handlers: Iterable[Any]) -> Association:
        entity = AE(self.source.our_title)
        entity.connection_timeout = entity.acse_timeout = CONNECT_SECONDS
        entity.dimse_timeout = entity.network_timeout = self.source.timeout_s or None
        association = entity.associate(
            self.source.host,
            self.source.port,
            contexts,
            ae_title=self.source.title,
            max_pdu=PDU_BYTES,
            ext_neg=list(roles),
            evt_handlers=list(handlers),
            tls_args=None if self._tls is None else (self._tls, self.source.host),
        )
        if not association.is_established:
            raise _not_associated(association)
        return association

    def close(self) -> None:
        """End the association for questions."""
        if self._open is not None and self._open.is_established:
            self._open.release()


@contextmanager
def _ending_with_trouble(association: Association) -> Iterator[None]:
    try:
        yield
    except BaseException:
        association.abort()
        raise


def _not_associated(association: Association) -> Denied | NoAnswer:
    if association.is_rejected:
        return Denied(
            "The PACS accepts our association",
            "it rejects it",
            "Check `title` and `our_title` of the source, and whether the PACS knows ours.",
        )
    return NoAnswer(
        "The PACS answers",
        "it does not",
        "Check the source's `host`, `port` and `tls`, and whether the PACS runs and this machine may reach it.",
    )


def _goes_on(status: Dataset) -> bool:
    """Return whether more is to come; raise for a status that says that it went wrong."""
    code = status.get("Status")
    if code in PENDING:
        return True
    if code in {SUCCESS, SOME_FAILED}:  # what is missing then is asked for again
        return False
    if code == UNKNOWN_RECEIVER:
        raise PlanError(
            "The PACS knows our AE title",
            "it does not",
            "Have `our_title` entered there, with this machine's address and `our_port`.",
        )
    if code is None or code in MAY_PASS:
        raise NoAnswer("The PACS answers to the end", "it broke off", "Run the plan again: it goes on there.")
    raise Denied(
        "The PACS does what it is asked",
        f"it answers status 0x{code:04X}",
        "See its log. To move series it must know `our_title`, with this machine's address and `our_port`.",
    )


def _dataset(elements: Mapping[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if not all(str(value).isascii() for value in elements.values()):
        dataset.SpecificCharacterSet = "ISO_IR 192"
    return dataset


def _text(value: Any) -> str:  # noqa: ANN401 - whatever an element held
    """Return a value as text; of several, the first."""
    if value is None or isinstance(value, str):
        return (value or "").strip()
    several = not isinstance(value, int | float) and hasattr(value, "__iter__")
    return str(next(iter(value), "") if several else value).strip()
