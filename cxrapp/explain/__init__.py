"""Why a film got its score: heat maps by several methods, and how far they can be trusted.

An explanation says which parts of a film moved a finding's logit. It does not show disease.
"""

from cxrapp.explain.cams import grad_cams
from cxrapp.explain.methods import METHODS, Explanation, Method

__all__ = ["METHODS", "Explanation", "Method", "grad_cams"]
