"""A bench that is about to be written."""


async def measure(quick: bool):
    return []
