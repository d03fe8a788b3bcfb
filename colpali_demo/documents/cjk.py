"""Scripts that are written without spaces between words, Chinese and Japanese: there, each character is a word."""

CJK_RANGES = (
    (0x3000, 0x30FF),  # CJK punctuation, Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # ideographs, extension A
    (0x4E00, 0x9FFF),  # ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF66, 0xFF9D),  # halfwidth Katakana
    (0x20000, 0x3FFFF),  # ideographs of the supplementary planes
)
"""Code points, the first and the last of each range."""


def is_cjk(char: str) -> bool:
    """Return whether `char` belongs to such a script."""
    return len(char) == 1 and any(first <= ord(char) <= last for first, last in CJK_RANGES)
