"""Preferences: pairs of whole conversations, DPO on them, and VerIPO's rounds of GRPO, verifier and DPO."""

from .loop import VerifierDPO, verifier_dpo
from .mini import DPOSettings, MiniDPO
from .on_trl import collated_pairs, dpo_trainer
from .pairs import Preference, Verifier, pairs_of, picked, recorded_pairs
from .verifier import evidence_verifier

__all__ = [
    "DPOSettings",
    "MiniDPO",
    "Preference",
    "Verifier",
    "VerifierDPO",
    "collated_pairs",
    "dpo_trainer",
    "evidence_verifier",
    "pairs_of",
    "picked",
    "recorded_pairs",
    "verifier_dpo",
]
