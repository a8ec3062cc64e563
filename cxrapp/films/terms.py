"""What machines write about a film, and what it means: the one table of terms.

Defined terms and codes of DICOM (PS3.3 C.7.3.1 and C.8.11.7; PS3.16 CID 29, CID 4010, annex L),
and what is written in their place, abbreviated or in other languages. Accents, case and punctuation
make no difference. What says nothing or is not in the table is in doubt, and left to the pixels.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

Known = Literal["yes", "no", "silent", "unknown"]
View = Literal["AP", "PA", "frontal", "other", "silent", "unknown"]


def _table(**words: str) -> dict[str, str]:
    """Meaning -> its words, separated by commas; turned round."""
    return {word.strip(): meaning for meaning, all_ in words.items() for word in all_.split(",")}


SILENT = (
    "UNKNOWN, UNK, UNKN, NONE, NIL, NULL, NA, N A, NOS, OTHER, OTHERS, UNDEFINED, UNSPECIFIED, "
    "NOT SPECIFIED, NOT KNOWN, DEFAULT, GENERAL, MISC, ANY, DESCONOCIDO, INCONNU, UNBEKANNT"
)
STANCE = (
    "PORTABLE, PORT, PORTATIL, MOBILE, MOB, BEDSIDE, BED, BETT, LIT, CAMA, ERECT, UPRIGHT, "
    "STANDING, SITTING, SITZEND, STEHEND, LIEGEND, SEMI, SEMIERECT, SUPINE, SUPINO, RECUMBENT, "
    "PRONE, DECUBITO SUPINO, DECUBITO DORSAL, DECUBITUS DORSAL, DE PIE, DEBOUT, COUCHE, "
    "INSPIRATION, INSP, EXPIRATION, EXP, GRID, NO GRID, BUCKY, NON BUCKY, WALL, TABLE, VIEW, "
    "PROJECTION, PROJ, STUDY, ROUTINE, SINGLE, LEFT, RIGHT, ADULT, CHILD, PEDIATRIC, "
    "PAEDIATRIC, PEDS, INFANT, BABY, NEONATE"
)
CHEST = (
    "CHEST, CXR, THORAX, THX, TORAX, TORACE, THORAKS, TORAKS, TORAKSAS, PECHO, PEITO, PETTO, "
    "LUNG, LUNGS, BOTH LUNGS, LUNGE, LUNGEN, LUNGA, PULMON, PULMONES, PULMAO, PULMOES, POUMON, "
    "POUMONS, POLMONE, POLMONI, LONGEN, RIBCAGE, RIB CAGE, THORACIC CAGE, CAGE THORACIQUE, "
    "CAJA TORACICA, BRUST, BRUSTKORB, BORSTKAS, BROSTKORG, BRYSTKASSE, KLATKA PIERSIOWA, "
    "HRUDNIK, MELLKAS, GOGUS, AKCIGER, GRUDNAYA KLETKA, LEGKIE, HEART, MEDIASTINUM, "
    "CHESTABDOMEN, CHESTABDPELVIS, CHESTABD, CHESTLUNG"
)
OTHER_PARTS = (
    "ABDOMEN, ABD, ABDOMENPELVIS, ABDPELVIS, ANKLE, ARM, AXILLA, BACK, BLADDER, BRAIN, BREAST, "
    "BUTTOCK, CALCANEUS, CALF, CAROTID, CEREBELLUM, CLAVICLE, COCCYX, COLON, CSPINE, CTSPINE, "
    "DUODENUM, EAR, ELBOW, ESOPHAGUS, EXTREMITY, EYE, FACE, FEMUR, FINGER, FOOT, FOREARM, "
    "GALLBLADDER, HAND, HEAD, HEADNECK, HEEL, HIP, HUMERUS, ILEUM, ILIUM, JAW, JEJUNUM, "
    "KIDNEY, KNEE, KUB, LARYNX, LEG, LIVER, LSPINE, LSSPINE, LUMBAR, MANDIBLE, MAXILLA, NECK, "
    "NOSE, ORBIT, PANCREAS, PATELLA, PELVIS, RADIUS, SCALP, SCAPULA, SELLA, SHOULDER, SINUS, "
    "SKULL, SPINE, SSPINE, STERNUM, STOMACH, TEETH, THIGH, THUMB, TIBIA, TLSPINE, TOE, TONGUE, "
    "TSPINE, ULNA, UTERUS, WRIST, ZYGOMA, C SPINE, L SPINE, T SPINE, THORACIC SPINE, THORACIC "
    "VERTEBRA, SPINE THORACIC, COLUMNA TORACICA, COLUMNA, COLONNE, RACHIS, WIRBELSAULE, "
    "WIRBELSAEULE, HWS, BWS, LWS, HANDGELENK, SCHULTER, KNIE, HUFTE, HUEFTE, BECKEN, SCHADEL, "
    "SCHAEDEL, KOPF, FUSS, ELLENBOGEN, BAUCH, MANO, MUNECA, HOMBRO, CODO, RODILLA, CADERA, "
    "CRANEO, CABEZA, PIE, TOBILLO, GENOU, HANCHE, BASSIN, CRANE, TETE, PIED, EPAULE, COUDE, "
    "POIGNET, CHEVILLE, MAIN, MAO, PUNHO, OMBRO, COTOVELO, JOELHO, QUADRIL, BACIA, CRANIO, "
    "GINOCCHIO, SPALLA, PIEDE, POLSO, GOMITO, BACINO, ADDOME"
)
# All that is no single frontal view of the whole chest.
OTHER_VIEWS = (
    "LATERAL, LAT, LL, RL, LLAT, RLAT, LATL, LATR, LLD, RLD, LLO, RLO, RAO, LAO, RPO, LPO, "
    "LATERALE, LATERALES, LATEROLATERAL, SEITLICH, SEITE, PROFIL, PROFILO, PERFIL, ZIJDELINGS, "
    "BOKOVAYA, SIDE, SAGITTAL, DECUBITUS, DECUBITO, DECUB, DEC, OBLIQUE, OBL, OBLIQUA, "
    "OBLICUA, OBLIQUO, SCHRAG, SCHRAEG, LORDOTIC, LORDOTICA, LORDOSIS, APICAL, AXIAL, "
    "TANGENTIAL, SWIMMER, SWIMMERS, PARTIAL, CONED, SPOT, CROSSTABLE, XTABLE, CROSS TABLE, CC, "
    "MLO, ML, LM, XCCL, TRANSTHORACIC"
)

VIEWS: Mapping[str, str] = _table(
    AP="AP, A P, ANTEROPOSTERIOR, ANTERO POSTERIOR, ANTERIOR POSTERIOR, ANTEROPOSTERIEUR, ANTERO "
    "POSTERIEUR, ANTEROPOSTERIORE, ANTERO POSTERIORE, APSUPINE, APERECT, APPORTABLE, APPORT, VD, "
    "VENTRODORSAL, VENTRO DORSAL",
    PA="PA, P A, POSTEROANTERIOR, POSTERO ANTERIOR, POSTERIOR ANTERIOR, POSTEROANTERIEUR, POSTERO "
    "ANTERIEUR, POSTEROANTERIORE, POSTERO ANTERIORE, PAERECT, DV, DORSOVENTRAL, DORSO VENTRAL",
    frontal="FRONTAL, FRONT, FACE, FRENTE, FRONTALE, FRONTALNA",
    other=OTHER_VIEWS,
    silent=f"{SILENT}, {STANCE}, {CHEST}",
)
# SNOMED CT and the older SRT codes of CID 4010; the others of it say it in their meanings.
VIEW_CODES: Mapping[str, str] = _table(
    AP="399348003, R-10206",
    PA="272479007, R-10214, R-40888",
    frontal="399033003, R-10202",
    other="399067008, R-102CD, 399198007, R-10232, 399173006, R-10236, 399260004, R-10224, "
    "399352003, R-10228, 399182000, R-102C1, 399061009, R-10241",
)
BODY_PARTS: Mapping[str, str] = _table(
    yes=CHEST,
    no=OTHER_PARTS,
    silent=f"{SILENT}, {STANCE}, AP, PA, LATERAL, FRONTAL, THORACIC, THORACIQUE, TORACICO, "
    f"TORACICA",
)
BODY_PART_CODES: Mapping[str, str] = _table(
    yes="51185008, T-D3000, 39607008, T-28000, 43799004, 816094009"
)
MODALITIES: Mapping[str, str] = _table(
    yes="CR, DX, DR, RG, XR, CXR, XRAY, X RAY",
    no="CT, MR, US, NM, PT, MG, XA, RF, IO, PX, BMD, OCT, OP, OPT, ES, XC, GM, SM, IVUS, ECG, "
    "EPS, HD, PR, SR, KO, SEG, REG, AU, DOC, RTIMAGE, RTDOSE, RTPLAN, RTSTRUCT, BI, DG, LS, "
    "TG, EM, MRI, PET",
    silent=f"{SILENT}, OT, SC, HC, FILM",
)
# A unit of age -> years.
AGE_UNITS: Mapping[str, float] = {
    unit.strip(): years
    for units, years in {
        "Y, YR, YRS, YEAR, YEARS, YO, A, ANS, AN, ANOS, ANNI, J, JAHRE, JAAR": 1.0,
        "M, MO, MOS, MTH, MON, MONTH, MONTHS, MOIS, MESES, MESI, MONATE": 1 / 12,
        "W, WK, WKS, WEEK, WEEKS, SEM, WOCHEN": 7 / 365.25,
        "D, DY, DAY, DAYS, JOURS, DIAS, GIORNI, TAGE": 1 / 365.25,
    }.items()
    for unit in units.split(",")
}
# Terms of the standard alone: a tag that holds anything else may hold a name.
DEFINED = frozenset(
    "CR DX DR RF XA MG CT MR US PT NM OT SC AP PA LL RL LLD RLD LLO RLO RAO LAO LATERAL "
    "ABDOMEN ANKLE ARM BREAST CLAVICLE CHEST COCCYX CSPINE ELBOW EXTREMITY FEMUR FINGER FOOT "
    "FOREARM HAND HEAD HEEL HIP HUMERUS JAW KNEE LEG LSPINE NECK PELVIS RIB SHOULDER SKULL SPINE "
    "SSPINE STERNUM THIGH THUMB TOE TSPINE WRIST".split()
)


def read_view(text: str | None, code: str | None = None) -> View:
    """Which way the film was taken; one word that is not frontal outweighs all others."""
    said = _read(text, VIEWS)
    if code in VIEW_CODES and not said & {"AP", "PA", "frontal", "other"}:
        said = {VIEW_CODES[code]}
    if "other" in said:
        return "other"
    if said >= {"AP", "PA"}:
        return "frontal"
    return next((view for view in ("AP", "PA", "frontal", "unknown") if view in said), "silent")


def read_body_part(text: str | None, code: str | None = None) -> Known:
    """Whether it is the chest; of several parts one of them is enough."""
    return BODY_PART_CODES.get(code or "") or _known(text, BODY_PARTS)


def read_modality(text: str | None) -> Known:
    """Whether it is an X-ray film."""
    return _known(text, MODALITIES)


def _known(text: str | None, table: Mapping[str, str]) -> Known:
    said = _read(text, table)
    return next((known for known in ("yes", "no", "unknown") if known in said), "silent")


def _read(text: str | None, table: Mapping[str, str]) -> set[str]:
    """What the words mean, the longest terms of up to three words first."""
    words, said = fold_term(text or "").split(), set()
    while words:
        for length in (3, 2, 1):
            if meaning := table.get(" ".join(words[:length])):
                break
        if not words[0].isdigit():
            said.add(meaning or "unknown")
        del words[:length]
    return said


def fold_term(text: str) -> str:
    """Capitals without accents and punctuation, one space between words."""
    letters = unicodedata.normalize("NFKD", text.upper())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", bare.replace("_", " ")))
