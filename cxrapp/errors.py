"""Errors that reach a person. Every message is one sentence a clinician can read.

CxrError
├── UnreadableUpload   a file that is not a usable film
├── UnusableTable      a table of labels without the columns it needs
├── InvalidBundle      a model file that must not be used
├── InvalidSettings    a file of saved operating points that must not be used
├── AuditFault         an audit file that cannot be written, or whose chain is broken
└── ArchiveFault       an archive that did not do what it was asked to
    └── ArchiveAway    and will do nothing else either, until that is put right
"""


class CxrError(ValueError):
    """Base of every error this package raises on purpose."""


class UnreadableUpload(CxrError):
    """The bytes are not a film this program can read; the message says why."""


class UnusableTable(CxrError):
    """The table of labels lacks a column it needs; the message says what was looked for."""


class InvalidBundle(CxrError):
    """The model file or its card is missing, damaged, altered or of a newer format."""


class InvalidSettings(CxrError):
    """The settings file is damaged, or was saved for another model."""


class AuditFault(CxrError):
    """No line can be added to the audit file, or somebody changed it."""


class ArchiveFault(CxrError):
    """The archive did not do what it was asked to; the message says why, and nothing of where."""


class ArchiveAway(ArchiveFault):
    """The archive cannot be reached, does not know us or does not answer at all."""
