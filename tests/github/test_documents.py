"""Every GraphQL document we send is one that GitHub's own schema takes."""

from graphql import parse, validate

from app.forges.base import Thread
from app.forges.github.threads import REACT_DOCUMENT, THREADS_DOCUMENT, resolve_document
from tests.harness.openapi import OfficialDescriptions


def test_our_documents_are_valid(official: OfficialDescriptions):
    threads = [Thread(thread_id=f"T{at}", root_comment_id="1", finding_id="F", resolved=False) for at in range(3)]
    document, variables = resolve_document(threads)
    assert variables == {"t0": "T0", "t1": "T1", "t2": "T2"}
    for text in (THREADS_DOCUMENT, REACT_DOCUMENT, document):
        assert validate(official.schema, parse(text)) == []
    assert validate(official.schema, parse(THREADS_DOCUMENT.replace("isResolved", "isMended")))
