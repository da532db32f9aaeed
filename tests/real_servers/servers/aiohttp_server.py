"""A file server on aiohttp: aiohttp_server.py PORT FOLDER [CERTIFICATE KEY]"""

import ssl
import sys

from aiohttp import web


async def chunked(request):
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for _ in range(1000):
        await response.write(b"Hello, world!")
    await response.write_eof()
    return response


async def page(request):
    with open(sys.argv[2] + "/page.html", "rb") as file:
        response = web.Response(body=file.read(), content_type="text/html")
    response.enable_compression()
    return response


async def take(request):
    await request.read()
    return web.Response(text="taken")


app = web.Application()
app.router.add_get("/chunked", chunked)
app.router.add_get("/page.html", page)
app.router.add_post("/small.txt", take)
app.router.add_static("/", sys.argv[2])
context = None
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), ssl_context=context, print=None)
