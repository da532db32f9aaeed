"""Urgent bytes in the middle of a response, which cut reads short: urgent.py PORT

Each connection gets one answer: half of a body, one byte out of band, the other half
at once. A client that takes a short read for an empty socket waits for ever.
"""

import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    peer, _ = listener.accept()
    try:
        if not peer.recv(65536):
            continue
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nHello, ")
        peer.send(b"!", socket.MSG_OOB)
        peer.sendall(b"world!")
    except OSError:
        pass
    finally:
        peer.close()
