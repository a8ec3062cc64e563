"""Reporting guidelines answered item by item: yes with where, or no and what is missing.

TRIPOD+AI: Collins et al., BMJ 2024;385:e078378. CLAIM: Tejani et al., "CLAIM 2024 update",
Radiology: Artificial Intelligence 2024;6(4):e240300. STARD-AI: Sounderajah et al., Nature Medicine
2025; its items are named here by the numbers of STARD 2015 (Bossuyt et al., BMJ 2015;351:h5527),
which it extends.
"""

from typing import Literal, NamedTuple

Answer = Literal["yes", "in part", "no"]


class Item(NamedTuple):
    """What is asked, its numbers in the guidelines, the answer, and a sentence.

    Args:
        where: The part of the report that answers it; empty where none does.
    """

    what: str
    tripod: str
    claim: str
    stard: str
    answer: Answer
    sentence: str
    where: str = ""


ITEMS = (
    Item("Title names a prediction model and its type", "1", "1", "1", "yes", "First line.", "top"),
    Item("Abstract", "2", "2", "2", "no", "A run's report has none."),
    Item(
        "Intended use and its place in care",
        "3",
        "3",
        "3",
        "in part",
        "For whom, and for whom not; no pathway of care was studied.",
        "top",
    ),
    Item("Objectives and hypotheses", "4", "4", "4", "no", "A report of a run states none."),
    Item(
        "Study design and goal",
        "5",
        "5, 6",
        "5",
        "yes",
        "A model made and tested on published collections, in retrospect; no film was gathered.",
        "data",
    ),
    Item(
        "Sources of data and dates",
        "5",
        "7",
        "8",
        "in part",
        "Collections are named; the dates of most films are not published.",
        "data",
    ),
    Item(
        "Who was eligible, and how they were found",
        "6",
        "8",
        "6, 7, 9",
        "no",
        "The collections say little of who was left out; no consecutive series.",
    ),
    Item("Treatments received", "6", "-", "22", "no", "Not published."),
    Item("How the films were taken", "6", "13", "10", "no", "Machines and exposure are not known."),
    Item("Preparation of the films", "7", "9, 10", "10", "yes", "Reader, scaling.", "recipe"),
    Item(
        "Removal of identities",
        "-",
        "11",
        "-",
        "in part",
        "Done by the publishers; letters burned into films were not looked for.",
        "data",
    ),
    Item(
        "Outcome, and where labels come from",
        "8",
        "14, 15, 16",
        "10, 11",
        "in part",
        "As published: read from films and charts; no microbiology.",
        "data",
    ),
    Item(
        "Readers of the reference and their agreement",
        "8",
        "17, 18",
        "13",
        "no",
        "Not published film by film.",
    ),
    Item(
        "Predictors: the film alone",
        "9",
        "22",
        "10",
        "yes",
        "No age, sex or history goes in.",
        "recipe",
    ),
    Item(
        "Size of the sample and its reason",
        "10",
        "21",
        "18",
        "no",
        "All films there were; none was planned.",
    ),
    Item(
        "Missing labels",
        "11",
        "12",
        "16",
        "yes",
        "Such films take no part in that finding.",
        "data",
    ),
    Item(
        "How films were divided, and at which level",
        "12",
        "19, 20",
        "-",
        "yes",
        "By patient, validation by blocks of patient numbers.",
        "split",
    ),
    Item(
        "Model, first weights, training, choice",
        "12, 22",
        "22, 24, 25, 26",
        "10",
        "yes",
        "Backbone, schedule, augmentation, epoch.",
        "recipe",
    ),
    Item("Several models together", "12", "27", "-", "yes", "One network.", "recipe"),
    Item("Class imbalance", "13", "25", "-", "yes", "Weights of the loss.", "recipe"),
    Item("Software and versions", "12", "23", "-", "yes", "Listed.", "recipe"),
    Item(
        "Thresholds and how they were set",
        "15",
        "28",
        "12",
        "yes",
        "On validation films, by the lower bound of the interval.",
        "findings",
    ),
    Item(
        "Undecided results",
        "15",
        "28",
        "15",
        "in part",
        "An abstain band is the reader's choice; none is measured here.",
        "findings",
    ),
    Item(
        "Numbers of films and patients, flow",
        "20, 21",
        "35",
        "19",
        "yes",
        "By source, split and class.",
        "data",
    ),
    Item(
        "Age, sex and severity",
        "20",
        "36",
        "20, 21",
        "no",
        "The collections do not say them film by film.",
    ),
    Item(
        "Discrimination with intervals",
        "23",
        "29, 37, 38",
        "14, 24",
        "yes",
        "AUROC, sensitivity and specificity, by patient.",
        "findings",
    ),
    Item("Cross tabulation", "23", "37", "23", "yes", "Counts at every point.", "findings"),
    Item(
        "Calibration",
        "12, 23",
        "28, 37",
        "-",
        "yes",
        "Error with what chance gives, in the large, slope; validation's is in-sample.",
        "findings",
    ),
    Item("Net benefit", "12", "28", "-", "yes", "Decision curves.", "findings"),
    Item("Test on films from the same places", "16", "32", "-", "yes", "The test.", "findings"),
    Item(
        "Test on children of another hospital",
        "16",
        "33",
        "-",
        "no",
        "No such collection was used: how it does elsewhere is not known.",
    ),
    Item("Readers with and without the model", "-", "-", "-", "no", "No reader study was done."),
    Item(
        "Fairness: age, sex, origin",
        "14",
        "36",
        "17",
        "no",
        "They are not known film by film; groups by source and machine only.",
    ),
    Item(
        "Performance in groups",
        "14, 23",
        "37",
        "17",
        "yes",
        "By source, view and machine.",
        "groups",
    ),
    Item(
        "Robustness and shortcuts",
        "12",
        "30",
        "-",
        "yes",
        "What it knows without the lungs.",
        "shortcuts",
    ),
    Item(
        "Explanation of single results",
        "-",
        "31",
        "-",
        "in part",
        "Heat maps of the worst films; none was judged by a physician.",
        "worst",
    ),
    Item(
        "Analysis of failures",
        "-",
        "39",
        "-",
        "in part",
        "The worst films are shown; no physician named the cause.",
        "worst",
    ),
    Item("Harm from the test", "-", "-", "25", "no", "It has not been used on patients."),
    Item("Updating of the model", "24", "-", "-", "no", "None is described here."),
    Item("Limitations", "26", "40", "26", "yes", "Known limits.", "top"),
    Item(
        "Implications, usability",
        "25, 27",
        "41",
        "27",
        "in part",
        "Use, misuse and limits; no study of use.",
        "top",
    ),
    Item("Ethics approval", "17", "-", "-", "no", "Published data; none was asked for."),
    Item("Registration and protocol", "18", "34, 42", "28, 29", "no", "Neither."),
    Item("Code and weights", "18", "43", "-", "yes", "This program and its bundle.", "recipe"),
    Item("Funding and interests", "18", "44", "30", "no", "Not stated in a report of a run."),
    Item("Patients' part in the work", "19", "-", "-", "no", "None."),
)
