"""The known word that a mistyped one was probably meant to be."""

from collections.abc import Iterable

# How long is a word that somebody could have mistyped? Longer ones are not compared.
_LONGEST = 40


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The closest known word, or None when more than a third of the letters would have to change."""
    if len(word) > _LONGEST:
        return None
    distance, best = min((edit_distance(word.lower(), candidate.lower()), candidate) for candidate in known)
    return best if distance <= max(1, max(len(word), len(best)) // 3) else None


def edit_distance(left: str, right: str) -> int:
    """Letters added, removed, changed or swapped with their neighbour."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, start=1):
        row = [i]
        for j, b in enumerate(right, start=1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
