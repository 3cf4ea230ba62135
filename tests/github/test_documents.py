"""Every GraphQL document we send is one that GitHub's own schema takes."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from app.forges.base import Thread
from app.forges.github.threads import REACT_DOCUMENT, THREADS_DOCUMENT, resolve_document


@pytest.fixture(scope="module")
def schema(shared_data: Path) -> GraphQLSchema:
    text = (shared_data / "github" / "schema.graphql").read_text()
    return build_schema(text, assume_valid=True, assume_valid_sdl=True)


def test_our_documents_are_valid(schema: GraphQLSchema):
    threads = [Thread(thread_id=f"T{at}", root_comment_id="1", finding_id="F", resolved=False) for at in range(3)]
    document, variables = resolve_document(threads)
    assert variables == {"t0": "T0", "t1": "T1", "t2": "T2"}
    for text in (THREADS_DOCUMENT, REACT_DOCUMENT, document):
        assert validate(schema, parse(text)) == []
    assert validate(schema, parse(THREADS_DOCUMENT.replace("isResolved", "isMended")))
