"""Find where decoding may begin exactly, and what may be left out, from the first bytes of packets, not from flags.

A container flags "keyframes" freely: an I picture in the middle of a group, the start of an intra refresh. Only an IDR,
an IRAP or an exact recovery point promises that everything shown from there on depends on nothing before it.
"""

from __future__ import annotations

from collections.abc import Iterator

_H264_SLICE, _H264_IDR, _H264_SEI = 1, 5, 6
_SEI_RECOVERY_POINT = 6
_HEVC_VPS = 32
# Pictures of these codecs that nothing refers to can be left out without touching any other picture. VP8, VP9 and AV1
# carry more than pixels from one frame to the next.
_DROPPABLE = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4"}


def is_entry_point(codec: str, extradata: bytes, packet: memoryview) -> bool:
    """Tell whether pictures shown at or after this keyframe-flagged packet can be decoded exactly from it on."""
    if codec == "h264":
        return _h264_entry(packet, extradata)
    if codec == "hevc":
        for nal in _nals(packet, extradata, length_byte=21):
            kind = nal[0] >> 1 & 0x3F
            if kind < 32:
                return 16 <= kind <= 21
        return False
    return True


def may_drop(codec: str, extradata: bytes) -> bool:
    """Tell whether `skip_frame = NONREF` leaves every other picture of the stream as it was."""
    if codec == "hevc":
        return _hevc_layers(extradata) == 1
    return codec in _DROPPABLE


def _h264_entry(packet: memoryview, extradata: bytes) -> bool:
    recovers = False
    for nal in _nals(packet, extradata, length_byte=4):
        kind = nal[0] & 0x1F
        if kind == _H264_IDR:
            return True
        if kind == _H264_SEI:
            recovers = recovers or _exact_recovery(bytes(nal[1:256]))
        if kind == _H264_SLICE:
            # first_mb_in_slice is ue(0), one bit; then slice_type, ue: 2 ("011") or 7 ("0001000") is an I slice.
            bits = nal[1] if len(nal) > 1 else 0
            return recovers and (bits >> 4 == 0b1011 or bits == 0b10001000)
    return False


def _exact_recovery(sei: bytes) -> bool:
    """Tell whether the messages hold a recovery point with `recovery_frame_cnt` 0 and `exact_match_flag` 1."""
    sei = sei.replace(b"\0\0\3", b"\0\0")
    place = 0
    while place + 2 < len(sei):
        kind = size = 0
        while place < len(sei) and sei[place] == 0xFF:
            kind, place = kind + 255, place + 1
        kind, place = kind + sei[place] if place < len(sei) else -1, place + 1
        while place < len(sei) and sei[place] == 0xFF:
            size, place = size + 255, place + 1
        size, place = size + sei[place] if place < len(sei) else 0, place + 1
        if kind == _SEI_RECOVERY_POINT and place < len(sei):
            return sei[place] >> 6 == 0b11
        place += size
    return False


def _hevc_layers(extradata: bytes) -> int:
    """Count temporal layers; 0 if not known. A picture unused in its own layer may serve a higher one."""
    if len(extradata) > 22 and extradata[0] == 1:
        return extradata[21] >> 3 & 7
    for nal in _nals(memoryview(extradata), b"", length_byte=21):
        if nal[0] >> 1 & 0x3F == _HEVC_VPS and len(nal) > 3:
            return (nal[3] >> 1 & 7) + 1
    return 0


def _nals(packet: memoryview, extradata: bytes, *, length_byte: int) -> Iterator[memoryview]:
    """Yield the NAL units of a packet, behind their lengths if `extradata` is avcC or hvcC, else behind start codes."""
    if len(extradata) > length_byte and extradata[0] == 1:
        width = (extradata[length_byte] & 3) + 1
        place = 0
        while place + width < len(packet):
            size = int.from_bytes(packet[place : place + width], "big")
            place += width
            if size:
                yield packet[place : place + size]
            place += size
        return
    data = bytes(packet)
    place = data.find(b"\0\0\1")
    while place >= 0:
        following = data.find(b"\0\0\1", place + 3)
        nal = packet[place + 3 : following if following >= 0 else len(data)]
        if len(nal):
            yield nal
        place = following
