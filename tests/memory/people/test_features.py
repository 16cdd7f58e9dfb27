import numpy as np
import pytest
from rewatch.memory.people.features import log_filterbank, mel_power


def test_a_tone_is_loudest_in_the_mel_band_of_its_frequency():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    mels = mel_power(tone)
    assert mels.shape == (101, 40)
    # Slaney's scale: 1 kHz is 15 mels of 45.245 at 8 kHz, which 42 edges divide: band 12 or 13, counted from 0.
    assert mels[50].argmax() == 13
    bands = log_filterbank(tone)
    assert bands.shape == (98, 80)
    assert bands.mean(axis=0) == pytest.approx(np.zeros(80), abs=1e-4)


def test_power_is_that_of_librosa():
    # librosa.feature.melspectrogram 0.10 (n_fft=400, hop_length=160, n_mels=40) has filters of area 1 a hertz: the
    # power of white noise of variance v is 150 v (the window's energy) times the density of a filter over 40 Hz bins.
    noise = np.random.default_rng(0).normal(0, 0.1, 160000).astype(np.float32)
    assert mel_power(noise)[2:-2].mean(axis=0)[5:35] == pytest.approx(np.full(30, 150 * 0.01 / 40), rel=0.1)


def test_sound_shorter_than_a_frame_has_one():
    assert log_filterbank(np.zeros(10, np.float32)).shape == (1, 80)
