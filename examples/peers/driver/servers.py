"""The servers: our own epoll server (plain), and nginx (TLS). Both pinned to one core."""

import json
import os
import socket
import subprocess
import time
import urllib.request

from . import build
from .competitors import tool
from .pin import SERVER_CORE

RUN = os.path.join(build.HERE, "target", "run")


class Server:
    """Our server, with a delay before each reply, on a free port."""

    def __init__(self, delay_ms=0):
        self.delay_ms = delay_ms

    def __enter__(self):
        self.port = free_port()
        command = [build.path("server"), str(self.port), str(self.delay_ms)]
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE] + command)
        wait_for(self.port, self.process)
        self.base = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def connections(self):
        """How many it has accepted, its own question about it not counted."""
        with urllib.request.urlopen(f"{self.base}/stats", timeout=10) as reply:
            return json.loads(reply.read())["accepted"] - 1


class Nginx:
    """nginx with TLS 1.3 and a certificate of our own."""

    def __enter__(self):
        os.makedirs(RUN, exist_ok=True)
        pages()
        self.authority = certificates()
        self.port = free_port()
        with open(os.path.join(RUN, "nginx.conf"), "w") as file:
            file.write(NGINX.replace("@RUN@", RUN).replace("@PORT@", str(self.port)))
        command = ["nginx", "-c", os.path.join(RUN, "nginx.conf")]
        log = open(os.path.join(RUN, "nginx.log"), "a")
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE] + command, stderr=log)
        wait_for(self.port, self.process)
        # By name, because the certificate is for a name; the name is of the loopback.
        self.base = f"https://localhost:{self.port}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    @staticmethod
    def is_there():
        return bool(tool("nginx", "tls") and tool("openssl", "tls"))


NGINX = """daemon off; worker_processes 1; pid @RUN@/nginx.pid; error_log @RUN@/nginx.err;
worker_rlimit_nofile 65536;
events { worker_connections 20000; multi_accept on; }
http {
  access_log off; sendfile on; tcp_nodelay on; default_type text/html;
  keepalive_timeout 3600s; keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;
  client_body_temp_path @RUN@/cb; proxy_temp_path @RUN@/pr; fastcgi_temp_path @RUN@/fc;
  uwsgi_temp_path @RUN@/uw; scgi_temp_path @RUN@/sc;
  server { listen 127.0.0.1:@PORT@ ssl backlog=4096; root @RUN@/www; server_name localhost;
    ssl_certificate @RUN@/server.pem; ssl_certificate_key @RUN@/server.key;
    ssl_protocols TLSv1.3; ssl_session_cache shared:S:10m; ssl_session_tickets on; }
}
"""

# P-256, an authority and a leaf for localhost.
CERTIFICATES = """
openssl ecparam -genkey -name prime256v1 -noout -out ca.key
openssl req -x509 -new -key ca.key -days 3650 -subj '/CN=peers' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -out ca.pem
openssl ecparam -genkey -name prime256v1 -noout | openssl pkcs8 -topk8 -nocrypt -out server.key
openssl req -new -key server.key -subj /CN=localhost -out server.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\nextendedKeyUsage=serverAuth\\n' > ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile ext -out leaf.pem
cat leaf.pem ca.pem > server.pem
"""


def certificates():
    """The path of the authority's certificate; makes it the first time."""
    authority = os.path.join(RUN, "ca.pem")
    if not os.path.exists(os.path.join(RUN, "server.pem")):
        subprocess.run(["sh", "-e", "-c", CERTIFICATES], cwd=RUN, check=True, capture_output=True)
    return authority


def pages():
    """A hundred pages of each size."""
    for folder, size in (("1k", 1 << 10), ("10k", 10 << 10)):
        os.makedirs(os.path.join(RUN, "www", folder), exist_ok=True)
        for index in range(100):
            with open(os.path.join(RUN, "www", folder, str(index)), "w") as file:
                file.write(f"<p>page {index:2} of plain text</p>\n".ljust(64) * (size // 64))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    """Until something listens there; a server that ended is an error."""
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the server does not listen")
