"""Every metric by its name."""

from untrained.metrics.activation import linear_regions, naswot, nwot, swap
from untrained.metrics.az_nas import az_expressivity, az_progressivity, az_trainability
from untrained.metrics.base.metric import Metric
from untrained.metrics.dextr import dextr
from untrained.metrics.epsinas import epsinas
from untrained.metrics.gradient import fisher, grad_norm, grasp, l2_norm, plain, snip
from untrained.metrics.gradsign import gradsign
from untrained.metrics.jacobian import epe_nas, jacob_cov, jacov
from untrained.metrics.meco import meco, meco_opt
from untrained.metrics.ntk import ntk_condition_number, ntk_trace
from untrained.metrics.recurrent import hidden_covariance
from untrained.metrics.response import rbflex, wrcor
from untrained.metrics.size import flops, latency, layers, params
from untrained.metrics.spectra import intrain, near
from untrained.metrics.synflow import synflow, synflow_bn
from untrained.metrics.transformer import (
    activation_distance,
    dss,
    head_confidence,
    head_importance,
    softmax_confidence,
    w_pca,
)
from untrained.metrics.vkdnw import vkdnw
from untrained.metrics.zen import zen
from untrained.metrics.zico import l_swag, zico

METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        *(grad_norm, snip, grasp, fisher, plain, l2_norm, zico, l_swag, gradsign),
        *(synflow, synflow_bn),
        *(jacob_cov, jacov, epe_nas),
        *(naswot, nwot, linear_regions, swap, wrcor, rbflex),
        *(ntk_condition_number, ntk_trace),
        *(az_expressivity, az_progressivity, az_trainability),
        *(near, intrain),
        *(zen, meco, meco_opt, dextr, vkdnw, epsinas),
        *(dss, w_pca, head_importance, head_confidence, softmax_confidence, activation_distance),
        hidden_covariance,
        *(params, flops, layers, latency),
    )
}
"""Every metric of this package by its name."""

ROBOT_METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov")
"""The six that RoBoT combines on NAS-Bench-201 (He et al., ICLR 2024)."""
