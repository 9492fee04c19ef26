"""Stable functions, and the only room that draws random numbers."""

from .buffers import Remembering
from .draws import Seed, bernoulli, binomial, choose, normal, one_hot, positive_normal, stream, uniform
from .products import PRECISIONS, factor, fastest, products
from .stable import (
    HALF_LOG_2PI,
    bennett,
    dot,
    hazard,
    log_half_line,
    log_mean_exp,
    log_two_cosh,
    logistic,
    normal_cdf,
    softplus,
    softplus_sum,
    wide,
)

__all__ = [
    "HALF_LOG_2PI",
    "PRECISIONS",
    "Remembering",
    "Seed",
    "bennett",
    "bernoulli",
    "binomial",
    "choose",
    "dot",
    "factor",
    "fastest",
    "hazard",
    "log_half_line",
    "log_mean_exp",
    "log_two_cosh",
    "logistic",
    "normal",
    "normal_cdf",
    "one_hot",
    "positive_normal",
    "products",
    "softplus",
    "softplus_sum",
    "stream",
    "uniform",
    "wide",
]
