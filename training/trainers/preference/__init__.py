"""Preferences: pairs of whole conversations, DPO on them, and VerIPO's rounds of GRPO, verifier and DPO."""

from .dpo import DPOSettings, dpo_trainer, train_dpo
from .pairs import Preference, Verifier, pairs_of, picked, recorded_pairs
from .verifier_dpo import VerifierDPO, evidence_verifier

__all__ = [
    "DPOSettings",
    "Preference",
    "Verifier",
    "VerifierDPO",
    "dpo_trainer",
    "evidence_verifier",
    "pairs_of",
    "picked",
    "recorded_pairs",
    "train_dpo",
]
