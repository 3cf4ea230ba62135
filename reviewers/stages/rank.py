"""The order in which findings are told: what hurts most comes first, and equal inputs give equal orders."""

from app.domain.findings import Category, Finding


def rank(finding: Finding) -> tuple[int, bool, int, str, int, str]:
    """Sort key: severity, then security, then how much speaks for it, then where it stands."""
    return (
        -finding.severity.rank,
        finding.category is not Category.SECURITY,
        -len(finding.evidence),
        finding.place.path,
        finding.place.line,
        finding.title,
    )
