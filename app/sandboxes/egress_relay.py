"""Inside a sandbox: hands what comes to 127.0.0.1 on to the proxy's socket, for programs that only know host and port.

It is run in sandboxes as `python3 -I -S -c … SOCKET PORT`, so the standard library is all it has. It says that it
listens, and decides nothing: what may be reached is decided on the other end of the socket.
"""

import asyncio
import sys

_CHUNK = 64 * 1024
# What it says when programs can use it.
LISTENING = b"listening\n"


async def relay(socket: str, port: int) -> None:
    """Listens until it is killed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        far_writer.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    sys.stdout.buffer.write(LISTENING)
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        # One end is gone; closing the other tells the program.
        writer.close()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], int(sys.argv[2])))
