"""What one reader's session holds: the worklist, what was done with it, and every setting."""

import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from cxrapp.model.bundle import Bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Call, Decisions, Outcome, Setting, decide, default_settings
from cxrapp.session.film import Film
from cxrapp.session.map_cache import Drawn
from cxrapp.session.saved_points import SavedPoint
from cxrapp.session.worklist import Result, Worklist
from cxrapp.statistics.prevalence import calibrated_to
from cxrapp.words import person_words


@dataclass
class OpenRead:
    """How the blinded reading of one film goes. Seconds are of a monotonic clock."""

    opened: float
    first: Call | None = None
    first_at: float = 0.0
    shown: Outcome = "not asked"  # by the model, after the first call
    final: Call | None = None
    final_at: float = 0.0


@dataclass
class Session:
    """One session. Film keys are those of the worklist; bundles are named by their SHA-256."""

    worklist: Worklist = field(default_factory=Worklist)
    site: Worklist = field(default_factory=Worklist)  # labelled films, apart from the others
    sheet: str | None = None  # their labels as a table
    opened: str | None = None  # the film on the viewer
    order: tuple[str, ...] = ()  # of the worklist as last shown
    page: int = 0
    acted: float = 0.0  # number of the last action taken over from the browser
    reviewed: set[str] = field(default_factory=set)
    overruled: set[tuple[str, str]] = field(default_factory=set)
    moved: dict[tuple[str, str], Setting] = field(default_factory=dict)  # by bundle and finding
    prevalences: dict[tuple[str, str], float] = field(default_factory=dict)  # likewise
    saved: dict[str, list[SavedPoint]] = field(default_factory=dict)  # by bundle
    blinded: bool = False  # first reads are blinded
    identified: bool = False  # names and IDs are shown
    logit: bool = False  # thresholds are set in log-odds
    folders: bool = False  # an upload takes whole folders
    tour: int | None = None  # the sentence that is due
    faults: dict[str, str] = field(default_factory=dict)  # of settings files, by upload widget
    reads: dict[str, OpenRead] = field(default_factory=dict)
    archive_open: bool = False  # its films are listed
    archived: dict[str, Any] = field(default_factory=dict)  # studies of the archive, as last seen
    sent: set[str] = field(default_factory=set)  # films whose pixels the browser was given
    calls: dict[str, Call] = field(default_factory=dict)  # outside blinded reads
    comments: dict[str, str] = field(default_factory=dict)
    drawn: dict[tuple[str, str, str], Drawn] = field(default_factory=dict)
    methods: tuple[str, ...] = ()  # of explanation, chosen on the viewer
    audited: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    audit_id: str = field(default_factory=lambda: secrets.token_hex(4))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)  # see `tab`
    uploads: list[float] = field(default_factory=list)  # when each drop was taken, in seconds
    rejections_seen: int = 0  # files that could not be used, and whose message was closed

    def setting(self, card: ModelCard, finding: str) -> Setting:
        """The finding's setting; the card's default point until it is moved."""
        return self.settings(card)[finding]

    def settings(self, card: ModelCard) -> dict[str, Setting]:
        """Of every finding."""
        return {
            finding: self.moved.get((card.sha256, finding), default)
            for finding, default in default_settings(card).items()
        }

    def change(self, card: ModelCard, finding: str, **values: float | None) -> None:
        """Change some values of a setting; a band never reaches above its threshold."""
        setting = replace(self.setting(card, finding), **values)
        if setting.abstain_from is not None and setting.abstain_from > setting.threshold:
            setting = replace(setting, abstain_from=setting.threshold)
        self.moved[card.sha256, finding] = setting

    def ward(self, card: ModelCard) -> dict[str, float]:
        """Finding -> share of the reader's patients who have it; those the reader has given."""
        given = ((f.name, self.prevalences.get((card.sha256, f.name))) for f in card.findings)
        return {name: share for name, share in given if share is not None}

    def give_prevalence(self, card: ModelCard, finding: str, share: float | None) -> None:
        """Keep what the reader says of their ward; None takes it back."""
        if share is None:
            self.prevalences.pop((card.sha256, finding), None)
        else:
            self.prevalences[card.sha256, finding] = share

    def counted_at(self, card: ModelCard, finding: str) -> float:
        """The share to count outcomes at: the ward's, else that of the validation films."""
        known = self.ward(card).get(finding)
        return calibrated_to(card, finding) if known is None else known

    def decide(self, card: ModelCard, result: Result) -> Decisions:
        """The decisions on one film at the settings."""
        return decide(card, result.prediction.probabilities, self.settings(card))

    def is_withheld(self, film: Film, bundle: Bundle) -> bool:
        """Whether the film was refused and the reader has not insisted on its result."""
        refused = self.worklist.result(film, bundle).verdict.refused
        return refused and not self.is_overruled(film, bundle)

    def is_overruled(self, film: Film, bundle: Bundle) -> bool:
        """Whether the reader chose to see the result of this refused film."""
        return (film.key, bundle.card.sha256) in self.overruled

    def call(self, film: Film) -> Call | None:
        """The reader's last word on the film."""
        read = self.reads.get(film.key)
        said = read and (read.final or read.first)
        return self.calls.get(film.key) or said

    def toggle_reviewed(self, key: str) -> None:
        """Mark a film as reviewed, or take the mark back; the film stays open."""
        self.opened = key
        self.reviewed ^= {key}

    @property
    def current(self) -> str | None:
        """The film on the viewer: the first of the list until the reader has chosen another."""
        if self.opened in self.order:
            return self.opened
        return self.order[0] if self.order else None

    @property
    def unread(self) -> bool:
        """Whether a blinded read is under way: the model's answers must not be seen elsewhere."""
        reads = (self.reads.get(key) for key in self.worklist.films)
        return self.blinded and any(read is None or read.first is None for read in reads)

    def see_rejections(self) -> None:
        """Close their message; the exported table still names them."""
        self.rejections_seen = len(self.worklist.rejections)

    def clear(self) -> None:
        """Remove all films; settings stay."""
        self.worklist.clear()
        self.opened, self.order, self.page, self.rejections_seen = None, (), 0, 0
        self.archived.clear()
        self.sent.clear()
        for kept in (self.reviewed, self.overruled, self.reads, self.calls, self.comments):
            kept.clear()
        self.drawn.clear()
        self.audited.clear()

    def remove(self, film: Film) -> None:
        """Remove one film and all that was done with it; the one after it is opened."""
        key = film.key
        left = [other for other in self.order if other != key]
        if self.opened == key or self.opened is None:
            place = self.order.index(key) if key in self.order else 0
            self.opened = left[min(place, len(left) - 1)] if left else None
        self.order = tuple(left)
        self.worklist.remove(film)
        self.reviewed.discard(key)
        for kept in (self.reads, self.calls, self.comments):
            kept.pop(key, None)
        self.overruled = {pair for pair in self.overruled if pair[0] != key}
        for kept in (self.drawn, self.audited):
            for name in [name for name in kept if name[0] == key]:
                del kept[name]

    def clear_site(self) -> None:
        """Remove the labelled films."""
        self.site.clear()
        self.sheet = None

    def display_name(self, film: Film) -> str:
        """The file's name; the patient's only where the reader asked for names."""
        return self.patient_words(film) or film.name.rsplit("/", 1)[-1]

    def patient_words(self, film: Film) -> str:
        """Name and ID of the patient; empty unless the reader asked for names."""
        patient = film.tags.patient
        if not self.identified:
            return ""
        name = person_words(patient.name) if patient.name else None
        return " · ".join(filter(None, (name, patient.patient_id)))
