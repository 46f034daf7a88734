"""The two ends of a TLS connection with Python's ssl module, which uses the system's OpenSSL.

peer.py server CERTIFICATE KEY          prints its port; answers each message with `reply to MESSAGE`
peer.py client PORT MESSAGE             sends it, and reads the answer
peer.py renamed PORT MESSAGE LIBRARY    the same by calling the functions of a library at a path of its own
"""

import ctypes
import socket
import ssl
import sys
import threading
import time

# Longer than it takes until a program that was just started is looked at, also on a machine that is busy.
PAUSE = 2.5


def answer(plain, context):
    with context.wrap_socket(plain, server_side=True) as connection:
        while message := connection.recv(4096):
            connection.sendall(b"reply to " + message)


def server(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        plain, _ = listener.accept()
        threading.Thread(target=answer, args=(plain, context), daemon=True).start()


def client(port, message):
    context = ssl._create_unverified_context()
    time.sleep(PAUSE)
    with socket.create_connection(("127.0.0.1", int(port))) as plain, context.wrap_socket(plain) as connection:
        connection.sendall(message.encode())
        connection.recv(4096)


def renamed(port, message, path):
    library = ctypes.CDLL(path)
    for name in ["TLS_client_method", "SSL_CTX_new", "SSL_new"]:
        getattr(library, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.SSL_CTX_new(ctypes.c_void_p(library.TLS_client_method())))
    connection = ctypes.c_void_p(library.SSL_new(context))
    time.sleep(PAUSE)
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        library.SSL_set_fd(connection, plain.fileno())
        assert library.SSL_connect(connection) == 1
        text = message.encode()
        assert library.SSL_write(connection, text, len(text)) == len(text)
        assert library.SSL_read(connection, ctypes.create_string_buffer(4096), 4096) > 0


globals()[sys.argv[1]](*sys.argv[2:])
