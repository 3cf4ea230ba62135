"""A bench that is about to be written."""


async def on_sqlite(quick: bool):
    return []


async def on_postgresql(quick: bool):
    return []


async def without_temporal(quick: bool):
    return []
