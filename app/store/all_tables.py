"""The whole schema: whoever looks at all tables at once gets `metadata` here, where no module of them is missing."""

from app.store import feedback_tables, measure_tables, rule_tables, tables

MODULES = (tables, rule_tables, measure_tables, feedback_tables)
metadata = tables.metadata
